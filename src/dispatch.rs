//! From a level to the code that was compiled for it: the only `#[target_feature]` on a kernel.
#![allow(unsafe_code)] // calls into functions that need a target feature

use crate::level::{Kind, Level};
use crate::simd::Simd;
#[cfg(target_feature = "sse2")]
use crate::simd::{avx2::Avx2, avx512::Avx512};

/// An operation with its arguments. A struct and not a closure: `#[inline(always)]` holds for its methods.
pub(crate) trait Kernel {
    /// The specification.
    fn scalar(self);
    /// The vector form; must be `#[inline(always)]`, like all that it calls.
    fn run<S: Simd>(self, s: S);
}

pub(crate) fn dispatch(level: Level, kernel: impl Kernel) {
    match level.0 {
        Kind::Scalar => kernel.scalar(),
        Kind::Portable(s) => kernel.run(s),
        #[cfg(target_feature = "sse2")]
        Kind::Avx2(s) => {
            // SAFETY: the `Avx2` is proof of the feature that `run_avx2` enables.
            unsafe { run_avx2(kernel, s) }
        }
        #[cfg(target_feature = "sse2")]
        Kind::Avx512(s) => {
            // SAFETY: the `Avx512` is proof of the features that `run_avx512` enables.
            unsafe { run_avx512(kernel, s) }
        }
    }
}

#[cfg(target_feature = "sse2")]
#[target_feature(enable = "avx2")]
fn run_avx2(kernel: impl Kernel, s: Avx2) {
    kernel.run(s);
}

#[cfg(target_feature = "sse2")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_avx512(kernel: impl Kernel, s: Avx512) {
    kernel.run(s);
}
