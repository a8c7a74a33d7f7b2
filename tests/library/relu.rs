//! ReLU and dropout that share one bit an element.

use crate::common::{all_same, floats, random_words, thinned, to_bits};
use dropmask::{
    Argument, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, ReluDropout, Scaling, mask_words,
};

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(61), Probability::new(p).unwrap())
}

fn relu(x: f32) -> f32 {
    match x {
        x if x > 0.0 => x,
        x if x.is_nan() => x,
        _ => 0.0,
    }
}

/// Output, gradient of `dy` and bits, from the definition.
fn expected(kept: &[bool], scale: f32, x: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<bool>) {
    let y = x.iter().zip(kept).map(|(x, kept)| if *kept { relu(*x) * scale } else { 0.0 }).collect();
    let bits: Vec<bool> = x.iter().zip(kept).map(|(x, kept)| *kept && *x > 0.0).collect();
    let dx = dy.iter().zip(&bits).map(|(dy, bit)| if *bit { dy * scale } else { 0.0 }).collect();
    (y, dx, bits)
}

/// Runs forward, in place too, and all backwards on slices without gaps whose element `i` is `kept[i]`.
fn check(stream: Dropout, kept: &[bool], what: &str) {
    let len = kept.len();
    let (x, dy, start) = (floats(1, len), floats(2, len), floats(3, len));
    let (y, dx, bits) = expected(kept, stream.scale(), &x, &dy);
    let relu = ReluDropout::new(stream);

    // one word more than the mask needs
    let (mut words, before) = (random_words(4, mask_words(len) + 1), random_words(4, mask_words(len) + 1));
    let mut out = start.clone();
    relu.forward(&x, &mut out, &mut MaskMut::new(&mut words, len).unwrap()).unwrap();
    assert!(all_same(&out, &y), "forward, {what}");
    let mask = Mask::new(&words, len).unwrap();
    assert!(mask.iter().eq(bits), "mask, {what}");
    assert!(mask.words().eq(words[..mask_words(len)].iter().copied()), "tail, {what}");
    assert_eq!(words.last(), before.last(), "word behind, {what}");

    let mut again = random_words(5, mask_words(len));
    let mut in_place = x.clone();
    relu.forward_in_place(&mut in_place, &mut MaskMut::new(&mut again, len).unwrap()).unwrap();
    assert!(all_same(&in_place, &y), "forward_in_place, {what}");
    assert_eq!(again, words[..again.len()], "mask in place, {what}");

    relu.backward(&dy, &mut out, mask).unwrap();
    assert!(all_same(&out, &dx), "backward, {what}");
    in_place.copy_from_slice(&dy);
    relu.backward_in_place(&mut in_place, mask).unwrap();
    assert!(all_same(&in_place, &dx), "backward_in_place, {what}");
    out.copy_from_slice(&start);
    relu.backward_add(&dy, &mut out, mask).unwrap();
    let sum: Vec<f32> = start.iter().zip(&dx).map(|(start, dx)| start + dx).collect();
    assert!(all_same(&out, &sum), "backward_add, {what}");
}

fn bits(stream: &Dropout, len: usize) -> Vec<bool> {
    let words = crate::common::fill(stream, len);
    Mask::new(&words, len).unwrap().iter().collect()
}

#[test]
fn every_level_is_the_definition() {
    for p in [0.0, 0.3, 0.5, 1.0] {
        for len in thinned((0..=130).chain([1023, 1024, 1025, 4096, 5121, 9001])) {
            for offset in [0, 1, 63, 64, 1023, (len as u64).wrapping_neg()] {
                let kept = bits(&stream(p).with_offset(offset), len);
                for level in Level::supported() {
                    for scaling in [Scaling::Inverted, Scaling::Standard] {
                        let stream = stream(p).with_offset(offset).with_level(level).with_scaling(scaling);
                        check(stream, &kept, &format!("{level}, p = {p}, {len} elements from {offset}, {scaling:?}"));
                    }
                }
            }
        }
    }
}

