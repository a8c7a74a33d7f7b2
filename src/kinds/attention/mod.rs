mod elements;
mod exp;
mod softmax;

use self::softmax::{PIECE, Rows, Softmax};
use super::dropout::Dropout;
use crate::engine::{Input, Operands, Reader, Source};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::check_indices;
use crate::mask::Mask;
use crate::simd::{Level, dispatch};

/// Attention dropout: the softmax of each row of scores, then dropout of the weights (Vaswani et al., "Attention is all
/// you need", NIPS 2017).
///
/// Scores and weights are a dense stack of matrices, `(matrices, queries, keys)`: one matrix for each head of each
/// sample, in it a row for each query. Weight `j` of query `i` of matrix `m` is at `(m * queries + i) * keys + j`, and
/// its bit has that index from the [offset](Dropout::with_offset) on: the mask is the one that
/// [`Dropout::fill`] draws for the flat slice. A shard is whole matrices, or some rows of one matrix with
/// `matrices = 1`.
///
/// ```
/// use dropmask::{Attention, Dropout, Key, Probability};
///
/// let dropout = Dropout::new(Key::new(11), Probability::new(0.5)?);
/// let attention = Attention::new(dropout, 1, 2, 3).causal(1); // query 0 sees keys 0 and 1, query 1 all three
/// let scores = [0.0; 6];
///
/// let mut weights = [0.0; 6];
/// attention.evaluate(&scores, &mut weights)?;
/// assert_eq!(weights, [0.5, 0.5, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
///
/// attention.forward(&scores, &mut weights)?;
/// assert_eq!(weights, [0.0, 1.0, 0.0, 2.0 / 3.0, 2.0 / 3.0, 0.0]);
///
/// // the mask is drawn again, and the softmax computed again
/// let mut gradient = [0.0; 6];
/// attention.backward(&scores, &[1.0, 1.0, 1.0, 0.0, 1.0, 0.0], &mut gradient)?;
/// assert_eq!(gradient[..3], [-0.5, 0.5, 0.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Arithmetic
/// With `P = softmax(scores)`, training computes `weights[i] = kept ? P[i] * scale : +0.0`: the kept weights are rescaled,
/// not [renormalised](Self::renormalise). Each row is one pass over memory: its largest score, then its exponentials and
/// their sum, then weights and dropout, while it is in the cache.
///
/// - The largest score of a row is subtracted from it, so no finite score overflows. `P[i]` is `exp(scores[i] - largest)`,
///   within 1 ulp and `+0.0` below 2^-126, times the rounded inverse of their sum. The sum has 16 accumulators and
///   one order at every level: all levels agree to the bit, [NaNs](Dropout#arithmetic) aside.
/// - A score of `-inf` has the weight 0: masks of the caller's own. So has one whose exponential is 0, or whose product
///   with the inverse underflows to 0. A row of `-inf` alone, where the definition is `0 / 0`, has weights of 0.
/// - A weight of 0 is a choice, never a factor: it is `+0.0` in the weights and in the gradient, whatever the rest of its
///   row and its `dy` hold, and has no part in the gradient of others.
/// - A NaN among the scores that count makes all kept weights of its row NaN that are not 0, and `+inf` its own: beside
///   it all finite ones are 0. What is dropped is `+0.0`.
/// - Where bits are drawn at a threshold of 0 (`p = 1`), or the scale is 0, all weights and gradients are `+0.0`, whatever
///   scores and `dy` hold; and so are the weights of evaluation if its factor is 0.
/// - What a [causal](Self::causal) mask hides is never read, is `+0.0` in the weights and in the gradient, and its bits
///   have no effect: the bits of the others are those without a mask.
///
/// # Aliasing
/// The functions with several slices cannot alias; the `_in_place` ones give the same result over the scores.
///
/// # Errors
/// All operations: [`Error::Unsupported`] for a layout; [`Error::InvalidPast`] for a causal mask that is none, also where there are no elements;
/// [`Error::LengthMismatch`] unless every slice, and in training a stored mask, has `matrices * queries * keys` elements, and
/// [`Error::IndexOverflow`] if the last element's index would pass 2^64, unless bits are stored. After an error nothing has been
/// written.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    dropout: Dropout,
    mask: Option<Mask<'a>>,
    stack: Stack,
    renormalise: bool,
}

#[derive(Clone, Copy, Debug)]
struct Stack {
    matrices: usize,
    queries: usize,
    keys: usize,
    /// Query `i` sees keys `0..=past + i`: all of them if this is `keys` or more.
    past: usize,
}

