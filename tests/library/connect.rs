//! `DropConnect`: every level against the specification, the specification against its definition, gradients, laws, moments.

use crate::common::{all_same, fill, floats, generator, thinned, to_bits};
use dropmask::{
    Argument, DropConnect, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, Scaling, mask_words,
};
use rand_xoshiro::rand_core::Rng;

/// Batch, inputs, outputs.
const SHAPES: [[usize; 3]; 17] = [
    [0, 3, 2],
    [3, 0, 2],
    [3, 2, 0],
    [1, 1, 1],
    [3, 5, 7],
    [2, 64, 3],
    [7, 65, 5],
    [6, 127, 1],
    [5, 100, 9],
    [9, 130, 6],
    [4, 1023, 6],
    [5, 1024, 5],
    [3, 1025, 3],
    [33, 70, 4],
    [65, 20, 5],
    [2, 4097, 2],
    [1, 9000, 3],
];

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(8), Probability::new(p).unwrap())
}

/// Whole numbers from -4 to 4: their sums and products are exact.
fn whole(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = generator(seed);
    (0..len).map(|_| (rng.next_u64() % 9) as f32 - 4.0).collect()
}

/// A layer and its slices.
struct Case {
    shape: [usize; 3],
    w: Vec<f32>,
    b: Vec<f32>,
    x: Vec<f32>,
    dy: Vec<f32>,
}

#[derive(Debug, PartialEq)]
struct Outcome {
    y: Vec<f32>,
    unbiased: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
    added: Vec<f32>,
    input_added: Vec<f32>,
}

impl Case {
    fn new(shape: [usize; 3], values: fn(u64, usize) -> Vec<f32>) -> Self {
        let [batch, inputs, outputs] = shape;
        Self {
            shape,
            w: values(1, outputs * inputs),
            b: values(2, outputs),
            x: values(3, batch * inputs),
            dy: values(4, batch * outputs),
        }
    }

    fn layer(&self, stream: Dropout) -> DropConnect<'static> {
        let [batch, inputs, outputs] = self.shape;
        DropConnect::new(stream, batch, [outputs, inputs])
    }

    fn outcome(&self, layer: DropConnect<'_>) -> Outcome {
        let Self { w, b, x, dy, .. } = self;
        let (mut y, mut unbiased) = (vec![f32::NAN; dy.len()], vec![f32::NAN; dy.len()]);
        let (mut dx, mut dw) = (vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
        let (mut added, mut input_added) = (w.clone(), x.clone());
        layer.forward(w, Some(b), x, &mut y).unwrap();
        layer.forward(w, None, x, &mut unbiased).unwrap();
        layer.backward_input(w, dy, &mut dx).unwrap();
        layer.backward_input_add(w, dy, &mut input_added).unwrap();
        layer.backward_weights(x, dy, &mut dw).unwrap();
        layer.backward_weights_add(x, dy, &mut added).unwrap();
        Outcome { y, unbiased, dx, dw, added, input_added }
    }
}

impl Outcome {
    fn slices(&self) -> [&[f32]; 6] {
        [&self.y, &self.unbiased, &self.dx, &self.dw, &self.added, &self.input_added]
    }

    fn assert_same(&self, other: &Self, what: &str) {
        for (i, (a, b)) in self.slices().into_iter().zip(other.slices()).enumerate() {
            assert!(all_same(a, b), "{what}, result {i}");
        }
    }
}

/// Finite numbers of all magnitudes.
fn finite(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = generator(seed);
    let mut float =
        || (f64::from(rng.next_u32() as i32) * 2_f64.powi(-31)) as f32 * 2_f32.powi((rng.next_u32() % 9) as i32);
    (0..len).map(|_| float()).collect()
}

/// Some of the finite numbers are not.
fn spoilt(seed: u64, len: usize) -> Vec<f32> {
    let mut x = finite(seed, len);
    for (i, special) in floats(seed, len).into_iter().enumerate().filter(|(i, _)| i % 23 == 5) {
        x[i] = special;
    }
    x
}

