//! `DropConnect` over batches and layers of any sizes, with drawn and stored masks: every level equals one loop over the
//! connections.
#![no_main]

use arbitrary::Arbitrary;
use dropmask::{DropConnect, Error, Level, Mask, mask_words};
use dropmask_fuzz::{Buffer, Factor, Output, Settings, Slack, Source, Stride, check_levels, product, size, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Forward,
    BackwardInput,
    BackwardInputAdd,
    BackwardWeights,
    BackwardWeightsAdd,
    BackwardBias,
    Evaluate,
    Moments,
}
use Operation::*;

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    #[arbitrary(with = size)]
    batch: usize,
    #[arbitrary(with = size)]
    inputs: usize,
    #[arbitrary(with = size)]
    outputs: usize,
    index_stride: Stride,
    /// The number of the first sample, if each has its own mask.
    per_sample: Option<u64>,
    settings: Settings,
    /// Mask words, their first bit and how many bits there are, in place of the stream.
    stored: Option<(Vec<u64>, u8, Slack)>,
    biased: bool,
    slack: [Slack; 5],
    lead: [u8; 5],
    w: Vec<u32>,
    x: Vec<u32>,
    b: Vec<u32>,
    y: Vec<u32>,
}

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.span()) {
        Case::new(&input, source).check();
    }
});

impl Input {
    /// Number of element indices.
    const fn span(&self) -> u128 {
        if self.inputs == 0 || self.outputs == 0 {
            return 0;
        }
        (self.outputs as u128 - 1) * self.index_stride() as u128 + self.inputs as u128
    }

    const fn index_stride(&self) -> u64 {
        if self.stored.is_some() { self.inputs as u64 } else { self.index_stride.get(self.inputs) }
    }

    /// Bits of the masks of all samples, or of the one.
    fn masks(&self) -> Option<u128> {
        product(&[if self.per_sample.is_some() { self.batch } else { 1 }, self.outputs, self.inputs])
    }

    fn weights(&self) -> Option<u128> {
        product(&[self.outputs, self.inputs])
    }
    fn x(&self) -> Option<u128> {
        product(&[self.batch, self.inputs])
    }
    fn y(&self) -> Option<u128> {
        product(&[self.batch, self.outputs])
    }

    const fn biased(&self) -> bool {
        self.biased && matches!(self.operation, Forward | Evaluate | Moments)
    }
}

