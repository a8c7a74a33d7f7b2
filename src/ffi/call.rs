//! What describes a call: which bits there are, which element has which, and where operands have their elements.

use core::{ptr, slice};

use super::buffers::{Buffer, Given, ReadMask, WriteStrided, run, unless_null};
use super::operands::{Inputs, Operands, Sources};
use super::options::{DROPMASK_INVERTED, scaling};
use super::status::*;
use crate::engine::Output;
use crate::error::Error;
use crate::key::Key;
use crate::kinds::Dropout;
use crate::layout::{AXES, Layout, Operand};
use crate::probability::Probability;

/// What a call draws, and for which elements: up to four axes, outermost first.
///
/// The element at [i, j, ...] has the bit of index offset + i * index[0] + j * index[1] + ...; an index of 0 shares one bit
/// along its axis. The functions dropmask_call_rows and the like make calls of the usual shapes, of no key and of a
/// threshold that is none. For a shard of a tensor, change the lengths of the call of the whole to those of the shard and
/// its offset by dropmask_call_index of the shard's first element: the indices of the axes stay.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "its name in C")]
pub struct dropmask_call {
    /// sizeof(struct dropmask_call).
    pub size: usize,
    /// Of dropmask_key_new and dropmask_key_derive.
    pub key: u64,
    /// Of dropmask_threshold: an element is kept with probability threshold / 2^32.
    pub threshold: u64,
    /// The index of the first bit.
    pub offset: u64,
    /// DROPMASK_INVERTED, DROPMASK_STANDARD or DROPMASK_NAIVE.
    pub scaling: u32,
    /// How many axes there are, 1 to 4.
    pub axes: u32,
    /// Their lengths; of others 0.
    pub len: [usize; 4],
    /// How far the bits of neighbours along an axis are from each other; of others 0.
    pub index: [u64; 4],
}

/// Bytes of a call, at most: of later versions too. A size that nobody has set is greater in all likelihood.
const MOST: usize = 4096;

/// A call that has been read.
#[derive(Clone, Copy)]
pub(super) struct Call {
    key: u64,
    threshold: u64,
    pub(super) offset: u64,
    scaling: u32,
    pub(super) axes: usize,
    /// Behind those that are not there, of length 1.
    pub(super) len: [usize; AXES],
    pub(super) index: [u64; AXES],
    /// Dense in all operands.
    pub(super) layout: Layout,
}

/// What has to have indices.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Draws {
    /// Nothing is drawn.
    Nothing,
    /// The bits of the elements.
    Elements,
    /// The bits of a mask that is stored, also where they are those of no element.
    Mask,
    /// The same of no operands, of which the elements need no place.
    MaskAlone,
}

impl Draws {
    /// The bits of the elements, unless a mask has them.
    pub(super) const fn unless(mask: *const u64) -> Self {
        if mask.is_null() { Self::Elements } else { Self::Nothing }
    }
}

