//! Attention dropout: all levels against the specification, the specification against the definition in `f64`, the
//! gradient against finite differences, and laws.

use crate::common::thinned;
use dropmask::{Argument, Attention, Dropout, Error, Key, Level, Mask, MaskMut, Probability, Scaling, mask_words};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stack of matrices and what is done to it; the number of keys before the first query where it is causal.
#[derive(Clone, Copy, Debug)]
struct Case {
    matrices: usize,
    queries: usize,
    keys: usize,
    causal: Option<isize>,
    renormalise: bool,
}

impl Case {
    const fn new(matrices: usize, queries: usize, keys: usize) -> Self {
        Self { matrices, queries, keys, causal: None, renormalise: false }
    }

    /// Without a causal mask, with one that hides much, and with one that hides little; rescaled and renormalised.
    fn variants(self) -> impl Iterator<Item = Self> {
        [None, Some(0), Some(self.keys as isize - self.queries as isize)]
            .into_iter()
            .flat_map(move |causal| [false, true].map(|renormalise| Self { causal, renormalise, ..self }))
    }

    fn len(self) -> usize {
        self.matrices * self.queries * self.keys
    }

    fn attention(self, stream: Dropout) -> Attention<'static> {
        let attention =
            Attention::new(stream, [1, self.matrices, self.queries, self.keys]).renormalise(self.renormalise);
        self.causal.map_or(attention, |past| attention.causal(past))
    }

    fn visible(self, row: usize) -> usize {
        let seen = |past| (0..self.keys).filter(|k| *k as i128 <= past as i128 + (row % self.queries) as i128).count();
        self.causal.map_or(self.keys, seen)
    }
}

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(11), Probability::new(p).unwrap()).with_offset(77)
}

pub(crate) fn uniform(seed: u64, len: usize, bound: f32) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Whether each element has a bit of 1, as the stream itself says.
fn bits(stream: Dropout, len: usize) -> Vec<bool> {
    let mut words = vec![0; mask_words(len)];
    let mut mask = MaskMut::new(&mut words, len).unwrap();
    stream.fill(&mut mask).unwrap();
    mask.as_mask().iter().collect()
}

fn forward(attention: Attention<'_>, scores: &[f32]) -> Vec<f32> {
    let mut weights = vec![f32::NAN; scores.len()];
    attention.forward(scores, &mut weights).unwrap();
    weights
}

fn backward(attention: Attention<'_>, scores: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut gradient = vec![f32::NAN; scores.len()];
    attention.backward(scores, dy, &mut gradient).unwrap();
    gradient
}

fn evaluate(attention: Attention<'_>, scores: &[f32]) -> Vec<f32> {
    let mut weights = vec![f32::NAN; scores.len()];
    attention.evaluate(scores, &mut weights).unwrap();
    weights
}

/// Equal to the bit, but for the payload of NaNs.
#[track_caller]
pub(crate) fn assert_same(actual: &[f32], expected: &[f32], what: impl std::fmt::Display) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{what}: element {i} is {a:e}, not {b:e}");
    }
}

/// Replaces about one value in `every` by a special one.
pub(crate) fn sprinkle(x: &mut [f32], seed: u64, every: u32) {
    const SPECIAL: [f32; 10] =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::MIN, f32::MAX, 1e-40, -0.0, 0.0, -1e9];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for x in x {
        if rng.random_ratio(1, every) {
            *x = SPECIAL[rng.random_range(0..SPECIAL.len())];
        }
    }
}

#[test]
fn levels_agree() {
    let shapes = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 512, 1000];
    let mut cases: Vec<Case> = shapes.into_iter().map(|keys| Case::new(2, 5, keys)).collect();
    // rows that are drawn one by one, and rows of which one is drawn ahead
    cases.extend([Case::new(1, 3, 4096), Case::new(1, 3, 4097), Case::new(1, 2, 9001)]);
    cases.extend([Case::new(0, 5, 7), Case::new(5, 0, 7), Case::new(1, 200, 3), Case::new(300, 1, 1)]);

    let levels: Vec<Level> = Level::supported().filter(|level| *level != Level::SCALAR).collect();
    println!("levels: {levels:?}");
    for case in thinned(cases.into_iter().flat_map(Case::variants)) {
        let len = case.len();
        for (seed, p, offset) in [
            (0, 0.1, 0),
            (1, 0.5, 63),
            (2, 0.9, 1000),
            (3, 0.0, 5),
            (4, 1.0, 5),
            (5, 0.3, 0_u64.wrapping_sub(len as u64)),
        ] {
            let offset = if len == 0 { 0 } else { offset };
            let mut scores = uniform(seed, len, 20.0);
            let mut dy = uniform(100 + seed, len, 3.0);
            if seed % 2 == 1 {
                sprinkle(&mut scores, seed, 40);
                sprinkle(&mut dy, 100 + seed, 40);
            }
            if let Some(row) = scores.chunks_mut(case.keys.max(1)).nth(1) {
                row.fill(f32::NEG_INFINITY);
            }
            for scaling in [Scaling::Inverted, Scaling::Standard] {
                let at = |level| case.attention(stream(p).with_offset(offset).with_scaling(scaling).with_level(level));
                let scalar = at(Level::SCALAR);
                let expected = [forward(scalar, &scores), backward(scalar, &scores, &dy), evaluate(scalar, &scores)];
                for &level in &levels {
                    let attention = at(level);
                    let what = format!("{level}, {case:?}, p {p}, offset {offset}");
                    assert_same(&forward(attention, &scores), &expected[0], format!("forward, {what}"));
                    assert_same(&backward(attention, &scores, &dy), &expected[1], format!("backward, {what}"));
                    assert_same(&evaluate(attention, &scores), &expected[2], format!("evaluate, {what}"));
                }
                for level in Level::supported() {
                    let (attention, what) = (at(level), format!("{level}, {case:?}, in place"));
                    let mut x = scores.clone();
                    attention.forward_in_place(&mut x).unwrap();
                    assert_same(&x, &expected[0], format!("forward, {what}"));
                    x.clone_from(&scores);
                    attention.backward_in_place(&mut x, &dy).unwrap();
                    assert_same(&x, &expected[1], format!("backward, {what}"));
                    x.clone_from(&scores);
                    attention.evaluate_in_place(&mut x).unwrap();
                    assert_same(&x, &expected[2], format!("evaluate, {what}"));
                }
            }
        }
    }
}

