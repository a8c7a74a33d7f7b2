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
