//! The scalar level against a second, independent implementation of stream version 1: one element at a time, its random
//! number as one integer, no code of the crate or of its dependencies. The other levels follow in `levels_agree`.

use crate::common::{fill, generator};
use dropmask::{Dropout, Key, Level, Probability};
use rand_xoshiro::rand_core::Rng;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// xoshiro256++, as in the authors' C code.
fn next(s: &mut [u64; 4]) -> u64 {
    let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
    let t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3].rotate_left(45);
    result
}

/// The random number of element `e`, of that many digits.
fn number(key: u64, digits: u64, e: u64) -> u64 {
    let (block, group, lane, bit) = (e / 1024, e / 512 % 2, e / 64 % 8, e % 64);
    let word = |j: u64| mix(key.wrapping_add((4 * (8 * block + lane) + j + 1).wrapping_mul(GOLDEN)));
    let mut state = [word(0), word(1), word(2), word(3)];

    for _ in 0..group * digits {
        next(&mut state);
    }
    (0..digits).fold(0, |u, _| u << 1 | next(&mut state) >> bit & 1)
}

/// The 22 bits of element `e` that decide where digits do not.
fn tie(key: u64, e: u64) -> u64 {
    mix((key ^ 0xD1B5_4A32_D192_ED03).wrapping_add(e.wrapping_mul(GOLDEN))) >> 42
}

/// Whether element `e` is kept at threshold `t` of 2^32.
fn kept(key: u64, t: u64, e: u64) -> bool {
    if t == 0 || t == 1 << 32 {
        return t != 0;
    }
    let (hi, lo) = (t >> 22, t & 0x3F_FFFF);
    let digits = if lo == 0 { 10 - u64::from(hi.trailing_zeros()) } else { 10 };
    let (u, hi) = (number(key, digits, e), hi >> (10 - digits));
    u < hi || u == hi && tie(key, e) < lo
}

/// All kinds of thresholds: any, of few digits, near the ends, with digits that are all 0 or all 1 so that ties abound.
fn threshold(rng: &mut impl Rng) -> u64 {
    let any = rng.next_u64() >> 32;
    match rng.next_u64() % 6 {
        0 => any,
        1 => any >> 26 << 26,
        2 => any >> (any % 32),
        3 => (1 << 32) - (any >> (any % 32)),
        4 => any & 0x3F_FFFF,
        _ => any | 0x3FF << 22,
    }
}

#[test]
fn random_streams() {
    const LEN: usize = 300;
    let mut rng = generator(6);
    for case in 0..2000 {
        let key = Key::from_raw(rng.next_u64());
        let p = Probability::from_threshold(threshold(&mut rng)).unwrap();
        let any = rng.next_u64() >> (rng.next_u64() % 64);
        let offset = any.min(u64::MAX - LEN as u64 + 1);

        let words = fill(&Dropout::new(key, p).with_offset(offset).with_level(Level::SCALAR), LEN);
        for j in 0..LEN as u64 {
            let expected = kept(key.to_raw(), p.threshold(), offset + j);
            let actual = words[j as usize / 64] >> (j % 64) & 1 == 1;
            assert_eq!(actual, expected, "case {case}: {key:?}, {p:?}, element {offset} + {j}");
        }
    }
}

/// To the last of 32 bits: an element is dropped at the threshold that is its own number, and kept at the next one.
#[test]
fn ties_are_exact() {
    let key = Key::new(5);
    for e in (0..5000).step_by(7) {
        let own = number(key.to_raw(), 10, e) << 22 | tie(key.to_raw(), e);
        for level in Level::supported() {
            let [dropped, kept] = [own, own + 1].map(|t| {
                let stream = Dropout::new(key, Probability::from_threshold(t).unwrap());
                fill(&stream.with_offset(e).with_level(level), 1)
            });
            assert_eq!((dropped, kept), (vec![0], vec![1]), "{level}, element {e}");
        }
    }
}

/// The last elements that there are, at probabilities of 1 to 10 digits.
#[test]
fn end_of_the_index_range() {
    for p in [0.5, 0.25, 0.1, 1e-4].map(|p| Probability::new(p).unwrap()) {
        let key = Key::new(7);
        let words = fill(&Dropout::new(key, p).with_offset(0_u64.wrapping_sub(2000)).with_level(Level::SCALAR), 2000);
        for j in 0..2000 {
            let expected = kept(key.to_raw(), p.threshold(), (u64::MAX - 1999) + j);
            assert_eq!(words[j as usize / 64] >> (j % 64) & 1 == 1, expected, "{p:?}, element {j}");
        }
    }
}

#[test]
fn keys() {
    let mut rng = generator(8);
    for _ in 0..100 {
        let (seed, step) = (rng.next_u64(), rng.next_u64() >> (rng.next_u64() % 64));
        let key = Key::new(seed);
        assert_eq!(key.to_raw(), mix(seed.wrapping_add(GOLDEN)));
        let parent = mix(key.to_raw().wrapping_add(0x8CB9_2BA7_2F3D_8DD7));
        assert_eq!(key.derive(step).to_raw(), mix(parent ^ mix(step.wrapping_add(GOLDEN))));
    }
}

/// Threshold, scale and keep factor of random probabilities, all in `f64`.
#[test]
fn probabilities() {
    let mut rng = generator(9);
    for _ in 0..1000 {
        // every exponent from 2^-40 to 1
        let p = (rng.next_u64() >> 40) as f32 / f32::from(2_u8).powi(24 + (rng.next_u64() % 40) as i32);
        let actual = Probability::new(p).unwrap();
        let t = ((1.0 - f64::from(p)) * 4_294_967_296.0 + 0.5).floor();
        assert_eq!(actual.threshold(), t as u64, "{p}");
        assert_eq!(actual.scale().to_bits(), ((4_294_967_296.0 / t) as f32).to_bits(), "{p}");
        assert_eq!(actual.keep().to_bits(), ((t / 4_294_967_296.0) as f32).to_bits(), "{p}");
    }
}
