//! The network that `train.py` writes, and what becomes of it.

use std::collections::HashSet;
use std::iter;

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto, tensor_proto::DataType, type_proto,
};

use crate::engines::Result;

/// Its first rows; the others are for tests.
pub const TRAINING_ROWS: usize = 1000;

/// 64-128-64-10, with `Dropout` behind both hidden layers, in training mode; trained on the rows of
/// `examples/data/digits.csv`.
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

/// Without the mask outputs of `Dropout` that nothing reads. PyTorch's exporter writes them; the ops have none, and
/// refuse a mask that is read.
pub fn without_unread_masks(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.get_or_insert_default();
    let graphs = || iter::once(&*graph).chain(inner(&graph.node));
    let inputs = graphs().flat_map(|graph| &graph.node).flat_map(|node| &node.input);
    let outputs = graphs().flat_map(|graph| &graph.output).map(|output| &output.name);
    let read: HashSet<String> = inputs.chain(outputs).filter(|name| !name.is_empty()).cloned().collect();
    for node in graph.node.iter_mut().filter(|node| node.op_type == "Dropout") {
        if node.output.get(1).is_some_and(|mask| !read.contains(mask)) {
            node.output.truncate(1);
        }
    }
    model
}

/// The graphs in attributes of nodes (`If`, `Loop`), at any depth.
fn inner(nodes: &[NodeProto]) -> Vec<&GraphProto> {
    let attributes = nodes.iter().flat_map(|node| &node.attribute);
    let graphs = attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    graphs.flat_map(|graph| iter::once(graph).chain(inner(&graph.node))).collect()
}

/// For ONNX Runtime, which keeps its own `Dropout`: each becomes a `dropmask:Dropout`, which has its number in the
/// graph and two more inputs, the key of the pass and the number of the first row, which are new inputs of the graph.
pub fn keyed(mut model: ModelProto) -> Result<ModelProto> {
    const INPUTS: [&str; 2] = ["dropmask_key", "dropmask_first_row"];
    let graph = model.graph.get_or_insert_default();
    let functions = || model.functions.iter().map(|function| &function.node);
    let graphs = functions().chain([&graph.node]).flat_map(|nodes| inner(nodes));
    if graphs.map(|graph| &graph.node).chain(functions()).flatten().any(|node| node.op_type == "Dropout") {
        return Err("Dropout in a subgraph or function: it would stay that of ONNX Runtime".into());
    }
    if graph.node.iter().any(|node| node.op_type == "Dropout" && node.output.len() > 1) {
        return Err("the mask output is not made".into());
    }
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
    Ok(model)
}
