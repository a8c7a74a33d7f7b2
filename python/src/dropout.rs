use dropmask::Probability;
use dropmask::ffi::{DROPMASK_INVERTED, DROPMASK_NAIVE, dropmask_call};
use numpy::Element;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::{self, scaling_name, word, words};
use crate::checks::ok;
use crate::key::Key;
use crate::layout::{Axes, Bits, Shared, Whole, shown};
use crate::raw::{ALL, Array, Kernel, Pass};
use crate::run::{Inputs, Mask};
use crate::threads;

/// Dropout of float32 arrays. Whether an element is kept is a function of the key, the drop probability p and the index of the
/// element in its tensor, and of nothing else.
///
/// With kept an array of bool and scale = 1 / (1 - p):
///
///     forward(x)     numpy.where(kept, x * scale, 0)
///     backward(dy)   numpy.where(kept, dy * scale, 0), with the same kept, which is drawn again
///     evaluate(x)    x
///
/// p is a double, and what is drawn is threshold / 2**32, threshold = floor((1 - p) * 2**32 + 0.5); scale is of that.
/// Neither the strides of arrays nor the number of threads changes a bit.
///
/// offset: the index of the first bit.
/// scaling: "inverted"; "standard", where training multiplies by nothing and evaluate by 1 - p; "naive", where neither does.
/// shared: an axis or several along which elements share one bit, those of which Keras has a 1 in noise_shape.
/// threads: how many take part in a pass over a large array, at most; None is 1.
///
/// It does not change, and can be compared, hashed, copied and pickled.
///
/// >>> import numpy
/// >>> dropout = Dropout(Key(42), 0.5)
/// >>> x = numpy.ones(6, numpy.float32)
/// >>> dropout.forward(x)
/// array([2., 2., 2., 2., 0., 0.], dtype=float32)
/// >>> dropout.derive(1).forward(x)  # another step, another mask
/// array([2., 2., 0., 2., 2., 0.], dtype=float32)
#[pyclass(frozen, eq, hash, module = "dropmask")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Dropout {
    key: Key,
    /// The bits of the double that was passed.
    p: u64,
    threshold: u64,
    offset: u64,
    scaling: u32,
    shared: Shared,
    whole: Option<Whole>,
    threads: usize,
}

#[pymethods]
impl Dropout {
    #[new]
    #[pyo3(signature = (key, p, *, offset=None, scaling="inverted", shared=None, threads=None))]
    fn new(
        key: &Bound<'_, Key>,
        p: f64,
        offset: Option<&Bound<'_, PyAny>>,
        scaling: &str,
        shared: Option<&Bound<'_, PyAny>>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let probability = Probability::from_f64(p).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let threads = threads.map_or(Ok(1), |threads| word(threads, "threads"))?;
        if threads == 0 {
            return Err(PyValueError::new_err("threads is 0"));
        }
        Ok(Self {
            key: *key.get(),
            p: p.to_bits(),
            threshold: probability.threshold(),
            offset: offset.map_or(Ok(0), |offset| word(offset, "offset"))?,
            scaling: arguments::scaling(scaling)?,
            shared: Shared(shared.map_or(Ok(vec![]), |shared| arguments::axes(shared, "shared"))?),
            whole: None,
            threads: usize::try_from(threads).unwrap_or(usize::MAX),
        })
    }

    /// The same with the key of steps below its own.
    #[pyo3(signature = (*steps))]
    fn derive(slf: &Bound<'_, Self>, steps: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let dropout = slf.get();
        Ok(Self { key: dropout.key.derive(steps)?, ..dropout.clone() })
    }

    /// The same for arrays that are a part of a larger tensor: they have the bits of its elements [start[0]:, start[1]:, ...].
    ///
    /// whole: the shape of the tensor. start: the position in it of the first element of the part.
    ///
    /// >>> import numpy
    /// >>> x = numpy.ones((8, 1000), numpy.float32)
    /// >>> dropout = Dropout(Key(42), 0.1)
    /// >>> part = dropout.part(x.shape, (2, 300)).forward(x[2:4, 300:500])
    /// >>> numpy.array_equal(part, dropout.forward(x)[2:4, 300:500])
    /// True
    fn part(&self, whole: &Bound<'_, PyAny>, start: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (shape, start) = (words(whole, "whole")?, words(start, "start")?);
        if shape.len() != start.len() || start.iter().zip(&shape).any(|(start, len)| start > len) {
            let (shape, start) = (shown(&shape), shown(&start));
            return Err(PyValueError::new_err(format!(
                "start {start} is no position in a tensor of the shape {shape}"
            )));
        }
        Ok(Self { whole: Some(Whole { shape, start }), ..self.clone() })
    }

