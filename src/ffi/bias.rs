//! A bias, dropout and a residual sum in one pass.

use super::buffers::{InOut, Pair, Read, Write, run};
use super::call::Call;
use super::rows;
use super::status::*;
use crate::kinds::BiasDropout;
use crate::layout::Layout;

/// A bias and dropout in one pass: y = kept(index) ? (x + b[c]) * scale : +0.0 of element c of each row; rows and
/// scaling as in dropmask_rows_forward_f32. x + b is rounded to float before it is multiplied.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    b: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, len), bias(b, rows, columns)), |dropout, (xy, b)| match xy {
            Pair::Apart(x, y) => BiasDropout::new(dropout).forward(x, b, y),
            Pair::InPlace(x) => BiasDropout::new(dropout).forward_in_place(x, b),
        })
    }
}

/// dropmask_bias_forward_f32 before a residual sum: y = r + (kept(index) ? (x + b[c]) * scale : +0.0).
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_forward_residual_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    b: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, len), bias(b, rows, columns), Read(r, len)), |dropout, (xy, b, r)| match xy {
            Pair::Apart(x, y) => BiasDropout::new(dropout).forward_residual(x, b, r, y),
            Pair::InPlace(x) => BiasDropout::new(dropout).forward_residual_in_place(x, b, r),
        })
    }
}

/// dropmask_bias_forward_f32 added to a residual: r += kept(index) ? (x + b[c]) * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r: (rows - 1) * stride + columns floats. b: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_forward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    b: *const f32,
    r: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (Read(x, len), bias(b, rows, columns), Write(r, len)), |dropout, (x, b, r)| {
            BiasDropout::new(dropout).forward_add(x, b, r)
        })
    }
}

/// Both gradients of dropmask_bias_forward_f32 and its relatives: dx = kept(index) ? dy * scale : +0.0, and db[c] =
/// 0.0 + dx of row 0 + dx of row 1 + ..., in float and in this order. That of r is dy.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy. db: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_backward_f32(
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
    db: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(dy, dx, len), Write(db, columns)), |dropout, (xy, db)| match xy {
            Pair::Apart(dy, dx) => BiasDropout::new(dropout).backward(dy, dx, db),
            Pair::InPlace(dy) => BiasDropout::new(dropout).backward_in_place(dy, db),
        })
    }
}

/// Accumulates both gradients of dropmask_bias_forward_f32 and its relatives: each row is added to db, in ascending
/// order, and to dx.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats. db: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_backward_add_f32(
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
    db: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (Read(dy, len), Write(dx, len), Write(db, columns)), |dropout, (dy, dx, db)| {
            BiasDropout::new(dropout).backward_add(dy, dx, db)
        })
    }
}

/// What the network computes when it is not trained: y = x + b[c], with DROPMASK_STANDARD y = (x + b[c]) * keep; where
/// keep is 0 (p = 1), y = +0.0 whatever x and b are.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_evaluate_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    x: *const f32,
    b: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1]));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, len), bias(b, rows, columns)), |dropout, (xy, b)| match xy {
            Pair::Apart(x, y) => BiasDropout::new(dropout).evaluate(x, b, y),
            Pair::InPlace(x) => BiasDropout::new(dropout).evaluate_in_place(x, b),
        })
    }
}

/// dropmask_bias_evaluate_f32 before a residual sum: y = r + (x + b[c]), with DROPMASK_STANDARD y = r + (x + b[c]) *
/// keep; where keep is 0, y = r + 0.0 whatever x and b are.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_evaluate_residual_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    x: *const f32,
    b: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1]));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, len), bias(b, rows, columns), Read(r, len)), |dropout, (xy, b, r)| match xy {
            Pair::Apart(x, y) => BiasDropout::new(dropout).evaluate_residual(x, b, r, y),
            Pair::InPlace(x) => BiasDropout::new(dropout).evaluate_residual_in_place(x, b, r),
        })
    }
}

/// The bias, of which nothing is used where there are no rows.
const fn bias(b: *const f32, rows: usize, columns: usize) -> Read<f32> {
    Read(b, if rows == 0 { 0 } else { columns })
}
