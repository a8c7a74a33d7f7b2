//! The mask stream, version 1, in vectors: the words of whole blocks.
//!
//! The comparison with the threshold is bit-sliced: one random word gives one binary digit to 64 elements. Ten digits
//! settle all but one element in 1024; a hash of the element index settles those. `scalar.rs` says the same plainly.

use crate::key::{GOLDEN, Key, MIX, mix};
use crate::mask::low_bits;
use crate::probability::Probability;
use crate::simd::{Groups, Lanes, Overlap, Simd};

/// Elements of a block, the unit of random access: two groups of eight words.
pub(crate) const BLOCK: u64 = 1024;
const BLOCK_WORDS: usize = 16;
/// So many words are worth to be drawn ahead: one takes 40 instructions of a Cortex-M4 instead of 50.
const FEW: usize = 2;

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
        let mut left = self.top;
        (0..self.count).map(move |_| {
            let digit = left >> 31 == 1;
            left <<= 1;
            digit
        })
    }
}

/// The words of one block.
pub(crate) type Block = [[u64; 8]; 2];

/// Room to draw ahead.
pub(crate) type Drawn<S> = <<S as Simd>::Lanes as Lanes>::Drawn;

/// Work to do in steps while words are drawn.
pub(crate) trait Meanwhile<S> {
    fn step(&mut self, s: S);
}

/// None.
impl<S> Meanwhile<S> for () {
    #[inline(always)]
    fn step(&mut self, _: S) {}
}

/// What is drawn.
#[derive(Clone, Copy)]
struct At {
    key: Key,
    digits: Digits,
    /// The first block.
    first: u64,
}

/// The mask words of consecutive blocks.
#[derive(Default)]
pub(crate) struct Batch<W> {
    kept: W,
    /// Elements whose digits equal the threshold's, where `tied` says that there are any.
    ties: W,
    /// Bit `LANES * group + lane` tells of an element in that word that is to be settled.
    tied: u64,
}

impl Batch<Block> {
    /// Words `from..to` of a block.
    #[inline(always)]
    pub(crate) fn some<S: Simd>(
        &mut self,
        s: S,
        source: Source,
        block: u64,
        range: (usize, usize),
        drawn: &mut Drawn<S>,
    ) -> &mut [u64] {
        if S::APART {
            self.sample_apart(s, source, block, range, drawn);
        } else {
            self.sample(s, source, block, range, drawn);
        }
        self.kept.as_flattened_mut().get_mut(range.0..range.1).unwrap_or_default()
    }

    /// A function of its own.
    #[inline(never)]
    fn sample_apart<S: Simd>(&mut self, s: S, source: Source, block: u64, range: (usize, usize), drawn: &mut Drawn<S>) {
        self.sample(s, source, block, range, drawn);
    }

    #[inline(always)]
    fn sample<S: Simd>(&mut self, s: S, source: Source, block: u64, range: (usize, usize), drawn: &mut Drawn<S>) {
        let Some(at) = self.start(source, block) else { return };
        if (FEW..=drawn.as_mut().len()).contains(&(at.digits.count as usize)) {
            self.draw_some(s, at, range, drawn.as_mut());
        } else {
            self.draw_some::<S::Lanes>(s, at, range, &mut []);
        }
        self.settle(at);
    }

    /// What words `from..to` need, a register at a time. Tried on Zen 4: one or two words in integer registers (no faster;
    /// two 20 % slower).
    #[inline(always)]
    fn draw_some<L: Lanes>(&mut self, s: L::Level, at: At, (from, to): (usize, usize), drawn: &mut [L]) {
        // a bit a word; a lane has words `lane` and `lane + 8`
        let wanted = low_bits(to) as u32 & !low_bits(from) as u32;
        for lane in (0..8).step_by(L::COUNT) {
            let words = wanted >> lane & (low_bits(L::COUNT) as u32 * 0x101);
            let groups = if words >> 8 != 0 { 2 } else { words.min(1) as usize };
            if groups > 0 {
                self.draw(s, at, lane, groups, drawn, &mut ());
            }
        }
        self.tied &= u64::from(wanted);
    }
}

impl<W: Default + AsRef<Groups> + AsMut<Groups>> Batch<W> {
    /// Two words each.
    const LANES: usize = size_of::<W>() / 16;

