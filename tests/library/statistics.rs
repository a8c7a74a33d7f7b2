//! The stream as a sample of independent coins of an exact bias, at the detected level, from fixed seeds.
//!
//! Every check allows what ideal coins exceed with a chance of about 1e-6, by one of three bounds: the tails of the binomial
//! distribution for a count, 5 standard deviations (6e-7) for a sum that is all but normal, and the bound of Laurent and
//! Massart for a chi-square. About 40,000 checks are made, so ideal coins of other seeds would fail this file one time
//! in forty. `.ci/randomness` puts the stream through batteries of statistical tests.

use crate::common::fill;
use dropmask::{Dropout, Key, Mask, Probability};
use libm::lgamma;

/// Elements of a long sample.
const LEN: usize = 1 << 24;
const BLOCK: usize = 1024;

fn probability(p: f32) -> Probability {
    Probability::new(p).unwrap()
}

/// The chance that an element is kept.
fn keep(p: Probability) -> f64 {
    p.threshold() as f64 / 4_294_967_296.0
}

/// Whether `n` coins of bias `q` show `count`, or a count further from the mean on its side, with a chance of at least 5e-7.
fn plausible(count: usize, n: usize, q: f64) -> bool {
    let above = count as f64 > n as f64 * q;
    let tail = if above { binomial_tail(count, n, q) } else { binomial_tail(n - count, n, 1.0 - q) };
    tail >= 5e-7
}

/// The chance that `n` coins of bias `q` show `least` or more, which is not below the mean: each term is less than the one
/// before it.
fn binomial_tail(least: usize, n: usize, q: f64) -> f64 {
    let [k, all] = [least, n].map(|x| x as f64);
    let choose = lgamma(all + 1.0) - lgamma(k + 1.0) - lgamma(all - k + 1.0);
    let first = (choose + k * q.ln() + (all - k) * (-q).ln_1p()).exp();
    let terms = (least..=n).scan(first, |next, k| {
        let term = *next;
        *next *= (n - k) as f64 / (k + 1) as f64 * q / (1.0 - q);
        Some(term)
    });
    terms.take_while(|term| *term > 1e-15).sum()
}

/// Whether `k` independent squares of normal variables sum up so, neither too much nor too little. Laurent and Massart: the
/// sum leaves `k - 2 sqrt(k x) ..= k + 2 sqrt(k x) + 2 x` with a chance of at most `2 exp(-x)`.
fn plausible_chi_square(sum: f64, k: usize) -> bool {
    let (k, x) = (k as f64, 14.5);
    let spread = 2.0 * (k * x).sqrt();
    (k - spread..=k + spread + 2.0 * x).contains(&sum)
}

/// Whether counts of `n` coins each scatter as they should.
fn plausible_scatter(counts: &[usize], n: usize, q: f64) -> bool {
    let (mean, variance) = (n as f64 * q, n as f64 * q * (1.0 - q));
    let chi_square = counts.iter().map(|&count| (count as f64 - mean).powi(2) / variance).sum();
    plausible_chi_square(chi_square, counts.len())
}

/// Whether bytes have each pattern of eight coins as often as they should; patterns that are rarer than 20 count as one.
fn plausible_patterns(words: &[u64], q: f64) -> bool {
    let mut counts = [0_u32; 256];
    words.iter().flat_map(|word| word.to_le_bytes()).for_each(|byte| counts[usize::from(byte)] += 1);
    let (mut cells, mut rare) = (Vec::new(), [0.0; 2]);
    for (pattern, count) in (0..=u8::MAX).zip(counts) {
        let kept = pattern.count_ones() as i32;
        let mean = 8.0 * words.len() as f64 * q.powi(kept) * (1.0 - q).powi(8 - kept);
        if mean < 20.0 {
            rare = [rare[0] + f64::from(count), rare[1] + mean];
        } else {
            cells.push([f64::from(count), mean]);
        }
    }
    cells.extend((rare[1] > 0.0).then_some(rare));
    plausible_chi_square(cells.iter().map(|[count, mean]| (count - mean).powi(2) / mean).sum(), cells.len() - 1)
}

/// `sum of (a - q) (b - q)` in standard deviations. The terms are uncorrelated even where `b` is `a` further on, so the
/// variance is `n (q (1 - q))^2`.
fn correlation(a: &[u64], b: &[u64], q: f64) -> f64 {
    let (mut both, mut kept) = (0_u64, 0_u64);
    for (a, b) in a.iter().zip(b) {
        both += u64::from((a & b).count_ones());
        kept += u64::from(a.count_ones() + b.count_ones());
    }
    let n = 64.0 * a.len() as f64;
    (both as f64 - q * kept as f64 + n * q * q) / (n.sqrt() * q * (1.0 - q))
}

/// The words of `len` elements from bit `first` on.
fn from_bit(words: &[u64], first: usize, len: usize) -> Vec<u64> {
    Mask::at_bit(words, first as u64, len).unwrap().words().collect()
}

