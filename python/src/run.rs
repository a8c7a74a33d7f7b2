//! Passes over arrays of one shape, with any strides.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::checks::{ok, pass_apart, same_shape};
use crate::dropout::Dropout;
use crate::raw::{Array, Arrays, Kernel, Pass};
use crate::threads;

/// The inputs of a pass, and a bias or its gradient.
pub(crate) struct Inputs<'a, 'py> {
    pub(crate) x: &'a Bound<'py, PyAny>,
    pub(crate) name: &'static str,
    pub(crate) residual: Option<&'a Bound<'py, PyAny>>,
    pub(crate) residual_name: &'static str,
    pub(crate) bias: Bias<'a, 'py>,
}

impl<'a, 'py> Inputs<'a, 'py> {
    pub(crate) fn of(x: &'a Bound<'py, PyAny>, name: &'static str) -> Self {
        Self { x, name, residual: None, residual_name: "residual", bias: Bias::None }
    }
}

/// What a pass does with as many floats as the last axis has.
pub(crate) enum Bias<'a, 'py> {
    None,
    Read(&'a Bound<'py, PyAny>),
    Written(&'a Bound<'py, PyAny>),
}

/// What a pass does with a mask in memory.
pub(crate) enum Mask<'a, 'py> {
    None,
    Read(&'a Bound<'py, PyAny>),
    Written(&'a Bound<'py, PyAny>),
}

impl<'a, 'py> Mask<'a, 'py> {
    pub(crate) fn written(mask: Option<&'a Bound<'py, PyAny>>) -> Self {
        mask.map_or(Self::None, Self::Written)
    }

    pub(crate) fn read(mask: Option<&'a Bound<'py, PyAny>>) -> Self {
        mask.map_or(Self::None, Self::Read)
    }
}

impl Dropout {
    /// Runs a kernel over arrays, and returns its output.
    pub(crate) fn run<'py>(
        &self,
        kernel: Kernel,
        inputs: Inputs<'_, 'py>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Mask<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, x) = (inputs.x.py(), Array::read(inputs.x, inputs.name)?);
        let r = inputs.residual.map(|r| Array::read(r, inputs.residual_name)).transpose()?;
        let bias = match inputs.bias {
            Bias::None => None,
            Bias::Read(bias) => Some(Array::read(bias, "bias")?),
            Bias::Written(bias) => Some(Array::write(bias, "dbias")?),
        };
        bias.iter().try_for_each(|bias| bias.must_have(&[last_axis(&x)?]))?;
        let y = Array::out(py, out, "out", x.shape())?;
        r.iter().chain([&y]).try_for_each(|array| same_shape(array, &x))?;

        let bits = self.bits(x.shape())?;
        let relu = matches!(kernel, Kernel::ReluForward | Kernel::ReluBackward);
        let written = matches!(mask, Mask::Written(_));
        let mask = match mask {
            Mask::None => None,
            Mask::Read(mask) => Some(Array::read(mask, "mask")?),
            Mask::Written(mask) => Some(Array::write(mask, "mask")?),
        };
        let count = if relu { x.shape().iter().product() } else { bits.count(x.shape())? };
        mask.iter().try_for_each(|mask| mask.must_have(&[count.div_ceil(64)]))?;
        let draws = match kernel {
            Kernel::Apply | Kernel::Evaluate | Kernel::BiasEvaluate | Kernel::ReluBackward | Kernel::SelectEvaluate => {
                false
            }
            _ => mask.is_none() || written,
        };
        if draws {
            bits.check(x.shape())?;
        }
        let strides = [x.strides(), r.as_ref().map_or(&[][..], |r| r.strides()), y.strides()];
        let axes = bits.axes(x.shape(), strides, usize::from(bias.is_some()))?;
        let mask = mask.as_ref().map(|mask| (mask, count));
        let arrays = Arrays { x: &x, r: r.as_ref(), y: &y, mask, bias: bias.as_ref() };
        pass_apart(&axes, arrays, written, kernel == Kernel::BiasBackward)?;
        let over = |input: &Array<'_, f32>| input.start() == y.start();
        if kernel == Kernel::SelectEvaluate && over(&x) && r.as_ref().is_some_and(over) {
            return Err(PyValueError::new_err("out is a and b, of which it may be one"));
        }
        let call = self.call(&bits, &axes);
        ok(threads::run(py, &Pass::new(kernel, call, &axes, arrays), self.threads()))?;
        Ok(y.into_any())
    }
}

/// How long the last axis is.
pub(crate) fn last_axis(array: &Array<'_, f32>) -> PyResult<usize> {
    let last = array.shape().last().copied();
    last.ok_or_else(|| PyValueError::new_err(format!("{} has the shape (), and no last axis", array.name())))
}
