//! Firmware with a panic handler of its own, which uses the library in both languages. It links where there is neither
//! std nor alloc, and beside the C interface.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::panic::PanicInfo;

use dropmask::ffi::{DROPMASK_OK, dropmask_fill};
use dropmask::{Dropout, Error, Key, Probability};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        spin_loop();
    }
}

/// Where linkers begin.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    assert_eq!(from_rust(), Ok(()));
    assert_eq!(from_c(), DROPMASK_OK);
    loop {
        spin_loop();
    }
}

fn from_rust() -> Result<(), Error> {
    let stream = Dropout::new(Key::new(black_box(42)), Probability::new(0.1)?);
    let mut x = [1.0; 100];
    stream.forward_in_place(black_box(&mut x))?;
    stream.backward_in_place(black_box(&mut x))
}

fn from_c() -> u32 {
    let mut mask = [0; 2];
    // SAFETY: the mask has as many words as 100 bits need.
    unsafe { dropmask_fill(black_box(42), 0.1, 0, black_box(&mut mask).as_mut_ptr(), 100) }
}
