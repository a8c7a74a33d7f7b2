/* Compares masks and both passes with tests/golden/stream.json. Of its cases, `.ci/windows` makes lines of hexadecimal
 * numbers: seed, number of derived steps, the steps, key, bits of p, bits of the scale, offset, length, words of the mask. */
#include <dropmask.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 8192 };

static uint64_t mask[MOST / 64];
static float x[MOST], y[MOST], dx[MOST];

static uint64_t number(void) {
    uint64_t n = 0;
    return scanf("%" SCNx64, &n) == 1 ? n : 0;
}

static float real(void) {
    const uint32_t bits = (uint32_t)number();
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

int main(void) {
    uint64_t seed, cases = 0, faults = 0;
    for (size_t i = 0; i < MOST; i++) x[i] = (float)i + 1;
    for (; scanf("%" SCNx64, &seed) == 1; cases++) {
        uint64_t key = dropmask_key_new(seed);
        for (uint64_t steps = number(); steps > 0; steps--) key = dropmask_key_derive(key, number());
        faults += key != number();
        const float p = real(), expected = real();
        float scale = -1;
        faults += dropmask_scale(p, &scale) != DROPMASK_OK || scale != expected;
        const uint64_t offset = number(), len = number();
        if (len > MOST) return 2;
        faults += dropmask_fill(key, p, offset, mask, len) != DROPMASK_OK;
        for (size_t word = 0; word < dropmask_mask_words(len); word++) faults += mask[word] != number();
        faults += dropmask_forward_f32(key, p, offset, x, y, NULL, len) != DROPMASK_OK;
        faults += dropmask_backward_f32(key, p, offset, x, dx, len) != DROPMASK_OK;
        for (size_t i = 0; i < len; i++) {
            const float product = mask[i / 64] >> i % 64 & 1 ? x[i] * scale : 0;
            faults += y[i] != product;
            faults += dx[i] != product;
        }
    }
    printf("level %s: %" PRIu64 " cases, %" PRIu64 " faults\n", dropmask_level(), cases, faults);
    return cases == 0 || faults > 0;
}
