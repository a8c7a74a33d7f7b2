//! Bits for kernels that go through rows of a matrix: drawn for many rows at a time, or read.

use crate::bits::{Bits, Discard, Replay, Sink, Store, Stored, Uniform};
use crate::mask::Mask;
use crate::simd::Simd;

const WORDS: usize = 64;

/// Rows whose bits follow each other. What is drawn ahead is drawn faster: a short row does not fill the vectors.
pub(crate) struct Ahead {
    replay: Replay,
    /// How many bits there are in all.
    len: u64,
    /// Longer rows are drawn when they are needed.
    longest: usize,
    words: [u64; WORDS],
    /// Where the words begin, and how many bits they have.
    drawn: (u64, usize),
}

impl Ahead {
    pub(crate) const fn new(replay: Replay, len: u64) -> Self {
        Self { replay, len, longest: 64 * WORDS, words: [0; WORDS], drawn: (0, 0) }
    }

    /// For rows that do not follow each other.
    pub(crate) const fn apart(self) -> Self {
        Self { longest: 0, ..self }
    }
}

impl Bits for Ahead {
    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        if len > self.longest {
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

/// Where the bits of a matrix come from: one type, so that a kernel is compiled once for all.
#[expect(clippy::large_enum_variant, reason = "nothing is allocated here")]
pub(crate) enum Words<'a> {
    All,
    Drawn(Ahead),
    Stored(Stored<'a>),
}

/// All is kept.
const ALL: Uniform = Uniform { certain: Some(true) };

impl Bits for Words<'_> {
    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        match self {
            Self::All => { ALL }.row(s, row, first, len, sink),
            Self::Drawn(ahead) => ahead.row(s, row, first, len, sink),
            Self::Stored(stored) => stored.row(s, row, first, len, sink),
        }
    }

    fn scalar_row(&mut self, row: usize, first: u64, len: usize, each: impl FnMut(bool)) {
        match self {
            Self::All => { ALL }.scalar_row(row, first, len, each),
            Self::Drawn(ahead) => ahead.scalar_row(row, first, len, each),
            Self::Stored(stored) => stored.scalar_row(row, first, len, each),
        }
    }
}
