//! relu and dropout with one bit an element for both gradients.

use super::buffers::{InOut, Pair, Read, ReadMask, Write, WriteMask, run};
use super::call::Call;
use super::rows;
use super::status::*;
use crate::kinds::ReluDropout;
use crate::layout::Layout;

/// relu and dropout in one pass, with one stored bit an element that serves both gradients: y = kept(index) ?
/// relu(x) * scale : +0.0, and the bit of an element is whether it is kept and x > 0. Rows and scaling as in
/// dropmask_rows_forward_f32; bit r * columns + c of mask is that of element c of row r, with any index_stride: no two
/// elements share one. relu(-0.0) is +0.0; relu(NaN) is NaN, and its bit 0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x. mask: dropmask_mask_words(rows * columns) words.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_forward_f32(
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
    let call = Call::new(key, p, offset, scaling, rows::shape(rows, columns, stride, index_stride));
    let buffers = (InOut(x, y, call.elements()), WriteMask(mask, call.all_bits()));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), buffers, |dropout, (xy, mask)| match xy {
            Pair::Apart(x, y) => ReluDropout::new(dropout).forward(x, y, &mut mask?),
            Pair::InPlace(x) => ReluDropout::new(dropout).forward_in_place(x, &mut mask?),
        })
    }
}

/// The gradient of dropmask_relu_forward_f32, by the mask that it stored: dx = bit ? dy * scale : +0.0; where scale is
/// 0, +0.0 throughout.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(rows * columns) words. dy, dx: (rows - 1) * stride + columns floats; dx may be equal to
/// dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_backward_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    mask: *const u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let call = Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1]));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (ReadMask(mask, 0, call.all_bits()), InOut(dy, dx, len)), |dropout, (mask, xy)| match xy {
            Pair::Apart(dy, dx) => ReluDropout::new(dropout).backward(dy, dx, mask?),
            Pair::InPlace(dy) => ReluDropout::new(dropout).backward_in_place(dy, mask?),
        })
    }
}

/// Accumulates the gradient of dropmask_relu_forward_f32: dx += bit ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(rows * columns) words. dy, dx: (rows - 1) * stride + columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_backward_add_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    mask: *const u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let call = Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1]));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            call.stream(),
            (ReadMask(mask, 0, call.all_bits()), Read(dy, len), Write(dx, len)),
            |dropout, (mask, dy, dx)| ReluDropout::new(dropout).backward_add(dy, dx, mask?),
        )
    }
}

/// What the network computes when it is not trained: y = relu(x), with DROPMASK_STANDARD y = relu(x) * keep; where keep
/// is 0 (p = 1), y = +0.0 whatever x is.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_evaluate_f32(
    p: f32,
    scaling: u32,
    rows: usize,
    columns: usize,
    stride: usize,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::evaluation(p, scaling, Layout::rows(rows, columns).strides([stride, 1]));
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, len),), |dropout, (xy,)| match xy {
            Pair::Apart(x, y) => ReluDropout::new(dropout).evaluate(x, y),
            Pair::InPlace(x) => ReluDropout::new(dropout).evaluate_in_place(x),
        })
    }
}
