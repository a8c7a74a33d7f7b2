use crate::mask::same_length;
use crate::{Channels, Error, Rows};

/// Which element of the slices has which bit, checked against their lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Rows(Rows),
    Channels(Channels),
}

/// A shape in two.
pub(crate) struct Halves<S> {
    pub(crate) parts: [S; 2],
    /// Where the second begins: in the slices, and how much further on in the indices of the bits.
    pub(crate) element: usize,
    pub(crate) index: u64,
    /// Whether it begins with a row of its own.
    pub(crate) row: bool,
}

impl<S> Halves<S> {
    fn map<T>(self, shape: fn(S) -> T) -> Halves<T> {
        Halves { parts: self.parts.map(shape), element: self.element, index: self.index, row: self.row }
    }
}

impl Shape {
    /// The shape of a pass over slices of these lengths: one row of all that there is, or the shape asked for.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::InvalidShape`].
    pub(crate) fn of(shape: Option<Self>, x: usize, y: usize) -> Result<Self, Error> {
        match shape {
            None => {
                same_length(x, y)?;
                Ok(Self::Rows(Rows::new(1, x)))
            }
            Some(Self::Rows(rows)) => rows.check_slices(x, y).map(Self::Rows),
            Some(Self::Channels(channels)) => {
                same_length(channels.len(), x)?;
                same_length(channels.len(), y)?;
                let bits = channels.bits();
                Ok(match (x, channels.positions) {
                    (0, _) => Self::Rows(Rows::new(0, 0)),
                    // one row of elements with a bit each
                    (_, 1) if bits.rows == 1 => Self::Rows(bits),
                    _ => Self::Channels(channels),
                })
            }
        }
    }

    /// The bits of a mask of `len` bits that is to be written in this shape, each row starting on a word.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::InvalidShape`].
    pub(crate) fn stored(shape: Option<Self>, len: usize) -> Result<Rows, Error> {
        match shape {
            None => Ok(Rows::new(1, len)),
            Some(shape) => shape.bits().check_written(len),
        }
    }

    /// The bits as a matrix.
    pub(crate) const fn bits(self) -> Rows {
        match self {
            Self::Rows(rows) => rows,
            Self::Channels(channels) => channels.bits(),
        }
    }

    /// The slices as a matrix.
    pub(crate) const fn memory(self) -> Rows {
        match self {
            Self::Rows(rows) => rows,
            Self::Channels(channels) => Rows::new(1, channels.len()),
        }
    }

    /// Number of elements, `usize::MAX` if there are more.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Channels(channels) => channels.len(),
        }
    }

    /// The shape in two; `None` if it is too small.
    pub(crate) fn halves(self) -> Option<Halves<Self>> {
        match self {
            Self::Rows(rows) => rows.halves().map(|halves| halves.map(Self::Rows)),
            Self::Channels(channels) => channels.halves().map(|halves| halves.map(Self::Channels)),
        }
    }

    /// The same shape, in fewer rows where rows follow each other in memory and index.
    pub(crate) const fn merged(self) -> Self {
        match self {
            Self::Rows(rows) => Self::Rows(rows.merged()),
            channels @ Self::Channels(_) => channels,
        }
    }
}
