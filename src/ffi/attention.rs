//! The softmax of rows of scores, and dropout of the weights.

use core::slice;

use super::buffers::{InOut, Pair, Read, ReadStrided, Write, run, unless_null};
use super::call::{Call, Draws, dropmask_call};
use super::options::{accumulates, flag};
use super::status::*;
use crate::engine::Place;
use crate::kinds::{Attention, Dropout};
use crate::layout::{Layout, Operand};
use crate::mask::Mask;

/// past of the attention functions: every query sees every key. In C, `cbindgen.toml` says it.
pub const DROPMASK_NOT_CAUSAL: isize = isize::MAX;

/// Attention dropout: weights = dropout(softmax(scores * factor + bias)), the softmax over each row of keys. The call is that
/// of dropmask_call_broadcast over samples, heads, queries and keys, the first of which may be left out, without shared axes;
/// index strides of the others but keys may be set: of a shard those of the whole, 0 for the same mask. A kept weight is
/// multiplied by the scale of the call, 1 unless its scaling is DROPMASK_INVERTED.
///
/// Query q sees the keys 0 ... past + q: past is 0 where a sequence attends to itself, keys - queries where the queries are
/// the last of it, DROPMASK_NOT_CAUSAL where every query sees every key. It may be negative: a query that sees nothing has
/// weights of 0. (Subtract as ptrdiff_t: a 32-bit number that wrapped is no fault to see.) What a query does not see is not
/// read, and +0.0 in the weights. factor is 1 over the square root of the size of a head, or 1. bias is NULL or is added
/// to the scores (padding as -inf); bias_strides has three size_t, for samples, heads and queries whatever axes the
/// call has, 0 for the same bias; NULL stands for a dense one. renormalise is 0, or 1 for the softmax of the kept scores
/// alone, which then has no scale.
///
/// A score of -inf has weight 0; a row of nothing but -inf is 0. A NaN makes all kept weights of its row NaN that are
/// not 0, +inf its own alone. Bits drawn at p = 1, or a scale of 0, make all +0.0, whatever the scores are.
///
/// Where softmax is not NULL, the softmax before dropout is written there, for dropmask_attention_backward_softmax_f32.
///
/// mask: NULL for bits that are drawn; else those that dropmask_dropout_fill draws, and key and offset are not used. scores,
/// weights, softmax: samples * heads * queries * keys floats; softmax may be equal to scores, and without one weights may.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_forward_f32(
    call: *const dropmask_call,
    past: isize,
    factor: f32,
    bias: *const f32,
    bias_strides: *const usize,
    renormalise: u32,
    mask: *const u64,
    scores: *const f32,
    weights: *mut f32,
    softmax: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of`, `Options::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let (len, options) =
                (call.layout.len(), Options::of(&call, past, factor, (bias, bias_strides), renormalise));
            let (bias, stored) = (options.bias(bias), call.stored(mask));
            let dropout = options.training(&call, mask);
            if softmax.is_null() {
                return run(dropout, (InOut(scores, weights, len), bias, stored), |dropout, (xy, bias, mask)| {
                    let attention = options.attention(dropout, bias, mask.transpose()?);
                    match xy {
                        Pair::Apart(scores, weights) => attention.forward(scores, weights),
                        Pair::InPlace(scores) => attention.forward_in_place(scores),
                    }
                });
            }
            let buffers = (InOut(scores, softmax, len), Write(weights, len), bias, stored);
            run(dropout, buffers, |dropout, (xy, weights, bias, mask)| {
                let attention = options.attention(dropout, bias, mask.transpose()?);
                match xy {
                    Pair::Apart(scores, softmax) => attention.forward_softmax(scores, weights, softmax),
                    Pair::InPlace(scores) => attention.forward_softmax_in_place(scores, weights),
                }
            })
        })
    }
}

/// The gradient of dropmask_attention_forward_f32 for the scores, from the scores and the gradient dy of the weights:
/// dscores = P * (dP - D) * factor, where P is the softmax, dP = kept ? dy * scale : +0.0, and D is the sum of P * dP over
/// the row. Where P is 0, dscores is +0.0 and D has no term, whatever dy is. Bits drawn at p = 1, or a scale of 0, make
/// all +0.0, whatever scores and dy are.
///
/// mask: NULL for bits that are drawn; else as in forward. scores, dy, dscores: samples * heads * queries * keys floats;
/// dscores may be equal to scores.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_backward_f32(
    call: *const dropmask_call,
    past: isize,
    factor: f32,
    bias: *const f32,
    bias_strides: *const usize,
    renormalise: u32,
    mask: *const u64,
    scores: *const f32,
    dy: *const f32,
    dscores: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of`, `Options::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let (len, options) =
                (call.layout.len(), Options::of(&call, past, factor, (bias, bias_strides), renormalise));
            let buffers = (InOut(scores, dscores, len), Read(dy, len), options.bias(bias), call.stored(mask));
            run(options.training(&call, mask), buffers, |dropout, (xy, dy, bias, mask)| {
                let attention = options.attention(dropout, bias, mask.transpose()?);
                match xy {
                    Pair::Apart(scores, dscores) => attention.backward(scores, dy, dscores),
                    Pair::InPlace(scores) => attention.backward_in_place(scores, dy),
                }
            })
        })
    }
}

