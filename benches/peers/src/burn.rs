//! burn, on its backend for the CPU, with its own dropout and with dropmask's as an operation. Its own draws 64 bits for
//! each element, and stores a mask of `f32`.

use burn::backend::GradientCheckpointingStrategy;
use burn::module::Module;
use burn::nn::{DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, TensorData};

use dropmask::{Dropout, Key, Probability};

use crate::burn_op::dropout;
use crate::common::measure::time;
use crate::common::{Case, stream};
use crate::peer::Peer;

type Forward = Box<dyn Fn(Tensor<1>) -> Tensor<1>>;

/// A layer, whose backward pass is that of the gradient of all outputs' sum.
pub(crate) struct Burn {
    own: bool,
    forward: Forward,
    x: Tensor<1>,
    y: Option<Tensor<1>>,
    dx: Option<Tensor<1>>,
}

impl Burn {
    pub(crate) fn own(case: &Case) -> Self {
        let layer = DropoutConfig::new(case.p.into()).init();
        Self::new(case, true, Box::new(move |x| layer.forward(x)))
    }

    pub(crate) fn dropmask(case: &Case) -> Self {
        let pass = stream(case.p);
        Self::new(case, false, Box::new(move |x| dropout(x, pass)))
    }

    fn new(case: &Case, own: bool, forward: Forward) -> Self {
        let data = TensorData::from(&*case.x);
        let x = Tensor::from_data(data, &Device::default().autodiff()).require_grad();
        Self { own, forward, x, y: None, dx: None }
    }
}

impl Peer for Burn {
    fn name(&self) -> &'static str {
        if self.own { "burn (flex), automatic gradient" } else { "dropmask inside burn, automatic gradient" }
    }

    fn rival(&self) -> bool {
        self.own
    }

    fn forward(&mut self, _case: &mut Case) {
        self.dx = None;
        self.y = Some((self.forward)(self.x.clone()));
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

/// What `docs/burn.md` begins with.
#[derive(Module, Debug)]
struct Model {
    hidden: Linear,
    #[module(skip)]
    dropout: Dropout,
}

impl Model {
    fn forward(&self, x: Tensor<3>, step: u64) -> Tensor<3> {
        dropout(self.hidden.forward(x), self.dropout.derive(step)) // the step of the training loop
    }
}

/// Asserts that the operation has the mask of the logical order whatever the strides, leaves its input as it was, and has
/// the gradient of its mask, with gradient checkpointing too.
pub(crate) fn check_operation() {
    let (device, op) = (Device::default().autodiff(), stream(0.3));
    let expected = |x: Vec<f32>| {
        let mut y = vec![f32::NAN; x.len()];
        op.forward(&x, &mut y).unwrap();
        y
    };
    let x = Tensor::<3>::random([9, 33, 70], Distribution::Uniform(-1.0, 1.0), &device);
    for view in [
        x.clone(),
        x.clone().permute([1, 2, 0]),
        x.clone().flip([1]),
        x.clone().narrow(0, 2, 5),
        x.clone().narrow(2, 2, 5).swap_dims(0, 1),
        x.clone().narrow(0, 0, 1).expand([4, 33, 70]),
    ] {
        let before = values(view.clone());
        assert_eq!(values(dropout(view.clone(), op)), expected(before.clone()), "{:?}", view.dims());
        assert_eq!(values(view), before, "the input has changed");
    }
    assert_eq!(values(dropout(x.clone().inner(), op)), values(x.clone()), "evaluation");

    let p = Probability::new(0.5).unwrap();
    let model = Model {
        hidden: LinearConfig::new(70, 64).init(&device),
        dropout: Dropout::new(Key::new(42).derive(3), p), // layer 3 of run 42
    };
    let pass = |step| values(model.forward(x.clone(), step));
    assert_eq!(pass(0), pass(0));
    assert_ne!(pass(0), pass(1));

    for strategy in [GradientCheckpointingStrategy::Disabled, GradientCheckpointingStrategy::Balanced] {
        let [x, w] = [x.clone(), x.clone().flip([2])]
            .map(|tensor| tensor.detach().with_gradient_checkpointing_strategy(strategy));
        let (x, w) = (x.require_grad(), w.swap_dims(0, 2));
        // the gradient of exp needs what the operation computed
        let y = dropout(x.clone().swap_dims(0, 2), op).exp();
        let grads = (y.clone() * w.clone()).sum().backward();
        let dx = x.grad(&grads).unwrap().swap_dims(0, 2);
        assert_eq!(values(dx), expected(values(w * y)), "{strategy:?}");
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}
