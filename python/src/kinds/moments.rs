use numpy::{PyArray1, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::word;
use crate::checks::ok;
use crate::layout::shown;
use crate::raw::{self, Array};
use crate::threads::detached;

/// The mean over passes, and one more sum of each.
struct Sums {
    passes: u64,
    shape: Vec<usize>,
    mean: Vec<f64>,
    other: Vec<f64>,
}

/// Mean and variance of each output over passes with different masks: Monte-Carlo dropout. With all, an array of the outputs of
/// passes one after the other, in float64:
///
///     push(y)          numpy.append(all, y[None], 0)
///     mean             all.mean(0)
///     variance(ddof)   all.var(0, ddof=ddof)
///
/// It is Welford's method: memory is that of two passes in float64. It can be copied and pickled, and goes on then.
/// Two threads that push at once are a RuntimeError.
#[pyclass(module = "dropmask")]
pub(crate) struct Moments(Sums);

#[pymethods]
impl Moments {
    #[new]
    fn new() -> Self {
        Self(Sums::new())
    }

    /// One more pass. y: float32 in C order, of the shape of the passes before.
    fn push(&mut self, y: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, y) = (y.py(), Array::read(y, "y")?);
        let sums = &mut self.0;
        sums.fit(&y, |shape| Ok(shape.iter().product()))?;
        let (passes, len) = (sums.passes, sums.mean.len());
        let (y, mean, squares) = ((&y).into(), sums.mean.as_mut_slice().into(), sums.other.as_mut_slice().into());
        ok(detached(py, len, || raw::moments_push(passes, y, mean, squares, len)))?;
        sums.passes += 1;
        Ok(())
    }

    /// How many passes there were.
    #[getter]
    fn passes(&self) -> u64 {
        self.0.passes
    }

    /// The mean of each output, float64 of its shape.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let sums = self.0.any()?;
        array(py, &sums.mean, &sums.shape)
    }

    /// The variance of each output, float64 of its shape: that of the passes, with ddof=1 its unbiased estimate. NaN if there
    /// were no more passes than ddof.
    #[pyo3(signature = (ddof=None))]
    fn variance<'py>(&self, py: Python<'py>, ddof: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let ddof = ddof.map_or(Ok(0), |ddof| word(ddof, "ddof"))?;
        let variance = Array::<f64>::empty(py, &self.0.any()?.shape, "variance")?;
        let (passes, squares, out, len) =
            (self.0.passes, self.0.other.as_slice(), (&variance).into(), self.0.mean.len());
        ok(detached(py, len, || raw::moments_variance(passes, ddof, squares.into(), out, len)))?;
        Ok(variance.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<Moments of {} passes over {}>", self.0.passes, shown(&self.0.shape))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        slf.borrow().0.reduce(slf.as_any())
    }

    #[staticmethod]
    fn _restore(passes: u64, mean: &Bound<'_, PyArrayDyn<f64>>, squares: &Bound<'_, PyArray1<f64>>) -> PyResult<Self> {
        Ok(Self(Sums::restore(passes, mean, squares, false)?))
    }
}

/// The uncertainty of a classifier over passes with different masks, in nats. p, its probabilities, is of the shape (...,
/// classes). With all as in Moments, and 0 * log(0) = 0:
///
///     entropy                -(all * numpy.log(all)).sum(-1).mean(0)
///     predictive_entropy()   -(mean * numpy.log(mean)).sum(-1)
///     mutual_information()   predictive_entropy() - entropy, at least 0
///
/// The last is how much the passes disagree (BALD). Probabilities are not checked. It can be copied and pickled, and goes on
/// then.
#[pyclass(module = "dropmask")]
pub(crate) struct ClassMoments(Sums);

#[pymethods]
impl ClassMoments {
    #[new]
    fn new() -> Self {
        Self(Sums::new())
    }

