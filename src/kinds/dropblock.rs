use super::dropout::Dropout;
use super::stored::StoredMask;
use crate::engine::{Source, each_words};
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, check_indices};
use crate::mask::{Mask, MaskMut, low_bits};
use crate::probability::Probability;
use crate::simd::Level;
use crate::stream::Stream;

/// Whole blocks of feature maps: `DropBlock` (Ghiasi, Lin and Le, "`DropBlock`: a regularization method for convolutional
/// networks", `NeurIPS` 2018), on a batch of `(N, C, H, W)`.
///
/// Each place where a block of side `b` fits into a map is a seed; a seed is dropped with probability
/// [`gamma`](Self::gamma), and then its whole block is. So element `(n, c, i, j)` is kept if all seeds `(n, c, k, l)`
/// with `i - b < k <= i` and `j - b < l <= j` are. A seed is named by the top left corner `(k, l)` of its block, with
/// `k < H - b + 1` and `l < W - b + 1`; the paper names it by the centre, which for an odd `b` is `(b - 1) / 2` further
/// down and right. Its bit in the stream is `offset + ((n * C + c) * (H - b + 1) + k) * (W - b + 1) + l`.
///
/// What is kept is multiplied by [`KeptCount::scale`], the number of elements divided by the number of kept ones. Blocks
/// overlap, so a share of `1 - p` at least is kept in the mean, and of `1 - p + p * gamma * b * b / 2` at most.
///
/// The mask is stored, one bit an element, for the backward pass. The count of what is kept makes up for it.
/// Evaluation is the identity.
///
/// ```
/// use dropmask::{DropBlock, Dropout, Key, MaskMut, Probability, mask_words};
///
/// const LEN: usize = 2 * 3 * 14 * 14;
/// let dropout = Dropout::new(Key::new(42), Probability::new(0.1)?);
/// let drop_block = DropBlock::new(dropout, [2, 3, 14, 14], 5)?;
///
/// let mut words = [0; mask_words(LEN)];
/// let mut mask = MaskMut::new(&mut words, LEN)?;
/// let mut y = [0.0; LEN];
/// let count = drop_block.forward(&[1.0; LEN], &mut y, &mut mask)?;
/// assert_eq!(count.kept(), y.iter().filter(|y| **y == count.scale()).count() as u64);
///
/// let mut dx = [0.0; LEN];
/// drop_block.backward(&[1.0; LEN], &mut dx, mask.as_mask(), count)?;
/// assert_eq!(dx, y);
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// # Shards
/// A shard of whole maps starts its stream at the [number of seeds](Self::seeds) before it. Its bits are those of the
/// whole batch, but the factor depends on all that is kept: shards [`fill`](Self::fill) their masks,
/// [merge](KeptCount::merge) their counts, and apply their masks with the common factor by [`StoredMask`].
///
/// # Errors
/// All operations: [`Error::Unsupported`] for a layout or a scaling; [`Error::LengthMismatch`] unless slices and mask have `N * C * H * W` elements, and, where seeds are drawn,
/// [`Error::IndexOverflow`] if the index of the last one would pass 2^64. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct DropBlock {
    dropout: Dropout,
    shape: [usize; 4],
    block: usize,
    gamma: Probability,
}

/// How many elements a mask keeps, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeptCount {
    kept: u64,
    total: u64,
}

impl KeptCount {
    /// `kept` of `total` elements: restores a count that was saved.
    pub const fn new(kept: u64, total: u64) -> Self {
        Self { kept, total }
    }

    /// Kept elements.
    pub const fn kept(self) -> u64 {
        self.kept
    }

    /// All elements.
    pub const fn total(self) -> u64 {
        self.total
    }

    /// The factor that makes up for what is dropped, `(total / kept) as f32`; 0 if nothing is kept.
    pub const fn scale(self) -> f32 {
        if self.kept == 0 { 0.0 } else { (self.total as f64 / self.kept as f64) as f32 }
    }

    /// The count of two shards together.
    #[must_use]
    pub const fn merge(self, other: Self) -> Self {
        Self { kept: self.kept.saturating_add(other.kept), total: self.total.saturating_add(other.total) }
    }
}

