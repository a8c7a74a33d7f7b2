use core::iter;

use crate::bits::{Bits, Each, Replay, Sink, Stored};
use crate::dispatch::{Kernel, dispatch};
use crate::input::{InPlace, Input, Nothing};
use crate::map::{Map, Scale};
use crate::mask::same_length;
use crate::pass::Apply;
use crate::simd::Simd;
use crate::{Error, Level, Mask, MaskStream, Rows};

/// Dropout of whole words: one bit for each row of an embedding table, looked up by token id, so that a word is dropped
/// wherever it occurs in a batch (Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural
/// networks", NIPS 2016; Merity, Keskar and Socher, "Regularizing and optimizing LSTM language models", ICLR 2018).
///
/// The table has `V` rows of `D` elements, `ids` are `T` tokens below `V`. The bit of token `id` has the index
/// `offset + id` of the stream, or is bit `id` of the mask. Of the `D` elements of position `t`:
///
/// | method | |
/// |---|---|
/// | [`lookup`](Self::lookup) | `y[t] = kept(ids[t]) ? table[ids[t]] * scale : +0.0` |
/// | [`forward`](Self::forward) | `y[t] = kept(ids[t]) ? x[t] * scale : +0.0`, of rows that are already looked up |
/// | [`backward`](Self::backward) | `dx[t] = kept(ids[t]) ? dy[t] * scale : +0.0` |
/// | [`backward_table`](Self::backward_table) | `dtable[ids[t]] += kept(ids[t]) ? dy[t] * scale : +0.0`, for `t` ascending |
///
/// Arithmetic, aliasing and levels are as in [`MaskStream`], but for `p = 0`, where this is a product with 1.0. In evaluation,
/// look the rows up and pass them to [`MaskStream::evaluate`].
///
/// # Cost
/// [`new`](Self::new) draws a bit for each position, wherever it is in the stream: about 0.1 microseconds, as long as it
/// takes to copy a thousand elements. Where rows are shorter, [`fill`](MaskStream::fill) the bits of the vocabulary once a
/// step, below 0.1 nanoseconds each, and use [`stored`](Self::stored): it runs at the speed of memory.
///
/// ```
/// use dropmask::{EmbeddingDropout, Key, MaskStream, Probability};
///
/// let table = [0.1, 0.1, 1.1, 1.2, 2.1, 2.2]; // 3 words, 2 elements each
/// let dropout = EmbeddingDropout::new(MaskStream::new(Key::new(1), Probability::new(0.5)?), 3, 2);
/// let mut y = [0.0; 8];
/// dropout.lookup(&[2, 0, 2, 1], &table, &mut y)?;
/// assert_eq!(y, [4.2, 4.4, 0.0, 0.0, 4.2, 4.4, 2.2, 2.4]); // word 0 is dropped
///
/// let mut dtable = [0.0; 6];
/// dropout.backward_table(&[2, 0, 2, 1], &[1.0; 8], &mut dtable)?;
/// assert_eq!(dtable, [0.0, 0.0, 2.0, 2.0, 4.0, 4.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: [`Error::LengthMismatch`] of a table or of rows, [`Error::UnknownToken`] of the first token that is not
/// below `V`, [`Error::IndexOverflow`] if the bits of the vocabulary pass 2^64. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingDropout<'a> {
    words: Words<'a>,
    vocabulary: usize,
    dimension: usize,
}

/// Where the bits of the vocabulary are.
#[derive(Clone, Copy, Debug)]
enum Words<'a> {
    Stream(MaskStream),
    Stored { mask: Mask<'a>, scale: f32, level: Option<Level> },
}

impl<'a> EmbeddingDropout<'a> {
    /// Draws each token's bit from the stream, whose shape has no say.
    pub const fn new(stream: MaskStream, vocabulary: usize, dimension: usize) -> Self {
        Self { words: Words::Stream(stream), vocabulary, dimension }
    }

    /// Takes the bits from a mask, one for each word of the vocabulary, with the factor of kept rows:
    /// [`MaskStream::scale`] of the stream that drew it. With 0, which is that of `p = 1`, everything is dropped, whatever the
    /// mask says.
    pub const fn stored(mask: Mask<'a>, scale: f32, dimension: usize) -> Self {
        Self { words: Words::Stored { mask, scale, level: None }, vocabulary: mask.len(), dimension }
    }

    /// Pins the SIMD level.
    #[must_use]
    pub const fn level(self, level: Level) -> Self {
        let words = match self.words {
            Words::Stream(stream) => Words::Stream(stream.level(level)),
            Words::Stored { mask, scale, .. } => Words::Stored { mask, scale, level: Some(level) },
        };
        Self { words, ..self }
    }