/// The greatest number of keys before a query, more than any slice has: every query sees every key.
const MOST_PAST: usize = isize::MAX as usize;

impl<'a> Attention<'a> {
    /// `matrices` is the number of samples times that of heads. Every query sees every key.
    pub const fn new(dropout: Dropout, matrices: usize, queries: usize, keys: usize) -> Self {
        Self { dropout, mask: None, stack: Stack { matrices, queries, keys, past: MOST_PAST }, renormalise: false }
    }

    /// Query `i` of each matrix sees keys `0..=past + i`, as many as there are. `past` is the number of keys before
    /// the first query: 0 where a sequence attends to itself, `keys - queries` where the queries are the last of it
    /// (keys from a cache), and more by `i` for a shard that starts at query `i`. From `keys` on, every query sees every key.
    ///
    /// Above `isize::MAX`, it is a negative number that wrapped around: `keys - queries` of more queries than keys. That is
    /// an error of all operations, [`Error::InvalidPast`].
    #[must_use]
    pub const fn causal(self, past: usize) -> Self {
        Self { stack: Stack { past, ..self.stack }, ..self }
    }

    /// Softmax of the kept scores alone, so that the kept weights of a row sum to 1 (Zehui et al., "`DropAttention`",
    /// 2019). A row of which nothing is kept is `+0.0`. The weights are not scaled then, and evaluation is the
    /// softmax.
    #[must_use]
    pub const fn renormalise(self, renormalise: bool) -> Self {
        Self { renormalise, ..self }
    }

    /// Reads the bits from a mask instead of drawing them: bit `i` for weight `i`. It has one for each weight;
    /// [`Dropout::fill`] draws such a mask. Scale and evaluation remain those of the dropout.
    #[must_use]
    pub const fn stored(self, mask: Mask<'a>) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// `weights = dropout(softmax(scores))`.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward(&self, scores: &[f32], weights: &mut [f32]) -> Result<(), Error> {
        self.check_training([(Argument::Input, scores.len()), (Argument::Output, weights.len())])?;
        self.forward_pass(Some(scores), weights);
        Ok(())
    }

    /// [`forward`](Self::forward) over the scores.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward_in_place(&self, scores: &mut [f32]) -> Result<(), Error> {
        self.check_training([(Argument::Output, scores.len())])?;
        self.forward_pass(None, scores);
        Ok(())
    }

    /// The gradient of the scores from that of the weights, `dy`: `dscores[i] = P[i] * (dP[i] - D)`, where
    /// `dP[i] = kept ? dy[i] * scale : +0.0` and `D` is the sum of `P * dP` over the row.
    ///
    /// It needs the scores and nothing else from the forward pass: `P` and the mask are computed again. The weights would
    /// not do, as `P` is lost where they were dropped; they can be had again by [`forward`](Self::forward).
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward(&self, scores: &[f32], dy: &[f32], dscores: &mut [f32]) -> Result<(), Error> {
        let lengths = [(Argument::Input, scores.len()), (Argument::Input, dy.len()), (Argument::Output, dscores.len())];
        self.check_training(lengths)?;
        self.backward_pass(Some(scores), dy, dscores);
        Ok(())
    }

    /// [`backward`](Self::backward) over the scores, which the backward pass is the last to need.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward_in_place(&self, scores: &mut [f32], dy: &[f32]) -> Result<(), Error> {
        self.check_training([(Argument::Output, scores.len()), (Argument::Input, dy.len())])?;
        self.backward_pass(None, dy, scores);
        Ok(())
    }

    /// What the network computes when it is not trained: `softmax(scores)`, times [`Probability::keep`] with standard
    /// scaling.
    ///
    /// [`Probability::keep`]: crate::Probability::keep
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn evaluate(&self, scores: &[f32], weights: &mut [f32]) -> Result<(), Error> {
        self.check([(Argument::Input, scores.len()), (Argument::Output, weights.len())])?;
        self.evaluation_pass(Some(scores), weights);
        Ok(())
    }

    /// [`evaluate`](Self::evaluate) over the scores.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn evaluate_in_place(&self, scores: &mut [f32]) -> Result<(), Error> {
        self.check([(Argument::Output, scores.len())])?;
        self.evaluation_pass(None, scores);
        Ok(())
    }
}

