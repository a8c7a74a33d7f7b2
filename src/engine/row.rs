//! A pass over one row: elements that follow each other, and so do their bits. All there is to a call without a layout, and
//! the pieces of a layout whose rows are long. Firmware that has no other calls has no other code.

use core::mem;

use super::beside::{Beside, PAIR};
use super::element::{Added, Kernel, Scale};
use super::operand::{Input, Output};
use super::reader::{Source, WORDS, fill};
use super::run::Run;
use crate::simd::Level;
use crate::stream::BLOCK;

/// Words of a short row.
const SHORT: usize = 8;

/// Elements and where their bits come from.
pub(crate) struct Row<'a> {
    pub(crate) level: Level,
    pub(crate) source: Source<'a>,
    /// Of the first element.
    pub(crate) index: u64,
    pub(crate) run: Run<'a>,
    /// Where the words are stored, all of them or none.
    pub(crate) store: &'a mut [u64],
}

impl<'a> Row<'a> {
    /// All of `y`, with bits from the first of the source on.
    #[inline(always)] // setting up is half of a short call
    pub(crate) fn new<const N: usize>(
        level: Level,
        source: Source<'a>,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
        store: &'a mut [u64],
    ) -> Self {
        Self { level, source, index: 0, run: Run::new(inputs, y), store }
    }

    /// [`scale`](Self::scale) of one input; of two, `z + (kept ? x * scale : +0.0)`.
    #[inline(always)] // as below
    pub(crate) fn product(self, inputs: usize, scale: f32) {
        if inputs == 1 { self.scale(scale) } else { self.apply(&mut Added(Scale(scale))) }
    }

    /// `kept ? x * scale : +0.0`. What is no product is a copy: a signalling NaN stays one.
    #[inline(always)] // as below
    pub(crate) fn scale(self, scale: f32) {
        if let Some(kept) = self.source.copies(scale) {
            fill(self.level, self.source, 0, self.store, self.run.len());
            self.run.constant(kept);
        } else {
            self.apply(&mut Scale(scale));
        }
    }

    /// Any kernel.
    #[inline(always)] // where the level is known, the code of the other goes
    pub(crate) fn apply(self, kernel: &mut dyn Kernel) {
        if self.level.is_scalar() { self.one_by_one(kernel) } else { self.vectors(kernel) }
    }

    fn one_by_one(self, kernel: &mut dyn Kernel) {
        let Self { source, index, run, store, .. } = self;
        let mut kept = source.bits();
        for i in 0..run.len() {
            let kept = kept(index.wrapping_add(i as u64));
            if let Some(word) = store.get_mut(i / 64) {
                *word = if i % 64 == 0 { 0 } else { *word } | u64::from(kept) << (i % 64);
            }
            kernel.one(run.part(i, 1), kept);
        }
    }

    fn vectors(self, kernel: &mut dyn Kernel) {
        if let Source::Drawn { stream, offset } = self.source
            && self.run.len() > self.level.beside_above()
            && kernel.has_beside()
        {
            let element = offset.wrapping_add(self.index);
            if self.store.is_empty() || element.is_multiple_of(64) {
                let (before, rest) = self.split((element.wrapping_neg() % BLOCK) as usize);
                let pairs = rest.run.len() / PAIR * PAIR;
                let (Self { level, run, store, .. }, after) = rest.split(pairs);
                before.in_turns(kernel);
                kernel.beside(level, run, Beside { stream, block: element.div_ceil(BLOCK), store });
                return after.in_turns(kernel);
            }
        }
        self.in_turns(kernel);
    }

    /// The first elements, at most as many as there are, and the others. Where words are stored, they are cut between two.
    fn split(self, len: usize) -> (Self, Self) {
        let Self { level, source, index, run, store } = self;
        let (stored, other) = store.split_at_mut_checked(len.div_ceil(64)).unwrap_or_default();
        let first = Self { level, source, index, run: run.part(0, len), store: stored };
        let run = run.part(len, usize::MAX);
        (first, Self { level, source, index: index.wrapping_add(len as u64), run, store: other })
    }

    /// Some words, then their elements, and so on.
    fn in_turns(self, kernel: &mut dyn Kernel) {
        let Self { level, source, index, run, .. } = self;
        if let (Some(words), true) = (source.words(index), self.store.is_empty()) {
            kernel.apply(level, run, words);
        } else if run.len() <= 64 * SHORT {
            // one more word than are used, for bits that begin within one
            let mut room = [0; SHORT + 1];
            let words = if self.store.is_empty() { &mut room } else { self.store };
            fill(level, source, index, words, run.len());
            kernel.apply(level, run, words);
        } else {
            self.pieces(kernel);
        }
    }

    fn pieces(self, kernel: &mut dyn Kernel) {
        let Self { level, source, mut index, mut run, mut store } = self;
        let (mut room, storing) = ([0; WORDS + 1], !store.is_empty());
        while run.len() > 0 {
            // the next begin with a block
            let piece = run.part(0, 64 * (WORDS - source.begun(index)));
            let words = if storing {
                let (words, rest) =
                    mem::take(&mut store).split_at_mut_checked(piece.len().div_ceil(64)).unwrap_or_default();
                store = rest;
                words
            } else {
                &mut room
            };
            fill(level, source, index, words, piece.len());
            kernel.apply(level, piece, words);
            run = run.part(piece.len(), usize::MAX);
            index = index.wrapping_add(piece.len() as u64);
        }
    }
}
