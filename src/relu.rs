use core::mem;

use crate::bits::{Bits, Each, Replay, Sink};
use crate::dispatch::{Kernel, dispatch};
use crate::input::{InPlace, Input, Nothing, Read};
use crate::map::Map;
use crate::mask::{append, mask_words, same_length};
use crate::pass::{Pass, Place, Row, each_element, each_row};
use crate::shape::Shape;
use crate::simd::{Floats, Simd};
use crate::spread::spread;
use crate::{Error, Mask, MaskMut, MaskStream, StoredMask};

/// `relu` followed by dropout, in one pass, with one stored bit an element that serves both gradients.
///
/// Forward computes `y[i] = kept ? relu(x[i]) * scale : +0.0` and stores the bit `kept and x[i] > 0`. Backward is
/// `dx[i] = bit ? dy[i] * scale : +0.0` and needs nothing but that mask; the key alone cannot replay it.
///
/// `relu(-0.0)` is `+0.0`. `relu(NaN)` is NaN, so a kept NaN stays one, but its bit is 0: no gradient passes.
///
/// The stream says which elements are kept, as in [`MaskStream`], at any [offset](MaskStream::offset), and the rules of
/// aliasing and the errors are the same. The mask has one bit for each element from its first word on, also with
/// [`MaskStream::channels`]; with [`MaskStream::rows`], row `r` starts at word `r * mask_words(columns)`.
///
/// ```
/// use dropmask::{Key, Mask, MaskMut, MaskStream, Probability, ReluDropout};
///
/// let dropout = ReluDropout::new(MaskStream::new(Key::new(1), Probability::new(0.5)?));
/// let (mut y, mut words) = ([0.0; 6], [0]);
/// dropout.forward(&[1.0, -1.0, 2.0, 3.0, 4.0, 5.0], &mut y, &mut MaskMut::new(&mut words, 6)?)?;
/// assert_eq!(y, [0.0, 0.0, 4.0, 6.0, 8.0, 10.0]); // the first is dropped, the second negative
/// assert_eq!(words, [0b11_1100]);
///
/// let mut dx = [0.0; 6];
/// dropout.backward(Mask::new(&words, 6)?, &[1.0; 6], &mut dx)?;
/// assert_eq!(dx, [0.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReluDropout {
    stream: MaskStream,
}

impl ReluDropout {
    /// Drops what the stream drops.
    pub const fn new(stream: MaskStream) -> Self {
        Self { stream }
    }

    /// `y[i] = kept ? relu(x[i]) * scale : +0.0`, and the mask for backward.
    ///
    /// # Errors
    /// See [`MaskStream`].
    pub fn forward(&self, x: &[f32], y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        let shape = self.stream.check(x.len(), y.len())?;
        self.rectify(shape, x, y, mask)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`MaskStream`].
    pub fn forward_in_place(&self, x: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        let shape = self.stream.check(x.len(), x.len())?;
        self.rectify(shape, InPlace, x, mask)
    }

    /// `dx[i] = bit ? dy[i] * scale : +0.0`, of the mask that forward stored.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward(&self, mask: Mask<'_>, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.stored(mask).apply(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward_in_place(&self, mask: Mask<'_>, dy: &mut [f32]) -> Result<(), Error> {
        self.stored(mask).apply_in_place(dy)
    }

    /// `dx[i] += bit ? dy[i] * scale : +0.0`: accumulates the gradient.
    ///
    /// # Errors
    /// See [`StoredMask::apply`].
    pub fn backward_add(&self, mask: Mask<'_>, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.stored(mask).apply_add(dy, dx)
    }

    /// What the network computes when it is not trained: `y[i] = relu(x[i])`, with standard scaling times `1 - p`, and `+0.0`
    /// whatever `x` is where that is 0, as in [`MaskStream::evaluate`].
    ///
    /// # Errors
    /// See [`MaskStream`].
    pub fn evaluate(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let shape = self.stream.check(x.len(), y.len())?;
        self.evaluation(shape, x, y);
        Ok(())
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`MaskStream`].
    pub fn evaluate_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        let shape = self.stream.check(x.len(), x.len())?;
        self.evaluation(shape, InPlace, x);
        Ok(())
    }

    fn evaluation(&self, shape: Shape, x: impl Input, y: &mut [f32]) {
        let (bits, factor) = self.stream.evaluating();
        let shape = Shape::Rows(shape.memory().merged());
        dispatch(self.stream.run_level(), Pass { bits, shape, map: Relu(factor), x, z: Nothing, y });
    }

    fn rectify(&self, shape: Shape, x: impl Input, y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<(), Error> {
        match self.stream.shape() {
            Some(Shape::Rows(_)) => shape.bits().check_written(mask.len()).map(|_| ())?,
            _ => same_length(y.len(), mask.len())?,
        }
        let (bits, map) = (self.stream.replay(), Relu(self.stream.scale()));
        dispatch(self.stream.run_level(), Rectify { bits, shape, map, x, y, mask: mask.words_mut() });
        Ok(())
    }

    fn stored<'a>(&self, mask: Mask<'a>) -> StoredMask<'a> {
        let stored = StoredMask::new(mask, self.stream.scale()).level(self.stream.run_level());
        match self.stream.shape() {
            Some(Shape::Rows(rows)) => {
                stored.rows(rows.index_stride((mask_words(rows.columns) as u64).saturating_mul(64)))
            }
            _ => stored,
        }
    }
}

