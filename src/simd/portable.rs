//! The portable level: `wide`, which picks SSE2, NEON, wasm simd128 or plain code at compile time.
#![allow(unsafe_code)] // loads and stores of raw operands

use wide::{f32x4, u32x4, u64x2};

use super::{Floats, Groups, Lanes, Overlap, Pair, Simd, slot};

/// Blocks that are sampled and settled at a time.
pub(crate) const BATCH: usize = 4;

/// There on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

impl Simd for Portable {
    type Lanes = u64x2;
    type Wide = Pair<u64x2>;
    const OVERLAP: Overlap = Overlap::None;
    type Overlapped = Self::Wide;
    type Floats = Pair<Pair<f32x4>>;
    const REGISTERS: usize = 4;
}

impl Lanes for u64x2 {
    type Level = Portable;
    const COUNT: usize = 2;
    type Drawn = [Self; 0];

    #[inline(always)]
    fn splat(_: Portable, word: u64) -> Self {
        Self::splat(word)
    }
    #[inline(always)]
    fn counters(_: Portable, first: u64, step: u64) -> Self {
        Self::new([first, first.wrapping_add(step)])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        self * Self::splat(other)
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        self & !other
    }
    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        self << N
    }
    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        self >> N
    }
    #[inline(always)]
    fn rotl<const N: u32>(self) -> Self {
        self << N | self >> (64 - N)
    }
    #[inline(always)]
    fn mark(self, marks: &mut u64, at: usize) {
        let [first, second] = self.to_array();
        *marks |= (u64::from(first != 0) | u64::from(second != 0) << 1) << at;
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        if let Some(slot) = slot(groups, group, lane) {
            *slot = self.to_array();
        }
    }
}

impl Floats for f32x4 {
    type Level = Portable;
    const COUNT: usize = 4;

    #[inline(always)]
    fn splat(_: Portable, x: f32) -> Self {
        Self::splat(x)
    }
    #[inline(always)]
    unsafe fn load(_: Portable, x: *const f32) -> Self {
        // SAFETY: `x` points to 4 floats to read; an array of them has no more alignment than one.
        Self::new(unsafe { *x.cast() })
    }
    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: `y` points to 4 floats to write; an array of them has no more alignment than one.
        unsafe { *y.cast() = self.to_array() }
    }
    #[inline(always)]
    unsafe fn load_part(_: Portable, x: *const f32, len: usize) -> Self {
        let mut all = [0.0; 4];
        // written out, as below: a copy of a few floats is a call of `memcpy` otherwise
        for (i, lane) in all.iter_mut().enumerate() {
            if i < len {
                // SAFETY: `x` points to `len` floats to read.
                *lane = unsafe { *x.wrapping_add(i) };
            }
        }
        Self::new(all)
    }
    #[inline(always)]
    unsafe fn store_part(self, y: *mut f32, len: usize) {
        for (i, lane) in self.to_array().into_iter().enumerate() {
            if i < len {
                // SAFETY: `y` points to `len` floats to write.
                unsafe { *y.wrapping_add(i) = lane };
            }
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.simd_gt(other).select(self, other)
    }
    #[inline(always)]
    fn greater(self, other: Self) -> u64 {
        self.simd_gt(other).to_bitmask().into()
    }
    #[inline(always)]
    fn zero_below(self, x: Self, least: Self) -> Self {
        x.simd_lt(least).select(Self::splat(0.0), self)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        let shifted = u32x4::new(self.fast_trunc_int().to_array().map(i32::cast_unsigned)) << 23_u32;
        floats(shifted + u32x4::splat(1.0_f32.to_bits()))
    }
    #[inline(always)]
    fn keep(self, bits: u64, at: usize) -> Self {
        self & kept(bits, at)
    }
    #[inline(always)]
    fn select(self, other: Self, bits: u64, at: usize) -> Self {
        kept(bits, at).select(self, other)
    }
}

/// All bits of lane `i` where bit `at + i` is set.
#[inline(always)]
fn kept(bits: u64, at: usize) -> f32x4 {
    // where the loop over a word is unrolled, the lanes are constants and one broadcast serves eight vectors
    let half = u32x4::splat((bits >> (at & 32)) as u32);
    let lane = u32x4::new([1 << (at % 32), 2 << (at % 32), 4 << (at % 32), 8 << (at % 32)]);
    floats((half & lane).simd_eq(lane))
}

#[inline(always)]
fn floats(bits: u32x4) -> f32x4 {
    f32x4::new(bits.to_array().map(f32::from_bits))
}
