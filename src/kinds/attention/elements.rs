//! What becomes of a score, of its exponential and of its gradient.

use super::exp::{exp, exp_lanes};
use crate::engine::{Element, Scale};
use crate::simd::{Floats, fold};

/// The greatest of the scores; NaN is no candidate: its own `exp` makes the sum NaN.
pub(super) struct Largest([f32; 16]);

impl Largest {
    pub(super) const NONE: Self = Self([f32::NEG_INFINITY; 16]);

    pub(super) fn of_all(&self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, |largest, x| if x > largest { x } else { largest })
    }
}

impl Element for Largest {
    const OUTPUT: bool = false;

    fn scalar(&mut self, [x, ..]: [f32; 3], _: bool) -> f32 {
        let [largest, ..] = &mut self.0;
        *largest = if x > *largest { x } else { *largest };
        *largest
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        *sums = x.select(F::splat(level, f32::NEG_INFINITY), bits, at).max(*sums);
        *sums
    }
    #[inline(always)]
    fn sums(&mut self) -> Option<&mut [f32; 16]> {
        Some(&mut self.0)
    }
}

/// `exp(x - largest)`, and their sums.
pub(super) struct Exponential {
    largest: f32,
    pub(super) sums: [f32; 16],
}

impl Exponential {
    /// Of a row of `-inf` alone they are 0, not NaN.
    pub(super) fn below(largest: f32) -> Self {
        Self { largest: if largest == f32::NEG_INFINITY { 0.0 } else { largest }, sums: [0.0; 16] }
    }
}

impl Element for Exponential {
    fn scalar(&mut self, [x, ..]: [f32; 3], _: bool) -> f32 {
        exp(x - self.largest)
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        let e = exp_lanes(level, x.sub(F::splat(level, self.largest)));
        *sums = sums.add(e.keep(bits, at));
        e
    }
    #[inline(always)]
    fn sums(&mut self) -> Option<&mut [f32; 16]> {
        Some(&mut self.sums)
    }
}

/// From exponentials of a row to its weights.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    /// 1 over the sum of the exponentials, 0 where that is 0.
    inverse: f32,
    /// The least exponential whose weight is above 0.
    least: f32,
}

impl Weights {
    /// `flushed`: whether the CPU [takes](flushes) subnormal numbers for 0.
    pub(super) fn of_sum(sum: f32, flushed: bool) -> Self {
        // what is rounded to 0, in units of the least normal number: half of the least subnormal one, if there are any
        let underflow = if flushed { 1.0 } else { 1.0 / 16_777_216.0 };
        let inverse = if sum == 0.0 { 0.0 } else { 1.0 / sum };
        // exponentials are 0 or normal numbers
        let mut least = f32::MIN_POSITIVE;
        if inverse > 0.0 && inverse <= underflow {
            least *= underflow / inverse;
            least = if least * inverse == 0.0 { least.next_up() } else { least };
        }
        Self { inverse, least }
    }

    /// Whether the sum is NaN, and so are all weights that are not 0.
    pub(super) const fn undefined(self) -> bool {
        self.inverse.is_nan()
    }

    /// Exponentials that are the weights, and not normal numbers perhaps.
    pub(super) const fn themselves(flushed: bool) -> Self {
        Self { inverse: 1.0, least: if flushed { f32::MIN_POSITIVE } else { f32::from_bits(1) } }
    }

    /// 1 over the sum of the exponentials.
    pub(super) const fn inverse(self) -> f32 {
        self.inverse
    }

    /// A sum over exponentials as one over weights.
    pub(super) fn mean(self, sums: [f32; 16]) -> f32 {
        fold(sums) * self.inverse
    }

    /// 0 where `y` is 0, even if the sum is NaN.
    pub(super) fn scalar(self, y: f32) -> f32 {
        if y == 0.0 { 0.0 } else { y * self.inverse }
    }

    /// [`scalar`](Self::scalar) of every lane, of a sum that is a number.
    #[inline(always)]
    fn lanes<F: Floats>(self, level: F::Level, y: F) -> F {
        y.mul(F::splat(level, self.inverse))
    }

    /// `x`, or `+0.0` where the weight is 0: what is multiplied by it does not count, whatever it is. No weight is
    /// below 0, and what the caller says is one is taken for 0.
    fn counted(self, x: f32, y: f32) -> f32 {
        if self.scalar(y) <= 0.0 { 0.0 } else { x }
    }

