//! Bits by their index, wherever they come from.

use core::cell::Cell;

use crate::mask::{Mask, clear_past, copy_bits};
use crate::simd::{BATCH, Level};
use crate::stream::{BLOCK_WORDS, Bits, Stream, draw};

/// Words that are drawn at a time.
pub(crate) const WORDS: usize = 4 * BLOCK_WORDS;
const _: () = assert!(WORDS.is_multiple_of(BATCH * BLOCK_WORDS));

/// Where the bits of a pass come from: matched once for many words, so that no kernel is compiled for each.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Every element is kept, or dropped.
    Certain(bool),
    /// The bit of an index is that of element `offset` + index of the stream.
    Drawn { stream: Stream, offset: u64 },
    /// The bit of an index is that of the mask.
    Stored(Mask<'a>),
}

impl<'a> Source<'a> {
    /// The bits of a stream from element `offset` on.
    pub(crate) fn drawn(stream: Stream, offset: u64) -> Self {
        stream.p.certain().map_or(Self::Drawn { stream, offset }, Self::Certain)
    }

    /// The bits of a mask; none is kept where their factor is 0, which is not multiplied with.
    pub(crate) const fn stored(mask: Mask<'a>, scale: f32) -> Self {
        if scale == 0.0 { Self::Certain(false) } else { Self::Stored(mask) }
    }

    /// The words from index `index` on, where they lie somewhere.
    pub(crate) fn words(self, index: u64) -> Option<&'a [u64]> {
        match self {
            Self::Stored(mask) => match mask.bits_from(index) {
                (words, 0) => Some(words),
                _ => None,
            },
            Self::Certain(_) | Self::Drawn { .. } => None,
        }
    }

    /// Whether all that a factor makes of the elements is a copy, or +0.0.
    pub(crate) const fn copies(self, scale: f32) -> Option<bool> {
        match self {
            Self::Certain(kept) if !kept || scale.to_bits() == 1.0_f32.to_bits() => Some(kept),
            _ => None,
        }
    }

    /// Words of a block of the stream before index `index`.
    pub(crate) const fn begun(self, index: u64) -> usize {
        match self {
            Self::Drawn { offset, .. } => (offset.wrapping_add(index) / 64) as usize % BLOCK_WORDS,
            Self::Certain(_) | Self::Stored(_) => 0,
        }
    }

    /// The specification: one bit after another.
    pub(crate) fn bits(self) -> impl FnMut(u64) -> bool + use<'a> {
        let mut drawn = match self {
            Self::Drawn { stream, .. } => Some(Bits::new(stream)),
            Self::Certain(_) | Self::Stored(_) => None,
        };
        move |index| match (self, &mut drawn) {
            (Self::Drawn { offset, .. }, Some(bits)) => bits.kept(offset.wrapping_add(index)),
            (Self::Stored(mask), _) => mask.get(index as usize).unwrap_or(false),
            (Self::Certain(kept), _) => kept,
            (Self::Drawn { .. }, None) => false,
        }
    }
}

/// Bits at any index. Those of a stream are drawn ahead, as far as they are wanted next.
pub(crate) struct Reader<'a, 'b> {
    pub(crate) level: Level,
    source: Source<'a>,
    ahead: &'b mut [u64],
    /// The words that are drawn: the first, and how many.
    first: u64,
    count: usize,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// `ahead` is room for words that are drawn ahead, one at least.
    pub(crate) const fn new(level: Level, source: Source<'a>, ahead: &'b mut [u64]) -> Self {
        Self { level, source, ahead, first: 0, count: 0 }
    }

    /// Copies `len` bits from index `index` on to bit `at` of `to` on, and 0 to the rest of each word that they begin.
    /// As many as `follow` are wanted from the first on, in all.
    #[inline(never)] // integer code, which no level and no kernel needs a copy of
    pub(crate) fn copy(&mut self, mut index: u64, follow: usize, to: &mut [u64], mut at: usize, mut len: usize) {
        let mut follow = follow.max(len);
        while len > 0 {
            let taken = match self.source {
                Source::Certain(kept) => {
                    let words = [if kept { !0 } else { 0 }; WORDS];
                    copy_bits(&words, 0, to, at, len.min(64 * WORDS));
                    len.min(64 * WORDS)
                }
                Source::Stored(mask) => {
                    let (words, first) = mask.bits_from(index);
                    copy_bits(words, first, to, at, len);
                    len
                }
                Source::Drawn { stream, offset } => {
                    let element = offset.wrapping_add(index);
                    let (word, bit) = (element / 64, (element % 64) as usize);
                    let skipped = self.drawn(stream, word, bit.saturating_add(follow));
                    let there = 64 * (self.count - skipped) - bit;
                    let taken = len.min(there);
                    copy_bits(self.ahead, 64 * skipped + bit, to, at, taken);
                    taken
                }
            };
            index = index.wrapping_add(taken as u64);
            at += taken;
            len -= taken;
            follow -= taken;
        }
    }

