//! Passes over arrays of any strides.

use std::marker::PhantomData;
use std::ptr;

use dropmask::ffi::*;
use numpy::Element;

use super::Array;
use crate::layout::{AXES, Axes};

/// The threshold that keeps everything.
pub(crate) const ALL: u64 = 1 << 32;

/// An operand of a pass: its first element, NULL where there is none, and its strides in elements.
#[derive(Clone, Copy)]
struct Operand {
    start: *mut f32,
    strides: [usize; AXES],
}

/// What a pass computes: the function of the library of this name.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    Fill,
    FillBytes,
    Forward,
    Apply,
    Evaluate,
    AlphaForward,
    AlphaBackward,
    ReluForward,
    ReluBackward,
    Select,
    SelectBackward,
    SelectEvaluate,
    BiasForward,
    BiasBackward,
    BiasEvaluate,
}

/// A mask of a pass, and how many of its bits belong to one step along the outermost axis.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    start: *mut u64,
    pub(crate) step: usize,
}

/// One call of a kernel on arrays, which it borrows.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    kernel: Kernel,
    pub(crate) call: dropmask_call,
    /// Input, residual or second input, output.
    operands: [Operand; 3],
    pub(crate) mask: Option<Words>,
    /// Of the kernels with a bias: it, or its gradient.
    bias: *mut f32,
    arrays: PhantomData<&'a ()>,
}

// SAFETY: a pass is pointers and numbers. The arrays behind them live as long as the borrow, and the library reads and writes
// them from any thread.
unsafe impl Send for Pass<'_> {}
// SAFETY: as above.
unsafe impl Sync for Pass<'_> {}

/// The arrays of a pass, all of one shape.
#[derive(Clone, Copy)]
pub(crate) struct Arrays<'a, 'py> {
    pub(crate) x: &'a Array<'py, f32>,
    pub(crate) r: Option<&'a Array<'py, f32>>,
    pub(crate) y: &'a Array<'py, f32>,
    /// With as many words as its bits need, and the number of bits.
    pub(crate) mask: Option<(&'a Array<'py, u64>, usize)>,
    /// Of as many elements as the last axis has, which `axes` then keeps.
    pub(crate) bias: Option<&'a Array<'py, f32>>,
}

impl<'a> Pass<'a> {
    /// The mask of a call, which has so many bits and shares none of them.
    pub(crate) fn fill(call: dropmask_call, words: &'a Array<'_, u64>, bits: usize) -> Self {
        Self::of_mask(Kernel::Fill, call, words.start(), bits)
    }

    /// The same as bytes. Those of NumPy's bool are 0 and 1 too.
    pub(crate) fn fill_bytes<T: Element>(call: dropmask_call, kept: &'a Array<'_, T>, bits: usize) -> Self {
        const { assert!(size_of::<T>() == 1) };
        Self::of_mask(Kernel::FillBytes, call, kept.start().cast(), bits)
    }

    fn of_mask(kernel: Kernel, call: dropmask_call, start: *mut u64, bits: usize) -> Self {
        let none = Operand { start: ptr::null_mut(), strides: [0; AXES] };
        let [outermost, ..] = call.len;
        let mask = Some(Words { start, step: bits / outermost.max(1) });
        Self { kernel, call, operands: [none; 3], mask, bias: ptr::null_mut(), arrays: PhantomData }
    }

    /// A pass over arrays whose axes, each with its length and its strides in all three of them, are `axes`.
    pub(crate) fn new(kernel: Kernel, call: dropmask_call, axes: &Axes<3>, arrays: Arrays<'a, '_>) -> Self {
        let Arrays { x, r, y, mask, bias } = arrays;
        let starts = [x.start(), r.map_or(ptr::null_mut(), Array::start), y.start()];
        let mut operands = starts.map(|start| Operand { start, strides: [0; AXES] });
        operands.iter_mut().zip(axes.strides).for_each(|(operand, strides)| operand.strides = strides);
        let [outermost, ..] = call.len;
        let mask = mask.map(|(words, bits)| {
            // a mask that the outermost axis shares is the same at each step
            let shares = call.index[0] == 0 && !matches!(kernel, Kernel::ReluForward | Kernel::ReluBackward);
            Words { start: words.start(), step: if shares { 0 } else { bits / outermost.max(1) } }
        });
        let bias = bias.map_or(ptr::null_mut(), Array::start);
        Self { kernel, call, operands, mask, bias, arrays: PhantomData }
    }

