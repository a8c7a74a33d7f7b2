//! The packed bitset: views to read and to write, conversions.

mod bits;
mod write;

pub(crate) use bits::{append, clear_past, clear_range, copy_bits, low_bits, unpack};
pub use write::MaskMut;

use core::fmt;
use core::ops::Range;

use crate::error::{Argument, Error, same_length};

/// Number of `u64` words that hold `len` bits: `len.div_ceil(64)`, for any `len`.
pub const fn mask_words(len: usize) -> usize {
    len.div_ceil(64)
}

/// A packed mask to read: bits of elements, least significant bit first, 1 = keep.
///
/// Bit `j` of the view belongs to element `j` of the slice beside it, or as a [layout](crate::Layout#stored-masks) says. A
/// view may start at any bit of its words, so row `r` of a mask of rows of 100 elements is `Mask::at_bit(words, 100 * r, 100)`.
/// Bits outside the view are never read.
///
/// On a little-endian machine the words in memory are the layout of Arrow bitmaps, of `numpy.packbits(...,
/// bitorder="little")` and of ONNX Runtime's `BitmaskDropout`; [`write_le_bytes`](Self::write_le_bytes) gives it
/// on every machine.
///
/// ```
/// use dropmask::Mask;
///
/// let mask = Mask::new(&[0b1011], 4)?;
/// assert_eq!(mask.iter().collect::<Vec<_>>(), [true, true, false, true]);
/// assert_eq!(mask.kept().collect::<Vec<_>>(), [0, 1, 3]);
/// assert_eq!(mask.get(4), None);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Mask<'a> {
    words: &'a [u64],
    /// Position in `words[0]` of the first bit, below 64.
    shift: u32,
    len: usize,
}

impl<'a> Mask<'a> {
    /// The first `len` bits of `words`.
    ///
    /// # Errors
    /// [`Error::MaskTooShort`] if `words` has fewer than [`mask_words(len)`](mask_words) words.
    pub const fn new(words: &'a [u64], len: usize) -> Result<Self, Error> {
        Self::at_bit(words, 0, len)
    }

    /// `len` bits of `words` from bit `first` on.
    ///
    /// # Errors
    /// [`Error::MaskTooShort`] if they are not there.
    pub const fn at_bit(words: &'a [u64], first: u64, len: usize) -> Result<Self, Error> {
        let needed = first as u128 + len as u128;
        let actual = words.len() as u128 * 64;
        // where the bits are there, the quotient is at most the number of words
        match words.split_at_checked((first / 64) as usize) {
            Some((_, words)) if needed <= actual => Ok(Self { words, shift: (first % 64) as u32, len }),
            _ => Err(Error::MaskTooShort { needed: saturate(needed), actual: saturate(actual) }),
        }
    }

    /// The bits of some elements: bit 0 is that of `range.start`.
    ///
    /// ```
    /// use dropmask::Mask;
    ///
    /// let mask = Mask::new(&[0b1011], 4)?.slice(1..3)?;
    /// assert_eq!(mask.iter().collect::<Vec<_>>(), [true, false]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the range ends before it starts, [`Error::MaskTooShort`] if it ends behind the mask.
    pub fn slice(&self, range: Range<usize>) -> Result<Self, Error> {
        let Range { start, end } = range;
        if start > end {
            return Err(Error::LengthMismatch { argument: Argument::Mask, expected: start, actual: end });
        }
        if end > self.len {
            return Err(Error::MaskTooShort { needed: end as u64, actual: self.len as u64 });
        }
        Ok(self.part(start as u64, end - start))
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether element `index` is kept; `None` past the end.
    pub fn get(&self, index: usize) -> Option<bool> {
        (index < self.len).then(|| self.word(index / 64) >> (index % 64) & 1 == 1)
    }

    /// Each element's bit in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = bool> + use<'a> {
        self.into_iter()
    }

    /// The indices of the kept elements, in ascending order, a word at a time.
    pub fn kept(&self) -> impl Iterator<Item = usize> + use<'a> {
        self.words().enumerate().flat_map(|(i, word)| {
            let mut left = word;
            core::iter::from_fn(move || {
                let bit = (left != 0).then(|| 64 * i + left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(bit)
            })
        })
    }

