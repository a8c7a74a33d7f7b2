//! Whole blocks of feature maps.

use super::buffers::{InOut, Out, ReadMask, WriteMask, run, unless_null};
use super::call::{Call, Draws, dropmask_call};
use super::options::accumulates;
use super::shape::shaped;
use super::status::*;
use crate::engine::Input;
use crate::key::Key;
use crate::kinds::{DropBlock, Dropout, KeptCount};
use crate::layout::Layout;
use crate::probability::Probability;

/// The drop probability of a seed of DropBlock, as a threshold: gamma = min(1, gamma_scale * p * (height * width) / (block^2 *
/// (height - block + 1) * (width - block + 1))), with p of the threshold of the call; and how many seeds there are, whose
/// bits follow each other in the stream.
///
/// The call is that of dropmask_call_broadcast over samples, channels, height and width, without shared axes, or with
/// channels that share, for one mask for all channels of a sample. gamma_scale is 1 for the definition of the paper.
///
/// threshold, seeds: one uint64_t each.
/// Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION, INVALID_BLOCK,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_gamma(
    call: *const dropmask_call,
    block: usize,
    gamma_scale: f64,
    threshold: *mut u64,
    seeds: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let drop_block = drop_block(&call, block, gamma_scale, false);
            run(drop_block, (Out(threshold), Out(seeds)), |drop_block, (threshold, seeds)| {
                (*threshold, *seeds) = (drop_block.gamma().threshold(), drop_block.seeds());
                Ok(())
            })
        })
    }
}

/// Draws the mask of DropBlock, and counts what it keeps: an element is kept if no seed that is dropped has it in its block
/// of block by block elements, of which the seed is the top left corner. Seed (k, l) of channel c of sample n has the bit of
/// index offset + ((n * channels + c) * (height - block + 1) + k) * (width - block + 1) + l, where channels share a mask that of
/// index offset + (n * (height - block + 1) + k) * (width - block + 1) + l. So a shard of whole maps has for its offset the
/// number of seeds before it, which dropmask_dropblock_gamma counts, and not what dropmask_call_index says. Call and gamma_scale
/// are as there.
///
/// mask: NULL or dropmask_mask_words of the bits that dropmask_call_mask_bits counts. kept: one uint64_t, the number of kept
/// bits.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_fill(
    call: *const dropmask_call,
    block: usize,
    gamma_scale: f64,
    mask: *mut u64,
    kept: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let mask = unless_null(mask, WriteMask(mask, call.if_any(call.mask_bits())));
            run(drop_block(&call, block, gamma_scale, true), (mask, Out(kept)), |drop_block, (mask, kept)| {
                let count = match mask.transpose()? {
                    Some(mut mask) => drop_block.fill(&mut mask)?,
                    None => drop_block.count()?,
                };
                *kept = count.kept();
                Ok(())
            })
        })
    }
}

/// DropBlock: draws the mask as dropmask_dropblock_fill does, then y = kept ? x * (total / kept) : +0.0, total being the
/// number of its bits. Without a mask it is drawn twice, to count and to drop. Evaluation is the identity.
///
/// x, y: samples * channels * height * width floats; y may be equal to x. mask: NULL or as in dropmask_dropblock_fill. kept:
/// one uint64_t, the number of kept bits.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_forward_f32(
    call: *const dropmask_call,
    block: usize,
    gamma_scale: f64,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
    kept: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let mask = unless_null(mask, WriteMask(mask, call.if_any(call.mask_bits())));
            let buffers = (InOut(x, y, call.layout.len()), mask, Out(kept));
            run(drop_block(&call, block, gamma_scale, true), buffers, |drop_block, (xy, mask, kept)| {
                let (x, y) = xy.input_and_output();
                let count = if let Some(mut mask) = mask.transpose()? {
                    let count = drop_block.fill(&mut mask)?;
                    drop_block.apply(&[x], y, mask.as_mask(), count);
                    count
                } else {
                    let count = drop_block.count()?;
                    drop_block.draw_and_apply(&[x], y, count)?;
                    count
                };
                *kept = count.kept();
                Ok(())
            })
        })
    }
}

/// The gradient of dropmask_dropblock_forward_f32 by the number of kept bits and the mask, or drawn again: dx = kept ? dy *
/// (total / kept) : +0.0, total being the number of bits; +0.0 throughout if kept is 0. With accumulate, 1 instead of 0, it
/// is added to what is in dx, which is not dy then. Shards that share a factor pass sums: kept of all, and total of all
/// instead of 0, which stands for the bits of this call; of x to y, this is their forward pass.
///
/// mask: NULL or as in dropmask_dropblock_fill. dy, dx: samples * channels * height * width floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_backward_f32(
    call: *const dropmask_call,
    block: usize,
    gamma_scale: f64,
    mask: *const u64,
    kept: u64,
    total: u64,
    dy: *const f32,
    dx: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let drop_block = drop_block(&call, block, gamma_scale, mask.is_null());
            let bits = call.if_any(call.mask_bits());
            let count = KeptCount::new(kept, if total == 0 { bits as u64 } else { total });
            let mask = unless_null(mask, ReadMask(mask, 0, bits));
            let buffers = (InOut(dy, dx, call.layout.len()), mask);
            let checked = both(drop_block, accumulates(accumulate, dy, dx, call.layout.len()));
            run(checked, buffers, |(drop_block, add), (xy, mask)| {
                let (dy, dx) = xy.input_and_output();
                let (once, onto) = ([dy], [dy, Input::InPlace]);
                let inputs = if add { &onto[..] } else { &once };
                match mask.transpose()? {
                    Some(mask) => {
                        drop_block.apply(inputs, dx, mask, count);
                        Ok(())
                    }
                    None => drop_block.draw_and_apply(inputs, dx, count),
                }
            })
        })
    }
}

/// The blocks of a call, if its seeds have indices where they are drawn.
fn drop_block(call: &Call, block: usize, gamma_scale: f64, draws: bool) -> Result<DropBlock, dropmask_status> {
    let shared = call.is(4, shaped(&call.len, &[false, true, false, false]).index).is_ok();
    let over = if shared { Ok(()) } else { call.is(4, shaped(&call.len, &[false; 4]).index) };
    let factor = if gamma_scale >= 0.0 && gamma_scale.is_finite() { Ok(()) } else { Err(DROPMASK_INVALID_OPTION) };
    let made = |dropout| DropBlock::new(dropout, call.len, block).map_err(status_of);
    // of nothing but the shape, which says how many seeds there are
    let shape = Probability::new(0.0).map_err(status_of).and_then(|p| made(Dropout::new(Key::from_raw(0), p)));
    let seeds = shape.map_or(0, |shape| if draws { shape.shared_channels(shared).seeds() } else { 0 });
    let dropout = call.dropout(Draws::Elements, &Layout::flat(seeds as usize));
    let (dropout, _) = both(dropout, both(shape, both(call.inverted(), both(over, factor))))?;
    made(dropout)?.shared_channels(shared).gamma_scale(gamma_scale).map_err(status_of)
}
