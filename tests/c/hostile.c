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

static uint64_t threshold(double p) {
    uint64_t threshold = UINT64_MAX;
    check(dropmask_threshold(p, &threshold) == DROPMASK_OK, "a threshold", 0);
    return threshold;
}

static struct dropmask_call described(struct dropmask_call call, uint64_t key, float p, uint64_t offset) {
    call.key = key;
    call.threshold = threshold(p);
    call.offset = offset;
    return call;
}

static struct dropmask_call by_rows(uint64_t key, uint64_t offset, size_t rows, size_t columns, uint64_t index_stride) {
    struct dropmask_call call = described(dropmask_call_rows(rows, columns), key, 0.5F, offset);
    call.index[0] = index_stride;
    return call;
}

/* A pass over dense operands. */
#define DENSE(x) x, NULL
#define NO_RESIDUAL NULL, NULL

/* All that reads or writes n elements, on buffers of exactly n. */
static void lengths(size_t n, uint64_t offset) {
    const size_t words = dropmask_mask_words(n);
    const uint64_t key = dropmask_key_new(n);
    const float p = 0.1F;
    uint64_t *mask = (uint64_t *)buffer(words * sizeof *mask), *stored = (uint64_t *)buffer(words * sizeof *stored), kept = 0;
    uint8_t *octets = (uint8_t *)buffer(n);
    float *x = floats(n), *r = floats(n), *y = (float *)buffer(n * sizeof *y), *z = floats(n), scale = 0;
    struct dropmask_call flat = described(dropmask_call_flat(n), key, p, offset), standard = flat, channels;
    standard.scaling = DROPMASK_STANDARD;
    channels = described(dropmask_call_channels_last(1, 1, n), key, p, offset);

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
    SUCCEEDS(dropmask_dropout_apply_f32(&flat, mask, DENSE(x), DENSE(r), DENSE(y))); /* r is a copy of x */
    SUCCEEDS(dropmask_dropout_apply_f32(&flat, mask, DENSE(x), DENSE(x), DENSE(z)));
    check(memcmp(y, z, n * sizeof *y) == 0, "equal inputs are two copies", n);
    SUCCEEDS(dropmask_dropout_forward_f32(&flat, DENSE(x), DENSE(x), DENSE(z), NULL));
    check(memcmp(y, z, n * sizeof *y) == 0, "equal inputs are two copies, replayed", n);
    SUCCEEDS(dropmask_dropout_forward_f32(&flat, DENSE(x), DENSE(r), DENSE(z), NULL));
    SUCCEEDS(dropmask_dropout_forward_f32(&flat, DENSE(x), DENSE(r), DENSE(r), NULL));
    check(memcmp(r, z, n * sizeof *r) == 0, "add is residual", n);
    SUCCEEDS(dropmask_dropout_apply_f32(&flat, mask, DENSE(x), DENSE(r), DENSE(r)));
    SUCCEEDS(dropmask_dropout_apply_f32(&flat, mask, DENSE(x), DENSE(r), DENSE(z)));
    SUCCEEDS(dropmask_dropout_evaluate_f32(&standard, DENSE(x), NO_RESIDUAL, DENSE(z)));
    SUCCEEDS(dropmask_relu_forward_f32(&flat, DENSE(x), DENSE(z), mask));
    SUCCEEDS(dropmask_relu_backward_f32(&flat, mask, DENSE(x), NO_RESIDUAL, DENSE(z)));
    SUCCEEDS(dropmask_dropout_fill_u8(&flat, octets));
    SUCCEEDS(dropmask_mask_to_u8(stored, 0, octets, n));
    SUCCEEDS(dropmask_mask_from_u8(octets, mask, n));
    check(memcmp(mask, stored, words * sizeof *mask) == 0, "bytes are the mask", n);
    SUCCEEDS(dropmask_select_forward_f32(&flat, NULL, DENSE(x), DENSE(r), DENSE(z)));
    SUCCEEDS(dropmask_select_forward_f32(&flat, mask, DENSE(x), DENSE(r), DENSE(r)));
    check(memcmp(r, z, n * sizeof *r) == 0, "a choice by the mask is the one that is drawn", n);
    SUCCEEDS(dropmask_select_backward_b_f32(&flat, NULL, DENSE(x), NO_RESIDUAL, DENSE(z)));
    SUCCEEDS(dropmask_select_backward_b_f32(&flat, mask, DENSE(x), DENSE(r), DENSE(z)));
    SUCCEEDS(dropmask_mask_count_kept(mask, 0, &kept, n));
    check(kept <= n, "no more are kept than there are", n);
    SUCCEEDS(dropmask_dropout_forward_f32(&channels, DENSE(x), NO_RESIDUAL, DENSE(z), mask));
    const struct dropmask_call scores = described(dropmask_call_rows(1, n), key, p, offset);
    SUCCEEDS(dropmask_attention_forward_f32(&scores, DROPMASK_NOT_CAUSAL, 1, NULL, NULL, 0, NULL, x, z, NULL));

    void *all[] = {mask, stored, octets, x, r, y, z};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Bits first .. first + n of a mask, from bit 0 on; the rest of the last word is 0. */
static void copy_bits(const uint64_t *mask, uint64_t first, uint64_t *out, size_t n) {
    memset(out, 0, dropmask_mask_words(n) * sizeof *out);
    for (size_t j = 0; j < n; j++) out[j / 64] |= (mask[(first + j) / 64] >> ((first + j) % 64) & 1) << (j % 64);
}

enum { ROWS = 3 };

/* What is stored by rows of an index stride: the mask of each row alone, one after the other, or one that all have. */
static void stored_rows(size_t n, uint64_t index_stride, const float *x) {
    const size_t stride = 2 * n, end = (ROWS - 1) * stride + n, first = index_stride ? n : 0;
    const size_t words = dropmask_mask_words(index_stride ? ROWS * n : n), row_words = dropmask_mask_words(n);
    uint64_t *mask = (uint64_t *)buffer(words * sizeof *mask), *filled = (uint64_t *)buffer(words * sizeof *mask);
    uint64_t *row = (uint64_t *)buffer(row_words * sizeof *row), *part = (uint64_t *)buffer(row_words * sizeof *row);
    float *y = floats(end), *z = floats(end);
    const size_t strides[] = {stride, 1};
    const struct dropmask_call call = by_rows(1, 9, ROWS, n, index_stride);
    struct dropmask_call positions = described(dropmask_call_channels_first(ROWS, n, 1), 1, 0.5F, 9);
    positions.index[0] = index_stride;
    SUCCEEDS(dropmask_dropout_fill(&call, filled));
    SUCCEEDS(dropmask_dropout_fill(&positions, mask));
    check(memcmp(mask, filled, words * sizeof *mask) == 0, "positions of one are rows", n);
    SUCCEEDS(dropmask_dropout_forward_f32(&call, x, strides, NO_RESIDUAL, y, strides, mask));
    check(memcmp(mask, filled, words * sizeof *mask) == 0, "the mask of forward by rows is that of fill", n);
    for (size_t i = 0; i < ROWS; i++) {
        SUCCEEDS(dropmask_fill(1, 0.5F, 9 + i * index_stride, row, n));
        copy_bits(mask, i * first, part, n);
        check(memcmp(row, part, row_words * sizeof *row) == 0, "rows of the mask follow each other", n);
    }
    SUCCEEDS(dropmask_dropout_apply_f32(&call, mask, x, strides, NO_RESIDUAL, z, strides));
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
    const size_t strides[] = {stride, 1};
    const struct dropmask_call call = by_rows(0, first, ROWS, n, index_stride);
    SUCCEEDS(dropmask_dropout_apply_bits_f32(&call, mask, 2, x, strides, NO_RESIDUAL, y, strides));
    for (size_t i = 0; i < ROWS; i++) {
        copy_bits(mask, first + i * index_stride, row, n);
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
    const size_t strides[] = {stride, 1};
    const struct dropmask_call dense = by_rows(1, 0, ROWS, n, n), same = by_rows(1, 0, ROWS, n, 0);
    SUCCEEDS(dropmask_dropout_forward_f32(&dense, x, strides, r, strides, y, strides, NULL));
    SUCCEEDS(dropmask_dropout_forward_f32(&dense, packed, strides, packed + n, strides, z, strides, NULL));
    check(memcmp(y, z, end * sizeof *y) == 0, "inputs that overlap are two copies", n);

    SUCCEEDS(dropmask_dropout_forward_f32(&dense, x, strides, NO_RESIDUAL, y, strides, mask));
    SUCCEEDS(dropmask_fill(1, 0.5F, 0, flat, ROWS * n));
    check(memcmp(mask, flat, words * sizeof *mask) == 0, "rows whose indices follow each other are one", n);
    SUCCEEDS(dropmask_relu_forward_f32(&same, x, strides, y, strides, mask));
    SUCCEEDS(dropmask_relu_backward_f32(&same, mask, x, strides, NO_RESIDUAL, z, strides));
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
    const struct dropmask_call wide = by_rows(1, 0, SIZE_MAX, LEN, LEN);
    FAILS(LENGTH_OVERFLOW, dropmask_dropout_fill(&wide, mask));

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
    const struct dropmask_call flat = described(dropmask_call_flat(LEN), 1, 0.5F, 0);
    const size_t twice[] = {2};
    FAILS(OVERLAP, dropmask_dropout_forward_f32(&flat, DENSE(x), y + 1, NULL, DENSE(y), NULL));
    FAILS(OVERLAP, dropmask_dropout_forward_f32(&flat, y, twice, NO_RESIDUAL, DENSE(y), NULL));
    FAILS(OVERLAP, dropmask_dropout_apply_f32(&flat, mask, DENSE(x), y + 1, NULL, DENSE(y)));
    FAILS(OVERLAP, dropmask_dropout_apply_f32(&flat, (const uint64_t *)(const void *)y, DENSE(x), NO_RESIDUAL, DENSE(y)));

    FAILS(INDEX_OVERFLOW, dropmask_fill(1, 0.5F, end - LEN + 2, mask, LEN));
    FAILS(INDEX_OVERFLOW, dropmask_forward_f32(1, 0.5F, end, x, y, mask, LEN));
    FAILS(INDEX_OVERFLOW, dropmask_backward_f32(1, 0.5F, end, x, y, 2));

    const uint64_t far = (uint64_t)1 << 63; /* whose third row is at bit 2^64 */
    const size_t close[] = {49, 1}, one_place[] = {0, 1};
    const struct dropmask_call two = by_rows(1, 0, 2, 50, 50), three = by_rows(1, 0, 3, 30, far);
    FAILS(INVALID_SHAPE, dropmask_dropout_apply_f32(&two, mask, DENSE(x), NO_RESIDUAL, y, close));
    FAILS(INVALID_SHAPE, dropmask_dropout_apply_f32(&two, mask, DENSE(x), DENSE(x), y, one_place));
    FAILS(INVALID_SHAPE, dropmask_dropout_apply_bits_f32(&three, mask, 2, DENSE(x), DENSE(x), DENSE(y)));
    FAILS(INVALID_SHAPE, dropmask_dropout_evaluate_f32(&wide, x, one_place, NO_RESIDUAL, y, one_place));

    /* what is no description of a call */
    struct {
        struct dropmask_call call;
        uint64_t rest;
    } later = {flat, 0};
    later.call.size = sizeof later;
    for (int i = 0; i < 8; i++) {
        struct dropmask_call call = flat;
        if (i == 0) call.size = 0;
        if (i == 1) call.size--;
        if (i == 2) call.size = SIZE_MAX;
        if (i == 3) call.axes = 0;
        if (i == 4) call.axes = 5;
        if (i == 5) call.axes = UINT32_MAX;
        if (i == 6) call.len[1] = 1;
        if (i == 7) call.index[3] = 1;
        FAILS(INVALID_CALL, dropmask_dropout_forward_f32(&call, DENSE(x), NO_RESIDUAL, DENSE(y), mask));
        FAILS(INVALID_CALL, dropmask_dropout_fill(&call, mask));
        FAILS(INVALID_CALL, dropmask_relu_forward_f32(&call, DENSE(x), DENSE(y), mask));
    }
    later.rest = 1;
    FAILS(INVALID_CALL, dropmask_dropout_fill(&later.call, mask));
    FAILS(NULL_POINTER, dropmask_dropout_fill(NULL, mask));
    FAILS(MISALIGNED, dropmask_dropout_fill((const struct dropmask_call *)(const void *)((const uint8_t *)&later + 1), mask));
    FAILS(MISALIGNED, dropmask_dropout_evaluate_f32(&flat, x, (const size_t *)(const void *)((const uint8_t *)close + 1), NO_RESIDUAL, DENSE(y)));
    FAILS(INVALID_CALL, (later.call = dropmask_call_broadcast(5, close, memory), dropmask_dropout_fill(&later.call, mask)));
    struct dropmask_call none = dropmask_call_flat(LEN);
    FAILS(INVALID_PROBABILITY, dropmask_dropout_fill(&none, mask)); /* no threshold was set */
    const struct dropmask_call scores = described(dropmask_call_rows(5, 2), 1, 0.5F, 0);
    struct dropmask_call shared = scores, weights = scores, maps = scores;
    shared.index[1] = 0;
    maps.index[0] = 7;
    weights.scaling = 3;
    FAILS(INVALID_OPTION, dropmask_attention_forward_f32(&shared, 0, 1, NULL, NULL, 0, NULL, x, y, NULL));
    FAILS(INVALID_OPTION, dropmask_attention_forward_f32(&scores, 0, 1, NULL, NULL, 2, NULL, x, y, NULL));
    FAILS(OVERLAP, dropmask_attention_forward_f32(&scores, 0, 1, NULL, NULL, 0, NULL, x, y, y));
    FAILS(MISALIGNED, dropmask_attention_evaluate_f32(&scores, 0, 1, x, (const size_t *)(const void *)((const uint8_t *)close + 1), 0, x, y));
    FAILS(OVERLAP, dropmask_attention_backward_softmax_f32(&scores, 0, 1, 0, NULL, y, x, y, 1));
    FAILS(INVALID_OPTION, dropmask_connect_forward_f32(&weights, 1, 0, 0, NULL, x, NULL, x, y));
    FAILS(INVALID_OPTION, dropmask_connect_forward_f32(&shared, 1, 0, 0, NULL, x, NULL, x, y));
    FAILS(INVALID_OPTION, dropmask_embedding_backward_table_f32(&scores, NULL, 1, (const uint32_t *)(const void *)x, x, y));
    FAILS(INVALID_OPTION, dropmask_dropblock_forward_f32(&maps, 1, 1, x, y, NULL, mask));
    FAILS(INVALID_BLOCK, dropmask_dropblock_forward_f32(&scores, 3, 1, x, y, NULL, mask));
    FAILS(INVALID_OPTION, dropmask_dropblock_fill(&scores, 2, -1, NULL, mask));

    const size_t n = LEN;
    SUCCEEDS(dropmask_forward_f32(1, 0.5F, 0, NULL, NULL, NULL, 0));
    SUCCEEDS(dropmask_fill(1, 0.5F, end, (uint64_t *)1, 0));
    SUCCEEDS(dropmask_forward_f32(1, 0.5F, end - LEN + 1, x, y, mask, LEN));
    const struct dropmask_call apart = by_rows(1, 0, 4, 25, 700), same = by_rows(1, 0, 4, 25, 0);
    struct dropmask_call channels = by_rows(1, 0, 8, 16, 700), most = by_rows(1, 0, SIZE_MAX / 128, 128, 0);
    SUCCEEDS(dropmask_dropout_forward_f32(&apart, DENSE(x), NO_RESIDUAL, DENSE(y), mask)); /* two words */
    SUCCEEDS(dropmask_relu_forward_f32(&same, DENSE(x), DENSE(y), mask));
    SUCCEEDS(dropmask_dropout_fill(&channels, mask));
    SUCCEEDS(dropmask_dropout_fill(&most, mask));
    later.call = flat;
    later.call.size = sizeof later;
    later.rest = 0;
    SUCCEEDS(dropmask_dropout_fill(&later.call, mask)); /* of a later version, nothing set that is new */
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

    struct dropmask_call all_dropped = described(dropmask_call_flat(n), 1, 1, 0), standard = all_dropped;
    standard.scaling = DROPMASK_STANDARD;
    SUCCEEDS(dropmask_scale(1, &scale));
    GIVES(zeros, dropmask_forward_f32(1, 1, 0, x, y, NULL, n));
    GIVES(zeros, dropmask_apply_f32(mask, scale, x, y, n));
    GIVES(zeros, dropmask_dropout_apply_f32(&all_dropped, mask, DENSE(x), DENSE(b), DENSE(y)));
    GIVES(zeros, dropmask_dropout_evaluate_f32(&standard, DENSE(x), NO_RESIDUAL, DENSE(y)));
    GIVES(zeros, dropmask_dropout_evaluate_f32(&standard, DENSE(x), DENSE(b), DENSE(y)));
    GIVES(zeros, dropmask_bias_evaluate_f32(&standard, DENSE(x), w, NO_RESIDUAL, DENSE(y)));
    GIVES(zeros, dropmask_relu_backward_f32(&all_dropped, mask, DENSE(x), NO_RESIDUAL, DENSE(y)));
    struct dropmask_call table = described(dropmask_call_samples(1, 1), 1, 1, 0), maps = described(dropmask_call_rows(1, n), 1, 1, 0);
    GIVES(zeros, dropmask_embedding_lookup_f32(&table, mask, n, ids, x, y));
    GIVES(zeros, dropmask_dropblock_backward_f32(&maps, 1, 1, mask, 0, 0, x, y, 0));
    GIVES(zeros, dropmask_dropblock_backward_f32(&maps, 1, 1, NULL, 0, 0, x, y, 0));
    struct dropmask_call to_n = described(dropmask_call_rows(n, 1), 1, 1, 0), to_one = described(dropmask_call_rows(1, n), 1, 1, 0);
    to_n.scaling = DROPMASK_NAIVE;
    GIVES(b, dropmask_connect_forward_f32(&to_n, 1, 0, 0, NULL, w, b, x, y));
    to_n.scaling = DROPMASK_INVERTED;
    to_n.offset = UINT64_MAX;
    GIVES(b, dropmask_connect_forward_f32(&to_n, 1, 0, 0, mask, w, b, x, y));
    GIVES(zeros, dropmask_connect_backward_input_f32(&to_one, 1, 0, 0, mask, w, x, y, 0));
    GIVES(zeros, dropmask_connect_backward_weights_f32(&to_one, 1, 0, 0, mask, w, x, y, 0));
    to_n.scaling = DROPMASK_STANDARD;
    GIVES(b, dropmask_connect_evaluate_f32(&to_n, 1, w, b, x, y));
    GIVES(zeros, dropmask_connect_moments_f32(&to_n, 1, w, b, x, mean, y));
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
