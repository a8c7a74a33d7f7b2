/* Trains 32 ReLU units with dropout to compute |x|. Backward draws the mask of forward again: nothing is remembered but
 * the key of a step. */
#include <dropmask.h>
#include <stdio.h>

enum { UNITS = 32, SAMPLES = 21, EPOCHS = 100 };

/* y = sum(output * dropout(relu(weight * x + bias))); returns y - |x|, and what dropout left of the units. */
static float forward(float (*layer)[UNITS], uint64_t key, float p, float x, float *units) {
    float error = x < 0 ? x : -x;
    for (int i = 0; i < UNITS; i++) {
        const float z = layer[0][i] * x + layer[1][i];
        units[i] = z > 0 ? z : 0;
    }
    if (dropmask_forward_f32(key, p, 0, units, units, NULL, UNITS) != DROPMASK_OK) return 1e9F;
    for (int i = 0; i < UNITS; i++) error += layer[2][i] * units[i];
    return error;
}

/* The mean of the squares of the errors, without dropout. */
static float loss(float (*layer)[UNITS]) {
    float sum = 0, units[UNITS];
    for (int s = 0; s < SAMPLES; s++) {
        const float error = forward(layer, 0, 0, (float)s / 10 - 1, units);
        sum += error * error / SAMPLES;
    }
    return sum;
}

int main(void) {
    const float p = 0.2F, rate = 0.02F;
    const uint64_t run = dropmask_key_new(42), initial = dropmask_key_derive(run, 0), steps = dropmask_key_derive(run, 1);
    float layer[3][UNITS] = {{0}}, scale = 0; /* weight, bias, output */
    for (uint64_t i = 0; i < 3 * UNITS; i++)
        layer[i / UNITS][i % UNITS] = (float)dropmask_key_below(initial, i, 2001) / 2000 - 0.5F;
    dropmask_scale(p, &scale);

    const float before = loss(layer);
    int faults = 0;
    for (uint64_t step = 0; step < EPOCHS * SAMPLES; step++) {
        const uint64_t key = dropmask_key_derive(steps, step);
        const float x = (float)(step % SAMPLES) / 10 - 1;
        float units[UNITS], dy[UNITS], dx[UNITS];
        const float error = forward(layer, key, p, x, units);
        for (int i = 0; i < UNITS; i++) dy[i] = error * layer[2][i];
        faults += dropmask_backward_f32(key, p, 0, dy, dx, UNITS) != DROPMASK_OK;

        uint64_t mask; /* for a check of the gradient alone */
        faults += dropmask_fill(key, p, 0, &mask, UNITS) != DROPMASK_OK;
        for (int i = 0; i < UNITS; i++) {
            faults += dx[i] != ((mask >> i & 1) ? dy[i] * scale : 0);
            layer[2][i] -= rate * error * units[i];
            layer[0][i] -= units[i] > 0 ? rate * dx[i] * x : 0; /* 0 where ReLU or dropout lets nothing through */
            layer[1][i] -= units[i] > 0 ? rate * dx[i] : 0;
        }
    }
    printf("level %s: loss %.4f before, %.4f after, %d faults\n", dropmask_level(), before, loss(layer), faults);
    return faults != 0 || !(loss(layer) < before / 20);
}
