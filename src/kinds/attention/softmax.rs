//! The softmax of a row with dropout of its weights, and the gradient.

use super::elements::{Dot, Exponential, Gradient, Hide, Largest, Normalise};
use crate::engine::{Element, Kernel, Reader, Run};
use crate::simd::{Operation, Simd, dispatch, fold};

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
pub(super) struct Row<'r, 'a, 'b> {
    pub(super) reader: &'r mut Reader<'a, 'b>,
    /// The index of its first bit, and how many bits follow that are wanted soon.
    pub(super) first: u64,
    pub(super) follow: usize,
    /// Room for the words of a piece.
    pub(super) words: &'r mut [u64; PIECE / 64],
    /// Scores, perhaps a gradient, and the output.
    pub(super) run: Run<'r>,
}

impl Row<'_, '_, '_> {
    /// Does to each element what its bit says.
    fn apply(&mut self, run: Run<'_>, element: &mut impl Element) {
        let (level, mut at) = (self.reader.level, 0);
        while at < run.len() {
            let (index, follow) = (self.first.wrapping_add(at as u64), self.follow.saturating_sub(at));
            let (words, len) = self.reader.some(index, follow, run.len() - at, self.words);
            element.apply(level, run.part(at, len), words);
            at += len;
        }
    }
}

impl Softmax {
    /// `kept ? P * scale : +0.0`.
    pub(super) fn forward(self, row: &mut Row<'_, '_, '_>) {
        let inverse = self.exponentials(row);
        row.apply(row.run.of_output(), &mut Normalise { inverse, scale: self.scale });
    }

    /// `P * (dP - D)`, of the scores and the gradient of the weights.
    pub(super) fn backward(self, row: &mut Row<'_, '_, '_>) {
        let inverse = self.exponentials(row);
        let run = row.run.output_and_second();
        let mut dot = Dot { scale: self.scale, inverse, sums: [0.0; 16] };
        row.apply(run, &mut dot);
        let mean = fold(dot.sums) * inverse;
        row.apply(run, &mut Gradient { scale: self.scale, inverse, mean });
    }

    /// `y[i] = exp(x[i] - max x)`, 0 where dropped if it is renormalised; returns 1 over their sum, 0 where that is 0.
    fn exponentials(self, row: &mut Row<'_, '_, '_>) -> f32 {
        let mut run = row.run;
        if self.renormalise {
            row.apply(run, &mut Hide);
            run = run.of_output();
        }
        dispatch(row.reader.level, Exponentials { run })
    }
}

/// The specification, of scores that lie in `y`.
impl Softmax {
    pub(super) fn scalar_forward(self, kept: &mut dyn FnMut(usize) -> bool, y: &mut [f32]) {
        let inverse = self.scalar_exponentials(kept, y);
        let mut normalise = Normalise { inverse, scale: self.scale };
        y.iter_mut().enumerate().for_each(|(i, y)| *y = normalise.scalar([*y, 0.0, 0.0], kept(i)));
    }

    pub(super) fn scalar_backward(self, kept: &mut dyn FnMut(usize) -> bool, dy: &[f32], y: &mut [f32]) {
        let inverse = self.scalar_exponentials(kept, y);
        let mut dot = Dot { scale: self.scale, inverse, sums: [0.0; 16] };
        let mut sums = [0.0; 16];
        for (i, (y, dy)) in y.iter().zip(dy).enumerate() {
            if let Some(sum) = sums.get_mut(i % 16) {
                *sum += dot.scalar([*y, *dy, 0.0], kept(i));
            }
        }
        let mut gradient = Gradient { scale: self.scale, inverse, mean: fold(sums) * inverse };
        for (i, (y, dy)) in y.iter_mut().zip(dy).enumerate() {
            *y = gradient.scalar([*y, *dy, 0.0], kept(i));
        }
    }

    fn scalar_exponentials(self, kept: &mut dyn FnMut(usize) -> bool, y: &mut [f32]) -> f32 {
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
        inverse(fold(sums))
    }
}

/// Both loops of [`Softmax::exponentials`]; the row is read twice, from the cache.
struct Exponentials<'a> {
    run: Run<'a>,
}

impl Operation for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let all = core::iter::repeat(!0);
        let mut largest = Largest::NONE;
        self.run.each(s, &mut largest, all.clone());
        let mut exponential = Exponential { largest: finite(largest.of_all()), sums: [0.0; 16] };
        self.run.each(s, &mut exponential, all);
        inverse(fold(exponential.sums))
    }
}

/// What to subtract: a row of `-inf` alone has exponentials of 0, not NaN.
fn finite(largest: f32) -> f32 {
    if largest == f32::NEG_INFINITY { 0.0 } else { largest }
}

fn inverse(sum: f32) -> f32 {
    if sum == 0.0 { 0.0 } else { 1.0 / sum }
}
