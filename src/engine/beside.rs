//! Drawing beside applying: the words of two blocks are drawn while those of the two before are applied. A pass waits for
//! memory, or for its stores, and the generator for none; in turns their times add up. The one other place where the sampler
//! is compiled in, for the products that most passes are.

use core::mem;

use super::element::Element;
use super::run::{InRegisters, Run};
use crate::simd::{Level, Operation, Overlap, Simd, dispatch};
use crate::stream::{BLOCK, BLOCK_WORDS, Meanwhile, Stream, sample, steps};

/// Elements that are drawn at a time.
pub(crate) const PAIR: usize = 2 * BLOCK as usize;
const PAIR_WORDS: usize = 2 * BLOCK_WORDS;

/// Pairs of blocks to draw and to apply.
pub(crate) struct Beside<'a> {
    pub(crate) stream: Stream,
    /// The first block.
    pub(crate) block: u64,
    /// Where the words go, if anywhere.
    pub(crate) store: &'a mut [u64],
}

impl Beside<'_> {
    /// Over a run of whole pairs of blocks.
    pub(crate) fn apply(self, level: Level, run: Run<'_>, element: &mut impl Element) {
        dispatch(level, Pairs { beside: self, run, element });
    }
}

struct Pairs<'a, E> {
    beside: Beside<'a>,
    run: Run<'a>,
    element: &'a mut E,
}

impl<E: Element> Operation for Pairs<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if matches!(S::OVERLAP, Overlap::None) {
            return; // never asked for
        }
        self.beside.each_pair(s, self.run, &mut *InRegisters::new(self.element));
    }
}

impl Beside<'_> {
    #[inline(always)]
    fn each_pair<S: Simd, E: Element>(self, s: S, run: Run<'_>, element: &mut E) {
        let Self { stream, mut block, mut store } = self;
        let (mut next, mut last, mut ties) = ([[0; 8]; 4], [[0; 8]; 4], [[0; 8]; 4]);
        let pace = (PAIR_WORDS << 8).div_ceil(steps::<S::Overlapped>(stream, 2).max(1));
        let pairs = run.len() / PAIR;
        for pair in 0..pairs {
            let words = if pair == 0 { &[] } else { last.as_flattened() };
            let run = run.part(pair.saturating_sub(1) * PAIR, PAIR);
            let mut feed = Feed { element, run, words, pace, due: 0 };
            sample::<S::Overlapped>(s, stream, block, &mut next, &mut ties, &mut feed);
            block = block.wrapping_add(2);
            if let Some((stored, rest)) = mem::take(&mut store).split_at_mut_checked(PAIR_WORDS) {
                stored.iter_mut().zip(next.as_flattened()).for_each(|(stored, word)| *stored = *word);
                store = rest;
            }
            mem::swap(&mut next, &mut last);
        }
        run.part(pairs.saturating_sub(1) * PAIR, PAIR).each_word(s, element, last.as_flattened());
    }
}

/// Words that are applied step by step, at an even pace: all in the first steps takes longer (measured: see records).
struct Feed<'a, E> {
    element: &'a mut E,
    run: Run<'a>,
    words: &'a [u64],
    /// Words a step, and those that are due, in 1/256.
    pace: usize,
    due: usize,
}

impl<S: Simd, E: Element> Meanwhile<S> for Feed<'_, E> {
    #[inline(always)]
    fn step(&mut self, s: S) {
        self.due += self.pace;
        let (words, rest) = self.words.split_at((self.due / 256).min(self.words.len()));
        self.due %= 256;
        if !words.is_empty() {
            self.words = rest;
            let len = 64 * words.len();
            self.run.part(0, len).each_word(s, self.element, words);
            self.run = self.run.part(len, usize::MAX);
        }
    }
}
