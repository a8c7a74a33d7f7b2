use super::dropout::Dropout;
use crate::engine::{Added, Element, Input, Kernel, Output, Place, Run, Scale};
use crate::error::{Argument, Error, same_length};
use crate::layout::{Layout, Memory};
use crate::simd::{Floats, Level};

/// A bias, dropout and a residual sum in one pass: `y = drop(x + b)` and `y = r + drop(x + b)`, with `b` of length `C` over
/// rows of `C` elements.
///
/// | of | the gradient is |
/// |---|---|
/// | `x` | `dx[i] = kept ? dy[i] * scale : +0.0` |
/// | `r` | `dy` |
/// | `b` | `db[c] = 0.0 + dx[0, c] + dx[1, c] + …`, in `f32`, in this order at every level |
///
/// Which elements are kept is as in [`Dropout`], whose [scaling](Dropout::with_scaling), arithmetic, rules
/// of aliasing and errors hold here too. `x + b` is rounded to `f32` before it is multiplied. `b` goes with the last
/// dimension: with [`Dropout::with_layout`] it has as many elements as the innermost axis, else its length divides that of
/// the slices.
///
/// ```
/// use dropmask::{BiasDropout, Dropout, Key, Probability};
///
/// let dropout = BiasDropout::new(Dropout::new(Key::new(1), Probability::new(0.5)?));
/// let (b, r) = ([0.5, 1.0, 1.5], [10.0; 6]);
/// let mut y = [0.0; 6];
/// dropout.forward_residual(&[1.0; 6], &b, &r, &mut y)?; // 2 rows of 3
/// assert_eq!(y, [10.0, 14.0, 15.0, 13.0, 14.0, 15.0]);
///
/// let (mut dx, mut db) = ([0.0; 6], [0.0; 3]);
/// dropout.backward(&[1.0; 6], &mut dx, &mut db)?;
/// assert_eq!(dx, [0.0, 2.0, 2.0, 2.0, 2.0, 2.0]);
/// assert_eq!(db, [2.0, 4.0, 4.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// Those of [`Dropout`], and [`Error::LengthMismatch`] of a bias that does not fit.
#[derive(Clone, Copy, Debug)]
pub struct BiasDropout {
    dropout: Dropout,
}

impl BiasDropout {
    /// Drops what `dropout` drops.
    pub const fn new(dropout: Dropout) -> Self {
        Self { dropout }
    }

