mod fill;
mod passes;
mod scaling;

use core::mem::MaybeUninit;

use super::settings::Settings;
use crate::engine::{Input, Threads, written};
use crate::error::Error;
use crate::key::Key;
use crate::layout::Layout;
use crate::mask::MaskMut;
use crate::probability::Probability;
use crate::simd::Level;

pub use self::scaling::Scaling;

/// Dropout by replay: the mask of a key at a probability, drawn whenever it is needed and stored only on request.
///
/// A mask is a pure function of key, probability and element index. So backward replays what forward drew, and any
/// thread or shard computes exactly its own part: it says with [`offset`](Self::with_offset) which index its slice starts
/// at. A `Dropout` is a plain value: `Copy`, compared and hashed by all its settings, and unchanged when it is used.
///
/// ```
/// use dropmask::{Dropout, Key, Probability};
///
/// let (layer, step) = (3, 17);
/// let dropout = Dropout::new(Key::new(42).derive(layer).derive(step), Probability::new(0.5)?);
///
/// let x = [1.0; 100];
/// let mut y = [0.0; 100];
/// dropout.forward(&x, &mut y)?; // 2.0 where kept, 0.0 where dropped
///
/// let mut second_half = [0.0; 50];
/// dropout.with_offset(50).backward(&[1.0; 50], &mut second_half)?; // the same mask, from element 50 on
/// assert_eq!(y[50..], second_half);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Arithmetic
/// Training computes `y[i] = kept ? x[i] * scale : +0.0`, one `f32` product. It is a selection: a dropped NaN or
/// infinity becomes `+0.0`, forward and backward. With a threshold of 2^32 (`p = 0`) `x` is copied exactly; with 0
/// (`p = 1`) the output is `+0.0`. Where the CPU is set to flush subnormals to zero, it does so here too.
///
/// All levels agree to the bit, and any split of a range with the whole, NaNs aside. A NaN is a NaN: unless it is copied,
/// its sign and payload are unspecified, and may differ between levels and between two splits of a range.
///
/// # Aliasing
/// The functions with two slices cannot alias; the `_in_place` ones give the same result over their input.
///
/// # Errors
/// All operations: [`Error::LengthMismatch`] unless the slices (and the mask) have the same number of elements, and
/// [`Error::IndexOverflow`] if the last element's index would pass 2^64. With a [layout](Self::with_layout), a slice has
/// exactly its elements where its strides are row-major, else at least up to the last; [`Error::InvalidLayout`] tells of
/// an output whose axes overlap, and [`Error::Unsupported`] of an input in place whose strides are others. A mask has
/// exactly the [bits](Layout#stored-masks) of the layout. After an error nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dropout {
    key: Key,
    p: Probability,
    offset: u64,
    scaling: Scaling,
    settings: Settings,
}

impl Dropout {
    /// Element indices from 0, inverted scaling, one row, the level of the machine.
    pub const fn new(key: Key, p: Probability) -> Self {
        Self { key, p, offset: 0, scaling: Scaling::Inverted, settings: Settings::new() }
    }

    /// The same with the key of one [step](Key::derive) below: of a training step, a sample, a micro-batch.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let layer = Dropout::new(Key::new(42).derive(3), Probability::new(0.5)?);
    /// let step = layer.derive(17);
    /// assert_eq!(step.key(), Key::new(42).derive(3).derive(17));
    /// assert_eq!(step.probability(), layer.probability());
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn derive(self, step: u64) -> Self {
        Self { key: self.key.derive(step), ..self }
    }

    /// The index of the first bit in the whole logical tensor: without a layout, that of the first element; else
    /// [`Layout::index_of`] its position. Replaces the one that was set. With the key it is all that a restart needs.
    #[must_use]
    pub const fn with_offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// What is multiplied when.
    #[must_use]
    pub const fn with_scaling(self, scaling: Scaling) -> Self {
        Self { scaling, ..self }
    }

    /// Gives the elements the bits and the places of a layout: views, shards, one bit for a channel, any `noise_shape`.
    #[must_use]
    pub const fn with_layout(mut self, layout: Layout) -> Self {
        self.settings.layout = Some(layout);
        self
    }

    /// Pins the SIMD level.
    #[must_use]
    pub const fn with_level(mut self, level: Level) -> Self {
        self.settings.level = Some(level);
        self
    }

    /// Shares large slices out among the threads of the current rayon pool: more than 131,072 elements. The result is the
    /// same to the bit, [NaNs](#arithmetic) aside, whatever their number. All kinds do so but `DropConnect`, which returns
    /// [`Error::Unsupported`] as masks that are drawn as values do, [`BiasDropout`] for sums over a batch, and [`DropBlock`]
    /// where it draws and counts the whole mask, or replays that of a single map.
    ///
    /// With the feature `rayon`, which needs std, a heap and threads; a panic of rayon when it cannot start any is one here.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.1)?);
    /// let (x, mut y, mut expected) = (vec![1.0; 1 << 20], vec![0.0; 1 << 20], vec![0.0; 1 << 20]);
    /// dropout.parallel().forward(&x, &mut y)?;
    /// dropout.forward(&x, &mut expected)?;
    /// assert_eq!(y, expected);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// [`DropBlock`]: crate::DropBlock
    /// [`BiasDropout`]: crate::BiasDropout
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn parallel(mut self) -> Self {
        self.settings.threads = Threads::Pool;
        self
    }

