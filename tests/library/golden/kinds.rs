//! A test for each kind of `family.json`.

use std::iter::repeat;

use dropmask::rand_core::Rng;
use dropmask::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::common::{fill, generator as xoshiro};

/// A case of a kind.
trait Case: DeserializeOwned {
    fn check(self, level: Level);
}

/// Checks cases at every level.
fn check_cases<C: Case>(cases: &[Value]) {
    for level in Level::supported() {
        for (i, case) in cases.iter().enumerate() {
            println!("case {i}, {level}");
            serde_json::from_value::<C>(case.clone()).unwrap().check(level);
        }
    }
}

/// A test for each kind.
macro_rules! kinds {
    ($($kind:ident: $case:ty,)*) => {
        pub(super) const KINDS: &[&str] = &[$(stringify!($kind)),*];

        pub(super) fn check(kind: &str, cases: &[Value]) {
            println!("{kind}");
            match kind {
                $(stringify!($kind) => check_cases::<$case>(cases),)*
                _ => unreachable!("{kind} has no test"),
            }
        }

        $(
            #[test]
            fn $kind() {
                check(stringify!($kind), &family(FAMILY)[stringify!($kind)]);
            }
        )*
    };
}

kinds! {
    numbers: Numbers,
    generator: Generator,
    scaling: ScalingCase,
    special: Special,
    residual: Residual,
    rows: RowsCase,
    channels: ChannelsCase,
    samples: Samples,
    per_sample: PerSample,
    embedding: Embedding,
    attention: AttentionCase,
    bias: Bias,
    relu: Relu,
    alpha: Alpha,
    select: Choices,
    cutout: CutoutCase,
    drop_block: DropBlockCase,
    connect: Connect,
    monte_carlo: MonteCarlo,
    uncertainty: Uncertainty,
    layer: Layer,
}

#[derive(Deserialize)]
struct Numbers {
    #[serde(deserialize_with = "hex")]
    key: u64,
    n: u64,
    numbers: Vec<u64>,
}

impl Case for Numbers {
    fn check(self, _: Level) {
        let actual: Vec<u64> = (0..8).map(|i| Key::from_raw(self.key).below(i, self.n)).collect();
        assert_eq!(actual, self.numbers);
    }
}

#[derive(Deserialize)]
struct Generator {
    seed: u64,
    #[serde(deserialize_with = "hex")]
    p: u64,
    len: usize,
    mask: Words,
    #[serde(deserialize_with = "hex")]
    next: u64,
}

impl Case for Generator {
    fn check(self, _: Level) {
        let mut rng = xoshiro(self.seed);
        let words = stored(self.len, |mask| {
            mask.fill_from_rng(probability(self.p), &mut rng);
            Ok(())
        });
        assert_eq!(words, self.mask.0);
        assert_eq!(rng.next_u64(), self.next, "it has drawn more, or less");
    }
}

#[derive(Deserialize)]
struct ScalingCase {
    stream: Stream,
    len: usize,
    mask: Words,
    inverted: Floats,
    unscaled: Floats,
    standard_evaluation: Floats,
}

impl Case for ScalingCase {
    fn check(self, level: Level) {
        let (stream, x) = (self.stream.at(level), values(1, self.len));
        assert_eq!(fill(&stream, self.len), self.mask.0);
        let copy = Floats(x.clone());
        for (scaling, training, evaluation) in [
            (Scaling::Inverted, &self.inverted, &copy),
            (Scaling::Standard, &self.unscaled, &self.standard_evaluation),
            (Scaling::Naive, &self.unscaled, &copy),
        ] {
            let stream = stream.with_scaling(scaling);
            assert_same(&written(self.len, |y| stream.forward(&x, y)), training);
            assert_same(&written(self.len, |y| stream.backward(&x, y)), training);
            assert_same(&written(self.len, |y| stream.evaluate(&x, y)), evaluation);
        }
    }
}

#[derive(Deserialize)]
struct Special {
    stream: Stream,
    x: Floats,
    r: Floats,
    y: Floats,
    sum: Floats,
}

impl Case for Special {
    fn check(self, level: Level) {
        let (stream, Floats(x), Floats(r)) = (self.stream.at(level), self.x, self.r);
        assert_same(&written(x.len(), |y| stream.forward(&x, y)), &self.y);
        assert_same(&written(x.len(), |y| stream.forward_residual(&x, &r, y)), &self.sum);
    }
}

