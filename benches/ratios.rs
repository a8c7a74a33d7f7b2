//! Prints the tables of `docs/speed.md`: the time of every operation as a multiple of `y = a * x` at the same level.
//!
//! The two alternate in random order, many times; a ratio is the median over the repetitions, with a 95 % interval.
//! `cargo bench --bench ratios` takes about a minute, `-- --quick` a few seconds; `-- --test` only checks the answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a benchmark that fails stops
#![allow(clippy::float_cmp)] // answers are exact, and so are the values of p

mod common;

use std::hint::black_box;

use common::measure::{Estimate, Flags, cpu, time};
use common::{Case, Operation, PROBABILITIES, SIZES, inputs, outputs, stream};
use dropmask::{Layout, Level};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Elements that a timed batch of calls covers at least, so that the clock's resolution does not matter.
const BATCH: usize = 1 << 20;

fn main() {
    let flags @ Flags { test, quick } = Flags::get();
    let levels: Vec<Level> = Level::supported().filter(|&level| level != Level::SCALAR).collect();
    let mut rows = Vec::new();
    for level in levels.iter().rev() {
        for operation in Operation::ALL {
            rows.extend(PROBABILITIES.map(|p| Row { level: *level, operation, p, cells: Vec::new() }));
        }
    }
    for len in SIZES {
        eprintln!("{len} elements");
        for p in PROBABILITIES {
            let mut case = Case::new(len, p);
            let mut rows: Vec<&mut Row> = rows.iter_mut().filter(|row| row.p == p).collect();
            for row in &rows {
                case.check(row.operation, row.level);
            }
            if !test {
                measure(&mut case, &mut rows, quick);
            }
        }
    }
    check_small();
    if !test {
        println!("`{}` on {}, level `{}`", flags.command("ratios"), cpu(), Level::detect());
        print_large(&rows);
        print_small(quick);
    }
}

/// What was measured at one size.
struct Cell {
    ratio: Estimate,
    /// Of the operation and of plain code, per element.
    nanoseconds: f64,
    plain: f64,
}

struct Row {
    level: Level,
    operation: Operation,
    p: f32,
    /// One for each of [`SIZES`].
    cells: Vec<Cell>,
}

/// Measures one size. Each repetition goes through all rows, so that what else the machine does meets all alike.
fn measure(case: &mut Case, rows: &mut [&mut Row], quick: bool) {
    let calls = (BATCH / case.len()).max(1);
    let repetitions = match (quick, case.len() > BATCH) {
        (true, _) => 7,
        (false, true) => 61,
        (false, false) => 301,
    };
    let mut order = SmallRng::seed_from_u64(3);
    let mut samples: Vec<Samples> = rows.iter().map(|_| Samples::default()).collect();
    for repetition in 0..repetitions {
        for (row, samples) in rows.iter().zip(&mut samples) {
            let Row { operation, level, .. } = **row;
            let roofline_first: bool = order.random();
            let before = if roofline_first { time(calls, || case.roofline(level)) } else { 0.0 };
            let taken = time(calls, || case.operation(operation, level));
            let roofline = if roofline_first { before } else { time(calls, || case.roofline(level)) };
            samples.operation.push(taken);
            samples.ratio.push(taken / roofline);
            // slow, and many times slower: fewer will do
            if repetition % 16 == 0 {
                samples.plain.push(time(calls.div_ceil(16), || case.plain(operation)));
            }
        }
    }
    for (row, Samples { operation, ratio, plain }) in rows.iter_mut().zip(samples) {
        let [nanoseconds, plain] = [operation, plain].map(|times| Estimate::of(times).median / case.len() as f64);
        row.cells.push(Cell { ratio: Estimate::of(ratio), nanoseconds, plain });
    }
}

#[derive(Default)]
struct Samples {
    operation: Vec<f64>,
    ratio: Vec<f64>,
    plain: Vec<f64>,
}

fn print_large(rows: &[Row]) {
    println!("\nTime as a multiple of `y = a * x` at the same level (median, 95 % interval):\n");
    print_table(rows, |cell| cell.ratio.to_string());
    println!("\nNanoseconds per element, and how many times the speed of plain code:\n");
    print_table(rows, |cell| format!("{:.3} ({:.1}x)", cell.nanoseconds, cell.plain / cell.nanoseconds));
}

