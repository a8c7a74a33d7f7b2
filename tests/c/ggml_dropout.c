/* examples/c/ggml_dropout.h on tensors that are dense, views and transposed, with 1 to 9 threads, beside one call on
 * all elements. What is not in a view stays as it was. */
#include <ggml_dropout.h>
#include <string.h>

enum { LEN = 130 * 37 * 5 };

static float memory[LEN], x[LEN], expected[LEN], y[LEN];
static struct ggml_dropout dropout;

static float *place(const struct ggml_tensor *t, int64_t i) {
    char *at = (char *)t->data;
    for (int axis = 0; axis < 4; i /= t->ne[axis++]) at += (size_t)(i % t->ne[axis]) * t->nb[axis];
    return (float *)(void *)at;
}

/* Strides in elements. */
static struct ggml_tensor tensor(float *data, int64_t ne0, int64_t ne1, int64_t ne2, size_t s0, size_t s1, size_t s2) {
    struct ggml_tensor t;
    t.type = GGML_TYPE_F32;
    t.data = data;
    t.ne[0] = ne0, t.ne[1] = ne1, t.ne[2] = ne2, t.ne[3] = 1;
    t.nb[0] = s0 * sizeof *data, t.nb[1] = s1 * sizeof *data, t.nb[2] = s2 * sizeof *data, t.nb[3] = sizeof memory;
    return t;
}

/* With an outermost axis. */
static struct ggml_tensor outermost(struct ggml_tensor t, int64_t ne3, size_t s3) {
    t.ne[3] = ne3, t.nb[3] = s3 * sizeof memory[0];
    return t;
}

/* The number of faults. */
static int check(struct ggml_tensor view, int nth) {
    const int64_t n = ggml_nelements(&view);
    const size_t row = (size_t)view.ne[0], matrix = row * (size_t)view.ne[1];
    struct ggml_tensor dense = tensor(y, view.ne[0], view.ne[1], view.ne[2], 1, row, matrix);
    dense = outermost(dense, view.ne[3], matrix * (size_t)view.ne[2]);
    int faults = 0;
    for (int i = 0; i < LEN; i++) memory[i] = (float)(i + 1), y[i] = 0;
    for (int64_t i = 0; i < n; i++) x[i] = *place(&view, i);
    faults += dropmask_forward_f32(dropout.key, 0.3F, 0, x, expected, NULL, (size_t)n) != DROPMASK_OK;

    ggml_stub_compute(ggml_dropout_run, &dense, &view, nth, &dropout);
    faults += memcmp(y, expected, (size_t)n * sizeof *y) != 0;

    /* in place; then the elements of the view are set back, and all must be as before */
    ggml_stub_compute(ggml_dropout_run, &view, &view, nth, &dropout);
    for (int64_t i = 0; i < n; i++) {
        faults += *place(&view, i) != expected[i];
        *place(&view, i) = x[i];
    }
    for (int i = 0; i < LEN; i++) faults += memory[i] != (float)(i + 1);
    return faults;
}

int main(void) {
    const struct ggml_tensor views[] = {
        tensor(memory, LEN, 1, 1, 1, LEN, LEN),            /* dense */
        tensor(memory, 130, 37, 5, 1, 130, 130 * 37),      /* dense, of three axes */
        tensor(memory + 11, 99, 37, 5, 1, 130, 130 * 37),  /* some columns */
        tensor(memory + 390, 130, 9, 5, 1, 130, 130 * 37), /* some rows */
        tensor(memory, 37, 130, 5, 130, 1, 130 * 37),      /* transposed */
        tensor(memory, 5, 130, 37, 130 * 37, 1, 130),      /* permuted */
        tensor(memory, 0, 37, 5, 1, 130, 130 * 37),        /* empty */
        /* of four axes: dense; cut and permuted */
        outermost(tensor(memory, 10, 13, 37, 1, 10, 130), 5, 130 * 37),
        outermost(tensor(memory + 20, 9, 5, 10, 10, 130 * 37, 1), 36, 130),
    };
    int faults = dropmask_threshold(0.3F, &dropout.threshold) != DROPMASK_OK;
    dropout.key = dropmask_key_new(5);
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        for (int nth = 1; nth <= 9; nth++) faults += check(views[i], nth);
    printf("%d faults\n", faults);
    return faults != 0;
}
