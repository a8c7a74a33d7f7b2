use super::dropout::Dropout;
use crate::error::Error;

/// The layer of the textbooks, which counts its passes: a [`Dropout`] and a step, nothing else.
///
/// Pass number `s` in training, counted from 0 and modulo 2^64, has the mask of [`dropout.derive(s)`](Dropout::derive): each
/// has a new one, and backward draws that of the last one again. Evaluation counts nothing, so a validation run may come
/// between the forward and the backward pass of a training step.
///
/// **Evaluation cannot be forgotten**: there is no mode to switch. A network in training calls [`train`](Self::train), one
/// that is used calls [`evaluate`](Self::evaluate); [Monte-Carlo dropout](Dropout::pass_shared) is to predict by `train`.
///
/// ```
/// use dropmask::{Dropout, DropoutLayer, Key, Probability};
///
/// let run = Key::new(42);
/// let mut layer = DropoutLayer::new(Dropout::new(run.derive(3), Probability::new(0.5)?)); // a key for each layer
/// let (x, mut y, mut dx) = ([1.0; 100], [0.0; 100], [0.0; 100]);
///
/// layer.train(&x, &mut y)?;
/// layer.backward(&[1.0; 100], &mut dx)?;
/// assert_eq!(dx, y); // the same mask
///
/// layer.evaluate(&x, &mut y)?;
/// assert_eq!(y, x);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Passes as values
/// The layer serves one pass after another, each with its backward. Whoever has several passes open, or computes one again,
/// takes it as a value: [`next_pass`](Self::next_pass) counts a pass and returns its [`Dropout`], which is `Copy` and knows
/// no step; [`pass`](Self::pass) returns that of any step.
///
/// ```
/// # use dropmask::{Dropout, DropoutLayer, Key, Probability};
/// # let mut layer = DropoutLayer::new(Dropout::new(Key::new(42), Probability::new(0.5)?));
/// # let (x, mut y, mut dx) = ([1.0; 100], [0.0; 100], [0.0; 100]);
/// // activation checkpointing: the output is not kept but computed again. `train` would draw another mask
/// let pass = layer.next_pass();
/// pass.forward(&x, &mut y)?;
/// let mut again = [0.0; 100];
/// pass.forward(&x, &mut again)?;
/// assert_eq!(again, y);
///
/// // two micro-batches in flight, as in the stages of a pipeline: backward of the first after forward of the second
/// let (first, second) = (layer.next_pass(), layer.next_pass());
/// first.forward(&x, &mut y)?;
/// second.forward(&x, &mut again)?;
/// first.backward(&[1.0; 100], &mut dx)?;
/// assert_eq!(dx, y);
///
/// // gradient caching: one pass over a batch, gradients by parts of it
/// let batch = layer.next_pass();
/// batch.forward(&x, &mut y)?;
/// for start in [0, 25, 50, 75] {
///     batch.with_offset(start as u64).backward(&[1.0; 25], &mut dx[start..start + 25])?;
/// }
/// assert_eq!(dx, y);
///
/// // resuming, here with two ranks that have half of the elements each: the step is all that was saved
/// let (step, layer) = (layer.step(), layer.clone());
/// for rank in [0, 1] {
///     let dropout = layer.dropout().with_offset(50 * rank);
///     let mut restored = DropoutLayer::new(dropout).at_step(step);
///     let mut part = [0.0; 50];
///     restored.train(&x[..50], &mut part)?;
///     layer.pass(step).forward(&x, &mut y)?;
///     assert_eq!(part, y[50 * rank as usize..][..50]);
/// }
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: those of [`Dropout`]. After an error nothing has been written and no pass is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)] // not `Copy`: a copy that is counted on by accident would repeat masks
pub struct DropoutLayer {
    dropout: Dropout,
    step: u64,
    /// The step of the last pass, if there was one.
    last: Option<u64>,
}

impl DropoutLayer {
    /// A layer with these settings; its passes have keys that are derived from that of `dropout`.
    pub const fn new(dropout: Dropout) -> Self {
        Self { dropout, step: 0, last: None }
    }

    /// Continues after `step` passes in training: restores what [`step`](Self::step) saved.
    #[must_use]
    pub const fn at_step(self, step: u64) -> Self {
        Self { step, last: step.checked_sub(1), ..self }
    }

    /// How many passes there were in training, modulo 2^64: calls of [`train`](Self::train), whatever part of a batch each had.
    /// With the key it is all that a restart needs. Where the number of parts may change, derive from the step instead:
    /// [`Dropout::derive`].
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// The settings, and the key that those of the passes are derived from.
    pub const fn dropout(&self) -> Dropout {
        self.dropout
    }

    /// The pass of a step, to compute it again or ahead, and for all that the layer has no method for. Counts nothing.
    pub const fn pass(&self, step: u64) -> Dropout {
        self.dropout.derive(step)
    }

    /// Counts a pass in training and returns it.
    pub const fn next_pass(&mut self) -> Dropout {
        let pass = self.pass(self.step);
        self.last = Some(self.step);
        self.step = self.step.wrapping_add(1);
        pass
    }

    /// `y = dropout(x)` in training, with a new mask.
    ///
    /// # Errors
    /// See [`DropoutLayer`].
    pub fn train(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.pass(self.step).forward(x, y)?;
        self.next_pass();
        Ok(())
    }

    /// [`train`](Self::train) over its input.
    ///
    /// # Errors
    /// See [`DropoutLayer`].
    pub fn train_in_place(&mut self, x: &mut [f32]) -> Result<(), Error> {
        self.pass(self.step).forward_in_place(x)?;
        self.next_pass();
        Ok(())
    }

    /// What the trained network computes, [`Dropout::evaluate`]: with inverted scaling the identity, bit for bit. As it is
    /// linear, `evaluate(dy, dx)` is its gradient, for a saliency map.
    ///
    /// # Errors
    /// See [`DropoutLayer`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.dropout.evaluate(x, y)
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`DropoutLayer`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.dropout.evaluate_in_place(x)
    }

    /// The gradient of the last pass in training, also of one before a restart.
    ///
    /// # Errors
    /// [`Error::NoForward`] if there was none; else see [`DropoutLayer`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.last()?.backward(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`backward`](Self::backward).
    pub fn backward_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.last()?.backward_in_place(dy)
    }

    const fn last(&self) -> Result<Dropout, Error> {
        match self.last {
            Some(step) => Ok(self.pass(step)),
            None => Err(Error::NoForward),
        }
    }
}
