//! The mask words of a pass: from a layout and the source of its bits to 64 bits at a time, in the order of the elements and
//! across the ends of rows. Integer code that knows nothing of operands.

use super::beside::Beside;
use super::reader::{Reader, Source};
use crate::layout::Walk;
use crate::mask::{append, clear_past, low_bits};
use crate::stream::{BLOCK, BLOCK_WORDS, draw};

/// The words of elements from one of a layout on.
pub(crate) struct Words<'a, 'b> {
    reader: Reader<'a, 'b>,
    walk: Walk,
    room: &'b mut [u64],
    /// Where the words stay, instead of `room`. The layout is flat then.
    store: Option<&'b mut [u64]>,
    current: Run,
}

impl<'a, 'b> Words<'a, 'b> {
    /// `room` is for words, one at least.
    pub(crate) const fn new(
        reader: Reader<'a, 'b>,
        walk: Walk,
        room: &'b mut [u64],
        store: Option<&'b mut [u64]>,
    ) -> Self {
        Self { reader, walk, room, store, current: Run { bits: 0, count: 0, turns: walk.turns_left() } }
    }

    /// Elements from the current one to the next that begins a block of the stream, and what is drawn from there on; `None`
    /// unless elements are drawn one after the other, and words can stay where they are stored.
    pub(crate) fn to_block(&self) -> Option<(usize, Beside<'b>)> {
        let Source::Drawn { stream, offset } = self.reader.source else { return None };
        let element = offset.wrapping_add(self.walk.index());
        let whole_words = self.store.is_none() || element.is_multiple_of(64);
        (self.walk.layout.is_flat() && whole_words).then(|| {
            let block = element.div_ceil(BLOCK);
            ((element.wrapping_neg() % BLOCK) as usize, Beside { stream, block, store: None })
        })
    }

    /// Goes on by so many elements, a multiple of 64, whose words the caller makes; returns where they are to be stored.
    pub(crate) fn skip(&mut self, elements: usize) -> Option<&'b mut [u64]> {
        self.walk.skip_bits(elements);
        self.stored(elements / 64)
    }

    /// Where the next `count` words stay, if anywhere.
    fn stored(&mut self, count: usize) -> Option<&'b mut [u64]> {
        let (first, rest) = self.store.take()?.split_at_mut_checked(count).unwrap_or_default();
        self.store = Some(rest);
        Some(first)
    }

    /// The words of the next elements, `want` at most, and how many they are; a multiple of 64 if fewer. Of the elements that
    /// are wanted in all, `left` are left. Bits past the last can be anything.
    pub(crate) fn next(&mut self, want: usize, left: usize) -> (&[u64], usize) {
        static CERTAIN: [[u64; 64]; 2] = [[0; 64], [!0; 64]];
        if let Source::Certain(kept) = self.reader.source {
            let [dropped, all] = &CERTAIN;
            return (if kept { all } else { dropped }, want.min(64 * 64));
        }
        let in_row = self.walk.columns_left();
        if self.walk.layout.repeat == 1 {
            let want = if in_row >= BLOCK as usize { want.min(in_row) } else { want };
            if want <= in_row {
                return self.of_one_row(want, in_row.min(left));
            }
            let len = want.min(64 * self.room.len());
            self.of_rows(len);
            return (self.room, len);
        }
        let len = want.min(64 * self.room.len());
        self.of_runs(len);
        (self.room, len)
    }

    /// Of elements whose bits follow each other, as `follow` do in all.
    fn of_one_row(&mut self, want: usize, follow: usize) -> (&[u64], usize) {
        let index = self.walk.index();
        if let Some(words) = self.reader.source.words(index) {
            self.walk.skip_bits(want);
            return (words, want);
        }
        let room = self.room.len();
        let (aligned, room) = match self.reader.source {
            Source::Drawn { stream, offset } => {
                let element = offset.wrapping_add(index);
                let word = element / 64;
                // the next begin with a block
                let room = if room > BLOCK_WORDS { room - (word % BLOCK_WORDS as u64) as usize } else { room };
                let whole = want >= follow || want >= BLOCK as usize;
                ((whole && element.is_multiple_of(64)).then_some((stream, word)), room)
            }
            Source::Stored(_) | Source::Certain(_) => (None, room),
        };
        let len = want.min(64 * room);
        self.walk.skip_bits(len);
        let count = len.div_ceil(64);
        let words = match self.stored(count) {
            Some(words) => words,
            None => self.room.get_mut(..count).unwrap_or_default(),
        };
        match aligned {
            Some((stream, word)) => draw(self.reader.level, stream, word, words),
            None => self.reader.copy(index, follow, words, 0, len),
        }
        clear_past(words, len);
        (words, len)
    }

    /// Of elements of several rows.
    fn of_rows(&mut self, len: usize) {
        let columns = self.walk.layout.columns;
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
        let columns = self.walk.layout.columns;
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
        let columns = self.walk.layout.columns;
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
        let (first, shift) = ((ready - columns) / 64, ((ready - columns) % 64) as u32);
        for (i, word) in (ready / 64..end.div_ceil(64)).enumerate() {
            let before = |i: usize| self.room.get(i).copied().unwrap_or(0);
            let bits = before(first + i) >> shift | before(first + i + 1) << 1 << (63 - shift);
            if let Some(word) = self.room.get_mut(word) {
                *word = bits;
            }
        }
        self.walk.skip_same(end - ready);
        // what comes next is appended
        clear_past(self.room, end);
    }

    /// Of elements of which several in a row have the same bit. The walk is behind the bits that are read.
    fn of_runs(&mut self, len: usize) {
        let repeat = self.walk.layout.repeat;
        let Run { mut bits, mut count, mut turns } = self.current;
        let (reader, walk) = (&mut self.reader, &mut self.walk);
        let mut some = |bits: &mut u64, count: &mut usize| {
            let mut next = [0];
            *count = walk.columns_left().min(64);
            reader.copy(walk.index(), walk.columns_left(), &mut next, 0, *count);
            walk.skip_bits(*count);
            *bits = next[0];
        };
        if count == 0 {
            some(&mut bits, &mut count);
        }
        for (word, done) in self.room.iter_mut().zip((0..len).step_by(64)) {
            let end = (len - done).min(64);
            // each bit reaches to the end of the word, where the next does not change it
            let mut bit = (bits & 1).wrapping_neg();
            *word = bit;
            while turns < end {
                (bits, count) = (bits >> 1, count - 1);
                if count == 0 {
                    some(&mut bits, &mut count);
                }
                let next = (bits & 1).wrapping_neg();
                *word ^= (bit ^ next) << turns;
                bit = next;
                turns += repeat;
            }
            turns -= end;
        }
        self.current = Run { bits, count, turns };
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