struct Case<'a> {
    input: &'a Input,
    source: Source,
    /// Weights, unless they are written.
    w: Buffer,
    /// Inputs, or gradients of outputs where inputs are written.
    x: Buffer,
    /// Biases, or gradients of outputs where weights or biases are written.
    b: Buffer,
    words: Vec<u64>,
    /// Bits of a stored mask.
    len: usize,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let buffer = |i: usize, drawn: &[u32], needed| Buffer::near(drawn, input.lead[i], needed, input.slack[i]);
        let written = match input.operation {
            Forward | Evaluate | Moments => input.y(),
            BackwardInput | BackwardInputAdd => input.x(),
            BackwardWeights | BackwardWeightsAdd => input.weights(),
            BackwardBias => Some(input.outputs as u128),
        };
        let gradients = matches!(input.operation, BackwardWeights | BackwardWeightsAdd | BackwardBias);
        let masks = input.masks();
        let slack = input.stored.as_ref().map_or(Slack::Exact, |&(.., slack)| slack);
        let len = dropmask_fuzz::len_near(masks, slack, 20_000);
        let drawn = input.stored.as_ref().map(|(drawn, first, _)| words(drawn, mask_words(usize::from(*first) + len)));
        Self {
            input,
            source,
            w: buffer(0, &input.w, input.weights()),
            x: buffer(
                1,
                &input.x,
                if matches!(input.operation, BackwardInput | BackwardInputAdd) { input.y() } else { input.x() },
            ),
            b: buffer(2, &input.b, if gradients { input.y() } else { Some(input.outputs as u128) }),
            words: drawn.unwrap_or_default(),
            len,
            before: Output {
                y: buffer(3, &input.y, written),
                z: if input.operation == Moments { buffer(4, &input.y, written) } else { Buffer::new(&[], 0, 0) },
                words: Vec::new(),
            },
        }
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| (self.expected(), ()));
        // the naive level draws each bit for each sample
        let Input { batch, inputs, outputs, .. } = *self.input;
        let naive = product(&[batch, inputs, outputs]).is_none_or(|connections| connections <= 2000);
        check_levels(naive, &self.before, expected, |level, output| self.run(level, output));
    }

    fn is_valid(&self) -> bool {
        let Self { input, .. } = self;
        let fits = |buffer: &Buffer, len: Option<u128>| len == Some(buffer.get().len() as u128);
        let (w, x, y, written) = (input.weights(), input.x(), input.y(), &self.before.y);
        let outputs = Some(input.outputs as u128);
        let masks = input.masks();
        let mask = input.stored.is_none() || masks == Some(self.len as u128);
        let numbers = if input.stored.is_none() { input.per_sample } else { None };
        if self.source.parallel {
            return false;
        }
        let samples = numbers.is_none_or(|first| u128::from(first) + input.batch as u128 <= 1 << 64);
        let indices = samples && (input.stored.is_some() || self.source.fits(input.span()));
        match input.operation {
            Forward | Evaluate | Moments => {
                let bias = !input.biased() || fits(&self.b, outputs);
                let mask = mask || input.operation != Forward;
                let written_too = input.operation != Moments || fits(&self.before.z, y);
                fits(&self.w, w) && fits(&self.x, x) && fits(written, y) && written_too && bias && mask && indices
            }
            BackwardInput | BackwardInputAdd => {
                fits(&self.w, w) && fits(&self.x, y) && fits(written, x) && mask && indices
            }
            BackwardWeights | BackwardWeightsAdd => {
                fits(&self.x, x) && fits(&self.b, y) && fits(written, w) && mask && indices
            }
            BackwardBias => fits(&self.b, y) && fits(written, outputs),
        }
    }

    fn run(&self, level: Level, Output { y, z, .. }: &mut Output) -> Result<(), Error> {
        let Self { input, .. } = self;
        let layer = DropConnect::new(self.source.stream(level), input.batch, [input.outputs, input.inputs]);
        let layer = layer.index_stride(input.index_stride());
        let layer = input.per_sample.map_or(layer, |first| layer.per_sample(first));
        let layer = match input.stored {
            Some((_, first, _)) => layer.stored(Mask::at_bit(&self.words, first.into(), self.len)?),
            None => layer,
        };
        let (w, x, y) = (self.w.get(), self.x.get(), y.get_mut());
        let bias = input.biased().then(|| self.b.get());
        match input.operation {
            Forward => layer.forward(w, bias, x, y),
            BackwardInput => layer.backward_input(w, x, y),
            BackwardInputAdd => layer.backward_input_add(w, x, y),
            BackwardWeights => layer.backward_weights(x, self.b.get(), y),
            BackwardWeightsAdd => layer.backward_weights_add(x, self.b.get(), y),
            BackwardBias => layer.backward_bias(self.b.get(), y),
            Evaluate => layer.evaluate(w, bias, x, y),
            Moments => layer.moments(w, bias, x, y, z.get_mut()),
        }
    }

    /// Whether each weight is kept, for each sample.
    fn kept(&self) -> impl Fn(usize, usize, usize) -> bool {
        let Input { batch, inputs, outputs, per_sample, .. } = *self.input;
        let weights = inputs * outputs;
        let masks: Vec<Vec<bool>> = (0..if per_sample.is_some() { batch } else { 1 })
            .map(|n| {
                let key =
                    per_sample.map_or(self.source.key, |first| self.source.key.derive(first.wrapping_add(n as u64)));
                let mut bits = Source { key, ..self.source }.bits();
                let stride = self.input.index_stride();
                let indices = (0..outputs as u64).flat_map(|o| (0..inputs as u64).map(move |i| o * stride + i));
                match &self.input.stored {
                    None => indices.map(&mut bits).collect(),
                    Some((_, first, _)) => (0..weights)
                        .map(|i| usize::from(*first) + n * weights + i)
                        .map(|bit| self.words[bit / 64] >> (bit % 64) & 1 == 1)
                        .collect(),
                }
            })
            .collect();
        move |n, o, i| masks[if per_sample.is_some() { n } else { 0 }][o * inputs + i]
    }

    /// Mean and variance of the factor of an element.
    fn moments(&self) -> [f32; 2] {
        let kept = self.source.p.threshold() as f64 / 4_294_967_296.0;
        match (self.source.factor, kept) {
            (Factor::Inverted, 0.0) => [0.0; 2],
            (Factor::Inverted, _) => [1.0, ((1.0 - kept) / kept) as f32],
            _ => [kept as f32, (kept * (1.0 - kept)) as f32],
        }
    }

    fn expected(&self) -> Output {
        let Input { operation, batch, inputs, outputs, .. } = *self.input;
        let mut output = self.before.clone();
        let (w, x, b, y) = (self.w.get(), self.x.get(), self.b.get(), output.y.get_mut());
        let [of_mean, of_variance] = self.moments();
        // 0 where nothing is kept
        let scale = match (operation, &self.input.stored, self.source.p.threshold()) {
            (Evaluate, ..) => self.source.evaluation_factor(),
            (Moments, ..) => of_mean,
            (_, None, 0) => 0.0,
            _ => self.source.training(),
        };
        if operation == BackwardBias {
            y.fill(0.0);
            // no outputs, or as many samples as there are gradients
            for n in 0..if outputs == 0 { 0 } else { batch } {
                (0..outputs).for_each(|o| y[o] += b[n * outputs + o]);
            }
            return output;
        }
        // where there is nothing to do, nothing bounds the other sizes
        let kept: Box<dyn Fn(usize, usize, usize) -> bool> = match operation {
            Evaluate | Moments => Box::new(|_, _, _| true),
            _ if batch == 0 || inputs == 0 || outputs == 0 => Box::new(|_, _, _| true),
            _ => Box::new(self.kept()),
        };
        match operation {
            Forward | Evaluate | Moments => {
                for (at, variance) in output.z.get_mut().iter_mut().enumerate() {
                    let (n, o) = (at / outputs, at % outputs);
                    let square = |i: usize| (w[o * inputs + i] * x[n * inputs + i]).powi(2);
                    *variance = if of_variance == 0.0 { 0.0 } else { sum(inputs, square) * of_variance };
                }
                for (at, y) in y.iter_mut().enumerate() {
                    let (n, o) = (at / outputs, at % outputs);
                    let product = |i: usize| if kept(n, o, i) { w[o * inputs + i] * x[n * inputs + i] } else { 0.0 };
                    *y = match (scale == 0.0, self.input.biased()) {
                        (true, false) => 0.0,
                        (true, true) => b[o],
                        (false, false) => sum(inputs, product) * scale,
                        (false, true) => sum(inputs, product) * scale + b[o],
                    };
                }
            }
            BackwardInput | BackwardInputAdd => {
                for (at, y) in y.iter_mut().enumerate() {
                    let (n, i) = (at / inputs, at % inputs);
                    *y = if operation == BackwardInput { 0.0 } else { *y + 0.0 };
                    for o in 0..if scale == 0.0 { 0 } else { outputs } {
                        let g = x[n * outputs + o] * scale;
                        *y += if kept(n, o, i) { w[o * inputs + i] * g } else { 0.0 };
                    }
                }
            }
            BackwardWeights | BackwardWeightsAdd => {
                for (at, y) in y.iter_mut().enumerate() {
                    let (o, i) = (at / inputs, at % inputs);
                    if operation == BackwardWeights {
                        *y = 0.0;
                    }
                    for n in (0..batch).filter(|&n| scale != 0.0 && kept(n, o, i)) {
                        *y += b[n * outputs + o] * scale * x[n * inputs + i];
                    }
                }
            }
            BackwardBias => unreachable!(),
        }
        output
    }
}

/// Pieces of 1,024, each in 16 accumulators that are then added by halves.
fn sum(len: usize, product: impl Fn(usize) -> f32) -> f32 {
    let mut total = 0.0;
    for start in (0..len).step_by(1024) {
        let mut lanes = [0.0; 16];
        (start..len.min(start + 1024)).for_each(|i| lanes[i % 16] += product(i));
        for half in [8, 4, 2, 1] {
            (0..half).for_each(|lane| lanes[lane] += lanes[lane + half]);
        }
        total += lanes[0];
    }
    total
}
