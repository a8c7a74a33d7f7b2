//! `DropBlock` against its definition, written out for one element at a time.

use crate::common::thinned;
use dropmask::{Argument, DropBlock, Dropout, Error, KeptCount, Key, Level, Mask, MaskMut, Probability, mask_words};

pub(crate) const SHAPES: [([usize; 4], usize); 13] = [
    ([1, 1, 1, 1], 1),
    ([2, 3, 5, 7], 1),
    ([2, 3, 5, 7], 2),
    ([2, 3, 5, 7], 3),
    ([2, 2, 8, 8], 8),
    ([3, 1, 6, 9], 6),
    ([3, 2, 9, 6], 6),
    ([1, 2, 14, 64], 5),
    ([2, 1, 20, 65], 7),
    ([1, 1, 70, 150], 66),
    ([5, 4, 4, 4], 2),
    ([0, 3, 5, 7], 3),
    ([2, 0, 5, 7], 3),
];

pub(crate) fn probability(p: f32) -> Probability {
    Probability::new(p).unwrap()
}

fn len(shape: [usize; 4]) -> usize {
    shape.into_iter().product()
}

pub(crate) fn fill(drop_block: &DropBlock, len: usize) -> (Vec<u64>, KeptCount) {
    // two words too many, and none of them 0
    let mut words = vec![0xABCD_ABCD_ABCD_ABCD; mask_words(len) + 2];
    let count = drop_block.fill(&mut MaskMut::new(&mut words, len).unwrap()).unwrap();
    assert!(words.split_off(mask_words(len)).iter().all(|word| *word == 0xABCD_ABCD_ABCD_ABCD));
    (words, count)
}

/// Whether each element is kept: all seeds that cover it are.
pub(crate) fn naive(seeds: &Dropout, [samples, channels, h, w]: [usize; 4], block: usize) -> Vec<bool> {
    let (rows, columns) = (h - block + 1, w - block + 1);
    let count = samples * channels * rows * columns;
    let mut words = vec![0; mask_words(count)];
    seeds.fill(&mut MaskMut::new(&mut words, count).unwrap()).unwrap();
    let seeds = Mask::new(&words, count).unwrap();

    let mut kept = Vec::new();
    for map in 0..samples * channels {
        for i in 0..h {
            for j in 0..w {
                let mut all = true;
                for k in (0..rows).filter(|k| (*k..k + block).contains(&i)) {
                    for l in (0..columns).filter(|l| (*l..l + block).contains(&j)) {
                        all &= seeds.get((map * rows + k) * columns + l).unwrap();
                    }
                }
                kept.push(all);
            }
        }
    }
    kept
}

#[test]
fn every_level_is_the_definition() {
    let mut dropped = 0;
    for (seed, (shape, block)) in (0..).zip(SHAPES) {
        for p in [0.0, 0.05, 0.3, 0.9, 1.0] {
            let key = Key::new(seed);
            let seeds = DropBlock::new(Dropout::new(key, probability(p)), shape, block).unwrap().seeds();
            for offset in [0, 65, 1023, (u64::MAX - seeds).wrapping_add(1)] {
                let stream = Dropout::new(key, probability(p)).with_offset(offset);
                let gamma = DropBlock::new(stream, shape, block).unwrap().gamma();
                let expected = naive(&Dropout::new(key, gamma).with_offset(offset), shape, block);
                let total = expected.len();
                let kept = expected.iter().filter(|kept| **kept).count();
                dropped += total - kept;
                for level in Level::supported() {
                    let drop_block = DropBlock::new(stream.with_level(level), shape, block).unwrap();
                    let (words, count) = fill(&drop_block, total);
                    let name = format!("{level}, {shape:?}, block {block}, p = {p}, offset {offset}");
                    let mask = Mask::new(&words, total).unwrap();
                    assert_eq!(mask.iter().collect::<Vec<_>>(), expected, "{name}");
                    assert_eq!(
                        words.iter().map(|word| word.count_ones() as usize).sum::<usize>(),
                        kept,
                        "tail, {name}"
                    );
                    assert_eq!(count, KeptCount::new(kept as u64, total as u64), "{name}");
                }
            }
        }
    }
    assert!(dropped > 10_000);
}

