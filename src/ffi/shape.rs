//! Calls of the usual shapes.

use core::slice;

use super::buffers::{Out, Read, run};
use super::call::{Call, dropmask_call};
use super::options::DROPMASK_INVERTED;
use super::status::*;
use crate::layout::AXES;

/// A call over one row: element i has the bit of index offset + i.
///
/// As all of these, its key is 0, its offset 0, its scaling DROPMASK_INVERTED, and its threshold none, which is to be set.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_call_flat(len: usize) -> dropmask_call {
    shaped(&[len], &[false])
}

/// A call over a matrix, a bit for each element.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_call_rows(rows: usize, columns: usize) -> dropmask_call {
    shaped(&[rows, columns], &[false; 2])
}

/// A call over samples, channels and positions (L, H * W or D * H * W), one bit for a channel of a sample: spatial dropout.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_call_channels_first(samples: usize, channels: usize, positions: usize) -> dropmask_call {
    shaped(&[samples, channels, positions], &[false, false, true])
}

/// A call over samples, positions and channels, with the same bit for a channel as dropmask_call_channels_first.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_call_channels_last(samples: usize, positions: usize, channels: usize) -> dropmask_call {
    shaped(&[samples, positions, channels], &[false, true, false])
}

/// A call over samples of len elements, one bit for a sample: DropPath (stochastic depth). DROPMASK_NAIVE is what others
/// call scale_by_keep = false.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_call_samples(samples: usize, len: usize) -> dropmask_call {
    shaped(&[samples, len], &[false, true])
}

/// A call over up to four axes, with one bit along those that share: where noise_shape has a 1.
///
/// axes: 1 to 4. len, shared: one of each for an axis, outermost first; shared is not 0 where it shares. With NULL or
/// another number of axes it is a call that every function refuses with DROPMASK_INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_call_broadcast(axes: u32, len: *const usize, shared: *const u8) -> dropmask_call {
    let count = axes as usize;
    if !(1..=AXES).contains(&count) || len.is_null() || !len.is_aligned() || shared.is_null() {
        return shaped(&[], &[]);
    }
    // SAFETY: both are neither NULL nor misaligned; the header demands as many of each as there are axes.
    let (len, shared) = unsafe { (slice::from_raw_parts(len, count), slice::from_raw_parts(shared, count)) };
    let mut one_bit = [false; AXES];
    one_bit.iter_mut().zip(shared).for_each(|(to, from)| *to = *from != 0);
    shaped(len, &one_bit)
}

/// The index of an element of a call, less its offset, modulo 2^64.
///
/// position: one number for each axis, outermost first. index: one uint64_t.
/// Status: OK, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_call_index(
    call: *const dropmask_call,
    position: *const usize,
    index: *mut u64,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            run(Ok(()), (Read(position, call.axes), Out(index)), |(), (position, index)| {
                let mut at = [0; AXES];
                at.iter_mut().skip(AXES - call.axes).zip(position).for_each(|(to, from)| *to = *from);
                *index = call.layout.index_of(at);
                Ok(())
            })
        })
    }
}

/// The number of bits of the mask that a call stores: those of its elements in the order of the axes, without the axes that
/// share one, packed without gaps.
///
/// bits: one size_t.
/// Status: OK, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_call_mask_bits(call: *const dropmask_call, bits: *mut usize) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let count = usize::try_from(call.mask_bits()).map_err(|_| DROPMASK_INVALID_SHAPE);
            run(count, (Out(bits),), |count, (bits,)| {
                *bits = count;
                Ok(())
            })
        })
    }
}

/// Of no axes, no call.
#[inline(never)] // once, not in each function
pub(super) fn shaped(lengths: &[usize], shared: &[bool]) -> dropmask_call {
    let (mut len, mut index, mut stride) = ([0; AXES], [0; AXES], 1_u64);
    len.iter_mut().zip(lengths).for_each(|(to, from)| *to = *from);
    for ((index, len), shared) in index.iter_mut().zip(lengths).zip(shared).rev() {
        if !shared {
            *index = stride;
            stride = stride.saturating_mul(*len as u64);
        }
    }
    let size = size_of::<dropmask_call>();
    let (axes, threshold) = (lengths.len() as u32, u64::MAX);
    dropmask_call { size, key: 0, threshold, offset: 0, scaling: DROPMASK_INVERTED, axes, len, index }
}