/// The exact probability is drawn: ends, few digits and many, ties that decide everything, thresholds of no `f32`.
#[test]
fn kept_count() {
    const ONE: u64 = 1 << 32;
    const TIES: u64 = 1 << 22; // what ten digits leave open
    #[rustfmt::skip]
    let p = [
        1e-9, 1e-6, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.99, 0.999, 0.9999,
        1.0 - 1e-6,
    ];
    #[rustfmt::skip]
    let thresholds = [
        1, 3, 1 << 10, TIES / 2, TIES - 1, TIES, TIES + 1, TIES * 3 / 2, 3 << 20, 7 * TIES + TIES / 2,
        ONE / 3, ONE / 2 - TIES / 2, ONE / 2 - 1, ONE / 2 + 1, ONE / 2 + TIES / 2, ONE / 3 * 2,
        ONE - TIES, ONE - TIES / 2, ONE - 3, ONE - 1,
    ];
    let by_threshold = thresholds.map(|t| Probability::from_threshold(t).unwrap());
    for (seed, p) in p.map(probability).into_iter().chain(by_threshold).enumerate() {
        let words = fill(&Dropout::new(Key::new(seed as u64), p), LEN);
        let kept = Mask::new(&words, LEN).unwrap().count_kept();
        assert!(plausible(kept, LEN, keep(p)), "{p:?}: {kept}");
    }
}

/// Eight elements that follow each other are eight coins.
#[test]
fn patterns() {
    for (seed, p) in [0.5, 0.25, 0.1, 0.9].map(probability).into_iter().enumerate() {
        let words = fill(&Dropout::new(Key::new(600 + seed as u64), p), LEN);
        assert!(plausible_patterns(&words, keep(p)), "{p:?}");
    }
}

/// Every place in a block is as good as another, and so is every bit, lane and group.
#[test]
fn places() {
    for (seed, p) in [0.5, 0.25, 0.1, 0.9].map(probability).into_iter().enumerate() {
        let (words, q) = (fill(&Dropout::new(Key::new(100 + seed as u64), p), LEN), keep(p));
        let mut places = vec![0; BLOCK];
        for block in words.chunks(BLOCK / 64) {
            for (i, place) in places.iter_mut().enumerate() {
                *place += (block[i / 64] >> (i % 64) & 1) as usize;
            }
        }
        let sum_by = |count: usize, class: fn(usize) -> usize| {
            let mut sums = vec![0; count];
            places.iter().enumerate().for_each(|(i, place)| sums[class(i)] += place);
            sums
        };
        let bits = sum_by(64, |i| i % 64);
        let words = sum_by(16, |i| i / 64);
        let lanes = sum_by(8, |i| i / 64 % 8);
        let groups = sum_by(2, |i| i / 512);
        for (what, counts) in
            [("place", &places), ("bit", &bits), ("word", &words), ("lane", &lanes), ("group", &groups)]
        {
            let n = LEN / counts.len();
            for (i, &count) in counts.iter().enumerate() {
                assert!(plausible(count, n, q), "{what} {i} at {p:?}: {count} of {n}");
            }
            assert!(plausible_scatter(counts, n, q), "{what} at {p:?}: {counts:?}");
        }
    }
}

/// No element tells of another: the next bits, the next words and lanes, the other group, the next blocks.
#[test]
fn distances() {
    const LEN: usize = 1 << 22;
    const FURTHEST: usize = 64 * BLOCK;
    for (seed, p) in [0.5, 0.1].map(probability).into_iter().enumerate() {
        let words = fill(&Dropout::new(Key::new(200 + seed as u64), p), LEN + FURTHEST);
        for distance in (1..=2 * BLOCK).chain((3 * BLOCK..=FURTHEST).step_by(BLOCK)) {
            let z = correlation(&words[..LEN / 64], &from_bit(&words, distance, LEN), keep(p));
            assert!(z.abs() < 5.0, "distance {distance} at {p:?}: {z}");
        }
    }
}

/// No word of a block tells of another in it, or of one in the next block: each pair of lanes, in either group.
#[test]
fn words_of_blocks() {
    const LEN: usize = 1 << 22;
    const WORDS: usize = BLOCK / 64;
    for (seed, p) in [0.5, 0.1].map(probability).into_iter().enumerate() {
        let words = fill(&Dropout::new(Key::new(400 + seed as u64), p), LEN + BLOCK);
        let of_all_blocks = |i: usize| words[i..].iter().copied().step_by(WORDS).take(LEN / BLOCK).collect::<Vec<_>>();
        let words: Vec<_> = (0..2 * WORDS).map(of_all_blocks).collect();
        for (i, a) in words.iter().enumerate().take(WORDS) {
            for (j, b) in words.iter().enumerate().skip(i + 1) {
                let z = correlation(a, b, keep(p));
                assert!(z.abs() < 5.0, "words {i} and {j} at {p:?}: {z}");
            }
        }
    }
}

