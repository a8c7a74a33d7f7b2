/* Eight threads, each with its shard of one tensor and of its mask, write what one thread does. A shard of a stored
 * mask starts at a multiple of 64 elements, so that no two threads write the same word. */
#include <dropmask.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { LEN = 100000, THREADS = 8, WORDS = (LEN + 63) / 64 };

static const float p = 0.1F;
static uint64_t key, mask[WORDS], whole_mask[WORDS];
static float x[LEN], y[LEN], whole_y[LEN];

static void *fill_shard(void *number) {
    const size_t shard = 196 * 64, first = *(const size_t *)number * shard, rest = LEN - first;
    dropmask_forward_f32(key, p, first, x + first, y + first, mask + first / 64, rest < shard ? rest : shard);
    return NULL;
}

int main(void) {
    key = dropmask_key_new(42);
    for (int i = 0; i < LEN; i++) x[i] = (float)(i + 1);
    dropmask_forward_f32(key, p, 0, x, whole_y, whole_mask, LEN);

    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, fill_shard, &numbers[i]) != 0) return 2;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    uint64_t kept = 0;
    dropmask_mask_count_kept(mask, 0, LEN, &kept);
    printf("%d threads kept %d of %d elements\n", THREADS, (int)kept, LEN);
    return kept == 0 || memcmp(mask, whole_mask, sizeof mask) != 0 || memcmp(y, whole_y, sizeof y) != 0;
}
