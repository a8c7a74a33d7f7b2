//! From a level to the code that was compiled for it: the only `#[target_feature]` on an operation.
#![allow(unsafe_code)] // calls into functions that need a target feature

use super::Simd;
use super::level::{Kind, Level};
use super::portable::Portable;
#[cfg(target_feature = "sse2")]
use super::{avx2::Avx2, avx512::Avx512};

/// Vector code with its arguments. A struct and not a closure: `#[inline(always)]` holds for its methods.
pub(crate) trait Operation {
    type Output;
    /// Must be `#[inline(always)]`, like all that it calls.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// Runs an operation in the vectors of a level. The scalar level has none, and is asked for elsewhere: it runs as portable.
pub(crate) fn dispatch<O: Operation>(level: Level, operation: O) -> O::Output {
    match level.0 {
        Kind::Scalar | Kind::Portable => run_portable(operation),
        #[cfg(target_feature = "sse2")]
        Kind::Avx2(s) => {
            // SAFETY: an `Avx2` exists only where the CPU has the feature that `run_avx2` enables.
            unsafe { run_avx2(operation, s) }
        }
        #[cfg(target_feature = "sse2")]
        Kind::Avx512(s) => {
            // SAFETY: an `Avx512` exists only where the CPU has the features that `run_avx512` enables.
            unsafe { run_avx512(operation, s) }
        }
    }
}

// where there are others beside it: compiled once, as they are, not wherever it is called
#[cfg_attr(target_feature = "sse2", inline(never))]
fn run_portable<O: Operation>(operation: O) -> O::Output {
    operation.run(Portable)
}

#[cfg(target_feature = "sse2")]
#[target_feature(enable = "avx2")]
fn run_avx2<O: Operation>(operation: O, s: Avx2) -> O::Output {
    operation.run(s)
}

#[cfg(target_feature = "sse2")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_avx512<O: Operation>(operation: O, s: Avx512) -> O::Output {
    operation.run(s)
}
