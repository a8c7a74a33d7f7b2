use super::{Dropout, Scaling};
use crate::engine::{Input, Operands, Output, Pass, Row, Source, Threads};
use crate::error::{Error, Setting, same_length};
use crate::layout::Shape;
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

    /// The index of the first element.
    pub(crate) const fn first_index(&self) -> u64 {
        self.offset
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

    /// The shape of a pass over slices of these lengths.
    pub(crate) fn check(&self, x: usize, y: usize) -> Result<Shape, Error> {
        let shape = Shape::of(self.shape, x, y)?;
        shape.bits().check_indices(self.offset)?;
        Ok(shape)
    }

    /// A pass in training.
    pub(crate) fn training<'a, const N: usize>(
        &self,
        shape: Shape,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
    ) -> Pass<'a> {
        let (level, memory) = (self.run_level(), shape.memory());
        let operands = Operands::new(inputs, y, memory);
        Pass { level, threads: self.threads, source: self.source(), layout: shape.layout(), memory, operands }
    }

    /// Whether a pass is one row on the caller's thread.
    const fn is_row(&self) -> bool {
        self.shape.is_none() && matches!(self.threads, Threads::One)
    }

    /// `y = x * factor` as training would have it, or `y = z + x * factor` of two inputs.
    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(super) fn pass<'a, const N: usize>(
        &self,
        shape: Shape,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
    ) -> Result<(), Error> {
        if self.is_row() {
            Row::new(self.run_level(), self.source(), inputs, y, &mut []).product(N, self.scale());
        } else {
            self.training(shape, inputs, y).product(N, self.scale());
        }
        Ok(())
    }

    pub(super) fn store(&self, shape: Shape, x: Input<'_>, y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        if self.shape.is_some() {
            // one bit serves many elements, or rows of the mask begin on words: a pass of its own over the bits
            self.fill(mask)?;
            return self.pass(shape, [x], y);
        }
        same_length(y.len(), mask.len())?;
        if self.is_row() {
            Row::new(self.run_level(), self.source(), [x], y, mask.words_mut()).scale(self.scale());
        } else {
            self.training(shape, [x], y).scale(self.scale(), mask.words_mut());
        }
        Ok(())
    }

    /// A pass in evaluation, and its factor.
    pub(crate) fn evaluating<'a, const N: usize>(
        &self,
        shape: Shape,
        inputs: [Input<'a>; N],
        y: &'a mut [f32],
    ) -> (Pass<'a>, f32) {
        let kept = !(self.scaling == Scaling::Standard && self.p.threshold() == 0);
        let pass = Pass { source: Source::Certain(kept), ..self.training(shape, inputs, y) };
        (pass, self.evaluation_scale())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(super) fn evaluation<const N: usize>(
        &self,
        shape: Shape,
        inputs: [Input<'_>; N],
        y: &mut [f32],
    ) -> Result<(), Error> {
        let (pass, factor) = self.evaluating(shape, inputs, y);
        pass.product(N, factor);
        Ok(())
    }
}
