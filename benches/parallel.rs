//! Prints how many times as fast an operation is on several threads as on one, at the level of the machine.
//!
//! Both alternate, in batches of calls: the first after a pause must wake the threads. Calls come from a thread of the
//! pool; from outside each takes as much longer as the line above the table says. Medians with a 95 % interval.
//! `RAYON_NUM_THREADS=2 cargo bench --features rayon --bench parallel` takes a minute, `-- --quick` some seconds;
//! `-- --test` only checks the answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a benchmark that fails stops

mod common;

use common::measure::{Estimate, Flags, cpu, time};
use common::{Case, Operation, PROBABILITIES};
use dropmask::Level;

const SIZES: [usize; 5] = [1 << 17, 1 << 18, 1 << 20, 1 << 22, 1 << 24];

fn main() {
    let flags = Flags::get();
    if !flags.test {
        let threads = rayon::current_num_threads();
        println!(
            "`{}` on {}, level `{}`, {threads} threads",
            flags.command("parallel --features rayon"),
            cpu(),
            Level::detect()
        );
        let outside = Estimate::of((0..301).map(|_| time(1, || ((), ()) = rayon::join(|| (), || ()))).collect());
        println!("A call from outside the pool: {:.0} ns more\n", outside.median);
        println!("| operation | p | 131,072 | 262,144 | 1 Mi | 4 Mi | 16 Mi |\n|---|---|---|---|---|---|---|");
    }
    rayon::scope(|_| rows(flags, Level::detect()));
}

fn rows(flags: Flags, level: Level) {
    for operation in Operation::ALL {
        for p in PROBABILITIES {
            let cells = SIZES.map(|len| {
                let mut case = Case::new(len, p);
                for parallel in [false, true] {
                    case.parallel = parallel;
                    case.check(operation, level);
                }
                if flags.test { String::new() } else { speedup(&mut case, operation, level, flags.quick).to_string() }
            });
            if !flags.test {
                println!("| {operation} | {p} | {} |", cells.join(" | "));
            }
        }
    }
}

fn speedup(case: &mut Case, operation: Operation, level: Level, quick: bool) -> Estimate {
    let calls = ((1 << 25) / case.len()).max(4);
    let repetitions = if quick { 5 } else { 31 };
    let mut run = |parallel| {
        case.parallel = parallel;
        time(calls, || case.operation(operation, level))
    };
    Estimate::of((0..repetitions).map(|_| run(false) / run(true)).collect())
}