    /// Number of kept elements.
    pub fn count_kept(&self) -> usize {
        self.words().map(|word| word.count_ones() as usize).sum()
    }

    /// The view as [`mask_words(len)`](mask_words) words that start at bit 0; bits past the end are 0.
    pub fn words(&self) -> impl ExactSizeIterator<Item = u64> + use<'a> {
        let mask = *self;
        (0..mask_words(self.len)).map(move |i| mask.word(i))
    }

    /// Writes `true` for each kept element, `false` for each dropped one.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `out.len() == self.len()`.
    pub fn write_bools(&self, out: &mut [bool]) -> Result<(), Error> {
        same_length(Argument::Output, self.len, out.len())?;
        unpack(self.words(), out, |kept| kept == 1);
        Ok(())
    }

    /// Writes 1 for each kept element, 0 for each dropped one.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `out.len() == self.len()`.
    #[inline(never)] // once, not in each function of C
    pub fn write_u8(&self, out: &mut [u8]) -> Result<(), Error> {
        same_length(Argument::Output, self.len, out.len())?;
        unpack(self.words(), out, |kept| kept);
        Ok(())
    }

    /// Writes the packed bits as bytes, element `8 * k` in the lowest bit of byte `k`, on every machine.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `out.len() == self.len().div_ceil(8)`.
    pub fn write_le_bytes(&self, out: &mut [u8]) -> Result<(), Error> {
        same_length(Argument::Output, self.len.div_ceil(8), out.len())?;
        for (out, word) in out.chunks_mut(8).zip(self.words()) {
            out.iter_mut().zip(word.to_le_bytes()).for_each(|(out, byte)| *out = byte);
        }
        Ok(())
    }

    /// 64 bits from bit `64 * i` of the view; bits past the end are 0.
    #[inline]
    pub(crate) fn word(&self, i: usize) -> u64 {
        let at = |i: usize| self.words.get(i).copied().unwrap_or(0);
        let word = match self.shift {
            0 => at(i),
            shift => at(i) >> shift | at(i + 1) << (64 - shift),
        };
        word & low_bits(self.len.saturating_sub(64 * i))
    }

    /// The words from that which holds bit `index` on, and the place of that bit in the first; bits past the end can be
    /// anything.
    pub(crate) fn bits_from(&self, index: u64) -> (&'a [u64], usize) {
        // no view is so long that the sum would pass 2^64
        let bit = index.saturating_add(u64::from(self.shift));
        (self.words.get((bit / 64) as usize..).unwrap_or(&[]), (bit % 64) as usize)
    }

    /// The part of `len` bits from bit `first` on, cut at the end of the view.
    pub(crate) fn part(&self, first: u64, len: usize) -> Self {
        let first = first.min(self.len as u64);
        let len = len.min(self.len - first as usize);
        // the sum stays below 2^64 unless the view is longer than any memory
        let bit = first.saturating_add(u64::from(self.shift));
        let words = self.words.get((bit / 64) as usize..).unwrap_or(&[]);
        Self { words, shift: (bit % 64) as u32, len }
    }
}

/// The bits of the view, that of element 0 first: `Mask(1101)`.
impl fmt::Debug for Mask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(")?;
        self.iter().try_for_each(|kept| f.write_str(if kept { "1" } else { "0" }))?;
        f.write_str(")")
    }
}

/// Each element's bit in turn.
#[derive(Clone, Debug)]
pub struct MaskIter<'a> {
    mask: Mask<'a>,
    left: Range<usize>,
}

impl Iterator for MaskIter<'_> {
    type Item = bool;

    fn next(&mut self) -> Option<bool> {
        self.left.next().map(|i| self.mask.word(i / 64) >> (i % 64) & 1 == 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for MaskIter<'_> {}

impl<'a> IntoIterator for Mask<'a> {
    type Item = bool;
    type IntoIter = MaskIter<'a>;

    fn into_iter(self) -> MaskIter<'a> {
        MaskIter { mask: self, left: 0..self.len }
    }
}

const fn saturate(bits: u128) -> u64 {
    if bits > u64::MAX as u128 { u64::MAX } else { bits as u64 }
}
