use dropmask::ffi::{DROPMASK_UNKNOWN_TOKEN, dropmask_call, dropmask_status};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::unshared;
use crate::arguments::word;
use crate::checks::{Extent, apart, has_sum, ok, stored};
use crate::dropout::Dropout;
use crate::layout::{Axes, shown};
use crate::raw::{self, Array};
use crate::run::last_axis;
use crate::threads::detached;

/// Whole words of a vocabulary: one that is dropped is dropped wherever it occurs. ids is uint32 of any shape, table
/// (vocabulary, items) float32.
///
/// With kept = dropout.fill_bool(vocabulary)[ids][..., None]:
///
///     lookup(ids, table)                numpy.where(kept, table[ids] * scale, 0)
///     forward(ids, x, vocabulary)       numpy.where(kept, x * scale, 0), of rows that are looked up, or their gradient
///     backward_table(ids, dy, dtable)   numpy.add.at(dtable, ids, numpy.where(kept, dy * scale, 0))
///
/// What the network computes when it is not trained is table[ids].
///
/// Arrays are in C order without gaps. No axis shares bits. A part of a vocabulary is one of the dropout, whose ids count from
/// its first word. Each position draws its bit: where the rows of a table are short, mask=dropout.fill(vocabulary), which is read,
/// is faster. One thread computes, whatever the dropout says.
#[pyclass(frozen, module = "dropmask")]
pub(crate) struct EmbeddingDropout(Dropout);

#[pymethods]
impl EmbeddingDropout {
    #[new]
    fn new(dropout: &Bound<'_, Dropout>) -> PyResult<Self> {
        Ok(Self(unshared(dropout, "EmbeddingDropout")?))
    }

    /// The rows of a table, as out or a new array, of the shape (*ids.shape, items).
    #[pyo3(signature = (ids, table, *, out=None, mask=None))]
    fn lookup<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        table: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, ids, table) = (ids.py(), Array::read(ids, "ids")?, Array::read(table, "table")?);
        let Words { call, mask, shape, vocabulary } = self.words(&ids, table_of(&table)?, mask)?;
        let y = Array::out(py, out, "out", &shape)?;
        y.must_have(&shape)?;
        apart(&[
            Some(Extent::written(&y)),
            Some(Extent::read(&ids)),
            Some(Extent::read(&table)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (count, elements) = (ids.shape().iter().product(), shape.iter().product());
        let (words, tokens, rows, to) = (mask.as_ref().into(), (&ids).into(), (&table).into(), (&y).into());
        let status = detached(py, elements, || raw::embedding_lookup(&call, words, count, tokens, rows, to));
        known(status, ids, vocabulary)?;
        Ok(y.into_any())
    }

    /// Dropout of rows that have been looked up, x of the shape (*ids.shape, items), in a table of so many rows.
    ///
    /// out: as x, or x. accumulate: adds to what is in out, which is not x then.
    #[pyo3(signature = (ids, x, vocabulary, *, out=None, mask=None, accumulate=false))]
    fn forward<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        vocabulary: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        accumulate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // before arrays are read: a number may be an object whose __index__ changes them
        let vocabulary = usize::try_from(word(vocabulary, "vocabulary")?)?;
        let (py, ids, x) = (ids.py(), Array::read(ids, "ids")?, Array::read(x, "x")?);
        let Words { call, mask, shape, .. } = self.words(&ids, [vocabulary, last_axis(&x)?], mask)?;
        has_sum(accumulate, out)?;
        let y = Array::out(py, out, "out", &shape)?;
        [&x, &y].into_iter().try_for_each(|array| array.must_have(&shape))?;
        apart(&[
            Some(Extent::written(&y).in_place_if(!accumulate)),
            Some(Extent::read(&x).in_place_if(true)),
            Some(Extent::read(&ids)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (count, elements) = (ids.shape().iter().product(), shape.iter().product());
        let (words, tokens, from, to) = (mask.as_ref().into(), (&ids).into(), (&x).into(), (&y).into());
        let status =
            detached(py, elements, || raw::embedding_forward(&call, words, count, tokens, from, to, accumulate));
        known(status, ids, vocabulary)?;
        Ok(y.into_any())
    }

    /// Adds the gradient of lookup to that of the table, in the order of ids, and returns it.
    ///
    /// dy: of the shape (*ids.shape, items). dtable: (vocabulary, items), which is written.
    #[pyo3(signature = (ids, dy, dtable, *, mask=None))]
    fn backward_table<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        dtable: &Bound<'py, PyAny>,
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, ids, dy) = (ids.py(), Array::read(ids, "ids")?, Array::read(dy, "dy")?);
        let dtable = Array::write(dtable, "dtable")?;
        let Words { call, mask, shape, vocabulary } = self.words(&ids, table_of(&dtable)?, mask)?;
        dy.must_have(&shape)?;
        apart(&[
            Some(Extent::written(&dtable)),
            Some(Extent::read(&ids)),
            Some(Extent::read(&dy)),
            mask.as_ref().map(Extent::read),
        ])?;
        let (count, elements) = (ids.shape().iter().product(), shape.iter().product());
        let (words, tokens, from, to) = (mask.as_ref().into(), (&ids).into(), (&dy).into(), (&dtable).into());
        let status = detached(py, elements, || raw::embedding_backward_table(&call, words, count, tokens, from, to));
        known(status, ids, vocabulary)?;
        Ok(dtable.into_any())
    }

    fn __repr__(&self) -> String {
        format!("EmbeddingDropout({})", self.0.__repr__())
    }
}

/// What operations on a vocabulary have in common.
struct Words<'py> {
    call: dropmask_call,
    mask: Option<Array<'py, u64>>,
    /// Of rows of a table, one for each id.
    shape: Vec<usize>,
    vocabulary: usize,
}

impl EmbeddingDropout {
    fn words<'py>(
        &self,
        ids: &Array<'py, u32>,
        [vocabulary, items]: [usize; 2],
        mask: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Words<'py>> {
        ids.must_have(ids.shape())?;
        let bits = self.0.bits(&[vocabulary])?;
        if mask.is_none() {
            bits.check(&[vocabulary])?;
        }
        let axes = Axes::<0> { count: 2, len: [vocabulary, items, 0, 0], index: [1, 0, 0, 0], strides: [] };
        let shape = ids.shape().iter().copied().chain([items]).collect();
        Ok(Words { call: self.0.call(&bits, &axes), mask: stored(mask, vocabulary)?, shape, vocabulary })
    }
}

/// The shape of a table.
fn table_of(table: &Array<'_, f32>) -> PyResult<[usize; 2]> {
    table.must_have(table.shape())?;
    table.shape().try_into().map_err(|_| {
        let (name, shape) = (table.name(), shown(table.shape()));
        PyValueError::new_err(format!("{name} has the shape {shape}, not (vocabulary, items)"))
    })
}

/// Whether all ids are words.
fn known(status: dropmask_status, ids: Array<'_, u32>, vocabulary: usize) -> PyResult<()> {
    if status != DROPMASK_UNKNOWN_TOKEN {
        return ok(status);
    }
    let largest = ids.into_any().call_method0("max")?;
    Err(PyValueError::new_err(format!("ids has the token {largest}, the vocabulary has {vocabulary} words")))
}
