//! Alpha dropout against its formulas, and its promise: SELU activations keep mean 0 and variance 1.

use crate::common::{all_same, floats, generator, to_bits};
use dropmask::{AlphaDropout, Argument, Dropout, Error, Key, Layout, Level, Mask, Probability};
use rand_xoshiro::rand_core::Rng;

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(51), Probability::new(p).unwrap())
}

const SELU_LAMBDA: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// `a`, `b` and what becomes of a dropped element, of a threshold strictly between 0 and 2^32.
fn constants(threshold: u64) -> [f32; 3] {
    let (q, alpha) = (threshold as f64 / 4_294_967_296.0, -SELU_LAMBDA * SELU_ALPHA);
    let a = (q + alpha * alpha * q * (1.0 - q)).powf(-0.5);
    let b = -a * alpha * (1.0 - q);
    [a as f32, b as f32, (alpha * a + b) as f32]
}

#[test]
fn every_level_is_the_formula() {
    for p in [0.05, 0.5, 0.9] {
        let [a, b, d] = constants(Probability::new(p).unwrap().threshold());
        for (len, offset) in
            (0..70).map(|len| (len, 3)).chain([(1023, 1), (1024, 0), (5000, 777), (200, u64::MAX - 199)])
        {
            let (x, start) = (floats(1, len), floats(2, len));
            let words = crate::common::fill(&stream(p).with_offset(offset), len);
            let kept: Vec<bool> = Mask::new(&words, len).unwrap().iter().collect();
            let each =
                |f: &dyn Fn(f32, bool) -> f32| -> Vec<f32> { x.iter().zip(&kept).map(|(x, k)| f(*x, *k)).collect() };
            let y = each(&|x, kept| if kept { x * a + b } else { d });
            let dx = each(&|dy, kept| if kept { dy * a } else { 0.0 });
            let added: Vec<f32> = start.iter().zip(&dx).map(|(start, dx)| start + dx).collect();
            for level in Level::supported() {
                let alpha = AlphaDropout::new(stream(p).with_offset(offset).with_level(level));
                let what = format!("{level}, p = {p}, {len} elements from {offset}");
                let (mut out, mut in_place) = (start.clone(), x.clone());
                alpha.forward(&x, &mut out).unwrap();
                assert!(all_same(&out, &y), "forward, {what}");
                alpha.forward_in_place(&mut in_place).unwrap();
                assert!(all_same(&in_place, &y), "forward_in_place, {what}");
                alpha.backward(&x, &mut out).unwrap();
                assert!(all_same(&out, &dx), "backward, {what}");
                in_place.copy_from_slice(&x);
                alpha.backward_in_place(&mut in_place).unwrap();
                assert!(all_same(&in_place, &dx), "backward_in_place, {what}");
                out.copy_from_slice(&start);
                alpha.backward_add(&x, &mut out).unwrap();
                assert!(all_same(&out, &added), "backward_add, {what}");
                alpha.evaluate(&x, &mut out).unwrap();
                assert_eq!(to_bits(&out), to_bits(&x), "evaluate, {what}");
                alpha.evaluate_in_place(&mut out).unwrap();
                assert_eq!(to_bits(&out), to_bits(&x), "evaluate_in_place, {what}");
            }
        }
    }
}

/// Nothing dropped: a copy. Everything dropped: `+0.0`. Almost so: finite.
#[test]
fn the_ends_of_the_probability() {
    let x = floats(3, 300);
    for level in Level::supported() {
        let run = |p| {
            let alpha = AlphaDropout::new(Dropout::new(Key::new(1), p).with_level(level));
            let (mut y, mut dx, mut added) = (x.clone(), x.clone(), vec![1.0; 300]);
            alpha.forward_in_place(&mut y).unwrap();
            alpha.backward(&x, &mut dx).unwrap();
            alpha.backward_add(&x, &mut added).unwrap();
            (y, dx, added)
        };
        let (y, dx, _) = run(Probability::new(0.0).unwrap());
        assert_eq!(to_bits(&y), to_bits(&x), "{level}");
        assert_eq!(to_bits(&dx), to_bits(&x), "{level}");
        let (y, dx, added) = run(Probability::new(1.0).unwrap());
        assert_eq!(to_bits(&y), [0; 300], "{level}");
        assert_eq!(to_bits(&dx), [0; 300], "{level}");
        assert_eq!(added, [1.0; 300], "{level}");
        let (y, _, _) = run(Probability::from_threshold(1).unwrap());
        let d = y[0];
        assert!(d < 0.0 && d > -1e-4 && y.iter().all(|y| *y == d), "{level}: {d}");
    }
}

