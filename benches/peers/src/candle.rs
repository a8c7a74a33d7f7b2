//! candle. It draws an `f32` for each element, and stores a mask of `f32`.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Dropout;

use crate::common::Case;
use crate::peer::Peer;

/// The layer of candle-nn, whose backward pass is that of the gradient of all outputs' sum.
pub(crate) struct Layer {
    dropout: Dropout,
    x: Var,
    y: Option<Tensor>,
    grads: Option<GradStore>,
}

impl Layer {
    pub(crate) fn new(case: &Case) -> Self {
        let x = Var::from_slice(&case.x, case.len(), &Device::Cpu).unwrap();
        Self { dropout: Dropout::new(case.p), x, y: None, grads: None }
    }
}

impl Peer for Layer {
    fn name(&self) -> &'static str {
        "candle-nn, automatic gradient"
    }

    fn forward(&mut self, _case: &mut Case) {
        self.grads = None;
        self.y = Some(self.dropout.forward(&self.x, true).unwrap());
    }

    fn backward(&mut self, _case: &mut Case) {
        self.grads = Some(self.y.as_ref().unwrap().backward().unwrap());
    }

    fn read(&self, case: &mut Case) {
        let result = self.grads.as_ref().map_or(self.y.as_ref(), |grads| grads.get(&self.x)).unwrap();
        case.y.copy_from_slice(&result.to_vec1::<f32>().unwrap());
    }

    fn gradient(&self, _x: f32) -> f32 {
        1.0
    }
}

/// The same operations with the mask at hand, so that backward is a product: the best that a user of candle can write.
pub(crate) struct Mask {
    x: Tensor,
    mask: Option<Tensor>,
    result: Option<Tensor>,
}

impl Mask {
    pub(crate) fn new(case: &Case) -> Self {
        let x = Tensor::from_slice(&case.x, case.len(), &Device::Cpu).unwrap();
        Self { x, mask: None, result: None }
    }

    fn draw(&self, p: f32) -> candle_core::Result<Tensor> {
        let keep = self.x.rand_like(0.0, 1.0)?.ge(p)?;
        keep.to_dtype(DType::F32)? * (1.0 / (1.0 - f64::from(p)))
    }
}

impl Peer for Mask {
    fn name(&self) -> &'static str {
        "candle, mask at hand"
    }

    fn forward(&mut self, case: &mut Case) {
        self.mask = Some(self.draw(case.p).unwrap());
        self.backward(case);
    }

    fn backward(&mut self, _case: &mut Case) {
        self.result = Some((&self.x * self.mask.as_ref().unwrap()).unwrap());
    }

    fn read(&self, case: &mut Case) {
        case.y.copy_from_slice(&self.result.as_ref().unwrap().to_vec1::<f32>().unwrap());
    }
}
