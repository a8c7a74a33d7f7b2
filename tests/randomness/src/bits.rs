//! Mask words in an arrangement, and fair bits of biased ones.

use clap::ValueEnum;
use dropmask::{Dropout, Error, Key, MaskMut, Probability};

/// Words of a short stream: a block of 1,024 elements.
const SHORT: usize = 16;
/// Keys of a batch.
pub(crate) const KEYS: usize = 1 << 16;
/// 8 MiB.
pub(crate) const BATCH_WORDS: usize = KEYS * SHORT;
/// How far the streams of two raw keys are apart when a lane of one is the next lane of the other.
const LANE: u64 = 0x9E37_79B9_7F4A_7C15 << 2;

/// Which elements of which keys follow each other.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Arrangement {
    /// The elements of one key
    Long,
    /// The first 1,024 elements of each of consecutive keys
    Short,
    /// One element index over 65,536 consecutive keys, then the next index; after 1,024 indices the next keys
    Index,
    /// A control that must fail: as short, but of raw keys whose streams overlap
    Overlap,
}

/// A sequence of mask words, in batches.
pub(crate) struct Source {
    pub(crate) key: Key,
    pub(crate) p: Probability,
    pub(crate) arrangement: Arrangement,
}

impl Source {
    pub(crate) fn draw(&self, batch: u64, words: &mut [u64]) -> Result<(), Error> {
        match self.arrangement {
            Arrangement::Long => {
                fill(&Dropout::new(self.key, self.p).with_offset(batch * 64 * BATCH_WORDS as u64), words)
            }
            Arrangement::Short => self.draw_short(batch, words, |i| self.key.derive(i)),
            Arrangement::Index => {
                self.draw_short(batch, words, |i| self.key.derive(i))?;
                transpose(words);
                Ok(())
            }
            Arrangement::Overlap => {
                self.draw_short(batch, words, |i| Key::from_raw(self.key.to_raw().wrapping_add(i.wrapping_mul(LANE))))
            }
        }
    }

    fn draw_short(&self, batch: u64, words: &mut [u64], key: impl Fn(u64) -> Key) -> Result<(), Error> {
        (batch * KEYS as u64..)
            .zip(words.chunks_exact_mut(SHORT))
            .try_for_each(|(i, words)| fill(&Dropout::new(key(i), self.p), words))
    }
}

fn fill(dropout: &Dropout, words: &mut [u64]) -> Result<(), Error> {
    let len = 64 * words.len();
    dropout.fill(&mut MaskMut::new(words, len)?)
}

/// Rows of 1,024 bits become columns.
fn transpose(words: &mut [u64]) {
    let rows = words.to_vec();
    let width = rows.len() / (64 * SHORT);
    for (i, rows) in rows.chunks_exact(64 * SHORT).enumerate() {
        for j in 0..SHORT {
            let mut square = std::array::from_fn(|row| rows[row * SHORT + j]);
            transpose_square(&mut square);
            for (column, word) in square.into_iter().enumerate() {
                words[(64 * j + column) * width + i] = word;
            }
        }
    }
}

/// Squares of half the size are exchanged, in each of them those of half that size, and so on.
fn transpose_square(square: &mut [u64; 64]) {
    let (mut half, mut low) = (32, u64::MAX >> 32);
    while half > 0 {
        for row in (0..64).filter(|row| row & half == 0) {
            let swapped = (square[row] >> half ^ square[row + half]) & low;
            square[row] ^= swapped << half;
            square[row + half] ^= swapped;
        }
        half /= 2;
        low ^= low << half;
    }
}

/// Von Neumann's extractor: of two bits that differ the first, of two equal ones none.
#[derive(Default)]
pub(crate) struct VonNeumann {
    word: u64,
    len: u32,
}

impl VonNeumann {
    /// Takes 64 bits and puts out the word that they complete, if they do.
    pub(crate) fn extract(&mut self, bits: u64, put: impl FnOnce(u64)) {
        let (mut fair, mut len) = (0, 0);
        for byte in bits.to_le_bytes() {
            let [bits, count] = OF_BYTE[usize::from(byte)];
            fair |= u64::from(bits) << len;
            len += u32::from(count);
        }
        self.word |= fair << self.len;
        self.len += len;
        if self.len >= 64 {
            self.len -= 64;
            put(self.word);
            self.word = fair >> (len - self.len);
        }
    }
}

/// The fair bits of each byte, and how many they are.
const OF_BYTE: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = fair_bits(byte as u8);
        byte += 1;
    }
    table
};

const fn fair_bits(byte: u8) -> [u8; 2] {
    let [mut bits, mut len, mut pair] = [0; 3];
    while pair < 8 {
        let [first, second] = [byte >> pair & 1, byte >> (pair + 1) & 1];
        if first != second {
            bits |= first << len;
            len += 1;
        }
        pair += 2;
    }
    [bits, len]
}
