//! What a library with std has and dropmask has not: it allocates, panics and unwinds.

use std::panic::{catch_unwind, set_hook};

/// The sum of `0..n`, or -1 where the panic of an overflow was caught.
#[unsafe(no_mangle)]
pub extern "C" fn beside_sum(n: u32) -> i64 {
    let sum = || {
        let numbers: Vec<i32> = (0..n.cast_signed()).collect();
        numbers.iter().try_fold(0i32, |sum, x| sum.checked_add(*x)).expect("a sum of 31 bits")
    };
    set_hook(Box::new(|_| ())); // silent
    catch_unwind(sum).map_or(-1, i64::from)
}
