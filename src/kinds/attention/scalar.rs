//! The specification of a row, one element after another.

use super::elements::{Dot, Exponential, Gradient, Largest, Weights};
use super::softmax::{Output, Task};
use crate::engine::Element;
use crate::simd::fold;

/// What a row sees.
pub(super) struct ScalarRow<'r> {
    pub(super) task: Task,
    /// The scale of the scores.
    pub(super) factor: f32,
    /// Scores or softmax; those of none lie in the output.
    pub(super) x: Option<&'r [f32]>,
    pub(super) bias: Option<&'r [f32]>,
    pub(super) dy: &'r [f32],
    pub(super) y: &'r mut [f32],
    /// Where the weights go if the output is the softmax, else empty.
    pub(super) weights: &'r mut [f32],
}

impl ScalarRow<'_> {
    #[inline(never)] // no speed is asked of it
    pub(super) fn run(mut self, kept: &mut dyn FnMut(usize) -> bool) {
        let Task { scale, given, output, .. } = self.task;
        let (x, weights) = if given { (self.x, Weights::themselves(false)) } else { (None, self.exponentials(kept)) };
        if let Output::Gradient { factor, .. } = output {
            let (mut dot, mut sums) = (Dot { weights, scale, sums: [0.0; 16] }, [0.0; 16]);
            for (i, (y, dy)) in self.y.iter().zip(self.dy).enumerate() {
                if let Some(sum) = sums.get_mut(i % 16) {
                    *sum += dot.scalar([input(x, i, *y), *dy, 0.0], kept(i));
                }
            }
            let mut gradient = Gradient { weights, scale, mean: weights.mean(sums), factor };
            for (i, (y, dy)) in self.y.iter_mut().zip(self.dy).enumerate() {
                let dscore = gradient.scalar([input(x, i, *y), *dy, 0.0], kept(i));
                *y = if output.adds() { *y + dscore } else { dscore };
            }
        } else {
            for (i, y) in self.y.iter_mut().enumerate() {
                let p = weights.scalar(*y);
                let weight = if kept(i) { p * scale } else { 0.0 };
                *y = match self.weights.get_mut(i) {
                    Some(there) => {
                        *there = weight;
                        p
                    }
                    None => weight,
                }
            }
        }
    }

    /// A score that counts.
    #[inline(never)] // as above
    fn score(&self, i: usize, kept: &mut dyn FnMut(usize) -> bool) -> f32 {
        if self.task.renormalise && !kept(i) {
            return f32::NEG_INFINITY;
        }
        let x = input(self.x, i, self.y.get(i).copied().unwrap_or_default()) * self.factor;
        self.bias.and_then(|bias| bias.get(i)).map_or(x, |bias| x + bias)
    }

    /// Writes the exponentials of the scores.
    #[inline(never)] // as above
    fn exponentials(&mut self, kept: &mut dyn FnMut(usize) -> bool) -> Weights {
        for i in 0..self.y.len() {
            let score = self.score(i, kept);
            if let Some(y) = self.y.get_mut(i) {
                *y = score;
            }
        }
        let y = &mut *self.y;
        let mut largest = Largest::NONE;
        let largest = y.iter().fold(f32::NEG_INFINITY, |_, y| largest.scalar([*y; 3], true));
        let (mut exponential, mut sums) = (Exponential::below(largest), [0.0; 16]);
        for (i, y) in y.iter_mut().enumerate() {
            *y = exponential.scalar([*y; 3], true);
            if let Some(sum) = sums.get_mut(i % 16) {
                *sum += *y;
            }
        }
        Weights::of_sum(fold(sums), false)
    }
}

/// An element of the input, which lies in the output if there is none.
fn input(x: Option<&[f32]>, i: usize, y: f32) -> f32 {
    x.and_then(|x| x.get(i)).copied().unwrap_or(y)
}
