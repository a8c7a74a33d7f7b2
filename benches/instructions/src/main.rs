//! Holds the hot loops to budgets of instructions, which no other load on the machine changes. Under `valgrind` each
//! level that it knows is counted; for AVX-512, which it does not, the inner loops are read from the disassembly.
//!
//! `cargo run --release --manifest-path benches/instructions/Cargo.toml` needs `valgrind` and `objdump`, and takes half a minute.
//! A budget is some 3 % above what stable Rust makes of the code; to be set anew when either changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a benchmark that fails stops

#[path = "../../common/mod.rs"]
mod common;

use std::env;
use std::process::{Command, ExitCode};

use common::{Case, Operation};
use dropmask::Level;

/// Elements: of a small call, for the cost of a call, and of one in the first cache, for that of an element.
const SIZES: [usize; 2] = [64, 4096];

/// The drop probability of a row is 0.1 or 0.5, and its budgets are those of a call, at each of [`SIZES`].
const COUNTED: [(&str, Operation, f32, [u64; 2]); 15] = [
    ("scalar", Operation::Fill, 0.1, [8600, 535_000]),
    ("scalar", Operation::Fill, 0.5, [4620, 278_000]),
    ("scalar", Operation::Forward, 0.1, [9850, 608_000]),
    ("scalar", Operation::Forward, 0.5, [5770, 346_000]),
    ("scalar", Operation::BackwardStored, 0.5, [3470, 196_500]),
    ("portable", Operation::Fill, 0.1, [1020, 12_000]),
    ("portable", Operation::Fill, 0.5, [695, 3880]),
    ("portable", Operation::Forward, 0.1, [1445, 20_500]),
    ("portable", Operation::Forward, 0.5, [1125, 12_400]),
    ("portable", Operation::BackwardStored, 0.5, [605, 8600]),
    ("avx2", Operation::Fill, 0.1, [880, 4940]),
    ("avx2", Operation::Fill, 0.5, [660, 1740]),
    ("avx2", Operation::Forward, 0.1, [1210, 8840]),
    ("avx2", Operation::Forward, 0.5, [985, 5640]),
    ("avx2", Operation::BackwardStored, 0.5, [530, 4090]),
];

/// An instruction, and how often a loop has it.
type Times = (&'static str, usize);

/// Loops of AVX-512: what a turn does, by what it is known, its budget, and how many loops keep to it.
const LOOPS: [(&str, [Times; 2], usize, usize); 3] = [
    // in fill and in what draws for channels, for digits that are 0 and 1
    ("a digit of 2,048 elements", [("vprolq", 8), ("vmulps", 0)], 55, 4),
    // in forward and in the pass of a stored mask; those of channels are longer
    ("64 elements scaled and masked", [("vprolq", 0), ("vmulps", 4)], 25, 2),
    // in forward and with a sum; a turn goes through the part for 64 elements as often as words are due, and mostly twice
    ("a digit of 1,024 elements beside 64 scaled and masked", [("vprolq", 4), ("vmulps", 4)], 95, 1),
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--run") {
        run(&args[at + 1..]);
        return ExitCode::SUCCESS;
    }
    for (level, operation, p, _) in COUNTED {
        if let Ok(level) = Level::named(level) {
            for len in SIZES {
                Case::new(len, p).check(operation, level);
            }
        }
    }
    let counted = counted();
    let disassembled = !cfg!(target_arch = "x86_64") || disassembled();
    if counted && disassembled { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The process that is counted: operation, level, p, length, number of calls.
fn run(args: &[String]) {
    let operation = Operation::ALL.into_iter().find(|operation| operation.to_string() == args[0]).unwrap();
    let mut case = Case::new(args[3].parse().unwrap(), args[2].parse().unwrap());
    for _ in 0..args[4].parse().unwrap() {
        case.operation(operation, Level::named(&args[1]).unwrap());
    }
}

/// Returns whether all budgets are kept.
fn counted() -> bool {
    println!(
        "| level | operation | p | a call on 64 elements (budget) | an element of 4,096 (budget) |\n|---|---|---|---|---|"
    );
    let mut kept = true;
    for (level, operation, p, budgets) in COUNTED {
        if Level::named(level).is_err() {
            println!("| {level} | {operation} | {p} | not on this machine | |");
            continue;
        }
        let [small, large] = SIZES.map(|len| instructions(level, operation, p, len));
        let ok = small <= budgets[0] && large <= budgets[1];
        let [element, element_budget] = [large, budgets[1]].map(|calls| calls as f64 / SIZES[1] as f64);
        let mark = if ok { "" } else { " **over**" };
        println!(
            "| {level} | {operation} | {p} | {small} ({}) | {element:.3} ({element_budget:.3}){mark} |",
            budgets[0]
        );
        kept &= ok;
    }
    kept
}

/// Instructions of a call: what ten more of them take, so that all else of the process cancels out.
fn instructions(level: &str, operation: Operation, p: f32, len: usize) -> u64 {
    let [one, eleven] = [1, 11].map(|calls| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().unwrap())
            .args(["--run", &operation.to_string(), level, &p.to_string(), &len.to_string(), &calls.to_string()])
            .output()
            .expect("valgrind is needed");
        let report = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{report}");
        let (_, count) = report.split_once("Collected : ").unwrap();
        count.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    });
    (eleven - one) / 10
}

/// Returns whether the budgets of all loops are kept.
fn disassembled() -> bool {
    let output = Command::new("objdump")
        .args(["--disassemble", "--no-show-raw-insn"])
        .arg(env::current_exe().unwrap())
        .output()
        .expect("objdump is needed");
    let text = String::from_utf8(output.stdout).unwrap();
    let functions: Vec<&str> = text.split("\n\n").filter(|function| function.contains("run_avx512")).collect();
    println!("\n| avx512, a turn of a loop | instructions (budget) |\n|---|---|");
    let mut kept = true;
    for (what, wanted, budget, number) in LOOPS {
        let lengths: Vec<usize> = functions.iter().flat_map(|function| loops(function, &wanted)).collect();
        let ok = lengths.iter().filter(|&&length| length <= budget).count() >= number;
        println!("| {what} | {lengths:?} ({budget}){} |", if ok { "" } else { " **over**" });
        kept &= ok;
    }
    kept
}

/// The lengths of the loops of a function that have each instruction as often as wanted, and no smaller such loop in them.
fn loops(function: &str, wanted: &[Times]) -> Vec<usize> {
    // address and instruction
    let lines: Vec<(&str, &str)> = function.lines().filter_map(|line| line.trim().split_once(":\t")).collect();
    let jumps = lines.iter().enumerate().filter_map(|(last, (_, instruction))| {
        let target = instruction.strip_prefix('j')?.split_whitespace().nth(1)?;
        let first = lines[..=last].iter().position(|(address, _)| *address == target)?;
        Some((first, last))
    });
    let matching: Vec<(usize, usize)> = jumps
        .filter(|&(first, last)| {
            wanted.iter().all(|(instruction, times)| {
                lines[first..=last].iter().filter(|(_, line)| line.contains(instruction)).count() == *times
            })
        })
        .collect();
    let smallest = matching.iter().filter(|(first, last)| {
        !matching.iter().any(|other| other != &(*first, *last) && other.0 >= *first && other.1 <= *last)
    });
    smallest.map(|(first, last)| last - first + 1).collect()
}
