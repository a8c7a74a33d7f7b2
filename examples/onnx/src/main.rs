//! Monte-Carlo dropout on an ONNX model in two engines, tract and ONNX Runtime: 100 passes, each with a key of its own,
//! over handwritten digits as they are, with noise, and turned. The engines have the same masks, for any number of
//! threads.
//!
//! ```text
//! ORT_DYLIB_PATH=.../libonnxruntime.so.1.32.0 cargo run --release
//! ```
//!
//! Without that variable it runs tract alone.

#[allow(dead_code, reason = "other examples use the rest")]
#[path = "../../common/data.rs"]
mod data;
mod engines;
mod model;
mod op;
#[cfg(test)]
mod tests;
mod timing;
mod uncertainty;

use std::{env, ops::Range, thread};

use dropmask::Key;
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use data::{Samples, rotated};
use engines::{Engine, OnnxRuntime, Result, Tract};
use model::TRAINING_ROWS;
use uncertainty::{Uncertainty, average};

const SEED: u64 = 42;
const PASSES: u64 = 100;
/// Of the most certain images, whose accuracy is told.
const MOST_CERTAIN: f64 = 0.9;

fn main() -> Result<()> {
    let model = model::digits()?;
    let runtime = env::var("ORT_DYLIB_PATH").ok().map(|library| OnnxRuntime::load(&library)).transpose()?;
    if runtime.is_none() {
        println!("ORT_DYLIB_PATH is not set: tract alone, without ONNX Runtime\n");
    }
    let all = Samples::load()?;
    let labels = &all.labels[TRAINING_ROWS..];
    let images = all.images.slice(s![TRAINING_ROWS.., ..]).to_owned();

    println!("{PASSES} passes over {} digits that were not trained on; entropies in nats.", labels.len());
    println!("surest: accuracy of the {:.0} % with the least predictive entropy.", 100.0 * MOST_CERTAIN);
    println!("difference: largest between the class probabilities of the engines, in any pass and of the means.\n");
    println!(
        "{:12}{:>12}{:>10}{:>9}{:>12}{:>10}{:>13}{:>12}{:>10}",
        "digits", "no dropout", "accuracy", "surest", "predictive", "expected", "information", "difference", "of means"
    );
    let tract = Tract::new(&model)?;
    let mut evaluating = Tract::new(&model::evaluating(model.clone()))?;
    let mut entropies = Vec::new();
    for (name, images) in sets(&images) {
        let single = Uncertainty::new(&[evaluating.pass(images.view(), Key::new(SEED), 0)?])?;
        let passes = share_out(1, &tract, &images)?;
        same(&passes, &share_out(2, &tract, &images)?, "tract")?;
        let of_tract = Uncertainty::new(&passes)?;
        print!(
            "{name:12}{:>10.1} %{:>8.1} %{:>7.1} %{:>12.3}{:>10.3}{:>13.3}",
            100.0 * single.accuracy(labels, 1.0),
            100.0 * of_tract.accuracy(labels, 1.0),
            100.0 * of_tract.accuracy(labels, MOST_CERTAIN),
            average(&of_tract.predictive),
            average(&of_tract.expected),
            average(&of_tract.information),
        );
        entropies.push((name, average(&of_tract.predictive)));
        if let Some(runtime) = &runtime {
            let others = take(0..PASSES, &mut runtime.keyed(&model, 1)?, &images)?;
            same(&others, &take(0..PASSES, &mut runtime.keyed(&model, 2)?, &images)?, "ONNX Runtime")?;
            let of_runtime = Uncertainty::new(&others)?;
            let in_any_pass = passes.iter().flatten().zip(others.iter().flatten()).map(|(a, b)| (a - b).abs());
            let of_means = of_tract.mean.iter().zip(&of_runtime.mean).map(|(a, b)| (a - b).abs());
            print!("{:>12.1e}{:>10.1e}", in_any_pass.fold(0.0, f32::max), of_means.fold(0.0, f64::max));
        }
        println!();
    }

    println!("\nThe same to the bit on 1 and 2 threads, within an engine.");
    let (peak, highest) = entropies.iter().max_by(|a, b| a.1.total_cmp(&b.1)).ok_or("no images")?;
    let (last, entropy) = entropies.last().ok_or("no images")?;
    println!("Entropy need not rise off the data: it is highest at {peak}, {highest:.3}, and {entropy:.3} at {last}.");
    timing::print(&model, runtime.as_ref(), &images)
}

/// The images with noise, and turned.
fn sets(images: &Array2<f32>) -> Vec<(String, Array2<f32>)> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let noisy = images.mapv(|pixel| pixel + rng.random_range(-0.5..0.5));
    let turned = [15, 30, 45, 60, 75, 90].map(|degrees| (format!("{degrees} degrees"), rotated(images, degrees)));
    [("clean".into(), images.clone()), ("noisy".into(), noisy)].into_iter().chain(turned).collect()
}

/// Each pass has a key of its own, from which the ops derive one for each layer.
fn take(passes: Range<u64>, engine: &mut impl Engine, images: &Array2<f32>) -> Result<Vec<Vec<f32>>> {
    passes.map(|pass| engine.pass(images.view(), Key::new(SEED).derive(pass), 0)).collect()
}

/// A pass of tract runs on one thread, so threads share out the passes.
fn share_out(threads: u64, tract: &Tract, images: &Array2<f32>) -> Result<Vec<Vec<f32>>> {
    let each = PASSES.div_ceil(threads);
    thread::scope(|scope| {
        let part = |thread| {
            let (mut tract, passes) = (tract.clone(), thread * each..PASSES.min((thread + 1) * each));
            scope.spawn(move || take(passes, &mut tract, images).map_err(|error| error.to_string()))
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        let parts = parts.into_iter().map(|part| Ok(part.join().map_err(|_| "a thread panicked")??));
        Ok(parts.collect::<Result<Vec<_>>>()?.concat())
    })
}

fn same(one: &[Vec<f32>], two: &[Vec<f32>], engine: &str) -> Result<()> {
    if one == two { Ok(()) } else { Err(format!("{engine}: one thread and two differ").into()) }
}
