use std::slice;

use dropmask::ffi::dropmask_call;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::inverted;
use crate::arguments::{shape as shape_of, word};
use crate::checks::{Extent, apart, has_sum, ok, stored};
use crate::dropout::Dropout;
use crate::layout::shown;
use crate::raw::{self, Array};
use crate::threads::detached;

/// Whole blocks of feature maps of the shape (samples, channels, height, width).
///
/// An element is kept if no seed that is dropped has it in its block, of which the seed is the top left corner. Seeds are
/// bits of an array of the shape (samples, channels, height - block + 1, width - block + 1), drawn with the probability of
/// gamma. With kept an array of bool:
///
///     forward(x)            numpy.where(kept, x * (kept.size / kept.sum()), 0), and kept.sum()
///     backward(dy, count)   numpy.where(kept, dy * (kept.size / count), 0), with the same kept, which is drawn again
///
/// What the network computes when it is not trained is x.
///
/// dropout: with scaling="inverted". With shared=1 there is one mask for all channels of a sample, and of seeds the axis of
/// channels is gone too; no other axis shares. A part is refused: the offset of a shard of whole maps is the number of seeds
/// before it. backward takes kept and total of all shards, and of x is the forward pass of a shard.
/// block: the height and the width of a block.
/// gamma_scale: seeds are dropped so many times as often.
///
/// Arrays are in C order without gaps. One thread computes, whatever the dropout says.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct DropBlock {
    dropout: Dropout,
    block: usize,
    gamma_scale: f64,
}

#[pymethods]
impl DropBlock {
    #[new]
    #[pyo3(signature = (dropout, block, *, gamma_scale=1.0))]
    fn new(dropout: &Bound<'_, Dropout>, block: &Bound<'_, PyAny>, gamma_scale: f64) -> PyResult<Self> {
        let dropout = inverted(dropout, "DropBlock")?;
        let block = usize::try_from(word(block, "block")?)?;
        if dropout.is_part() {
            let dropout = dropout.__repr__();
            return Err(PyValueError::new_err(format!("DropBlock has no part, offset names a shard: {dropout}")));
        }
        if block == 0 || !gamma_scale.is_finite() || gamma_scale < 0.0 {
            return Err(PyValueError::new_err(format!(
                "block is {block} and gamma_scale {gamma_scale:?}: from 1 on, and finite from 0 on"
            )));
        }
        Ok(Self { dropout, block, gamma_scale })
    }

