use core::mem::MaybeUninit;

use crate::engine::{Input, Operands, Output, Pass, Row, Source, Threads, written};
use crate::error::{Error, Setting, same_length};
use crate::layout::{Channels, Rows, Shape};
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
    shape: Option<Shape>,
    level: Option<Level>,
    threads: Threads,
}

impl<'a> StoredMask<'a> {
    /// A mask and the factor of kept elements: [`Dropout::scale`](crate::Dropout::scale) of what drew
    /// it, [`Probability::scale`](crate::Probability::scale) for inverted dropout, 1 for the mask alone. With 0, which is that
    /// of `p = 1`, everything is dropped, whatever the mask says.
    pub const fn new(mask: Mask<'a>, scale: f32) -> Self {
        Self { mask, scale, shape: None, level: None, threads: Threads::One }
    }

    /// With the settings of a dropout that stored the mask.
    pub(super) const fn of(
        mask: Mask<'a>,
        scale: f32,
        shape: Option<Shape>,
        level: Option<Level>,
        threads: Threads,
    ) -> Self {
        Self { mask, scale, shape, level, threads }
    }

    /// Works on rows that lie apart: element `(r, c)` has bit `r * index_stride + c` of the mask. A mask that was
    /// stored by rows has an index stride of `64 * mask_words(columns)`; any multiple of 64 will do, 0 for the same bits
    /// in every row. With another, several rows would read other bits than the same [`Rows`] store, and are an error.
    #[must_use]
    pub const fn rows(self, rows: Rows) -> Self {
        Self { shape: Some(Shape::Rows(rows)), ..self }
    }

    /// Gives every element of a channel, or of a sample, the same bit: bit `n * index_stride + c` of the mask. A mask that
    /// was stored with an index stride other than the number of channels has one of `64 * mask_words(channels)`. The
    /// number of channels and any multiple of 64 will do; with another, several samples would read other bits than the
    /// same [`Channels`] store, and are an error.
    #[must_use]
    pub const fn channels(self, channels: Channels) -> Self {
        Self { shape: Some(Shape::Channels(channels)), ..self }
    }

    /// Pins the SIMD level.
    #[must_use]
    pub const fn with_level(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Shares large slices out among the threads of the current rayon pool, as
    /// [`Dropout::parallel`](crate::Dropout::parallel) does.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn parallel(self) -> Self {
        Self { threads: Threads::Pool, ..self }
    }

    /// `y[i] = kept ? x[i] * scale : +0.0`: forward from `x` to `y`, or backward from `dy` to `dx`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless mask and slices have the same number of elements. With [`rows`](Self::rows),
    /// slices need at least the length of the shape, with [`channels`](Self::channels) exactly that; the mask then has
    /// exactly the bits from the first to the last of the shape (any number where there are no elements), else
    /// [`Error::LengthMismatch`], and [`Error::InvalidIndexStride`] tells of rows that do not begin on its words.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.pass([Input::Slice(x)], y)
    }

    /// [`apply`](Self::apply) to memory that is not initialised, as engines hand it out; returns it as floats.
    ///
    /// # Errors
    /// See [`apply`](Self::apply); [`Error::Unsupported`] for a layout with gaps, or one that ends before `y`.
    pub fn apply_uninit<'y>(&self, x: &[f32], y: &'y mut [MaybeUninit<f32>]) -> Result<&'y mut [f32], Error> {
        self.check(x.len(), y.len())?;
        Shape::of(self.shape, y.len()).check_dense(y.len())?;
        written(y, |y| self.pass([Input::Slice(x)], y))
    }

    /// [`apply`](Self::apply) over its input.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), x.len())?;
        self.pass([Input::InPlace], x)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), dx.len())?;
        self.pass([Input::Slice(dy), Input::InPlace], dx)
    }

    /// `y[i] = r[i] + (kept ? x[i] * scale : +0.0)`: dropout before a residual sum.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(r.len(), y.len())?;
        self.check(x.len(), y.len())?;
        self.pass([Input::Slice(x), Input::Slice(r)], y)
    }

    /// [`apply_residual`](Self::apply_residual) over its input.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn apply_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check(r.len(), x.len())?;
        self.check(x.len(), x.len())?;
        self.pass([Input::InPlace, Input::Slice(r)], x)
    }

    /// The same of other bits.
    pub(super) const fn of_mask(self, mask: Mask<'a>) -> Self {
        Self { mask, ..self }
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

    pub(super) fn run_level(&self) -> Level {
        self.level.unwrap_or_else(Level::detect)
    }

    /// # Errors
    /// [`Error::Unsupported`] if there is a layout, or there are threads.
    pub(super) const fn supports_nothing(&self) -> Result<(), Error> {
        match (self.shape, self.threads) {
            (Some(_), _) => Err(Error::Unsupported { setting: Setting::Layout }),
            (None, Threads::One) => Ok(()),
            #[cfg(feature = "rayon")]
            (None, Threads::Pool) => Err(Error::Unsupported { setting: Setting::Threads }),
        }
    }

    fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        Shape::check(self.shape, x, y)?;
        if self.shape.is_none() {
            return same_length(x, self.mask.len());
        }
        let shape = Shape::of(self.shape, x);
        // channels without elements have stored their bits all the same
        if shape.layout().len() > 0 { shape.bits().check_read(self.mask.len()) } else { Ok(()) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    fn pass<'b, const N: usize>(&'b self, inputs: [Input<'b>; N], y: impl Into<Output<'b>>) -> Result<(), Error> {
        let (level, source) = (self.run_level(), self.source());
        if let (None, Threads::One) = (self.shape, self.threads) {
            Row::new(level, source, inputs, y, &mut []).product(N, self.scale);
            return Ok(());
        }
        let y = y.into();
        let shape = Shape::of(self.shape, y.len());
        let memory = shape.memory();
        let operands = Operands::new(inputs, y, memory);
        let pass = Pass { level, threads: self.threads, source, layout: shape.layout(), memory, operands };
        pass.product(N, self.scale);
        Ok(())
    }
}
