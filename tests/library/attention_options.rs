//! Attention with index strides, scale, bias and the softmax as an output: all levels against the specification, and laws that
//! say what each option is by calls without it.

use crate::common::thinned;
use dropmask::{Argument, Attention, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, mask_words};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::attention::{assert_same, sprinkle, uniform};

type Run<'a> = &'a dyn Fn(&mut [f32]) -> Result<(), Error>;

#[derive(Clone, Debug)]
struct Case {
    shape: [usize; 4],
    p: f32,
    offset: u64,
    past: Option<isize>,
    renormalise: bool,
    index_strides: Option<[u64; 3]>,
    stored: bool,
    scale: f32,
    bias: Option<[usize; 3]>,
}

/// The slices that a case reads.
struct Data {
    scores: Vec<f32>,
    dy: Vec<f32>,
    before: Vec<f32>,
    bias: Vec<f32>,
    words: Vec<u64>,
}

impl Case {
    fn dense(&self) -> [usize; 3] {
        let [_, heads, queries, keys] = self.shape;
        [heads * queries * keys, queries * keys, keys]
    }

    fn len(&self) -> usize {
        self.shape.into_iter().product()
    }

    fn random(rng: &mut ChaCha8Rng) -> Self {
        const KEYS: [usize; 14] = [1, 1, 2, 3, 5, 8, 16, 17, 33, 64, 65, 100, 130, 300];
        let mut shape = [0; 4].map(|_: usize| rng.random_range(1..4));
        shape[2] = rng.random_range(1..6);
        shape[3] = KEYS[rng.random_range(0..KEYS.len())];
        match rng.random_range(0..30) {
            0 => shape = [1, 1, 2, [600, 4100, 5000][rng.random_range(0..3)]],
            1 => shape[rng.random_range(0..4)] = 0,
            _ => {}
        }
        let mut this = Self {
            shape,
            p: [0.0, 0.1, 0.5, 0.5, 0.8, 1.0][rng.random_range(0..6)],
            offset: [0, 5, 64, 1000, 1 << 40][rng.random_range(0..5)],
            past: rng.random_bool(0.5).then(|| rng.random_range(-7..7_i32) as isize * (1 + shape[3] as isize / 8)),
            renormalise: rng.random(),
            index_strides: None,
            stored: rng.random_ratio(1, 3),
            scale: [1.0, 1.0, 0.125, 3.0, -0.3, 0.0][rng.random_range(0..6)],
            bias: None,
        };
        // some axes share, some are those of a larger tensor
        let mut strides =
            || this.dense().map(|stride| [stride, stride, 0, stride + 7, 3 * stride, 2][rng.random_range(0..6)]);
        let (bits, bias) = (strides(), strides());
        this.index_strides = rng.random_bool(0.7).then_some(bits.map(|stride| stride as u64));
        this.bias = rng.random_bool(0.6).then_some(bias);
        this
    }

    fn data(&self, seed: u64) -> Data {
        let layout = self.bias.map(|[b, h, q]| self.layout([b as u64, h as u64, q as u64]));
        let [samples, heads, queries, keys] = self.shape.map(|len| len.saturating_sub(1));
        let last = |layout: Layout| layout.index_of([samples, heads, queries, keys]) as usize + 1;
        let bias = if self.len() == 0 { 0 } else { layout.map_or(0, last) };
        let mask = self.bits();
        let mut words = vec![0; mask_words(mask.mask_len())];
        let fill =
            Dropout::new(Key::new(5), Probability::new(self.p).unwrap()).with_offset(self.offset).with_layout(mask);
        fill.fill(&mut MaskMut::new(&mut words, mask.mask_len()).unwrap()).unwrap();
        let of = |n: u64, len: usize, bound: f32| uniform(10 * seed + n, len, bound);
        let (scores, dy) = (of(0, self.len(), 9.0), of(1, self.len(), 3.0));
        Data { scores, dy, before: of(2, self.len(), 1.0), bias: of(3, bias, 2.0), words }
    }

    fn layout(&self, [b, h, q]: [u64; 3]) -> Layout {
        Layout::broadcast(self.shape, [false; 4]).index_strides([b, h, q, 1])
    }

    fn bits(&self) -> Layout {
        self.layout(self.index_strides.unwrap_or(self.dense().map(|stride| stride as u64)))
    }

