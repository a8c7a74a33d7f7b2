//! What dropout costs on a Cortex-M4F: instructions an element and bytes of stack. Exits with a failure above the budget.
#![no_std]
#![no_main]

mod counter;
mod stack;

use core::arch::asm;
use core::hint::black_box;

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use dropmask::{Dropout, Error, Key, MaskMut, Probability, mask_words};
use panic_semihosting as _;

use counter::Counter;

const LEN: usize = 4096;
/// As many elements as a small layer has.
const FEW: usize = 32;
const CALLS: usize = 20;
/// Most instructions an element at a drop probability, with all that a call does.
const BUDGETS: [(f32, f64); 2] = [(0.1, 14.0), (0.5, 8.0)];

#[entry]
fn main() -> ! {
    let within = Peripherals::take().is_some_and(|peripherals| run(&mut Counter::new(peripherals.SYST)) == Ok(true));
    debug::exit(if within { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    unreachable!("the emulator has stopped")
}

fn run(counter: &mut Counter) -> Result<bool, Error> {
    let mut within = counts_right(counter);
    hprintln!("\ninstructions an element, {} elements, and bytes of stack; instructions of a call on {}", LEN, FEW);
    hprintln!("{:>4}  {:<18}{:>12}{:>8}{:>12}", "p", "operation", "instructions", "stack", "small call");
    for (p, budget) in BUDGETS {
        let stream = Dropout::new(Key::new(black_box(1)), Probability::new(black_box(p))?);
        let (x, mut y, mut words) = ([1.5; LEN], [0.5; LEN], [0; mask_words(LEN)]);
        let mut row = |name, budget: f64, work: &mut dyn FnMut(usize) -> Result<(), Error>| {
            let mut instructions = |calls: usize, len| {
                let counted = counter.count(|| (0..calls).for_each(|_| within &= work(len).is_ok()));
                counted / calls as f64
            };
            let each = instructions(CALLS, LEN) / LEN as f64;
            let small = instructions(CALLS, FEW);
            let stack = stack::depth(|| within &= work(LEN).is_ok());
            hprintln!("{:>4}  {:<18}{:>12.2}{:>8}{:>12.0}", p, name, each, stack, small);
            within &= each <= budget;
        };
        row("y = a * x", f64::INFINITY, &mut |len| {
            y[..len].iter_mut().zip(&black_box(&x)[..len]).for_each(|(y, x)| *y = 1.25 * x);
            Ok(())
        });
        row("forward", budget, &mut |len| stream.forward(&x[..len], &mut y[..len]));
        row("forward_in_place", budget, &mut |len| stream.forward_in_place(&mut y[..len]));
        row("backward", budget, &mut |len| stream.backward(&x[..len], &mut y[..len]));
        row("backward_add", f64::INFINITY, &mut |len| stream.backward_add(&x[..len], &mut y[..len]));
        row("fill", f64::INFINITY, &mut |len| stream.fill(&mut MaskMut::new(&mut words, len)?));
    }
    Ok(within)
}

/// Two million instructions.
fn counts_right(counter: &mut Counter) -> bool {
    let loops = 1_000_000;
    // SAFETY: counts a register down.
    let counted = counter.count(|| unsafe { asm!("2: subs {0}, #1", "bne 2b", inout(reg) loops => _) });
    hprintln!("a loop of 2000000 instructions: {}", counted);
    (counted - 2e6).abs() < 200.0
}
