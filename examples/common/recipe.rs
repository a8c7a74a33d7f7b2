//! How the examples train.

use dropmask::{Error, Key};
use rand::{SeedableRng, rngs::StdRng};

use super::data::{CLASSES, PIXELS, Samples};
use super::net::{Network, Sgd};

/// In what the examples differ.
pub struct Recipe {
    /// Images for training; the others are for testing.
    pub rows: usize,
    /// How many of them have a wrong label.
    pub wrong: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
}

const BATCH: usize = 32;
const LEARNING_RATE: f32 = 0.05;
const MOMENTUM: f32 = 0.9;
/// Names the hidden layer when keys are derived.
const LAYER: u64 = 0;

/// A network in training. The seed fixes split, wrong labels, weights and order of the batches, with dropout or
/// without: networks of one seed that are compared differ in nothing else.
pub struct Training {
    pub training: Samples,
    pub test: Samples,
    pub network: Network,
    sgd: Sgd,
    rng: StdRng,
    layer: Key,
    step: u64,
}

impl Training {
    pub fn new(digits: &Samples, recipe: &Recipe, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut training, test) = digits.split(recipe.rows, &mut rng);
        training.mislabel(recipe.wrong, &mut rng);
        let network = Network::random(PIXELS, recipe.hidden, CLASSES, &mut rng);
        let sgd = Sgd::new(LEARNING_RATE, MOMENTUM, &network);
        Self { training, test, network, sgd, rng, layer: Key::new(seed).derive(LAYER), step: 0 }
    }

    /// Runs over all training rows once. `step` trains with one batch; its key is that of the hidden layer's mask.
    pub fn epoch(
        &mut self,
        mut step: impl FnMut(&mut Network, &mut Sgd, &Samples, Key) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for batch in self.training.batches(BATCH, &mut self.rng) {
            step(&mut self.network, &mut self.sgd, &batch, self.layer.derive(self.step))?;
            self.step += 1;
        }
        Ok(())
    }
}
