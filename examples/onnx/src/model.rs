//! The network that `train.py` writes, and what becomes of it.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, ModelProto, OperatorSetIdProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto,
    tensor_proto::DataType, type_proto,
};

use crate::engines::Result;

/// Its first rows; the others are for tests.
pub const TRAINING_ROWS: usize = 1000;

/// 64-128-64-10, with `Dropout` behind both hidden layers, in training mode.
pub fn digits() -> Result<ModelProto> {
    Ok(ModelProto::decode(&include_bytes!("../digits.onnx")[..])?)
}

/// The same without training mode: each `Dropout` is the identity.
pub fn evaluating(mut model: ModelProto) -> ModelProto {
    let initializers = &mut model.graph.get_or_insert_default().initializer;
    for mode in initializers.iter_mut().filter(|tensor| tensor.name == "training_mode") {
        mode.raw_data = vec![0];
    }
    model
}

/// For ONNX Runtime, which keeps its own `Dropout`: each becomes a `dropmask:Dropout`, which has its number in the graph and
/// two more inputs, the key of the pass and the number of the first row, which are new inputs of the graph.
pub fn keyed(mut model: ModelProto) -> ModelProto {
    const INPUTS: [&str; 2] = ["key", "first_row"];
    let graph = model.graph.get_or_insert_default();
    for (layer, node) in graph.node.iter_mut().filter(|node| node.op_type == "Dropout").enumerate() {
        node.domain = "dropmask".into();
        node.input.resize(3, String::new()); // the empty name: no ratio, no training_mode
        node.input.extend(INPUTS.map(String::from));
        node.attribute.push(AttributeProto {
            name: "layer".into(),
            r#type: attribute_proto::AttributeType::Int.into(),
            i: layer as i64,
            ..Default::default()
        });
    }
    graph.input.extend(INPUTS.map(|name| {
        let shape = Some(TensorShapeProto::default()); // a scalar
        let value =
            Some(type_proto::Value::TensorType(type_proto::Tensor { elem_type: DataType::Int64.into(), shape }));
        ValueInfoProto {
            name: name.into(),
            r#type: Some(TypeProto { value, ..Default::default() }),
            ..Default::default()
        }
    }));
    model.opset_import.push(OperatorSetIdProto { domain: "dropmask".into(), version: 1 });
    model
}
