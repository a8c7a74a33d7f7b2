//! A pass in pieces, on several threads. Pieces are shards: each knows its indices, so the bits are those of the whole.

use crate::bits::{Bits, Replay, Store, Stored, Uniform};
use crate::dispatch::dispatch;
use crate::input::Input;
use crate::level::Level;
use crate::map::Map;
use crate::mask::mask_words;
use crate::pass::{Fill, Pass};
use crate::rows::Rows;
use crate::shape::Halves;

/// Elements of a piece, at most: so many take a thread about as long as another takes to wake.
const PIECE: usize = 1 << 17;

/// Which threads a pass may run on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Threads {
    /// The caller's.
    One,
    /// Those of rayon.
    #[cfg(feature = "rayon")]
    Pool,
}

impl Threads {
    pub(crate) fn run(self, level: Level, task: impl Task) {
        let whole = matches!(self, Self::One) || task.len() <= PIECE;
        match if whole { Err(task) } else { task.halves() } {
            Ok([first, second]) => join(|| self.run(level, first), || self.run(level, second)),
            Err(task) => task.run(level),
        }
    }
}

#[cfg(feature = "rayon")]
fn join(first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
    rayon::join(first, second);
}

#[cfg(not(feature = "rayon"))]
fn join(first: impl FnOnce(), second: impl FnOnce()) {
    first();
    second();
}

/// What threads can share out.
pub(crate) trait Task: Send + Sized {
    /// Number of elements.
    fn len(&self) -> usize;
    /// Both halves, or all of it if it is too small.
    fn halves(self) -> Result<[Self; 2], Self>;
    fn run(self, level: Level);
}

impl<B: Divide, M: Map, X: Input, Z: Input> Task for Pass<'_, B, M, X, Z> {
    fn len(&self) -> usize {
        self.shape.len()
    }

    fn halves(self) -> Result<[Self; 2], Self> {
        let Some(Halves { parts: [shape, shape_second], element, index, row }) = self.shape.halves() else {
            return Err(self);
        };
        let Self { bits, map, x, z, y, .. } = self;
        let (bits, bits_second) = bits.cut(shape.bits(), index);
        let ([x, x_second], [z, z_second]) = (halves(x, element, row), halves(z, element, row));
        let (y, y_second) = y.split_at_mut_checked(element).unwrap_or_default();
        Ok([
            Self { bits, shape, map, x, z, y },
            Self { bits: bits_second, shape: shape_second, map, x: x_second, z: z_second, y: y_second },
        ])
    }

    fn run(self, level: Level) {
        self.launch(level);
    }
}

/// An input in two. What it repeats in each row goes on where a row is cut, and begins again with a row.
fn halves<I: Input>(input: I, element: usize, row: bool) -> [I; 2] {
    if row { [input.part(0, element), input.part(element, usize::MAX)] } else { input.cut(element).into() }
}

impl Task for Fill<Store<'_>> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn halves(self) -> Result<[Self; 2], Self> {
        let Some(Halves { parts: [rows, rows_second], index, .. }) = self.rows.halves() else { return Err(self) };
        let (bits, bits_second) = self.bits.cut(rows, index);
        Ok([Self { bits, rows }, Self { bits: bits_second, rows: rows_second }])
    }

    fn run(self, level: Level) {
        dispatch(level, self);
    }
}

/// Bits that can be taken from two places.
pub(crate) trait Divide: Bits + Send + Sized {
    /// Those of `rows`, and those from index `index` on.
    fn cut(self, rows: Rows, index: u64) -> (Self, Self);
}

impl Divide for Store<'_> {
    fn cut(self, rows: Rows, index: u64) -> (Self, Self) {
        let Self { replay: Replay { source, offset }, words } = self;
        let stored = rows.rows.saturating_mul(mask_words(rows.columns));
        let (words, words_second) = words.split_at_mut_checked(stored).unwrap_or_default();
        let part = |offset, words| Self { replay: Replay { source, offset }, words };
        (part(offset, words), part(offset.wrapping_add(index), words_second))
    }
}

impl Divide for Stored<'_> {
    fn cut(self, _: Rows, index: u64) -> (Self, Self) {
        let second = self.mask.part(index, usize::MAX);
        (self, Self { mask: second })
    }
}

impl Divide for Uniform {
    fn cut(self, _: Rows, _: u64) -> (Self, Self) {
        (self, self)
    }
}
