use super::call::StoredCall;
use super::flat;
use super::status::*;

/// Dropout by a stored mask, in either pass: y[i] = (bit i of mask) ? x[i] * scale : +0.0. A scale of 0, which is that
/// of p = 1, drops everything, here and in all that takes a stored mask.
///
/// mask: dropmask_mask_words(len) words. x, y: len floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_apply_f32(
    mask: *const u64,
    scale: f32,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `flat::apply` does.
    unsafe { flat::apply(mask, scale, x, y, len) }
}

/// Accumulates the gradient by a stored mask: dx[i] += (bit i of mask) ? dy[i] * scale : +0.0.
///
/// mask: dropmask_mask_words(len) words. dy, dx: len floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_apply_add_f32(
    mask: *const u64,
    scale: f32,
    dy: *const f32,
    dx: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::flat(mask, scale, len).add(dy, dx) }
}

/// Dropout by a stored mask before a residual sum: y[i] = r[i] + ((bit i of mask) ? x[i] * scale : +0.0).
///
/// mask: dropmask_mask_words(len) words. x, r, y: len floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_apply_residual_f32(
    mask: *const u64,
    scale: f32,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::flat(mask, scale, len).apply_residual(x, r, y) }
}
