use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::word;

/// 64 bits that name one mask stream.
///
/// Start from a seed and derive by what the mask is for, in a fixed order: layer, step, sample. Distinct short paths of steps
/// give distinct, statistically independent streams. They are not cryptographic.
///
/// >>> key = Key(42)
/// >>> key.derive(3, 17) == key.derive(3).derive(17)  # layer 3, step 17
/// True
/// >>> key.derive(3, 17) == key.derive(17, 3)
/// False
#[pyclass(frozen, eq, hash, module = "dropmask")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(pub(crate) dropmask::Key);

#[pymethods]
impl Key {
    #[new]
    fn new(seed: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(dropmask::Key::new(word(seed, "seed")?)))
    }

    /// Restores a key whose raw value was saved. A new key comes from a seed and from derive: raw neighbours name overlapping
    /// streams.
    #[staticmethod]
    fn from_raw(raw: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(dropmask::Key::from_raw(word(raw, "raw")?)))
    }

    /// The key of steps below this one.
    #[pyo3(signature = (*steps))]
    pub(crate) fn derive(&self, steps: &Bound<'_, PyTuple>) -> PyResult<Self> {
        steps.iter().try_fold(*self, |key, step| Ok(Self(key.0.derive(word(&step, "step")?))))
    }

    /// The key as an integer, to be saved.
    #[getter]
    fn raw(&self) -> u64 {
        self.0.to_raw()
    }

    pub(crate) fn __repr__(&self) -> String {
        format!("Key.from_raw({:#018x})", self.raw())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (u64,))> {
        Ok((py.get_type::<Self>().getattr("from_raw")?, (self.raw(),)))
    }
}