    /// `y = kept ? (x + b) * scale : +0.0`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward(&self, x: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), b.len(), y.len())?;
        self.run(true, &[Input::of(x)], b, y.into())
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_in_place(&self, x: &mut [f32], b: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len(), b.len())?;
        self.run(true, &[Input::InPlace], b, x.into())
    }

    /// `y = r + (kept ? (x + b) * scale : +0.0)`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_residual(&self, x: &[f32], b: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), b.len(), y.len())?;
        self.dropout.check_residual(r.len(), y.len())?;
        self.run(true, &[Input::of(x), Input::of(r)], b, y.into())
    }

    /// [`forward_residual`](Self::forward_residual) over its input `x`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_residual_in_place(&self, x: &mut [f32], b: &[f32], r: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len(), b.len())?;
        self.dropout.check_residual(r.len(), x.len())?;
        self.run(true, &[Input::InPlace, Input::of(r)], b, x.into())
    }

    /// [`forward_residual`](Self::forward_residual) over the residual: `r += kept ? (x + b) * scale : +0.0`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_add(&self, x: &[f32], b: &[f32], r: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), b.len(), r.len())?;
        self.run(true, &[Input::of(x), Input::InPlace], b, r.into())
    }

    /// Writes the gradients of `x` and of `b`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), db.len(), dx.len())?;
        db.fill(0.0);
        self.gradients(&[Input::of(dy)], dx.into(), db)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward_in_place(&self, dy: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        self.check_in_place(dy.len(), db.len())?;
        db.fill(0.0);
        self.gradients(&[Input::InPlace], dy.into(), db)
    }

    /// Accumulates the gradients: each row is added to what is in `db`, in ascending order, and to what is in `dx`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        self.check(dy.len(), db.len(), dx.len())?;
        self.gradients(&[Input::of(dy), Input::InPlace], dx.into(), db)
    }

    /// What the network computes when it is not trained: `y = x + b`, with standard scaling times `1 - p`, and `+0.0` whatever
    /// `x` and `b` are where that is 0, as in [`Dropout::evaluate`].
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate(&self, x: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), b.len(), y.len())?;
        self.run(false, &[Input::of(x)], b, y.into())
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32], b: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len(), b.len())?;
        self.run(false, &[Input::InPlace], b, x.into())
    }

    /// [`evaluate`](Self::evaluate) with a residual: `y = r + (x + b)`, with standard scaling `r + (x + b) * (1 - p)`,
    /// and `r + 0.0` where `1 - p` is 0.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_residual(&self, x: &[f32], b: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(x.len(), b.len(), y.len())?;
        self.dropout.check_residual(r.len(), y.len())?;
        self.run(false, &[Input::of(x), Input::of(r)], b, y.into())
    }

    /// [`evaluate_residual`](Self::evaluate_residual) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_residual_in_place(&self, x: &mut [f32], b: &[f32], r: &[f32]) -> Result<(), Error> {
        self.check_in_place(x.len(), b.len())?;
        self.dropout.check_residual(r.len(), x.len())?;
        self.run(false, &[Input::InPlace, Input::of(r)], b, x.into())
    }

    fn check(&self, x: usize, b: usize, y: usize) -> Result<(), Error> {
        self.dropout.check(x, y)?;
        self.check_bias(y, b)
    }

    fn check_in_place(&self, x: usize, b: usize) -> Result<(), Error> {
        self.dropout.check_in_place(x)?;
        self.check_bias(x, b)
    }

    fn check_bias(&self, len: usize, b: usize) -> Result<(), Error> {
        match self.dropout.layout() {
            Some(layout) if layout.len() == 0 => Ok(()),
            Some(layout) => same_length(Argument::Bias, layout.columns(), b),
            None => same_length(Argument::Output, len.checked_div(b).unwrap_or(0) * b, len),
        }
    }

    /// Where the elements lie beside a bias of so many.
    fn memory(&self, len: usize, b: usize, inputs: &[Input<'_>]) -> Memory {
        let rows = || Layout::rows(len.checked_div(b).unwrap_or(0), b);
        self.dropout.layout().unwrap_or_else(rows).memory(Input::has_residual(inputs), true)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn run(&self, train: bool, inputs: &[Input<'_>], b: &[f32], y: Output<'_>) -> Result<(), Error> {
        let added = inputs.len() > 1;
        let mut tile = [0.0; TILE];
        let (b, memory) = repeated(b, self.memory(y.len(), b.len(), inputs), &mut tile);
        let inputs = match *inputs {
            [x, r] => [x, Input::Row(Place::of(b)), r],
            [x] => [x, Input::Row(Place::of(b)), Input::InPlace],
            _ => return Ok(()),
        };
        let mut pass = self.dropout.training_in(memory, &inputs, y);
        let scale = if train { self.dropout.scale() } else { self.dropout.evaluate_by(&mut pass) };
        if added {
            pass.run(Added(AddBias(scale)));
        } else {
            pass.run(AddBias(scale));
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn gradients(&self, inputs: &[Input<'_>], dx: Output<'_>, db: &mut [f32]) -> Result<(), Error> {
        let mut pass = self.dropout.training_in(self.memory(dx.len(), db.len(), inputs), inputs, dx);
        pass.operands = pass.operands.sums(db);
        pass.range(0..pass.indices.len(), &mut Gradients { scale: self.dropout.scale(), added: inputs.len() > 1 });
        Ok(())
    }
}

/// Elements of several short rows that are worth to be passed over as one.
const TILE: usize = 256;

/// A short bias several times, and dense rows as many as it is then long.
fn repeated<'b>(b: &'b [f32], memory: Memory, tile: &'b mut [f32; TILE]) -> (&'b [f32], Memory) {
    let run = memory.run;
    if run == 0 || 2 * run > TILE || !memory.is_dense() {
        return (b, memory);
    }
    // the panic of `copy_from_slice` is not always optimized away
    tile.chunks_exact_mut(run).for_each(|tile| tile.iter_mut().zip(b).for_each(|(tile, b)| *tile = *b));
    let run = TILE / run * run;
    (tile.get(..run).unwrap_or_default(), Memory::rows(usize::MAX, run))
}

/// `kept ? (x + b) * scale : +0.0`.
#[derive(Clone, Copy)]
struct AddBias(f32);

impl Element for AddBias {
    const INPUTS: usize = 2;

    fn scalar(&mut self, [x, b, _]: [f32; 3], kept: bool) -> f32 {
        if kept { (x + b) * self.0 } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [x, b, _]: [F; 3], bits: u64, at: usize) -> F {
        x.add(b).mul(F::splat(level, self.0)).keep(bits, at)
    }
}

/// `db += kept ? dy * scale : +0.0`, and the same to `dx`, as a sum or alone.
struct Gradients {
    scale: f32,
    added: bool,
}

impl Kernel for Gradients {
    fn one(&mut self, run: Run<'_>, kept: bool) {
        run.onto_sums().scalar(&mut Added(Scale(self.scale)), kept);
        if self.added {
            run.scalar(&mut Added(Scale(self.scale)), kept);
        } else {
            run.scalar(&mut Scale(self.scale), kept);
        }
    }

    fn apply(&mut self, level: Level, run: Run<'_>, words: &[u64]) {
        // first of all: in place, `dx` is written over `dy`
        Added(Scale(self.scale)).apply(level, run.onto_sums(), words);
        if self.added {
            Added(Scale(self.scale)).apply(level, run, words);
        } else {
            Scale(self.scale).apply(level, run, words);
        }
    }
}
