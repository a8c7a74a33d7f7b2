use core::mem::MaybeUninit;

use super::settings::Settings;
#[cfg(feature = "rayon")]
use crate::engine::Threads;
use crate::engine::{Input, Output, Source, written};
use crate::error::{Argument, Error, same_length};
use crate::layout::Layout;
use crate::mask::Mask;
use crate::simd::Level;

/// Dropout by a stored mask, in either pass: `y[i] = kept ? x[i] * scale : +0.0`.
///
/// Masks that a [`Dropout`](crate::Dropout) stored are read by [`Dropout::stored`](crate::Dropout::stored); this is for masks
/// that a generator filled, or that came from elsewhere. The
/// arithmetic, the rules of aliasing and the errors are those of [`Dropout`](crate::Dropout#arithmetic).
///
/// ```
/// use dropmask::{Mask, StoredMask};
///
/// // h = [0.8, 1.5, 0.3, 1.2], elements 0 and 2 kept at p = 0.5
/// let dropout = StoredMask::new(Mask::new(&[0b0101], 4)?, 2.0);
/// let mut y = [0.0; 4];
/// dropout.apply(&[0.8, 1.5, 0.3, 1.2], &mut y)?;
/// assert_eq!(y, [1.6, 0.0, 0.6, 0.0]);
///
/// let mut dx = [1.0; 4];
/// dropout.apply_add(&[1.0; 4], &mut dx)?;
/// assert_eq!(dx, [3.0, 1.0, 3.0, 1.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StoredMask<'a> {
    mask: Mask<'a>,
    scale: f32,
    settings: Settings,
}

impl<'a> StoredMask<'a> {
    /// A mask and the factor of kept elements: [`Dropout::scale`](crate::Dropout::scale) of what drew
    /// it, [`Probability::scale`](crate::Probability::scale) for inverted dropout, 1 for the mask alone. With 0, which is that
    /// of `p = 1`, everything is dropped, whatever the mask says.
    pub const fn new(mask: Mask<'a>, scale: f32) -> Self {
        Self { mask, scale, settings: Settings::new() }
    }

    /// The same with settings of a dropout.
    pub(super) const fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The mask of a [layout](Layout#stored-masks), as [`Dropout`](crate::Dropout) stores it.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Self {
        self.with_indexed_bits(layout.stored())
    }

    /// A mask of others, with gaps or in another order: the element at `[i, j]` has bit `i * index_strides[0] + j *
    /// index_strides[1]` of the view, which has exactly the bits from the first to the last. Replaces
    /// [`with_layout`](Self::with_layout).
    ///
    /// ```
    /// use dropmask::{Layout, Mask, StoredMask};
    ///
    /// // rows of 2 bits, 3 apart, from bit 1 on: 0 1, 1 1
    /// let mask = Mask::at_bit(&[0b11_0_10_0], 1, 3 + 2)?;
    /// let layout = Layout::rows(2, 2).index_strides([3, 1]);
    /// let mut x = [1.0; 4];
    /// StoredMask::new(mask, 2.0).with_indexed_bits(layout).apply_in_place(&mut x)?;
    /// assert_eq!(x, [0.0, 2.0, 2.0, 2.0]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn with_indexed_bits(mut self, layout: Layout) -> Self {
        self.settings.layout = Some(layout);
        self
    }

    /// Pins the SIMD level.
    #[must_use]
    pub const fn with_level(mut self, level: Level) -> Self {
        self.settings.level = Some(level);
        self
    }

    /// Shares large slices out among the threads of the current rayon pool, as
    /// [`Dropout::parallel`](crate::Dropout::parallel) does.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn parallel(mut self) -> Self {
        self.settings.threads = Threads::Pool;
        self
    }

    /// `y[i] = kept ? x[i] * scale : +0.0`: forward from `x` to `y`, or backward from `dy` to `dx`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless mask and slices have the same number of elements, or those of the
    /// [layout](crate::Dropout#errors); [`Error::InvalidLayout`] as there.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.pass([Input::of(x)], y)
    }

    /// [`apply`](Self::apply) to memory that is not initialised, as engines hand it out; returns it as floats.
    ///
    /// # Errors
    /// See [`apply`](Self::apply); [`Error::Unsupported`] for an output with gaps.
    pub fn apply_uninit<'y>(&self, x: &[f32], y: &'y mut [MaybeUninit<f32>]) -> Result<&'y mut [f32], Error> {
        self.check(x.len(), y.len())?;
        self.settings.layout_of(y.len()).check_dense(y.len())?;
        written(y, |y| self.pass([Input::of(x)], y))
    }

    /// [`apply`](Self::apply) over its input.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.pass([Input::InPlace], x)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), dx.len())?;
        self.pass([Input::of(dy), Input::InPlace], dx)
    }

    /// `y[i] = r[i] + (kept ? x[i] * scale : +0.0)`: dropout before a residual sum.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.settings.check_residual(r.len(), y.len())?;
        self.pass([Input::of(x), Input::of(r)], y)
    }

    /// [`apply_residual`](Self::apply_residual) over its input.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.settings.check_residual(r.len(), x.len())?;
        self.pass([Input::InPlace, Input::of(r)], x)
    }

    /// The same of other bits.
    pub(super) const fn of_mask(mut self, mask: Mask<'a>) -> Self {
        self.mask = mask;
        self
    }

    pub(super) const fn bits(&self) -> usize {
        self.mask.len()
    }

    pub(super) const fn scale(&self) -> f32 {
        self.scale
    }

    pub(super) const fn source(&self) -> Source<'a> {
        Source::stored(self.mask, self.scale)
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        self.settings.check(x, y)?;
        self.check_mask(y)
    }

    pub(super) fn check_in_place(&self, len: usize) -> Result<(), Error> {
        self.settings.check_in_place(len)?;
        self.check_mask(len)
    }

    /// Whether the mask has the bits of slices of this length.
    fn check_mask(&self, len: usize) -> Result<(), Error> {
        match self.settings.layout {
            None => same_length(Argument::Mask, len, self.mask.len()),
            // where there are no elements, channels have stored their bits all the same
            Some(layout) if layout.len() == 0 => Ok(()),
            Some(layout) => layout.check_indexed(self.mask.len()),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    fn pass<'b, const N: usize>(&'b self, inputs: [Input<'b>; N], y: impl Into<Output<'b>>) -> Result<(), Error> {
        self.settings.product(self.source(), inputs, y, self.scale);
        Ok(())
    }

    /// The same of one input or two.
    pub(crate) fn pass_of<'b>(&'b self, inputs: &[Input<'b>], y: Output<'b>) {
        self.settings.product_of(self.source(), inputs, y, self.scale);
    }
}
