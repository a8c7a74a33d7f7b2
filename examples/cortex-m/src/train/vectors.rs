//! The library's golden vectors, which every machine must draw to the bit.

use dropmask::{Dropout, Error, Key, Level, MaskMut, Probability, mask_words};

struct Vector {
    seed: u64,
    steps: &'static [u64],
    /// The bits of the drop probability.
    p: u32,
    offset: u64,
    len: usize,
    words: &'static [u64],
}

static VECTORS: &[Vector] = &include!(concat!(env!("OUT_DIR"), "/vectors.rs"));

const LONGEST: usize = 8192;

/// Whether this machine draws them, at all its levels.
pub fn same() -> Result<bool, Error> {
    let mut words = [0; mask_words(LONGEST)];
    let mut same = !VECTORS.is_empty();
    for vector in VECTORS {
        let key = vector.steps.iter().fold(Key::new(vector.seed), |key, step| key.derive(*step));
        let stream = Dropout::new(key, Probability::new(f32::from_bits(vector.p))?).with_offset(vector.offset);
        for level in Level::supported() {
            let words = &mut words[..vector.words.len()];
            words.fill(!0);
            stream.with_level(level).fill(&mut MaskMut::new(words, vector.len)?)?;
            same &= words == vector.words;
        }
    }
    Ok(same)
}
