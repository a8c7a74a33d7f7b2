//! The three products of DropConnect, and their specification.

use core::array;

use super::kernel::{Layer, Tile, Tiled, each_row, parts_mut};
use super::tile::{Kept, KeptFinite, PIECE, Product, add_products, add_rows, sums};
use crate::engine::Reader;
use crate::simd::{Level, Operation, Simd, dispatch, fold};

/// `y[n][o] = scale * (sum over i of the products of w[o][i] and x[n][i]) + b[o]`.
pub(crate) struct Forward<'a, P> {
    pub(crate) level: Level,
    pub(crate) layer: Layer,
    pub(crate) w: &'a [f32],
    pub(crate) x: &'a [f32],
    pub(crate) y: &'a mut [f32],
    /// Not 0.
    pub(crate) scale: f32,
    /// None if it is empty.
    pub(crate) b: &'a [f32],
    pub(crate) product: P,
}

impl<P: Product> Forward<'_, P> {
    /// From sums to outputs.
    pub(crate) fn finish(self) {
        let Self { layer, y, scale, b, .. } = self;
        for y in y.chunks_mut(layer.outputs.max(1)) {
            if b.is_empty() {
                for y in y {
                    *y *= scale;
                }
            } else {
                y.iter_mut().zip(b).for_each(|(y, b)| *y = *y * scale + b);
            }
        }
    }
}

impl<P: Product> Tiled for Forward<'_, P> {
    const MASKED: bool = P::MASKED;

    fn scalar(&mut self, kept: &mut dyn FnMut(u64) -> bool) {
        let Self { layer, w, x, product, .. } = *self;
        let (samples, rows) = (x.chunks(layer.inputs.max(1)), w.chunks(layer.inputs.max(1)));
        for (x, y) in samples.zip(self.y.chunks_mut(layer.outputs.max(1))) {
            for ((o, w), y) in rows.clone().enumerate().zip(y) {
                for (piece, (w, x)) in w.chunks(PIECE).zip(x.chunks(PIECE)).enumerate() {
                    let mut lanes = [0.0; 16];
                    for (i, (w, x)) in w.iter().zip(x).enumerate() {
                        if let Some(sum) = lanes.get_mut(i % 16) {
                            *sum += product.scalar(*w, *x, kept(layer.index(o, piece * PIECE + i)));
                        }
                    }
                    *y += fold(lanes);
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile) {
        let layer = self.layer;
        let w: [&[f32]; R] = array::from_fn(|r| layer.weights(self.w, tile.output + r, tile));
        let x: [&[f32]; N] = array::from_fn(|n| layer.sample(self.x, tile.sample + n, tile));
        let sums = sums::<S, P, R, N>(s, self.product, bits, w, x);
        for (r, sums) in sums.into_iter().enumerate().take(layer.outputs - tile.output) {
            for (n, mut sum) in sums.into_iter().enumerate() {
                if P::FINITE
                    && sum.is_nan()
                    && let (Some(w), Some(x), Some(bits)) = (w.get(r), x.get(n), bits.get(r))
                {
                    sum = dispatch(self.level, SumKept { bits, w, x });
                }
                let at = (tile.sample + n).wrapping_mul(layer.outputs).wrapping_add(tile.output + r);
                if let Some(y) = self.y.get_mut(at) {
                    *y += sum;
                }
            }
        }
    }
}

/// The sum of a row with a sample, product by product.
struct SumKept<'a> {
    bits: &'a [u64],
    w: &'a [f32],
    x: &'a [f32],
}

impl Operation for SumKept<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let [[sum]] = sums::<S, Kept, 1, 1>(s, Kept, [self.bits], [self.w], [self.x]);
        sum
    }
}

/// `dx[n][i] += kept ? w[o][i] * (dy[n][o] * scale) : +0.0`, for `o` ascending. No `dx` is `-0.0` before.
pub(crate) struct InputGradient<'a> {
    pub(crate) level: Level,
    pub(crate) layer: Layer,
    pub(crate) w: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) dx: &'a mut [f32],
    pub(crate) scale: f32,
}

