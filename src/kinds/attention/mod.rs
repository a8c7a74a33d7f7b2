mod elements;
mod exp;
mod passes;
mod rows;
mod scalar;
mod softmax;

use self::passes::Slices;
use self::rows::Stack;
use self::softmax::Output;
use super::dropout::Dropout;
use crate::engine::Place;
use crate::error::{Argument, Error};
use crate::mask::Mask;

/// Attention dropout: the softmax of each row of scores, then dropout of the weights (Vaswani et al., "Attention is all
/// you need", NIPS 2017).
///
/// Scores and weights are dense, of shape `[samples, heads, queries, keys]`, in rows of keys. Weight `[b, h, q, k]` is
/// at `((b * heads + h) * queries + q) * keys + k`, and its bit has that index from the [offset](Dropout::with_offset)
/// on, unless [`index_strides`](Self::index_strides) says otherwise: the mask is the one that [`Dropout::fill`] draws
/// for the flat slice.
///
/// ```
/// use dropmask::{Attention, Dropout, Key, Probability};
///
/// let dropout = Dropout::new(Key::new(11), Probability::new(0.5)?);
/// let attention = Attention::new(dropout, [1, 1, 2, 3]).causal(1); // query 0 sees keys 0 and 1, query 1 all three
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
/// With `P = softmax(scores * factor + bias)`, training computes `weights[i] = kept ? P[i] * scale : +0.0`: the kept
/// weights are rescaled, not [renormalised](Self::renormalise). The [factor](Self::scale) is 1 and there is no
/// [bias](Self::bias) unless set. Each row is one pass over memory: its largest score, then its exponentials and their
/// sum, then weights and dropout, while it is in the cache. "Scores" below are those with factor and bias.
///
/// - The largest score of a row is subtracted from it, so no finite score overflows. `P[i]` is `exp(scores[i] -
///   largest)`, within 1 ulp and `+0.0` below 2^-126, times the rounded inverse of their sum. The sum has 16
///   accumulators and one order at every level: all levels agree to the bit, [NaNs](Dropout#arithmetic) aside.
/// - A score of `-inf` has the weight 0: masks of the caller's own. So has one whose exponential is 0, or whose
///   product with the inverse underflows to 0. A row of `-inf` alone, where the definition is `0 / 0`, has weights of
///   0.
/// - A weight of 0 is a choice, never a factor: it is `+0.0` in the weights and in the gradient, whatever the rest of
///   its row and its `dy` hold, and has no part in the gradient of others.
/// - A NaN among the scores that count makes all kept weights of its row NaN that are not 0, and `+inf` its own:
///   beside it all finite ones are 0. What is dropped is `+0.0`.
/// - Where bits are drawn at a threshold of 0 (`p = 1`), or the scale of kept weights is 0 (never with
///   [`renormalise`](Self::renormalise)), all weights and gradients are `+0.0`, whatever scores and `dy` hold; and so are
///   the weights of evaluation if its factor is 0.
/// - What a [causal](Self::causal) mask hides is never read, nor is its bias; it is `+0.0` in the weights and in the
///   gradient, and its bits have no effect: the bits of the others are those without a mask.
///
/// # Two ways back
/// [`backward`](Self::backward) needs the scores alone: softmax and mask are computed again. Where memory is there for
/// the softmax before dropout, [`forward_softmax`](Self::forward_softmax) writes it beside the weights, and
/// [`backward_softmax`](Self::backward_softmax) needs neither scores nor exponentials. The weights would not do, as `P`
/// is lost where they were dropped.
///
/// ```
/// # use dropmask::{Attention, Dropout, Key, Probability};
/// // scores are q . k of size 64, and padding hides key 2 of all heads and queries
/// let padding = [0.0, 0.0, f32::NEG_INFINITY];
/// let attention = Attention::new(Dropout::new(Key::new(11), Probability::new(0.5)?), [1, 2, 2, 3])
///     .scale(1.0 / 8.0)
///     .bias(&padding, [0, 0, 0]);
/// let (mut weights, mut softmax, mut dscores) = ([0.0; 12], [0.0; 12], [0.0; 12]);
/// attention.forward_softmax(&[0.0; 12], &mut weights, &mut softmax)?;
/// assert_eq!(softmax[..3], [0.5, 0.5, 0.0]);
/// attention.backward_softmax(&softmax, &[1.0; 12], &mut dscores)?;
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// The two gradients differ by roundings alone: but for results near 2^-126, by no more than
/// `(keys / 8 + 24) * 2^-24 * P[i] * (|dP[i]| + the sum of P * |dP|)`, times the factor.
///
/// # Aliasing
/// The functions with several slices cannot alias; the `_in_place` ones give the same result over the scores.
///
/// # Errors
/// All operations: [`Error::Unsupported`] for a layout of the dropout; [`Error::LengthMismatch`] unless every slice has
/// `samples * heads * queries * keys` elements, and in training a stored mask its bits; of a bias that ends before its
/// last element, or has more than all with dense strides; and [`Error::IndexOverflow`] if the last element's index
/// would pass 2^64, unless bits are stored. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    dropout: Dropout,
    mask: Option<Mask<'a>>,
    stack: Stack,
    renormalise: bool,
    scale: f32,
    bias: Option<Place<'a>>,
    /// Distances of samples, heads and queries; that of keys is 1.
    bias_strides: [u64; 3],
    index_strides: [u64; 3],
}

