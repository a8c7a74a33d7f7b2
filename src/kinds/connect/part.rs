//! Parts of a layer that one run of a kernel computes.

use super::DropConnect;
use super::kernel::{Layer, part, part_mut};
use crate::engine::Source;
use crate::kinds::dropout::Dropout;

/// Weights whose rows are given to one sample after the other: they stay in the second cache meanwhile.
const WEIGHTS: usize = 1 << 16;

/// Some samples and some outputs of a layer.
pub(crate) struct Part {
    pub(crate) layer: Layer,
    whole: Layer,
    sample: usize,
    output: usize,
}

/// What a part has of each slice.
impl Part {
    pub(crate) fn weights<'a>(&self, w: &'a [f32]) -> &'a [f32] {
        part(w, self.output * self.whole.inputs, self.layer.outputs * self.whole.inputs)
    }
    pub(crate) fn weights_mut<'a>(&self, w: &'a mut [f32]) -> &'a mut [f32] {
        part_mut(w, self.output * self.whole.inputs, self.layer.outputs * self.whole.inputs)
    }
    pub(crate) fn inputs<'a>(&self, x: &'a [f32]) -> &'a [f32] {
        part(x, self.sample * self.whole.inputs, self.layer.batch * self.whole.inputs)
    }
    pub(crate) fn inputs_mut<'a>(&self, x: &'a mut [f32]) -> &'a mut [f32] {
        part_mut(x, self.sample * self.whole.inputs, self.layer.batch * self.whole.inputs)
    }
    pub(crate) fn outputs<'a>(&self, y: &'a [f32]) -> &'a [f32] {
        part(y, self.sample * self.whole.outputs + self.output, self.layer.batch * self.layer.outputs)
    }
    pub(crate) fn outputs_mut<'a>(&self, y: &'a mut [f32]) -> &'a mut [f32] {
        part_mut(y, self.sample * self.whole.outputs + self.output, self.layer.batch * self.layer.outputs)
    }
    pub(crate) fn bias<'a>(&self, b: &'a [f32]) -> &'a [f32] {
        part(b, self.output, self.layer.outputs)
    }
}

impl DropConnect<'_> {
    /// All at once; or one sample after the other, for as many rows of weights as stay in the cache meanwhile.
    pub(crate) fn each_part(&self, mut each: impl FnMut(Part, Source<'_>)) {
        let whole = self.addressed();
        let Some(first_sample) = self.first_sample else {
            let part = Part { layer: whole, whole, sample: 0, output: 0 };
            let source = self.source(self.dropout, &part);
            return each(part, source);
        };
        let rows = (WEIGHTS / whole.inputs.max(1)).max(1);
        // nothing bounds the outputs of no batch
        let outputs = if whole.batch == 0 { 0 } else { whole.outputs };
        let mut output = 0;
        while output < outputs {
            let layer = Layer { batch: 1, outputs: rows.min(outputs - output), ..whole };
            for sample in 0..whole.batch {
                let part = Part { layer, whole, sample, output };
                let source = self.source(self.dropout.derive(first_sample.wrapping_add(sample as u64)), &part);
                each(part, source);
            }
            output += rows;
        }
    }

    /// The bits of a part.
    fn source(&self, dropout: Dropout, part: &Part) -> Source<'_> {
        let Layer { inputs, outputs, index_stride, .. } = part.layer;
        if let Some(mask) = self.mask {
            let first = (part.sample * part.whole.outputs + part.output) * inputs;
            return Source::Stored(mask.part(first as u64, outputs * inputs));
        }
        dropout.further(index_stride.wrapping_mul(part.output as u64)).source()
    }
}
