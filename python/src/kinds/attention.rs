use dropmask::ffi::{DROPMASK_NOT_CAUSAL, dropmask_call};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::checks::{Extent, apart, has_sum, ok, stored};
use crate::dropout::Dropout;
use crate::layout::{AXES, Axes, shown};
use crate::raw::{self, Array};
use crate::threads::detached;

/// The softmax of attention scores, and dropout of the weights. scores are of the shape (..., queries, keys).
///
/// With s = scores * factor + bias, and -inf where a query does not see a key:
///
///     softmax                        e = numpy.exp(s - s.max(-1, keepdims=True)), e / e.sum(-1, keepdims=True)
///     forward(scores)                numpy.where(kept, softmax * scale, 0)
///     backward(scores, dweights)     g = numpy.where(kept, dweights * scale, 0),
///                                    softmax * (g - (softmax * g).sum(-1, keepdims=True)) * factor
///     evaluate(scores)               softmax; with scaling="standard" times keep
///
/// factor: 1 over the square root of the size of a head, or 1.
/// past: query q sees the keys 0 to past + q: 0 where a sequence attends to itself, keys - queries where the queries are the
/// last of it. It may be negative: what sees nothing has weights of 0. None, where every query sees every key.
/// renormalise: the softmax of the kept scores alone, without a scale.
///
/// Arrays are in C order without gaps, but for bias. Of the axes before the queries, those that do not follow each other in
/// bias or in the bits are two at most. All but keys may share bits. One thread computes, whatever the dropout says.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct AttentionDropout {
    dropout: Dropout,
    factor: f32,
    past: Option<isize>,
    renormalise: bool,
}

#[pymethods]
impl AttentionDropout {
    #[new]
    #[pyo3(signature = (dropout, *, factor=1.0, past=None, renormalise=false))]
    fn new(
        dropout: &Bound<'_, Dropout>,
        factor: f32,
        past: Option<&Bound<'_, PyAny>>,
        renormalise: bool,
    ) -> PyResult<Self> {
        Ok(Self { dropout: dropout.get().clone(), factor, past: past.map(keys_before).transpose()?, renormalise })
    }