    /// One more pass. p: float32 in C order, of the shape of the passes before.
    fn push(&mut self, p: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, p) = (p.py(), Array::read(p, "p")?);
        let sums = &mut self.0;
        sums.fit(&p, |shape| match shape {
            [samples @ .., _] => Ok(samples.iter().product()),
            [] => Err(PyValueError::new_err("p has the shape (), not (..., classes)")),
        })?;
        let (passes, len, [samples, classes]) = (sums.passes, sums.mean.len(), sums.classes());
        let (p, mean, entropy) = ((&p).into(), sums.mean.as_mut_slice().into(), sums.other.as_mut_slice().into());
        ok(detached(py, len, || raw::classes_push(passes, samples, classes, p, mean, entropy)))?;
        sums.passes += 1;
        Ok(())
    }

    /// How many passes there were.
    #[getter]
    fn passes(&self) -> u64 {
        self.0.passes
    }

    /// The mean of each probability, float64 of the shape of p.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let sums = self.0.any()?;
        array(py, &sums.mean, &sums.shape)
    }

    /// The mean of the entropies of passes, float64 of the shape of p without classes.
    #[getter]
    fn entropy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let sums = self.0.any()?;
        array(py, &sums.other, sums.samples())
    }

    /// The entropy of the mean, float64 of the shape of p without classes.
    fn predictive_entropy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.uncertainty(py, false)
    }

    /// predictive_entropy less entropy, float64 of the shape of p without classes.
    fn mutual_information<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.uncertainty(py, true)
    }

    fn __repr__(&self) -> String {
        format!("<ClassMoments of {} passes over {}>", self.0.passes, shown(&self.0.shape))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        slf.borrow().0.reduce(slf.as_any())
    }

    #[staticmethod]
    fn _restore(passes: u64, mean: &Bound<'_, PyArrayDyn<f64>>, entropy: &Bound<'_, PyArray1<f64>>) -> PyResult<Self> {
        Ok(Self(Sums::restore(passes, mean, entropy, true)?))
    }
}

impl ClassMoments {
    /// The entropy of the mean, where `mutual` less that of the passes.
    fn uncertainty<'py>(&self, py: Python<'py>, mutual: bool) -> PyResult<Bound<'py, PyAny>> {
        let sums = self.0.any()?;
        let (shape, [samples, classes]) = (sums.samples(), sums.classes());
        let out = Array::<f64>::empty(py, shape, "out")?;
        let entropy = mutual.then_some(sums.other.as_slice());
        let (mean, to) = (sums.mean.as_slice(), (&out).into());
        ok(detached(py, sums.mean.len(), || {
            raw::classes_uncertainty(samples, classes, mean.into(), entropy.into(), to)
        }))?;
        Ok(out.into_any())
    }
}

impl Sums {
    const fn new() -> Self {
        Self { passes: 0, shape: vec![], mean: vec![], other: vec![] }
    }

    /// Takes the shape of the first pass, of which so many numbers are summed beside the mean; others have that shape too.
    fn fit(&mut self, y: &Array<'_, f32>, others: impl FnOnce(&[usize]) -> PyResult<usize>) -> PyResult<()> {
        if self.passes > 0 {
            return y.must_have(&self.shape);
        }
        y.must_have(y.shape())?;
        (self.other, self.mean) = (zeros(others(y.shape())?)?, zeros(y.shape().iter().product())?);
        self.shape = y.shape().to_vec();
        Ok(())
    }

    /// Itself, if there was a pass.
    fn any(&self) -> PyResult<&Self> {
        if self.passes == 0 { Err(PyValueError::new_err("there was no pass yet")) } else { Ok(self) }
    }

    /// The shape without classes.
    fn samples(&self) -> &[usize] {
        self.shape.split_last().map_or(&[], |(_, samples)| samples)
    }

    /// How many samples and classes there are.
    fn classes(&self) -> [usize; 2] {
        [self.samples().iter().product(), self.shape.last().copied().unwrap_or(1)]
    }

    fn reduce<'py>(&self, of: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, class) = (of.py(), of.get_type());
        if self.passes == 0 {
            return Ok((class.into_any(), PyTuple::empty(py).into_any()));
        }
        let other = PyArray1::from_slice(py, &self.other);
        let state = (self.passes, array(py, &self.mean, &self.shape)?, other);
        Ok((class.getattr("_restore")?, state.into_pyobject(py)?.into_any()))
    }

    /// What `reduce` took apart, of classes or not.
    fn restore(
        passes: u64,
        mean: &Bound<'_, PyArrayDyn<f64>>,
        other: &Bound<'_, PyArray1<f64>>,
        classes: bool,
    ) -> PyResult<Self> {
        let sums = Self { passes, shape: mean.shape().to_vec(), mean: mean.to_vec()?, other: other.to_vec()? };
        let wanted = if classes { sums.samples().iter().product() } else { sums.mean.len() };
        if sums.other.len() != wanted || passes == 0 || (classes && sums.shape.is_empty()) {
            return Err(PyValueError::new_err("these are no sums of passes"));
        }
        Ok(sums)
    }
}

/// So many zeros, or a MemoryError.
fn zeros(len: usize) -> PyResult<Vec<f64>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len).map_err(|_| PyMemoryError::new_err(format!("no memory for {len} sums of float64")))?;
    zeros.resize(len, 0.0);
    Ok(zeros)
}

/// A new array.
fn array<'py>(py: Python<'py>, numbers: &[f64], shape: &[usize]) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
    PyArray1::from_slice(py, numbers).reshape(shape)
}