/// `kept ? relu(x) * scale : +0.0`.
#[derive(Clone, Copy)]
struct Relu(f32);

impl Map for Relu {
    fn scalar(self, x: f32, kept: bool) -> f32 {
        let rectified = if x > 0.0 || x.is_nan() { x } else { 0.0 };
        if kept { rectified * self.0 } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(self, level: F::Level, x: F, bits: u64, at: usize) -> F {
        let zero = F::splat(level, 0.0);
        // the maximum lets NaN and -0.0 through, the sum makes that +0.0
        zero.max(x).mul(F::splat(level, self.0)).add(zero).keep(bits, at)
    }
}

/// The forward pass over `y`, whose mask has the rows of `y`.
struct Rectify<'a, X> {
    bits: Replay,
    shape: Shape,
    map: Relu,
    x: X,
    y: &'a mut [f32],
    mask: &'a mut [u64],
}

impl<X: Input> Kernel for Rectify<'_, X> {
    fn scalar(self) {
        let Self { bits, shape, map, x, y, mask } = self;
        let row_words = mask_words(shape.memory().columns);
        each_element(bits, shape, |Place { row, start, i }, kept| {
            let (Some(y), Some(word)) = (y.get_mut(start + i), mask.get_mut(row * row_words + i / 64)) else { return };
            let x = x.part(start, i + 1).at(i, y);
            *y = map.scalar(x, kept);
            if i % 64 == 0 {
                *word = 0;
            }
            *word |= u64::from(kept && x > 0.0) << (i % 64);
        });
    }

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut bits, shape, map, x, y, mask } = self;
        match shape {
            Shape::Rows(rows) => {
                let row_words = mask_words(rows.columns);
                for Row { row, first, x, y, .. } in each_row(rows, x, Nothing, y) {
                    let mask = mask.get_mut(row.wrapping_mul(row_words)..).unwrap_or_default();
                    bits.row(s, row, first, y.len(), &mut Left { map, x, y, mask, at: 0 });
                }
            }
            Shape::Channels(channels) => spread(s, &mut bits, channels, &mut Left { map, x, y, mask, at: 0 }),
        }
    }
}

/// What is still to do of a row.
struct Left<'a, X> {
    map: Relu,
    x: X,
    y: &'a mut [f32],
    mask: &'a mut [u64],
    /// Bits of `mask` that are written.
    at: usize,
}

impl<X: Input, S: Simd> Sink<S> for Left<'_, X> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        self.each(s, words.iter().copied(), len);
    }
}

impl<X: Input, S: Simd> Each<S> for Left<'_, X> {
    #[inline(always)]
    fn each(&mut self, s: S, words: impl Iterator<Item = u64>, len: usize) {
        let (y, y_left) = mem::take(&mut self.y).split_at_mut_checked(len).unwrap_or_default();
        let (mut x, x_left) = self.x.cut(len);
        (self.x, self.y) = (x_left, y_left);
        for (y, bits) in y.chunks_mut(64).zip(words) {
            let (now, left) = x.cut(y.len());
            x = left;
            let len = y.len();
            append(self.mask, self.at, rectify(s, bits, self.map, now, y), len);
            self.at += len;
        }
    }
}

/// At most 64 elements; which of them are kept and positive.
#[inline(always)]
fn rectify<S: Simd>(s: S, bits: u64, map: Relu, x: impl Input, y: &mut [f32]) -> u64 {
    let zero = S::Floats::splat(s, 0.0);
    let (y_vectors, y_rest) = S::Floats::split_mut(y);
    let (mut positive, mut at) = (0, 0);
    for (y, x) in y_vectors.iter_mut().zip(x.vectors::<S::Floats>()) {
        let x = x.read(s, y);
        positive |= x.greater(zero) << at;
        map.vector(s, x, bits, at).store(y);
        at += S::Floats::COUNT;
    }
    if !y_rest.is_empty() {
        let x: S::Floats = x.cut(at).1.load_part(s, y_rest);
        positive |= x.greater(zero) << at;
        map.vector(s, x, bits, at).store_part(y_rest);
    }
    positive & bits
}
