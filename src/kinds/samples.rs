use core::ops::Range;

use super::dropout::Dropout;
use crate::engine::{Input, Pass};
use crate::error::{Argument, Error, same_length};
use crate::probability::Probability;

/// Dropout with a probability for each sample of a batch, in one call; made by [`Dropout::per_sample`].
///
/// Sample `n` has the bits, the factor and the rules for `p = 0` and `p = 1` of a call on it alone with
/// `probabilities[n]`, the same key and its own indices. A sample is an index of the outermost axis of the
/// [layout](Dropout::with_layout), also where its length is 1: of those that the layout was made with. Without a layout
/// the slices are as many equal parts as there are probabilities. Backward takes the same probabilities. All settings
/// of the dropout hold but its own probability.
///
/// It is for batches whose samples differ: stochastic depth (Huang et al., "Deep networks with stochastic depth", ECCV
/// 2016) of samples at several depths at once, or noise that grows with the time that each sample has drawn (Austin et
/// al., "Structured denoising diffusion models in discrete state-spaces", 2021).
///
/// ```
/// use dropmask::{Dropout, Key, Layout, Probability};
///
/// let schedule = [Probability::new(0.0)?, Probability::new(0.5)?, Probability::new(1.0)?];
/// let dropout = Dropout::new(Key::new(11), schedule[0]);
/// let mut y = [0.0; 12]; // 3 samples of 4
/// dropout.per_sample(&schedule).forward(&[1.0; 12], &mut y)?;
/// assert_eq!(y, [1.0, 1.0, 1.0, 1.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
///
/// // each sample as a whole
/// let paths = dropout.with_layout(Layout::samples(3, 4));
/// paths.per_sample(&schedule).forward(&[1.0; 12], &mut y)?;
/// assert_eq!(y, [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// Those of [`Dropout`]; [`Error::LengthMismatch`] of the probabilities unless they are as many as the samples of the
/// layout, and of the output if without one it is not as many equal parts.
#[derive(Clone, Copy, Debug)]
pub struct SampleDropout<'a> {
    dropout: Dropout,
    probabilities: &'a [Probability],
}

impl Dropout {
    /// The same with a drop probability for each sample, instead of that of this value.
    pub const fn per_sample<'a>(&self, probabilities: &'a [Probability]) -> SampleDropout<'a> {
        SampleDropout { dropout: *self, probabilities }
    }
}

impl SampleDropout<'_> {
    /// `y[i] = kept ? x[i] * scale : +0.0`, with the scale of its sample: [`Dropout::forward`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn forward(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Some(x.len()), None, y.len())?;
        self.run(true, &[Input::of(x)], y)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn forward_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check(None, None, x.len())?;
        self.run(true, &[Input::InPlace], x)
    }

    /// `y[i] = r[i] + (kept ? x[i] * scale : +0.0)`: [`Dropout::forward_residual`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn forward_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Some(x.len()), Some(r.len()), y.len())?;
        self.run(true, &[Input::of(x), Input::of(r)], y)
    }

    /// [`forward_residual`](Self::forward_residual) over its input.
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn forward_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check(None, Some(r.len()), x.len())?;
        self.run(true, &[Input::InPlace, Input::of(r)], x)
    }

    /// `r[i] += kept ? x[i] * scale : +0.0`: [`Dropout::forward_add`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn forward_add(&self, x: &[f32], r: &mut [f32]) -> Result<(), Error> {
        self.backward_add(x, r)
    }

    /// `dx[i] = kept ? dy[i] * scale : +0.0`: [`Dropout::backward`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.forward(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn backward_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.forward_in_place(dy)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: [`Dropout::backward_add`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(Some(dy.len()), None, dx.len())?;
        self.run(true, &[Input::of(dy), Input::InPlace], dx)
    }

    /// `y[i] = x[i]`, with standard scaling times `1 - p` of its sample: [`Dropout::evaluate`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Some(x.len()), None, y.len())?;
        self.run(false, &[Input::of(x)], y)
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check(None, None, x.len())?;
        self.run(false, &[Input::InPlace], x)
    }

    /// `y[i] = r[i] + x[i]`, with standard scaling `r[i] + x[i] * (1 - p)`: [`Dropout::evaluate_residual`].
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn evaluate_residual(&self, x: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Some(x.len()), Some(r.len()), y.len())?;
        self.run(false, &[Input::of(x), Input::of(r)], y)
    }

    /// [`evaluate_residual`](Self::evaluate_residual) over its input.
    ///
    /// # Errors
    /// See [`SampleDropout`].
    pub fn evaluate_residual_in_place(&self, x: &mut [f32], r: &[f32]) -> Result<(), Error> {
        self.check(None, Some(r.len()), x.len())?;
        self.run(false, &[Input::InPlace, Input::of(r)], x)
    }

    /// Of an input, if it is not the output, of a residual, if there is one that is not, and of an output.
    fn check(&self, x: Option<usize>, r: Option<usize>, y: usize) -> Result<(), Error> {
        match x {
            Some(x) => self.dropout.check(x, y)?,
            None => self.dropout.check_in_place(y)?,
        }
        if let Some(r) = r {
            self.dropout.check_residual(r, y)?;
        }
        let count = self.probabilities.len();
        match self.dropout.layout() {
            Some(layout) => same_length(Argument::Probabilities, layout.samples_len(), count),
            None => same_length(Argument::Output, y.checked_div(count).unwrap_or(0) * count, y),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    fn run(&self, train: bool, inputs: &[Input<'_>], y: &mut [f32]) -> Result<(), Error> {
        let (whole, count) = (self.dropout.training(inputs, y.into()), inputs.len());
        let len = whole.indices.len().checked_div(self.probabilities.len()).unwrap_or(0);
        whole.each_range(&mut [], &|Range { mut start, end }, _| {
            let first = start.checked_div(len).unwrap_or(0);
            for (sample, p) in self.probabilities.iter().enumerate().skip(first) {
                if start == end {
                    return;
                }
                let next = end.min((sample + 1) * len);
                let dropout = self.dropout.with_probability(*p);
                let mut pass = Pass { source: dropout.source(), ..whole };
                let factor = if train { dropout.scale() } else { dropout.evaluate_by(&mut pass) };
                pass.product_range(start..next, count, factor);
                start = next;
            }
        });
        Ok(())
    }
}
