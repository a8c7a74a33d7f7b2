//! Dropout in other forms.

mod attention;
mod elementwise;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::dropout::Dropout;
pub(crate) use attention::AttentionDropout;
pub(crate) use elementwise::{AlphaDropout, BiasDropout, ReluDropout, Select};

/// A dropout whose scaling is the default.
fn inverted(dropout: &Bound<'_, Dropout>, kind: &str) -> PyResult<Dropout> {
    let dropout = dropout.get();
    if dropout.scaling() == "inverted" {
        return Ok(dropout.clone());
    }
    Err(PyValueError::new_err(format!("{kind} has no scaling {:?}, \"inverted\" alone", dropout.scaling())))
}
