//! Every shape of a stream, and which bit each of its elements has.

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Channels, Dropout, Rows, StoredMask, mask_words};

use crate::{Number, product, size};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Stride {
    Dense,
    Gap(u8),
    /// That of rows of whole mask words.
    Words,
    Other(Number),
}

impl Stride {
    pub const fn get(self, columns: usize) -> u64 {
        match self {
            Self::Dense => columns as u64,
            Self::Gap(gap) => (columns as u64).saturating_add(gap as u64),
            Self::Words => (mask_words(columns) as u64).saturating_mul(64),
            Self::Other(stride) => stride.get(),
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Shape {
    /// Slices as long as they are.
    Slice(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=200))] usize),
    Rows {
        #[arbitrary(with = size)]
        rows: usize,
        #[arbitrary(with = size)]
        columns: usize,
        stride: Stride,
        index_stride: Stride,
    },
    Channels {
        #[arbitrary(with = size)]
        samples: usize,
        #[arbitrary(with = size)]
        channels: usize,
        #[arbitrary(with = size)]
        positions: usize,
        last: bool,
        index_stride: Stride,
    },
    Samples {
        #[arbitrary(with = size)]
        samples: usize,
        #[arbitrary(with = size)]
        len: usize,
    },
}

/// Bits in rows.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub rows: usize,
    pub columns: usize,
    pub index_stride: u64,
}

impl Grid {
    /// From the first to the last, where a row begins so far from the one before.
    const fn reach(self, stride: u128) -> u128 {
        if self.rows == 0 || self.columns == 0 { 0 } else { (self.rows as u128 - 1) * stride + self.columns as u128 }
    }

    /// Number of element indices.
    pub const fn span(self) -> u128 {
        self.reach(self.index_stride as u128)
    }

    /// Whether a stored mask can have these bits: rows begin on words.
    pub const fn on_words(self) -> bool {
        self.rows <= 1 || self.columns == 0 || self.index_stride.is_multiple_of(64)
    }

    /// Bits of a mask whose rows each start on a word.
    pub const fn mask_bits(self) -> u128 {
        self.reach(64 * mask_words(self.columns) as u128)
    }
}

/// Where an element is, in which row and column of the slices, and the number of its bit modulo 2^64: not every operation
/// needs it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub at: usize,
    pub row: usize,
    pub column: usize,
    pub bit: u64,
}

impl Shape {
    pub const fn is_slice(self) -> bool {
        matches!(self, Self::Slice(_))
    }

    fn channels(self) -> Option<Channels> {
        match self {
            Self::Slice(_) | Self::Rows { .. } => None,
            Self::Channels { samples, channels, positions, last, index_stride } => {
                let shape = if last {
                    Channels::last(samples, positions, channels)
                } else {
                    Channels::first(samples, channels, positions)
                };
                Some(shape.index_stride(index_stride.get(channels)))
            }
            Self::Samples { samples, len } => Some(Channels::samples(samples, len)),
        }
    }

    fn rows(self) -> Option<Rows> {
        let Self::Rows { rows, columns, stride, index_stride } = self else { return None };
        let stride = stride.get(columns) as usize;
        Some(Rows::new(rows, columns).stride(stride).index_stride(index_stride.get(columns)))
    }

    pub fn stream(self, stream: Dropout) -> Dropout {
        match (self.rows(), self.channels()) {
            (Some(rows), _) => stream.rows(rows),
            (_, Some(channels)) => stream.channels(channels),
            _ => stream,
        }
    }

    pub fn stored(self, stored: StoredMask<'_>) -> StoredMask<'_> {
        match (self.rows(), self.channels()) {
            (Some(rows), _) => stored.rows(rows),
            (_, Some(channels)) => stored.channels(channels),
            _ => stored,
        }
    }

    /// How long a slice must be, `None` where no slice can be.
    pub fn elements(self) -> Option<u128> {
        match self {
            Self::Slice(len) => Some(len as u128),
            Self::Rows { rows, columns, stride, .. } => {
                let grid = Grid { rows, columns, index_stride: 0 };
                let stride = stride.get(columns);
                let apart = rows <= 1 || columns == 0 || stride >= columns as u64;
                apart.then(|| grid.reach(stride.into()))
            }
            Self::Channels { samples, channels, positions, .. } => product(&[samples, channels, positions]),
            Self::Samples { samples, len } => product(&[samples, len]),
        }
    }

    /// Whether a slice is as long as it must be.
    pub fn fits(self, len: usize) -> bool {
        self.elements().is_some_and(|needed| match self {
            Self::Rows { .. } => len as u128 >= needed,
            _ => len as u128 == needed,
        })
    }

    /// The bits of the mask of this shape, in rows that start on a word where it is stored.
    pub const fn bits(self) -> Grid {
        let (rows, columns, index_stride) = match self {
            Self::Slice(len) => (1, len, 0),
            Self::Rows { rows, columns, index_stride, .. } => (rows, columns, index_stride.get(columns)),
            Self::Channels { samples, channels, index_stride, .. } => (samples, channels, index_stride.get(channels)),
            Self::Samples { samples, .. } => (samples, 1, 1),
        };
        let dense = !matches!(self, Self::Rows { .. }) && index_stride == columns as u64;
        match rows.checked_mul(columns) {
            Some(0) => Grid { rows: 0, columns: 0, index_stride },
            Some(len) if dense => Grid { rows: 1, columns: len, index_stride },
            _ => Grid { rows, columns, index_stride },
        }
    }

    /// Number of element indices of a pass over slices: none if they have no element.
    pub fn span(self) -> u128 {
        if self.elements() == Some(0) { 0 } else { self.bits().span() }
    }

    /// Every element, in the order of memory; for shapes that slices fit.
    pub fn places(self) -> Vec<Place> {
        let (len, bits) = (self.elements().expect("a slice fits") as usize, self.bits());
        match self {
            _ if len == 0 => Vec::new(),
            Self::Slice(len) => (0..len).map(|at| Place { at, row: 0, column: at, bit: at as u64 }).collect(),
            Self::Rows { stride, .. } => {
                let stride = stride.get(bits.columns) as usize;
                let place = |row, column| Place {
                    at: row * stride + column,
                    row,
                    column,
                    bit: (row as u64).wrapping_mul(bits.index_stride).wrapping_add(column as u64),
                };
                (0..bits.rows).flat_map(|row| (0..bits.columns).map(move |column| place(row, column))).collect()
            }
            Self::Channels { channels, positions, last, index_stride, .. } => {
                let stride = index_stride.get(channels);
                let place = |at: usize| {
                    let (sample, rest) = (at / (channels * positions), at % (channels * positions));
                    let channel = if last { rest % channels } else { rest / positions };
                    let bit = (sample as u64).wrapping_mul(stride).wrapping_add(channel as u64);
                    Place { at, row: 0, column: at, bit }
                };
                (0..len).map(place).collect()
            }
            Self::Samples { len: size, .. } => {
                (0..len).map(|at| Place { at, row: 0, column: at, bit: (at / size) as u64 }).collect()
            }
        }
    }
}
