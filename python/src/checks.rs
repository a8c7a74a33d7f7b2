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
struct Extent {
    name: &'static str,
    start: usize,
    end: usize,
    written: bool,
    /// Of an operand, those of its axes that are longer than 1.
    strides: Option<[usize; AXES]>,
}

impl Extent {
    fn vector<T: Element>(array: &Array<'_, T>, written: bool) -> Self {
        let (start, len) = (array.start().addr(), array.shape().iter().product::<usize>());
        Self { name: array.name(), start, end: start + len * size_of::<T>(), written, strides: None }
    }

    fn operand(array: &Array<'_, f32>, axes: &Axes<3>, mut strides: [usize; AXES], written: bool) -> Self {
        strides.iter_mut().zip(axes.len).filter(|(_, len)| *len <= 1).for_each(|(stride, _)| *stride = 0);
        let last: usize = axes.len.iter().zip(strides).map(|(len, stride)| len.saturating_sub(1) * stride).sum();
        let start = array.start().addr();
        let end = start + (last + 1) * size_of::<f32>();
        Self { name: array.name(), start, end, written, strides: Some(strides) }
    }

    /// Whether one of them is written where the other lies; work in place is none.
    fn collides(&self, other: &Self) -> bool {
        let overlap = self.start < other.end && other.start < self.end;
        let in_place = self.start == other.start && self.strides.is_some() && self.strides == other.strides;
        overlap && (self.written || other.written) && !in_place
    }
}

/// Whether what is written lies apart from all else, itself included. The library compares as much, but of each part of a
/// pass on several threads alone.
pub(crate) fn apart(axes: &Axes<3>, arrays: Arrays<'_, '_>, mask_written: bool, bias_written: bool) -> PyResult<()> {
    if axes.len.iter().take(axes.count).any(|len| *len == 0) {
        return Ok(());
    }
    let [xs, rs, ys] = axes.strides;
    let extents = [
        Some(Extent::operand(arrays.y, axes, ys, true)),
        Some(Extent::operand(arrays.x, axes, xs, false)),
        arrays.r.map(|r| Extent::operand(r, axes, rs, false)),
        arrays.mask.map(|(mask, _)| Extent::vector(mask, mask_written)),
        arrays.bias.map(|bias| Extent::vector(bias, bias_written)),
    ];
    let mut all = extents.iter().flatten();
    while let Some(extent) = all.next() {
        if let Some(other) = all.clone().find(|other| extent.collides(other)) {
            let (a, b) = (extent.name, other.name);
            return Err(PyValueError::new_err(format!(
                "{a} and {b} overlap: what is written lies apart, or out is the same view as an input"
            )));
        }
    }
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
