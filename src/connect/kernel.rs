//! The three products of DropConnect, a tile of registers at a time, and their specification.

use core::array;

use super::tile::{Kept, KeptFinite, PIECE, Product, add_products, add_rows, sums};
use crate::ahead::Words;
use crate::bits::{Bits, CopyTo, each_bit};
use crate::dispatch::Kernel;
use crate::simd::{Simd, fold};

/// Inputs whose bits are drawn at a time, as many as are drawn at full speed.
const DRAWN: usize = 4 * PIECE;
/// Samples that share what is drawn: so many inputs of theirs fit the second cache.
const BAND: usize = 32;

/// What multiplies what: `outputs` rows of `inputs` weights, and a batch of samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// From the bit of a weight to that of the next row.
    pub(crate) index_stride: u64,
}

impl Layer {
    /// The row of a weight, and how far its bit is from the first.
    #[inline(always)]
    const fn first(self, output: usize, input: usize) -> (usize, u64) {
        (output, self.index_stride.wrapping_mul(output as u64).wrapping_add(input as u64))
    }

    /// The bits of some rows, of those inputs that a tile has.
    #[inline(always)]
    fn draw<S: Simd>(self, s: S, words: &mut Words<'_>, tile: Tile, bits: &mut [[u64; DRAWN / 64]]) {
        for (r, bits) in bits.iter_mut().enumerate() {
            let (row, first) = self.first(tile.output + r, tile.input);
            words.row(s, row, first, tile.inputs, &mut CopyTo(bits));
        }
    }

    /// A row of the weights, of those inputs that a tile has.
    #[inline(always)]
    fn weights(self, w: &[f32], output: usize, tile: Tile) -> &[f32] {
        part(w, output.wrapping_mul(self.inputs).wrapping_add(tile.input), tile.inputs)
    }

    /// The inputs of a sample that a tile has.
    #[inline(always)]
    fn sample(self, x: &[f32], sample: usize, tile: Tile) -> &[f32] {
        part(x, sample.wrapping_mul(self.inputs).wrapping_add(tile.input), tile.inputs)
    }
}

#[inline(always)]
pub(crate) fn part(x: &[f32], start: usize, len: usize) -> &[f32] {
    x.get(start..).unwrap_or_default().get(..len).unwrap_or_default()
}

/// `N` consecutive rows of a matrix, of each the columns that a tile has.
#[inline(always)]
fn parts_mut<const N: usize>(x: &mut [f32], row: usize, columns: usize, tile: Tile) -> [&mut [f32]; N] {
    let rows = x.get_mut(row.wrapping_mul(columns)..).unwrap_or_default();
    let mut rows = rows.chunks_mut(columns.max(1));
    array::from_fn(|_| {
        let row = rows.next().unwrap_or_default();
        row.get_mut(tile.input..).unwrap_or_default().get_mut(..tile.inputs).unwrap_or_default()
    })
}

/// Part of the work: `R` outputs from `output` on, `N` samples from `sample` on, and some inputs.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    output: usize,
    sample: usize,
    input: usize,
    inputs: usize,
}

/// A product that is computed tile by tile.
trait Tiled: Sized {
    /// Whether it needs the bits.
    const MASKED: bool = true;

    /// Every output, in tiles of as many accumulators as there are registers for.
    #[inline(always)]
    fn each_row<S: Simd>(&mut self, s: S, words: &mut Words<'_>, layer: Layer, tile: Tile, samples: usize) {
        match S::REGISTERS {
            1 => each_row::<S, Self, 4, 4>(s, words, layer, tile, samples, self),
            2 => each_row::<S, Self, 1, 6>(s, words, layer, tile, samples, self),
            // three samples spill: 1.6 times slower with a mask, and 1.2 times without (SSE2)
            _ => each_row::<S, Self, 1, 2>(s, words, layer, tile, samples, self),
        }
    }

    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile);
}

/// Piece by piece of the inputs, band by band of the samples.
#[inline(always)]
fn each_tile<S: Simd>(s: S, words: &mut Words<'_>, layer: Layer, tiled: &mut impl Tiled) {
    // nothing bounds a batch of which there is nothing
    let batch = if layer.inputs == 0 || layer.outputs == 0 { 0 } else { layer.batch };
    let mut sample = 0;
    while sample < batch {
        let samples = BAND.min(batch - sample);
        let mut input = 0;
        while input < layer.inputs {
            let tile = Tile { output: 0, sample, input, inputs: DRAWN.min(layer.inputs - input) };
            tiled.each_row(s, words, layer, tile, samples);
            input += DRAWN;
        }
        sample += BAND;
    }
}