    fn dropout(&self, level: Level) -> Dropout {
        Dropout::new(Key::new(5), Probability::new(self.p).unwrap()).with_offset(self.offset).with_level(level)
    }

    fn attention<'a>(&self, data: &'a Data, level: Level) -> Attention<'a> {
        let mut attention =
            Attention::new(self.dropout(level), self.shape).renormalise(self.renormalise).scale(self.scale);
        if let Some(past) = self.past {
            attention = attention.causal(past);
        }
        if let Some(strides) = self.index_strides {
            attention = attention.index_strides(strides);
        }
        if let Some(strides) = self.bias {
            attention = attention.bias(&data.bias, strides);
        }
        if self.stored {
            attention = attention.stored(Mask::new(&data.words, self.bits().mask_len()).unwrap());
        }
        attention
    }

    /// The same without scale and bias.
    fn plain<'a>(&self, data: &'a Data, level: Level) -> Attention<'a> {
        Self { scale: 1.0, bias: None, ..self.clone() }.attention(data, level)
    }

    /// `scores * scale + bias`.
    fn scores(&self, data: &Data) -> Vec<f32> {
        let mut scores: Vec<f32> = data.scores.iter().map(|x| x * self.scale).collect();
        if let Some(strides) = self.bias {
            let [_, heads, queries, keys] = self.shape;
            for (i, x) in scores.iter_mut().enumerate() {
                let (row, key) = (i / keys, i % keys);
                let place = [row / queries / heads, row / queries % heads, row % queries];
                *x += data.bias[place.iter().zip(strides).map(|(at, stride)| at * stride).sum::<usize>() + key];
            }
        }
        scores
    }

    fn hidden(&self, i: usize) -> bool {
        let [_, _, queries, keys] = self.shape;
        self.past.is_some_and(|past| (i % keys) as isize > past + (i / keys % queries) as isize)
    }
}

fn written(len: usize, run: Run<'_>) -> Vec<f32> {
    after(&vec![f32::NAN; len], run)
}

fn after(y: &[f32], run: Run<'_>) -> Vec<f32> {
    let mut y = y.to_vec();
    run(&mut y).unwrap();
    y
}

/// What all operations make of a case, the same out of place and in place.
fn everything(attention: Attention<'_>, data: &Data, what: &str) -> [Vec<f32>; 6] {
    let Data { scores, dy, before, .. } = data;
    let len = scores.len();
    let weights = written(len, &|y| attention.forward(scores, y));
    let gradient = written(len, &|y| attention.backward(scores, dy, y));
    let evaluated = written(len, &|y| attention.evaluate(scores, y));
    assert_same(&after(scores, &|y| attention.forward_in_place(y)), &weights, what);
    assert_same(&after(scores, &|y| attention.backward_in_place(y, dy)), &gradient, what);
    assert_same(&after(scores, &|y| attention.evaluate_in_place(y)), &evaluated, what);

    let mut softmax = vec![f32::NAN; len];
    let beside = written(len, &|weights| attention.forward_softmax(scores, weights, &mut softmax.clone()));
    attention.forward_softmax(scores, &mut vec![f32::NAN; len], &mut softmax).unwrap();
    assert_same(&beside, &weights, what);
    let mut in_place = scores.clone();
    let beside = written(len, &|weights| attention.forward_softmax_in_place(&mut in_place.clone(), weights));
    attention.forward_softmax_in_place(&mut in_place, &mut vec![f32::NAN; len]).unwrap();
    assert_same(&beside, &weights, what);
    assert_same(&in_place, &softmax, what);

    let of_softmax = written(len, &|y| attention.backward_softmax(&softmax, dy, y));
    assert_same(&after(&softmax, &|y| attention.backward_softmax_in_place(y, dy)), &of_softmax, what);
    let sum = after(before, &|y| attention.backward_softmax_add(&softmax, dy, y));
    [weights, gradient, evaluated, softmax, of_softmax, sum]
}

fn cases(seed: u64) -> impl Iterator<Item = (u64, Case)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..600).map(move |i| (i, Case::random(&mut rng)))
}

