use dropmask::ffi::dropmask_call;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{samples, unshared};
use crate::arguments::word;
use crate::checks::{Extent, apart, has_sum, ok, stored};
use crate::dropout::Dropout;
use crate::layout::shown;
use crate::raw::{self, Array};
use crate::run::last_axis;
use crate::threads::detached;

/// A linear layer whose weights are dropped. x is of the shape (..., inputs), weights (outputs, inputs), bias (outputs,), y
/// (..., outputs).
///
/// With kept an array of bool of the shape of weights:
///
///     w = numpy.where(kept, weights * scale, 0)
///     forward(x, weights, bias)       x @ w.T + bias
///     backward_input(weights, dy)     dy @ w
///     backward_weights(x, dy)         numpy.where(kept, dy.T @ x * scale, 0), of two axes
///     backward_bias(dy)               dy.sum(0), of two axes
///     evaluate(x, weights, bias)      x @ weights.T + bias; with scaling="standard" weights * keep
///
/// What is dropped adds nothing, be it a NaN.
///
/// per_sample: each row of x has a mask of its own, row n that of the dropout with key.derive(first_sample + n).
///
/// Arrays are in C order without gaps. No axis shares bits. A part of the weights is one of the dropout. mask, where bits are
/// read and not drawn, is words(weights.shape) uint64, with per_sample the bits of all rows one after the other, without
/// gaps. One thread computes, whatever the dropout says.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct DropConnect {
    dropout: Dropout,
    per_sample: bool,
    first_sample: u64,
}

#[pymethods]
impl DropConnect {
    #[new]
    #[pyo3(signature = (dropout, *, per_sample=false, first_sample=None))]
    fn new(dropout: &Bound<'_, Dropout>, per_sample: bool, first_sample: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let first_sample = first_sample.map_or(Ok(0), |first| word(first, "first_sample"))?;
        if !per_sample && first_sample != 0 {
            return Err(PyValueError::new_err(format!("first_sample is {first_sample}, and per_sample is False")));
        }
        Ok(Self { dropout: unshared(dropout, "DropConnect")?, per_sample, first_sample })
    }

