//! The mask stream, version 1: from a key, a drop probability and a range of element indices to mask words.
//!
//! `specification.rs` says plainly what a word is; `sampler.rs` makes the words of whole blocks in vectors, `draw.rs` those of
//! any range.

mod digits;
mod draw;
#[cfg(feature = "rng")]
mod generator;
mod sampler;
mod specification;

use crate::key::Key;
use crate::probability::Probability;

pub(crate) use draw::draw;
pub(crate) use sampler::{Meanwhile, sample, steps};
pub(crate) use specification::Bits;

/// The version of the mask stream: which bits a key, a probability and an index have. Results that were computed with
/// another are not those of this library.
pub const MASK_STREAM_VERSION: u32 = 1;

/// Elements of a block, the unit of random access: two groups of eight words.
pub(crate) const BLOCK: u64 = 1024;
pub(crate) const BLOCK_WORDS: usize = 16;

/// What names a mask stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) key: Key,
    pub(crate) p: Probability,
}
