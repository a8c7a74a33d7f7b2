use super::{Dropout, Scaling};
use crate::engine::{Input, Operands, Output, Pass, Row, Source, Threads};
use crate::error::{Error, Setting, same_length};
use crate::layout::{Memory, Rows, Shape};
use crate::mask::MaskMut;
use crate::simd::Level;
use crate::stream::Stream;

/// What the kinds of dropout that are built on `Dropout` share.
impl Dropout {
    /// The dropout from `distance` elements further on.
    pub(crate) const fn further(self, distance: u64) -> Self {
        Self { offset: self.offset.wrapping_add(distance), ..self }
    }

    pub(crate) fn run_level(&self) -> Level {
        self.level.unwrap_or_else(Level::detect)
    }

    pub(crate) const fn threads(&self) -> Threads {
        self.threads
    }

    /// The factor of all elements in evaluation.
    pub(crate) const fn evaluation_scale(&self) -> f32 {
        match self.scaling {
            Scaling::Inverted | Scaling::Naive => 1.0,
            Scaling::Standard => self.p.keep(),
        }
    }

    /// Mean and variance of the factor of an element in training.
    pub(crate) const fn moments(&self) -> [f32; 2] {
        match self.scaling {
            Scaling::Inverted => self.p.inverted_moments(),
            Scaling::Standard | Scaling::Naive => self.p.moments(),
        }
    }

    /// Where the bits come from.
    pub(crate) fn source(&self) -> Source<'static> {
        Source::drawn(self.stream(), self.offset)
    }

    /// The same over whole slices.
    pub(crate) const fn unshaped(self) -> Self {
        Self { shape: None, ..self }
    }

    /// What names the bits.
    pub(crate) const fn stream(&self) -> Stream {
        Stream { key: self.key, p: self.p }
    }

    /// The shape that was asked for.
    pub(crate) const fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// # Errors
    /// [`Error::Unsupported`] if one of these settings is not the default.
    pub(crate) fn supports_no(&self, settings: &[Setting]) -> Result<(), Error> {
        let is_set = |setting: &Setting| match setting {
            Setting::Layout => self.shape.is_some(),
            Setting::Scaling => self.scaling != Scaling::Inverted,
            Setting::Threads => self.threads != Threads::One,
        };
        match settings.iter().copied().find(is_set) {
            Some(setting) => Err(Error::Unsupported { setting }),
            None => Ok(()),
        }
    }

    /// Whether slices of these lengths have the shape, and their elements indices.
    pub(crate) fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        Shape::check(self.shape, x, y)?;
        match self.shape {
            None => Rows::new(1, x).check_indices(self.offset),
            Some(_) => self.shape_of(x).bits().check_indices(self.offset),
        }
    }

    /// The shape of slices that have been checked, `len` the length of one.
    pub(crate) const fn shape_of(&self, len: usize) -> Shape {
        Shape::of(self.shape, len)
    }

    /// A pass in training.
    pub(crate) fn training<'a, const N: usize>(&self, inputs: [Input<'a>; N], y: impl Into<Output<'a>>) -> Pass<'a> {
        let y = y.into();
        let memory = self.shape_of(y.len()).memory();
        self.training_in(memory, inputs, y)
    }

    /// The same over memory of other rows.
    pub(crate) fn training_in<'a, const N: usize>(
        &self,
        memory: Memory,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
    ) -> Pass<'a> {
        let y = y.into();
        let (level, layout) = (self.run_level(), self.shape_of(y.len()).layout());
        let operands = Operands::new(inputs, y, memory);
        Pass { level, threads: self.threads, source: self.source(), layout, memory, operands }
    }

    /// Whether a pass is one row on the caller's thread.
    const fn is_row(&self) -> bool {
        self.shape.is_none() && matches!(self.threads, Threads::One)
    }

    /// `y = x * factor` as training would have it, or `y = z + x * factor` of two inputs.
    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(super) fn pass<'a, const N: usize>(
        &self,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
    ) -> Result<(), Error> {
        if self.is_row() {
            Row::new(self.run_level(), self.source(), inputs, y, &mut []).product(N, self.scale());
        } else {
            self.training(inputs, y).product(N, self.scale());
        }
        Ok(())
    }

    pub(super) fn store(&self, x: Input<'_>, y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        if self.shape.is_some() {
            // one bit serves many elements, or rows of the mask begin on words: a pass of its own over the bits
            self.fill(mask)?;
            return self.pass([x], y);
        }
        same_length(y.len(), mask.len())?;
        if self.is_row() {
            Row::new(self.run_level(), self.source(), [x], y, mask.words_mut()).scale(self.scale());
        } else {
            self.training([x], y).scale(self.scale(), mask.words_mut());
        }
        Ok(())
    }

    /// The pass as one in evaluation, and its factor.
    pub(crate) fn evaluated<'a>(&self, pass: Pass<'a>) -> (Pass<'a>, f32) {
        let kept = !(self.scaling == Scaling::Standard && self.p.threshold() == 0);
        (Pass { source: Source::Certain(kept), ..pass }, self.evaluation_scale())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(super) fn evaluation<const N: usize>(&self, inputs: [Input<'_>; N], y: &mut [f32]) -> Result<(), Error> {
        let (pass, factor) = self.evaluated(self.training(inputs, y));
        pass.product(N, factor);
        Ok(())
    }
}