#[derive(Deserialize)]
struct Residual {
    stream: Stream,
    len: usize,
    sum: Floats,
    standard_evaluation: Floats,
}

impl Case for Residual {
    fn check(self, level: Level) {
        let (stream, x, r) = (self.stream.at(level), values(1, self.len), values(2, self.len));
        assert_same(&written(self.len, |y| stream.forward_residual(&x, &r, y)), &self.sum);
        assert_same(&after(r.clone(), |r| stream.forward_add(&x, r)), &self.sum);
        let standard = stream.with_scaling(Scaling::Standard);
        assert_same(&written(self.len, |y| standard.evaluate_residual(&x, &r, y)), &self.standard_evaluation);
    }
}

#[derive(Deserialize)]
struct RowsCase {
    stream: Stream,
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
    y: Floats,
    mask: Words,
}

impl Case for RowsCase {
    fn check(self, level: Level) {
        let rows =
            Layout::rows(self.rows, self.columns).strides([self.stride, 1]).index_strides([self.index_stride, 1]);
        let (stream, len) = (self.stream.at(level).with_layout(rows), self.y.0.len());
        let x = values(1, len);
        assert_same(&after(values(2, len), |y| stream.forward(&x, y)), &self.y);
        let bits = if self.index_stride == 0 { self.columns } else { self.rows * self.columns };
        assert_eq!(fill(&stream, bits), self.mask.0);
    }
}

#[derive(Deserialize)]
struct ChannelsCase {
    stream: Stream,
    shape: [usize; 3],
    index_stride: u64,
    mask: Words,
    first: Floats,
    last: Floats,
}

impl Case for ChannelsCase {
    fn check(self, level: Level) {
        let [n, c, s] = self.shape;
        let x = values(1, n * c * s);
        let first = Layout::channels_first(n, c, s).index_strides([self.index_stride, 1, 0]);
        let last = Layout::channels_last(n, s, c).index_strides([self.index_stride, 0, 1]);
        for (layout, expected) in [(first, &self.first), (last, &self.last)] {
            let stream = self.stream.at(level).with_layout(layout);
            assert_same(&written(x.len(), |y| stream.forward(&x, y)), expected);
            let bits = if self.index_stride == 0 { c } else { n * c };
            assert_eq!(fill(&stream, bits), self.mask.0);
        }
    }
}

#[derive(Deserialize)]
struct Samples {
    stream: Stream,
    samples: usize,
    len: usize,
    scaled: Floats,
    unscaled: Floats,
    sum: Floats,
}

impl Case for Samples {
    fn check(self, level: Level) {
        let stream = self.stream.at(level).with_layout(Layout::samples(self.samples, self.len));
        let len = self.samples * self.len;
        let (x, r) = (values(1, len), values(2, len));
        assert_same(&written(len, |y| stream.forward(&x, y)), &self.scaled);
        assert_same(&written(len, |y| stream.with_scaling(Scaling::Naive).forward(&x, y)), &self.unscaled);
        assert_same(&written(len, |y| stream.forward_residual(&x, &r, y)), &self.sum);
    }
}

#[derive(Deserialize)]
struct PerSample {
    stream: Stream,
    probabilities: Floats,
    len: usize,
    y: Floats,
    sum: Floats,
    samples: Floats,
    standard_evaluation: Floats,
}

impl Case for PerSample {
    fn check(self, level: Level) {
        let p: Vec<_> = self.probabilities.0.iter().map(|p| Probability::new(*p).unwrap()).collect();
        let (stream, len) = (self.stream.at(level), p.len() * self.len);
        let (x, r, samples) = (values(1, len), values(2, len), stream.per_sample(&p));
        assert_same(&written(len, |y| samples.forward(&x, y)), &self.y);
        assert_same(&written(len, |y| samples.forward_residual(&x, &r, y)), &self.sum);
        let whole = stream.with_layout(Layout::samples(p.len(), self.len));
        assert_same(&written(len, |y| whole.per_sample(&p).forward(&x, y)), &self.samples);
        let standard = stream.with_scaling(Scaling::Standard);
        assert_same(&written(len, |y| standard.per_sample(&p).evaluate(&x, y)), &self.standard_evaluation);
    }
}

