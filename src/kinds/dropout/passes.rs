use super::{Dropout, Scaling};
use crate::engine::{Input, Output, Pass, Row, Source, Threads};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, Memory, check_indices};
use crate::mask::MaskMut;
use crate::probability::Probability;
use crate::simd::Level;
use crate::stream::Stream;

/// What the kinds of dropout that are built on `Dropout` share.
impl Dropout {
    /// The dropout from `distance` elements further on.
    pub(crate) const fn further(self, distance: u64) -> Self {
        Self { offset: self.offset.wrapping_add(distance), ..self }
    }

    /// The dropout with another drop probability.
    pub(crate) const fn with_probability(self, p: Probability) -> Self {
        Self { p, ..self }
    }

    pub(crate) fn run_level(&self) -> Level {
        self.settings.run_level()
    }

    pub(crate) const fn threads(&self) -> Threads {
        self.settings.threads
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

    /// What names the bits.
    pub(crate) const fn stream(&self) -> Stream {
        Stream { key: self.key, p: self.p }
    }

    /// # Errors
    /// [`Error::Unsupported`] if one of these settings is not the default.
    pub(crate) fn supports_no(&self, settings: &[Setting]) -> Result<(), Error> {
        if self.scaling != Scaling::Inverted && settings.contains(&Setting::Scaling) {
            return Err(Error::Unsupported { setting: Setting::Scaling });
        }
        self.settings.supports_no(settings)
    }

    /// Whether slices of these lengths have the layout, and their elements indices.
    pub(crate) fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        self.settings.check(x, y)?;
        self.check_indices(y)
    }

    /// The same of an output that is the input.
    pub(crate) fn check_in_place(&self, len: usize) -> Result<(), Error> {
        self.settings.check_in_place(len)?;
        self.check_indices(len)
    }

    /// Whether a residual has the layout of an output.
    pub(crate) fn check_residual(&self, r: usize, y: usize) -> Result<(), Error> {
        self.settings.check_residual(r, y)
    }

    fn check_indices(&self, len: usize) -> Result<(), Error> {
        match self.settings.layout {
            None => check_indices(self.offset, len as u128),
            Some(layout) => layout.check_indices(self.offset),
        }
    }

    /// The layout of slices that have been checked, `len` the length of one.
    pub(crate) const fn layout_of(&self, len: usize) -> Layout {
        self.settings.layout_of(len)
    }

    /// A pass in training.
    pub(crate) fn training<'a>(&self, inputs: &[Input<'a>], y: Output<'a>) -> Pass<'a> {
        self.settings.pass(self.source(), inputs, y)
    }

    /// The same over memory in other runs.
    pub(crate) fn training_in<'a>(&self, memory: Memory, inputs: &[Input<'a>], y: Output<'a>) -> Pass<'a> {
        self.settings.pass_in(memory, self.source(), inputs, y)
    }

    /// `y = x * factor` as training would have it, or `y = z + x * factor` of two inputs.
    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(super) fn pass<'a, const N: usize>(
        &self,
        inputs: [Input<'a>; N],
        y: impl Into<Output<'a>>,
    ) -> Result<(), Error> {
        self.settings.product(self.source(), inputs, y, self.scale());
        Ok(())
    }

    /// The same of one input or two, for C.
    #[cfg(feature = "ffi")]
    pub(crate) fn pass_of<'a>(&self, inputs: &[Input<'a>], y: Output<'a>) {
        self.settings.product_of(self.source(), inputs, y, self.scale());
    }

    pub(crate) fn store(&self, x: Input<'_>, y: Output<'_>, mask: &mut MaskMut<'_>) -> Result<(), Error> {
        if self.settings.layout.is_some() {
            // one bit may serve many elements: a pass of its own over the bits
            self.fill(mask)?;
            return self.pass([x], y);
        }
        same_length(Argument::Mask, y.len(), mask.len())?;
        if self.settings.is_row() {
            Row::new(self.run_level(), self.source(), [x], y, mask.words_mut()).scale(self.scale());
        } else {
            self.training(&[x], y).scale(self.scale(), mask.words_mut());
        }
        Ok(())
    }

    /// Makes the pass one in evaluation; returns its factor.
    pub(crate) fn evaluate_by(&self, pass: &mut Pass<'_>) -> f32 {
        let kept = !(self.scaling == Scaling::Standard && self.p.threshold() == 0);
        pass.source = Source::Certain(kept);
        self.evaluation_scale()
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn evaluation(&self, inputs: &[Input<'_>], y: Output<'_>) -> Result<(), Error> {
        let mut pass = self.training(inputs, y);
        let factor = self.evaluate_by(&mut pass);
        pass.product(inputs.len(), factor);
        Ok(())
    }
}
