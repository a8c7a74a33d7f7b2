//! Alpha dropout by rows, and by channels: feature-alpha dropout.

use super::buffers::{InOut, Pair, Read, Write, run};
use super::call::Call;
use super::options::DROPMASK_INVERTED;
use super::status::*;
use super::{channels, rows};
use crate::kinds::AlphaDropout;

/// Alpha dropout, for networks with SELU activations: y = kept(index) ? x * a + b : d. With q = T / 2^32 the keep
/// probability and alpha = -1.7580993408473766, a = (q + alpha^2 * q * (1 - q))^(-1/2), b = -a * alpha * (1 - q), d =
/// alpha * a * q, each computed in double and rounded once; +0.0 throughout with p = 1. Rows as in
/// dropmask_rows_forward_f32. Evaluation is the identity.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: (rows - 1) * stride + columns floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_alpha_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, rows::shape(rows, columns, stride, index_stride));
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { forward(call, x, y) }
}

/// The gradient of dropmask_alpha_forward_f32: dx = kept(index) ? dy * a : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_alpha_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, rows::shape(rows, columns, stride, index_stride));
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { backward(call, dy, dx) }
}

/// Accumulates the gradient of dropmask_alpha_forward_f32: dx += kept(index) ? dy * a : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: (rows - 1) * stride + columns floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_alpha_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, rows::shape(rows, columns, stride, index_stride));
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { backward_add(call, dy, dx) }
}

/// Feature-alpha dropout: dropmask_alpha_forward_f32 with one bit for a whole channel, of the shape of
/// dropmask_channels_forward_f32.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: samples * channels * positions floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_feature_alpha_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let (shape, layout) = channels::shape(layout, samples, channels, positions, index_stride);
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, shape).given(layout);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { forward(call, x, y) }
}

/// The gradient of dropmask_feature_alpha_forward_f32: dx = kept ? dy * a : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * channels * positions floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_feature_alpha_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let (shape, layout) = channels::shape(layout, samples, channels, positions, index_stride);
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, shape).given(layout);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { backward(call, dy, dx) }
}

/// Accumulates the gradient of dropmask_feature_alpha_forward_f32: dx += kept ? dy * a : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * channels * positions floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_feature_alpha_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let (shape, layout) = channels::shape(layout, samples, channels, positions, index_stride);
    let call = Call::new(key, p, offset, DROPMASK_INVERTED, shape).given(layout);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { backward_add(call, dy, dx) }
}

unsafe fn forward(call: Call, x: *const f32, y: *mut f32) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(x, y, call.elements()),), |dropout, (xy,)| match xy {
            Pair::Apart(x, y) => AlphaDropout::new(dropout).forward(x, y),
            Pair::InPlace(x) => AlphaDropout::new(dropout).forward_in_place(x),
        })
    }
}

unsafe fn backward(call: Call, dy: *const f32, dx: *mut f32) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (InOut(dy, dx, call.elements()),), |dropout, (xy,)| match xy {
            Pair::Apart(dy, dx) => AlphaDropout::new(dropout).backward(dy, dx),
            Pair::InPlace(dy) => AlphaDropout::new(dropout).backward_in_place(dy),
        })
    }
}

unsafe fn backward_add(call: Call, dy: *const f32, dx: *mut f32) -> dropmask_status {
    let len = call.elements();
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(call.stream(), (Read(dy, len), Write(dx, len)), |dropout, (dy, dx)| {
            AlphaDropout::new(dropout).backward_add(dy, dx)
        })
    }
}
