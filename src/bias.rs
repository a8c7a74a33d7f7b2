use core::iter;

use crate::bits::{Bits, Each, Replay, Sink};
use crate::dispatch::{Kernel, dispatch};
use crate::input::{InPlace, Input, Nothing, Read};
use crate::map::{Map, Scale};
use crate::mask::same_length;
use crate::pass::{Apply, Place, Row, apply, each_element, each_row};
use crate::shape::Shape;
use crate::simd::{Floats, Simd};
use crate::spread::spread;
use crate::{Error, MaskStream};

/// A bias, dropout and a residual sum in one pass: `y = drop(x + b)` and `y = r + drop(x + b)`, with `b` of length `C` over
/// rows of `C` elements.
///
/// | of | the gradient is |
/// |---|---|
/// | `x` | `dx[i] = kept ? dy[i] * scale : +0.0` |
/// | `r` | `dy` |
/// | `b` | `db[c] = 0.0 + dx[0, c] + dx[1, c] + …`, in `f32`, in this order at every level |
///
/// The stream says which elements are kept, as in [`MaskStream`], whose [scaling](MaskStream::scaling), arithmetic, rules
/// of aliasing and errors hold here too. `x + b` is rounded to `f32` before it is multiplied. `b` goes with the last
/// dimension: with [`MaskStream::rows`] it has as many elements as a row, else its length divides that of the slices.
///
/// ```
/// use dropmask::{BiasDropout, Key, MaskStream, Probability};
///
/// let dropout = BiasDropout::new(MaskStream::new(Key::new(1), Probability::new(0.5)?));
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
/// Those of [`MaskStream`], and [`Error::LengthMismatch`] of a bias that does not fit.
#[derive(Clone, Copy, Debug)]
pub struct BiasDropout {
    stream: MaskStream,
}

impl BiasDropout {
    /// Drops what the stream drops.
    pub const fn new(stream: MaskStream) -> Self {
        Self { stream }
    }

    /// `y = kept ? (x + b) * scale : +0.0`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward(&self, x: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(x.len(), b.len(), y.len())?;
        self.stream.pass(self.map(), shape, Biased::new(x, b), Nothing, y)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_in_place(&self, x: &mut [f32], b: &[f32]) -> Result<(), Error> {
        let shape = self.check(x.len(), b.len(), x.len())?;
        self.stream.pass(self.map(), shape, Biased::new(InPlace, b), Nothing, x)
    }

    /// `y = r + (kept ? (x + b) * scale : +0.0)`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_residual(&self, x: &[f32], b: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.stream.check(r.len(), y.len())?;
        let shape = self.check(x.len(), b.len(), y.len())?;
        self.stream.pass(self.map(), shape, Biased::new(x, b), r, y)
    }

    /// [`forward_residual`](Self::forward_residual) over its input `x`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_residual_in_place(&self, x: &mut [f32], b: &[f32], r: &[f32]) -> Result<(), Error> {
        self.stream.check(r.len(), x.len())?;
        let shape = self.check(x.len(), b.len(), x.len())?;
        self.stream.pass(self.map(), shape, Biased::new(InPlace, b), r, x)
    }

    /// [`forward_residual`](Self::forward_residual) over the residual: `r += kept ? (x + b) * scale : +0.0`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn forward_add(&self, x: &[f32], b: &[f32], r: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(x.len(), b.len(), r.len())?;
        self.stream.pass(self.map(), shape, Biased::new(x, b), InPlace, r)
    }

    /// Writes the gradients of `x` and of `b`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(dy.len(), db.len(), dx.len())?;
        db.fill(0.0);
        self.gradients(shape, dy, Nothing, dx, db)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward_in_place(&self, dy: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(dy.len(), db.len(), dy.len())?;
        db.fill(0.0);
        self.gradients(shape, InPlace, Nothing, dy, db)
    }

    /// Accumulates the gradients: each row is added to what is in `db`, in ascending order, and to what is in `dx`.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32], db: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(dy.len(), db.len(), dx.len())?;
        self.gradients(shape, dy, InPlace, dx, db)
    }

    /// What the network computes when it is not trained: `y = x + b`, with standard scaling times `1 - p`, and `+0.0` whatever
    /// `x` and `b` are where that is 0, as in [`MaskStream::evaluate`].
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate(&self, x: &[f32], b: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let shape = self.check(x.len(), b.len(), y.len())?;
        self.stream.evaluation(shape, Biased::new(x, b), Nothing, y)
    }

    /// [`evaluate`](Self::evaluate) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_in_place(&self, x: &mut [f32], b: &[f32]) -> Result<(), Error> {
        let shape = self.check(x.len(), b.len(), x.len())?;
        self.stream.evaluation(shape, Biased::new(InPlace, b), Nothing, x)
    }

    /// [`evaluate`](Self::evaluate) with a residual: `y = r + (x + b)`, with standard scaling `r + (x + b) * (1 - p)`,
    /// and `r + 0.0` where `1 - p` is 0.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_residual(&self, x: &[f32], b: &[f32], r: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.stream.check(r.len(), y.len())?;
        let shape = self.check(x.len(), b.len(), y.len())?;
        self.stream.evaluation(shape, Biased::new(x, b), r, y)
    }

    /// [`evaluate_residual`](Self::evaluate_residual) over its input.
    ///
    /// # Errors
    /// See [`BiasDropout`].
    pub fn evaluate_residual_in_place(&self, x: &mut [f32], b: &[f32], r: &[f32]) -> Result<(), Error> {
        self.stream.check(r.len(), x.len())?;
        let shape = self.check(x.len(), b.len(), x.len())?;
        self.stream.evaluation(shape, Biased::new(InPlace, b), r, x)
    }

    const fn map(&self) -> Scale {
        Scale(self.stream.scale())
    }

    fn check(&self, x: usize, b: usize, y: usize) -> Result<Shape, Error> {
        let shape = self.stream.check(x, y)?;
        match (self.stream.shape(), shape) {
            (Some(Shape::Rows(_)), Shape::Rows(rows)) if rows.rows > 0 => same_length(rows.columns, b)?,
            (Some(Shape::Rows(_)), _) => {}
            _ => same_length(x.checked_div(b).unwrap_or(0) * b, x)?,
        }
        Ok(shape)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of every operation")]
    fn gradients(
        &self,
        shape: Shape,
        dy: impl Elements,
        z: impl Input,
        dx: &mut [f32],
        db: &mut [f32],
    ) -> Result<(), Error> {
        let kernel = Gradients { bits: self.stream.replay(), shape: shape.merged(), map: self.map(), dy, z, dx, db };
        dispatch(self.stream.run_level(), kernel);
        Ok(())
    }
}

