//! A library with a bounds check and the handler of the C library, for the test to find.
#![no_std]

#[path = "../../src/ffi/panic.rs"]
mod panic;

#[unsafe(no_mangle)]
pub extern "C" fn planted(i: usize) -> u8 {
    *b"planted".get(i % 8).unwrap_or(&b"0123456789"[i])
}