/// Blocks about as wide as a mask word and wider, several seeds of a row dropped at a time. Without the scalar level,
/// which would take minutes.
#[test]
fn wide_blocks() {
    for (shape, block) in [([6, 1, 66, 190], 64), ([6, 1, 64, 191], 63), ([6, 1, 67, 200], 65), ([4, 1, 130, 300], 129)]
    {
        for p in [0.5, 1.0] {
            let stream = Dropout::new(Key::new(11), probability(p));
            let gamma = DropBlock::new(stream, shape, block).unwrap().gamma();
            let expected = naive(&Dropout::new(Key::new(11), gamma), shape, block);
            for level in Level::supported().skip(1) {
                let (words, _) = fill(&DropBlock::new(stream.with_level(level), shape, block).unwrap(), expected.len());
                let kept: Vec<_> = Mask::new(&words, expected.len()).unwrap().iter().collect();
                assert!(kept == expected, "{level}, {shape:?}, block {block}, p = {p}");
            }
        }
    }
}

/// Masks of an independent implementation.
#[test]
fn golden() {
    let first = [
        0xFFFF_FFFF_FFFF_FFFF,
        0x03C7_F8FF_FFFF_FFFF,
        0xFFFF_1E23_C440_F81E,
        0x7F8F_F1FF_FFFF_FFFF,
        0x7FFF_FFFF_FFFF_FFFC,
        0xFC47_8881_111E_23C4,
        0xE0FC_1F83_FC7F_FFFF,
        0xC7F8_FF8C_718E_31FF,
        0x3FC7_FFFF_FFFF_FE3F,
        0x0000_0000_0003_F1FE,
    ];
    let second = [0xF87E_1F0C_0300_C030, 0xFFF8_701C_0701_81E1, 0x3C38_0E01_8060_1F87, 0x0000_FFC0_0000_0000];
    for level in Level::supported() {
        let check = |p, offset, shape, block, gamma, expected: &[u64], kept| {
            let stream = Dropout::new(Key::new(42), probability(p)).with_offset(offset).with_level(level);
            let drop_block = DropBlock::new(stream, shape, block).unwrap();
            assert_eq!(drop_block.gamma().threshold(), gamma);
            let total = len(shape);
            let (words, count) = fill(&drop_block, total);
            assert_eq!((words.as_slice(), count), (expected, KeptCount::new(kept, total as u64)), "{level}");
        };
        check(0.25, 1000, [2, 3, 9, 11], 3, 4_107_488_565, &first, 452);
        check(0.5, u64::MAX - 125, [1, 2, 12, 10], 4, 4_039_314_481, &second, 86);
    }
}

#[test]
fn gamma_is_the_formula() {
    let gamma = |p, h, w, block| {
        let drop_block = DropBlock::new(Dropout::new(Key::new(0), probability(p)), [1, 1, h, w], block).unwrap();
        drop_block.gamma().threshold()
    };
    // p / 49 * 56^2 / 50^2: of 2^32, the rest
    let expected = (1.0 - f64::from(0.1_f32) / 49.0 * 3136.0 / 2500.0) * 4_294_967_296.0 + 0.5;
    assert_eq!(gamma(0.1, 56, 56, 7), expected as u64);
    // one block that fills the map is dropped with probability p; two by two blocks of 3 rows in 4 with p / 9 * 16 / 4
    assert_eq!(gamma(0.25, 7, 7, 7), 3 << 30);
    assert_eq!(gamma(0.75, 4, 4, 3), (1.0_f64 / 3.0 * 2.0 * 4_294_967_296.0 + 0.5) as u64);
    // blocks of one element are plain dropout
    for p in [0.0, 1e-9, 0.1, 1.0 / 3.0, 0.5, 0.999, 1.0] {
        // as many elements as an address can tell apart, at most
        for side in [1, 3, 7, 56, 1000, if usize::BITS < 64 { 30_000 } else { 1_000_003 }] {
            assert_eq!(gamma(p, side, side + 2, 1), probability(p).threshold());
        }
    }
}

#[test]
fn blocks_of_one_element_are_plain_dropout() {
    let stream = Dropout::new(Key::new(3), probability(0.3)).with_offset(77);
    let (words, _) = fill(&DropBlock::new(stream, [2, 3, 13, 11], 1).unwrap(), 2 * 3 * 13 * 11);
    let mut plain = vec![0; words.len()];
    stream.fill(&mut MaskMut::new(&mut plain, 2 * 3 * 13 * 11).unwrap()).unwrap();
    assert_eq!(words, plain);
}

