//! Calls on arrays in C order without gaps.

use std::marker::PhantomData;
use std::ptr;

use dropmask::ffi::*;
use numpy::Element;

use super::Array;

/// The elements of an array, or NULL where there is none.
#[derive(Clone, Copy)]
pub(crate) struct Data<'a, T> {
    start: *mut T,
    array: PhantomData<&'a ()>,
}

// SAFETY: the array lives as long as the borrow, and the library reads and writes it from any thread.
unsafe impl<T> Send for Data<'_, T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Data<'_, T> {}

impl<'a, T: Element> From<&'a Array<'_, T>> for Data<'a, T> {
    fn from(array: &'a Array<'_, T>) -> Self {
        Self { start: array.start(), array: PhantomData }
    }
}

impl<'a, T: Element> From<Option<&'a Array<'_, T>>> for Data<'a, T> {
    fn from(array: Option<&'a Array<'_, T>>) -> Self {
        Self { start: array.map_or(ptr::null_mut(), Array::start), array: PhantomData }
    }
}

impl<'a, T> From<&'a mut [T]> for Data<'a, T> {
    fn from(elements: &'a mut [T]) -> Self {
        Self { start: elements.as_mut_ptr(), array: PhantomData }
    }
}

/// What is read alone.
impl<'a, T> From<&'a [T]> for Data<'a, T> {
    fn from(elements: &'a [T]) -> Self {
        Some(elements).into()
    }
}

impl<'a, T> From<Option<&'a [T]>> for Data<'a, T> {
    fn from(elements: Option<&'a [T]>) -> Self {
        Self { start: elements.map_or(ptr::null_mut(), |elements| elements.as_ptr().cast_mut()), array: PhantomData }
    }
}

impl<'a> Data<'a, isize> {
    /// Of numbers that are not negative in either type.
    pub(crate) fn unsigned(self) -> Data<'a, usize> {
        Data { start: self.start.cast(), array: self.array }
    }
}

/// An argument as C takes it.
trait Argument {
    type C;

    fn c(self) -> Self::C;
}

impl<T> Argument for Data<'_, T> {
    type C = *mut T;

    fn c(self) -> *mut T {
        self.start
    }
}

impl Argument for &dropmask_call {
    type C = *const dropmask_call;

    fn c(self) -> Self::C {
        self
    }
}

impl Argument for &[usize; 3] {
    type C = *const usize;

    fn c(self) -> *const usize {
        self.as_ptr()
    }
}

impl Argument for bool {
    type C = u32;

    fn c(self) -> u32 {
        self.into()
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Argument for $number {
            type C = Self;

            fn c(self) -> Self {
                self
            }
        }
    )+};
}

numbers!(u32, u64, usize, isize, f32, f64);

macro_rules! calls {
    ($($name:ident = $function:ident($($argument:ident: $of:ty),+);)+) => {$(
        #[allow(clippy::too_many_arguments, reason = "those of C")]
        pub(crate) fn $name($($argument: $of),+) -> dropmask_status {
            // SAFETY: the kinds have seen to it that arrays are as long as the header says, that none is missing which may not
            // be NULL, and that outputs are writeable. The library itself compares addresses, alignment and overlap.
            unsafe { $function($($argument.c()),+) }
        }
    )+};
}

type Call<'a> = &'a dropmask_call;