/// Softmax of the scores that count, one row, in `f64`.
fn softmax(scores: &[f64], counts: impl Fn(usize) -> bool) -> Vec<f64> {
    let largest = (0..scores.len()).filter(|&i| counts(i)).map(|i| scores[i]).fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = (0..scores.len()).map(|i| if counts(i) { (scores[i] - largest).exp() } else { 0.0 }).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| if sum == 0.0 { 0.0 } else { e / sum }).collect()
}

/// The definition of the forward pass, in `f64`.
fn reference(case: Case, scores: &[f64], bits: &[bool], scale: f64) -> Vec<f64> {
    let rows = scores.chunks(case.keys).zip(bits.chunks(case.keys)).enumerate();
    rows.flat_map(|(row, (scores, kept))| {
        let visible = case.visible(row);
        let p = softmax(scores, |i| i < visible && (kept[i] || !case.renormalise));
        let scale = if case.renormalise { 1.0 } else { scale };
        p.into_iter().zip(kept).map(move |(p, kept)| if *kept { p * scale } else { 0.0 })
    })
    .collect()
}

/// Relative to each weight, in units of 2^-24: the rounding of the difference from the largest score, which is as great
/// as the difference and enters the weight itself and the sum; two for `exp` in each; one for each addition to an
/// accumulator and for the fold; three products and a quotient.
#[test]
fn is_the_softmax_of_the_definition() {
    for case in [Case::new(2, 3, 1), Case::new(2, 7, 17), Case::new(3, 20, 100), Case::new(1, 9, 1000)] {
        for case in case.variants() {
            for (seed, p, spread) in [(0, 0.1, 1.0), (1, 0.5, 10.0), (2, 0.8, 60.0)] {
                let scores = uniform(seed, case.len(), spread);
                let stream = stream(p);
                let weights = forward(case.attention(stream), &scores);
                let widened: Vec<f64> = scores.iter().map(|&x| f64::from(x)).collect();
                let scale = f64::from(stream.scale());
                let expected = reference(case, &widened, &bits(stream, case.len()), scale);
                for (i, (&actual, &expected)) in weights.iter().zip(&expected).enumerate() {
                    let difference = f64::from(2.0 * spread);
                    let ulps = 2.0 * difference + 4.0 + case.keys as f64 / 16.0 + 4.0 + 4.0;
                    // exponentials below 2^-126 are 0
                    let bound = expected * ulps * 2.0_f64.powi(-24) + scale * 2.0_f64.powi(-126);
                    let error = (f64::from(actual) - expected).abs();
                    assert!(error <= bound, "{case:?}, element {i}: {actual:e}, not {expected:e}");
                    assert!(expected != 0.0 || actual.to_bits() == 0, "{case:?}, element {i}: {actual:e}, not +0.0");
                }
            }
        }
    }
}

/// A central difference of the `f64` reference, step 1e-5, is exact to about 1e-9; the `f32` gradient to about a dozen
/// roundings of numbers below `scale * max|dy| = 4`.
#[test]
fn gradient_is_that_of_the_definition() {
    const STEP: f64 = 1e-5;
    const BOUND: f64 = 4e-6;
    for case in [Case::new(2, 4, 5), Case::new(1, 3, 37)].into_iter().flat_map(Case::variants) {
        let (stream, len) = (stream(0.5), case.len());
        let scores = uniform(1, len, 3.0);
        let dy = uniform(2, len, 2.0);
        let gradient = backward(case.attention(stream), &scores, &dy);
        let kept = bits(stream, len);
        let loss = |scores: &[f64]| -> f64 {
            let weights = reference(case, scores, &kept, f64::from(stream.scale()));
            weights.iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum()
        };
        let mut moved: Vec<f64> = scores.iter().map(|&x| f64::from(x)).collect();
        let mut greatest = 0.0_f64;
        for i in 0..len {
            let x = moved[i];
            moved[i] = x + STEP;
            let above = loss(&moved);
            moved[i] = x - STEP;
            let slope = (above - loss(&moved)) / (2.0 * STEP);
            moved[i] = x;
            let error = (f64::from(gradient[i]) - slope).abs();
            assert!(error < BOUND, "{case:?}, element {i}: {}, not {slope}", gradient[i]);
            greatest = greatest.max(slope.abs());
        }
        assert!(greatest > 0.1, "{case:?}: no gradient to speak of");
    }
}

