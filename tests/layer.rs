//! The layer: masks that change by the step, evaluation, and what is remembered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]
#![allow(clippy::float_cmp, reason = "what is compared so is exact")]

use dropmask::{Channels, Dropout, Error, Key, Level, MaskStream, Mode, Probability, Scaling};

const LEN: usize = 1100;
const KEY: Key = Key::new(1);

fn p() -> Probability {
    Probability::new(0.5).unwrap()
}

fn layer() -> Dropout {
    Dropout::new(KEY, p())
}

fn forward(layer: &mut Dropout, mode: Mode, x: &[f32]) -> Vec<f32> {
    let (mut y, mut in_place) = (vec![7.0; x.len()], x.to_vec());
    layer.clone().forward_in_place(mode, &mut in_place).unwrap();
    layer.forward(mode, x, &mut y).unwrap();
    assert_eq!(to_bits(&in_place), to_bits(&y), "in place as out of place");
    y
}

fn backward(layer: &Dropout, mode: Mode, dy: &[f32]) -> Vec<f32> {
    let (mut dx, mut in_place) = (vec![7.0; dy.len()], dy.to_vec());
    layer.backward_in_place(mode, &mut in_place).unwrap();
    layer.backward(mode, dy, &mut dx).unwrap();
    assert_eq!(to_bits(&in_place), to_bits(&dx), "in place as out of place");
    dx
}

fn to_bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The mask of step `s` is that of `key.derive(s)`, at every level.
#[test]
fn training_draws_a_new_mask_each_time() {
    let x: Vec<_> = (0..LEN).map(|i| i as f32 - 500.5).collect();
    let mut seen = Vec::new();
    let mut layers: Vec<_> =
        Level::supported().map(|l| Dropout::from_stream(MaskStream::new(KEY, p()).level(l))).collect();
    for step in 0..5 {
        let mut expected = vec![0.0; LEN];
        MaskStream::new(KEY.derive(step), p()).level(Level::SCALAR).forward(&x, &mut expected).unwrap();
        assert!(!seen.contains(&expected));
        for layer in &mut layers {
            assert_eq!(layer.step(), step);
            assert_eq!(to_bits(&forward(layer, Mode::Train, &x)), to_bits(&expected), "step {step}");
        }
        seen.push(expected);
    }
}

#[test]
fn evaluation_is_the_identity_and_counts_nothing() {
    let mut x: Vec<_> = (0..LEN).map(|i| i as f32 - 500.5).collect();
    x[..6].copy_from_slice(&[-0.0, f32::NAN, f32::INFINITY, f32::from_bits(1), f32::MAX, 0.0]);
    let mut layer = layer();
    for _ in 0..2 {
        assert_eq!(to_bits(&forward(&mut layer, Mode::Evaluate, &x)), to_bits(&x));
        assert_eq!(to_bits(&backward(&layer, Mode::Evaluate, &x)), to_bits(&x));
        assert_eq!(layer.step(), 0);
        assert!(layer.last().is_err());
    }
}

#[test]
fn backward_uses_the_mask_of_the_last_forward_in_training() {
    let ones = [1.0; LEN];
    let mut layer = layer();
    for _ in 0..3 {
        let y = forward(&mut layer, Mode::Train, &ones);
        assert_eq!(backward(&layer, Mode::Train, &ones), y);
        // a validation run in between
        assert_eq!(forward(&mut layer, Mode::Evaluate, &ones), ones);
        assert_eq!(backward(&layer, Mode::Train, &ones), y);
        assert_eq!(backward(&layer, Mode::Evaluate, &ones), ones);

        let mut accumulated = ones;
        layer.last().unwrap().backward_add(&ones, &mut accumulated).unwrap();
        assert!(accumulated.iter().zip(&y).all(|(sum, y)| *sum == 1.0 + y));
    }
}

#[test]
fn the_step_is_saved_and_restored() {
    let ones = [1.0; LEN];
    let mut whole = layer();
    let outputs: Vec<_> = (0..6).map(|_| forward(&mut whole, Mode::Train, &ones)).collect();
    for step in 0..6 {
        let mut restored = layer().at_step(step);
        assert_eq!(forward(&mut restored, Mode::Train, &ones), outputs[step as usize]);
        assert_eq!(backward(&restored, Mode::Train, &ones), outputs[step as usize]);
        assert_eq!(restored.step(), step + 1);
    }
}

#[test]
fn steps_go_round() {
    let ones = [1.0; LEN];
    for level in Level::supported() {
        let mut layer = Dropout::from_stream(MaskStream::new(KEY, p()).level(level)).at_step(u64::MAX);
        for (step, next) in [(u64::MAX, 0), (0, 1)] {
            let mut expected = ones;
            MaskStream::new(KEY.derive(step), p()).level(Level::SCALAR).forward_in_place(&mut expected).unwrap();
            assert_eq!(forward(&mut layer, Mode::Train, &ones), expected, "{level}, step {step}");
            assert_eq!(layer.step(), next);
            assert_eq!(backward(&layer, Mode::Train, &ones), expected, "{level}, step {step}");
        }
    }
}

/// What is restored knows of no pass whose gradient could be asked for.
#[test]
fn a_restored_layer_has_no_last_pass() {
    let mut ones = [1.0; LEN];
    let mut used = layer();
    forward(&mut used, Mode::Train, &ones);
    for step in [0, 1, 5, u64::MAX] {
        for mut layer in [layer().at_step(step), used.clone().at_step(step)] {
            forward(&mut layer, Mode::Evaluate, &ones);
            assert_eq!(layer.backward(Mode::Train, &[2.0; LEN], &mut ones), Err(Error::NoForward));
            assert_eq!(layer.backward_in_place(Mode::Train, &mut ones), Err(Error::NoForward));
            assert_eq!(layer.last().unwrap_err(), Error::NoForward);
            assert_eq!(ones, [1.0; LEN]);
            assert_eq!(layer.step(), step);
        }
    }
}

