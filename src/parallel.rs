//! A pass in pieces, on several threads. Pieces are shards: each knows its indices, so the bits are those of the whole.

use crate::bits::{Bits, Replay, Store, Stored, Uniform};
use crate::dispatch::dispatch;
use crate::input::Input;
use crate::level::Level;
use crate::map::Map;
use crate::mask::mask_words;
use crate::pass::{Fill, Pass};
use crate::shape::{Halves, Shape};

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
        match if matches!(self, Self::One) { Err(task) } else { task.halves() } {
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
    /// Both halves, or all of it if it is too small.
    fn halves(self) -> Result<[Self; 2], Self>;
    fn run(self, level: Level);
}

impl<B: Divide, M: Map, X: Input, Z: Input> Task for Pass<'_, B, M, X, Z> {
    fn halves(self) -> Result<[Self; 2], Self> {
        let Some(Halves { shapes, element, index }) = halves(self.shape) else { return Err(self) };
        let Self { bits, map, x, z, y, .. } = self;
        let ((x, x_second), (z, z_second)) = (x.cut(element), z.cut(element));
        let (y, y_second) = y.split_at_mut_checked(element).unwrap_or_default();
        let [shape, shape_second] = shapes;
        let (bits, bits_second) = bits.cut(shape, index);
        Ok([
            Self { bits, shape, map, x, z, y },
            Self { bits: bits_second, shape: shape_second, map, x: x_second, z: z_second, y: y_second },
        ])
    }

    fn run(self, level: Level) {
        self.launch(level);
    }
}

impl Task for Fill<Store<'_>> {
    fn halves(self) -> Result<[Self; 2], Self> {
        match halves(Shape::Rows(self.rows)) {
            Some(Halves { shapes: [Shape::Rows(rows), Shape::Rows(rows_second)], index, .. }) => {
                let (bits, bits_second) = self.bits.cut(Shape::Rows(rows), index);
                Ok([Self { bits, rows }, Self { bits: bits_second, rows: rows_second }])
            }
            _ => Err(self),
        }
    }

    fn run(self, level: Level) {
        dispatch(level, self);
    }
}

fn halves(shape: Shape) -> Option<Halves> {
    if shape.len() > PIECE { shape.halves() } else { None }
}

/// Bits that can be taken from two places.
pub(crate) trait Divide: Bits + Send {
    /// The bits of a shape, and those from index `index` on.
    fn cut(self, shape: Shape, index: u64) -> (Self, Self)
    where
        Self: Sized;
}

impl Divide for Store<'_> {
    fn cut(self, shape: Shape, index: u64) -> (Self, Self) {
        let Self { replay: Replay { source, offset }, words } = self;
        let rows = shape.bits();
        let words = words.split_at_mut_checked(rows.rows.saturating_mul(mask_words(rows.columns))).unwrap_or_default();
        let part = |offset, words| Self { replay: Replay { source, offset }, words };
        (part(offset, words.0), part(offset.wrapping_add(index), words.1))
    }
}

impl Divide for Stored<'_> {
    fn cut(self, _: Shape, index: u64) -> (Self, Self) {
        let second = self.mask.part(index, usize::MAX);
        (self, Self { mask: second })
    }
}

impl Divide for Uniform {
    fn cut(self, _: Shape, _: u64) -> (Self, Self) {
        (self, self)
    }
}