#[test]
fn is_dropout_after_the_softmax() {
    for case in [Case::new(2, 9, 33), Case { causal: Some(20), ..Case::new(2, 9, 33) }] {
        let scores = uniform(3, case.len(), 5.0);
        let mut expected = evaluate(case.attention(stream(0.3)), &scores);
        stream(0.3).forward_in_place(&mut expected).unwrap();
        assert_same(&forward(case.attention(stream(0.3)), &scores), &expected, "softmax, then dropout");
    }
}

#[test]
fn certain_probabilities() {
    for case in Case::new(3, 8, 21).variants() {
        let (scores, dy) = (uniform(4, case.len(), 5.0), uniform(5, case.len(), 1.0));
        let never = case.attention(stream(0.0));
        assert_same(&forward(never, &scores), &evaluate(never, &scores), "p = 0");
        let always = case.attention(stream(1.0));
        assert_same(&forward(always, &scores), &vec![0.0; case.len()], "p = 1");
        assert_same(&backward(always, &scores, &dy), &vec![0.0; case.len()], "p = 1");
    }
}

#[test]
fn scaling_of_training_and_evaluation() {
    let case = Case::new(2, 3, 19);
    let scores = uniform(6, case.len(), 5.0);
    let p = Probability::new(0.4).unwrap();
    let with = |scaling| case.attention(stream(0.4).with_scaling(scaling));
    let softmax = evaluate(with(Scaling::Inverted), &scores);
    assert_same(&evaluate(with(Scaling::Naive), &scores), &softmax, "naive");
    let expected: Vec<f32> = softmax.iter().map(|y| y * p.keep()).collect();
    assert_same(&evaluate(with(Scaling::Standard), &scores), &expected, "standard");
    let kept = bits(stream(0.4), case.len());
    let expected: Vec<f32> = softmax.iter().zip(kept).map(|(y, kept)| if kept { *y } else { 0.0 }).collect();
    assert_same(&forward(with(Scaling::Standard), &scores), &expected, "standard training");
    // kept weights have a sum of 1 already
    let expected = forward(with(Scaling::Inverted).renormalise(true), &scores);
    assert_same(&forward(with(Scaling::Standard).renormalise(true), &scores), &expected, "renormalised");
    assert_same(&evaluate(with(Scaling::Standard).renormalise(true), &scores), &softmax, "renormalised evaluation");
}

#[test]
fn shards_are_parts_of_the_whole() {
    for renormalise in [false, true] {
        let whole = Case { causal: Some(3), renormalise, ..Case::new(4, 10, 29) };
        let (scores, dy) = (uniform(7, whole.len(), 5.0), uniform(8, whole.len(), 1.0));
        let weights = forward(whole.attention(stream(0.3)), &scores);
        let gradient = backward(whole.attention(stream(0.3)), &scores, &dy);
        let matrices = Case { matrices: 2, ..whole };
        let queries = Case { matrices: 1, queries: 4, causal: Some(3 + 5), ..whole };
        for (shard, start) in [(matrices, 10 * 29), (queries, (2 * 10 + 5) * 29)] {
            let part = start..start + shard.len();
            let attention = shard.attention(stream(0.3).with_offset(77 + start as u64));
            assert_same(&forward(attention, &scores[part.clone()]), &weights[part.clone()], "forward of a shard");
            let shard = backward(attention, &scores[part.clone()], &dy[part.clone()]);
            assert_same(&shard, &gradient[part], "backward of a shard");
        }
    }
}

#[test]
fn causal_is_a_mask_of_minus_infinity() {
    for renormalise in [false, true] {
        let case = Case { causal: Some(2), renormalise, ..Case::new(2, 30, 40) };
        let (mut scores, dy) = (uniform(9, case.len(), 5.0), uniform(10, case.len(), 1.0));
        let hidden = |i: usize| i % case.keys >= case.visible(i / case.keys);
        assert!((0..case.len()).any(hidden));
        let masked: Vec<f32> =
            scores.iter().enumerate().map(|(i, &x)| if hidden(i) { f32::NEG_INFINITY } else { x }).collect();
        // never read
        for i in (0..case.len()).filter(|&i| hidden(i)) {
            scores[i] = f32::NAN;
        }
        let all = Case { causal: None, ..case }.attention(stream(0.3));
        let causal = case.attention(stream(0.3));
        assert_same(&forward(causal, &scores), &forward(all, &masked), "forward");
        let actual = backward(causal, &scores, &dy);
        assert_same(&actual, &backward(all, &masked, &dy), "backward");
        assert!((0..case.len()).filter(|&i| hidden(i)).all(|i| actual[i].to_bits() == 0), "a hidden gradient");
    }
}