/// About every third is special.
pub(crate) fn floats(seed: u64, len: usize) -> Vec<f32> {
    let special = [0.0, -0.0, f32::from_bits(1), f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX];
    let random = |i| f32::from_bits(Key::new(seed).below(i, u64::from(f32::MAX.to_bits())) as u32);
    (0..len as u64)
        .map(|i| special.get(Key::new(seed).derive(i).below(0, 21) as usize).copied().unwrap_or(random(i)))
        .collect()
}

pub(crate) fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn both_passes_multiply_what_is_kept() {
    for (seed, (shape, block)) in thinned((20..).zip(SHAPES)) {
        let x = floats(seed, len(shape));
        for p in [0.0, 0.2, 1.0] {
            let stream = Dropout::new(Key::new(seed), probability(p)).with_offset(9);
            let gamma = DropBlock::new(stream, shape, block).unwrap().gamma();
            let kept = naive(&Dropout::new(Key::new(seed), gamma).with_offset(9), shape, block);
            let scale = match kept.iter().filter(|kept| **kept).count() {
                0 => 0.0,
                count => (kept.len() as f64 / count as f64) as f32,
            };
            let expected: Vec<_> = x.iter().zip(&kept).map(|(x, kept)| if *kept { x * scale } else { 0.0 }).collect();
            for level in Level::supported() {
                let drop_block = DropBlock::new(stream.with_level(level), shape, block).unwrap();
                let mut words = vec![!0; mask_words(x.len())];
                let mut mask = MaskMut::new(&mut words, x.len()).unwrap();
                let check = |name, y: &[f32]| {
                    let all = y.iter().zip(&expected).all(|(y, expected)| same(*y, *expected));
                    assert!(all, "{name}, {level}, {shape:?}, block {block}, p = {p}: {y:?} for {expected:?}");
                };

                let mut y = vec![7.0; x.len()];
                let count = drop_block.forward(&x, &mut y, &mut mask).unwrap();
                check("forward", &y);
                assert_eq!(count.scale().to_bits(), scale.to_bits());
                let mut y = vec![7.0; x.len()];
                drop_block.backward(&x, &mut y, mask.as_mask(), count).unwrap();
                check("backward", &y);
                let mut y = x.clone();
                drop_block.backward_in_place(&mut y, mask.as_mask(), count).unwrap();
                check("backward_in_place", &y);
                let (r, mut y) = (floats(seed + 100, x.len()), floats(seed + 100, x.len()));
                drop_block.backward_add(&x, &mut y, mask.as_mask(), count).unwrap();
                let sums = y.iter().zip(r.iter().zip(&expected).map(|(r, y)| r + y));
                assert!(sums.clone().all(|(y, sum)| same(*y, sum)), "backward_add, {level}, {shape:?}, p = {p}");
                mask.complement();
                let mut y = x.clone();
                assert_eq!(drop_block.forward_in_place(&mut y, &mut mask).unwrap(), count);
                check("forward_in_place", &y);
            }
        }
    }
}

/// The sum of ones is the number of elements, but for the rounding of one factor.
#[test]
fn the_mean_is_kept() {
    let drop_block = DropBlock::new(Dropout::new(Key::new(4), probability(0.3)), [4, 4, 20, 20], 5).unwrap();
    let mut y = vec![1.0; 6400];
    let mut words = vec![0; mask_words(6400)];
    drop_block.forward_in_place(&mut y, &mut MaskMut::new(&mut words, 6400).unwrap()).unwrap();
    let sum: f64 = y.iter().copied().map(f64::from).sum();
    assert!((sum / 6400.0 - 1.0).abs() < 6e-8, "{sum}");
}

