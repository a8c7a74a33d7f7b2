use crate::key::{GOLDEN, Key, mix};
use crate::probability::Probability;

const TIE: u64 = 0xD1B5_4A32_D192_ED03;
const LO_BITS: u32 = 22;

/// A threshold taken apart: the binary digits that random words are compared with, and the rest.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// The digits, the first in bit 31.
    top: u32,
    pub(super) count: u32,
    /// Of 2^22: how often an element is kept whose digits equal the threshold's.
    pub(super) lo: u64,
}

impl Digits {
    /// For a threshold strictly between 0 and 2^32.
    pub(super) const fn new(p: Probability) -> Self {
        let top = p.threshold() as u32 >> LO_BITS << LO_BITS;
        let lo = p.threshold() & ((1 << LO_BITS) - 1);
        let count = if lo != 0 { 32 - LO_BITS } else { 32 - top.trailing_zeros() };
        Self { top, count, lo }
    }

    /// From the most significant digit on.
    #[inline(always)]
    pub(super) fn iter(self) -> impl Iterator<Item = bool> {
        let mut left = self.top;
        (0..self.count).map(move |_| {
            let digit = left >> 31 == 1;
            left <<= 1;
            digit
        })
    }
}

/// 22 bits for an element whose digits leave it undecided.
pub(super) const fn tie(key: Key, element: u64) -> u64 {
    mix((key.to_raw() ^ TIE).wrapping_add(element.wrapping_mul(GOLDEN))) >> (64 - LO_BITS)
}
