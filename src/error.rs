use core::fmt;

/// What was wrong with a call, with the numbers that were wrong.
///
/// Every function that returns an error has written nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A probability, of dropping or of keeping, is NaN or outside `[0, 1]`.
    InvalidProbability {
        /// The value that was passed; an `f32` is widened.
        p: f64,
    },
    /// The threshold is above 2^32.
    InvalidThreshold {
        /// The value that was passed.
        threshold: u64,
    },
    /// A slice or a mask has another number of elements than its neighbours or its shape call for, or a slice fewer than
    /// its rows need.
    LengthMismatch {
        /// The number of elements that the other arguments call for, `usize::MAX` if there are more.
        expected: usize,
        /// The number of elements that was passed.
        actual: usize,
    },
    /// Words have too few bits for a mask.
    MaskTooShort {
        /// The number of bits that are needed, from the first of the words, or of the view, on.
        needed: u64,
        /// The number of bits that are there.
        actual: u64,
    },
    /// An element index would pass 2^64; an index range may end at exactly 2^64.
    IndexOverflow {
        /// Index of the first element.
        offset: u64,
        /// Number of element indices from the first to the last, both counted.
        span: u128,
    },
    /// Rows that overlap in memory, or whose last element lies beyond `usize::MAX`.
    InvalidShape {
        /// Number of rows.
        rows: usize,
        /// Number of elements in a row.
        columns: usize,
        /// Distance in memory from one row to the next.
        stride: usize,
    },
    /// Rows of a stored mask, or its samples, that do not begin on words, where the rows of a mask that was stored do.
    InvalidIndexStride {
        /// Number of rows or samples.
        rows: usize,
        /// Number of bits of each.
        columns: usize,
        /// Distance in the mask from one to the next.
        index_stride: u64,
    },
    /// A block that is empty or larger than the map.
    InvalidBlock {
        /// Side of the block.
        block: usize,
        /// Rows of the map.
        height: usize,
        /// Columns of the map.
        width: usize,
    },
    /// A number of keys before the first query that is above `isize::MAX`: a negative number that wrapped around.
    InvalidPast {
        /// The value that was passed.
        past: usize,
    },
    /// A layer was asked for the gradient of a training pass before it ran one.
    NoForward,
    /// A token that is not in the vocabulary.
    UnknownToken {
        /// Where it is in the list of ids.
        position: usize,
        /// Its id.
        id: u32,
        /// Number of rows of the table.
        vocabulary: usize,
    },
    /// A setting of the [`Dropout`](crate::Dropout) that the operation has no use for, and that is not the default.
    Unsupported {
        /// Which one.
        setting: Setting,
    },
    /// The machine, or the build, has no such SIMD level.
    UnsupportedLevel,
}

/// A setting of a [`Dropout`](crate::Dropout).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// [`rows`](crate::Dropout::rows) or [`channels`](crate::Dropout::channels).
    Layout,
    /// [`with_scaling`](crate::Dropout::with_scaling).
    Scaling,
    /// `parallel`.
    Threads,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layout => "layout",
            Self::Scaling => "scaling",
            Self::Threads => "threads",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::InvalidProbability { p } => write!(f, "probability {p} is not in [0, 1]"),
            Self::InvalidThreshold { threshold } => write!(f, "threshold {threshold} is above 2^32"),
            Self::LengthMismatch { expected, actual } => {
                write!(f, "expected {expected} elements, got {actual}")
            }
            Self::MaskTooShort { needed, actual } => {
                write!(f, "mask too short: {needed} bits are needed, {actual} are there")
            }
            Self::IndexOverflow { offset, span } => {
                write!(f, "{span} element indices from {offset} on pass 2^64")
            }
            Self::InvalidShape { rows, columns, stride } => {
                write!(f, "{rows} rows of {columns} elements at a stride of {stride} overlap or do not fit in memory")
            }
            Self::InvalidIndexStride { rows, columns, index_stride } => {
                write!(
                    f,
                    "{rows} rows of {columns} bits of a stored mask do not begin on words: the index stride {index_stride} \
                     is no multiple of 64"
                )
            }
            Self::InvalidBlock { block, height, width } => {
                write!(f, "a block of side {block} is empty or larger than a map of {height} x {width}")
            }
            Self::InvalidPast { past } => {
                write!(f, "{past} keys before the first query are more than there can be: a negative number?")
            }
            Self::NoForward => f.write_str("backward in training before any forward in training"),
            Self::UnknownToken { position, id, vocabulary } => {
                write!(f, "token {id} at position {position} is not in a vocabulary of {vocabulary}")
            }
            Self::Unsupported { setting } => write!(f, "this operation cannot honour the setting of {setting}"),
            Self::UnsupportedLevel => f.write_str("this machine or build has no such SIMD level"),
        }
    }
}

impl core::error::Error for Error {}

/// # Errors
/// [`Error::LengthMismatch`] unless both are equal.
pub(crate) const fn same_length(expected: usize, actual: usize) -> Result<(), Error> {
    if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { expected, actual }) }
}
