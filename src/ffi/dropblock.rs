//! Whole blocks of feature maps.

use super::buffers::{InOut, Out, Pair, WriteMask, run};
use super::call::{Call, StoredCall};
use super::status::*;
use crate::kinds::{DropBlock, KeptCount};

/// The drop probability of a seed of DropBlock, as a threshold: a seed is kept with probability threshold / 2^32. It
/// is p * (H * W) / (b * b * (H - b + 1) * (W - b + 1)) in double, at most 1.
///
/// p: a float; a double is rounded to it first, see the rules.
/// threshold: one uint64_t.
/// Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_BLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_gamma(
    p: f32,
    height: usize,
    width: usize,
    block: usize,
    threshold: *mut u64,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(drop_block(0, p, 0, [1, 1, height, width], block), (Out(threshold),), |drop_block, (threshold,)| {
            *threshold = drop_block.gamma().threshold();
            Ok(())
        })
    }
}

/// The number of seeds of DropBlock, samples * channels * (height - block + 1) * (width - block + 1): how many indices
/// it uses. A shard of whole maps has the offset of the number of seeds before it.
///
/// seeds: one uint64_t.
/// Status: OK, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_BLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_seeds(
    samples: usize,
    channels: usize,
    height: usize,
    width: usize,
    block: usize,
    seeds: *mut u64,
) -> dropmask_status {
    let shape = [samples, channels, height, width];
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(drop_block(0, 0.0, 0, shape, block), (Out(seeds),), |drop_block, (seeds,)| {
            *seeds = drop_block.seeds();
            Ok(())
        })
    }
}

/// The mask of DropBlock on feature maps of shape (samples, channels, height, width): each place (n, c, k, l) where a
/// block of block x block elements fits is a seed, named by its top left corner, with the bit of index offset + ((n *
/// channels + c) * (height - block + 1) + k) * (width - block + 1) + l, and dropped with the probability of
/// dropmask_dropblock_gamma; then its whole block is. Bit j of mask is 1 where element j is kept.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(samples * channels * height * width) words. kept: one uint64_t, the number of kept
/// elements.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_BLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_fill(
    key: u64,
    p: f32,
    offset: u64,
    samples: usize,
    channels: usize,
    height: usize,
    width: usize,
    block: usize,
    mask: *mut u64,
    kept: *mut u64,
) -> dropmask_status {
    let shape = [samples, channels, height, width];
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            drop_block(key, p, offset, shape, block),
            (WriteMask(mask, bits(shape)), Out(kept)),
            |drop_block, (mask, kept)| {
                *kept = drop_block.fill(&mut mask?)?.kept();
                Ok(())
            },
        )
    }
}

/// DropBlock: draws the mask as dropmask_dropblock_fill does, then y = kept ? x * (total / kept) : +0.0, of total
/// elements. Evaluation is the identity.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: samples * channels * height * width floats; y may be equal to x. mask: dropmask_mask_words(samples *
/// channels * height * width) words. kept: one uint64_t, the number of kept elements.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_BLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    samples: usize,
    channels: usize,
    height: usize,
    width: usize,
    block: usize,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
    kept: *mut u64,
) -> dropmask_status {
    let shape = [samples, channels, height, width];
    let buffers = (InOut(x, y, len(shape)), WriteMask(mask, bits(shape)), Out(kept));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(drop_block(key, p, offset, shape, block), buffers, |drop_block, (xy, mask, kept)| {
            let count = match xy {
                Pair::Apart(x, y) => drop_block.forward(x, y, &mut mask?)?,
                Pair::InPlace(x) => drop_block.forward_in_place(x, &mut mask?)?,
            };
            *kept = count.kept();
            Ok(())
        })
    }
}

/// The gradient of dropmask_dropblock_forward_f32, by its mask and count: dx = (bit i of mask) ? dy * (len / kept) :
/// +0.0 of len = samples * channels * height * width elements, +0.0 throughout if kept is 0. Shards that share a factor
/// use dropmask_apply_f32 with the scale of dropmask_dropblock_scale instead.
///
/// mask: dropmask_mask_words(len) words. dy, dx: len floats; dx may be equal to dy.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_dropblock_backward_f32(
    kept: u64,
    mask: *const u64,
    dy: *const f32,
    dx: *mut f32,
    len: usize,
) -> dropmask_status {
    let scale = dropmask_dropblock_scale(kept, len as u64);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::flat(mask, scale, len).apply(dy, dx) }
}

/// The factor of DropBlock that makes up for what is dropped, total / kept; 0 if nothing is kept. Of shards, pass the
/// sums of their counts.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_dropblock_scale(kept: u64, total: u64) -> f32 {
    KeptCount::new(kept, total).scale()
}

fn drop_block(key: u64, p: f32, offset: u64, shape: [usize; 4], block: usize) -> Result<DropBlock, dropmask_status> {
    DropBlock::new(Call::flat(key, p, offset, 0).unshaped()?, shape, block).map_err(status_of)
}

fn len(shape: [usize; 4]) -> usize {
    usize::try_from(bits(shape)).unwrap_or(usize::MAX)
}

fn bits(shape: [usize; 4]) -> u128 {
    shape.into_iter().fold(1, |bits: u128, n| bits.saturating_mul(n as u128))
}