#[derive(Deserialize)]
struct Embedding {
    stream: Stream,
    vocabulary: usize,
    dimension: usize,
    ids: Vec<u32>,
    mask: Words,
    lookup: Floats,
    rows: Floats,
    dtable: Floats,
}

impl Case for Embedding {
    fn check(self, level: Level) {
        let Self { vocabulary, dimension, ids, .. } = self;
        let (stream, table, rows) = (self.stream.at(level), vocabulary * dimension, ids.len() * dimension);
        assert_eq!(fill(&stream, vocabulary), self.mask.0);
        let mask = Mask::new(&self.mask.0, vocabulary).unwrap();
        for dropout in [
            EmbeddingDropout::new(stream, [vocabulary, dimension]),
            EmbeddingDropout::new(stream, [vocabulary, dimension]).stored(mask),
        ] {
            assert_same(&written(rows, |y| dropout.lookup(&ids, &values(1, table), y)), &self.lookup);
            assert_same(&written(rows, |y| dropout.forward(&ids, &values(2, rows), y)), &self.rows);
            assert_same(&written(rows, |dx| dropout.backward(&ids, &values(2, rows), dx)), &self.rows);
            let dtable = after(values(3, table), |dtable| dropout.backward_table(&ids, &values(2, rows), dtable));
            assert_same(&dtable, &self.dtable);
        }
    }
}

#[derive(Deserialize)]
struct AttentionCase {
    stream: Stream,
    shape: [usize; 4],
    past: Option<isize>,
    renormalise: bool,
    strides: Option<[u64; 3]>,
    scale: f32,
    bias_strides: Option<[usize; 3]>,
    bias_len: usize,
    mask: Words,
    softmax: Doubles,
    weights: Doubles,
    gradient: Doubles,
}

impl Case for AttentionCase {
    /// With u = 2^-24, half an ulp: differences of the scores are exact, exp is within 2 u, the sum of at most 32 of them
    /// adds 2 u and 6 roundings, its inverse, the weight and its scale one each: weights are within 14 u < 2^-20 of
    /// themselves. In the gradient `P * (dP - D)`, with `|dP|` at most 4 times the scale, `D` has 22 u of that and the
    /// difference of twice that 15 u: within 60 u of `P` times 4 times the scale, < 2^-16 of `P` times the scale. Scale and bias
    /// of the scores are exact.
    fn check(self, level: Level) {
        let (shape @ [samples, heads, queries, keys], stream) = (self.shape, self.stream.at(level));
        let len = samples * heads * queries * keys;
        let (scores, dy, bias) = (values(1, len), values(2, len), values(3, self.bias_len));
        let attention = Attention::new(stream, shape).renormalise(self.renormalise).scale(self.scale);
        let attention = self.past.map_or(attention, |past| attention.causal(past));
        let attention = self.strides.map_or(attention, |strides| attention.index_strides(strides));
        let attention = self.bias_strides.map_or(attention, |strides| attention.bias(&bias, strides));
        let [softmax, weights, gradient] = [
            written(len, |y| attention.evaluate(&scores, y)),
            written(len, |y| attention.forward(&scores, y)),
            written(len, |dscores| attention.backward(&scores, &dy, dscores)),
        ];
        let p = written(len, |p| attention.forward_softmax(&scores, &mut vec![0.0; len], p));
        let of_softmax = written(len, |dscores| attention.backward_softmax(&p, &dy, dscores));

        let kept = Mask::new(&self.mask.0, len).unwrap();
        if self.strides.is_none() {
            assert_eq!(fill(&stream, len), self.mask.0);
        }
        for (i, weight) in weights.iter().enumerate() {
            let last = |past: isize| past + (i / keys % queries) as isize;
            let hidden = self.past.is_some_and(|past| (i % keys) as isize > last(past));
            assert_eq!(weight.to_bits() == 0, hidden || !kept.get(i).unwrap(), "weight {i}: {weight}");
            let zero = hidden || self.renormalise && !kept.get(i).unwrap();
            assert!(!zero || gradient[i].to_bits() == 0, "gradient {i}: {}", gradient[i]);
            assert!(!zero || of_softmax[i].to_bits() == 0, "gradient {i}: {}", of_softmax[i]);
        }
        let size = if self.renormalise { &self.weights } else { &self.softmax };
        for (actual, expected, size, bound) in [
            (softmax, &self.softmax, &self.softmax, 2_f64.powi(-20)),
            (weights, &self.weights, &self.weights, 2_f64.powi(-20)),
            (p, size, size, 2_f64.powi(-20)),
            (gradient, &self.gradient, size, 2_f64.powi(-16) * f64::from(stream.scale())),
            (of_softmax, &self.gradient, size, 2_f64.powi(-16) * f64::from(stream.scale())),
        ] {
            let actual: Vec<f64> = actual.into_iter().map(f64::from).collect();
            let bounds = size.0.iter().map(|size| size * bound);
            assert_close(&actual, expected, bounds);
        }
    }
}

