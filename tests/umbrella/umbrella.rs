//! Exports its own functions and all those of dropmask: a crate that is named is linked, with its C symbols.

mod beside;

pub use dropmask::ffi::*;
