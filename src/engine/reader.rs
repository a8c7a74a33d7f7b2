//! Bits by their index, wherever they come from.

use crate::mask::{Mask, clear_past, copy_bits};
use crate::simd::{BATCH, Level};
use crate::stream::{BLOCK_WORDS, Bits, Stream, draw};

/// Words that are drawn at a time.
pub(crate) const WORDS: usize = BATCH * BLOCK_WORDS;

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
    pub(crate) source: Source<'a>,
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
    pub(crate) fn copy(&mut self, mut index: u64, follow: usize, to: &mut [u64], mut at: usize, mut len: usize) {
        let mut follow = follow.max(len);
        while len > 0 {
            let taken = match self.source {
                Source::Certain(kept) => {
                    let words = if kept { [!0] } else { [0] };
                    copy_bits(&words, 0, to, at, len.min(64));
                    len.min(64)
                }
                Source::Stored(mask) => {
                    let (words, first) = mask.bits_from(index);
                    copy_bits(words, first, to, at, len);
                    len
                }
                Source::Drawn { stream, offset } => {
                    let element = offset.wrapping_add(index);
                    let (word, bit) = (element / 64, (element % 64) as usize);
                    if word.wrapping_sub(self.first) >= self.count as u64 {
                        self.draw(stream, word, bit.saturating_add(follow));
                    }
                    let skipped = word.wrapping_sub(self.first) as usize;
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

    /// Draws the words of `bits` bits from word `first` on, as far as there is room; so that the next begin with a block.
    fn draw(&mut self, stream: Stream, first: u64, bits: usize) {
        let room = self.ahead.len();
        let room = if room > BLOCK_WORDS { room - (first % BLOCK_WORDS as u64) as usize } else { room };
        self.count = bits.div_ceil(64).min(room);
        self.first = first;
        draw(self.level, stream, first, self.ahead.get_mut(..self.count).unwrap_or_default());
    }
}

/// Writes `len` bits from index `index` on to their words, and 0 to the bits past them.
pub(crate) fn fill(level: Level, source: Source<'_>, index: u64, words: &mut [u64], len: usize) {
    match source {
        Source::Drawn { stream, offset } if offset.wrapping_add(index).is_multiple_of(64) => {
            draw(level, stream, offset.wrapping_add(index) / 64, words);
        }
        // less to clear
        _ if words.len() < 16 => Reader::new(level, source, &mut [0; 16]).copy(index, len, words, 0, len),
        _ => Reader::new(level, source, &mut [0; WORDS]).copy(index, len, words, 0, len),
    }
    clear_past(words, len);
}
