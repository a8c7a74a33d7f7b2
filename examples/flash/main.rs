//! Attention in tiles with dropout on a CPU: memory for tiles instead of all scores, forward and backward, beside the
//! straightforward way, which has the same mask.
//!
//! ```text
//! cargo run --release --example flash [quick]
//! ```

#![allow(unreachable_pub, reason = "an example is no API")]
#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a slip should stop the example")]

mod compare;
mod heads;
#[path = "../common/memory.rs"]
mod memory;
mod product;
mod softmax;
#[cfg(test)]
mod tests;
mod tiles;
mod whole;

use std::env;
use std::hint::black_box;
use std::time::Instant;

use dropmask::{Dropout, Error, Key, Layout, Level, Probability};

use compare::{Inputs, Outputs, least};
use heads::Heads;
use product::SIZE;
use tiles::{Head, QUERIES};

/// How far both ways may differ, by the greatest number. Each is a sum of products in `f32`, rounded up as often as down;
/// the tests have a bound for the worst case.
const BOUND: f32 = 1e-5;

fn main() -> Result<(), Error> {
    let quick = env::args().nth(1).is_some_and(|argument| argument == "quick");
    println!(
        "One head of {SIZE} numbers, p = 0.1, level {}, one thread; least time of several calls in turns.\n\
         Dropout: what it adds to the time in tiles at p = 0. Both ways differ by {BOUND:e} at most.\n",
        Level::detect()
    );
    println!("                   ------------ tiles ------------    - whole matrices -");
    println!("tokens  pass              KiB        ms   dropout          KiB        ms    differ");
    for tokens in [256, 512, 1024, 2048, 4096].into_iter().take(if quick { 1 } else { 5 }) {
        beside_whole(tokens, if quick { 1 } else { 3 * 4096 / tokens as u32 })?;
    }
    println!("\nDropout of a tile of {QUERIES} queries, by its keys");
    for keys in [64, 128, 256, 512, 1024] {
        println!("{keys:6}  {:.2} ns a weight", nanoseconds_of_dropout(keys, if quick { 1 } else { 200 })?);
    }
    println!("\nFour heads of 1024 tokens, causal, forward and backward");
    in_threads(1024, if quick { 1 } else { 5 })
}

/// p = 0.1 or another, of the key that all have.
fn dropout(p: f32) -> Result<Dropout, Error> {
    Ok(Dropout::new(Key::new(42), Probability::new(p)?))
}

fn beside_whole(tokens: usize, repetitions: u32) -> Result<(), Error> {
    let inputs = Inputs::random(tokens);
    let head = Head { dropout: dropout(0.1)?, tokens, causal: false };
    let without = Head { dropout: dropout(0.0)?, ..head };
    let [mut tiles, mut plain, mut whole] = [Outputs::new(tokens), Outputs::new(tokens), Outputs::new(tokens)];
    let costs = least(
        repetitions,
        [&mut || tiles.in_tiles(&head, &inputs), &mut || plain.in_tiles(&without, &inputs), &mut || {
            whole.by_matrices(&head, &inputs)
        }],
    )?;
    let difference = tiles.difference(&whole);
    assert!(difference <= BOUND, "{tokens} tokens: {difference:e}");
    for (pass, name) in ["forward", "backward"].into_iter().enumerate() {
        let [tiles, plain, whole] = costs.map(|cost| cost[pass]);
        println!(
            "{tokens:6}  {name:9} {:12.1} {:9.2} {:+8.1}% {:12.1} {:9.2} {difference:9.0e}",
            tiles.bytes as f64 / 1024.0,
            tiles.milliseconds(),
            100.0 * (tiles.milliseconds() / plain.milliseconds() - 1.0),
            whole.bytes as f64 / 1024.0,
            whole.milliseconds(),
        );
    }
    Ok(())
}

/// Bits come in blocks of 1024 that follow each other in a row of weights: a narrow tile draws the same block again and again.
fn nanoseconds_of_dropout(keys: usize, repetitions: u32) -> Result<f64, Error> {
    let tile = Layout::rows(4096, 4096).part([QUERIES, keys]);
    let mut weights = vec![1.0; QUERIES * keys];
    let mut least = f64::INFINITY;
    for _ in 0..repetitions {
        let start = Instant::now();
        for first in (0..4096).step_by(keys) {
            dropout(0.1)?.with_offset(first).with_layout(tile).forward_in_place(black_box(&mut weights))?;
        }
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(1e9 * least / (QUERIES * 4096) as f64)
}

fn in_threads(tokens: usize, repetitions: u32) -> Result<(), Error> {
    let heads = Heads { dropout: dropout(0.1)?, heads: 4, tokens, causal: true, threads: 1 };
    let two = Heads { threads: 2, ..heads };
    let inputs = Inputs::random(heads.heads * tokens);
    let [mut a, mut b] = [Outputs::new(heads.heads * tokens), Outputs::new(heads.heads * tokens)];
    let costs = least(repetitions, [&mut || a.of_heads(&heads, &inputs), &mut || b.of_heads(&two, &inputs)])?;
    assert!(a == b, "threads change the result");
    for (heads, [forward, backward]) in [heads, two].iter().zip(costs) {
        println!("{} threads {:9.2} ms {:9.2} ms", heads.threads, forward.milliseconds(), backward.milliseconds());
    }
    Ok(())
}
