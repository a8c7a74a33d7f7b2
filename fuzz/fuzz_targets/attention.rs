//! Softmax with dropout, on stacks of any sizes: every level equals the naive one, and that a softmax in `f64`.
#![no_main]

use std::iter;

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Attention, Error, Level, Mask, mask_words};
use dropmask_fuzz::{Buffer, Number, Output, Settings, Slack, Source, check, len_near, product, size, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Forward,
    /// The softmax in the output, the weights beside it.
    ForwardSoftmax,
    Backward,
    /// The scores are the softmax.
    BackwardSoftmax,
    /// The same, added to what is there.
    Add,
    Evaluate,
}
use Operation::*;

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    #[arbitrary(with = shape)]
    shape: [usize; 4],
    past: Option<Number>,
    renormalise: bool,
    scale: Option<f32>,
    index_strides: Option<[Number; 3]>,
    bias_strides: Option<[Number; 3]>,
    bias_slack: Slack,
    bias: Vec<u32>,
    settings: Settings,
    /// Mask words, their first bit and how many bits there are, in place of the stream.
    stored: Option<(Vec<u64>, u8, Slack)>,
    slack: [Slack; 3],
    lead: [u8; 3],
    /// Whether floats are anything, or of a size that a softmax in `f64` is near.
    wild: bool,
    scores: Vec<u32>,
    dy: Vec<u32>,
    y: Vec<u32>,
}

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.span(input.index_strides()).unwrap_or(u128::MAX)) {
        Case::new(&input, source).check();
    }
});

fn shape(u: &mut Unstructured<'_>) -> arbitrary::Result<[usize; 4]> {
    Ok([u.int_in_range(0..=3)?, size(u)?, size(u)?, size(u)?])
}

impl Input {
    fn elements(&self) -> Option<u128> {
        product(&self.shape)
    }

    /// The distances of samples, heads and queries.
    fn dense(&self) -> [u64; 3] {
        let [_, heads, queries, keys] = self.shape.map(|len| len as u64);
        let matrix = keys.saturating_mul(queries);
        [matrix.saturating_mul(heads), matrix, keys]
    }

    fn index_strides(&self) -> [u64; 3] {
        self.index_strides.map_or(self.dense(), |strides| strides.map(Number::get))
    }

    /// Those of a stored mask, and its number of bits.
    fn stored_strides(&self) -> ([u64; 3], Option<u128>) {
        let shared = self.index_strides().map(|stride| stride == 0);
        let [a, b, c, keys] = self.shape;
        let lens = [a, b, c].iter().zip(shared).map(|(len, shared)| if shared { 1 } else { *len }).collect::<Vec<_>>();
        let inside = |axis: usize| lens[axis + 1..].iter().fold(keys as u64, |n, len| n.saturating_mul(*len as u64));
        let strides = [0, 1, 2].map(|axis| if shared[axis] { 0 } else { inside(axis) });
        (strides, product(&[lens, vec![keys]].concat()))
    }

    fn bias_strides(&self) -> Option<[u64; 3]> {
        self.bias_strides.map(|strides| strides.map(|stride| stride.size() as u64))
    }

    /// From the first to the last index, both counted; `None` where it is beyond all types.
    fn span(&self, strides: [u64; 3]) -> Option<u128> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let axes = self.shape.iter().zip(strides.into_iter().chain([1]));
        axes.map(|(len, stride)| (*len as u128 - 1).checked_mul(stride.into()))
            .try_fold(1, |sum: u128, last| sum.checked_add(last?))
    }

    /// Where the row of an element begins, less than `2^64` in all.
    fn start(&self, i: usize, strides: [u64; 3]) -> u64 {
        let [_, heads, queries, keys] = self.shape;
        let row = i / keys;
        [row / queries / heads, row / queries % heads, row % queries]
            .iter()
            .zip(strides)
            .map(|(at, stride)| *at as u64 * stride)
            .sum()
    }

    fn scale(&self) -> f32 {
        let scale = self.scale.unwrap_or(1.0);
        if self.wild || scale > 0.0 && scale <= 1.0 { scale } else { 0.5 }
    }

    fn reads_softmax(&self) -> bool {
        matches!(self.operation, BackwardSoftmax | Add)
    }

    fn has_gradient(&self) -> bool {
        self.operation == Backward || self.reads_softmax()
    }

    /// There is no accumulation in place.
    fn in_place(&self) -> bool {
        self.in_place && self.operation != Add
    }

    fn buffer(&self, i: usize, drawn: &[u32]) -> Buffer {
        let mut buffer = Buffer::near(drawn, self.lead[i], self.elements(), self.slack[i]);
        if !self.wild {
            // between -16 and 16, with a few of the masks of callers
            for x in buffer.get_mut() {
                let bits = x.to_bits().wrapping_mul(0x9E37_79B9);
                *x = if bits % 16 == 0 { f32::NEG_INFINITY } else { (bits >> 8) as f32 / 524_288.0 - 16.0 };
            }
        }
        buffer
    }
}

