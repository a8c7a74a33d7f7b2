use super::{Axis, Layout, Rows};

/// One bit for a whole channel: spatial dropout (Tompson et al., "Efficient object localization using convolutional
/// networks", CVPR 2015), and [one bit for a whole sample](Self::samples).
///
/// The bit of channel `c` of sample `n` has the index `offset + n * channels + c`, in either layout: the same key drops
/// the same channels channels-first and channels-last. 1-D, 2-D and 3-D differ in the number of positions alone: `L`,
/// `H * W`, `D * H * W`.
///
/// A stored mask has bit `n * channels + c` for channel `c` of sample `n`; with an [`index_stride`](Self::index_stride)
/// other than the number of channels, the bits of each sample start on a word, as with [`Rows`]. It has exactly those
/// bits. [`StoredMask`](crate::StoredMask) reads the one with the same shape, the other with an index stride of
/// `64 * mask_words(channels)`.
///
/// ```
/// use dropmask::{Channels, Dropout, Key, Probability};
///
/// let dropout = Dropout::new(Key::new(3), Probability::new(0.5)?);
/// let mut first = [1.0; 2 * 3 * 4]; // (N, C, S)
/// dropout.channels(Channels::first(2, 3, 4)).forward_in_place(&mut first)?;
/// let mut last = [1.0; 2 * 4 * 3]; // (N, S, C)
/// dropout.channels(Channels::last(2, 4, 3)).forward_in_place(&mut last)?;
/// for (n, c, s) in [(0, 0, 0), (0, 2, 3), (1, 1, 2)] {
///     assert_eq!(first[(n * 3 + c) * 4 + s], last[(n * 4 + s) * 3 + c]);
/// }
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channels {
    pub(crate) samples: usize,
    pub(crate) channels: usize,
    pub(crate) positions: usize,
    pub(crate) order: Order,
    pub(crate) index_stride: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    First,
    Last,
}

impl Channels {
    /// `(N, C, S)`: element `s` of channel `c` of sample `n` is at `(n * channels + c) * positions + s`.
    pub const fn first(samples: usize, channels: usize, positions: usize) -> Self {
        Self { samples, channels, positions, order: Order::First, index_stride: channels as u64 }
    }

    /// `(N, S, C)`: element `s` of channel `c` of sample `n` is at `(n * positions + s) * channels + c`.
    pub const fn last(samples: usize, positions: usize, channels: usize) -> Self {
        Self { samples, channels, positions, order: Order::Last, index_stride: channels as u64 }
    }

    /// `(N, …)`: one bit for each sample of `len` elements, `DropPath` (Huang et al., "Deep networks with stochastic
    /// depth", ECCV 2016). The bit of sample `n` has the index `offset + n`. With
    /// [`Scaling::Naive`](crate::Scaling::Naive) it is what others call `scale_by_keep = false`; with
    /// [`forward_residual`](crate::Dropout::forward_residual) the residual is added in the same pass.
    pub const fn samples(samples: usize, len: usize) -> Self {
        Self::first(samples, 1, len)
    }

    /// Distance in bit indices from one sample to the next, for a shard of the channels: the number of channels of the
    /// whole tensor. In a stored mask that is read it is the number of channels, or a multiple of 64.
    #[must_use]
    pub const fn index_stride(self, index_stride: u64) -> Self {
        Self { index_stride, ..self }
    }

    /// Number of elements, `usize::MAX` if there are more.
    pub(crate) const fn len(self) -> usize {
        self.samples.saturating_mul(self.channels).saturating_mul(self.positions)
    }

    /// Which element has which bit.
    pub(crate) const fn layout(self) -> Layout {
        let Self { samples, channels, positions, index_stride, .. } = self;
        let by_sample = Axis { len: samples, index_stride };
        match self.order {
            Order::First => Layout { outer: [Axis::ONE, by_sample], columns: channels, repeat: positions },
            Order::Last => {
                Layout { outer: [by_sample, Axis { len: positions, index_stride: 0 }], columns: channels, repeat: 1 }
            }
        }
        .merged()
    }

    /// The bits as a matrix: a row a sample, or one row where they follow each other.
    pub(crate) const fn bits(self) -> Rows {
        Rows::new(self.samples, self.channels).index_stride(self.index_stride).normalised().merged()
    }
}
