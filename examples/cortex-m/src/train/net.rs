//! A network with one hidden layer (rectifier, dropout, softmax) and stochastic gradient descent, one sample a step.

use dropmask::{Dropout, Error, Key};

use crate::digits::{CLASSES, Digit, PIXELS, uniform};

const HIDDEN: usize = 32;

pub struct Network {
    hidden: Dense<PIXELS, HIDDEN>,
    output: Dense<HIDDEN, CLASSES>,
}

impl Network {
    pub fn random(key: Key) -> Self {
        Self { hidden: Dense::random(key.derive(0)), output: Dense::random(key.derive(1)) }
    }

    /// One step down the gradient of the cross-entropy.
    pub fn train(&mut self, digit: &Digit, dropout: Dropout, rate: f32) -> Result<(), Error> {
        let image = digit.image();
        let mut hidden = self.activations(&image);
        dropout.forward_in_place(&mut hidden)?;

        let mut d_logits = softmax(self.output.forward(&hidden));
        d_logits[digit.label()] -= 1.0;

        let mut d_hidden = self.output.backward(&d_logits);
        dropout.backward_in_place(&mut d_hidden)?;
        // of the rectifier; where an activation was dropped the gradient is 0 already
        d_hidden.iter_mut().zip(&hidden).filter(|(_, hidden)| **hidden <= 0.0).for_each(|(d, _)| *d = 0.0);

        self.output.descend(&hidden, &d_logits, rate);
        self.hidden.descend(&image, &d_hidden, rate);
        Ok(())
    }

    /// Of the classes, in one pass with dropout.
    pub fn probabilities(&self, image: &[f32], dropout: Dropout) -> Result<[f32; CLASSES], Error> {
        let mut hidden = self.activations(image);
        dropout.forward_in_place(&mut hidden)?;
        Ok(softmax(self.output.forward(&hidden)))
    }

    /// The most probable class, without dropout.
    pub fn class(&self, image: &[f32]) -> usize {
        let logits = self.output.forward(&self.activations(image));
        (0..CLASSES).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or_default()
    }

    fn activations(&self, image: &[f32]) -> [f32; HIDDEN] {
        self.hidden.forward(image).map(|z| z.max(0.0))
    }
}

/// `y = W x + b`.
struct Dense<const INPUTS: usize, const OUTPUTS: usize> {
    weights: [[f32; INPUTS]; OUTPUTS],
    bias: [f32; OUTPUTS],
}

impl<const INPUTS: usize, const OUTPUTS: usize> Dense<INPUTS, OUTPUTS> {
    /// Weights of variance `2 / inputs` (He et al., "Delving deep into rectifiers", 2015), biases 0.
    fn random(key: Key) -> Self {
        let bound = libm::sqrtf(6.0 / INPUTS as f32);
        let weight = |i: usize| bound * (2.0 * uniform(key, i as u64) - 1.0);
        Self {
            weights: core::array::from_fn(|o| core::array::from_fn(|i| weight(INPUTS * o + i))),
            bias: [0.0; OUTPUTS],
        }
    }

    fn forward(&self, x: &[f32]) -> [f32; OUTPUTS] {
        core::array::from_fn(|o| self.bias[o] + self.weights[o].iter().zip(x).map(|(w, x)| w * x).sum::<f32>())
    }

    /// The gradient of the input, given that of the output.
    fn backward(&self, dy: &[f32]) -> [f32; INPUTS] {
        let mut dx = [0.0; INPUTS];
        for (weights, dy) in self.weights.iter().zip(dy) {
            dx.iter_mut().zip(weights).for_each(|(dx, w)| *dx += w * dy);
        }
        dx
    }

    fn descend(&mut self, x: &[f32], dy: &[f32], rate: f32) {
        for ((weights, bias), dy) in self.weights.iter_mut().zip(&mut self.bias).zip(dy) {
            weights.iter_mut().zip(x).for_each(|(w, x)| *w -= rate * dy * x);
            *bias -= rate * dy;
        }
    }
}

fn softmax(logits: [f32; CLASSES]) -> [f32; CLASSES] {
    let largest = logits.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let exponentials = logits.map(|z| libm::expf(z - largest));
    let sum: f32 = exponentials.iter().sum();
    exponentials.map(|e| e / sum)
}
