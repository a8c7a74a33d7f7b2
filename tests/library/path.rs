//! One bit a sample (`DropPath`, stochastic depth), scaled or not, with and without the residual.

use crate::common::{all_same, floats, to_bits};
use dropmask::{Dropout, Key, Layout, Level, Mask, Probability, Scaling};

const SAMPLES: usize = 37;

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(31), Probability::new(p).unwrap()).with_offset(60)
}

fn kept(stream: &Dropout) -> Vec<bool> {
    let words = crate::common::fill(stream, SAMPLES);
    Mask::new(&words, SAMPLES).unwrap().iter().collect()
}

/// `f(x, kept)` of each element, with the bit of its sample.
fn each(x: &[f32], kept: &[bool], len: usize, f: impl Fn(f32, bool) -> f32) -> Vec<f32> {
    x.iter().enumerate().map(|(i, &x)| f(x, kept[i / len])).collect()
}

#[test]
fn a_path_is_kept_or_dropped_whole() {
    for len in [1, 2, 10, 64, 100, 197] {
        let (x, r) = (floats(1, SAMPLES * len), floats(2, SAMPLES * len));
        for p in [0.0, 0.2, 0.5, 1.0] {
            let kept = kept(&stream(p));
            // `scale_by_keep`, and not
            for (scaling, factor) in [(Scaling::Inverted, stream(p).scale()), (Scaling::Naive, 1.0)] {
                let path = each(&x, &kept, len, |x, kept| if kept { x * factor } else { 0.0 });
                let sum: Vec<f32> = r.iter().zip(&path).map(|(r, path)| r + path).collect();
                for level in Level::supported() {
                    let stream =
                        stream(p).with_scaling(scaling).with_level(level).with_layout(Layout::samples(SAMPLES, len));
                    let what = format!("{level}, {len} elements, p = {p}, {scaling:?}");
                    let mut y = vec![f32::NAN; x.len()];
                    stream.forward(&x, &mut y).unwrap();
                    assert!(all_same(&y, &path), "forward, {what}");
                    stream.forward_residual(&x, &r, &mut y).unwrap();
                    assert!(all_same(&y, &sum), "residual, {what}");
                    y.copy_from_slice(&x);
                    stream.forward_residual_in_place(&mut y, &r).unwrap();
                    assert!(all_same(&y, &sum), "residual over x, {what}");
                    y.copy_from_slice(&r);
                    stream.forward_add(&x, &mut y).unwrap();
                    assert!(all_same(&y, &sum), "residual over r, {what}");
                }
            }
        }
    }
}

/// In evaluation the path is there with weight 1, or `1 - p` with standard scaling.
#[test]
fn evaluation() {
    let (x, r) = (floats(3, SAMPLES * 10), floats(4, SAMPLES * 10));
    for level in Level::supported() {
        for (p, scaling, factor) in [
            (0.25, Scaling::Inverted, 1.0),
            (0.25, Scaling::Naive, 1.0),
            (0.25, Scaling::Standard, 0.75),
            (1.0, Scaling::Standard, 0.0),
        ] {
            let stream = stream(p).with_scaling(scaling).with_level(level).with_layout(Layout::samples(SAMPLES, 10));
            let path = |x: f32| if factor == 0.0 { 0.0 } else { x * factor };
            let mut y = vec![0.0; x.len()];
            stream.evaluate(&x, &mut y).unwrap();
            assert!(all_same(&y, &x.iter().map(|x| path(*x)).collect::<Vec<_>>()), "{level}, {scaling:?}");
            stream.evaluate_residual(&x, &r, &mut y).unwrap();
            let sum: Vec<f32> = x.iter().zip(&r).map(|(x, r)| r + path(*x)).collect();
            assert!(all_same(&y, &sum), "residual, {level}, {scaling:?}");
        }
    }
}

/// What is added for a dropped path is `+0.0`.
#[test]
fn a_dropped_path_leaves_the_residual() {
    let r = [-0.0, 0.0, 1.5, f32::INFINITY, f32::MIN_POSITIVE / 2.0, -3.0];
    for level in Level::supported() {
        let stream = stream(1.0).with_level(level).with_layout(Layout::samples(2, 3));
        let mut y = [f32::NAN; 6];
        stream.forward_residual(&[f32::NAN; 6], &r, &mut y).unwrap();
        assert_eq!(to_bits(&y), to_bits(&r.map(|r| r + 0.0)), "{level}");
    }
}

#[test]
fn a_shard_of_the_batch_draws_its_own_bits() {
    let x = floats(5, SAMPLES * 9);
    let stream = stream(0.5);
    let mut whole = x.clone();
    stream.with_layout(Layout::samples(SAMPLES, 9)).forward_in_place(&mut whole).unwrap();
    let mut part = x[20 * 9..].to_vec();
    stream.with_offset(60 + 20).with_layout(Layout::samples(SAMPLES - 20, 9)).forward_in_place(&mut part).unwrap();
    assert!(all_same(&part, &whole[20 * 9..]));
}

/// The gradient of `r + drop_path(x)`, in `f64` from its definition, by central differences: `x` enters linearly, so what
/// is left is rounding, below 1e-9.
#[test]
fn finite_differences() {
    let stream = stream(0.5).with_layout(Layout::samples(SAMPLES, 3));
    let kept = kept(&stream);
    let weights: Vec<f32> = (0..SAMPLES * 3).map(|i| (i % 5) as f32 - 2.0).collect();
    let loss = |x: &[f64]| -> f64 {
        let path = |i: usize| if kept[i / 3] { x[i] * 2.0 } else { 0.0 };
        (0..x.len()).map(|i| f64::from(weights[i]) * (0.1 + path(i))).sum()
    };
    let mut dx = vec![0.0; weights.len()];
    stream.backward(&weights, &mut dx).unwrap();
    let x: Vec<f64> = (0..weights.len()).map(|i| i as f64 / 7.0).collect();
    for (i, dx) in dx.into_iter().enumerate() {
        let (mut up, mut down) = (x.clone(), x.clone());
        up[i] += 0.5;
        down[i] -= 0.5;
        assert!((loss(&up) - loss(&down) - f64::from(dx)).abs() < 1e-9, "element {i}");
    }
}