#[derive(Deserialize)]
struct Bias {
    stream: Stream,
    rows: usize,
    columns: usize,
    y: Floats,
    sum: Floats,
    dx: Floats,
    db: Floats,
}

impl Case for Bias {
    fn check(self, level: Level) {
        let (dropout, len) = (BiasDropout::new(self.stream.at(level)), self.rows * self.columns);
        let (x, b, r, dy) = (values(1, len), values(2, self.columns), values(3, len), values(4, len));
        assert_same(&written(len, |y| dropout.forward(&x, &b, y)), &self.y);
        assert_same(&written(len, |y| dropout.forward_residual(&x, &b, &r, y)), &self.sum);
        let mut db = vec![123.0; self.columns];
        assert_same(&written(len, |dx| dropout.backward(&dy, dx, &mut db)), &self.dx);
        assert_same(&db, &self.db);
    }
}

#[derive(Deserialize)]
struct Relu {
    stream: Stream,
    len: usize,
    mask: Words,
    y: Floats,
    dx: Floats,
}

impl Case for Relu {
    fn check(self, level: Level) {
        let (dropout, len) = (ReluDropout::new(self.stream.at(level)), self.len);
        let mut y = vec![123.0; len];
        assert_eq!(stored(len, |mask| dropout.forward(&values(1, len), &mut y, mask)), self.mask.0);
        assert_same(&y, &self.y);
        let mask = Mask::new(&self.mask.0, len).unwrap();
        assert_same(&written(len, |dx| dropout.backward(&values(2, len), dx, mask)), &self.dx);
    }
}

#[derive(Deserialize)]
struct Alpha {
    stream: Stream,
    shape: [usize; 3],
    alpha: Passes,
    feature_alpha: Passes,
}

#[derive(Deserialize)]
struct Passes {
    y: Floats,
    dx: Floats,
}

impl Case for Alpha {
    fn check(self, level: Level) {
        let ([n, c, s], stream) = (self.shape, self.stream.at(level));
        let len = n * c * s;
        for (stream, expected) in
            [(stream, &self.alpha), (stream.with_layout(Layout::channels_first(n, c, s)), &self.feature_alpha)]
        {
            let dropout = AlphaDropout::new(stream);
            assert_same(&written(len, |y| dropout.forward(&values(1, len), y)), &expected.y);
            assert_same(&written(len, |dx| dropout.backward(&values(2, len), dx)), &expected.dx);
        }
    }
}

#[derive(Deserialize)]
struct Choices {
    stream: Stream,
    rows: usize,
    columns: usize,
    mean: Floats,
    flat: Choice,
    by_row: Choice,
}

#[derive(Deserialize)]
struct Choice {
    y: Floats,
    da: Floats,
    db: Floats,
    da_sum: Floats,
    db_sum: Floats,
}

impl Case for Choices {
    fn check(self, level: Level) {
        let (stream, len) = (self.stream.at(level), self.rows * self.columns);
        let by_row = stream.with_layout(Layout::samples(self.rows, self.columns));
        let (a, b, dy, z) = (values(1, len), values(2, len), values(3, len), values(4, len));
        for (stream, expected) in [(stream, &self.flat), (by_row, &self.by_row)] {
            let select = Select::new(stream);
            assert_same(&written(len, |y| select.forward(&a, &b, y)), &expected.y);
            assert_same(&written(len, |da| select.backward_a(&dy, da)), &expected.da);
            assert_same(&written(len, |db| select.backward_b(&dy, db)), &expected.db);
            assert_same(&after(z.clone(), |da| select.backward_a_add(&dy, da)), &expected.da_sum);
            assert_same(&after(z.clone(), |db| select.backward_b_add(&dy, db)), &expected.db_sum);
            assert_same(&written(len, |y| select.evaluate(&a, &b, y)), &self.mean);
        }
    }
}