    /// [`counted`](Self::counted) of every lane.
    #[inline(always)]
    fn counted_lanes<F: Floats>(self, level: F::Level, x: F, y: F) -> F {
        x.zero_below(y, F::splat(level, self.least))
    }
}

/// Whether the CPU takes subnormal numbers for 0 at present. Asked once a pass: such numbers are slow.
pub(super) fn flushes() -> bool {
    core::hint::black_box(f32::MIN_POSITIVE) * 0.5 == 0.0
}

/// `kept ? weight * scale : +0.0`: the weight, rounded, and then its dropout.
pub(super) struct Normalise {
    pub(super) weights: Weights,
    pub(super) scale: f32,
}

impl Element for Normalise {
    fn scalar(&mut self, [y, ..]: [f32; 3], kept: bool) -> f32 {
        if kept { self.weights.scalar(y) * self.scale } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [y, ..]: [F; 3], bits: u64, at: usize) -> F {
        self.weights.lanes(level, y).mul(F::splat(level, self.scale)).keep(bits, at)
    }
}

/// Of exponentials `y` and the gradient of the weights: the sums of `y * (kept ? dy * scale : +0.0)`, but for weights
/// of 0.
pub(super) struct Dot {
    pub(super) weights: Weights,
    pub(super) scale: f32,
    pub(super) sums: [f32; 16],
}

impl Element for Dot {
    const INPUTS: usize = 2;
    const OUTPUT: bool = false;

    fn scalar(&mut self, [y, dy, _]: [f32; 3], kept: bool) -> f32 {
        self.weights.counted(y * dropped(self.scale, dy, kept), y)
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, [y, dy, _]: [F; 3], bits: u64, at: usize) -> F {
        let product = y.mul(dropped_lanes(level, self.scale, dy, bits, at));
        *sums = sums.add(self.weights.counted_lanes(level, product, y));
        y
    }
    #[inline(always)]
    fn sums(&mut self) -> Option<&mut [f32; 16]> {
        Some(&mut self.sums)
    }
}

/// From exponentials and the gradient of the weights to that of the scores, `+0.0` where the weight is 0.
pub(super) struct Gradient {
    pub(super) weights: Weights,
    pub(super) scale: f32,
    pub(super) mean: f32,
    /// The scale of the scores.
    pub(super) factor: f32,
}

impl Element for Gradient {
    const INPUTS: usize = 2;

    fn scalar(&mut self, [y, dy, _]: [f32; 3], kept: bool) -> f32 {
        let d = dropped(self.scale, dy, kept) - self.mean;
        self.weights.counted(self.weights.scalar(y) * d * self.factor, y)
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [y, dy, _]: [F; 3], bits: u64, at: usize) -> F {
        let d = dropped_lanes(level, self.scale, dy, bits, at).sub(F::splat(level, self.mean));
        let gradient = self.weights.lanes(level, y).mul(d).mul(F::splat(level, self.factor));
        self.weights.counted_lanes(level, gradient, y)
    }
}

/// What dropout leaves of the gradient of a weight.
fn dropped(scale: f32, dy: f32, kept: bool) -> f32 {
    Scale(scale).scalar([dy; 3], kept)
}

/// [`dropped`] of every lane.
#[inline(always)]
fn dropped_lanes<F: Floats>(level: F::Level, scale: f32, dy: F, bits: u64, at: usize) -> F {
    Scale(scale).vector(level, &mut F::splat(level, 0.0), [dy; 3], bits, at)
}

#[cfg(test)]
mod tests {
    use super::Weights;

    #[test]
    fn least_exponential_that_counts() {
        let sums = [1.0, 3.0, 1.7e7, 16_777_215.0, 16_777_216.0, 16_777_218.0, 1e8, 3e9, 7.7e12, 4e18];
        for sum in sums.into_iter().chain((0..1000).map(|i| 16_700_000.0 + 777.0 * i as f32)) {
            let weights = Weights::of_sum(sum, false);
            assert!(weights.scalar(weights.least) > 0.0, "{sum}");
            let below = weights.least.next_down();
            assert!(below < f32::MIN_POSITIVE || weights.scalar(below) == 0.0, "{sum}");
        }
        assert_eq!(Weights::of_sum(0.0, false).scalar(0.0).to_bits(), 0);
    }
}
