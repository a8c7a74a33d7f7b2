//! Which element has which bit, and where it lies.

mod check;
mod indices;
mod memory;
mod walk;

pub(crate) use check::same_bits;
pub(crate) use indices::{Indices, check_indices};
use memory::SLICES;
pub(crate) use memory::{Distances, Line, Lines, Memory, Operand, Runs};
pub(crate) use walk::Walk;

/// Axes of a layout, at most.
pub(crate) const AXES: usize = 4;

/// Which elements share a bit, and where they lie: up to four axes, outermost first.
///
/// An element at `[i, j, …]` has the bit of index `offset + i * index_strides[0] + j * index_strides[1] + …`: an index stride
/// of 0 shares one bit along its axis. In a slice it is at `i * strides[0] + j * strides[1] + …`, each operand with strides of its
/// own. All are row-major and dense unless set; index strides leave out the axes that share.
///
/// | | axes | one bit for |
/// |---|---|---|
/// | [`rows`](Self::rows) | rows, columns | an element |
/// | [`channels_first`](Self::channels_first) | samples, channels, positions | a channel of a sample |
/// | [`channels_last`](Self::channels_last) | samples, positions, channels | a channel of a sample |
/// | [`samples`](Self::samples) | samples, elements | a sample |
/// | [`broadcast`](Self::broadcast) | any | what the axes that do not share tell apart: `noise_shape` |
///
/// The names that other frameworks have for these: [`guide::names`](crate::guide::names).
///
/// # Stored masks
/// A mask that is written in a layout has the bits of its elements in the order of the axes, without those that share (whose
/// index stride is 0), packed without gaps: NumPy's `packbits(bitorder="little")` of the noise array. It has exactly those
/// [`mask_len`](Self::mask_len) bits.
#[doc(alias = "noise_shape")]
#[doc(alias = "broadcast_dims")]
#[doc(alias = "variational")]
#[doc(alias = "locked")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Outermost first; those in front that are not there have a length of 1.
    axes: [Axis; AXES],
    /// How many are there.
    count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Axis {
    len: usize,
    /// From one element to the next, in the slices in the order of [`Operand`], and in the indices of the bits.
    strides: [usize; SLICES],
    index_stride: u64,
}

