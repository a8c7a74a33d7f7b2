use super::dropout::Dropout;
use crate::engine::{Element, Input, Output, Source};
use crate::error::{Error, Setting};
use crate::simd::Floats;

/// What SELU tends to for arguments far below zero, and what a dropped element is set to before the affine map.
const ALPHA: f64 = -1.758_099_340_847_376_6;

/// Alpha dropout, for networks with SELU activations: drops to SELU's lower limit instead of 0, then restores mean 0 and
/// variance 1 by an affine map (Klambauer et al., "Self-normalizing neural networks", NIPS 2017).
///
/// With the keep probability `q = T / 2^32` and `alpha = -1.7580993408473766`, in `f64` and each rounded once:
///
/// - `a = (q + alpha^2 * q * (1 - q))^(-1/2)`
/// - `b = -a * alpha * (1 - q)`
/// - `d = alpha * a + b = alpha * a * q`
///
/// Training computes `y[i] = kept ? x[i] * a + b : d`: two `f32` roundings, no fused product. Backward is
/// `dx[i] = kept ? dy[i] * a : +0.0`; evaluation copies. There is no other scaling.
///
/// Everything else is as in [`Dropout`]: which bit an element has, [offsets](Dropout::with_offset),
/// [layouts](Dropout::with_layout), levels, aliasing, errors. In a layout of channels it is **feature-alpha dropout**. With
/// `p = 0` it copies exactly. With `p = 1` it writes `+0.0`, forward and backward; `d` tends to 0 for `q` towards 0.
///
/// ```
/// use dropmask::{AlphaDropout, Dropout, Key, Probability};
///
/// let dropout = AlphaDropout::new(Dropout::new(Key::new(1), Probability::new(0.5)?));
/// let mut y = [0.0; 6];
/// dropout.forward(&[1.0; 6], &mut y)?;
/// assert_eq!(y, [-0.779_193_94, 1.665_598_9, 1.665_598_9, 1.665_598_9, 1.665_598_9, 1.665_598_9]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// Those of [`Dropout`], and [`Error::Unsupported`] for a [`Scaling`](crate::Scaling) that is set.
#[derive(Clone, Copy, Debug)]
pub struct AlphaDropout {
    dropout: Dropout,
}

impl AlphaDropout {
    /// Drops what `dropout` drops.
    pub const fn new(dropout: Dropout) -> Self {
        Self { dropout }
    }

    /// `y[i] = kept ? x[i] * a + b : d`.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn forward(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), y.len())?;
        self.drop(Input::of(x), y.into())
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn forward_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(x.len())?;
        self.drop(Input::InPlace, x.into())
    }

    /// `dx[i] = kept ? dy[i] * a : +0.0`.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), dx.len())?;
        self.gradient(&[Input::of(dy)], dx.into())
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn backward_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(dy.len())?;
        self.gradient(&[Input::InPlace], dy.into())
    }

    /// `dx[i] += kept ? dy[i] * a : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), dx.len())?;
        self.gradient(&[Input::of(dy), Input::InPlace], dx.into())
    }

    /// What the network computes when it is not trained: copies `x`.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Scaling])?;
        self.dropout.evaluate(x, y)
    }

    /// [`evaluate`](Self::evaluate) over its input: leaves it as it is.
    ///
    /// # Errors
    /// See [`AlphaDropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Scaling])?;
        self.dropout.evaluate_in_place(x)
    }

    fn check(&self, x: usize, y: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Scaling])?;
        self.dropout.check(x, y)
    }

    fn check_in_place(&self, len: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Scaling])?;
        self.dropout.check_in_place(len)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn drop(&self, x: Input<'_>, y: Output<'_>) -> Result<(), Error> {
        let (a, q) = self.factor();
        let pass = self.dropout.training(&[x], y);
        match pass.source {
            Source::Certain(kept) => pass.constant(kept),
            _ => pass.run(Affine { a: a as f32, b: (-a * ALPHA * (1.0 - q)) as f32, d: (a * ALPHA * q) as f32 }),
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn gradient(&self, inputs: &[Input<'_>], dx: Output<'_>) -> Result<(), Error> {
        self.dropout.training(inputs, dx).product(inputs.len(), self.factor().0 as f32);
        Ok(())
    }

    /// `a` and `q`; `a` is infinite with `p = 1`, where nothing is multiplied with it.
    fn factor(&self) -> (f64, f64) {
        let q = self.dropout.probability().exact_keep();
        (1.0 / libm::sqrt(q + ALPHA * ALPHA * q * (1.0 - q)), q)
    }
}

/// `kept ? x * a + b : d`.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) d: f32,
}

impl Element for Affine {
    fn scalar(&mut self, [x, ..]: [f32; 3], kept: bool) -> f32 {
        if kept { x * self.a + self.b } else { self.d }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        let kept = x.mul(F::splat(level, self.a)).add(F::splat(level, self.b));
        kept.select(F::splat(level, self.d), bits, at)
    }
}
