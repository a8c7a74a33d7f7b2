//! The portable level where there are no vectors: integers and floats one at a time.
#![allow(unsafe_code)] // loads and stores of raw operands

use super::{Floats, Groups, Lanes, Overlap, Simd, slot};

/// Blocks that are sampled at a time: few, for machines with little memory.
pub(crate) const BATCH: usize = 1;

/// There on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

impl Simd for Portable {
    type Lanes = u64;
    type Wide = u64;
    const OVERLAP: Overlap = Overlap::None;
    type Overlapped = u64;
    type Floats = Sixteen;
    const REGISTERS: usize = 16;
}

impl Lanes for u64 {
    type Level = Portable;
    const COUNT: usize = 1;
    type Drawn = [Self; 10];

    #[inline(always)]
    fn splat(_: Portable, word: u64) -> Self {
        word
    }
    #[inline(always)]
    fn counters(_: Portable, first: u64, _: u64) -> Self {
        first
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        self.wrapping_mul(other)
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
        self.rotate_left(N)
    }
    #[inline(always)]
    fn mark(self, marks: &mut u64, at: usize) {
        if self != 0 {
            *marks |= 1 << at;
        }
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        if let Some(slot) = slot(groups, group, lane) {
            *slot = [self];
        }
    }
}

/// 16 floats in 16 registers.
#[derive(Clone, Copy)]
pub(crate) struct Sixteen([f32; 16]);

/// A value for each lane `I`, written out: a loop that is not unrolled leaves its array in memory.
macro_rules! lanes {
    ($value:expr) => { lanes!($value; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($value:expr; $($lane:literal)*) => { [$({ const I: usize = $lane; $value }),*] };
}

impl Floats for Sixteen {
    type Level = Portable;
    const COUNT: usize = 16;

    #[inline(always)]
    fn splat(_: Portable, x: f32) -> Self {
        Self([x; 16])
    }
    #[inline(always)]
    unsafe fn load(_: Portable, x: *const f32) -> Self {
        // SAFETY: `x` points to 16 floats to read; an array of them has no more alignment than one.
        Self(unsafe { *x.cast() })
    }
    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: `y` points to 16 floats to write; an array of them has no more alignment than one.
        unsafe { *y.cast() = self.0 }
    }
    #[inline(always)]
    unsafe fn load_part(_: Portable, x: *const f32, len: usize) -> Self {
        let mut all = [0.0; 16];
        // SAFETY: `x` points to `len` floats to read, and `all` has room for those that count.
        unsafe { all.as_mut_ptr().copy_from_nonoverlapping(x, len.min(16)) };
        Self(all)
    }
    #[inline(always)]
    unsafe fn store_part(self, y: *mut f32, len: usize) {
        let all = self.0;
        // SAFETY: `y` points to `len` floats to write, and `all` has those that count.
        unsafe { y.copy_from_nonoverlapping(all.as_ptr(), len.min(16)) };
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(lanes!(self.0[I] + other.0[I]))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(lanes!(self.0[I] - other.0[I]))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(lanes!(self.0[I] * other.0[I]))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(lanes!(if self.0[I] > other.0[I] { self.0[I] } else { other.0[I] }))
    }
    #[inline(always)]
    fn greater(self, other: Self) -> u64 {
        lanes!(u64::from(self.0[I] > other.0[I]) << I).into_iter().fold(0, |bits, bit| bits | bit)
    }
    #[inline(always)]
    fn zero_below(self, x: Self, least: Self) -> Self {
        Self(lanes!(if x.0[I] < least.0[I] { 0.0 } else { self.0[I] }))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(lanes!(f32::from_bits(((self.0[I] as i32).cast_unsigned() << 23).wrapping_add(1.0_f32.to_bits()))))
    }
    #[inline(always)]
    fn keep(self, bits: u64, at: usize) -> Self {
        self.select(Self([0.0; 16]), bits, at)
    }
    #[inline(always)]
    fn select(self, other: Self, bits: u64, at: usize) -> Self {
        let bits = if at < 32 { bits } else { bits >> 32 } as u32 >> (at % 32);
        let [x, y] = [self.0, other.0];
        let [a, b, c, d] = select_four([x[0], x[1], x[2], x[3]], [y[0], y[1], y[2], y[3]], bits);
        let [e, f, g, h] = select_four([x[4], x[5], x[6], x[7]], [y[4], y[5], y[6], y[7]], bits >> 4);
        let [i, j, k, l] = select_four([x[8], x[9], x[10], x[11]], [y[8], y[9], y[10], y[11]], bits >> 8);
        let [m, n, o, p] = select_four([x[12], x[13], x[14], x[15]], [y[12], y[13], y[14], y[15]], bits >> 12);
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

/// A jump into sixteen cases takes four instructions of a Cortex-M4; to mask or predicate each element takes three an
/// element.
#[inline(always)]
fn select_four([a, b, c, d]: [f32; 4], [e, f, g, h]: [f32; 4], bits: u32) -> [f32; 4] {
    match bits & 15 {
        0 => [e, f, g, h],
        1 => [a, f, g, h],
        2 => [e, b, g, h],
        3 => [a, b, g, h],
        4 => [e, f, c, h],
        5 => [a, f, c, h],
        6 => [e, b, c, h],
        7 => [a, b, c, h],
        8 => [e, f, g, d],
        9 => [a, f, g, d],
        10 => [e, b, g, d],
        11 => [a, b, g, d],
        12 => [e, f, c, d],
        13 => [a, f, c, d],
        14 => [e, b, c, d],
        _ => [a, b, c, d],
    }
}
