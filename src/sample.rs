//! The mask stream, version 1, in vectors: (key, threshold, element range) to mask words.
//!
//! The comparison with the threshold is bit-sliced: one random word gives one binary digit to 64 elements. Ten digits
//! settle all but one element in 1024; a hash of the element index settles those. `scalar.rs` says the same plainly.

use crate::bits::Sink;
use crate::key::{GOLDEN, Key, MIX, mix};
use crate::probability::Probability;
use crate::simd::{Lanes, Simd};

/// Elements of a block, the unit of random access: two groups of eight words.
pub(crate) const BLOCK: u64 = 1024;
const BLOCK_WORDS: usize = 16;
/// Blocks that are sampled at a time: as many as the widest vector spans, twice 512 bytes of stack.
///
/// Tried on Zen 5 and lost: prefetching the slices of the next batch while this one is sampled (no better in L2 and L3,
/// 1.3 times slower in memory); ternary logic for the generator (6 % slower); digits without a branch (6 % slower);
/// two digits a turn (no difference).
const BATCH: usize = 4;
const LANES: usize = 8 * BATCH;

const TIE: u64 = 0xD1B5_4A32_D192_ED03;
const LO_BITS: u32 = 22;

/// What a key draws at a probability.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) key: Key,
    pub(crate) p: Probability,
}

/// A threshold taken apart: the digits that random words are compared with, and the rest.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    /// The digits, the first in bit 31.
    top: u32,
    pub(crate) count: u32,
    /// Of 2^22: how often an element is kept whose digits equal the threshold's.
    pub(crate) lo: u64,
}

impl Digits {
    /// For a threshold strictly between 0 and 2^32.
    pub(crate) const fn new(p: Probability) -> Self {
        let top = p.threshold() as u32 >> LO_BITS << LO_BITS;
        let lo = p.threshold() & ((1 << LO_BITS) - 1);
        let count = if lo != 0 { 32 - LO_BITS } else { 32 - top.trailing_zeros() };
        Self { top, count, lo }
    }

    /// From the most significant digit on.
    #[inline(always)]
    pub(crate) fn iter(self) -> impl Iterator<Item = bool> {
        (0..self.count).map(move |i| self.top << i >> 31 == 1)
    }
}

/// Feeds the mask of `len` elements from index `offset` on to `sink`.
#[inline(always)]
pub(crate) fn walk<S: Simd>(s: S, source: Source, offset: u64, len: usize, sink: &mut impl Sink<S>) {
    let mut batch = Batch::new();
    let mut carry = Carry { shift: (offset % 64) as u32, word: None };
    let mut block = offset / BLOCK;
    // bits of the batch before the first that is wanted
    let mut skip = (offset % BLOCK) as usize;
    let mut left = len;
    while left > 0 {
        let fresh = left.saturating_sub(carry.bits());
        let words = if fresh > 0 {
            let end = (BATCH as u64 * BLOCK).min(skip as u64 + fresh as u64) as usize;
            carry.realign(batch.sample(s, source, block, skip / 64, end.div_ceil(64)))
        } else {
            carry.rest()
        };
        let len = left.min(64 * words.len());
        sink.take(s, words, len);
        left -= len;
        block = block.wrapping_add(BATCH as u64);
        skip = 0;
    }
}

/// Shifts the words of the stream so that bit 0 of the first belongs to the first element of the slice.
struct Carry {
    shift: u32,
    /// The last word so far, whose low `shift` bits are used and whose other half is still to come.
    word: Option<u64>,
}

impl Carry {
    /// Number of bits that wait.
    #[inline(always)]
    const fn bits(&self) -> usize {
        if self.word.is_some() { 64 - self.shift as usize } else { 0 }
    }

    #[inline(always)]
    fn realign<'a>(&mut self, words: &'a mut [u64]) -> &'a [u64] {
        if self.shift == 0 {
            return words;
        }
        let (mut low, words) = match (self.word, words) {
            (Some(low), words) => (low, words),
            (None, [first, words @ ..]) => (*first, words),
            (None, []) => return &[],
        };
        for word in words.iter_mut() {
            let high = *word;
            *word = low >> self.shift | high << (64 - self.shift);
            low = high;
        }
        self.word = Some(low);
        words
    }

    /// What still waits after the last word of the stream.
    #[inline(always)]
    fn rest(&mut self) -> &[u64] {
        let shift = self.shift;
        self.word.as_mut().map_or(&[], |word| {
            *word >>= shift;
            core::slice::from_ref(word)
        })
    }
}

type Words = [[u64; 8]; 2 * BATCH];

/// The mask words of up to [`BATCH`] consecutive blocks.
struct Batch {
    kept: Words,
    /// Elements whose digits equal the threshold's, where `tied` says that there are any.
    ties: Words,
    /// Bit `32 * group + lane` tells of an element in that word that is to be settled.
    tied: u64,
}

impl Batch {
    #[inline(always)]
    const fn new() -> Self {
        Self { kept: [[0; 8]; 2 * BATCH], ties: [[0; 8]; 2 * BATCH], tied: 0 }
    }

