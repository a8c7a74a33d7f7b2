//! Bits in words, the lowest first.

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

/// Copies `len` bits of `from`, from bit `from_bit` on, to bit `at` of `to` on, and 0 to the rest of each word that they begin. Bits beyond either slice are lost.
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
