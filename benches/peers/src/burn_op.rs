//! Dropout for burn by replay: an operation of its own on the CPU backend `Flex`, with its gradient. Forward draws a mask
//! from a key, backward and gradient checkpointing draw it again, and nothing is kept in between.

use std::marker::PhantomData;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use dropmask::Dropout;

/// The dropout of one pass, `layer.derive(step)`; the input itself on a device without autodiff, as burn's own layer.
pub fn dropout<const D: usize>(x: Tensor<D>, pass: Dropout) -> Tensor<D> {
    if !x.device().is_autodiff() {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as Replay>::replay(x.into_dispatch(), pass))
}

#[backend_extension(Flex, Autodiff)]
pub trait Replay: Backend {
    fn replay(x: FloatTensor<Self>, pass: Dropout) -> FloatTensor<Self>;
}

impl Replay for Flex {
    /// In place where nobody else has the tensor, as the gradients. Panics, as burn's operations do, if it is not of `f32`.
    fn replay(mut x: FlexTensor, pass: Dropout) -> FlexTensor {
        if !x.is_contiguous() {
            x = x.to_contiguous();
        }
        let (start, end) = x.layout().contiguous_offsets().expect("contiguous");
        if let Some(x) = x.try_storage_mut() {
            pass.forward_in_place(&mut x[start..end]).expect("indices fit");
        } else {
            let mut y: Vec<f32> = Vec::with_capacity(end - start);
            let memory = &mut y.spare_capacity_mut()[..end - start];
            pass.forward_uninit(&x.storage()[start..end], memory).expect("indices fit");
            #[expect(unsafe_code, reason = "a vector of zeros would be written twice")]
            // SAFETY: all of these floats have been written
            unsafe {
                y.set_len(end - start);
            }
            x = FlexTensor::from_data(TensorData::new(y, x.layout().shape().clone()));
        }
        x
    }
}

/// What backward does, and keeps: the pass.
#[derive(Debug)]
struct Gradient;

impl<B: Replay> Backward<B, 1> for Gradient {
    type State = Dropout;

    fn backward(self, ops: Ops<Dropout, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |dy| B::replay(dy, ops.state));
    }
}

/// What gradient checkpointing runs instead of keeping the output.
#[derive(Debug)]
struct Again<B> {
    input: NodeId,
    pass: Dropout,
    backend: PhantomData<fn() -> B>,
}

impl<B: Replay> RetroForward for Again<B> {
    fn forward(&self, states: &mut BackwardStates, output: NodeId) {
        let x = states.get_state::<B::FloatTensorPrimitive>(&self.input);
        states.save(output, B::replay(x, self.pass));
    }
}

impl<B: Replay, C: CheckpointStrategy> Replay for Autodiff<B, C> {
    fn replay(x: FloatTensor<Self>, pass: Dropout) -> FloatTensor<Self> {
        let again = Again::<B> { input: x.id(), pass, backend: PhantomData };
        match Gradient.prepare::<C>([x.node()]).memory_bound().retro_forward(again).parents([&x]).stateful() {
            OpsKind::Tracked(prep) => prep.finish(pass, B::replay(x.into_primitive(), pass)),
            OpsKind::UnTracked(prep) => prep.finish(B::replay(x.into_primitive(), pass)),
        }
    }
}
