//! An image with dropout, forward and backward, or without: the difference is what the library takes.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use panic_semihosting as _;

#[entry]
fn main() -> ! {
    let status = if dropout(black_box(&mut [1.0; 256])) { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE };
    debug::exit(status);
    unreachable!("the emulator has stopped")
}

#[cfg(feature = "dropout")]
fn dropout(x: &mut [f32]) -> bool {
    use dropmask::{Dropout, Key, Probability};

    let Ok(p) = Probability::new(black_box(0.5)) else { return false };
    let stream = Dropout::new(Key::new(black_box(42)), p);
    stream.forward_in_place(x).is_ok() && stream.backward_in_place(black_box(x)).is_ok()
}

#[cfg(not(feature = "dropout"))]
fn dropout(x: &mut [f32]) -> bool {
    !x.is_empty()
}
