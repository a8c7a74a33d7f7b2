//! Dropout before a batch norm: the variance shift, measured.
//!
//! Inverted dropout keeps the mean of its input, not the variance: of x with mean mu and variance s2 it makes
//! `(s2 + mu^2) / (1 - p) - mu^2` in training, and leaves `s2` in evaluation. A batch norm behind it learns the first
//! and is given the second, so its output has a variance below 1 in evaluation (Li et al., "Understanding the disharmony
//! between dropout and batch normalization by variance shift", CVPR 2019). A batch norm in front of the dropout is given
//! the same in both: put dropout after it.
//!
//! ```text
//! cargo run --release --example batch_norm
//! ```

#![allow(missing_docs, reason = "an example is no API")]

use std::process::ExitCode;

use dropmask::{Dropout, Error, Key, Probability};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const N: usize = 1 << 20;
const VARIANCE: f64 = 1.0;
/// How far a measured variance may be from the formula, relatively: five standard errors of the widest distribution here
/// (p = 0.9, mean 0, fourth standardised moment 18: sqrt(17 / 2^20) = 0.4 %).
const BOUND: f64 = 0.02;

fn main() -> Result<ExitCode, Error> {
    println!(
        "Variance of the batch norm's input in training over that in evaluation, and of its output in evaluation\n"
    );
    println!("{:22}{:^40}{:^24}", "", "dropout, batch norm", "batch norm, dropout");
    println!(
        "{:>6}{:>8}{:8}{:>10}{:>10}{:>10}{:10}{:>10}{:>10}",
        "p", "mean", "", "ratio", "formula", "output", "", "ratio", "output"
    );
    let mut agree = true;
    for mean in [0.0, 1.0] {
        for p in [0.1, 0.3, 0.5, 0.7, 0.9] {
            let x = samples(mean);
            let p_drop = Probability::new(p)?;
            let formula = ((VARIANCE + mean * mean) / f64::from(p_drop.keep()) - mean * mean) / VARIANCE;
            let mut dropped = x.clone();
            Dropout::new(Key::new(1), p_drop).forward_in_place(&mut dropped)?;

            // what the batch norm is given: after dropout that depends on the mode, before dropout it does not
            let before = Shift::of(&dropped, &x);
            let after = Shift::of(&x, &x);
            println!(
                "{p:>6}{mean:>8}{:8}{:>10.3}{formula:>10.3}{:>10.3}{:10}{:>10.3}{:>10.3}",
                "", before.ratio, before.output, "", after.ratio, after.output
            );
            let near = |a: f64, b: f64| (a / b - 1.0).abs() <= BOUND;
            agree &= near(before.ratio, formula) && near(before.output, 1.0 / formula) && near(after.output, 1.0);
        }
    }
    let percent = 100.0 * BOUND;
    println!("\nMeasured and formula {} within {percent} %.", if agree { "agree" } else { "DO NOT agree" });
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Uniform numbers with this mean and [`VARIANCE`].
fn samples(mean: f64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(1);
    let half_width = (3.0 * VARIANCE).sqrt();
    (0..N).map(|_| rng.random_range(mean - half_width..mean + half_width) as f32).collect()
}

/// What a batch norm makes of inputs that differ between training and evaluation.
struct Shift {
    /// Variance in training over variance in evaluation.
    ratio: f64,
    /// Variance of the output in evaluation; it should be 1.
    output: f64,
}

impl Shift {
    fn of(training: &[f32], evaluation: &[f32]) -> Self {
        let norm = BatchNorm::train(training);
        let output: Vec<f32> = evaluation.iter().map(|x| norm.evaluate(*x)).collect();
        Self { ratio: norm.variance / moments(evaluation).1, output: moments(&output).1 }
    }
}

/// Of one feature, without its scale and shift.
struct BatchNorm {
    mean: f64,
    variance: f64,
}

impl BatchNorm {
    /// The statistics that evaluation will use.
    fn train(batch: &[f32]) -> Self {
        let (mean, variance) = moments(batch);
        Self { mean, variance }
    }

    fn evaluate(&self, x: f32) -> f32 {
        ((f64::from(x) - self.mean) / self.variance.sqrt()) as f32
    }
}

/// Mean and variance.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    (mean, values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count)
}
