//! Bits for kernels that go through rows of a matrix: drawn for many rows at a time, or read.

use crate::bits::{Bits, Discard, Replay, Sink, Store, Stored};
use crate::mask::Mask;
use crate::simd::Simd;

const WORDS: usize = 64;
/// Elements that are drawn or read at a time.
const PIECE: usize = 64 * WORDS;

/// Where the bits of a matrix come from: one type, so that a kernel is compiled once for all.
#[expect(clippy::large_enum_variant, reason = "nothing is allocated here")]
pub(crate) enum Words<'a> {
    /// All is kept.
    All,
    Drawn(Ahead),
    Stored(Mask<'a>),
}

/// Draws the bits of many rows at a time, which is faster: a short row does not fill the vectors.
pub(crate) struct Ahead {
    replay: Replay,
    /// How many bits there are in all, if rows are short and follow each other.
    len: Option<u64>,
    words: [u64; WORDS],
    /// Where the words begin, and how many bits they have.
    drawn: (u64, usize),
}

impl Ahead {
    /// For so many bits, in rows of `columns` that follow each other. Long rows are not drawn ahead: they fill the vectors,
    /// and of each perhaps a part is wanted.
    pub(crate) const fn new(replay: Replay, columns: usize, len: u64) -> Self {
        let len = if columns < PIECE { Some(len) } else { None };
        Self { replay, len, words: [0; WORDS], drawn: (0, 0) }
    }

    /// For rows that lie apart.
    pub(crate) const fn apart(replay: Replay) -> Self {
        Self { replay, len: None, words: [0; WORDS], drawn: (0, 0) }
    }

    /// At most [`PIECE`] bits.
    #[inline(always)]
    fn mask<S: Simd>(&mut self, s: S, first: u64, len: usize) -> Mask<'_> {
        let (start, count) = self.drawn;
        let within = first.checked_sub(start).is_some_and(|skipped| skipped.saturating_add(len as u64) <= count as u64);
        if !within {
            let count = self.len.map_or(len, |all| all.saturating_sub(first).min(PIECE as u64) as usize);
            let mut store = Store { replay: self.replay, words: &mut self.words };
            store.row(s, 0, first, count, &mut Discard);
            self.drawn = (first, count);
        }
        let (start, count) = self.drawn;
        Mask::new(&self.words, count).map_or(Mask::EMPTY, |mask| mask.part(first.wrapping_sub(start), len))
    }
}

impl Bits for Words<'_> {
    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        let mut at = 0;
        while at < len {
            let first = first.wrapping_add(at as u64);
            let piece = (len - at).min(PIECE);
            let mask = match self {
                Self::All => Mask::new(&[!0; WORDS], piece).unwrap_or(Mask::EMPTY),
                Self::Drawn(ahead) => ahead.mask(s, first, piece),
                Self::Stored(mask) => mask.part(first, piece),
            };
            Stored { mask }.row(s, row, 0, piece, sink);
            at += piece;
        }
    }

    fn scalar_row(&mut self, row: usize, first: u64, len: usize, mut each: impl FnMut(bool)) {
        match self {
            Self::All => (0..len).for_each(|_| each(true)),
            Self::Drawn(ahead) => ahead.replay.scalar_row(row, first, len, each),
            Self::Stored(mask) => Stored { mask: *mask }.scalar_row(row, first, len, each),
        }
    }
}