#[test]
fn kept_weights_of_a_renormalised_row_sum_to_one() {
    let case = Case { renormalise: true, ..Case::new(1, 2000, 9) };
    let kept = bits(stream(0.7), case.len());
    // dropped scores are not in the way, however great
    let scores: Vec<f32> =
        uniform(11, case.len(), 5.0).iter().zip(&kept).map(|(&x, &kept)| if kept { x } else { 1e30 }).collect();
    let weights = forward(case.attention(stream(0.7)), &scores);
    let mut empty = 0;
    for (row, kept) in weights.chunks(case.keys).zip(kept.chunks(case.keys)) {
        let sum: f64 = row.iter().map(|&y| f64::from(y)).sum();
        if kept.contains(&true) {
            assert!((sum - 1.0).abs() < 1e-6, "{row:?}");
        } else {
            assert!(row.iter().all(|y| y.to_bits() == 0), "{row:?}");
            empty += 1;
        }
    }
    assert!(empty > 0, "no row without a kept weight");
}

#[test]
fn special_scores() {
    let row = Case::new(1, 1, 40);
    let stream = stream(0.5);
    let kept = bits(stream, 40);
    let (dropped, other) = (kept.iter().position(|kept| !kept).unwrap(), kept.iter().position(|kept| *kept).unwrap());
    let (plain, renormalised) = (row.attention(stream), row.attention(stream).renormalise(true));
    let (scores, dy) = (uniform(12, 40, 3.0), uniform(13, 40, 1.0));
    let with = |i: usize, x: f32| {
        let mut scores = scores.clone();
        scores[i] = x;
        scores
    };

    // nothing to attend to: no weight and no gradient
    for attention in [plain, renormalised] {
        let scores = [f32::NEG_INFINITY; 40];
        assert_same(&forward(attention, &scores), &[0.0; 40], "-inf alone");
        assert_same(&backward(attention, &scores, &dy), &[0.0; 40], "-inf alone");
    }
    // one score of -inf has no weight
    assert_eq!(forward(plain, &with(other, f32::NEG_INFINITY))[other].to_bits(), 0);
    for bad in [f32::NAN, f32::INFINITY] {
        // a NaN makes what is kept NaN, even if it is dropped itself, and infinity is all that has a weight
        for at in [dropped, other] {
            let weights = forward(plain, &with(at, bad));
            let is_nan = |i: usize| kept[i] && (bad.is_nan() || i == at);
            assert!((0..40).all(|i| if is_nan(i) { weights[i].is_nan() } else { weights[i].to_bits() == 0 }));
        }
        // dropped scores do not count
        assert_same(&forward(renormalised, &with(dropped, bad)), &forward(renormalised, &scores), "a dropped score");
        assert!(forward(renormalised, &with(other, bad))[other].is_nan());
        // what is dropped has no part in the gradient of the weights
        let mut bad_dy = dy.clone();
        bad_dy[dropped] = bad;
        for attention in [plain, renormalised] {
            let expected = backward(attention, &scores, &dy);
            assert_same(&backward(attention, &scores, &bad_dy), &expected, "a dropped gradient");
        }
    }
    // no overflow
    let weights = evaluate(plain, &with(3, f32::MAX));
    assert!(weights.iter().enumerate().all(|(i, &y)| y == if i == 3 { 1.0 } else { 0.0 }), "{weights:?}");
    let weights = evaluate(plain, &[f32::MIN; 40]);
    assert!(weights.iter().all(|&y| y == 1.0 / 40.0), "{weights:?}");
}

/// The weights, their gradient and evaluation; the same to the bit at every level, by the bits of the stream and by a mask
/// that holds them, out of place and in place.
fn everywhere(case: Case, stream: Dropout, scores: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    let drawn = case.attention(stream.with_level(Level::SCALAR));
    let expected = [forward(drawn, scores), backward(drawn, scores, dy), evaluate(drawn, scores)];
    let kept = bits(stream, case.len());
    for level in Level::supported() {
        let drawn = case.attention(stream.with_level(level));
        let what = format!("{level}, {case:?}, {stream:?}, drawn");
        assert_everywhere(drawn, scores, dy, &expected, &what);
        let words = words(&kept);
        let stored = drawn.stored(Mask::new(&words, case.len()).unwrap());
        assert_everywhere(stored, scores, dy, &expected, &what.replace("drawn", "stored"));
    }
    expected
}

fn words(bits: &[bool]) -> Vec<u64> {
    let mut words = vec![0; mask_words(bits.len())];
    MaskMut::new(&mut words, bits.len()).unwrap().copy_from_bools(bits).unwrap();
    words
}

fn assert_everywhere(
    attention: Attention<'_>,
    scores: &[f32],
    dy: &[f32],
    [weights, gradient, evaluated]: &[Vec<f32>; 3],
    what: &str,
) {
    assert_same(&forward(attention, scores), weights, format!("forward, {what}"));
    assert_same(&backward(attention, scores, dy), gradient, format!("backward, {what}"));
    assert_same(&evaluate(attention, scores), evaluated, format!("evaluate, {what}"));
    let in_place = |run: &dyn Fn(&mut [f32]) -> Result<(), Error>| {
        let mut x = scores.to_vec();
        run(&mut x).unwrap();
        x
    };
    assert_same(&in_place(&|x| attention.forward_in_place(x)), weights, format!("forward in place, {what}"));
    assert_same(&in_place(&|x| attention.backward_in_place(x, dy)), gradient, format!("backward in place, {what}"));
    assert_same(&in_place(&|x| attention.evaluate_in_place(x)), evaluated, format!("evaluate in place, {what}"));
}

