//! Handwritten digits: images of 8 x 8 pixels, in flash.

use dropmask::Key;

pub const PIXELS: usize = 64;
pub const CLASSES: usize = 10;

/// The pixels, 0 to 16, and the digit.
pub struct Digit([u8; PIXELS + 1]);

pub fn all() -> &'static [Digit] {
    const ROWS: usize = BYTES.len() / (PIXELS + 1);
    const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/digits"));
    static DIGITS: [Digit; ROWS] = {
        let mut digits = [const { Digit([0; PIXELS + 1]) }; ROWS];
        let (rows, _) = BYTES.as_chunks::<{ PIXELS + 1 }>();
        let mut i = 0;
        while i < ROWS {
            digits[i] = Digit(rows[i]);
            i += 1;
        }
        digits
    };
    &DIGITS
}

impl Digit {
    pub fn label(&self) -> usize {
        self.0[PIXELS].into()
    }

    pub fn image(&self) -> [f32; PIXELS] {
        core::array::from_fn(|i| f32::from(self.0[i]) / 16.0)
    }

    /// The image with its lower half replaced by noise.
    pub fn half_noise(&self, key: Key) -> [f32; PIXELS] {
        let mut image = self.image();
        for (i, pixel) in (0..).zip(&mut image[PIXELS / 2..]) {
            *pixel = uniform(key, i);
        }
        image
    }
}

/// A number in [0, 1).
pub fn uniform(key: Key, i: u64) -> f32 {
    (key.derive(i).to_raw() >> 40) as f32 / (1 << 24) as f32
}
