use crate::Error;

/// Number of `u64` words that hold `len` bits: `len.div_ceil(64)`, for any `len`.
pub const fn mask_words(len: usize) -> usize {
    len.div_ceil(64)
}

/// A packed mask to read: one bit per element, least significant bit first, 1 = keep.
///
/// Bit `j` of the view belongs to element `j` of the slice beside it. A view may start at any bit of its words, so row
/// `r` of a mask of rows of 100 elements is `Mask::at_bit(words, 100 * r, 100)`. Bits outside the view are never read.
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
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    words: &'a [u64],
    /// Position in `words[0]` of the first bit, below 64.
    shift: u32,
    len: usize,
}

impl<'a> Mask<'a> {
    pub(crate) const EMPTY: Self = Self { words: &[], shift: 0, len: 0 };

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
        let mask = *self;
        (0..self.len).map(move |i| mask.word(i / 64) >> (i % 64) & 1 == 1)
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
        same_length(self.len, out.len())?;
        out.iter_mut().zip(self.iter()).for_each(|(out, kept)| *out = kept);
        Ok(())
    }

    /// Writes 1 for each kept element, 0 for each dropped one.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `out.len() == self.len()`.
    pub fn write_u8(&self, out: &mut [u8]) -> Result<(), Error> {
        same_length(self.len, out.len())?;
        out.iter_mut().zip(self.iter()).for_each(|(out, kept)| *out = u8::from(kept));
        Ok(())
    }

    /// Writes the packed bits as bytes, element `8 * k` in the lowest bit of byte `k`, on every machine.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `out.len() == self.len().div_ceil(8)`.
    pub fn write_le_bytes(&self, out: &mut [u8]) -> Result<(), Error> {
        same_length(self.len.div_ceil(8), out.len())?;
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

    /// The words of a view that starts on a word; bits past the end can be anything.
    pub(crate) fn aligned_words(&self) -> Option<&'a [u64]> {
        (self.shift == 0).then_some(self.words)
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

/// A packed mask to write: one bit per element, least significant bit first, 1 = keep.
///
/// A view for writing starts on a word, so shards of one stored mask start at multiples of 64 elements. Whoever writes
/// leaves the bits past the end 0; words past the last one needed are left alone.
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
#[derive(Debug)]
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
        same_length(self.len, mask.len)?;
        self.words.iter_mut().zip(mask.words()).for_each(|(out, word)| *out = word);
        Ok(())
    }

    /// Packs one `bool` per element, `true` = keep.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `kept.len() == self.len()`.
    pub fn copy_from_bools(&mut self, kept: &[bool]) -> Result<(), Error> {
        same_length(self.len, kept.len())?;
        self.pack(kept.iter().copied());
        Ok(())
    }

    /// Packs one byte per element: 0 = drop, anything else = keep.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `kept.len() == self.len()`.
    pub fn copy_from_u8(&mut self, kept: &[u8]) -> Result<(), Error> {
        same_length(self.len, kept.len())?;
        self.pack(kept.iter().map(|&byte| byte != 0));
        Ok(())
    }

    /// Reads packed bits, element `8 * k` in the lowest bit of byte `k`, on every machine; bits past the end are
    /// ignored.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless `bytes.len() == self.len().div_ceil(8)`.
    pub fn copy_from_le_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        same_length(self.len.div_ceil(8), bytes.len())?;
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

/// The lowest `n` bits set, all of them from 64 on.
pub(crate) const fn low_bits(n: usize) -> u64 {
    if n >= 64 { !0 } else { (1 << n) - 1 }
}

/// Writes `len` bits, at most 64, from bit `at` on, and 0 to the rest of each word that they begin; higher bits of `bits`
/// are 0. Bits beyond the words are lost.
#[inline(always)]
pub(crate) fn append(words: &mut [u64], at: usize, bits: u64, len: usize) {
    let shift = at % 64;
    let mut words = words.iter_mut().skip(at / 64);
    if let Some(word) = words.next() {
        *word = if shift == 0 { bits } else { *word | bits << shift };
    }
    if let (Some(word), true) = (words.next(), shift + len > 64) {
        *word = bits >> (64 - shift);
    }
}

pub(crate) const fn same_length(expected: usize, actual: usize) -> Result<(), Error> {
    if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { expected, actual }) }
}

const fn saturate(bits: u128) -> u64 {
    if bits > u64::MAX as u128 { u64::MAX } else { bits as u64 }
}
