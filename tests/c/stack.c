/* How much stack each function needs, on a thread that has as little of it as those of musl: paints the stack below a call, and
 * sees how far down it was written. Prints the bytes of each; fails where one takes more than its argument. */
#include <dropmask.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MUSL = 128 << 10, PAINTED = 96 << 10, SPARE = 256, PAINT = 0xA5 };

static const volatile unsigned char *frame;
static size_t budget, most;
static int faults;

__attribute__((noinline)) static void paint(void) {
    volatile unsigned char *const here = (volatile unsigned char *)__builtin_frame_address(0);
    for (int i = PAINTED; i > SPARE; i--) here[-i] = PAINT;
    frame = here;
}

static size_t used(void) {
    int i = PAINTED;
    while (frame[-i] == PAINT) i--;
    return (size_t)i;
}

static void report(const char *call, dropmask_status status, size_t bytes) {
    int name = 0;
    while (call[name] != '(') name++;
    printf("%6zu %.*s\n", bytes, name, call);
    if (bytes > most) most = bytes;
    if (status == DROPMASK_OK && bytes <= budget) return;
    printf("%s: %s, %zu bytes of %zu\n", call, dropmask_status_message(status), bytes, budget);
    faults++;
}

#define CALL(call)                           \
    do {                                     \
        paint();                             \
        const dropmask_status status = call; \
        report(#call, status, used());       \
    } while (0)

enum { ROWS = 64, COLUMNS = 300, STRIDE = 320, LEN = ROWS * STRIDE };

static float x[LEN], r[LEN], y[LEN], b[LEN], z[LEN];
static double mean[LEN], squares[LEN], out[LEN];
static uint64_t mask[LEN / 64 + 1], number, kept;
static uint8_t octets[LEN];
static uint32_t ids[ROWS];
static size_t bounds[4 * 4], position[2];

static struct dropmask_call drawn(struct dropmask_call call) {
    call.key = dropmask_key_derive(dropmask_key_new(42), 17);
    if (dropmask_threshold(0.1, &call.threshold) != DROPMASK_OK) faults++;
    return call;
}

#define STRIDED(x) x, strides

static void strided(const struct dropmask_call *rows, const size_t *strides) {
    struct dropmask_call standard = *rows;
    standard.scaling = DROPMASK_STANDARD;
    CALL(dropmask_dropout_forward_f32(rows, STRIDED(x), STRIDED(r), STRIDED(y), mask));
    CALL(dropmask_dropout_apply_f32(rows, mask, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_dropout_apply_bits_f32(rows, mask, 2, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_dropout_evaluate_f32(&standard, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_select_forward_f32(rows, NULL, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_select_backward_b_f32(rows, mask, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_bias_forward_f32(rows, STRIDED(x), b, STRIDED(r), STRIDED(y)));
    CALL(dropmask_bias_backward_f32(rows, STRIDED(x), STRIDED(r), STRIDED(y), z, 1));
    CALL(dropmask_bias_evaluate_f32(&standard, STRIDED(x), b, STRIDED(r), STRIDED(y)));
    CALL(dropmask_relu_forward_f32(rows, STRIDED(x), STRIDED(y), mask));
    CALL(dropmask_relu_backward_f32(rows, mask, STRIDED(x), STRIDED(r), STRIDED(y)));
    CALL(dropmask_alpha_forward_f32(rows, STRIDED(x), STRIDED(y)));
    CALL(dropmask_alpha_backward_f32(rows, STRIDED(x), STRIDED(r), STRIDED(y)));
}

static void *calls(void *unused) {
    const size_t apart[] = {STRIDE, 1}, across[] = {1, ROWS};
    const struct dropmask_call rows = drawn(dropmask_call_rows(ROWS, COLUMNS)), table = drawn(dropmask_call_samples(ROWS, 1));
    const struct dropmask_call maps = drawn(dropmask_call_rows(24, 32)), weights = drawn(dropmask_call_rows(32, 100));
    float scale;
    size_t bits;

    CALL(dropmask_scale(0.1F, &scale));
    CALL(dropmask_threshold(0.1, &number));
    CALL(dropmask_fill(1, 0.1F, 3, mask, LEN));
    CALL(dropmask_forward_f32(1, 0.1F, 3, x, y, NULL, LEN));
    CALL(dropmask_forward_f32(1, 0.1F, 3, x, y, mask, LEN));
    CALL(dropmask_backward_f32(1, 0.1F, 3, x, y, LEN));
    CALL(dropmask_apply_f32(mask, scale, x, y, LEN));
    CALL(dropmask_mask_count_kept(mask, 3, &kept, LEN - 3));
    CALL(dropmask_mask_to_u8(mask, 3, octets, LEN - 3));
    CALL(dropmask_mask_from_u8(octets, mask, LEN));
    CALL(dropmask_call_index(&rows, position, &number));
    CALL(dropmask_call_mask_bits(&rows, &bits));
    CALL(dropmask_dropout_fill(&rows, mask));
    CALL(dropmask_dropout_fill_u8(&rows, octets));
    CALL(dropmask_embedding_lookup_f32(&table, NULL, ROWS, ids, x, y));
    CALL(dropmask_embedding_forward_f32(&table, mask, ROWS, ids, x, y, 1));
    CALL(dropmask_embedding_backward_table_f32(&table, NULL, ROWS, ids, x, y));
    CALL(dropmask_attention_forward_f32(&rows, 200, 2, b, NULL, 1, NULL, x, y, z));
    CALL(dropmask_attention_backward_f32(&rows, 200, 2, b, NULL, 1, NULL, x, r, y));
    CALL(dropmask_attention_backward_softmax_f32(&rows, 200, 2, 1, NULL, x, r, y, 1));
    CALL(dropmask_attention_evaluate_f32(&rows, 200, 2, b, NULL, 1, x, y));
    CALL(dropmask_connect_forward_f32(&weights, 16, 1, 3, NULL, x, b, r, y));
    CALL(dropmask_connect_backward_input_f32(&weights, 16, 1, 3, NULL, x, r, y, 1));
    CALL(dropmask_connect_backward_weights_f32(&weights, 16, 1, 3, NULL, x, r, y, 1));
    CALL(dropmask_connect_backward_bias_f32(16, 32, x, y));
    CALL(dropmask_connect_evaluate_f32(&weights, 16, x, b, r, y));
    CALL(dropmask_connect_moments_f32(&weights, 16, x, b, r, y, z));
    CALL(dropmask_cutout_forward_f32(1, 3, 2, 3, 24, 32, 5, 7, 4, x, y, 1));
    CALL(dropmask_cutout_boxes(1, 3, 24, 32, 5, 7, 4, bounds));
    CALL(dropmask_dropblock_gamma(&maps, 7, 1, &number, &kept));
    CALL(dropmask_dropblock_fill(&maps, 7, 1, mask, &kept));
    CALL(dropmask_dropblock_forward_f32(&maps, 7, 1, x, y, mask, &kept));
    CALL(dropmask_dropblock_backward_f32(&maps, 7, 1, NULL, 0, 0, x, y, 1));
    CALL(dropmask_moments_push_f32(3, x, mean, squares, LEN));
    CALL(dropmask_moments_variance(3, 1, squares, out, LEN));
    CALL(dropmask_classes_push_f32(3, ROWS, STRIDE, x, mean, squares));
    CALL(dropmask_classes_uncertainty(ROWS, STRIDE, mean, NULL, out));
    strided(&rows, apart);
    strided(&rows, across);
    return unused;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    budget = (size_t)atoi(arguments[1]);
    for (int i = 0; i < LEN; i++) x[i] = (float)(i % 7) - 3;

    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, MUSL) != 0) return 2;
    if (pthread_create(&thread, &attributes, calls, NULL) != 0 || pthread_join(thread, NULL) != 0) return 2;
    printf("%6zu bytes at most, level %s\n", most, dropmask_level());
    return faults != 0;
}
