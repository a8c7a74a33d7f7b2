//! Softmax with dropout, on stacks of any sizes: every level equals the naive one, and that a softmax in `f64`.
#![no_main]

use std::iter;

use arbitrary::Arbitrary;
use dropmask::{Attention, Error, Level};
use dropmask_fuzz::{Buffer, Number, Output, Settings, Slack, Source, check, product, size};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Forward,
    Backward,
    Evaluate,
}
use Operation::*;

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    #[arbitrary(with = size)]
    matrices: usize,
    #[arbitrary(with = size)]
    queries: usize,
    #[arbitrary(with = size)]
    keys: usize,
    past: Option<Number>,
    renormalise: bool,
    settings: Settings,
    slack: [Slack; 3],
    lead: [u8; 3],
    /// Whether floats are anything, or of a size that a softmax in `f64` is near.
    wild: bool,
    scores: Vec<u32>,
    dy: Vec<u32>,
    y: Vec<u32>,
}

fuzz_target!(|input: Input| {
    let elements = input.elements();
    if let Some(source) = input.settings.source(elements.unwrap_or(u128::MAX)) {
        Case::new(&input, source).check();
    }
});

impl Input {
    fn elements(&self) -> Option<u128> {
        product(&[self.matrices, self.queries, self.keys])
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
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let (scores, mut dy, y) =
            (input.buffer(0, &input.scores), input.buffer(1, &input.dy), input.buffer(2, &input.y));
        if !input.wild {
            // the gradient of what has no weight may be anything
            let scores = if input.in_place { y.get() } else { scores.get() };
            let masked = scores.iter().map(|score| *score == f32::NEG_INFINITY).chain(iter::repeat(false));
            for (dy, masked) in dy.get_mut().iter_mut().zip(masked) {
                *dy = if masked { f32::NAN } else { dy.max(-16.0) };
            }
        }
        let before = Output { y, z: Buffer::new(&[], 0, 0), words: Vec::new() };
        Self { input, source, scores, dy, before }
    }

    fn scores(&self) -> &[f32] {
        if self.input.in_place { self.before.y.get() } else { self.scores.get() }
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| {
            let mut output = self.before.clone();
            self.run(Level::SCALAR, &mut output).expect("good arguments");
            if !self.input.wild {
                self.check_values(output.y.get());
            }
            self.check_zeros(output.y.get());
            (output, ())
        });
        check(&self.before, expected, |level, output| self.run(level, output));
    }

    fn is_valid(&self) -> bool {
        let Some(needed) = self.input.elements() else { return false };
        let fits = |buffer: &Buffer| buffer.get().len() as u128 == needed;
        (self.input.in_place || fits(&self.scores))
            && (self.input.operation != Backward || fits(&self.dy))
            && fits(&self.before.y)
            && self.source.fits(needed)
            && self.input.past.is_none_or(|past| past.size() <= isize::MAX as usize)
    }

    fn run(&self, level: Level, Output { y, .. }: &mut Output) -> Result<(), Error> {
        let Self { input, .. } = self;
        let attention = Attention::new(self.source.stream(level), input.matrices, input.queries, input.keys);
        let attention = attention.renormalise(input.renormalise);
        let attention = input.past.map_or(attention, |past| attention.causal(past.size()));
        let (scores, dy, y) = (self.scores.get(), self.dy.get(), y.get_mut());
        match (input.operation, input.in_place) {
            (Forward, false) => attention.forward(scores, y),
            (Forward, true) => attention.forward_in_place(y),
            (Backward, false) => attention.backward(scores, dy, y),
            (Backward, true) => attention.backward_in_place(y, dy),
            (Evaluate, false) => attention.evaluate(scores, y),
            (Evaluate, true) => attention.evaluate_in_place(y),
        }
    }

    fn is_visible(&self, i: usize) -> bool {
        let query = i / self.input.keys % self.input.queries;
        self.input.past.is_none_or(|past| i % self.input.keys <= past.size().saturating_add(query))
    }

    /// Whether each element is kept.
    fn bits(&self) -> Vec<bool> {
        let mut bits = self.source.bits();
        (0..self.before.y.get().len() as u64).map(|i| self.input.operation == Evaluate || bits(i)).collect()
    }

    fn check_zeros(&self, y: &[f32]) {
        let Self { input, source, .. } = self;
        let factor = match input.operation {
            Evaluate if input.renormalise => 1.0,
            Evaluate => source.evaluation_factor(),
            Forward | Backward => source.p.threshold() as f32,
        };
        for (i, (y, kept)) in y.iter().zip(self.bits()).enumerate() {
            let dropped = !kept && (input.operation != Backward || input.renormalise);
            let weighted = self.is_visible(i) && !dropped && factor != 0.0 && self.scores()[i] != f32::NEG_INFINITY;
            assert!(y.to_bits() == 0 || weighted, "element {i}: {y:?}");
        }
    }

    /// Errors of rounding alone: of an argument of exp up to 32, of sums of thousands, and results below 2^-126.
    fn check_values(&self, y: &[f32]) {
        let Self { input, source, .. } = self;
        let (scores, bits) = (self.scores(), self.bits());
        let scale = match (input.operation, input.renormalise) {
            (_, true) => 1.0,
            (Evaluate, false) => source.evaluated(1.0),
            (Forward | Backward, false) => source.training(),
        };
        for start in (0..y.len()).step_by(input.keys.max(1)) {
            let row = start..start + input.keys;
            let counts = |i: usize| self.is_visible(i) && (bits[i] || !input.renormalise);
            let exp = |i: usize| if counts(i) { f64::from(scores[i]).exp() } else { 0.0 };
            let sum: f64 = row.clone().map(exp).sum();
            let p = |i: usize| if sum == 0.0 { 0.0 } else { exp(i) / sum };
            let has_gradient = |i: usize| bits[i] && p(i) != 0.0;
            let dp = |i: usize| if has_gradient(i) { f64::from(self.dy.get()[i]) * f64::from(scale) } else { 0.0 };
            let mean: f64 = if input.operation == Backward { row.clone().map(|i| p(i) * dp(i)).sum() } else { 0.0 };
            for i in row {
                let (expected, size) = match input.operation {
                    Backward => (p(i) * (dp(i) - mean), 16.0 * p(i)),
                    _ => (if bits[i] { p(i) * f64::from(scale) } else { 0.0 }, p(i)),
                };
                let bound = f64::from(scale) * (1e-4 * size + 1e-35);
                assert!((f64::from(y[i]) - expected).abs() <= bound, "element {i}: {}, expected {expected}", y[i]);
            }
        }
    }
}
