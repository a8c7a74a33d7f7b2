//! A product of DropConnect, a tile of registers at a time.

use core::array;

use super::tile::PIECE;
use crate::engine::{Reader, Source};
use crate::simd::{Level, Operation, Simd, dispatch};

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
    /// How far the bit of a weight is from the first.
    #[inline(always)]
    pub(super) const fn index(self, output: usize, input: usize) -> u64 {
        self.index_stride.wrapping_mul(output as u64).wrapping_add(input as u64)
    }

    /// The bits of some rows, of those inputs that a tile has. Short rows that follow each other are drawn several at a time.
    #[inline(never)] // integer code, which no level needs a copy of
    fn read(self, reader: &mut Reader<'_, '_>, tile: Tile, bits: &mut [[u64; DRAWN / 64]]) {
        let follow = self.index_stride == self.inputs as u64 && self.inputs < DRAWN;
        for (r, bits) in bits.iter_mut().enumerate() {
            let output = tile.output + r;
            let follow = if follow { (self.outputs - output).saturating_mul(self.inputs) } else { tile.inputs };
            reader.copy(self.index(output, tile.input), follow, bits, 0, tile.inputs);
        }
    }

    /// A row of the weights, of those inputs that a tile has.
    #[inline(always)]
    pub(super) fn weights(self, w: &[f32], output: usize, tile: Tile) -> &[f32] {
        part(w, output.wrapping_mul(self.inputs).wrapping_add(tile.input), tile.inputs)
    }

    /// The inputs of a sample that a tile has.
    #[inline(always)]
    pub(super) fn sample(self, x: &[f32], sample: usize, tile: Tile) -> &[f32] {
        part(x, sample.wrapping_mul(self.inputs).wrapping_add(tile.input), tile.inputs)
    }
}

#[inline(always)]
pub(crate) fn part(x: &[f32], start: usize, len: usize) -> &[f32] {
    x.get(start..).unwrap_or_default().get(..len).unwrap_or_default()
}

#[inline(always)]
pub(super) fn part_mut(x: &mut [f32], start: usize, len: usize) -> &mut [f32] {
    x.get_mut(start..).unwrap_or_default().get_mut(..len).unwrap_or_default()
}

/// `N` consecutive rows of a matrix, of each the columns that a tile has.
#[inline(always)]
pub(super) fn parts_mut<const N: usize>(x: &mut [f32], row: usize, columns: usize, tile: Tile) -> [&mut [f32]; N] {
    let rows = x.get_mut(row.wrapping_mul(columns)..).unwrap_or_default();
    let mut rows = rows.chunks_mut(columns.max(1));
    array::from_fn(|_| part_mut(rows.next().unwrap_or_default(), tile.input, tile.inputs))
}

/// Part of the work: `R` outputs from `output` on, `N` samples from `sample` on, and some inputs.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(super) output: usize,
    pub(super) sample: usize,
    pub(super) input: usize,
    pub(super) inputs: usize,
}

/// A product that is computed tile by tile.
pub(crate) trait Tiled: Sized {
    /// Whether it needs the bits.
    const MASKED: bool = true;

    /// The specification.
    fn scalar(&mut self, kept: &mut dyn FnMut(u64) -> bool);

    /// Every output, in tiles of as many accumulators as there are registers for.
    #[inline(always)]
    fn each_row<S: Simd>(&mut self, s: S, reader: &mut Reader<'_, '_>, layer: Layer, tile: Tile, samples: usize) {
        match S::REGISTERS {
            1 => each_row::<S, Self, 4, 4>(s, reader, layer, tile, samples, self),
            2 => each_row::<S, Self, 1, 6>(s, reader, layer, tile, samples, self),
            // three samples spill (measured: see records)
            _ => each_row::<S, Self, 1, 2>(s, reader, layer, tile, samples, self),
        }
    }

    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, s: S, bits: [&[u64]; R], tile: Tile);
}

/// Computes a product.
pub(crate) fn compute(level: Level, source: Source<'_>, layer: Layer, product: &mut impl Tiled) {
    if level.is_scalar() {
        product.scalar(&mut source.bits());
    } else {
        let mut ahead = [0; DRAWN / 64];
        let reader = Reader::new(level, source, &mut ahead);
        dispatch(level, Tiles { reader, layer, product });
    }
}

/// Piece by piece of the inputs, band by band of the samples.
struct Tiles<'a, 'b, T> {
    reader: Reader<'a, 'b>,
    layer: Layer,
    product: &'b mut T,
}

impl<T: Tiled> Operation for Tiles<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut reader, layer, product } = self;
        // nothing bounds a batch of which there is nothing
        let batch = if layer.inputs == 0 || layer.outputs == 0 { 0 } else { layer.batch };
        let mut sample = 0;
        while sample < batch {
            let samples = BAND.min(batch - sample);
            let mut input = 0;
            while input < layer.inputs {
                let tile = Tile { output: 0, sample, input, inputs: DRAWN.min(layer.inputs - input) };
                product.each_row(s, &mut reader, layer, tile, samples);
                input += DRAWN;
            }
            sample += BAND;
        }
    }
}

#[inline(always)]
pub(super) fn each_row<S: Simd, T: Tiled, const R: usize, const N: usize>(
    s: S,
    reader: &mut Reader<'_, '_>,
    layer: Layer,
    mut tile: Tile,
    samples: usize,
    tiled: &mut T,
) {
    while tile.output < layer.outputs {
        let mut bits = [[0; DRAWN / 64]; R];
        let (rows, _) = bits.split_at_mut(R.min(layer.outputs - tile.output));
        if T::MASKED {
            layer.read(reader, tile, rows);
        }
        // rows past the last have no weights, no bits and no outputs
        each_piece::<S, R, N>(s, bits.each_ref().map(<[u64; DRAWN / 64]>::as_slice), tile, samples, tiled);
        tile.output += R;
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
