//! A linear layer whose weights are dropped.

use super::buffers::{Read, ReadMask, Write, run, unless_null};
use super::call::{Call, Draws, dropmask_call};
use super::options::flag;
use super::status::*;
use crate::key::Key;
use crate::kinds::{DropConnect, Dropout};
use crate::layout::{Layout, check_indices};
use crate::mask::Mask;
use crate::probability::Probability;

/// DropConnect: y[n][o] = scale * (sum over i of kept ? w[o][i] * x[n][i] : +0.0) + b[o], a linear layer whose weights
/// are dropped; scale is 1 unless scaling is DROPMASK_INVERTED. A dropped connection adds nothing, whatever w and x
/// are. The sum is that of pieces of 1024 inputs, each in 16 accumulators.
///
/// The call is that of dropmask_call_rows(outputs, inputs), the shape of the weights; where w is a shard of columns, its
/// index[0] is the number of all inputs. per_sample is 0 for one mask for the batch, or 1 for a mask of each sample: that
/// of sample n comes from dropmask_key_derive(key, first_sample + n). Where mask is not NULL, bits are read and not drawn:
/// bit o * inputs + i, with per_sample of batch masks one after the other; key, offset, index and first_sample are not used
/// then. Where nothing is kept (bits that are drawn with p = 1, or a scale of 0), y is b exactly, +0.0 without b.
///
/// mask: NULL for bits that are drawn; else outputs * inputs bits, with per_sample batch times as many, in as many words
/// as dropmask_mask_words says. w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y:
/// batch * outputs floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_forward_f32(
    call: *const dropmask_call,
    batch: usize,
    per_sample: u32,
    first_sample: u64,
    mask: *const u64,
    w: *const f32,
    b: *const f32,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., outputs, _] = call.len;
            let layer = Layer::new(&call, batch, per_sample, first_sample).writing([batch, outputs]);
            let dropout = layer.training(&call, mask);
            let (mask, [weights, x_len, y_len]) = (layer.mask(mask), layer.lengths());
            let b = unless_null(b, Read(b, layer.outputs));
            run(dropout, (mask, Read(w, weights), b, Read(x, x_len), Write(y, y_len)), |dropout, (mask, w, b, x, y)| {
                layer.connect(dropout, mask.transpose()?).forward(w, b, x, y)
            })
        })
    }
}

/// The gradient of dropmask_connect_forward_f32 for its inputs: dx[n][i] = sum over o, ascending, of kept ? w[o][i] *
/// (dy[n][o] * scale) : +0.0; with accumulate, 1 instead of 0, added to what is in dx, output by output.
///
/// mask: NULL for bits that are drawn; else as in forward. w: outputs * inputs floats. dy: batch * outputs floats. dx:
/// batch * inputs floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_backward_input_f32(
    call: *const dropmask_call,
    batch: usize,
    per_sample: u32,
    first_sample: u64,
    mask: *const u64,
    w: *const f32,
    dy: *const f32,
    dx: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., inputs] = call.len;
            let layer = Layer::new(&call, batch, per_sample, first_sample).writing([batch, inputs]);
            let checked = both(layer.training(&call, mask), flag(accumulate));
            let (mask, [weights, x_len, y_len]) = (layer.mask(mask), layer.lengths());
            let buffers = (mask, Read(w, weights), Read(dy, y_len), Write(dx, x_len));
            run(checked, buffers, |(dropout, add), (mask, w, dy, dx)| {
                layer.connect(dropout, mask.transpose()?).input(w, dy, dx, add)
            })
        })
    }
}

/// The gradient of dropmask_connect_forward_f32 for its weights: dw[o][i] = sum over n, ascending and where kept, of
/// (dy[n][o] * scale) * x[n][i]; +0.0 if it is never kept. With accumulate, 1 instead of 0, added to what is in dw, sample by
/// sample; what is never kept stays as it is.
///
/// mask: NULL for bits that are drawn; else as in forward. x: batch * inputs floats. dy: batch * outputs floats. dw:
/// outputs * inputs floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
/// INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_backward_weights_f32(
    call: *const dropmask_call,
    batch: usize,
    per_sample: u32,
    first_sample: u64,
    mask: *const u64,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., outputs, inputs] = call.len;
            let layer = Layer::new(&call, batch, per_sample, first_sample).writing([outputs, inputs]);
            let checked = both(layer.training(&call, mask), flag(accumulate));
            let (mask, [weights, x_len, y_len]) = (layer.mask(mask), layer.lengths());
            let buffers = (mask, Read(x, x_len), Read(dy, y_len), Write(dw, weights));
            run(checked, buffers, |(dropout, add), (mask, x, dy, dw)| {
                layer.connect(dropout, mask.transpose()?).weights(x, dy, dw, add)
            })
        })
    }
}

/// The gradient of dropmask_connect_forward_f32 for b: db[o] = sum over n of dy[n][o], n ascending, whatever is dropped.
///
/// dy: batch * outputs floats. db: outputs floats.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_backward_bias_f32(
    batch: usize,
    outputs: usize,
    dy: *const f32,
    db: *mut f32,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        let kept = Probability::new(0.0).map_err(status_of).map(|p| Dropout::new(Key::from_raw(0), p));
        run(kept, (Read(dy, batch.saturating_mul(outputs)), Write(db, outputs)), |dropout, (dy, db)| {
            DropConnect::new(dropout, batch, [outputs, 0]).backward_bias(dy, db)
        })
    }
}