/// Element `i` of `len` that follow each other over and over.
#[inline(always)]
fn wrapped(i: usize, len: usize) -> usize {
    if i < len { i } else { i.checked_rem(len).unwrap_or(0) }
}

/// `x + b`, with `b` over and over from the start of each row.
#[derive(Clone, Copy)]
struct Biased<'b, X> {
    x: X,
    b: &'b [f32],
    /// Which element of `b` comes first.
    at: usize,
}

impl<'b, X> Biased<'b, X> {
    #[inline(always)]
    const fn new(x: X, b: &'b [f32]) -> Self {
        Self { x, b, at: 0 }
    }
}

/// `len` elements, at most a vector, of a bias over and over from element `at` on.
#[inline(always)]
fn bias<F: Floats>(level: F::Level, b: &[f32], at: usize, len: usize) -> F {
    let mut at = wrapped(at, b.len());
    if let Some(b) = b.get(at..at + len) {
        return F::load_part(level, b);
    }
    let mut some = [0.0; 64];
    for some in some.iter_mut().take(len) {
        *some = b.get(at).copied().unwrap_or(0.0);
        at = if at + 1 < b.len() { at + 1 } else { 0 };
    }
    F::load_part(level, some.get(..len).unwrap_or_default())
}

impl<X: Input> Input for Biased<'_, X> {
    #[inline(always)]
    fn part(self, start: usize, len: usize) -> Self {
        Self { x: self.x.part(start, len), ..self }
    }
    #[inline(always)]
    fn cut(self, len: usize) -> (Self, Self) {
        let (x, rest) = self.x.cut(len);
        (Self { x, ..self }, Self { x: rest, at: wrapped(self.at + len, self.b.len()), ..self })
    }
    #[inline(always)]
    fn words(self) -> impl Iterator<Item = Self> {
        let mut at = self.at;
        self.x.words().map(move |x| {
            let word = Self { x, at, ..self };
            at = wrapped(at + 64, self.b.len());
            word
        })
    }
    #[inline(always)]
    fn vectors<F: Floats>(self) -> impl Iterator<Item: Read<F>> {
        let Self { x, b, mut at } = self;
        let mut whole = F::split(b.get(at..).unwrap_or_default()).0.iter();
        x.vectors::<F>().map(move |x| {
            let vector = BiasedVector { x, whole: whole.next(), b, at };
            at += F::COUNT;
            vector
        })
    }
    #[inline(always)]
    fn load_part<F: Floats>(self, level: F::Level, y: &[f32]) -> F {
        self.x.load_part::<F>(level, y).add(bias(level, self.b, self.at, y.len()))
    }
    fn at(self, i: usize, y: &f32) -> f32 {
        self.x.at(i, y) + self.b.get(wrapped(self.at + i, self.b.len())).copied().unwrap_or(0.0)
    }
    fn copy_to(self, y: &mut [f32]) {
        self.x.copy_to(y);
        let rest_of_b = self.b.get(self.at..).unwrap_or_default();
        let (first, others) = y.split_at_mut(y.len().min(rest_of_b.len()));
        let others = others.chunks_mut(self.b.len().max(1)).map(|y| (y, self.b));
        for (y, b) in core::iter::once((first, rest_of_b)).chain(others) {
            y.iter_mut().zip(b).for_each(|(y, b)| *y += b);
        }
    }
}

