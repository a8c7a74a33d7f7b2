//! From one bit a channel to one bit an element, between the bits and the pass.

use crate::bits::{Bits, Sink};
use crate::channels::{Channels, Layout};
use crate::mask::low_bits;
use crate::simd::Simd;

/// Words that are gathered before they are handed on.
const WORDS: usize = 64;

/// Feeds each element's bit to `sink`, in the order of memory.
#[inline(always)]
pub(crate) fn spread<S: Simd>(s: S, bits: &mut impl Bits, channels: Channels, sink: &mut impl Sink<S>) {
    let Channels { samples, channels, positions, layout, index_stride } = channels;
    for n in 0..samples {
        let first = index_stride.wrapping_mul(n as u64);
        match layout {
            Layout::First => {
                let mut runs = Runs { len: positions, gathered: Gathered::new(), sink };
                bits.row(s, n, first, channels, &mut runs);
                runs.gathered.flush(s, runs.sink);
            }
            Layout::Last if channels <= 64 * WORDS => {
                // as many whole positions as fit, drawn once
                let at_a_time = (64 * WORDS / channels.max(1)).min(positions);
                let mut pattern = Gathered::new();
                for _ in 0..at_a_time {
                    bits.row(s, n, first, channels, &mut pattern);
                }
                let mut left = positions;
                while left > 0 {
                    let now = left.min(at_a_time.max(1));
                    sink.take(s, &pattern.words, now * channels);
                    left -= now;
                }
            }
            Layout::Last => {
                for _ in 0..positions {
                    bits.row(s, n, first, channels, sink);
                }
            }
        }
    }
}

/// Bits one after the other, from bit 0 on.
struct Gathered {
    words: [u64; WORDS],
    len: usize,
}

impl Gathered {
    #[inline(always)]
    const fn new() -> Self {
        Self { words: [0; WORDS], len: 0 }
    }

    const fn room(&self) -> usize {
        64 * WORDS - self.len
    }

    /// Appends `len` bits, at most 64 and at most what there is room for; higher bits of `bits` are 0.
    #[inline(always)]
    fn append(&mut self, bits: u64, len: usize) {
        let (word, shift) = (self.len / 64, self.len % 64);
        if let Some(low) = self.words.get_mut(word) {
            *low |= bits << shift;
        }
        if shift + len > 64
            && let Some(high) = self.words.get_mut(word + 1)
        {
            *high |= bits >> (64 - shift);
        }
        self.len += len;
    }

    #[inline(always)]
    fn flush<S: Simd>(&mut self, s: S, sink: &mut impl Sink<S>) {
        sink.take(s, &self.words, self.len);
        *self = Self::new();
    }
}

impl<S: Simd> Sink<S> for Gathered {
    #[inline(always)]
    fn take(&mut self, _: S, words: &[u64], len: usize) {
        let mut left = len;
        for word in words {
            let now = left.min(64);
            self.append(word & low_bits(now), now);
            left -= now;
        }
    }
}

/// Makes `len` bits of each.
struct Runs<'a, T> {
    len: usize,
    gathered: Gathered,
    sink: &'a mut T,
}

impl<S: Simd, T: Sink<S>> Sink<S> for Runs<'_, T> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        for i in 0..len {
            let kept = words.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1);
            let bits = if kept { !0 } else { 0 };
            let mut left = self.len;
            while left > 0 {
                let now = left.min(64).min(self.gathered.room());
                self.gathered.append(bits & low_bits(now), now);
                left -= now;
                if self.gathered.room() == 0 {
                    self.gathered.flush(s, self.sink);
                }
            }
        }
    }
}
