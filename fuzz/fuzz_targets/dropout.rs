//! Every operation of streams and stored masks at every level, in any shape, against a model of one element.
#![no_main]

use core::mem::MaybeUninit;

use arbitrary::Arbitrary;
use dropmask::{Argument, Error, Level, Mask, MaskMut, Probability, Setting, StoredMask, mask_words};
use dropmask_fuzz::{
    Buffer, Factor, Output, Settings, Shape, Slack, Source, check_model, clipped, fill_values, len_near, masked, words,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Fill,
    FillBools,
    FillBytes,
    Forward,
    ForwardUninit,
    ForwardStore,
    Residual,
    Add,
    Backward,
    BackwardUninit,
    BackwardAdd,
    Evaluate,
    EvaluateResidual,
    Apply,
    ApplyUninit,
    ApplyResidual,
    ApplyAdd,
}
use Operation::*;

impl Operation {
    const fn has_slices(self) -> bool {
        !matches!(self, Fill | FillBools | FillBytes)
    }

    const fn fills_values(self) -> bool {
        matches!(self, FillBools | FillBytes)
    }

    const fn uses_stored(self) -> bool {
        matches!(self, Apply | ApplyUninit | ApplyResidual | ApplyAdd)
    }

    const fn stores(self) -> bool {
        matches!(self, Fill | FillBools | FillBytes | ForwardStore)
    }

    const fn evaluates(self) -> bool {
        matches!(self, Evaluate | EvaluateResidual)
    }

    const fn has_residual(self) -> bool {
        matches!(self, Residual | EvaluateResidual | ApplyResidual)
    }

    /// Whether it adds to what is in the output.
    const fn adds(self) -> bool {
        matches!(self, Add | BackwardAdd | ApplyAdd)
    }

    /// Whether each sample can have a probability of its own.
    const fn by_sample(self) -> bool {
        matches!(self, Forward | Residual | Add | Backward | BackwardAdd | Evaluate | EvaluateResidual)
    }

    const fn writes_uninit(self) -> bool {
        matches!(self, ForwardUninit | BackwardUninit | ApplyUninit)
    }
}

/// How a stored mask is read.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Reading {
    /// With the scale of a stream.
    Stream,
    Layout,
    /// Its bits by their indices.
    Indexed,
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    shape: Shape,
    settings: Settings,
    /// Of the samples, over and over; none if all have that of the settings. And how many there are.
    thresholds: Vec<u32>,
    samples: Slack,
    slack: [Slack; 4],
    lead: [u8; 3],
    /// Of stored masks: their first bit and the factor.
    reading: Reading,
    first: u8,
    scale: f32,
    x: Vec<u32>,
    r: Vec<u32>,
    y: Vec<u32>,
    mask: Vec<u64>,
}

/// Bits of a mask, at most: the naive level draws each by itself.
const LONGEST: usize = 20_000;

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.shape.span()) {
        Case::new(&input, source).check();
    }
});

