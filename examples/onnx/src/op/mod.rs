//! The ops, one file an engine, each to be copied.

pub mod ort;
pub mod tract;
