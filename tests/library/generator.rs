//! Masks from any generator: exact, with as many draws as promised, frozen.

use std::convert::Infallible;

use crate::common::generator;
use dropmask::rand_core::{Rng, SeedableRng, TryRng};
use dropmask::{MaskMut, Probability, mask_words};
use rand_chacha::ChaCha8Rng;

/// Counts the words that are drawn; whole words is all that may be.
struct Counting<R> {
    rng: R,
    draws: u32,
}

impl<R: Rng> TryRng for Counting<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a draw of 32 bits")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.draws += 1;
        Ok(self.rng.next_u64())
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("a draw of bytes")
    }
}

/// Gives 64 chosen 32-bit numbers digit by digit, the most significant first: bit `i` belongs to number `i`.
struct Digits([u32; 64], u32);

impl TryRng for Digits {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a draw of 32 bits")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.1 += 1;
        let digit = 32_u32.checked_sub(self.1).unwrap();
        Ok(self.0.iter().zip(0..).fold(0, |word, (u, i)| word | u64::from(u >> digit & 1) << i))
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("a draw of bytes")
    }
}

fn mask_of(p: Probability, len: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<u64> {
    let mut words = vec![!0; mask_words(len)];
    MaskMut::new(&mut words, len).unwrap().fill_from_rng(p, rng);
    words
}

/// How many digits of 64 numbers are drawn: down to the threshold's last 1, and no further than to where each number
/// has differed from the threshold.
fn expected_draws(t: u32, numbers: &[u32; 64]) -> u32 {
    let until_all_differ = numbers.iter().map(|u| (u ^ t).leading_zeros() + 1).max().unwrap();
    until_all_differ.min(32 - t.trailing_zeros())
}

/// Thresholds of all numbers of digits: any, few digits, near 0, near 2^32.
fn thresholds() -> impl Iterator<Item = u32> {
    let mut rng = generator(20);
    (0..2000_u32).map(move |case| {
        let (any, places) = (rng.next_u32() | 1, rng.next_u32() % 32);
        [any, any << places, any >> places, !(any >> places) | 1 << 31][case as usize % 4]
    })
}

/// Kept is exactly who is below the threshold: its neighbours, the ends and anything between.
#[test]
fn kept_is_below_the_threshold() {
    let mut rng = generator(21);
    for t in thresholds() {
        let numbers: [u32; 64] = core::array::from_fn(|i| match i {
            0 => t,
            1 => t.wrapping_sub(1),
            2 => t.wrapping_add(1),
            3 => 0,
            4 => u32::MAX,
            // shares a number of leading digits with the threshold
            _ => t ^ rng.next_u32() >> (rng.next_u32() % 32),
        });
        // in half of the cases no number is near the threshold, so that drawing stops early
        let numbers = if t & 2 == 0 { numbers } else { numbers.map(|u| u ^ (!t ^ u) & 1 << 31) };

        let mut digits = Digits(numbers, 0);
        let words = mask_of(Probability::from_threshold(u64::from(t)).unwrap(), 64, &mut digits);
        let expected = numbers.iter().zip(0..).fold(0, |word, (&u, i)| word | u64::from(u < t) << i);
        assert_eq!(words, [expected], "threshold {t}");
        assert_eq!(digits.1, expected_draws(t, &numbers), "threshold {t}");
    }
}

/// Word after word, each from where the one before left off, the numbers read off the generator beforehand.
#[test]
fn words_in_order() {
    fn check<R: Rng + Clone>(rng: R, t: u32, len: usize) {
        let mut counting = Counting { rng: rng.clone(), draws: 0 };
        let words = mask_of(Probability::from_threshold(u64::from(t)).unwrap(), len, &mut counting);

        let mut position = rng;
        let (mut expected, mut draws) = (Vec::new(), 0);
        for word in 0..mask_words(len) {
            let mut ahead = position.clone();
            let digits: Vec<_> = (0..32).map(|_| ahead.next_u64()).collect();
            let numbers: [u32; 64] =
                core::array::from_fn(|i| digits.iter().fold(0, |u, digit| u << 1 | (digit >> i & 1) as u32));
            let here = (len - 64 * word).min(64);
            expected.push((0..here).fold(0, |word, i| word | u64::from(numbers[i] < t) << i));
            let count = expected_draws(t, &numbers);
            (0..count).for_each(|_| _ = position.next_u64());
            draws += count;
        }
        assert_eq!(words, expected, "threshold {t}, length {len}");
        assert_eq!(counting.draws, draws, "threshold {t}, length {len}");
        assert_eq!(counting.rng.next_u64(), position.next_u64(), "threshold {t}, length {len}");
    }
    for (i, t) in thresholds().enumerate() {
        check(ChaCha8Rng::from_seed([i as u8; 32]), t, i % 200);
        check(generator(i as u64), t, i % 200);
    }
}

#[test]
fn certain_masks_draw_nothing() {
    let mut counting = Counting { rng: generator(22), draws: 0 };
    assert_eq!(mask_of(Probability::new(1.0).unwrap(), 100, &mut counting), [0, 0]);
    assert_eq!(mask_of(Probability::new(0.0).unwrap(), 100, &mut counting), [!0, (1 << 36) - 1]);
    assert_eq!(mask_of(Probability::new(0.5).unwrap(), 0, &mut counting), [0; 0]);
    assert_eq!(counting.draws, 0);
}

/// A promise to users: these words stay. Those of p = 0.5 are the complement of the published `ChaCha8` key stream of
/// an all-zero key, 3e00ef2f895f40d6…. A trait object is as good as a generator.
#[test]
fn frozen() {
    let chacha = || ChaCha8Rng::from_seed([0; 32]);
    let draw = |p, rng: &mut dyn Rng| mask_of(Probability::new(p).unwrap(), 150, rng);
    assert_eq!(draw(0.5, &mut chacha()), [0x29BF_A076_D010_FFC1, 0x5E5A_F6E0_1747_A480, 0x0000_0000_0031_7BD3]);
    assert_eq!(draw(0.1, &mut chacha()), [0xFFFF_FFF7_FFFF_FFF7, 0xFF7F_FFFF_F7A7_F5EF, 0x0000_0000_001E_FDFF]);
    assert_eq!(draw(0.9, &mut chacha()), [0x0000_0020_1000_2080, 0x0018_0004_8000_0000, 0x0000_0000_0000_0000]);
    assert_eq!(draw(0.1, &mut generator(0)), [0xBFFD_F2FE_BFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x0000_0000_003B_FF7F]);
}