/// One stored bit for each element, though one drawn bit serves a channel.
#[test]
fn channels() {
    for (n, c, s) in [(3, 5, 7), (2, 64, 49), (2, 3, 200), (1, 4200, 2), (2, 7, 1), (3, 5, 13)] {
        // a shard: the bits of samples are 10 apart from each other
        let kept: Vec<bool> =
            (0..n).flat_map(|n| bits(&stream(0.5).with_offset(2 + (n * (c + 10)) as u64), c)).collect();
        let first: Vec<bool> = (0..n * c * s).map(|i| kept[i / s]).collect();
        let last: Vec<bool> = (0..n * c * s).map(|i| kept[i / (s * c) * c + i % c]).collect();
        for level in Level::supported() {
            let stream = stream(0.5).with_offset(2).with_level(level);
            check(
                stream.with_layout(Layout::channels_first(n, c, s).index_strides([c as u64 + 10, 1, 0])),
                &first,
                &format!("{level}, ({n}, {c}, {s})"),
            );
            check(
                stream.with_layout(Layout::channels_last(n, s, c).index_strides([c as u64 + 10, 0, 1])),
                &last,
                &format!("{level}, ({n}, {s}, {c})"),
            );
        }
    }
}

/// Rows that lie apart; their bits follow each other.
#[test]
fn rows() {
    for (rows, columns, stride) in [(5, 10, 13), (3, 64, 64), (4, 100, 150), (1, 70, 90), (3, 1030, 1031)] {
        let shape = Layout::rows(rows, columns).strides([stride, 1]).index_strides([2000, 1]);
        let len = (rows - 1) * stride + columns;
        let (x, dy, start) = (floats(6, len), floats(7, len), floats(8, len));
        let mask_len = rows * columns;
        for level in Level::supported() {
            let relu = ReluDropout::new(stream(0.5).with_offset(40).with_layout(shape).with_level(level));
            let mut words = random_words(9, mask_words(mask_len));
            let (mut y, mut dx) = (start.clone(), start.clone());
            relu.forward(&x, &mut y, &mut MaskMut::new(&mut words, mask_len).unwrap()).unwrap();
            relu.backward(&dy, &mut dx, Mask::new(&words, mask_len).unwrap()).unwrap();
            let (mut y_expected, mut dx_expected) = (start.clone(), start.clone());
            for row in 0..rows {
                let of_row = row * stride..row * stride + columns;
                let kept = bits(&stream(0.5).with_offset(40 + 2000 * row as u64), columns);
                let (y, dx, bits) = expected(&kept, 2.0, &x[of_row.clone()], &dy[of_row.clone()]);
                y_expected[of_row.clone()].copy_from_slice(&y);
                dx_expected[of_row].copy_from_slice(&dx);
                let mask = Mask::at_bit(&words, (row * columns) as u64, columns).unwrap();
                assert!(mask.iter().eq(bits), "mask of row {row}, {level}, {shape:?}");
            }
            assert!(all_same(&y, &y_expected), "forward, {level}, {shape:?}");
            assert!(all_same(&dx, &dx_expected), "backward, {level}, {shape:?}");
        }
    }
}

#[test]
fn special_values() {
    let x = [-0.0, 0.0, f32::NAN, -f32::NAN, f32::NEG_INFINITY, f32::INFINITY, f32::from_bits(1), -f32::from_bits(1)];
    for level in Level::supported() {
        let relu = ReluDropout::new(stream(0.0).with_level(level));
        let (mut y, mut words) = ([1.0; 8], [!0]);
        relu.forward(&x, &mut y, &mut MaskMut::new(&mut words, 8).unwrap()).unwrap();
        assert_eq!(words, [0b0110_0000], "{level}");
        assert!(y[2].is_nan() && y[3].is_nan(), "{level}");
        assert_eq!(to_bits(&y[..2]), [0, 0], "{level}");
        assert_eq!(to_bits(&y[4..]), to_bits(&[0.0, f32::INFINITY, f32::from_bits(1), 0.0]), "{level}");
    }
}

#[test]
fn evaluation() {
    let x = floats(10, 300);
    for level in Level::supported() {
        for (p, scaling, factor) in [
            (0.25, Scaling::Inverted, 1.0),
            (0.25, Scaling::Naive, 1.0),
            (0.25, Scaling::Standard, 0.75),
            (1.0, Scaling::Inverted, 1.0),
            (1.0, Scaling::Standard, 0.0),
        ] {
            let mut y = vec![f32::NAN; 300];
            ReluDropout::new(stream(p).with_level(level).with_scaling(scaling)).evaluate(&x, &mut y).unwrap();
            let expected: Vec<f32> = x.iter().map(|x| if factor == 0.0 { 0.0 } else { relu(*x) * factor }).collect();
            assert!(all_same(&y, &expected), "{level}, p = {p}, {scaling:?}");
        }
    }
}

