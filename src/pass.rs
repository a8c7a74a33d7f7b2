//! The one walk over the caller's memory: rows, channels, whole words, tails. Every element-wise kernel is a [`Pass`].

use core::mem;

use crate::bits::{Bits, Discard, Each, Sink, each_bit};
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
        let rows = self.shape.memory();
        for row in each_row(rows, self.x, self.z, self.y) {
            if kept { row.x.copy_to(row.y) } else { row.y.fill(0.0) }
        }
        if self.bits.stores() {
            dispatch(level, Fill { bits: self.bits, rows });
        }
    }
}

impl<B: Bits, M: Map, X: Input, Z: Input> Kernel for Pass<'_, B, M, X, Z> {
    fn scalar(self) {
        let Self { bits, shape, map, x, z, y } = self;
        each_element(bits, shape, |Place { start, i, .. }, kept| {
            if let Some(y) = y.get_mut(start + i) {
                let mapped = map.scalar(x.part(start, i + 1).at(i, y), kept);
                *y = if Z::PRESENT { z.part(start, i + 1).at(i, y) + mapped } else { mapped };
            }
        });
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

/// Where an element is.
pub(crate) struct Place {
    pub(crate) row: usize,
    /// The row's first element in the slices.
    pub(crate) start: usize,
    /// Its number in the row.
    pub(crate) i: usize,
}

/// The specification of every walk: each element, in the order of memory, and its bit.
pub(crate) fn each_element(mut bits: impl Bits, shape: Shape, mut each: impl FnMut(Place, bool)) {
    match shape {
        Shape::Rows(Rows { rows, columns, stride, index_stride }) => {
            for row in 0..rows {
                let elements = (0..columns).map(|i| Place { row, start: row * stride, i });
                each_bit(&mut bits, (row, index_stride * row as u64), elements, &mut each);
            }
        }
        Shape::Channels(channels) => {
            for i in 0..channels.len() {
                let (n, c) = channels.of_element(i);
                let bit = channels.index_stride * n as u64 + c as u64;
                bits.scalar_row(n, bit, 1, |kept| each(Place { row: 0, start: 0, i }, kept));
            }
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
        self.each(s, words.iter().copied(), len);
    }
}

impl<S: Simd, M: Map, X: Input, Z: Input> Each<S> for Apply<'_, M, X, Z> {
    #[inline(always)]
    fn each(&mut self, s: S, mut words: impl Iterator<Item = u64>, len: usize) {
        let (y, y_left) = mem::take(&mut self.y).split_at_mut_checked(len).unwrap_or_default();
        let (x, x_left) = self.x.cut(len);
        let (z, z_left) = self.z.cut(len);
        (self.x, self.z, self.y) = (x_left, z_left, y_left);

        let whole = len / 64 * 64;
        let (x_rest, z_rest) = (x.cut(whole).1, z.cut(whole).1);
        let (y_words, y_rest) = y.as_chunks_mut::<64>();
        for (((y, x), z), bits) in y_words.iter_mut().zip(x.words()).zip(z.words()).zip(&mut words) {
            apply(s, bits, self.map, x, z, y);
        }
        if let (false, Some(bits)) = (y_rest.is_empty(), words.next()) {
            apply(s, bits, self.map, x_rest, z_rest, y_rest);
        }
    }
}

/// At most 64 elements. Stores past the caches would take 0.7 to 1.0 of the time on 16 Mi elements and 1.6 times on 1 Mi;
/// where they begin to gain depends on a cache whose size is not known here (`benches/records`, Zen 4).
#[inline(always)]
pub(crate) fn apply<S: Simd, Z: Input>(s: S, bits: u64, map: impl Map, x: impl Input, z: Z, y: &mut [f32]) {
    let (y_vectors, y_rest) = S::Floats::split_mut(y);
    let mut at = 0;
    for ((y, x), z) in y_vectors.iter_mut().zip(x.vectors::<S::Floats>()).zip(z.vectors::<S::Floats>()) {
        let mapped = map.vector(s, x.read(s, y), bits, at);
        let sum = if Z::PRESENT { z.read(s, y).add(mapped) } else { mapped };
        sum.store(y);
        at += S::Floats::COUNT;
    }
    if !y_rest.is_empty() {
        let mapped = map.vector(s, x.cut(at).1.load_part(s, y_rest), bits, at);
        let sum = if Z::PRESENT { z.cut(at).1.load_part::<S::Floats>(s, y_rest).add(mapped) } else { mapped };
        sum.store_part(y_rest);
    }
}
