//! The caller's memory.
//!
//! Operands are pointers and lengths, their strides those of the layout: in place and out of place are the same compiled loop,
//! and an output is never read unless it is an input too.
#![allow(unsafe_code)] // operands for threads, and memory that a pass has written

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::run::{INPUTS, Run};
use crate::layout::{Distances, Line, Operand};

/// One input of a pass.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Memory with strides of its own.
    Strided(Place<'a>),
    /// The output itself.
    InPlace,
    /// One row, the same for each, or rows whose starts the kind sets.
    Row(Place<'a>),
}

/// So many floats from one on. No slice: only those that are elements are read, and others may write the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(super) start: *const f32,
    pub(super) len: usize,
    memory: PhantomData<&'a [f32]>,
}

// SAFETY: it can be read for as long as it lives, as a shared slice can.
unsafe impl Send for Place<'_> {}
// SAFETY: as above.
unsafe impl Sync for Place<'_> {}

impl<'a> Place<'a> {
    #[inline(always)]
    pub(crate) const fn of(x: &'a [f32]) -> Self {
        Self { start: x.as_ptr(), len: x.len(), memory: PhantomData }
    }

    /// # Safety
    /// For as long as it lives, the elements of the operand among `len` floats from `start` on can be read, and nobody writes
    /// them.
    #[cfg(feature = "ffi")]
    pub(crate) const unsafe fn at(start: *const f32, len: usize) -> Self {
        Self { start, len, memory: PhantomData }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Elements that follow each other; none if they are not all there.
    pub(crate) fn row(&self, first: usize, len: usize) -> &'a [f32] {
        if first.checked_add(len).is_none_or(|end| end > self.len) {
            return &[];
        }
        // SAFETY: so many floats are there. All of them are elements: `Attention` alone asks, for what a query sees of a row of
        // its bias, whose keys follow each other.
        unsafe { core::slice::from_raw_parts(self.start.wrapping_add(first), len) }
    }
}

impl<'a> Input<'a> {
    #[inline(always)]
    pub(crate) fn of(x: &'a [f32]) -> Self {
        Self::Strided(Place::of(x))
    }

    /// Whether something is added that is not the output.
    pub(crate) const fn has_residual(inputs: &[Self]) -> bool {
        matches!(inputs, [_, Self::Strided(_)])
    }
}

/// The output of a pass: floats, or memory for floats, which is no input then. No slice, as of [`Place`].
pub(crate) struct Output<'a> {
    pub(super) start: *mut f32,
    pub(super) len: usize,
    memory: PhantomData<&'a mut [f32]>,
}

impl Output<'_> {
    /// # Safety
    /// For as long as it lives, the elements of the operand among `len` floats from `start` on can be read and written, and
    /// nobody else does.
    #[cfg(feature = "ffi")]
    pub(crate) const unsafe fn at(start: *mut f32, len: usize) -> Self {
        Self { start, len, memory: PhantomData }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

impl<'a> From<&'a mut [f32]> for Output<'a> {
    #[inline(always)]
    fn from(y: &'a mut [f32]) -> Self {
        Self { start: y.as_mut_ptr(), len: y.len(), memory: PhantomData }
    }
}

/// The floats of `y`, all of which `write` has written if it succeeds: by a pass from slices over dense memory.
pub(crate) fn written<E>(
    y: &mut [MaybeUninit<f32>],
    write: impl FnOnce(Output<'_>) -> Result<(), E>,
) -> Result<&mut [f32], E> {
    write(Output { start: y.as_mut_ptr().cast(), len: y.len(), memory: PhantomData })?;
    // SAFETY: a pass writes each element of its output, in whatever order (`Run::each`, `each_word`, `scalar`, `constant`, and
    // `Operands::scatter`, `constant`), as its source has bits for all. There is no other `write`: `forward_uninit` and
    // `apply_uninit` have asked `Layout::check_dense` whether the elements are all of `y`, `Layout::check` whether they are apart.
    Ok(unsafe { &mut *(core::ptr::from_mut(y) as *mut [f32]) })
}

/// Inputs and outputs of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    inputs: [Rows; INPUTS],
    output: Rows,
    /// Where sums over the rows go, or another output; empty if there are none.
    sums: Rows,
    memory: PhantomData<(&'a [f32], &'a mut [f32])>,
}

