//! What one dropout takes through candle's graph: time, and memory from the heap.

use std::hint::black_box;
use std::time::Instant;

use candle_core::{Device, Error, Result, Var};
use candle_nn::ModuleT;
use dropmask::{Key, Probability};

use crate::dropout::{Dropout, Step};
use crate::memory::{Bytes, bytes};

/// Of one shape and one dropout.
#[derive(Clone, Copy)]
pub struct Costs {
    /// Median microseconds of forward, and of forward with the gradient of a sum.
    pub forward: f64,
    pub both: f64,
    pub heap_forward: Bytes,
    pub heap_both: Bytes,
}

/// Of candle's dropout and of dropmask's, in turns so that both see the same machine.
pub fn compare(shape: (usize, usize), p: f32, repetitions: usize) -> Result<[Costs; 2]> {
    let x = Var::rand(-1.0_f32, 1.0, shape, &Device::Cpu)?;
    let candle = candle_nn::Dropout::new(p);
    let dropmask = Dropout::new(Key::new(42), Probability::new(p).map_err(Error::wrap)?, &Step::default());
    let layers: [&dyn ModuleT; 2] = [&candle, &dropmask];

    let mut times = [(); 2].map(|()| [const { Vec::new() }; 2]);
    for _ in 0..repetitions {
        for (layer, [forward, both]) in layers.iter().zip(&mut times) {
            forward.push(microseconds(|| layer.forward_t(&x, true))?);
            both.push(microseconds(|| layer.forward_t(&x, true)?.sum_all()?.backward())?);
        }
    }
    let [candle_times, dropmask_times] = times;
    Ok([(layers[0], candle_times), (layers[1], dropmask_times)].map(|(layer, [forward, both])| Costs {
        forward: median(forward),
        both: median(both),
        heap_forward: bytes(|| layer.forward_t(&x, true)).1,
        heap_both: bytes(|| layer.forward_t(&x, true)?.sum_all()?.backward()).1,
    }))
}

fn microseconds<T>(call: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    let result = black_box(call()?);
    let time = start.elapsed();
    drop(result);
    Ok(1e6 * time.as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
