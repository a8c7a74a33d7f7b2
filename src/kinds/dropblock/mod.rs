mod draw;
mod replay;

use super::dropout::Dropout;
use super::stored::StoredMask;
#[cfg(feature = "ffi")]
use crate::engine::Input;
use crate::error::{Argument, Error, Setting, same_length};
use crate::layout::{Layout, check_indices};
use crate::mask::{Mask, MaskMut};
use crate::probability::Probability;

/// Whole blocks of feature maps: `DropBlock` (Ghiasi, Lin and Le, "`DropBlock`: a regularization method for convolutional
/// networks", `NeurIPS` 2018), on a batch of `(N, C, H, W)`.
///
/// Each place where a block of side `b` fits into a map is a seed; a seed is dropped with probability
/// [`gamma`](Self::gamma), and then its whole block is. So element `(n, c, i, j)` is kept if all seeds `(n, c, k, l)`
/// with `i - b < k <= i` and `j - b < l <= j` are. A seed is named by the top left corner `(k, l)` of its block, with
/// `k < H - b + 1` and `l < W - b + 1`; the paper names it by the centre, which for an odd `b` is `(b - 1) / 2` further
/// down and right. Its bit in the stream is `offset + ((n * C + c) * (H - b + 1) + k) * (W - b + 1) + l`. With
/// [`shared_channels`](Self::shared_channels) one mask serves all channels of a sample.
///
/// What is kept is multiplied by [`KeptCount::scale`], the number of elements divided by the number of kept ones. Blocks
/// overlap, so a share of `1 - p` at least is kept in the mean, and of `1 - p + p * gamma * b * b / 2` at most.
///
/// Evaluation is the identity. Training has two forms, equal to the bit:
///
/// | the mask is | forward | backward |
/// |---|---|---|
/// | stored, [`mask_len`](Self::mask_len) bits | [`forward`](Self::forward): draws, counts and multiplies | [`backward`](Self::backward), [`backward_add`](Self::backward_add) by mask and count |
/// | drawn again | [`count`](Self::count), then [`replay`](Self::replay) | [`replay`](Self::replay), [`replay_add`](Self::replay_add) by the count |
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
/// A shard of whole maps, of whole samples if channels share, starts its stream at the [number of seeds](Self::seeds)
/// before it. Its bits are those of the whole batch, but the factor depends on all that is kept: shards
/// [`count`](Self::count), [merge](KeptCount::merge) their counts, and [`replay`](Self::replay) with the common one; or they
/// [`fill`](Self::fill) their masks and apply them with the common factor by [`StoredMask`].
///
/// # Errors
/// All operations: [`Error::Unsupported`] for a layout or a scaling; [`Error::LengthMismatch`] unless slices have `N * C * H *
/// W` elements and a mask [`mask_len`](Self::mask_len), and, where seeds are drawn, [`Error::IndexOverflow`] if the index of
/// the last one would pass 2^64. After an error nothing has been written.
#[derive(Clone, Copy, Debug)]
pub struct DropBlock {
    dropout: Dropout,
    shape: [usize; 4],
    block: usize,
    gamma: Probability,
    /// Whether the channels of a sample share a mask.
    shared: bool,
}

