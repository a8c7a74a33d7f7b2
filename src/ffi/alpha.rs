//! Alpha dropout; with one bit for a channel, feature-alpha dropout.

use super::buffers::Nothing;
use super::call::{Call, Draws, dropmask_call};
use super::operands::Operands;
use super::status::*;
use crate::error::Setting;
use crate::kinds::AlphaDropout;

/// Alpha dropout, for networks with SELU: y = kept ? x * a + b : d. With q = threshold / 2^32 and alpha =
/// -1.7580993408473766, in double and each rounded once: a = (q + alpha^2 * q * (1 - q))^(-1/2), b = -a * alpha * (1 - q),
/// d = alpha * a * q. With p = 0 it copies, with p = 1 y is +0.0. Where a channel shares a bit (dropmask_call_channels_first)
/// it is feature-alpha dropout. Evaluation is dropmask_dropout_evaluate_f32. The scaling is DROPMASK_INVERTED.
///
/// x, y: the elements of the call, each at its strides; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_alpha_forward_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::of(x, x_strides, y, y_strides);
            call.run(Draws::Elements, operands, Nothing, |dropout, inputs, y, ()| {
                dropout.supports_no(&[Setting::Scaling])?;
                AlphaDropout::new(dropout).drop(inputs.x(), y)
            })
        })
    }
}

/// The gradient of dropmask_alpha_forward_f32, its mask drawn again: dx = r + (kept ? dy * a : +0.0), and without the sum
/// where r is NULL.
///
/// dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_alpha_backward_f32(
    call: *const dropmask_call,
    dy: *const f32,
    dy_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    dx: *mut f32,
    dx_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((dy, dy_strides), (r, r_strides), (dx, dx_strides));
            call.run(Draws::Elements, operands, Nothing, |dropout, inputs, dx, ()| {
                dropout.supports_no(&[Setting::Scaling])?;
                AlphaDropout::new(dropout).gradient(inputs.all(), dx)
            })
        })
    }
}
