//! What the library computes, as one program: another machine compiles and emulates one, not two dozen.
//!
//! `cargo test --test library alpha::` runs the tests of one file.
#![allow(
    clippy::float_cmp,
    clippy::similar_names,
    reason = "what is compared so is exact, and named as its gradient is"
)]
#![allow(clippy::large_types_passed_by_value, reason = "copies are no matter here")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

#[path = "../common/mod.rs"]
mod common;

mod alpha;
mod attention;
mod attention_options;
mod bias;
mod connect;
mod cutout;
mod dropblock;
mod dropblock_options;
mod embedding;
mod errors;
#[cfg(feature = "rng")]
mod generator;
#[cfg(feature = "rng")]
mod golden;
mod gradient;
mod laws;
mod layer;
mod layouts;
mod levels_agree;
mod masks;
mod monte_carlo;
#[cfg(feature = "rayon")]
mod parallel;
mod path;
mod probability;
mod reference;
mod relu;
mod samples;
mod scaling;
mod select;
mod spatial;
mod statistics;
mod zero_factor;