/// The definition for any scores and gradients, in `f64`: a factor of 0 is a choice.
struct Definition {
    /// Before dropout, and without it.
    p: Vec<f64>,
    softmax: Vec<f64>,
    /// `None` where dropped.
    dp: Vec<Option<f64>>,
    /// For each element, the sum over its row.
    mean: Vec<f64>,
}

impl Definition {
    fn new(case: Case, stream: Dropout, scores: &[f32], dy: &[f32]) -> Self {
        let kept = bits(stream, case.len());
        let scale = if case.renormalise { 1.0 } else { stream.scale() };
        let mut this = Self { p: Vec::new(), softmax: Vec::new(), dp: Vec::new(), mean: Vec::new() };
        for row in 0..case.matrices * case.queries {
            let at = row * case.keys..(row + 1) * case.keys;
            let (scores, dy, kept) = (&scores[at.clone()], &dy[at.clone()], &kept[at]);
            let visible = case.visible(row);
            let p = probabilities(scores, |i| i < visible && (kept[i] || !case.renormalise));
            let dp: Vec<_> = (0..case.keys).map(|i| kept[i].then_some(f64::from(dy[i] * scale))).collect();
            let terms = (0..case.keys).filter(|&i| p[i] != 0.0).map(|i| dp[i].map_or(p[i] * 0.0, |dp| p[i] * dp));
            this.mean.extend(vec![terms.sum::<f64>(); case.keys]);
            this.softmax.extend(probabilities(scores, |i| i < visible));
            this.p.extend(p);
            this.dp.extend(dp);
        }
        this
    }

    /// Value and size of what is summed to it, or `None` for `+0.0` to the bit.
    fn gradient(&self, i: usize) -> Option<(f64, f64)> {
        let (p, dp, mean) = (self.p[i], self.dp[i].unwrap_or(0.0), self.mean[i]);
        (p != 0.0).then_some((p * (dp - mean), p * (dp.abs() + mean.abs())))
    }

    fn weight(&self, i: usize, scale: f32) -> Option<(f64, f64)> {
        let y = self.p[i] * f64::from(scale);
        (self.p[i] != 0.0 && self.dp[i].is_some()).then_some((y, y))
    }

    fn evaluated(&self, i: usize, factor: f32) -> Option<(f64, f64)> {
        let y = self.softmax[i] * f64::from(factor);
        (y != 0.0).then_some((y, y))
    }
}

/// A NaN is no greatest score; an exponential below 2^-126 is 0.
fn probabilities(scores: &[f32], counts: impl Fn(usize) -> bool) -> Vec<f64> {
    let counted = (0..scores.len()).filter(|&i| counts(i)).map(|i| f64::from(scores[i]));
    let largest = counted.fold(f64::NEG_INFINITY, f64::max);
    let exp = |i: usize| match f64::from(scores[i]) {
        score if !counts(i) || score == f64::NEG_INFINITY => 0.0,
        score => match (score - largest).exp() {
            underflows if underflows < 2.0_f64.powi(-126) => 0.0,
            e => e,
        },
    };
    let sum: f64 = (0..scores.len()).map(exp).sum();
    (0..scores.len()).map(|i| if exp(i) == 0.0 { 0.0 } else { exp(i) / sum }).collect()
}

/// `+0.0` to the bit, NaN for NaN, infinity for infinity, else within the errors of rounding of sums of 100 terms, and of
/// results that are subnormal.
#[track_caller]
fn assert_near(actual: &[f32], expected: impl Fn(usize) -> Option<(f64, f64)>, what: impl std::fmt::Display) {
    for (i, &actual) in actual.iter().enumerate() {
        let what = format!("{what}, element {i}: {actual:e}");
        let Some((expected, size)) = expected(i) else {
            assert_eq!(actual.to_bits(), 0, "{what}, not +0.0");
            continue;
        };
        let actual = f64::from(actual);
        if expected.is_finite() {
            assert!((actual - expected).abs() <= 1e-5 * size + 1e-36, "{what}, not {expected:e}");
        } else {
            assert!(actual == expected || actual.is_nan() && expected.is_nan(), "{what}, not {expected:e}");
        }
    }
}

