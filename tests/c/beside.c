/* dropmask and another Rust library with std, `tests/umbrella/beside.rs`, in one program. */
#include <dropmask.h>

int64_t beside_sum(uint32_t n);

int main(void) {
    enum { N = 1000 };
    static float x[N], y[N], dx[N];
    for (int i = 0; i < N; i++) x[i] = 1;
    const uint64_t key = dropmask_key_new(42);
    if (dropmask_forward_f32(key, 0.5F, 0, x, y, NULL, N) != DROPMASK_OK) return 1;
    if (beside_sum(1000) != 499500 || beside_sum(100000) != -1) return 2;
    if (dropmask_backward_f32(key, 0.5F, 0, x, dx, N) != DROPMASK_OK) return 3;
    float kept = 0;
    for (int i = 0; i < N; i++) {
        if (y[i] != dx[i]) return 4;
        kept += y[i] / 2;
    }
    /* and a status, no panic, for a fault */
    return kept < 400 || kept > 600 || dropmask_forward_f32(key, 2, 0, x, y, NULL, N) != DROPMASK_INVALID_PROBABILITY;
}