    /// The weights, as out or a new array.
    ///
    /// bias: of a shape that broadcasts to that of scores, with strides; the items of its last axis follow each other.
    /// Padding is -inf.
    /// out: as scores, or scores where there is no softmax.
    /// mask: words(scores.shape) uint64 from which bits are read and not drawn.
    /// softmax: where to write the softmax before dropout, for backward_softmax: as scores, or scores.
    #[pyo3(signature = (scores, *, bias=None, out=None, mask=None, softmax=None))]
    fn forward<'py>(
        &self,
        scores: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        softmax: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, x) = (scores.py(), Array::read(scores, "scores")?);
        let rows = self.rows(&x, bias, mask, mask.is_none())?;
        let p = softmax.map(|softmax| Array::write(softmax, "softmax")).transpose()?;
        let y = Array::out(py, out, "out", x.shape())?;
        p.iter().chain([&y]).try_for_each(|array| array.must_have(x.shape()))?;
        apart(&[
            Some(Extent::written(&y).in_place_if(p.is_none())),
            Some(Extent::read(&x).in_place_if(true)),
            p.as_ref().map(|p| Extent::written(p).in_place_if(true)),
            rows.of_bias(),
            rows.mask.as_ref().map(Extent::read),
        ])?;
        let (Rows { call, strides, .. }, &Self { factor, renormalise, .. }) = (&rows, self);
        let (past, bias, mask) = (self.past(), rows.bias.as_ref().into(), rows.mask.as_ref().into());
        let (scores, weights, softmax) = ((&x).into(), (&y).into(), p.as_ref().into());
        ok(detached(py, rows.elements, || {
            raw::attention_forward(call, past, factor, bias, strides, renormalise, mask, scores, weights, softmax)
        }))?;
        Ok(y.into_any())
    }

    /// The gradient of forward for the scores, from scores and the gradient of the weights.
    ///
    /// out: as scores, or scores. bias, mask: as in forward.
    #[pyo3(signature = (scores, dweights, *, bias=None, out=None, mask=None))]
    fn backward<'py>(
        &self,
        scores: &Bound<'py, PyAny>,
        dweights: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, x) = (scores.py(), Array::read(scores, "scores")?);
        let rows = self.rows(&x, bias, mask, mask.is_none())?;
        let dy = Array::read(dweights, "dweights")?;
        let dx = Array::out(py, out, "out", x.shape())?;
        [&dy, &dx].into_iter().try_for_each(|array| array.must_have(x.shape()))?;
        apart(&[
            Some(Extent::written(&dx).in_place_if(true)),
            Some(Extent::read(&x).in_place_if(true)),
            Some(Extent::read(&dy)),
            rows.of_bias(),
            rows.mask.as_ref().map(Extent::read),
        ])?;
        let (Rows { call, strides, .. }, &Self { factor, renormalise, .. }) = (&rows, self);
        let (past, bias, mask) = (self.past(), rows.bias.as_ref().into(), rows.mask.as_ref().into());
        let (scores, dy, dscores) = ((&x).into(), (&dy).into(), (&dx).into());
        ok(detached(py, rows.elements, || {
            raw::attention_backward(call, past, factor, bias, strides, renormalise, mask, scores, dy, dscores)
        }))?;
        Ok(dx.into_any())
    }

    /// backward from the softmax that forward wrote, which is not computed again.
    ///
    /// out: as softmax, or softmax. mask: as in forward. accumulate: adds to what is in out, which is not softmax then.
    #[pyo3(signature = (softmax, dweights, *, out=None, mask=None, accumulate=false))]
    fn backward_softmax<'py>(
        &self,
        softmax: &Bound<'py, PyAny>,
        dweights: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, p) = (softmax.py(), Array::read(softmax, "softmax")?);
        let rows = self.rows(&p, None, mask, mask.is_none())?;
        has_sum(accumulate, out)?;
        let dy = Array::read(dweights, "dweights")?;
        let dx = Array::out(py, out, "out", p.shape())?;
        [&dy, &dx].into_iter().try_for_each(|array| array.must_have(p.shape()))?;
        apart(&[
            Some(Extent::written(&dx).in_place_if(!accumulate)),
            Some(Extent::read(&p).in_place_if(true)),
            Some(Extent::read(&dy)),
            rows.mask.as_ref().map(Extent::read),
        ])?;
        let (call, past, &Self { factor, renormalise, .. }) = (&rows.call, self.past(), self);
        let (mask, softmax) = (rows.mask.as_ref().into(), (&p).into());
        let (dy, dscores) = ((&dy).into(), (&dx).into());
        ok(detached(py, rows.elements, || {
            raw::attention_backward_softmax(call, past, factor, renormalise, mask, softmax, dy, dscores, accumulate)
        }))?;
        Ok(dx.into_any())
    }

    /// What the network computes when it is not trained: the softmax, with scaling="standard" and without renormalise times
    /// keep.
    ///
    /// out: as scores, or scores. bias: as in forward.
    #[pyo3(signature = (scores, *, bias=None, out=None))]
    fn evaluate<'py>(
        &self,
        scores: &Bound<'py, PyAny>,
        bias: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, x) = (scores.py(), Array::read(scores, "scores")?);
        let rows = self.rows(&x, bias, None, false)?;
        let y = Array::out(py, out, "out", x.shape())?;
        y.must_have(x.shape())?;
        apart(&[
            Some(Extent::written(&y).in_place_if(true)),
            Some(Extent::read(&x).in_place_if(true)),
            rows.of_bias(),
        ])?;
        let (Rows { call, strides, .. }, &Self { factor, renormalise, .. }) = (&rows, self);
        let (past, bias, scores, weights) = (self.past(), rows.bias.as_ref().into(), (&x).into(), (&y).into());
        ok(detached(py, rows.elements, || {
            raw::attention_evaluate(call, past, factor, bias, strides, renormalise, scores, weights)
        }))?;
        Ok(y.into_any())
    }

    fn __repr__(&self) -> String {
        let Self { dropout, factor, past, renormalise } = self;
        let past = past.map_or_else(|| "None".to_owned(), |past| past.to_string());
        let renormalise = if *renormalise { "True" } else { "False" };
        let dropout = dropout.__repr__();
        format!("AttentionDropout({dropout}, factor={factor:?}, past={past}, renormalise={renormalise})")
    }
}