#[test]
fn levels_agree() {
    let mut levels = Vec::new();
    for level in Level::supported().filter(|&level| level != Level::SCALAR) {
        levels.push(level.name());
        for values in [finite, spoilt, floats] {
            for (i, shape) in thinned(SHAPES.into_iter().enumerate()) {
                let case = Case::new(shape, values);
                let [batch, inputs, outputs] = shape;
                for p in [0.0, 0.1, 0.5, 1.0] {
                    let what = format!("{level}, {shape:?}, p = {p}");
                    let scaling = [Scaling::Inverted, Scaling::Standard, Scaling::Naive][i % 3];
                    let stream = stream(p).with_offset(1000 * i as u64 + 3).with_scaling(scaling);
                    let outcome = |level, make: &dyn Fn(DropConnect<'static>) -> DropConnect<'static>| {
                        case.outcome(make(case.layer(stream.with_level(level))))
                    };
                    let check = |make: &dyn Fn(DropConnect<'static>) -> DropConnect<'static>, how: &str| {
                        outcome(level, make).assert_same(&outcome(Level::SCALAR, make), &format!("{what}, {how}"));
                    };
                    check(&|layer| layer, "shared");
                    check(&|layer| layer.per_sample(7), "per sample");
                    check(&|layer| layer.index_stride(inputs as u64 + 5), "index stride");
                    let moments = |level| {
                        let (mut mean, mut variance) =
                            (vec![f32::NAN; batch * outputs], vec![f32::NAN; batch * outputs]);
                        let layer = case.layer(stream.with_level(level));
                        layer.moments(&case.w, Some(&case.b), &case.x, &mut mean, &mut variance).unwrap();
                        let mut y = vec![f32::NAN; batch * outputs];
                        layer.evaluate(&case.w, Some(&case.b), &case.x, &mut y).unwrap();
                        [mean, variance, y].concat()
                    };
                    assert!(all_same(&moments(level), &moments(Level::SCALAR)), "{what}, moments");
                }
            }
        }
    }
    println!("{levels:?} agree with scalar");
}

/// The definition, in f64, from the mask of the stream; `masks` has one a sample, or one for all.
fn definition(case: &Case, masks: &[Vec<u64>], scale: f64) -> [Vec<f64>; 3] {
    let [batch, inputs, outputs] = case.shape;
    let (mut y, mut dx) = (vec![0.0; batch * outputs], vec![0.0; batch * inputs]);
    let mut dw = vec![0.0; outputs * inputs];
    for n in 0..batch {
        let mask = Mask::new(&masks[n % masks.len()], outputs * inputs).unwrap();
        for o in 0..outputs {
            y[n * outputs + o] += f64::from(case.b[o]);
            for i in (0..inputs).filter(|i| mask.get(o * inputs + i).unwrap()) {
                let (w, x, dy) = (case.w[o * inputs + i], case.x[n * inputs + i], case.dy[n * outputs + o]);
                let [w, x, dy] = [w, x, dy].map(f64::from);
                y[n * outputs + o] += scale * w * x;
                dx[n * inputs + i] += scale * w * dy;
                dw[o * inputs + i] += scale * x * dy;
            }
        }
    }
    [y, dx, dw]
}

fn assert_close(actual: &[f32], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        // products are below 2^18; at most 9,000 of them, each rounding at most 2^-24 of a partial sum
        assert!((f64::from(*a) - e).abs() <= 1e-5 * e.abs() + 0.05, "{what}: {a} is not {e}");
    }
}

#[test]
fn specification_is_the_definition() {
    for shape in SHAPES {
        let [batch, inputs, outputs] = shape;
        let case = Case::new(shape, finite);
        let stream = stream(0.3).with_offset(77).with_level(Level::SCALAR);
        let scale = f64::from(stream.scale());
        let mask = |stream: Dropout| fill(&stream, outputs * inputs);
        let check = |layer: DropConnect<'_>, masks: &[Vec<u64>], what: &str| {
            let [y, dx, dw] = definition(&case, masks, scale);
            let outcome = case.outcome(layer);
            assert_close(&outcome.y, &y, &format!("{what} {shape:?}, y"));
            assert_close(&outcome.dx, &dx, &format!("{what} {shape:?}, dx"));
            assert_close(&outcome.dw, &dw, &format!("{what} {shape:?}, dW"));
        };
        check(case.layer(stream), &[mask(stream)], "shared");
        let key = Key::new(8);
        let p = Probability::new(0.3).unwrap();
        let masks: Vec<_> =
            (0..batch).map(|n| mask(Dropout::new(key.derive(5 + n as u64), p).with_offset(77))).collect();
        check(case.layer(stream).per_sample(5), if batch == 0 { &[] } else { &masks }, "per sample");
    }
}

