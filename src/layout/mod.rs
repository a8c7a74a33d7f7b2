//! Which element has which bit, and where it lies.

mod channels;
mod rows;
mod walk;

use crate::error::{Error, Setting, same_length};

pub use channels::Channels;
pub use rows::Rows;
#[cfg(feature = "ffi")]
pub(crate) use rows::reach;
pub(crate) use walk::Walk;

/// A dimension that is walked through row by row: how many rows there are, and the distance of their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) len: usize,
    pub(crate) index_stride: u64,
}

impl Axis {
    pub(crate) const ONE: Self = Self { len: 1, index_stride: 0 };
}

/// The bits of the elements in their order: `outer` axes, the outermost first, then `columns` bits that follow each other,
/// each for `repeat` elements in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) outer: [Axis; 2],
    pub(crate) columns: usize,
    pub(crate) repeat: usize,
}

impl Layout {
    /// Number of elements.
    pub(crate) const fn len(&self) -> usize {
        let [first, second] = self.outer;
        first.len.saturating_mul(second.len).saturating_mul(self.columns).saturating_mul(self.repeat)
    }

    /// Whether the elements have bits that follow each other.
    pub(crate) const fn is_flat(&self) -> bool {
        self.repeat == 1 && self.outer[0].len == 1 && self.outer[1].len == 1
    }

    /// The same bits in fewer rows, where rows follow each other.
    pub(crate) const fn merged(self) -> Self {
        let (mut this, mut left) = (self, self.outer.len());
        while left > 0 {
            let [first, Axis { len, index_stride }] = this.outer;
            match len.checked_mul(this.columns) {
                Some(columns) if len == 1 || index_stride == this.columns as u64 => {
                    this = Self { outer: [Axis::ONE, first], columns, ..this };
                }
                _ => return this,
            }
            left -= 1;
        }
        this
    }
}

/// Rows of elements in memory: all operands have rows of so many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) run: usize,
    /// From one row to the next.
    pub(crate) stride: usize,
}

impl Memory {
    /// One row.
    pub(crate) const fn dense(len: usize) -> Self {
        Self { run: len, stride: len }
    }
}

/// A shape that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Rows(Rows),
    Channels(Channels),
}

impl Shape {
    /// Whether slices of these lengths have a shape: the one that was asked for, or one row.
    ///
    /// Returns no shape: a short call without one would wait for it to be written and read.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::InvalidShape`].
    pub(crate) fn check(shape: Option<Self>, x: usize, y: usize) -> Result<(), Error> {
        match shape {
            None => same_length(x, y),
            Some(Self::Rows(rows)) => rows.check_slices(x, y),
            Some(Self::Channels(channels)) => {
                same_length(channels.len(), x)?;
                same_length(channels.len(), y)
            }
        }
    }

    /// The shape of slices that have been checked, `len` the length of one.
    pub(crate) const fn of(shape: Option<Self>, len: usize) -> Self {
        match shape {
            None => Self::Rows(Rows::new(1, len)),
            Some(Self::Rows(rows)) => Self::Rows(rows.normalised()),
            Some(Self::Channels(_)) if len == 0 => Self::Rows(Rows::new(0, 0)),
            Some(shape) => shape,
        }
    }

    /// The shape by which a mask is read that was written in this one.
    pub(crate) const fn as_stored(self) -> Self {
        match self {
            Self::Rows(rows) => Self::Rows(rows.index_stride(rows.stored_stride())),
            Self::Channels(channels) => match channels.bits() {
                Rows { rows: 0 | 1, .. } => self,
                bits => Self::Channels(channels.index_stride(bits.stored_stride())),
            },
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

    /// Whether the elements are all of a slice of this length.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if not.
    pub(crate) fn check_dense(self, len: usize) -> Result<(), Error> {
        if self.memory() == Memory::dense(len) { Ok(()) } else { Err(Error::Unsupported { setting: Setting::Layout }) }
    }

    /// The bits that are drawn, row by row: `len` of them, or those of the shape.
    pub(crate) fn drawn(shape: Option<Self>, len: usize) -> Rows {
        shape.map_or(Rows::new(1, len), |shape| shape.bits().normalised())
    }

    /// The bits as a matrix.
    pub(crate) const fn bits(self) -> Rows {
        match self {
            Self::Rows(rows) => rows,
            Self::Channels(channels) => channels.bits(),
        }
    }

    /// Which element has which bit.
    pub(crate) const fn layout(self) -> Layout {
        match self {
            Self::Rows(rows) => rows.layout(),
            Self::Channels(channels) => channels.layout(),
        }
    }

    /// Where the elements lie.
    pub(crate) const fn memory(self) -> Memory {
        match self {
            Self::Rows(Rows { rows, columns, stride, .. }) => match rows.checked_mul(columns) {
                Some(len) if rows == 1 || stride == columns => Memory::dense(len),
                _ => Memory { run: columns, stride },
            },
            Self::Channels(channels) => Memory::dense(channels.len()),
        }
    }
}
