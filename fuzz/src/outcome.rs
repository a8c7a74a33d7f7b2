//! What an operation writes, and how it is compared.

use core::fmt::Debug;

use dropmask::{Error, Level, MaskMut};

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

    /// With nothing behind it: the address sanitizer sees what is read there.
    #[must_use]
    pub fn at_the_end(mut self) -> Self {
        self.values.truncate(self.lead + self.len);
        self.values.shrink_to_fit();
        self
    }

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

    /// # Panics
    /// If this is not what was expected: to the bit where all values are `exact`, else NaNs aside.
    fn check(&self, expected: &Self, exact: bool, level: Level) {
        for (i, (actual, expected)) in self.floats().zip(expected.floats()).enumerate() {
            let same = if exact { actual.to_bits() == expected.to_bits() } else { same(actual, expected) };
            assert!(same, "{level}, element {i}: {actual:?}, expected {expected:?}");
        }
        assert_eq!(self.words, expected.words, "{level}");
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
                output.check(expected, false, level);
            }
            (Err(result), None) => {
                assert_eq!(&result, error.get_or_insert(result), "{level}");
                output.check(before, true, level);
            }
            (result, _) => panic!("{level}: {result:?}, expected {}", if expected.is_some() { "Ok" } else { "Err" }),
        }
    }
}

/// Runs an operation at every level: it must be one of these errors, with nothing written, or, if there are none, the result
/// of the model.
///
/// # Panics
/// If it is not so.
pub fn check_model(
    before: &Output,
    errors: &[Error],
    exact: bool,
    model: impl FnOnce() -> Output,
    run: impl Fn(Level, &mut Output) -> Result<(), Error>,
) {
    let expected = errors.is_empty().then(model);
    let mut first = None;
    for level in Level::supported() {
        let mut output = before.clone();
        let result = run(level, &mut output);
        assert_eq!(&result, first.get_or_insert(result), "{level}");
        match (result, &expected) {
            (Ok(()), Some(expected)) => output.check(expected, exact, level),
            (Err(error), None) if errors.iter().any(|expected| is_same(expected, &error)) => {
                output.check(before, true, level);
            }
            _ => panic!("{level}: {result:?}, expected {errors:?}"),
        }
    }
}

/// Of axes with equal strides, it is open which one lies within the others.
fn is_same(a: &Error, b: &Error) -> bool {
    match (a, b) {
        (Error::InvalidLayout { len, stride, .. }, Error::InvalidLayout { len: len_b, stride: stride_b, .. }) => {
            (len, stride) == (len_b, stride_b)
        }
        _ => a == b,
    }
}

/// Fills values in place of those of a mask, unless that is an error with nothing written, and packs them.
///
/// # Panics
/// If something has been written all the same.
pub fn fill_values<T: Clone + PartialEq>(
    mask: &mut MaskMut<'_>,
    value: fn(bool) -> T,
    fill: impl FnOnce(&mut [T]) -> Result<(), Error>,
    pack: impl FnOnce(&mut MaskMut<'_>, &[T]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut kept: Vec<_> = mask.as_mask().iter().map(value).collect();
    let before = kept.clone();
    let result = fill(&mut kept);
    assert!(result.is_ok() || kept == before, "{result:?}");
    result.and_then(|()| pack(mask, &kept))
}

/// Equal to the bit; of a NaN, that it is one.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// `kept ? x * scale : +0.0`; a factor of 0 drops everything.
pub fn masked(kept: bool, x: f32, scale: f32) -> f32 {
    if kept && scale != 0.0 { x * scale } else { 0.0 }
}
