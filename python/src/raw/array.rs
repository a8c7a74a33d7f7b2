use std::marker::PhantomData;
use std::ptr;

use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, PyArrayObject, get_type_object, npy_intp};
use numpy::{Element, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods, dtype};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::layout::shown;

/// An array of elements of one type, in the byte order of the machine and aligned, whose strides count whole elements.
#[derive(Clone)]
pub(crate) struct Array<'py, T> {
    object: Bound<'py, PyUntypedArray>,
    name: &'static str,
    elements: PhantomData<T>,
}

impl<'py, T: Element> Array<'py, T> {
    /// An argument that is read.
    pub(crate) fn read(array: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Self> {
        let py = array.py();
        let Ok(array) = array.cast::<PyUntypedArray>() else {
            let class = array.get_type().name()?;
            return Err(PyTypeError::new_err(format!("{name} is of type {class}, not a NumPy array")));
        };
        let (actual, wanted) = (array.dtype(), dtype::<T>(py));
        if !actual.is_equiv_to(&wanted) {
            return Err(PyTypeError::new_err(format!("{name} is of dtype {actual}, not {wanted}")));
        }
        let item = size_of::<T>().cast_signed();
        for (axis, (stride, len)) in array.strides().iter().zip(array.shape()).enumerate() {
            if *len > 1 && (*stride < 0 || stride % item != 0) {
                let fault = if *stride < 0 { "negative" } else { "not a multiple of its items" };
                return Err(PyValueError::new_err(format!(
                    "the stride of axis {axis} of {name} is {fault}: {stride} bytes; numpy.ascontiguousarray makes a copy"
                )));
            }
        }
        if !array.is_aligned() {
            return Err(PyValueError::new_err(format!("{name} is not aligned to its items")));
        }
        Ok(Self { object: array.clone(), name, elements: PhantomData })
    }

    /// An argument that is written.
    pub(crate) fn write(array: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Self> {
        let array = Self::read(array, name)?;
        // SAFETY: the pointer is to a NumPy array, which `read` has checked by its class, and alive while it is borrowed.
        let flags = unsafe { (*array.object.as_array_ptr()).fields.flags };
        if flags & NPY_ARRAY_WRITEABLE == 0 {
            return Err(PyValueError::new_err(format!("{name} is read-only")));
        }
        Ok(array)
    }

    /// A new array in C order, whose elements a pass is to write before Python sees them.
    pub(crate) fn empty(py: Python<'py>, shape: &[usize], name: &'static str) -> PyResult<Self> {
        let mut dims: Vec<npy_intp> = shape.iter().map(|len| isize::try_from(*len).unwrap_or(isize::MAX)).collect();
        let ndim = i32::try_from(dims.len()).unwrap_or(i32::MAX);
        // SAFETY: `dims` has `ndim` lengths, the descriptor is a new reference, which the call takes over, and all else may
        // be NULL: NumPy allocates. Its result is NULL with an exception set, or a new reference to an array of that class.
        let array = unsafe {
            let class = get_type_object(py, NpyTypes::PyArray_Type);
            let descriptor = T::get_dtype(py).into_dtype_ptr();
            let (dims, none) = (dims.as_mut_ptr(), ptr::null_mut());
            let new = PY_ARRAY_API.PyArray_NewFromDescr(
                py,
                class,
                descriptor,
                ndim,
                dims,
                ptr::null_mut(),
                none,
                0,
                ptr::null_mut(),
            );
            Bound::from_owned_ptr_or_err(py, new)?.cast_into_unchecked()
        };
        Ok(Self { object: array, name, elements: PhantomData })
    }

    /// Where a call writes: an argument, or a new array of this shape.
    pub(crate) fn out(
        py: Python<'py>,
        out: Option<&Bound<'py, PyAny>>,
        name: &'static str,
        shape: &[usize],
    ) -> PyResult<Self> {
        out.map_or_else(|| Self::empty(py, shape, name), |out| Self::write(out, name))
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.object.shape()
    }

    /// In bytes, and of an axis of one element anything.
    pub(crate) fn strides(&self) -> &[isize] {
        self.object.strides()
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.object.py()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn into_any(self) -> Bound<'py, PyAny> {
        self.object.into_any()
    }

    /// The first element.
    pub(crate) fn start(&self) -> *mut T {
        let array: *mut PyArrayObject = self.object.as_array_ptr();
        // SAFETY: as in `write`.
        unsafe { (*array).fields.data.cast() }
    }

    /// Whether it is in C order without gaps, and of this shape.
    pub(crate) fn must_have(&self, wanted: &[usize]) -> PyResult<()> {
        let shape = self.shape();
        if shape != wanted {
            let (name, shape, wanted) = (self.name, shown(shape), shown(wanted));
            return Err(PyValueError::new_err(format!("{name} has the shape {shape}, not {wanted}")));
        }
        if !self.object.is_c_contiguous() {
            let name = self.name;
            return Err(PyValueError::new_err(format!("{name} has gaps between its items, or is not in C order")));
        }
        Ok(())
    }
}
