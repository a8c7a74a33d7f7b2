//! The mask words of short rows: from a layout and the source of its bits to 64 bits at a time, in the order of the elements
//! and across the ends of rows. Integer code that knows nothing of operands.

use core::cell::Cell;

use super::reader::Reader;
use crate::layout::Walk;
use crate::mask::{append, clear_past, low_bits};

/// The words of elements from one of a layout on.
pub(crate) struct Words<'a, 'b> {
    reader: Reader<'a, 'b>,
    walk: Walk,
    room: &'b mut [u64],
    current: Run,
}

impl<'a, 'b> Words<'a, 'b> {
    /// `room` is for words, one at least.
    pub(crate) const fn new(reader: Reader<'a, 'b>, walk: Walk, room: &'b mut [u64]) -> Self {
        Self { reader, walk, room, current: Run { bits: 0, count: 0, turns: walk.turns_left() } }
    }

    /// The words of the next elements, `want` at most, and how many they are; a multiple of 64 if fewer. Of the elements that
    /// are wanted in all, `left` are left. Bits past the last can be anything.
    pub(crate) fn next(&mut self, want: usize, left: usize) -> (&[u64], usize) {
        let (in_row, index) = (self.walk.columns_left(), self.walk.index());
        if self.walk.indices.repeat == 1 && want <= in_row {
            let (words, len) = self.reader.some(index, in_row.min(left), want, self.room);
            self.walk.skip_bits(len);
            return (words, len);
        }
        let len = want.min(64 * self.room.len());
        if self.walk.indices.repeat == 1 {
            self.of_rows(len);
        } else {
            self.of_runs(len);
        }
        (self.room, len)
    }

    /// Of elements of several rows.
    fn of_rows(&mut self, len: usize) {
        let columns = self.walk.indices.columns;
        let mut at = 0;
        while at < len {
            let (in_row, same) = (self.walk.columns_left(), self.walk.same_rows_left());
            if same == 1 {
                let taken = in_row.min(len - at);
                self.reader.copy(self.walk.index(), in_row, self.room, at, taken);
                self.walk.skip_bits(taken);
                at += taken;
                continue;
            }
            let end = len.min(at.saturating_add((same - 1).saturating_mul(columns).saturating_add(in_row)));
            if columns < 64 {
                self.of_short_rows(at, end);
            } else {
                self.of_same_rows(at, end);
            }
            at = end;
        }
    }

    /// Of elements of rows with the same few bits, for places `at..end` of the room.
    fn of_short_rows(&mut self, mut at: usize, end: usize) {
        let columns = self.walk.indices.columns;
        let mut row = [0];
        self.reader.copy(self.walk.index().wrapping_sub(self.walk.column() as u64), columns, &mut row, 0, columns);
        // two words of them, over and over
        let (mut period, mut filled) = (u128::from(row[0] & low_bits(columns)), columns.max(1));
        while filled < 128 {
            period |= period << filled;
            filled *= 2;
        }
        while at < end {
            let taken = (end - at).min(64);
            append(self.room, at, (period >> self.walk.column()) as u64 & low_bits(taken), taken);
            self.walk.skip_same(taken);
            at += taken;
        }
    }

    /// Of elements of longer rows with the same bits.
    fn of_same_rows(&mut self, mut at: usize, end: usize) {
        let columns = self.walk.indices.columns;
        let ready = end.min((at + columns).next_multiple_of(64));
        while at < ready {
            let (in_row, taken) = (self.walk.columns_left(), self.walk.columns_left().min(ready - at));
            self.reader.copy(self.walk.index(), in_row, self.room, at, taken);
            self.walk.skip_same(taken);
            at += taken;
        }
        if ready == end {
            return;
        }
        // from there on, where a word begins, each word is one that was a row before
        let (first, shift) = ((ready - columns) / 64, (ready - columns) % 64);
        let words = Cell::from_mut(&mut *self.room).as_slice_of_cells();
        let from = |at: usize| words.get(at..).unwrap_or_default();
        let mut low = from(first).first().map_or(0, Cell::get);
        for (word, high) in from(ready / 64).iter().take((end - ready).div_ceil(64)).zip(from(first + 1)) {
            word.set(low >> shift | high.get() << 1 << (63 - shift));
            // which may be the word that was written
            low = high.get();
        }
        self.walk.skip_same(end - ready);
        // what comes next is appended
        clear_past(self.room, end);
    }

    /// Of elements of which several in a row have the same bit. The walk is behind the bits that are read.
    fn of_runs(&mut self, len: usize) {
        let repeat = self.walk.indices.repeat;
        let (reader, walk) = (&mut self.reader, &mut self.walk);
        let mut some = || {
            let (mut next, count) = ([0], walk.columns_left().min(64));
            reader.copy(walk.index(), walk.columns_left(), &mut next, 0, count);
            walk.skip_bits(count);
            (next[0], count)
        };
        let mut run = self.current;
        if run.count == 0 {
            (run.bits, run.count) = some();
        }
        let (whole, rest) = self.room.split_at_mut((len / 64).min(self.room.len()));
        for word in whole {
            *word = run.word(64, repeat, &mut some);
        }
        if let (Some(word), 1..) = (rest.first_mut(), len % 64) {
            *word = run.word(len % 64, repeat, &mut some);
        }
        self.current = run;
    }
}

/// Where bits are for several elements each: those that are read, the current one lowest, and how many; and how many elements
/// still have the current one.
#[derive(Clone, Copy)]
struct Run {
    bits: u64,
    count: usize,
    turns: usize,
}

impl Run {
    /// The bits of the next `end` elements, at most 64; of a bit for `repeat` elements, and `some` more bits if need be.
    #[inline(always)]
    fn word(&mut self, end: usize, repeat: usize, some: &mut impl FnMut() -> (u64, usize)) -> u64 {
        // each bit reaches to the end of the word, where the next does not change it
        let mut bit = (self.bits & 1).wrapping_neg();
        let mut word = bit;
        while self.turns < end {
            (self.bits, self.count) = (self.bits >> 1, self.count - 1);
            if self.count == 0 {
                (self.bits, self.count) = some();
            }
            let next = (self.bits & 1).wrapping_neg();
            word ^= (bit ^ next) << self.turns;
            bit = next;
            self.turns += repeat;
        }
        self.turns -= end;
        word
    }
}