fn print_table(rows: &[Row], text: impl Fn(&Cell) -> String) {
    println!("| level | operation | p | 4,096 | 65,536 | 1 Mi | 16 Mi |\n|---|---|---|---|---|---|---|");
    for Row { level, operation, p, cells } in rows {
        let cells: Vec<String> = cells.iter().map(&text).collect();
        println!("| {level} | {operation} | {p} | {} |", cells.join(" | "));
    }
}

const LENGTHS: [usize; 5] = [1, 7, 64, 100, 1000];

/// A small call: where the slices start in aligned memory, and the element index of the first element.
const SMALL: [(&str, usize, u64); 3] =
    [("aligned", 0, 0), ("slices 4 bytes off", 1, 0), ("slices 4 bytes off, offset 100", 1, 100)];

/// What a rank holds whose shard are 512 of the 4,096 columns: pieces that lie close, with indices apart.
const PIECES: Layout = Layout::rows(128, 512).index_strides([4096, 1]);
const PIECES_LEN: usize = 128 * 512;

fn check_small() {
    let x = inputs(PIECES_LEN);
    for (p, level) in PROBABILITIES.into_iter().flat_map(|p| Level::supported().map(move |level| (p, level))) {
        let (mut y, mut expected) = (outputs(PIECES_LEN), outputs(PIECES_LEN));
        let stream = stream(p).with_offset(512).with_layout(PIECES);
        stream.with_level(Level::SCALAR).forward(&x, &mut expected).unwrap();
        stream.with_level(level).forward(&x, &mut y).unwrap();
        assert!(y[..] == expected[..], "pieces, p = {p}, {level}");
    }
    for (p, len, (what, start, offset), level) in PROBABILITIES
        .into_iter()
        .flat_map(|p| LENGTHS.map(|len| (p, len)))
        .flat_map(|(p, len)| SMALL.map(|small| (p, len, small)))
        .flat_map(|(p, len, small)| Level::supported().map(move |level| (p, len, small, level)))
    {
        let mut y = outputs(1024);
        let mut expected = vec![0.0; len];
        let (stream, x) = (stream(p).with_offset(offset), &x[start..][..len]);
        stream.with_level(Level::SCALAR).forward(x, &mut expected).unwrap();
        stream.with_level(level).forward(x, &mut y[start..][..len]).unwrap();
        assert!(y[start..][..len] == expected, "{what}, {len} elements, p = {p}, {level}");
    }
}

fn print_small(quick: bool) {
    println!("\nNanoseconds per call of few elements, forward by replay, level `{}`:\n", Level::detect());
    println!("| slices | p | 1 | 7 | 64 | 100 | 1000 |\n|---|---|---|---|---|---|---|");
    let (x, mut y) = (inputs(1024), outputs(1024));
    for (what, start, offset) in SMALL {
        for p in PROBABILITIES {
            let stream = stream(p).with_offset(offset);
            let cells = LENGTHS.map(|len| {
                let mut call = || {
                    let (x, y) = (&x[start..][..len], &mut y[start..][..len]);
                    black_box(stream).forward(black_box(x), black_box(y)).unwrap();
                };
                let samples = (0..if quick { 7 } else { 101 }).map(|_| time(1000, &mut call)).collect();
                format!("{:.0}", Estimate::of(samples).median)
            });
            println!("| {what} | {p} | {} |", cells.join(" | "));
        }
    }

    let (x, mut y) = (inputs(PIECES_LEN), outputs(PIECES_LEN));
    let cells = PROBABILITIES.map(|p| {
        let stream = stream(p).with_offset(512).with_layout(PIECES);
        let mut call = || black_box(stream).forward(black_box(&x), black_box(&mut y)).unwrap();
        let samples = (0..if quick { 7 } else { 101 }).map(|_| time(16, &mut call)).collect();
        format!("p = {p}: {:.3}", Estimate::of(samples).median / PIECES_LEN as f64)
    });
    println!(
        "\nNanoseconds per element, 128 pieces of 512 elements whose indices lie 4,096 apart: {}",
        cells.join(", ")
    );
}
