//! The words of any range: whole blocks in batches, where there are vectors; one block and parts of one alone.

use super::sampler::{sample, sample_part};
use super::{BLOCK_WORDS, Stream};
use crate::simd::{BATCH, Level, Operation, Simd, dispatch};

/// Draws the words from word `first` of the stream on. Batches go straight to their places.
///
/// The one way to the sampler but for [`beside`](crate::engine), which draws while it applies.
#[inline(never)]
pub(crate) fn draw(level: Level, stream: Stream, first: u64, words: &mut [u64]) {
    match stream.p.certain() {
        Some(kept) => words.fill(if kept { !0 } else { 0 }),
        None => dispatch(level, Draw { stream, first, words }),
    }
}

struct Draw<'a> {
    stream: Stream,
    first: u64,
    words: &'a mut [u64],
}

impl Operation for Draw<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const BATCH_WORDS: usize = BATCH * BLOCK_WORDS;
        let Self { stream, first, mut words } = self;
        let mut block = first / BLOCK_WORDS as u64;
        // words of the block before the first that is wanted
        let mut skip = (first % BLOCK_WORDS as u64) as usize;
        let (mut kept, mut ties) = ([[0; 8]; 2], [[0; 8]; 2]);
        while !words.is_empty() {
            let whole = if BATCH > 1 && skip == 0 { words.len() / BATCH_WORDS * BATCH_WORDS } else { 0 };
            let taken = if whole > 0 {
                let mut ties = [[0; 8]; 2 * BATCH];
                let (batches, _) = words.split_at_mut(whole);
                for batch in batches.as_chunks_mut::<8>().0.chunks_exact_mut(2 * BATCH) {
                    sample::<S::Wide>(s, stream, block, batch, &mut ties, &mut ());
                    block = block.wrapping_add(BATCH as u64);
                }
                whole
            } else {
                let taken = (BLOCK_WORDS - skip).min(words.len());
                sample_part(s, stream, block, (skip, skip + taken), &mut kept, &mut ties);
                let kept = kept.as_flattened().get(skip..).unwrap_or_default();
                words.iter_mut().zip(kept).for_each(|(word, kept)| *word = *kept);
                block = block.wrapping_add(1);
                skip = 0;
                taken
            };
            words = words.get_mut(taken..).unwrap_or_default();
        }
    }
}
