use dropmask::{Dropout, Key, Probability};
use indicatif::ProgressBar;
use ndarray::Array2;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::common::data::Samples;
use crate::common::net::{HiddenDropout, NO_DROPOUT, Network};
use crate::curves::Interval;
use crate::report::Report;
use crate::train_all;

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

#[test]
fn interval_of_a_mean() {
    let values: Vec<f64> = (0..12).map(f64::from).collect();
    let Interval { mean, half } = Interval::of(&values);
    // of variance 13, and t = 2.201
    assert!((mean - 5.5).abs() < 1e-12 && (half - 2.201 * (13.0_f64 / 12.0).sqrt()).abs() < 1e-12, "{mean} ± {half}");
}

/// What the program shows, on all of its seeds.
#[test]
fn dropout_helps_as_much_as_in_numpy() {
    let digits = Samples::load().expect("the file is whole");
    let runs = train_all(&digits, &ProgressBar::hidden()).expect("the networks train");
    let report = Report::new(&runs).expect("the control is whole");
    println!("{report}");
    assert!(report.is_good(), "{report}");
}

#[test]
fn wrong_labels_are_counted() {
    let mut rng = StdRng::seed_from_u64(1);
    let digits = Samples::load().expect("the file is whole");
    let (mut training, _) = digits.split(400, &mut rng);
    let right = training.labels.clone();
    training.mislabel(120, &mut rng);
    let wrong: Vec<bool> = right.iter().zip(&training.labels).map(|(right, label)| right != label).collect();
    assert!(wrong[..120].iter().all(|wrong| *wrong) && !wrong[120..].iter().any(|wrong| *wrong));
    assert!(training.labels.iter().all(|label| *label < 10));
}
