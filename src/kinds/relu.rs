use super::dropout::Dropout;
use super::stored::StoredMask;
use crate::engine::{Element, Input, Output};
use crate::error::{Argument, Error, same_length};
use crate::mask::{Mask, MaskMut, append};
use crate::simd::Floats;

/// `relu` followed by dropout, in one pass, with one stored bit an element that serves both gradients.
///
/// Forward computes `y[i] = kept ? relu(x[i]) * scale : +0.0` and stores the bit `kept and x[i] > 0`. Backward is
/// `dx[i] = bit ? dy[i] * scale : +0.0` and needs nothing but that mask; the key alone cannot replay it.
///
/// `relu(-0.0)` is `+0.0`. `relu(NaN)` is NaN, so a kept NaN stays one, but its bit is 0: no gradient passes.
///
/// Which elements are kept is as in [`Dropout`], at any [offset](Dropout::with_offset), and the rules of
/// aliasing and the errors are the same. The mask has one bit for each element, in any layout.
///
/// ```
/// use dropmask::{Dropout, Key, Mask, MaskMut, Probability, ReluDropout};
///
/// let dropout = ReluDropout::new(Dropout::new(Key::new(1), Probability::new(0.5)?));
/// let (mut y, mut words) = ([0.0; 6], [0]);
/// dropout.forward(&[1.0, -1.0, 2.0, 3.0, 4.0, 5.0], &mut y, &mut MaskMut::new(&mut words, 6)?)?;
/// assert_eq!(y, [0.0, 0.0, 4.0, 6.0, 8.0, 10.0]); // the first is dropped, the second negative
/// assert_eq!(words, [0b11_1100]);
///
/// let mut dx = [0.0; 6];
/// dropout.backward(&[1.0; 6], &mut dx, Mask::new(&words, 6)?)?;
/// assert_eq!(dx, [0.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReluDropout {
    dropout: Dropout,
}

impl ReluDropout {
    /// Drops what `dropout` drops.
    pub const fn new(dropout: Dropout) -> Self {
        Self { dropout }
    }

    /// `y[i] = kept ? relu(x[i]) * scale : +0.0`, and the mask for backward.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward(&self, x: &[f32], y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        self.dropout.check(x.len(), y.len())?;
        self.rectify(Input::of(x), y.into(), mask)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_in_place(&self, x: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        self.dropout.check_in_place(x.len())?;
        self.rectify(Input::InPlace, x.into(), mask)
    }

    /// `dx[i] = bit ? dy[i] * scale : +0.0`, of the mask that forward stored.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], mask: Mask<'_>) -> Result<(), Error> {
        self.stored(mask).apply(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward_in_place(&self, dy: &mut [f32], mask: Mask<'_>) -> Result<(), Error> {
        self.stored(mask).apply_in_place(dy)
    }

    /// `dx[i] += bit ? dy[i] * scale : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32], mask: Mask<'_>) -> Result<(), Error> {
        self.stored(mask).apply_add(dy, dx)
    }

    /// What the network computes when it is not trained: `y[i] = relu(x[i])`, with standard scaling times `1 - p`, and `+0.0`
    /// whatever `x` is where that is 0, as in [`Dropout::evaluate`].
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.dropout.check(x.len(), y.len())?;
        self.evaluation(Input::of(x), y.into());
        Ok(())
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.dropout.check_in_place(x.len())?;
        self.evaluation(Input::InPlace, x.into());
        Ok(())
    }

    fn evaluation(&self, x: Input<'_>, y: Output<'_>) {
        let mut pass = self.dropout.training(&[x], y);
        let factor = self.dropout.evaluate_by(&mut pass);
        pass.each_range(&mut [], &|range, _| pass.range(range, &mut Relu::new(factor)));
    }

    pub(crate) fn rectify(&self, x: Input<'_>, y: Output<'_>, mask: &mut MaskMut<'_>) -> Result<(), Error> {
        same_length(Argument::Mask, self.dropout.layout_of(y.len()).len(), mask.len())?;
        let pass = self.dropout.training(&[x], y);
        pass.each_range(mask.words_mut(), &|range, mask| {
            pass.range(range, &mut Relu { mask, ..Relu::new(self.dropout.scale()) });
        });
        Ok(())
    }

    /// One bit an element, whichever share one.
    pub(crate) fn stored<'a>(&self, mask: Mask<'a>) -> StoredMask<'a> {
        let each = self.dropout.layout().map_or(self.dropout, |layout| self.dropout.with_layout(layout.unshared()));
        each.stored(mask)
    }
}

/// `kept ? relu(x) * scale : +0.0`, and the bits of what is kept and positive.
struct Relu<'a> {
    scale: f32,
    /// Bits of the current word.
    positive: u64,
    /// Empty if no bits are wanted.
    mask: &'a mut [u64],
    /// The bit that comes next.
    at: usize,
}

impl Relu<'_> {
    /// Without the bits.
    const fn new(scale: f32) -> Self {
        Self { scale, positive: 0, mask: &mut [], at: 0 }
    }
}

impl Element for Relu<'_> {
    fn scalar(&mut self, [x, ..]: [f32; 3], kept: bool) -> f32 {
        self.positive = u64::from(kept && x > 0.0);
        self.end_of_word(1);
        let rectified = if x > 0.0 || x.is_nan() { x } else { 0.0 };
        if kept { rectified * self.scale } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        let zero = F::splat(level, 0.0);
        self.positive |= (x.greater(zero) << at) & bits;
        // the maximum lets NaN and -0.0 through, the sum makes that +0.0
        zero.max(x).mul(F::splat(level, self.scale)).add(zero).keep(bits, at)
    }
    #[inline(always)]
    fn end_of_word(&mut self, len: usize) {
        append(self.mask, self.at, self.positive, len);
        self.positive = 0;
        self.at += len;
    }
}
