//! What the kinds of dropout that follow a stream share: the same operations over any shape.

use core::ptr;

use super::buffers::{InOut, Pair, Read, ReadMask, Write, WriteMask, run, unless_null};
use super::options::{DROPMASK_INVERTED, scaling};
use super::probability::probability;
use super::status::*;
use crate::key::Key;
use crate::kinds::{Dropout, StoredMask};
use crate::layout::{Layout, Operand};
use crate::mask::Mask;

/// A stream over a shape, as C describes it.
#[derive(Clone, Copy)]
pub(super) struct Call {
    key: u64,
    p: f32,
    offset: u64,
    scaling: u32,
    layout: Layout,
    /// Whether bits are drawn, so that they must have indices.
    draws: bool,
    given: Result<(), dropmask_status>,
}

impl Call {
    pub(super) const fn new(key: u64, p: f32, offset: u64, scaling: u32, layout: Layout) -> Self {
        Self { key, p, offset, scaling, layout, draws: true, given: Ok(()) }
    }

    /// One row, inverted scaling.
    pub(super) const fn flat(key: u64, p: f32, offset: u64, len: usize) -> Self {
        Self::new(key, p, offset, DROPMASK_INVERTED, Layout::flat(len))
    }

    /// For what draws no bits.
    pub(super) const fn evaluation(p: f32, scaling: u32, layout: Layout) -> Self {
        Self { draws: false, ..Self::new(0, p, 0, scaling, layout) }
    }

    /// With the fault of an option that the shape or the operation has.
    pub(super) const fn given(self, given: Result<(), dropmask_status>) -> Self {
        Self { given, ..self }
    }

    /// Length of a slice.
    pub(super) fn elements(&self) -> usize {
        self.layout.extent(Operand::Output)
    }

    /// Number of bits of a mask to be written: they follow each other.
    pub(super) fn bits(&self) -> u128 {
        self.layout.stored().span()
    }

    /// The same of one with a bit for each element.
    pub(super) fn all_bits(&self) -> u128 {
        self.layout.unshared().span()
    }

    /// The dropout, if the elements have indices.
    #[inline(never)] // once, not in each function
    pub(super) fn stream(&self) -> Result<Dropout, dropmask_status> {
        Ok(self.shaped(self.unshaped()?))
    }

    /// The same of a kind with a shape of its own, where that of the call says no more than which bits there are.
    #[inline(never)] // as above
    pub(super) fn unshaped(&self) -> Result<Dropout, dropmask_status> {
        self.drawing(if self.draws { self.layout } else { Layout::flat(0) })
    }

    /// The dropout, if all bits of a mask have indices and it can be written.
    pub(super) fn storing(&self) -> Result<Dropout, dropmask_status> {
        both(self.drawing(self.layout.noise()), fits(self.bits())).map(|(dropout, ())| self.shaped(dropout))
    }

    /// The dropout without a shape, if these bits have indices.
    fn drawing(&self, bits: Layout) -> Result<Dropout, dropmask_status> {
        let indices = bits.check_indices(self.offset).map_err(status_of);
        let rows_apart = self.layout.check_apart().map_err(status_of);
        let checked = both(indices, both(rows_apart, self.given));
        let (p, (_, scaling)) = both(probability(self.p), both(checked, scaling(self.scaling)))?;
        Ok(Dropout::new(Key::from_raw(self.key), p).with_offset(self.offset).with_scaling(scaling))
    }

    const fn shaped(&self, dropout: Dropout) -> Dropout {
        dropout.with_layout(self.layout)
    }
}

/// # Safety
/// All: a pointer to floats is to as many as the shape spans, one to a mask to the words of its bits; what is written, nobody
/// else reads or writes meanwhile, and what is read, nobody writes.
impl Call {
    pub(super) unsafe fn fill(self, mask: *mut u64) -> dropmask_status {
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe { run(self.storing(), (WriteMask(mask, self.bits()),), |dropout, (mask,)| dropout.fill(&mut mask?)) }
    }

