//! Bits in words, the lowest first.

use core::ops::Range;

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

/// One value for each bit of the words, as long as there is room: `of(0)` or `of(1)`.
pub(crate) fn unpack<T>(words: impl Iterator<Item = u64>, to: &mut [T], of: impl Fn(u8) -> T) {
    for (to, word) in to.chunks_mut(64).zip(words) {
        for (to, bits) in to.chunks_mut(8).zip(word.to_le_bytes()) {
            to.iter_mut().zip(bytes(bits)).for_each(|(to, byte)| *to = of(byte));
        }
    }
}

/// Eight bits as bytes of 0 and 1, the lowest first.
const fn bytes(bits: u8) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // bit `i` where it is in byte `i`, then to the highest bit of the byte, then to the lowest
    let each = ONES.wrapping_mul(bits as u64) & 0x8040_2010_0804_0201;
    ((each + 0x7F * ONES) >> 7 & ONES).to_le_bytes()
}

/// Copies `len` bits of `from`, from bit `from_bit` on, to bit `at` of `to` on, and 0 to the rest of each word
/// that they begin. Bits beyond either slice are lost.
pub(crate) fn copy_bits(from: &[u64], from_bit: usize, to: &mut [u64], at: usize, len: usize) {
    let word = |i: usize| from.get(i).copied().unwrap_or(0);
    let (first, shift) = (from_bit / 64, (from_bit % 64) as u32);
    let bits = |i: usize| if shift == 0 { word(i) } else { word(i) >> shift | word(i + 1) << (64 - shift) };
    if at.is_multiple_of(64) {
        let words = to.get_mut(at / 64..).unwrap_or_default().iter_mut().take(len.div_ceil(64));
        words.zip(first..).for_each(|(word, i)| *word = bits(i));
        clear_past(to, at + len);
    } else {
        for (i, done) in (first..).zip((0..len).step_by(64)) {
            let len = (len - done).min(64);
            append(to, at + done, bits(i) & low_bits(len), len);
        }
    }
}

/// Clears the bits of the last word of `len` bits that are past them.
pub(crate) fn clear_past(words: &mut [u64], len: usize) {
    if let (Some(last), 1..) = (words.get_mut(len / 64), len % 64) {
        *last &= low_bits(len % 64);
    }
}

/// Clears the bits of a range.
pub(crate) fn clear_range(words: &mut [u64], range: Range<usize>) {
    let words = words.get_mut(range.start / 64..).unwrap_or_default();
    let (first, len) = (range.start % 64, range.len());
    // of each word the bits from one on, up to one
    for (word, done) in words.iter_mut().zip((0..first + len).step_by(64)) {
        *word &= !(low_bits(first + len - done) & !low_bits(first.saturating_sub(done)));
    }
}