    /// (y, kept): y is out or a new array, kept the number of bits that are kept.
    ///
    /// out: as x, or x. mask: words(x.shape) uint64, of the dropout, in which the mask is stored. Without one it is drawn twice.
    #[pyo3(signature = (x, *, out=None, mask=None))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, u64)> {
        let (py, x) = (x.py(), Array::read(x, "x")?);
        let Maps { call, bits, elements } = self.maps("x", x.shape(), true)?;
        x.must_have(x.shape())?;
        let y = Array::out(py, out, "out", x.shape())?;
        y.must_have(x.shape())?;
        let mask = mask.map(|mask| Array::<u64>::write(mask, "mask")).transpose()?;
        mask.iter().try_for_each(|mask| mask.must_have(&[bits.div_ceil(64)]))?;
        apart(&[
            Some(Extent::written(&y).in_place_if(true)),
            Some(Extent::read(&x).in_place_if(true)),
            mask.as_ref().map(Extent::written),
        ])?;
        let (mut kept, &Self { block, gamma_scale, .. }) = (0, self);
        let (from, to, words, count) =
            ((&x).into(), (&y).into(), mask.as_ref().into(), slice::from_mut(&mut kept).into());
        ok(detached(py, elements, || raw::dropblock_forward(&call, block, gamma_scale, from, to, words, count)))?;
        Ok((y.into_any(), kept))
    }

    /// The gradient of forward, by the number of bits that it kept.
    ///
    /// out: as dy, or dy. mask: as forward stored it, or None to draw it again. total: the number of all bits where shards
    /// share a factor, and kept is of all; 0 is that of this mask. accumulate: adds to what is in out, which is not dy then.
    #[pyo3(signature = (dy, kept, *, out=None, mask=None, total=None, accumulate=false))]
    fn backward<'py>(
        &self,
        dy: &Bound<'py, PyAny>,
        kept: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        total: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // before arrays are read: a number may be an object whose __index__ changes them
        let (kept, total) = (word(kept, "kept")?, total.map_or(Ok(0), |total| word(total, "total"))?);
        let (py, dy) = (dy.py(), Array::read(dy, "dy")?);
        let Maps { call, bits, elements } = self.maps("dy", dy.shape(), mask.is_none())?;
        dy.must_have(dy.shape())?;
        has_sum(accumulate, out)?;
        let dx = Array::out(py, out, "out", dy.shape())?;
        dx.must_have(dy.shape())?;
        let mask = stored(mask, bits)?;
        apart(&[
            Some(Extent::written(&dx).in_place_if(!accumulate)),
            Some(Extent::read(&dy).in_place_if(true)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (from, to, words, &Self { block, gamma_scale, .. }) =
            ((&dy).into(), (&dx).into(), mask.as_ref().into(), self);
        ok(detached(py, elements, || {
            raw::dropblock_backward(&call, block, gamma_scale, words, kept, total, from, to, accumulate)
        }))?;
        Ok(dx.into_any())
    }

    /// (words, kept): the mask of an array of this shape, packed as by fill of the dropout, and the number of its bits that are
    /// kept.
    #[pyo3(signature = (shape, *, out=None))]
    fn fill<'py>(
        &self,
        shape: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, u64)> {
        let (py, Maps { call, bits, .. }) = (shape.py(), self.maps("the array", &shape_of(shape)?, true)?);
        let words = Array::out(py, out, "out", &[bits.div_ceil(64)])?;
        words.must_have(&[bits.div_ceil(64)])?;
        let (mut kept, &Self { block, gamma_scale, .. }) = (0, self);
        let (to, count) = ((&words).into(), slice::from_mut(&mut kept).into());
        ok(detached(py, bits, || raw::dropblock_fill(&call, block, gamma_scale, to, count)))?;
        Ok((words.into_any(), kept))
    }

    /// (threshold, seeds) of an array of this shape: a seed is kept with probability threshold / 2**32, which is
    ///
    ///     1 - min(1, gamma_scale * p * height * width / (block**2 * (height - block + 1) * (width - block + 1)))
    ///
    /// and there are so many.
    fn gamma(&self, shape: &Bound<'_, PyAny>) -> PyResult<(u64, u64)> {
        let Maps { call, .. } = self.maps("the array", &shape_of(shape)?, false)?;
        let (mut threshold, mut seeds) = (0, 0);
        let (to, count) = (slice::from_mut(&mut threshold).into(), slice::from_mut(&mut seeds).into());
        ok(raw::dropblock_gamma(&call, self.block, self.gamma_scale, to, count))?;
        Ok((threshold, seeds))
    }

    fn __repr__(&self) -> String {
        let Self { dropout, block, gamma_scale } = self;
        format!("DropBlock({}, {block}, gamma_scale={gamma_scale:?})", dropout.__repr__())
    }
}

/// What operations on maps have in common.
struct Maps {
    call: dropmask_call,
    /// Of the mask.
    bits: usize,
    elements: usize,
}

impl DropBlock {
    fn maps(&self, name: &str, shape: &[usize], draws: bool) -> PyResult<Maps> {
        let [samples, channels, height, width] = *shape else {
            let shape = shown(shape);
            return Err(PyValueError::new_err(format!(
                "{name} has the shape {shape}, not (samples, channels, height, width)"
            )));
        };
        let block = self.block;
        if block > height || block > width {
            return Err(PyValueError::new_err(format!(
                "a block of {block} by {block} does not fit into maps of {height} by {width}"
            )));
        }
        let bits = self.dropout.bits(shape)?;
        if let [true, ..] | [_, _, true, ..] | [_, _, _, true, ..] = bits.shares {
            return Err(PyValueError::new_err(format!(
                "no axis but 1 shares bits of blocks: {}",
                self.dropout.__repr__()
            )));
        }
        let elements = shape.iter().try_fold(1_usize, |product, len| product.checked_mul(*len));
        let Some(elements) = elements else {
            return Err(PyValueError::new_err(format!("the shape {} has too many elements", shown(shape))));
        };
        if draws {
            let seeds = [samples, channels, height - block + 1, width - block + 1];
            self.dropout.bits(&seeds)?.check(&seeds)?;
        }
        let call = self.dropout.call(&bits, &bits.axes::<0>(shape, [], 4)?);
        // the library writes no mask of what has no elements
        let bits = if elements == 0 { 0 } else { bits.count(shape)? };
        Ok(Maps { call, bits, elements })
    }
}
