use core::ops::Range;

use super::dropout::Dropout;
use super::stored::StoredMask;
use crate::engine::{Input, PIECE, Reader, Row, Source};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::check_indices;
use crate::mask::Mask;

/// Dropout of whole words: one bit for each row of an embedding table, looked up by token id, so that a word is dropped
/// wherever it occurs in a batch (Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural
/// networks", NIPS 2016; Merity, Keskar and Socher, "Regularizing and optimizing LSTM language models", ICLR 2018).
///
/// The table has `V` rows of `D` elements, `ids` are `T` tokens below `V`. The bit of token `id` has the index
/// `offset + id` of the mask stream, or is bit `id` of the mask. Of the `D` elements of position `t`:
///
/// | method | |
/// |---|---|
/// | [`lookup`](Self::lookup) | `y[t] = kept(ids[t]) ? table[ids[t]] * scale : +0.0` |
/// | [`forward`](Self::forward) | `y[t] = kept(ids[t]) ? x[t] * scale : +0.0`, of rows that are already looked up |
/// | [`backward`](Self::backward) | `dx[t] = kept(ids[t]) ? dy[t] * scale : +0.0` |
/// | [`backward_add`](Self::backward_add) | `dx[t] += kept(ids[t]) ? dy[t] * scale : +0.0` |
/// | [`backward_table`](Self::backward_table) | `dtable[ids[t]] += kept(ids[t]) ? dy[t] * scale : +0.0`, for `t` ascending |
///
/// Arithmetic, aliasing and levels are as in [`Dropout`]. In parallel, threads share out the positions, or the rows of the
/// table: each adds to its own in the order of the positions. In evaluation, look the rows up and pass them to
/// [`Dropout::evaluate`].
///
/// # Cost
/// [`new`](Self::new) draws a bit for each position, wherever it is in the stream: about 0.1 microseconds, as long as it
/// takes to copy a thousand elements. Where rows are shorter, [`fill`](Dropout::fill) the bits of the vocabulary once a
/// step, below 0.1 nanoseconds each, and read them by [`stored`](Self::stored): that runs at the speed of memory.
///
/// ```
/// use dropmask::{Dropout, EmbeddingDropout, Key, Probability};
///
/// let table = [0.1, 0.1, 1.1, 1.2, 2.1, 2.2]; // 3 words, 2 elements each
/// let dropout = EmbeddingDropout::new(Dropout::new(Key::new(1), Probability::new(0.5)?), [3, 2]);
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
/// All operations: [`Error::Unsupported`] for a layout, [`Error::LengthMismatch`] of a table or of rows,
/// [`Error::UnknownToken`] of the first token that is not below `V`, [`Error::IndexOverflow`] if the bits of the vocabulary
/// pass 2^64. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingDropout<'a> {
    words: Words<'a>,
    vocabulary: usize,
    dimension: usize,
}

/// Where the bits of the vocabulary are.
#[derive(Clone, Copy, Debug)]
enum Words<'a> {
    Drawn(Dropout),
    Stored(StoredMask<'a>),
}

impl<'a> EmbeddingDropout<'a> {
    /// Draws each token's bit; `[vocabulary, dimension]` is the shape of the table, `V` by `D`.
    pub const fn new(dropout: Dropout, [vocabulary, dimension]: [usize; 2]) -> Self {
        Self { words: Words::Drawn(dropout), vocabulary, dimension }
    }

    /// Reads the bits from a mask instead of drawing them: bit `id` for token `id`. It has one for each word of the
    /// vocabulary; [`Dropout::fill`] draws such a mask. Scale and level remain those of the dropout.
    #[must_use]
    pub const fn stored(self, mask: Mask<'a>) -> Self {
        let words = match self.words {
            Words::Drawn(dropout) => dropout.stored(mask),
            Words::Stored(stored) => stored.of_mask(mask),
        };
        Self { words: Words::Stored(words), ..self }
    }

    /// The same with a mask that has a factor of its own: of another generator, say. Its bits are those of the vocabulary.
    pub const fn from_mask(mask: StoredMask<'a>, dimension: usize) -> Self {
        Self { words: Words::Stored(mask), vocabulary: mask.bits(), dimension }
    }