impl Call {
    /// What a function does with a call, if it is one.
    ///
    /// # Safety
    /// As of [`read`](Self::read).
    pub(super) unsafe fn of(call: *const dropmask_call, then: impl FnOnce(Self) -> dropmask_status) -> dropmask_status {
        // SAFETY: our caller promises it.
        unsafe { Self::read(call) }.map_or_else(|fault| fault, then)
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// What is not the description of a call: nothing else can be said of it then.
    ///
    /// # Safety
    /// A pointer that is not NULL and is aligned is to as many bytes as its first field says.
    #[inline(never)] // once, not in each function
    unsafe fn read(call: *const dropmask_call) -> Result<Self, dropmask_status> {
        if call.is_null() {
            return Err(DROPMASK_NULL_POINTER);
        }
        if !call.is_aligned() {
            return Err(DROPMASK_MISALIGNED);
        }
        let known = size_of::<dropmask_call>();
        // SAFETY: it is neither NULL nor misaligned, and has a first field at least, which is its size.
        let size = unsafe { call.cast::<usize>().read() };
        if size < known || size > MOST {
            return Err(DROPMASK_INVALID_CALL);
        }
        // SAFETY: our caller promises so many bytes, which are no fewer than those that are known.
        let rest = unsafe { slice::from_raw_parts(call.cast::<u8>().wrapping_add(known), size - known) };
        // SAFETY: as above.
        let call = unsafe { call.read() };
        let axes = call.axes as usize;
        let unused = |i: usize| i >= axes;
        let set = (0..)
            .zip(call.len.iter().zip(&call.index))
            .any(|(i, (len, index))| unused(i) && (*len != 0 || *index != 0));
        if !(1..=AXES).contains(&axes) || set || rest.iter().any(|byte| *byte != 0) {
            return Err(DROPMASK_INVALID_CALL);
        }
        let (mut len, mut index) = ([1; AXES], [0; AXES]);
        let missing = AXES - axes;
        len.iter_mut().skip(missing).zip(call.len).for_each(|(to, from)| *to = from);
        index.iter_mut().skip(missing).zip(call.index).for_each(|(to, from)| *to = from);
        let [a, b, c, d] = len;
        let layout = match axes {
            1 => Layout::broadcast([d], [false]),
            2 => Layout::broadcast([c, d], [false; 2]),
            3 => Layout::broadcast([b, c, d], [false; 3]),
            _ => Layout::broadcast([a, b, c, d], [false; 4]),
        };
        let layout = layout.index_strides(index);
        let dropmask_call { key, threshold, offset, scaling, .. } = call;
        Ok(Self { key, threshold, offset, scaling, axes, len, index, layout })
    }

    /// The dropout without its layout, if its bits have indices and its output lies apart.
    #[inline(never)] // as above
    pub(super) fn dropout(&self, draws: Draws, layout: &Layout) -> Result<Dropout, dropmask_status> {
        let (indices, bits) = match draws {
            Draws::Nothing => (Ok(()), 0),
            Draws::Elements => (layout.check_indices(self.offset), 0),
            Draws::Mask | Draws::MaskAlone => (layout.noise().check_indices(self.offset), layout.stored().span()),
        };
        let places = if draws == Draws::MaskAlone { fits(bits) } else { apart_and_fits(layout, bits) };
        let checked = both(indices.map_err(status_of), places);
        let p = Probability::from_threshold(self.threshold).map_err(status_of);
        let (p, (_, scaling)) = both(p, both(checked, scaling(self.scaling)))?;
        let offset = if draws == Draws::Nothing { 0 } else { self.offset };
        Ok(Dropout::new(Key::from_raw(self.key), p).with_offset(offset).with_scaling(scaling))
    }

    /// Whether the scaling is the default.
    pub(super) const fn inverted(&self) -> Result<(), dropmask_status> {
        if self.scaling == DROPMASK_INVERTED { Ok(()) } else { Err(DROPMASK_INVALID_OPTION) }
    }

    /// Whether the call has so many axes at most, of these strides in the indices: no others mean anything to the kind.
    pub(super) fn is(&self, axes: usize, index: [u64; AXES]) -> Result<(), dropmask_status> {
        if self.axes <= axes && self.same(&self.index, &index) { Ok(()) } else { Err(DROPMASK_INVALID_OPTION) }
    }

    /// Number of bits of a stored mask.
    pub(super) fn mask_bits(&self) -> u128 {
        self.layout.stored().span()
    }

    /// The mask that is read instead of drawn, if there is one: of no bits for no elements.
    pub(super) fn stored(&self, mask: *const u64) -> Option<ReadMask> {
        unless_null(mask, ReadMask(mask, 0, self.if_any(self.mask_bits())))
    }

    /// Number of bits of a mask that is read: none for no elements.
    pub(super) fn if_any(&self, bits: u128) -> u128 {
        if self.layout.len() == 0 { 0 } else { bits }
    }

    /// Strides for all axes that a layout has.
    ///
    /// # Safety
    /// A pointer that is not NULL and is aligned is to as many strides as there are axes.
    unsafe fn strides(&self, strides: *const usize) -> Result<[usize; AXES], dropmask_status> {
        let [_, b, c, d] = self.len;
        let (c, b) = (c.saturating_mul(d), b.saturating_mul(c).saturating_mul(d));
        let mut all = [b, c, d, 1];
        if strides.is_null() {
            return Ok(all);
        }
        if !strides.is_aligned() {
            return Err(DROPMASK_MISALIGNED);
        }
        // SAFETY: it is neither NULL nor misaligned; our caller promises the rest.
        let given = unsafe { slice::from_raw_parts(strides, self.axes) };
        all.iter_mut().skip(AXES - self.axes).zip(given).for_each(|(to, from)| *to = *from);
        Ok(all)
    }

    /// Whether strides are the same: of an axis of one element one says nothing.
    fn same<T: PartialEq>(&self, a: &[T; AXES], b: &[T; AXES]) -> bool {
        self.len.iter().zip(a.iter().zip(b)).all(|(len, (a, b))| *len <= 1 || a == b)
    }

    /// Runs an operation of a dropout over operands and one more buffer.
    ///
    /// # Safety
    /// The strides are as many as there are axes; a pointer to floats is to as many as its operand spans, and of the other buffer
    /// holds what [`run`] says.
    pub(super) unsafe fn run<'a, B: Buffer<'a>>(
        &self,
        draws: Draws,
        operands: Operands,
        other: B,
        operation: impl FnOnce(Dropout, Inputs<'a>, Output<'a>, B::Slice) -> Result<(), Error>,
    ) -> dropmask_status {
        let (dropout, inputs, y) = self.prepare(draws, operands);
        // SAFETY: the buffers have the lengths that the header states; that there is such memory, our caller promises.
        unsafe { run(dropout, (inputs, y, other), |dropout, (inputs, y, other)| operation(dropout, inputs, y, other)) }
    }

    /// The dropout over operands, and those.
    #[inline(never)] // once, not in each function
    pub(super) fn prepare(
        &self,
        draws: Draws,
        operands: Operands,
    ) -> (Result<Dropout, dropmask_status>, Sources, WriteStrided) {
        // SAFETY: as our caller's caller promises, the strides are as many as there are axes.
        let (layout, readable, inputs, y) = unsafe { self.place(operands) };
        // what needs no layout is faster without
        let flat = layout == Layout::flat(layout.len());
        let dropout = both(self.dropout(draws, &layout), readable);
        (dropout.map(|(dropout, ())| if flat { dropout } else { dropout.with_layout(layout) }), inputs, y)
    }

    /// The layout of operands, whether their strides can be read, and the operands. An input that is the output, its strides
    /// included, is in place.
    ///
    /// # Safety
    /// The strides are as many as there are axes.
    #[inline(never)] // as above
    pub(super) unsafe fn place(
        &self,
        Operands { x, r, y, second }: Operands,
    ) -> (Layout, Result<(), dropmask_status>, Sources, WriteStrided) {
        // SAFETY: our caller promises them.
        let strides = |strides| unsafe { self.strides(strides) };
        let has_r = second || !r.0.is_null();
        let of_r = if has_r { r.1 } else { ptr::null() };
        let strides = both(strides(y.1), both(strides(x.1), strides(of_r)));
        let (ys, (xs, rs)) = strides.unwrap_or_default();
        let over = |start: *const f32, strides| start == y.0 && self.same(strides, &ys);
        let (x_over, r_over) = (over(x.0, &xs), over(r.0, &rs));
        let layout = self.layout.strides(ys).input_strides(if x_over { ys } else { xs }).residual_strides(rs);
        let inputs = Sources {
            x: Given(x.0, layout.extent(Operand::Input), x_over),
            r: has_r.then(|| Given(r.0, layout.extent(Operand::Residual), r_over)),
        };
        (layout, strides.map(|_| ()), inputs, WriteStrided(y.0, layout.extent(Operand::Output)))
    }
}

/// Whether the elements of an output lie apart, and a mask can have so many bits.
pub(super) fn apart_and_fits(layout: &Layout, bits: u128) -> Result<(), dropmask_status> {
    both(layout.check_apart().map_err(status_of), fits(bits)).map(|_| ())
}

fn fits(bits: u128) -> Result<(), dropmask_status> {
    if bits > usize::MAX as u128 { Err(DROPMASK_INVALID_SHAPE) } else { Ok(()) }
}
