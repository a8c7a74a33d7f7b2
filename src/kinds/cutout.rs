use core::ops::Range;

use super::stored::StoredMask;
use crate::engine::Input;
use crate::error::{Argument, Error, same_length};
use crate::key::Key;
use crate::layout::check_indices;
use crate::mask::{Mask, clear_range};

/// Words of a part of a map: bits of 4,096 places.
const WORDS: usize = 64;

/// Holes in images: Cutout (`DeVries` and Taylor, "Improved regularization of convolutional neural networks with
/// Cutout", 2017), on a batch of `(N, C, H, W)`.
///
/// `y[n, c, i, j] = +0.0` where `(i, j)` lies in a box of sample `n`, else `x[n, c, i, j]` exactly: a selection, so that
/// NaN and infinity vanish in a box, and no rescaling. A box covers all channels. Box `k` of sample `n` has its centre
/// `(cy, cx)` at `key.derive(n).below(2 * k, H)`, `key.derive(n).below(2 * k + 1, W)` and covers the rows
/// `cy - h / 2 .. cy - h / 2 + h`, of an `h` that is halved downwards, and the columns likewise; what lies beyond the
/// border is cut off, so a box may be smaller than asked for, and boxes may overlap.
///
/// It belongs to the training of the network; evaluation leaves images as they are.
///
/// ```
/// use dropmask::{Cutout, Key};
///
/// let cutout = Cutout::new(Key::new(42), [2, 3, 32, 32], [16, 16]); // two images, three colours
/// let x = [1.0; 2 * 3 * 32 * 32];
/// let mut y = [0.0; 2 * 3 * 32 * 32];
/// cutout.forward(&x, &mut y)?;
///
/// let mut second = [1.0; 3 * 32 * 32]; // the second image alone
/// Cutout::new(Key::new(42), [1, 3, 32, 32], [16, 16]).first_sample(1).forward_in_place(&mut second)?;
/// assert_eq!(y[3 * 32 * 32..], second);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Errors
/// All operations: [`Error::LengthMismatch`] unless the slices have `N * C * H * W` elements, and
/// [`Error::IndexOverflow`] if the number of the last sample would pass 2^64. After an error nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutout {
    key: Key,
    shape: [usize; 4],
    size: [usize; 2],
    count: u32,
    first_sample: u64,
}

impl Cutout {
    /// One box of `[height, width]` in each sample of a batch of shape `[N, C, H, W]`. A training step has a key of its
    /// own.
    pub const fn new(key: Key, shape: [usize; 4], size: [usize; 2]) -> Self {
        Self { key, shape, size, count: 1, first_sample: 0 }
    }

    /// Boxes in each sample.
    #[must_use]
    pub const fn count(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// Number of the first sample of the slices, in the whole batch: for a shard of it.
    #[must_use]
    pub const fn first_sample(self, first_sample: u64) -> Self {
        Self { first_sample, ..self }
    }

    /// The rows and the columns of each box of a sample, by its number in the whole batch: for what goes with an image
    /// and is not of `f32`.
    pub fn boxes(&self, sample: u64) -> impl Iterator<Item = [Range<usize>; 2]> + use<> {
        let Self { shape: [_, _, height, width], size, .. } = *self;
        let key = self.key.derive(sample);
        let range = move |i: u64, n: usize, size: usize| {
            let centre = key.below(i, n as u64) as usize;
            let end = centre.saturating_add(size - size / 2).min(n);
            centre.saturating_sub(size / 2)..end
        };
        (0..u64::from(self.count)).map(move |k| [range(2 * k, height, size[0]), range(2 * k + 1, width, size[1])])
    }

    /// `y = x` outside the boxes, `+0.0` inside.
    ///
    /// # Errors
    /// See [`Cutout`].
    pub fn forward(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check(Argument::Input, x.len())?;
        self.check(Argument::Output, y.len())?;
        self.cut(Some(x), y);
        Ok(())
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`Cutout`].
    pub fn forward_in_place(&self, x: &mut [f32]) -> Result<(), Error> {
        self.check(Argument::Output, x.len())?;
        self.cut(None, x);
        Ok(())
    }

    /// `dx = dy` outside the boxes, `+0.0` inside.
    ///
    /// # Errors
    /// See [`Cutout`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.forward(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`Cutout`].
    pub fn backward_in_place(&self, dy: &mut [f32]) -> Result<(), Error> {
        self.forward_in_place(dy)
    }

    /// `dx += dy` outside the boxes, `dx += +0.0` inside, whatever `dy` is: accumulates the gradient. Adding `+0.0` turns a
    /// `-0.0` in `dx` into `+0.0`.
    ///
    /// # Errors
    /// See [`Cutout`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32]) -> Result<(), Error> {
        self.check(Argument::Input, dy.len())?;
        self.check(Argument::Output, dx.len())?;
        self.add(dy, dx);
        Ok(())
    }

