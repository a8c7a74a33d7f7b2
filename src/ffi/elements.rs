//! Dropout of elements of any layout: drawn, stored, evaluated.

use super::buffers::{Nothing, ReadMask, Write, WriteMask, run, unless_null};
use super::call::{Call, Draws, apart_and_fits, dropmask_call};
use super::operands::Operands;
use super::status::*;
use crate::kinds::StoredMask;

/// Draws the mask of a call: the bits of its elements in the order of the axes, without the axes that share one.
///
/// mask: dropmask_mask_words of the bits that dropmask_call_mask_bits counts. The rest of the last word becomes 0.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_fill(call: *const dropmask_call, mask: *mut u64) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            run(
                call.dropout(Draws::MaskAlone, &call.layout),
                (WriteMask(mask, call.mask_bits()),),
                |dropout, (mask,)| dropout.with_layout(call.layout).fill(&mut mask?),
            )
        })
    }
}

/// The mask of dropmask_dropout_fill as bytes, 1 where an element is kept and 0 where it is dropped.
///
/// kept: as many bytes as dropmask_call_mask_bits counts.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_fill_u8(call: *const dropmask_call, kept: *mut u8) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let len = usize::try_from(call.mask_bits()).unwrap_or(usize::MAX);
            run(call.dropout(Draws::MaskAlone, &call.layout), (Write(kept, len),), |dropout, (kept,)| {
                dropout.with_layout(call.layout).fill_u8(kept)
            })
        })
    }
}

/// Dropout in training, forward or, of dy to dx, backward: y = r + (kept ? x * scale : +0.0), and without the sum where r
/// is NULL. The scale is that of the threshold, 1 unless scaling is DROPMASK_INVERTED. If mask is not NULL, it is stored as
/// dropmask_dropout_fill draws it. Where each sample has a threshold of its own, it has a call of its own: len[0] = 1, and the
/// offset plus n * index[0].
///
/// x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. mask: as in
/// dropmask_dropout_fill, or NULL.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_forward_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
    mask: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let draws = if mask.is_null() { Draws::Elements } else { Draws::Mask };
            let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
            let mask = unless_null(mask, WriteMask(mask, call.mask_bits()));
            call.run(draws, operands, mask, |dropout, inputs, y, mask| match mask.transpose()? {
                Some(mut mask) if !inputs.has_residual() => dropout.store(inputs.x(), y, &mut mask),
                Some(mut mask) => {
                    dropout.fill(&mut mask)?;
                    dropout.pass_of(inputs.all(), y);
                    Ok(())
                }
                None => {
                    dropout.pass_of(inputs.all(), y);
                    Ok(())
                }
            })
        })
    }
}

/// dropmask_dropout_forward_f32, forward or backward, by the mask that it stored; key and offset are not used.
///
/// mask: as in dropmask_dropout_fill. x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to
/// both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_apply_f32(
    call: *const dropmask_call,
    mask: *const u64,
    x: *const f32,
    x_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
            let mask = ReadMask(mask, 0, call.if_any(call.mask_bits()));
            call.run(Draws::Nothing, operands, mask, |dropout, inputs, y, mask| {
                dropout.stored(mask?).pass_of(inputs.all(), y);
                Ok(())
            })
        })
    }
}

/// Dropout by a mask of others, forward or backward: y = r + (bit ? x * scale : +0.0), where the indices of the call are those
/// of the bits in the mask: offset + i * index[0] + j * index[1] + ... Its key, threshold and scaling are not used. A scale
/// of 0, which is that of p = 1, drops everything.
///
/// mask: the words up to the last bit. x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or
/// to both.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_apply_bits_f32(
    call: *const dropmask_call,
    mask: *const u64,
    scale: f32,
    x: *const f32,
    x_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of`, `place` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
            let bits = call.if_any(call.layout.span());
            let (layout, readable, inputs, y) = call.place(operands);
            let checked = both(apart_and_fits(&layout, bits), readable);
            run(checked, (inputs, y, ReadMask(mask, call.offset, bits)), |_, (inputs, y, mask)| {
                StoredMask::new(mask?, scale).with_indexed_bits(layout).pass_of(inputs.all(), y);
                Ok(())
            })
        })
    }
}

/// What the network computes when it is not trained: y = r + x, without the sum where r is NULL. With DROPMASK_STANDARD x
/// counts as x * keep, keep = threshold / 2^32 as a float, or as +0.0 whatever it is where that is 0.
///
/// x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropout_evaluate_f32(
    call: *const dropmask_call,
    x: *const f32,
    x_strides: *const usize,
    r: *const f32,
    r_strides: *const usize,
    y: *mut f32,
    y_strides: *const usize,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let operands = Operands::with_residual((x, x_strides), (r, r_strides), (y, y_strides));
            call.run(Draws::Nothing, operands, Nothing, |dropout, inputs, y, ()| dropout.evaluation(inputs.all(), y))
        })
    }
}
