mod kernel;
mod part;
mod products;
mod tile;

use self::kernel::{Layer, compute};
use self::products::{Forward, InputGradient, WeightGradient};
use self::tile::{KeptFinite, Product, Square};
use super::dropout::Dropout;
use crate::engine::Source;
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, check_indices};
use crate::mask::Mask;

/// DropConnect: a linear layer whose weights are dropped, `y = (M . W) x + b` (Wan et al., "Regularization of neural
/// networks using DropConnect", ICML 2013).
///
/// `W` has `outputs` rows of `inputs` weights, `b` has `outputs` elements; `x` and `dx` have `batch` rows of `inputs`, `y` and
/// `dy` `batch` rows of `outputs`; all are dense. `M . W` is written nowhere: the mask is drawn, or read, a few rows ahead of
/// the products.
///
/// The bit of weight `(o, i)` has the index `offset + o * inputs + i` of the mask stream; with an
/// [`index_stride`](Self::index_stride), `offset + o * index_stride + i`. One mask serves the batch, or
/// [each sample has its own](Self::per_sample). A shard is some rows of `W`, with the offset of the first of them, or some
/// columns.
///
/// | method | |
/// |---|---|
/// | [`forward`](Self::forward) | `y[n][o] = scale * (sum over i of kept ? W[o][i] * x[n][i] : +0.0) + b[o]` |
/// | [`backward_input`](Self::backward_input) | `dx[n][i] = sum over o of kept ? W[o][i] * (dy[n][o] * scale) : +0.0` |
/// | [`backward_input_add`](Self::backward_input_add) | the same, added to `dx` |
/// | [`backward_weights`](Self::backward_weights) | `dW[o][i] = sum over n, where kept, of (dy[n][o] * scale) * x[n][i]` |
/// | [`backward_bias`](Self::backward_bias) | `db[o] = sum over n of dy[n][o]` |
/// | [`evaluate`](Self::evaluate) | the mean: `y = factor * (W x) + b` |
/// | [`moments`](Self::moments) | mean and variance of `y` over all masks |
///
/// ```
/// use dropmask::{DropConnect, Dropout, Key, Probability};
///
/// let layer = DropConnect::new(Dropout::new(Key::new(5), Probability::new(0.5)?), 1, [2, 3]); // 1 sample, 3 -> 2
/// let (w, b, x) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, -0.5], [1.0, 10.0, 100.0]);
///
/// let mut y = [0.0; 2];
/// layer.forward(&w, Some(&b), &x, &mut y)?;
/// assert_eq!(y, [600.5, 99.5]); // 2 * (3 * 100) + 0.5, 2 * (5 * 10) - 0.5: two weights are kept
///
/// let mut dw = [0.0; 6];
/// layer.backward_weights(&x, &[1.0, 1.0], &mut dw)?;
/// assert_eq!(dw, [0.0, 0.0, 200.0, 0.0, 20.0, 0.0]);
///
/// layer.evaluate(&w, Some(&b), &x, &mut y)?;
/// assert_eq!(y, [321.5, 653.5]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Arithmetic
/// A dropped connection adds nothing, whatever its weight, its input and its gradient are: NaN and infinity included. Where
/// nothing is kept (bits that are drawn with `p = 1`, or a factor of 0), `y` is `b` exactly, or `+0.0` without `b`, and the
/// gradients are `+0.0`. All levels agree to the bit, [NaNs](Dropout#arithmetic) aside, in `f32` without fused
/// operations:
///
/// - The sum over `i` is that of pieces of 1,024 inputs, in order. A piece is summed in 16 accumulators, input `i` in number
///   `i mod 16`, which are then added by halves.
/// - The sums over `o` and over `n` are added in ascending order.
///
/// # Cost
/// A shared mask is drawn once for every 32 samples of a batch, which costs little beside their products: at `p = 0.5` and
/// batches of 32, 1.0 to 1.6 times the time of the same product without a mask with AVX2 and AVX-512, 1.5 to 1.8 times at
/// the portable level (SSE2). A mask for each sample costs 1.8 to 4.1 times that time, as each bit then serves one product.
/// `cargo bench --bench connect` measures both.
///
/// # Errors
/// All operations: [`Error::Unsupported`] for a layout or threads, [`Error::LengthMismatch`] unless every slice has the length that is said above (and a stored mask, where
/// it is used, one bit for each weight), [`Error::IndexOverflow`] if a weight's index, or the number of a sample whose mask
/// is drawn, would pass 2^64; with a stored mask nothing has an index. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct DropConnect<'a> {
    dropout: Dropout,
    layer: Layer,
    mask: Option<Mask<'a>>,
    /// The number of the first sample, if each has a mask of its own.
    first_sample: Option<u64>,
}