    fn check(&self, argument: Argument, len: usize) -> Result<(), Error> {
        same_length(argument, self.len(), len)?;
        self.check_indices()
    }

    /// Number of elements, `usize::MAX` if it is beyond.
    pub(crate) fn len(&self) -> usize {
        self.shape.into_iter().fold(1, usize::saturating_mul)
    }

    /// # Errors
    /// [`Error::IndexOverflow`] if there is a sample whose number passes 2^64.
    pub(crate) fn check_indices(&self) -> Result<(), Error> {
        let samples = if self.len() == 0 { 0 } else { self.shape[0] };
        check_indices(self.first_sample, samples as u128)
    }

    /// Sample by sample, so that what is zeroed is still in the cache.
    fn cut(&self, x: Option<&[f32]>, y: &mut [f32]) {
        let [_, channels, height, width] = self.shape;
        // no length is 0 where there is an element, which the compiler cannot know
        let plane = height.saturating_mul(width).max(1);
        let sample = plane.saturating_mul(channels).max(1);
        for (n, y) in y.chunks_mut(sample).enumerate() {
            if let Some(x) = x.and_then(|x| x.get(n.wrapping_mul(sample)..)) {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
            }
            for [rows, columns] in self.boxes(self.first_sample.wrapping_add(n as u64)) {
                for plane in y.chunks_mut(plane) {
                    for row in plane.chunks_mut(width.max(1)).take(rows.end).skip(rows.start) {
                        row.get_mut(columns.clone()).unwrap_or_default().fill(0.0);
                    }
                }
            }
        }
    }

    /// Sample by sample, and of each some places at a time, whose bits serve all channels.
    fn add(&self, dy: &[f32], dx: &mut [f32]) {
        let [_, channels, height, width] = self.shape;
        let plane = height.saturating_mul(width).max(1);
        let sample = plane.saturating_mul(channels).max(1);
        let mut words = [0; WORDS];
        for (n, (dx, dy)) in dx.chunks_mut(sample).zip(dy.chunks(sample)).enumerate() {
            for first in (0..plane).step_by(64 * WORDS) {
                let part = first..plane.min(first.saturating_add(64 * WORDS));
                self.outside(n, &part, &mut words);
                let Ok(mask) = Mask::new(&words, part.len()) else { return };
                for (dx, dy) in dx.chunks_mut(plane).zip(dy.chunks(plane)) {
                    let (Some(dx), Some(dy)) = (dx.get_mut(part.clone()), dy.get(part.clone())) else { return };
                    StoredMask::new(mask, 1.0).pass_of(&[Input::of(dy), Input::InPlace], dx.into());
                }
            }
        }
    }

    /// Which places of a part of a map lie outside the boxes of sample `n` of the slices.
    fn outside(&self, n: usize, part: &Range<usize>, words: &mut [u64]) {
        let width = self.shape[3].max(1);
        words.fill(!0);
        let within = |place: usize| place.max(part.start).min(part.end) - part.start;
        for [rows, columns] in self.boxes(self.first_sample.wrapping_add(n as u64)) {
            let rows = rows.start.max(part.start / width)..rows.end.min(part.end.div_ceil(width));
            // places of the map all: none is past `usize::MAX`
            for start in rows.map(|row| row * width) {
                clear_range(words, within(start + columns.start)..within(start + columns.end));
            }
        }
    }
}
