//! Dropout for candle by replay: forward draws a mask from a key, backward draws it again, nothing is kept in between.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};
use candle_nn::ModuleT;
use dropmask::{Key, Probability};

/// The step of the training loop. The loop sets it, all layers of a model read it.
#[derive(Clone, Debug, Default)]
pub struct Step(Arc<AtomicU64>);

impl Step {
    pub fn set(&self, step: u64) {
        self.0.store(step, Ordering::Relaxed);
    }
}

/// A layer in the place of `candle_nn::Dropout`, one for each place: two forward passes of a step have the same mask.
#[derive(Clone, Debug)]
pub struct Dropout {
    replay: Replay,
    step: Step,
}

impl Dropout {
    /// The key is that of the layer in a run: `Key::new(seed).derive(number of the layer)`.
    pub fn new(key: Key, p: Probability, step: &Step) -> Self {
        let replay = Replay { dropout: dropmask::Dropout::new(key, p), channels: false };
        Self { replay, step: step.clone() }
    }

    /// Spatial dropout of `(N, C, ...)`: drops whole channels of a sample.
    #[must_use]
    pub fn channels(mut self) -> Self {
        self.replay.channels = true;
        self
    }

    /// What `forward_t` applies in this step.
    pub fn op(&self) -> Replay {
        Replay { dropout: self.replay.dropout.derive(self.step.0.load(Ordering::Relaxed)), ..self.replay }
    }

    /// As that of `candle_nn::Dropout`.
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if train { x.apply_op1(self.op()) } else { Ok(x.clone()) }
    }
}

impl ModuleT for Dropout {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(x, train)
    }
}

/// The op, and all that candle's graph keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replay {
    pub dropout: dropmask::Dropout,
    /// Whether the axes from the third on share a bit.
    pub channels: bool,
}

impl CustomOp1 for Replay {
    fn name(&self) -> &'static str {
        "dropmask"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, len): (&[f32], _) = (storage.as_slice()?, layout.shape().elem_count());
        let axes = layout.dims().iter().zip(layout.stride()).enumerate();
        let mut axes: Vec<_> = axes.map(|(i, (len, stride))| (*len, *stride, self.channels && i >= 2)).collect();
        if layout.is_contiguous() && !self.channels {
            axes = vec![(len, 1, false)]; // one call for any number of axes
        }
        let mut y = Vec::with_capacity(len);
        if len > 0 {
            write(self.dropout, &axes, &x[layout.start_offset()..], &mut y.spare_capacity_mut()[..len])?;
        }
        #[expect(unsafe_code, reason = "a vector of zeros would be written twice")]
        // SAFETY: all `len` floats have been written
        unsafe {
            y.set_len(len);
        }
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// The same op, so that it has a gradient too.
    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        dy.apply_op1(*self).map(Some)
    }
}

/// Dense output from a view, whose axes are lengths, strides and whether they share a bit: in one call of up to four, else
/// in one for each place along the outermost.
fn write(
    dropout: dropmask::Dropout,
    axes: &[(usize, usize, bool)],
    x: &[f32],
    y: &mut [MaybeUninit<f32>],
) -> Result<()> {
    if axes.len() > 4 {
        let ((len, stride, shared), inner) = (axes[0], &axes[1..]);
        let bits = inner.iter().filter(|axis| !axis.2).fold(u64::from(!shared), |bits, axis| bits * axis.0 as u64);
        let part = y.len() / len;
        return (0..).zip(y.chunks_mut(part)).try_for_each(|(i, y)| {
            let dropout = dropout.with_offset(dropout.offset() + i as u64 * bits);
            write(dropout, inner, &x[i * stride..], y)
        });
    }
    let mut four = [(1, 0, false); 4];
    four[4 - axes.len()..].copy_from_slice(axes);
    let view = dropmask::Layout::broadcast(four.map(|axis| axis.0), four.map(|axis| axis.2));
    let last: usize = four.iter().map(|(len, stride, _)| (len - 1) * stride).sum();
    let dropout = dropout.with_layout(view.input_strides(four.map(|axis| axis.1)));
    dropout.forward_uninit(&x[..=last], y).map(|_| ()).map_err(Error::wrap)
}
