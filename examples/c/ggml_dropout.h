/* Dropout for ggml, which has no such operator, as a callback of its custom operators: threads by ith and nth, and the
 * same bits for any number of them:
 *
 *     static struct ggml_dropout dropout; // one for each place in the model; lives as long as the graph
 *     if (dropmask_threshold(0.1, &dropout.threshold) != DROPMASK_OK) abort(); // 0 would be p = 1
 *     y = ggml_map_custom1(ctx, x, ggml_dropout_run, GGML_N_TASKS_MAX, &dropout); // or ggml_map_custom1_inplace
 *     // each time before the graph is computed, which is built once; this is place 3
 *     dropout.key = dropmask_key_derive(dropmask_key_derive(run, 3), step);
 *
 * The CPU backend and f32 only: another type aborts by GGML_ASSERT. Backward is the same callback on the gradient, with
 * the same struct, in a graph that you build yourself: ggml_build_backward_expand aborts at custom operators.
 *
 * The bit of an element is that of its index in the tensor, wherever it is in memory: a view, transposed or not, has
 * the mask of a dense tensor. Evaluation is the identity: leave the operator out.
 *
 * Tried with ggml 0.26.0 (as in the crate llama-cpp-sys-2 0.1.161): views and transposed tensors, 1 to 4 threads.
 * dropmask's own tests run it on a stub of ggml. */
#ifndef GGML_DROPOUT_H
#define GGML_DROPOUT_H

#include <dropmask.h>
#include <ggml.h>

struct ggml_dropout {
    uint64_t key; /* of this layer and step */
    uint64_t threshold;
};

/* The elements of a call, whose first has this index and is at x and y. */
static inline void ggml_dropout_part(const struct ggml_dropout *dropout, struct dropmask_call call, int64_t first,
                                     const void *x, const size_t *x_strides, void *y, const size_t *y_strides) {
    call.key = dropout->key;
    call.threshold = dropout->threshold;
    call.offset = (uint64_t)first;
    const dropmask_status status =
        dropmask_dropout_forward_f32(&call, (const float *)x, x_strides, NULL, NULL, (float *)y, y_strides, NULL);
    GGML_ASSERT(status == DROPMASK_OK);
}

/* The place of a row, of all the rows of a tensor. */
static inline char *ggml_dropout_row(const struct ggml_tensor *t, int64_t row) {
    const int64_t i1 = row % t->ne[1], i2 = row / t->ne[1] % t->ne[2], i3 = row / t->ne[1] / t->ne[2];
    return (char *)t->data + (size_t)i1 * t->nb[1] + (size_t)i2 * t->nb[2] + (size_t)i3 * t->nb[3];
}

/* The callback. */
static inline void ggml_dropout_run(struct ggml_tensor *y, const struct ggml_tensor *x, int ith, int nth, void *data) {
    const struct ggml_dropout *dropout = (const struct ggml_dropout *)data;
    GGML_ASSERT(x->type == GGML_TYPE_F32 && y->type == GGML_TYPE_F32);

    if (ggml_is_contiguous(x) && ggml_is_contiguous(y)) {
        const int64_t len = ggml_nelements(x), first = len * ith / nth, end = len * (ith + 1) / nth;
        ggml_dropout_part(dropout, dropmask_call_flat((size_t)(end - first)), first, (float *)x->data + first, NULL,
                          (float *)y->data + first, NULL);
        return;
    }
    /* strides of ggml count bytes, and its axes are innermost first */
    const size_t x_strides[2] = {x->nb[1] / sizeof(float), x->nb[0] / sizeof(float)};
    const size_t y_strides[2] = {y->nb[1] / sizeof(float), y->nb[0] / sizeof(float)};
    const int64_t rows = ggml_nrows(x), end = rows * (ith + 1) / nth;
    for (int64_t row = rows * ith / nth, n; row < end; row += n) {
        n = x->ne[1] - row % x->ne[1]; /* to the end of the matrix */
        if (n > end - row) n = end - row;
        ggml_dropout_part(dropout, dropmask_call_rows((size_t)n, (size_t)x->ne[0]), row * x->ne[0],
                          ggml_dropout_row(x, row), x_strides, ggml_dropout_row(y, row), y_strides);
    }
}

#endif
