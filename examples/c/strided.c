/* Dropout on a part of a larger matrix, in place: the columns Q of the packed rows Q K V of an attention layer. Strides
 * say where elements are in memory; the bits are those of a dense matrix Q. */
#include <dropmask.h>
#include <stdio.h>
#include <string.h>

enum { TOKENS = 50, WIDTH = 96, PACKED = 3 * WIDTH };

static float qkv[TOKENS][PACKED], gradient[TOKENS][PACKED], q[TOKENS][WIDTH], dense[TOKENS][WIDTH];

/* How many elements of a row are not those of dense in the columns Q, or were touched elsewhere. */
static int faults(const float *row, const float *expected) {
    int count = memcmp(row, expected, WIDTH * sizeof *row) != 0;
    for (int i = WIDTH; i < PACKED; i++) count += row[i] != 1;
    return count;
}

int main(void) {
    const size_t strides[2] = {PACKED, 1}; /* from row to row, from column to column */
    struct dropmask_call call = dropmask_call_rows(TOKENS, WIDTH);
    call.key = dropmask_key_derive(dropmask_key_new(42), 17); /* seed 42, step 17 */
    if (dropmask_threshold(0.1, &call.threshold) != DROPMASK_OK) return 2;
    for (int i = 0; i < TOKENS * PACKED; i++) qkv[i / PACKED][i % PACKED] = gradient[i / PACKED][i % PACKED] = 1;
    for (int i = 0; i < TOKENS * WIDTH; i++) q[i / WIDTH][i % WIDTH] = 1;

    dropmask_status status = dropmask_dropout_forward_f32(&call, *qkv, strides, NULL, NULL, *qkv, strides, NULL);
    /* backward is the same call, of gradients */
    if (status == DROPMASK_OK)
        status = dropmask_dropout_forward_f32(&call, *gradient, strides, NULL, NULL, *gradient, strides, NULL);
    /* a view may also be read into dense elements, whose strides are NULL */
    if (status == DROPMASK_OK)
        status = dropmask_dropout_forward_f32(&call, *q, NULL, NULL, NULL, *dense, NULL, NULL);

    int wrong = 0, dropped = 0;
    for (int row = 0; row < TOKENS; row++) {
        wrong += faults(qkv[row], dense[row]) + faults(gradient[row], dense[row]);
        for (int i = 0; i < WIDTH; i++) dropped += qkv[row][i] == 0;
    }
    printf("%s; dropped %d elements of Q, %d faults\n", dropmask_status_message(status), dropped, wrong);
    return status != DROPMASK_OK || wrong != 0 || dropped == 0;
}
