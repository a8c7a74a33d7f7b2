//! Passes that draw the mask again, in pieces that are applied at once: nothing is stored.

use core::ops::Range;

use super::{DropBlock, KeptCount};
use crate::engine::{Input, Operands, Pass, Source};
use crate::error::{Argument, Error, Setting};
use crate::layout::Layout;
use crate::mask::{Mask, MaskMut};

/// Words of a piece of the mask, 2 KB: four maps of 64 by 64. Fuzzing has small maps, and pieces of all kinds even so.
const WORDS: usize = if cfg!(fuzzing) { 2 } else { 256 };
const PIECE: usize = 64 * WORDS;

/// Without a mask in memory: each call draws it, in pieces of 2 KB on the stack. That is one pass over the bits more than
/// with a stored mask, and [`count`](Self::count) another, before a forward pass.
///
/// ```
/// use dropmask::{DropBlock, Dropout, Key, Probability};
///
/// const LEN: usize = 2 * 3 * 14 * 14;
/// let dropout = Dropout::new(Key::new(42), Probability::new(0.1)?);
/// let drop_block = DropBlock::new(dropout, [2, 3, 14, 14], 5)?.shared_channels(true);
///
/// let (mut y, mut dx) = ([0.0; LEN], [0.0; LEN]);
/// let count = drop_block.count()?;
/// drop_block.replay(&[1.0; LEN], &mut y, count)?;
/// drop_block.replay(&[1.0; LEN], &mut dx, count)?; // backward
/// assert_eq!(y.iter().filter(|y| **y == count.scale()).count() as u64, 3 * count.kept());
/// assert_eq!(dx, y);
/// # Ok::<(), dropmask::Error>(())
/// ```
impl DropBlock {
    /// Counts what the mask keeps, on the caller's thread: what [`fill`](Self::fill) returns.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn count(&self) -> Result<KeptCount, Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Scaling])?;
        self.check_seeds()?;
        let mut kept = 0;
        self.each_piece(0..self.maps(), |_, mask| kept += mask.count_kept() as u64);
        Ok(KeptCount { kept, total: self.mask_len() as u64 })
    }

    /// `y[i] = kept ? x[i] * scale : +0.0` with [`KeptCount::scale`] of the [`count`](Self::count): forward from `x` to `y`, or
    /// backward from `dy` to `dx`. The bits are those of [`fill`](Self::fill).
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn replay(&self, x: &[f32], y: &mut [f32], count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Input, x.len())?;
        self.check_len(Argument::Output, y.len())?;
        self.draw_and_apply(&[Input::of(x)], y, count)
    }

    /// [`replay`](Self::replay) over its input.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn replay_in_place(&self, x: &mut [f32], count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Output, x.len())?;
        self.draw_and_apply(&[Input::InPlace], x, count)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient. Adding `+0.0` turns a `-0.0` in `dx` into `+0.0`.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn replay_add(&self, dy: &[f32], dx: &mut [f32], count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Input, dy.len())?;
        self.check_len(Argument::Output, dx.len())?;
        self.draw_and_apply(&[Input::of(dy), Input::InPlace], dx, count)
    }

    #[inline(never)] // each of several functions calls it
    pub(crate) fn draw_and_apply(&self, inputs: &[Input<'_>], y: &mut [f32], kept: KeptCount) -> Result<(), Error> {
        self.check_seeds()?;
        let (level, threads, scale) = (self.dropout.run_level(), self.dropout.threads(), kept.scale());
        // maps that have the bits of one of the mask
        let (area, channels) = (self.area().max(1), if self.shared { self.shape[1] } else { 1 });
        let (operands, count) = (Operands::new(inputs, y.into()), inputs.len());
        threads.rows(0..self.maps(), channels * area, &|maps| {
            self.each_piece(maps, |first, mask| {
                let (maps, len) = if mask.len() < area { (1, mask.len()) } else { (mask.len() / area, area) };
                let layout = Layout::broadcast([maps, channels, len], [false, true, false]);
                let layout = layout.strides([channels * area, area, 1]);
                let first = first / area * channels * area + first % area;
                let source = Source::stored(mask, scale);
                let (indices, memory) = (layout.indices(), layout.memory(false, false));
                Pass { level, threads, source, indices, memory, operands: operands.from(first) }.product(count, scale);
            });
        });
        Ok(())
    }

    /// Calls `each` with the masks of pieces of some maps, and the number of the first element of each: of whole maps; of
    /// whole rows of a map that is larger; or of a part of a row.
    fn each_piece(&self, maps: Range<usize>, mut each: impl FnMut(usize, Mask<'_>)) {
        let (area, width) = (self.area(), self.shape[3]);
        // none has elements on both sides of a multiple of the first number, none more than the second
        let (unit, most) = match (area, width) {
            (1..=PIECE, _) => (PIECE / area * area, PIECE),
            (_, 1..=PIECE) => (area, PIECE / width * width),
            _ => (width, PIECE),
        };
        let mut words = [0; WORDS];
        let (mut first, end) = (maps.start * area, maps.end * area);
        while first < end {
            let len = most.min(unit - first % unit.max(1)).min(end - first);
            let Ok(mut mask) = MaskMut::new(&mut words, len) else { return };
            self.draw(first, &mut mask);
            each(first, mask.as_mask());
            first += len;
        }
    }
}