#[inline(always)]
fn each_row<S: Simd, T: Tiled, const R: usize, const N: usize>(
    s: S,
    words: &mut Words<'_>,
    layer: Layer,
    mut tile: Tile,
    samples: usize,
    tiled: &mut T,
) {
    while tile.output < layer.outputs {
        let mut bits = [[0; DRAWN / 64]; R];
        let (rows, _) = bits.split_at_mut(R.min(layer.outputs - tile.output));
        if T::MASKED {
            layer.draw(s, words, tile, rows);
        }
        if R == 1 || rows.len() == R {
            each_piece::<S, R, N>(s, bits.each_ref().map(<[u64; DRAWN / 64]>::as_slice), tile, samples, tiled);
            tile.output += R;
        } else {
            for bits in rows {
                each_piece::<S, 1, N>(s, [&*bits], tile, samples, tiled);
                tile.output += 1;
            }
        }
    }
}

#[inline(always)]
fn each_piece<S: Simd, const R: usize, const N: usize>(
    s: S,
    bits: [&[u64]; R],
    drawn: Tile,
    samples: usize,
    tiled: &mut impl Tiled,
) {
    let mut done = 0;
    while done < drawn.inputs {
        let bits = bits.map(|bits| bits.get(done / 64..).unwrap_or_default());
        let tile = Tile { input: drawn.input + done, inputs: PIECE.min(drawn.inputs - done), ..drawn };
        each_sample::<S, R, N>(s, bits, tile, samples, tiled);
        done += PIECE;
    }
}

#[inline(always)]
fn each_sample<S: Simd, const R: usize, const N: usize>(
    s: S,
    bits: [&[u64]; R],
    mut tile: Tile,
    samples: usize,
    tiled: &mut impl Tiled,
) {
    let end = tile.sample + samples;
    while tile.sample + N <= end {
        tiled.tile::<S, R, N>(s, bits, tile);
        tile.sample += N;
    }
    while tile.sample < end {
        tiled.tile::<S, R, 1>(s, bits, tile);
        tile.sample += 1;
    }
}

/// `y[n][o] = scale * (sum over i of the products of w[o][i] and x[n][i]) + b[o]`.
pub(crate) struct Forward<'a, P> {
    pub(crate) words: Words<'a>,
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
    fn finish(self) {
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

impl<P: Product> Kernel for Forward<'_, P> {
    fn scalar(mut self) {
        let Self { layer, w, x, product, .. } = self;
        let (samples, rows) = (x.chunks(layer.inputs.max(1)), w.chunks(layer.inputs.max(1)));
        self.y.fill(0.0);
        for (x, y) in samples.zip(self.y.chunks_mut(layer.outputs.max(1))) {
            for ((o, w), y) in rows.clone().enumerate().zip(y) {
                for (piece, (w, x)) in w.chunks(PIECE).zip(x.chunks(PIECE)).enumerate() {
                    let mut lanes = [0.0; 16];
                    each_bit(
                        &mut self.words,
                        layer.first(o, piece * PIECE),
                        w.iter().zip(x).enumerate(),
                        |(i, (w, x)), kept| {
                            if let Some(sum) = lanes.get_mut(i % 16) {
                                *sum += product.scalar(*w, *x, kept);
                            }
                        },
                    );
                    *y += fold(lanes);
                }
            }
        }
        self.finish();
    }

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        self.y.fill(0.0);
        let mut words = core::mem::replace(&mut self.words, Words::All);
        each_tile(s, &mut words, self.layer, &mut self);
        self.finish();
    }
}

impl<P: Product> Tiled for Forward<'_, P> {
    const MASKED: bool = P::MASKED;

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile) {
        let layer = self.layer;
        let w: [&[f32]; R] = array::from_fn(|r| layer.weights(self.w, tile.output + r, tile));
        let x: [&[f32]; N] = array::from_fn(|n| layer.sample(self.x, tile.sample + n, tile));
        let sums = sums::<S, P, R, N>(s, self.product, bits, w, x);
        for (r, sums) in sums.into_iter().enumerate() {
            for (n, mut sum) in sums.into_iter().enumerate() {
                if P::FINITE && sum.is_nan() {
                    let (Some(w), Some(x), Some(bits)) = (w.get(r), x.get(n), bits.get(r)) else { return };
                    [[sum]] = self::sums::<S, Kept, 1, 1>(s, Kept, [bits], [w], [x]);
                }
                let at = (tile.sample + n).wrapping_mul(layer.outputs).wrapping_add(tile.output + r);
                if let Some(y) = self.y.get_mut(at) {
                    *y += sum;
                }
            }
        }
    }
}

