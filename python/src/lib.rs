//! The package `dropmask` of Python: the library's C interface on NumPy arrays. What a user reads is in the doc comments of
//! classes and methods, which `help` shows, and in `dropmask/_dropmask.pyi`.
//!
//! Checks are made here, with the names of the arguments: of the library a status comes back, and no number.

mod arguments;
mod checks;
mod dropout;
mod key;
mod kinds;
mod layout;
mod raw;
mod run;
mod threads;

use pyo3::prelude::*;

/// Exact, replayable dropout for NumPy arrays.
#[pymodule]
mod _dropmask {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::dropout::Dropout;
    #[pymodule_export]
    use crate::key::Key;
    #[pymodule_export]
    use crate::kinds::{
        AlphaDropout, AttentionDropout, BiasDropout, ClassMoments, Cutout, DropBlock, DropConnect, EmbeddingDropout,
        Moments, ReluDropout, Select,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("MASK_STREAM_VERSION", dropmask::MASK_STREAM_VERSION)
    }

    /// The SIMD level that runs: "portable", "avx2" or "avx512". All give the same bits.
    #[pyfunction]
    fn level() -> &'static str {
        crate::raw::level()
    }
}
