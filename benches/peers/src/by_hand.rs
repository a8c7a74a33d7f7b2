//! Good loops written by hand: 32 random bits for each element, compared with a threshold. They are plain Rust, which LLVM
//! turns into the vectors that the build has.

use std::hint::black_box;

use dropmask::Probability;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::common::{Aligned, Case};
use crate::peer::Peer;

#[derive(Clone, Copy)]
struct Dropout {
    threshold: u32,
    scale: f32,
}

impl Dropout {
    fn new(case: &Case) -> Self {
        let p = Probability::new(case.p).unwrap();
        Self { threshold: p.threshold() as u32, scale: p.scale() }
    }

    #[inline(always)]
    fn keeps(self, bits: u32) -> bool {
        bits < self.threshold
    }

    #[inline(always)]
    fn apply(self, keep: bool, x: f32) -> f32 {
        // multiplied in any case, else LLVM branches on `keep` and uses no vectors
        let scaled = x * self.scale;
        if keep { scaled } else { 0.0 }
    }
}

/// Generators that run in step: the fastest of 8, 16, 32 and 64. More hide latency, fewer fit in 16 registers.
const LANES: usize = if cfg!(target_feature = "avx512f") { 64 } else { 16 };

/// xoshiro128+ in each lane: the fastest of its family, its upper bits are good ones.
#[derive(Clone)]
struct Xoshiro([[u32; LANES]; 4]);

impl Xoshiro {
    fn new() -> Self {
        let mut seeds = SmallRng::seed_from_u64(4);
        Self([(); 4].map(|()| [(); LANES].map(|()| seeds.next_u32())))
    }

    #[inline(always)]
    fn next(&mut self) -> [u32; LANES] {
        let mut bits = [0; LANES];
        let [a, b, c, d] = &mut self.0;
        for ((((bits, a), b), c), d) in bits.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *bits = a.wrapping_add(*d);
            let t = *b << 9;
            *c ^= *a;
            *d ^= *b;
            *b ^= *c;
            *a ^= *d;
            *c ^= t;
            *d = d.rotate_left(11);
        }
        bits
    }
}

/// Keeps the state that forward started from, and draws again from there.
pub(crate) struct Replayed {
    dropout: Dropout,
    rng: Xoshiro,
    started: Xoshiro,
}

impl Replayed {
    pub(crate) fn new(case: &Case) -> Self {
        Self { dropout: Dropout::new(case), rng: Xoshiro::new(), started: Xoshiro::new() }
    }
}

impl Peer for Replayed {
    fn name(&self) -> &'static str {
        "xoshiro128+ by hand, replayed"
    }

    fn forward(&mut self, case: &mut Case) {
        self.started = self.rng.clone();
        draw(self.dropout, &mut self.rng, black_box(&case.x), &mut case.y);
        black_box(&*case.y);
    }

    fn backward(&mut self, case: &mut Case) {
        draw(self.dropout, &mut self.started.clone(), black_box(&case.x), &mut case.y);
        black_box(&*case.y);
    }
}

#[inline(never)]
fn draw(dropout: Dropout, rng: &mut Xoshiro, x: &[f32], y: &mut [f32]) {
    let mut local = rng.clone(); // in registers
    let (y_chunks, y_rest) = y.as_chunks_mut::<LANES>();
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    for (y, x) in y_chunks.iter_mut().zip(x_chunks) {
        for ((y, x), bits) in y.iter_mut().zip(x).zip(local.next()) {
            *y = dropout.apply(dropout.keeps(bits), *x);
        }
    }
    for ((y, x), bits) in y_rest.iter_mut().zip(x_rest).zip(local.next()) {
        *y = dropout.apply(dropout.keeps(bits), *x);
    }
    *rng = local;
}

/// Stores a byte for each element.
pub(crate) struct Stored {
    dropout: Dropout,
    rng: Xoshiro,
    kept: Aligned<bool>,
}

impl Stored {
    pub(crate) fn new(case: &Case) -> Self {
        Self { dropout: Dropout::new(case), rng: Xoshiro::new(), kept: Aligned::new(case.len()) }
    }
}

impl Peer for Stored {
    fn name(&self) -> &'static str {
        "xoshiro128+ by hand, bytes stored"
    }

    fn forward(&mut self, case: &mut Case) {
        draw_and_store(self.dropout, &mut self.rng, black_box(&case.x), &mut case.y, &mut self.kept);
        black_box((&*case.y, &*self.kept));
    }

    fn backward(&mut self, case: &mut Case) {
        apply(self.dropout, black_box(&self.kept), black_box(&case.x), &mut case.y);
        black_box(&*case.y);
    }
}

#[inline(never)]
fn draw_and_store(dropout: Dropout, rng: &mut Xoshiro, x: &[f32], y: &mut [f32], kept: &mut [bool]) {
    let mut local = rng.clone();
    let (y_chunks, y_rest) = y.as_chunks_mut::<LANES>();
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (kept_chunks, kept_rest) = kept.as_chunks_mut::<LANES>();
    for ((y, x), kept) in y_chunks.iter_mut().zip(x_chunks).zip(kept_chunks) {
        for (((y, x), kept), bits) in y.iter_mut().zip(x).zip(kept).zip(local.next()) {
            *kept = dropout.keeps(bits);
            *y = dropout.apply(*kept, *x);
        }
    }
    for (((y, x), kept), bits) in y_rest.iter_mut().zip(x_rest).zip(kept_rest).zip(local.next()) {
        *kept = dropout.keeps(bits);
        *y = dropout.apply(*kept, *x);
    }
    *rng = local;
}

#[inline(never)]
fn apply(dropout: Dropout, kept: &[bool], x: &[f32], y: &mut [f32]) {
    for ((y, x), kept) in y.iter_mut().zip(x).zip(kept) {
        *y = dropout.apply(*kept, *x);
    }
}

/// No state: hashes the index of an element. The masks of two keys are one sequence in another order, and it ends at 2^32.
pub(crate) struct Hashed {
    dropout: Dropout,
    key: u32,
}

impl Hashed {
    pub(crate) fn new(case: &Case) -> Self {
        Self { dropout: Dropout::new(case), key: 0x9E37_79B9 }
    }
}

impl Peer for Hashed {
    fn name(&self) -> &'static str {
        "hash of the index by hand, replayed"
    }

    fn forward(&mut self, case: &mut Case) {
        hash_all(self.dropout, black_box(self.key), black_box(&case.x), &mut case.y);
        black_box(&*case.y);
    }

    fn backward(&mut self, case: &mut Case) {
        self.forward(case);
    }
}

#[inline(never)]
fn hash_all(dropout: Dropout, key: u32, x: &[f32], y: &mut [f32]) {
    for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
        *y = dropout.apply(dropout.keeps(hash(i as u32 ^ key)), *x);
    }
}

/// Wellons' lowbias32.
#[inline(always)]
fn hash(mut z: u32) -> u32 {
    z = (z ^ z >> 16).wrapping_mul(0x7FEB_352D);
    z = (z ^ z >> 15).wrapping_mul(0x846C_A68B);
    z ^ z >> 16
}
