/* Activation checkpointing: of eight residual layers h += dropout(relu(w h)), backward has the input of every fourth,
 * and computes those between again. The key of a layer comes from step and layer, so its mask is the same again: no
 * mask is kept, nor the state of a generator. The gradients are to the bit those of a pass that keeps all. */
#include <dropmask.h>
#include <stdio.h>
#include <string.h>

enum { LAYERS = 8, SEGMENT = 4, WIDTH = 64, WORDS = (WIDTH + 63) / 64 };

static float w[LAYERS][WIDTH][WIDTH];
static int faults;

static struct dropmask_call dropout(uint64_t step, uint64_t layer) {
    struct dropmask_call call = dropmask_call_flat(WIDTH);
    call.key = dropmask_key_derive(dropmask_key_derive(dropmask_key_new(42), step), layer);
    faults += dropmask_threshold(0.2, &call.threshold) != DROPMASK_OK;
    return call;
}

static void product(int layer, const float *h, float *z) {
    for (int o = 0; o < WIDTH; o++) {
        z[o] = 0;
        for (int i = 0; i < WIDTH; i++) z[o] += w[layer][o][i] * h[i];
    }
}

/* The output of a layer. Where mask is not NULL it is stored. */
static void forward(uint64_t step, int layer, const float *h, float *out, uint64_t *mask) {
    const struct dropmask_call call = dropout(step, (uint64_t)layer);
    float z[WIDTH];
    product(layer, h, z);
    for (int o = 0; o < WIDTH; o++) z[o] = z[o] > 0 ? z[o] : 0;
    /* h is the residual */
    faults += dropmask_dropout_forward_f32(&call, z, NULL, h, NULL, out, NULL, mask) != DROPMASK_OK;
}

/* From dh, the gradient of a layer's output, that of its weights, and dh of its input. If mask is NULL it is drawn. */
static void backward(uint64_t step, int layer, const float *h, float *dh, const uint64_t *mask, float (*dw)[WIDTH]) {
    const struct dropmask_call call = dropout(step, (uint64_t)layer);
    float z[WIDTH], dz[WIDTH];
    product(layer, h, z);
    faults += (mask == NULL ? dropmask_dropout_forward_f32(&call, dh, NULL, NULL, NULL, dz, NULL, NULL)
                            : dropmask_dropout_apply_f32(&call, mask, dh, NULL, NULL, NULL, dz, NULL)) != DROPMASK_OK;
    for (int o = 0; o < WIDTH; o++) {
        if (z[o] <= 0) dz[o] = 0;
        for (int i = 0; i < WIDTH; i++) dw[o][i] = dz[o] * h[i], dh[i] += dz[o] * w[layer][o][i];
    }
}

static void keeping_all(uint64_t step, const float *x, float (*dw)[WIDTH][WIDTH]) {
    float h[LAYERS + 1][WIDTH], dh[WIDTH];
    uint64_t masks[LAYERS][WORDS];
    memcpy(h[0], x, sizeof h[0]);
    for (int l = 0; l < LAYERS; l++) forward(step, l, h[l], h[l + 1], masks[l]);
    memcpy(dh, h[LAYERS], sizeof dh); /* the loss is half the square of the output */
    for (int l = LAYERS - 1; l >= 0; l--) backward(step, l, h[l], dh, masks[l], dw[l]);
}

static void checkpointed(uint64_t step, const float *x, float (*dw)[WIDTH][WIDTH]) {
    float kept[LAYERS / SEGMENT + 1][WIDTH], h[SEGMENT][WIDTH], dh[WIDTH];
    memcpy(kept[0], x, sizeof kept[0]);
    for (int l = 0; l < LAYERS; l++) {
        float *out = kept[l / SEGMENT + 1];
        forward(step, l, l % SEGMENT == 0 ? kept[l / SEGMENT] : out, out, NULL);
    }
    memcpy(dh, kept[LAYERS / SEGMENT], sizeof dh);
    for (int first = LAYERS - SEGMENT; first >= 0; first -= SEGMENT) {
        memcpy(h[0], kept[first / SEGMENT], sizeof h[0]);
        for (int i = 0; i + 1 < SEGMENT; i++) forward(step, first + i, h[i], h[i + 1], NULL); /* again */
        for (int i = SEGMENT - 1; i >= 0; i--) backward(step, first + i, h[i], dh, NULL, dw[first + i]);
    }
}

int main(void) {
    static float whole[LAYERS][WIDTH][WIDTH], again[LAYERS][WIDTH][WIDTH], other[LAYERS][WIDTH][WIDTH];
    const uint64_t initial = dropmask_key_new(1);
    float x[WIDTH];
    for (int row = 0, n = 0; row < LAYERS * WIDTH; row++)
        for (int i = 0; i < WIDTH; i++, n++)
            w[row / WIDTH][row % WIDTH][i] = ((float)dropmask_key_below(initial, (uint64_t)n, 2001) / 1000 - 1) / 8;
    for (int i = 0; i < WIDTH; i++) x[i] = (float)(i % 7) / 4 - 0.5F;

    keeping_all(17, x, whole);
    checkpointed(17, x, again);
    checkpointed(18, x, other);
    const int same = memcmp(whole, again, sizeof whole) == 0, differs = memcmp(whole, other, sizeof whole) != 0;
    printf("computed again: %s gradients; of another step: %s; %d faults\n", same ? "the same" : "OTHER",
           differs ? "others" : "THE SAME", faults);
    return !same || !differs || faults != 0;
}