/// What passes over scores have in common.
struct Rows<'py> {
    call: dropmask_call,
    elements: usize,
    mask: Option<Array<'py, u64>>,
    bias: Option<Array<'py, f32>>,
    /// Of samples, heads and queries in the bias.
    strides: [usize; 3],
    axes: Axes<1>,
}

impl AttentionDropout {
    fn rows<'py>(
        &self,
        scores: &Array<'py, f32>,
        bias: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        draws: bool,
    ) -> PyResult<Rows<'py>> {
        let shape = scores.shape();
        let [.., _, keys] = *shape else {
            let shape = shown(shape);
            return Err(PyValueError::new_err(format!("scores has the shape {shape}, not (..., queries, keys)")));
        };
        scores.must_have(shape)?;
        let bits = self.dropout.bits(shape)?;
        let mask = stored(mask, bits.count(shape)?)?;
        if draws {
            bits.check(shape)?;
        }
        let bias = bias.map(|bias| Array::read(bias, "bias")).transpose()?;
        let of_bias = bias.as_ref().map_or(Ok(vec![]), |bias| broadcast(bias, shape))?;
        let axes = bits.axes(shape, [&of_bias], 2)?;
        let last = |all: &[u64]| all.get(axes.count - 1) == Some(&1);
        if keys > 1 && !last(&axes.index) {
            return Err(PyValueError::new_err(format!(
                "keys share a bit in {}: they may not",
                self.dropout.__repr__()
            )));
        }
        let mut strides = [0; 3];
        let [of_bias] = axes.strides;
        strides.iter_mut().skip(AXES - axes.count).zip(of_bias).for_each(|(to, stride)| *to = stride);
        let call = self.dropout.call(&bits, &axes);
        Ok(Rows { call, elements: shape.iter().product(), mask, bias, strides, axes })
    }

    fn past(&self) -> isize {
        self.past.unwrap_or(DROPMASK_NOT_CAUSAL)
    }
}

impl Rows<'_> {
    fn of_bias(&self) -> Option<Extent> {
        let bias = self.bias.as_ref().filter(|_| self.elements > 0)?;
        let [strides] = self.axes.strides;
        Some(Extent::strided(bias, &self.axes, strides, false).in_place_if(false))
    }
}

/// The strides in bytes of a bias that is broadcast to a shape.
fn broadcast(bias: &Array<'_, f32>, shape: &[usize]) -> PyResult<Vec<isize>> {
    let fits = bias.shape().iter().rev().zip(shape.iter().rev()).all(|(len, wanted)| *len == 1 || len == wanted);
    let Some(missing) = shape.len().checked_sub(bias.shape().len()).filter(|_| fits) else {
        let (bias, scores) = (shown(bias.shape()), shown(shape));
        return Err(PyValueError::new_err(format!(
            "bias of the shape {bias} does not broadcast to {scores}, of scores"
        )));
    };
    let mut strides = vec![0; missing];
    strides.extend(bias.shape().iter().zip(bias.strides()).map(|(len, stride)| if *len == 1 { 0 } else { *stride }));
    if let (Some(keys @ 2..), Some(stride)) = (shape.last(), strides.last())
        && !shape.contains(&0)
        && *stride != size_of::<f32>().cast_signed()
    {
        return Err(PyValueError::new_err(format!(
            "the {keys} items of bias along the last axis do not follow each other: a stride of {stride} bytes"
        )));
    }
    Ok(strides)
}

fn keys_before(past: &Bound<'_, PyAny>) -> PyResult<isize> {
    past.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyTypeError>(past.py()) {
            return PyTypeError::new_err(format!("past is {past}, not a whole number or None"));
        }
        PyValueError::new_err(format!("past is {past}, not within 64 bits"))
    })
}