#[test]
fn levels_agree() {
    for (seed, case) in thinned(cases(1)) {
        let mut data = case.data(seed);
        if seed % 2 == 1 {
            for x in [&mut data.scores, &mut data.dy, &mut data.bias, &mut data.before] {
                sprinkle(x, seed, 40);
            }
        }
        let expected = everything(case.attention(&data, Level::SCALAR), &data, &format!("{case:?}"));
        for level in Level::supported() {
            let actual = everything(case.attention(&data, level), &data, &format!("{level}, {case:?}"));
            for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                assert_same(actual, expected, format!("{level}, operation {i}, {case:?}"));
            }
        }
    }
}

/// The softmax of anything that the caller says is one.
#[test]
fn levels_agree_on_what_is_no_softmax() {
    for (seed, case) in cases(2) {
        let data = case.data(seed);
        let mut p = uniform(seed, case.len(), 1.0);
        sprinkle(&mut p, seed, 5);
        p.iter_mut().skip(3).step_by(7).for_each(|p| *p *= 1e-38);
        let run = |level| {
            let attention = case.attention(&data, level);
            let gradient = written(case.len(), &|y| attention.backward_softmax(&p, &data.dy, y));
            let sum = after(&data.before, &|y| attention.backward_softmax_add(&p, &data.dy, y));
            [gradient, sum].concat()
        };
        let expected = run(Level::SCALAR);
        for (i, p) in p.iter().enumerate().filter(|(_, p)| **p <= 0.0) {
            assert_eq!(expected[i].to_bits(), 0, "{case:?}, element {i}, {p}");
        }
        for level in Level::supported() {
            assert_same(&run(level), &expected, format!("{level}, {case:?}"));
        }
    }
}

#[test]
fn options_are_what_they_say() {
    let mut near = 0.0_f64;
    for (seed, case) in thinned(cases(3)) {
        let (data, what) = (case.data(seed), format!("{case:?}"));
        let attention = case.attention(&data, Level::detect());
        let [weights, gradient, evaluated, softmax, of_softmax, sum] = everything(attention, &data, &what);

        // scale and bias are those of the scores
        let plain = Data { scores: case.scores(&data), ..case.data(seed) };
        let expected = everything(case.plain(&data, Level::detect()), &plain, &what);
        assert_same(&weights, &expected[0], &what);
        assert_same(&evaluated, &expected[2], &what);
        assert_same(&softmax, &expected[3], &what);
        for (actual, expected) in [(&gradient, &expected[1]), (&of_softmax, &expected[4])] {
            let scaled: Vec<f32> = expected.iter().map(|dx| dx * case.scale + 0.0).collect();
            let actual: Vec<f32> = actual.iter().map(|dx| dx + 0.0).collect();
            assert_same(&actual, &scaled, &what);
        }
        // the softmax before dropout, and the dropout of that in the layout of the bits
        if !case.renormalise {
            assert_same(&softmax, &evaluated, &what);
            let mut expected = softmax.clone();
            case.dropout(Level::detect()).with_layout(case.bits()).forward_in_place(&mut expected).unwrap();
            assert_same(&weights, &expected, &what);
        }
        // drawn or stored
        let other = Case { stored: !case.stored, ..case.clone() };
        let other = everything(other.attention(&data, Level::detect()), &data, &what);
        assert_same(
            &other.concat(),
            &[&weights, &gradient, &evaluated, &softmax, &of_softmax, &sum].map(Vec::as_slice).concat(),
            &what,
        );
        // accumulation is a sum
        let scale = if case.renormalise { 1.0 } else { case.dropout(Level::detect()).scale() };
        let keys = case.shape[3].max(1);
        for (i, (sum, before)) in sum.iter().zip(&data.before).enumerate() {
            let expected = if case.hidden(i) || case.p == 1.0 { *before } else { before + of_softmax[i] };
            assert_eq!(sum.to_bits(), expected.to_bits(), "{what}, element {i}");
            assert!(!case.hidden(i) || gradient[i].to_bits() == 0 && softmax[i].to_bits() == 0, "{what}, element {i}");
            // the bound that the documentation states
            let row = i / keys * keys..(i / keys + 1) * keys;
            let of = |i: usize| f64::from(data.dy[i].abs() * scale);
            let total: f64 = row.map(|i| f64::from(softmax[i]) * of(i)).sum();
            let bound = (keys as f64 / 8.0 + 24.0) * 2_f64.powi(-24) * f64::from(softmax[i]) * (of(i) + total);
            let error = f64::from(gradient[i] - of_softmax[i]).abs();
            let bound = bound * f64::from(case.scale.abs()) + 1e-35;
            assert!(error <= bound, "{what}, element {i}: {} and {}", gradient[i], of_softmax[i]);
            near = near.max(error / bound);
        }
    }
    assert!(near > 0.01, "a bound that says nothing: {near}");
}

