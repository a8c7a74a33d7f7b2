//! Cutout against its definition, written out for one element at a time.

use crate::common::all_same;
use dropmask::{Argument, Cutout, Error, Key};

const SHAPES: [[usize; 4]; 9] = [
    [3, 2, 5, 7],
    [1, 1, 1, 1],
    [2, 3, 1, 9],
    [4, 1, 8, 1],
    [2, 1, 33, 65],
    [2, 2, 70, 130],
    [0, 3, 4, 4],
    [usize::MAX, 0, 4, 4],
    [2, 3, 4, 0],
];

/// Nothing, one element, odd, even, and more than the image in one direction or both.
const SIZES: [[usize; 2]; 7] = [[0, 3], [1, 1], [3, 3], [2, 4], [1, 200], [100, 2], [usize::MAX, usize::MAX]];

/// Random floats, with special ones in between.
fn floats(len: usize) -> Vec<f32> {
    let special = [0.0, -0.0, f32::from_bits(1), f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX];
    let random = |i| f32::from_bits(Key::new(1).below(i, u64::from(f32::MAX.to_bits())) as u32);
    (0..len).map(|i| special.get(i % 13).copied().unwrap_or(random(i as u64))).collect()
}

fn to_bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Whether `i` is within a box of side `size` about the centre.
fn within(i: usize, centre: u64, size: usize) -> bool {
    let (i, centre, size) = (i as i128, i128::from(centre), size as i128);
    centre - size / 2 <= i && i < centre - size / 2 + size
}

fn naive(key: Key, [samples, channels, h, w]: [usize; 4], size: [usize; 2], count: u64, x: &[f32]) -> Vec<f32> {
    let mut y = x.to_vec();
    let mut element = 0;
    for n in 0..if x.is_empty() { 0 } else { samples } {
        let key = key.derive(n as u64);
        for _ in 0..channels {
            for i in 0..h {
                for j in 0..w {
                    let covered = (0..count).any(|k| {
                        let centre = (key.below(2 * k, h as u64), key.below(2 * k + 1, w as u64));
                        within(i, centre.0, size[0]) && within(j, centre.1, size[1])
                    });
                    if covered {
                        y[element] = 0.0;
                    }
                    element += 1;
                }
            }
        }
    }
    y
}

#[test]
fn every_form_is_the_definition() {
    let mut covered = 0;
    for (seed, shape) in (0..).zip(SHAPES) {
        let x = floats(shape.into_iter().product());
        for size in SIZES {
            for count in [0, 1, 3] {
                let key = Key::new(seed);
                let cutout = Cutout::new(key, shape, size).count(count);
                let outcome = naive(key, shape, size, u64::from(count), &x);
                let expected = to_bits(&outcome);
                covered += expected.iter().zip(&x).filter(|(y, x)| **y != x.to_bits()).count();
                let name = format!("{shape:?}, {count} boxes of {size:?}");

                let mut y = vec![7.0; x.len()];
                cutout.forward(&x, &mut y).unwrap();
                assert_eq!(to_bits(&y), expected, "forward, {name}");
                let mut y = vec![7.0; x.len()];
                cutout.backward(&x, &mut y).unwrap();
                assert_eq!(to_bits(&y), expected, "backward, {name}");
                let mut y = x.clone();
                cutout.forward_in_place(&mut y).unwrap();
                assert_eq!(to_bits(&y), expected, "forward_in_place, {name}");
                let mut y = x.clone();
                cutout.backward_in_place(&mut y).unwrap();
                assert_eq!(to_bits(&y), expected, "backward_in_place, {name}");

                let before: Vec<f32> = x.iter().rev().copied().collect();
                let sums: Vec<f32> = before.iter().zip(&outcome).map(|(dx, y)| dx + y).collect();
                let mut dx = before;
                cutout.backward_add(&x, &mut dx).unwrap();
                assert!(all_same(&dx, &sums), "backward_add, {name}");
            }
        }
    }
    assert!(covered > 10_000, "boxes that cover something");
}

/// Numbers of an independent implementation.
#[test]
fn golden() {
    let key = Key::new(42);
    let below = |n: u64, i: &[u64]| i.iter().map(|&i| key.below(i, n)).collect::<Vec<_>>();
    assert_eq!(below(1000, &[0, 1, 2, 3, 4, 5, 6, 7]), [343, 955, 486, 67, 676, 67, 195, 734]);
    let large = [6_332_618_229_526_065_667, 17_630_415_256_238_047_316, 12_870_963_724_712_631_010];
    assert_eq!(below(u64::MAX, &[0, 1, u64::MAX]), large);
    assert_eq!(below(0, &[0, u64::MAX]), [0, 0]);

    let cutout = Cutout::new(key, [3, 2, 32, 48], [1, 1]).count(2);
    let centres = |sample| cutout.boxes(sample).map(|[rows, columns]| (rows.start, columns.start)).collect::<Vec<_>>();
    assert_eq!([7, 8, 9].map(centres), [[(14, 3), (3, 7)], [(21, 33), (24, 23)], [(31, 31), (30, 21)]]);
}

