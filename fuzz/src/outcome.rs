//! What an operation writes, and how it is compared.

use core::fmt::Debug;

use dropmask::{Error, Level};

use crate::{Slack, floats, len_near};

/// A slice somewhere in a longer one, so that it starts anywhere and what is written beside it shows.
#[derive(Clone, Debug)]
pub struct Buffer {
    values: Vec<f32>,
    lead: usize,
    len: usize,
}

impl Buffer {
    /// Of the bit patterns that were drawn, over and over.
    pub fn new(drawn: &[u32], lead: u8, len: usize) -> Self {
        let lead = usize::from(lead);
        Self { values: floats(drawn, lead + len + 20), lead, len }
    }

    /// Of about the length that is needed, if that is not too long.
    pub fn near(drawn: &[u32], lead: u8, needed: Option<u128>, slack: Slack) -> Self {
        Self::new(drawn, lead, len_near(needed, slack, Self::LONGEST))
    }

    /// Twice what kernels draw at a time.
    const LONGEST: usize = 9000;

    pub fn get(&self) -> &[f32] {
        &self.values[self.lead..][..self.len]
    }

    pub fn get_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.lead..][..self.len]
    }
}

/// Slices and mask words that an operation writes, or leaves alone.
#[derive(Clone, Debug)]
pub struct Output {
    pub y: Buffer,
    /// A second slice.
    pub z: Buffer,
    pub words: Vec<u64>,
}

impl Output {
    fn floats(&self) -> impl Iterator<Item = f32> {
        self.y.values.iter().chain(&self.z.values).copied()
    }
}

/// From here on, the naive level is too slow where it draws each bit by itself.
const LONG: usize = 600;

/// [`check_levels`], with the naive level where it is fast enough for an operation on each element.
///
/// # Panics
/// See [`check_levels`].
pub fn check<T: PartialEq + Debug>(
    before: &Output,
    expected: Option<(Output, T)>,
    run: impl Fn(Level, &mut Output) -> Result<T, Error>,
) {
    check_levels(before.y.len <= LONG, before, expected, run);
}

/// Runs an operation at every level: where a result is expected it must be that, else an error with nothing written.
///
/// # Panics
/// If it is not so.
pub fn check_levels<T: PartialEq + Debug>(
    naive: bool,
    before: &Output,
    expected: Option<(Output, T)>,
    run: impl Fn(Level, &mut Output) -> Result<T, Error>,
) {
    let mut error = None;
    for level in Level::supported().filter(|&level| naive || level != Level::SCALAR) {
        let mut output = before.clone();
        let result = run(level, &mut output);
        match (result, &expected) {
            (Ok(result), Some((expected, value))) => {
                assert_eq!(&result, value, "{level}");
                for (i, (actual, expected)) in output.floats().zip(expected.floats()).enumerate() {
                    assert!(same(actual, expected), "{level}, element {i}: {actual:?}, expected {expected:?}");
                }
                assert_eq!(output.words, expected.words, "{level}");
            }
            (Err(result), None) => {
                assert_eq!(&result, error.get_or_insert(result), "{level}");
                assert!(output.floats().map(f32::to_bits).eq(before.floats().map(f32::to_bits)), "{level}: {result}");
                assert_eq!(output.words, before.words, "{level}: {result}");
            }
            (result, _) => panic!("{level}: {result:?}, expected {}", if expected.is_some() { "Ok" } else { "Err" }),
        }
    }
}

/// Equal to the bit; of a NaN, that it is one.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// `kept ? x * scale : +0.0`; a factor of 0 drops everything.
pub fn masked(kept: bool, x: f32, scale: f32) -> f32 {
    if kept && scale != 0.0 { x * scale } else { 0.0 }
}
