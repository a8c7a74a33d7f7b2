//! The specification of the mask stream, as plainly as it can be said. Every level is tested against it bit for bit; it
//! shares no loop with them.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Stream;
use super::digits::{Digits, tie};
use crate::key::{GOLDEN, Key};

/// Mask word `index` of the stream: bit `i` tells whether element `64 * index + i` is kept.
fn word(stream: Stream, index: u64) -> u64 {
    match stream.p.certain() {
        Some(true) => !0,
        Some(false) => 0,
        None => compare(stream.key, Digits::new(stream.p), index),
    }
}

fn compare(key: Key, digits: Digits, index: u64) -> u64 {
    let (block, group, lane) = (index / 16, index / 8 % 2, index % 8);
    let seed = key.to_raw().wrapping_add((8 * block + lane).wrapping_mul(4).wrapping_mul(GOLDEN));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..group * u64::from(digits.count) {
        rng.next_u64();
    }

    // of each element the random number U and of the threshold the number t, digit by digit
    let mut u = [0_u64; 64];
    let mut t = 0_u64;
    for digit in digits.iter() {
        let r = rng.next_u64();
        for (i, u) in u.iter_mut().enumerate() {
            *u = 2 * *u + (r >> i & 1);
        }
        t = 2 * t + u64::from(digit);
    }

    let mut word = 0;
    for (i, u) in (0..).zip(u) {
        let kept = u < t || u == t && tie(key, 64 * index + i) < digits.lo;
        word |= u64::from(kept) << i;
    }
    word
}

/// The bits of a stream one by one. The last word is remembered: most elements follow each other.
pub(crate) struct Bits {
    stream: Stream,
    last: Option<(u64, u64)>,
}

impl Bits {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, last: None }
    }

    /// Whether the element of that index is kept.
    pub(crate) fn kept(&mut self, element: u64) -> bool {
        let word = match self.last {
            Some((index, word)) if index == element / 64 => word,
            _ => word(self.stream, element / 64),
        };
        self.last = Some((element / 64, word));
        word >> (element % 64) & 1 == 1
    }
}
