//! Monte-Carlo dropout (Gal and Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in
//! deep learning", ICML 2016): the network is run several times with dropout on, and the spread of its answers is the
//! uncertainty.

use super::dropout::Dropout;
use crate::error::{Argument, Error, same_length};
use crate::layout::Layout;

/// Masks of Monte-Carlo dropout: which elements share a bit in pass `t`.
impl Dropout {
    /// **One mask for the whole batch**: pass `t` runs all samples through the same thinned network, a draw of one
    /// function. Its key is `key.derive(t)`; the slices are `samples` rows of `len` elements, and element `i` of every
    /// sample has the bit of index `offset + i`. For answers that are compared across samples. Replaces
    /// a [layout](Self::with_layout): one of channels does so by itself, with an index stride of 0 for samples.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.5)?);
    /// let mut x = [1.0; 3 * 100];
    /// dropout.pass_shared(0, 3, 100).forward_in_place(&mut x)?;
    /// assert_eq!(x[..100], x[100..200]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn pass_shared(self, t: u64, samples: usize, len: usize) -> Self {
        self.derive(t).with_layout(Layout::rows(samples, len).index_strides([0, 1]))
    }

    /// **One mask per sample**: pass `t` runs each sample through a thinned network of its own. The key is
    /// `key.derive(t).derive(sample)`, for the slice of that sample alone, so a sample has the same masks whatever batch
    /// it is in. For uncertainties of single samples, where shared masks would make their errors alike.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.5)?);
    /// let mut x = [1.0; 3 * 100];
    /// for (sample, x) in (0..).zip(x.chunks_mut(100)) {
    ///     dropout.pass_per_sample(0, sample).forward_in_place(x)?;
    /// }
    /// assert_ne!(x[..100], x[100..200]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn pass_per_sample(self, t: u64, sample: u64) -> Self {
        self.derive(t).derive(sample)
    }
}

/// Mean and variance of each output over the passes, in one run over them and in the caller's buffers.
///
/// Welford's method ("Note on a method for calculating corrected sums of squares and products", Technometrics 1962), in
/// `f64`: a variance that is small beside the mean is not lost, whatever the number of passes. Outputs that never
/// change have a variance of exactly 0. NaN and infinity make an output's variance NaN, and its mean NaN or infinite.
///
/// ```
/// use dropmask::Moments;
///
/// let (mut mean, mut squares, mut variance) = ([0.0; 2], [0.0; 2], [0.0; 2]);
/// let mut moments = Moments::new(&mut mean, &mut squares)?;
/// for y in [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]] {
///     moments.push(&y)?; // the outputs of one pass
/// }
/// assert_eq!(moments.mean(), [2.0, 5.0]);
/// moments.sample_variance(&mut variance)?;
/// assert_eq!(variance, [1.0, 0.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: [`Error::LengthMismatch`] unless all slices have the same length. After an error nothing has been
/// written.
#[derive(Debug)]
pub struct Moments<'a> {
    mean: &'a mut [f64],
    /// Sums of the squared distances from the mean.
    squares: &'a mut [f64],
    passes: u64,
}

impl<'a> Moments<'a> {
    /// Starts from nothing: both buffers are set to 0. `squares` is working memory.
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn new(mean: &'a mut [f64], squares: &'a mut [f64]) -> Result<Self, Error> {
        Self::resume(0, mean, squares)
    }

    /// Continues after `passes` [passes](Self::passes), whose state the buffers hold; with 0 it starts from nothing.
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn resume(passes: u64, mean: &'a mut [f64], squares: &'a mut [f64]) -> Result<Self, Error> {
        same_length(Argument::Statistics, mean.len(), squares.len())?;
        if passes == 0 {
            mean.fill(0.0);
            squares.fill(0.0);
        }
        Ok(Self { mean, squares, passes })
    }

    /// Takes the outputs of one more pass.
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn push(&mut self, y: &[f32]) -> Result<(), Error> {
        same_length(Argument::Input, self.mean.len(), y.len())?;
        self.passes = self.passes.saturating_add(1);
        let n = self.passes as f64;
        for ((mean, squares), y) in self.mean.iter_mut().zip(self.squares.iter_mut()).zip(y) {
            let before = f64::from(*y) - *mean;
            *mean += before / n;
            *squares += before * (f64::from(*y) - *mean);
        }
        Ok(())
    }

