//! Calls of C as the arguments say, and what can be wrong with their description.

use dropmask::ffi::*;
use dropmask::{Layout, Mask, Probability};

use crate::function::{Args, Data};

/// What is wrong with the description of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    Nothing,
    Null,
    Misaligned,
    /// Of the strides, where there are any.
    StridesMisaligned,
    Size(usize),
    /// A larger size, and something behind the fields.
    More,
    Axes(u32),
    /// Of the last axis that is there, if the struct had one less.
    Length,
    Index,
    /// Of a layout that means nothing to the kind.
    Layout,
}

/// The description, and room behind it.
#[repr(C)]
struct Described {
    call: dropmask_call,
    rest: [u64; 2],
}

fn with(a: &Args, mut call: dropmask_call, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    // one past the greatest for what is no probability
    call.threshold = Probability::new(a.p).map_or((1 << 32) + 1, Probability::threshold);
    (call.key, call.offset, call.scaling) = (a.key, a.offset, a.scaling);
    let mut described = Described { call, rest: [0; 2] };
    let call = &mut described.call;
    match a.wrong {
        Wrong::Null => return run(std::ptr::null()),
        Wrong::Misaligned => return run((&raw const described.call).wrapping_byte_add(1)),
        Wrong::Size(size) => call.size = size,
        Wrong::More => (call.size, described.rest[1]) = (size_of::<Described>(), 1),
        Wrong::Axes(axes) => call.axes = axes,
        Wrong::Length => call.len[3] = 1,
        Wrong::Index => call.index[3] = 1,
        Wrong::Layout => call.index[call.axes as usize - 1] ^= 2,
        Wrong::Nothing => call.size = size_of::<Described>(), // as a later version may have it
        Wrong::StridesMisaligned => {}
    }
    run(&raw const described.call)
}

/// A matrix by index stride, whose bits alone count.
pub fn by_bits(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    let mut call = dropmask_call_rows(a.sizes[0], a.sizes[1]);
    call.index[0] = a.index_stride;
    with(a, call, run)
}

pub fn bits(a: &Args) -> Layout {
    Layout::rows(a.sizes[0], a.sizes[1]).index_strides([a.index_stride, 1])
}

/// A matrix by index stride, and its strides in memory.
pub fn by_rows(a: &Args, run: impl FnOnce(*const dropmask_call, *const usize) -> u32) -> u32 {
    let strides = [a.sizes[2], 1, 0];
    let skew = usize::from(a.wrong == Wrong::StridesMisaligned);
    by_bits(a, |call| run(call, strides.as_ptr().wrapping_byte_add(skew)))
}

/// Channels of the layout that the option names.
pub fn by_channels(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    let [n, c, s] = [0, 1, 2].map(|i| a.sizes[i]);
    let mut call =
        if a.option == 0 { dropmask_call_channels_first(n, c, s) } else { dropmask_call_channels_last(n, s, c) };
    call.index[0] = a.index_stride;
    with(a, call, run)
}

/// Weights of as many outputs as the last size says.
pub fn by_weights(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    let mut call = dropmask_call_rows(a.sizes[2], a.sizes[1]);
    call.index[0] = a.index_stride;
    with(a, call, run)
}

/// A table, one bit a row.
pub fn by_table(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    with(a, dropmask_call_samples(a.sizes[0], a.sizes[1]), run)
}

/// Maps of images; with the option, channels share.
pub fn by_maps(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    let shared = [0, a.option as u8, 0, 0];
    with(a, unsafe { dropmask_call_broadcast(4, a.sizes.as_ptr(), shared.as_ptr()) }, run)
}

/// Heads of scores, how many keys are before the first query, and strides of a bias that heads share.
pub fn by_scores(a: &Args, run: impl FnOnce(*const dropmask_call, isize, *const usize) -> u32) -> u32 {
    let call = unsafe { dropmask_call_broadcast(3, a.sizes.as_ptr(), [0, 0, 0].as_ptr()) };
    let strides = [7, 0, a.sizes[2], 0];
    let skew = usize::from(a.wrong == Wrong::StridesMisaligned);
    with(a, call, |call| run(call, a.sizes[3].cast_signed(), strides.as_ptr().wrapping_byte_add(skew)))
}

/// One row.
pub fn by_one(a: &Args, run: impl FnOnce(*const dropmask_call) -> u32) -> u32 {
    with(a, dropmask_call_flat(a.sizes[0]), run)
}

/// With the first bit for an offset.
pub fn at_bit(a: &Args) -> Args {
    Args { offset: a.first, ..a.clone() }
}

pub fn mask_of(words: &Data, bits: u128) -> Mask<'_> {
    Mask::new(words.u64(), bits as usize).unwrap()
}

/// The elements of rows, and not what lies between them.
pub fn copy_rows(a: &Args, from: &Data, to: &mut Data) {
    let (from, to) = (from.f32(), to.f32_mut());
    for row in 0..if a.sizes[1] == 0 { 0 } else { a.sizes[0] } {
        let row = row * a.sizes[2]..row * a.sizes[2] + a.sizes[1];
        to[row.clone()].copy_from_slice(&from[row]);
    }
}