    /// `y[t] = kept ? table[ids[t]] * scale : +0.0`: rows straight from the table, `V` rows to `T`.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn lookup(&self, ids: &[u32], table: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check_table(table.len())?;
        self.check(ids, Argument::Output, y.len())?;
        self.launch(ids, [RowOf::Token, RowOf::Position], Some(table), false, y);
        Ok(())
    }

    /// `y[t] = kept ? x[t] * scale : +0.0`: `T` rows that are already looked up.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn forward(&self, ids: &[u32], x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(ids, Argument::Input, x.len())?;
        self.check(ids, Argument::Output, y.len())?;
        self.launch(ids, [RowOf::Position; 2], Some(x), false, y);
        Ok(())
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn forward_in_place(&self, ids: &[u32], x: &mut [f32]) -> Result<(), Error> {
        self.check(ids, Argument::Output, x.len())?;
        self.launch(ids, [RowOf::Position; 2], None, false, x);
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

    /// `dx[t] += kept ? dy[t] * scale : +0.0`: accumulates the gradient of rows that were already looked up. Adding `+0.0`
    /// turns a `-0.0` in `dx` into `+0.0`.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn backward_add(&self, ids: &[u32], dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(ids, Argument::Input, dy.len())?;
        self.check(ids, Argument::Output, dx.len())?;
        self.launch(ids, [RowOf::Position; 2], Some(dy), true, dx);
        Ok(())
    }

    /// `dtable[ids[t]] += kept ? dy[t] * scale : +0.0`, for `t` ascending: accumulates the gradient of the table. Rows of
    /// words that do not occur are not written.
    ///
    /// # Errors
    /// See [`EmbeddingDropout`].
    pub fn backward_table(&self, ids: &[u32], dy: &[f32], dtable: &mut [f32]) -> Result<(), Error> {
        self.check_table(dtable.len())?;
        self.check(ids, Argument::Input, dy.len())?;
        self.launch(ids, [RowOf::Position, RowOf::Token], Some(dy), true, dtable);
        Ok(())
    }

    fn check_table(&self, len: usize) -> Result<(), Error> {
        same_length(Argument::Table, self.vocabulary.saturating_mul(self.dimension), len)
    }

    /// Rows of the positions, and the tokens.
    fn check(&self, ids: &[u32], argument: Argument, len: usize) -> Result<(), Error> {
        let vocabulary = self.vocabulary;
        match self.words {
            Words::Drawn(dropout) => {
                dropout.supports_no(&[Setting::Layout])?;
                check_indices(dropout.offset(), vocabulary as u128)?;
            }
            Words::Stored(stored) => {
                stored.settings().supports_no(&[Setting::Layout])?;
                same_length(Argument::Mask, vocabulary, stored.bits())?;
            }
        }
        same_length(argument, ids.len().saturating_mul(self.dimension), len)?;
        let known = |id: u32| usize::try_from(id).is_ok_and(|id| id < vocabulary);
        match ids.iter().zip(0..).find(|&(&id, _)| !known(id)) {
            Some((&id, position)) => Err(Error::UnknownToken { position, id, vocabulary }),
            None => Ok(()),
        }
    }

    /// `y[row] = kept(token) ? x[row] * scale : +0.0` for each position, or the sum with what is there; of no `x`, `y` itself.
    /// On several threads each has some of the rows of `y`.
    fn launch(&self, ids: &[u32], [x_row, y_row]: [RowOf; 2], x: Option<&[f32]>, added: bool, y: &mut [f32]) {
        let (source, scale, level, threads) = match self.words {
            Words::Drawn(dropout) => (dropout.source(), dropout.scale(), dropout.run_level(), dropout.threads()),
            Words::Stored(stored) => {
                (stored.source(), stored.scale(), stored.settings().run_level(), stored.settings().threads)
            }
        };
        let dimension = self.dimension;
        let task = |rows: Range<usize>, y: &mut [f32]| {
            let mut ahead = [0];
            let mut reader = Reader::new(level, source, &mut ahead);
            let mut specification = source.bits();
            // a row of a position is that of one token, one of the table of any
            let (first, tokens) = match y_row {
                RowOf::Position => (rows.start, ids.get(rows.clone()).unwrap_or_default()),
                RowOf::Token => (0, ids),
            };
            for (&token, position) in tokens.iter().zip(first..) {
                let row = y_row.number(position, token);
                let Some(row) = row.checked_sub(rows.start).filter(|_| row < rows.end) else { continue };
                let kept = if level.is_scalar() { specification(token.into()) } else { reader.kept(token.into()) };
                let y = y.get_mut(row.wrapping_mul(dimension)..).and_then(|y| y.get_mut(..dimension));
                let Some(y) = y else { return };
                let x = x.and_then(|x| x.get(x_row.number(position, token).wrapping_mul(dimension)..));
                let x = x.map_or(Input::InPlace, Input::of);
                let inputs = if added { [x, Input::InPlace] } else { [x; 2] };
                Row::new(level, Source::Certain(kept), inputs, y, &mut []).product(if added { 2 } else { 1 }, scale);
            }
        };
        let (rows, most) = match y_row {
            RowOf::Position => (ids.len(), PIECE / dimension.max(1)),
            // each thread looks at all tokens, which should not take longer than their rows
            RowOf::Token => {
                let pieces = (ids.len().saturating_mul(dimension) / PIECE).min(dimension / 16).max(1);
                (self.vocabulary, self.vocabulary.div_ceil(pieces))
            }
        };
        threads.rows_of(0..rows, most, (y, dimension), &task);
    }
}

/// Which row of a matrix belongs to a position.
#[derive(Clone, Copy)]
enum RowOf {
    /// That of its number.
    Position,
    /// That of its token.
    Token,
}

impl RowOf {
    #[inline(always)]
    const fn number(self, position: usize, token: u32) -> usize {
        match self {
            Self::Position => position,
            Self::Token => token as usize,
        }
    }
}