/// In whole numbers exactly the gradient and what was there; a zero of either sign counts as `+0.0`, whatever is kept.
#[test]
fn gradients_of_inputs_add_up() {
    for level in Level::supported() {
        let case = Case::new([5, 70, 6], whole);
        for layer in
            [case.layer(stream(0.5).with_level(level)), case.layer(stream(0.5).with_level(level)).per_sample(3)]
        {
            let Outcome { dx, input_added, .. } = case.outcome(layer);
            assert_eq!(input_added, dx.iter().zip(&case.x).map(|(dx, x)| dx + x).collect::<Vec<_>>(), "{level}");
        }
        for (p, w, dy) in [(0.5, 1.0, -0.0), (0.5, -1.0, 0.0), (0.0, -0.0, 1.0), (1.0, 1.0, 1.0)] {
            let mut dx = [-0.0; 70];
            let layer = DropConnect::new(stream(p).with_level(level), 1, [6, 70]);
            layer.backward_input_add(&[w; 420], &[dy; 6], &mut dx).unwrap();
            assert_eq!(to_bits(&dx), [0; 70], "{level}, p = {p}, w = {w}, dy = {dy}");
        }
    }
}

/// Names one of the slices.
type Slice = fn(&mut Case) -> &mut Vec<f32>;

/// Of `L = sum of dy * y`, by differences: with whole numbers and a scale of 2, these are exact.
#[test]
fn gradients() {
    for level in Level::supported() {
        for per_sample in [false, true] {
            let mut case = Case::new([3, 70, 5], whole);
            let layer = case.layer(stream(0.5).with_level(level));
            let layer = if per_sample { layer.per_sample(0) } else { layer };
            let Outcome { dx, dw, .. } = case.outcome(layer);
            let mut db = vec![f32::NAN; 5];
            layer.backward_bias(&case.dy, &mut db).unwrap();
            let loss = |case: &Case| {
                let mut y = vec![0.0; case.dy.len()];
                layer.forward(&case.w, Some(&case.b), &case.x, &mut y).unwrap();
                y.iter().zip(&case.dy).map(|(y, dy)| y * dy).sum::<f32>()
            };
            let base = loss(&case);
            let all: [(Slice, &[f32]); 3] =
                [(|case| &mut case.w, &dw), (|case| &mut case.x, &dx), (|case| &mut case.b, &db)];
            for (slice, gradient) in all {
                assert!(gradient.iter().any(|&g| g != 0.0));
                for (i, &expected) in gradient.iter().enumerate() {
                    slice(&mut case)[i] += 1.0;
                    assert_eq!(loss(&case) - base, expected, "{level}, element {i}");
                    slice(&mut case)[i] -= 1.0;
                }
            }
        }
    }
}

#[test]
fn a_stored_mask_is_the_drawn_one() {
    for level in Level::supported() {
        for shape in SHAPES {
            let [batch, inputs, outputs] = shape;
            let case = Case::new(shape, finite);
            let stream = stream(0.4).with_offset(31).with_level(level);
            let weights = outputs * inputs;

            let words = fill(&stream, weights);
            let stored = case.layer(stream).stored(Mask::new(&words, weights).unwrap());
            case.outcome(stored).assert_same(&case.outcome(case.layer(stream)), &format!("{level}, {shape:?}"));

            // one after the other, from any bit on
            let p = Probability::new(0.4).unwrap();
            let mut bools = vec![true; 13];
            for n in 0..batch {
                let words = fill(&Dropout::new(Key::new(8).derive(n as u64), p).with_offset(31), weights);
                bools.extend(Mask::new(&words, weights).unwrap().iter());
            }
            let mut words = vec![0; mask_words(bools.len())];
            dropmask::MaskMut::new(&mut words, bools.len()).unwrap().copy_from_bools(&bools).unwrap();
            let mask = Mask::at_bit(&words, 13, batch * weights).unwrap();
            let stored = case.layer(stream).per_sample(0).stored(mask);
            let drawn = case.outcome(case.layer(stream).per_sample(0));
            case.outcome(stored).assert_same(&drawn, &format!("{level}, {shape:?}, per sample"));
        }
    }
}