#[test]
fn boxes_are_clipped_at_the_border() {
    // of 9 rows a box of 3 has its centre in the first, in the last, and in between
    let cutout = Cutout::new(Key::new(5), [1, 1, 9, 9], [4, 3]).count(200);
    let mut rows: Vec<_> = cutout.boxes(0).map(|[rows, _]| (rows.start, rows.end)).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows, [(0, 2), (0, 3), (0, 4), (1, 5), (2, 6), (3, 7), (4, 8), (5, 9), (6, 9)]);
    let mut columns: Vec<_> = cutout.boxes(0).map(|[_, columns]| (columns.start, columns.end)).collect();
    columns.sort_unstable();
    columns.dedup();
    assert_eq!(columns, [(0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7), (5, 8), (6, 9), (7, 9)]);
}

/// 64,000 centres on 8 x 8 pixels: each gets 1000, with a standard deviation of 31.4; six of them are allowed.
#[test]
fn centres_are_uniform() {
    let cutout = Cutout::new(Key::new(6), [1, 1, 8, 8], [1, 1]);
    let mut counts = [0_i32; 64];
    for [rows, columns] in (0..64_000).flat_map(|sample| cutout.boxes(sample)) {
        counts[8 * rows.start + columns.start] += 1;
    }
    assert!(counts.iter().all(|count| (count - 1000).abs() < 189), "{counts:?}");
}

#[test]
fn shards_are_parts_of_the_whole() {
    let (key, len) = (Key::new(7), 2 * 6 * 5);
    let x = floats(9 * len);
    let whole = Cutout::new(key, [9, 2, 6, 5], [3, 2]).count(2);
    let mut expected = vec![0.0; x.len()];
    whole.forward(&x, &mut expected).unwrap();
    for split in 0..=9 {
        let mut y = x.clone();
        let (head, tail) = y.split_at_mut(split * len);
        Cutout::new(key, [split, 2, 6, 5], [3, 2]).count(2).forward_in_place(head).unwrap();
        let rest = Cutout::new(key, [9 - split, 2, 6, 5], [3, 2]).count(2).first_sample(split as u64);
        rest.forward_in_place(tail).unwrap();
        assert_eq!(to_bits(&y), to_bits(&expected), "split at {split}");
    }
}

/// The loss `sum of c y + y^2 / 2` is quadratic, so its central difference is its derivative; with `x`, `c` and the step
/// multiples of 1/8, both are exact in `f64`.
#[test]
fn gradient() {
    const STEP: f32 = 0.125;
    let shape = [2, 2, 5, 4];
    let number = |seed, i| Key::new(seed).below(i, 65) as f32 / 8.0 - 4.0;
    let x: Vec<f32> = (0..80).map(|i| number(8, i)).collect();
    let c: Vec<f32> = (0..80).map(|i| number(9, i)).collect();
    let cutout = Cutout::new(Key::new(10), shape, [3, 2]);
    let forward = |x: &[f32]| {
        let mut y = vec![0.0; 80];
        cutout.forward(x, &mut y).unwrap();
        y
    };
    let loss = |x: &[f32]| -> f64 {
        forward(x).iter().zip(&c).map(|(&y, &c)| f64::from(y) * (f64::from(c) + f64::from(y) / 2.0)).sum()
    };
    let dy: Vec<f32> = forward(&x).iter().zip(&c).map(|(y, c)| y + c).collect();
    let mut dx = vec![0.0; 80];
    cutout.backward(&dy, &mut dx).unwrap();
    for i in 0..80 {
        let at = |x_i| loss(&[&x[..i], &[x_i], &x[i + 1..]].concat());
        let numeric = (at(x[i] + STEP) - at(x[i] - STEP)) / (2.0 * f64::from(STEP));
        assert!(f64::from(dx[i]) == numeric, "element {i}: {} for {numeric}", dx[i]);
    }
    assert!(dx.contains(&0.0));
}

#[test]
fn errors_write_nothing() {
    let x = [1.0; 24];
    let mut y = [7.0; 24];
    let whole = Cutout::new(Key::new(11), [2, 3, 2, 2], [9, 9]);
    let mismatch = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    assert_eq!(whole.forward(&x[..23], &mut y), mismatch(Argument::Input, 24, 23));
    assert_eq!(whole.forward(&x, &mut y[..23]), mismatch(Argument::Output, 24, 23));
    assert_eq!(whole.backward(&x, &mut y[..23]), mismatch(Argument::Output, 24, 23));
    assert_eq!(whole.forward_in_place(&mut y[..12]), mismatch(Argument::Output, 24, 12));
    assert_eq!(whole.backward_in_place(&mut y[..12]), mismatch(Argument::Output, 24, 12));
    let huge = Cutout::new(Key::new(11), [usize::MAX, usize::MAX, 2, 2], [9, 9]);
    assert_eq!(huge.forward_in_place(&mut y), mismatch(Argument::Output, usize::MAX, 24));
    let late = whole.first_sample(u64::MAX);
    assert_eq!(late.forward(&x, &mut y), Err(Error::IndexOverflow { offset: u64::MAX, span: 2 }));
    assert_eq!(y, [7.0; 24]);

    whole.first_sample(u64::MAX - 1).forward(&x, &mut y).unwrap();
    assert_eq!(y, [0.0; 24], "the last sample may have the last number");
}
