use crate::Rows;
use crate::shape::Halves;

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
/// use dropmask::{Channels, Key, MaskStream, Probability};
///
/// let stream = MaskStream::new(Key::new(3), Probability::new(0.5)?);
/// let mut first = [1.0; 2 * 3 * 4]; // (N, C, S)
/// stream.channels(Channels::first(2, 3, 4)).forward_in_place(&mut first)?;
/// let mut last = [1.0; 2 * 4 * 3]; // (N, S, C)
/// stream.channels(Channels::last(2, 4, 3)).forward_in_place(&mut last)?;
/// for (n, c, s) in [(0, 0, 0), (0, 2, 3), (1, 1, 2)] {
///     assert_eq!(first[(n * 3 + c) * 4 + s], last[(n * 4 + s) * 3 + c]);
/// }
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    pub(crate) samples: usize,
    pub(crate) channels: usize,
    pub(crate) positions: usize,
    pub(crate) layout: Layout,
    pub(crate) index_stride: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    First,
    Last,
}

impl Channels {
    /// `(N, C, S)`: element `s` of channel `c` of sample `n` is at `(n * channels + c) * positions + s`.
    pub const fn first(samples: usize, channels: usize, positions: usize) -> Self {
        Self { samples, channels, positions, layout: Layout::First, index_stride: channels as u64 }
    }

    /// `(N, S, C)`: element `s` of channel `c` of sample `n` is at `(n * positions + s) * channels + c`.
    pub const fn last(samples: usize, positions: usize, channels: usize) -> Self {
        Self { samples, channels, positions, layout: Layout::Last, index_stride: channels as u64 }
    }

    /// `(N, …)`: one bit for each sample of `len` elements, `DropPath` (Huang et al., "Deep networks with stochastic
    /// depth", ECCV 2016). The bit of sample `n` has the index `offset + n`. With
    /// [`Scaling::Naive`](crate::Scaling::Naive) it is what others call `scale_by_keep = false`; with
    /// [`forward_residual`](crate::MaskStream::forward_residual) the residual is added in the same pass.
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

    /// Half of the samples; of one sample, half of whatever lies outermost.
    pub(crate) fn halves(self) -> Option<Halves<Self>> {
        let Self { samples, channels, positions, layout, index_stride } = self;
        let in_two = |n: usize| [n / 2, n - n / 2];
        let (parts, index) = if samples > 1 {
            (in_two(samples).map(|samples| Self { samples, ..self }), index_stride.wrapping_mul(samples as u64 / 2))
        } else if layout == Layout::First && channels > 1 {
            (in_two(channels).map(|channels| Self { channels, ..self }), channels as u64 / 2)
        } else if positions > 1 {
            (in_two(positions).map(|positions| Self { positions, ..self }), 0)
        } else {
            return None;
        };
        Some(Halves { element: parts[0].len(), parts, index, row: false })
    }

    /// Sample and channel of the element at `i`.
    pub(crate) const fn of_element(self, i: usize) -> (usize, usize) {
        // neither is 0 where there is an element
        let (channels, positions) = (non_zero(self.channels), non_zero(self.positions));
        match self.layout {
            Layout::First => (i / positions / channels, i / positions % channels),
            Layout::Last => (i / channels / positions, i % channels),
        }
    }

    /// The bits as a matrix: a row a sample.
    pub(crate) const fn bits_by_sample(self) -> Rows {
        Rows::new(self.samples, self.channels).index_stride(self.index_stride).normalised()
    }

    /// The bits as a matrix: a row a sample, or one row where they follow each other.
    pub(crate) const fn bits(self) -> Rows {
        self.bits_by_sample().merged()
    }
}

/// Spares the reader of the binary a division by zero that cannot happen.
const fn non_zero(n: usize) -> usize {
    if n == 0 { 1 } else { n }
}
