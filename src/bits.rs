//! Where the bits of a pass come from, and where mask words go.

use crate::mask::{Mask, low_bits, mask_words};
use crate::sample::Source;
use crate::scalar;
use crate::simd::Simd;
use crate::walk::walk;
use crate::{Key, Probability};

/// Where mask words go, in order. `words` has at least `len` bits, bit 0 first; `len` is a multiple of 64 but for the
/// last piece, and bits past it can be anything.
pub(crate) trait Sink<S: Simd> {
    /// Whether it does more with words than to keep them.
    const WORKS: bool = true;
    fn take(&mut self, s: S, words: &[u64], len: usize);
}

/// A [`Sink`] that asks for words as it uses them.
pub(crate) trait Each<S: Simd> {
    /// `words` has at least `len` bits, as in [`Sink::take`]; `len` can be anything.
    fn each(&mut self, s: S, words: impl Iterator<Item = u64>, len: usize);
}

/// Copies words; there is room for all.
pub(crate) struct CopyTo<'a>(pub(crate) &'a mut [u64]);

impl<S: Simd> Sink<S> for CopyTo<'_> {
    const WORKS: bool = false;

    #[inline(always)]
    fn take(&mut self, _: S, words: &[u64], len: usize) {
        let (copied, rest) = core::mem::take(&mut self.0).split_at_mut_checked(mask_words(len)).unwrap_or_default();
        copied.iter_mut().zip(words).for_each(|(copied, word)| *copied = *word);
        self.0 = rest;
    }
}

/// For a pass that wants the stored mask alone.
pub(crate) struct Discard;

impl<S: Simd> Sink<S> for Discard {
    const WORKS: bool = false;

    #[inline(always)]
    fn take(&mut self, _: S, _: &[u64], _: usize) {}
}

/// Where the bits of a pass come from. Rows are named by their number and by the distance of their first element's
/// index from that of the whole.
pub(crate) trait Bits {
    /// Whether a pass leaves a mask behind.
    fn stores(&self) -> bool {
        false
    }
    /// `Some(kept)` when all elements have the same fate.
    fn certain(&self) -> Option<bool> {
        None
    }
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>);
    /// The specification of `row`: each element's bit in turn.
    fn scalar_row(&mut self, row: usize, first: u64, len: usize, each: impl FnMut(bool));
}

/// The specification of a row, for what belongs to its elements.
pub(crate) fn each_bit<T>(
    bits: &mut impl Bits,
    (row, first): (usize, u64),
    mut elements: impl ExactSizeIterator<Item = T>,
    mut each: impl FnMut(T, bool),
) {
    bits.scalar_row(row, first, elements.len(), |kept| {
        if let Some(element) = elements.next() {
            each(element, kept);
        }
    });
}

/// Drawn from the key; no mask in memory.
#[derive(Clone, Copy)]
pub(crate) struct Replay {
    pub(crate) source: Source,
    pub(crate) offset: u64,
}

impl Replay {
    /// Drops everything: the bits of a factor of 0, which is not multiplied with.
    pub(crate) const NOTHING: Self =
        Self { source: Source { key: Key::from_raw(0), p: Probability::rounded(1.0) }, offset: 0 };
}

impl Bits for Replay {
    fn certain(&self) -> Option<bool> {
        self.source.p.certain()
    }

    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, _: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        walk(s, self.source, self.offset.wrapping_add(first), len, sink);
    }

    fn scalar_row(&mut self, _: usize, first: u64, len: usize, each: impl FnMut(bool)) {
        scalar::bits(self.source, self.offset.wrapping_add(first), len).for_each(each);
    }
}

/// Drawn from the key and stored on the way: row `r` from word `r * mask_words(columns)` on, as far as there are words.
pub(crate) struct Store<'a> {
    pub(crate) replay: Replay,
    pub(crate) words: &'a mut [u64],
}