/// The memory of an operand: `len` floats from `start` on.
#[derive(Clone, Copy)]
struct Rows {
    start: *mut f32,
    len: usize,
    /// Whose strides it has.
    operand: Operand,
}

// SAFETY: what the operands are made of can be read, and the outputs are borrowed for as long as the operands live. Two threads
// that share them use different elements: `Threads` gives each its own range, and none has sums of rows. In the outputs these lie in different places: `Layout::check` has asked `check_apart`, or the output is dense, as
// `Attention` and `DropBlock` have compared its length with the number of elements.
unsafe impl Send for Operands<'_> {}
// SAFETY: as above.
unsafe impl Sync for Operands<'_> {}

impl Rows {
    const NONE: Self = Self { start: core::ptr::dangling_mut(), len: 0, operand: Operand::Output };

    const fn read(Place { start, len, .. }: Place<'_>, operand: Operand) -> Self {
        Self { start: start.cast_mut(), len, operand }
    }

    const fn write(Output { start, len, .. }: Output<'_>, operand: Operand) -> Self {
        Self { start, len, operand }
    }

    fn is_dense(self, dense: &[bool]) -> bool {
        dense.get(self.operand as usize).copied().unwrap_or_default()
    }

    /// Where a line begins, its stride, and its length; 0 if it is not all there.
    #[inline(always)]
    fn line(self, line: &Line) -> (*mut f32, usize, usize) {
        let of = |distances: &Distances| distances.get(self.operand as usize).copied().unwrap_or_default();
        let (first, stride) = (of(&line.starts), of(&line.strides));
        let last = line.len.checked_sub(1).and_then(|last| last.checked_mul(stride)?.checked_add(first));
        let len = if last.is_some_and(|last| last < self.len) { line.len } else { 0 };
        (self.start.wrapping_add(first), stride, len)
    }

    /// At most `len` elements from `column` on of the run that begins there.
    #[inline(always)]
    fn run(self, starts: &Distances, column: usize, len: usize) -> (*mut f32, usize) {
        let first = starts.get(self.operand as usize).copied().unwrap_or_default().wrapping_add(column);
        let first = if first < self.len { first } else { self.len };
        let left = self.len - first;
        (self.start.wrapping_add(first), if len < left { len } else { left })
    }
}

static ZERO: f32 = 0.0;

/// Copies elements from places to places, each a start and a stride; as integers, so that no NaN is made quiet.
///
/// # Safety
/// So many elements are there, to be read and to be written; none is read after another was written in its place.
#[inline(always)]
unsafe fn copy((from, from_stride): (*const f32, usize), (to, to_stride): (*mut f32, usize), len: usize) {
    let (from, to) = (from.cast::<u32>(), to.cast::<u32>());
    if (from_stride, to_stride) == (1, 1) {
        // SAFETY: as demanded; they may be the same.
        return unsafe { from.copy_to(to, len) };
    }
    for i in 0..len {
        let (from, to) = (from.wrapping_add(i.wrapping_mul(from_stride)), to.wrapping_add(i.wrapping_mul(to_stride)));
        // SAFETY: `i` is below the number of elements that are there.
        unsafe { from.copy_to(to, 1) };
    }
}

/// Elements of the operands, copied side by side.
pub(crate) struct Stage {
    inputs: [[f32; Self::LEN]; INPUTS],
    output: [f32; Self::LEN],
}

impl Stage {
    pub(crate) const LEN: usize = 256;

    pub(crate) const fn new() -> Self {
        Self { inputs: [[0.0; Self::LEN]; INPUTS], output: [0.0; Self::LEN] }
    }
}

