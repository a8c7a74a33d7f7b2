//! One bit for each word of a vocabulary.

use super::buffers::{InOut, Pair, Read, ReadMask, Write, run};
use super::call::Call;
use super::status::*;
use crate::error::Error;
use crate::kinds::{Dropout, EmbeddingDropout, StoredMask};
use crate::layout::Layout;

/// Embedding dropout, one bit for each word of the vocabulary, so that a word is dropped wherever it occurs: y[t] =
/// kept(offset + ids[t]) ? table[ids[t]] * scale : +0.0 for the dimension elements of each of count positions, where
/// the scale is 1 unless scaling is DROPMASK_INVERTED. Each id is below vocabulary. Where rows are shorter than about
/// a thousand elements, it is faster to draw the mask of the vocabulary once by dropmask_fill, and to use
/// dropmask_embedding_apply_lookup_f32.
///
/// p: a float; a double is rounded to it first, see the rules.
/// ids: count uint32_t. table: vocabulary * dimension floats. y: count * dimension floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_lookup_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    table: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let vocabulary = looked_up(vocabulary, count);
    let words = words(key, p, offset, scaling, vocabulary);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            words,
            (
                Read(ids, count),
                Read(table, vocabulary.saturating_mul(dimension)),
                Write(y, count.saturating_mul(dimension)),
            ),
            |dropout, (ids, table, y)| EmbeddingDropout::new(dropout, [vocabulary, dimension]).lookup(ids, table, y),
        )
    }
}

/// dropmask_embedding_lookup_f32 of rows that are already looked up: y[t] = kept(offset + ids[t]) ? x[t] * scale :
/// +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// ids: count uint32_t. x, y: count * dimension floats; y may be equal to x.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_forward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let words = words(key, p, offset, scaling, vocabulary);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(words, (Read(ids, count), InOut(x, y, count.saturating_mul(dimension))), |dropout, (ids, xy)| {
            forward(EmbeddingDropout::new(dropout, [vocabulary, dimension]), ids, xy)
        })
    }
}

/// The gradient of dropmask_embedding_forward_f32: dx[t] = kept(offset + ids[t]) ? dy[t] * scale : +0.0.
///
/// p: a float; a double is rounded to it first, see the rules.
/// ids: count uint32_t. dy, dx: count * dimension floats; dx may be equal to dy.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_backward_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    dy: *const f32,
    dx: *mut f32,
) -> dropmask_status {
    // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
    unsafe { dropmask_embedding_forward_f32(key, p, offset, scaling, vocabulary, dimension, count, ids, dy, dx) }
}

/// Accumulates the gradient of the table: dtable[ids[t]] += kept(offset + ids[t]) ? dy[t] * scale : +0.0, for t
/// ascending.
///
/// p: a float; a double is rounded to it first, see the rules.
/// ids: count uint32_t. dy: count * dimension floats. dtable: vocabulary * dimension floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
/// INVALID_OPTION, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_backward_table_f32(
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    dy: *const f32,
    dtable: *mut f32,
) -> dropmask_status {
    let words = words(key, p, offset, scaling, vocabulary);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            words,
            (
                Read(ids, count),
                Read(dy, count.saturating_mul(dimension)),
                Write(dtable, vocabulary.saturating_mul(dimension)),
            ),
            |dropout, (ids, dy, dtable)| {
                EmbeddingDropout::new(dropout, [vocabulary, dimension]).backward_table(ids, dy, dtable)
            },
        )
    }
}

/// dropmask_embedding_lookup_f32 by a stored mask with one bit for each word: y[t] = (bit ids[t] of mask) ?
/// table[ids[t]] * scale : +0.0.
///
/// mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. table: vocabulary * dimension floats. y: count *
/// dimension floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_apply_lookup_f32(
    mask: *const u64,
    scale: f32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    table: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let vocabulary = looked_up(vocabulary, count);
    let mask = ReadMask(mask, 0, vocabulary as u128);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            Ok(()),
            (
                mask,
                Read(ids, count),
                Read(table, vocabulary.saturating_mul(dimension)),
                Write(y, count.saturating_mul(dimension)),
            ),
            |(), (mask, ids, table, y)| {
                EmbeddingDropout::from_mask(StoredMask::new(mask?, scale), dimension).lookup(ids, table, y)
            },
        )
    }
}

/// Embedding dropout by a stored mask with one bit for each word, in either pass, of rows that are already looked up:
/// y[t] = (bit ids[t] of mask) ? x[t] * scale : +0.0.
///
/// mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. x, y: count * dimension floats; y may be equal to
/// x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_apply_f32(
    mask: *const u64,
    scale: f32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    let mask = ReadMask(mask, 0, looked_up(vocabulary, count) as u128);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (mask, Read(ids, count), InOut(x, y, count.saturating_mul(dimension))), |(), (mask, ids, xy)| {
            forward(EmbeddingDropout::from_mask(StoredMask::new(mask?, scale), dimension), ids, xy)
        })
    }
}

/// Accumulates the gradient of the table by a stored mask with one bit for each word: dtable[ids[t]] += (bit ids[t] of
/// mask) ? dy[t] * scale : +0.0, for t ascending.
///
/// mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. dy: count * dimension floats. dtable:
/// vocabulary * dimension floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_embedding_apply_table_f32(
    mask: *const u64,
    scale: f32,
    vocabulary: usize,
    dimension: usize,
    count: usize,
    ids: *const u32,
    dy: *const f32,
    dtable: *mut f32,
) -> dropmask_status {
    let mask = ReadMask(mask, 0, vocabulary as u128);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(
            Ok(()),
            (
                mask,
                Read(ids, count),
                Read(dy, count.saturating_mul(dimension)),
                Write(dtable, vocabulary.saturating_mul(dimension)),
            ),
            |(), (mask, ids, dy, dtable)| {
                EmbeddingDropout::from_mask(StoredMask::new(mask?, scale), dimension).backward_table(ids, dy, dtable)
            },
        )
    }
}

/// The words of which something is read: none where there are no positions.
const fn looked_up(vocabulary: usize, count: usize) -> usize {
    if count == 0 { 0 } else { vocabulary }
}

/// The bits of all words.
fn words(key: u64, p: f32, offset: u64, scaling: u32, vocabulary: usize) -> Result<Dropout, dropmask_status> {
    Call::new(key, p, offset, scaling, Layout::flat(vocabulary)).unshaped()
}

fn forward(dropout: EmbeddingDropout<'_>, ids: &[u32], xy: Pair<'_>) -> Result<(), Error> {
    match xy {
        Pair::Apart(x, y) => dropout.forward(ids, x, y),
        Pair::InPlace(x) => dropout.forward_in_place(ids, x),
    }
}