impl DropBlock {
    /// Blocks of `block` by `block` in maps of shape `[N, C, H, W]`, so that about the drop probability of the dropout is
    /// dropped.
    ///
    /// # Errors
    /// [`Error::InvalidShape`] if `N * C`, `H * W` or the product of both is more than `usize::MAX`,
    /// [`Error::InvalidBlock`] if `block` is 0 or greater than `H` or `W`.
    pub const fn new(dropout: Dropout, shape: [usize; 4], block: usize) -> Result<Self, Error> {
        let [samples, channels, height, width] = shape;
        let fits = match (samples.checked_mul(channels), height.checked_mul(width)) {
            (Some(maps), Some(area)) => maps.checked_mul(area).is_some(),
            _ => false,
        };
        if !fits {
            let (rows, columns) = (samples.saturating_mul(channels), height.saturating_mul(width));
            return Err(Error::InvalidShape { rows, columns });
        }
        if block == 0 || block > height || block > width {
            return Err(Error::InvalidBlock { block, height, width });
        }
        // p = 1 - T / 2^32 is exact; so are the products of sizes, up to 2^53
        let p = 1.0 - dropout.probability().exact_keep();
        let area = height as f64 * width as f64;
        let covered = (block * block) as f64 * ((height - block + 1) * (width - block + 1)) as f64;
        // blocks cover a map at least once, so gamma is above p by rounding alone
        let gamma = p * area / covered;
        Ok(Self { dropout, shape, block, gamma: Probability::rounded(gamma.min(1.0)) })
    }

    /// The drop probability of a seed, `p * (H * W) / (b * b * ((H - b + 1) * (W - b + 1)))`, where `p = 1 - T / 2^32`
    /// of its threshold `T`: so the blocks have a share of `p` of the map in the mean, counted as often as they
    /// cover an element. It is computed in `f64`, one product and one quotient of whole numbers that are exact up to
    /// 2^53, cut off at 1, and rounded to a threshold like any other, `floor((1 - gamma) * 2^32 + 0.5)`.
    pub const fn gamma(&self) -> Probability {
        self.gamma
    }

    /// The number of seeds, `N * C * (H - b + 1) * (W - b + 1)`: how many bits of the mask stream are used.
    pub const fn seeds(&self) -> u64 {
        let [samples, channels, height, width] = self.shape;
        (samples * channels * (height - self.block + 1) * (width - self.block + 1)) as u64
    }

    /// Draws the mask: bit `j` tells whether element `j` of the batch is kept.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn fill(&self, mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check(Argument::Mask, mask.len())?;
        let seeds = Source::drawn(Stream { p: self.gamma, ..self.dropout.stream() }, self.dropout.offset());
        if self.dropout.run_level() == Level::SCALAR {
            self.draw_scalar(seeds, mask.words_mut());
        } else {
            self.draw(seeds, mask.words_mut());
        }
        mask.clear_tail();
        Ok(KeptCount { kept: mask.as_mask().count_kept() as u64, total: mask.len() as u64 })
    }

    /// [`fill`](Self::fill), then `y[i] = kept ? x[i] * scale : +0.0` with [`KeptCount::scale`].
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn forward(&self, x: &[f32], y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check(Argument::Input, x.len())?;
        self.check(Argument::Output, y.len())?;
        let count = self.fill(mask)?;
        self.stored(mask.as_mask(), count).apply(x, y)?;
        Ok(count)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn forward_in_place(&self, x: &mut [f32], mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check(Argument::Output, x.len())?;
        let count = self.fill(mask)?;
        self.stored(mask.as_mask(), count).apply_in_place(x)?;
        Ok(count)
    }

    /// `dx[i] = kept ? dy[i] * scale : +0.0`, with mask and count of the forward pass; `+0.0` throughout with a count of 0,
    /// whatever the mask says.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], mask: Mask<'_>, count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Mask, mask.len())?;
        self.stored(mask, count).apply(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn backward_in_place(&self, dy: &mut [f32], mask: Mask<'_>, count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Mask, mask.len())?;
        self.stored(mask, count).apply_in_place(dy)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient. Adding `+0.0` turns a `-0.0` in `dx` into `+0.0`.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32], mask: Mask<'_>, count: KeptCount) -> Result<(), Error> {
        self.check_len(Argument::Mask, mask.len())?;
        self.stored(mask, count).apply_add(dy, dx)
    }

    fn stored<'a>(&self, mask: Mask<'a>, count: KeptCount) -> StoredMask<'a> {
        self.dropout.stored_by(mask, count.scale())
    }

    fn check_len(&self, argument: Argument, len: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Scaling])?;
        same_length(argument, self.shape.into_iter().product(), len)
    }

    /// The check of a pass that draws seeds.
    fn check(&self, argument: Argument, len: usize) -> Result<(), Error> {
        self.check_len(argument, len)?;
        check_indices(self.dropout.offset(), u128::from(self.seeds()))
    }
}

