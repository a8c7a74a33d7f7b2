//! Inputs that the fuzz targets share. Raw numbers rarely hit an edge, so each type has its own way to the edges.

mod outcome;
mod settings;
mod shape;

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Error, Probability, Scaling};

pub use outcome::{Buffer, Output, check, check_levels, check_model, fill_values, masked, same};
pub use settings::{Settings, Source};
pub use shape::{Shape, Stride, clipped};

/// The longest slice: a few batches of blocks and a tail, while the naive level still runs thousands of times a second.
pub const MAX_LEN: usize = 5000;

pub fn len(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(0..=MAX_LEN)
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Chance {
    Threshold(u32),
    /// Few digits and no ties.
    Digits(u8),
    KeepAll,
    P(f32),
    Keep(f64),
    /// As likely to be refused as not.
    AnyThreshold(u64),
}

impl Chance {
    /// `None` where the library refuses the value.
    ///
    /// # Panics
    /// If it refuses a good value, accepts a bad one or reports another.
    pub fn probability(self) -> Option<Probability> {
        let (result, valid) = match self {
            Self::Threshold(threshold) => (Probability::from_threshold(threshold.into()), true),
            Self::Digits(digits) => (Probability::from_threshold(u64::from(digits) << 24), true),
            Self::KeepAll => (Probability::from_threshold(1 << 32), true),
            Self::P(p) => {
                assert_eq!(format!("{:?}", Probability::from_f64(p.into())), format!("{:?}", Probability::new(p)));
                (Probability::try_from(p), (0.0..=1.0).contains(&p))
            }
            Self::Keep(keep) => {
                let (result, valid) = (Probability::from_keep(keep), (0.0..=1.0).contains(&keep));
                let threshold = (keep * 4_294_967_296.0 + 0.5) as u64;
                assert!(!valid || result == Probability::from_threshold(threshold), "{result:?}");
                (result, valid)
            }
            Self::AnyThreshold(threshold) => (Probability::from_threshold(threshold), threshold <= 1 << 32),
        };
        assert_eq!(result.is_ok(), valid, "{self:?}");
        let same = |p: f64, bad: f64| assert!(p == bad || p.is_nan() && bad.is_nan());
        match (self, result) {
            (Self::P(bad), Err(Error::InvalidProbability { p })) => same(p, bad.into()),
            (Self::Keep(bad), Err(Error::InvalidProbability { p })) => same(p, bad),
            (Self::AnyThreshold(bad), Err(Error::InvalidThreshold { threshold })) => assert_eq!(threshold, bad),
            (_, result) => return Some(result.expect("an error of the value's own kind")),
        }
        None
    }
}

/// A number of elements, bits or rows, or an element index.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Number {
    Tiny(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=9))] u8),
    Small(u8),
    Medium(u16),
    Any(u64),
    /// Whose products wrap around to something small.
    PowerOfTwo(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=63))] u8),
    ToTheEnd(u8),
}

impl Number {
    pub const fn get(self) -> u64 {
        match self {
            Self::Tiny(n) | Self::Small(n) => n as u64,
            Self::Medium(n) => n as u64,
            Self::Any(n) => n,
            Self::PowerOfTwo(exponent) => 1 << exponent,
            Self::ToTheEnd(n) => u64::MAX - n as u64,
        }
    }

    pub const fn size(self) -> usize {
        self.get() as usize
    }
}

/// A dimension, mostly so small that a shape of several has few elements, and now and then about as long as a word or as
/// what kernels draw at a time.
pub fn size(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    match u.int_in_range(0..=23_u8)? {
        0 => Ok(Number::arbitrary(u)?.size()),
        1 => u.int_in_range(4090..=4102),
        2..=4 => Ok(64 * u.int_in_range(1..=3)? - 1 + u.int_in_range(0..=2)?),
        5..=6 => u.int_in_range(0..=70),
        7..=13 => u.int_in_range(1..=2),
        _ => u.int_in_range(0..=9),
    }
}

/// The number of elements of a shape, `None` where it is beyond all types.
pub fn product(sizes: &[usize]) -> Option<u128> {
    if sizes.contains(&0) { Some(0) } else { sizes.iter().try_fold(1, |n: u128, &size| n.checked_mul(size as u128)) }
}

/// A length to test about the one needed, or about any where that is longer than the longest.
pub fn len_near(needed: Option<u128>, slack: Slack, longest: usize) -> usize {
    let needed = needed.filter(|&needed| needed <= longest as u128).map_or(40, |needed| needed as usize);
    needed.saturating_add_signed(slack.get().into())
}

/// A little more or less than what the other arguments call for.
#[derive(Clone, Copy, Debug)]
pub enum Slack {
    Exact,
    OneLess,
    OneMore,
    Other(i8),
}

impl<'a> Arbitrary<'a> for Slack {
    /// Mostly exact: an operation has up to four lengths, and one of them is enough to be refused.
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match u.int_in_range(0..=15_u8)? {
            13 => Self::OneLess,
            14 => Self::OneMore,
            15 => Self::Other(u.arbitrary()?),
            _ => Self::Exact,
        })
    }
}

impl Slack {
    pub const fn get(self) -> i8 {
        match self {
            Self::Exact => 0,
            Self::OneLess => -1,
            Self::OneMore => 1,
            Self::Other(n) => n,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Factor {
    Inverted,
    Standard,
    Naive,
}

impl Factor {
    pub const fn scaling(self) -> Scaling {
        match self {
            Self::Inverted => Scaling::Inverted,
            Self::Standard => Scaling::Standard,
            Self::Naive => Scaling::Naive,
        }
    }
}

/// The element index of the first element.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Offset {
    FromZero(Number),
    /// So that the last index is about the last that there is.
    ToTheEnd(Slack),
}

impl Offset {
    /// `span`: the number of element indices that follow.
    pub const fn get(self, span: u128) -> u64 {
        match self {
            Self::FromZero(offset) => offset.get(),
            Self::ToTheEnd(slack) => (span as u64).wrapping_neg().wrapping_add_signed(slack.get() as i64),
        }
    }
}

/// Mask words: those that were drawn, each followed by one like no other.
pub fn words(drawn: &[u64], count: usize) -> Vec<u64> {
    let drawn = drawn.iter().copied().cycle();
    let distinct = (1..).map(|i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    interleave(drawn, distinct).take(count).collect()
}

/// Floats of the bit patterns that were drawn, each followed by one like no other.
pub fn floats(drawn: &[u32], count: usize) -> Vec<f32> {
    let drawn = drawn.iter().map(|&bits| f32::from_bits(bits)).cycle();
    let distinct = (1..).map(|i: u16| f32::from(i) + 0.3);
    interleave(drawn, distinct).take(count).collect()
}

/// The first may be empty.
fn interleave<T>(mut a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    b.flat_map(move |b| a.next().into_iter().chain([b]))
}