    /// Adds the passes that another has taken: of a second thread, of another rank (Chan et al., "Updating
    /// formulae and a pairwise algorithm for computing sample variances", 1979).
    ///
    /// With `d` the difference of the means, and `m` and `n` passes, the mean becomes `mean + d * (n / (m + n))` and the sum of
    /// squares `squares + other + d^2 * (m * n / (m + n))`. Rounding moves the mean by at most `2^-49` of the greater of both
    /// means in magnitude, and the sum of squares by at most `2^-49` of itself, as long as nothing overflows.
    ///
    /// ```
    /// use dropmask::Moments;
    ///
    /// let (mut mean, mut squares, mut variance) = ([[0.0]; 2], [[0.0]; 2], [0.0]);
    /// let [first, second] = &mut mean;
    /// let [first_squares, second_squares] = &mut squares;
    /// let mut moments = Moments::new(first, first_squares)?;
    /// moments.push(&[1.0])?;
    /// let mut other = Moments::new(second, second_squares)?;
    /// other.push(&[2.0])?;
    /// other.push(&[3.0])?;
    /// moments.merge(&other)?;
    /// moments.sample_variance(&mut variance)?;
    /// assert_eq!((moments.passes(), moments.mean(), variance), (3, &[2.0][..], [1.0]));
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn merge(&mut self, other: &Moments<'_>) -> Result<(), Error> {
        same_length(Argument::Statistics, self.mean.len(), other.mean.len())?;
        let (m, n) = (self.passes as f64, other.passes as f64);
        self.passes = self.passes.saturating_add(other.passes);
        if other.passes == 0 {
            return Ok(());
        }
        let share = n / (m + n);
        let here = self.mean.iter_mut().zip(self.squares.iter_mut());
        for ((mean, squares), (other_mean, other_squares)) in here.zip(other.mean.iter().zip(&*other.squares)) {
            let difference = other_mean - *mean;
            *mean += difference * share;
            *squares += other_squares + difference * difference * (m * share);
        }
        Ok(())
    }

    /// Number of passes taken.
    pub const fn passes(&self) -> u64 {
        self.passes
    }

    /// The sum of the squared distances from the mean, to be saved beside it and [resumed](Self::resume).
    pub const fn squares(&self) -> &[f64] {
        self.squares
    }

    /// The mean of each output; 0 before the first pass.
    pub const fn mean(&self) -> &[f64] {
        self.mean
    }

    /// Writes the mean squared distance from the mean; NaN before the first pass.
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn population_variance(&self, out: &mut [f64]) -> Result<(), Error> {
        variance(self.squares, self.passes as f64, out)
    }

    /// Writes the unbiased estimate of the variance, with the number of passes less 1 in the denominator; NaN before the
    /// second pass.
    ///
    /// # Errors
    /// See [`Moments`].
    pub fn sample_variance(&self, out: &mut [f64]) -> Result<(), Error> {
        variance(self.squares, self.passes.saturating_sub(1) as f64, out)
    }
}

pub(crate) fn variance(squares: &[f64], count: f64, out: &mut [f64]) -> Result<(), Error> {
    same_length(Argument::Output, squares.len(), out.len())?;
    out.iter_mut().zip(squares).for_each(|(out, squares)| *out = squares / count);
    Ok(())
}

/// Uncertainty of a classifier over the passes: rows of class probabilities, one row a sample, in one run over the
/// passes and in the caller's buffers.
///
/// With `p_t` a row in pass `t` and `H(p) = -sum p ln p`, in nats, `0 ln 0 = 0`:
///
/// - [`predictive_entropy`](Self::predictive_entropy) `H(mean p_t)`, all uncertainty;
/// - [`expected_entropy`](Self::expected_entropy) `mean H(p_t)`, what would be left if the weights were known;
/// - [`mutual_information`](Self::mutual_information) `H(mean p_t) - mean H(p_t)`, how much the passes disagree: BALD
///   (Houlsby et al., "Bayesian active learning for classification and preference learning", 2011).
///
/// Probabilities are not checked. One that is negative or NaN makes the expected entropy and the mutual information of its
/// row NaN, whatever passes follow. The predictive entropy is that of the mean, and NaN where the mean of a class is: after
/// a NaN for good, and as long as it is negative. Before the first pass all are 0.
///
/// ```
/// use dropmask::ClassUncertainty;
///
/// let (mut mean, mut entropy, mut information) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// let mut uncertainty = ClassUncertainty::new(2, &mut mean, &mut entropy)?;
/// uncertainty.push(&[0.5, 0.5, 1.0, 0.0])?; // two samples of two classes
/// uncertainty.push(&[0.5, 0.5, 0.0, 1.0])?;
/// uncertainty.mutual_information(&mut information)?;
/// assert_eq!(information, [0.0, 2_f64.ln()]); // the passes agree on the first: it is a toss-up; not on the second
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: [`Error::LengthMismatch`] unless the slices have the number of elements that the number of rows and
/// classes calls for. After an error nothing has been written.
#[derive(Debug)]
pub struct ClassUncertainty<'a> {
    classes: usize,
    mean: &'a mut [f64],
    /// Of each row, the mean of the entropies.
    entropy: &'a mut [f64],
    passes: u64,
}

