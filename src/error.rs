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
    /// A slice or a mask has not the number of elements that the other arguments, or the layout, call for.
    LengthMismatch {
        /// Which one.
        argument: Argument,
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
    /// Axes of an output that overlap: elements would lie in the same place, or between those of a smaller stride, or past
    /// `usize::MAX`.
    InvalidLayout {
        /// Length of the axis.
        len: usize,
        /// Its distance in memory from one to the next.
        stride: usize,
        /// How many elements those with smaller strides span.
        within: usize,
    },
    /// A shape of more elements than `usize::MAX`.
    InvalidShape {
        /// Number of rows, or of maps.
        rows: usize,
        /// Number of elements in a row, or in a map.
        columns: usize,
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
    /// A factor that is NaN, infinite or below 0.
    InvalidFactor {
        /// The value that was passed.
        factor: f64,
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
    /// A setting of the [`Dropout`](crate::Dropout) that is not the default, and that the operation does not support.
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
    /// [`with_layout`](crate::Dropout::with_layout).
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

/// The role of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Argument {
    /// What is read: `x`, `dy`, scores; what a mask is made of.
    Input,
    /// What is written: `y`, `dx`, weights of attention; what a mask is turned into.
    Output,
    /// What is added and not written: `r`; the other of two to choose from: `b`.
    Residual,
    /// A mask, read or written.
    Mask,
    /// A bias, or its gradient.
    Bias,
    /// The weights of a layer, or their gradient.
    Weights,
    /// The table of an embedding, or its gradient.
    Table,
    /// Sums over passes: means, squares, entropies.
    Statistics,
    /// A probability for each sample.
    Probabilities,
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Residual => "residual",
            Self::Mask => "mask",
            Self::Bias => "bias",
            Self::Weights => "weights",
            Self::Table => "table",
            Self::Statistics => "statistics",
            Self::Probabilities => "probabilities",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::InvalidProbability { p } => write!(f, "probability {p} is not in [0, 1]"),
            Self::InvalidThreshold { threshold } => write!(f, "threshold {threshold} is above 2^32"),
            Self::LengthMismatch { argument, expected, actual } => {
                write!(f, "the {argument} has {actual} elements instead of {expected}")
            }
            Self::MaskTooShort { needed, actual } => {
                write!(f, "mask too short: {needed} bits are needed, {actual} are there")
            }
            Self::IndexOverflow { offset, span } => {
                write!(f, "{span} element indices from {offset} on pass 2^64")
            }
            Self::InvalidLayout { len, stride, within } => {
                write!(
                    f,
                    "an axis of {len} at a stride of {stride} overlaps one of {within} elements, or does not fit in memory"
                )
            }
            Self::InvalidShape { rows, columns } => {
                write!(f, "{rows} times {columns} elements are more than there can be")
            }
            Self::InvalidBlock { block, height, width } => {
                write!(f, "a block of side {block} is empty or larger than a map of {height} x {width}")
            }
            Self::InvalidFactor { factor } => write!(f, "factor {factor} is not a finite number from 0 on"),
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
pub(crate) const fn same_length(argument: Argument, expected: usize, actual: usize) -> Result<(), Error> {
    if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { argument, expected, actual }) }
}