#[test]
fn shards_are_parts_of_the_whole() {
    for level in Level::supported() {
        let case = Case::new([4, 90, 11], whole);
        let stream = stream(0.5).with_offset(9).with_level(level);
        let whole = case.outcome(case.layer(stream));

        // rows of weights: outputs 3 to 8
        let w = &case.w[3 * 90..8 * 90];
        let mut y = vec![0.0; 4 * 5];
        let rows = DropConnect::new(stream.with_offset(9 + 3 * 90), 4, [5, 90]);
        rows.forward(w, Some(&case.b[3..8]), &case.x, &mut y).unwrap();
        for n in 0..4 {
            assert_eq!(y[n * 5..][..5], whole.y[n * 11 + 3..][..5], "{level}");
        }

        // columns of weights: the sums of two shards are the whole, exactly so with whole numbers
        let columns = |from: usize, to: usize| {
            let part = |x: &[f32]| -> Vec<f32> { x.chunks(90).flat_map(|row| row[from..to].to_vec()).collect() };
            let layer = DropConnect::new(stream.with_offset(9 + from as u64), 4, [11, to - from]).index_stride(90);
            let mut y = vec![0.0; 44];
            layer.forward(&part(&case.w), None, &part(&case.x), &mut y).unwrap();
            y
        };
        let sums: Vec<f32> = columns(0, 37).iter().zip(columns(37, 90)).map(|(a, b)| a + b).collect();
        assert_eq!(sums, whole.unbiased, "{level}");

        // samples, each with its own mask
        let all = case.outcome(case.layer(stream).per_sample(20));
        let mut y = vec![0.0; 2 * 11];
        let last = DropConnect::new(stream, 2, [11, 90]).per_sample(22);
        last.forward(&case.w, Some(&case.b), &case.x[2 * 90..], &mut y).unwrap();
        assert_eq!(y, all.y[2 * 11..], "{level}");

        // the mask of a shard of columns as rows of the stream
        let mut words = vec![0; mask_words(11 * 53)];
        let rows = Layout::rows(11, 53).index_strides([90, 1]);
        let mut mask = MaskMut::new(&mut words, 11 * 53).unwrap();
        stream.with_offset(9 + 37).with_layout(rows).fill(&mut mask).unwrap();
        let bit = |o: usize, i: usize| mask.as_mask().get(53 * o + i).unwrap();
        let ones = Case { w: vec![1.0; 11 * 53], x: vec![1.0; 53], shape: [1, 53, 11], b: vec![], dy: vec![] };
        let mut y = vec![0.0; 11];
        let layer = ones.layer(stream.with_offset(9 + 37)).index_stride(90);
        layer.forward(&ones.w, None, &ones.x, &mut y).unwrap();
        for (o, y) in y.into_iter().enumerate() {
            assert_eq!(y, 2.0 * (0..53).filter(|&i| bit(o, i)).count() as f32, "{level}");
        }
    }
}