impl<'a> DropConnect<'a> {
    /// One mask for the batch; `[outputs, inputs]` is the shape of the weights.
    pub const fn new(dropout: Dropout, batch: usize, [outputs, inputs]: [usize; 2]) -> Self {
        let layer = Layer { batch, inputs, outputs, index_stride: inputs as u64 };
        Self { dropout, layer, mask: None, first_sample: None }
    }

    /// A mask for each sample, as in the paper: that of sample `n` of the batch comes from the mask stream of
    /// `key.derive(first_sample + n)`. `first_sample` is not 0 for a shard of a batch.
    #[must_use]
    pub const fn per_sample(self, first_sample: u64) -> Self {
        Self { first_sample: Some(first_sample), ..self }
    }

    /// Distance in element indices from one row of weights to the next: the number of all inputs, where `W` is a shard of
    /// columns.
    #[must_use]
    pub const fn index_stride(self, index_stride: u64) -> Self {
        Self { layer: Layer { index_stride, ..self.layer }, ..self }
    }

    /// Reads the bits from a mask instead of drawing them: bit `o * inputs + i` for weight `(o, i)`; if each sample has its
    /// own, `outputs * inputs` bits for one after the other. [`Dropout::fill`] draws such a mask for a batch. Scale and
    /// evaluation remain those of the dropout; its offset and an [`index_stride`](Self::index_stride) have no effect. With
    /// a scale of 0 nothing is kept, whatever the mask says.
    #[must_use]
    pub const fn stored(self, mask: Mask<'a>) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// `y[n][o] = scale * (sum over i of kept ? w[o][i] * x[n][i] : +0.0) + b[o]`, without the last sum where there is no
    /// `b`.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn forward(&self, w: &[f32], b: Option<&[f32]>, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(w.len(), (Argument::Input, x.len()), (Argument::Output, y.len()))?;
        self.check_bias(b)?;
        self.check_mask()?;
        let (level, scale) = (self.dropout.run_level(), self.scale());
        if scale == 0.0 {
            self.bias_alone(b, y);
            return Ok(());
        }
        self.each_part(|part, source| {
            let (w, b, x, y) = (part.weights(w), part.bias(b.unwrap_or_default()), part.inputs(x), part.outputs_mut(y));
            multiply(source, Forward { level, layer: part.layer, w, x, y, scale, b, product: KeptFinite });
        });
        Ok(())
    }

