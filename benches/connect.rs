//! Prints the time of `DropConnect` as a multiple of the same dense product without a mask, `y = W x` by the same kernel, and
//! beside it that of the product of `ndarray`, which fuses multiplication and addition.
//!
//! Medians of interleaved repetitions. `cargo bench --bench connect` takes a minute, `-- --test` only checks the answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that fails stops")]

mod common;

use std::hint::black_box;

use common::measure::{Estimate, Flags, time};
use dropmask::{DropConnect, Dropout, Key, Level, Probability};
use ndarray::{Array2, ArrayView2};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Batch, inputs, outputs: a small layer, weights in the second and third cache, and weights beyond all caches.
const SHAPES: [[usize; 3]; 6] =
    [[32, 784, 100], [32, 512, 512], [32, 2048, 1024], [128, 2048, 1024], [1, 4096, 4096], [32, 4096, 4096]];
const P: f32 = 0.5;

fn main() {
    let Flags { test, .. } = Flags::get();
    if !test {
        println!(
            "| level | batch, inputs, outputs | dense, GFLOP/s | `ndarray` | forward | `dx` | `dW` | forward, a mask per sample |"
        );
        println!("|---|---|---|---|---|---|---|---|");
    }
    for level in Level::supported().filter(|&level| level != Level::SCALAR) {
        // the specification takes long: the answers of the first three shapes will do
        for (i, shape) in SHAPES.into_iter().enumerate() {
            let mut case = Case::new(level, shape);
            if i < 3 {
                case.check();
            }
            if !test {
                case.print();
            }
        }
    }
}

struct Case {
    level: Level,
    shape: [usize; 3],
    w: Vec<f32>,
    x: Vec<f32>,
    dy: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

impl Case {
    fn new(level: Level, shape: [usize; 3]) -> Self {
        let [batch, inputs, outputs] = shape;
        let mut rng = SmallRng::seed_from_u64(1);
        let mut random = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.random_range(-1.0..1.0)).collect() };
        Self {
            level,
            shape,
            w: random(inputs * outputs),
            x: random(batch * inputs),
            dy: random(batch * outputs),
            y: vec![0.0; batch * outputs],
            dx: vec![0.0; batch * inputs],
            dw: vec![0.0; inputs * outputs],
        }
    }

    fn layer(&self, level: Level) -> DropConnect<'static> {
        let [batch, inputs, outputs] = self.shape;
        DropConnect::new(
            Dropout::new(Key::new(3), Probability::new(P).unwrap()).with_level(level),
            batch,
            [outputs, inputs],
        )
    }

    fn dense(&mut self) {
        self.layer(self.level).evaluate(black_box(&self.w), None, &self.x, &mut self.y).unwrap();
        black_box(&self.y);
    }
    fn ndarray(&mut self) {
        black_box(self.product());
    }
    fn forward(&mut self) {
        self.layer(self.level).forward(black_box(&self.w), None, &self.x, &mut self.y).unwrap();
        black_box(&self.y);
    }
    fn input(&mut self) {
        self.layer(self.level).backward_input(black_box(&self.w), &self.dy, &mut self.dx).unwrap();
        black_box(&self.dx);
    }
    fn weights(&mut self) {
        self.layer(self.level).backward_weights(black_box(&self.x), &self.dy, &mut self.dw).unwrap();
        black_box(&self.dw);
    }
    fn per_sample(&mut self) {
        self.layer(self.level).per_sample(0).forward(black_box(&self.w), None, &self.x, &mut self.y).unwrap();
        black_box(&self.y);
    }

    /// Asserts that every answer is that of the specification, and the dense ones alike but for rounding.
    fn check(&mut self) {
        let [batch, inputs, outputs] = self.shape;
        let specification = self.layer(Level::SCALAR);
        let (mut y, mut dx, mut dw) = (self.y.clone(), self.dx.clone(), self.dw.clone());

        specification.forward(&self.w, None, &self.x, &mut y).unwrap();
        self.forward();
        assert!(self.y == y, "forward, {}", self.level);
        specification.backward_input(&self.w, &self.dy, &mut dx).unwrap();
        self.input();
        assert!(self.dx == dx, "dx, {}", self.level);
        specification.backward_weights(&self.x, &self.dy, &mut dw).unwrap();
        self.weights();
        assert!(self.dw == dw, "dW, {}", self.level);
        specification.per_sample(0).forward(&self.w, None, &self.x, &mut y).unwrap();
        self.per_sample();
        assert!(self.y == y, "a mask per sample, {}", self.level);

        self.dense();
        let product = self.product();
        assert!(product.len() == batch * outputs, "ndarray");
        // sums of `inputs` numbers below 1
        let bound = 1e-6 * inputs as f32;
        assert!(product.iter().zip(&self.y).all(|(a, b)| (a - b).abs() < bound), "dense, {}", self.level);
    }

    fn product(&self) -> Array2<f32> {
        let [batch, inputs, outputs] = self.shape;
        let w = ArrayView2::from_shape((outputs, inputs), black_box(&self.w)).unwrap();
        let x = ArrayView2::from_shape((batch, inputs), &self.x).unwrap();
        x.dot(&w.t())
    }

    /// Medians of interleaved repetitions.
    fn print(&mut self) {
        let [batch, inputs, outputs] = self.shape;
        let work: [fn(&mut Self); 6] =
            [Self::dense, Self::ndarray, Self::forward, Self::input, Self::weights, Self::per_sample];
        let calls = (20_000_000 / (batch * inputs * outputs)).max(1);
        let mut times = [const { Vec::new() }; 6];
        for _ in 0..15 {
            for (times, work) in times.iter_mut().zip(work) {
                times.push(time(calls, || work(self)));
            }
        }
        let [dense, rest @ ..] = times.map(|times| Estimate::of(times).median);
        // in nanoseconds, so this is GFLOP/s
        let flops = 2.0 * (batch * inputs * outputs) as f64 / dense;
        let ratios: Vec<String> = rest.iter().map(|time| format!("{:.2}", time / dense)).collect();
        println!("| {} | {batch}, {inputs}, {outputs} | {flops:.0} | {} |", self.level, ratios.join(" | "));
    }
}
