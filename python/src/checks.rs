//! What C leaves to the caller, and what it would answer with a number.

use dropmask::ffi::{DROPMASK_OK, dropmask_status};
use numpy::Element;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::layout::{AXES, Axes, shown};
use crate::raw::{Array, Arrays, message};

/// Whether an array has the shape of another.
pub(crate) fn same_shape(array: &Array<'_, f32>, x: &Array<'_, f32>) -> PyResult<()> {
    if array.shape() == x.shape() {
        return Ok(());
    }
    let (name, shape, x, wanted) = (array.name(), shown(array.shape()), x.name(), shown(x.shape()));
    Err(PyValueError::new_err(format!("{name} has the shape {shape}, {x} has {wanted}")))
}

/// Where an array lies: from its first byte up to the one after its last.
pub(crate) struct Extent {
    name: &'static str,
    start: usize,
    end: usize,
    written: bool,
    /// Of one that may be the same view as another: the strides of those of its axes that are longer than 1.
    strides: Option<[usize; AXES]>,
}

impl Extent {
    /// An array without gaps that is read.
    pub(crate) fn read<T: Element>(array: &Array<'_, T>) -> Self {
        let (start, len) = (array.start().addr(), array.shape().iter().product::<usize>());
        Self { name: array.name(), start, end: start + len * size_of::<T>(), written: false, strides: None }
    }

    /// An array without gaps that is written.
    pub(crate) fn written<T: Element>(array: &Array<'_, T>) -> Self {
        Self { written: true, ..Self::read(array) }
    }

    /// Of an input and an output that may be one array.
    pub(crate) fn in_place_if(self, allowed: bool) -> Self {
        Self { strides: allowed.then_some([0; AXES]), ..self }
    }

    /// An array with strides along axes of which none is empty.
    pub(crate) fn strided<const N: usize>(
        array: &Array<'_, f32>,
        axes: &Axes<N>,
        mut strides: [usize; AXES],
        written: bool,
    ) -> Self {
        strides.iter_mut().zip(axes.len).filter(|(_, len)| *len <= 1).for_each(|(stride, _)| *stride = 0);
        let last: usize = axes.len.iter().zip(strides).map(|(len, stride)| len.saturating_sub(1) * stride).sum();
        let start = array.start().addr();
        let end = start + (last + 1) * size_of::<f32>();
        Self { name: array.name(), start, end, written, strides: Some(strides) }
    }

    /// Whether one of them is written where the other lies; work in place is none.
    fn collides(&self, other: &Self) -> bool {
        let overlap = self.start.max(other.start) < self.end.min(other.end);
        let in_place = self.start == other.start && self.strides.is_some() && self.strides == other.strides;
        overlap && (self.written || other.written) && !in_place
    }
}

/// Whether what is written lies apart from all else. The library compares as much, but of each part of a pass on several
/// threads alone.
pub(crate) fn apart(extents: &[Option<Extent>]) -> PyResult<()> {
    let mut all = extents.iter().flatten();
    while let Some(extent) = all.next() {
        if let Some(other) = all.clone().find(|other| extent.collides(other)) {
            let (a, b) = (extent.name, other.name);
            return Err(PyValueError::new_err(format!(
                "{a} and {b} overlap: what is written lies apart, or out is the same view as an input"
            )));
        }
    }
    Ok(())
}

/// Whether what a pass over arrays of one shape writes lies apart from all else, itself included.
pub(crate) fn pass_apart(
    axes: &Axes<3>,
    arrays: Arrays<'_, '_>,
    mask_written: bool,
    bias_written: bool,
) -> PyResult<()> {
    if axes.len.iter().take(axes.count).any(|len| *len == 0) {
        return Ok(());
    }
    let [xs, rs, ys] = axes.strides;
    apart(&[
        Some(Extent::strided(arrays.y, axes, ys, true)),
        Some(Extent::strided(arrays.x, axes, xs, false)),
        arrays.r.map(|r| Extent::strided(r, axes, rs, false)),
        arrays.mask.map(|(mask, _)| Extent { written: mask_written, ..Extent::read(mask) }),
        arrays.bias.map(|bias| Extent { written: bias_written, ..Extent::read(bias) }),
    ])?;
    within(axes, ys)
}

/// Whether elements of an output lie in the same place, or may: of axes sorted by stride, each steps over those before it.
fn within(axes: &Axes<3>, strides: [usize; AXES]) -> PyResult<()> {
    let mut steps = [(0, 0); AXES];
    steps.iter_mut().zip(strides.into_iter().zip(axes.len)).for_each(|(to, step)| *to = step);
    steps.sort_unstable();
    let mut span = 1;
    for (stride, len) in steps.into_iter().filter(|(_, len)| *len > 1) {
        if stride < span {
            return Err(PyValueError::new_err(format!(
                "items of out overlap: an axis of {len} has a stride of {stride} items, those within span {span}"
            )));
        }
        span += (len - 1) * stride;
    }
    Ok(())
}

/// What the library says of a call that has been checked: a fault of this package if anything is left.
pub(crate) fn ok(status: dropmask_status) -> PyResult<()> {
    if status == DROPMASK_OK { Ok(()) } else { Err(PyRuntimeError::new_err(message(status))) }
}

/// The words of a mask that is read, of so many bits.
pub(crate) fn stored<'py>(mask: Option<&Bound<'py, PyAny>>, bits: usize) -> PyResult<Option<Array<'py, u64>>> {
    let mask = mask.map(|mask| Array::read(mask, "mask")).transpose()?;
    mask.iter().try_for_each(|mask| mask.must_have(&[bits.div_ceil(64)]))?;
    Ok(mask)
}

/// Whether there is what accumulate adds to.
pub(crate) fn has_sum(accumulate: bool, out: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    if accumulate && out.is_none() {
        return Err(PyValueError::new_err("accumulate adds to out, which is None"));
    }
    Ok(())
}
