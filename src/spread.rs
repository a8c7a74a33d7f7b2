//! From one bit a channel to one bit an element, between the bits and the pass.

use crate::bits::{Bits, CopyTo, Each};
use crate::channels::{Channels, Layout};
use crate::mask::{Mask, append, low_bits};
use crate::rows::Rows;
use crate::simd::Simd;

/// Bits of channels that are drawn at a time, as many as a sampler makes at a time.
const DRAWN: usize = 4096;

/// Feeds each element's bit to `sink`, in the order of memory. No dimension is 0.
///
/// A word is made when it is used, so that it costs nothing while the pass waits for memory.
#[inline(always)]
pub(crate) fn spread<S: Simd>(s: S, bits: &mut impl Bits, shape: Channels, sink: &mut impl Each<S>) {
    let Channels { channels, positions, layout, .. } = shape;
    let layout = if positions == 1 { Layout::Last } else { layout };
    // channels-last, samples are drawn whole; one that is too large is drawn in parts, again for each position
    let (unit, repeated, again) = match layout {
        Layout::First => (1, positions, 1),
        Layout::Last if channels <= DRAWN => (channels.max(1), positions, 1),
        Layout::Last => (DRAWN, 1, positions),
    };
    let Rows { rows, columns, index_stride, .. } = if again == 1 { shape.bits() } else { shape.bits_by_sample() };
    for row in 0..rows {
        let first = index_stride.wrapping_mul(row as u64);
        for _ in 0..again {
            let mut at = 0;
            while at < columns {
                let len = (DRAWN / unit * unit).min(columns - at);
                let mut words = [0; DRAWN / 64];
                bits.row(s, row, first.wrapping_add(at as u64), len, &mut CopyTo(&mut words));
                match layout {
                    Layout::First => sink.each(s, Runs::new(&words, repeated), len * repeated),
                    Layout::Last => {
                        let unit = unit.min(len).max(1);
                        for sample in 0..len / unit {
                            sink.each(s, Cycle::new(&words, sample * unit, unit), unit * repeated);
                        }
                    }
                }
                at += len;
            }
        }
    }
}

/// Each bit `len` times.
struct Runs<'a> {
    words: &'a [u64],
    /// The bit of `words` that comes next.
    next: usize,
    len: usize,
    /// The current bit, in all places, and how often it is still to come.
    bit: u64,
    left: usize,
}

impl<'a> Runs<'a> {
    #[inline(always)]
    fn new(words: &'a [u64], len: usize) -> Self {
        Self { words, next: 0, len: len.max(1), bit: 0, left: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = u64;

    #[inline(always)]
    fn next(&mut self) -> Option<u64> {
        let mut word = self.bit;
        while self.left < 64 {
            let bit = self.words.get(self.next / 64).map_or(0, |word| word >> (self.next % 64) & 1).wrapping_neg();
            word ^= (self.bit ^ bit) << self.left;
            self.bit = bit;
            self.left += self.len;
            self.next += 1;
        }
        self.left -= 64;
        Some(word)
    }
}

/// The same bits over and over.
struct Cycle {
    /// The bits, several times if they are few, and their beginning once more.
    words: [u64; DRAWN / 64 + 1],
    /// Where that begins: at 64 or later.
    period: usize,
    at: usize,
}

impl Cycle {
    /// `len` bits from bit `first` on, at most [`DRAWN`].
    #[inline(always)]
    fn new(words: &[u64], first: usize, len: usize) -> Self {
        let mut this = Self { words: [0; DRAWN / 64 + 1], period: len.max(1), at: 0 };
        if let Ok(bits) = Mask::at_bit(words, first as u64, len) {
            this.words.iter_mut().zip(bits.words()).for_each(|(word, bits)| *word = bits);
        }
        while this.period < 64 {
            this.repeat();
            this.period *= 2;
        }
        this.repeat();
        this
    }

    /// Puts the beginning of the period behind its end.
    #[inline(always)]
    fn repeat(&mut self) {
        let len = self.period.min(64);
        let bits = self.words[0] & low_bits(len);
        append(&mut self.words, self.period, bits, len);
    }
}

impl Iterator for Cycle {
    type Item = u64;

    #[inline(always)]
    fn next(&mut self) -> Option<u64> {
        let word = |i: usize| self.words.get(i).copied().unwrap_or(0);
        let (i, shift) = (self.at / 64, self.at % 64);
        let bits = word(i) >> shift | word(i + 1) << 1 << (63 - shift);
        self.at += 64;
        if self.at >= self.period {
            self.at -= self.period;
        }
        Some(bits)
    }
}
