//! What dropout costs in a pass.

use std::time::Instant;

use dropmask::Key;
use ndarray::Array2;
use ort::value::TensorRef;
use tract_onnx::pb::ModelProto;

use crate::engines::{Engine, OnnxRuntime, Result, Tract};
use crate::model::evaluating;

const RUNS: u64 = 300;

type Run<'a> = Box<dyn FnMut(u64) -> Result<()> + 'a>;

/// Prints the median times of a pass on one thread; the variants run in turns.
pub fn print(model: &ModelProto, runtime: Option<&OnnxRuntime>, images: &Array2<f32>) -> Result<()> {
    let without = evaluating(model.clone());
    let mut variants: Vec<(&str, Run<'_>)> = vec![
        ("tract, no dropout", keyed(Tract::new(&without)?, images)),
        ("tract, dropmask", keyed(Tract::new(model)?, images)),
    ];
    if let Some(runtime) = runtime {
        variants.extend([
            ("ONNX Runtime, no dropout", plain(runtime, &without, images)?),
            ("ONNX Runtime, dropmask", keyed(runtime.keyed(model, 1)?, images)),
            ("ONNX Runtime, its own Dropout", plain(runtime, model, images)?),
        ]);
    }
    let mut times = vec![Vec::new(); variants.len()];
    for pass in 0..RUNS {
        for ((_, run), times) in variants.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run(pass)?;
            times.push(start.elapsed().as_secs_f64());
        }
    }
    println!("\nA pass of {} digits on 1 thread, median of {RUNS}, in microseconds:", images.nrows());
    for ((name, _), mut times) in variants.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        println!("  {name:30}{:7.0}", 1e6 * times[times.len() / 2]);
    }
    Ok(())
}

fn keyed<'a>(mut engine: impl Engine + 'a, images: &'a Array2<f32>) -> Run<'a> {
    Box::new(move |pass| engine.pass(images.view(), Key::new(pass), 0).map(drop))
}

fn plain<'a>(runtime: &OnnxRuntime, model: &ModelProto, images: &'a Array2<f32>) -> Result<Run<'a>> {
    let mut session = runtime.plain(model, 1)?;
    Ok(Box::new(move |_| {
        let outputs = session.run(ort::inputs![TensorRef::from_array_view(images.view())?])?;
        outputs[0].try_extract_tensor::<f32>()?.1.to_vec(); // as the others do
        Ok(())
    }))
}