/// dropmask_attention_backward_f32 from the softmax that dropmask_attention_forward_f32 wrote, without computing it again.
/// With accumulate, 1 instead of 0, the gradient is added to what is in dscores, which is not softmax then.
///
/// mask: NULL for bits that are drawn; else as in forward. softmax, dy, dscores: samples * heads * queries * keys floats;
/// dscores may be equal to softmax.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_backward_softmax_f32(
    call: *const dropmask_call,
    past: isize,
    factor: f32,
    renormalise: u32,
    mask: *const u64,
    softmax: *const f32,
    dy: *const f32,
    dscores: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let (len, options) = (call.layout.len(), Options::without_bias(&call, past, factor, renormalise));
            let buffers = (InOut(softmax, dscores, len), Read(dy, len), call.stored(mask));
            let checked = both(options.training(&call, mask), accumulates(accumulate, softmax, dscores, len));
            run(checked, buffers, |(dropout, add), (xy, dy, mask)| {
                let attention = options.attention(dropout, None, mask.transpose()?);
                match xy {
                    Pair::Apart(softmax, dscores) if add => attention.backward_softmax_add(softmax, dy, dscores),
                    Pair::Apart(softmax, dscores) => attention.backward_softmax(softmax, dy, dscores),
                    Pair::InPlace(softmax) => attention.backward_softmax_in_place(softmax, dy),
                }
            })
        })
    }
}

/// What the network computes when it is not trained: weights = softmax(scores * factor + bias), with DROPMASK_STANDARD times
/// keep, and +0.0 whatever the scores are where that is 0; with renormalise, without keep.
///
/// scores, weights: samples * heads * queries * keys floats; weights may be equal to scores.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_evaluate_f32(
    call: *const dropmask_call,
    past: isize,
    factor: f32,
    bias: *const f32,
    bias_strides: *const usize,
    renormalise: u32,
    scores: *const f32,
    weights: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of`, `Options::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let (len, options) =
                (call.layout.len(), Options::of(&call, past, factor, (bias, bias_strides), renormalise));
            let dropout = options.checked(&call, Draws::Nothing);
            let options = Options { index_strides: [0; 3], ..options }; // no bit has an index
            run(dropout, (InOut(scores, weights, len), options.bias(bias)), |dropout, (xy, bias)| {
                let attention = options.attention(dropout, bias, None);
                match xy {
                    Pair::Apart(scores, weights) => attention.evaluate(scores, weights),
                    Pair::InPlace(scores) => attention.evaluate_in_place(scores),
                }
            })
        })
    }
}

/// What becomes of scores before the softmax.
#[derive(Clone, Copy)]
struct Options {
    shape: [usize; 4],
    index_strides: [u64; 3],
    past: isize,
    factor: f32,
    /// Of samples, heads and queries, if they can be read.
    bias_strides: Result<[usize; 3], dropmask_status>,
    renormalise: u32,
}

impl Options {
    /// # Safety
    /// A pointer to strides that is not NULL and is aligned is to three.
    #[inline(never)] // once, not in each function
    unsafe fn of(
        call: &Call,
        past: isize,
        factor: f32,
        (bias, bias_strides): (*const f32, *const usize),
        renormalise: u32,
    ) -> Self {
        let mut options = Self::without_bias(call, past, factor, renormalise);
        if bias.is_null() {
            return options;
        }
        if !bias_strides.is_aligned() {
            options.bias_strides = Err(DROPMASK_MISALIGNED);
        } else if !bias_strides.is_null() {
            // SAFETY: it is neither NULL nor misaligned; our caller promises the rest.
            let strides = unsafe { slice::from_raw_parts(bias_strides, 3) };
            options.bias_strides = strides.try_into().map_err(|_| DROPMASK_INVALID_OPTION);
        }
        options
    }

    /// With the strides of a dense one.
    const fn without_bias(call: &Call, past: isize, factor: f32, renormalise: u32) -> Self {
        let ([_, heads, queries, keys], [a, b, c, _]) = (call.len, call.index);
        let head = keys.saturating_mul(queries);
        let bias_strides = Ok([head.saturating_mul(heads), head, keys]);
        Self { shape: call.len, index_strides: [a, b, c], past, factor, bias_strides, renormalise }
    }

    /// The bias, if there is one.
    #[inline(never)] // once, not in each function
    fn bias(&self, bias: *const f32) -> Option<ReadStrided> {
        let [a, b, c] = self.bias_strides.unwrap_or_default();
        let len = Layout::broadcast(self.shape, [false; 4]).strides([a, b, c, 1]).extent(Operand::Input);
        unless_null(bias, ReadStrided(bias, len))
    }

    fn training(&self, call: &Call, mask: *const u64) -> Result<Dropout, dropmask_status> {
        self.checked(call, Draws::unless(mask))
    }

    #[inline(never)] // once, not in each function
    fn checked(&self, call: &Call, draws: Draws) -> Result<Dropout, dropmask_status> {
        let [a, b, c] = self.index_strides;
        let rows = call.is(4, [a, b, c, 1]);
        let given = both(rows, both(flag(self.renormalise), self.bias_strides));
        both(call.dropout(draws, &call.layout), given).map(|(dropout, _)| dropout)
    }

    #[inline(never)] // once, not in each function
    fn attention<'a>(&self, dropout: Dropout, bias: Option<Place<'a>>, mask: Option<Mask<'a>>) -> Attention<'a> {
        let attention = Attention::new(dropout, self.shape).index_strides(self.index_strides);
        let attention = attention.causal(self.past).scale(self.factor).renormalise(self.renormalise == 1);
        let attention = match (bias, self.bias_strides) {
            (Some(bias), Ok(strides)) => attention.bias_at(bias, strides),
            _ => attention,
        };
        match mask {
            Some(mask) => attention.stored(mask),
            None => attention,
        }
    }
}