    /// All words of the blocks from `first` on, `L::COUNT` lanes at a time.
    #[inline(always)]
    pub(crate) fn all<L: Lanes>(
        &mut self,
        s: L::Level,
        source: Source,
        first: u64,
        meanwhile: &mut impl Meanwhile<L::Level>,
    ) -> &mut [u64] {
        if let Some(at) = self.start(source, first) {
            for lane in (0..Self::LANES).step_by(L::COUNT) {
                self.draw::<L>(s, at, lane, 2, &mut [], meanwhile);
            }
            self.settle(at);
        }
        self.kept.as_mut().as_flattened_mut()
    }

    /// How many steps of other work fit in between.
    #[inline(always)]
    pub(crate) const fn steps<L: Lanes>(source: Source) -> usize {
        let steps = match L::Level::OVERLAP {
            Overlap::None => 0,
            Overlap::Groups => 1,
            Overlap::Digits => Digits::new(source.p).count as usize,
        };
        Self::LANES / L::COUNT * 2 * steps
    }

    /// What was drawn last.
    #[inline(always)]
    pub(crate) fn words(&self) -> &[u64] {
        self.kept.as_ref().as_flattened()
    }

    /// `None` if there is nothing to draw, and the words are complete.
    #[inline(always)]
    fn start(&mut self, source: Source, first: u64) -> Option<At> {
        if let Some(kept) = source.p.certain() {
            self.kept.as_mut().fill([if kept { !0 } else { 0 }; 8]);
            return None;
        }
        Some(At { key: source.key, digits: Digits::new(source.p), first })
    }

    /// Draws `groups` words for each lane of a vector, the first of them lane `lane`. `drawn` is room to draw ahead.
    ///
    /// Tried on Zen 5 and lost: ternary logic for the generator (6 % slower); digits without a branch (6 % slower); two
    /// digits a turn (no difference).
    #[inline(always)]
    fn draw<L: Lanes>(
        &mut self,
        s: L::Level,
        at: At,
        lane: usize,
        groups: usize,
        drawn: &mut [L],
        meanwhile: &mut impl Meanwhile<L::Level>,
    ) {
        let At { key, digits, first } = at;
        let mut rng = Xoshiro::<L>::new(s, key, first.wrapping_mul(8).wrapping_add(lane as u64));
        for group in 0..groups {
            let mut order = Order { at_least: L::splat(s, !0), above: L::splat(s, 0) };
            if let Some(words) = drawn.get_mut(..digits.count as usize) {
                for word in words.iter_mut() {
                    *word = rng.next();
                }
                // a closure: no level with a target feature has room to draw ahead, and a Cortex-M4 saves 1 %
                words.iter().zip(digits.iter()).for_each(|(word, digit)| order.compare(*word, digit));
            } else {
                for digit in digits.iter() {
                    order.compare(rng.next(), digit);
                    if matches!(L::Level::OVERLAP, Overlap::Digits) {
                        meanwhile.step(s);
                    }
                }
            }
            if matches!(L::Level::OVERLAP, Overlap::Groups) {
                meanwhile.step(s);
            }
            L::splat(s, !0).and_not(order.at_least).store(self.kept.as_mut(), group, lane);
            if digits.lo != 0 {
                let equal = order.at_least.and_not(order.above);
                equal.store(self.ties.as_mut(), group, lane);
                equal.mark(&mut self.tied, Self::LANES * group + lane);
            }
        }
    }

    /// Decides the elements that the digits left undecided, about one in 1024. One loop over the words that have any:
    /// to test each word costs a third of the time of a fill at `p = 0.1`. Tried on Zen 4: `tied` as a value and no field,
    /// and this as a function of its own (2 % faster on 4,096 elements with AVX-512, 2 to 6 % slower at the portable level).
    #[inline(always)]
    fn settle(&mut self, At { key, digits, first }: At) {
        let first = first.wrapping_mul(BLOCK);
        let kept = self.kept.as_mut().as_flattened_mut();
        let ties = self.ties.as_ref().as_flattened();
        while self.tied != 0 {
            let at = self.tied.trailing_zeros() as usize;
            self.tied &= self.tied - 1;
            let (group, lane) = (at / Self::LANES, at % Self::LANES);
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
