//! What several test files share: the operations as a table, inputs with special floats, comparison of floats.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "a module of tests has no outside")]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::env;

use dropmask::{Dropout, Error, MaskMut, StoredMask, mask_words};
use proptest::test_runner::{Config, RngSeed};
use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng, SeedableRng},
};

/// An operation of [`Dropout`] on all that any of them needs: input, output (in place: both), mask.
pub struct Operation {
    pub name: &'static str,
    /// It has an input besides the slice that it writes.
    pub reads: bool,
    /// It writes the mask.
    pub stores: bool,
    pub run: Run,
}

type Run = fn(&Dropout, &[f32], &mut [f32], &mut MaskMut<'_>) -> Result<(), Error>;

pub const OPERATIONS: [Operation; 10] = [
    operation("fill", false, true, |s, _, _, mask| s.fill(mask)),
    operation("forward", true, false, |s, x, y, _| s.forward(x, y)),
    operation("forward_in_place", false, false, |s, _, y, _| s.forward_in_place(y)),
    operation("forward_store", true, true, Dropout::forward_store),
    operation("forward_store_in_place", false, true, |s, _, y, mask| s.forward_store_in_place(y, mask)),
    operation("backward", true, false, |s, x, y, _| s.backward(x, y)),
    operation("backward_in_place", false, false, |s, _, y, _| s.backward_in_place(y)),
    operation("backward_add", true, false, |s, x, y, _| s.backward_add(x, y)),
    operation("evaluate", true, false, |s, x, y, _| s.evaluate(x, y)),
    operation("evaluate_in_place", false, false, |s, _, y, _| s.evaluate_in_place(y)),
];

const fn operation(name: &'static str, reads: bool, stores: bool, run: Run) -> Operation {
    Operation { name, reads, stores, run }
}

impl Operation {
    /// What becomes of `x` in an operation, in place or from `x` to a slice of other values, and of a mask.
    pub fn outcome(&self, stream: &Dropout, x: &[f32]) -> (Vec<f32>, Vec<u64>) {
        let mut y = if self.reads { floats(1, x.len()) } else { x.to_vec() };
        let mut words = random_words(2, mask_words(x.len()));
        (self.run)(stream, x, &mut y, &mut MaskMut::new(&mut words, x.len()).unwrap()).unwrap();
        (y, words)
    }
}

/// An operation of [`StoredMask`].
pub type RunStored = fn(&StoredMask<'_>, &[f32], &mut [f32]) -> Result<(), Error>;

pub const STORED_OPERATIONS: [(&str, RunStored); 3] = [
    ("apply", |m, x, y| m.apply(x, y)),
    ("apply_in_place", |m, _, y| m.apply_in_place(y)),
    ("apply_add", |m, x, y| m.apply_add(x, y)),
];

pub fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

pub fn random_words(seed: u64, len: usize) -> Vec<u64> {
    let mut rng = generator(seed);
    (0..len).map(|_| rng.next_u64()).collect()
}

/// About every third is special, of either sign; the bits of the others are random. No signalling NaN: whether a move
/// alone makes it quiet depends on the machine.
pub fn floats(seed: u64, len: usize) -> Vec<f32> {
    const SPECIAL: [f32; 8] = [
        0.0,
        f32::from_bits(1),
        f32::from_bits(0x007F_FFFF), // the largest subnormal
        f32::MIN_POSITIVE,
        1.0,
        f32::MAX,
        f32::INFINITY,
        f32::from_bits(0x7FC0_1234),
    ];
    let mut rng = generator(seed);
    let mut float = || {
        let x = f32::from_bits(rng.next_u32());
        let special = SPECIAL.get(rng.next_u64() as usize % 24).map_or(x, |special| special.copysign(x));
        if special.is_nan() { f32::from_bits(special.to_bits() | 1 << 22) } else { special }
    };
    (0..len).map(|_| float()).collect()
}

/// Equal to the bit; of a NaN, that it is one.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

pub fn all_same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same(a, b))
}

pub fn to_bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The mask of the first `len` elements of a stream.
pub fn fill(stream: &Dropout, len: usize) -> Vec<u64> {
    let mut words = vec![0; mask_words(len)];
    stream.fill(&mut MaskMut::new(&mut words, len).unwrap()).unwrap();
    words
}

/// All of them; under an emulator, where a test takes minutes, every fourth. `.ci/older` says by its variable that it is one.
pub fn thinned<T>(cases: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let emulated = !cfg!(target_arch = "x86_64") || env::var_os("DROPMASK_DETECTED").is_some();
    cases.into_iter().step_by(if emulated { 4 } else { 1 })
}

/// Cases from a fixed seed: 256, or as many as `PROPTEST_CASES` says.
pub fn proptest_config() -> Config {
    Config { rng_seed: RngSeed::Fixed(0), failure_persistence: None, ..Config::default() }
}