    /// numpy.where(kept, x * scale, 0), plus residual if there is one.
    ///
    /// x, residual, out: float32 arrays of one shape, with any strides that are not negative. out may be x or residual.
    /// mask: words(x.shape) uint64, in which the mask is stored, as by fill.
    ///
    /// Returns out, or a new array in C order.
    #[pyo3(signature = (x, *, out=None, residual=None, mask=None))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(Kernel::Forward, Inputs { residual, ..Inputs::of(x, "x") }, out, Mask::written(mask))
    }

    /// The gradient of forward: numpy.where(kept, dy * scale, 0), plus residual if there is one. With
    /// one array for out and residual it adds to that gradient.
    ///
    /// dy, residual, out: as x in forward.
    #[pyo3(signature = (dy, *, out=None, residual=None))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(Kernel::Forward, Inputs { residual, ..Inputs::of(dy, "dy") }, out, Mask::None)
    }

    /// forward or backward by a mask that was stored for the same shape: numpy.where(mask, x * scale, 0), plus
    /// residual.
    ///
    /// mask: words(x.shape) uint64. Key and offset have no say.
    #[pyo3(signature = (mask, x, *, out=None, residual=None))]
    fn apply<'py>(
        &self,
        mask: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(Kernel::Apply, Inputs { residual, ..Inputs::of(x, "x") }, out, Mask::Read(mask))
    }

    /// What the network computes when it is not trained: x, with scaling="standard" x * keep; plus residual if there is one.
    #[pyo3(signature = (x, *, out=None, residual=None))]
    fn evaluate<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        residual: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(Kernel::Evaluate, Inputs { residual, ..Inputs::of(x, "x") }, out, Mask::None)
    }

    /// The mask of an array of this shape, packed in uint64, least significant bit first: those of
    /// numpy.packbits(kept, bitorder="little") on a little-endian machine, with the kept of fill_bool. The rest of the last is 0.
    #[pyo3(signature = (shape, *, out=None))]
    fn fill<'py>(
        &self,
        py: Python<'py>,
        shape: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape = arguments::shape(shape)?;
        let (call, bits) = self.noise(&shape)?;
        let words = Array::out(py, out, "out", &[bits.div_ceil(64)])?;
        words.must_have(&[bits.div_ceil(64)])?;
        ok(threads::run(py, &Pass::fill(call, &words, bits), self.threads))?;
        Ok(words.into_any())
    }

    /// The mask of an array of this shape as bool, True where an element is kept. Shared axes have the length 1, so that it
    /// broadcasts against the array.
    fn fill_bool<'py>(&self, py: Python<'py>, shape: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.fill_values::<bool>(py, shape)
    }

    /// fill_bool as uint8, 1 where an element is kept.
    fn fill_u8<'py>(&self, py: Python<'py>, shape: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.fill_values::<u8>(py, shape)
    }

    /// How many uint64 the mask of an array of this shape has.
    fn words(&self, shape: &Bound<'_, PyAny>) -> PyResult<usize> {
        let shape = arguments::shape(shape)?;
        Ok(self.bits(&shape)?.count(&shape)?.div_ceil(64))
    }

    #[getter]
    fn key(&self) -> Key {
        self.key
    }

    /// The drop probability that was passed.
    #[getter]
    fn p(&self) -> f64 {
        f64::from_bits(self.p)
    }

    /// An element is kept with probability threshold / 2**32.
    #[getter]
    fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The factor of kept elements in training.
    #[getter]
    fn scale(&self) -> PyResult<f32> {
        let inverted = self.scaling == DROPMASK_INVERTED || self.threshold == 0;
        Ok(if inverted { self.probability()?.scale() } else { 1.0 })
    }

    /// threshold / 2**32, as float32.
    #[getter]
    fn keep(&self) -> PyResult<f32> {
        Ok(self.probability()?.keep())
    }

    #[getter]
    fn offset(&self) -> u64 {
        self.offset
    }

    #[getter]
    pub(crate) fn scaling(&self) -> &'static str {
        scaling_name(self.scaling)
    }

    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shared.0)
    }

    #[getter]
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn __repr__(&self) -> String {
        let Self { key, offset, threads, .. } = self;
        let (key, p, scaling, shared) = (key.__repr__(), self.p(), self.scaling(), shown(&self.shared.0));
        let new =
            format!("Dropout({key}, {p:?}, offset={offset}, scaling={scaling:?}, shared={shared}, threads={threads})");
        let Some(Whole { shape, start }) = &self.whole else { return new };
        format!("{new}.part({}, {})", shown(shape), shown(start))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, dropout) = (slf.py(), slf.get());
        let settings = PyDict::new(py);
        settings.set_item("offset", dropout.offset)?;
        settings.set_item("scaling", dropout.scaling())?;
        settings.set_item("shared", &dropout.shared.0)?;
        settings.set_item("threads", dropout.threads)?;
        let whole = dropout.whole.as_ref().map(|whole| (whole.shape.clone(), whole.start.clone()));
        let arguments = (dropout.key, dropout.p(), settings, whole);
        Ok((slf.get_type().getattr("_restore")?, arguments.into_pyobject(py)?.into_any()))
    }

    #[staticmethod]
    fn _restore<'py>(
        key: &Bound<'py, Key>,
        p: f64,
        settings: &Bound<'py, PyDict>,
        whole: Option<(Vec<u64>, Vec<u64>)>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dropout = key.py().get_type::<Self>().call((key, p), Some(settings))?;
        match whole {
            Some(whole) => dropout.call_method1("part", whole),
            None => Ok(dropout),
        }
    }
}