impl<'a> Attention<'a> {
    /// Of shape `[samples, heads, queries, keys]`; `[1, matrices, queries, keys]` is any stack of matrices. Every query
    /// sees every key.
    pub const fn new(dropout: Dropout, shape: [usize; 4]) -> Self {
        let [_, heads, queries, keys] = shape;
        let query = keys as u64;
        let head = query.saturating_mul(queries as u64);
        Self {
            dropout,
            mask: None,
            stack: Stack { shape, past: isize::MAX },
            renormalise: false,
            scale: 1.0,
            bias: None,
            bias_strides: [0; 3],
            index_strides: [head.saturating_mul(heads as u64), head, query],
        }
    }

    /// Query `q` of each matrix sees the keys `k <= past + q`. `past` is the number of keys before the first query: 0
    /// where a sequence attends to itself, `keys - queries` where the queries are the last of it (keys from a cache),
    /// more by `i` for a shard that starts at query `i`, and less by `i` for one of keys that starts at key `i`. It may
    /// be negative: a query that sees nothing has weights and gradients of 0. From `keys - 1` on, every query sees
    /// every key.
    #[must_use]
    pub const fn causal(self, past: isize) -> Self {
        Self { stack: Stack { past, ..self.stack }, ..self }
    }

    /// Other distances of samples, heads and queries in the indices of the bits; that of keys is 1: weight `[b, h, q,
    /// k]` has the bit of index `offset + b * strides[0] + h * strides[1] + q * strides[2] + k`. For a shard they are
    /// those of the whole. 0 shares bits: one mask for all heads is `[queries * keys, 0, keys]`.
    ///
    /// ```
    /// # use dropmask::{Attention, Dropout, Key, Probability};
    /// // heads 2 and 3 of 8, of 4 samples, 10 queries and 10 keys
    /// let strides = [8 * 10 * 10, 10 * 10, 10];
    /// let dropout = Dropout::new(Key::new(11), Probability::new(0.5)?).with_offset(2 * strides[1]);
    /// let mut scores = [0.0; 4 * 2 * 10 * 10];
    /// Attention::new(dropout, [4, 2, 10, 10]).index_strides(strides).forward_in_place(&mut scores)?;
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn index_strides(self, strides: [u64; 3]) -> Self {
        Self { index_strides: strides, ..self }
    }

    /// Scores are multiplied by this first: 1 over the square root of the size of a head. A product as IEEE 754 has it,
    /// whatever the factor is: 0 makes equal scores of finite ones.
    #[must_use]
    pub const fn scale(self, factor: f32) -> Self {
        Self { scale: factor, ..self }
    }

    /// Is added to the scores, after [`scale`](Self::scale), one rounding each: relative positions, padding as `-inf`,
    /// slopes. That of weight `[b, h, q, k]` is at `b * strides[0] + h * strides[1] + q * strides[2] + k`; 0 shares
    /// elements: of shape `(heads, queries, keys)` for all samples, `[0, queries * keys, keys]`. With dense strides it
    /// has all elements and no others, with other strides those up to its last one at least.
    ///
    /// Its gradient is `P * (dP - D)`, without the factor of the scores, summed over what shares an element:
    /// [`backward_softmax`](Self::backward_softmax) computes it from the softmax that [`forward_softmax`](Self::forward_softmax)
    /// wrote, by the same value with `scale(1.0)`.
    #[must_use]
    pub const fn bias(self, bias: &'a [f32], strides: [usize; 3]) -> Self {
        self.bias_at(Place::of(bias), strides)
    }

    pub(crate) const fn bias_at(self, bias: Place<'a>, [sample, head, query]: [usize; 3]) -> Self {
        Self { bias: Some(bias), bias_strides: [sample as u64, head as u64, query as u64], ..self }
    }

    /// Softmax of the kept scores alone, so that the kept weights of a row sum to 1 (Zehui et al., "`DropAttention`",
    /// 2019). A row of which nothing is kept is `+0.0`. The weights are not scaled then, and evaluation is the
    /// softmax.
    #[must_use]
    pub const fn renormalise(self, renormalise: bool) -> Self {
        Self { renormalise, ..self }
    }

