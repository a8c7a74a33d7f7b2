//! The bits of a layout in the order of its elements, in as few axes as there are.

use super::{AXES, Axis, Layout};
use crate::error::Error;

/// Rows of bits: `outer` axes, the outermost first, then `columns` bits that follow each other, each for `repeat` elements in a
/// row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indices {
    pub(crate) outer: [Outer; AXES],
    pub(crate) columns: usize,
    pub(crate) repeat: usize,
}

/// How many rows there are, and how far their bits are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outer {
    pub(crate) len: usize,
    pub(crate) index_stride: u64,
}

impl Outer {
    pub(crate) const ONE: Self = Self { len: 1, index_stride: 0 };
}

impl Indices {
    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        let rows = self.outer.iter().fold(1_usize, |rows, axis| rows.saturating_mul(axis.len));
        rows.saturating_mul(self.columns).saturating_mul(self.repeat)
    }

    /// Whether the elements have bits that follow each other.
    pub(crate) fn is_flat(&self) -> bool {
        self.repeat == 1 && self.outer.iter().all(|axis| axis.len == 1)
    }
}

impl Layout {
    /// Which element has which bit.
    #[inline(never)] // once a call
    pub(crate) fn indices(&self) -> Indices {
        let mut indices = Indices { outer: [Outer::ONE; AXES], columns: 1, repeat: 1 };
        if self.len() == 0 {
            return Indices { columns: 0, ..indices };
        }
        let mut axes = self.axes.into_iter().rev().filter(|axis| axis.len > 1).peekable();
        // no product is more than the number of elements
        while let Some(axis) = axes.next_if(|axis| axis.index_stride == 0) {
            indices.repeat *= axis.len;
        }
        while let Some(axis) = axes.next_if(|axis| axis.index_stride == indices.columns as u64) {
            indices.columns *= axis.len;
        }
        let mut left = indices.outer.iter_mut().rev();
        let mut last: Option<&mut Outer> = None;
        for Axis { len, index_stride, .. } in axes {
            match last {
                // two axes that are one
                Some(ref mut inner) if index_stride == inner.index_stride.saturating_mul(inner.len as u64) => {
                    inner.len *= len;
                }
                _ => {
                    last = left.next();
                    if let Some(outer) = &mut last {
                        **outer = Outer { len, index_stride };
                    }
                }
            }
        }
        indices
    }

    /// Indices from the first to the last, both counted; 0 of no bits.
    #[inline(never)] // as above
    pub(crate) fn span(&self) -> u128 {
        if self.noise().len() == 0 {
            return 0;
        }
        let last = |axis: &Axis| (axis.len as u128).saturating_sub(1) * u128::from(axis.index_stride);
        // each is below 2^128 less 2^64, four are more
        self.axes.iter().fold(1_u128, |span, axis| span.saturating_add(last(axis)))
    }

    /// Whether the bits of all elements have indices.
    ///
    /// # Errors
    /// [`Error::IndexOverflow`] if not; the end may be 2^64.
    pub(crate) fn check_indices(&self, offset: u64) -> Result<(), Error> {
        if self.len() == 0 { Ok(()) } else { check_indices(offset, self.span()) }
    }
}

/// Whether so many indices from `offset` on are there.
///
/// # Errors
/// [`Error::IndexOverflow`] if not; the end may be 2^64.
pub(crate) const fn check_indices(offset: u64, span: u128) -> Result<(), Error> {
    if span > (1 << 64) - offset as u128 { Err(Error::IndexOverflow { offset, span }) } else { Ok(()) }
}
