//! The softmax of a row with dropout of its weights, and the gradient.

use core::ops::Range;

use super::Stack;
use super::elements::{Dot, Exponential, Gradient, Hide, Largest, Normalise, Weights, flushes};
use crate::engine::{Element, Operands, Reader, Run};
use crate::simd::{Operation, Simd, fold};

/// What becomes of the weights of a row.
#[derive(Clone, Copy)]
pub(super) struct Softmax {
    /// The factor of kept weights.
    pub(super) scale: f32,
    /// Whether dropped scores count as `-inf`.
    pub(super) renormalise: bool,
}

/// Elements whose bits are made at a time.
pub(super) const PIECE: usize = 4096;

/// A row and its bits.
struct Row<'r, 'a, 'b> {
    reader: &'r mut Reader<'a, 'b>,
    /// The index of its first bit, and how many bits follow that are wanted soon.
    first: u64,
    follow: usize,
    /// Room for the words of a piece.
    words: &'r mut [u64; PIECE / 64],
}

impl Row<'_, '_, '_> {
    /// Does to each element what its bit says.
    #[inline(always)]
    fn apply<S: Simd>(&mut self, s: S, run: Run<'_>, element: &mut impl Element) {
        let mut at = 0;
        while at < run.len() {
            let (index, follow) = (self.first.wrapping_add(at as u64), self.follow.saturating_sub(at));
            let (words, len) = self.reader.some(index, follow, run.len() - at, self.words);
            run.part(at, len).each(s, element, words);
            at += len;
        }
    }
}

/// Some rows: the weights, or the gradient of the scores if there is one of the weights.
pub(super) struct Rows<'a, 'b> {
    pub(super) softmax: Softmax,
    pub(super) stack: Stack,
    pub(super) rows: Range<usize>,
    pub(super) reader: Reader<'a, 'b>,
    pub(super) operands: Operands<'a>,
    pub(super) gradient: bool,
}

impl Operation for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (Softmax { scale, renormalise }, Stack { keys, .. }) = (self.softmax, self.stack);
        let mut words = [0; PIECE / 64];
        let (end, flushed) = (self.rows.end, flushes());
        for row in self.rows {
            let visible = self.stack.visible(row);
            if visible < keys {
                self.operands.dense(row * keys + visible, keys - visible).constant(false);
            }
            let first = row * keys;
            // a long row fills the vectors by itself, and perhaps a part of it is wanted
            let follow = if keys < PIECE { (end - row) * keys } else { visible };
            let run = self.operands.dense(row * keys, visible);
            let mut row = Row { reader: &mut self.reader, first: first as u64, follow, words: &mut words };
            let mut scores = run;
            if renormalise {
                row.apply(s, run, &mut Hide);
                scores = run.of_output();
            }
            let mut weights = Weights::of_sum(exponentials(s, scores), flushed);
            if weights.undefined() {
                run.of_output().scalar(&mut Normalise { weights, scale: 1.0 }, true);
                weights = Weights::themselves();
            }
            if self.gradient {
                let run = run.output_and_second();
                let mut dot = Dot { weights, scale, sums: [0.0; 16] };
                row.apply(s, run, &mut dot);
                let mean = weights.mean(dot.sums);
                row.apply(s, run, &mut Gradient { weights, scale, mean });
            } else {
                row.apply(s, run.of_output(), &mut Normalise { weights, scale });
            }
        }
    }
}

/// `y[i] = exp(x[i] - max x)`; returns their sum. The row is read twice, from the cache.
#[inline(always)]
fn exponentials<S: Simd>(s: S, run: Run<'_>) -> f32 {
    let mut largest = Largest::NONE;
    run.each_kept(s, &mut largest);
    let mut exponential = Exponential { largest: finite(largest.of_all()), sums: [0.0; 16] };
    run.each_kept(s, &mut exponential);
    fold(exponential.sums)
}

/// The specification, of scores that lie in `y`.
impl Softmax {
    pub(super) fn scalar_forward(self, kept: &mut dyn FnMut(usize) -> bool, y: &mut [f32]) {
        let weights = self.scalar_exponentials(kept, y);
        let mut normalise = Normalise { weights, scale: self.scale };
        y.iter_mut().enumerate().for_each(|(i, y)| *y = normalise.scalar([*y, 0.0, 0.0], kept(i)));
    }

    pub(super) fn scalar_backward(self, kept: &mut dyn FnMut(usize) -> bool, dy: &[f32], y: &mut [f32]) {
        let weights = self.scalar_exponentials(kept, y);
        let mut dot = Dot { weights, scale: self.scale, sums: [0.0; 16] };
        let mut sums = [0.0; 16];
        for (i, (y, dy)) in y.iter().zip(dy).enumerate() {
            if let Some(sum) = sums.get_mut(i % 16) {
                *sum += dot.scalar([*y, *dy, 0.0], kept(i));
            }
        }
        let mut gradient = Gradient { weights, scale: self.scale, mean: weights.mean(sums) };
        for (i, (y, dy)) in y.iter_mut().zip(dy).enumerate() {
            *y = gradient.scalar([*y, *dy, 0.0], kept(i));
        }
    }

    fn scalar_exponentials(self, kept: &mut dyn FnMut(usize) -> bool, y: &mut [f32]) -> Weights {
        if self.renormalise {
            y.iter_mut().enumerate().for_each(|(i, y)| *y = Hide.scalar([*y; 3], kept(i)));
        }
        let mut largest = Largest::NONE;
        let largest = y.iter().fold(f32::NEG_INFINITY, |_, y| largest.scalar([*y; 3], true));
        let mut exponential = Exponential { largest: finite(largest), sums: [0.0; 16] };
        let mut sums = [0.0; 16];
        for (i, y) in y.iter_mut().enumerate() {
            *y = exponential.scalar([*y; 3], true);
            if let Some(sum) = sums.get_mut(i % 16) {
                *sum += *y;
            }
        }
        Weights::of_sum(fold(sums), false)
    }
}

/// What to subtract: a row of `-inf` alone has exponentials of 0, not NaN.
fn finite(largest: f32) -> f32 {
    if largest == f32::NEG_INFINITY { 0.0 } else { largest }
}
