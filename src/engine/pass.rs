//! A pass over the elements of a layout: on one thread or several, each of which has a range of them.

use core::mem;
use core::ops::Range;

use super::element::{Added, Element, Kernel, Scale};
use super::operand::{Operands, Stage};
use super::reader::{self, Reader, Source, WORDS, fill_drawn};
use super::row::Row;
use super::threads::Threads;
use super::words::Words;
use crate::layout::{Distances, Indices, Line, Lines, Memory, Runs, Walk};
use crate::mask::clear_past;
use crate::simd::Level;
use crate::stream::{BLOCK, Stream};

/// Elements of a row that is worth a pass of its own.
const LONG: usize = BLOCK as usize;

/// What is passed over; lengths and indices have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) level: Level,
    pub(crate) threads: Threads,
    pub(crate) source: Source<'a>,
    pub(crate) indices: Indices,
    pub(crate) memory: Memory,
    pub(crate) operands: Operands<'a>,
}

impl Pass<'_> {
    /// Computes `element` everywhere, on the threads that there are.
    pub(crate) fn run(&self, element: impl Element + Clone + Sync) {
        self.run_storing(element, &mut []);
    }

    /// The same; and stores the mask of a flat layout over dense memory, unless `store` is empty.
    #[expect(clippy::needless_pass_by_value, reason = "each thread has a copy of the element, the caller none")]
    pub(crate) fn run_storing(&self, element: impl Element + Clone + Sync, store: &mut [u64]) {
        self.threads.run(0..self.indices.len(), store, &|range, store| {
            self.range_storing(range, &mut element.clone(), store);
        });
    }

    /// `kept ? x * scale : +0.0`. What is no product is a copy: a signalling NaN stays one.
    pub(crate) fn scale(&self, scale: f32, store: &mut [u64]) {
        if let Some(kept) = self.source.copies(scale) {
            reader::fill(self.level, self.source, 0, store, self.indices.len());
            self.constant(kept);
        } else {
            self.run_storing(Scale(scale), store);
        }
    }

    /// The same of one input; of two, `z + (kept ? x * scale : +0.0)`.
    pub(crate) fn product(&self, inputs: usize, scale: f32) {
        if inputs == 1 { self.scale(scale, &mut []) } else { self.run(Added(Scale(scale))) }
    }

    /// The same of a range of the elements.
    pub(crate) fn product_range(&self, range: Range<usize>, inputs: usize, scale: f32) {
        match (inputs, self.source.copies(scale)) {
            (1, Some(kept)) => self.constant_range(range, kept),
            (1, None) => self.range(range, &mut Scale(scale)),
            _ => self.range(range, &mut Added(Scale(scale))),
        }
    }

    /// Copies the first input, or writes +0.0, on the threads that there are.
    pub(crate) fn constant(&self, kept: bool) {
        self.each_range(&mut [], &|range, _| self.constant_range(range, kept));
    }

    fn constant_range(&self, range: Range<usize>, kept: bool) {
        // a line is no faster than a run but where that is a single element
        if self.memory.run == 1 {
            let mut lines = Lines::new(&self.memory, range.start);
            return each_line(&mut lines, range.len(), |line, _| self.operands.constant(line, kept));
        }
        self.each_run(range, |starts, column, len| {
            self.operands.run(starts, column, len).constant(kept);
            len
        });
    }

    /// Calls `each` with ranges of all elements and their bits of `store`, on the threads that there are.
    pub(crate) fn each_range(&self, store: &mut [u64], each: &(dyn Fn(Range<usize>, &mut [u64]) + Sync)) {
        self.threads.run(0..self.indices.len(), store, each);
    }

    /// Passes over a range of the elements.
    pub(crate) fn range(&self, range: Range<usize>, kernel: &mut dyn Kernel) {
        self.range_storing(range, kernel, &mut []);
    }

    fn range_storing(&self, range: Range<usize>, kernel: &mut dyn Kernel, store: &mut [u64]) {
        let Self { indices, memory, .. } = self;
        let long = indices.is_flat() || indices.columns >= LONG && indices.repeat == 1;
        if self.level.is_scalar() && !(indices.is_flat() && memory.run >= range.end) {
            self.one_by_one(range, kernel);
        } else if memory.is_scattered() && !self.operands.has_sums() {
            self.staged(range, kernel);
        } else if matches!(self.source, Source::Certain(_)) || long && memory.run >= range.end.min(LONG) {
            self.rows(range, kernel, store);
        } else {
            self.gathered(range, kernel);
        }
    }

    /// The specification of a layout: each element asks for its bit.
    fn one_by_one(&self, range: Range<usize>, kernel: &mut dyn Kernel) {
        let (mut kept, mut walk) = (self.source.bits(), Walk::new(self.indices, range.start));
        self.each_run(range, |starts, column, _| {
            kernel.one(self.operands.run(starts, column, 1), kept(walk.index()));
            walk.skip_turns(1);
            1
        });
    }

    /// Row by row: for long ones, and where the bits are the same.
    fn rows(&self, range: Range<usize>, kernel: &mut dyn Kernel, mut store: &mut [u64]) {
        let Self { level, source, indices, .. } = *self;
        let mut walk = Walk::new(indices, range.start);
        self.each_run(range, |starts, column, want| {
            let len = if let Source::Certain(_) = source { want } else { want.min(walk.columns_left()) };
            let run = self.operands.run(starts, column, len);
            Row { level, source, index: walk.index(), run, store: mem::take(&mut store) }.apply(kernel);
            if let Source::Drawn { .. } | Source::Stored(_) = source {
                walk.skip_bits(len);
            }
            len
        });
    }

    /// As many elements at a time as have words: across the ends of short rows, of bits or of memory.
    #[inline(never)]
    fn gathered(&self, range: Range<usize>, kernel: &mut dyn Kernel) {
        let (mut room, mut ahead) = ([0; WORDS], [0; WORDS]);
        let reader = Reader::new(self.level, self.source, &mut ahead);
        let mut words = Words::new(reader, Walk::new(self.indices, range.start), &mut room);
        let mut left = range.len();
        self.each_run(range, |starts, column, want| {
            let run = self.operands.run(starts, column, want);
            let (words, len) = words.next(want, left);
            kernel.apply(self.level, run.part(0, len), words);
            left -= len;
            len
        });
    }

    /// Through copies that lie side by side: of runs so short that the kernel would cost more by itself.
    #[inline(never)]
    fn staged(&self, range: Range<usize>, kernel: &mut dyn Kernel) {
        let (mut room, mut ahead) = ([0; WORDS], [0; WORDS]);
        let reader = Reader::new(self.level, self.source, &mut ahead);
        let mut words = Words::new(reader, Walk::new(self.indices, range.start), &mut room);
        let (mut stage, mut lines) = (Stage::new(), Lines::new(&self.memory, range.start));
        let (operands, dense, mut first) = (&self.operands, &self.memory.dense, range.start);
        while first < range.end {
            let left = range.end - first;
            let (words, len) = words.next(left.min(Stage::LEN), left);
            let mut there = lines;
            each_line(&mut lines, len, |line, at| operands.gather(line, dense, &mut stage, at));
            kernel.apply(self.level, operands.staged(&mut stage, dense, first, len), words);
            if !operands.writes_dense(dense) {
                each_line(&mut there, len, |line, at| operands.scatter(line, &stage, at));
            }
            first += len;
        }
    }

    /// Calls `each` with starts, column and length of each run of memory, or of what the call before has left of it: it returns
    /// how many elements it took.
    #[inline(always)]
    fn each_run(&self, range: Range<usize>, mut each: impl FnMut(&Distances, usize, usize) -> usize) {
        let Memory { run, .. } = self.memory;
        let (row, mut column) = (range.start.checked_div(run).unwrap_or(0), range.start.checked_rem(run).unwrap_or(0));
        let (mut runs, mut left) = (Runs::new(&self.memory, row), range.len());
        while left > 0 {
            let taken = each(&runs.starts, column, left.min(run - column));
            left -= taken;
            column += taken;
            if column == run {
                column = 0;
                runs.next(1);
            }
        }
    }
}

