use super::dropout::MaskStream;
use crate::error::Error;
use crate::key::Key;
use crate::probability::Probability;

/// Which function a layer computes. It has no default, on purpose: see [`Dropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Dropout: a new mask in each forward pass.
    Train,
    /// What the trained network computes: with inverted scaling the identity, bit for bit.
    Evaluate,
}

/// The layer of the textbooks. It remembers its stream, how often it was run in training and its last pass there, nothing
/// else.
///
/// Forward pass number `s` in training, counted from 0 and modulo 2^64, draws the mask of `key.derive(s)`, so each has a new
/// one; backward draws that of the last one again. A forward pass for evaluation changes nothing, so a validation run may
/// come between the forward and the backward pass of a training step. [Monte-Carlo dropout](MaskStream::pass_shared) by the
/// layer is to predict in [`Mode::Train`].
///
/// **Evaluation cannot be forgotten**: there is no mode to switch, and so none to forget. Every call says its
/// [`Mode`], which has no default, or does not compile; a network passes on the mode that its caller chose.
///
/// ```
/// use dropmask::{Dropout, Key, Mode, Probability};
///
/// let mut layer = Dropout::new(Key::new(42).derive(3), Probability::new(0.5)?); // a key for each layer
/// let (x, mut y, mut dx) = ([1.0; 100], [0.0; 100], [0.0; 100]);
///
/// layer.forward(Mode::Train, &x, &mut y)?;
/// layer.backward(Mode::Train, &[1.0; 100], &mut dx)?;
/// assert_eq!(dx, y); // the same mask
///
/// layer.forward(Mode::Evaluate, &x, &mut y)?;
/// assert_eq!(y, x);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// ```compile_fail,E0061
/// # use dropmask::{Dropout, Key, Probability};
/// # let mut layer = Dropout::new(Key::new(42), Probability::new(0.5).unwrap());
/// # let (x, mut y) = ([1.0; 100], [0.0; 100]);
/// layer.forward(&x, &mut y); // in training, or not?
/// ```
///
/// **To compute a pass again** instead of keeping its output (activation checkpointing), take the stream of
/// [`last`](Self::last): the layer itself would draw the next mask. The stream is `Copy`; keep it where the layer runs
/// again in training before the pass is computed again.
///
/// ```
/// # use dropmask::{Dropout, Key, Mode, Probability};
/// # let mut layer = Dropout::new(Key::new(42), Probability::new(0.5)?);
/// # let (x, mut y, mut again) = ([1.0; 100], [0.0; 100], [0.0; 100]);
/// layer.forward(Mode::Train, &x, &mut y)?;
/// let pass = layer.last()?;
/// // in the checkpoint, any time later
/// pass.forward(&x, &mut again)?;
/// assert_eq!(again, y);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: those of [`MaskStream`]. After an error nothing has been written and no pass is counted.
#[derive(Clone, Debug)] // not `Copy`: a copy that is counted on by accident would repeat masks
pub struct Dropout {
    stream: MaskStream,
    step: u64,
    /// The step of the last forward pass in training.
    last: Option<u64>,
}

impl Dropout {
    /// A layer over whole slices, with inverted scaling.
    pub const fn new(key: Key, p: Probability) -> Self {
        Self::from_stream(MaskStream::new(key, p))
    }

    /// A layer with the settings of a stream: its shape (for channels or samples), scaling, level, and the offset of a
    /// shard.
    pub const fn from_stream(stream: MaskStream) -> Self {
        Self { stream, step: 0, last: None }
    }

    /// Continues after `step` forward passes in training: restores what [`step`](Self::step) saved. A backward pass in
    /// training comes after the next forward pass in training.
    #[must_use]
    pub const fn at_step(self, step: u64) -> Self {
        Self { step, last: None, ..self }
    }

    /// How many forward passes there were in training, modulo 2^64. With the key it is all that a restart needs.
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// `y = dropout(x)`: in training with a new mask, in evaluation as [`MaskStream::evaluate`].
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward(&mut self, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        match mode {
            Mode::Train => {
                self.stream.derived(self.step).forward(x, y)?;
                self.count();
                Ok(())
            }
            Mode::Evaluate => self.stream.evaluate(x, y),
        }
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn forward_in_place(&mut self, mode: Mode, x: &mut [f32]) -> Result<(), Error> {
        match mode {
            Mode::Train => {
                self.stream.derived(self.step).forward_in_place(x)?;
                self.count();
                Ok(())
            }
            Mode::Evaluate => self.stream.evaluate_in_place(x),
        }
    }

    /// The gradient: in training with the mask of the last forward pass in training; in evaluation that of
    /// [`MaskStream::evaluate`], with inverted scaling the identity, as for a saliency map.
    ///
    /// # Errors
    /// [`Error::NoForward`] in training if there was no forward pass in training since the layer was made or
    /// [restored](Self::at_step); else see [`Dropout`].
    pub fn backward(&self, mode: Mode, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        match mode {
            Mode::Train => self.last()?.backward(dy, dx),
            Mode::Evaluate => self.stream.evaluate(dy, dx),
        }
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`backward`](Self::backward).
    pub fn backward_in_place(&self, mode: Mode, dy: &mut [f32]) -> Result<(), Error> {
        match mode {
            Mode::Train => self.last()?.backward_in_place(dy),
            Mode::Evaluate => self.stream.evaluate_in_place(dy),
        }
    }

    /// The stream of the last forward pass in training, to compute that pass again, and for all that the layer has no
    /// method for.
    ///
    /// # Errors
    /// [`Error::NoForward`] if there was none since the layer was made or [restored](Self::at_step).
    pub const fn last(&self) -> Result<MaskStream, Error> {
        match self.last {
            Some(step) => Ok(self.stream.derived(step)),
            None => Err(Error::NoForward),
        }
    }

    const fn count(&mut self) {
        self.last = Some(self.step);
        self.step = self.step.wrapping_add(1);
    }
}