#[test]
fn nothing_dropped_gets_through() {
    let [batch, inputs, outputs] = [5, 200, 6];
    for level in Level::supported() {
        let mut case = Case::new([batch, inputs, outputs], finite);
        let stream = stream(0.5).with_level(level);
        let layer = case.layer(stream);
        let clean = case.outcome(layer);
        let words = fill(&stream, inputs * outputs);
        let mask = Mask::new(&words, inputs * outputs).unwrap();

        // NaN in dropped weights
        let weights = case.w.clone();
        for (i, w) in case.w.iter_mut().enumerate().filter(|(i, _)| !mask.get(*i).unwrap()) {
            *w = [f32::NAN, f32::INFINITY][i % 2];
        }
        let Outcome { y, unbiased, dx, dw, .. } = case.outcome(layer);
        assert_eq!((&y, &unbiased, &dx, &dw), (&clean.y, &clean.unbiased, &clean.dx, &clean.dw), "{level}");
        case.w = weights;

        // an infinite input reaches only those outputs to which it is connected
        case.x[3] = f32::INFINITY;
        let Outcome { y, .. } = case.outcome(layer);
        for (o, y) in y[..outputs].iter().enumerate() {
            assert_eq!(y.is_finite(), !mask.get(o * inputs + 3).unwrap(), "{level}, output {o}");
        }
        case.x[3] = 1.0;

        // and an infinite gradient those inputs
        case.dy[2] = f32::NEG_INFINITY;
        let Outcome { dx, dw, .. } = case.outcome(layer);
        for i in 0..inputs {
            let kept = mask.get(2 * inputs + i).unwrap();
            assert_eq!(dx[i].is_finite(), !kept, "{level}, input {i}");
            assert!(kept || to_bits(&[dw[2 * inputs + i]]) == [0], "{level}, input {i}");
        }
    }
}

#[test]
fn certain_masks() {
    for level in Level::supported() {
        let mut case = Case::new([3, 100, 7], finite);
        // nothing is dropped: the dense product
        let layer = case.layer(stream(0.0).with_level(level));
        let mut y = vec![0.0; 21];
        layer.evaluate(&case.w, Some(&case.b), &case.x, &mut y).unwrap();
        assert_eq!(case.outcome(layer).y, y, "{level}");
        // everything is: the bias, whatever else there is
        case.w.fill(f32::NAN);
        case.x.fill(f32::INFINITY);
        case.dy.fill(f32::NAN);
        let Outcome { y, unbiased, dx, dw, added, input_added } =
            case.outcome(case.layer(stream(1.0).with_level(level)));
        assert!(y.chunks(7).all(|y| y == case.b), "{level}");
        assert!([unbiased, dx, dw].concat().iter().all(|y| y.to_bits() == 0), "{level}");
        assert!(all_same(&added, &case.w) && all_same(&input_added, &case.x), "{level}");
    }
}

#[test]
fn evaluation_and_moments() {
    let [batch, inputs, outputs] = [2, 50, 3];
    let case = Case::new([batch, inputs, outputs], finite);
    for (scaling, p) in [(Scaling::Inverted, 0.3), (Scaling::Standard, 0.3), (Scaling::Naive, 0.8)] {
        let stream = stream(p).with_scaling(scaling);
        let layer = case.layer(stream);
        let (mut mean, mut variance, mut y) = (vec![0.0; 6], vec![0.0; 6], vec![0.0; 6]);
        layer.moments(&case.w, Some(&case.b), &case.x, &mut mean, &mut variance).unwrap();
        layer.evaluate(&case.w, Some(&case.b), &case.x, &mut y).unwrap();
        let keep = f64::from(1.0 - p);
        for n in 0..batch {
            for o in 0..outputs {
                let products =
                    (0..inputs).map(|i| f64::from(case.w[o * inputs + i]) * f64::from(case.x[n * inputs + i]));
                let (sum, squares) =
                    (products.clone().sum::<f64>(), products.map(|product| product * product).sum::<f64>());
                let (of_mean, of_variance, of_y) = match scaling {
                    Scaling::Inverted => (1.0, (1.0 - keep) / keep, 1.0),
                    Scaling::Standard => (keep, keep * (1.0 - keep), keep),
                    _ => (keep, keep * (1.0 - keep), 1.0),
                };
                let (b, at) = (f64::from(case.b[o]), n * outputs + o);
                assert_close(&[mean[at], y[at]], &[of_mean * sum + b, of_y * sum + b], "mean");
                assert_close(&[variance[at]], &[of_variance * squares], "variance");
            }
        }

        // and so are mean and variance over 4,000 masks, within six standard errors
        let passes = 4000;
        let mut sums = vec![[0.0_f64; 2]; 6];
        for pass in 0..passes {
            let key = Key::new(8).derive(pass);
            let stream = Dropout::new(key, Probability::new(p).unwrap()).with_scaling(scaling);
            case.layer(stream).forward(&case.w, Some(&case.b), &case.x, &mut y).unwrap();
            for ((sums, y), mean) in sums.iter_mut().zip(&y).zip(&mean) {
                let deviation = f64::from(*y) - f64::from(*mean);
                *sums = [sums[0] + deviation, sums[1] + deviation * deviation];
            }
        }
        for ([sum, squares], variance) in sums.into_iter().zip(&variance) {
            let (n, variance) = (passes as f64, f64::from(*variance));
            assert!((sum / n).abs() < 6.0 * (variance / n).sqrt(), "{scaling:?}");
            // the fourth moment of a sum of 50 is close to normal: below 6 of these is generous
            assert!((squares / n / variance - 1.0).abs() < 6.0 * (2.0 / n).sqrt(), "{scaling:?}");
        }
    }
    let layer = case.layer(stream(1.0));
    let (mut mean, mut variance) = (vec![f32::NAN; 6], vec![f32::NAN; 6]);
    layer.moments(&case.w, Some(&case.b), &case.x, &mut mean, &mut variance).unwrap();
    assert_eq!((&mean[..3], &mean[3..], variance), (&case.b[..], &case.b[..], vec![0.0; 6]));
}

