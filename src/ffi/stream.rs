use core::ptr;

use super::flat::Flat;
use super::status::*;

/// Draws a mask: bit j of it is 1 where the element of index offset + j is kept. Bits past len in the last word become 0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(len) words.
/// Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_fill(key: u64, p: f32, offset: u64, mask: *mut u64, len: usize) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Flat` does.
    unsafe { Flat { key, p, offset, len }.fill(mask) }
}

/// Dropout: y[i] = kept(offset + i) ? x[i] * scale : +0.0, with the scale of dropmask_scale. If mask is not NULL, it is
/// stored as dropmask_fill draws it.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: len floats; y may be equal to x. mask: dropmask_mask_words(len) words, or NULL.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Flat` does.
    unsafe { Flat { key, p, offset, len }.forward(x, y, mask) }
}

/// The gradient of dropmask_forward_f32, its mask drawn again: dx[i] = kept(offset + i) ? dy[i] * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: len floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    dy: *const f32,
    dx: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Flat` does.
    unsafe { Flat { key, p, offset, len }.forward(dy, dx, ptr::null_mut()) }
}