    /// The key of the mask.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The drop probability.
    pub const fn probability(&self) -> Probability {
        self.p
    }

    /// The element index of the first element; 0 unless [set](Self::with_offset).
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What is multiplied when; inverted unless [set](Self::with_scaling).
    pub const fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Which elements share a bit, and where they lie; `None` unless [set](Self::with_layout): elements and bits follow each
    /// other.
    pub const fn layout(&self) -> Option<Layout> {
        self.settings.layout
    }

    /// The level that is [pinned](Self::with_level), if one is.
    pub const fn level(&self) -> Option<Level> {
        self.settings.level
    }

    /// Whether large slices are shared out among threads, as `parallel` says with the feature `rayon`.
    pub const fn is_parallel(&self) -> bool {
        !matches!(self.settings.threads, Threads::One)
    }

    /// The factor of a kept element in training, of a stored mask too: [`Probability::scale`] if inverted, else 1.
    pub const fn scale(&self) -> f32 {
        match self.scaling {
            Scaling::Inverted => self.p.scale(),
            Scaling::Standard | Scaling::Naive => 1.0,
        }
    }

    /// `y[i] = kept ? x[i] * scale : +0.0`; no mask is stored.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.pass([Input::of(x)], y)
    }

    /// [`forward`](Self::forward) to memory that is not initialised, as engines hand it out; returns it as floats.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let mut memory = [const { MaybeUninit::uninit() }; 3];
    /// let y = Dropout::new(Key::new(1), Probability::new(0.5)?).forward_uninit(&[1.0; 3], &mut memory)?;
    /// assert_eq!(y, [0.0, 2.0, 2.0]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Dropout`]; [`Error::Unsupported`] for an output with gaps.
    pub fn forward_uninit<'y>(&self, x: &[f32], y: &'y mut [MaybeUninit<f32>]) -> Result<&'y mut [f32], Error> {
        self.check(x.len(), y.len())?;
        self.layout_of(y.len()).check_dense(y.len())?;
        written(y, |y| self.pass([Input::of(x)], y))
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.pass([Input::InPlace], x)
    }

    /// [`forward`](Self::forward) that stores the mask in the same pass, as [`fill`](Self::fill) would.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_store(&self, x: &[f32], y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.store(Input::of(x), y.into(), mask)
    }

    /// [`forward_store`](Self::forward_store) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_store_in_place(&self, x: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.store(Input::InPlace, x.into(), mask)
    }

    /// `y[i] = r[i] + (kept ? x[i] * scale : +0.0)`: dropout before a residual sum. Where `x` is dropped, `+0.0` is
    /// added: an `r` of `-0.0` becomes `+0.0`. The gradient of `r` is `dy`, that of `x` is [`backward`](Self::backward).
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.check_residual(r.len(), y.len())?;
        self.pass([Input::of(x), Input::of(r)], y)
    }

    /// [`forward_residual`](Self::forward_residual) over its input: `x[i] = r[i] + (kept ? x[i] * scale : +0.0)`.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.check_residual(r.len(), x.len())?;
        self.pass([Input::InPlace, Input::of(r)], x)
    }

    /// [`forward_residual`](Self::forward_residual) over the residual, the output: `r[i] += kept ? x[i] * scale : +0.0`.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_add(&self, x: &[f32], r: &mut [f32]) -> Result<(), Error> {
        self.backward_add(x, r)
    }

    /// `dx[i] = kept ? dy[i] * scale : +0.0`, with the mask of the forward pass drawn again.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.forward(dy, dx)
    }

    /// [`backward`](Self::backward) to memory that is not initialised.
    ///
    /// # Errors
    /// See [`forward_uninit`](Self::forward_uninit).
    pub fn backward_uninit<'y>(&self, dy: &[f32], dx: &'y mut [MaybeUninit<f32>]) -> Result<&'y mut [f32], Error> {
        self.forward_uninit(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn backward_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.forward_in_place(dy)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient. Adding `+0.0` turns a `-0.0` in `dx` into
    /// `+0.0`.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), dx.len())?;
        self.pass([Input::of(dy), Input::InPlace], dx)
    }

    /// What the network computes when it is not trained: `x` exactly with inverted and naive scaling, `x[i] * (1 - p)`
    /// with standard scaling, where `1 - p` is [`Probability::keep`]; with standard scaling it is `+0.0` throughout where
    /// everything is dropped (`p = 1`), whatever `x` is.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.evaluation(&[Input::of(x)], y.into())
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.evaluation(&[Input::InPlace], x.into())
    }

    /// `y[i] = r[i] + x[i]`, with standard scaling `r[i] + x[i] * (1 - p)`: [`evaluate`](Self::evaluate) before a
    /// residual sum, so `r[i] + 0.0` where that is `+0.0`.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.check_residual(r.len(), y.len())?;
        self.evaluation(&[Input::of(x), Input::of(r)], y.into())
    }

    /// [`evaluate_residual`](Self::evaluate_residual) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.check_residual(r.len(), x.len())?;
        self.evaluation(&[Input::InPlace, Input::of(r)], x.into())
    }
}