#[test]
fn errors_write_nothing() {
    let (w, b, x, dy) = ([1.0; 6], [1.0; 3], [1.0; 8], [1.0; 12]);
    let layer = DropConnect::new(stream(0.5), 4, [3, 2]);
    let untouched = |result: Result<(), Error>, out: &[f32], error: Error| {
        assert_eq!(result, Err(error));
        assert!(out.iter().all(|&out| out == 9.0));
    };
    let mismatch = |argument, expected, actual| Error::LengthMismatch { argument, expected, actual };

    let mut y = [9.0; 12];
    let result = layer.forward(&w[1..], None, &x, &mut y);
    untouched(result, &y, mismatch(Argument::Weights, 6, 5));
    let result = layer.forward(&w, Some(&b[1..]), &x, &mut y);
    untouched(result, &y, mismatch(Argument::Bias, 3, 2));
    let result = layer.forward(&w, Some(&b), &x[1..], &mut y);
    untouched(result, &y, mismatch(Argument::Input, 8, 7));
    let result = layer.forward(&w, Some(&b), &x, &mut y[1..]);
    untouched(result, &y, mismatch(Argument::Output, 12, 11));
    let result = layer.evaluate(&w, Some(&b), &x, &mut y[1..]);
    untouched(result, &y, mismatch(Argument::Output, 12, 11));
    let mut variance = [9.0; 11];
    let result = layer.moments(&w, Some(&b), &x, &mut y, &mut variance);
    untouched(result, &y, mismatch(Argument::Output, 12, 11));
    let mask = Mask::new(&[0], 5).unwrap();
    let result = layer.stored(mask).forward(&w, Some(&b), &x, &mut y);
    untouched(result, &y, mismatch(Argument::Mask, 6, 5));
    let result = layer.per_sample(0).stored(mask).forward(&w, Some(&b), &x, &mut y);
    untouched(result, &y, mismatch(Argument::Mask, 24, 5));
    let huge = DropConnect::new(stream(0.5), usize::MAX, [usize::MAX, usize::MAX]);
    let result = huge.forward(&w, None, &x, &mut y);
    untouched(result, &y, mismatch(Argument::Weights, usize::MAX, 6));

    // the last weight has index 2^64 - 1, or one more
    let at = |offset| DropConnect::new(stream(0.5).with_offset(offset), 4, [3, 2]);
    at(u64::MAX - 5).forward(&w, None, &x, &mut [0.0; 12]).unwrap();
    let result = at(u64::MAX - 4).forward(&w, None, &x, &mut y);
    untouched(result, &y, Error::IndexOverflow { offset: u64::MAX - 4, span: 6 });
    let result = layer.index_stride(u64::MAX).forward(&w, None, &x, &mut y);
    untouched(result, &y, Error::IndexOverflow { offset: 0, span: 2 * u128::from(u64::MAX) + 2 });

    // and so for the samples that have masks of their own
    layer.per_sample(u64::MAX - 3).forward(&w, None, &x, &mut [0.0; 12]).unwrap();
    let result = layer.per_sample(u64::MAX - 2).forward(&w, None, &x, &mut y);
    untouched(result, &y, Error::IndexOverflow { offset: u64::MAX - 2, span: 4 });
    // but not where these are stored
    let masks = Mask::new(&[!0], 24).unwrap();
    layer.per_sample(u64::MAX).stored(masks).forward(&w, None, &x, &mut [0.0; 12]).unwrap();
    let stored = at(u64::MAX).stored(Mask::new(&[!0], 6).unwrap());
    stored.forward(&w, None, &x, &mut [0.0; 12]).unwrap();
    stored.backward_input(&w, &dy, &mut [0.0; 8]).unwrap();
    stored.backward_weights(&x, &dy, &mut [0.0; 6]).unwrap();
    stored.backward_weights_add(&x, &dy, &mut [0.0; 6]).unwrap();

    let mut dx = [9.0; 8];
    let result = layer.backward_input(&w, &dy[1..], &mut dx);
    untouched(result, &dx, mismatch(Argument::Input, 12, 11));
    let mut dw = [9.0; 6];
    let result = layer.backward_weights(&x, &dy[1..], &mut dw);
    untouched(result, &dw, mismatch(Argument::Input, 12, 11));
    let result = layer.backward_weights_add(&x[1..], &dy, &mut dw);
    untouched(result, &dw, mismatch(Argument::Input, 8, 7));
    let mut db = [9.0; 2];
    let result = layer.backward_bias(&dy, &mut db);
    untouched(result, &db, mismatch(Argument::Bias, 3, 2));
}

