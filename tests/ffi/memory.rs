//! Memory of the caller with canaries about it.

use super::function::Data;

const GUARD: usize = 64;
const CANARY: u8 = 0xA5;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; GUARD]);

/// A buffer that starts on a cache line, and a line of canaries before and at least one behind it.
#[derive(Clone)]
pub struct Memory(Vec<Line>);

impl Memory {
    pub fn new(data: &Data) -> Self {
        let bytes = data.to_bytes();
        let mut lines = vec![Line([CANARY; GUARD]); bytes.len().div_ceil(GUARD) + 2];
        for (line, bytes) in lines[1..].iter_mut().zip(bytes.chunks(GUARD)) {
            line.0[..bytes.len()].copy_from_slice(bytes);
        }
        Self(lines)
    }

    pub fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().wrapping_add(1).cast()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|line| line.0).collect()
    }

    /// Whether this holds the data, NaN for NaN, and its canaries live.
    pub fn holds(&self, data: &Data) -> bool {
        let mut expected = Self::new(data).bytes();
        let actual = self.bytes();
        if let Data::F32(floats) = data {
            let nan = floats.iter().zip(expected.chunks_mut(4).zip(actual.chunks(4)).skip(GUARD / 4));
            for (_, (expected, actual)) in
                nan.filter(|(x, (_, y))| x.is_nan() && f32::from_ne_bytes((*y).try_into().unwrap()).is_nan())
            {
                expected.copy_from_slice(actual);
            }
        }
        expected == actual
    }
}
