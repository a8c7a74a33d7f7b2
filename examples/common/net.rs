//! A network with one hidden layer (rectifier, dropout, softmax), its gradient, and SGD with momentum.

use dropmask::{Dropout, Error};
use ndarray::{Array1, Array2, Axis, Zip};
use rand::{Rng, RngExt};

use super::data::Samples;

/// What is done to the hidden activations, and to their gradient.
pub trait HiddenDropout {
    fn forward(&self, activations: &mut [f32]) -> Result<(), Error>;
    /// Must use the mask of the last `forward`.
    fn backward(&self, gradient: &mut [f32]) -> Result<(), Error>;
}

/// No mask is kept from forward to backward: the same key draws the same mask again.
impl HiddenDropout for Dropout {
    fn forward(&self, activations: &mut [f32]) -> Result<(), Error> {
        self.forward_in_place(activations)
    }

    fn backward(&self, gradient: &mut [f32]) -> Result<(), Error> {
        self.backward_in_place(gradient)
    }
}

/// `None` changes nothing.
impl<D: HiddenDropout> HiddenDropout for Option<D> {
    fn forward(&self, activations: &mut [f32]) -> Result<(), Error> {
        self.as_ref().map_or(Ok(()), |dropout| dropout.forward(activations))
    }

    fn backward(&self, gradient: &mut [f32]) -> Result<(), Error> {
        self.as_ref().map_or(Ok(()), |dropout| dropout.backward(gradient))
    }
}

/// For evaluation: inverted dropout is then the identity.
pub const NO_DROPOUT: Option<Dropout> = None;

/// `y = x W + b`.
#[derive(Clone)]
pub struct Dense {
    pub weights: Array2<f32>,
    pub bias: Array1<f32>,
}

impl Dense {
    /// Weights of variance `2 / inputs` (He et al., "Delving deep into rectifiers", 2015), biases 0.
    pub fn random(inputs: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        let bound = (6.0 / inputs as f32).sqrt();
        Self {
            weights: Array2::from_shape_simple_fn((inputs, outputs), || rng.random_range(-bound..bound)),
            bias: Array1::zeros(outputs),
        }
    }

    fn zeros_like(other: &Self) -> Self {
        Self { weights: Array2::zeros(other.weights.raw_dim()), bias: Array1::zeros(other.bias.raw_dim()) }
    }

    pub fn forward(&self, x: &Array2<f32>) -> Array2<f32> {
        x.dot(&self.weights) + &self.bias
    }

    /// The gradient of weights and bias, given the gradient of the output.
    fn gradient(x: &Array2<f32>, dy: &Array2<f32>) -> Self {
        Self { weights: x.t().dot(dy), bias: dy.sum_axis(Axis(0)) }
    }
}

/// A network; its gradient and its momentum have the same shape and the same type.
#[derive(Clone)]
pub struct Network {
    pub hidden: Dense,
    pub output: Dense,
}

impl Network {
    pub fn random(inputs: usize, hidden: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        Self { hidden: Dense::random(inputs, hidden, rng), output: Dense::random(hidden, outputs, rng) }
    }

    fn zeros_like(other: &Self) -> Self {
        Self { hidden: Dense::zeros_like(&other.hidden), output: Dense::zeros_like(&other.output) }
    }

    /// The hidden activations after dropout, one row a sample. Element `(r, c)` has the index
    /// `r * number of hidden units + c` in the mask.
    pub fn activations(&self, x: &Array2<f32>, dropout: &impl HiddenDropout) -> Result<Array2<f32>, Error> {
        let mut activations = self.hidden.forward(x);
        activations.mapv_inplace(|z| z.max(0.0));
        dropout.forward(flat(&mut activations))?;
        Ok(activations)
    }

    /// Probabilities of the classes, one row a sample.
    pub fn probabilities(&self, x: &Array2<f32>, dropout: &impl HiddenDropout) -> Result<Array2<f32>, Error> {
        Ok(softmax(self.output.forward(&self.activations(x, dropout)?)))
    }

    /// Cross-entropy, mean over the samples.
    pub fn loss(&self, samples: &Samples, dropout: &impl HiddenDropout) -> Result<f32, Error> {
        let probabilities = self.probabilities(&samples.images, dropout)?;
        let sum: f32 = samples.labels.iter().enumerate().map(|(row, &label)| -probabilities[(row, label)].ln()).sum();
        Ok(sum / samples.len() as f32)
    }

    /// The gradient of [`loss`](Self::loss).
    pub fn gradient(&self, samples: &Samples, dropout: &impl HiddenDropout) -> Result<Self, Error> {
        let activations = self.activations(&samples.images, dropout)?;

        let mut d_logits = softmax(self.output.forward(&activations));
        for (row, &label) in samples.labels.iter().enumerate() {
            d_logits[(row, label)] -= 1.0;
        }
        d_logits /= samples.len() as f32;

        let mut d_hidden = d_logits.dot(&self.output.weights.t());
        dropout.backward(flat(&mut d_hidden))?;
        // ReLU. An activation is 0 also where it was dropped, and the gradient is 0 there already.
        Zip::from(&mut d_hidden).and(&activations).for_each(|d, &a| *d = if a > 0.0 { *d } else { 0.0 });

        Ok(Self {
            hidden: Dense::gradient(&samples.images, &d_hidden),
            output: Dense::gradient(&activations, &d_logits),
        })
    }

    /// The share of the samples whose most probable class is the right one, in evaluation.
    pub fn accuracy(&self, samples: &Samples) -> Result<f64, Error> {
        let probabilities = self.probabilities(&samples.images, &NO_DROPOUT)?;
        let most_probable = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        let right = probabilities
            .rows()
            .into_iter()
            .zip(&samples.labels)
            .filter(|(row, label)| row.as_slice().and_then(most_probable) == Some(**label))
            .count();
        Ok(right as f64 / samples.len() as f64)
    }

    /// Weights and biases, each as one slice.
    pub fn parameters_mut(&mut self) -> [&mut [f32]; 4] {
        let Self { hidden, output } = self;
        [flat(&mut hidden.weights), flat(&mut hidden.bias), flat(&mut output.weights), flat(&mut output.bias)]
    }
}

/// Stochastic gradient descent with momentum.
pub struct Sgd {
    learning_rate: f32,
    momentum: f32,
    velocity: Network,
}

impl Sgd {
    pub fn new(learning_rate: f32, momentum: f32, network: &Network) -> Self {
        Self { learning_rate, momentum, velocity: Network::zeros_like(network) }
    }

    /// `v = momentum * v - learning_rate * gradient; w += v`.
    pub fn step(&mut self, network: &mut Network, mut gradient: Network) {
        let parameters = network.parameters_mut().into_iter();
        for ((w, v), g) in parameters.zip(self.velocity.parameters_mut()).zip(gradient.parameters_mut()) {
            for ((w, v), g) in w.iter_mut().zip(v).zip(g) {
                *v = self.momentum * *v - self.learning_rate * *g;
                *w += *v;
            }
        }
    }
}

/// Of each row.
pub fn softmax(mut logits: Array2<f32>) -> Array2<f32> {
    for mut row in logits.rows_mut() {
        let max = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|z| (z - max).exp());
        row /= row.sum();
    }
    logits
}

/// The elements in memory order, which is row by row for all arrays here.
pub fn flat<D: ndarray::Dimension>(array: &mut ndarray::Array<f32, D>) -> &mut [f32] {
    array.as_slice_mut().expect("standard layout")
}