impl<'a> ClassUncertainty<'a> {
    /// Starts from nothing: both buffers are set to 0. There are as many rows as `entropy` has elements, and `mean` has
    /// `classes` elements for each.
    ///
    /// # Errors
    /// See [`ClassUncertainty`].
    pub fn new(classes: usize, mean: &'a mut [f64], entropy: &'a mut [f64]) -> Result<Self, Error> {
        Self::resume(0, classes, mean, entropy)
    }

    /// Continues after `passes` passes, whose state the buffers hold; with 0 it starts from nothing.
    pub(crate) fn resume(
        passes: u64,
        classes: usize,
        mean: &'a mut [f64],
        entropy: &'a mut [f64],
    ) -> Result<Self, Error> {
        same_length(Argument::Statistics, entropy.len().saturating_mul(classes), mean.len())?;
        if passes == 0 {
            mean.fill(0.0);
            entropy.fill(0.0);
        }
        Ok(Self { classes, mean, entropy, passes })
    }

    /// Takes the class probabilities of one more pass.
    ///
    /// # Errors
    /// See [`ClassUncertainty`].
    pub fn push(&mut self, p: &[f32]) -> Result<(), Error> {
        same_length(Argument::Input, self.mean.len(), p.len())?;
        self.passes = self.passes.saturating_add(1);
        let n = self.passes as f64;
        self.mean.iter_mut().zip(p).for_each(|(mean, p)| *mean += (f64::from(*p) - *mean) / n);
        for (mean, p) in self.entropy.iter_mut().zip(p.chunks(self.classes.max(1))) {
            *mean += (entropy(p.iter().copied().map(f64::from)) - *mean) / n;
        }
        Ok(())
    }

    /// Number of passes taken.
    pub const fn passes(&self) -> u64 {
        self.passes
    }

    /// The mean of each class probability: the prediction.
    pub const fn mean(&self) -> &[f64] {
        self.mean
    }

    /// `mean H(p_t)` of each row.
    pub const fn expected_entropy(&self) -> &[f64] {
        self.entropy
    }

    /// Writes `H(mean p_t)` of each row.
    ///
    /// # Errors
    /// See [`ClassUncertainty`].
    pub fn predictive_entropy(&self, out: &mut [f64]) -> Result<(), Error> {
        same_length(Argument::Output, self.entropy.len(), out.len())?;
        predictive_entropy(self.mean, self.classes, out);
        Ok(())
    }

    /// Writes `H(mean p_t) - mean H(p_t)` of each row. It is never below 0 but for rounding, which is cut off.
    ///
    /// # Errors
    /// See [`ClassUncertainty`].
    pub fn mutual_information(&self, out: &mut [f64]) -> Result<(), Error> {
        same_length(Argument::Output, self.entropy.len(), out.len())?;
        mutual_information(self.mean, self.entropy, self.classes, out);
        Ok(())
    }
}

pub(crate) fn predictive_entropy(mean: &[f64], classes: usize, out: &mut [f64]) {
    out.fill(0.0); // of no classes
    for (out, mean) in out.iter_mut().zip(mean.chunks(classes.max(1))) {
        *out = entropy(mean.iter().copied());
    }
}

pub(crate) fn mutual_information(mean: &[f64], entropy: &[f64], classes: usize, out: &mut [f64]) {
    predictive_entropy(mean, classes, out);
    for (out, expected) in out.iter_mut().zip(entropy) {
        let information = *out - expected;
        *out = if information < 0.0 { 0.0 } else { information }; // NaN stays
    }
}

fn entropy(p: impl Iterator<Item = f64>) -> f64 {
    p.fold(0.0, |sum, p| if p == 0.0 { sum } else { sum - p * ln(p) })
}

#[inline(never)] // once, not in each function
fn ln(p: f64) -> f64 {
    libm::log(p)
}
