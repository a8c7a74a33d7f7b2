//! The layer: masks that change by the step, evaluation, and what is remembered.

use dropmask::{Argument, Dropout, DropoutLayer, Error, Key, Layout, Level, Probability, Scaling};

const LEN: usize = 1100;
const KEY: Key = Key::new(1);

fn p() -> Probability {
    Probability::new(0.5).unwrap()
}

fn layer() -> DropoutLayer {
    DropoutLayer::new(Dropout::new(KEY, p()))
}

fn train(layer: &mut DropoutLayer, x: &[f32]) -> Vec<f32> {
    let (mut y, mut in_place) = (vec![7.0; x.len()], x.to_vec());
    layer.clone().train_in_place(&mut in_place).unwrap();
    layer.train(x, &mut y).unwrap();
    assert_eq!(to_bits(&in_place), to_bits(&y), "in place as out of place");
    y
}

fn evaluate(layer: &DropoutLayer, x: &[f32]) -> Vec<f32> {
    let (mut y, mut in_place) = (vec![7.0; x.len()], x.to_vec());
    layer.evaluate_in_place(&mut in_place).unwrap();
    layer.evaluate(x, &mut y).unwrap();
    assert_eq!(to_bits(&in_place), to_bits(&y), "in place as out of place");
    y
}

fn backward(layer: &DropoutLayer, dy: &[f32]) -> Vec<f32> {
    let (mut dx, mut in_place) = (vec![7.0; dy.len()], dy.to_vec());
    layer.backward_in_place(&mut in_place).unwrap();
    layer.backward(dy, &mut dx).unwrap();
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
        Level::supported().map(|l| DropoutLayer::new(Dropout::new(KEY, p()).with_level(l))).collect();
    for step in 0..5 {
        let mut expected = vec![0.0; LEN];
        Dropout::new(KEY.derive(step), p()).with_level(Level::SCALAR).forward(&x, &mut expected).unwrap();
        assert!(!seen.contains(&expected));
        for layer in &mut layers {
            assert_eq!(layer.step(), step);
            assert_eq!(to_bits(&train(layer, &x)), to_bits(&expected), "step {step}");
        }
        seen.push(expected);
    }
}

#[test]
fn evaluation_is_the_identity_and_counts_nothing() {
    let mut x: Vec<_> = (0..LEN).map(|i| i as f32 - 500.5).collect();
    x[..6].copy_from_slice(&[-0.0, f32::NAN, f32::INFINITY, f32::from_bits(1), f32::MAX, 0.0]);
    let layer = layer();
    assert_eq!(to_bits(&evaluate(&layer, &x)), to_bits(&x));
    assert_eq!(layer.step(), 0);
    assert_eq!(layer.backward(&[1.0], &mut [0.0]), Err(Error::NoForward));
}

#[test]
fn backward_uses_the_mask_of_the_last_pass_in_training() {
    let ones = [1.0; LEN];
    let mut layer = layer();
    for step in 0..3 {
        let y = train(&mut layer, &ones);
        assert_eq!(backward(&layer, &ones), y);
        // a validation run in between
        assert_eq!(evaluate(&layer, &ones), ones);
        assert_eq!(backward(&layer, &ones), y);

        let mut accumulated = ones;
        layer.pass(step).backward_add(&ones, &mut accumulated).unwrap();
        assert!(accumulated.iter().zip(&y).all(|(sum, y)| *sum == 1.0 + y));
    }
}

#[test]
fn the_step_is_saved_and_restored() {
    let ones = [1.0; LEN];
    let mut whole = layer();
    let outputs: Vec<_> = (0..6).map(|_| train(&mut whole, &ones)).collect();
    for step in 0..6 {
        let mut restored = layer().at_step(step);
        assert_eq!(train(&mut restored, &ones), outputs[step as usize]);
        assert_eq!(backward(&restored, &ones), outputs[step as usize]);
        assert_eq!(restored.step(), step + 1);
    }
}

#[test]
fn steps_go_round() {
    let ones = [1.0; LEN];
    for level in Level::supported() {
        let mut layer = DropoutLayer::new(Dropout::new(KEY, p()).with_level(level)).at_step(u64::MAX);
        for (step, next) in [(u64::MAX, 0), (0, 1)] {
            let mut expected = ones;
            Dropout::new(KEY.derive(step), p()).with_level(Level::SCALAR).forward_in_place(&mut expected).unwrap();
            assert_eq!(train(&mut layer, &ones), expected, "{level}, step {step}");
            assert_eq!(layer.step(), next);
            assert_eq!(backward(&layer, &ones), expected, "{level}, step {step}");
        }
    }
}

/// A restart between the passes of a step: the gradient is that of the pass before it.
#[test]
fn a_restored_layer_has_the_last_pass_before_it() {
    let ones = [1.0; LEN];
    let mut used = layer();
    let y = train(&mut used, &ones);
    assert_eq!(backward(&layer().at_step(1), &ones), y);
    assert_eq!(layer().at_step(1), used);
    let mut dx = [7.0; LEN];
    assert_eq!(used.at_step(0).backward(&ones, &mut dx), Err(Error::NoForward));
    assert_eq!(dx, [7.0; LEN]);
}

