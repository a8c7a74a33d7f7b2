//! One bit for a whole channel.

use super::call::{Call, StoredCall};
use super::options::DROPMASK_INVERTED;
use super::status::*;
use crate::layout::Layout;

/// Samples, channels, positions: element s of channel c of sample n is at (n * channels + c) * positions + s.
pub const DROPMASK_CHANNELS_FIRST: u32 = 0;
/// Samples, positions, channels: element s of channel c of sample n is at (n * positions + s) * channels + c.
pub const DROPMASK_CHANNELS_LAST: u32 = 1;

/// Draws the mask of channels: the bit of channel c of sample n is that of index offset + n * index_stride + c, and bit
/// n * channels + c of mask: the bits of a sample follow those of the sample before. An index_stride of 0 gives every
/// sample the same bits, which are stored once: bit c. The rest of the last word becomes 0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: dropmask_mask_words(samples * channels) words; if index_stride is 0, dropmask_mask_words(channels).
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_fill(
    key: u64,
    p: f32,
    offset: u64,
    samples: usize,
    channels: usize,
    index_stride: u64,
    mask: *mut u64,
) -> dropmask_status {
    let shape = Layout::channels_first(samples, channels, 1).index_strides([index_stride, 1, 0]);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, DROPMASK_INVERTED, shape).fill(mask) }
}

/// Spatial dropout, one bit for a whole channel: y = kept(offset + n * index_stride + c) ? x * scale : +0.0 for all
/// elements of channel c of sample n, where the scale is 1 unless scaling is DROPMASK_INVERTED. The layout is
/// DROPMASK_CHANNELS_FIRST or DROPMASK_CHANNELS_LAST; the same key drops the same channels in both. positions is L,
/// H * W or D * H * W; index_stride is the number of channels of the whole tensor (0: the same channels in every
/// sample). If mask is not NULL, it is stored as dropmask_channels_fill draws it. Evaluation is dropmask_evaluate_f32.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, y: samples * channels * positions floats; y may be equal to x. mask: as in dropmask_channels_fill, or NULL.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
    mask: *mut u64,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape).given(layout).forward(x, y, mask) }
}

/// Spatial dropout before a residual sum, as in dropmask_channels_forward_f32: y = r + (kept ? x * scale : +0.0).
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r, y: samples * channels * positions floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_forward_residual_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape).given(layout).forward_residual(x, r, y) }
}

/// Spatial dropout added to a residual, as in dropmask_channels_forward_f32: r += kept ? x * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// x, r: samples * channels * positions floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_forward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    r: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape).given(layout).add(x, r) }
}

/// The gradient of dropmask_channels_forward_f32: dx = kept ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * channels * positions floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape).given(layout).backward(dy, dx) }
}

/// Accumulates the gradient of dropmask_channels_forward_f32: dx += kept ? dy * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// dy, dx: samples * channels * positions floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_backward_add_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { Call::new(key, p, offset, scaling, shape).given(layout).add(dy, dx) }
}

/// Spatial dropout by a stored mask, in either pass: y = (bit first + n * index_stride + c of mask) ? x * scale : +0.0
/// for all elements of channel c of sample n. The index_stride is any, and 0 gives every sample the same bits. Of a
/// mask that was stored by channels it is channels, or 0 if it was stored with an index_stride of 0.
///
/// mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. x, y: samples * channels *
/// positions floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_apply_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape).given(layout).apply(x, y) }
}

/// Accumulates the gradient by a stored mask, as in dropmask_channels_apply_f32: dx += bit ? dy * scale : +0.0.
///
/// mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. dy, dx: samples * channels *
/// positions floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_apply_add_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape).given(layout).add(dy, dx) }
}

/// Spatial dropout by a stored mask before a residual sum, as in dropmask_channels_apply_f32: y = r + (bit ? x * scale
/// : +0.0).
///
/// mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. x, r, y: samples * channels *
/// positions floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_channels_apply_residual_f32(
    mask: *const u64,
    first: u64,
    scale: f32,
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
    x: *const f32,
    r: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let (shape, layout) = shape(layout, samples, channels, positions, index_stride);
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { StoredCall::new(mask, first, scale, shape).given(layout).apply_residual(x, r, y) }
}

/// The shape, and whether there is such a layout.
#[inline(never)] // once, not in each function
pub(super) const fn shape(
    layout: u32,
    samples: usize,
    channels: usize,
    positions: usize,
    index_stride: u64,
) -> (Layout, Result<(), dropmask_status>) {
    let first = Layout::channels_first(samples, channels, positions).index_strides([index_stride, 1, 0]);
    let (shape, known) = match layout {
        DROPMASK_CHANNELS_LAST => {
            (Layout::channels_last(samples, positions, channels).index_strides([index_stride, 0, 1]), Ok(()))
        }
        DROPMASK_CHANNELS_FIRST => (first, Ok(())),
        _ => (first, Err(DROPMASK_INVALID_OPTION)),
    };
    (shape, known)
}
