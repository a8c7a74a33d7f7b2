//! ONNX `Dropout` in tract, as a pure function of the key of the pass. tract's own refuses training mode.

use dropmask::{Dropout, Key, Probability};
use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::internal::*;

/// What the ops read of a pass, from `turn_state.shared`.
pub struct Pass {
    pub key: Key,
    /// Which row of the data is the first of the batch: a row has the same bits in any batch.
    pub first_row: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct KeyedDropout {
    /// The number of the node: tract would merge two equal ops on one input, and the key of the pass is derived by it.
    layer: u64,
    /// Places among the inputs that the node has.
    ratio: Option<usize>,
    training_mode: Option<usize>,
}

/// For `op_register.insert("Dropout", build)`. A builder captures nothing, so all settings come from the node.
pub fn build(ctx: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let [graph] = ctx.parent_graphs[..] else { bail!("Dropout in a subgraph: its number would be another node's too") };
    let layer = graph.node.iter().filter(|node| node.op_type == "Dropout").position(|other| other == node);
    ensure!(node.output.iter().filter(|name| !name.is_empty()).count() == 1, "the mask output is not made");
    let mut inputs = optional_inputs(node).skip(1);
    let op = KeyedDropout {
        layer: layer.context("a node outside its graph")? as u64,
        ratio: inputs.next().flatten(),
        training_mode: inputs.next().flatten(),
    };
    Ok((Box::new(op), vec![]))
}

impl Op for KeyedDropout {
    fn name(&self) -> StaticName {
        "KeyedDropout".into()
    }
    op_as_typed_op!();
}

impl EvalOp for KeyedDropout {
    not_out_of_plan!(); // no constant, even where the input is one

    fn eval(&self, ctx: &EvalContext<'_>, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let ratio = self.ratio.map_or(Ok(0.5), |input| inputs[input].cast_to_scalar::<f32>())?;
        let training = self.training_mode.map_or(Ok(false), |input| inputs[input].cast_to_scalar::<bool>())?;
        inputs.truncate(1);
        if !training {
            return Ok(inputs);
        }
        let pass: &Pass = ctx.shared.and_then(|shared| shared.get()).context("no Pass in turn_state.shared")?;
        let mut x = inputs.remove(0).into_tensor(); // copied only where it has other readers
        let offset = x.shape().iter().skip(1).try_fold(pass.first_row, |offset, len| offset.checked_mul(*len as u64));
        let dropout = Dropout::new(pass.key.derive(self.layer), Probability::new(ratio)?)
            .with_offset(offset.context("first_row is too large")?);
        dropout.forward_in_place(x.try_as_plain_ram_mut()?.as_slice_mut()?)?;
        Ok(tvec!(x.into_tvalue()))
    }
}

impl InferenceRulesOp for KeyedDropout {
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)?;
        Ok(())
    }
    as_op!();
    to_typed!();
}

impl TypedOp for KeyedDropout {
    as_op!();
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }
}
