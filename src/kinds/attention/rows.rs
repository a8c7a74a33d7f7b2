//! A way through the rows of a stack: where each lies, which bits it has, and its scores.

use core::ops::Range;

use super::softmax::PIECE;
use crate::engine::{Added, Kernel, Operands, Row, Run, Scale, Source};
use crate::layout::Layout;
use crate::simd::Level;

/// Rows of keys, of which a query sees some.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack {
    /// Samples, heads, queries, keys.
    pub(super) shape: [usize; 4],
    /// Query `q` sees key `k` if `k <= past + q`.
    pub(super) past: isize,
}

impl Stack {
    pub(super) fn rows(self) -> usize {
        let [samples, heads, queries, keys] = self.shape;
        // any number of rows may have no keys
        if keys == 0 { 0 } else { samples.saturating_mul(heads).saturating_mul(queries) }
    }

    /// Sample, head and query of a row.
    pub(super) fn place(self, row: usize) -> [usize; 3] {
        let [_, heads, queries, _] = self.shape;
        // none is 0 where there is a row
        let divide = |n: usize, by: usize| (n.checked_div(by).unwrap_or(0), n.checked_rem(by).unwrap_or(0));
        let (matrix, query) = divide(row, queries);
        let (sample, head) = divide(matrix, heads);
        [sample, head, query]
    }

    /// How many keys a query sees.
    pub(super) fn visible(self, query: usize) -> usize {
        let [.., keys] = self.shape;
        let last = self.past.saturating_add_unsigned(query);
        keys.min(last.saturating_add(1).max(0).cast_unsigned())
    }

    /// How many rows at a time have bits that follow each other.
    fn together(self, bits: [u64; 3]) -> usize {
        let ([samples, heads, queries, keys], [sample, head, query]) = (self.shape, bits);
        let mut rows = 1_usize;
        for (len, stride) in [(queries, query), (heads, head), (samples, sample)] {
            if len != 1 && stride != rows.saturating_mul(keys) as u64 {
                break;
            }
            rows = rows.saturating_mul(len);
        }
        rows
    }
}

/// Of each row, the first element in a slice or the first index, by the distances of samples, heads and queries.
fn start(place: [usize; 3], strides: [u64; 3]) -> u64 {
    place.iter().zip(strides).fold(0, |start, (at, stride)| stride.wrapping_mul(*at as u64).wrapping_add(start))
}

/// The distances of samples, heads and queries in the indices.
pub(super) fn strides(layout: Layout) -> [u64; 3] {
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]].map(|place| layout.index_of(place))
}

/// What becomes of scores before their softmax: `x * scale + bias`.
#[derive(Clone, Copy)]
pub(super) struct Scores {
    pub(super) scale: f32,
    /// The distances of the bias, if there is one.
    pub(super) bias: Option<[u64; 3]>,
}

impl Scores {
    /// Whether they are more than `x`.
    const fn change(&self) -> bool {
        self.bias.is_some() || self.scale.to_bits() != 1.0_f32.to_bits()
    }
}

/// Some rows.
pub(super) struct Rows<'a> {
    level: Level,
    stack: Stack,
    range: Range<usize>,
    /// Their distances in the indices.
    bits: [u64; 3],
    together: usize,
    scores: Scores,
    /// The first input, the gradient of the weights, and the bias as rows; the output, and one for the weights.
    operands: Operands<'a>,
    /// Whether the output keeps what it has where a row sees nothing.
    adds: bool,
}

/// What a row sees.
pub(super) struct Visible<'r> {
    pub(super) run: Run<'r>,
    /// The index of its first bit, and how many bits follow that are wanted soon.
    pub(super) first: u64,
    pub(super) follow: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        level: Level,
        (stack, range): (Stack, Range<usize>),
        bits: [u64; 3],
        scores: Scores,
        operands: Operands<'a>,
        adds: bool,
    ) -> Self {
        Self { level, stack, range, bits, together: stack.together(bits), scores, operands, adds }
    }

    /// The next row. What it does not see is `+0.0`; the scores lie in the output if they are not the first input.
    #[inline(never)] // no level needs a copy of its own
    pub(super) fn next(&mut self) -> Option<Visible<'_>> {
        let (Stack { shape: [.., keys], .. }, row) = (self.stack, self.range.next()?);
        let place @ [.., query] = self.stack.place(row);
        let (visible, at) = (self.stack.visible(query), row * keys);
        // a long row fills the vectors by itself, and perhaps a part of it is wanted
        let follow = if keys < PIECE {
            let together = self.together - row.checked_rem(self.together).unwrap_or(0);
            together.min(self.range.len() + 1) * keys
        } else {
            visible
        };
        let bias = self.scores.bias.map_or(0, |strides| start(place, strides) as usize);
        let starts = [at, at, at, bias];
        let row = self.operands.run(&starts, 0, keys);
        if visible < keys && !self.adds {
            let hidden = row.part(visible, keys);
            hidden.constant(false);
            if self.operands.has_sums() {
                hidden.onto_sums().constant(false);
            }
        }
        let mut run = row.part(0, visible);
        if self.scores.change() {
            let (mut product, mut sum) = (Scale(self.scores.scale), Added(Scale(self.scores.scale)));
            let kernel: &mut dyn Kernel = if self.scores.bias.is_some() { &mut sum } else { &mut product };
            everywhere(self.level, run.first_and_third(), kernel);
            run = run.output_first();
        }
        Some(Visible { run, first: start(place, self.bits), follow })
    }
}

/// What another kind of dropout has code for, of elements that are kept.
#[inline(never)] // as above
pub(super) fn everywhere(level: Level, run: Run<'_>, kernel: &mut dyn Kernel) {
    Row { level, source: Source::Certain(true), index: 0, run, store: &mut [] }.apply(kernel);
}
