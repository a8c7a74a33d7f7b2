/* What examples/c/ggml_dropout.h needs of ggml.h, and how a graph calls an operator: with a thread for each part. */
#ifndef GGML_STUB_H
#define GGML_STUB_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define GGML_ASSERT(x) ((x) ? (void)0 : (fprintf(stderr, "GGML_ASSERT(%s)\n", #x), abort()))

enum ggml_type { GGML_TYPE_F32 = 0, GGML_TYPE_F16 = 1 };

struct ggml_tensor {
    enum ggml_type type;
    int64_t ne[4]; /* lengths, innermost first */
    size_t nb[4];  /* strides in bytes */
    void *data;
};

typedef void (*ggml_custom1_op_t)(struct ggml_tensor *dst, const struct ggml_tensor *a, int ith, int nth, void *data);

static inline int64_t ggml_nelements(const struct ggml_tensor *t) {
    return t->ne[0] * t->ne[1] * t->ne[2] * t->ne[3];
}

static inline int64_t ggml_nrows(const struct ggml_tensor *t) {
    return t->ne[1] * t->ne[2] * t->ne[3];
}

static inline int ggml_is_contiguous(const struct ggml_tensor *t) {
    size_t stride = sizeof(float);
    for (int i = 0; i < 4; i++) {
        if (t->ne[i] != 1 && t->nb[i] != stride) return 0;
        stride *= (size_t)t->ne[i];
    }
    return 1;
}

struct ggml_stub_task {
    pthread_t thread;
    ggml_custom1_op_t fun;
    struct ggml_tensor *dst;
    const struct ggml_tensor *a;
    int ith, nth;
    void *data;
};

static inline void *ggml_stub_run(void *argument) {
    const struct ggml_stub_task *task = (const struct ggml_stub_task *)argument;
    task->fun(task->dst, task->a, task->ith, task->nth, task->data);
    return NULL;
}

/* nth is 16 at most. */
static inline void ggml_stub_compute(ggml_custom1_op_t fun, struct ggml_tensor *dst, const struct ggml_tensor *a,
                                     int nth, void *data) {
    struct ggml_stub_task tasks[16];
    for (int i = 0; i < nth; i++) {
        tasks[i].fun = fun, tasks[i].dst = dst, tasks[i].a = a, tasks[i].ith = i, tasks[i].nth = nth;
        tasks[i].data = data;
        if (pthread_create(&tasks[i].thread, NULL, ggml_stub_run, &tasks[i]) != 0) abort();
    }
    for (int i = 0; i < nth; i++) pthread_join(tasks[i].thread, NULL);
}

#endif