struct Case<'a> {
    input: &'a Input,
    source: Source,
    probabilities: Option<Vec<Probability>>,
    x: Buffer,
    r: Buffer,
    mask_len: usize,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let Input { operation, shape, lead, .. } = *input;
        // without a layout, nothing calls for another length than that of what is written
        let slack = |i: usize, free: bool| if free || !shape.is_slice() { input.slack[i] } else { Slack::Exact };
        let mask_len = len_near(Some(input.mask_bits()), slack(3, operation.has_slices()), LONGEST);
        let [y, x, r] = shape.extents();
        let buffer = |drawn, i: usize, needed, slack| Buffer::near(drawn, lead[i], Some(needed), slack);
        Self {
            source,
            probabilities: input.probabilities(),
            x: buffer(&input.x, 0, x, slack(0, true)).at_the_end(),
            r: buffer(&input.r, 1, r, slack(1, true)).at_the_end(),
            before: Output {
                y: buffer(&input.y, 2, y, slack(2, false)),
                z: Buffer::new(&[], 0, 0),
                words: words(&input.mask, mask_words(usize::from(input.first) + mask_len) + 2),
            },
            mask_len,
            input,
        }
    }

    fn check(&self) {
        let run = |level, output: &mut Output| self.run(level, output);
        check_model(&self.before, &self.errors(), self.copies(), || self.expected(), run);
    }

    /// Whether the output is the input, too.
    const fn in_place(&self) -> bool {
        let Input { operation, in_place, .. } = *self.input;
        in_place && operation.has_slices() && !operation.adds() && !operation.writes_uninit()
    }

    fn errors(&self) -> Vec<Error> {
        let Self { input: Input { operation, shape, .. }, source, mask_len, .. } = self;
        let (y, mut errors) = (self.before.y.get().len(), Vec::new());
        if operation.has_slices() {
            let x = (!self.in_place()).then_some(self.x.get().len());
            errors = shape.slice_errors(y, x, operation.has_residual().then_some(self.r.get().len()));
        }
        if operation.writes_uninit() && shape.extents()[0] > shape.elements() {
            errors.push(Error::Unsupported { setting: Setting::Layout });
        } else if operation.writes_uninit() && shape.elements() != y as u128 {
            let (argument, expected) = (Argument::Output, clipped(shape.elements()));
            errors.push(Error::LengthMismatch { argument, expected, actual: y });
        }
        // nothing is read of a mask where a layout has no elements
        let reads = operation.uses_stored() && (shape.is_slice() || shape.elements() > 0);
        let bits = self.input.mask_bits();
        if (operation.stores() || reads) && *mask_len as u128 != bits {
            let argument = if operation.fills_values() { Argument::Output } else { Argument::Mask };
            errors.push(Error::LengthMismatch { argument, expected: clipped(bits), actual: *mask_len });
        }
        if let Some(count) = self.probabilities.as_ref().map(Vec::len) {
            let (argument, expected, actual) = match shape.is_slice() {
                true => (Argument::Output, y.checked_div(count).unwrap_or(0) * count, y),
                false => (Argument::Probabilities, shape.samples(), count),
            };
            errors.extend((expected != actual).then_some(Error::LengthMismatch { argument, expected, actual }));
        }
        let threads = Error::Unsupported { setting: Setting::Threads };
        errors.extend((operation.fills_values() && source.parallel).then_some(threads));
        if !operation.uses_stored() {
            errors.extend(source.overflow(if operation.stores() { shape.span() } else { shape.pass_span() }));
        }
        errors
    }

    fn run(&self, level: Level, Output { y, words, .. }: &mut Output) -> Result<(), Error> {
        let (shape, x, r, y) = (self.input.shape, self.x.get(), self.r.get(), y.get_mut());
        let stream = shape.stream(self.source.stream(level));
        // unless it is written, what was there before shows
        let mut memory: Vec<_> = y.iter().copied().map(MaybeUninit::new).collect();
        if self.input.operation.uses_stored() {
            let mask = Mask::at_bit(words, self.input.first.into(), self.mask_len)?;
            let stored = StoredMask::new(mask, self.input.scale).with_level(level);
            let stored = if self.source.parallel { stored.parallel() } else { stored };
            let stored = match self.input.reading {
                Reading::Stream => stream.stored(mask),
                Reading::Layout => shape.stored(stored),
                Reading::Indexed => shape.indexed(stored),
            };
            return match (self.input.operation, self.in_place()) {
                (Apply, false) => stored.apply(x, y),
                (Apply, true) => stored.apply_in_place(y),
                (ApplyUninit, _) => stored.apply_uninit(x, &mut memory).map(|memory| y.copy_from_slice(memory)),
                (ApplyResidual, false) => stored.apply_residual(x, r, y),
                (ApplyResidual, true) => stored.apply_residual_in_place(y, r),
                _ => stored.apply_add(x, y),
            };
        }
        if let Some(probabilities) = &self.probabilities {
            let samples = stream.per_sample(probabilities);
            return match (self.input.operation, self.in_place()) {
                (Forward, false) => samples.forward(x, y),
                (Forward, true) => samples.forward_in_place(y),
                (Residual, false) => samples.forward_residual(x, r, y),
                (Residual, true) => samples.forward_residual_in_place(y, r),
                (Add, _) => samples.forward_add(x, y),
                (Backward, false) => samples.backward(x, y),
                (Backward, true) => samples.backward_in_place(y),
                (Evaluate, false) => samples.evaluate(x, y),
                (Evaluate, true) => samples.evaluate_in_place(y),
                (EvaluateResidual, false) => samples.evaluate_residual(x, r, y),
                (EvaluateResidual, true) => samples.evaluate_residual_in_place(y, r),
                _ => samples.backward_add(x, y),
            };
        }
        let mut mask = MaskMut::new(words, self.mask_len)?;
        match (self.input.operation, self.in_place()) {
            (FillBools, _) => fill_values(
                &mut mask,
                |kept| kept,
                |kept| stream.fill_bools(kept),
                |mask, kept| mask.copy_from_bools(kept),
            ),
            // 2 and 3 are no values
            (FillBytes, _) => fill_values(
                &mut mask,
                |kept| 2 + u8::from(kept),
                |kept| stream.fill_u8(kept).inspect(|()| assert!(kept.iter().all(|kept| *kept < 2))),
                |mask, kept| mask.copy_from_u8(kept),
            ),
            (Forward, false) => stream.forward(x, y),
            (Forward, true) => stream.forward_in_place(y),
            (ForwardUninit, _) => stream.forward_uninit(x, &mut memory).map(|memory| y.copy_from_slice(memory)),
            (ForwardStore, false) => stream.forward_store(x, y, &mut mask),
            (ForwardStore, true) => stream.forward_store_in_place(y, &mut mask),
            (Residual, false) => stream.forward_residual(x, r, y),
            (Residual, true) => stream.forward_residual_in_place(y, r),
            (Add, _) => stream.forward_add(x, y),
            (Backward, false) => stream.backward(x, y),
            (Backward, true) => stream.backward_in_place(y),
            (BackwardUninit, _) => stream.backward_uninit(x, &mut memory).map(|memory| y.copy_from_slice(memory)),
            (BackwardAdd, _) => stream.backward_add(x, y),
            (Evaluate, false) => stream.evaluate(x, y),
            (Evaluate, true) => stream.evaluate_in_place(y),
            (EvaluateResidual, false) => stream.evaluate_residual(x, r, y),
            (EvaluateResidual, true) => stream.evaluate_residual_in_place(y, r),
            _ => stream.fill(&mut mask),
        }
    }

    /// Whether the output is a copy of the input, NaNs included.
    fn copies(&self) -> bool {
        let operation = self.input.operation;
        let unscaled = operation.evaluates() && !matches!(self.source.factor, Factor::Standard);
        let sum = operation.has_residual() || operation.adds() || operation.uses_stored();
        (unscaled || self.source.keeps_all() && self.probabilities.is_none()) && !sum
    }

    fn expected(&self) -> Output {
        let Self { input, source, .. } = self;
        let (operation, mut output) = (input.operation, self.before.clone());
        let mut bits: Box<dyn FnMut(u64) -> bool> = Box::new(source.bits());
        if operation.stores() {
            for (i, index) in input.shape.indices().enumerate() {
                if i % 64 == 0 {
                    output.words[i / 64] = 0;
                }
                output.words[i / 64] |= u64::from(bits(index)) << (i % 64);
            }
        }
        if !operation.has_slices() {
            return output;
        }
        let (mut scale, y) = match input.reading {
            Reading::Layout | Reading::Indexed if operation.uses_stored() => (input.scale, output.y.get_mut()),
            _ => (source.training(), output.y.get_mut()),
        };
        let (places, mut source, mut last) = (input.shape.places(), *source, None);
        for place in &places {
            if let Some(probabilities) = &self.probabilities {
                let sample = place.element / (places.len() / probabilities.len());
                if last.replace(sample) != Some(sample) {
                    source = Source { p: probabilities[sample], ..source };
                    (bits, scale) = (Box::new(source.bits()), source.training());
                }
            }
            let x = if self.in_place() { y[place.y] } else { self.x.get()[place.x] };
            let mut kept = || match (operation.uses_stored(), input.reading) {
                (false, _) => bits(place.index),
                (true, Reading::Indexed) => self.stored(place.index as usize),
                (true, _) => self.stored(place.stored),
            };
            let value = match operation {
                _ if self.copies() => x,
                Evaluate | EvaluateResidual => source.evaluated(x),
                _ => masked(kept(), x, scale),
            };
            y[place.y] = match operation {
                _ if operation.adds() => y[place.y] + value,
                _ if operation.has_residual() => self.r.get()[place.r] + value,
                _ => value,
            };
        }
        output
    }

    /// Whether a bit of the stored mask is set.
    fn stored(&self, i: usize) -> bool {
        let bit = usize::from(self.input.first) + i;
        self.before.words[bit / 64] >> (bit % 64) & 1 == 1
    }
}

impl Input {
    /// Of each sample, about as many as there are.
    fn probabilities(&self) -> Option<Vec<Probability>> {
        if self.thresholds.is_empty() || !self.operation.by_sample() {
            return None;
        }
        let threshold = |n: u32| if n == u32::MAX { 1 << 32 } else { n.into() };
        let count = if self.shape.is_slice() { self.thresholds.len() } else { self.shape.samples().min(LONGEST) };
        let count = count.saturating_add_signed(self.samples.get().into());
        let all = self.thresholds.iter().cycle().take(count).map(|n| Probability::from_threshold(threshold(*n)));
        Some(all.map(|p| p.expect("a threshold")).collect())
    }

    /// How many bits the mask must have that is stored or read.
    fn mask_bits(&self) -> u128 {
        let indexed = self.operation.uses_stored() && self.reading == Reading::Indexed;
        if indexed { self.shape.span() } else { self.shape.bits() }
    }
}
