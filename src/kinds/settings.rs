//! How a call runs and over which slices, wherever its bits come from.

use crate::engine::{Input, Operands, Output, Pass, Row, Source, Threads};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, Memory, Operand};
use crate::simd::Level;

/// What a [`Dropout`](super::Dropout) and a [`StoredMask`](super::StoredMask) are set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    /// None if elements and bits follow each other.
    pub(super) layout: Option<Layout>,
    /// None for that of the machine.
    pub(super) level: Option<Level>,
    pub(super) threads: Threads,
}

impl Settings {
    /// No constant, of which all bytes would be copied.
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { layout: None, level: None, threads: Threads::One }
    }

    pub(super) fn run_level(&self) -> Level {
        self.level.unwrap_or_else(Level::detect)
    }

    /// The layout of a slice of this length.
    pub(super) const fn layout_of(&self, len: usize) -> Layout {
        match self.layout {
            Some(layout) => layout,
            None => Layout::flat(len),
        }
    }

    /// # Errors
    /// [`Error::Unsupported`] if one of these settings is not the default.
    pub(super) fn supports_no(&self, settings: &[Setting]) -> Result<(), Error> {
        let is_set = |setting: &Setting| match setting {
            Setting::Layout => self.layout.is_some(),
            Setting::Threads => self.threads != Threads::One,
            Setting::Scaling => false,
        };
        match settings.iter().copied().find(is_set) {
            Some(setting) => Err(Error::Unsupported { setting }),
            None => Ok(()),
        }
    }

    /// Whether an input and an output have the layout.
    pub(super) fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        let Some(layout) = self.layout else { return same_length(Argument::Output, x, y) };
        layout.check(Operand::Output, y)?;
        layout.check(Operand::Input, x)
    }

    /// The same of an output that is the input.
    pub(super) fn check_in_place(&self, len: usize) -> Result<(), Error> {
        let Some(layout) = self.layout else { return Ok(()) };
        layout.check_in_place()?;
        layout.check(Operand::Output, len)
    }

    /// Whether a residual has the layout of an output.
    pub(super) fn check_residual(&self, r: usize, y: usize) -> Result<(), Error> {
        match self.layout {
            Some(layout) => layout.check(Operand::Residual, r),
            None => same_length(Argument::Residual, y, r),
        }
    }

    /// Whether a pass is one row on the caller's thread.
    pub(super) const fn is_row(&self) -> bool {
        self.layout.is_none() && matches!(self.threads, Threads::One)
    }

    /// A pass over slices that have been checked; the inputs are `x`, then a residual.
    pub(super) fn pass<'a>(&self, source: Source<'a>, inputs: &[Input<'a>], y: Output<'a>) -> Pass<'a> {
        self.pass_in(self.layout_of(y.len()).memory(Input::has_residual(inputs), false), source, inputs, y)
    }

    /// The same over memory in other runs.
    #[inline(never)] // a call without a layout should not make room for one
    pub(super) fn pass_in<'a>(
        &self,
        memory: Memory,
        source: Source<'a>,
        inputs: &[Input<'a>],
        y: Output<'a>,
    ) -> Pass<'a> {
        let (level, threads, indices) = (self.run_level(), self.threads, self.layout_of(y.len()).indices());
        Pass { level, threads, source, indices, memory, operands: Operands::new(inputs, y) }
    }

    /// `y = kept ? x * scale : +0.0`, or `y = z + (kept ? x * scale : +0.0)` of two inputs.
    pub(super) fn product<'a, const N: usize>(
        &self,
        source: Source<'a>,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
        scale: f32,
    ) {
        if self.is_row() {
            Row::new(self.run_level(), source, inputs, y, &mut []).product(N, scale);
        } else {
            self.pass(source, &inputs, y.into()).product(N, scale);
        }
    }

    /// The same of one input or two, compiled once: for calls that are not short.
    #[inline(never)]
    pub(super) fn product_of<'a>(&self, source: Source<'a>, inputs: &[Input<'a>], y: Output<'a>, scale: f32) {
        match *inputs {
            [x] => self.product(source, [x], y, scale),
            [x, r] => self.product(source, [x, r], y, scale),
            _ => (),
        }
    }
}