    /// `dx[n][i] = sum over o of kept ? w[o][i] * (dy[n][o] * scale) : +0.0`.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn backward_input(&self, w: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.input(w, dy, dx, false)
    }

    /// [`backward_input`](Self::backward_input) that adds to `dx`, output by output: `dx[n][i] += kept ? w[o][i] * (dy[n][o] *
    /// scale) : +0.0`, for `o` ascending. A `-0.0` in `dx` counts as `+0.0`, whatever is kept.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn backward_input_add(&self, w: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.input(w, dy, dx, true)
    }

    /// `dw[o][i] = sum over n, where kept, of (dy[n][o] * scale) * x[n][i]`; `+0.0` if it is never kept.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn backward_weights(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), Error> {
        self.weights(x, dy, dw, false)
    }

    /// [`backward_weights`](Self::backward_weights) that adds to `dw`, sample by sample. What is never kept stays as it is.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn backward_weights_add(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), Error> {
        self.weights(x, dy, dw, true)
    }

    /// `db[o] = sum over n of dy[n][o]`, `n` ascending, whatever the mask.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn backward_bias(&self, dy: &[f32], db: &mut [f32]) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Threads])?;
        let Layer { batch, outputs, .. } = self.layer;
        same_length(Argument::Input, batch.saturating_mul(outputs), dy.len())?;
        same_length(Argument::Bias, outputs, db.len())?;
        db.fill(0.0);
        for dy in dy.chunks(outputs.max(1)) {
            db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
        }
        Ok(())
    }

    /// What the network computes when it is not trained, the mean: `y[n][o] = factor * (sum over i of w[o][i] * x[n][i]) +
    /// b[o]`, where the factor is 1, or [`Probability::keep`](crate::Probability::keep) with standard scaling. With a factor of
    /// 0, `y` is `b` exactly, `+0.0` without it, whatever `w` and `x` are.
    ///
    /// # Errors
    /// See [`DropConnect`].
    pub fn evaluate(&self, w: &[f32], b: Option<&[f32]>, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(w.len(), (Argument::Input, x.len()), (Argument::Output, y.len()))?;
        self.check_bias(b)?;
        self.dense(w, b, x, y, self.dropout.evaluation_scale(), KeptFinite);
        Ok(())
    }

    /// Mean and variance of `y` over all masks, for inference by moment matching (section 3.2 of the paper): where there are
    /// many inputs, `y` is close to normal, and the mean of what follows, an activation say, is that over
    /// `mean + sqrt(variance) * z` for normal `z`.
    ///
    /// With `q` the keep probability, `mean = q * W x + b` and `variance = q * (1 - q) * (W . W)(x . x)`, for standard and naive
    /// scaling; with inverted scaling, `W x + b` and `(1 - q) / q * (W . W)(x . x)`, or `b` and 0 where everything is dropped.
    /// Where the factor of either is 0, the mean is `b` exactly, the variance `+0.0`, whatever `w` and `x` are.
    /// A product is squared as a whole, `(w * x)^2`; the factors are rounded once.
    ///
    /// ```
    /// use dropmask::{DropConnect, Dropout, Key, Probability};
    ///
    /// let layer = DropConnect::new(Dropout::new(Key::new(5), Probability::new(0.2)?), 1, [1, 3]);
    /// let (mut mean, mut variance) = ([0.0], [0.0]);
    /// layer.moments(&[1.0, 2.0, 3.0], Some(&[0.5]), &[1.0, 1.0, -1.0], &mut mean, &mut variance)?;
    /// assert_eq!((mean, variance), ([0.5], [0.25 * 14.0]));
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`DropConnect`]; `mean` and `variance` have the length of `y`.
    pub fn moments(
        &self,
        w: &[f32],
        b: Option<&[f32]>,
        x: &[f32],
        mean: &mut [f32],
        variance: &mut [f32],
    ) -> Result<(), Error> {
        self.check(w.len(), (Argument::Input, x.len()), (Argument::Output, mean.len()))?;
        same_length(Argument::Output, mean.len(), variance.len())?;
        self.check_bias(b)?;
        let [of_mean, of_variance] = self.dropout.moments();
        self.dense(w, b, x, mean, of_mean, KeptFinite);
        self.dense(w, None, x, variance, of_variance, Square);
        Ok(())
    }
}