#[test]
fn feature_alpha_and_shards() {
    let x = floats(4, 3 * 5 * 7);
    let words = crate::common::fill(&stream(0.5).with_offset(8), 15);
    let kept = Mask::new(&words, 15).unwrap();
    let [a, b, d] = constants(1 << 31);
    let expected: Vec<f32> =
        x.iter().enumerate().map(|(i, x)| if kept.get(i / 7).unwrap() { x * a + b } else { d }).collect();
    for level in Level::supported() {
        let alpha = AlphaDropout::new(
            stream(0.5).with_offset(8).with_layout(Layout::channels_first(3, 5, 7)).with_level(level),
        );
        let mut y = vec![0.0; x.len()];
        alpha.forward(&x, &mut y).unwrap();
        assert!(all_same(&y, &expected), "{level}");

        let mut whole = x.clone();
        AlphaDropout::new(stream(0.5).with_level(level)).forward_in_place(&mut whole).unwrap();
        let mut columns = x.clone();
        let shape = Layout::rows(15, 4).strides([7, 1]).index_strides([7, 1]);
        AlphaDropout::new(stream(0.5).with_layout(shape).with_level(level)).forward_in_place(&mut columns).unwrap();
        for (i, (part, (whole, x))) in columns.iter().zip(whole.iter().zip(&x)).enumerate() {
            let expected = if i % 7 < 4 { whole } else { x };
            assert!(crate::common::same(*part, *expected), "{level}, element {i}");
        }
    }
}

/// `x` enters linearly: central differences of the definition in `f64` are its gradient but for rounding.
#[test]
fn finite_differences() {
    let p = Probability::new(0.4).unwrap();
    let words = crate::common::fill(&stream(0.4), 100);
    let kept = Mask::new(&words, 100).unwrap();
    let (q, alpha) = (p.threshold() as f64 / 4_294_967_296.0, -SELU_LAMBDA * SELU_ALPHA);
    let a = (q + alpha * alpha * q * (1.0 - q)).powf(-0.5);
    let y = |i: usize, x: f64| a * if kept.get(i).unwrap() { x } else { alpha } - a * alpha * (1.0 - q);
    let weights: Vec<f32> = (0..100).map(|i| (i % 7) as f32 - 3.0).collect();
    let mut dx = [0.0; 100];
    AlphaDropout::new(stream(0.4)).backward(&weights, &mut dx).unwrap();
    for (i, (w, dx)) in weights.iter().zip(dx).enumerate() {
        let x = i as f64 / 9.0;
        let numeric = f64::from(*w) * (y(i, x + 0.5) - y(i, x - 0.5));
        // one rounding of `a` and one of the product
        assert!((numeric - f64::from(dx)).abs() <= 1.2e-7 * numeric.abs(), "element {i}: {dx} for {numeric}");
    }
}

/// Mean 0 and variance 1 of 2^20 SELU activations of normal numbers are kept within 0.01: five standard deviations of the
/// mean are 0.005, and of the variance 5 * sqrt((kurtosis - 1) / 2^20), below 0.01 for a kurtosis below 5. Plain dropout
/// leaves a variance of `1 / (1 - p)`.
#[test]
fn selu_activations_keep_mean_and_variance() {
    const LEN: usize = 1 << 20;
    let mut rng = generator(6);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let selu = |z: f64| SELU_LAMBDA * if z > 0.0 { z } else { SELU_ALPHA * z.exp_m1() };
    let x: Vec<f32> = (0..LEN)
        .map(|_| (-2.0 * (1.0 - uniform()).ln()).sqrt() * (core::f64::consts::TAU * uniform()).cos())
        .map(|z| selu(z) as f32)
        .collect();
    let moments = |y: &[f32]| {
        let mean = y.iter().map(|y| f64::from(*y)).sum::<f64>() / LEN as f64;
        (mean, y.iter().map(|y| (f64::from(*y) - mean).powi(2)).sum::<f64>() / LEN as f64)
    };
    for p in [0.05, 0.1, 0.2, 0.5, 0.8] {
        let mut y = vec![0.0; LEN];
        AlphaDropout::new(stream(p)).forward(&x, &mut y).unwrap();
        let (mean, variance) = moments(&y);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.01, "p = {p}: {mean}, {variance}");

        stream(p).forward(&x, &mut y).unwrap();
        let (_, variance) = moments(&y);
        assert!((variance * (1.0 - f64::from(p)) - 1.0).abs() < 0.02, "plain dropout, p = {p}: {variance}");
    }
}

#[test]
fn errors_write_nothing() {
    let alpha = AlphaDropout::new(stream(0.5));
    let mut y = [7.0; 4];
    let wrong = |argument| Err(Error::LengthMismatch { argument, expected: 3, actual: 4 });
    assert_eq!(alpha.forward(&[1.0; 3], &mut y), wrong(Argument::Output));
    assert_eq!(alpha.backward(&[1.0; 3], &mut y), wrong(Argument::Output));
    assert_eq!(alpha.backward_add(&[1.0; 3], &mut y), wrong(Argument::Output));
    assert_eq!(alpha.evaluate(&[1.0; 3], &mut y), wrong(Argument::Output));
    let far = AlphaDropout::new(stream(0.5).with_offset(u64::MAX - 2));
    assert_eq!(far.forward_in_place(&mut y), Err(Error::IndexOverflow { offset: u64::MAX - 2, span: 4 }));
    assert_eq!(far.backward_in_place(&mut y), Err(Error::IndexOverflow { offset: u64::MAX - 2, span: 4 }));
    assert_eq!(y, [7.0; 4]);
}
