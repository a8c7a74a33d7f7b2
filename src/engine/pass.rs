//! A pass over the elements of a layout: on one thread or several, each of which has a range of them.

use core::ops::Range;

use super::beside::{Beside, PAIR};
use super::element::{AddScaled, Element, Kernel, Scale};
use super::operand::Operands;
use super::reader::{self, Reader, Source, WORDS};
use super::threads::Threads;
use super::words::Words;
use crate::layout::{Layout, Memory, Walk};
use crate::simd::Level;

/// Elements of a short pass.
const SHORT: usize = 512;

/// What is passed over; lengths and indices have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) level: Level,
    pub(crate) threads: Threads,
    pub(crate) source: Source<'a>,
    pub(crate) layout: Layout,
    pub(crate) memory: Memory,
    pub(crate) operands: Operands<'a>,
}

impl Pass<'_> {
    /// Computes `element` everywhere, on the threads that there are.
    pub(crate) fn run(&self, element: impl Element + Clone + Sync) {
        self.run_storing(element, &mut []);
    }

    /// The same; and stores the mask, which has the words of a flat layout, unless `store` is empty.
    #[expect(clippy::needless_pass_by_value, reason = "each thread has a copy of the element, the caller none")]
    pub(crate) fn run_storing(&self, element: impl Element + Clone + Sync, store: &mut [u64]) {
        self.threads.run(0..self.layout.len(), store, &|range, store| {
            self.range_storing(range, &mut element.clone(), Some(store).filter(|store| !store.is_empty()));
        });
    }

    /// `kept ? x * scale : +0.0`. What is no product is a copy: a signalling NaN stays one.
    pub(crate) fn scale(&self, scale: f32, store: &mut [u64]) {
        match self.source {
            Source::Certain(kept) if !kept || scale.to_bits() == 1.0_f32.to_bits() => self.constant(kept),
            _ => self.run_storing(Scale(scale), store),
        }
    }

    /// The same of one input; of two, `z + (kept ? x * scale : +0.0)`.
    pub(crate) fn product(&self, inputs: usize, scale: f32) {
        if inputs == 1 { self.scale(scale, &mut []) } else { self.run(AddScaled(scale)) }
    }

    /// Copies the first input, or writes +0.0, on the threads that there are.
    pub(crate) fn constant(&self, kept: bool) {
        self.threads.run(0..self.layout.len(), &mut [], &|range, _| {
            self.each_run(range, |row, column, len| {
                let run = self.operands.run(row, column, len);
                if kept {
                    run.copy();
                } else {
                    run.fill_with_zeros();
                }
                len
            });
        });
    }

    /// Passes over a range of the elements.
    pub(crate) fn range(&self, range: Range<usize>, kernel: &mut dyn Kernel) {
        self.range_storing(range, kernel, None);
    }

    fn range_storing(&self, range: Range<usize>, kernel: &mut dyn Kernel, store: Option<&mut [u64]>) {
        if self.level == Level::SCALAR {
            self.scalar(range, kernel, store);
        } else if matches!(self.source, Source::Certain(_)) {
            self.vectors(range, kernel, None, &mut [], &mut []);
        } else if range.len() <= SHORT && self.layout.is_flat() && range.end <= self.memory.run {
            self.short(range, kernel, store);
        } else {
            let (mut room, mut ahead) = ([0; WORDS], [0; WORDS]);
            self.vectors(range, kernel, store, &mut room, &mut ahead);
        }
    }

    /// A few elements with bits that follow each other: with less to set up than for any walk.
    fn short(&self, range: Range<usize>, kernel: &mut dyn Kernel, store: Option<&mut [u64]>) {
        let (mut room, len, index) = ([0; SHORT / 64], range.len(), range.start as u64);
        let run = self.operands.run(0, range.start, len);
        if let Some(words) = self.source.words(index) {
            return kernel.apply(self.level, run, words);
        }
        let words = store.or_else(|| room.get_mut(..len.div_ceil(64))).unwrap_or_default();
        reader::fill(self.level, self.source, index, words, len);
        kernel.apply(self.level, run, words);
    }

    /// Element by element.
    fn scalar(&self, range: Range<usize>, kernel: &mut dyn Kernel, mut store: Option<&mut [u64]>) {
        let (first, mut walk) = (range.start, Walk::new(self.layout, range.start));
        let mut kept = self.source.bits();
        let mut number = first;
        self.each_run(range, |row, column, _| {
            let kept = kept(walk.index());
            if let Some(word) = store.as_mut().and_then(|store| store.get_mut((number - first) / 64)) {
                let bit = (number - first) % 64;
                *word = if bit == 0 { 0 } else { *word } | u64::from(kept) << bit;
            }
            kernel.one(self.operands.run(row, column, 1), kept);
            walk.skip_turns(1);
            number += 1;
            1
        });
    }

    #[inline(never)]
    fn vectors(
        &self,
        range: Range<usize>,
        kernel: &mut dyn Kernel,
        store: Option<&mut [u64]>,
        room: &mut [u64],
        ahead: &mut [u64],
    ) {
        let reader = Reader::new(self.level, self.source, ahead);
        let mut words = Words::new(reader, Walk::new(self.layout, range.start), room, store);
        let mut left = range.len();
        let beside_from = if kernel.has_beside() { self.level.beside_from() } else { usize::MAX };
        self.each_run(range, |row, column, mut want| {
            let run = self.operands.run(row, column, want);
            if want >= beside_from
                && let Some((distance, beside)) = words.to_block()
            {
                if distance == 0 {
                    let len = want / PAIR * PAIR;
                    kernel.beside(self.level, run.part(0, len), Beside { store: words.skip(len), ..beside });
                    left -= len;
                    return len;
                }
                want = distance;
            }
            let (words, len) = words.next(want, left);
            kernel.apply(self.level, run.part(0, len), words);
            left -= len;
            len
        });
    }

    /// Calls `each` with row, column and length of each run of memory, or of what the call before has left of it: it returns
    /// how many elements it took.
    #[inline(always)]
    fn each_run(&self, range: Range<usize>, mut each: impl FnMut(usize, usize, usize) -> usize) {
        let run = self.memory.run;
        let (mut row, mut column) =
            (range.start.checked_div(run).unwrap_or(0), range.start.checked_rem(run).unwrap_or(0));
        let mut left = range.len();
        while left > 0 {
            let taken = each(row, column, left.min(run - column));
            left -= taken;
            column += taken;
            if column == run {
                (row, column) = (row + 1, 0);
            }
        }
    }
}

