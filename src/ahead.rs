//! Bits of many rows drawn at a time, for kernels that need those of a row more than once.

use crate::bits::{Bits, Discard, Replay, Sink, Store, Stored};
use crate::mask::Mask;
use crate::simd::Simd;

const WORDS: usize = 64;

/// Rows whose bits follow each other. What is drawn ahead is drawn faster: a short row does not fill the vectors.
pub(crate) struct Ahead {
    replay: Replay,
    /// How many bits there are in all.
    len: u64,
    words: [u64; WORDS],
    /// Where the words begin, and how many bits they have.
    drawn: (u64, usize),
}

impl Ahead {
    pub(crate) const fn new(replay: Replay, len: usize) -> Self {
        Self { replay, len: len as u64, words: [0; WORDS], drawn: (0, 0) }
    }
}

impl Bits for Ahead {
    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        if len > 64 * WORDS {
            return self.replay.row(s, row, first, len, sink);
        }
        let (start, count) = self.drawn;
        let within = first.checked_sub(start).is_some_and(|skipped| skipped.saturating_add(len as u64) <= count as u64);
        if !within {
            let count = self.len.saturating_sub(first).min(64 * WORDS as u64) as usize;
            let mut store = Store { replay: self.replay, words: &mut self.words };
            store.row(s, 0, first, count, &mut Discard);
            self.drawn = (first, count);
        }
        let (start, count) = self.drawn;
        if let Ok(mask) = Mask::new(&self.words, count) {
            Stored { mask }.row(s, row, first - start, len, sink);
        }
    }

    fn scalar_row(&mut self, row: usize, first: u64, len: usize, each: impl FnMut(bool)) {
        self.replay.scalar_row(row, first, len, each);
    }
}