    /// One bit.
    pub(crate) fn kept(&mut self, index: u64) -> bool {
        let mut word = [0];
        self.copy(index, 1, &mut word, 0, 1);
        word[0] & 1 == 1
    }

    /// The words of at most `want` elements from index `index` on, and of how many: where they lie, or copied to `room`. As
    /// many as `follow` are wanted in all. Bits past the last can be anything.
    pub(crate) fn some<'s>(
        &'s mut self,
        index: u64,
        follow: usize,
        want: usize,
        room: &'s mut [u64],
    ) -> (&'s [u64], usize) {
        let len = |words: &[u64]| want.min(words.len().saturating_mul(64));
        let source = self.source;
        if let Source::Drawn { stream, offset } = source
            && offset.wrapping_add(index).is_multiple_of(64)
        {
            let first = self.drawn(stream, offset.wrapping_add(index) / 64, follow.max(want));
            let words = self.ahead.get(first..self.count).unwrap_or_default();
            return (words, len(words));
        }
        if let Some(words) = source.words(index) {
            return (words, len(words));
        }
        let len = want.min(64 * room.len());
        self.copy(index, follow, room, 0, len);
        (room, len)
    }

    /// Where word `first` is among those that are drawn: if it is not, the words of `bits` bits are, as far as there is room;
    /// so that the next begin with a block.
    fn drawn(&mut self, stream: Stream, first: u64, bits: usize) -> usize {
        let skipped = first.wrapping_sub(self.first);
        if skipped < self.count as u64 {
            return skipped as usize;
        }
        let room = self.ahead.len();
        let room = if room > BLOCK_WORDS { room - (first % BLOCK_WORDS as u64) as usize } else { room };
        self.count = bits.div_ceil(64).min(room);
        self.first = first;
        draw(self.level, stream, first, self.ahead.get_mut(..self.count).unwrap_or_default());
        0
    }
}

/// Writes `len` bits from index `index` on to the first words, and 0 to the bits past them in the last of these. Further
/// words are room.
pub(crate) fn fill(level: Level, source: Source<'_>, index: u64, words: &mut [u64], len: usize) {
    match source {
        Source::Certain(kept) => words.fill(if kept { !0 } else { 0 }),
        Source::Stored(mask) => {
            let (from, bit) = mask.bits_from(index);
            realigned(bit, len, words, |at, words| {
                words.iter_mut().zip(from.get(at..).unwrap_or_default()).for_each(|(word, from)| *word = *from);
            });
        }
        Source::Drawn { stream, offset } => return fill_drawn(level, stream, offset.wrapping_add(index), words, len),
    }
    clear_past(words, len);
}

/// The same, of the bits of a stream from one element on.
pub(crate) fn fill_drawn(level: Level, stream: Stream, element: u64, words: &mut [u64], len: usize) {
    let first = element / 64;
    realigned((element % 64) as usize, len, words, |at, words| {
        draw(level, stream, first.wrapping_add(at as u64), words);
    });
    clear_past(words, len);
}

/// Writes `len` bits from bit `bit` of some words on, of which `write` writes those from one on.
#[inline(always)] // two places, one of which most firmware does not have
fn realigned(bit: usize, len: usize, words: &mut [u64], write: impl Fn(usize, &mut [u64])) {
    // a sum of both could be more than there are numbers
    let count = len / 64 + (bit + len % 64).div_ceil(64);
    let there = count.min(words.len());
    let (words, _) = words.split_at_mut(there);
    write(0, words);
    if bit > 0 {
        let mut after = [0];
        if there < count {
            write(there, &mut after);
        }
        let ([after], words) = (after, Cell::from_mut(words).as_slice_of_cells());
        let join = |low: u64, high: u64| low >> bit | high << (64 - bit);
        for pair in words.windows(2) {
            if let [low, high] = pair {
                low.set(join(low.get(), high.get()));
            }
        }
        if let Some(last) = words.last() {
            last.set(join(last.get(), after));
        }
    }
}
