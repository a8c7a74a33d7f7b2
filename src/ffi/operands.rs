//! The operands of an element-wise pass: what a function of C is given of them, and what a pass takes.

use core::{ptr, slice};

use super::buffers::{Buffer, Given};
use super::extent::Extent;
use crate::engine::Input;

/// The operands of an element-wise pass, each where it begins and its strides, NULL of dense ones. A residual may be NULL, a
/// second input may not.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    pub(super) x: (*const f32, *const usize),
    pub(super) r: (*const f32, *const usize),
    pub(super) y: (*mut f32, *const usize),
    pub(super) second: bool,
}

impl Operands {
    /// Without a residual.
    pub(super) const fn of(x: *const f32, x_strides: *const usize, y: *mut f32, y_strides: *const usize) -> Self {
        Self::with_residual((x, x_strides), (ptr::null(), ptr::null()), (y, y_strides))
    }

    pub(super) const fn with_residual(
        x: (*const f32, *const usize),
        r: (*const f32, *const usize),
        y: (*mut f32, *const usize),
    ) -> Self {
        Self { x, r, y, second: false }
    }

    /// With a second input in the place of a residual.
    pub(super) const fn of_two(
        x: (*const f32, *const usize),
        r: (*const f32, *const usize),
        y: (*mut f32, *const usize),
    ) -> Self {
        Self { second: true, ..Self::with_residual(x, r, y) }
    }
}

/// The inputs of a call as a buffer.
pub(super) struct Sources {
    pub(super) x: Given,
    pub(super) r: Option<Given>,
}

impl<'a> Buffer<'a> for Sources {
    type Slice = Inputs<'a>;

    fn extents(&self) -> [Extent; 2] {
        let ([x, ..], [r, ..]) = (self.x.extents(), self.r.extents());
        [x, r]
    }

    #[inline(never)] // once, not in each function
    unsafe fn slice(self) -> Inputs<'a> {
        let residual = self.r.is_some();
        // SAFETY: `extents` names both, which `run` has checked.
        let (x, r) = unsafe { (self.x.slice(), self.r.slice()) };
        Inputs { all: [x, r.unwrap_or(Input::InPlace)], residual }
    }
}

/// The input of a pass, and its residual if there is one.
pub(super) struct Inputs<'a> {
    all: [Input<'a>; 2],
    residual: bool,
}

impl<'a> Inputs<'a> {
    pub(super) const fn x(&self) -> Input<'a> {
        let [x, _] = self.all;
        x
    }

    pub(super) const fn has_residual(&self) -> bool {
        self.residual
    }

    pub(super) const fn all(&self) -> &[Input<'a>] {
        let [x, _] = &self.all;
        if self.residual { &self.all } else { slice::from_ref(x) }
    }
}