/// Calls `each` with the lines of the next `len` elements, and the number of the first of each among them.
#[inline(always)]
fn each_line(lines: &mut Lines<'_>, len: usize, mut each: impl FnMut(&Line, usize)) {
    let mut at = 0;
    while at < len {
        let line = lines.next(len - at);
        each(&line, at);
        at += line.len;
    }
}

/// Draws the mask alone, of `len` elements from element `first` on.
#[inline(always)] // where the level is known, the code of the other goes
pub(crate) fn fill(level: Level, threads: Threads, stream: Stream, first: u64, len: usize, store: &mut [u64]) {
    if level.is_scalar() {
        let mut kept = Source::drawn(stream, first).bits();
        for (word, at) in store.iter_mut().zip((0..len).step_by(64)) {
            let bits = at..len.min(at.saturating_add(64));
            *word = bits.zip(0..).fold(0, |word, (index, bit)| word | u64::from(kept(index as u64)) << bit);
        }
    } else {
        threads.run(0..len, store, &|range, store| {
            fill_drawn(level, stream, first.wrapping_add(range.start as u64), store, range.len());
        });
    }
}

/// Draws the mask of a layout alone, of as many bits as it has elements.
pub(crate) fn fill_layout(level: Level, threads: Threads, source: Source<'_>, indices: Indices, store: &mut [u64]) {
    threads.run(0..indices.len(), store, &|range, store| {
        let mut store = store.iter_mut();
        each_words(level, source, indices, range, |words, len| {
            store.by_ref().zip(words).take(len.div_ceil(64)).for_each(|(store, word)| *store = *word);
        });
    });
}

/// Calls `each` with the words that are drawn for a range of the elements of a layout, in pieces: some words, and how many bits
/// they have, a multiple of 64 but for the last. Bits past them are 0.
pub(crate) fn each_words(
    level: Level,
    source: Source<'_>,
    indices: Indices,
    range: Range<usize>,
    mut each: impl FnMut(&[u64], usize),
) {
    let (mut room, mut ahead, mut last) = ([0; WORDS], [0; WORDS], [0; WORDS]);
    let mut walk = Walk::new(indices, range.start);
    let mut left = range.len();
    if level.is_scalar() {
        let mut kept = source.bits();
        while left > 0 {
            let mut word = [0];
            let len = left.min(64);
            for bit in 0..len {
                word[0] |= u64::from(kept(walk.index())) << bit;
                walk.skip_turns(1);
            }
            each(&word, len);
            left -= len;
        }
        return;
    }
    let mut words = Words::new(Reader::new(level, source, &mut ahead), walk, &mut room);
    while left > 0 {
        let (some, len) = words.next(left, left);
        let count = len.div_ceil(64).min(WORDS);
        if let (Some(to), Some(from)) = (last.get_mut(..count), some.get(..count)) {
            to.copy_from_slice(from);
            clear_past(to, len);
            each(to, len);
        }
        left -= len;
    }
}
