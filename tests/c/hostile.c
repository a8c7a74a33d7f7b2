/* For AddressSanitizer: every buffer is a block of its own on the heap, exactly as long as the header says, so that one
 * element too many that is read or written is reported. Then arguments that are at fault, which must write nothing. */
#include <dropmask.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANARY = 0xA5 };

static int faults;

static void check(int holds, const char *what, size_t n) {
    if (holds) return;
    printf("%s does not hold, length or line %zu\n", what, n);
    faults++;
}

#define SUCCEEDS(call) check((call) == DROPMASK_OK, #call, n)

static void *buffer(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (memory == NULL) exit(2);
    return memset(memory, CANARY, bytes);
}

static float *floats(size_t n) {
    float *x = (float *)buffer(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)i + 1;
    return x;
}

/* All that reads or writes n elements, on buffers of exactly n. */
static void lengths(size_t n, uint64_t offset) {
    const size_t words = dropmask_mask_words(n), bytes = (n + 7) / 8;
    const uint64_t key = dropmask_key_new(n);
    const float p = 0.1F;
    uint64_t *mask = (uint64_t *)buffer(words * sizeof *mask), *stored = (uint64_t *)buffer(words * sizeof *stored), kept = 0;
    uint8_t *octets = (uint8_t *)buffer(n), *packed = (uint8_t *)buffer(bytes);
    float *x = floats(n), *r = floats(n), *y = (float *)buffer(n * sizeof *y), *z = floats(n), scale = 0;

    SUCCEEDS(dropmask_scale(p, &scale));
    SUCCEEDS(dropmask_fill(key, p, offset, mask, n));
    SUCCEEDS(dropmask_forward_f32(key, p, offset, x, y, stored, n));
    check(memcmp(mask, stored, words * sizeof *mask) == 0, "the mask of forward is that of fill", n);
    SUCCEEDS(dropmask_forward_f32(key, p, offset, z, z, NULL, n));
    check(memcmp(y, z, n * sizeof *y) == 0, "in place is out of place", n);
    SUCCEEDS(dropmask_backward_f32(key, p, offset, x, z, n));
    check(memcmp(y, z, n * sizeof *y) == 0, "backward is forward", n);
    SUCCEEDS(dropmask_apply_f32(mask, scale, x, z, n));
    check(memcmp(y, z, n * sizeof *y) == 0, "apply is forward", n);
    SUCCEEDS(dropmask_apply_residual_f32(mask, scale, x, r, y, n)); /* r is a copy of x */
    SUCCEEDS(dropmask_apply_residual_f32(mask, scale, x, x, z, n));
    check(memcmp(y, z, n * sizeof *y) == 0, "equal inputs are two copies", n);
    SUCCEEDS(dropmask_forward_residual_f32(key, p, offset, x, x, z, n));
    check(memcmp(y, z, n * sizeof *y) == 0, "equal inputs are two copies, replayed", n);
    SUCCEEDS(dropmask_forward_residual_f32(key, p, offset, x, r, z, n));
    SUCCEEDS(dropmask_forward_add_f32(key, p, offset, x, r, n));
    check(memcmp(r, z, n * sizeof *r) == 0, "add is residual", n);
    SUCCEEDS(dropmask_backward_add_f32(key, p, offset, x, r, n));
    SUCCEEDS(dropmask_apply_add_f32(mask, scale, x, r, n));
    SUCCEEDS(dropmask_apply_residual_f32(mask, scale, x, r, z, n));
    SUCCEEDS(dropmask_evaluate_f32(p, DROPMASK_STANDARD, x, z, n));
    SUCCEEDS(dropmask_relu_forward_f32(key, p, offset, DROPMASK_INVERTED, 1, n, n, n, x, z, mask));
    SUCCEEDS(dropmask_relu_backward_f32(p, DROPMASK_INVERTED, 1, n, n, mask, x, z));
    SUCCEEDS(dropmask_mask_to_u8(stored, 0, octets, n));
    SUCCEEDS(dropmask_mask_from_u8(octets, mask, n));
    check(memcmp(mask, stored, words * sizeof *mask) == 0, "bytes are the mask", n);
    SUCCEEDS(dropmask_mask_to_le_bytes(stored, 0, packed, n));
    SUCCEEDS(dropmask_mask_from_le_bytes(packed, mask, n));
    check(memcmp(mask, stored, words * sizeof *mask) == 0, "packed bytes are the mask", n);
    SUCCEEDS(dropmask_mask_copy(stored, 0, mask, n));
    SUCCEEDS(dropmask_mask_complement(mask, n));
    SUCCEEDS(dropmask_mask_count_kept(mask, 0, n, &kept));
    check(kept <= n, "no more are kept than there are", n);
    SUCCEEDS(dropmask_channels_forward_f32(key, p, offset, DROPMASK_INVERTED, DROPMASK_CHANNELS_LAST, 1, n, 1, n, x, z, mask));
    SUCCEEDS(dropmask_attention_forward_f32(key, p, offset, DROPMASK_INVERTED, 1, 1, n, DROPMASK_NOT_CAUSAL, 0, NULL, x, z));

    void *all[] = {mask, stored, octets, packed, x, r, y, z};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

enum { ROWS = 3 };

/* What is stored by rows of an index stride: the mask of each row alone, one after the other, or one that all have. */
static void stored_rows(size_t n, uint64_t index_stride, const float *x) {
    const size_t stride = 2 * n, end = (ROWS - 1) * stride + n, first = index_stride ? n : 0;
    const size_t words = dropmask_mask_words(index_stride ? ROWS * n : n), row_words = dropmask_mask_words(n);
    uint64_t *mask = (uint64_t *)buffer(words * sizeof *mask), *filled = (uint64_t *)buffer(words * sizeof *mask);
    uint64_t *row = (uint64_t *)buffer(row_words * sizeof *row), *part = (uint64_t *)buffer(row_words * sizeof *row);
    float *y = floats(end), *z = floats(end);
    SUCCEEDS(dropmask_rows_fill(1, 0.5F, 9, ROWS, n, index_stride, filled));
    SUCCEEDS(dropmask_channels_fill(1, 0.5F, 9, ROWS, n, index_stride, mask));
    check(memcmp(mask, filled, words * sizeof *mask) == 0, "positions of one are rows", n);
    SUCCEEDS(dropmask_rows_forward_f32(1, 0.5F, 9, DROPMASK_INVERTED, ROWS, n, stride, index_stride, x, y, mask));
    check(memcmp(mask, filled, words * sizeof *mask) == 0, "the mask of forward by rows is that of fill", n);
    for (size_t i = 0; i < ROWS; i++) {
        SUCCEEDS(dropmask_fill(1, 0.5F, 9 + i * index_stride, row, n));
        SUCCEEDS(dropmask_mask_copy(mask, i * first, part, n));
        check(memcmp(row, part, row_words * sizeof *row) == 0, "rows of the mask follow each other", n);
    }
    SUCCEEDS(dropmask_rows_apply_f32(mask, 0, 2, ROWS, n, stride, first, x, z));
    check(memcmp(y, z, end * sizeof *y) == 0, "what is stored by rows is applied by rows", n);

    void *all[] = {mask, filled, row, part, y, z};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Rows of bits at any distance, from any bit on. */
static void applied_rows(size_t n, uint64_t index_stride, uint64_t first, const float *x) {
    const size_t stride = 2 * n, end = (ROWS - 1) * stride + n, bits = (size_t)(first + (ROWS - 1) * index_stride + n);
    uint64_t *mask = (uint64_t *)buffer(dropmask_mask_words(bits) * sizeof *mask);
    uint64_t *row = (uint64_t *)buffer(dropmask_mask_words(n) * sizeof *row);
    float *y = floats(end), *z = floats(end);
    SUCCEEDS(dropmask_fill(2, 0.5F, 0, mask, bits));
    SUCCEEDS(dropmask_rows_apply_f32(mask, first, 2, ROWS, n, stride, index_stride, x, y));
    for (size_t i = 0; i < ROWS; i++) {
        SUCCEEDS(dropmask_mask_copy(mask, first + i * index_stride, row, n));
        SUCCEEDS(dropmask_apply_f32(row, 2, x + i * stride, z + i * stride, n));
    }
    check(memcmp(y, z, end * sizeof *y) == 0, "any index stride is read", n);

    void *all[] = {mask, row, y, z};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Rows of n columns, packed beside each other in one matrix: x and r are two blocks of its columns, y is a matrix of its
 * own. */
static void columns(size_t n) {
    const size_t stride = 2 * n, end = (ROWS - 1) * stride + n, words = dropmask_mask_words(ROWS * n);
    const uint64_t index_strides[] = {0, 1, 63, 64, 65, n, n + 1, 64 * dropmask_mask_words(n)};
    float *packed = floats(ROWS * stride), *x = floats(end), *r = floats(end), *y = floats(end), *z = floats(end);
    uint64_t *mask = (uint64_t *)buffer(words * sizeof *mask), *flat = (uint64_t *)buffer(words * sizeof *mask);
    memcpy(x, packed, end * sizeof *x);
    memcpy(r, packed + n, end * sizeof *r);
    SUCCEEDS(dropmask_rows_forward_residual_f32(1, 0.5F, 0, DROPMASK_INVERTED, ROWS, n, stride, n, x, r, y));
    SUCCEEDS(dropmask_rows_forward_residual_f32(1, 0.5F, 0, DROPMASK_INVERTED, ROWS, n, stride, n, packed, packed + n, z));
    check(memcmp(y, z, end * sizeof *y) == 0, "inputs that overlap are two copies", n);

    SUCCEEDS(dropmask_rows_forward_f32(1, 0.5F, 0, DROPMASK_INVERTED, ROWS, n, stride, n, x, y, mask));
    SUCCEEDS(dropmask_fill(1, 0.5F, 0, flat, ROWS * n));
    check(memcmp(mask, flat, words * sizeof *mask) == 0, "rows whose indices follow each other are one", n);
    SUCCEEDS(dropmask_relu_forward_f32(1, 0.5F, 0, DROPMASK_INVERTED, ROWS, n, stride, 0, x, y, mask));
    SUCCEEDS(dropmask_relu_backward_f32(0.5F, DROPMASK_INVERTED, ROWS, n, stride, mask, x, z));
    check(memcmp(y, z, end * sizeof *y) == 0, "each element has a bit of relu", n);
    for (size_t i = 0; i < sizeof index_strides / sizeof *index_strides; i++) {
        stored_rows(n, index_strides[i], x);
        applied_rows(n, index_strides[i], 0, x);
        applied_rows(n, index_strides[i], n, x);
    }

    void *all[] = {packed, x, r, y, z, mask, flat};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* The outputs y and mask of 100 elements lie in memory that is CANARY all over, and stays so. */
static void hostile(void) {
    enum { LEN = 100, BYTES = 1024 };
    uint8_t *memory = (uint8_t *)buffer(BYTES);
    float *const x = floats(LEN), *const y = (float *)(void *)(memory + 256), *const odd = (float *)(void *)(memory + 257);
    uint64_t *const mask = (uint64_t *)(void *)(memory + 768), *const odd_mask = (uint64_t *)(void *)(memory + 772);
    const uint64_t end = UINT64_MAX; /* LEN elements from end - LEN + 1 on end at exactly 2^64 */

#define FAILS(status, call)                                                     \
    do {                                                                        \
        check((call) == DROPMASK_##status, #call ": " #status, __LINE__);       \
        for (int i = 0; i < BYTES; i++)                                         \
            check(memory[i] == CANARY, #call " writes nothing", __LINE__);      \
    } while (0)

    const float bad[] = {NAN, -0.1F, 1.5F, INFINITY};
    for (int i = 0; i < 4; i++) {
        FAILS(INVALID_PROBABILITY, dropmask_scale(bad[i], y));
        FAILS(INVALID_PROBABILITY, dropmask_fill(1, bad[i], 0, mask, LEN));
        FAILS(INVALID_PROBABILITY, dropmask_fill(1, bad[i], 0, NULL, 0));
        FAILS(INVALID_PROBABILITY, dropmask_forward_f32(1, bad[i], 0, NULL, NULL, NULL, SIZE_MAX));
        FAILS(INVALID_PROBABILITY, dropmask_forward_f32(1, bad[i], 0, x, y, mask, LEN));
        FAILS(INVALID_PROBABILITY, dropmask_backward_f32(1, bad[i], 0, x, y, LEN));
    }

    FAILS(LENGTH_OVERFLOW, dropmask_forward_f32(1, 0.5F, 0, NULL, NULL, NULL, SIZE_MAX));
    FAILS(LENGTH_OVERFLOW, dropmask_forward_f32(1, 0.5F, 0, x, y, mask, (size_t)PTRDIFF_MAX / 4 + 1));
    FAILS(LENGTH_OVERFLOW, dropmask_backward_f32(1, 0.5F, 0, NULL, NULL, SIZE_MAX));
    FAILS(LENGTH_OVERFLOW, dropmask_apply_f32(NULL, 2, NULL, NULL, SIZE_MAX));
    FAILS(LENGTH_OVERFLOW, dropmask_rows_fill(1, 0.5F, 0, SIZE_MAX, LEN, LEN, mask));

    FAILS(NULL_POINTER, dropmask_scale(0.5F, NULL));
    FAILS(NULL_POINTER, dropmask_fill(1, 0.5F, 0, NULL, LEN));
    FAILS(NULL_POINTER, dropmask_fill(1, 0.5F, 0, NULL, SIZE_MAX));
    FAILS(NULL_POINTER, dropmask_forward_f32(1, 0.5F, 0, NULL, y, mask, LEN));
    FAILS(NULL_POINTER, dropmask_forward_f32(1, 0.5F, 0, x, NULL, mask, LEN));
    FAILS(NULL_POINTER, dropmask_backward_f32(1, 0.5F, 0, NULL, y, LEN));
    FAILS(NULL_POINTER, dropmask_backward_f32(1, 0.5F, 0, x, NULL, LEN));
    FAILS(NULL_POINTER, dropmask_apply_f32(NULL, 2, x, y, LEN));

    FAILS(MISALIGNED, dropmask_fill(1, 0.5F, 0, odd_mask, LEN));
    FAILS(MISALIGNED, dropmask_forward_f32(1, 0.5F, 0, x, odd, NULL, LEN));
    FAILS(MISALIGNED, dropmask_forward_f32(1, 0.5F, 0, odd, y, NULL, LEN));
    FAILS(MISALIGNED, dropmask_forward_f32(1, 0.5F, 0, x, y, odd_mask, LEN));
    FAILS(MISALIGNED, dropmask_backward_f32(1, 0.5F, 0, x, odd, LEN));
    FAILS(MISALIGNED, dropmask_apply_f32(odd_mask, 2, x, y, LEN));

    FAILS(OVERLAP, dropmask_forward_f32(1, 0.5F, 0, y, y + 1, NULL, LEN));
    FAILS(OVERLAP, dropmask_forward_f32(1, 0.5F, 0, y + LEN - 1, y, NULL, LEN));
    FAILS(OVERLAP, dropmask_forward_f32(1, 0.5F, 0, x, y, (uint64_t *)(void *)(memory + 256), LEN));
    FAILS(OVERLAP, dropmask_backward_f32(1, 0.5F, 0, y, y + 1, LEN));
    FAILS(OVERLAP, dropmask_apply_f32((uint64_t *)(void *)y, 2, x, y, LEN));
    FAILS(OVERLAP, dropmask_forward_residual_f32(1, 0.5F, 0, x, y, y, LEN));
    FAILS(OVERLAP, dropmask_forward_residual_f32(1, 0.5F, 0, y, y, y, LEN));
    FAILS(OVERLAP, dropmask_apply_residual_f32(mask, 2, x, y + 1, y, LEN));

    FAILS(INDEX_OVERFLOW, dropmask_fill(1, 0.5F, end - LEN + 2, mask, LEN));
    FAILS(INDEX_OVERFLOW, dropmask_forward_f32(1, 0.5F, end, x, y, mask, LEN));
    FAILS(INDEX_OVERFLOW, dropmask_backward_f32(1, 0.5F, end, x, y, 2));

    const uint64_t far = (uint64_t)1 << 63; /* whose third row is at bit 2^64 */
    FAILS(INVALID_SHAPE, dropmask_rows_apply_f32(mask, 0, 2, 2, 50, 49, 50, x, y));
    FAILS(INVALID_SHAPE, dropmask_rows_apply_add_f32(mask, 0, 2, 2, 50, 0, 50, x, y));
    FAILS(INVALID_SHAPE, dropmask_rows_apply_residual_f32(mask, 0, 2, 3, 30, 30, far, x, x, y));
    FAILS(INVALID_SHAPE, dropmask_channels_apply_f32(mask, 0, 2, DROPMASK_CHANNELS_FIRST, 3, 5, 6, far, x, y));
    FAILS(INVALID_SHAPE, dropmask_channels_apply_f32(mask, 0, 2, UINT32_MAX, 3, 5, 6, far, x, y));
    FAILS(INVALID_SHAPE, dropmask_rows_evaluate_f32(0.5F, DROPMASK_STANDARD, SIZE_MAX / 4, LEN, 0, x, y));
    const size_t queries = 5, keys = 2, past[] = {keys - queries, SIZE_MAX, (size_t)PTRDIFF_MAX + 1};
    for (int i = 0; i < 3; i++) {
        FAILS(INVALID_SHAPE, dropmask_attention_forward_f32(1, 0.5F, 0, 0, 1, queries, keys, past[i], 0, NULL, x, y));
        FAILS(INVALID_SHAPE, dropmask_attention_backward_f32(1, 0.5F, 0, 0, 1, queries, keys, past[i], 0, NULL, x, x + 10, y));
        FAILS(INVALID_SHAPE, dropmask_attention_evaluate_f32(0.5F, 0, 1, queries, keys, past[i], 0, x, y));
    }

    const size_t n = LEN;
    SUCCEEDS(dropmask_forward_f32(1, 0.5F, 0, NULL, NULL, NULL, 0));
    SUCCEEDS(dropmask_fill(1, 0.5F, end, (uint64_t *)1, 0));
    SUCCEEDS(dropmask_forward_f32(1, 0.5F, end - LEN + 1, x, y, mask, LEN));
    SUCCEEDS(dropmask_rows_forward_f32(1, 0.5F, 0, DROPMASK_INVERTED, 4, 25, 25, 700, x, y, mask)); /* two words */
    SUCCEEDS(dropmask_relu_forward_f32(1, 0.5F, 0, DROPMASK_INVERTED, 4, 25, 25, 0, x, y, mask));
    SUCCEEDS(dropmask_channels_fill(1, 0.5F, 0, 8, 16, 700, mask));
    SUCCEEDS(dropmask_channels_fill(1, 0.5F, 0, SIZE_MAX / 128, 128, 0, mask));
    for (size_t i = 0; i < BYTES; i++) {
        const int is_output = (i >= 256 && i < 256 + 4 * LEN) || (i >= 768 && i < 784);
        check(is_output || memory[i] == CANARY, "the canaries around the outputs live", i);
    }
    check(dropmask_mask_words(SIZE_MAX) == SIZE_MAX / 64 + 1, "no wrap", n);
    check(strcmp(dropmask_status_message(0), dropmask_status_message(UINT32_MAX)) != 0, "a sentence for all", n);
    free(memory);
    free(x);
}

/* A factor of 0 that the library computed is not multiplied with; memset to all bits 1 is NaN, and leaves masks of ones. */
static void zero_factor(void) {
    enum { N = 70 };
    static const float zeros[N];
    static const uint32_t ids[N];
    const size_t n = N, bytes = N * sizeof(float);
    float *const x = (float *)buffer(bytes), *const w = (float *)buffer(bytes), *const b = (float *)buffer(bytes);
    float *const y = (float *)buffer(bytes), *const mean = (float *)buffer(bytes), scale = 1;
    uint64_t *const mask = (uint64_t *)buffer(2 * sizeof *mask);
    memset(x, 0xFF, bytes);
    memset(w, 0xFF, bytes);
    memset(mask, 0xFF, 2 * sizeof *mask);
    for (size_t i = 0; i < n; i++) b[i] = -0.0F;

#define GIVES(expected, call)                                    \
    do {                                                         \
        memset(y, 0xFF, bytes);                                  \
        SUCCEEDS(call);                                          \
        check(memcmp(y, expected, bytes) == 0, #call, __LINE__); \
    } while (0)

    SUCCEEDS(dropmask_scale(1, &scale));
    GIVES(zeros, dropmask_forward_f32(1, 1, 0, x, y, NULL, n));
    GIVES(zeros, dropmask_apply_f32(mask, scale, x, y, n));
    GIVES(zeros, dropmask_apply_residual_f32(mask, scale, x, b, y, n));
    GIVES(zeros, dropmask_evaluate_f32(1, DROPMASK_STANDARD, x, y, n));
    GIVES(zeros, dropmask_evaluate_residual_f32(1, DROPMASK_STANDARD, x, b, y, n));
    GIVES(zeros, dropmask_bias_evaluate_f32(1, DROPMASK_STANDARD, 1, n, n, x, w, y));
    GIVES(zeros, dropmask_relu_backward_f32(1, DROPMASK_INVERTED, 1, n, n, mask, x, y));
    GIVES(zeros, dropmask_relu_evaluate_f32(1, DROPMASK_STANDARD, 1, n, n, x, y));
    GIVES(zeros, dropmask_embedding_apply_lookup_f32(mask, scale, 1, 1, n, ids, x, y));
    GIVES(zeros, dropmask_dropblock_backward_f32(0, mask, x, y, n));
    GIVES(b, dropmask_connect_forward_f32(1, 1, 0, DROPMASK_NAIVE, 1, 1, n, 1, 0, 0, NULL, w, b, x, y));
    GIVES(b, dropmask_connect_forward_f32(1, 1, UINT64_MAX, DROPMASK_INVERTED, 1, 1, n, 1, 0, 0, mask, w, b, x, y));
    GIVES(zeros, dropmask_connect_backward_input_f32(1, 1, 0, DROPMASK_INVERTED, 1, n, 1, n, 0, 0, mask, w, x, y));
    GIVES(zeros, dropmask_connect_backward_weights_f32(1, 1, 0, DROPMASK_INVERTED, 1, n, 1, n, 0, 0, mask, w, x, y));
    GIVES(b, dropmask_connect_evaluate_f32(1, DROPMASK_STANDARD, 1, 1, n, w, b, x, y));
    GIVES(zeros, dropmask_connect_moments_f32(1, DROPMASK_STANDARD, 1, 1, n, w, b, x, mean, y));
    check(memcmp(mean, b, bytes) == 0, "the mean is b", n);

    float *all[] = {x, w, y, b, mean};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(mask);
}

int main(void) {
    for (size_t n = 0; n <= 130; n++) lengths(n, n);
    for (size_t n = 1023; n <= 1025; n++) lengths(n, UINT64_MAX - n + 1);
    lengths(5000, 77);
    for (size_t n = 1; n <= 130; n++) columns(n);
    hostile();
    zero_factor();
    printf("level %s, %d faults\n", dropmask_level(), faults);
    return faults != 0;
}
