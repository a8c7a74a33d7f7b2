//! Arguments that are no arrays.

use dropmask::ffi::{DROPMASK_INVERTED, DROPMASK_NAIVE, DROPMASK_STANDARD};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// A whole number of 64 bits.
pub(crate) fn word(number: &Bound<'_, PyAny>, name: &str) -> PyResult<u64> {
    number.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyTypeError>(number.py()) {
            return PyTypeError::new_err(format!("{name} is {number}, not a whole number"));
        }
        PyValueError::new_err(format!("{name} is {number}, not from 0 to 2**64 - 1"))
    })
}

/// One number or several: a shape, a position.
pub(crate) fn words(numbers: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<u64>> {
    each(numbers, |number| word(number, name))
}

/// A shape of an array.
pub(crate) fn shape(shape: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    each(shape, |len| Ok(usize::try_from(word(len, "shape")?)?))
}

/// Numbers of axes, which may be negative.
pub(crate) fn axes(axes: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<isize>> {
    each(axes, |axis| axis.extract().map_err(|_| PyTypeError::new_err(format!("{name} is {axis}, not an axis"))))
}

fn each<T>(numbers: &Bound<'_, PyAny>, read: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Vec<T>> {
    match numbers.try_iter() {
        Ok(numbers) => numbers.map(|number| read(&number?)).collect(),
        Err(_) => Ok(vec![read(numbers)?]),
    }
}

/// The scalings by their names.
const SCALINGS: [(&str, u32); 3] =
    [("inverted", DROPMASK_INVERTED), ("standard", DROPMASK_STANDARD), ("naive", DROPMASK_NAIVE)];

pub(crate) fn scaling(name: &str) -> PyResult<u32> {
    let scaling = SCALINGS.iter().find(|(known, _)| *known == name);
    scaling.map(|(_, scaling)| *scaling).ok_or_else(|| {
        PyValueError::new_err(format!("scaling is {name:?}, not \"inverted\", \"standard\" or \"naive\""))
    })
}

pub(crate) fn scaling_name(scaling: u32) -> &'static str {
    SCALINGS.iter().find(|(_, known)| *known == scaling).map_or("", |(name, _)| name)
}