/// Heads of a batch, as tensor parallelism cuts them, and keys, whose bits are those of the whole.
#[test]
fn shards_are_parts_of_the_whole() {
    let (shape, len) = ([3, 6, 5, 40], 3 * 6 * 5 * 40);
    let strides = [6 * 5 * 40, 5 * 40, 40];
    for (level, renormalise) in Level::supported().flat_map(|level| [(level, false), (level, true)]) {
        let dropout = Dropout::new(Key::new(1), Probability::new(0.4).unwrap()).with_level(level);
        let (scores, dy) = (uniform(1, len, 5.0), uniform(2, len, 1.0));
        let whole = Attention::new(dropout, shape).causal(3).renormalise(renormalise);
        let weights = written(len, &|y| whole.forward(&scores, y));
        let gradient = written(len, &|y| whole.backward(&scores, &dy, y));
        let heads = |x: &[f32]| -> Vec<f32> { x.chunks(1200).flat_map(|x| &x[2 * 200..4 * 200]).copied().collect() };
        let shard = Attention::new(dropout.with_offset(2 * strides[1]), [3, 2, 5, 40]);
        let shard = shard.index_strides(strides).causal(3).renormalise(renormalise);
        let (x, d) = (heads(&scores), heads(&dy));
        assert_same(&written(1200, &|y| shard.forward(&x, y)), &heads(&weights), "heads");
        assert_same(&written(1200, &|y| shard.backward(&x, &d, y)), &heads(&gradient), "heads");

        // keys 16..40, the only ones that have a weight
        let keys = |x: &[f32]| -> Vec<f32> { x.chunks(40).flat_map(|x| &x[16..]).copied().collect() };
        let hidden = |i: usize| i % 40 < 16;
        let masked: Vec<f32> =
            scores.iter().enumerate().map(|(i, x)| if hidden(i) { f32::NEG_INFINITY } else { *x }).collect();
        let whole = Attention::new(dropout, shape).causal(30).renormalise(renormalise);
        let shard = Attention::new(dropout.with_offset(16), [3, 6, 5, 24]).index_strides(strides);
        let shard = shard.causal(30 - 16).renormalise(renormalise);
        let kept = |weights: Vec<f32>| -> Vec<bool> { weights.iter().map(|weight| *weight != 0.0).collect() };
        let expected = kept(keys(&written(len, &|y| whole.forward(&masked, y))));
        assert_eq!(kept(written(len / 40 * 24, &|y| shard.forward(&keys(&scores), y))), expected);
    }
}

#[test]
fn a_softmax_of_zero_has_no_gradient() {
    for level in Level::supported() {
        let dropout = Dropout::new(Key::new(1), Probability::new(0.0).unwrap()).with_level(level);
        let p = [0.5, 0.0, 0.5, -0.0];
        for (scale, bad) in [(1.0, f32::NAN), (-2.0, f32::INFINITY), (f32::NAN, 1.0), (f32::INFINITY, -3e38)] {
            let attention = Attention::new(dropout, [1, 1, 1, 4]).scale(scale);
            let dscores = written(4, &|y| attention.backward_softmax(&p, &[1.0, bad, 2.0, bad], y));
            assert_eq!([dscores[1].to_bits(), dscores[3].to_bits()], [0; 2], "{level}, {scale}, {bad}");
            assert_same(&[dscores[0], dscores[2]], &[-0.25 * scale, 0.25 * scale], format!("{level}, {scale}"));
        }
    }
}

