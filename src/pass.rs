//! The one walk over the caller's memory: rows, channels, whole words, tails. Every element-wise kernel is a [`Pass`].

use core::mem;

use crate::bits::{Bits, Discard, Sink};
use crate::dispatch::{Kernel, dispatch};
use crate::input::{Input, Read};
use crate::level::Level;
use crate::map::Map;
use crate::rows::Rows;
use crate::shape::Shape;
use crate::simd::{Floats, Simd};
use crate::spread::spread;

/// `y[i] = z[i] + map(x[i], kept)`, without the sum where `z` is [`Nothing`]; slices of the same shape.
pub(crate) struct Pass<'a, B, M, X, Z> {
    pub(crate) bits: B,
    pub(crate) shape: Shape,
    pub(crate) map: M,
    pub(crate) x: X,
    pub(crate) z: Z,
    pub(crate) y: &'a mut [f32],
}

impl<B: Bits, M: Map, X: Input, Z: Input> Pass<'_, B, M, X, Z> {
    /// Runs the pass; lengths and indices have been checked.
    pub(crate) fn launch(self, level: Level) {
        // a copy is no product with 1.0: a signalling NaN stays one
        let (Some(kept), false) = (self.bits.certain(), Z::PRESENT) else {
            return dispatch(level, self);
        };
        let rows = match self.shape {
            Shape::Rows(rows) => rows,
            Shape::Channels(channels) => Rows::new(1, channels.len()),
        };
        for row in each_row(rows, self.x, self.z, self.y) {
            if kept { row.x.copy_to(row.y) } else { row.y.fill(0.0) }
        }
        if B::STORES {
            dispatch(level, Fill { bits: self.bits, rows });
        }
    }
}

impl<B: Bits, M: Map, X: Input, Z: Input> Kernel for Pass<'_, B, M, X, Z> {
    fn scalar(self) {
        let Self { mut bits, shape, map, x, z, y } = self;
        let element = |x: X, z: Z, i: usize, y: &mut f32, kept: bool| {
            let mapped = map.scalar(x.at(i, *y), kept);
            *y = if Z::PRESENT { z.at(i, *y) + mapped } else { mapped };
        };
        match shape {
            Shape::Rows(rows) => {
                for Row { row, first, x, z, y } in each_row(rows, x, z, y) {
                    let len = y.len();
                    let mut y = y.iter_mut().enumerate();
                    bits.scalar_row(row, first, len, |kept| {
                        if let Some((i, y)) = y.next() {
                            element(x, z, i, y, kept);
                        }
                    });
                }
            }
            Shape::Channels(channels) => {
                for (i, y) in y.iter_mut().enumerate() {
                    let (n, c) = channels.of_element(i);
                    let bit = channels.index_stride * n as u64 + c as u64;
                    bits.scalar_row(n, bit, 1, |kept| element(x, z, i, y, kept));
                }
            }
        }
    }

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut bits, shape, map, x, z, y } = self;
        match shape {
            Shape::Rows(rows) => {
                for Row { row, first, x, z, y } in each_row(rows, x, z, y) {
                    bits.row(s, row, first, y.len(), &mut Apply { map, x, z, y });
                }
            }
            Shape::Channels(channels) => spread(s, &mut bits, channels, &mut Apply { map, x, z, y }),
        }
    }
}

/// Draws and stores the mask of some rows.
pub(crate) struct Fill<B> {
    pub(crate) bits: B,
    pub(crate) rows: Rows,
}

impl<B: Bits> Kernel for Fill<B> {
    fn scalar(mut self) {
        let mut first = 0_u64;
        for row in 0..self.rows.rows {
            self.bits.scalar_row(row, first, self.rows.columns, |_| {});
            first = first.wrapping_add(self.rows.index_stride);
        }
    }

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut first = 0_u64;
        for row in 0..self.rows.rows {
            self.bits.row(s, row, first, self.rows.columns, &mut Discard);
            first = first.wrapping_add(self.rows.index_stride);
        }
    }
}

/// A row of the inputs and of the output.
pub(crate) struct Row<'a, X, Z> {
    pub(crate) row: usize,
    /// How far its first element's index is from that of the first row.
    pub(crate) first: u64,
    pub(crate) x: X,
    pub(crate) z: Z,
    pub(crate) y: &'a mut [f32],
}

#[inline(always)]
pub(crate) fn each_row<X: Input, Z: Input>(
    rows: Rows,
    x: X,
    z: Z,
    y: &mut [f32],
) -> impl Iterator<Item = Row<'_, X, Z>> {
    let Rows { rows, columns, stride, index_stride } = rows;
    y.chunks_mut(stride.max(1)).take(rows).enumerate().map(move |(row, y)| Row {
        row,
        first: index_stride.wrapping_mul(row as u64),
        x: x.part(row.wrapping_mul(stride), columns),
        z: z.part(row.wrapping_mul(stride), columns),
        y: y.get_mut(..columns).unwrap_or_default(),
    })
}

/// What is still to do of a row.
pub(crate) struct Apply<'a, M, X, Z> {
    pub(crate) map: M,
    pub(crate) x: X,
    pub(crate) z: Z,
    pub(crate) y: &'a mut [f32],
}

impl<S: Simd, M: Map, X: Input, Z: Input> Sink<S> for Apply<'_, M, X, Z> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        let (y, y_left) = mem::take(&mut self.y).split_at_mut_checked(len).unwrap_or_default();
        let (x, x_left) = self.x.cut(len);
        let (z, z_left) = self.z.cut(len);
        (self.x, self.z, self.y) = (x_left, z_left, y_left);

        let (y_words, y_rest) = y.as_chunks_mut::<64>();
        let (x_words, x_rest) = x.words();
        let (z_words, z_rest) = z.words();
        let mut bits = words.iter().copied();
        for (((y, x), z), bits) in y_words.iter_mut().zip(x_words).zip(z_words).zip(&mut bits) {
            apply(s, bits, self.map, x, z, y);
        }
        if let (false, Some(bits)) = (y_rest.is_empty(), bits.next()) {
            apply(s, bits, self.map, x_rest, z_rest, y_rest);
        }
    }
}

/// At most 64 elements.
#[inline(always)]
fn apply<S: Simd, Z: Input>(s: S, bits: u64, map: impl Map, x: impl Input, z: Z, y: &mut [f32]) {
    let (y_vectors, y_rest) = S::Floats::split_mut(y);
    let (x_vectors, x_rest) = x.vectors::<S::Floats>();
    let (z_vectors, z_rest) = z.vectors::<S::Floats>();
    let mut at = 0;
    for ((y, x), z) in y_vectors.iter_mut().zip(x_vectors).zip(z_vectors) {
        let mapped = map.vector(s, x.read(s, y), bits, at);
        let sum = if Z::PRESENT { z.read(s, y).add(mapped) } else { mapped };
        sum.store(y);
        at += S::Floats::COUNT;
    }
    if !y_rest.is_empty() {
        let mapped = map.vector(s, x_rest.load_part(s, y_rest), bits, at);
        let sum = if Z::PRESENT { z_rest.load_part::<S::Floats>(s, y_rest).add(mapped) } else { mapped };
        sum.store_part(y_rest);
    }
}