/// An element is kept with probability `(1 - gamma)^s` if `s` seeds cover it, so the mean is known; it is between
/// `1 - p` and `1 - p + p gamma b^2 / 2`, as documented. A seed moves at most `b^2` elements, so the standard deviation
/// of the share (Efron and Stein) is at most `b^2 sqrt(seeds gamma) / elements`; six of them are allowed.
#[test]
fn kept_share() {
    for (p, side, block) in [(0.1_f32, 56, 7), (0.1, 28, 7), (0.3, 14, 3), (0.5, 14, 7), (0.05, 7, 7), (0.9, 40, 5)] {
        let maps = (1 << 21) / (side * side);
        let stream = Dropout::new(Key::new(5), probability(p));
        let drop_block = DropBlock::new(stream, [maps, 1, side, side], block).unwrap();
        let (_, count) = fill(&drop_block, maps * side * side);

        let gamma = 1.0 - f64::from(drop_block.gamma().keep());
        let (p, area) = (f64::from(p), (block * block) as f64);
        let covers = |i: usize| (0..=side - block).filter(|k| (*k..k + block).contains(&i)).count();
        let mean =
            (0..side * side).map(|e| (1.0 - gamma).powi((covers(e / side) * covers(e % side)) as i32)).sum::<f64>()
                / (side * side) as f64;
        // gamma is known to 2^-25 of its complement
        assert!(mean > 1.0 - p - 2e-6 && mean < 1.0 - p + p * gamma * area / 2.0 + 2e-6, "{mean} for p = {p}");
        let deviation = area * (drop_block.seeds() as f64 * gamma).sqrt() / count.total() as f64;
        let share = count.kept() as f64 / count.total() as f64;
        assert!((share - mean).abs() < 6.0 * deviation + 2e-6, "{share} for {mean} +- {deviation}, p = {p}");
        assert!(deviation < 0.01);
    }
}

#[test]
fn shards_are_parts_of_the_whole() {
    let (key, p) = (Key::new(6), probability(0.2));
    let map = 12 * 11;
    let whole = DropBlock::new(Dropout::new(key, p).with_offset(5), [5, 3, 12, 11], 4).unwrap();
    let (words, count) = fill(&whole, 15 * map);
    let bits: Vec<_> = Mask::new(&words, 15 * map).unwrap().iter().collect();
    for split in 0..=5 {
        let head = DropBlock::new(Dropout::new(key, p).with_offset(5), [split, 3, 12, 11], 4).unwrap();
        let tail = Dropout::new(key, p).with_offset(5 + head.seeds());
        let tail = DropBlock::new(tail, [5 - split, 3, 12, 11], 4).unwrap();
        assert_eq!(head.seeds() + tail.seeds(), whole.seeds());
        let (head_words, head_count) = fill(&head, 3 * split * map);
        let (tail_words, tail_count) = fill(&tail, (15 - 3 * split) * map);
        let head_mask = Mask::new(&head_words, 3 * split * map).unwrap();
        let tail_mask = Mask::new(&tail_words, (15 - 3 * split) * map).unwrap();
        assert_eq!(head_mask.iter().chain(tail_mask.iter()).collect::<Vec<_>>(), bits, "split at {split}");
        assert_eq!(head_count.merge(tail_count), count);
    }
}

/// The loss `sum of c y + y^2 / 2` is quadratic, so its central difference in `f64` is its derivative but for the
/// rounding of products with the scale: 2^-24 of `y`, which the division by two steps makes 2^-17 of the loss's slope.
#[test]
fn gradient() {
    const STEP: f32 = 1.0 / 64.0;
    const LEN: usize = 2 * 6 * 7;
    let number = |seed, i| Key::new(seed).below(i, 129) as f32 / 64.0 - 1.0;
    let x: Vec<f32> = (0..LEN as u64).map(|i| number(7, i)).collect();
    let c: Vec<f32> = (0..LEN as u64).map(|i| number(8, i)).collect();
    let drop_block = DropBlock::new(Dropout::new(Key::new(9), probability(0.4)), [1, 2, 6, 7], 3).unwrap();
    let mut words = [0; mask_words(LEN)];
    let mut forward = |x: &[f32]| {
        let mut y = vec![0.0; LEN];
        let count = drop_block.forward(x, &mut y, &mut MaskMut::new(&mut words, LEN).unwrap()).unwrap();
        (y, count)
    };
    let (y, count) = forward(&x);
    let mut loss = |x: &[f32]| -> f64 {
        forward(x).0.iter().zip(&c).map(|(&y, &c)| f64::from(y) * (f64::from(c) + f64::from(y) / 2.0)).sum()
    };
    let numeric: Vec<f64> = (0..LEN)
        .map(|i| {
            let mut at = |x_i| loss(&[&x[..i], &[x_i], &x[i + 1..]].concat());
            (at(x[i] + STEP) - at(x[i] - STEP)) / (2.0 * f64::from(STEP))
        })
        .collect();

    let dy: Vec<f32> = y.iter().zip(&c).map(|(y, c)| y + c).collect();
    let mut dx = vec![0.0; LEN];
    drop_block.backward(&dy, &mut dx, Mask::new(&words, LEN).unwrap(), count).unwrap();
    for (i, (&dx, &numeric)) in dx.iter().zip(&numeric).enumerate() {
        assert!((f64::from(dx) - numeric).abs() < 1e-4, "element {i}: {dx} for {numeric}");
    }
    assert!(dx.contains(&0.0) && dx.iter().any(|dx| *dx != 0.0));
}

