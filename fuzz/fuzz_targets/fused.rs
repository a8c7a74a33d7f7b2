//! Bias, ReLU, alpha dropout and the choice of one of two in every shape of a stream.
#![no_main]

use arbitrary::Arbitrary;
use dropmask::{
    AlphaDropout, Argument, BiasDropout, Error, Level, Mask, MaskMut, ReluDropout, Scaling, Select, Setting, mask_words,
};
use dropmask_fuzz::{
    Buffer, MAX_LEN, Output, Settings, Shape, Slack, Source, check_model, clipped, len_near, masked, size, words,
};
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
    Choose,
    ChooseUpdate,
    ChooseBackwardA,
    ChooseBackwardAAdd,
    ChooseBackwardB,
    ChooseBackwardBAdd,
    ChooseEvaluate,
    ChooseEvaluateUpdate,
}
use Operation::*;

impl Operation {
    const fn has_bias(self) -> bool {
        matches!(self, Bias | BiasResidual | BiasAdd | BiasEvaluate | BiasEvaluateResidual)
    }

    const fn has_bias_gradient(self) -> bool {
        matches!(self, BiasBackward | BiasBackwardAdd)
    }

    const fn has_residual(self) -> bool {
        matches!(self, BiasResidual | BiasEvaluateResidual | Choose | ChooseEvaluate)
    }

    /// Whether it adds to what is in the output.
    const fn adds(self) -> bool {
        matches!(
            self,
            BiasAdd | BiasBackwardAdd | ReluBackwardAdd | AlphaBackwardAdd | ChooseBackwardAAdd | ChooseBackwardBAdd
        )
    }

    /// Whether the output is the second of two to choose from.
    const fn updates(self) -> bool {
        matches!(self, ChooseUpdate | ChooseEvaluateUpdate)
    }

    const fn is_alpha(self) -> bool {
        matches!(self, Alpha | AlphaBackward | AlphaBackwardAdd | AlphaEvaluate)
    }

    const fn is_choice(self) -> bool {
        self.updates()
            || matches!(self, Choose | ChooseEvaluate)
            || matches!(self, ChooseBackwardA | ChooseBackwardAAdd | ChooseBackwardB | ChooseBackwardBAdd)
    }

