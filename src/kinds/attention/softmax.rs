//! The softmax of a row with dropout of its weights, and the gradient.

use super::super::alpha::Affine;
use super::elements::{Dot, Exponential, Gradient, Largest, Normalise, Weights, flushes};
use super::rows::{Rows, Visible, everywhere};
use crate::engine::{Added, Element, Kernel, Reader, Run, Scale};
use crate::simd::{Operation, Simd, fold};

/// What a pass makes of its rows.
#[derive(Clone, Copy)]
pub(super) struct Task {
    /// The factor of kept weights.
    pub(super) scale: f32,
    /// Whether dropped scores count as `-inf`.
    pub(super) renormalise: bool,
    /// Whether the input is the softmax.
    pub(super) given: bool,
    pub(super) output: Output,
}

#[derive(Clone, Copy)]
pub(super) enum Output {
    Weights,
    /// The softmax, and the weights elsewhere.
    Both,
    /// The gradient of the scores, times that factor; added to what there is if `add`.
    Gradient {
        factor: f32,
        add: bool,
    },
}

impl Output {
    pub(super) const fn adds(self) -> bool {
        matches!(self, Self::Gradient { add: true, .. })
    }
}

/// Elements whose bits are made at a time.
pub(super) const PIECE: usize = 4096;

/// Elements of a gradient that is to be added, at a time.
const STAGE: usize = 256;

/// The bits of a row.
struct Bits<'r, 'a, 'b> {
    reader: &'r mut Reader<'a, 'b>,
    /// The index of the first, and how many follow that are wanted soon.
    first: u64,
    follow: usize,
    /// Room for the words of a piece.
    words: &'r mut [u64; PIECE / 64],
}

impl Bits<'_, '_, '_> {
    /// The words of some elements from number `at` on, `want` at most, and how many they are.
    #[inline(always)]
    fn some(&mut self, at: usize, want: usize) -> (&[u64], usize) {
        let (index, follow) = (self.first.wrapping_add(at as u64), self.follow.saturating_sub(at));
        self.reader.some(index, follow, want, self.words)
    }

    /// Does to each element, the first of which has number `start`, what its bit says.
    #[inline(always)]
    fn apply<S: Simd>(&mut self, s: S, start: usize, run: Run<'_>, element: &mut impl Element) {
        let mut at = 0;
        while at < run.len() {
            let (words, len) = self.some(start + at, run.len() - at);
            run.part(at, len).each_vector(s, element, |at| words.get(at / 64).map_or(0, |word| word >> (at % 64)));
            at += len;
        }
    }

    /// `kept ? x : -inf`, by a sum with 0.
    #[inline(never)] // by code that another kind of dropout has, no level needs its own
    fn hide(&mut self, run: Run<'_>) {
        let (mut hide, mut at) = (Affine { a: 1.0, b: 0.0, d: f32::NEG_INFINITY }, 0);
        while at < run.len() {
            let level = self.reader.level;
            let (words, len) = self.some(at, run.len() - at);
            Kernel::apply(&mut hide, level, run.part(at, len), words);
            at += len;
        }
    }
}

/// A task on some rows.
pub(super) struct Softmax<'a, 'b> {
    pub(super) task: Task,
    pub(super) rows: Rows<'a>,
    pub(super) reader: Reader<'a, 'b>,
}

impl Operation for Softmax<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Task { scale, renormalise, given, output } = self.task;
        let (mut words, mut stage, flushed) = ([0; PIECE / 64], [0.0; STAGE], flushes());
        let level = self.reader.level;
        while let Some(Visible { mut run, first, follow }) = self.rows.next() {
            let mut bits = Bits { reader: &mut self.reader, first, follow, words: &mut words };
            let mut weights = Weights::themselves(flushed);
            if !given {
                if renormalise {
                    bits.hide(run);
                    run = run.output_first();
                }
                weights = Weights::of_sum(exponentials(s, run), flushed);
                run = run.output_first();
                if weights.undefined() {
                    divide(run, weights);
                    weights = Weights::themselves(flushed);
                }
            }
            if let Output::Gradient { factor, add } = output {
                let mut dot = Dot { weights, scale, sums: [0.0; 16] };
                bits.apply(s, 0, run, &mut dot);
                let mut gradient = Gradient { weights, scale, mean: weights.mean(dot.sums), factor };
                let (staged, most) = (Run::new([], &mut stage[..]), if add { STAGE } else { run.len() });
                let mut at = 0;
                while at < run.len() {
                    let part = run.part(at, most);
                    bits.apply(s, at, if add { part.onto(staged) } else { part }, &mut gradient);
                    if add {
                        everywhere(level, staged.onto(part).output_first(), &mut Added(Scale(1.0)));
                    }
                    at += part.len();
                }
            } else {
                if let Output::Both = output {
                    everywhere(level, run, &mut Scale(weights.inverse()));
                    (weights, run) = (Weights::themselves(flushed), run.onto_sums());
                }
                bits.apply(s, 0, run, &mut Normalise { weights, scale });
            }
        }
    }
}

/// Weights of a sum that is NaN.
#[cold]
fn divide(run: Run<'_>, weights: Weights) {
    run.scalar(&mut Normalise { weights, scale: 1.0 }, true);
}

/// `y[i] = exp(x[i] - max x)`; returns their sum. The row is read twice, from the cache.
#[inline(always)]
fn exponentials<S: Simd>(s: S, run: Run<'_>) -> f32 {
    let mut largest = Largest::NONE;
    run.each_kept(s, &mut largest);
    let mut exponential = Exponential::below(largest.of_all());
    run.each_kept(s, &mut exponential);
    fold(exponential.sums)
}
