//! relu and dropout with one bit an element for both gradients.

use super::buffers::{ReadMask, WriteMask};
use super::call::{Call, Draws, dropmask_call};
use super::operands::Operands;
use super::status::*;
use crate::kinds::ReluDropout;

/// relu and then dropout in one pass: y = kept ? relu(x) * scale : +0.0. The bit that is stored is whether an element is kept
/// and greater than 0, and serves both gradients.
///
/// Evaluation is relu, then dropmask_dropout_evaluate_f32. relu(-0.0) is +0.0; relu(NaN) is NaN, so a kept NaN stays one, but
/// its bit is 0.
///
/// x, y: the elements of the call, each at its strides; y may be equal to x. mask: dropmask_mask_words(elements) words, a bit
/// for each element in the order of the axes, also along those that share one.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_forward_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
    mask: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let mask = WriteMask(mask, call.layout.unshared().span());
            call.run(Draws::Elements, Operands::of(x, x_strides, y, y_strides), mask, |dropout, inputs, y, mask| {
                ReluDropout::new(dropout).rectify(inputs.x(), y, &mut mask?)
            })
        })
    }
}

/// The gradient of dropmask_relu_forward_f32 by its mask: dx = r + (bit ? dy * scale : +0.0), and without the sum where r is
/// NULL; key and offset are not used.
///
/// mask: as there. dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_relu_backward_f32(
    call: *const dropmask_call,
    mask: *const u64,
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
            let mask = ReadMask(mask, 0, call.layout.unshared().span());
            call.run(Draws::Nothing, operands, mask, |dropout, inputs, dx, mask| {
                ReluDropout::new(dropout).stored(mask?).pass_of(inputs.all(), dx);
                Ok(())
            })
        })
    }
}