/// Scores that are masked, that underflow and that are not finite, beside gradients that are not, or are so great that a
/// product with them overflows.
#[test]
fn a_weight_of_zero_is_a_choice() {
    const DY: [f32; 4] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38];
    let shapes = [(2, 5, 3), (2, 4, 16), (3, 7, 17), (1, 6, 64), (2, 3, 100)];
    let mut seen = [0; 4];
    for ((matrices, queries, keys), seed) in shapes.into_iter().zip(0..) {
        for case in Case::new(matrices, queries, keys).variants() {
            for (p, scaling) in [(0.5, Scaling::Inverted), (0.3, Scaling::Standard), (0.0, Scaling::Inverted)] {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let (mut scores, mut dy) = (uniform(seed, case.len(), 5.0), uniform(100 + seed, case.len(), 3.0));
                for (row, (scores, dy)) in scores.chunks_mut(keys).zip(dy.chunks_mut(keys)).enumerate() {
                    for (score, dy) in scores.iter_mut().zip(dy) {
                        let masked = rng.random_ratio(1, 4);
                        if masked {
                            *score = [f32::NEG_INFINITY, -200.0][rng.random_range(0..2)];
                        }
                        // what is not masked gets no such gradient in most rows, so that it has a finite one
                        if rng.random_ratio(1, 3) && (masked || row % 4 == 3) {
                            *dy = DY[rng.random_range(0..if masked { 4 } else { 3 })];
                        }
                    }
                    match row % 7 {
                        2 => scores[rng.random_range(0..keys)] = f32::NAN,
                        4 => scores[rng.random_range(0..keys)] = f32::INFINITY,
                        5 => scores.fill(f32::NEG_INFINITY),
                        _ => {}
                    }
                }
                let stream = stream(p).with_scaling(scaling);
                let [weights, gradient, evaluated] = everywhere(case, stream, &scores, &dy);
                let definition = Definition::new(case, stream, &scores, &dy);
                let what = format!("{case:?}, {stream:?}");
                let (scale, factor) = match (case.renormalise, scaling) {
                    (true, _) => (1.0, 1.0),
                    (_, Scaling::Standard) => (1.0, Probability::new(p).unwrap().keep()),
                    _ => (stream.scale(), 1.0),
                };
                assert_near(&weights, |i| definition.weight(i, scale), format!("weights, {what}"));
                assert_near(&gradient, |i| definition.gradient(i), format!("gradient, {what}"));
                assert_near(&evaluated, |i| definition.evaluated(i, factor), format!("evaluated, {what}"));
                for y in gradient {
                    let kind = if y.is_nan() {
                        0
                    } else if y.is_infinite() {
                        1
                    } else {
                        usize::from(y == 0.0) + 2
                    };
                    seen[kind] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 100), "NaN, infinite, finite, 0: {seen:?}");
}

#[test]
fn a_masked_row_has_no_gradient() {
    let dy = [f32::NAN, 1.0, f32::INFINITY, 1.0];
    for case in Case::new(1, 1, 4).variants() {
        for p in [0.0, 0.5] {
            for results in everywhere(case, stream(p), &[f32::NEG_INFINITY; 4], &dy) {
                assert_same(&results, &[0.0; 4], format!("{case:?}, p {p}"));
            }
        }
    }
}

/// A masked key has no part in the gradients of the others, and none of its own.
#[test]
fn a_masked_key_has_no_gradient() {
    let case = Case::new(3, 4, 40);
    for case in case.variants() {
        for p in [0.0, 0.5] {
            let (mut scores, mut dy) = (uniform(20, case.len(), 5.0), uniform(21, case.len(), 1.0));
            scores.iter_mut().skip(7).step_by(40).for_each(|score| *score = f32::NEG_INFINITY);
            let expected = everywhere(case, stream(p), &scores, &dy);
            assert!(expected[1].iter().skip(7).step_by(40).all(|y| y.to_bits() == 0), "{case:?}, p {p}");
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0] {
                dy.iter_mut().skip(7).step_by(40).for_each(|dy| *dy = bad);
                let actual = everywhere(case, stream(p), &scores, &dy);
                assert_same(&actual[1], &expected[1], format!("{case:?}, p {p}, {bad}"));
            }
        }
    }
}

/// The product of a finite gradient and the scale overflows.
#[test]
fn finite_input_gives_no_nan() {
    let stream = stream(0.5);
    let kept = bits(stream, 64);
    let visible = 5;
    let masked = (0..64).find(|&i| kept[i] && i != visible).unwrap();
    let (mut scores, mut dy) = ([f32::NEG_INFINITY; 64], [1.0; 64]);
    scores[visible] = 0.5;
    dy[masked] = 3e38;
    for case in [Case::new(1, 1, 64), Case { renormalise: true, ..Case::new(1, 1, 64) }] {
        // of the only weight, which is 1 whatever its score
        assert_same(&everywhere(case, stream, &scores, &dy)[1], &[0.0; 64], "one key is visible");
    }
}

/// An exponential that is a normal number times the inverse of a sum of 17 million underflows to 0.
#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "17 million keys: minutes under an emulator")]
fn a_weight_that_underflows_is_zero() {
    const KEYS: usize = 17_000_000;
    let at = 12_345;
    let mut scores = vec![0.0; KEYS];
    scores[at] = -87.33;
    let mut dy = vec![1.0; KEYS];
    let words = vec![!0; mask_words(KEYS)];
    let mut expected = None;
    for level in Level::supported() {
        let stored = Mask::new(&words, KEYS).unwrap();
        let attention = Attention::new(stream(0.0).with_level(level), [1, 1, 1, KEYS]).stored(stored);
        let mut y = scores.clone();
        attention.forward_in_place(&mut y).unwrap();
        assert_eq!((y[at].to_bits(), y[0]), (0, 1.0 / KEYS as f32), "{level}");
        for bad in [1.0, f32::NAN, f32::INFINITY, -3e38] {
            dy[at] = bad;
            y.copy_from_slice(&scores);
            attention.backward_in_place(&mut y, &dy).unwrap();
            assert_eq!(y[at].to_bits(), 0, "{level}, {bad}");
            let other = y[0];
            assert!(y.iter().enumerate().all(|(i, y)| i == at || y.to_bits() == other.to_bits()), "{level}, {bad}");
            assert_eq!(*expected.get_or_insert(other.to_bits()), other.to_bits(), "{level}, {bad}: {other:e}");
        }
    }
}