#[expect(clippy::indexing_slicing, reason = "no const function has another way, and there are no more axes than AXES")]
impl Layout {
    /// A matrix whose elements have a bit each: for rows that lie apart in memory, in the indices, or in both.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, Probability};
    ///
    /// // columns 300..800 of a 4 x 1000 matrix, where they lie
    /// let columns = Layout::rows(4, 1000).part([4, 500]).strides([1000, 1]);
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.5)?).with_offset(300).with_layout(columns);
    /// let mut x = [1.0; 4 * 1000];
    /// dropout.forward_in_place(&mut x[300..])?;
    /// assert_eq!(x[..300], [1.0; 300]);
    ///
    /// let mut whole = [1.0; 4 * 1000];
    /// dropout.with_offset(0).with_layout(Layout::rows(4, 1000)).forward_in_place(&mut whole)?;
    /// assert_eq!(x[1300..1800], whole[1300..1800]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    pub const fn rows(rows: usize, columns: usize) -> Self {
        Self::broadcast([rows, columns], [false; 2])
    }

    /// `(N, C, S)`, one bit for a whole channel: spatial dropout (Tompson et al., "Efficient object localization using
    /// convolutional networks", CVPR 2015). The bit of channel `c` of sample `n` has the index `offset + n * channels + c`, as
    /// [channels-last](Self::channels_last): the same key drops the same channels. 1-D, 2-D and 3-D differ in the number of
    /// positions alone: `L`, `H * W`, `D * H * W`.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, Probability};
    ///
    /// let dropout = Dropout::new(Key::new(3), Probability::new(0.5)?);
    /// let mut first = [1.0; 2 * 3 * 4]; // (N, C, S)
    /// dropout.with_layout(Layout::channels_first(2, 3, 4)).forward_in_place(&mut first)?;
    /// let mut last = [1.0; 2 * 4 * 3]; // (N, S, C)
    /// dropout.with_layout(Layout::channels_last(2, 4, 3)).forward_in_place(&mut last)?;
    /// for (n, c, s) in [(0, 0, 0), (0, 2, 3), (1, 1, 2)] {
    ///     assert_eq!(first[(n * 3 + c) * 4 + s], last[(n * 4 + s) * 3 + c]);
    /// }
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    pub const fn channels_first(samples: usize, channels: usize, positions: usize) -> Self {
        Self::broadcast([samples, channels, positions], [false, false, true])
    }

    /// `(N, S, C)`, one bit for a whole channel: see [`channels_first`](Self::channels_first).
    pub const fn channels_last(samples: usize, positions: usize, channels: usize) -> Self {
        Self::broadcast([samples, positions, channels], [false, true, false])
    }

    /// `(N, …)`: one bit for each sample of `len` elements, `DropPath` (Huang et al., "Deep networks with stochastic
    /// depth", ECCV 2016). The bit of sample `n` has the index `offset + n`. With
    /// [`Scaling::Naive`](crate::Scaling::Naive) it is what others call `scale_by_keep = false`; with
    /// [`forward_residual`](crate::Dropout::forward_residual) the residual is added in the same pass.
    pub const fn samples(samples: usize, len: usize) -> Self {
        Self::broadcast([samples, len], [false, true])
    }

    /// Any shape of up to four axes, with one bit along those that share: `noise_shape` has a 1 there (`noise_shape.map(|n| n
    /// == 1)`), `broadcast_dims` names them. Index strides are those of the noise array without them.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, Probability};
    ///
    /// // (batch, time, features): the same features of a sequence are dropped at all times, as with noise_shape (B, 1, D)
    /// let layout = Layout::broadcast([2, 3, 4], [false, true, false]);
    /// let mut x = [1.0; 24];
    /// Dropout::new(Key::new(1), Probability::new(0.5)?).with_layout(layout).forward_in_place(&mut x)?;
    /// assert_eq!(x[..4], x[4..8]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    pub const fn broadcast<const N: usize>(shape: [usize; N], shared: [bool; N]) -> Self {
        const { assert!(N <= AXES, "a layout has up to four axes") }
        let mut axes = [Axis { len: 1, strides: [0; SLICES], index_stride: 0 }; AXES];
        let (mut stride, mut index_stride, mut left) = (1_usize, 1_u64, AXES);
        while left > 0 {
            left -= 1;
            axes[left].strides = [stride; SLICES];
            // those in front are not there
            if left + N >= AXES {
                let (len, shared) = (shape[left + N - AXES], shared[left + N - AXES]);
                axes[left].len = len;
                stride = stride.saturating_mul(len);
                if !shared {
                    axes[left].index_stride = index_stride;
                    index_stride = index_stride.saturating_mul(len as u64);
                }
            }
        }
        Self { axes, count: N }
    }

    /// With other distances in the indices of the bits. N of them are those of the last N axes, the ones that share included:
    /// there 0. Those of a shard are those of the whole, which [`part`](Self::part) keeps.
    #[must_use]
    pub const fn index_strides<const N: usize>(mut self, strides: [u64; N]) -> Self {
        const { assert!(N <= AXES, "a layout has up to four axes") }
        let mut i = 0;
        while i < N {
            self.axes[AXES - N + i].index_stride = strides[i];
            i += 1;
        }
        self
    }

    /// With other distances in all slices; N of them are those of the last N axes. What lies between the elements is neither
    /// read nor written. In an output, sorted by stride, each axis steps over all elements of those before it; in an input they
    /// may overlap. Call it before what sets one operand alone.
    #[must_use]
    pub const fn strides<const N: usize>(self, strides: [usize; N]) -> Self {
        self.strides_of(Operand::Output, strides)
            .strides_of(Operand::Input, strides)
            .strides_of(Operand::Residual, strides)
    }

    /// With other distances in the input alone (`x`, `dy`): a view of it is read into dense memory in one pass. 0 reads an
    /// element again along its axis. A call in place, which has no other slice than its output, then is an error.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, Probability};
    ///
    /// // columns 2..5 of a 2 x 6 matrix, to a dense 2 x 3 one
    /// let layout = Layout::rows(2, 3).input_strides([6, 1]);
    /// let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0];
    /// let mut y = [0.0; 6];
    /// Dropout::new(Key::new(1), Probability::new(0.0)?).with_layout(layout).forward(&x[2..11], &mut y)?;
    /// assert_eq!(y, [2.0, 3.0, 4.0, 8.0, 9.0, 10.0]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn input_strides<const N: usize>(self, strides: [usize; N]) -> Self {
        self.strides_of(Operand::Input, strides)
    }

    /// With other distances in the residual alone, where it is not the output.
    #[must_use]
    pub const fn residual_strides<const N: usize>(self, strides: [usize; N]) -> Self {
        self.strides_of(Operand::Residual, strides)
    }

    const fn strides_of<const N: usize>(mut self, operand: Operand, strides: [usize; N]) -> Self {
        const { assert!(N <= AXES, "a layout has up to four axes") }
        let mut i = 0;
        while i < N {
            self.axes[AXES - N + i].strides[operand as usize] = strides[i];
            i += 1;
        }
        self
    }

    /// The layout of a part of these lengths, a slice of its own: index strides of the whole, dense in memory.
    /// The offset is that of the whole and [`index_of`](Self::index_of) its first element; N lengths are those of the last N
    /// axes, the others stay.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, Probability};
    ///
    /// // this rank has heads 4..8 of 8, of 2 samples, 3 queries and 5 keys each
    /// let whole = Layout::broadcast([2, 8, 3, 5], [false; 4]);
    /// let shard = whole.part([2, 4, 3, 5]);
    /// let dropout = Dropout::new(Key::new(42), Probability::new(0.5)?);
    /// let mut y = [1.0; 2 * 4 * 3 * 5];
    /// dropout.with_offset(whole.index_of([0, 4, 0, 0])).with_layout(shard).forward_in_place(&mut y)?;
    ///
    /// let mut all = [1.0; 2 * 8 * 3 * 5];
    /// dropout.forward_in_place(&mut all)?;
    /// assert_eq!(y[..60], all[60..120]);
    /// assert_eq!(y[60..], all[180..]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    #[must_use]
    pub const fn part<const N: usize>(&self, lengths: [usize; N]) -> Self {
        const { assert!(N <= AXES, "a layout has up to four axes") }
        let (mut part, mut i) = (*self, 0);
        if N > part.count {
            part.count = N;
        }
        while i < N {
            part.axes[AXES - N + i].len = lengths[i];
            i += 1;
        }
        let [a, b, c, d] = part.axes;
        let dense = Self::broadcast([a.len, b.len, c.len, d.len], [false; AXES]).axes;
        i = 0;
        while i < AXES {
            part.axes[i].strides = dense[i].strides;
            i += 1;
        }
        part
    }

    /// The index of the bit of an element, less the offset, modulo 2^64; N numbers are its position in the last N axes.
    pub const fn index_of<const N: usize>(&self, position: [usize; N]) -> u64 {
        const { assert!(N <= AXES, "a layout has up to four axes") }
        let (mut index, mut i) = (0_u64, 0);
        while i < N {
            index = index.wrapping_add(self.axes[AXES - N + i].index_stride.wrapping_mul(position[i] as u64));
            i += 1;
        }
        index
    }
}