#[test]
fn errors_write_nothing() {
    let dropout = Dropout::new(Key::new(1), Probability::new(0.5).unwrap());
    let attention = Attention::new(dropout, [2, 2, 3, 4]);
    let (x, mut y, mut z) = ([1.0; 48], [7.0; 48], [7.0; 48]);
    let length = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    let input = length(Argument::Input, 48, 47);
    let output = length(Argument::Output, 48, 47);
    assert_eq!(attention.forward_softmax(&x[1..], &mut y, &mut z), input);
    assert_eq!(attention.forward_softmax(&x, &mut y[1..], &mut z), output);
    assert_eq!(attention.forward_softmax(&x, &mut y, &mut z[1..]), output);
    assert_eq!(attention.forward_softmax_in_place(&mut y, &mut z[1..]), output);
    assert_eq!(attention.backward_softmax(&x[1..], &x, &mut y), input);
    assert_eq!(attention.backward_softmax(&x, &x[1..], &mut y), input);
    assert_eq!(attention.backward_softmax(&x, &x, &mut y[1..]), output);
    assert_eq!(attention.backward_softmax_in_place(&mut y, &x[1..]), input);
    assert_eq!(attention.backward_softmax_add(&x, &x[1..], &mut y), input);
    assert_eq!(attention.backward_softmax_add(&x, &x, &mut y[1..]), output);

    // a bias: of all elements, or up to the last of those that its strides have
    let bias = [1.0; 49];
    for (strides, expected, exact) in [([24, 12, 4], 48, true), ([0, 12, 4], 24, false), ([0, 0, 0], 4, false)] {
        for len in 0..=49 {
            let attention = attention.bias(&bias[..len], strides);
            let fits = if exact { len == expected } else { len >= expected };
            let result = if fits { Ok(()) } else { length(Argument::Bias, expected, len) };
            assert_eq!(attention.evaluate(&x, &mut [0.0; 48]), result);
            let before = y;
            assert_eq!(attention.backward_softmax_add(&x, &x, &mut y), result);
            assert!(fits || y == before);
            y = [7.0; 48];
        }
    }
    assert_eq!(attention.bias(&bias, [usize::MAX; 3]).forward(&x, &mut y), length(Argument::Bias, usize::MAX, 49));
    // of nothing
    let nothing = Attention::new(dropout, [0, 2, 3, 4]);
    nothing.bias(&[], [24, 12, 4]).forward(&[], &mut []).unwrap();
    nothing.bias(&bias, [0, 12, 4]).forward(&[], &mut []).unwrap();

    // the greatest index counts
    let span = 1_u128 + 40 + 2 * 9 + 3;
    let late = Attention::new(dropout.with_offset(u64::MAX - 60), [2, 2, 3, 4]).index_strides([40, 0, 9]);
    assert_eq!(late.forward(&x, &mut y), Err(Error::IndexOverflow { offset: u64::MAX - 60, span }));
    let far = attention.index_strides([u64::MAX; 3]);
    assert_eq!(
        far.backward(&x, &x, &mut y),
        Err(Error::IndexOverflow { offset: 0, span: 4 * u128::from(u64::MAX) + 4 })
    );
    Attention::new(dropout.with_offset(u64::MAX - 61), [2, 2, 3, 4])
        .index_strides([40, 0, 9])
        .forward(&x, &mut [0.0; 48])
        .unwrap();

    // one bit for all heads
    let words = [!0; 1];
    let shared = attention.index_strides([12, 0, 4]);
    shared.stored(Mask::new(&words, 24).unwrap()).forward(&x, &mut [0.0; 48]).unwrap();
    for len in [12, 23, 25, 48] {
        let stored = shared.stored(Mask::new(&words, len).unwrap());
        assert_eq!(stored.forward(&x, &mut y), length(Argument::Mask, 24, len));
    }
    // where there are no elements, no bit is read
    let nothing = Attention::new(dropout, [0, 2, 3, 4]).index_strides([0, 12, 4]);
    for len in [0, 24, 48] {
        nothing.stored(Mask::new(&words, len).unwrap()).forward(&[], &mut []).unwrap();
    }
    // a mask of what is kept has the last word where the softmax is of that alone
    let none = Attention::new(Dropout::new(Key::new(1), Probability::new(1.0).unwrap()), [1, 1, 1, 2]);
    let (kept, mut weights) = (none.stored(Mask::new(&words, 2).unwrap()), [7.0; 2]);
    kept.renormalise(true).forward(&[0.0; 2], &mut weights).unwrap();
    assert_eq!(weights, [0.5; 2]);
    kept.forward(&[0.0; 2], &mut weights).unwrap();
    assert_eq!(weights, [0.0; 2]);
    assert_eq!((y, z), ([7.0; 48], [7.0; 48]));
}