    pub(super) unsafe fn forward(self, x: *const f32, y: *mut f32, mask: *mut u64) -> dropmask_status {
        let dropout = if mask.is_null() { self.stream() } else { self.storing() };
        let mask = unless_null(mask, WriteMask(mask, self.bits()));
        let buffers = (InOut(x, y, self.elements()), mask);
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(dropout, buffers, |dropout, (xy, mask)| match (xy, mask.transpose()?) {
                (Pair::Apart(x, y), None) => dropout.forward(x, y),
                (Pair::Apart(x, y), Some(mut mask)) => dropout.forward_store(x, y, &mut mask),
                (Pair::InPlace(x), None) => dropout.forward_in_place(x),
                (Pair::InPlace(x), Some(mut mask)) => dropout.forward_store_in_place(x, &mut mask),
            })
        }
    }

    pub(super) unsafe fn forward_residual(self, x: *const f32, r: *const f32, y: *mut f32) -> dropmask_status {
        let len = self.elements();
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(self.stream(), (InOut(x, y, len), Read(r, len)), |dropout, (xy, r)| match xy {
                Pair::Apart(x, y) => dropout.forward_residual(x, r, y),
                Pair::InPlace(x) => dropout.forward_residual_in_place(x, r),
            })
        }
    }

    pub(super) unsafe fn backward(self, dy: *const f32, dx: *mut f32) -> dropmask_status {
        // SAFETY: the lengths of the header follow from what is passed on; that there is such memory, the caller promises.
        unsafe { self.forward(dy, dx, ptr::null_mut()) }
    }

    pub(super) unsafe fn add(self, x: *const f32, sum: *mut f32) -> dropmask_status {
        let len = self.elements();
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe { run(self.stream(), (Read(x, len), Write(sum, len)), |dropout, (x, sum)| dropout.backward_add(x, sum)) }
    }

    pub(super) unsafe fn evaluate(self, x: *const f32, y: *mut f32) -> dropmask_status {
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(self.stream(), (InOut(x, y, self.elements()),), |dropout, (xy,)| match xy {
                Pair::Apart(x, y) => dropout.evaluate(x, y),
                Pair::InPlace(x) => dropout.evaluate_in_place(x),
            })
        }
    }

    pub(super) unsafe fn evaluate_residual(self, x: *const f32, r: *const f32, y: *mut f32) -> dropmask_status {
        let len = self.elements();
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(self.stream(), (InOut(x, y, len), Read(r, len)), |dropout, (xy, r)| match xy {
                Pair::Apart(x, y) => dropout.evaluate_residual(x, r, y),
                Pair::InPlace(x) => dropout.evaluate_residual_in_place(x, r),
            })
        }
    }
}

/// A stored mask over a shape, as C describes it.
#[derive(Clone, Copy)]
pub(super) struct StoredCall {
    mask: *const u64,
    /// Which bit of the mask comes first.
    first: u64,
    scale: f32,
    layout: Layout,
    given: Result<(), dropmask_status>,
}

impl StoredCall {
    pub(super) const fn new(mask: *const u64, first: u64, scale: f32, layout: Layout) -> Self {
        Self { mask, first, scale, layout, given: Ok(()) }
    }

    /// One row.
    pub(super) const fn flat(mask: *const u64, scale: f32, len: usize) -> Self {
        Self::new(mask, 0, scale, Layout::flat(len))
    }

    /// With the fault of an option that the shape has.
    pub(super) const fn given(self, given: Result<(), dropmask_status>) -> Self {
        Self { given, ..self }
    }

    /// Number of bits of the mask from the first one on.
    fn bits(&self) -> u128 {
        if self.elements() == 0 { 0 } else { self.layout.span() }
    }

    fn mask(&self) -> ReadMask {
        ReadMask(self.mask, self.first, self.bits())
    }

    /// Length of a slice.
    fn elements(&self) -> usize {
        self.layout.extent(Operand::Output)
    }

    fn checked(&self) -> Result<(), dropmask_status> {
        let fits = both(self.layout.check_apart().map_err(status_of), fits(self.bits()));
        both(fits, self.given).map(|_| ())
    }

    fn stored<'a>(&self, mask: Mask<'a>) -> StoredMask<'a> {
        StoredMask::new(mask, self.scale).with_indexed_bits(self.layout)
    }
}

/// # Safety
/// All: a pointer to floats is to as many as the shape spans, one to a mask to the words of its bits; what is written, nobody
/// else reads or writes meanwhile, and what is read, nobody writes.
impl StoredCall {
    pub(super) unsafe fn apply(self, x: *const f32, y: *mut f32) -> dropmask_status {
        let buffers = (self.mask(), InOut(x, y, self.elements()));
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(self.checked(), buffers, |(), (mask, xy)| match xy {
                Pair::Apart(x, y) => self.stored(mask?).apply(x, y),
                Pair::InPlace(x) => self.stored(mask?).apply_in_place(x),
            })
        }
    }

    pub(super) unsafe fn add(self, dy: *const f32, dx: *mut f32) -> dropmask_status {
        let len = self.elements();
        let buffers = (self.mask(), Read(dy, len), Write(dx, len));
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe { run(self.checked(), buffers, |(), (mask, dy, dx)| self.stored(mask?).apply_add(dy, dx)) }
    }

    pub(super) unsafe fn apply_residual(self, x: *const f32, r: *const f32, y: *mut f32) -> dropmask_status {
        let len = self.elements();
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
        unsafe {
            run(self.checked(), (self.mask(), InOut(x, y, len), Read(r, len)), |(), (mask, xy, r)| match xy {
                Pair::Apart(x, y) => self.stored(mask?).apply_residual(x, r, y),
                Pair::InPlace(x) => self.stored(mask?).apply_residual_in_place(x, r),
            })
        }
    }
}

/// Whether a mask can have so many bits.
fn fits(bits: u128) -> Result<(), dropmask_status> {
    if bits > usize::MAX as u128 { Err(DROPMASK_INVALID_SHAPE) } else { Ok(()) }
}
