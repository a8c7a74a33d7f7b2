use super::dropout::Dropout;
use super::stored::StoredMask;
use crate::engine::{Added, Element, Input, Kernel, Output, Pass, Run, Scale, Source};
use crate::error::{Error, Setting};
use crate::mask::Mask;
use crate::simd::{Floats, Level};

/// One of two values for each element, `y[i] = kept ? a[i] : b[i]`: the drop probability is the chance of `b`.
///
/// | | training | evaluation |
/// |---|---|---|
/// | value | `kept ? a : b` | `a * q + b * r` |
/// | gradient of `a` | `kept ? dy : +0.0` | `dy * q` |
/// | gradient of `b` | `kept ? +0.0 : dy` | `dy * r` |
///
/// Training copies, bit for bit, and multiplies with nothing. Evaluation is the expectation of the threshold `T`, with
/// `q = (T / 2^32) as f32` and `r = ((2^32 - T) / 2^32) as f32`: two `f32` products and a sum, none fused. With `p = 0`
/// it copies `a`, with `p = 1` it copies `b`, whatever the other holds.
///
/// Everything else is as in [`Dropout`]: which bit an element has, [offsets](Dropout::with_offset),
/// [layouts](Dropout::with_layout), levels, threads, aliasing, errors. In a layout, `a` and `dy` have the strides of
/// the input, `b` those of the residual where it is not the output.
///
/// **Zoneout** (Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017): `a`
/// is the new state, `b` the old one, which is updated in place.
///
/// ```
/// use dropmask::{Dropout, Key, Probability, Select};
///
/// let (mut state, p) = ([1.0; 4], Probability::new(0.25)?);
/// for step in 0..3 {
///     let new = state.map(|h: f32| h + 1.0); // the cell
///     Select::new(Dropout::new(Key::new(8).derive(step), p)).forward_update(&new, &mut state)?;
/// }
/// assert_eq!(state, [3.0, 4.0, 3.0, 2.0]); // a unit that always took the new state counts to 4
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// **Tokens replaced**, a row each, by one mask token, or by those of another sample as `CutMix` does with patches: a
/// layout that shares a bit along the row, and reads one row of `b` for all where its stride is 0.
///
/// ```
/// use dropmask::{Dropout, Key, Layout, Probability, Select};
///
/// let (tokens, mask_token) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [-1.0, -2.0]); // 3 rows of 2
/// let rows = Layout::samples(3, 2).residual_strides([0, 1]);
/// let mut y = [0.0; 6];
/// let replaced = Select::new(Dropout::new(Key::new(1), Probability::new(0.5)?).with_layout(rows));
/// replaced.forward(&tokens, &mask_token, &mut y)?;
/// assert_eq!(y, [-1.0, -2.0, 3.0, 4.0, 5.0, 6.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// Those of [`Dropout`], where `a` and `dy` are the input, `b` the residual unless it is the output; and
/// [`Error::Unsupported`] for a [`Scaling`](crate::Scaling) that is set.
#[derive(Clone, Copy, Debug)]
pub struct Select<'a> {
    dropout: Dropout,
    mask: Option<Mask<'a>>,
}

impl<'a> Select<'a> {
    /// Takes `b` where `dropout` drops.
    pub const fn new(dropout: Dropout) -> Self {
        Self { dropout, mask: None }
    }

    /// Reads the bits from a mask instead of drawing them, as [`Dropout::fill`] draws it. Key, offset and probability then
    /// have no effect in training, nor has the mask in evaluation.
    #[must_use]
    pub const fn stored(self, mask: Mask<'a>) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// `y[i] = kept ? a[i] : b[i]`.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn forward(&self, a: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Some(a.len()), y.len())?;
        self.dropout.check_residual(b.len(), y.len())?;
        self.choose(&[Input::of(a), Input::of(b)], y.into())
    }

