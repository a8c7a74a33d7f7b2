use super::{Axis, Layout};
use crate::error::{Error, same_length};
use crate::mask::mask_words;

/// Rows of a matrix that lie apart in memory, in the element indices, or in both: a column shard in one call.
///
/// Element `(r, c)` is at `r * stride + c` in the slice and has the element index
/// `offset + r * index_stride + c`. What lies between the rows is neither read nor written.
///
/// In a mask that is stored by rows, row `r` begins at word `r * mask_words(columns)`: it has exactly
/// `(rows - 1) * 64 * mask_words(columns) + columns` bits. [`StoredMask`](crate::StoredMask) reads it by rows of an
/// index stride of `64 * mask_words(columns)`.
///
/// ```
/// use dropmask::{Dropout, Key, Probability, Rows};
///
/// // columns 300..800 of a 4 x 1000 matrix, held by this rank as a dense 4 x 500 matrix
/// let shard = Rows::new(4, 500).index_stride(1000);
/// let dropout = Dropout::new(Key::new(42), Probability::new(0.5)?);
/// let x = [1.0; 4 * 500];
/// let mut y = [0.0; 4 * 500];
/// dropout.with_offset(300).rows(shard).forward(&x, &mut y)?;
///
/// let mut whole = [1.0; 4 * 1000];
/// dropout.forward_in_place(&mut whole)?;
/// assert_eq!(y[500..1000], whole[1300..1800]);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rows {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
    pub(crate) index_stride: u64,
}

impl Rows {
    /// Dense rows: both strides are `columns`.
    pub const fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, stride: columns, index_stride: columns as u64 }
    }

    /// Distance in the slices from one row to the next, in elements: at least `columns`.
    #[must_use]
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Distance in element indices from one row to the next. Any value will do: 0 gives every row the same mask. In a
    /// stored mask that is read it is a multiple of 64.
    #[must_use]
    pub const fn index_stride(self, index_stride: u64) -> Self {
        Self { index_stride, ..self }
    }

    /// Whether slices have these lengths.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::InvalidShape`].
    pub(crate) fn check_slices(self, x: usize, y: usize) -> Result<(), Error> {
        let Self { rows, columns, stride, .. } = self.normalised();
        match reach(rows, stride, columns) {
            Some(expected) if stride >= columns => at_least(expected, x.min(y)),
            _ => Err(Error::InvalidShape { rows, columns, stride }),
        }
    }

    /// Distance from one row to the next in a mask that was written: each starts on a word.
    pub(crate) const fn stored_stride(self) -> u64 {
        (mask_words(self.columns) as u64).saturating_mul(64)
    }

    /// The shape of a mask of `len` bits that is to be written, whose rows each start on a word.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::InvalidShape`].
    pub(crate) fn check_written(self, len: usize) -> Result<Self, Error> {
        let this = self.normalised();
        let Self { rows, columns, stride, .. } = this;
        match reach(rows, mask_words(columns).saturating_mul(64), columns) {
            Some(expected) => same_length(expected, len).map(|()| this),
            None => Err(Error::InvalidShape { rows, columns, stride }),
        }
    }

    /// Whether the rows of a stored mask begin on words, as they do where it was written: with another index stride the
    /// same shape would read other bits than it stored.
    ///
    /// # Errors
    /// [`Error::InvalidIndexStride`].
    pub(crate) const fn check_read_stride(self) -> Result<(), Error> {
        let Self { rows, columns, index_stride, .. } = self.normalised();
        if rows > 1 && !index_stride.is_multiple_of(64) {
            return Err(Error::InvalidIndexStride { rows, columns, index_stride });
        }
        Ok(())
    }

    /// Whether a mask of `len` bits that is to be read is the one of this shape.
    ///
    /// # Errors
    /// [`Error::InvalidIndexStride`] or [`Error::LengthMismatch`].
    pub(crate) fn check_read(self, len: usize) -> Result<(), Error> {
        self.check_read_stride()?;
        let span = self.index_span();
        if span == len as u128 {
            return Ok(());
        }
        Err(Error::LengthMismatch { expected: usize::try_from(span).unwrap_or(usize::MAX), actual: len })
    }

    /// A stride that cannot matter is the dense one; rows or columns that are not there are neither.
    pub(crate) const fn normalised(self) -> Self {
        match (self.rows, self.columns) {
            (0, _) | (_, 0) => Self::new(0, 0),
            (1, columns) => Self::new(1, columns),
            _ => self,
        }
    }

    /// Element indices from the first to the last, both counted.
    pub(crate) const fn index_span(self) -> u128 {
        // at most (2^64 - 2) * (2^64 - 1) + 2^64 - 1, so it fits
        (self.rows as u128).saturating_sub(1) * self.index_stride as u128 + self.columns as u128
    }

    /// # Errors
    /// [`Error::IndexOverflow`] if an index passes 2^64; the end may be 2^64.
    pub(crate) const fn check_indices(self, offset: u64) -> Result<(), Error> {
        let span = self.index_span();
        if span > (1 << 64) - offset as u128 { Err(Error::IndexOverflow { offset, span }) } else { Ok(()) }
    }

    /// The one row that a shape is that is dense in memory and in index.
    pub(crate) const fn merged(self) -> Self {
        let Self { rows, columns, stride, index_stride } = self;
        match rows.checked_mul(columns) {
            Some(len) if stride == columns && index_stride == columns as u64 => Self::new(1, len),
            _ => self,
        }
    }

    /// Which element has which bit.
    pub(crate) const fn layout(self) -> Layout {
        let Self { rows, columns, index_stride, .. } = self;
        Layout { outer: [Axis::ONE, Axis { len: rows, index_stride }], columns, repeat: 1 }.merged()
    }
}

/// End of the last of `rows` rows, `None` past `usize::MAX`.
pub(crate) const fn reach(rows: usize, stride: usize, columns: usize) -> Option<usize> {
    match rows.saturating_sub(1).checked_mul(stride) {
        Some(start) => start.checked_add(columns),
        None => None,
    }
}

const fn at_least(expected: usize, actual: usize) -> Result<(), Error> {
    if actual < expected { Err(Error::LengthMismatch { expected, actual }) } else { Ok(()) }
}