    /// Words `from..to`, counted from the first word of block `block`.
    #[inline(always)]
    fn sample<S: Simd>(&mut self, s: S, source: Source, block: u64, from: usize, to: usize) -> &mut [u64] {
        if let Some(kept) = source.p.certain() {
            self.kept = [[if kept { !0 } else { 0 }; 8]; 2 * BATCH];
        } else {
            let digits = Digits::new(source.p);
            if from == 0 && to == BATCH * BLOCK_WORDS {
                let mut lane = 0;
                while lane < LANES {
                    self.draw::<S::Wide>(s, source.key, digits, block, lane, 2);
                    lane += <S::Wide as Lanes>::COUNT;
                }
            } else {
                self.draw_some::<S>(s, source.key, digits, block, from, to);
            }
            self.settle(source.key, digits, block);
        }
        self.kept.as_flattened_mut().get_mut(from..to).unwrap_or_default()
    }

    /// Just what words `from..to` need, a register at a time.
    #[inline(always)]
    fn draw_some<S: Simd>(&mut self, s: S, key: Key, digits: Digits, block: u64, from: usize, to: usize) {
        let count = <S::Lanes as Lanes>::COUNT;
        let mut lane = 0;
        while lane < LANES {
            // the words of these lanes: [first, first + count) and the same 8 further on
            let first = lane / 8 * BLOCK_WORDS + lane % 8;
            let needed = |first| first < to && first + count > from;
            let groups = if needed(first + 8) { 2 } else { usize::from(needed(first)) };
            if groups > 0 {
                self.draw::<S::Lanes>(s, key, digits, block, lane, groups);
            }
            lane += count;
        }
    }

    /// Draws `groups` words for each lane of a vector, the first of them lane `lane` from block `block` on.
    #[inline(always)]
    fn draw<L: Lanes>(&mut self, level: L::Level, key: Key, digits: Digits, block: u64, lane: usize, groups: usize) {
        let mut rng = Xoshiro::<L>::new(level, key, block.wrapping_mul(8).wrapping_add(lane as u64));
        for group in 0..groups {
            let mut less = L::splat(level, 0);
            let mut equal = L::splat(level, !0);
            for digit in digits.iter() {
                let r = rng.next();
                if digit {
                    less = less.or(equal.and_not(r));
                    equal = equal.and(r);
                } else {
                    equal = equal.and_not(r);
                }
            }
            less.store(&mut self.kept, group, lane);
            if digits.lo != 0 {
                equal.store(&mut self.ties, group, lane);
                self.tied |= equal.nonzero() << (LANES * group + lane);
            }
        }
    }

    /// Decides the elements that the digits left undecided, about one in 1024. One loop over the words that have any:
    /// to test each word costs a third of the time of a fill at `p = 0.1`.
    #[inline(always)]
    fn settle(&mut self, key: Key, digits: Digits, block: u64) {
        let first = block.wrapping_mul(BLOCK);
        let kept = self.kept.as_flattened_mut();
        let ties = self.ties.as_flattened();
        while self.tied != 0 {
            let at = self.tied.trailing_zeros() as usize;
            self.tied &= self.tied - 1;
            let (group, lane) = (at / LANES, at % LANES);
            let i = lane / 8 * BLOCK_WORDS + 8 * group + lane % 8;
            let (Some(kept), Some(&ties)) = (kept.get_mut(i), ties.get(i)) else { continue };
            let mut ties = ties;
            while ties != 0 {
                let bit = ties.trailing_zeros();
                let element = first.wrapping_add(64 * i as u64 + u64::from(bit));
                *kept |= u64::from(tie(key, element) < digits.lo) << bit;
                ties &= ties - 1;
            }
        }
    }
}

/// 22 bits for an element whose digits leave it undecided.
pub(crate) const fn tie(key: Key, element: u64) -> u64 {
    mix((key.to_raw() ^ TIE).wrapping_add(element.wrapping_mul(GOLDEN))) >> (64 - LO_BITS)
}

/// xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021) in every lane.
struct Xoshiro<L>([L; 4]);

impl<L: Lanes> Xoshiro<L> {
    /// The generators of consecutive lanes of the stream, `lane` the first, counted from lane 0 of block 0.
    #[inline(always)]
    fn new(level: L::Level, key: Key, lane: u64) -> Self {
        let z = key.to_raw().wrapping_add(lane.wrapping_mul(4).wrapping_mul(GOLDEN));
        Self([
            mixed(level, z.wrapping_add(GOLDEN)),
            mixed(level, z.wrapping_add(GOLDEN.wrapping_mul(2))),
            mixed(level, z.wrapping_add(GOLDEN.wrapping_mul(3))),
            mixed(level, z.wrapping_add(GOLDEN.wrapping_mul(4))),
        ])
    }

    #[inline(always)]
    fn next(&mut self) -> L {
        let [s0, s1, s2, s3] = self.0;
        let result = s0.add(s3).rotl::<23>().add(s0);
        let (s2, s3) = (s2.xor(s0), s3.xor(s1));
        self.0 = [s0.xor(s3), s1.xor(s2), s2.xor(s1.shl::<17>()), s3.rotl::<45>()];
        result
    }
}

/// The same word of the states of consecutive lanes: `mix` of `z`, and of every fourth step of `SplitMix64` from there.
#[inline(always)]
fn mixed<L: Lanes>(level: L::Level, z: u64) -> L {
    let z = L::counters(level, z, GOLDEN.wrapping_mul(4));
    let z = z.xor(z.shr::<30>()).mul(MIX[0]);
    let z = z.xor(z.shr::<27>()).mul(MIX[1]);
    z.xor(z.shr::<31>())
}