struct Case<'a> {
    input: &'a Input,
    source: Source,
    scores: Buffer,
    dy: Buffer,
    bias: Buffer,
    words: Vec<u64>,
    /// Bits of a stored mask.
    len: usize,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let (scores, mut dy, y) =
            (input.buffer(0, &input.scores), input.buffer(1, &input.dy), input.buffer(2, &input.y));
        if !input.wild {
            // the gradient of what has no weight may be anything
            let scores = if input.in_place() { y.get() } else { scores.get() };
            let masked = scores.iter().map(|score| *score == f32::NEG_INFINITY).chain(iter::repeat(false));
            for (dy, masked) in dy.get_mut().iter_mut().zip(masked) {
                *dy = if masked { f32::NAN } else { dy.max(-16.0) };
            }
        }
        let bias_len = input.bias_strides().map_or(Some(0), |strides| input.span(strides));
        let mut bias = Buffer::near(&input.bias, 0, bias_len, input.bias_slack).at_the_end();
        if !input.wild {
            bias.get_mut().iter_mut().for_each(|bias| *bias = (bias.to_bits() >> 8) as f32 / 1_048_576.0);
        }
        let z = input.elements().filter(|&needed| needed <= 9000 && input.operation == ForwardSoftmax).unwrap_or(0);
        let before = Output { y, z: Buffer::new(&[7], 3, z as usize), words: Vec::new() };
        let slack = input.stored.as_ref().map_or(Slack::Exact, |&(.., slack)| slack);
        let len = len_near(input.stored_strides().1, slack, 20_000);
        let drawn = input.stored.as_ref().map(|(drawn, first, _)| words(drawn, mask_words(usize::from(*first) + len)));
        Self { input, source, scores, dy, bias, words: drawn.unwrap_or_default(), len, before }
    }

    fn scores(&self) -> &[f32] {
        if self.input.in_place() { self.before.y.get() } else { self.scores.get() }
    }

    /// With scale and bias.
    fn score(&self, i: usize) -> f32 {
        let scaled = self.scores()[i] * self.input.scale();
        let at = |strides| self.input.start(i, strides) as usize + i % self.input.shape[3];
        self.input.bias_strides().map_or(scaled, |strides| scaled + self.bias.get()[at(strides)])
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| {
            let mut output = self.before.clone();
            self.run(Level::SCALAR, &mut output).expect("good arguments");
            let weights = if self.input.operation == ForwardSoftmax { &output.z } else { &output.y };
            if !self.input.wild && !self.input.reads_softmax() {
                self.check_values(weights.get());
            }
            if self.input.operation != Add {
                self.check_zeros(weights.get());
            }
            (output, ())
        });
        check(&self.before, expected, |level, output| self.run(level, output));
    }

    fn is_valid(&self) -> bool {
        let Some(needed) = self.input.elements() else { return false };
        let fits = |buffer: &Buffer| buffer.get().len() as u128 == needed;
        let bias_fits = self.input.bias_strides().is_none_or(|strides| {
            let (len, exact) = (self.bias.get().len() as u128, strides == self.input.dense());
            self.input.span(strides).is_some_and(|span| len == span || len > span && !exact)
        });
        (self.input.in_place() || fits(&self.scores))
            && (!self.input.has_gradient() || fits(&self.dy))
            && fits(&self.before.y)
            && (self.input.operation != ForwardSoftmax || fits(&self.before.z))
            && bias_fits
            && match self.input.stored {
                None => self.input.span(self.input.index_strides()).is_some_and(|span| self.source.fits(span)),
                Some(_) if needed == 0 || self.input.operation == Evaluate => true,
                Some(_) => self.input.stored_strides().1 == Some(self.len as u128),
            }
    }

    fn run(&self, level: Level, Output { y, z, .. }: &mut Output) -> Result<(), Error> {
        let Self { input, .. } = self;
        let attention = Attention::new(self.source.stream(level), input.shape);
        let attention = attention.renormalise(input.renormalise).scale(input.scale());
        let attention = input.past.map_or(attention, |past| attention.causal(past.size().cast_signed()));
        let attention = input.index_strides.map_or(attention, |_| attention.index_strides(input.index_strides()));
        let bias = |strides: [Number; 3]| attention.bias(self.bias.get(), strides.map(Number::size));
        let attention = input.bias_strides.map_or(attention, bias);
        let attention = match input.stored {
            Some((_, first, _)) => attention.stored(Mask::at_bit(&self.words, first.into(), self.len)?),
            None => attention,
        };
        let (scores, dy, y, z) = (self.scores.get(), self.dy.get(), y.get_mut(), z.get_mut());
        match (input.operation, input.in_place()) {
            (Forward, false) => attention.forward(scores, y),
            (Forward, true) => attention.forward_in_place(y),
            (ForwardSoftmax, false) => attention.forward_softmax(scores, z, y),
            (ForwardSoftmax, true) => attention.forward_softmax_in_place(y, z),
            (BackwardSoftmax, false) => attention.backward_softmax(scores, dy, y),
            (BackwardSoftmax, true) => attention.backward_softmax_in_place(y, dy),
            (Add, _) => attention.backward_softmax_add(scores, dy, y),
            (Backward, false) => attention.backward(scores, dy, y),
            (Backward, true) => attention.backward_in_place(y, dy),
            (Evaluate, false) => attention.evaluate(scores, y),
            (Evaluate, true) => attention.evaluate_in_place(y),
        }
    }

    fn is_visible(&self, i: usize) -> bool {
        let [_, _, queries, keys] = self.input.shape;
        let (query, key) = ((i / keys % queries) as i128, (i % keys) as i128);
        self.input.past.is_none_or(|past| key <= past.size().cast_signed() as i128 + query)
    }

    /// Whether each element is kept.
    fn bits(&self) -> Vec<bool> {
        let (mut bits, strides, keys) = (self.source.bits(), self.input.index_strides(), self.input.shape[3]);
        let mut bit = |i: usize| match self.input.stored {
            None => bits(self.input.start(i, strides) + (i % keys) as u64),
            Some((_, first, _)) => {
                let at = self.input.start(i, self.input.stored_strides().0) as usize + i % keys;
                let bit = usize::from(first) + at;
                self.words[bit / 64] >> (bit % 64) & 1 == 1
            }
        };
        (0..self.before.y.get().len()).map(|i| self.input.operation == Evaluate || bit(i)).collect()
    }

    fn check_zeros(&self, y: &[f32]) {
        let Self { input, source, .. } = self;
        let factor = match input.operation {
            Evaluate if input.renormalise => 1.0,
            Evaluate => source.evaluation_factor(),
            _ if input.stored.is_some() && input.renormalise => 1.0,
            _ if input.stored.is_some() => source.training(),
            _ => source.p.threshold() as f32,
        };
        for (i, (y, kept)) in y.iter().zip(self.bits()).enumerate() {
            let dropped = !kept && (!input.has_gradient() || input.renormalise && !input.reads_softmax());
            let has_weight = match input.reads_softmax() {
                true => self.scores()[i].is_nan() || self.scores()[i] > 0.0,
                false => self.score(i) != f32::NEG_INFINITY,
            };
            let weighted = self.is_visible(i) && !dropped && factor != 0.0 && has_weight;
            assert!(y.to_bits() == 0 || weighted, "element {i}: {y:?}");
        }
    }

    /// Errors of rounding alone: of an argument of exp up to 48, of sums of thousands, and results below 2^-126.
    fn check_values(&self, y: &[f32]) {
        let Self { input, source, .. } = self;
        let (bits, keys) = (self.bits(), input.shape[3]);
        let scale = match (input.operation, input.renormalise) {
            (_, true) => 1.0,
            (Evaluate, false) => source.evaluated(1.0),
            (_, false) => source.training(),
        };
        for start in (0..y.len()).step_by(keys.max(1)) {
            let row = start..start + keys;
            let counts = |i: usize| self.is_visible(i) && (bits[i] || !input.renormalise);
            let exp = |i: usize| if counts(i) { f64::from(self.score(i)).exp() } else { 0.0 };
            let sum: f64 = row.clone().map(exp).sum();
            let p = |i: usize| if sum == 0.0 { 0.0 } else { exp(i) / sum };
            let has_gradient = |i: usize| bits[i] && p(i) != 0.0;
            let dp = |i: usize| if has_gradient(i) { f64::from(self.dy.get()[i]) * f64::from(scale) } else { 0.0 };
            let mean: f64 = if input.operation == Backward { row.clone().map(|i| p(i) * dp(i)).sum() } else { 0.0 };
            for i in row {
                let (expected, size) = match input.operation {
                    Backward => (p(i) * (dp(i) - mean) * f64::from(input.scale()), 16.0 * p(i)),
                    _ => (if bits[i] { p(i) * f64::from(scale) } else { 0.0 }, p(i)),
                };
                let bound = f64::from(scale) * (1e-4 * size + 1e-35);
                assert!((f64::from(y[i]) - expected).abs() <= bound, "element {i}: {}, expected {expected}", y[i]);
            }
        }
    }
}
