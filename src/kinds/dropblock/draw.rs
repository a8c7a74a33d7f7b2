//! The bits of a range of the mask: all kept, but for the blocks of the dropped seeds that reach into it.

use core::ops::Range;

use super::DropBlock;
use crate::engine::{Source, each_words};
use crate::layout::Layout;
use crate::mask::{MaskMut, low_bits};
use crate::stream::Stream;

impl DropBlock {
    /// Draws the bits of elements from `first` of the mask on, as many as there is room for.
    pub(super) fn draw(&self, first: usize, to: &mut MaskMut<'_>) {
        let (range, words) = (first..first + to.len(), to.words_mut());
        let seeds = Source::drawn(Stream { p: self.gamma, ..self.dropout.stream() }, self.dropout.offset());
        if self.dropout.run_level().is_scalar() {
            self.draw_scalar(seeds, range, words);
        } else {
            self.draw_blocks(seeds, &range, words);
        }
        to.clear_tail();
    }

    /// The specification: looks at all seeds that cover an element.
    fn draw_scalar(&self, seeds: Source<'_>, range: Range<usize>, words: &mut [u64]) {
        let Self { shape: [_, _, height, width], block, .. } = *self;
        let (rows, columns) = (height - block + 1, width - block + 1);
        // the seeds, of so many, that cover element i
        let covering = |i: usize, seeds: usize| (i + 1).saturating_sub(block)..(i + 1).min(seeds);
        let mut seed = seeds.bits();
        let mut kept = |map: usize, i: usize, j: usize| {
            covering(i, rows).all(|k| covering(j, columns).all(|l| seed(((map * rows + k) * columns + l) as u64)))
        };

        words.fill(0);
        for (bit, element) in range.enumerate() {
            let (row, j) = (element / width.max(1), element % width.max(1));
            let kept = kept(row / height.max(1), row % height.max(1), j);
            if let Some(word) = words.get_mut(bit / 64) {
                *word |= u64::from(kept) << (bit % 64);
            }
        }
    }

    fn draw_blocks(&self, seeds: Source<'_>, range: &Range<usize>, words: &mut [u64]) {
        words.fill(if self.gamma.threshold() == 0 { 0 } else { !0 });
        if self.gamma.certain().is_some() || range.is_empty() {
            return;
        }
        let Self { shape: [_, _, height, width], block, .. } = *self;
        // at least 1, which the compiler cannot know
        let (rows, columns) = ((height - block + 1).max(1), (width - block + 1).max(1));
        let line = |element: usize| (element / width.max(1), element % width.max(1));
        let ((first, first_j), (last, last_j)) = (line(range.start), line(range.end - 1));
        // the first seeds, of a row or a column of them, that reach element i, and the last of so many
        let from = |i: usize| (i + 1).saturating_sub(block);
        let upto = |i: usize, seeds: usize| i.min(seeds - 1);
        let first_row = first / height.max(1) * rows + from(first % height.max(1));
        let last_row = last / height.max(1) * rows + upto(last % height.max(1), rows);
        if first == last {
            for row in first_row..=last_row {
                let seed = |l: usize| row * columns + l;
                self.clear_blocks(seeds, seed(from(first_j))..seed(upto(last_j, columns)) + 1, range, words);
            }
        } else {
            // and some between them that do not
            self.clear_blocks(seeds, first_row * columns..(last_row + 1) * columns, range, words);
        }
    }

    /// Clears the blocks of those of the seeds that are dropped, as far as they lie in the range of elements.
    fn clear_blocks(&self, source: Source<'_>, seeds: Range<usize>, range: &Range<usize>, words: &mut [u64]) {
        // from where a word of the stream begins: that is faster, and seeds that reach nothing do nothing
        let begun = self.dropout.offset().wrapping_add(seeds.start as u64) % 64;
        let mut first = seeds.start.saturating_sub(begun as usize);
        let all = Layout::flat(self.seeds() as usize).indices();
        each_words(self.dropout.run_level(), source, all, first..seeds.end, |seeds, len| {
            self.clear(first, seeds, len, range, words);
            first += len;
        });
    }

    /// The same of `len` seeds, `first` the first of them: all those of a row in a word of seeds at a time.
    fn clear(&self, mut first: usize, seeds: &[u64], len: usize, range: &Range<usize>, words: &mut [u64]) {
        let Self { shape: [_, _, height, width], block, .. } = *self;
        // at least 1, which the compiler cannot know
        let (rows, columns) = ((height - block + 1).max(1), (width - block + 1).max(1));
        let (first_line, end_line) = (range.start / width.max(1), range.end.div_ceil(width.max(1)));
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
                let line = map * height + k;
                let lines = line.max(first_line)..(line + block).min(end_line);
                for column in (0..block).step_by(64) {
                    let bits = dilate(row, block.min(column + 64) - column);
                    for line in lines.clone() {
                        let element = line * width + l + column;
                        let before = u32::try_from(range.start.saturating_sub(element)).unwrap_or(u32::MAX);
                        let bits = bits.checked_shr(before).unwrap_or(0);
                        clear(words, element.saturating_sub(range.start), bits);
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
