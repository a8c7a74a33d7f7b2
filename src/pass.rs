//! The one walk over the caller's memory: rows, whole words, tails. Every element-wise kernel is a [`Pass`].

use core::mem;

use crate::bits::{Bits, Discard, Sink};
use crate::dispatch::{Kernel, dispatch};
use crate::input::{Input, Read};
use crate::level::Level;
use crate::rows::Rows;
use crate::simd::{Floats, Simd};

/// `y[i] = kept ? x[i] * scale : +0.0`, or with `ADD` `y[i] += kept ? x[i] * scale : +0.0`, over rows.
pub(crate) struct Pass<'a, B, I, const ADD: bool> {
    pub(crate) bits: B,
    pub(crate) scale: f32,
    pub(crate) rows: Rows,
    pub(crate) x: I,
    pub(crate) y: &'a mut [f32],
}

impl<B: Bits, I: Input, const ADD: bool> Pass<'_, B, I, ADD> {
    /// Runs the pass; lengths and indices have been checked.
    pub(crate) fn launch(mut self, level: Level) {
        if !B::STORES {
            self.rows = self.rows.merged();
        }
        // a copy is no product with 1.0: a signalling NaN stays one
        if let (Some(kept), false) = (self.bits.certain(), ADD) {
            for row in each_row(self.rows, self.x, self.y) {
                if kept { row.x.copy_to(row.y) } else { row.y.fill(0.0) }
            }
            if B::STORES {
                dispatch(level, Fill { bits: self.bits, rows: self.rows });
            }
        } else {
            dispatch(level, self);
        }
    }
}

impl<B: Bits, I: Input, const ADD: bool> Kernel for Pass<'_, B, I, ADD> {
    fn scalar(self) {
        let Self { mut bits, scale, rows, x, y } = self;
        for Row { row, first, x, y } in each_row(rows, x, y) {
            let len = y.len();
            let mut y = y.iter_mut().enumerate();
            bits.scalar_row(row, first, len, |kept| {
                if let Some((i, y)) = y.next() {
                    let masked = if kept { x.at(i, *y) * scale } else { 0.0 };
                    *y = if ADD { *y + masked } else { masked };
                }
            });
        }
    }

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut bits, scale, rows, x, y } = self;
        let scale = S::Floats::splat(s, scale);
        for Row { row, first, x, y } in each_row(rows, x, y) {
            bits.row(s, row, first, y.len(), &mut Apply::<_, _, ADD> { scale, x, y });
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

/// A row of the input and of the output.
struct Row<'a, I> {
    row: usize,
    /// How far its first element's index is from that of the first row.
    first: u64,
    x: I,
    y: &'a mut [f32],
}

#[inline(always)]
fn each_row<I: Input>(rows: Rows, x: I, y: &mut [f32]) -> impl Iterator<Item = Row<'_, I>> {
    let Rows { rows, columns, stride, index_stride } = rows;
    y.chunks_mut(stride.max(1)).take(rows).enumerate().map(move |(row, y)| Row {
        row,
        first: index_stride.wrapping_mul(row as u64),
        x: x.part(row.wrapping_mul(stride), columns),
        y: y.get_mut(..columns).unwrap_or_default(),
    })
}

/// What is still to do of a row.
struct Apply<'a, F, I, const ADD: bool> {
    scale: F,
    x: I,
    y: &'a mut [f32],
}

impl<S: Simd, I: Input, const ADD: bool> Sink<S> for Apply<'_, S::Floats, I, ADD> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        let (y, y_left) = mem::take(&mut self.y).split_at_mut_checked(len).unwrap_or_default();
        let (x, x_left) = self.x.cut(len);
        (self.x, self.y) = (x_left, y_left);

        let (y_words, y_rest) = y.as_chunks_mut::<64>();
        let (x_words, x_rest) = x.words();
        let mut bits = words.iter().copied();
        for ((y, x), bits) in y_words.iter_mut().zip(x_words).zip(&mut bits) {
            apply::<S, I, ADD>(s, bits, self.scale, x, y);
        }
        if let (false, Some(bits)) = (y_rest.is_empty(), bits.next()) {
            apply::<S, I, ADD>(s, bits, self.scale, x_rest, y_rest);
        }
    }
}

/// At most 64 elements.
#[inline(always)]
fn apply<S: Simd, I: Input, const ADD: bool>(s: S, bits: u64, scale: S::Floats, x: I, y: &mut [f32]) {
    let (y_vectors, y_rest) = S::Floats::split_mut(y);
    let (x_vectors, x_rest) = x.vectors::<S::Floats>();
    let mut at = 0;
    for (y, x) in y_vectors.iter_mut().zip(x_vectors) {
        let masked = x.read(s, y).mul(scale).keep(bits, at);
        let sum = if ADD { S::Floats::load(s, y).add(masked) } else { masked };
        sum.store(y);
        at += S::Floats::COUNT;
    }
    if !y_rest.is_empty() {
        let masked = x_rest.load_part::<S::Floats>(s, y_rest).mul(scale).keep(bits, at);
        let sum = if ADD { S::Floats::load_part(s, y_rest).add(masked) } else { masked };
        sum.store_part(y_rest);
    }
}