/// How many elements a mask keeps, of how many; where channels share it, those of one channel.
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
        Ok(Self { dropout, shape, block, gamma: dropout.probability(), shared: false }.with_gamma(1.0))
    }

    /// One mask for all channels of a sample, as in timm; `false` gives each map its own again. The bit of seed `(n, k, l)` in
    /// the stream is `offset + (n * (H - b + 1) + k) * (W - b + 1) + l`. The mask has `N * H * W` bits, those of one channel.
    #[must_use]
    pub const fn shared_channels(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// Drops seeds `factor` times as often, timm's `gamma_scale`: [`gamma`](Self::gamma) is `min(1, factor * p * (H * W) / (b *
    /// b * ((H - b + 1) * (W - b + 1))))`, the quotient first, then one product more in `f64`. Replaces the factor of a call
    /// before.
    ///
    /// ```
    /// use dropmask::{DropBlock, Dropout, Error, Key, Probability};
    ///
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.25)?);
    /// let drop_block = DropBlock::new(dropout, [2, 3, 7, 7], 7)?; // one block that is the map
    /// assert_eq!(drop_block.gamma().threshold(), 3 << 30);
    /// assert_eq!(drop_block.gamma_scale(2.0)?.gamma().threshold(), 2 << 30);
    /// assert_eq!(drop_block.gamma_scale(-1.0).unwrap_err(), Error::InvalidFactor { factor: -1.0 });
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidFactor`] for NaN, infinity and what is below 0.
    pub const fn gamma_scale(self, factor: f64) -> Result<Self, Error> {
        if factor >= 0.0 && factor < f64::INFINITY {
            Ok(self.with_gamma(factor))
        } else {
            Err(Error::InvalidFactor { factor })
        }
    }

    const fn with_gamma(self, factor: f64) -> Self {
        let Self { dropout, shape: [.., height, width], block, .. } = self;
        // p = 1 - T / 2^32 is exact; so are the products of sizes, up to 2^53
        let p = 1.0 - dropout.probability().exact_keep();
        let area = height as f64 * width as f64;
        let covered = (block * block) as f64 * ((height - block + 1) * (width - block + 1)) as f64;
        // blocks cover a map at least once: with a factor of 1, gamma is above p by rounding alone
        let gamma = factor * (p * area / covered);
        Self { gamma: Probability::rounded(gamma.min(1.0)), ..self }
    }

    /// The drop probability of a seed, `p * (H * W) / (b * b * ((H - b + 1) * (W - b + 1)))`, where `p = 1 - T / 2^32`
    /// of its threshold `T`: so the blocks have a share of `p` of the map in the mean, counted as often as they
    /// cover an element. It is computed in `f64`, one product and one quotient of whole numbers that are exact up to
    /// 2^53, times the factor of [`gamma_scale`](Self::gamma_scale), cut off at 1, and rounded to a threshold like any
    /// other, `floor((1 - gamma) * 2^32 + 0.5)`.
    pub const fn gamma(&self) -> Probability {
        self.gamma
    }

    /// The number of seeds, `N * C * (H - b + 1) * (W - b + 1)`, without `C` where channels share a mask: how many bits of
    /// the mask stream are used.
    pub const fn seeds(&self) -> u64 {
        let [.., height, width] = self.shape;
        (self.maps() * (height - self.block + 1) * (width - self.block + 1)) as u64
    }

    /// The number of bits of the mask: `N * C * H * W`, without `C` where channels share it; 0 where there are none.
    pub const fn mask_len(&self) -> usize {
        self.maps() * self.area()
    }

    /// Draws the mask: bit `j` tells whether element `j` of the batch is kept; where channels share it, place `j` of all
    /// samples.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn fill(&self, mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check_mask(mask.len())?;
        self.check_seeds()?;
        self.draw(0, mask);
        Ok(KeptCount { kept: mask.as_mask().count_kept() as u64, total: mask.len() as u64 })
    }

    /// [`fill`](Self::fill), then `y[i] = kept ? x[i] * scale : +0.0` with [`KeptCount::scale`].
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn forward(&self, x: &[f32], y: &mut [f32], mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check_len(Argument::Input, x.len())?;
        self.check_len(Argument::Output, y.len())?;
        let count = self.fill(mask)?;
        self.stored(mask.as_mask(), count).apply(x, y)?;
        Ok(count)
    }

    /// [`forward`](Self::forward) over its input.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn forward_in_place(&self, x: &mut [f32], mask: &mut MaskMut<'_>) -> Result<KeptCount, Error> {
        self.check_len(Argument::Output, x.len())?;
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
        self.check_mask(mask.len())?;
        self.stored(mask, count).apply(dy, dx)
    }

    /// [`backward`](Self::backward) over its input.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn backward_in_place(&self, dy: &mut [f32], mask: Mask<'_>, count: KeptCount) -> Result<(), Error> {
        self.check_mask(mask.len())?;
        self.stored(mask, count).apply_in_place(dy)
    }

    /// `dx[i] += kept ? dy[i] * scale : +0.0`: accumulates the gradient. Adding `+0.0` turns a `-0.0` in `dx` into `+0.0`.
    ///
    /// # Errors
    /// See [`DropBlock`].
    pub fn backward_add(&self, dy: &[f32], dx: &mut [f32], mask: Mask<'_>, count: KeptCount) -> Result<(), Error> {
        self.check_mask(mask.len())?;
        self.stored(mask, count).apply_add(dy, dx)
    }

    /// Of operands and a mask that have been checked, for C.
    #[cfg(feature = "ffi")]
    pub(crate) fn apply(&self, inputs: &[Input<'_>], y: &mut [f32], mask: Mask<'_>, count: KeptCount) {
        self.stored(mask, count).pass_of(inputs, y.into());
    }

    fn stored<'a>(&self, mask: Mask<'a>, count: KeptCount) -> StoredMask<'a> {
        let stored = self.dropout.stored_by(mask, count.scale());
        let [samples, channels, ..] = self.shape;
        if self.shared {
            stored.with_layout(Layout::broadcast([samples, channels, self.area()], [false, true, false]))
        } else {
            stored
        }
    }

    /// Elements of a map.
    const fn area(&self) -> usize {
        let [.., height, width] = self.shape;
        height * width
    }

    /// Maps of the mask: where there are no channels to share it, nothing bounds the samples.
    const fn maps(&self) -> usize {
        let [samples, channels, ..] = self.shape;
        if self.shared && channels > 0 { samples } else { samples * channels }
    }

    fn check_len(&self, argument: Argument, len: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Scaling])?;
        same_length(argument, self.shape.into_iter().product(), len)
    }

    fn check_mask(&self, len: usize) -> Result<(), Error> {
        self.dropout.supports_no(&[Setting::Layout, Setting::Scaling])?;
        same_length(Argument::Mask, self.mask_len(), len)
    }

    fn check_seeds(&self) -> Result<(), Error> {
        check_indices(self.dropout.offset(), u128::from(self.seeds()))
    }
}