impl<'a> Operands<'a> {
    /// `y` from some inputs: of those that are no rows, the first is the input, the second the residual.
    pub(crate) fn new(inputs: &[Input<'a>], y: Output<'a>) -> Self {
        let output = Rows::write(y, Operand::Output);
        let (mut all, mut strided) = ([Rows::NONE; INPUTS], Operand::Input);
        for (all, input) in all.iter_mut().zip(inputs) {
            *all = match *input {
                Input::Strided(x) => Rows::read(x, strided),
                Input::InPlace => output,
                Input::Row(x) => Rows::read(x, Operand::Row),
            };
            if !matches!(input, Input::Row(_)) {
                strided = Operand::Residual;
            }
        }
        Self { inputs: all, output, sums: Rows::NONE, memory: PhantomData }
    }

    /// `len` elements from `first` on: those of a dense operand as they are, of another as they have been copied.
    pub(crate) fn staged<'s>(&'s self, stage: &'s mut Stage, dense: &[bool], first: usize, len: usize) -> Run<'s> {
        let Stage { inputs: [a, b, c], output } = stage;
        let inputs = [Input::of(a), Input::of(b), Input::of(c)];
        let mut run = Run::new(inputs, &mut output[..]).part(0, len);
        let whole = |operand: Rows| operand.run(&Distances::default(), first, len);
        for (x, input) in run.x.iter_mut().zip(self.inputs) {
            if input.len > 0 && input.is_dense(dense) {
                let (start, there) = whole(input);
                (*x, run.len) = (start, run.len.min(there));
            }
        }
        if self.output.is_dense(dense) {
            let (start, there) = whole(self.output);
            (run.y, run.len) = (start, run.len.min(there));
        }
        run
    }

    /// Copies a line of each input that is not dense to places `at` and on of the stage.
    pub(crate) fn gather(&self, line: &Line, dense: &[bool], stage: &mut Stage, at: usize) {
        for (stage, input) in stage.inputs.iter_mut().zip(self.inputs) {
            if input.len == 0 || input.is_dense(dense) {
                continue;
            }
            let (from, stride, len) = input.line(line);
            let to = stage.get_mut(at..at + len).unwrap_or_default();
            // SAFETY: `line` says that so many elements are there, and the stage has as many.
            unsafe { copy((from, stride), (to.as_mut_ptr(), 1), to.len()) };
        }
    }

    pub(crate) fn writes_dense(&self, dense: &[bool]) -> bool {
        self.output.is_dense(dense)
    }

    /// Copies places `at` and on of the stage to a line of the output.
    pub(crate) fn scatter(&self, line: &Line, stage: &Stage, at: usize) {
        let (to, stride, len) = self.output.line(line);
        let from = stage.output.get(at..at + len).unwrap_or_default();
        // SAFETY: the stage has so many elements, and `line` says that the output has as many.
        unsafe { copy((from.as_ptr(), 1), (to, stride), from.len()) };
    }

    /// Copies a line of the first input to the output, or writes +0.0.
    pub(crate) fn constant(&self, line: &Line, kept: bool) {
        let ([input, ..], (to, stride, len)) = (self.inputs, self.output.line(line));
        let (from, from_stride, there) = if kept { input.line(line) } else { ((&raw const ZERO).cast_mut(), 0, len) };
        // SAFETY: `line` says that so many elements are there in each, and one zero is for all.
        unsafe { copy((from, from_stride), (to, stride), len.min(there)) };
    }

    pub(crate) const fn has_sums(&self) -> bool {
        self.sums.len > 0
    }

    /// With sums of one row over all rows.
    pub(crate) fn sums(self, sums: &'a mut [f32]) -> Self {
        Self { sums: Rows::write(sums.into(), Operand::Row), ..self }
    }

    /// With another output in the place of sums, whose elements lie as those of the first.
    pub(crate) fn and_output(self, y: &'a mut [f32]) -> Self {
        Self { sums: Rows::write(y.into(), Operand::Output), ..self }
    }

    /// `len` elements from `column` on of the run that begins there, or as many as each operand that is there has.
    #[inline(always)]
    pub(crate) fn run(&self, starts: &Distances, column: usize, len: usize) -> Run<'_> {
        let (y, mut len) = self.output.run(starts, column, len);
        let mut x = [y.cast_const(); INPUTS];
        for (x, input) in x.iter_mut().zip(self.inputs) {
            if input.len > 0 {
                let (start, there) = input.run(starts, column, len);
                (*x, len) = (start, there);
            }
        }
        let mut sums = y;
        if self.sums.len > 0 {
            (sums, len) = self.sums.run(starts, column, len);
        }
        Run { x, y, sums, len, operands: PhantomData }
    }

    /// The same operands from element `first` of each on, without sums.
    pub(crate) fn from(&self, first: usize) -> Self {
        let from = |rows: Rows| {
            let first = first.min(rows.len);
            Rows { start: rows.start.wrapping_add(first), len: rows.len - first, ..rows }
        };
        Self { inputs: self.inputs.map(from), output: from(self.output), sums: Rows::NONE, memory: PhantomData }
    }
}
