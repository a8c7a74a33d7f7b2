//! The two engines: a model is loaded with the op of each, and run pass by pass.

use std::error::Error;
use std::sync::Arc;

use dropmask::Key;
use ndarray::{ArrayView2, arr0};
use ort::environment::Environment;
use ort::operator::OperatorDomain;
use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use crate::model::{keyed, without_unread_masks};
use crate::op;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A model in an engine.
pub trait Engine {
    /// The output for a batch that begins with that row of the data, in the pass of that key.
    fn pass(&mut self, x: ArrayView2<'_, f32>, key: Key, first_row: u64) -> Result<Vec<f32>>;
}

/// A model in tract, to be shared by threads.
#[derive(Clone)]
pub struct Tract {
    model: Arc<TypedRunnableModel>,
}

impl Tract {
    pub fn new(model: &ModelProto) -> TractResult<Self> {
        let mut onnx = tract_onnx::onnx();
        onnx.op_register.insert("Dropout", op::tract::build);
        let model = without_unread_masks(model.clone());
        let model = onnx.model_for_proto_model(&model)?.into_optimized()?.into_runnable()?;
        Ok(Self { model })
    }
}

impl Engine for Tract {
    fn pass(&mut self, x: ArrayView2<'_, f32>, key: Key, first_row: u64) -> Result<Vec<f32>> {
        let mut state = self.model.spawn()?;
        state.turn_state.shared.insert(op::tract::Pass { key, first_row });
        let outputs = state.run(tvec!(x.to_owned().into_tensor().into()))?;
        Ok(outputs[0].try_as_plain_ram()?.as_slice()?.to_vec())
    }
}

/// The library of ONNX Runtime. A process has one.
pub struct OnnxRuntime {
    environment: Environment,
}

impl OnnxRuntime {
    pub fn load(library: &str) -> Result<Self> {
        Ok(Self { environment: ort::init_from(library)?.build()? })
    }

    /// A model as it is. Its `Dropout` nodes are ONNX Runtime's, which it takes out of every graph unless it is told to
    /// leave them, also those in training mode.
    pub fn plain(&self, model: &ModelProto, dropout: bool) -> Result<Session> {
        let builder = Session::builder(&self.environment)?.with_intra_threads(1)?;
        let mut builder = builder.with_disabled_optimizers(if dropout { "EliminateDropout" } else { "" })?;
        Ok(builder.commit_from_memory(&model.encode_to_vec())?)
    }

    /// A model with the op in place of each `Dropout`.
    pub fn keyed(&self, model: &ModelProto, threads: usize) -> Result<Ort> {
        let model = keyed(without_unread_masks(model.clone()))?.encode_to_vec();
        let domain = OperatorDomain::new("dropmask")?.add(op::ort::KeyedDropout)?;
        let builder = Session::builder(&self.environment)?.with_intra_threads(threads)?;
        let session = builder.with_operators(domain)?.commit_from_memory(&model)?;
        Ok(Ort { session })
    }
}

/// A model in ONNX Runtime.
pub struct Ort {
    session: Session,
}

impl Engine for Ort {
    fn pass(&mut self, x: ArrayView2<'_, f32>, key: Key, first_row: u64) -> Result<Vec<f32>> {
        let (key, first_row) = (arr0(key.to_raw() as i64), arr0(first_row as i64)); // the same 64 bits
        let (key, first_row) = (TensorRef::from_array_view(&key)?, TensorRef::from_array_view(&first_row)?);
        let x = TensorRef::from_array_view(x)?;
        let inputs = ort::inputs!["x" => x, "dropmask_key" => key, "dropmask_first_row" => first_row];
        let outputs = self.session.run(inputs)?;
        Ok(outputs[0].try_extract_tensor()?.1.to_vec())
    }
}
