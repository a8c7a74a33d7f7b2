//! Rows of a matrix that lie apart in memory, in the element indices, or in both.

use super::call::{Call, StoredCall};
use super::options::DROPMASK_INVERTED;
use super::status::*;
use crate::layout::Layout;

/// dropmask_fill by rows: a column shard of a matrix in one call. Element c of row r has the index offset + r *
/// index_stride + c, and its bit is bit r * columns + c of mask: the bits of a row follow those of the row before. An
/// index_stride of 0 gives every row the same bits, which are stored once: bit c. The rest of the last word becomes 0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(rows * columns) words; if index_stride is 0, dropmask_mask_words(columns).
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_fill(
    key: u64,
    p: f32,
    offset: u64,
    rows: usize,
    columns: usize,
    index_stride: u64,
    mask: *mut u64,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, DROPMASK_INVERTED, shape(rows, columns, columns, index_stride)).fill(mask) }
}

/// dropmask_forward_f32 by rows, a column shard of a matrix in one call: y = kept(index) ? x * scale : +0.0, where the
/// scale is 1 unless scaling is DROPMASK_INVERTED. Element c of row r is at r * stride + c of a buffer and has the
/// index offset + r * index_stride + c. What lies between the rows is neither read nor written. The stride is at least
/// columns; the index_stride is any, 0 for the same mask in every row. If mask is not NULL, it is stored as
/// dropmask_rows_fill draws it.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x. mask: as in dropmask_rows_fill, or NULL.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(rows, columns, stride, index_stride)).forward(x, y, mask) }
}

/// dropmask_forward_residual_f32 by rows, as in dropmask_rows_forward_f32: y = r + (kept(index) ? x * scale : +0.0).
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: (rows - 1) * stride + columns floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_forward_residual_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(rows, columns, stride, index_stride)).forward_residual(x, r, y) }
}

/// dropmask_forward_add_f32 by rows, as in dropmask_rows_forward_f32: r += kept(index) ? x * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r: (rows - 1) * stride + columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_forward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    r: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(rows, columns, stride, index_stride)).add(x, r) }
}

/// dropmask_backward_f32 by rows, as in dropmask_rows_forward_f32: dx = kept(index) ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(rows, columns, stride, index_stride)).backward(dy, dx) }
}

/// dropmask_backward_add_f32 by rows, as in dropmask_rows_forward_f32: dx += kept(index) ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape(rows, columns, stride, index_stride)).add(dy, dx) }
}

/// dropmask_evaluate_f32 by rows, of which element c of row r is at r * stride + c.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_evaluate_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1])).evaluate(x, y) }
}

/// dropmask_evaluate_residual_f32 by rows, of which element c of row r is at r * stride + c.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: (rows - 1) * stride + columns floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_evaluate_residual_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1])).evaluate_residual(x, r, y) }
}

/// dropmask_apply_f32 by rows, with a mask from any bit on: y = (bit first + r * index_stride + c of mask) ? x * scale
/// : +0.0 of element c of row r, at r * stride + c. The index_stride is any, and 0 gives every row the same bits. Of a
/// mask that was stored by rows it is columns, or 0 if it was stored with an index_stride of 0.
///
/// mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. x, y: (rows - 1) * stride + columns
/// floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_apply_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape(rows, columns, stride, index_stride)).apply(x, y) }
}

/// dropmask_apply_add_f32 by rows, as in dropmask_rows_apply_f32: dx += bit ? dy * scale : +0.0.
///
/// mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. dy, dx: (rows - 1) * stride + columns
/// floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_apply_add_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape(rows, columns, stride, index_stride)).add(dy, dx) }
}

/// dropmask_apply_residual_f32 by rows, as in dropmask_rows_apply_f32: y = r + (bit ? x * scale : +0.0).
///
/// mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. x, r, y: (rows - 1) * stride +
/// columns floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_rows_apply_residual_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape(rows, columns, stride, index_stride)).apply_residual(x, r, y) }
}

#[inline(never)] // once, not in each function
pub(super) const fn shape(rows: usize, columns: usize, stride: usize, index_stride: u64) -> Layout {
    Layout::rows(rows, columns).strides([stride, 1]).index_strides([index_stride, 1])
}