calls! {
    attention_forward = dropmask_attention_forward_f32(
        call: Call, past: isize, factor: f32, bias: Data<f32>, bias_strides: &[usize; 3], renormalise: bool,
        mask: Data<u64>, scores: Data<f32>, weights: Data<f32>, softmax: Data<f32>
    );
    attention_backward = dropmask_attention_backward_f32(
        call: Call, past: isize, factor: f32, bias: Data<f32>, bias_strides: &[usize; 3], renormalise: bool,
        mask: Data<u64>, scores: Data<f32>, dy: Data<f32>, dscores: Data<f32>
    );
    attention_backward_softmax = dropmask_attention_backward_softmax_f32(
        call: Call, past: isize, factor: f32, renormalise: bool,
        mask: Data<u64>, softmax: Data<f32>, dy: Data<f32>, dscores: Data<f32>, accumulate: bool
    );
    attention_evaluate = dropmask_attention_evaluate_f32(
        call: Call, past: isize, factor: f32, bias: Data<f32>, bias_strides: &[usize; 3], renormalise: bool,
        scores: Data<f32>, weights: Data<f32>
    );
    dropblock_gamma = dropmask_dropblock_gamma(
        call: Call, block: usize, gamma_scale: f64, threshold: Data<u64>, seeds: Data<u64>
    );
    dropblock_fill = dropmask_dropblock_fill(
        call: Call, block: usize, gamma_scale: f64, mask: Data<u64>, kept: Data<u64>
    );
    dropblock_forward = dropmask_dropblock_forward_f32(
        call: Call, block: usize, gamma_scale: f64, x: Data<f32>, y: Data<f32>, mask: Data<u64>, kept: Data<u64>
    );
    dropblock_backward = dropmask_dropblock_backward_f32(
        call: Call, block: usize, gamma_scale: f64, mask: Data<u64>, kept: u64, total: u64, dy: Data<f32>, dx: Data<f32>,
        accumulate: bool
    );
    connect_forward = dropmask_connect_forward_f32(
        call: Call, batch: usize, per_sample: bool, first_sample: u64, mask: Data<u64>, w: Data<f32>, b: Data<f32>,
        x: Data<f32>, y: Data<f32>
    );
    connect_backward_input = dropmask_connect_backward_input_f32(
        call: Call, batch: usize, per_sample: bool, first_sample: u64, mask: Data<u64>, w: Data<f32>, dy: Data<f32>,
        dx: Data<f32>, accumulate: bool
    );
    connect_backward_weights = dropmask_connect_backward_weights_f32(
        call: Call, batch: usize, per_sample: bool, first_sample: u64, mask: Data<u64>, x: Data<f32>, dy: Data<f32>,
        dw: Data<f32>, accumulate: bool
    );
    connect_backward_bias = dropmask_connect_backward_bias_f32(
        batch: usize, outputs: usize, dy: Data<f32>, db: Data<f32>
    );
    connect_evaluate = dropmask_connect_evaluate_f32(
        call: Call, batch: usize, w: Data<f32>, b: Data<f32>, x: Data<f32>, y: Data<f32>
    );
    connect_moments = dropmask_connect_moments_f32(
        call: Call, batch: usize, w: Data<f32>, b: Data<f32>, x: Data<f32>, mean: Data<f32>, variance: Data<f32>
    );
    embedding_lookup = dropmask_embedding_lookup_f32(
        call: Call, mask: Data<u64>, count: usize, ids: Data<u32>, table: Data<f32>, y: Data<f32>
    );
    embedding_forward = dropmask_embedding_forward_f32(
        call: Call, mask: Data<u64>, count: usize, ids: Data<u32>, x: Data<f32>, y: Data<f32>, accumulate: bool
    );
    embedding_backward_table = dropmask_embedding_backward_table_f32(
        call: Call, mask: Data<u64>, count: usize, ids: Data<u32>, dy: Data<f32>, dtable: Data<f32>
    );
    cutout_forward = dropmask_cutout_forward_f32(
        key: u64, first_sample: u64, samples: usize, channels: usize, height: usize, width: usize, box_height: usize,
        box_width: usize, boxes: u32, x: Data<f32>, y: Data<f32>, accumulate: bool
    );
    cutout_boxes = dropmask_cutout_boxes(
        key: u64, sample: u64, height: usize, width: usize, box_height: usize, box_width: usize, boxes: u32,
        bounds: Data<usize>
    );
    moments_push = dropmask_moments_push_f32(
        passes: u64, y: Data<f32>, mean: Data<f64>, squares: Data<f64>, len: usize
    );
    moments_variance = dropmask_moments_variance(
        passes: u64, ddof: u64, squares: Data<f64>, variance: Data<f64>, len: usize
    );
    classes_push = dropmask_classes_push_f32(
        passes: u64, samples: usize, classes: usize, p: Data<f32>, mean: Data<f64>, entropy: Data<f64>
    );
    classes_uncertainty = dropmask_classes_uncertainty(
        samples: usize, classes: usize, mean: Data<f64>, entropy: Data<f64>, out: Data<f64>
    );
}
