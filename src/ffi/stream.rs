use core::ptr;

use super::call::Call;
use super::flat::Flat;
use super::status::*;
use crate::layout::Layout;

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

/// Dropout before a residual sum: y[i] = r[i] + (kept(offset + i) ? x[i] * scale : +0.0). The gradient of r is dy, that
/// of x is dropmask_backward_f32.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: len floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_forward_residual_f32(
    key: u64,
    p: f32,
    offset: u64,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::flat(key, p, offset, len).forward_residual(x, r, y) }
}

/// Dropout added to a residual: r[i] += kept(offset + i) ? x[i] * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r: len floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_forward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    x: *const f32,
    r: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::flat(key, p, offset, len).add(x, r) }
}

/// Accumulates the gradient: dx[i] += kept(offset + i) ? dy[i] * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: len floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    dy: *const f32,
    dx: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::flat(key, p, offset, len).add(dy, dx) }
}

/// What the network computes when it is not trained: y[i] = x[i], with DROPMASK_STANDARD y[i] = x[i] * keep, with the
/// keep of dropmask_keep; where keep is 0 (p = 1), y[i] = +0.0 whatever x is.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: len floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_evaluate_f32(
    p: f32,
    scaling: u32,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::evaluation(p, scaling, Layout::flat(len)).evaluate(x, y) }
}

/// dropmask_evaluate_f32 before a residual sum: y[i] = r[i] + x[i], with DROPMASK_STANDARD y[i] = r[i] + x[i] * keep;
/// where keep is 0, y[i] = r[i] + 0.0 whatever x is.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: len floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_evaluate_residual_f32(
    p: f32,
    scaling: u32,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
    len: usize,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::evaluation(p, scaling, Layout::flat(len)).evaluate_residual(x, r, y) }
}
