//! The words of whole blocks, in vectors.
//!
//! The comparison with the threshold is bit-sliced: one random word gives one binary digit to 64 elements. Ten digits
//! settle all but one element in 1024; a hash of the element index settles those. `specification.rs` says the same plainly.

use super::digits::{Digits, tie};
use super::{BLOCK, BLOCK_WORDS, Stream};
use crate::key::{GOLDEN, Key, MIX};
use crate::mask::low_bits;
use crate::simd::{Groups, Lanes, Overlap, Simd};

/// Work to do in steps while words are drawn.
pub(crate) trait Meanwhile<S> {
    fn step(&mut self, s: S);
}

/// None.
impl<S> Meanwhile<S> for () {
    #[inline(always)]
    fn step(&mut self, _: S) {}
}

/// Writes all words of the blocks from `first` on to `kept`, two groups a block, `L::COUNT` lanes at a time. `ties` is as
/// long, and room to work in. The threshold is strictly between 0 and 2^32.
#[inline(always)]
pub(crate) fn sample<L: Lanes>(
    s: L::Level,
    stream: Stream,
    first: u64,
    kept: &mut Groups,
    ties: &mut Groups,
    meanwhile: &mut impl Meanwhile<L::Level>,
) {
    let lanes = 4 * kept.len();
    let mut sampler = Sampler::new(stream, first, kept, ties);
    let mut lane = 0;
    while lane < lanes {
        sampler.draw::<L>(s, lane, 2, &mut [], meanwhile);
        lane += L::COUNT;
    }
    sampler.settle();
}

/// Writes words `from..to` of one block to their places in `kept`, and leaves the others anything; `ties` is room.
#[inline(always)]
pub(super) fn sample_part<S: Simd>(
    s: S,
    stream: Stream,
    block: u64,
    (from, to): (usize, usize),
    kept: &mut [[u64; 8]; 2],
    ties: &mut [[u64; 8]; 2],
) {
    let mut sampler = Sampler::new(stream, block, kept, ties);
    let mut ahead = <S::Lanes as Lanes>::Drawn::default();
    let ahead = ahead.as_mut();
    // a bit a word; a lane has words `lane` and `lane + 8`
    let wanted = low_bits(to) as u32 & !low_bits(from) as u32;
    for lane in (0..8).step_by(S::Lanes::COUNT) {
        let words = wanted >> lane & (low_bits(S::Lanes::COUNT) as u32 * 0x101);
        let groups = if words >> 8 != 0 { 2 } else { words.min(1) as usize };
        if groups > 0 {
            sampler.draw(s, lane, groups, ahead, &mut ());
        }
    }
    sampler.tied &= u64::from(wanted);
    sampler.settle();
}

/// How many steps of other work [`sample`] has room for, in so many blocks.
#[inline(always)]
pub(crate) const fn steps<L: Lanes>(stream: Stream, blocks: usize) -> usize {
    let steps = match L::Level::OVERLAP {
        Overlap::None => 0,
        Overlap::Groups => 1,
        Overlap::Digits => Digits::new(stream.p).count as usize,
    };
    8 * blocks / L::COUNT * 2 * steps
}

/// The words of consecutive blocks while they are drawn.
struct Sampler<'a> {
    key: Key,
    digits: Digits,
    first: u64,
    kept: &'a mut Groups,
    /// Elements whose digits equal the threshold's, where `tied` says that there are any. Empty if these digits are all.
    ties: &'a mut Groups,
    /// Bit `lanes * group + lane` tells of an element in that word that is to be settled.
    tied: u64,
}

impl<'a> Sampler<'a> {
    #[inline(always)]
    const fn new(stream: Stream, first: u64, kept: &'a mut Groups, ties: &'a mut Groups) -> Self {
        let digits = Digits::new(stream.p);
        let ties = if digits.lo == 0 { &mut [] } else { ties };
        Self { key: stream.key, digits, first, kept, ties, tied: 0 }
    }

    /// Two words each.
    #[inline(always)]
    const fn lanes(&self) -> usize {
        4 * self.kept.len()
    }

    /// Draws `groups` words for each lane of a vector, the first of them lane `lane`. `ahead` is room to draw ahead.
    #[inline(always)]
    fn draw<L: Lanes>(
        &mut self,
        s: L::Level,
        lane: usize,
        groups: usize,
        ahead: &mut [L],
        meanwhile: &mut impl Meanwhile<L::Level>,
    ) {
        let digits = self.digits;
        let mut rng = Xoshiro::<L>::new(s, self.key, self.first.wrapping_mul(8).wrapping_add(lane as u64));
        for group in 0..groups {
            let mut order = Order { at_least: L::splat(s, !0), above: L::splat(s, 0) };
            if ahead.is_empty() {
                for digit in digits.iter() {
                    order.compare(rng.next(), digit);
                    if matches!(L::Level::OVERLAP, Overlap::Digits) {
                        meanwhile.step(s);
                    }
                }
            } else {
                let words = ahead.iter_mut().zip(digits.iter());
                words.for_each(|(word, _)| *word = rng.next());
                // a closure: no level with a target feature has room to draw ahead, and a Cortex-M4 saves 1 %
                ahead.iter().zip(digits.iter()).for_each(|(word, digit)| order.compare(*word, digit));
            }
            if matches!(L::Level::OVERLAP, Overlap::Groups) {
                meanwhile.step(s);
            }
            L::splat(s, !0).and_not(order.at_least).store(self.kept, group, lane);
            if group < self.ties.len() {
                let equal = order.at_least.and_not(order.above);
                equal.store(self.ties, group, lane);
                let at = self.lanes() * group + lane;
                equal.mark(&mut self.tied, at);
            }
        }
    }

    /// Decides the elements that the digits left undecided, about one in 1024: one loop over the words that have any.
    #[inline(always)]
    fn settle(&mut self) {
        let lanes = self.lanes();
        let first = self.first.wrapping_mul(BLOCK);
        let kept = self.kept.as_flattened_mut();
        let ties = self.ties.as_flattened();
        while self.tied != 0 {
            let at = self.tied.trailing_zeros() as usize;
            self.tied &= self.tied - 1;
            let (group, lane) = if at < lanes { (0, at) } else { (1, at - lanes) };
            let i = lane / 8 * BLOCK_WORDS + 8 * group + lane % 8;
            let (Some(kept), Some(&ties)) = (kept.get_mut(i), ties.get(i)) else { continue };
            let mut ties = ties;
            while ties != 0 {
                let bit = ties.trailing_zeros();
                let element = first.wrapping_add(64 * i as u64 + u64::from(bit));
                *kept |= u64::from(tie(self.key, element) < self.digits.lo) << bit;
                ties &= ties - 1;
            }
        }
    }
}

/// How the numbers of the elements compare with the threshold, after some of their digits. What is above is at least equal,
/// too; kept so, a digit changes one of the two, by two operations, which are one instruction of AVX-512.
struct Order<L> {
    at_least: L,
    above: L,
}

impl<L: Lanes> Order<L> {
    /// Takes the next digit of each number, and of the threshold.
    #[inline(always)]
    fn compare(&mut self, r: L, digit: bool) {
        // `above | (at_least & r)` in either case; written alike, it is computed before the branch, and moved
        if digit {
            self.at_least = self.at_least.and(r.or(self.above));
        } else {
            self.above = self.above.or(r.and(self.at_least));
        }
    }
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
