use core::fmt;

use super::{Mask, low_bits, mask_words, saturate};
use crate::error::{Argument, Error, same_length};

/// A packed mask to write: bits of elements, least significant bit first, 1 = keep.
///
/// A view for writing starts on a word, so shards of one stored mask start at multiples of 64 elements. Every
/// writer leaves the bits past the end 0, and does not touch words past the last one that is needed.
///
/// ```
/// use dropmask::MaskMut;
///
/// let mut words = [0; 1];
/// let mut mask = MaskMut::new(&mut words, 3)?;
/// mask.copy_from_bools(&[true, false, true])?;
/// mask.complement();
/// assert_eq!(words, [0b010]);
/// # Ok::<(), dropmask::Error>(())
/// ```
pub struct MaskMut<'a> {
    /// As many words as the length needs.
    words: &'a mut [u64],
    len: usize,
}

impl<'a> MaskMut<'a> {
    /// The first `len` bits of `words`.
    ///
    /// # Errors
    /// [`Error::MaskTooShort`] if `words` has fewer than [`mask_words(len)`](mask_words) words.
    pub fn new(words: &'a mut [u64], len: usize) -> Result<Self, Error> {
        let actual = words.len();
        match words.get_mut(..mask_words(len)) {
            Some(words) => Ok(Self { words, len }),
            None => Err(Error::MaskTooShort { needed: len as u64, actual: saturate(actual as u128 * 64) }),
        }
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same bits, to read.
    pub const fn as_mask(&self) -> Mask<'_> {
        Mask { words: self.words, shift: 0, len: self.len }
    }

    /// Keeps what was dropped and drops what was kept.
    pub fn complement(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.clear_tail();
    }

    /// Copies another mask, from whatever bit it starts at.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless the lengths are equal.
    pub fn copy_from(&mut self, mask: Mask<'_>) -> Result<(), Error> {
        same_length(Argument::Mask, self.len, mask.len)?;
        self.words.iter_mut().zip(mask.words()).for_each(|(out, word)| *out = word);
        Ok(())
    }

    /// Packs one `bool` per element, `true` = keep.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `kept.len() == self.len()`.
    pub fn copy_from_bools(&mut self, kept: &[bool]) -> Result<(), Error> {
        same_length(Argument::Input, self.len, kept.len())?;
        self.pack(kept.iter().copied());
        Ok(())
    }

    /// Packs one byte per element: 0 = drop, anything else = keep.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `kept.len() == self.len()`.
    pub fn copy_from_u8(&mut self, kept: &[u8]) -> Result<(), Error> {
        same_length(Argument::Input, self.len, kept.len())?;
        self.pack(kept.iter().map(|&byte| byte != 0));
        Ok(())
    }

    /// Reads packed bits, element `8 * k` in the lowest bit of byte `k`, on every machine; bits past the end are
    /// ignored.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `bytes.len() == self.len().div_ceil(8)`.
    pub fn copy_from_le_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        same_length(Argument::Input, self.len.div_ceil(8), bytes.len())?;
        for (word, bytes) in self.words.iter_mut().zip(bytes.chunks(8)) {
            *word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        self.clear_tail();
        Ok(())
    }

    fn pack(&mut self, mut kept: impl Iterator<Item = bool>) {
        for word in self.words.iter_mut() {
            *word = kept.by_ref().take(64).zip(0..).fold(0, |word, (kept, bit)| word | u64::from(kept) << bit);
        }
    }

    /// All words, for a writer that fills them in order and then clears the tail.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        self.words
    }

    pub(crate) fn clear_tail(&mut self) {
        let used = self.len % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= low_bits(used);
        }
    }
}

/// As that of [`Mask`].
impl fmt::Debug for MaskMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_mask().fmt(f)
    }
}