    /// x @ w.T + bias, w being what is left of weights. out and mask: see the class.
    #[pyo3(signature = (x, weights, bias=None, *, out=None, mask=None))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        weights: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Linear { x, w, b, batch, shape } = Linear::new(x, weights, bias)?;
        let y = Array::out(x.py(), out, "out", &shape)?;
        y.must_have(&shape)?;
        let (call, mask) = self.masks(w.shape(), batch, mask)?;
        apart(&[
            Some(Extent::written(&y)),
            Some(Extent::read(&x)),
            Some(Extent::read(&w)),
            b.as_ref().map(Extent::read),
            mask.as_ref().map(Extent::read),
        ])?;
        let (py, work, &Self { per_sample, first_sample, .. }) = (x.py(), products(&w, batch), self);
        let (words, w, b, x, to) = (mask.as_ref().into(), (&w).into(), b.as_ref().into(), (&x).into(), (&y).into());
        ok(detached(py, work, || raw::connect_forward(&call, batch, per_sample, first_sample, words, w, b, x, to)))?;
        Ok(y.into_any())
    }

    /// The gradient of forward for x, of the shape (..., inputs). accumulate: adds to what is in out.
    #[pyo3(signature = (weights, dy, *, out=None, mask=None, accumulate=false))]
    fn backward_input<'py>(
        &self,
        weights: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (w, [outputs, inputs]) = matrix(weights)?;
        let dy = Array::read(dy, "dy")?;
        let (batch, shape) = rows(&dy, outputs, inputs)?;
        has_sum(accumulate, out)?;
        let dx = Array::out(dy.py(), out, "out", &shape)?;
        dx.must_have(&shape)?;
        let (call, mask) = self.masks(w.shape(), batch, mask)?;
        apart(&[
            Some(Extent::written(&dx)),
            Some(Extent::read(&dy)),
            Some(Extent::read(&w)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (py, work, &Self { per_sample, first_sample, .. }) = (dy.py(), products(&w, batch), self);
        let (words, w, dy, to) = (mask.as_ref().into(), (&w).into(), (&dy).into(), (&dx).into());
        ok(detached(py, work, || {
            raw::connect_backward_input(&call, batch, per_sample, first_sample, words, w, dy, to, accumulate)
        }))?;
        Ok(dx.into_any())
    }

    /// The gradient of forward for weights, of the shape (outputs, inputs). accumulate: adds to what is in out.
    #[pyo3(signature = (x, dy, *, out=None, mask=None, accumulate=false))]
    fn backward_weights<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (x, dy) = (Array::read(x, "x")?, Array::read(dy, "dy")?);
        let (inputs, outputs) = (last_axis(&x)?, last_axis(&dy)?);
        let (batch, shape) = rows(&x, inputs, outputs)?;
        dy.must_have(&shape)?;
        has_sum(accumulate, out)?;
        let dw = Array::out(x.py(), out, "out", &[outputs, inputs])?;
        dw.must_have(&[outputs, inputs])?;
        let (call, mask) = self.masks(dw.shape(), batch, mask)?;
        apart(&[
            Some(Extent::written(&dw)),
            Some(Extent::read(&x)),
            Some(Extent::read(&dy)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (py, work, &Self { per_sample, first_sample, .. }) = (x.py(), products(&dw, batch), self);
        let (words, x, dy, to) = (mask.as_ref().into(), (&x).into(), (&dy).into(), (&dw).into());
        ok(detached(py, work, || {
            raw::connect_backward_weights(&call, batch, per_sample, first_sample, words, x, dy, to, accumulate)
        }))?;
        Ok(dw.into_any())
    }

    /// The gradient of forward for bias, of the shape (outputs,), summed in the order of the rows.
    #[staticmethod]
    #[pyo3(signature = (dy, *, out=None))]
    fn backward_bias<'py>(dy: &Bound<'py, PyAny>, out: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let dy = Array::read(dy, "dy")?;
        let outputs = last_axis(&dy)?;
        let (batch, _) = rows(&dy, outputs, 0)?;
        let db = Array::out(dy.py(), out, "out", &[outputs])?;
        db.must_have(&[outputs])?;
        apart(&[Some(Extent::written(&db)), Some(Extent::read(&dy))])?;
        let (py, elements, dy, to) = (dy.py(), batch * outputs, (&dy).into(), (&db).into());
        ok(detached(py, elements, || raw::connect_backward_bias(batch, outputs, dy, to)))?;
        Ok(db.into_any())
    }

    /// What the network computes when it is not trained: x @ weights.T + bias; with scaling="standard" weights * keep.
    #[pyo3(signature = (x, weights, bias=None, *, out=None))]
    fn evaluate<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        weights: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Linear { x, w, b, batch, shape } = Linear::new(x, weights, bias)?;
        let y = Array::out(x.py(), out, "out", &shape)?;
        y.must_have(&shape)?;
        apart(&[
            Some(Extent::written(&y)),
            Some(Extent::read(&x)),
            Some(Extent::read(&w)),
            b.as_ref().map(Extent::read),
        ])?;
        let (py, work, call) = (x.py(), products(&w, batch), self.call(w.shape())?);
        let (w, b, x, to) = ((&w).into(), b.as_ref().into(), (&x).into(), (&y).into());
        ok(detached(py, work, || raw::connect_evaluate(&call, batch, w, b, x, to)))?;
        Ok(y.into_any())
    }

    /// (mean, variance) of forward over all masks, as new arrays of its shape. With q = threshold / 2**32:
    ///
    ///     mean       x @ weights.T * q + bias, with scaling="inverted" without q
    ///     variance   x**2 @ (weights**2).T * q * (1 - q), with scaling="inverted" (1 - q) / q instead
    #[pyo3(signature = (x, weights, bias=None))]
    fn moments<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        weights: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let Linear { x, w, b, batch, shape } = Linear::new(x, weights, bias)?;
        let (py, work, call) = (x.py(), products(&w, batch), self.call(w.shape())?);
        let (mean, variance) = (Array::empty(py, &shape, "mean")?, Array::empty(py, &shape, "variance")?);
        let (w, b, x) = ((&w).into(), b.as_ref().into(), (&x).into());
        let (to_mean, to_variance) = ((&mean).into(), (&variance).into());
        ok(detached(py, work, || raw::connect_moments(&call, batch, w, b, x, to_mean, to_variance)))?;
        Ok((mean.into_any(), variance.into_any()))
    }

    fn __repr__(&self) -> String {
        let Self { dropout, per_sample, first_sample } = self;
        let per_sample = if *per_sample { "True" } else { "False" };
        let dropout = dropout.__repr__();
        format!("DropConnect({dropout}, per_sample={per_sample}, first_sample={first_sample})")
    }
}

