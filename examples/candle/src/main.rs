//! Dropout that keeps no mask, inside candle: trains small networks on handwritten digits with it, with candle's own and
//! with none, and says what either takes.
//!
//! ```text
//! cargo run --release --manifest-path examples/candle/Cargo.toml [quick]
//! ```

mod costs;
#[allow(dead_code, reason = "other examples use the rest")]
#[path = "../../common/data.rs"]
mod data;
#[allow(dead_code, reason = "a file to be copied: this program has no channels")]
mod dropout;
#[path = "../../common/memory.rs"]
mod memory;
#[cfg(test)]
mod tests;
mod training;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use data::{CLASSES, PIXELS, Samples};
use training::{HIDDEN, Kind, P, TRAINING_ROWS, train};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let quick = env::args().nth(1).is_some_and(|argument| argument == "quick");
    let replayed = networks(quick)?;
    println!();
    costs(quick)?;
    Ok(if replayed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns whether two runs of dropmask were the same.
fn networks(quick: bool) -> Result<bool, Box<dyn Error>> {
    let (seeds, epochs) = if quick { (1, 2) } else { (5, 60) };
    let digits = Samples::load()?;
    println!(
        "{PIXELS}-{HIDDEN}-{CLASSES} networks, p = {P} on the hidden layer, {TRAINING_ROWS} rows for training and {} for \
         testing, {epochs} epochs, seeds: {seeds}\n",
        digits.len() - TRAINING_ROWS,
    );
    println!("                       test accuracy     a step   dropout forward   seed 0 twice");
    let mut replayed = true;
    for kind in Kind::ALL {
        let runs = (0..seeds).map(|seed| train(&digits, kind, seed, epochs)).collect::<Result<Vec<_>, _>>()?;
        let same = runs[0].parameters == train(&digits, kind, 0, epochs)?.parameters;
        let (accuracy, deviation) = statistics(&runs.iter().map(|run| run.accuracy).collect::<Vec<_>>());
        let mean = |of: fn(&training::Outcome) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
        println!(
            "{:20} {accuracy:6.1} % ± {deviation:.1} {:8.0} us {:14.1} us   {}",
            kind.name(),
            mean(|run| run.step),
            mean(|run| run.dropout),
            if same { "equal to the bit" } else { "differ" },
        );
        replayed &= same || !matches!(kind, Kind::Dropmask);
    }
    Ok(replayed)
}

/// Mean and deviation, which is 0 of one value.
fn statistics(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (values.len() - 1).max(1) as f64).sqrt())
}

fn costs(quick: bool) -> Result<(), Box<dyn Error>> {
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!("                                   -------- forward -------- | forward and backward | times as fast");
    println!("elements     p    dropout             us   MiB kept   at most |         us   at most | forward   both");
    for shape in [(32, 256), (256, 256), (512, 4096)].into_iter().take(if quick { 1 } else { 3 }) {
        for p in [0.1, 0.5] {
            let costs = costs::compare(shape, p, if quick { 3 } else { 31 })?;
            for (name, cost) in ["candle", "dropmask"].into_iter().zip(costs) {
                println!(
                    "{:4} x {:4}  {p}  {name:10} {:12.1} {:10.2} {:9.2} | {:10.1} {:9.2} | {:7.1} {:6.1}",
                    shape.0,
                    shape.1,
                    cost.forward,
                    mib(cost.heap_forward.kept),
                    mib(cost.heap_forward.peak),
                    cost.both,
                    mib(cost.heap_both.peak),
                    costs[0].forward / cost.forward,
                    costs[0].both / cost.both,
                );
            }
        }
    }
    Ok(())
}
