//! What becomes of a score, of its exponential and of its gradient.

use super::exp::{exp, exp_lanes};
use crate::engine::{Element, Scale};
use crate::simd::Floats;

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
    pub(super) largest: f32,
    pub(super) sums: [f32; 16],
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

/// `kept ? x : -inf`.
pub(super) struct Hide;

impl Element for Hide {
    fn scalar(&mut self, [x, ..]: [f32; 3], kept: bool) -> f32 {
        if kept { x } else { f32::NEG_INFINITY }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        x.select(F::splat(level, f32::NEG_INFINITY), bits, at)
    }
}

/// `kept ? weight * scale : +0.0`: the weight, rounded, and then its dropout.
pub(super) struct Normalise {
    pub(super) inverse: f32,
    pub(super) scale: f32,
}

impl Element for Normalise {
    fn scalar(&mut self, [y, ..]: [f32; 3], kept: bool) -> f32 {
        if kept { weight(y, self.inverse) * self.scale } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [y, ..]: [F; 3], bits: u64, at: usize) -> F {
        weights(level, y, self.inverse).mul(F::splat(level, self.scale)).keep(bits, at)
    }
}

/// Of exponentials `y` and the gradient of the weights: the sums of `y * (kept ? dy * scale : +0.0)`, but for weights of 0.
pub(super) struct Dot {
    pub(super) scale: f32,
    pub(super) inverse: f32,
    pub(super) sums: [f32; 16],
}

impl Element for Dot {
    const INPUTS: usize = 2;
    const OUTPUT: bool = false;

    fn scalar(&mut self, [y, dy, _]: [f32; 3], kept: bool) -> f32 {
        where_weighted(y * dropped(self.scale, dy, kept), weight(y, self.inverse))
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, [y, dy, _]: [F; 3], bits: u64, at: usize) -> F {
        let product = y.mul(dropped_lanes(level, self.scale, dy, bits, at));
        *sums = sums.add(where_weighted_lanes(level, product, weights(level, y, self.inverse)));
        y
    }
    #[inline(always)]
    fn sums(&mut self) -> Option<&mut [f32; 16]> {
        Some(&mut self.sums)
    }
}

/// From exponentials and the gradient of the weights to that of the scores, `+0.0` where the weight is 0.
pub(super) struct Gradient {
    pub(super) scale: f32,
    pub(super) inverse: f32,
    pub(super) mean: f32,
}

impl Element for Gradient {
    const INPUTS: usize = 2;

    fn scalar(&mut self, [y, dy, _]: [f32; 3], kept: bool) -> f32 {
        let p = weight(y, self.inverse);
        where_weighted(p * (dropped(self.scale, dy, kept) - self.mean), p)
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [y, dy, _]: [F; 3], bits: u64, at: usize) -> F {
        let p = weights(level, y, self.inverse);
        let d = dropped_lanes(level, self.scale, dy, bits, at).sub(F::splat(level, self.mean));
        where_weighted_lanes(level, p.mul(d), p)
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

/// A weight from its exponential: `y * inverse`, but 0 where `y` is 0 even if the inverse is NaN.
fn weight(y: f32, inverse: f32) -> f32 {
    if y == 0.0 { 0.0 } else { y * inverse }
}

/// [`weight`] of every lane.
#[inline(always)]
fn weights<F: Floats>(level: F::Level, y: F, inverse: f32) -> F {
    // an exponential that is not 0 is a normal number
    y.mul(F::splat(level, inverse)).zero_below(y, F::splat(level, f32::MIN_POSITIVE))
}

/// `x`, or `+0.0` where the weight `p` is 0: what is multiplied by it does not count, whatever it is.
fn where_weighted(x: f32, p: f32) -> f32 {
    if p == 0.0 { 0.0 } else { x }
}

/// [`where_weighted`] of every lane.
#[inline(always)]
fn where_weighted_lanes<F: Floats>(level: F::Level, x: F, p: F) -> F {
    const NEXT: f32 = f32::MIN_POSITIVE.next_up();
    // a weight may be subnormal: the sum is a normal number, which no mode of the CPU takes for 0
    x.zero_below(p.add(F::splat(level, f32::MIN_POSITIVE)), F::splat(level, NEXT))
}
