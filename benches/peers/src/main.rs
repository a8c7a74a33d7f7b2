//! Prints the time of dropmask beside that of other dropout for the CPU, all in one run and one thread:
//!
//! ```sh
//! export RAYON_NUM_THREADS=1          # candle would start more
//! cargo bench --manifest-path benches/peers/Cargo.toml
//! RUSTFLAGS="-C target-cpu=native" cargo bench --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! `-- --large` adds 16 Mi elements, `-- --quick` repeats less often, `-- --test` only checks the answers. dropmask chooses
//! its instructions at run time; the others have those of the build, but for what burn chooses itself.
//!
//! Each repetition goes through all in random order, a batch of calls of each beside a batch of dropmask; times and ratios
//! are medians over the repetitions, with a 95 % interval. All work on the same aligned buffers but the frameworks, which
//! allocate their results.

#[path = "../../common/mod.rs"]
mod common;

mod burn;
mod burn_op;
mod by_hand;
mod candle;
mod measure;
mod ndarray;
mod ours;
mod peer;

use std::env;

use common::measure::{Estimate, Flags, cpu};
use common::{Case, PROBABILITIES};
use dropmask::Level;
use measure::{Samples, measure};
use peer::Peer;

/// In the first, second and third cache.
const SIZES: [usize; 3] = [4096, 1 << 16, 1 << 20];
const LARGE: usize = 1 << 24;

/// Places in memory where a case is measured: whether two buffers are in each other's way in the first cache depends on
/// their addresses, and can double a time.
const PLACES: usize = 10;

fn main() {
    assert_eq!(env::var("RAYON_NUM_THREADS").as_deref(), Ok("1"), "candle must be told to use one thread");
    let flags = Flags::get();
    let large = env::args().any(|arg| arg == "--large").then_some(LARGE);
    if !flags.test {
        println!("On {}, dropmask at level `{}`, the build with {}.", cpu(), Level::detect(), vectors());
        println!("Ratios are to dropmask, replayed.");
    }
    burn::check_operation();
    for len in SIZES.into_iter().chain(large) {
        let rows = PROBABILITIES.map(|p| rows(len, p, flags));
        if !flags.test {
            print(len, &rows);
        }
    }
}

/// What the build lets the compiler use.
fn vectors() -> &'static str {
    if cfg!(target_feature = "avx512f") {
        "AVX-512"
    } else if cfg!(target_feature = "avx2") {
        "AVX2"
    } else {
        "the vectors that every CPU of the target has"
    }
}

fn peers(case: &Case) -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(ours::Roofline),
        Box::new(ours::REPLAYED),
        Box::new(ours::STORED),
        Box::new(by_hand::Replayed::new(case)),
        Box::new(by_hand::Stored::new(case)),
        Box::new(by_hand::Hashed::new(case)),
        Box::new(ndarray::Ndarray::new(case)),
        Box::new(candle::Layer::new(case)),
        Box::new(candle::Mask::new(case)),
        Box::new(burn::Burn::own(case)),
        Box::new(burn::Burn::dropmask(case)),
    ]
}

/// A line of a table.
struct Row {
    name: &'static str,
    rival: bool,
    p: f32,
    samples: Samples,
}

/// Checks the answers and, unless told not to, measures.
fn rows(len: usize, p: f32, flags: Flags) -> Vec<Row> {
    let (places, repetitions) = match (flags.test, flags.quick, len < LARGE) {
        (true, ..) => (1, 0),
        (_, true, true) => (PLACES, 1),
        (_, true, false) => (1, 7),
        (.., true) => (PLACES, 30),
        (.., false) => (1, 31),
    };
    // all at once in memory, hence in different places
    let mut cases: Vec<Case> = (0..places).map(|_| Case::new(len, p)).collect();
    let mut rows: Vec<Row> = Vec::new();
    for (seed, case) in (0..).zip(&mut cases) {
        let mut peers = peers(case);
        for peer in &mut peers {
            peer.check(case);
        }
        if rows.is_empty() {
            for peer in &peers {
                rows.push(Row { name: peer.name(), rival: peer.rival(), p, samples: Samples::default() });
            }
        }
        for (row, samples) in rows.iter_mut().zip(measure(case, &mut peers, repetitions, seed)) {
            row.samples.append(samples);
        }
    }
    rows
}

fn print(len: usize, rows: &[Vec<Row>]) {
    println!("\n{len} elements:\n");
    println!("| p | | forward, ns/element | ratio | backward, ns/element | ratio | ratio of both |");
    println!("|---|---|---|---|---|---|---|");
    for row in rows.iter().flatten() {
        let Row { name, p, samples, .. } = row;
        let [forward, backward] = samples.times.each_ref().map(|times| {
            let Estimate { median, low, high } = Estimate::of(times.clone());
            let [median, low, high] = [median, low, high].map(|time| time / len as f64);
            format!("{median:.3} ({low:.3}–{high:.3})")
        });
        let [forward_ratio, backward_ratio, both] =
            samples.ratios.each_ref().map(|ratios| Estimate::of(ratios.clone()));
        println!("| {p} | {name} | {forward} | {forward_ratio} | {backward} | {backward_ratio} | {both} |");
    }
    println!();
    for rows in rows {
        let [forward, backward, both] = [0, 1, 2].map(|ratio| closest(rows, ratio));
        println!("Closest at p = {}: forward {forward}, backward {backward}, both {both}.", rows[0].p);
    }
}

/// The fastest that is not dropmask, and its ratio.
fn closest(rows: &[Row], ratio: usize) -> String {
    let rivals = rows.iter().filter(|row| row.rival);
    let medians = rivals.map(|row| (row.name, Estimate::of(row.samples.ratios[ratio].clone()).median));
    let (name, median) = medians.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    format!("\"{name}\" {median:.2}")
}
