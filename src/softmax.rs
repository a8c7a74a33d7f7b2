//! The softmax of a row with dropout of its weights, and the gradient.

use core::mem;

use crate::bits::{Bits, Sink, each_bit};
use crate::exp::{exp, exp_lanes};
use crate::input::{InPlace, Input, Nothing, Read};
use crate::map::{Map, Scale};
use crate::mask::low_bits;
use crate::pass::{Apply, Row};
use crate::simd::{Floats, Simd, fold, sum};

/// What becomes of the weights of a row.
#[derive(Clone, Copy)]
pub(crate) struct Softmax {
    /// The factor of kept weights, not 0.
    pub(crate) scale: f32,
    /// Whether dropped scores count as `-inf`.
    pub(crate) renormalise: bool,
}

/// The specification.
impl Softmax {
    pub(crate) fn scalar_forward<X: Input>(self, bits: &mut impl Bits, row: Row<'_, X, Nothing>) {
        let Row { row, first, x, y, .. } = row;
        let inverse = self.scalar_exponentials(bits, (row, first), x, y);
        let map = Normalise { inverse, scale: self.scale };
        each_bit(bits, (row, first), y.iter_mut(), |y, kept| *y = map.scalar(*y, kept));
    }

    pub(crate) fn scalar_backward<X: Input>(self, bits: &mut impl Bits, row: Row<'_, X, &[f32]>) {
        let Row { row, first, x, z: dy, y } = row;
        let inverse = self.scalar_exponentials(bits, (row, first), x, y);
        let dropout = Scale(self.scale);
        let mut sums = [0.0; 16];
        each_bit(bits, (row, first), y.iter().zip(dy).enumerate(), |(i, (y, dy)), kept| {
            if let (Some(sum), true) = (sums.get_mut(i % 16), weight(*y, inverse) != 0.0) {
                *sum += y * dropout.scalar(*dy, kept);
            }
        });
        let mean = fold(sums) * inverse;
        each_bit(bits, (row, first), y.iter_mut().zip(dy), |(y, dy), kept| {
            let p = weight(*y, inverse);
            *y = if p == 0.0 { 0.0 } else { p * (dropout.scalar(*dy, kept) - mean) };
        });
    }

    /// `y[i] = exp(x[i] - max x)`, 0 where dropped if it is renormalised; returns 1 over their sum.
    fn scalar_exponentials(self, bits: &mut impl Bits, row: (usize, u64), x: impl Input, y: &mut [f32]) -> f32 {
        x.copy_to(y);
        if self.renormalise {
            each_bit(bits, row, y.iter_mut(), |y, kept| *y = Hide.scalar(*y, kept));
        }
        let largest = y.iter().copied().fold(f32::NEG_INFINITY, greater);
        let mut sums = [0.0; 16];
        for (i, y) in y.iter_mut().enumerate() {
            *y = exp(*y - finite(largest));
            if let Some(sum) = sums.get_mut(i % 16) {
                *sum += *y;
            }
        }
        inverse(fold(sums))
    }
}

impl Softmax {
    #[inline(always)]
    pub(crate) fn forward<S: Simd, X: Input>(self, s: S, bits: &mut impl Bits, row: Row<'_, X, Nothing>) {
        let Row { row, first, x, y, .. } = row;
        let inverse = self.exponentials(s, bits, row, first, x, y);
        let map = Normalise { inverse, scale: self.scale };
        bits.row(s, row, first, y.len(), &mut Apply { map, x: InPlace, z: Nothing, y });
    }

    #[inline(always)]
    pub(crate) fn backward<S: Simd, X: Input>(self, s: S, bits: &mut impl Bits, row: Row<'_, X, &[f32]>) {
        let Row { row, first, x, z: dy, y } = row;
        let inverse = self.exponentials(s, bits, row, first, x, y);
        let dropout = Scale(self.scale);
        let mut dot = Both { y: &mut *y, dy, step: Dot { dropout, inverse, sums: S::Floats::splat(s, 0.0) } };
        bits.row(s, row, first, dy.len(), &mut dot);
        let mean = sum(dot.step.sums) * inverse;
        bits.row(s, row, first, dy.len(), &mut Both { y, dy, step: Gradient { dropout, inverse, mean } });
    }

    /// See [`scalar_exponentials`](Self::scalar_exponentials).
    #[inline(always)]
    fn exponentials<S: Simd>(
        self,
        s: S,
        bits: &mut impl Bits,
        row: usize,
        first: u64,
        x: impl Input,
        y: &mut [f32],
    ) -> f32 {
        if !self.renormalise {
            return exponentials(s, x, y);
        }
        bits.row(s, row, first, y.len(), &mut Apply { map: Hide, x, z: Nothing, y: &mut *y });
        exponentials(s, InPlace, y)
    }
}

/// `y[i] = exp(x[i] - max x)`; returns 1 over their sum, 0 where that is 0. The row is read twice, from the cache.
#[inline(always)]
fn exponentials<S: Simd>(s: S, x: impl Input, y: &mut [f32]) -> f32 {
    let largest = S::Floats::splat(s, finite(largest(s, x, y)));
    let (y_vectors, y_rest) = S::Floats::split_mut(y);
    let (x_vectors, x_rest) = (x.vectors::<S::Floats>(), x.cut(y_vectors.len() * S::Floats::COUNT).1);
    let mut sums = S::Floats::splat(s, 0.0);
    for (x, y) in x_vectors.zip(y_vectors) {
        let e = exp_lanes(s, x.read(s, y).sub(largest));
        e.store(y);
        sums = sums.add(e);
    }
    if !y_rest.is_empty() {
        let e = exp_lanes(s, x_rest.load_part::<S::Floats>(s, y_rest).sub(largest));
        e.store_part(y_rest);
        sums = sums.add(e.keep(low_bits(y_rest.len()), 0));
    }
    inverse(sum(sums))
}

