//! From the shape and the strides of NumPy arrays to the axes of a call.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// As many axes as a call of the library has.
pub(crate) const AXES: usize = 4;

/// As many as an array of NumPy has.
const MOST: usize = 64;

/// A shape, as Python writes it.
pub(crate) fn shown<T: ToString>(shape: &[T]) -> String {
    match shape {
        [len] => format!("({},)", len.to_string()),
        _ => format!("({})", shape.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Which axes of an array share one bit, by a number each, negative from the last axis on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shared(pub(crate) Vec<isize>);

impl Shared {
    /// Which of `ndim` axes share, the outermost first.
    fn of(&self, ndim: usize) -> PyResult<[bool; MOST]> {
        let mut all = [false; MOST];
        let shares = all.get_mut(..ndim).ok_or_else(|| PyValueError::new_err(format!("{ndim} axes are too many")))?;
        for axis in &self.0 {
            let position = if *axis < 0 { axis.checked_add_unsigned(ndim) } else { Some(*axis) };
            let Some(share) = position.and_then(|axis| shares.get_mut(usize::try_from(axis).ok()?)) else {
                return Err(PyValueError::new_err(format!("shared axis {axis} of an array of {ndim} axes")));
            };
            if *share {
                return Err(PyValueError::new_err(format!("shared axis {axis} is named twice")));
            }
            *share = true;
        }
        Ok(all)
    }
}

/// A larger tensor, of which arrays are a part.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    pub(crate) shape: Vec<u64>,
    pub(crate) start: Vec<u64>,
}

/// An axis before it is merged with others: its length, its stride in the indices of the bits, and in N arrays in bytes.
#[derive(Clone, Copy)]
struct Axis<const N: usize> {
    len: usize,
    index: u64,
    strides: [isize; N],
}

/// The axes of a call, outermost first, and where they lie in N arrays, in elements.
#[derive(Clone, Copy)]
pub(crate) struct Axes<const N: usize> {
    pub(crate) count: usize,
    pub(crate) len: [usize; AXES],
    pub(crate) index: [u64; AXES],
    pub(crate) strides: [[usize; AXES]; N],
}

/// The bits of an array: the index of the first of them, and the strides in their indices along all its axes.
pub(crate) struct Bits {
    pub(crate) first: u64,
    strides: [u64; MOST],
    pub(crate) shares: [bool; MOST],
}

impl Bits {
    /// Bits of the noise array of the whole tensor in row-major order, without the axes that share one.
    ///
    /// # Errors
    /// Axes that the array does not have, a part that is not in the whole, more than 2^64 bits.
    pub(crate) fn new(shape: &[usize], shared: &Shared, whole: Option<&Whole>, offset: u64) -> PyResult<Self> {
        let shares = shared.of(shape.len())?;
        if let Some(Whole { shape: whole, start }) = whole {
            let inside = |((part, whole), start): ((&usize, &u64), &u64)| {
                start.checked_add(*part as u64).is_some_and(|end| end <= *whole)
            };
            if whole.len() != shape.len() || !shape.iter().zip(whole).zip(start).all(inside) {
                let (part, start, whole) = (shown(shape), shown(start), shown(whole));
                return Err(PyValueError::new_err(format!("{part} from {start} on is no part of {whole}")));
            }
        }
        let (mut strides, mut stride) = ([0; MOST], 1_u128);
        for (i, (to, shares)) in strides.iter_mut().zip(shares).enumerate().take(shape.len()).rev() {
            if shares {
                continue;
            }
            // the axes before one with so many bits have one step at most, or indices that pass 2^64
            *to = u64::try_from(stride).unwrap_or(u64::MAX);
            let len = whole.map_or_else(|| shape.get(i).map(|len| *len as u64), |whole| whole.shape.get(i).copied());
            stride = stride.saturating_mul(len.unwrap_or(1).into());
        }
        let start = whole.map_or(&[][..], |whole| &whole.start);
        let before = start.iter().zip(&strides).try_fold(offset, |sum, (start, stride)| {
            start.checked_mul(*stride).and_then(|index| sum.checked_add(index))
        });
        let first = before.ok_or_else(|| overflow(offset))?;
        Ok(Self { first, strides, shares })
    }

    /// How many there are, of an array of this shape.
    pub(crate) fn count(&self, shape: &[usize]) -> PyResult<usize> {
        let lengths = shape.iter().zip(&self.shares).filter(|(_, shares)| !**shares);
        let count = lengths.into_iter().try_fold(1_usize, |product, (len, _)| product.checked_mul(*len));
        count.ok_or_else(|| PyValueError::new_err(format!("the shape {} has too many elements", shown(shape))))
    }

    /// The shape of the noise array of an array of this shape.
    pub(crate) fn noise(&self, shape: &[usize]) -> Vec<usize> {
        shape.iter().zip(self.shares).map(|(len, shares)| if shares { 1 } else { *len }).collect()
    }

    /// # Errors
    /// An index of 2^64 or more.
    pub(crate) fn check(&self, shape: &[usize]) -> PyResult<()> {
        let steps = shape.iter().zip(&self.strides).filter(|(len, _)| **len > 1);
        let last = steps.fold(u128::from(self.first), |sum, (len, stride)| {
            sum.saturating_add((*len as u128 - 1).saturating_mul((*stride).into()))
        });
        if last > u64::MAX.into() { Err(overflow(self.first)) } else { Ok(()) }
    }

    /// The axes of arrays of this shape, with their strides in bytes, in as few as there can be; so many of the last as they
    /// are.
    ///
    /// # Errors
    /// More axes than a call has.
    pub(crate) fn axes<const N: usize>(
        &self,
        shape: &[usize],
        strides: [&[isize]; N],
        keep: usize,
    ) -> PyResult<Axes<N>> {
        let mut axes = Vec::with_capacity(AXES);
        for (i, (len, index)) in shape.iter().zip(&self.strides).enumerate().rev() {
            let outer = Axis { len: *len, index: *index, strides: strides.map(|s| s.get(i).copied().unwrap_or(0)) };
            let merged = axes.len();
            match axes.last_mut() {
                _ if i + keep < shape.len() && *len == 1 => {}
                Some(inner) if merged > keep && follows(inner, &outer) => {
                    inner.len *= len; // no more than the elements of an array
                }
                _ => axes.push(outer),
            }
        }
        if axes.is_empty() {
            axes.push(Axis { len: 1, index: 0, strides: [0; N] });
        }
        if axes.len() > AXES {
            return Err(PyValueError::new_err(format!(
                "{} axes of the shape {} are left where no two can be merged, {AXES} at most are possible",
                axes.len(),
                shown(shape)
            )));
        }
        let mut call = Axes { count: axes.len(), len: [0; AXES], index: [0; AXES], strides: [[0; AXES]; N] };
        for (i, axis) in axes.iter().rev().enumerate() {
            if let (Some(len), Some(index)) = (call.len.get_mut(i), call.index.get_mut(i)) {
                (*len, *index) = (axis.len, axis.index);
            }
            for (all, bytes) in call.strides.iter_mut().zip(axis.strides) {
                all.get_mut(i).into_iter().for_each(|stride| *stride = bytes as usize / size_of::<f32>());
            }
        }
        Ok(call)
    }
}

/// Whether the steps of an outer axis go on where those of an inner one end: in all arrays, and in the indices of bits.
fn follows<const N: usize>(inner: &Axis<N>, outer: &Axis<N>) -> bool {
    let Ok(len) = isize::try_from(inner.len) else { return false };
    let bits = inner.index.checked_mul(inner.len as u64) == Some(outer.index);
    bits && inner.strides.iter().zip(outer.strides).all(|(inner, outer)| inner.checked_mul(len) == Some(outer))
}

fn overflow(first: u64) -> PyErr {
    PyValueError::new_err(format!("the index of an element passes 2**64; that of the first is {first}"))
}
