//! Inverted, standard and naive dropout: what each multiplies with, and what that does to the mean.

use crate::common::{all_same, floats, to_bits};
use dropmask::{Dropout, Key, Level, Mask, Probability, Scaling};

const ALL: [Scaling; 3] = [Scaling::Inverted, Scaling::Standard, Scaling::Naive];

fn stream(p: f32, scaling: Scaling) -> Dropout {
    Dropout::new(Key::new(41), Probability::new(p).unwrap()).with_offset(9).with_scaling(scaling)
}

#[test]
fn training_and_evaluation_are_their_definitions() {
    for p in [0.0, 0.1, 0.5, 0.75, 1.0] {
        // exact in f64: p is a dyadic fraction or is rounded to the nearest of 2^32, and the sum is below 2^53
        let keep = ((1.0 - f64::from(p)) * 4_294_967_296.0).round() / 4_294_967_296.0;
        let (x, r) = (floats(1, 777), floats(2, 777));
        let words = crate::common::fill(&stream(p, Scaling::Inverted), 777);
        let kept: Vec<bool> = Mask::new(&words, 777).unwrap().iter().collect();
        for scaling in ALL {
            let (train, evaluate) = match scaling {
                Scaling::Inverted => (if keep == 0.0 { 0.0 } else { (1.0 / keep) as f32 }, 1.0),
                Scaling::Standard => (1.0, keep as f32),
                _ => (1.0, 1.0),
            };
            let trained: Vec<f32> = x.iter().zip(&kept).map(|(x, kept)| if *kept { x * train } else { 0.0 }).collect();
            let evaluated: Vec<f32> = x.iter().map(|x| if evaluate == 0.0 { 0.0 } else { x * evaluate }).collect();
            for level in Level::supported() {
                let stream = stream(p, scaling).with_level(level);
                let what = format!("{level}, p = {p}, {scaling:?}");
                let mut y = vec![f32::NAN; 777];
                stream.forward(&x, &mut y).unwrap();
                assert!(all_same(&y, &trained), "forward, {what}");
                stream.backward(&x, &mut y).unwrap();
                assert!(all_same(&y, &trained), "backward, {what}");
                stream.evaluate(&x, &mut y).unwrap();
                assert!(all_same(&y, &evaluated), "evaluate, {what}");
                y.copy_from_slice(&x);
                stream.evaluate_in_place(&mut y).unwrap();
                assert!(all_same(&y, &evaluated), "evaluate_in_place, {what}");
                stream.evaluate_residual(&x, &r, &mut y).unwrap();
                let sum: Vec<f32> = r.iter().zip(&evaluated).map(|(r, y)| r + y).collect();
                assert!(all_same(&y, &sum), "evaluate_residual, {what}");
            }
        }
    }
}

/// Where evaluation is the identity it is exact: a signalling NaN and its payload survive.
#[test]
fn evaluation_copies_bits() {
    let x = [f32::from_bits(0x7F80_0001), f32::from_bits(0xFFC1_2345), -0.0, f32::from_bits(1)];
    for scaling in [Scaling::Inverted, Scaling::Naive] {
        for level in Level::supported() {
            let mut y = [0.0; 4];
            stream(0.5, scaling).with_level(level).evaluate(&x, &mut y).unwrap();
            assert_eq!(to_bits(&y), to_bits(&x), "{level}, {scaling:?}");
        }
    }
}

/// The mean of training over that of evaluation is 1 with inverted and standard scaling, and `1 - p` with naive scaling:
/// it is wrong by that factor. Five standard deviations of the mean of 2^20 bits are 5 * sqrt(p (1 - p)) / 1024 of 1, and
/// of `1 / (1 - p)` with inverted scaling.
#[test]
fn naive_scaling_is_wrong_by_the_keep_probability() {
    const LEN: usize = 1 << 20;
    let x = vec![1.0; LEN];
    let mean = |y: &[f32]| y.iter().map(|y| f64::from(*y)).sum::<f64>() / LEN as f64;
    for p in [0.1, 0.3, 0.5, 0.8] {
        for scaling in ALL {
            let (mut trained, mut evaluated) = (vec![0.0; LEN], vec![0.0; LEN]);
            stream(p, scaling).forward(&x, &mut trained).unwrap();
            stream(p, scaling).evaluate(&x, &mut evaluated).unwrap();
            let ratio = mean(&trained) / mean(&evaluated);
            let p = f64::from(p);
            let bound = 5.0 * (p * (1.0 - p)).sqrt() / 1024.0;
            let (expected, bound) = match scaling {
                Scaling::Inverted | Scaling::Standard => (1.0, bound / (1.0 - p)),
                _ => (1.0 - p, bound),
            };
            assert!((ratio - expected).abs() < bound, "p = {p}, {scaling:?}: {ratio} for {expected}");
        }
    }
}
