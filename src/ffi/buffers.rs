//! The one place where pointers of the caller become slices, once all that can be checked of them has been.

use core::slice;

use super::extent::{Extent, check};
use super::status::*;
use crate::engine::{Input, Output, Place};
use crate::error::Error;
use crate::mask::{Mask, MaskMut};

/// Runs an operation on checked arguments and buffers, unless there is a fault in either.
///
/// # Safety
/// Of each buffer that is not NULL, is aligned and has at most `isize::MAX` bytes, the elements are memory to read or to write
/// as its kind says, that nobody else writes meanwhile, or reads where it is to be written: of one with strides those of the
/// operand, of others all of that length.
pub(super) unsafe fn run<'a, A, B: Buffers<'a>>(
    arguments: Result<A, dropmask_status>,
    buffers: B,
    operation: impl FnOnce(A, B::Slices) -> Result<(), Error>,
) -> dropmask_status {
    let arguments = match both(arguments, buffers.check()) {
        Ok((arguments, ())) => arguments,
        Err(fault) => return fault,
    };
    // SAFETY: the buffers have been checked, and the rest is the promise of our caller.
    let slices = unsafe { buffers.slices() };
    match operation(arguments, slices) {
        Ok(()) => DROPMASK_OK,
        Err(error) => status_of(error),
    }
}

/// One kind of buffer.
pub(super) trait Buffer<'a> {
    type Slice;

    fn extents(&self) -> [Extent; 2];

    /// # Safety
    /// The extents have been checked; the memory is what [`run`] says.
    unsafe fn slice(self) -> Self::Slice;
}

/// To be read.
pub(super) struct Read<T>(pub(super) *const T, pub(super) usize);

impl<'a, T: 'a> Buffer<'a> for Read<T> {
    type Slice = &'a [T];

    fn extents(&self) -> [Extent; 2] {
        [Extent::read(self.0, self.1), Extent::NONE]
    }

    unsafe fn slice(self) -> &'a [T] {
        if self.1 == 0 {
            return &[];
        }
        // SAFETY: it is not NULL, aligned and not too long, as it has been checked; the rest is promised.
        unsafe { slice::from_raw_parts(self.0, self.1) }
    }
}

/// To be written; what it holds may be read before.
pub(super) struct Write<T>(pub(super) *mut T, pub(super) usize);

impl<'a, T: 'a> Buffer<'a> for Write<T> {
    type Slice = &'a mut [T];

    fn extents(&self) -> [Extent; 2] {
        [Extent::written(self.0, self.1), Extent::NONE]
    }

    unsafe fn slice(self) -> &'a mut [T] {
        if self.1 == 0 {
            return &mut [];
        }
        // SAFETY: it is not NULL, aligned, not too long and overlaps no other, as it has been checked; the rest is promised.
        unsafe { slice::from_raw_parts_mut(self.0, self.1) }
    }
}

/// One value to be written.
pub(super) struct Out<T>(pub(super) *mut T);

impl<'a, T: 'a> Buffer<'a> for Out<T> {
    type Slice = &'a mut T;

    fn extents(&self) -> [Extent; 2] {
        [Extent::written(self.0, 1), Extent::NONE]
    }

    unsafe fn slice(self) -> &'a mut T {
        // SAFETY: it is not NULL, aligned and overlaps no other, as it has been checked; the rest is promised.
        unsafe { &mut *self.0 }
    }
}

/// An output with strides, of so many floats from the first to the last.
pub(super) struct WriteStrided(pub(super) *mut f32, pub(super) usize);

impl<'a> Buffer<'a> for WriteStrided {
    type Slice = Output<'a>;

    fn extents(&self) -> [Extent; 2] {
        [Extent::written(self.0, self.1), Extent::NONE]
    }

    unsafe fn slice(self) -> Output<'a> {
        if self.1 == 0 {
            return (&mut [][..]).into();
        }
        // SAFETY: `extents` names this memory, which `run` has checked; that the elements can be written, it has been promised.
        unsafe { Output::at(self.0, self.1) }
    }
}

/// An input with strides, of so many floats from the first to the last.
pub(super) struct ReadStrided(pub(super) *const f32, pub(super) usize);

impl<'a> Buffer<'a> for ReadStrided {
    type Slice = Place<'a>;

    fn extents(&self) -> [Extent; 2] {
        [Extent::read(self.0, self.1), Extent::NONE]
    }

    unsafe fn slice(self) -> Place<'a> {
        if self.1 == 0 {
            return Place::of(&[]);
        }
        // SAFETY: `extents` names this memory, which `run` has checked; that the elements can be read, it has been promised.
        unsafe { Place::at(self.0, self.1) }
    }
}

/// The same, unless it is the output.
pub(super) struct Given(pub(super) *const f32, pub(super) usize, pub(super) bool);

impl<'a> Buffer<'a> for Given {
    type Slice = Input<'a>;

    fn extents(&self) -> [Extent; 2] {
        let Self(start, len, in_place) = *self;
        [if in_place { Extent::NONE } else { Extent::read(start, len) }, Extent::NONE]
    }

    unsafe fn slice(self) -> Input<'a> {
        let Self(start, len, in_place) = self;
        if in_place {
            return Input::InPlace;
        }
        // SAFETY: `extents` names this buffer, which `run` has checked.
        Input::Strided(unsafe { ReadStrided(start, len).slice() })
    }
}

