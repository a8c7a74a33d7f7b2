//! From a call to the rows of its slices.

use super::Attention;
use super::rows::{Rows, Scores, strides};
use super::scalar::ScalarRow;
use super::softmax::{Output, PIECE, Softmax, Task};
use crate::engine::{Input, Operands, Reader, Source};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, same_bits};
use crate::simd::{Level, dispatch};

/// The slices of a pass, which have been checked.
pub(super) struct Slices<'a> {
    /// Scores or softmax; those of none lie in `y`.
    pub(super) x: Option<&'a [f32]>,
    pub(super) dy: &'a [f32],
    pub(super) y: &'a mut [f32],
    /// The weights, if `y` is the softmax.
    pub(super) weights: &'a mut [f32],
}

impl Attention<'_> {
    /// The bits of rows that begin in the indices at such distances, or their bias in its slice.
    #[inline(never)] // once a call
    fn layout(&self, [samples, heads, queries]: [u64; 3]) -> Layout {
        Layout::broadcast(self.stack.shape, [false; 4]).index_strides([samples, heads, queries, 1])
    }

    /// Those that are drawn.
    fn bits(&self) -> Layout {
        self.layout(self.index_strides)
    }

    /// Those of the source.
    fn source_bits(&self) -> Layout {
        if self.mask.is_some() { self.bits().stored() } else { self.bits() }
    }

    #[inline(never)] // as above
    pub(super) fn check(&self, lengths: &[(Argument, usize)]) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout])?;
        let bits = self.bits();
        for (argument, length) in lengths {
            same_length(*argument, bits.len(), *length)?;
        }
        if let Some(bias) = self.bias {
            self.check_bias(bias.len())?;
        }
        if self.mask.is_some() { Ok(()) } else { bits.check_indices(self.dropout.offset()) }
    }

    /// The check of a pass in training.
    #[inline(never)] // as above
    pub(super) fn check_training(&self, lengths: &[(Argument, usize)]) -> Result<(), Error> {
        self.check(lengths)?;
        match self.mask {
            // where there are no elements, axes that share have stored their bits all the same
            Some(mask) if self.bits().len() > 0 => self.bits().stored().check_indexed(mask.len()),
            _ => Ok(()),
        }
    }

    /// Whether a bias of this length has the elements of all rows: exactly those with dense strides, with others at
    /// least.
    fn check_bias(&self, actual: usize) -> Result<(), Error> {
        let layout = self.layout(self.bias_strides);
        let expected = if layout.len() == 0 { 0 } else { layout.span() };
        if actual as u128 > expected && layout != layout.unshared() {
            return Ok(());
        }
        same_bits(Argument::Bias, expected, actual)
    }

    /// The gradient of the scores, from those or from a given softmax, and whether it is added.
    pub(super) fn back(&self, given: bool, add: bool, x: &[f32], dy: &[f32], dscores: &mut [f32]) -> Result<(), Error> {
        self.check_training(&[
            (Argument::Input, x.len()),
            (Argument::Input, dy.len()),
            (Argument::Output, dscores.len()),
        ])?;
        let output = Output::Gradient { factor: self.scale, add };
        self.train(given, output, Slices { x: Some(x), dy, y: dscores, weights: &mut [] });
        Ok(())
    }

    /// The same over what it is made from.
    pub(super) fn back_in_place(&self, given: bool, x: &mut [f32], dy: &[f32]) -> Result<(), Error> {
        self.check_training(&[(Argument::Output, x.len()), (Argument::Input, dy.len())])?;
        let output = Output::Gradient { factor: self.scale, add: false };
        self.train(given, output, Slices { x: None, dy, y: x, weights: &mut [] });
        Ok(())
    }

    /// Weights or a gradient in training.
    #[inline(never)] // as above
    pub(super) fn train(&self, given: bool, output: Output, slices: Slices<'_>) {
        let source = self.mask.map_or_else(|| self.dropout.source(), Source::Stored);
        self.pass(source, self.dropout.scale(), given, output, slices);
    }

    /// The weights of evaluation.
    pub(super) fn evaluation(&self, x: Option<&[f32]>, y: &mut [f32]) {
        let slices = Slices { x, dy: &[], y, weights: &mut [] };
        self.pass(Source::Certain(true), self.dropout.evaluation_scale(), false, Output::Weights, slices);
    }

    fn pass(&self, mut source: Source<'_>, scale: f32, given: bool, mut output: Output, mut slices: Slices<'_>) {
        let mut scale = if self.renormalise { 1.0 } else { scale };
        // what has the factor 0 does not count, whatever it is
        if scale == 0.0 || matches!(source, Source::Certain(false)) {
            slices.weights.fill(0.0);
            match output {
                Output::Gradient { add: true, .. } => return,
                // there is a softmax all the same
                Output::Both if !self.renormalise => {
                    (source, scale, output, slices.weights) = (Source::Certain(true), 1.0, Output::Weights, &mut []);
                }
                _ => return slices.y.fill(0.0),
            }
        }
        let task = Task { scale, renormalise: self.renormalise, given, output };
        let level = self.dropout.run_level();
        if level.is_scalar() {
            self.each_scalar_row(task, source, slices);
        } else {
            self.each_vector_row(task, level, source, slices);
        }
    }

    fn each_vector_row(&self, task: Task, level: Level, source: Source<'_>, slices: Slices<'_>) {
        let (stack, Slices { x, dy, y, weights }) = (self.stack, slices);
        let dy = if dy.is_empty() { Input::InPlace } else { Input::of(dy) };
        // a softmax has both already
        let bias = self.bias.filter(|_| !task.given);
        let scale = if task.given { 1.0 } else { self.scale };
        let inputs = [x.map_or(Input::InPlace, Input::of), dy, bias.map_or(Input::InPlace, Input::Row)];
        let operands = Operands::new(&inputs, y.into()).and_output(weights);
        let (distances, [.., keys]) = (strides(self.source_bits()), stack.shape);
        let scores = Scores { scale, bias: bias.map(|_| self.bias_strides) };
        let adds = task.output.adds();
        self.dropout.threads().rows(0..stack.rows(), keys, &|range| {
            let rows = Rows::new(level, (stack, range), distances, scores, operands, adds);
            let mut ahead = [0; PIECE / 64];
            dispatch(level, Softmax { task, rows, reader: Reader::new(level, source, &mut ahead) });
        });
    }

    #[inline(never)] // as above
    fn each_scalar_row(&self, task: Task, source: Source<'_>, slices: Slices<'_>) {
        let Slices { x, dy, y, weights } = slices;
        let (stack, [.., keys]) = (self.stack, self.stack.shape);
        let (layout, mut bits) = (self.source_bits(), source.bits());
        let bias_layout = self.layout(self.bias_strides);
        let (mut weights, mut y) = (weights.chunks_mut(keys.max(1)), y.chunks_mut(keys.max(1)));
        for row in 0..stack.rows() {
            let [sample, head, query] = stack.place(row);
            let (visible, here) = (stack.visible(query), row * keys);
            let bias_at = bias_layout.index_of([sample, head, query, 0]) as usize;
            let row = ScalarRow {
                task,
                factor: self.scale,
                x: x.map(|x| x.get(here..).unwrap_or_default()),
                bias: self.bias.map(|bias| bias.row(bias_at, visible)),
                dy: dy.get(here..).unwrap_or_default(),
                y: seen(y.next(), visible, task.output.adds()),
                weights: seen(weights.next(), visible, false),
            };
            row.run(&mut |key| bits(layout.index_of([sample, head, query, key])));
        }
    }
}

/// What is visible of a row; the rest is `+0.0`, unless it `stays`.
fn seen(row: Option<&mut [f32]>, visible: usize, stays: bool) -> &mut [f32] {
    let (seen, hidden) = row.unwrap_or_default().split_at_mut_checked(visible).unwrap_or_default();
    if !stays {
        hidden.fill(0.0);
    }
    seen
}
