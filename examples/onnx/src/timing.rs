//! What dropout costs in a pass.

use std::time::Instant;

use dropmask::Key;
use ndarray::Array2;
use ort::session::Session;
use ort::value::TensorRef;
use tract_onnx::pb::ModelProto;

use crate::engines::{Engine, OnnxRuntime, Result, Tract};
use crate::model::evaluating;

const RUNS: u64 = 300;

type Run<'a> = Box<dyn FnMut(u64) -> Result<()> + 'a>;

/// Prints the least time of a pass on one thread; the variants run in turns.
pub fn print(model: &ModelProto, runtime: Option<&OnnxRuntime>, images: &Array2<f32>) -> Result<()> {
    let without = evaluating(model.clone());
    let mut variants: Vec<(&str, Run<'_>)> = vec![
        ("tract, no dropout", keyed(Tract::new(&without)?, images)),
        ("tract, dropmask", keyed(Tract::new(model)?, images)),
    ];
    if let Some(runtime) = runtime {
        variants.extend([
            ("ONNX Runtime, no dropout", plain(runtime.plain(model, false)?, images)),
            ("ONNX Runtime, dropmask", keyed(runtime.keyed(model, 1)?, images)),
            ("ONNX Runtime, its own Dropout", plain(runtime.plain(model, true)?, images)),
        ]);
    }
    let mut least = vec![f64::INFINITY; variants.len()];
    for pass in 0..RUNS {
        for ((_, run), least) in variants.iter_mut().zip(&mut least) {
            let start = Instant::now();
            run(pass)?;
            *least = least.min(start.elapsed().as_secs_f64());
        }
    }
    println!("\nA pass of {} digits on 1 thread, least of {RUNS}, in microseconds:", images.nrows());
    for ((name, _), least) in variants.iter().zip(least) {
        println!("  {name:30}{:7.0}", 1e6 * least);
    }
    Ok(())
}

fn keyed<'a>(mut engine: impl Engine + 'a, images: &'a Array2<f32>) -> Run<'a> {
    Box::new(move |pass| engine.pass(images.view(), Key::new(pass), 0).map(drop))
}

fn plain(mut session: Session, images: &Array2<f32>) -> Run<'_> {
    Box::new(move |_| {
        let outputs = session.run(ort::inputs![TensorRef::from_array_view(images.view())?])?;
        outputs[0].try_extract_tensor::<f32>()?.1.to_vec(); // as the others do
        Ok(())
    })
}
