use std::sync::LazyLock;

use dropmask::{Dropout, Key, Level, MaskMut, Probability, mask_words};
use ndarray::{Array2, s};
use ort::value::TensorRef;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType,
};
use tract_onnx::prelude::*;

use super::*;

/// ONNX Runtime, unless it is absent.
fn runtime() -> Option<&'static OnnxRuntime> {
    static RUNTIME: LazyLock<Option<OnnxRuntime>> = LazyLock::new(|| {
        let library = env::var("ORT_DYLIB_PATH").ok();
        assert!(library.is_some() || env::var_os("DROPMASK_REQUIRE_TOOLS").is_none(), "ORT_DYLIB_PATH is not set");
        library.map(|library| OnnxRuntime::load(&library).unwrap())
    });
    if RUNTIME.is_none() {
        println!("without ONNX Runtime: ORT_DYLIB_PATH is not set");
    }
    RUNTIME.as_ref()
}

/// Calls the check with each engine.
fn in_engines(model: &ModelProto, mut check: impl FnMut(&str, &mut dyn Engine)) {
    check("tract", &mut Tract::new(model).unwrap());
    if let Some(runtime) = runtime() {
        check("ONNX Runtime", &mut runtime.keyed(model, 1).unwrap());
    }
}

fn images() -> Array2<f32> {
    Samples::load().unwrap().images.slice(s![TRAINING_ROWS.., ..]).to_owned()
}

fn initializer<'a>(model: &'a ModelProto, name: &str) -> &'a TensorProto {
    model.graph.as_ref().unwrap().initializer.iter().find(|tensor| tensor.name == name).unwrap()
}

fn floats(model: &ModelProto, name: &str) -> Vec<f32> {
    initializer(model, name).raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// `kept ? x * scale : 0`, with the bits of the scalar level.
fn formula(key: Key, p: f32, first: u64, x: &[f32]) -> Vec<f32> {
    let dropout = Dropout::new(key, Probability::new(p).unwrap()).with_offset(first).with_level(Level::SCALAR);
    let mut words = vec![0; mask_words(x.len())];
    let mut mask = MaskMut::new(&mut words, x.len()).unwrap();
    dropout.fill(&mut mask).unwrap();
    let scale = dropout.scale();
    x.iter().zip(mask.as_mask().iter()).map(|(x, kept)| if kept { x * scale } else { 0.0 }).collect()
}

#[test]
fn the_file_has_the_nodes_and_ratios_of_the_script() {
    let model = model::digits().unwrap();
    let nodes = model.graph.as_ref().unwrap().node.iter().map(|node| (node.op_type.as_str(), node.input.join(" ")));
    let expected = [
        ("Gemm", "x w1 b1"),
        ("Relu", "z1"),
        ("Dropout", "h1 ratio1 training_mode"),
        ("Gemm", "d1 w2 b2"),
        ("Relu", "z2"),
        ("Dropout", "h2 ratio2 training_mode"),
        ("Gemm", "d2 w3 b3"),
        ("Softmax", "z3"),
    ];
    assert_eq!(nodes.collect::<Vec<_>>(), expected.map(|(op, inputs)| (op, inputs.into())));
    assert_eq!([floats(&model, "ratio1"), floats(&model, "ratio2")], [[0.2], [0.5]]);
    assert_eq!(initializer(&model, "training_mode").raw_data[..], [1]);
    assert_eq!(
        [1, 2, 3].map(|layer| initializer(&model, &format!("w{layer}")).dims.clone()),
        [[64, 128], [128, 64], [64, 10]]
    );
}

/// The accuracy that the script prints.
#[test]
fn accuracy_without_dropout() {
    let all = Samples::load().unwrap();
    in_engines(&model::evaluating(model::digits().unwrap()), |name, engine| {
        let p = engine.pass(images().view(), Key::new(0), 0).unwrap();
        let accuracy = Uncertainty::new(&[p]).unwrap().accuracy(&all.labels[TRAINING_ROWS..], 1.0);
        assert_eq!(format!("{:.1}", 100.0 * accuracy), "95.2", "{name}");
    });
}

/// The network, written out.
#[test]
fn a_pass_is_the_formula() {
    let (model, images, key) = (model::digits().unwrap(), images(), Key::new(7));
    let mut x = images.clone();
    for layer in 1..=3 {
        let (w, b) = (floats(&model, &format!("w{layer}")), floats(&model, &format!("b{layer}")));
        x = x.dot(&Array2::from_shape_vec((x.ncols(), b.len()), w).unwrap()) + ndarray::arr1(&b);
        if layer < 3 {
            let (h, p) = (x.mapv(|z| z.max(0.0)), [0.2, 0.5][layer - 1]);
            let y = formula(key.derive(layer as u64 - 1), p, 0, h.as_slice().unwrap());
            x = Array2::from_shape_vec(h.dim(), y).unwrap();
        }
    }
    for mut row in x.rows_mut() {
        row.mapv_inplace(f32::exp);
        row /= row.sum();
    }
    in_engines(&model, |name, engine| {
        let p = engine.pass(images.view(), key, 0).unwrap();
        let worst = p.iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    });
}

fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        name: format!("{op_type} {output}"),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

/// A graph of `Dropout` nodes that all read `x`, given the names of their ratios and modes, and whose outputs follow
/// each other. Two are the same node but for their names.
fn nodes_on_one_input(nodes: &[&[&str]]) -> ModelProto {
    let mut model = model::digits().unwrap();
    let graph = model.graph.as_mut().unwrap();
    let tensor = |like: &str, name: &str, bytes: &[u8]| {
        let like = graph.initializer.iter().find(|tensor| tensor.name == like).unwrap();
        TensorProto { name: name.into(), raw_data: bytes.to_vec(), ..like.clone() }
    };
    let more = [
        tensor("ratio1", "zero", &0_f32.to_le_bytes()),
        tensor("ratio1", "one", &1_f32.to_le_bytes()),
        tensor("training_mode", "off", &[0]),
    ];
    graph.initializer.extend(more);
    let names: Vec<String> = (0..nodes.len()).map(|i| format!("y{i}")).collect();
    graph.node = nodes.iter().zip(&names).map(|(rest, y)| node("Dropout", &[&["x"], *rest].concat(), y)).collect();
    let mut concat = node("Concat", &names.iter().map(String::as_str).collect::<Vec<_>>(), "p");
    concat.attribute.push(AttributeProto {
        name: "axis".into(),
        r#type: AttributeType::Int.into(),
        ..Default::default()
    });
    graph.node.push(concat);
    graph.output[0].r#type.as_mut().unwrap().value = None;
    model
}

#[test]
fn ops_are_the_formula_to_the_bit() {
    let nodes: [(&[&str], f32); 9] = [
        (&["ratio1", "training_mode"], 0.2),
        (&["ratio1", "training_mode"], 0.2), // not merged with the first: another layer
        (&["ratio2", "training_mode"], 0.5),
        (&["", "training_mode"], 0.5), // as ONNX says
        (&["zero", "training_mode"], 0.0),
        (&["one", "training_mode"], 1.0),
        (&["ratio1", "off"], 0.0),
        (&["ratio1"], 0.0),
        (&[], 0.0),
    ];
    let (key, rows, cut) = (Key::new(3), 21, 13);
    let x = images().slice_move(s![..rows, ..]);
    in_engines(&nodes_on_one_input(&nodes.map(|(inputs, _)| inputs)), |name, engine| {
        let batches = [(0, rows), (0, cut), (cut, rows)]; // at once, and in two
        for (first, end) in batches {
            let x = x.slice(s![first..end, ..]);
            let y = engine.pass(x, key, first as u64).unwrap();
            let mut outputs = y.chunks_exact(x.len());
            for (layer, (inputs, p)) in nodes.iter().enumerate() {
                let expected = formula(key.derive(layer as u64), *p, (first * x.ncols()) as u64, x.to_slice().unwrap());
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(outputs.next().unwrap()), bits(&expected), "{name}, {layer}: {inputs:?}");
            }
        }
    });
}