/// `dx[n][i] += kept ? w[o][i] * (dy[n][o] * scale) : +0.0`, for `o` ascending. No `dx` is `-0.0` before.
pub(crate) struct InputGradient<'a> {
    pub(crate) words: Words<'a>,
    pub(crate) layer: Layer,
    pub(crate) w: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) dx: &'a mut [f32],
    pub(crate) scale: f32,
}

impl Kernel for InputGradient<'_> {
    fn scalar(mut self) {
        let Self { layer, w, dy, scale, .. } = self;
        let rows = w.chunks(layer.inputs.max(1));
        for (dx, dy) in self.dx.chunks_mut(layer.inputs.max(1)).zip(dy.chunks(layer.outputs.max(1))) {
            for ((o, w), dy) in rows.clone().enumerate().zip(dy) {
                each_bit(&mut self.words, layer.first(o, 0), dx.iter_mut().zip(w), |(dx, w), kept| {
                    *dx += Kept.scalar(*w, dy * scale, kept);
                });
            }
        }
    }

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut words = core::mem::replace(&mut self.words, Words::All);
        each_tile(s, &mut words, self.layer, &mut self);
    }
}

impl Tiled for InputGradient<'_> {
    /// Several rows at a time, as each reads and writes `dx`.
    #[inline(always)]
    fn each_row<S: Simd>(&mut self, s: S, words: &mut Words<'_>, layer: Layer, tile: Tile, samples: usize) {
        match S::REGISTERS {
            1 => each_row::<S, Self, 4, 4>(s, words, layer, tile, samples, self),
            2 => each_row::<S, Self, 2, 4>(s, words, layer, tile, samples, self),
            _ => each_row::<S, Self, 2, 3>(s, words, layer, tile, samples, self),
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
                add_rows(s, Kept, [bits], [w], [[g]], [&mut *dx]);
            }
        }
    }
}

/// `dw[o][i] += (dy[n][o] * scale) * x[n][i]` where kept, for `n` ascending.
pub(crate) struct WeightGradient<'a> {
    pub(crate) words: Words<'a>,
    pub(crate) layer: Layer,
    pub(crate) x: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) dw: &'a mut [f32],
    pub(crate) scale: f32,
}

impl Kernel for WeightGradient<'_> {
    fn scalar(mut self) {
        let Self { layer, x, dy, scale, .. } = self;
        let samples = x.chunks(layer.inputs.max(1)).zip(dy.chunks(layer.outputs.max(1)));
        for (o, dw) in self.dw.chunks_mut(layer.inputs.max(1)).enumerate() {
            for (x, dy) in samples.clone() {
                let g = dy.get(o).map_or(0.0, |dy| dy * scale);
                each_bit(&mut self.words, layer.first(o, 0), dw.iter_mut().zip(x), |(dw, x), kept| {
                    *dw = if kept { *dw + g * x } else { *dw };
                });
            }
        }
    }

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut words = core::mem::replace(&mut self.words, Words::All);
        each_tile(s, &mut words, self.layer, &mut self);
    }
}

impl Tiled for WeightGradient<'_> {
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile) {
        let layer = self.layer;
        let x = array::from_fn(|n| layer.sample(self.x, tile.sample + n, tile));
        let g = array::from_fn(|r| array::from_fn(|n| scaled(self.dy, self.scale, layer, tile, r, n)));
        let dw = parts_mut::<R>(self.dw, tile.output, layer.inputs, tile);
        add_products::<S, R, N>(s, bits, x, g, dw);
    }
}

/// `dy[n][o] * scale`.
#[inline(always)]
fn scaled(dy: &[f32], scale: f32, layer: Layer, tile: Tile, r: usize, n: usize) -> f32 {
    let at = (tile.sample + n).wrapping_mul(layer.outputs).wrapping_add(tile.output + r);
    dy.get(at).map_or(0.0, |dy| dy * scale)
}