#[derive(Deserialize)]
struct CutoutCase {
    #[serde(deserialize_with = "hex")]
    key: u64,
    shape: [usize; 4],
    size: [usize; 2],
    count: u32,
    first_sample: u64,
    boxes: Vec<Vec<[[usize; 2]; 2]>>,
    outside: Words,
}

impl Case for CutoutCase {
    fn check(self, _: Level) {
        let cutout = Cutout::new(Key::from_raw(self.key), self.shape, self.size);
        let cutout = cutout.count(self.count).first_sample(self.first_sample);
        for (sample, expected) in (self.first_sample..=u64::MAX).zip(&self.boxes) {
            let boxes: Vec<_> = cutout.boxes(sample).map(|sides| sides.map(|side| [side.start, side.end])).collect();
            assert_eq!(&boxes, expected);
        }
        let x = values(1, self.shape.iter().product());
        let outside = Mask::new(&self.outside.0, x.len()).unwrap();
        let expected =
            Floats(x.iter().zip(outside.iter()).map(|(&x, outside)| if outside { x } else { 0.0 }).collect());
        assert_same(&written(x.len(), |y| cutout.forward(&x, y)), &expected);
    }
}

#[derive(Deserialize)]
struct DropBlockCase {
    stream: Stream,
    shape: [usize; 4],
    block: usize,
    shared_channels: bool,
    gamma_scale: f64,
    gamma_threshold: u64,
    seeds: u64,
    mask: Words,
    kept: u64,
    y: Floats,
}

impl Case for DropBlockCase {
    fn check(self, level: Level) {
        let dropout = DropBlock::new(self.stream.at(level), self.shape, self.block).unwrap();
        let dropout = dropout.shared_channels(self.shared_channels).gamma_scale(self.gamma_scale).unwrap();
        assert_eq!((dropout.gamma().threshold(), dropout.seeds()), (self.gamma_threshold, self.seeds));
        let x = values(1, self.y.0.len());
        let (mut y, mut count) = (vec![123.0; x.len()], None);
        let len = dropout.mask_len();
        let words = stored(len, |mask| dropout.forward(&x, &mut y, mask).map(|kept| count = Some(kept)));
        assert_eq!(words, self.mask.0);
        assert_eq!(count, Some(KeptCount::new(self.kept, len as u64)));
        assert_eq!(dropout.count(), Ok(count.unwrap()));
        assert_same(&y, &self.y);
        assert_same(&written(x.len(), |y| dropout.replay(&x, y, count.unwrap())), &self.y);
        let mask = Mask::new(&words, len).unwrap();
        assert_same(&written(x.len(), |dx| dropout.backward(&x, dx, mask, count.unwrap())), &self.y);
    }
}

#[derive(Deserialize)]
struct Connect {
    stream: Stream,
    samples: usize,
    outputs: usize,
    inputs: usize,
    mask: Words,
    sample_masks: Vec<Words>,
    shared: Products,
    per_sample: Products,
    mean: Doubles,
    variance: Doubles,
}

#[derive(Deserialize)]
struct Products {
    y: Doubles,
    dx: Doubles,
    dw: Doubles,
}