/// No buffer.
pub(super) struct Nothing;

impl Buffer<'_> for Nothing {
    type Slice = ();

    fn extents(&self) -> [Extent; 2] {
        [Extent::NONE; 2]
    }

    unsafe fn slice(self) {}
}

/// An input and an output of the same length, which may be equal.
pub(super) struct InOut(pub(super) *const f32, pub(super) *mut f32, pub(super) usize);

pub(super) enum Pair<'a> {
    Apart(&'a [f32], &'a mut [f32]),
    InPlace(&'a mut [f32]),
}

impl<'a> Pair<'a> {
    pub(super) fn input_and_output(self) -> (Input<'a>, &'a mut [f32]) {
        match self {
            Self::Apart(x, y) => (Input::of(x), y),
            Self::InPlace(x) => (Input::InPlace, x),
        }
    }
}

impl<'a> Buffer<'a> for InOut {
    type Slice = Pair<'a>;

    fn extents(&self) -> [Extent; 2] {
        let Self(x, y, len) = *self;
        let x = if x == y { Extent::NONE } else { Extent::read(x, len) };
        [x, Extent::written(y, len)]
    }

    unsafe fn slice(self) -> Pair<'a> {
        let Self(x, y, len) = self;
        // SAFETY: `extents` names this buffer, which `run` has checked; where it is the input too, no other slice is made of it.
        let output = unsafe { Write(y, len).slice() };
        if x == y {
            return Pair::InPlace(output);
        }
        // SAFETY: it is not the output, so `extents` names it, and `run` has checked that it does not overlap what is written.
        Pair::Apart(unsafe { Read(x, len).slice() }, output)
    }
}

/// A mask to be read: so many bits from one of them on.
pub(super) struct ReadMask(pub(super) *const u64, pub(super) u64, pub(super) u128);

impl ReadMask {
    fn words(&self) -> Read<u64> {
        let Self(words, first, bits) = *self;
        Read(words, if bits == 0 { 0 } else { word_count(bits.saturating_add(first.into())) })
    }
}

impl<'a> Buffer<'a> for ReadMask {
    type Slice = Result<Mask<'a>, Error>;

    fn extents(&self) -> [Extent; 2] {
        self.words().extents()
    }

    unsafe fn slice(self) -> Result<Mask<'a>, Error> {
        // SAFETY: `extents` names these words, which `run` has checked.
        let words = unsafe { self.words().slice() };
        let first = if words.is_empty() { 0 } else { self.1 };
        Mask::at_bit(words, first, saturate(self.2))
    }
}

/// A mask of so many bits to be written.
pub(super) struct WriteMask(pub(super) *mut u64, pub(super) u128);

impl WriteMask {
    fn words(&self) -> Write<u64> {
        Write(self.0, word_count(self.1))
    }
}

impl<'a> Buffer<'a> for WriteMask {
    type Slice = Result<MaskMut<'a>, Error>;

    fn extents(&self) -> [Extent; 2] {
        self.words().extents()
    }

    unsafe fn slice(self) -> Result<MaskMut<'a>, Error> {
        // SAFETY: `extents` names these words, which `run` has checked.
        let words = unsafe { self.words().slice() };
        MaskMut::new(words, saturate(self.1))
    }
}

/// A buffer that is there if its pointer is not NULL.
pub(super) fn unless_null<T, B>(pointer: *const T, buffer: B) -> Option<B> {
    if pointer.is_null() { None } else { Some(buffer) }
}

impl<'a, B: Buffer<'a>> Buffer<'a> for Option<B> {
    type Slice = Option<B::Slice>;

    fn extents(&self) -> [Extent; 2] {
        self.as_ref().map_or([Extent::NONE; 2], B::extents)
    }

    unsafe fn slice(self) -> Option<B::Slice> {
        // SAFETY: a buffer that is there has its own extents, which `run` has checked.
        self.map(|buffer| unsafe { buffer.slice() })
    }
}

fn word_count(bits: u128) -> usize {
    saturate(bits.div_ceil(64))
}

/// What does not fit is refused, as too long for any memory or for its shape.
fn saturate(n: u128) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// All buffers of a call.
pub(super) trait Buffers<'a> {
    type Slices;

    /// # Errors
    /// The lowest status of all faults.
    fn check(&self) -> Result<(), dropmask_status>;

    /// # Safety
    /// [`check`](Self::check) has found no fault; the memory is what [`run`] says.
    unsafe fn slices(self) -> Self::Slices;
}

macro_rules! buffers {
    ($($name:ident $index:tt),+) => {
        impl<'a, $($name: Buffer<'a>),+> Buffers<'a> for ($($name,)+) {
            type Slices = ($($name::Slice,)+);

            fn check(&self) -> Result<(), dropmask_status> {
                check([$(self.$index.extents()),+].as_flattened())
            }

            unsafe fn slices(self) -> Self::Slices {
                // SAFETY: `check` has had the extents of each of these buffers.
                ($(unsafe { self.$index.slice() },)+)
            }
        }
    };
}

buffers!(A 0);
buffers!(A 0, B 1);
buffers!(A 0, B 1, C 2);
buffers!(A 0, B 1, C 2, D 3);
buffers!(A 0, B 1, C 2, D 3, E 4);