impl Layout {
    /// Number of bits of a [stored mask](Self#stored-masks), `usize::MAX` if there are more.
    ///
    /// ```
    /// use dropmask::Layout;
    ///
    /// assert_eq!(Layout::broadcast([8, 100, 64], [false, true, false]).mask_len(), 8 * 64);
    /// ```
    pub fn mask_len(&self) -> usize {
        self.noise().len()
    }
}

/// What the library asks a layout.
impl Layout {
    /// All of a slice.
    pub(crate) const fn flat(len: usize) -> Self {
        Self::broadcast([len], [false])
    }

    /// Number of elements, `usize::MAX` if there are more.
    pub(crate) fn len(&self) -> usize {
        self.axes.iter().fold(1, |len: usize, axis| len.saturating_mul(axis.len))
    }

    /// Length of the outermost axis that is there.
    pub(crate) fn samples_len(&self) -> usize {
        let outermost = self.count.checked_sub(1).and_then(|inside| self.axes.iter().nth_back(inside));
        outermost.map_or(1, |axis| axis.len)
    }

    /// Length of the innermost axis.
    pub(crate) const fn columns(&self) -> usize {
        let [.., Axis { len, .. }] = self.axes;
        len
    }

    /// The elements of the noise array: one along axes that share a bit.
    pub(crate) fn noise(mut self) -> Self {
        self.axes.iter_mut().filter(|axis| axis.index_stride == 0).for_each(|axis| axis.len = 1);
        self
    }

    /// The layout by which a mask is read that was written in this one: the bits follow each other.
    pub(crate) const fn stored(self) -> Self {
        let [a, b, c, d] = self.axes;
        self.row_major([a.index_stride == 0, b.index_stride == 0, c.index_stride == 0, d.index_stride == 0])
    }

    /// The same elements with a bit each.
    pub(crate) const fn unshared(self) -> Self {
        self.row_major([false; AXES])
    }

    /// The same elements with dense bits.
    #[inline(never)] // once a call
    const fn row_major(self, shared: [bool; AXES]) -> Self {
        let [a, b, c, d] = self.axes;
        let [e, f, g, h] = Self::broadcast([a.len, b.len, c.len, d.len], shared).axes;
        self.index_strides([e.index_stride, f.index_stride, g.index_stride, h.index_stride])
    }
}