impl Case for Connect {
    fn check(self, level: Level) {
        let (stream, weights, x_len) = (self.stream.at(level), self.outputs * self.inputs, self.samples * self.inputs);
        assert_eq!(fill(&stream, weights), self.mask.0);
        assert_eq!(self.sample_masks.len(), self.samples);
        for (n, expected) in (0..).zip(&self.sample_masks) {
            assert_eq!(fill(&self.stream.with_key(self.stream.key().derive(n), level), weights), expected.0);
        }

        let y_len = self.samples * self.outputs;
        let (w, b, x, dy) = (values(1, weights), values(2, self.outputs), values(3, x_len), values(4, y_len));
        // sums of at most 13 numbers below 2^5, each rounding at most 2^-24 of a partial sum
        let close = |actual: &[f32], expected: &Doubles, size: f64| {
            let actual: Vec<f64> = actual.iter().copied().map(f64::from).collect();
            assert_close(&actual, expected, repeat(size * 2e-4));
        };
        let layer = DropConnect::new(stream, self.samples, [self.outputs, self.inputs]);
        for (layer, expected) in [(layer, &self.shared), (layer.per_sample(0), &self.per_sample)] {
            close(&written(y_len, |y| layer.forward(&w, Some(&b), &x, y)), &expected.y, 1.0);
            close(&written(x_len, |dx| layer.backward_input(&w, &dy, dx)), &expected.dx, 1.0);
            close(&written(weights, |dw| layer.backward_weights(&x, &dy, dw)), &expected.dw, 1.0);
        }
        let mut mean = vec![0.0; y_len];
        let variance = written(y_len, |variance| layer.moments(&w, Some(&b), &x, &mut mean, variance));
        close(&mean, &self.mean, 1.0);
        close(&variance, &self.variance, 16.0);
    }
}

/// Of moments and entropies in `f64`.
const CLOSE: f64 = 1e-13;

#[derive(Deserialize)]
struct MonteCarlo {
    stream: Stream,
    samples: usize,
    len: usize,
    shared: Vec<Floats>,
    per_sample: Vec<Floats>,
    mean: Doubles,
    population_variance: Doubles,
    sample_variance: Doubles,
}

impl Case for MonteCarlo {
    fn check(self, level: Level) {
        let (stream, samples, len) = (self.stream.at(level), self.samples, self.samples * self.len);
        let x = values(1, len);
        let (mut mean, mut squares, mut variance) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
        let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
        for ((t, shared), per_sample) in (0..).zip(&self.shared).zip(&self.per_sample) {
            let y = written(len, |y| stream.pass_shared(t, samples, self.len).forward(&x, y));
            assert_same(&y, shared);
            moments.push(&y).unwrap();
            let single = written(len, |y| {
                let mut pairs = x.chunks(self.len).zip(y.chunks_mut(self.len)).zip(0..);
                pairs.try_for_each(|((x, y), sample)| stream.pass_per_sample(t, sample).forward(x, y))
            });
            assert_same(&single, per_sample);
        }
        assert_close(moments.mean(), &self.mean, repeat(CLOSE));
        moments.population_variance(&mut variance).unwrap();
        assert_close(&variance, &self.population_variance, repeat(CLOSE));
        moments.sample_variance(&mut variance).unwrap();
        assert_close(&variance, &self.sample_variance, repeat(CLOSE));
    }
}

#[derive(Deserialize)]
struct Uncertainty {
    classes: usize,
    passes: Vec<Floats>,
    predictive: Doubles,
    expected: Doubles,
    mutual: Doubles,
}

impl Case for Uncertainty {
    fn check(self, _: Level) {
        let rows = self.expected.0.len();
        let (mut mean, mut entropy, mut out) = (vec![0.0; rows * self.classes], vec![0.0; rows], vec![0.0; rows]);
        let mut uncertainty = ClassUncertainty::new(self.classes, &mut mean, &mut entropy).unwrap();
        self.passes.iter().for_each(|pass| uncertainty.push(&pass.0).unwrap());
        assert_close(uncertainty.expected_entropy(), &self.expected, repeat(CLOSE));
        uncertainty.predictive_entropy(&mut out).unwrap();
        assert_close(&out, &self.predictive, repeat(CLOSE));
        uncertainty.mutual_information(&mut out).unwrap();
        assert_close(&out, &self.mutual, repeat(CLOSE));
    }
}

#[derive(Deserialize)]
struct Layer {
    stream: Stream,
    step: u64,
    len: usize,
    y: Vec<Floats>,
    after: u64,
}

impl Case for Layer {
    fn check(self, level: Level) {
        let mut layer = DropoutLayer::new(self.stream.at(level)).at_step(self.step);
        let x = values(1, self.len);
        for expected in &self.y {
            assert_same(&written(self.len, |y| layer.train(&x, y)), expected);
            assert_same(&written(self.len, |dx| layer.backward(&x, dx)), expected);
        }
        assert_eq!(layer.step(), self.after);
    }
}