/// Training drops all, whatever there is to drop, and so does evaluation where its factor is 0.
#[test]
fn nothing_is_kept() {
    let nothing = Probability::from_threshold(0).unwrap();
    for case in Case::new(2, 5, 37).variants() {
        let (mut scores, mut dy) = (uniform(14, case.len(), 5.0), uniform(15, case.len(), 1.0));
        sprinkle(&mut scores, 16, 5);
        sprinkle(&mut dy, 17, 5);
        scores[..37].fill(f32::NAN);
        let zeros = vec![0.0; case.len()];
        let softmax = evaluate(case.attention(stream(0.5)), &scores);
        assert!(softmax.iter().any(|y| y.is_nan()));
        for scaling in [Scaling::Inverted, Scaling::Standard, Scaling::Naive] {
            let stream = Dropout::new(Key::new(11), nothing).with_offset(77).with_scaling(scaling);
            let is_zero = scaling == Scaling::Standard && !case.renormalise;
            let expected = [zeros.clone(), zeros.clone(), if is_zero { &zeros } else { &softmax }.clone()];
            for level in Level::supported() {
                let drawn = case.attention(stream.with_level(level));
                assert_everywhere(drawn, &scores, &dy, &expected, &format!("{level}, {case:?}, {scaling:?}"));
            }
        }
        // bits that are kept, by a mask, times a scale of 0
        let inverted = Dropout::new(Key::new(11), nothing);
        let words = vec![!0; mask_words(case.len())];
        let expected = [zeros.clone(), zeros, softmax];
        for level in Level::supported().filter(|_| !case.renormalise) {
            let stored = case.attention(inverted.with_level(level)).stored(Mask::new(&words, case.len()).unwrap());
            assert_everywhere(stored, &scores, &dy, &expected, &format!("{level}, {case:?}, a mask of 1"));
        }
    }
}

/// More queries than keys, and shards of keys behind those that a query sees.
#[test]
fn a_query_that_sees_nothing_has_weights_of_zero() {
    let past = [isize::MIN, isize::MIN + 3, -1000, -5, -4, -3, -2, -1, 0, isize::MAX - 1, isize::MAX];
    for shape in [Case::new(2, 5, 2), Case::new(1, 4, 70)] {
        let (mut scores, mut dy) = (uniform(18, shape.len(), 3.0), uniform(19, shape.len(), 1.0));
        for (past, renormalise) in past.into_iter().flat_map(|past| [(past, false), (past, true)]) {
            let case = Case { causal: Some(past), renormalise, ..shape };
            let hidden = |i: usize| i % case.keys >= case.visible(i / case.keys);
            assert_eq!((0..case.len()).all(hidden), past <= -(case.queries as isize), "{case:?}");
            for i in (0..case.len()).filter(|&i| hidden(i)) {
                (scores[i], dy[i]) = (f32::NAN, f32::NAN);
            }
            for y in everywhere(case, stream(0.4), &scores, &dy) {
                assert!(y.iter().enumerate().all(|(i, y)| !y.is_nan() && (!hidden(i) || y.to_bits() == 0)), "{case:?}");
            }
            (scores, dy) = (uniform(18, shape.len(), 3.0), uniform(19, shape.len(), 1.0));
        }
    }
    for level in Level::supported() {
        let attention = Attention::new(stream(0.5).with_level(level), [1, 1, 3, 2]).causal(-1);
        assert_eq!(evaluate(attention, &[0.25; 6]), [0.0, 0.0, 1.0, 0.0, 0.5, 0.5]);
    }
}

/// From the number of keys on, up to the greatest that is one.
#[test]
fn every_query_sees_every_key() {
    let shape = Case::new(2, 5, 13);
    let (scores, dy) = (uniform(19, shape.len(), 5.0), uniform(20, shape.len(), 1.0));
    for renormalise in [false, true] {
        let all = Case { renormalise, ..shape };
        let expected = everywhere(all, stream(0.5), &scores, &dy);
        for past in [12, 13, 14, 1000, isize::MAX - 1, isize::MAX] {
            let causal = all.attention(stream(0.5)).causal(past);
            assert_everywhere(causal, &scores, &dy, &expected, &format!("past {past}"));
        }
    }
    // so many rows without keys are done with at once
    for level in Level::supported() {
        let rows = Attention::new(stream(0.5).with_level(level), [1, usize::MAX, usize::MAX, 0]).causal(3);
        assert_eq!(rows.forward(&[], &mut []), Ok(()));
        assert_eq!(rows.backward(&[], &[], &mut []), Ok(()));
        assert_eq!(rows.evaluate_in_place(&mut []), Ok(()));
    }
    let endless = Attention::new(stream(0.5), [1, 0, 5, usize::MAX]);
    assert_eq!(endless.forward(&[], &mut []), Ok(()));
}

