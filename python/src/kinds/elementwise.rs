use pyo3::prelude::*;

use super::inverted;
use crate::dropout::Dropout;
use crate::raw::{Array, Kernel};
use crate::run::{Bias, Inputs, Mask, last_axis};

/// relu and then dropout, in one pass, with one bit an element for both gradients: whether it is kept and greater than 0.
///
///     forward(x, mask)     numpy.where(kept, numpy.maximum(x, 0) * scale, 0)
///     backward(dy, mask)   numpy.where(kept & (x > 0), dy * scale, 0)
///     evaluate(x)          numpy.maximum(x, 0), with scaling="standard" times keep
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct ReluDropout(Dropout);

#[pymethods]
impl ReluDropout {
    #[new]
    fn new(dropout: &Bound<'_, Dropout>) -> Self {
        Self(dropout.get().clone())
    }

    /// mask: uint64, (x.size + 63) // 64 of them, which are written.
    #[pyo3(signature = (x, mask, *, out=None))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        mask: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(Kernel::ReluForward, Inputs::of(x, "x"), out, Mask::Written(mask))
    }

    /// mask: as forward wrote it. Plus residual if there is one.
    #[pyo3(signature = (dy, mask, *, out=None, residual=None))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        mask: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(Kernel::ReluBackward, Inputs { residual, ..Inputs::of(dy, "dy") }, out, Mask::Read(mask))
    }

    /// What the network computes when it is not trained: numpy.maximum(x, 0), with scaling="standard" times keep.
    ///
    /// out: as x, or x.
    #[pyo3(signature = (x, *, out=None))]
    fn evaluate<'py>(&self, x: &Bound<'py, PyAny>, out: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let elements: usize = Array::<f32>::read(x, "x")?.shape().iter().product();
        let words = Array::<u64>::empty(x.py(), &[elements.div_ceil(64)], "mask")?.into_any();
        let relu = self.0.keeping_all();
        let y = relu.run(Kernel::ReluForward, Inputs::of(x, "x"), out, Mask::Written(&words))?;
        self.0.run(Kernel::Evaluate, Inputs::of(&y, "out"), Some(&y), Mask::None)
    }

    fn __repr__(&self) -> String {
        format!("ReluDropout({})", self.0.__repr__())
    }
}

/// A bias, dropout and a residual sum in one pass. bias has one number for each element of the last axis.
///
///     forward(x, bias, residual=r)     r + numpy.where(kept, (x + bias) * scale, 0)
///     backward(dy)                     g = numpy.where(kept, dy * scale, 0), and its sum over all axes but the last
///     evaluate(x, bias, residual=r)    r + (x + bias)
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct BiasDropout(Dropout);

#[pymethods]
impl BiasDropout {
    #[new]
    fn new(dropout: &Bound<'_, Dropout>) -> Self {
        Self(dropout.get().clone())
    }

    /// residual and out: as x; out may be either of them.
    #[pyo3(signature = (x, bias, *, out=None, residual=None))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let bias = Bias::Read(bias);
        self.0.run(Kernel::BiasForward, Inputs { residual, bias, ..Inputs::of(x, "x") }, out, Mask::None)
    }

    /// The gradients (dx, dbias). The bias is summed on one thread, in the order of the elements.
    ///
    /// dbias: where to write it, as long as the last axis, or None for a new array.
    #[pyo3(signature = (dy, *, out=None, residual=None, dbias=None))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
        dbias: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let dbias = match dbias {
            Some(dbias) => dbias.clone(),
            None => Array::<f32>::empty(dy.py(), &[last_axis(&Array::read(dy, "dy")?)?], "dbias")?.into_any(),
        };
        let inputs = Inputs { residual, bias: Bias::Written(&dbias), ..Inputs::of(dy, "dy") };
        let dx = self.0.run(Kernel::BiasBackward, inputs, out, Mask::None)?;
        Ok((dx, dbias))
    }

    /// What the network computes when it is not trained; with scaling="standard" x + bias counts as (x + bias) * keep.
    #[pyo3(signature = (x, bias, *, out=None, residual=None))]
    fn evaluate<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let bias = Bias::Read(bias);
        self.0.run(Kernel::BiasEvaluate, Inputs { residual, bias, ..Inputs::of(x, "x") }, out, Mask::None)
    }

    fn __repr__(&self) -> String {
        format!("BiasDropout({})", self.0.__repr__())
    }
}