    /// [`forward`](Self::forward) over `a`.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn forward_in_place(&self, a: &mut [f32], b: &[f32]) -> Result<(), Error> {
        self.check(None, a.len())?;
        self.dropout.check_residual(b.len(), a.len())?;
        self.choose(&[Input::InPlace, Input::of(b)], a.into())
    }

    /// [`forward`](Self::forward) over `b`, a state: takes `a[i]` where kept, and leaves what is dropped as it is.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn forward_update(&self, a: &[f32], b: &mut [f32]) -> Result<(), Error> {
        self.check(Some(a.len()), b.len())?;
        self.choose(&[Input::of(a), Input::InPlace], b.into())
    }

    /// `da[i] = kept ? dy[i] : +0.0`.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_a(&self, dy: &[f32], da: &mut [f32]) -> Result<(), Error> {
        self.check(Some(dy.len()), da.len())?;
        self.gradient_a(&[Input::of(dy)], da.into())
    }

    /// [`backward_a`](Self::backward_a) over its input.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_a_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.check(None, dy.len())?;
        self.gradient_a(&[Input::InPlace], dy.into())
    }

    /// `da[i] += kept ? dy[i] : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_a_add(&self, dy: &[f32], da: &mut [f32]) -> Result<(), Error> {
        self.check(Some(dy.len()), da.len())?;
        self.gradient_a(&[Input::of(dy), Input::InPlace], da.into())
    }

    /// `db[i] = kept ? +0.0 : dy[i]`.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_b(&self, dy: &[f32], db: &mut [f32]) -> Result<(), Error> {
        self.check(Some(dy.len()), db.len())?;
        self.gradient_b(&[Input::of(dy)], db.into())
    }

    /// [`backward_b`](Self::backward_b) over its input: of zoneout, the gradient of the new state to that of the old
    /// one.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_b_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.check(None, dy.len())?;
        self.gradient_b(&[Input::InPlace], dy.into())
    }

    /// `db[i] += kept ? +0.0 : dy[i]`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn backward_b_add(&self, dy: &[f32], db: &mut [f32]) -> Result<(), Error> {
        self.check(Some(dy.len()), db.len())?;
        self.gradient_b(&[Input::of(dy), Input::InPlace], db.into())
    }

    /// What the network computes when it is not trained: `y[i] = a[i] * q + b[i] * r`, or the copy of one.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn evaluate(&self, a: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let drawn = Select::new(self.dropout);
        drawn.check(Some(a.len()), y.len())?;
        self.dropout.check_residual(b.len(), y.len())?;
        drawn.mix(&[Input::of(a), Input::of(b)], y.into())
    }

    /// [`evaluate`](Self::evaluate) over `a`.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn evaluate_in_place(&self, a: &mut [f32], b: &[f32]) -> Result<(), Error> {
        let drawn = Select::new(self.dropout);
        drawn.check(None, a.len())?;
        self.dropout.check_residual(b.len(), a.len())?;
        drawn.mix(&[Input::InPlace, Input::of(b)], a.into())
    }

    /// [`evaluate`](Self::evaluate) over `b`, a state.
    ///
    /// # Errors
    /// See [`Select`].
    pub fn evaluate_update(&self, a: &[f32], b: &mut [f32]) -> Result<(), Error> {
        let drawn = Select::new(self.dropout);
        drawn.check(Some(a.len()), b.len())?;
        drawn.mix(&[Input::of(a), Input::InPlace], b.into())
    }

    fn mask(&self) -> Option<StoredMask<'a>> {
        self.mask.map(|mask| self.dropout.stored_by(mask, 1.0))
    }

    /// Of an input, if it is not the output, and an output.
    fn check(&self, x: Option<usize>, y: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Scaling])?;
        match (self.mask(), x) {
            (Some(mask), Some(x)) => mask.check(x, y),
            (Some(mask), None) => mask.check_in_place(y),
            (None, Some(x)) => self.dropout.check(x, y),
            (None, None) => self.dropout.check_in_place(y),
        }
    }

    fn pass<'p>(&self, inputs: &[Input<'p>], y: Output<'p>) -> Pass<'p>
    where
        'a: 'p,
    {
        match self.mask() {
            Some(mask) => mask.settings().pass(mask.source(), inputs, y),
            None => self.dropout.training(inputs, y),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn choose(&self, inputs: &[Input<'_>], y: Output<'_>) -> Result<(), Error> {
        let pass = self.pass(inputs, y);
        match pass.source {
            Source::Certain(true) => pass.constant(true),
            _ => pass.run(Choice),
        }
        Ok(())
    }

    fn mix(&self, inputs: &[Input<'_>], y: Output<'_>) -> Result<(), Error> {
        let p = self.dropout.probability();
        if p.certain().is_some() {
            return self.choose(inputs, y);
        }
        let pass = Pass { source: Source::Certain(true), ..self.pass(inputs, y) };
        pass.run(Mixture { q: p.keep(), r: p.drop() });
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    fn gradient_a(&self, inputs: &[Input<'_>], da: Output<'_>) -> Result<(), Error> {
        let pass = self.pass(inputs, da);
        match (pass.source, inputs.len()) {
            (Source::Drawn { .. } | Source::Stored(_), 1) => pass.run(Share::OF_A),
            (_, inputs) => pass.product(inputs, 1.0),
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    pub(crate) fn gradient_b(&self, inputs: &[Input<'_>], db: Output<'_>) -> Result<(), Error> {
        let pass = self.pass(inputs, db);
        match (pass.source, inputs.len()) {
            (Source::Certain(kept), inputs) => Pass { source: Source::Certain(!kept), ..pass }.product(inputs, 1.0),
            (_, 1) => pass.run(Share::OF_B),
            _ => pass.each_range(&mut [], &|range, _| pass.range(range, &mut Complement(Added(Scale(1.0))))),
        }
        Ok(())
    }
}

/// `kept ? a : b`.
#[derive(Clone, Copy)]
struct Choice;

impl Element for Choice {
    const INPUTS: usize = 2;

    fn scalar(&mut self, [a, b, _]: [f32; 3], kept: bool) -> f32 {
        if kept { a } else { b }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, _: F::Level, _: &mut F, [a, b, _]: [F; 3], bits: u64, at: usize) -> F {
        a.select(b, bits, at)
    }
}

/// `a * q + b * r`, whatever the bits.
#[derive(Clone, Copy)]
struct Mixture {
    q: f32,
    r: f32,
}

impl Element for Mixture {
    const INPUTS: usize = 2;

    fn scalar(&mut self, [a, b, _]: [f32; 3], _: bool) -> f32 {
        a * self.q + b * self.r
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [a, b, _]: [F; 3], _: u64, _: usize) -> F {
        a.mul(F::splat(level, self.q)).add(b.mul(F::splat(level, self.r)))
    }
}

/// The gradient of `a`, `kept ? dy : +0.0`, or of `b`, `kept ? +0.0 : dy`.
#[derive(Clone, Copy)]
struct Share {
    /// What makes a bit that of the element that has the gradient.
    flip: u64,
}

impl Share {
    const OF_A: Self = Self { flip: 0 };
    const OF_B: Self = Self { flip: !0 };
}

impl Element for Share {
    fn scalar(&mut self, [dy, ..]: [f32; 3], kept: bool) -> f32 {
        if kept == (self.flip == 0) { dy } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, _: F::Level, _: &mut F, [dy, ..]: [F; 3], bits: u64, at: usize) -> F {
        dy.keep(bits ^ self.flip, at)
    }
}

/// A kernel where what is dropped is kept, and what is kept dropped.
struct Complement<K>(K);

impl<K: Kernel> Kernel for Complement<K> {
    fn one(&mut self, run: Run<'_>, kept: bool) {
        self.0.one(run, !kept);
    }

    fn apply(&mut self, level: Level, run: Run<'_>, words: &[u64]) {
        let mut room = [0; 64];
        for (at, words) in (0..run.len()).step_by(64 * room.len()).zip(words.chunks(room.len())) {
            room.iter_mut().zip(words).for_each(|(to, word)| *to = !word);
            self.0.apply(level, run.part(at, 64 * words.len()), &room);
        }
    }
}