impl Tiled for InputGradient<'_> {
    fn scalar(&mut self, kept: &mut dyn FnMut(u64) -> bool) {
        let Self { layer, w, dy, scale, .. } = *self;
        let rows = w.chunks(layer.inputs.max(1));
        for (dx, dy) in self.dx.chunks_mut(layer.inputs.max(1)).zip(dy.chunks(layer.outputs.max(1))) {
            for ((o, w), dy) in rows.clone().enumerate().zip(dy) {
                for (i, (dx, w)) in dx.iter_mut().zip(w).enumerate() {
                    *dx += Kept.scalar(*w, dy * scale, kept(layer.index(o, i)));
                }
            }
        }
    }

    /// Several rows at a time, as each reads and writes `dx`.
    #[inline(always)]
    fn each_row<S: Simd>(&mut self, s: S, reader: &mut Reader<'_, '_>, layer: Layer, tile: Tile, samples: usize) {
        match S::REGISTERS {
            1 => each_row::<S, Self, 4, 4>(s, reader, layer, tile, samples, self),
            2 => each_row::<S, Self, 2, 4>(s, reader, layer, tile, samples, self),
            _ => each_row::<S, Self, 2, 3>(s, reader, layer, tile, samples, self),
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile) {
        let layer = self.layer;
        let w: [&[f32]; R] = array::from_fn(|r| layer.weights(self.w, tile.output + r, tile));
        let g: [[f32; R]; N] = array::from_fn(|n| array::from_fn(|r| scaled(self.dy, self.scale, layer, tile, r, n)));
        let dx = parts_mut::<N>(self.dx, tile.sample, layer.inputs, tile);
        if g.as_flattened().iter().all(|g| g.is_finite()) {
            return add_rows(s, KeptFinite, bits, w, g, dx);
        }
        for (dx, g) in dx.into_iter().zip(g) {
            for ((w, g), bits) in w.into_iter().zip(g).zip(bits) {
                dispatch(self.level, AddKept { bits, w, g, dx });
            }
        }
    }
}

/// Adds a row of weights times a factor, product by product.
struct AddKept<'a> {
    bits: &'a [u64],
    w: &'a [f32],
    g: f32,
    dx: &'a mut [f32],
}

impl Operation for AddKept<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        add_rows(s, Kept, [self.bits], [self.w], [[self.g]], [self.dx]);
    }
}

/// `dw[o][i] += (dy[n][o] * scale) * x[n][i]` where kept, for `n` ascending.
pub(crate) struct WeightGradient<'a> {
    pub(crate) layer: Layer,
    pub(crate) x: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) dw: &'a mut [f32],
    pub(crate) scale: f32,
}

impl Tiled for WeightGradient<'_> {
    fn scalar(&mut self, kept: &mut dyn FnMut(u64) -> bool) {
        let Self { layer, x, dy, scale, .. } = *self;
        let samples = x.chunks(layer.inputs.max(1)).zip(dy.chunks(layer.outputs.max(1)));
        for (o, dw) in self.dw.chunks_mut(layer.inputs.max(1)).enumerate() {
            for (x, dy) in samples.clone() {
                let g = dy.get(o).map_or(0.0, |dy| dy * scale);
                for (i, (dw, x)) in dw.iter_mut().zip(x).enumerate() {
                    *dw = if kept(layer.index(o, i)) { *dw + g * x } else { *dw };
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile) {
        let layer = self.layer;
        let x = array::from_fn(|n| layer.sample(self.x, tile.sample + n, tile));
        let g = array::from_fn(|r| array::from_fn(|n| scaled(self.dy, self.scale, layer, tile, r, n)));
        let dw = parts_mut::<R>(self.dw, tile.output, layer.inputs, tile);
        add_products::<S, R, N>(s, bits, x, g, dw);
    }
}

/// `dy[n][o] * scale`; 0 past the last output.
#[inline(always)]
fn scaled(dy: &[f32], scale: f32, layer: Layer, tile: Tile, r: usize, n: usize) -> f32 {
    if tile.output + r >= layer.outputs {
        return 0.0;
    }
    let at = (tile.sample + n).wrapping_mul(layer.outputs).wrapping_add(tile.output + r);
    dy.get(at).map_or(0.0, |dy| dy * scale)
}