#[test]
fn passes_repeat_and_differ() {
    let images = images();
    in_engines(&model::digits().unwrap(), |name, engine| {
        let mut pass = |key| engine.pass(images.view(), Key::new(SEED).derive(key), 0).unwrap();
        let (one, two) = (pass(1), pass(2));
        assert_ne!(one, two, "{name}");
        assert_eq!(one, pass(1), "{name}");
    });
}

#[test]
fn engines_agree() {
    let (model, images) = (model::digits().unwrap(), images());
    let Some(runtime) = runtime() else { return };
    let (mut tract, mut ort) = (Tract::new(&model).unwrap(), runtime.keyed(&model, 1).unwrap());
    for (name, images) in sets(&images) {
        let [a, b] =
            [take(0..3, &mut tract, &images).unwrap(), take(0..3, &mut ort, &images).unwrap()].map(|p| p.concat());
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    }
}

#[test]
fn first_rows_without_an_index_are_errors() {
    in_engines(&model::digits().unwrap(), |name, engine| {
        for first_row in [i64::MAX as u64, u64::MAX] {
            assert!(engine.pass(images().view(), Key::new(0), first_row).is_err(), "{name}, {first_row}");
        }
    });
}

/// One node in training mode, whose mask has a name.
fn with_mask() -> ModelProto {
    let mut model = nodes_on_one_input(&[&["ratio1", "training_mode"]]);
    model.graph.as_mut().unwrap().node[0].output.push("mask".into());
    model
}

/// An `If` whose branches have this node.
fn conditional(inner: &NodeProto) -> NodeProto {
    let branch = |name: &str| AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph.into(),
        g: Some(GraphProto {
            node: vec![inner.clone()],
            output: vec![ValueInfoProto { name: inner.output[0].clone(), ..Default::default() }],
            ..Default::default()
        }),
        ..Default::default()
    };
    NodeProto {
        attribute: vec![branch("then_branch"), branch("else_branch")],
        ..node("If", &["training_mode"], "of the branches")
    }
}

