//! Whether what a call is given has the layout.

use super::{Axis, Layout, Operand};
use crate::error::{Argument, Error, Setting, same_length};

impl Layout {
    /// Whether an operand of this length has all elements: exactly those with row-major strides, with others at least.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::InvalidLayout`] of an output whose elements would lie in the same place.
    #[inline(never)] // as below
    pub(crate) fn check(&self, operand: Operand, actual: usize) -> Result<(), Error> {
        if operand == Operand::Output {
            self.check_apart()?;
        }
        let expected = self.extent(operand);
        if actual == expected || actual > expected && !self.is_row_major(operand) {
            Ok(())
        } else {
            Err(Error::LengthMismatch { argument: operand.argument(), expected, actual })
        }
    }

    fn is_row_major(&self, operand: Operand) -> bool {
        let mut dense = 1_usize;
        self.axes.iter().rev().all(|axis| {
            let expected = dense;
            dense = dense.saturating_mul(axis.len);
            axis.stride(operand) == expected
        })
    }

    /// Whether the input can lie where the output does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if not.
    pub(crate) fn check_in_place(&self) -> Result<(), Error> {
        let same = |Axis { len, strides: [y, x, _], .. }: &Axis| *len <= 1 || y == x;
        if self.axes.iter().all(same) { Ok(()) } else { Err(Error::Unsupported { setting: Setting::Layout }) }
    }

    /// Whether a mask of `len` bits that is read has those from the first index to the last.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub(crate) fn check_indexed(&self, len: usize) -> Result<(), Error> {
        same_bits(Argument::Mask, self.span(), len)
    }

    /// Whether what is written has a place for each bit of this layout, which shares none.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub(crate) fn check_noise(&self, argument: Argument, len: usize) -> Result<(), Error> {
        same_bits(argument, self.stored().span(), len)
    }

    /// Whether all of an output of this length is written.
    ///
    /// # Errors
    /// [`Error::Unsupported`] of an output with gaps, else [`Error::LengthMismatch`].
    pub(crate) fn check_dense(&self, len: usize) -> Result<(), Error> {
        // elements of an output are apart: as many as there are places are in all of them
        if self.extent(Operand::Output) > self.len() {
            return Err(Error::Unsupported { setting: Setting::Layout });
        }
        same_length(Argument::Output, self.len(), len)
    }

    /// One past the last element of an operand, `usize::MAX` if there are no such slices.
    #[inline(never)] // as below
    pub(crate) fn extent(&self, operand: Operand) -> usize {
        let last = |axis: &Axis| axis.len.saturating_sub(1).saturating_mul(axis.stride(operand));
        if self.len() == 0 { 0 } else { self.axes.iter().fold(1_usize, |end, axis| end.saturating_add(last(axis))) }
    }

    /// Whether no two elements of the output lie in the same place.
    ///
    /// # Errors
    /// [`Error::InvalidLayout`].
    #[inline(never)] // once a call
    pub(crate) fn check_apart(&self) -> Result<(), Error> {
        if self.len() == 0 {
            return Ok(());
        }
        let mut axes = self.axes;
        axes.sort_unstable_by_key(|Axis { strides: [stride, ..], .. }| *stride);
        let mut within = 1_usize;
        for Axis { len, strides: [stride, ..], .. } in axes.into_iter().filter(|axis| axis.len > 1) {
            // the elements of the axes with smaller strides lie between two of this one
            let end = (len - 1).checked_mul(stride).and_then(|start| start.checked_add(within));
            match end {
                Some(end) if stride >= within => within = end,
                _ => return Err(Error::InvalidLayout { len, stride, within }),
            }
        }
        Ok(())
    }
}

impl Axis {
    fn stride(&self, operand: Operand) -> usize {
        self.strides.get(operand as usize).copied().unwrap_or_default()
    }
}

/// # Errors
/// [`Error::LengthMismatch`] unless both are equal.
///
/// A number that is cut off at `usize::MAX` could be the length of a mask where a usize has 32 bits.
pub(crate) fn same_bits(argument: Argument, expected: u128, actual: usize) -> Result<(), Error> {
    if expected == actual as u128 {
        return Ok(());
    }
    Err(Error::LengthMismatch { argument, expected: usize::try_from(expected).unwrap_or(usize::MAX), actual })
}