impl Attention<'_> {
    fn check<const N: usize>(&self, lengths: [(Argument, usize); N]) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout])?;
        check_past(self.stack.past)?;
        for (argument, length) in lengths {
            same_length(argument, self.stack.len(), length)?;
        }
        if self.mask.is_some() {
            return Ok(());
        }
        check_indices(self.dropout.offset(), self.stack.rows() as u128 * self.stack.keys as u128)
    }

    /// The check of a pass in training.
    fn check_training<const N: usize>(&self, lengths: [(Argument, usize); N]) -> Result<(), Error> {
        self.check(lengths)?;
        self.mask.map_or(Ok(()), |mask| same_length(Argument::Mask, self.stack.len(), mask.len()))
    }

    fn forward_pass(&self, x: Option<&[f32]>, y: &mut [f32]) {
        self.each_row(self.source(), self.dropout.scale(), x, None, y);
    }

    fn evaluation_pass(&self, x: Option<&[f32]>, y: &mut [f32]) {
        self.each_row(Source::Certain(true), self.dropout.evaluation_scale(), x, None, y);
    }

    fn backward_pass(&self, x: Option<&[f32]>, dy: &[f32], y: &mut [f32]) {
        self.each_row(self.source(), self.dropout.scale(), x, Some(dy), y);
    }

    fn source(&self) -> Source<'_> {
        self.mask.map_or_else(|| self.dropout.source(), Source::Stored)
    }

    /// The weights, or the gradient of the scores if there is one of the weights. Of no `x`, the scores are `y`.
    fn each_row(&self, source: Source<'_>, scale: f32, x: Option<&[f32]>, dy: Option<&[f32]>, y: &mut [f32]) {
        let scale = if self.renormalise { 1.0 } else { scale };
        // what has the factor 0 does not count, whatever it is
        if scale == 0.0 || matches!(source, Source::Certain(false)) {
            return y.fill(0.0);
        }
        let softmax = Softmax { scale, renormalise: self.renormalise };
        match self.dropout.run_level() {
            Level::SCALAR => self.each_scalar_row(softmax, source, x, dy, y),
            level => self.each_vector_row(softmax, level, source, x, dy, y),
        }
    }

    fn each_vector_row(
        &self,
        softmax: Softmax,
        level: Level,
        source: Source<'_>,
        x: Option<&[f32]>,
        dy: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let Stack { keys, .. } = self.stack;
        let inputs = [x.map_or(Input::InPlace, Input::Slice), dy.map_or(Input::InPlace, Input::Slice)];
        let operands = Operands::new(&inputs, y.into());
        // any number of rows may have no keys
        let rows = if keys == 0 { 0 } else { self.stack.rows() };
        self.dropout.threads().rows(0..rows, keys, &|rows| {
            let mut ahead = [0; PIECE / 64];
            let reader = Reader::new(level, source, &mut ahead);
            dispatch(level, Rows { softmax, stack: self.stack, rows, reader, operands, gradient: dy.is_some() });
        });
    }

    fn each_scalar_row(
        &self,
        softmax: Softmax,
        source: Source<'_>,
        x: Option<&[f32]>,
        dy: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let Stack { keys, .. } = self.stack;
        let mut bits = source.bits();
        for (row, y) in y.chunks_mut(keys.max(1)).enumerate() {
            let (y, hidden) = y.split_at_mut_checked(self.stack.visible(row)).unwrap_or_default();
            hidden.fill(0.0);
            if let Some(x) = x {
                y.iter_mut().zip(x.iter().skip(row * keys)).for_each(|(y, x)| *y = *x);
            }
            let mut kept = |i: usize| bits((row * keys + i) as u64);
            match dy {
                Some(dy) => softmax.scalar_backward(&mut kept, dy.get(row * keys..).unwrap_or_default(), y),
                None => softmax.scalar_forward(&mut kept, y),
            }
        }
    }
}

/// # Errors
/// [`Error::InvalidPast`] if it is above [`MOST_PAST`].
pub(crate) const fn check_past(past: usize) -> Result<(), Error> {
    if past > MOST_PAST { Err(Error::InvalidPast { past }) } else { Ok(()) }
}

impl Stack {
    const fn rows(self) -> usize {
        self.matrices.saturating_mul(self.queries)
    }

    const fn len(self) -> usize {
        self.rows().saturating_mul(self.keys)
    }

    /// How many keys a row sees.
    fn visible(self, row: usize) -> usize {
        // there are queries where there is a row
        let query = row.checked_rem(self.queries).unwrap_or(0);
        self.keys.min(self.past.saturating_add(query).saturating_add(1))
    }
}