/// What refuses the model in front of tract and of ONNX Runtime.
fn refusals(model: &ModelProto) -> [String; 2] {
    let of_keyed = model::keyed(model::without_unread_masks(model.clone())).err().unwrap();
    [format!("{:#}", Tract::new(model).err().unwrap()), of_keyed.to_string()]
}

/// As PyTorch's exporter writes it.
#[test]
fn a_mask_that_nothing_reads_is_left_out() {
    let (x, key) = (images(), Key::new(3));
    in_engines(&with_mask(), |name, engine| {
        let y = engine.pass(x.view(), key, 0).unwrap();
        assert_eq!(y, formula(key.derive(0), 0.2, 0, x.as_slice().unwrap()), "{name}");
    });
}

#[test]
fn a_mask_that_is_read_is_refused() {
    let by_an_output = |graph: &mut GraphProto| {
        graph.output.push(ValueInfoProto { name: "mask".into(), ..Default::default() });
    };
    let not = node("Not", &["mask"], "dropped");
    let by_a_node = |graph: &mut GraphProto| graph.node.push(not.clone());
    let in_a_branch = |graph: &mut GraphProto| graph.node.push(conditional(&not));
    let readers: [&dyn Fn(&mut GraphProto); 3] = [&by_an_output, &by_a_node, &in_a_branch];
    for read in readers {
        let mut model = with_mask();
        read(model.graph.as_mut().unwrap());
        for error in refusals(&model) {
            assert!(error.contains("the mask output is not made"), "{error}");
        }
    }
}

#[test]
fn dropout_in_a_branch_or_function_is_refused() {
    let model = nodes_on_one_input(&[&["ratio1", "training_mode"]]);
    let inner = node("Dropout", &["x", "ratio1", "training_mode"], "inner");
    let mut branches = model.clone();
    branches.graph.as_mut().unwrap().node.push(conditional(&inner));
    for error in refusals(&branches) {
        assert!(error.contains("Dropout in a subgraph"), "{error}");
    }
    let mut function = model;
    function.functions.push(FunctionProto { node: vec![inner], ..Default::default() });
    assert!(model::keyed(function).is_err());
}

#[test]
fn tract_wants_the_key_of_a_pass() {
    let mut onnx = tract_onnx::onnx();
    onnx.op_register.insert("Dropout", op::tract::build);
    let run = |model: &ModelProto| -> TractResult<_> {
        let model = onnx.model_for_proto_model(model)?.into_optimized()?.into_runnable()?;
        model.run(tvec!(images().into_tensor().into()))
    };
    let model = model::digits().unwrap();
    run(&model::evaluating(model.clone())).unwrap();
    let error = format!("{:#}", run(&model).unwrap_err());
    assert!(error.contains("no Pass"), "{error}");
}

#[test]
fn tract_alone_refuses_training_mode() {
    let model = tract_onnx::onnx().model_for_proto_model(&model::digits().unwrap()).unwrap();
    let run = || model.clone().into_optimized()?.into_runnable()?.run(tvec!(images().into_tensor().into()));
    let error = format!("{:#}", run().unwrap_err());
    assert!(error.contains("training mode"), "{error}");
}

#[test]
fn onnx_runtime_alone_takes_dropout_out() {
    let (model, images) = (model::digits().unwrap(), images());
    let Some(runtime) = runtime() else { return };
    for (dropout, same) in [(false, true), (true, false)] {
        let mut session = runtime.plain(&model, dropout).unwrap();
        let mut pass = || {
            let x = TensorRef::from_array_view(images.view()).unwrap();
            session.run(ort::inputs![x]).unwrap()[0].try_extract_tensor::<f32>().unwrap().1.to_vec()
        };
        assert_eq!(pass() == pass(), same, "kept: {dropout}");
    }
}

/// Each block of Rust there is a part of a file here, but for how far its lines are indented.
#[test]
fn the_page_quotes_what_is_compiled() {
    let trimmed = |text: &str| text.lines().flat_map(|line| [line.trim(), "\n"]).collect::<String>();
    let sources = [include_str!("engines.rs"), include_str!("model.rs"), include_str!("main.rs")].map(trimmed).concat();
    let page = include_str!("../../../docs/onnx.md");
    let blocks = |language: &str| -> Vec<&str> {
        page.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let rust = blocks("rust,ignore");
    assert!(rust.len() >= 4, "{}", rust.len());
    assert_eq!(rust.len(), page.matches("```rust").count());
    for block in rust {
        assert!(sources.contains(&trimmed(block)), "{block}");
    }
    for line in blocks("toml").into_iter().flat_map(str::lines) {
        assert!(include_str!("../Cargo.toml").lines().any(|other| other == line), "{line}");
    }
}
