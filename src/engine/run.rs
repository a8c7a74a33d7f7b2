//! Elements of the operands that follow each other, and the loops over them.
#![allow(unsafe_code)] // loads and stores

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::element::Element;
use super::operand::{Input, Output, Place};
use crate::mask::low_bits;
use crate::simd::{Floats, Simd, load, to_array};

/// Inputs of an operation, at most.
pub(super) const INPUTS: usize = 3;

/// As many elements of each operand, which follow each other.
///
/// Each pointer is valid for `len` elements for as long as the operands live that the run was taken of, those of inputs to
/// read, `y` and `sums` to write. An input that is not there, and `sums` where there are none, is `y`.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(super) x: [*const f32; INPUTS],
    pub(super) y: *mut f32,
    pub(super) sums: *mut f32,
    pub(super) len: usize,
    pub(super) operands: PhantomData<&'a ()>,
}

impl<'a> Run<'a> {
    /// All of `y` and of each input, or as many elements as the shortest has.
    #[inline(always)] // setting up is half of a short call
    pub(crate) fn new<const N: usize>(inputs: [Input<'a>; N], y: impl Into<Output<'a>>) -> Self {
        let Output { start: y, mut len, .. } = y.into();
        let mut x = [y.cast_const(); INPUTS];
        for (x, input) in x.iter_mut().zip(inputs) {
            let Place { start, len: there, .. } = match input {
                Input::Strided(x) | Input::Row(x) => x,
                Input::InPlace => continue,
            };
            (*x, len) = (start, len.min(there));
        }
        Self { x, y, sums: y, len, operands: PhantomData }
    }
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

    /// The output in the place of the first input.
    pub(crate) const fn output_first(self) -> Self {
        let [_, second, third] = self.x;
        Self { x: [self.y.cast_const(), second, third], ..self }
    }

    /// The third input in the place of the second.
    pub(crate) const fn first_and_third(self) -> Self {
        let [first, _, third] = self.x;
        Self { x: [first, third, third], ..self }
    }

    /// With the output of another, and as many elements as both have.
    pub(crate) const fn onto(self, Self { y, sums, len, .. }: Self) -> Self {
        Self { y, sums, len: if len < self.len { len } else { self.len }, ..self }
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
    pub(crate) fn each<S: Simd, E: Element>(self, s: S, element: &mut E, words: &[u64]) {
        let mut element = InRegisters::new(element);
        let mut sums = element.sums().map_or(S::Floats::splat(s, 0.0), |sums| load(s, sums));
        let (whole, mut words) = (self.len / 64 * 64, words.iter());
        let mut at = 0;
        while at < whole {
            let Some(bits) = words.next() else { break };
            self.word(s, &mut *element, &mut sums, at, *bits);
            at += 64;
        }
        if let (true, Some(bits)) = (whole < self.len, words.next()) {
            self.rest(s, &mut *element, &mut sums, whole, bits & low_bits(self.len - whole));
        }
        if let Some(array) = element.sums() {
            *array = to_array(sums);
        }
    }

    /// The loop where every element is kept, one vector at a time: for elements of more constants than there are registers.
    #[inline(always)]
    pub(crate) fn each_kept<S: Simd, E: Element>(self, s: S, element: &mut E) {
        self.each_vector(s, element, |_| !0);
    }

    /// The loop one vector at a time, which is a third of the code; `bits` are those from an element on, 16 at least.
    #[inline(always)]
    pub(crate) fn each_vector<S: Simd, E: Element>(self, s: S, element: &mut E, bits: impl Fn(usize) -> u64) {
        let mut element = InRegisters::new(element);
        let mut sums = element.sums().map_or(S::Floats::splat(s, 0.0), |sums| load(s, sums));
        let whole = self.len / 16 * 16;
        for at in (0..whole).step_by(16) {
            // SAFETY: `at + 16` is at most the length.
            unsafe { self.vector(s, &mut *element, &mut sums, (at, 16), bits(at), 0) };
        }
        let rest = self.len - whole;
        if rest > 0 {
            // SAFETY: `rest` elements are left.
            unsafe { self.vector(s, &mut *element, &mut sums, (whole, rest), bits(whole) & low_bits(rest), 0) };
        }
        if let Some(array) = element.sums() {
            *array = to_array(sums);
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
