//! Training on the digits, with one dropout or another on the hidden layer.

use std::cell::Cell;
use std::time::{Duration, Instant};

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, ModuleT, Optimizer, loss};
use dropmask::{Key, Probability};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::data::{CLASSES, PIXELS, Samples};
use crate::dropout::{Dropout, Step};

pub const HIDDEN: usize = 256;
pub const TRAINING_ROWS: usize = 400;
pub const P: f32 = 0.5;
const BATCH: usize = 32;
const LEARNING_RATE: f64 = 2e-3;
/// Names the hidden layer when keys are derived.
const LAYER: u64 = 0;

/// Which dropout a network has.
#[derive(Clone, Copy)]
pub enum Kind {
    None,
    Candle,
    Dropmask,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::None, Self::Candle, Self::Dropmask];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Candle => "candle_nn::Dropout",
            Self::Dropmask => "dropmask",
        }
    }

    fn layer(self, seed: u64, step: &Step) -> Result<Option<Box<dyn ModuleT>>> {
        Ok(match self {
            Self::None => None,
            Self::Candle => Some(Box::new(candle_nn::Dropout::new(P))),
            Self::Dropmask => {
                let p = Probability::new(P).map_err(candle_core::Error::wrap)?;
                Some(Box::new(Dropout::new(Key::new(seed).derive(LAYER), p, step)))
            }
        })
    }
}

/// What is known of a network that was trained.
pub struct Outcome {
    /// On the test rows, in percent.
    pub accuracy: f64,
    pub parameters: Vec<u32>,
    /// Time of a step, and of dropout's forward pass in it, in microseconds.
    pub step: f64,
    pub dropout: f64,
}

struct Network {
    hidden: Linear,
    dropout: Option<Box<dyn ModuleT>>,
    /// How long dropout took in training.
    clock: Cell<Duration>,
    output: Linear,
}

impl ModuleT for Network {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut h = self.hidden.forward(x)?.relu()?;
        if let Some(dropout) = &self.dropout {
            let start = Instant::now();
            h = dropout.forward_t(&h, train)?;
            if train {
                self.clock.set(self.clock.get() + start.elapsed());
            }
        }
        self.output.forward(&h)
    }
}

/// The seed fixes split, weights and order of the batches for all kinds, and the masks of dropmask. candle's generator for
/// the CPU cannot be seeded: neither its initial weights nor its masks can be had twice.
pub fn train(digits: &Samples, kind: Kind, seed: u64, epochs: usize) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (training, test) = digits.split(TRAINING_ROWS, &mut rng);
    let mut linear = |inputs: usize, outputs: usize| {
        let bound = (6.0 / inputs as f32).sqrt();
        let weights: Vec<f32> = (0..inputs * outputs).map(|_| rng.random_range(-bound..bound)).collect();
        let weights = Var::from_vec(weights, (outputs, inputs), &Device::Cpu)?;
        Ok::<_, candle_core::Error>([weights, Var::zeros(outputs, DType::F32, &Device::Cpu)?])
    };
    let variables = [linear(PIXELS, HIDDEN)?, linear(HIDDEN, CLASSES)?];
    let [hidden, output] = variables
        .each_ref()
        .map(|[weights, bias]| Linear::new(weights.as_tensor().clone(), Some(bias.as_tensor().clone())));
    let variables = variables.concat();

    let step = Step::default();
    let network = Network { hidden, dropout: kind.layer(seed, &step)?, clock: Cell::default(), output };
    let mut optimizer = AdamW::new_lr(variables.clone(), LEARNING_RATE)?;
    let (mut steps, mut time) = (0, Duration::ZERO);
    for _ in 0..epochs {
        for batch in training.batches(BATCH, &mut rng) {
            let (x, labels) = tensors(&batch)?;
            let start = Instant::now();
            step.set(steps);
            let loss = loss::cross_entropy(&network.forward_t(&x, true)?, &labels)?;
            optimizer.backward_step(&loss)?;
            time += start.elapsed();
            steps += 1;
        }
    }

    let (x, labels) = tensors(&test)?;
    let right = network.forward_t(&x, false)?.argmax(D::Minus1)?.eq(&labels)?.to_dtype(DType::F32)?.mean_all()?;
    let parameters = variables.iter().map(|variable| bits(variable)).collect::<Result<Vec<_>>>()?.concat();
    let per_step = |time: Duration| 1e6 * time.as_secs_f64() / steps as f64;
    Ok(Outcome {
        accuracy: 100.0 * f64::from(right.to_scalar::<f32>()?),
        parameters,
        step: per_step(time),
        dropout: per_step(network.clock.get()),
    })
}

fn tensors(samples: &Samples) -> Result<(Tensor, Tensor)> {
    let images = Tensor::from_iter(samples.images.iter().copied(), &Device::Cpu)?;
    let labels = Tensor::from_iter(samples.labels.iter().map(|label| *label as u32), &Device::Cpu)?;
    Ok((images.reshape((samples.len(), PIXELS))?, labels))
}

/// The floats in logical order, as integers.
pub fn bits(tensor: &Tensor) -> Result<Vec<u32>> {
    Ok(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
}
