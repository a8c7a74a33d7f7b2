//! Does dropout help? Trains 64-256-10 networks on 400 handwritten digits, without dropout and with `p = 0.5` on the
//! hidden layer, and tests them on the other 1,397. No mask is ever stored: backward replays it from its key.
//!
//! ```text
//! cargo run --release --example digits [chart.svg]
//! ```

#![allow(unreachable_pub, reason = "an example is no API")]
#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a slip should stop the example")]

#[path = "../common/mod.rs"]
mod common;
mod report;
#[cfg(test)]
mod tests;
mod timed;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, thread};

use dropmask::{Dropout, Level, Probability};
use indicatif::{ProgressBar, ProgressStyle};

use common::data::{CLASSES, PIXELS, Samples};
use common::recipe::{HIDDEN, TRAINING_ROWS, Training};
use report::Report;
use timed::{Clock, Timed, Timing};

const EPOCHS: usize = 100;
const SEEDS: u64 = 5;
/// The networks that are compared, by their drop probability.
const DROP: [Option<f32>; 2] = [None, Some(0.5)];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let digits = Samples::load()?;
    println!(
        "{PIXELS}-{HIDDEN}-{CLASSES} networks, {TRAINING_ROWS} rows for training and {} for testing, {EPOCHS} epochs, \
         {SEEDS} seeds, level {}\n",
        digits.len() - TRAINING_ROWS,
        Level::detect(),
    );

    // draws to stderr, and only if that is a terminal
    let bar = ProgressBar::new(DROP.len() as u64 * SEEDS * EPOCHS as u64)
        .with_style(ProgressStyle::with_template("training {wide_bar} {pos}/{len} epochs, {eta} left")?);
    let all_seeds = |p| (0..SEEDS).map(|seed| train(&digits, p, seed, &bar)).collect::<Result<Vec<_>, _>>();
    let [without, with] = thread::scope(|scope| {
        DROP.map(|p| scope.spawn(move || all_seeds(p))).map(|thread| thread.join().expect("training panicked"))
    });
    bar.finish_and_clear();

    let runs = [without?, with?];
    let report = Report::new(&runs);
    println!("{report}");
    let path = match env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_extension("svg"),
    };
    fs::write(&path, report.svg()?).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("learning curves: {}", path.display());
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is known of a network that was trained.
struct Run {
    /// Accuracy on the training rows at the end, in percent.
    train: f64,
    /// Accuracy on the test rows after each epoch, in percent.
    test: Vec<f64>,
    /// Time of all training steps, without evaluation.
    training: Timing,
    /// The part of it that is dropout.
    dropout: Timing,
}

fn train(digits: &Samples, p: Option<f32>, seed: u64, bar: &ProgressBar) -> Result<Run, dropmask::Error> {
    let p = p.map(Probability::new).transpose()?;
    let mut run = Training::new(digits, seed);
    let mut accuracies = Vec::new();
    let (training_clock, dropout_clock) = (Clock::default(), Clock::default());
    for _ in 0..EPOCHS {
        run.epoch(|network, sgd, batch, key| {
            let dropout = p.map(|p| Timed { stream: Dropout::new(key, p), clock: &dropout_clock });
            let gradient = training_clock.measure(|| network.gradient(batch, &dropout))?;
            training_clock.measure(|| sgd.step(network, gradient));
            Ok(())
        })?;
        accuracies.push(100.0 * run.network.accuracy(&run.test)?);
        bar.inc(1);
    }
    Ok(Run {
        train: 100.0 * run.network.accuracy(&run.training)?,
        test: accuracies,
        training: training_clock.read(),
        dropout: dropout_clock.read(),
    })
}