    const fn uses_relu_bits(self) -> bool {
        matches!(self, ReluBackward | ReluBackwardAdd)
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum BiasLen {
    /// That of the innermost axis, or a divisor.
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
    /// Whether a choice reads its bits from a mask.
    chosen: bool,
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
        let [y, x, r] = shape.extents();
        let buffer = |drawn, i: usize, needed, slack| Buffer::near(drawn, lead[i], Some(needed), slack);
        let y = buffer(&input.y, 2, y, if shape.is_slice() { Slack::Exact } else { input.slack[2] });
        let b_len = match input.bias {
            BiasLen::Any(len) => len.min(MAX_LEN),
            BiasLen::Fits(_) if !shape.is_slice() => shape.columns().min(MAX_LEN),
            BiasLen::Fits(n) => {
                let divisors: Vec<_> = (1..=y.get().len()).filter(|n| y.get().len().is_multiple_of(*n)).collect();
                divisors.get(usize::from(n) % divisors.len().max(1)).copied().unwrap_or(0)
            }
        };
        let bits = if input.chooses_by_mask() { shape.bits() } else { shape.elements() };
        let mask_len = len_near(Some(bits), input.slack[3], 4 * MAX_LEN);
        Self {
            source,
            x: buffer(&input.x, 0, x, input.slack[0]).at_the_end(),
            r: buffer(&input.r, 1, r, input.slack[1]).at_the_end(),
            b: Buffer::new(&input.b, lead[3], b_len).at_the_end(),
            before: Output {
                y,
                z: Buffer::new(&input.b, lead[3], b_len),
                words: words(&input.mask, mask_words(mask_len) + 2),
            },
            mask_len,
            input,
        }
    }

    fn check(&self) {
        let run = |level, output: &mut Output| self.run(level, output);
        check_model(&self.before, &self.errors(), self.copies(), || self.expected(), run);
    }

    const fn in_place(&self) -> bool {
        self.input.in_place && !self.input.operation.adds() && !self.input.operation.updates()
    }

    fn errors(&self) -> Vec<Error> {
        let Self { input: Input { operation, shape, .. }, source, mask_len, .. } = self;
        let (y, b) = (self.before.y.get().len(), self.b.get().len());
        let x = (!self.in_place()).then_some(self.x.get().len());
        let r = operation.has_residual().then_some(self.r.get().len());
        let mut errors = shape.slice_errors(y, x, r);
        let empty = !shape.is_slice() && shape.elements() == 0;
        if (operation.has_bias() || operation.has_bias_gradient()) && !empty {
            let (argument, expected, actual) = match shape.is_slice() {
                true => (Argument::Output, y.checked_div(b).unwrap_or(0) * b, y),
                false => (Argument::Bias, shape.columns(), b),
            };
            errors.extend((expected != actual).then_some(Error::LengthMismatch { argument, expected, actual }));
        }
        // nothing is read of a mask where a layout has no elements
        if *operation == Relu || self.input.uses_stored() && !empty {
            let bits = if self.input.chooses_by_mask() { shape.bits() } else { shape.elements() };
            let (argument, expected, actual) = (Argument::Mask, clipped(bits), *mask_len);
            errors.extend((expected != actual).then_some(Error::LengthMismatch { argument, expected, actual }));
        }
        if (operation.is_alpha() || operation.is_choice()) && source.factor.scaling() != Scaling::Inverted {
            errors.push(Error::Unsupported { setting: Setting::Scaling });
        }
        if !self.input.uses_stored() {
            errors.extend(source.overflow(shape.pass_span()));
        }
        errors
    }

    /// Whether the output is a copy of the input, NaNs included.
    fn copies(&self) -> bool {
        match self.input.operation {
            Alpha => self.source.keeps_all(),
            AlphaEvaluate | Choose | ChooseUpdate | ChooseBackwardA | ChooseBackwardB => true,
            ChooseEvaluate | ChooseEvaluateUpdate => self.source.keeps_all() || self.source.p.threshold() == 0,
            _ => false,
        }
    }

    fn run(&self, level: Level, Output { y, z, words }: &mut Output) -> Result<(), Error> {
        let stream = self.input.shape.stream(self.source.stream(level));
        let (bias, relu, alpha) = (BiasDropout::new(stream), ReluDropout::new(stream), AlphaDropout::new(stream));
        let select = Select::new(stream);
        let mask: Vec<_> = words.clone();
        let select = if self.input.chosen { select.stored(Mask::new(&mask, self.mask_len)?) } else { select };
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
            (BiasEvaluate, false) => bias.evaluate(x, b, y),
            (BiasEvaluate, true) => bias.evaluate_in_place(y, b),
            (BiasEvaluateResidual, false) => bias.evaluate_residual(x, b, r, y),
            (BiasEvaluateResidual, true) => bias.evaluate_residual_in_place(y, b, r),
            (Relu, false) => relu.forward(x, y, &mut MaskMut::new(words, self.mask_len)?),
            (Relu, true) => relu.forward_in_place(y, &mut MaskMut::new(words, self.mask_len)?),
            (ReluBackward, false) => relu.backward(x, y, Mask::new(words, self.mask_len)?),
            (ReluBackward, true) => relu.backward_in_place(y, Mask::new(words, self.mask_len)?),
            (ReluBackwardAdd, _) => relu.backward_add(x, y, Mask::new(words, self.mask_len)?),
            (ReluEvaluate, false) => relu.evaluate(x, y),
            (ReluEvaluate, true) => relu.evaluate_in_place(y),
            (Alpha, false) => alpha.forward(x, y),
            (Alpha, true) => alpha.forward_in_place(y),
            (AlphaBackward, false) => alpha.backward(x, y),
            (AlphaBackward, true) => alpha.backward_in_place(y),
            (AlphaBackwardAdd, _) => alpha.backward_add(x, y),
            (AlphaEvaluate, false) => alpha.evaluate(x, y),
            (AlphaEvaluate, true) => alpha.evaluate_in_place(y),
            (Choose, false) => select.forward(x, r, y),
            (Choose, true) => select.forward_in_place(y, r),
            (ChooseUpdate, _) => select.forward_update(x, y),
            (ChooseBackwardA, false) => select.backward_a(x, y),
            (ChooseBackwardA, true) => select.backward_a_in_place(y),
            (ChooseBackwardAAdd, _) => select.backward_a_add(x, y),
            (ChooseBackwardB, false) => select.backward_b(x, y),
            (ChooseBackwardB, true) => select.backward_b_in_place(y),
            (ChooseBackwardBAdd, _) => select.backward_b_add(x, y),
            (ChooseEvaluate, false) => select.evaluate(x, r, y),
            (ChooseEvaluate, true) => select.evaluate_in_place(y, r),
            (ChooseEvaluateUpdate, _) => select.evaluate_update(x, y),
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
        for place in input.shape.places() {
            let x = if self.in_place() { y[place.y] } else { self.x.get()[place.x] };
            let stored = |words: &[u64], bit: usize| words[bit / 64] >> (bit % 64) & 1 == 1;
            let kept = match input.chooses_by_mask() {
                true => stored(words, place.stored),
                false => !input.uses_stored() && bits(place.index),
            };
            let rectified = if x > 0.0 || x.is_nan() { x } else { 0.0 };
            let other = || if operation.updates() { y[place.y] } else { self.r.get()[place.r] };
            let biased = || x + b[place.column % b.len()];
            let value = match operation {
                Bias | BiasResidual | BiasAdd => masked(kept, biased(), scale),
                BiasEvaluate | BiasEvaluateResidual => source.evaluated(biased()),
                BiasBackward | BiasBackwardAdd => masked(kept, x, scale),
                Relu => {
                    let (word, bit) = (&mut words[place.element / 64], place.element % 64);
                    *word = if bit == 0 { 0 } else { *word } | u64::from(kept && x > 0.0) << bit;
                    masked(kept, rectified, scale)
                }
                ReluBackward | ReluBackwardAdd => masked(stored(words, place.element), x, scale),
                ReluEvaluate => source.evaluated(rectified),
                Alpha if source.keeps_all() => x,
                Alpha if source.p.threshold() == 0 => 0.0,
                Alpha if kept => x * slope + intercept,
                Alpha => limit,
                AlphaBackward | AlphaBackwardAdd => masked(kept, x, slope),
                AlphaEvaluate => x,
                Choose | ChooseUpdate if !kept => other(),
                ChooseBackwardA | ChooseBackwardAAdd if !kept => 0.0,
                ChooseBackwardB | ChooseBackwardBAdd if kept => 0.0,
                ChooseEvaluate | ChooseEvaluateUpdate => mixed(source, x, other()),
                Choose | ChooseUpdate | ChooseBackwardA | ChooseBackwardAAdd | ChooseBackwardB | ChooseBackwardBAdd => {
                    x
                }
            };
            if operation.has_bias_gradient() {
                db[place.column % b.len()] += value;
            }
            y[place.y] = match operation {
                _ if operation.adds() => y[place.y] + value,
                _ if operation.has_residual() && !operation.is_choice() => self.r.get()[place.r] + value,
                _ => value,
            };
        }
        output
    }
}

impl Input {
    const fn chooses_by_mask(&self) -> bool {
        self.chosen && self.operation.is_choice() && !matches!(self.operation, ChooseEvaluate | ChooseEvaluateUpdate)
    }

    /// Needs nothing of the stream but the scale and the places.
    const fn uses_stored(&self) -> bool {
        self.operation.uses_relu_bits() || self.chooses_by_mask()
    }
}

/// What evaluation makes of two values.
fn mixed(source: &Source, a: f32, b: f32) -> f32 {
    let [q, r] = [source.p.threshold(), (1 << 32) - source.p.threshold()].map(|t| (t as f64 / 4_294_967_296.0) as f32);
    match (q, r) {
        (0.0, _) => b,
        (_, 0.0) => a,
        _ => a * q + b * r,
    }
}

/// Slope, intercept and limit of alpha dropout.
fn alpha(source: &Source) -> [f32; 3] {
    const LIMIT: f64 = -1.758_099_340_847_376_6;
    let q = source.p.threshold() as f64 / 4_294_967_296.0;
    let a = 1.0 / (q + LIMIT * LIMIT * q * (1.0 - q)).sqrt();
    [a, -a * LIMIT * (1.0 - q), a * LIMIT * q].map(|factor| factor as f32)
}
