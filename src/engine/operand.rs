//! The caller's memory, and the one loop over it.
//!
//! Operands are pointers, strides and lengths: in place and out of place are the same compiled loop, an output is never read
//! unless it is an input too, and no reference is made to what lies between the rows.
#![allow(unsafe_code)] // loads and stores

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::element::Element;
use crate::layout::Memory;
use crate::mask::low_bits;
use crate::simd::{Floats, Simd, load, to_array};

/// Inputs of an operation, at most.
const INPUTS: usize = 3;

/// One input of a pass.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// A slice with the rows of the output.
    Slice(&'a [f32]),
    /// The output itself.
    InPlace,
    /// A slice of one row, the same for each.
    Row(&'a [f32]),
}

/// Inputs and outputs of a pass, in rows.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    inputs: [Rows; INPUTS],
    output: Rows,
    /// Where sums over the rows go; empty if there are none.
    sums: Rows,
    memory: PhantomData<(&'a [f32], &'a mut [f32])>,
}

/// The memory of an operand: `len` floats from `start` on, with a row every `stride`.
#[derive(Clone, Copy)]
struct Rows {
    start: *mut f32,
    len: usize,
    stride: usize,
}

// SAFETY: of the slices that the operands are made of, the inputs are shared, and the outputs are borrowed for as long as the
// operands live. Two threads that have copies use different elements: `Pass` gives each its own range, and none has sums.
unsafe impl Send for Operands<'_> {}
// SAFETY: as above.
unsafe impl Sync for Operands<'_> {}

impl Rows {
    const NONE: Self = Self { start: core::ptr::dangling_mut(), len: 0, stride: 0 };

    const fn read(x: &[f32], stride: usize) -> Self {
        Self { start: x.as_ptr().cast_mut(), len: x.len(), stride }
    }

    const fn write(y: &mut [f32], stride: usize) -> Self {
        Self { start: y.as_mut_ptr(), len: y.len(), stride }
    }

    /// At most `len` elements of a row.
    #[inline(always)]
    const fn run(self, row: usize, column: usize, len: usize) -> (*mut f32, usize) {
        let first = row.wrapping_mul(self.stride).wrapping_add(column);
        let first = if first < self.len { first } else { self.len };
        let left = self.len - first;
        (self.start.wrapping_add(first), if len < left { len } else { left })
    }
}

impl<'a> Operands<'a> {
    /// `y` from some inputs, in the rows of `memory`.
    pub(crate) fn new<const N: usize>(inputs: [Input<'a>; N], y: &'a mut [f32], memory: Memory) -> Self {
        let output = Rows::write(y, memory.stride);
        let mut all = [Rows::NONE; INPUTS];
        for (all, input) in all.iter_mut().zip(inputs) {
            *all = match input {
                Input::Slice(x) => Rows::read(x, memory.stride),
                Input::InPlace => output,
                Input::Row(x) => Rows::read(x, 0),
            };
        }
        Self { inputs: all, output, sums: Rows::NONE, memory: PhantomData }
    }

    /// With sums of one row over all rows.
    pub(crate) const fn sums(self, sums: &'a mut [f32]) -> Self {
        Self { sums: Rows::write(sums, 0), ..self }
    }

    /// `len` elements of a row, or as many as each operand that is there has.
    #[inline(always)]
    pub(crate) fn run(&self, row: usize, column: usize, len: usize) -> Run<'_> {
        let (y, mut len) = self.output.run(row, column, len);
        let mut x = [y.cast_const(); INPUTS];
        for (x, input) in x.iter_mut().zip(self.inputs) {
            if input.len > 0 {
                let (start, there) = input.run(row, column, len);
                (*x, len) = (start, there);
            }
        }
        let mut sums = y;
        if self.sums.len > 0 {
            (sums, len) = self.sums.run(row, column, len);
        }
        Run { x, y, sums, len, operands: PhantomData }
    }

    /// All elements of the only row.
    #[inline(always)]
    pub(crate) fn into_run(self) -> Run<'a> {
        let Run { x, y, sums, len, .. } = self.run(0, 0, usize::MAX);
        Run { x, y, sums, len, operands: PhantomData }
    }
}