/// Two micro-batches in flight: each pass is a value, whatever the layer does meanwhile.
#[test]
fn passes_are_values() {
    let ones = [1.0; LEN];
    let mut layer = layer();
    let (first, second) = (layer.next_pass(), layer.next_pass());
    assert_eq!(layer.step(), 2);
    assert_eq!([first, second], [0, 1].map(|step| layer.pass(step)));
    assert_ne!(first, second);
    let run = |pass: Dropout| {
        let mut y = ones;
        pass.forward_in_place(&mut y).unwrap();
        y
    };
    assert_eq!(backward(&layer, &ones), run(second));
    assert_eq!(train(&mut layer.clone().at_step(0), &ones), run(first));
}

/// As in a checkpoint: the outputs of several passes are computed again, the last one first.
#[test]
fn passes_are_computed_again() {
    let x: Vec<_> = (0..LEN).map(|i| i as f32 - 500.5).collect();
    for level in Level::supported() {
        let mut layer = DropoutLayer::new(Dropout::new(KEY, p()).with_level(level).with_offset(70));
        let passes: Vec<_> = (0..3).map(|_| (train(&mut layer, &x), layer.pass(layer.step() - 1))).collect();
        for (y, pass) in passes.iter().rev() {
            let (mut again, mut dx) = (vec![7.0; LEN], vec![7.0; LEN]);
            pass.forward(&x, &mut again).unwrap();
            pass.backward(&x, &mut dx).unwrap();
            assert_eq!(to_bits(&again), to_bits(y), "{level}");
            assert_eq!(to_bits(&dx), to_bits(y), "{level}");
        }
        assert_eq!(to_bits(&backward(&layer, &x)), to_bits(&passes[2].0), "{level}");
        assert_eq!(layer.step(), 3);
    }
}

/// The settings of the dropout hold in training and evaluation: half the samples, standard scaling.
#[test]
fn a_layer_has_the_settings_of_its_dropout() {
    let quarter = Probability::new(0.25).unwrap();
    let stream =
        Dropout::new(KEY, quarter).with_offset(3).with_scaling(Scaling::Standard).with_layout(Layout::samples(11, 100));
    let mut layer = DropoutLayer::new(stream);
    let ones = [1.0; LEN];
    let y = train(&mut layer, &ones);
    let kept: Vec<_> = y.chunks(100).map(|y| y[0]).collect();
    assert!(y.chunks(100).zip(&kept).all(|(y, kept)| y.iter().all(|y| y == kept)));
    let mut expected = [1.0; 11];
    Dropout::new(KEY.derive(0), quarter)
        .with_offset(3)
        .with_scaling(Scaling::Naive)
        .forward_in_place(&mut expected)
        .unwrap();
    assert_eq!(kept, expected);
    assert_eq!(backward(&layer, &ones), y);
    assert_eq!(evaluate(&layer, &ones), [0.75; LEN]);
}

/// The loss `sum of c y + y^2 / 2` is quadratic, so its central difference is its derivative; with a scale of 2 and all
/// numbers multiples of 1/8, both are exact in `f64`.
#[test]
fn gradient() {
    const STEP: f32 = 0.125;
    let number = |seed, i| Key::new(seed).below(i, 65) as f32 / 8.0 - 4.0;
    let x: Vec<f32> = (0..200).map(|i| number(2, i)).collect();
    let c: Vec<f32> = (0..200).map(|i| number(3, i)).collect();
    // of one step, again and again
    let loss = |x: &[f32]| -> f64 {
        let y = train(&mut layer(), x);
        y.iter().zip(&c).map(|(&y, &c)| f64::from(y) * (f64::from(c) + f64::from(y) / 2.0)).sum()
    };
    let mut layer = layer();
    let dy: Vec<f32> = train(&mut layer, &x).iter().zip(&c).map(|(y, c)| y + c).collect();
    let dx = backward(&layer, &dy);
    for i in 0..200 {
        let at = |x_i| loss(&[&x[..i], &[x_i], &x[i + 1..]].concat());
        let numeric = (at(x[i] + STEP) - at(x[i] - STEP)) / (2.0 * f64::from(STEP));
        assert!(f64::from(dx[i]) == numeric, "element {i}: {} for {numeric}", dx[i]);
    }
}

#[test]
fn errors_write_and_count_nothing() {
    let mut layer = layer();
    let mut y = [7.0; 10];
    assert_eq!(layer.backward(&[1.0; 10], &mut y), Err(Error::NoForward));
    assert_eq!(layer.backward_in_place(&mut y), Err(Error::NoForward));

    let mismatch = |argument| Err(Error::LengthMismatch { argument, expected: 9, actual: 10 });
    assert_eq!(layer.train(&[1.0; 9], &mut y), mismatch(Argument::Output));
    assert_eq!(layer.evaluate(&[1.0; 9], &mut y), mismatch(Argument::Output));
    let mut late = DropoutLayer::new(Dropout::new(KEY, p()).with_offset(u64::MAX));
    assert!(matches!(late.train_in_place(&mut y), Err(Error::IndexOverflow { .. })));
    assert_eq!((layer.step(), late.step()), (0, 0));
    assert_eq!(late.backward_in_place(&mut y), Err(Error::NoForward));
    assert_eq!(y, [7.0; 10]);

    layer.train(&[1.0; 10], &mut y).unwrap();
    let after = y;
    assert_eq!(layer.backward(&[1.0; 9], &mut y), mismatch(Argument::Output));
    assert_eq!((layer.step(), y), (1, after));
}