/// What the network computes when it is not trained, the mean: y[n][o] = factor * (sum over i of w[o][i] * x[n][i]) +
/// b[o]; the factor is 1, with DROPMASK_STANDARD keep. Where it is 0 (p = 1), y is b exactly, +0.0 without b, whatever w
/// and x are.
///
/// w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y: batch * outputs floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_evaluate_f32(
    call: *const dropmask_call,
    batch: usize,
    w: *const f32,
    b: *const f32,
    x: *const f32,
    y: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., outputs, _] = call.len;
            let layer = Layer::new(&call, batch, 0, 0).writing([batch, outputs]);
            let [weights, x_len, y_len] = layer.lengths();
            let buffers = (Read(w, weights), unless_null(b, Read(b, layer.outputs)), Read(x, x_len), Write(y, y_len));
            let dropout = layer.evaluating(&call);
            let layer = Layer { index_stride: 0, ..layer }; // no bit has an index
            run(dropout, buffers, |dropout, (w, b, x, y)| layer.connect(dropout, None).evaluate(w, b, x, y))
        })
    }
}

/// Mean and variance of y of dropmask_connect_forward_f32 over all masks, for inference by moment matching. With q the
/// keep probability, mean = q * W x + b and variance = q * (1 - q) * (W . W)(x . x); with DROPMASK_INVERTED, W x + b
/// and (1 - q) / q * (W . W)(x . x), or b and 0 where q is 0. Where the factor of either is 0, the mean is b exactly and
/// the variance +0.0, whatever w and x are.
///
/// w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. mean, variance: batch * outputs
/// floats.
/// Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_connect_moments_f32(
    call: *const dropmask_call,
    batch: usize,
    w: *const f32,
    b: *const f32,
    x: *const f32,
    mean: *mut f32,
    variance: *mut f32,
) -> dropmask_status {
    // SAFETY: the header demands of the pointers what `Call::of` and `run` do.
    unsafe {
        Call::of(call, |call| {
            let [.., outputs, _] = call.len;
            let layer = Layer::new(&call, batch, 0, 0).writing([batch, outputs]);
            let [weights, x_len, y_len] = layer.lengths();
            let b = unless_null(b, Read(b, layer.outputs));
            let buffers = (Read(w, weights), b, Read(x, x_len), Write(mean, y_len), Write(variance, y_len));
            let dropout = layer.evaluating(&call);
            let layer = Layer { index_stride: 0, ..layer }; // no bit has an index
            run(dropout, buffers, |dropout, (w, b, x, mean, variance)| {
                layer.connect(dropout, None).moments(w, b, x, mean, variance)
            })
        })
    }
}

/// A layer as C describes it.
#[derive(Clone, Copy)]
struct Layer {
    batch: usize,
    inputs: usize,
    outputs: usize,
    index_stride: u64,
    per_sample: u32,
    first_sample: u64,
}

impl Layer {
    const fn new(call: &Call, batch: usize, per_sample: u32, first_sample: u64) -> Self {
        let ([.., outputs, inputs], [.., index_stride, _]) = (call.len, call.index);
        Self { batch, inputs, outputs, index_stride, per_sample, first_sample }
    }

    /// Of no size where what a pass writes, of these dimensions, has no elements: nothing is read then.
    const fn writing(self, written: [usize; 2]) -> Self {
        match written {
            [0, _] | [_, 0] => Self { batch: 0, inputs: 0, outputs: 0, ..self },
            _ => self,
        }
    }

    /// Of weights, inputs and outputs.
    const fn lengths(&self) -> [usize; 3] {
        let Self { batch, inputs, outputs, .. } = *self;
        [outputs.saturating_mul(inputs), batch.saturating_mul(inputs), batch.saturating_mul(outputs)]
    }

    /// The bits of all weights, with per_sample for each sample, if they are given.
    fn mask(&self, mask: *const u64) -> Option<ReadMask> {
        let masks = if self.per_sample == 1 { self.batch } else { 1 };
        let bits = (self.outputs as u128 * self.inputs as u128).saturating_mul(masks as u128);
        unless_null(mask, ReadMask(mask, 0, bits))
    }

    /// The dropout, if there are weights of these indices; with a mask none has an index.
    fn training(&self, call: &Call, mask: *const u64) -> Result<Dropout, dropmask_status> {
        let weights = Layout::rows(self.outputs, self.inputs).index_strides([self.index_stride, 1]);
        let samples = match flag(self.per_sample) {
            Ok(true) if mask.is_null() => check_indices(self.first_sample, self.batch as u128).map_err(status_of),
            Ok(_) => Ok(()),
            Err(fault) => Err(fault),
        };
        both(call.dropout(Draws::unless(mask), &weights), both(samples, self.is_over(call))).map(|(dropout, _)| dropout)
    }

    fn evaluating(&self, call: &Call) -> Result<Dropout, dropmask_status> {
        both(call.dropout(Draws::Nothing, &Layout::flat(0)), self.is_over(call)).map(|(dropout, ())| dropout)
    }

    /// Whether the call is one over weights.
    fn is_over(&self, call: &Call) -> Result<(), dropmask_status> {
        call.is(2, [0, 0, self.index_stride, 1])
    }

    fn connect(self, dropout: Dropout, mask: Option<Mask<'_>>) -> DropConnect<'_> {
        let layer = DropConnect::new(dropout, self.batch, [self.outputs, self.inputs]).index_stride(self.index_stride);
        let layer = if self.per_sample == 1 { layer.per_sample(self.first_sample) } else { layer };
        match mask {
            Some(mask) => layer.stored(mask),
            None => layer,
        }
    }
}
