/* Eight threads, each with its samples of one tensor, write what one thread does: dropout of whole channels, a residual
 * sum in the same pass, and a stored mask. The call of a part is that of the whole with its own lengths and offset. */
#include <dropmask.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 100, CHANNELS = 64, POSITIONS = 50, SAMPLE = CHANNELS * POSITIONS, THREADS = 8 };

static float x[SAMPLES][SAMPLE], r[SAMPLES][SAMPLE], y[SAMPLES][SAMPLE], whole_y[SAMPLES][SAMPLE];
/* One bit for a channel: 64 channels are a word, so that no two threads write the same word. */
static uint64_t mask[SAMPLES], whole_mask[SAMPLES];
static struct dropmask_call whole;

struct part {
    pthread_t thread;
    size_t first, end;
    dropmask_status status;
};

static void *run(void *argument) {
    struct part *part = (struct part *)argument;
    const size_t first = part->first, position[3] = {first, 0, 0};
    struct dropmask_call call = whole;
    uint64_t index = 0;
    part->status = dropmask_call_index(&whole, position, &index);
    call.offset += index;
    call.len[0] = part->end - first;
    if (part->status != DROPMASK_OK) return NULL;
    part->status = dropmask_dropout_forward_f32(&call, x[first], NULL, r[first], NULL, y[first], NULL, &mask[first]);
    return NULL;
}

int main(void) {
    whole = dropmask_call_channels_first(SAMPLES, CHANNELS, POSITIONS);
    whole.key = dropmask_key_new(42);
    dropmask_status status = dropmask_threshold(0.1, &whole.threshold);
    for (int i = 0; i < SAMPLES * SAMPLE; i++) {
        x[i / SAMPLE][i % SAMPLE] = (float)(i + 1);
        r[i / SAMPLE][i % SAMPLE] = (float)(i % 3);
    }
    if (status == DROPMASK_OK)
        status = dropmask_dropout_forward_f32(&whole, *x, NULL, *r, NULL, *whole_y, NULL, whole_mask);

    struct part parts[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        parts[i].first = SAMPLES * i / THREADS;
        parts[i].end = SAMPLES * (i + 1) / THREADS;
        if (pthread_create(&parts[i].thread, NULL, run, &parts[i]) != 0) return 2;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(parts[i].thread, NULL);
        if (status == DROPMASK_OK) status = parts[i].status;
    }

    uint64_t kept = 0;
    dropmask_mask_count_kept(mask, 0, &kept, SAMPLES * CHANNELS);
    printf("%s; %d threads kept %d channels\n", dropmask_status_message(status), THREADS, (int)kept);
    return status != DROPMASK_OK || kept == 0 || memcmp(mask, whole_mask, sizeof mask) != 0 ||
           memcmp(y, whole_y, sizeof y) != 0;
}
