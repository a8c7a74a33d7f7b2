//! One bit for each word of a vocabulary.

use super::buffers::{InOut, Pair, Read, ReadMask, Write, run, unless_null};
use super::call::{Call, Draws, dropmask_call};
use super::options::accumulates;
use super::status::*;
use crate::kinds::{Dropout, EmbeddingDropout};
use crate::layout::Layout;
use crate::mask::Mask;

/// Embedding dropout, one bit for each word of the vocabulary, so that a word is dropped wherever it occurs: y[t] =
/// kept(offset + ids[t]) ? table[ids[t]] * scale : +0.0 for the elements of each of count positions. The call is that of
/// dropmask_call_samples(vocabulary, dimension). Each id is below vocabulary.
///
/// Each position draws its bit, which costs as much as copying a thousand elements: where rows are shorter, draw the mask
/// of the vocabulary once by dropmask_dropout_fill, and pass it. Then key and offset are not used.
///
/// mask: NULL or dropmask_mask_words(vocabulary) words. ids: count uint32_t. table: vocabulary * dimension floats. y: count *
/// dimension floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// UNKNOWN_TOKEN, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_lookup_f32(
    call: *const dropmask_call,
    mask: *const u64,
    count: usize,
    ids: *const u32,
    table: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., vocabulary, dimension] = call.len;
            let vocabulary = looked_up(vocabulary, count);
            let buffers = (
                unless_null(mask, ReadMask(mask, 0, vocabulary as u128)),
                Read(ids, count),
                Read(table, vocabulary.saturating_mul(dimension)),
                Write(y, count.saturating_mul(dimension)),
            );
            run(words(&call, mask, vocabulary), buffers, |dropout, (mask, ids, table, y)| {
                embedding(dropout, [vocabulary, dimension], mask.transpose()?).lookup(ids, table, y)
            })
        })
    }
}

/// Embedding dropout, forward or, of dy to dx, backward, of rows that are already looked up: y[t] = kept(offset + ids[t]) ?
/// x[t] * scale : +0.0; with accumulate, 1 instead of 0, that is added to what is in y, which is not x then. The call is as in
/// dropmask_embedding_lookup_f32.
///
/// mask: NULL or as there. ids: count uint32_t. x, y: count * dimension floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// UNKNOWN_TOKEN, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_forward_f32(
    call: *const dropmask_call,
    mask: *const u64,
    count: usize,
    ids: *const u32,
    x: *const f32,
    y: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., vocabulary, dimension] = call.len;
            let vocabulary = looked_up(vocabulary, count);
            let mask_words = ReadMask(mask, 0, vocabulary as u128);
            let buffers =
                (unless_null(mask, mask_words), Read(ids, count), InOut(x, y, count.saturating_mul(dimension)));
            let checked =
                both(words(&call, mask, vocabulary), accumulates(accumulate, x, y, count.saturating_mul(dimension)));
            run(checked, buffers, |(dropout, add), (mask, ids, xy)| {
                let embedding = embedding(dropout, [vocabulary, dimension], mask.transpose()?);
                match xy {
                    Pair::Apart(x, y) if add => embedding.backward_add(ids, x, y),
                    Pair::Apart(x, y) => embedding.forward(ids, x, y),
                    Pair::InPlace(x) => embedding.forward_in_place(ids, x),
                }
            })
        })
    }
}

/// Accumulates the gradient of the table: dtable[ids[t]] += kept(offset + ids[t]) ? dy[t] * scale : +0.0, for t ascending.
/// The call is as in dropmask_embedding_lookup_f32.
///
/// mask: NULL or as there. ids: count uint32_t. dy: count * dimension floats. dtable: vocabulary * dimension floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// UNKNOWN_TOKEN, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_backward_table_f32(
    call: *const dropmask_call,
    mask: *const u64,
    count: usize,
    ids: *const u32,
    dy: *const f32,
    dtable: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., vocabulary, dimension] = call.len;
            let buffers = (
                unless_null(mask, ReadMask(mask, 0, vocabulary as u128)),
                Read(ids, count),
                Read(dy, count.saturating_mul(dimension)),
                Write(dtable, vocabulary.saturating_mul(dimension)),
            );
            run(words(&call, mask, vocabulary), buffers, |dropout, (mask, ids, dy, dtable)| {
                embedding(dropout, [vocabulary, dimension], mask.transpose()?).backward_table(ids, dy, dtable)
            })
        })
    }
}

/// The words of which something is read: none where there are no positions.
const fn looked_up(vocabulary: usize, count: usize) -> usize {
    if count == 0 { 0 } else { vocabulary }
}

/// The dropout of a call over a table, if so many words have indices, unless their bits are stored.
fn words(call: &Call, mask: *const u64, vocabulary: usize) -> Result<Dropout, dropmask_status> {
    let drawn = if mask.is_null() { vocabulary } else { 0 };
    both(call.dropout(Draws::Elements, &Layout::flat(drawn)), call.is(2, [0, 0, 1, 0])).map(|(dropout, ())| dropout)
}

fn embedding(dropout: Dropout, shape: [usize; 2], mask: Option<Mask<'_>>) -> EmbeddingDropout<'_> {
    let embedding = EmbeddingDropout::new(dropout, shape);
    match mask {
        Some(mask) => embedding.stored(mask),
        None => embedding,
    }
}
