//! burn, on its backend for the CPU. It draws 64 bits for each element, and stores a mask of `f32`.

use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::common::Case;
use crate::common::measure::time;
use crate::peer::Peer;

/// The layer, whose backward pass is that of the gradient of all outputs' sum.
pub(crate) struct Burn {
    dropout: Dropout,
    x: Tensor<1>,
    y: Option<Tensor<1>>,
    dx: Option<Tensor<1>>,
}

impl Burn {
    pub(crate) fn new(case: &Case) -> Self {
        let data = TensorData::from(&*case.x);
        let x = Tensor::from_data(data, &Device::default().autodiff()).require_grad();
        Self { dropout: DropoutConfig::new(case.p.into()).init(), x, y: None, dx: None }
    }
}

impl Peer for Burn {
    fn name(&self) -> &'static str {
        "burn (flex), automatic gradient"
    }

    fn forward(&mut self, _case: &mut Case) {
        self.dx = None;
        self.y = Some(self.dropout.forward(self.x.clone()));
    }

    fn backward(&mut self, _case: &mut Case) {
        let grads = self.y.as_ref().unwrap().backward();
        self.dx = Some(self.x.grad(&grads).unwrap());
    }

    fn read(&self, case: &mut Case) {
        let result = self.dx.as_ref().or(self.y.as_ref()).unwrap().clone();
        case.y.copy_from_slice(&result.into_data().try_to_vec::<f32>().unwrap());
    }

    fn gradient(&self, _x: f32) -> f32 {
        1.0
    }

    /// Backward consumes what forward has recorded, so each has a forward before it.
    fn time_backward(&mut self, case: &mut Case, calls: usize) -> f64 {
        let mut call = || {
            self.forward(case);
            time(1, || self.backward(case))
        };
        (0..calls).map(|_| call()).sum::<f64>() / calls as f64
    }
}