/// Alpha dropout, for networks with SELU: it keeps mean and variance of what has mean 0 and variance 1.
///
/// With q = threshold / 2**32 and alpha = -1.7580993408473766, a = (q + alpha**2 * q * (1 - q))**-0.5, b = -a * alpha * (1 - q)
/// and d = alpha * a * q:
///
///     forward(x)     numpy.where(kept, x * a + b, d)
///     backward(dy)   numpy.where(kept, dy * a, 0)
///     evaluate(x)    x
///
/// The scaling of the dropout is "inverted". With shared axes it is feature-alpha dropout.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct AlphaDropout(Dropout);

#[pymethods]
impl AlphaDropout {
    #[new]
    fn new(dropout: &Bound<'_, Dropout>) -> PyResult<Self> {
        Ok(Self(inverted(dropout, "AlphaDropout")?))
    }

    /// out: as x, or x.
    #[pyo3(signature = (x, *, out=None))]
    fn forward<'py>(&self, x: &Bound<'py, PyAny>, out: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(Kernel::AlphaForward, Inputs::of(x, "x"), out, Mask::None)
    }

    /// The gradient of forward, its mask drawn again, plus residual if there is one.
    #[pyo3(signature = (dy, *, out=None, residual=None))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(Kernel::AlphaBackward, Inputs { residual, ..Inputs::of(dy, "dy") }, out, Mask::None)
    }

    /// What the network computes when it is not trained: x. out: as in forward.
    #[pyo3(signature = (x, *, out=None))]
    fn evaluate<'py>(&self, x: &Bound<'py, PyAny>, out: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(Kernel::Evaluate, Inputs::of(x, "x"), out, Mask::None)
    }

    fn __repr__(&self) -> String {
        format!("AlphaDropout({})", self.0.__repr__())
    }
}

/// One of two values for each element; the drop probability is the chance of b. Zoneout takes the new state for a and the old
/// one for b.
///
///     forward(a, b)    numpy.where(kept, a, b)
///     backward(dy)     numpy.where(kept, dy, 0) and numpy.where(kept, 0, dy)
///     evaluate(a, b)   a * keep + b * (1 - keep)
///
/// The scaling of the dropout is "inverted", and nothing is scaled.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct Select {
    dropout: Dropout,
    /// Of which the gradient to a is the forward pass.
    unscaled: Dropout,
}

#[pymethods]
impl Select {
    #[new]
    fn new(dropout: &Bound<'_, Dropout>) -> PyResult<Self> {
        let dropout = inverted(dropout, "Select")?;
        Ok(Self { unscaled: dropout.unscaled(), dropout })
    }

    /// out: as a and b, or one of them. mask: words(a.shape) uint64 from which bits are read and not drawn, or None.
    #[pyo3(signature = (a, b, *, out=None, mask=None))]
    fn forward<'py>(
        &self,
        a: &Bound<'py, PyAny>,
        b: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs { residual: Some(b), residual_name: "b", ..Inputs::of(a, "a") };
        self.dropout.run(Kernel::Select, inputs, out, Mask::read(mask))
    }

    /// The gradients (da, db), as new arrays. mask: as in forward.
    #[pyo3(signature = (dy, *, mask=None))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let kernel = if mask.is_some() { Kernel::Apply } else { Kernel::Forward };
        let da = self.unscaled.run(kernel, Inputs::of(dy, "dy"), None, Mask::read(mask))?;
        let db = self.dropout.run(Kernel::SelectBackward, Inputs::of(dy, "dy"), None, Mask::read(mask))?;
        Ok((da, db))
    }

    /// What the network computes when it is not trained: a * keep + b * (1 - keep), or the one that is certain.
    ///
    /// out: as in forward, but not both of them.
    #[pyo3(signature = (a, b, *, out=None))]
    fn evaluate<'py>(
        &self,
        a: &Bound<'py, PyAny>,
        b: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs { residual: Some(b), residual_name: "b", ..Inputs::of(a, "a") };
        self.dropout.run(Kernel::SelectEvaluate, inputs, out, Mask::None)
    }

    fn __repr__(&self) -> String {
        format!("Select({})", self.dropout.__repr__())
    }
}