    /// The steps `first .. first + len` along the outermost axis; the bits of a mask begin with a word there.
    pub(crate) fn part(mut self, first: usize, len: usize) -> Self {
        let ([whole, ..], [index, ..]) = (&mut self.call.len, self.call.index);
        *whole = len;
        // where nothing is drawn, indices may pass 2^64
        self.call.offset = self.call.offset.wrapping_add(index.wrapping_mul(first as u64));
        for Operand { start, strides: [stride, ..] } in &mut self.operands {
            *start = if start.is_null() { *start } else { start.wrapping_add(first * *stride) };
        }
        self.mask = match self.mask {
            // of a mask that all parts share, one writes it
            Some(Words { step: 0, .. }) if self.kernel == Kernel::Forward && first > 0 => None,
            mask => mask.map(|Words { start, step }| {
                let bytes =
                    if self.kernel == Kernel::FillBytes { first * step } else { first * step / 64 * size_of::<u64>() };
                Words { start: start.wrapping_byte_add(bytes), step }
            }),
        };
        if self.call.axes == 1 && !self.bias.is_null() {
            self.bias = self.bias.wrapping_add(first); // of the last axis, which is the outermost one here
        }
        self
    }

    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Computes it.
    pub(crate) fn run(&self) -> dropmask_status {
        let Self { kernel, ref call, operands: [ref x, ref r, ref y], mask, bias, .. } = *self;
        let mask = mask.map_or(ptr::null_mut(), |words| words.start);
        let (xs, rs, ys) = (x.strides.as_ptr(), r.strides.as_ptr(), y.strides.as_ptr());
        let (x, r, y) = (x.start, r.start, y.start);
        // SAFETY: lengths and strides are those of the arrays, so each element of an operand is one of its array, whose
        // buffer lives as long as `'a`. Outputs are writeable, or new. `Arrays` says how long mask and bias are, and `bits`
        // of `fill` what is filled. The library itself compares addresses, alignment and overlap.
        unsafe {
            match kernel {
                Kernel::Fill => dropmask_dropout_fill(call, mask),
                Kernel::FillBytes => dropmask_dropout_fill_u8(call, mask.cast()),
                Kernel::Forward => dropmask_dropout_forward_f32(call, x, xs, r, rs, y, ys, mask),
                Kernel::Apply => dropmask_dropout_apply_f32(call, mask, x, xs, r, rs, y, ys),
                Kernel::Evaluate => dropmask_dropout_evaluate_f32(call, x, xs, r, rs, y, ys),
                Kernel::AlphaForward => dropmask_alpha_forward_f32(call, x, xs, y, ys),
                Kernel::AlphaBackward => dropmask_alpha_backward_f32(call, x, xs, r, rs, y, ys),
                Kernel::ReluForward => dropmask_relu_forward_f32(call, x, xs, y, ys, mask),
                Kernel::ReluBackward => dropmask_relu_backward_f32(call, mask, x, xs, r, rs, y, ys),
                Kernel::Select => dropmask_select_forward_f32(call, mask, x, xs, r, rs, y, ys),
                Kernel::SelectBackward => dropmask_select_backward_b_f32(call, mask, x, xs, r, rs, y, ys),
                Kernel::SelectEvaluate => self.mix(),
                Kernel::BiasForward => dropmask_bias_forward_f32(call, x, xs, bias, r, rs, y, ys),
                Kernel::BiasBackward => dropmask_bias_backward_f32(call, x, xs, r, rs, y, ys, bias, 0),
                Kernel::BiasEvaluate => dropmask_bias_evaluate_f32(call, x, xs, bias, r, rs, y, ys),
            }
        }
    }

    /// `x * keep + r * (1 - keep)`: first of the input that is the output, if one is, then the other one is added.
    fn mix(&self) -> dropmask_status {
        let of = |threshold| dropmask_call { threshold, scaling: DROPMASK_STANDARD, ..self.call };
        let (keep, drop) = (of(self.call.threshold), of(ALL - self.call.threshold));
        let ([x, r, y], none) = (&self.operands, Operand { start: ptr::null_mut(), strides: [0; AXES] });
        // SAFETY: as in `run`.
        let add = |call: &dropmask_call, x: &Operand, r: &Operand| unsafe {
            let (xs, rs, ys) = (x.strides.as_ptr(), r.strides.as_ptr(), y.strides.as_ptr());
            dropmask_dropout_evaluate_f32(call, x.start, xs, r.start, rs, y.start, ys)
        };
        match (keep.threshold, drop.threshold) {
            (_, 0) => add(&keep, x, &none),
            (0, _) => add(&drop, r, &none),
            _ => {
                let terms = [(&keep, x), (&drop, r)];
                let [first, second] = if r.start == y.start { [terms[1], terms[0]] } else { terms };
                match add(first.0, first.1, &none) {
                    DROPMASK_OK => add(second.0, second.1, y),
                    fault => fault,
                }
            }
        }
    }
}