/// No two of the keys that users will have side by side know of each other: neighbouring seeds, seeds that differ in a
/// bit, neighbouring steps, a key and those below it, steps in another order.
#[test]
fn keys() {
    const LEN: usize = 1 << 18;
    let run = Key::new(0);
    let mut keys: Vec<_> = (0..32).map(Key::new).chain((5..64).map(|bit| Key::new(1 << bit))).collect();
    keys.extend((0..32).map(|step| run.derive(step)));
    keys.extend((0..6).flat_map(|layer| (0..6).map(move |step| run.derive(layer).derive(step))));
    for p in [0.5, 0.1].map(probability) {
        let masks: Vec<_> = keys.iter().map(|&key| fill(&Dropout::new(key, p), LEN)).collect();
        for (i, a) in masks.iter().enumerate() {
            for (j, b) in masks.iter().enumerate().take(i) {
                let z = correlation(a, b, keep(p));
                assert!(z.abs() < 5.0, "keys {j} and {i} of the list at {p:?}: {z}");
            }
        }
    }
}

/// Nor do keys that differ in a bit, of themselves or of the seed or step that they are made of.
#[test]
fn keys_a_bit_apart() {
    const LEN: usize = 1 << 18;
    let made: [fn(u64) -> Key; 3] = [Key::from_raw, Key::new, |step| Key::new(500).derive(step)];
    for p in [0.5, 0.1].map(probability) {
        for (number, bit) in [0, 42, 1 << 63, u64::MAX].into_iter().flat_map(|n| (0..64).map(move |bit| (n, bit))) {
            for (i, key) in made.iter().enumerate() {
                let [a, b] = [number, number ^ 1 << bit].map(|n| fill(&Dropout::new(key(n), p), LEN));
                let z = correlation(&a, &b, keep(p));
                assert!(z.abs() < 5.0, "{number} but for bit {bit}, made in way {i}, at {p:?}: {z}");
            }
        }
    }
}

/// Nor do neighbouring keys at other places of their streams, where a lane of one could be a lane of the other.
#[test]
fn keys_at_other_offsets() {
    const LEN: usize = 1 << 18;
    let (p, run) = (probability(0.5), Key::new(1));
    let pairs = |i| [(Key::new(i), Key::new(i + 1)), (run.derive(i), run.derive(i + 1)), (run, run.derive(i))];
    for (a, b) in (0..16).flat_map(pairs) {
        let a = fill(&Dropout::new(a, p), LEN);
        let b = fill(&Dropout::new(b, p), LEN + 64 * 64);
        for ahead in 1..=64 {
            let z = correlation(&a, &b[ahead..], 0.5);
            assert!(z.abs() < 5.0, "{ahead} words on: {z}");
        }
    }
}

/// The checks do see flaws: a bias of one in a thousand, a place that is kept too rarely, counts that are too even, raw
/// keys whose streams overlap.
#[test]
fn flaws_are_seen() {
    let (key, p) = (Key::new(300), probability(0.5));
    let words = fill(&Dropout::new(key, p), LEN);
    assert!(!plausible(Mask::new(&words, LEN).unwrap().count_kept(), LEN, keep(p) + 0.001));
    assert!(!plausible(7800, 16384, 0.5));
    assert!((binomial_tail(2, 3, 0.5) - 0.5).abs() < 1e-12);
    assert!(!plausible_scatter(&[8192; BLOCK], 16384, 0.5));
    let [few, many] = [8100, 8284]; // 1.4 standard deviations from 8192
    assert!(!plausible_scatter(&[few, many].repeat(BLOCK / 2), 16384, 0.5));

    // of each eighth word, element 7 is the parity of those before it, which no count and no correlation shows
    let mut parity = words.clone();
    for word in parity.iter_mut().step_by(8) {
        *word = *word & !0x80 | u64::from((*word & 0x7F).count_ones() & 1) << 7;
    }
    assert!(!plausible_patterns(&parity, 0.5));

    // the streams of all keys are parts of one sequence, which this one joins a lane further on
    let next_lane = Key::from_raw(key.to_raw().wrapping_add(0x9E37_79B9_7F4A_7C15 << 2));
    let overlapping = fill(&Dropout::new(next_lane, p), LEN);
    let z = correlation(&words[1..], &overlapping, 0.5);
    assert!(z > 5.0, "{z}");
}

/// All paths of up to three steps below 64, and no step at all, give keys of their own. Of 266,305 random keys two are
/// equal with a chance of 2e-9.
#[test]
fn paths_are_distinct() {
    for seed in [0, 42, u64::MAX] {
        let run = Key::new(seed);
        let step = |keys: &[Key]| -> Vec<Key> { keys.iter().flat_map(|key| (0..64).map(|i| key.derive(i))).collect() };
        let mut keys = vec![run];
        let mut deepest = keys.clone();
        for _ in 1..=3 {
            deepest = step(&deepest);
            keys.extend(&deepest);
        }
        assert_eq!(keys.len(), 1 + 266_304);
        keys.sort_unstable_by_key(|key| key.to_raw());
        keys.dedup();
        assert_eq!(keys.len(), 1 + 266_304, "seed {seed}");
    }
}