/// As in a checkpoint: the outputs of several passes are computed again, the last one first.
#[test]
fn passes_are_computed_again() {
    let x: Vec<_> = (0..LEN).map(|i| i as f32 - 500.5).collect();
    for level in Level::supported() {
        let mut layer = Dropout::from_stream(MaskStream::new(KEY, p()).level(level).offset(70));
        let passes: Vec<_> = (0..3).map(|_| (forward(&mut layer, Mode::Train, &x), layer.last().unwrap())).collect();
        for (y, pass) in passes.iter().rev() {
            let (mut again, mut dx) = (vec![7.0; LEN], vec![7.0; LEN]);
            pass.forward(&x, &mut again).unwrap();
            pass.backward(&x, &mut dx).unwrap();
            assert_eq!(to_bits(&again), to_bits(y), "{level}");
            assert_eq!(to_bits(&dx), to_bits(y), "{level}");
        }
        assert_eq!(to_bits(&backward(&layer, Mode::Train, &x)), to_bits(&passes[2].0), "{level}");
        assert_eq!(layer.step(), 3);
    }
}

/// The settings of the stream hold in both modes: half the samples, standard scaling.
#[test]
fn a_layer_has_the_settings_of_its_stream() {
    let quarter = Probability::new(0.25).unwrap();
    let stream =
        MaskStream::new(KEY, quarter).offset(3).scaling(Scaling::Standard).channels(Channels::samples(11, 100));
    let mut layer = Dropout::from_stream(stream);
    let ones = [1.0; LEN];
    let y = forward(&mut layer, Mode::Train, &ones);
    let kept: Vec<_> = y.chunks(100).map(|y| y[0]).collect();
    assert!(y.chunks(100).zip(&kept).all(|(y, kept)| y.iter().all(|y| y == kept)));
    let mut expected = [1.0; 11];
    MaskStream::new(KEY.derive(0), quarter).offset(3).scaling(Scaling::Naive).forward_in_place(&mut expected).unwrap();
    assert_eq!(kept, expected);
    assert_eq!(backward(&layer, Mode::Train, &ones), y);
    assert_eq!(forward(&mut layer, Mode::Evaluate, &ones), [0.75; LEN]);
    assert_eq!(backward(&layer, Mode::Evaluate, &ones), [0.75; LEN]);
}

/// The loss `sum of c y + y^2 / 2` is quadratic, so its central difference is its derivative; with a scale of 2 and all
/// numbers multiples of 1/8, both are exact in `f64`.
#[test]
fn gradient() {
    const STEP: f32 = 0.125;
    let number = |seed, i| Key::new(seed).below(i, 65) as f32 / 8.0 - 4.0;
    let x: Vec<f32> = (0..200).map(|i| number(2, i)).collect();
    let c: Vec<f32> = (0..200).map(|i| number(3, i)).collect();
    for mode in [Mode::Train, Mode::Evaluate] {
        // of one step, again and again
        let loss = |x: &[f32]| -> f64 {
            let y = forward(&mut layer(), mode, x);
            y.iter().zip(&c).map(|(&y, &c)| f64::from(y) * (f64::from(c) + f64::from(y) / 2.0)).sum()
        };
        let mut layer = layer();
        let dy: Vec<f32> = forward(&mut layer, mode, &x).iter().zip(&c).map(|(y, c)| y + c).collect();
        let dx = backward(&layer, mode, &dy);
        for i in 0..200 {
            let at = |x_i| loss(&[&x[..i], &[x_i], &x[i + 1..]].concat());
            let numeric = (at(x[i] + STEP) - at(x[i] - STEP)) / (2.0 * f64::from(STEP));
            assert!(f64::from(dx[i]) == numeric, "{mode:?}, element {i}: {} for {numeric}", dx[i]);
        }
    }
}

#[test]
fn errors_write_and_count_nothing() {
    let mut layer = layer();
    let mut y = [7.0; 10];
    assert_eq!(layer.backward(Mode::Train, &[1.0; 10], &mut y), Err(Error::NoForward));
    assert_eq!(layer.backward_in_place(Mode::Train, &mut y), Err(Error::NoForward));
    assert_eq!(layer.last().unwrap_err(), Error::NoForward);

    let mismatch = Err(Error::LengthMismatch { expected: 9, actual: 10 });
    for mode in [Mode::Train, Mode::Evaluate] {
        assert_eq!(layer.forward(mode, &[1.0; 9], &mut y), mismatch);
    }
    let mut late = Dropout::from_stream(MaskStream::new(KEY, p()).offset(u64::MAX));
    assert!(matches!(late.forward_in_place(Mode::Train, &mut y), Err(Error::IndexOverflow { .. })));
    assert_eq!((layer.step(), late.step()), (0, 0));
    assert!(layer.last().is_err() && late.last().is_err());

    layer.forward(Mode::Train, &[1.0; 10], &mut y).unwrap();
    let after = y;
    for mode in [Mode::Train, Mode::Evaluate] {
        assert_eq!(layer.backward(mode, &[1.0; 9], &mut y), mismatch);
    }
    assert_eq!((layer.step(), y), (1, after));
}