/// Central differences of `relu` in `f64`, away from 0: exact but for rounding.
#[test]
fn finite_differences() {
    let kept = bits(&stream(0.5), 200);
    let x: Vec<f32> = (0..200).map(|i| (i % 9) as f32 - 4.25).collect();
    let dy: Vec<f32> = (0..200).map(|i| (i % 5) as f32 - 2.0).collect();
    let relu = ReluDropout::new(stream(0.5));
    let (mut y, mut words, mut dx) = (vec![0.0; 200], [0; 4], vec![0.0; 200]);
    relu.forward(&x, &mut y, &mut MaskMut::new(&mut words, 200).unwrap()).unwrap();
    relu.backward(&dy, &mut dx, Mask::new(&words, 200).unwrap()).unwrap();
    for i in 0..200 {
        let loss = |x: f64| f64::from(dy[i]) * if kept[i] { x.max(0.0) * 2.0 } else { 0.0 };
        let numeric = (loss(f64::from(x[i]) + 0.125) - loss(f64::from(x[i]) - 0.125)) / 0.25;
        assert!((numeric - f64::from(dx[i])).abs() < 1e-9, "element {i}: {} for {numeric}", dx[i]);
    }
}

#[test]
fn errors_write_nothing() {
    let relu = ReluDropout::new(stream(0.5));
    let (x, mut y, mut words, mut longer) = ([1.0; 70], [7.0; 70], [3; 4], [3; 2]);
    let wrong = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    {
        let mut mask = MaskMut::new(&mut words, 69).unwrap();
        assert_eq!(relu.forward(&x, &mut y, &mut mask), wrong(Argument::Mask, 70, 69));
        assert_eq!(relu.forward(&x[1..], &mut y, &mut mask), wrong(Argument::Output, 69, 70));
        assert_eq!(relu.forward_in_place(&mut y, &mut mask), wrong(Argument::Mask, 70, 69));
        let channels = ReluDropout::new(stream(0.5).with_layout(Layout::channels_first(1, 7, 10)));
        assert_eq!(channels.forward(&x, &mut y, &mut mask), wrong(Argument::Mask, 70, 69));
        let rows = ReluDropout::new(stream(0.5).with_layout(Layout::rows(7, 10)));
        assert_eq!(rows.forward(&x, &mut y, &mut mask), wrong(Argument::Mask, 70, 69));
        let rows = ReluDropout::new(stream(0.5).with_layout(Layout::rows(2, 35)));
        for actual in [69, 71, 99, 128] {
            let mut mask = MaskMut::new(&mut longer, actual).unwrap();
            assert_eq!(rows.forward(&x, &mut y, &mut mask), wrong(Argument::Mask, 70, actual));
            assert_eq!(rows.forward_in_place(&mut y, &mut mask), wrong(Argument::Mask, 70, actual));
        }
        let far = ReluDropout::new(stream(0.5).with_offset(u64::MAX));
        assert_eq!(far.forward(&x, &mut y, &mut mask), Err(Error::IndexOverflow { offset: u64::MAX, span: 70 }));
    }
    assert_eq!(relu.backward(&x, &mut y, Mask::new(&words, 69).unwrap()), wrong(Argument::Mask, 70, 69));
    let rows = ReluDropout::new(stream(0.5).with_layout(Layout::rows(7, 10)));
    assert_eq!(rows.backward(&x, &mut y, Mask::new(&words, 69).unwrap()), wrong(Argument::Mask, 70, 69));
    assert_eq!((y, words, longer), ([7.0; 70], [3; 4], [3; 2]));
}

/// No row at all, of more columns than a mask has bits for.
#[test]
fn endless_rows() {
    let max = usize::MAX;
    let backward = |rows| {
        let relu = ReluDropout::new(stream(0.5).with_layout(rows));
        relu.backward(&[], &mut [], Mask::new(&[], 0).unwrap())
    };
    assert_eq!(backward(Layout::rows(0, max)), Ok(()));
    assert_eq!(backward(Layout::rows(2, max)), Err(Error::InvalidLayout { len: 2, stride: max, within: max }));
}
