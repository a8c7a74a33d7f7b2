//! Both ways on the same numbers: what they compute, the time and the memory they take.

use std::time::{Duration, Instant};

use dropmask::Error;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::heads::Heads;
use crate::memory::bytes;
use crate::product::{Row, SIZE};
use crate::tiles::Head;
use crate::whole;

/// Queries, keys and values, and the gradient of the output.
pub struct Inputs {
    qkv: [Vec<Row>; 3],
    d_o: Vec<Row>,
}

impl Inputs {
    pub fn random(rows: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(rows as u64);
        let mut random =
            || (0..rows).map(|_| std::array::from_fn(|_| rng.random_range(-1.5..1.5))).collect::<Vec<Row>>();
        Self { qkv: [random(), random(), random()], d_o: random() }
    }

    pub fn qkv(&self) -> [&[Row]; 3] {
        self.qkv.each_ref().map(Vec::as_slice)
    }

    pub fn d_o(&self) -> &[Row] {
        &self.d_o
    }

    /// To move a number of the queries (0), the keys (1) or the values (2).
    #[cfg(test)]
    pub fn qkv_mut(&mut self, which: usize) -> &mut [Row] {
        &mut self.qkv[which]
    }
}

/// Outputs, the logarithms of the rows' sums, the gradients of queries, keys and values.
#[derive(Clone, PartialEq)]
pub struct Outputs {
    pub o: Vec<Row>,
    pub log_sums: Vec<f32>,
    pub gradients: [Vec<Row>; 3],
}

impl Outputs {
    /// NaN, which no call must leave.
    pub fn new(rows: usize) -> Self {
        let nan = || vec![[f32::NAN; SIZE]; rows];
        Self { o: nan(), log_sums: vec![f32::NAN; rows], gradients: [nan(), nan(), nan()] }
    }

    /// Forward and backward.
    pub fn in_tiles(&mut self, head: &Head, inputs: &Inputs) -> Result<[Cost; 2], Error> {
        let Self { o, log_sums, gradients: [dq, dk, dv] } = self;
        let forward = cost(|| head.forward(inputs.qkv(), o, log_sums))?;
        let backward = cost(|| head.backward(inputs.qkv(), (o, log_sums), inputs.d_o(), [dq, dk, dv]))?;
        Ok([forward, backward])
    }

    pub fn of_heads(&mut self, heads: &Heads, inputs: &Inputs) -> Result<[Cost; 2], Error> {
        let Self { o, log_sums, gradients: [dq, dk, dv] } = self;
        let forward = cost(|| heads.forward(inputs.qkv(), o, log_sums))?;
        let backward = cost(|| heads.backward(inputs.qkv(), (o, log_sums), inputs.d_o(), [dq, dk, dv]))?;
        Ok([forward, backward])
    }

    /// The straightforward way, which has no use for the logarithms.
    pub fn by_matrices(&mut self, head: &Head, inputs: &Inputs) -> Result<[Cost; 2], Error> {
        let Self { o, gradients: [dq, dk, dv], .. } = self;
        let forward = cost(|| whole::forward(head, inputs.qkv(), o))?;
        let backward = cost(|| whole::backward(head, inputs.qkv(), inputs.d_o(), [dq, dk, dv]))?;
        Ok([forward, backward])
    }

    /// The greatest difference of an output or gradient, by the greatest of its array.
    pub fn difference(&self, other: &Self) -> f32 {
        let greatest = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0.0, |most: f32, x| most.max(x.abs()));
        let of = |a: &[Row], b: &[Row]| {
            let (a, b) = (a.as_flattened(), b.as_flattened());
            let difference = greatest(&mut a.iter().zip(b).map(|(a, b)| a - b));
            // 0 where all are 0
            difference / greatest(&mut b.iter().copied()).max(f32::MIN_POSITIVE)
        };
        let gradients = self.gradients.iter().zip(&other.gradients).map(|(a, b)| of(a, b));
        gradients.fold(of(&self.o, &other.o), f32::max)
    }
}

/// What a call takes.
#[derive(Clone, Copy)]
pub struct Cost {
    pub time: Duration,
    /// From the heap, at a time, on the calling thread.
    pub bytes: usize,
}

impl Cost {
    pub fn milliseconds(self) -> f64 {
        1e3 * self.time.as_secs_f64()
    }
}

fn cost(call: impl FnOnce() -> Result<(), Error>) -> Result<Cost, Error> {
    let start = Instant::now();
    let (result, bytes) = bytes(call);
    let time = start.elapsed();
    result.map(|()| Cost { time, bytes: bytes.peak })
}

/// The least time of several calls each of some tasks, in turns, so that all see the same machine.
pub fn least<const N: usize>(
    repetitions: u32,
    mut tasks: [&mut dyn FnMut() -> Result<[Cost; 2], Error>; N],
) -> Result<[[Cost; 2]; N], Error> {
    let mut least = [[Cost { time: Duration::MAX, bytes: 0 }; 2]; N];
    for _ in 0..repetitions {
        for (least, task) in least.iter_mut().zip(&mut tasks) {
            for (least, cost) in least.iter_mut().zip(task()?) {
                *least = Cost { time: least.time.min(cost.time), bytes: cost.bytes };
            }
        }
    }
    Ok(least)
}