#[test]
fn errors_write_nothing() {
    let stream = Dropout::new(Key::new(10), probability(1.0));
    for (block, [height, width]) in
        [(0, [3, 4]), (4, [3, 4]), (4, [4, 3]), (1, [0, 3]), (1, [3, 0]), (usize::MAX, [9, 9])]
    {
        let error = DropBlock::new(stream, [2, 2, height, width], block).unwrap_err();
        assert_eq!(error, Error::InvalidBlock { block, height, width });
    }
    let half = 1 << (usize::BITS / 2);
    for shape in [
        [half, half, 1, 1],
        [1, 1, half, half],
        [usize::MAX, 1, 1, 2],
        [usize::MAX, 2, 2, 2],
        [1, 2, usize::MAX, usize::MAX],
    ] {
        assert!(matches!(DropBlock::new(stream, shape, 1), Err(Error::InvalidShape { .. })), "{shape:?}");
    }

    let drop_block = DropBlock::new(stream, [2, 3, 2, 2], 2).unwrap();
    let (x, mut y, mut words) = ([1.0; 24], [7.0; 24], [0b1011_u64]);
    let mismatch = |argument| Error::LengthMismatch { argument, expected: 24, actual: 23 };
    let mut mask = MaskMut::new(&mut words, 23).unwrap();
    assert_eq!(drop_block.fill(&mut mask).unwrap_err(), mismatch(Argument::Mask));
    assert_eq!(drop_block.forward(&x, &mut y, &mut mask).unwrap_err(), mismatch(Argument::Mask));
    assert_eq!(drop_block.forward_in_place(&mut y, &mut mask).unwrap_err(), mismatch(Argument::Mask));
    let count = KeptCount::new(1, 24);
    assert_eq!(drop_block.backward(&x, &mut y, mask.as_mask(), count).unwrap_err(), mismatch(Argument::Mask));
    assert_eq!(drop_block.backward_in_place(&mut y, mask.as_mask(), count).unwrap_err(), mismatch(Argument::Mask));
    let mut mask = MaskMut::new(&mut words, 24).unwrap();
    assert_eq!(drop_block.forward(&x[..23], &mut y, &mut mask).unwrap_err(), mismatch(Argument::Input));
    assert_eq!(drop_block.forward(&x, &mut y[..23], &mut mask).unwrap_err(), mismatch(Argument::Output));
    assert_eq!(drop_block.forward_in_place(&mut y[..23], &mut mask).unwrap_err(), mismatch(Argument::Output));
    assert!(drop_block.backward_add(&x[..23], &mut y, mask.as_mask(), count).is_err());
    assert!(drop_block.backward(&x[..23], &mut y, mask.as_mask(), count).is_err());
    assert!(drop_block.backward(&x, &mut y[..23], mask.as_mask(), count).is_err());
    assert!(drop_block.backward_in_place(&mut y[..23], mask.as_mask(), count).is_err());

    // six seeds
    let late = DropBlock::new(stream.with_offset(u64::MAX - 4), [2, 3, 2, 2], 2).unwrap();
    let overflow = Error::IndexOverflow { offset: u64::MAX - 4, span: 6 };
    assert_eq!(late.fill(&mut mask).unwrap_err(), overflow);
    assert_eq!(late.forward(&x, &mut y, &mut mask).unwrap_err(), overflow);
    assert_eq!(late.forward_in_place(&mut y, &mut mask).unwrap_err(), overflow);
    assert_eq!((y, words), ([7.0; 24], [0b1011]));
    // a stored mask needs no seeds
    let mask = Mask::new(&words, 24).unwrap();
    late.backward(&x, &mut y, mask, count).unwrap();
    late.backward_in_place(&mut y, mask, count).unwrap();
}