/// The mask, but for the tail of its last word.
impl DropBlock {
    /// The specification: looks at all seeds that cover an element.
    fn draw_scalar(&self, seeds: Source<'_>, words: &mut [u64]) {
        let Self { shape: [samples, channels, height, width], block, .. } = *self;
        let (rows, columns) = (height - block + 1, width - block + 1);
        // the seeds, of so many, that cover element i
        let window = |i: usize, seeds: usize| (i + 1).saturating_sub(block)..(i + 1).min(seeds);
        let mut seed = seeds.bits();
        let mut kept = |map: usize, i: usize, j: usize| {
            window(i, rows).all(|k| window(j, columns).all(|l| seed(((map * rows + k) * columns + l) as u64)))
        };

        words.fill(0);
        for map in 0..samples * channels {
            for i in 0..height {
                for j in 0..width {
                    let element = (map * height + i) * width + j;
                    if let Some(word) = words.get_mut(element / 64) {
                        *word |= u64::from(kept(map, i, j)) << (element % 64);
                    }
                }
            }
        }
    }

    /// Clears the blocks of the dropped seeds, all those of a row in a word of seeds at a time.
    fn draw(&self, seeds: Source<'_>, words: &mut [u64]) {
        words.fill(if self.gamma.threshold() == 0 { 0 } else { !0 });
        if self.gamma.certain().is_some() {
            return;
        }
        let mut first = 0;
        let len = self.seeds() as usize;
        each_words(self.dropout.run_level(), seeds, Layout::flat(len).indices(), 0..len, |seeds, len| {
            self.clear(first, seeds, len, words);
            first += len;
        });
    }

    /// Clears the blocks of `len` seeds, `first` the first of them.
    fn clear(&self, mut first: usize, seeds: &[u64], len: usize, words: &mut [u64]) {
        let Self { shape: [_, _, height, width], block, .. } = *self;
        // at least 1, which the compiler cannot know
        let (rows, columns) = ((height - block + 1).max(1), (width - block + 1).max(1));
        let mut left = len;
        for word in seeds {
            let mut dropped = !word & low_bits(left);
            while dropped != 0 {
                let bit = dropped.trailing_zeros();
                let seed = first + bit as usize;
                let (map, k, l) = (seed / columns / rows, seed / columns % rows, seed % columns);
                // the seeds of this row, `l` the first
                let row = (dropped >> bit) & low_bits(columns - l);
                dropped ^= row << bit;
                for column in (0..block).step_by(64) {
                    let bits = dilate(row, block.min(column + 64) - column);
                    for i in k..k + block {
                        clear(words, (map * height + i) * width + l + column, bits);
                    }
                }
            }
            first += 64;
            left = left.saturating_sub(64);
        }
    }
}

/// Each bit with the `count - 1` above it, `count` in `1..=64`.
#[inline(always)]
fn dilate(bits: u64, count: usize) -> u128 {
    let (mut bits, mut done) = (u128::from(bits), 1);
    while done < count {
        let more = done.min(count - done);
        bits |= bits << more;
        done += more;
    }
    bits
}

/// Clears those of the bits from bit `first` on that are set in `bits`.
#[inline(always)]
fn clear(words: &mut [u64], first: usize, bits: u128) {
    let shifted = |half: u64| u128::from(half) << (first % 64);
    let (low, high) = (shifted(bits as u64), shifted((bits >> 64) as u64));
    let masks = [low as u64, (low >> 64) as u64 | high as u64, (high >> 64) as u64];
    let touched = if masks[2] == 0 { 2 } else { 3 };
    let words = words.get_mut(first / 64..).unwrap_or_default();
    words.iter_mut().zip(masks).take(touched).for_each(|(word, mask)| *word &= !mask);
}