impl Dropout {
    /// The same without a scale.
    pub(crate) fn unscaled(&self) -> Self {
        Self { scaling: DROPMASK_NAIVE, ..self.clone() }
    }

    /// Whether arrays are a part of a larger tensor.
    pub(crate) fn is_part(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether some axes share bits.
    pub(crate) fn shares(&self) -> bool {
        !self.shared.0.is_empty()
    }

    /// The same that drops nothing and scales nothing.
    pub(crate) fn keeping_all(&self) -> Self {
        Self { threshold: ALL, offset: 0, shared: Shared(vec![]), whole: None, ..self.unscaled() }
    }

    pub(crate) fn bits(&self, shape: &[usize]) -> PyResult<Bits> {
        Bits::new(shape, &self.shared, self.whole.as_ref(), self.offset)
    }

    pub(crate) fn call<const N: usize>(&self, bits: &Bits, axes: &Axes<N>) -> dropmask_call {
        dropmask_call {
            size: size_of::<dropmask_call>(),
            key: self.key.0.to_raw(),
            threshold: self.threshold,
            offset: bits.first,
            scaling: self.scaling,
            axes: axes.count as u32,
            len: axes.len,
            index: axes.index,
        }
    }

    /// The call of the mask alone of an array of this shape, and the number of its bits.
    fn noise(&self, shape: &[usize]) -> PyResult<(dropmask_call, usize)> {
        let bits = self.bits(shape)?;
        let noise = bits.noise(shape);
        let count = bits.count(shape)?;
        bits.check(&noise)?;
        let axes = bits.axes::<0>(&noise, [], 0)?;
        Ok((self.call(&bits, &axes), count))
    }

    fn fill_values<'py, T: Element>(&self, py: Python<'py>, shape: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let shape = arguments::shape(shape)?;
        let (call, bits) = self.noise(&shape)?;
        let noise = self.bits(&shape)?.noise(&shape);
        let kept = Array::<T>::empty(py, &noise, "kept")?;
        ok(threads::run(py, &Pass::fill_bytes(call, &kept, bits), self.threads))?;
        Ok(kept.into_any())
    }

    fn probability(&self) -> PyResult<Probability> {
        Probability::from_threshold(self.threshold).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}
