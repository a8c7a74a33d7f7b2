//! One of two values for each element.

use super::call::{Call, Draws, dropmask_call};
use super::operands::Operands;
use super::status::*;
use crate::error::{Error, Setting};
use crate::kinds::{Dropout, Select};
use crate::mask::Mask;

/// One of two values: y = kept ? a : b, bit for bit; the drop probability is the chance of b. Zoneout takes the new state for
/// a and the old one for b and y. The scaling is DROPMASK_INVERTED. Evaluation, y = a * keep + b * (1 - keep), are two calls of
/// dropmask_dropout_evaluate_f32 with DROPMASK_STANDARD, first of the input that y is equal to, if it is one: from a to y with
/// this threshold, and from b with 2^32 less it; the second adds to y, which is residual and output. With p = 0 it is a, with
/// p = 1 it is b, where the sum with 0 would turn -0.0 into +0.0.
///
/// mask: NULL or as in dropmask_dropout_fill; key, threshold and offset are not used then. a, b, y: the elements of the call,
/// each at its strides; y may be equal to a, to b or to both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_select_forward_f32(
    call: *const dropmask_call,
    mask: *const u64,
    a: *const f32,
    a_strides: *const usize,
    b: *const f32,
    b_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::of_two((a, a_strides), (b, b_strides), (y, y_strides));
            call.run(Draws::unless(mask), operands, call.stored(mask), |dropout, inputs, y, mask| {
                select(dropout, mask)?.choose(inputs.all(), y)
            })
        })
    }
}

/// The gradient of dropmask_select_forward_f32 to b: db = r + (kept ? +0.0 : dy), and without the sum where r is NULL. That to
/// a is dropmask_dropout_forward_f32 or dropmask_dropout_apply_f32 with DROPMASK_NAIVE.
///
/// mask: as there. dy, r, db: the elements of the call, each at its strides; db may be equal to dy, to r or to both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_select_backward_b_f32(
    call: *const dropmask_call,
    mask: *const u64,
    dy: *const f32,
    dy_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    db: *mut f32,
    db_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((dy, dy_strides), (r, r_strides), (db, db_strides));
            call.run(Draws::unless(mask), operands, call.stored(mask), |dropout, inputs, db, mask| {
                select(dropout, mask)?.gradient_b(inputs.all(), db)
            })
        })
    }
}

fn select(dropout: Dropout, mask: Option<Result<Mask<'_>, Error>>) -> Result<Select<'_>, Error> {
    dropout.supports_no(&[Setting::Scaling])?;
    let select = Select::new(dropout);
    Ok(match mask.transpose()? {
        Some(mask) => select.stored(mask),
        None => select,
    })
}