impl DropConnect {
    fn call(&self, shape: &[usize]) -> PyResult<dropmask_call> {
        let bits = self.dropout.bits(shape)?;
        Ok(self.dropout.call(&bits, &bits.axes::<0>(shape, [], 2)?))
    }

    /// The call for weights of a shape, and the masks of so many samples where they are read.
    fn masks<'py>(
        &self,
        shape: &[usize],
        batch: usize,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(dropmask_call, Option<Array<'py, u64>>)> {
        let bits = self.dropout.bits(shape)?;
        if mask.is_none() {
            bits.check(shape)?;
            if self.per_sample {
                samples(self.first_sample, batch)?;
            }
        }
        let masks = if self.per_sample { batch } else { 1 };
        Ok((self.call(shape)?, stored(mask, bits.count(shape)?.saturating_mul(masks))?))
    }
}

/// The arguments of a linear layer.
struct Linear<'py> {
    x: Array<'py, f32>,
    w: Array<'py, f32>,
    b: Option<Array<'py, f32>>,
    batch: usize,
    /// Of the result.
    shape: Vec<usize>,
}

impl<'py> Linear<'py> {
    fn new(x: &Bound<'py, PyAny>, weights: &Bound<'py, PyAny>, bias: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let x = Array::read(x, "x")?;
        let (w, [outputs, inputs]) = matrix(weights)?;
        let b = bias.map(|bias| Array::read(bias, "bias")).transpose()?;
        b.iter().try_for_each(|b| b.must_have(&[outputs]))?;
        let (batch, shape) = rows(&x, inputs, outputs)?;
        Ok(Self { x, w, b, batch, shape })
    }
}

/// Weights, and their shape.
fn matrix<'py>(weights: &Bound<'py, PyAny>) -> PyResult<(Array<'py, f32>, [usize; 2])> {
    let w = Array::read(weights, "weights")?;
    let Ok(shape) = w.shape().try_into() else {
        let shape = shown(w.shape());
        return Err(PyValueError::new_err(format!("weights has the shape {shape}, not (outputs, inputs)")));
    };
    w.must_have(w.shape())?;
    Ok((w, shape))
}

/// How many rows of so many items there are, and the shape of as many of other items.
fn rows(array: &Array<'_, f32>, items: usize, others: usize) -> PyResult<(usize, Vec<usize>)> {
    let mut shape = array.shape().to_vec();
    if shape.pop() != Some(items) {
        let (name, shape) = (array.name(), shown(array.shape()));
        return Err(PyValueError::new_err(format!(
            "{name} has the shape {shape}, not (..., {items}), as weights has it"
        )));
    }
    array.must_have(array.shape())?;
    let batch = shape.iter().product();
    shape.push(others);
    Ok((batch, shape))
}

/// Products of all samples.
fn products(weights: &Array<'_, f32>, batch: usize) -> usize {
    weights.shape().iter().fold(batch, |product, len| product.saturating_mul(*len))
}
