//! One bit for a whole sample.

use super::call::Call;
use super::status::*;
use crate::layout::Layout;

/// DropPath (stochastic depth), one bit for each sample of len elements: y = kept(offset + n) ? x * scale : +0.0 for
/// all elements of sample n, where the scale is 1 unless scaling is DROPMASK_INVERTED; DROPMASK_NAIVE is what others
/// call scale_by_keep = false. If mask is not NULL, it is stored with bit n for sample n. Evaluation is
/// dropmask_evaluate_f32.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: samples * len floats; y may be equal to x. mask: dropmask_mask_words(samples) words, or NULL.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_path_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    samples: usize,
    len: usize,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(samples, len)).forward(x, y, mask) }
}

/// DropPath before a residual sum, as in dropmask_path_forward_f32: y = r + (kept ? x * scale : +0.0).
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: samples * len floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_path_forward_residual_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    samples: usize,
    len: usize,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(samples, len)).forward_residual(x, r, y) }
}

/// DropPath added to a residual, as in dropmask_path_forward_f32: r += kept ? x * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r: samples * len floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_path_forward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    samples: usize,
    len: usize,
    x: *const f32,
    r: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(samples, len)).add(x, r) }
}

/// The gradient of dropmask_path_forward_f32: dx = kept ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * len floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_path_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    samples: usize,
    len: usize,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(samples, len)).backward(dy, dx) }
}

/// Accumulates the gradient of dropmask_path_forward_f32: dx += kept ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * len floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_path_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    samples: usize,
    len: usize,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(samples, len)).add(dy, dx) }
}

const fn shape(samples: usize, len: usize) -> Layout {
    Layout::samples(samples, len)
}
