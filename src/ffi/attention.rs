//! The softmax of rows of scores, and dropout of the weights.

use super::buffers::{InOut, Pair, Read, ReadMask, run, unless_null};
use super::call::Call;
use super::status::*;
use crate::kinds::Attention;
use crate::layout::Layout;
use crate::mask::Mask;

/// past of the attention functions: every query sees every key. In C, `cbindgen.toml` says it.
pub const DROPMASK_NOT_CAUSAL: isize = isize::MAX;

/// Attention dropout: weights = dropout(softmax(scores)), the softmax over each row of keys elements. Weight j of
/// query i of matrix m (a head of a sample) is at (m * queries + i) * keys + j, and its bit has the index offset +
/// that. A kept weight is multiplied by the scale, 1 unless scaling is DROPMASK_INVERTED.
///
/// Query i sees the keys 0 ... past + i, as many as there are: past is 0 where a sequence attends to itself, keys -
/// queries where the queries are the last of it, DROPMASK_NOT_CAUSAL where every query sees every key, as it does from
/// keys on. It may be negative: a query that sees nothing has weights of 0. (Subtract as ptrdiff_t: a 32-bit number
/// that wrapped is no fault to see.) What a query does not see is not read, and +0.0 in the weights.
/// renormalise is 0, or 1 for the softmax of the kept scores alone, which then has no scale.
///
/// A score of -inf has weight 0; a row of nothing but -inf is 0. A NaN makes all kept weights of its row NaN that are
/// not 0, +inf its own alone. Bits drawn at p = 1, or a scale of 0, make all +0.0, whatever the scores are.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: NULL for bits that are drawn; else one bit for each weight, in as many words as dropmask_mask_words says, and key
/// and offset have no say.
/// scores, weights: matrices * queries * keys floats; weights may be equal to scores.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    matrices: usize,
    queries: usize,
    keys: usize,
    past: isize,
    renormalise: u32,
    mask: *const u64,
    scores: *const f32,
    weights: *mut f32,
) -> dropmask_status {
    let offset = if mask.is_null() { offset } else { 0 }; // of bits that are drawn
    let call = stack(key, p, offset, scaling, matrices, queries, keys);
    let len = call.elements();
    let attention = attention(call, matrices, queries, keys, past, renormalise);
    let mask = unless_null(mask, ReadMask(mask, 0, len as u128));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(attention, (InOut(scores, weights, len), mask), |attention, (xy, mask)| {
            let attention = stored(&attention, mask.transpose()?);
            match xy {
                Pair::Apart(scores, weights) => attention.forward(scores, weights),
                Pair::InPlace(scores) => attention.forward_in_place(scores),
            }
        })
    }
}

/// The gradient of dropmask_attention_forward_f32 for the scores, from the scores and the gradient dy of the weights:
/// dscores = P * (dP - D), where P = softmax(scores), dP = kept ? dy * scale : +0.0, and D is the sum of P * dP over
/// the row. Where P is 0, dscores is +0.0 and D has no term, whatever dy is. Bits drawn at p = 1, or a scale of 0, make
/// all +0.0, whatever scores and dy are.
///
/// p: a float; a double is rounded to it first, see the rules.
/// mask: NULL for bits that are drawn; else as in forward. scores, dy, dscores: matrices * queries * keys floats;
/// dscores may be equal to scores.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    matrices: usize,
    queries: usize,
    keys: usize,
    past: isize,
    renormalise: u32,
    mask: *const u64,
    scores: *const f32,
    dy: *const f32,
    dscores: *mut f32,
) -> dropmask_status {
    let offset = if mask.is_null() { offset } else { 0 }; // of bits that are drawn
    let call = stack(key, p, offset, scaling, matrices, queries, keys);
    let len = call.elements();
    let attention = attention(call, matrices, queries, keys, past, renormalise);
    let mask = unless_null(mask, ReadMask(mask, 0, len as u128));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(attention, (InOut(scores, dscores, len), Read(dy, len), mask), |attention, (xy, dy, mask)| {
            let attention = stored(&attention, mask.transpose()?);
            match xy {
                Pair::Apart(scores, dscores) => attention.backward(scores, dy, dscores),
                Pair::InPlace(scores) => attention.backward_in_place(scores, dy),
            }
        })
    }
}

/// What the network computes when it is not trained: weights = softmax(scores), with DROPMASK_STANDARD times keep
/// unless renormalise is 1; if that is 0, at p = 1, they are +0.0 whatever the scores are.
///
/// p: a float; a double is rounded to it first, see the rules.
/// scores, weights: matrices * queries * keys floats; weights may be equal to scores.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP,
/// INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_attention_evaluate_f32(
    p: f32,
    scaling: u32,
    matrices: usize,
    queries: usize,
    keys: usize,
    past: isize,
    renormalise: u32,
    scores: *const f32,
    weights: *mut f32,
) -> dropmask_status {
    let call = stack(0, p, 0, scaling, matrices, queries, keys);
    let len = call.elements();
    let attention = attention(call, matrices, queries, keys, past, renormalise);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(attention, (InOut(scores, weights, len),), |attention, (xy,)| match xy {
            Pair::Apart(scores, weights) => attention.evaluate(scores, weights),
            Pair::InPlace(scores) => attention.evaluate_in_place(scores),
        })
    }
}

/// The rows of all matrices.
const fn stack(key: u64, p: f32, offset: u64, scaling: u32, matrices: usize, queries: usize, keys: usize) -> Call {
    Call::new(key, p, offset, scaling, Layout::rows(matrices.saturating_mul(queries), keys))
}

fn attention(
    call: Call,
    matrices: usize,
    queries: usize,
    keys: usize,
    past: isize,
    renormalise: u32,
) -> Result<Attention<'static>, dropmask_status> {
    let known = if renormalise <= 1 { Ok(()) } else { Err(DROPMASK_INVALID_OPTION) };
    let attention = Attention::new(call.given(known).unshaped()?, [1, matrices, queries, keys]);
    Ok(attention.causal(past).renormalise(renormalise == 1))
}

fn stored<'a>(attention: &Attention<'a>, mask: Option<Mask<'a>>) -> Attention<'a> {
    match mask {
        Some(mask) => attention.stored(mask),
        None => *attention,
    }
}