impl DropConnect<'_> {
    /// The layer, with the stride that its bits have: those of a stored mask are dense.
    const fn addressed(&self) -> Layer {
        match self.mask {
            Some(_) => Layer { index_stride: self.layer.inputs as u64, ..self.layer },
            None => self.layer,
        }
    }

    fn check(&self, w: usize, (of_x, x): (Argument, usize), (of_y, y): (Argument, usize)) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Threads])?;
        let Layer { batch, inputs, outputs, index_stride } = self.layer;
        same_length(Argument::Weights, outputs.saturating_mul(inputs), w)?;
        same_length(of_x, batch.saturating_mul(inputs), x)?;
        same_length(of_y, batch.saturating_mul(outputs), y)?;
        if self.mask.is_some() {
            return Ok(());
        }
        if let Some(first) = self.first_sample {
            check_indices(first, batch as u128)?;
        }
        Layout::rows(outputs, inputs).index_strides([index_stride, 1]).check_indices(self.dropout.offset())
    }

    fn check_bias(&self, b: Option<&[f32]>) -> Result<(), Error> {
        b.map_or(Ok(()), |b| same_length(Argument::Bias, self.layer.outputs, b.len()))
    }

    fn check_mask(&self) -> Result<(), Error> {
        let Some(mask) = self.mask else { return Ok(()) };
        let masks = if self.first_sample.is_some() { self.layer.batch } else { 1 };
        // a product that is cut off at `usize::MAX` could be the length of a mask where a usize has 32 bits
        let Layer { inputs, outputs, .. } = self.layer;
        match outputs.checked_mul(inputs).and_then(|len| len.checked_mul(masks)) {
            Some(expected) => same_length(Argument::Mask, expected, mask.len()),
            None => Err(Error::LengthMismatch { argument: Argument::Mask, expected: usize::MAX, actual: mask.len() }),
        }
    }

    pub(crate) fn input(&self, w: &[f32], dy: &[f32], dx: &mut [f32], add: bool) -> Result<(), Error> {
        self.check(w.len(), (Argument::Output, dx.len()), (Argument::Input, dy.len()))?;
        self.check_mask()?;
        if add {
            // what is dropped may add a zero of either sign, which is nothing to all but `-0.0`
            for dx in &mut *dx {
                *dx += 0.0;
            }
        } else {
            dx.fill(0.0);
        }
        let (level, scale) = (self.dropout.run_level(), self.scale());
        if scale == 0.0 {
            return Ok(());
        }
        self.each_part(|part, source| {
            let (w, dy, dx) = (part.weights(w), part.outputs(dy), part.inputs_mut(dx));
            let mut product = InputGradient { level, layer: part.layer, w, dy, dx, scale };
            compute(level, source, part.layer, &mut product);
        });
        Ok(())
    }

    pub(crate) fn weights(&self, x: &[f32], dy: &[f32], dw: &mut [f32], add: bool) -> Result<(), Error> {
        self.check(dw.len(), (Argument::Input, x.len()), (Argument::Input, dy.len()))?;
        self.check_mask()?;
        if !add {
            dw.fill(0.0);
        }
        let (level, scale) = (self.dropout.run_level(), self.scale());
        if scale == 0.0 {
            return Ok(());
        }
        self.each_part(|part, source| {
            let (x, dy, dw) = (part.inputs(x), part.outputs(dy), part.weights_mut(dw));
            let mut product = WeightGradient { layer: part.layer, x, dy, dw, scale };
            compute(level, source, part.layer, &mut product);
        });
        Ok(())
    }

    fn dense(&self, w: &[f32], b: Option<&[f32]>, x: &[f32], y: &mut [f32], scale: f32, product: impl Product) {
        if scale == 0.0 {
            return self.bias_alone(b, y);
        }
        let (level, b) = (self.dropout.run_level(), b.unwrap_or_default());
        multiply(Source::Certain(true), Forward { level, layer: self.layer, w, x, y, scale, b, product });
    }

    /// The factor of what is kept in training, 0 if nothing is.
    const fn scale(&self) -> f32 {
        match (self.mask, self.dropout.probability().certain()) {
            (None, Some(false)) => 0.0,
            _ => self.dropout.scale(),
        }
    }

    /// What a factor of 0 leaves of the outputs: it is not multiplied with, as their sums may have overflowed.
    fn bias_alone(&self, b: Option<&[f32]>, y: &mut [f32]) {
        let Some(b) = b else { return y.fill(0.0) };
        for y in y.chunks_mut(self.layer.outputs.max(1)) {
            y.iter_mut().zip(b).for_each(|(y, b)| *y = *b);
        }
    }
}

fn multiply(source: Source<'_>, mut product: Forward<'_, impl Product>) {
    product.y.fill(0.0);
    compute(product.level, source, product.layer, &mut product);
    product.finish();
}