    /// `y[t] = kept ? table[ids[t]] * scale : +0.0`: rows straight from the table, `V` rows to `T`.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn lookup(&self, ids: &[u32], table: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check_table(table.len())?;
        self.check(ids, y.len())?;
        self.launch(ids, [Row::Token, Row::Position], table, Nothing, y);
        Ok(())
    }

    /// `y[t] = kept ? x[t] * scale : +0.0`: `T` rows that are already looked up.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn forward(&self, ids: &[u32], x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(ids, x.len())?;
        self.check(ids, y.len())?;
        self.launch(ids, [Row::Position; 2], x, Nothing, y);
        Ok(())
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn forward_in_place(&self, ids: &[u32], x: &mut [f32]) -> Result<(), Error> {
        self.check(ids, x.len())?;
        self.launch(ids, [Row::Position; 2], InPlace, Nothing, x);
        Ok(())
    }

    /// `dx[t] = kept ? dy[t] * scale : +0.0`: the gradient of rows that were already looked up.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn backward(&self, ids: &[u32], dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.forward(ids, dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn backward_in_place(&self, ids: &[u32], dy: &mut [f32]) -> Result<(), Error> {
        self.forward_in_place(ids, dy)
    }

    /// `dtable[ids[t]] += kept ? dy[t] * scale : +0.0`, for `t` ascending: accumulates the gradient of the table. Rows of
    /// words that do not occur are left alone.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn backward_table(&self, ids: &[u32], dy: &[f32], dtable: &mut [f32]) -> Result<(), Error> {
        self.check_table(dtable.len())?;
        self.check(ids, dy.len())?;
        self.launch(ids, [Row::Position, Row::Token], dy, InPlace, dtable);
        Ok(())
    }

    fn check_table(&self, len: usize) -> Result<(), Error> {
        same_length(self.vocabulary.saturating_mul(self.dimension), len)
    }

    /// Rows of the positions, and the tokens.
    fn check(&self, ids: &[u32], len: usize) -> Result<(), Error> {
        let vocabulary = self.vocabulary;
        same_length(ids.len().saturating_mul(self.dimension), len)?;
        if let Words::Stream(stream) = self.words {
            Rows::new(1, vocabulary).check_indices(stream.replay().offset)?;
        }
        let known = |id: u32| usize::try_from(id).is_ok_and(|id| id < vocabulary);
        match ids.iter().zip(0..).find(|&(&id, _)| !known(id)) {
            Some((&id, position)) => Err(Error::UnknownToken { position, id, vocabulary }),
            None => Ok(()),
        }
    }

    fn launch(&self, ids: &[u32], [x_row, y_row]: [Row; 2], x: impl Input, z: impl Input, y: &mut [f32]) {
        let dimension = self.dimension;
        let (scale, level) = match self.words {
            Words::Stream(stream) => (stream.scale(), stream.run_level()),
            Words::Stored { scale, level, .. } => (scale, level.unwrap_or_else(Level::detect)),
        };
        let map = Scale(scale);
        let bits = match self.words {
            Words::Stored { mask, .. } if scale != 0.0 => {
                let bits = Stored { mask };
                return dispatch(level, Tokens { bits, ids, dimension, map, x, x_row, z, y, y_row });
            }
            Words::Stored { .. } => Replay::NOTHING,
            Words::Stream(stream) => stream.replay(),
        };
        dispatch(level, Tokens { bits, ids, dimension, map, x, x_row, z, y, y_row });
    }
}

/// Which row of a matrix belongs to a position.
#[derive(Clone, Copy)]
enum Row {
    /// That of its number.
    Position,
    /// That of its token.
    Token,
}

impl Row {
    /// Its first element.
    #[inline(always)]
    const fn start(self, position: usize, token: u32, dimension: usize) -> usize {
        match self {
            Self::Position => position.wrapping_mul(dimension),
            Self::Token => (token as usize).wrapping_mul(dimension),
        }
    }
}

/// `y[row] = z[row] + (kept(token) ? x[row] * scale : +0.0)` for each position.
struct Tokens<'a, B, X, Z> {
    bits: B,
    ids: &'a [u32],
    dimension: usize,
    map: Scale,
    x: X,
    x_row: Row,
    /// Has the rows of `y`.
    z: Z,
    y: &'a mut [f32],
    y_row: Row,
}

impl<B: Bits, X: Input, Z: Input> Kernel for Tokens<'_, B, X, Z> {
    fn scalar(self) {
        let Self { mut bits, ids, dimension, map, x, x_row, z, y, y_row } = self;
        for (t, &id) in ids.iter().enumerate() {
            let (from, to) = (x_row.start(t, id, dimension), y_row.start(t, id, dimension));
            bits.scalar_row(0, id.into(), 1, |kept| {
                for i in 0..dimension {
                    let Some(y) = y.get_mut(to + i) else { return };
                    let mapped = map.scalar(x.at(from + i, y), kept);
                    *y = if Z::PRESENT { z.at(to + i, y) + mapped } else { mapped };
                }
            });
        }
    }

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut bits, ids, dimension, map, x, x_row, z, y, y_row } = self;
        for (t, &id) in ids.iter().enumerate() {
            let mut first = First(0);
            bits.row(s, 0, id.into(), 1, &mut first);
            let kept = (first.0 & 1).wrapping_neg();
            let (from, to) = (x_row.start(t, id, dimension), y_row.start(t, id, dimension));
            let Some(y) = y.get_mut(to..).and_then(|y| y.get_mut(..dimension)) else { return };
            let (x, z) = (x.part(from, dimension), z.part(to, dimension));
            Apply { map, x, z, y }.each(s, iter::repeat(kept), dimension);
        }
    }
}

/// The first word.
struct First(u64);

impl<S: Simd> Sink<S> for First {
    const WORKS: bool = false;

    #[inline(always)]
    fn take(&mut self, _: S, words: &[u64], _: usize) {
        self.0 = words.first().copied().unwrap_or(0);
    }
}
