//! What becomes of an element.

use crate::simd::Floats;

/// A function of an element and its bit.
pub(crate) trait Map: Copy + Send {
    fn scalar(self, x: f32, kept: bool) -> f32;
    /// Lane `i` has bit `at + i`. Splats its constants each time: they are moved out of the loops.
    fn vector<F: Floats>(self, level: F::Level, x: F, bits: u64, at: usize) -> F;
}

/// `kept ? x * scale : +0.0`.
#[derive(Clone, Copy)]
pub(crate) struct Scale(pub(crate) f32);

impl Map for Scale {
    fn scalar(self, x: f32, kept: bool) -> f32 {
        if kept { x * self.0 } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(self, level: F::Level, x: F, bits: u64, at: usize) -> F {
        x.mul(F::splat(level, self.0)).keep(bits, at)
    }
}