struct BiasedVector<'b, F: Floats, R> {
    x: R,
    /// Its bias, if the end of `b` is not before the end of the vector.
    whole: Option<&'b F::Array>,
    b: &'b [f32],
    at: usize,
}

impl<F: Floats, R: Read<F>> Read<F> for BiasedVector<'_, F, R> {
    #[inline(always)]
    fn read(self, level: F::Level, y: &F::Array) -> F {
        let b = match self.whole {
            Some(b) => F::load(level, b),
            None => bias(level, self.b, self.at, F::COUNT),
        };
        self.x.read(level, y).add(b)
    }
}

/// An input that lies in memory.
trait Elements: Input {
    /// All of it; `y` is the output.
    fn elements<'a>(&'a self, y: &'a [f32]) -> &'a [f32];
}

impl Elements for &[f32] {
    #[inline(always)]
    fn elements<'a>(&'a self, _: &'a [f32]) -> &'a [f32] {
        self
    }
}

impl Elements for InPlace {
    #[inline(always)]
    fn elements<'a>(&'a self, y: &'a [f32]) -> &'a [f32] {
        y
    }
}

/// `dx = z + drop(dy)`, and `db += drop(dy)` row by row.
struct Gradients<'a, X, Z> {
    bits: Replay,
    shape: Shape,
    map: Scale,
    dy: X,
    z: Z,
    dx: &'a mut [f32],
    db: &'a mut [f32],
}

impl<X: Elements, Z: Input> Kernel for Gradients<'_, X, Z> {
    fn scalar(self) {
        let Self { bits, shape, map, dy, z, dx, db } = self;
        let columns = db.len();
        each_element(bits, shape, |Place { start, i, .. }, kept| {
            let (Some(dx), Some(db)) = (dx.get_mut(start + i), db.get_mut(wrapped(i, columns))) else { return };
            let masked = map.scalar(dy.part(start, i + 1).at(i, dx), kept);
            *db += masked;
            *dx = if Z::PRESENT { z.part(start, i + 1).at(i, dx) + masked } else { masked };
        });
    }

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut bits, shape, map, dy, z, dx, db } = self;
        match shape {
            Shape::Rows(rows) => {
                for Row { row, first, x, z, y } in each_row(rows, dy, z, dx) {
                    let len = y.len();
                    bits.row(s, row, first, len, &mut Left { dx: Apply { map, x, z, y }, db, at: 0 });
                }
            }
            Shape::Channels(channels) => {
                let dx = Apply { map, x: dy, z, y: dx };
                spread(s, &mut bits, channels, &mut Left { dx, db, at: 0 });
            }
        }
    }
}

/// What is still to do of a row.
struct Left<'a, X, Z> {
    dx: Apply<'a, Scale, X, Z>,
    db: &'a mut [f32],
    /// Which element of `db` comes next.
    at: usize,
}

impl<S: Simd, X: Elements, Z: Input> Sink<S> for Left<'_, X, Z> {
    #[inline(always)]
    fn take(&mut self, s: S, words: &[u64], len: usize) {
        self.each(s, words.iter().copied(), len);
    }
}

impl<S: Simd, X: Elements, Z: Input> Each<S> for Left<'_, X, Z> {
    #[inline(always)]
    fn each(&mut self, s: S, mut words: impl Iterator<Item = u64>, len: usize) {
        let mut left = len;
        while let (1.., Some(bits)) = (left, words.next()) {
            let len = left.min(64);
            self.add(s, bits, len);
            self.dx.each(s, iter::once(bits), len);
            left -= len;
        }
    }
}

impl<X: Elements, Z> Left<'_, X, Z> {
    /// Adds what is kept of the next elements, up to 64, to `db`.
    #[inline(always)]
    fn add<S: Simd>(&mut self, s: S, mut bits: u64, len: usize) {
        let mut dy = self.dx.x.elements(self.dx.y).get(..len).unwrap_or_default();
        while !dy.is_empty() {
            let db = self.db.get_mut(self.at..).unwrap_or_default();
            let len = dy.len().min(db.len());
            let (Some((now, left)), Some(db)) = (dy.split_at_checked(len), db.get_mut(..len)) else { return };
            apply(s, bits, self.dx.map, now, InPlace, db);
            self.at = wrapped(self.at + len, self.db.len());
            bits = bits.checked_shr(len as u32).unwrap_or(0);
            dy = left;
        }
    }
}