#[inline(always)]
fn largest<S: Simd>(s: S, x: impl Input, y: &[f32]) -> f32 {
    let least = S::Floats::splat(s, f32::NEG_INFINITY);
    let (y_vectors, y_rest) = S::Floats::split(y);
    let (x_vectors, x_rest) = (x.vectors::<S::Floats>(), x.cut(y_vectors.len() * S::Floats::COUNT).1);
    let mut largest = least;
    for (x, y) in x_vectors.zip(y_vectors) {
        largest = x.read(s, y).max(largest);
    }
    if !y_rest.is_empty() {
        let x = x_rest.load_part::<S::Floats>(s, y_rest);
        largest = x.select(least, low_bits(y_rest.len()), 0).max(largest);
    }
    let mut lanes = [0.0; 16];
    largest.store_part(&mut lanes);
    lanes.into_iter().fold(f32::NEG_INFINITY, greater)
}

/// NaN is no candidate: its own `exp` makes the sum NaN.
fn greater(largest: f32, x: f32) -> f32 {
    if x > largest { x } else { largest }
}

/// What to subtract: a row of `-inf` alone has exponentials of 0, not NaN.
fn finite(largest: f32) -> f32 {
    if largest == f32::NEG_INFINITY { 0.0 } else { largest }
}

fn inverse(sum: f32) -> f32 {
    if sum == 0.0 { 0.0 } else { 1.0 / sum }
}

/// `kept ? x : -inf`.
#[derive(Clone, Copy)]
struct Hide;

impl Map for Hide {
    fn scalar(self, x: f32, kept: bool) -> f32 {
        if kept { x } else { f32::NEG_INFINITY }
    }
    #[inline(always)]
    fn vector<F: Floats>(self, level: F::Level, x: F, bits: u64, at: usize) -> F {
        x.select(F::splat(level, f32::NEG_INFINITY), bits, at)
    }
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

/// `p == 0 ? +0.0 : x` in each lane, for weights `p`.
#[inline(always)]
fn where_weighted<F: Floats>(level: F::Level, x: F, p: F) -> F {
    const NEXT: f32 = f32::MIN_POSITIVE.next_up();
    // a weight may be subnormal: the sum is a normal number, which no mode of the CPU takes for 0
    x.zero_below(p.add(F::splat(level, f32::MIN_POSITIVE)), F::splat(level, NEXT))
}

/// `kept ? weight * scale : +0.0`: the weight, rounded, and then its dropout.
#[derive(Clone, Copy)]
struct Normalise {
    inverse: f32,
    scale: f32,
}

impl Map for Normalise {
    fn scalar(self, x: f32, kept: bool) -> f32 {
        if kept { weight(x, self.inverse) * self.scale } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(self, level: F::Level, x: F, bits: u64, at: usize) -> F {
        weights(level, x, self.inverse).mul(F::splat(level, self.scale)).keep(bits, at)
    }
}

/// A row and the gradient of its weights, of which each vector takes a [`Step`].
struct Both<'a, T> {
    y: &'a mut [f32],
    dy: &'a [f32],
    step: T,
}

trait Step<F: Floats> {
    fn step(&mut self, level: F::Level, y: F, dy: F, bits: u64, at: usize) -> F;
}

impl<S: Simd, T: Step<S::Floats>> Sink<S> for Both<'_, T> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        let (y, y_left) = mem::take(&mut self.y).split_at_mut_checked(len).unwrap_or_default();
        let (dy, dy_left) = self.dy.cut(len);
        (self.y, self.dy) = (y_left, dy_left);
        for ((y, dy), bits) in y.chunks_mut(64).zip(dy.chunks(64)).zip(words) {
            let (y_vectors, y_rest) = S::Floats::split_mut(y);
            let (dy_vectors, dy_rest) = S::Floats::split(dy);
            let mut at = 0;
            for (y, dy) in y_vectors.iter_mut().zip(dy_vectors) {
                self.step.step(s, S::Floats::load(s, y), S::Floats::load(s, dy), *bits, at).store(y);
                at += S::Floats::COUNT;
            }
            if !y_rest.is_empty() {
                let (part, dy) = (S::Floats::load_part(s, y_rest), S::Floats::load_part(s, dy_rest));
                self.step.step(s, part, dy, *bits, at).store_part(y_rest);
            }
        }
    }
}

/// Sums the products of exponentials and what dropout leaves of the gradient, but for weights of 0.
struct Dot<F> {
    dropout: Scale,
    inverse: f32,
    sums: F,
}

impl<F: Floats> Step<F> for Dot<F> {
    #[inline(always)]
    fn step(&mut self, level: F::Level, y: F, dy: F, bits: u64, at: usize) -> F {
        let product = y.mul(self.dropout.vector(level, dy, bits, at));
        self.sums = self.sums.add(where_weighted(level, product, weights(level, y, self.inverse)));
        y
    }
}

/// From exponentials to the gradient of their scores, `+0.0` where the weight is 0.
struct Gradient {
    dropout: Scale,
    inverse: f32,
    mean: f32,
}

impl<F: Floats> Step<F> for Gradient {
    #[inline(always)]
    fn step(&mut self, level: F::Level, y: F, dy: F, bits: u64, at: usize) -> F {
        let p = weights(level, y, self.inverse);
        let d = self.dropout.vector(level, dy, bits, at).sub(F::splat(level, self.mean));
        where_weighted(level, p.mul(d), p)
    }
}