/// Draws the mask alone, of a row of bits that follow each other.
pub(crate) fn fill(level: Level, threads: Threads, source: Source<'_>, len: usize, store: &mut [u64]) {
    let pass = |range: Range<usize>, store: &mut [u64]| {
        let mut kept = source.bits();
        if level == Level::SCALAR {
            for (word, first) in store.iter_mut().zip(range.clone().step_by(64)) {
                let bits = first..range.end.min(first + 64);
                *word = bits.zip(0..).fold(0, |word, (index, bit)| word | u64::from(kept(index as u64)) << bit);
            }
        } else {
            reader::fill(level, source, range.start as u64, store, range.len());
        }
    };
    threads.run(0..len, store, &pass);
}

/// Calls `each` with all words of a row of bits that follow each other, in pieces: some words, and how many bits they have.
pub(crate) fn sequence(level: Level, source: Source<'_>, len: usize, mut each: impl FnMut(&[u64], usize)) {
    let (mut room, mut ahead) = ([0; WORDS], [0; WORDS]);
    let reader = Reader::new(level, source, &mut ahead);
    let mut words = Words::new(reader, Walk::new(Layout::flat(len), 0), &mut room, None);
    let mut left = len;
    while left > 0 {
        let (words, len) = words.next(left, left);
        each(words, len);
        left -= len;
    }
}
