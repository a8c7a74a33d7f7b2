//! Bias, ReLU and alpha dropout in every shape of a stream.
#![no_main]

use arbitrary::Arbitrary;
use dropmask::{AlphaDropout, BiasDropout, Error, Level, Mask, MaskMut, ReluDropout, Scaling, mask_words};
use dropmask_fuzz::{Buffer, MAX_LEN, Output, Settings, Shape, Slack, Source, check, len_near, masked, size, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Bias,
    BiasResidual,
    BiasAdd,
    BiasBackward,
    BiasBackwardAdd,
    BiasEvaluate,
    BiasEvaluateResidual,
    Relu,
    ReluBackward,
    ReluBackwardAdd,
    ReluEvaluate,
    Alpha,
    AlphaBackward,
    AlphaBackwardAdd,
    AlphaEvaluate,
}
use Operation::*;

impl Operation {
    const fn has_bias(self) -> bool {
        matches!(self, Bias | BiasResidual | BiasAdd | BiasEvaluate | BiasEvaluateResidual)
    }

    const fn has_bias_gradient(self) -> bool {
        matches!(self, BiasBackward | BiasBackwardAdd)
    }

    /// Needs nothing of the stream but the scale and the rows.
    const fn uses_stored(self) -> bool {
        matches!(self, ReluBackward | ReluBackwardAdd)
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum BiasLen {
    /// Of a row, or of a divisor.
    Fits(u8),
    Any(#[arbitrary(with = size)] usize),
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    shape: Shape,
    settings: Settings,
    bias: BiasLen,
    slack: [Slack; 4],
    lead: [u8; 4],
    x: Vec<u32>,
    r: Vec<u32>,
    b: Vec<u32>,
    y: Vec<u32>,
    mask: Vec<u64>,
}

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.shape.span()) {
        Case::new(&input, source).check();
    }
});

