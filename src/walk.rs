//! A slice's part of the mask stream: from the element range to the words that a pass takes.

use core::mem;

use crate::bits::Sink;
use crate::sample::{BLOCK, Batch, Block, Drawn, Meanwhile, Source};
use crate::simd::{Overlap, Simd};

/// Feeds the mask of `len` elements from index `offset` on to `sink`.
///
/// Tried on Zen 5 and lost: prefetching the slices of the next batch while this one is drawn (no better in L2 and L3,
/// 1.3 times slower in memory).
#[inline(always)]
pub(crate) fn walk<S: Simd, T: Sink<S>>(s: S, source: Source, offset: u64, len: usize, sink: &mut T) {
    let overlap = T::WORKS && !matches!(S::OVERLAP, Overlap::None);
    // made when they are needed: to clear them takes a short row longer than to draw
    let (mut two, mut many) = (None::<[Batch<Two>; 2]>, None::<Batch<S::Words>>);
    let mut one = Batch::<Block>::default();
    let mut drawn = Drawn::<S>::default();
    let mut carry = Carry { shift: (offset % 64) as u32, word: None };
    let mut block = offset / BLOCK;
    // bits of the block before the first that is wanted
    let mut skip = (offset % BLOCK) as usize;
    let mut left = len;
    while left > 0 {
        let fresh = left.saturating_sub(carry.bits());
        // of so many blocks at a time
        let batches = |blocks: usize| if skip == 0 { fresh / (blocks * BLOCK as usize) } else { 0 };
        let words = if fresh == 0 {
            carry.rest()
        } else if overlap && batches(2) > 1 && source.p.certain().is_none() {
            let batches = batches(2);
            let (words, taken) = overlapped(s, source, block, batches, two.get_or_insert_default(), &mut carry, sink);
            block = block.wrapping_add(2 * batches as u64);
            left -= taken;
            words
        } else {
            let (blocks, words) = if !overlap && S::BATCH > 1 && batches(S::BATCH) > 0 {
                (S::BATCH, many.get_or_insert_default().all::<S::Wide>(s, source, block, &mut ()))
            } else {
                let end = (BLOCK as usize).min(skip.saturating_add(fresh));
                (1, one.some(s, source, block, (skip / 64, end.div_ceil(64)), &mut drawn))
            };
            block = block.wrapping_add(blocks as u64);
            skip = 0;
            carry.realign(words)
        };
        let len = left.min(64 * words.len());
        sink.take(s, words, len);
        left -= len;
    }
}

/// The words of two blocks.
type Two = [[u64; 8]; 4];
const TWO_WORDS: usize = size_of::<Two>() / 8;

/// Feeds the words of so many batches of two blocks to `sink`, those of each while the next is drawn. Returns the words of
/// the last batch, which are still to be taken, and how many elements have been.
///
/// A pass waits for memory, or for its stores, and the generator for none; in turns their times add up.
#[inline(always)]
fn overlapped<'a, S: Simd, T: Sink<S>>(
    s: S,
    source: Source,
    mut block: u64,
    batches: usize,
    [next, last]: &'a mut [Batch<Two>; 2],
    carry: &mut Carry,
    sink: &mut T,
) -> (&'a [u64], usize) {
    let (mut next, mut last) = (next, last);
    let pace = (TWO_WORDS << 8).div_ceil(Batch::<Two>::steps::<S::Overlapped>(source).max(1));
    // the words of `last` from there on are still to be taken
    let mut from = TWO_WORDS;
    let mut taken = 0;
    for _ in 0..batches {
        let words = last.words().get(from..).unwrap_or_default();
        taken += 64 * words.len();
        let drawn = next.all::<S::Overlapped>(s, source, block, &mut Feed { sink: &mut *sink, words, pace, due: 0 });
        from = TWO_WORDS - carry.realign(drawn).len();
        block = block.wrapping_add(2);
        mem::swap(&mut next, &mut last);
    }
    (last.words().get(from..).unwrap_or_default(), taken)
}

/// Whole words that a sink takes step by step, at an even pace: all in the first steps takes up to 12 % longer.
struct Feed<'a, T> {
    sink: &'a mut T,
    words: &'a [u64],
    /// Words a step, and those that are due, in 1/256.
    pace: usize,
    due: usize,
}

impl<S: Simd, T: Sink<S>> Meanwhile<S> for Feed<'_, T> {
    #[inline(always)]
    fn step(&mut self, s: S) {
        self.due += self.pace;
        let (words, rest) = self.words.split_at((self.due / 256).min(self.words.len()));
        self.due %= 256;
        if !words.is_empty() {
            self.words = rest;
            self.sink.take(s, words, 64 * words.len());
        }
    }
}

/// Shifts the words of the stream so that bit 0 of the first belongs to the first element of the slice.
struct Carry {
    shift: u32,
    /// The last word so far, whose low `shift` bits are used and whose other half is still to come.
    word: Option<u64>,
}

impl Carry {
    /// Number of bits that wait.
    #[inline(always)]
    const fn bits(&self) -> usize {
        if self.word.is_some() { 64 - self.shift as usize } else { 0 }
    }

    #[inline(always)]
    fn realign<'a>(&mut self, words: &'a mut [u64]) -> &'a [u64] {
        if self.shift == 0 {
            return words;
        }
        let (mut low, words) = match (self.word, words) {
            (Some(low), words) => (low, words),
            (None, [first, words @ ..]) => (*first, words),
            (None, []) => return &[],
        };
        for word in words.iter_mut() {
            let high = *word;
            *word = low >> self.shift | high << (64 - self.shift);
            low = high;
        }
        self.word = Some(low);
        words
    }

    /// What still waits after the last word of the stream.
    #[inline(always)]
    fn rest(&mut self) -> &[u64] {
        let shift = self.shift;
        self.word.as_mut().map_or(&[], |word| {
            *word >>= shift;
            core::slice::from_ref(word)
        })
    }
}
