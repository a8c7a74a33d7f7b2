//! Dropout in other forms.

mod attention;
mod connect;
mod cutout;
mod dropblock;
mod elementwise;
mod embedding;
mod moments;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::dropout::Dropout;
pub(crate) use attention::AttentionDropout;
pub(crate) use connect::DropConnect;
pub(crate) use cutout::Cutout;
pub(crate) use dropblock::DropBlock;
pub(crate) use elementwise::{AlphaDropout, BiasDropout, ReluDropout, Select};
pub(crate) use embedding::EmbeddingDropout;
pub(crate) use moments::{ClassMoments, Moments};

/// A dropout whose scaling is the default.
fn inverted(dropout: &Bound<'_, Dropout>, kind: &str) -> PyResult<Dropout> {
    let dropout = dropout.get();
    if dropout.scaling() == "inverted" {
        return Ok(dropout.clone());
    }
    Err(PyValueError::new_err(format!("{kind} has no scaling {:?}, \"inverted\" alone", dropout.scaling())))
}

/// A dropout of which no axis shares a bit.
fn unshared(dropout: &Bound<'_, Dropout>, kind: &str) -> PyResult<Dropout> {
    let dropout = dropout.get();
    if !dropout.shares() {
        return Ok(dropout.clone());
    }
    Err(PyValueError::new_err(format!("{kind} has no shared axes: {}", dropout.__repr__())))
}

/// Whether samples have numbers.
fn samples(first: u64, count: usize) -> PyResult<()> {
    if u128::from(first) + count as u128 <= 1 << 64 {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("first_sample is {first}, and {count} samples pass 2**64")))
}