struct Case<'a> {
    input: &'a Input,
    source: Source,
    x: Buffer,
    r: Buffer,
    /// The bias; its gradient is the second slice of the output.
    b: Buffer,
    mask_len: usize,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let Input { shape, lead, .. } = *input;
        let buffer = |drawn, i: usize, slack| Buffer::near(drawn, lead[i], shape.elements(), slack);
        let y_slack = if shape.is_slice() { Slack::Exact } else { input.slack[2] };
        let y = buffer(&input.y, 2, y_slack);
        let b_len = match (input.bias, shape) {
            (BiasLen::Any(len), _) => len.min(MAX_LEN),
            (BiasLen::Fits(_), Shape::Rows { columns, .. }) => columns.min(MAX_LEN),
            (BiasLen::Fits(n), _) => {
                let divisors: Vec<_> = (1..=y.get().len()).filter(|n| y.get().len().is_multiple_of(*n)).collect();
                divisors.get(usize::from(n) % divisors.len().max(1)).copied().unwrap_or(0)
            }
        };
        let needed = Self::mask_bits(shape, y.get().len());
        let mask_len = len_near(Some(needed), input.slack[3], 64 * MAX_LEN);
        Self {
            source,
            x: buffer(&input.x, 0, input.slack[0]),
            r: buffer(&input.r, 1, input.slack[1]),
            b: Buffer::new(&input.b, lead[3], b_len),
            before: Output {
                y,
                z: Buffer::new(&input.b, lead[3], b_len),
                words: words(&input.mask, mask_words(mask_len) + 2),
            },
            mask_len,
            input,
        }
    }

    /// Of a stored mask: one bit an element, from a word on for each of the rows that were asked for.
    fn mask_bits(shape: Shape, len: usize) -> u128 {
        if let Shape::Rows { .. } = shape { shape.bits().mask_bits() } else { len as u128 }
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| (self.expected(), ()));
        check(&self.before, expected, |level, output| self.run(level, output));
    }

    const fn in_place(&self) -> bool {
        let possible = matches!(
            self.input.operation,
            Bias | BiasResidual | BiasBackward | Relu | ReluBackward | Alpha | AlphaBackward
        );
        self.input.in_place && possible
    }

    fn is_valid(&self) -> bool {
        let Input { operation, shape, .. } = *self.input;
        let (x_len, y_len) = (self.x.get().len(), self.before.y.get().len());
        let rows = matches!(shape, Shape::Rows { .. });
        // a stored mask has a bit an element, whatever channels these were of
        let fits = |len| if operation.uses_stored() && !rows { len == y_len } else { shape.fits(len) };
        let slices = (self.in_place() || fits(x_len)) && fits(y_len);
        let r = !matches!(operation, BiasResidual | BiasEvaluateResidual) || fits(self.r.get().len());
        let b_len = self.b.get().len();
        let b = match shape {
            _ if !(operation.has_bias() || operation.has_bias_gradient()) => true,
            Shape::Rows { rows: 0, .. } | Shape::Rows { columns: 0, .. } => true,
            Shape::Rows { columns, .. } => b_len == columns,
            _ => y_len == 0 || b_len > 0 && y_len.is_multiple_of(b_len),
        };
        let needed = Self::mask_bits(shape, y_len);
        let mask = match operation {
            // nothing is read of it where rows have no elements
            ReluBackward | ReluBackwardAdd if rows && needed == 0 => true,
            Relu | ReluBackward | ReluBackwardAdd => self.mask_len as u128 == needed,
            _ => true,
        };
        let alpha = matches!(operation, Alpha | AlphaBackward | AlphaBackwardAdd | AlphaEvaluate);
        let scaling = !alpha || self.source.factor.scaling() == Scaling::Inverted;
        slices && r && b && mask && scaling && (operation.uses_stored() || self.source.fits(shape.span()))
    }

    fn run(&self, level: Level, Output { y, z, words }: &mut Output) -> Result<(), Error> {
        let stream = self.input.shape.stream(self.source.stream(level));
        let (bias, relu, alpha) = (BiasDropout::new(stream), ReluDropout::new(stream), AlphaDropout::new(stream));
        let (x, r, b, y, db) = (self.x.get(), self.r.get(), self.b.get(), y.get_mut(), z.get_mut());
        match (self.input.operation, self.in_place()) {
            (Bias, false) => bias.forward(x, b, y),
            (Bias, true) => bias.forward_in_place(y, b),
            (BiasResidual, false) => bias.forward_residual(x, b, r, y),
            (BiasResidual, true) => bias.forward_residual_in_place(y, b, r),
            (BiasAdd, _) => bias.forward_add(x, b, y),
            (BiasBackward, false) => bias.backward(x, y, db),
            (BiasBackward, true) => bias.backward_in_place(y, db),
            (BiasBackwardAdd, _) => bias.backward_add(x, y, db),
            (BiasEvaluate, _) => bias.evaluate(x, b, y),
            (BiasEvaluateResidual, _) => bias.evaluate_residual(x, b, r, y),
            (Relu, false) => relu.forward(x, y, &mut MaskMut::new(words, self.mask_len)?),
            (Relu, true) => relu.forward_in_place(y, &mut MaskMut::new(words, self.mask_len)?),
            (ReluBackward, false) => relu.backward(x, y, Mask::new(words, self.mask_len)?),
            (ReluBackward, true) => relu.backward_in_place(y, Mask::new(words, self.mask_len)?),
            (ReluBackwardAdd, _) => relu.backward_add(x, y, Mask::new(words, self.mask_len)?),
            (ReluEvaluate, _) => relu.evaluate(x, y),
            (Alpha, false) => alpha.forward(x, y),
            (Alpha, true) => alpha.forward_in_place(y),
            (AlphaBackward, false) => alpha.backward(x, y),
            (AlphaBackward, true) => alpha.backward_in_place(y),
            (AlphaBackwardAdd, _) => alpha.backward_add(x, y),
            (AlphaEvaluate, _) => alpha.evaluate(x, y),
        }
    }

    fn expected(&self) -> Output {
        let Self { input, source, .. } = self;
        let (operation, mut output) = (input.operation, self.before.clone());
        let Output { y, z, words } = &mut output;
        let (y, db, b) = (y.get_mut(), z.get_mut(), self.b.get());
        let mut bits = source.bits();
        let [slope, intercept, limit] = alpha(source);
        let scale = source.training();
        if operation == BiasBackward {
            db.fill(0.0);
        }
        let places = if operation.uses_stored() && !input.shape.fits(y.len()) {
            Shape::Slice(y.len()).places()
        } else {
            input.shape.places()
        };
        for place in places {
            let x = if self.in_place() { y[place.at] } else { self.x.get()[place.at] };
            let r = match operation {
                BiasResidual | BiasEvaluateResidual => Some(self.r.get()[place.at]),
                BiasAdd | BiasBackwardAdd | ReluBackwardAdd | AlphaBackwardAdd => Some(y[place.at]),
                _ => None,
            };
            let kept = !operation.uses_stored() && bits(place.bit);
            let bit = match input.shape {
                Shape::Rows { columns, .. } => 64 * mask_words(columns) * place.row + place.column,
                _ => place.at,
            };
            let rectified = if x > 0.0 || x.is_nan() { x } else { 0.0 };
            let biased = || x + b[place.column % b.len()];
            let certain = matches!(source.p.threshold(), 0 | 4_294_967_296);
            let value = match operation {
                Bias | BiasResidual | BiasAdd => masked(kept, biased(), scale),
                BiasEvaluate | BiasEvaluateResidual => source.evaluated(biased()),
                BiasBackward | BiasBackwardAdd => masked(kept, x, scale),
                Relu => {
                    if bit % 64 == 0 {
                        words[bit / 64] = 0;
                    }
                    words[bit / 64] |= u64::from(kept && x > 0.0) << (bit % 64);
                    masked(kept, rectified, scale)
                }
                ReluBackward | ReluBackwardAdd => masked(words[bit / 64] >> (bit % 64) & 1 == 1, x, scale),
                ReluEvaluate => source.evaluated(rectified),
                Alpha if certain => masked(kept, x, 1.0),
                Alpha if kept => x * slope + intercept,
                Alpha => limit,
                AlphaBackward | AlphaBackwardAdd => masked(kept, x, slope),
                AlphaEvaluate => x,
            };
            if operation.has_bias_gradient() {
                db[place.column % b.len()] += value;
            }
            y[place.at] = r.map_or(value, |r| r + value);
        }
        output
    }
}

/// Slope, intercept and limit of alpha dropout.
fn alpha(source: &Source) -> [f32; 3] {
    const LIMIT: f64 = -1.758_099_340_847_376_6;
    let q = source.p.threshold() as f64 / 4_294_967_296.0;
    let a = 1.0 / (q + LIMIT * LIMIT * q * (1.0 - q)).sqrt();
    [a, -a * LIMIT * (1.0 - q), a * LIMIT * q].map(|factor| factor as f32)
}
