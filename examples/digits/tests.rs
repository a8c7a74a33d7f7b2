use dropmask::{Dropout, Key, Probability};
use ndarray::Array2;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::common::data::Samples;
use crate::common::net::{HiddenDropout, NO_DROPOUT, Network};

/// `|numeric - analytic| / |numeric|` over all parameters of a small network, with central differences of the loss.
fn relative_error(dropout: &impl HiddenDropout) -> f32 {
    const STEP: f32 = 2e-3;
    let mut rng = StdRng::seed_from_u64(1);
    let samples = Samples {
        images: Array2::from_shape_simple_fn((8, 6), || rng.random()),
        labels: (0..8).map(|_| rng.random_range(0..3)).collect(),
    };
    let mut network = Network::random(6, 20, 3, &mut rng);
    let mut analytic = network.gradient(&samples, dropout).expect("dense rows");

    let (mut difference, mut size) = (0.0, 0.0);
    for (array, analytic) in analytic.parameters_mut().into_iter().enumerate() {
        for (i, &mut analytic) in analytic.iter_mut().enumerate() {
            let mut loss_at = |step: f32| {
                let value = network.parameters_mut()[array][i];
                network.parameters_mut()[array][i] = value + step;
                let loss = network.loss(&samples, dropout).expect("dense rows");
                network.parameters_mut()[array][i] = value;
                loss
            };
            let numeric = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
            difference += (numeric - analytic).powi(2);
            size += numeric * numeric;
        }
    }
    (difference / size).sqrt()
}

#[test]
fn gradient_matches_finite_differences() {
    let stream = Dropout::new(Key::new(1), Probability::new(0.5).expect("in [0, 1]"));
    for (name, error) in [("no dropout", relative_error(&NO_DROPOUT)), ("replayed dropout", relative_error(&stream))] {
        println!("{name}: {error}");
        assert!(error < 2e-3, "{name}: {error}");
    }
}
