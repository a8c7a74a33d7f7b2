use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::samples;
use crate::arguments::word;
use crate::checks::{Extent, apart, has_sum, ok};
use crate::key::Key;
use crate::layout::shown;
use crate::raw::{self, Array, Data};
use crate::threads::detached;

/// Holes in images of the shape (samples, channels, height, width). Nothing is rescaled.
///
///     forward(x)   y = x.copy()
///                  for n in range(len(y)):
///                      for top, bottom, left, right in boxes(first_sample + n, height, width):
///                          y[n, :, top:bottom, left:right] = 0
///
/// Of dy that is the gradient. What the network computes when it is not trained is x.
///
/// boxes: how many each sample has, of box_height by box_width. Their centres are drawn of key.derive(sample), anywhere in the
/// image; what lies beyond its border is cut off.
///
/// Arrays are in C order without gaps. One thread computes.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct Cutout {
    key: Key,
    boxes: u32,
    size: [usize; 2],
}

#[pymethods]
impl Cutout {
    #[new]
    fn new(
        key: &Bound<'_, Key>,
        boxes: &Bound<'_, PyAny>,
        box_height: &Bound<'_, PyAny>,
        box_width: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let size = [usize::try_from(word(box_height, "box_height")?)?, usize::try_from(word(box_width, "box_width")?)?];
        let boxes = word(boxes, "boxes")?;
        let boxes =
            u32::try_from(boxes).map_err(|_| PyValueError::new_err(format!("boxes is {boxes}, not below 2**32")))?;
        Ok(Self { key: *key.get(), boxes, size })
    }

    /// x with holes, as out or a new array.
    ///
    /// first_sample: the number of the first sample of x in a larger batch. out: as x, or x. accumulate: adds to what is in
    /// out, which is not x then.
    #[pyo3(signature = (x, *, first_sample=None, out=None, accumulate=false))]
    fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        first_sample: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // before arrays are read: a number may be an object whose __index__ changes them
        let first = first_sample.map_or(Ok(0), |first| word(first, "first_sample"))?;
        let (py, x) = (x.py(), Array::read(x, "x")?);
        let Ok(shape) = <[usize; 4]>::try_from(x.shape()) else {
            let shape = shown(x.shape());
            return Err(PyValueError::new_err(format!(
                "x has the shape {shape}, not (samples, channels, height, width)"
            )));
        };
        samples(first, shape[0])?;
        has_sum(accumulate, out)?;
        let y = Array::out(py, out, "out", &shape)?;
        [&x, &y].into_iter().try_for_each(|array| array.must_have(&shape))?;
        apart(&[Some(Extent::written(&y).in_place_if(!accumulate)), Some(Extent::read(&x).in_place_if(true))])?;
        let (&Self { key, boxes, size: [box_height, box_width] }, [n, channels, height, width]) = (self, shape);
        let (key, from, to) = (key.0.to_raw(), (&x).into(), (&y).into());
        ok(detached(py, shape.iter().product(), || {
            raw::cutout_forward(
                key, first, n, channels, height, width, box_height, box_width, boxes, from, to, accumulate,
            )
        }))?;
        Ok(y.into_any())
    }

    /// The boxes of a sample, of the shape (boxes, 4): the first row, the row after the last one, the first column, the
    /// column after the last one.
    fn boxes<'py>(
        &self,
        sample: &Bound<'py, PyAny>,
        height: &Bound<'py, PyAny>,
        width: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = sample.py();
        let (sample, height, width) = (word(sample, "sample")?, word(height, "height")?, word(width, "width")?);
        let (height, width) = (usize::try_from(height)?, usize::try_from(width)?);
        let &Self { key, boxes, size: [box_height, box_width] } = self;
        let bounds = Array::<isize>::empty(py, &[boxes as usize, 4], "boxes")?;
        let to = Data::from(&bounds).unsigned();
        ok(raw::cutout_boxes(key.0.to_raw(), sample, height, width, box_height, box_width, boxes, to))?;
        Ok(bounds.into_any())
    }

    fn __repr__(&self) -> String {
        let Self { key, boxes, size: [height, width] } = self;
        format!("Cutout({}, {boxes}, {height}, {width})", key.__repr__())
    }
}