/// As many elements of each operand, which follow each other.
///
/// Each pointer is valid for `len` elements for as long as the operands live that the run was taken of, those of inputs to
/// read, `y` and `sums` to write. An input that is not there, and `sums` where there are none, is `y`.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    x: [*const f32; INPUTS],
    y: *mut f32,
    sums: *mut f32,
    len: usize,
    operands: PhantomData<&'a ()>,
}

impl Run<'_> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// At most `len` elements from `start` on.
    #[inline(always)]
    pub(crate) fn part(self, start: usize, len: usize) -> Self {
        let start = start.min(self.len);
        Self {
            x: self.x.map(|x| x.wrapping_add(start)),
            y: self.y.wrapping_add(start),
            sums: self.sums.wrapping_add(start),
            len: len.min(self.len - start),
            ..self
        }
    }

    /// The first input beside the sums, which are the output.
    pub(crate) const fn onto_sums(self) -> Self {
        Self { x: [self.x[0], self.sums.cast_const(), self.sums.cast_const()], y: self.sums, ..self }
    }

    /// The output as all that is read.
    pub(crate) const fn of_output(self) -> Self {
        Self { x: [self.y.cast_const(); INPUTS], ..self }
    }

    /// The output and the second input as what is read.
    pub(crate) const fn output_and_second(self) -> Self {
        let [_, second, _] = self.x;
        Self { x: [self.y.cast_const(), second, second], ..self }
    }

    /// Copies the first input to the output, or writes +0.0.
    pub(crate) fn constant(self, kept: bool) {
        if kept { self.copy() } else { self.fill_with_zeros() }
    }

    fn copy(self) {
        if !core::ptr::eq(self.x[0], self.y) {
            // SAFETY: both are valid for `len` elements, and an input that is not the output overlaps it nowhere.
            unsafe { self.y.copy_from_nonoverlapping(self.x[0], self.len) }
        }
    }

    fn fill_with_zeros(self) {
        // SAFETY: the output is valid for `len` elements, and +0.0 has no bits set.
        unsafe { self.y.write_bytes(0, self.len) }
    }

    /// The specification of a loop: each element by itself.
    pub(crate) fn scalar<E: Element>(self, element: &mut E, kept: bool) {
        for i in 0..self.len {
            let mut x = [0.0; INPUTS];
            for (x, input) in x.iter_mut().zip(self.x).take(E::INPUTS) {
                // SAFETY: `i` is below `len`, for which each input is valid.
                *x = unsafe { *input.wrapping_add(i) };
            }
            let y = element.scalar(x, kept);
            if E::OUTPUT {
                // SAFETY: `i` is below `len`, for which the output is valid.
                unsafe { *self.y.wrapping_add(i) = y };
            }
        }
    }

    /// The loop: `element` of 16 elements at a time, with a word of bits for 64. There are words for all elements.
    #[inline(always)]
    pub(crate) fn each<S: Simd, E: Element>(self, s: S, element: &mut E, words: impl Iterator<Item = u64>) {
        self.all(s, &mut *InRegisters::new(element), words);
    }

    #[inline(always)]
    fn all<S: Simd, E: Element>(self, s: S, element: &mut E, mut words: impl Iterator<Item = u64>) {
        let mut sums = element.sums().map_or(S::Floats::splat(s, 0.0), |sums| load(s, sums));
        let whole = self.len / 64 * 64;
        let mut at = 0;
        while at < whole {
            let Some(bits) = words.next() else { break };
            self.word(s, element, &mut sums, at, bits);
            at += 64;
        }
        if let (true, Some(bits)) = (whole < self.len, words.next()) {
            self.rest(s, element, &mut sums, whole, bits & low_bits(self.len - whole));
        }
        if let Some(all) = element.sums() {
            *all = to_array(sums);
        }
    }

    /// The loop over whole words, of an element that sums up nothing.
    #[inline(always)]
    pub(crate) fn each_word<S: Simd, E: Element>(self, s: S, element: &mut E, words: &[u64]) {
        for (at, bits) in (0..self.len / 64 * 64).step_by(64).zip(words) {
            self.word(s, element, &mut S::Floats::splat(s, 0.0), at, *bits);
        }
    }

    /// The 64 elements from `at` on, which are there.
    #[inline(always)]
    fn word<S: Simd, E: Element>(self, s: S, element: &mut E, sums: &mut S::Floats, at: usize, bits: u64) {
        // written out: a loop is not unrolled at every level, and the lanes are constants then
        // SAFETY: both callers see to it that `at + 64` is at most the length, of which these are the first 16 elements.
        unsafe { self.vector(s, element, sums, (at, 16), bits, 0) };
        // SAFETY: as above, the second 16.
        unsafe { self.vector(s, element, sums, (at + 16, 16), bits, 16) };
        // SAFETY: as above, the third 16.
        unsafe { self.vector(s, element, sums, (at + 32, 16), bits, 32) };
        // SAFETY: as above, the last 16.
        unsafe { self.vector(s, element, sums, (at + 48, 16), bits, 48) };
        element.end_of_word(64);
    }

    /// Fewer than 64 elements from `at` on; bits past them are 0.
    #[inline(always)]
    fn rest<S: Simd, E: Element>(self, s: S, element: &mut E, sums: &mut S::Floats, at: usize, bits: u64) {
        let mut lane = 0;
        while at + lane < self.len {
            let len = (self.len - at - lane).min(16);
            // SAFETY: `len` elements are left from `at + lane` on.
            unsafe { self.vector(s, element, sums, (at + lane, len), bits, lane) };
            lane += 16;
        }
        element.end_of_word(self.len - at);
    }

    /// # Safety
    /// `at + len` is at most the length of the run; `len` is at most 16.
    #[inline(always)]
    unsafe fn vector<S: Simd, E: Element>(
        self,
        s: S,
        element: &mut E,
        sums: &mut S::Floats,
        (at, len): (usize, usize),
        bits: u64,
        lane: usize,
    ) {
        let mut x = [S::Floats::splat(s, 0.0); INPUTS];
        for (x, input) in x.iter_mut().zip(self.x).take(E::INPUTS) {
            let input = input.wrapping_add(at);
            *x = if len == 16 {
                // SAFETY: the input is valid for 16 elements from `at` on, as the caller says.
                unsafe { S::Floats::load(s, input) }
            } else {
                // SAFETY: the input is valid for `len` elements from `at` on, as the caller says.
                unsafe { S::Floats::load_part(s, input, len) }
            };
        }
        let y = element.vector(s, sums, x, bits, lane);
        if E::OUTPUT {
            let output = self.y.wrapping_add(at);
            if len == 16 {
                // SAFETY: the output is valid for 16 elements from `at` on, as the caller says.
                unsafe { y.store(output) };
            } else {
                // SAFETY: the output is valid for `len` elements from `at` on, as the caller says.
                unsafe { y.store_part(output, len) };
            }
        }
    }
}

/// A copy of an element that no operand can overlap, as far as the compiler knows: its constants stay in registers while
/// outputs are written. Not a function of a closure, which might not be inlined into the code of a level.
pub(crate) struct InRegisters<'a, E> {
    original: &'a mut E,
    copy: ManuallyDrop<E>,
}

impl<'a, E: Element> InRegisters<'a, E> {
    #[inline(always)]
    pub(crate) fn new(original: &'a mut E) -> Self {
        // SAFETY: a reference can be read; the original is not used before it is written again, nor is the copy dropped.
        let copy = ManuallyDrop::new(unsafe { core::ptr::read(original) });
        Self { original, copy }
    }
}

impl<E> Deref for InRegisters<'_, E> {
    type Target = E;

    #[inline(always)]
    fn deref(&self) -> &E {
        &self.copy
    }
}

impl<E> DerefMut for InRegisters<'_, E> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut E {
        &mut self.copy
    }
}

impl<E> Drop for InRegisters<'_, E> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the copy is not used after this.
        let copy = unsafe { ManuallyDrop::take(&mut self.copy) };
        // SAFETY: a mutable reference can be written; what it held was moved to the copy, and must not be dropped.
        unsafe { core::ptr::write(self.original, copy) }
    }
}