impl Store<'_> {
    /// The words of a row.
    #[inline(always)]
    fn row_words(&mut self, row: usize, len: usize) -> &mut [u64] {
        let count = mask_words(len);
        let words = self.words.get_mut(row.wrapping_mul(count)..).unwrap_or_default();
        words.get_mut(..count).unwrap_or_default()
    }
}

impl Bits for Store<'_> {
    fn stores(&self) -> bool {
        !self.words.is_empty()
    }

    fn certain(&self) -> Option<bool> {
        self.replay.certain()
    }

    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, row: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        let Replay { source, offset } = self.replay;
        let words = self.row_words(row, len);
        walk(s, source, offset.wrapping_add(first), len, &mut Tee { words, sink });
    }

    fn scalar_row(&mut self, row: usize, first: u64, len: usize, mut each: impl FnMut(bool)) {
        let bits = scalar::bits(self.replay.source, self.replay.offset.wrapping_add(first), len);
        let words = self.row_words(row, len);
        words.fill(0);
        for (i, kept) in bits.enumerate() {
            if let Some(word) = words.get_mut(i / 64) {
                *word |= u64::from(kept) << (i % 64);
            }
            each(kept);
        }
    }
}

/// Copies words to a mask before it hands them on.
struct Tee<'a, T> {
    words: &'a mut [u64],
    sink: &'a mut T,
}

impl<S: Simd, T: Sink<S>> Sink<S> for Tee<'_, T> {
    const WORKS: bool = T::WORKS;

    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        let (stored, rest) = core::mem::take(&mut self.words).split_at_mut_checked(mask_words(len)).unwrap_or_default();
        stored.iter_mut().zip(words).for_each(|(stored, word)| *stored = *word);
        if let (Some(last), true) = (stored.last_mut(), !len.is_multiple_of(64)) {
            *last &= low_bits(len % 64);
        }
        self.words = rest;
        self.sink.take(s, words, len);
    }
}

/// Read from a mask.
pub(crate) struct Stored<'a> {
    pub(crate) mask: Mask<'a>,
}

/// Words of an unaligned mask that are shifted at a time.
const SHIFTED: usize = 16;

impl Bits for Stored<'_> {
    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, _: usize, first: u64, len: usize, sink: &mut impl Sink<S>) {
        let mask = self.mask.part(first, len);
        let mut at = 0;
        while at < mask.len() {
            // one place where words are taken: a sink is a loop that is compiled in
            let mut shifted = [0; SHIFTED];
            let (words, len) = if let Some(words) = mask.aligned_words() {
                (words, mask.len())
            } else {
                shifted.iter_mut().zip(at / 64..).for_each(|(word, i)| *word = mask.word(i));
                (&shifted[..], (mask.len() - at).min(64 * SHIFTED))
            };
            sink.take(s, words, len);
            at += len;
        }
    }

    fn scalar_row(&mut self, _: usize, first: u64, len: usize, each: impl FnMut(bool)) {
        self.mask.part(first, len).iter().for_each(each);
    }
}

/// All elements alike: copied or dropped where it is `certain` which, else multiplied.
#[derive(Clone, Copy)]
pub(crate) struct Uniform {
    pub(crate) certain: Option<bool>,
}

impl Bits for Uniform {
    fn certain(&self) -> Option<bool> {
        self.certain
    }

    #[inline(always)]
    fn row<S: Simd>(&mut self, s: S, _: usize, _: u64, len: usize, sink: &mut impl Sink<S>) {
        let words = if self.kept() { &[!0; 64] } else { &[0; 64] };
        let mut left = len;
        while left > 0 {
            let len = left.min(64 * words.len());
            sink.take(s, words, len);
            left -= len;
        }
    }

    fn scalar_row(&mut self, _: usize, _: u64, len: usize, mut each: impl FnMut(bool)) {
        (0..len).for_each(|_| each(self.kept()));
    }
}

impl Uniform {
    const fn kept(self) -> bool {
        !matches!(self.certain, Some(false))
    }
}
