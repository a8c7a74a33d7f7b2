//! A bias, dropout and a residual sum in one pass.

use super::buffers::{Read, Write, run};
use super::call::{Call, Draws, dropmask_call};
use super::operands::Operands;
use super::options::flag;
use super::status::*;
use crate::kinds::BiasDropout;

/// A bias, dropout and a residual sum in one pass: y = r + (kept ? (x + b) * scale : +0.0), and without the sum where r is
/// NULL. x + b is rounded before it is multiplied.
///
/// x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. b: as many floats as the last
/// axis is long.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_forward_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    b: *const f32,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
    // SAFETY: the header demands of the pointers what `pass` does.
    unsafe { pass(call, operands, b, true) }
}

/// The gradients of dropmask_bias_forward_f32, its mask drawn again: dx = r + g with g = kept ? dy * scale : +0.0, and without
/// the sum where r is NULL; db is the sum of g over all axes but the last, in ascending order, from 0.0 on, or with accumulate,
/// 1 instead of 0, from what is in db. The gradient of the residual of the forward pass is dy.
///
/// dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both. db: as many floats as the
/// last axis is long.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_backward_f32(
    call: *const dropmask_call,
    dy: *const f32,
    dy_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    dx: *mut f32,
    dx_strides: *const usize,
    db: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((dy, dy_strides), (r, r_strides), (dx, dx_strides));
            let db = Write(db, call.layout.columns());
            let (dropout, inputs, dx) = call.prepare(Draws::Elements, operands);
            run(both(dropout, flag(accumulate)), (inputs, dx, db), |(dropout, add), (inputs, dx, db)| {
                if !add {
                    db.fill(0.0);
                }
                BiasDropout::new(dropout).gradients(inputs.all(), dx, db)
            })
        })
    }
}

/// What the network computes when it is not trained: y = r + (x + b), without the first sum where r is NULL. With
/// DROPMASK_STANDARD x + b is multiplied by keep, and +0.0 whatever it is where that is 0.
///
/// x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. b: as many floats as the last
/// axis is long.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_bias_evaluate_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    b: *const f32,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
    // SAFETY: the header demands of the pointers what `pass` does.
    unsafe { pass(call, operands, b, false) }
}

/// # Safety
/// As of `Call::of` and `Call::run`.
unsafe fn pass(call: *const dropmask_call, operands: Operands, b: *const f32, train: bool) -> dropmask_status {
    // SAFETY: our caller promises it.
    unsafe {
        Call::of(call, |call| {
            let draws = if train { Draws::Elements } else { Draws::Nothing };
            // nothing is added to no rows
            let b = Read(b, call.if_any(call.layout.columns() as u128) as usize);
            call.run(draws, operands, b, |dropout, inputs, y, b| {
                BiasDropout::new(dropout).run(train, inputs.all(), b, y)
            })
        })
    }
}