#[test]
fn a_stored_mask_has_no_stride() {
    let mask = Mask::new(&[0b000_111], 6).unwrap();
    let layer = DropConnect::new(stream(0.5).with_scaling(Scaling::Standard), 1, [2, 3]);
    for layer in [layer.stored(mask).index_stride(10), layer.index_stride(10).stored(mask), layer.stored(mask)] {
        let mut y = [f32::NAN; 2];
        layer.forward(&[1.0; 6], None, &[1.0; 3], &mut y).unwrap();
        assert_eq!(y, [3.0, 0.0]);
    }
}

/// What is multiplied by 0 is 0, also if it has overflowed.
#[test]
fn a_factor_of_nothing() {
    for level in Level::supported() {
        let (w, b, x) = ([1e20, f32::INFINITY], [2.0], [1e20, 1.0]);
        let (mut mean, mut variance) = ([f32::NAN], [f32::NAN]);
        let layer = |p| DropConnect::new(stream(p).with_level(level).with_scaling(Scaling::Standard), 1, [1, 2]);
        layer(0.0).moments(&[1e20, 1.0], Some(&b), &[1.0, 1.0], &mut mean, &mut variance).unwrap();
        assert_eq!((mean, variance), ([1e20], [0.0]), "{level}");
        layer(1.0).moments(&w, Some(&b), &x, &mut mean, &mut variance).unwrap();
        assert_eq!((mean, variance), (b, [0.0]), "{level}");
        layer(1.0).evaluate(&w, Some(&b), &x, &mut mean).unwrap();
        assert_eq!(mean, b, "{level}");
    }
}

/// Dimensions without end beside one of 0: done at once.
#[test]
fn endless_shapes_of_nothing() {
    const ENDLESS: usize = usize::MAX;
    for level in Level::supported() {
        for [batch, inputs, outputs] in [[ENDLESS, 0, 0], [0, ENDLESS, 0], [0, 0, ENDLESS]] {
            let shared = DropConnect::new(stream(0.5).with_level(level), batch, [outputs, inputs]);
            // no weights have no indices, whatever those of a row would be
            for layer in [shared, shared.per_sample(0), shared.index_stride(0)] {
                layer.forward(&[], None, &[], &mut []).unwrap();
                layer.evaluate(&[], None, &[], &mut []).unwrap();
                layer.backward_input(&[], &[], &mut []).unwrap();
                layer.backward_weights(&[], &[], &mut []).unwrap();
            }
        }
    }
}
