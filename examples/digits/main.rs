//! Does dropout help? Trains 64-256-10 networks on 400 handwritten digits of which 120 have a wrong label, without
//! dropout and with `p = 0.7` on the hidden layer, and tests them on the other 1,397. No mask is ever stored: backward
//! replays it from its key. The same networks in `NumPy` are the control.
//!
//! The setting was chosen once, by the control, on other seeds than those shown: of 200 or 400 rows, 0, 20 or 30 % of
//! wrong labels, 256 or 512 hidden units and `p = 0.5` or 0.7, the one where dropout gains most after 60 epochs.
//!
//! ```text
//! cargo run --release --example digits [folder]
//! ```

#![allow(unreachable_pub, reason = "an example is no API")]
#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a slip should stop the example")]

#[path = "../common/mod.rs"]
mod common;
mod curves;
mod report;
#[cfg(test)]
mod tests;
mod timed;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, thread};

use dropmask::{Dropout, Level, Probability};
use indicatif::{ProgressBar, ProgressStyle};

use common::data::{CLASSES, PIXELS, Samples};
use common::recipe::{Recipe, Training};
use curves::Point;
use report::Report;
use timed::{Clock, Timed};

const RECIPE: Recipe = Recipe { rows: 400, wrong: 120, hidden: 256 };
const EPOCHS: usize = 60;
/// Epochs from one evaluation to the next.
const EVALUATE_EVERY: usize = 5;
const SEEDS: u64 = 12;
/// The networks that are compared, by their drop probability. At 0 dropout is the identity.
const DROP: [f32; 2] = [0.0, 0.7];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = match env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => env::current_exe()?.with_file_name("digits-curves"),
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;

    let digits = Samples::load()?;
    let Recipe { rows, wrong, hidden } = RECIPE;
    println!(
        "Dropout against overfitting: {PIXELS}-{hidden}-{CLASSES} networks, {EPOCHS} epochs, {SEEDS} seeds, level {}.\n\
         {rows} handwritten digits for training, {wrong} of them with a wrong label; {} others for testing.\n",
        Level::detect(),
        digits.len() - rows,
    );

    // draws to stderr, and only if that is a terminal
    let bar = ProgressBar::new(DROP.len() as u64 * SEEDS * EPOCHS as u64)
        .with_style(ProgressStyle::with_template("training {wide_bar} {pos}/{len} epochs, {eta} left")?);
    let runs = train_all(&digits, &bar)?;
    bar.finish_and_clear();

    let report = Report::new(&runs)?;
    println!("{report}\n\nCurves:");
    for (name, text) in [("curves.csv", report.csv()?), ("curves.svg", report.svg()?)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("  {}", path.display());
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is known of a network that was trained.
struct Run {
    curve: Vec<Point>,
    /// Time of all training steps, without evaluation.
    training: Duration,
    /// The part of it that is dropout.
    dropout: Duration,
}

/// The networks of each seed, without dropout and with it, on as many threads as there are cores.
fn train_all(digits: &Samples, bar: &ProgressBar) -> Result<Vec<[Run; 2]>, Box<dyn Error>> {
    let cores = thread::available_parallelism()?.get();
    let pair = |seed| -> Result<_, dropmask::Error> {
        Ok([train(digits, DROP[0], seed, bar)?, train(digits, DROP[1], seed, bar)?])
    };
    let share = |core: usize| (core as u64..SEEDS).step_by(cores).map(pair).collect::<Result<Vec<_>, _>>();
    let shares = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || share(core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("training panicked")).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(shares.into_iter().flatten().collect())
}

fn train(digits: &Samples, p: f32, seed: u64, bar: &ProgressBar) -> Result<Run, dropmask::Error> {
    let probability = Probability::new(p)?;
    let mut run = Training::new(digits, &RECIPE, seed);
    let mut curve = Vec::new();
    let (training, dropout) = (Clock::default(), Clock::default());
    for epoch in 1..=EPOCHS {
        run.epoch(|network, sgd, batch, key| {
            let stream = Timed { stream: Dropout::new(key, probability), clock: &dropout };
            let gradient = training.measure(|| network.gradient(batch, &stream))?;
            training.measure(|| sgd.step(network, gradient));
            Ok(())
        })?;
        if epoch % EVALUATE_EVERY == 0 {
            let accuracy = |samples| Ok(100.0 * run.network.accuracy(samples)?);
            curve.push(Point { p, seed, epoch, train: accuracy(&run.training)?, test: accuracy(&run.test)? });
        }
        bar.inc(1);
    }
    Ok(Run { curve, training: training.read(), dropout: dropout.read() })
}