    /// Reads the bits from a mask instead of drawing them: one for each weight, in their order, without axes whose
    /// [index stride](Self::index_strides) is 0, as [`Dropout::fill`] draws it of a
    /// [layout](crate::Layout#stored-masks) with this shape and these strides. Scale and evaluation remain those of the
    /// dropout.
    #[must_use]
    pub const fn stored(self, mask: Mask<'a>) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// `weights = dropout(softmax(scores))`.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward(&self, scores: &[f32], weights: &mut [f32]) -> Result<(), Error> {
        self.check_training(&[(Argument::Input, scores.len()), (Argument::Output, weights.len())])?;
        self.train(false, Output::Weights, Slices { x: Some(scores), dy: &[], y: weights, weights: &mut [] });
        Ok(())
    }

    /// [`forward`](Self::forward) over the scores.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward_in_place(&self, scores: &mut [f32]) -> Result<(), Error> {
        self.check_training(&[(Argument::Output, scores.len())])?;
        self.train(false, Output::Weights, Slices { x: None, dy: &[], y: scores, weights: &mut [] });
        Ok(())
    }

    /// [`forward`](Self::forward) that also writes the softmax before dropout, for
    /// [`backward_softmax`](Self::backward_softmax): what [`evaluate`](Self::evaluate) computes without a factor, and
    /// with [`renormalise`](Self::renormalise) the softmax of the kept scores alone.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward_softmax(&self, scores: &[f32], weights: &mut [f32], softmax: &mut [f32]) -> Result<(), Error> {
        let (input, output) = (Argument::Input, Argument::Output);
        self.check_training(&[(input, scores.len()), (output, weights.len()), (output, softmax.len())])?;
        self.train(false, Output::Both, Slices { x: Some(scores), dy: &[], y: softmax, weights });
        Ok(())
    }

    /// [`forward_softmax`](Self::forward_softmax) with the softmax over the scores.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn forward_softmax_in_place(&self, scores: &mut [f32], weights: &mut [f32]) -> Result<(), Error> {
        self.check_training(&[(Argument::Output, scores.len()), (Argument::Output, weights.len())])?;
        self.train(false, Output::Both, Slices { x: None, dy: &[], y: scores, weights });
        Ok(())
    }

    /// The gradient of the scores from that of the weights, `dy`: `dscores[i] = P[i] * (dP[i] - D)`, where `dP[i] =
    /// kept ? dy[i] * scale : +0.0` and `D` is the sum of `P * dP` over the row; times the [factor](Self::scale) of the
    /// scores.
    ///
    /// It needs the scores and nothing else from the forward pass: `P` and the mask are computed again. The weights can
    /// be had again by [`forward`](Self::forward). There is no accumulating form: the exponentials of a row lie in the
    /// output meanwhile.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward(&self, scores: &[f32], dy: &[f32], dscores: &mut [f32]) -> Result<(), Error> {
        self.back(false, false, scores, dy, dscores)
    }

    /// [`backward`](Self::backward) over the scores, which the backward pass is the last to need.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward_in_place(&self, scores: &mut [f32], dy: &[f32]) -> Result<(), Error> {
        self.back_in_place(false, scores, dy)
    }

    /// [`backward`](Self::backward) of the softmax before dropout, `P`, which
    /// [`forward_softmax`](Self::forward_softmax) wrote. Where that is 0, or below, the gradient is `+0.0`, whatever
    /// `dy` is. The bias is not read.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward_softmax(&self, softmax: &[f32], dy: &[f32], dscores: &mut [f32]) -> Result<(), Error> {
        self.back(true, false, softmax, dy, dscores)
    }

    /// [`backward_softmax`](Self::backward_softmax) over the softmax.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward_softmax_in_place(&self, softmax: &mut [f32], dy: &[f32]) -> Result<(), Error> {
        self.back_in_place(true, softmax, dy)
    }

    /// `dscores += ` the gradient of [`backward_softmax`](Self::backward_softmax). Adding `+0.0` turns a `-0.0` into `+0.0`;
    /// but what a causal mask hides is not written, nor anything where bits are drawn at `p = 1` or the scale of kept weights
    /// is 0.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn backward_softmax_add(&self, softmax: &[f32], dy: &[f32], dscores: &mut [f32]) -> Result<(), Error> {
        self.back(true, true, softmax, dy, dscores)
    }

    /// What the network computes when it is not trained: `softmax(scores)`, times [`Probability::keep`] with standard
    /// scaling.
    ///
    /// [`Probability::keep`]: crate::Probability::keep
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn evaluate(&self, scores: &[f32], weights: &mut [f32]) -> Result<(), Error> {
        self.check(&[(Argument::Input, scores.len()), (Argument::Output, weights.len())])?;
        self.evaluation(Some(scores), weights);
        Ok(())
    }

    /// [`evaluate`](Self::evaluate) over the scores.
    ///
    /// # Errors
    /// See [`Attention`].
    pub fn evaluate_in_place(&self, scores: &mut [f32]) -> Result<(), Error> {
        self.check(&[(Argument::Output, scores.len())])?;
        self.evaluation(None, scores);
        Ok(())
    }
}