#[test]
fn errors_write_nothing() {
    let attention = Attention::new(stream(0.5), [1, 2, 3, 4]);
    let (x, short) = ([1.0; 24], [1.0; 23]);
    let length = |argument| Err(Error::LengthMismatch { argument, expected: 24, actual: 23 });
    let (mut y, mut small) = ([7.0; 24], [7.0; 23]);
    assert_eq!(attention.forward(&short, &mut y), length(Argument::Input));
    assert_eq!(attention.forward(&x, &mut small), length(Argument::Output));
    assert_eq!(attention.forward_in_place(&mut small), length(Argument::Output));
    assert_eq!(attention.evaluate(&short, &mut y), length(Argument::Input));
    assert_eq!(attention.evaluate(&x, &mut small), length(Argument::Output));
    assert_eq!(attention.evaluate_in_place(&mut small), length(Argument::Output));
    assert_eq!(attention.backward(&short, &x, &mut y), length(Argument::Input));
    assert_eq!(attention.backward(&x, &short, &mut y), length(Argument::Input));
    assert_eq!(attention.backward(&x, &x, &mut small), length(Argument::Output));
    assert_eq!(attention.backward_in_place(&mut small, &x), length(Argument::Output));
    assert_eq!(attention.backward_in_place(&mut y, &short), length(Argument::Input));

    let huge = Attention::new(stream(0.5), [1, usize::MAX, 2, 4]);
    assert_eq!(
        huge.forward(&x, &mut y),
        Err(Error::LengthMismatch { argument: Argument::Input, expected: usize::MAX, actual: 24 })
    );

    let offset = u64::MAX - 22;
    let late = Attention::new(stream(0.5).with_offset(offset), [1, 2, 3, 4]);
    let overflow = Err(Error::IndexOverflow { offset, span: 24 });
    assert_eq!(late.forward(&x, &mut y), overflow);
    assert_eq!(late.forward_in_place(&mut y), overflow);
    assert_eq!(late.backward(&x, &x, &mut y), overflow);
    assert_eq!(late.backward_in_place(&mut y, &x), overflow);
    assert_eq!(late.evaluate(&x, &mut y), overflow);
    assert_eq!(late.evaluate_in_place(&mut y), overflow);

    assert_eq!((y, small), ([7.0; 24], [7.0; 23]));
    Attention::new(stream(0.5).with_offset(offset - 1), [1, 2, 3, 4]).forward(&x, &mut y).unwrap();

    // the offset of bits that are not drawn
    let stored = late.stored(Mask::new(&[!0], 24).unwrap());
    stored.forward(&x, &mut y).unwrap();
    stored.backward(&x, &x, &mut y).unwrap();
}

#[test]
fn a_stored_mask_is_the_drawn_one() {
    for level in Level::supported() {
        for shape in [Case::new(2, 5, 7), Case::new(3, 1, 64), Case::new(1, 4, 1025), Case::new(1, 2, 5000)] {
            for case in shape.variants() {
                let (stream, len) = (stream(0.4).with_level(level), case.len());
                let (scores, dy) = (uniform(1, len, 4.0), uniform(2, len, 1.0));
                // from any bit on
                let mut words = vec![0; mask_words(len + 3)];
                let kept: Vec<bool> = [true; 3].into_iter().chain(bits(stream, len)).collect();
                MaskMut::new(&mut words, len + 3).unwrap().copy_from_bools(&kept).unwrap();
                let drawn = case.attention(stream);
                let stored = drawn.stored(Mask::at_bit(&words, 3, len).unwrap());
                let what = format!("{level}, {case:?}");
                assert_same(&forward(stored, &scores), &forward(drawn, &scores), &what);
                assert_same(&backward(stored, &scores, &dy), &backward(drawn, &scores, &dy), &what);
                assert_same(&evaluate(stored, &scores), &evaluate(drawn, &scores), &what);
            }
        }
    }
    // one bit too few
    let words = [0; 1];
    let attention = Attention::new(stream(0.5), [1, 1, 2, 3]).stored(Mask::new(&words, 5).unwrap());
    let mut weights = [9.0; 6];
    let error = Error::LengthMismatch { argument: Argument::Mask, expected: 6, actual: 5 };
    assert_eq!(attention.forward(&[0.0; 6], &mut weights), Err(error));
    assert_eq!(attention.forward_in_place(&mut weights), Err(error));
    assert_eq!(attention.backward(&[0.0; 6], &[0.0; 6], &mut weights), Err(error));
    assert_eq!(weights, [9.0; 6]);
}

/// Where the CPU takes subnormal numbers for 0, a weight that is one is 0 at every level, and counts nowhere.
#[test]
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // the mode of the CPU
fn flushed_weights_are_zero() {
    use std::arch::asm;

    let control = || {
        let mut control = 0_u32;
        // SAFETY: stores the control register of SSE, which every x86-64 has.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control) };
        control
    };
    let set = |control: u32| {
        // SAFETY: loads a value that was stored, with two modes of subnormal numbers set or not; restored below.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control) };
    };
    let before = control();
    let run = |mode: u32, level| {
        let attention = Attention::new(stream(0.0).with_level(level), [1, 1, 1, 3]);
        let (mut weights, mut gradient) = ([7.0; 3], [7.0; 3]);
        set(before | mode);
        attention.forward(&[0.0, 0.0, -87.3], &mut weights).unwrap();
        attention.backward(&[0.0, 0.0, -87.3], &[1.0, 1.0, f32::INFINITY], &mut gradient).unwrap();
        set(before);
        (weights.map(f32::to_bits), gradient.map(f32::to_bits))
    };
    // flush to zero; denormals are zero; both
    for mode in [0x8000, 0x40, 0x8040] {
        let expected = run(mode, Level::SCALAR);
        assert_eq!(expected.1, [0; 3], "{mode:x}");
        for level in Level::supported() {
            assert_eq!(run(mode, level), expected, "{level}, {mode:x}");
        }
    }
}
