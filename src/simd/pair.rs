//! Two vectors as one.
#![allow(unsafe_code)] // loads and stores of both halves

use super::{Floats, Groups, Lanes};

/// Two vectors side by side, of half the lanes each: independent work that hides latency, or 16 lanes at every level.
///
/// Written out: a helper that takes the operation as a function is not inlined into the target feature and makes a fill
/// 10 to 25 times slower.
#[derive(Clone, Copy)]
pub(crate) struct Pair<V>(V, V);

impl<V: Lanes> Lanes for Pair<V> {
    type Level = V::Level;
    const COUNT: usize = 2 * V::COUNT;
    type Drawn = [Self; 0];

    #[inline(always)]
    fn splat(level: V::Level, word: u64) -> Self {
        Self(V::splat(level, word), V::splat(level, word))
    }
    #[inline(always)]
    fn counters(level: V::Level, first: u64, step: u64) -> Self {
        let second = first.wrapping_add((V::COUNT as u64).wrapping_mul(step));
        Self(V::counters(level, first, step), V::counters(level, second, step))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        Self(self.0.mul(other), self.1.mul(other))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(self.0.xor(other.0), self.1.xor(other.1))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0), self.1.or(other.1))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0), self.1.and(other.1))
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(self.0.and_not(other.0), self.1.and_not(other.1))
    }
    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        Self(self.0.shl::<N>(), self.1.shl::<N>())
    }
    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        Self(self.0.shr::<N>(), self.1.shr::<N>())
    }
    #[inline(always)]
    fn rotl<const N: u32>(self) -> Self {
        Self(self.0.rotl::<N>(), self.1.rotl::<N>())
    }
    #[inline(always)]
    fn mark(self, marks: &mut u64, at: usize) {
        self.0.mark(marks, at);
        self.1.mark(marks, at + V::COUNT);
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        self.0.store(groups, group, lane);
        self.1.store(groups, group, lane + V::COUNT);
    }
}

impl<V: Floats> Floats for Pair<V> {
    type Level = V::Level;
    const COUNT: usize = 2 * V::COUNT;

    #[inline(always)]
    fn splat(level: V::Level, x: f32) -> Self {
        Self(V::splat(level, x), V::splat(level, x))
    }
    #[inline(always)]
    unsafe fn load(level: V::Level, x: *const f32) -> Self {
        // SAFETY: `x` points to the floats of two halves, to those of the first to begin with.
        let first = unsafe { V::load(level, x) };
        // SAFETY: behind them are those of the second.
        Self(first, unsafe { V::load(level, x.wrapping_add(V::COUNT)) })
    }
    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: `y` points to the floats of two halves, to those of the first to begin with.
        unsafe { self.0.store(y) };
        // SAFETY: behind them are those of the second.
        unsafe { self.1.store(y.wrapping_add(V::COUNT)) };
    }
    #[inline(always)]
    unsafe fn load_part(level: V::Level, x: *const f32, len: usize) -> Self {
        let count = len.min(V::COUNT);
        // SAFETY: `x` points to `len` floats, of which the first half has `count`.
        let first = unsafe { V::load_part(level, x, count) };
        // where the second half is empty, it points behind the first: a masked load from a dangling address takes many
        // times as long
        // SAFETY: behind them are the others.
        Self(first, unsafe { V::load_part(level, x.wrapping_add(count), len - count) })
    }
    #[inline(always)]
    unsafe fn store_part(self, y: *mut f32, len: usize) {
        let count = len.min(V::COUNT);
        // SAFETY: `y` points to `len` floats, of which the first half has `count`.
        unsafe { self.0.store_part(y, count) };
        // SAFETY: behind them are the others.
        unsafe { self.1.store_part(y.wrapping_add(count), len - count) };
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0), self.1.sub(other.1))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0), self.1.mul(other.1))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1))
    }
    #[inline(always)]
    fn greater(self, other: Self) -> u64 {
        self.0.greater(other.0) | self.1.greater(other.1) << V::COUNT
    }
    #[inline(always)]
    fn zero_below(self, x: Self, least: Self) -> Self {
        Self(self.0.zero_below(x.0, least.0), self.1.zero_below(x.1, least.1))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.power_of_two(), self.1.power_of_two())
    }
    #[inline(always)]
    fn keep(self, bits: u64, at: usize) -> Self {
        Self(self.0.keep(bits, at), self.1.keep(bits, at + V::COUNT))
    }
    #[inline(always)]
    fn select(self, other: Self, bits: u64, at: usize) -> Self {
        Self(self.0.select(other.0, bits, at), self.1.select(other.1, bits, at + V::COUNT))
    }
}
