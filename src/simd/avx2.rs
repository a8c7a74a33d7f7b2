//! The AVX2 level.
#![allow(unsafe_code)] // intrinsics

#[cfg(target_arch = "x86")]
use core::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::{Floats, Groups, Lanes, Overlap, Pair, Simd, slot};

cpufeatures::new!(detect, "avx2");

/// Proof that the CPU and the operating system support AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        detect::get().then_some(Self(()))
    }
}

impl Simd for Avx2 {
    type Lanes = U64x4;
    type Wide = Pair<U64x4>;
    const OVERLAP: Overlap = Overlap::Groups;
    type Overlapped = Self::Wide;
    type Floats = Pair<F32x8>;
    const REGISTERS: usize = 2;
}

/// Made by `splat` and `counters` alone, so a value is proof of AVX2.
#[derive(Clone, Copy)]
pub(crate) struct U64x4(__m256i);

/// Made by `splat`, `load` and `load_part` alone, so a value is proof of AVX2.
#[derive(Clone, Copy)]
pub(crate) struct F32x8(__m256);

/// Instructions without pointers: what needs AVX2 is safe once there is proof of it.
macro_rules! avx2 {
    ($instructions:expr) => {
        // SAFETY: the caller holds an `Avx2`, or a vector that was made from one, and no pointer is involved.
        unsafe { $instructions }
    };
}

impl Lanes for U64x4 {
    type Level = Avx2;
    const COUNT: usize = 4;
    type Drawn = [Self; 0];

    #[inline(always)]
    fn splat(_: Avx2, word: u64) -> Self {
        Self(avx2!(_mm256_set1_epi64x(word.cast_signed())))
    }
    #[inline(always)]
    fn counters(_: Avx2, first: u64, step: u64) -> Self {
        let at = |i: u64| first.wrapping_add(step.wrapping_mul(i)).cast_signed();
        Self(avx2!(_mm256_set_epi64x(at(3), at(2), at(1), at(0))))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_epi64(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        // three 32 x 32 -> 64 products; the fourth falls off the top
        let other = other.cast_signed();
        Self(avx2!({
            let (low, high) = (_mm256_set1_epi64x(other), _mm256_set1_epi64x(other >> 32));
            let cross = _mm256_add_epi64(
                _mm256_mul_epu32(_mm256_srli_epi64::<32>(self.0), low),
                _mm256_mul_epu32(self.0, high),
            );
            _mm256_add_epi64(_mm256_mul_epu32(self.0, low), _mm256_slli_epi64::<32>(cross))
        }))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx2!(_mm256_xor_si256(self.0, other.0)))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(avx2!(_mm256_or_si256(self.0, other.0)))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(avx2!(_mm256_andnot_si256(other.0, self.0)))
    }
    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        Self(avx2!(_mm256_sll_epi64(self.0, _mm_set_epi64x(0, i64::from(N)))))
    }
    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        Self(avx2!(_mm256_srl_epi64(self.0, _mm_set_epi64x(0, i64::from(N)))))
    }
    #[inline(always)]
    fn rotl<const N: u32>(self) -> Self {
        let low = avx2!(_mm256_srl_epi64(self.0, _mm_set_epi64x(0, 64 - i64::from(N))));
        self.shl::<N>().or(Self(low))
    }
    #[inline(always)]
    fn mark(self, marks: &mut u64, at: usize) {
        let zeros = avx2!({
            let zero = _mm256_cmpeq_epi64(self.0, _mm256_setzero_si256());
            _mm256_movemask_pd(_mm256_castsi256_pd(zero))
        });
        *marks |= (!zeros as u64 & 0b1111) << at;
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        if let Some(slot) = slot::<4>(groups, group, lane) {
            // SAFETY: `self` is proof of AVX2; the slot is 32 bytes that may be written, at any alignment.
            unsafe { _mm256_storeu_si256(slot.as_mut_ptr().cast(), self.0) }
        }
    }
}

impl Floats for F32x8 {
    type Level = Avx2;
    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(_: Avx2, x: f32) -> Self {
        Self(avx2!(_mm256_set1_ps(x)))
    }
    #[inline(always)]
    unsafe fn load(_: Avx2, x: *const f32) -> Self {
        // SAFETY: the caller holds an `Avx2`, and `x` points to 8 floats to read, at any alignment.
        Self(unsafe { _mm256_loadu_ps(x) })
    }
    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: `self` is proof of AVX2, and `y` points to 8 floats to write, at any alignment.
        unsafe { _mm256_storeu_ps(y, self.0) }
    }
    #[inline(always)]
    unsafe fn load_part(_: Avx2, x: *const f32, len: usize) -> Self {
        let first = avx2!(first_lanes(len));
        // SAFETY: the caller holds an `Avx2`; only the `len` floats that `x` points to are read.
        Self(unsafe { _mm256_maskload_ps(x, first) })
    }
    #[inline(always)]
    unsafe fn store_part(self, y: *mut f32, len: usize) {
        let first = avx2!(first_lanes(len));
        // SAFETY: `self` is proof of AVX2; only the `len` floats that `y` points to are written.
        unsafe { _mm256_maskstore_ps(y, first, self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(avx2!(_mm256_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx2!(_mm256_sub_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(avx2!(_mm256_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn greater(self, other: Self) -> u64 {
        u64::from(avx2!(_mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0))).cast_unsigned())
    }
    #[inline(always)]
    fn zero_below(self, x: Self, least: Self) -> Self {
        Self(avx2!(_mm256_and_ps(self.0, _mm256_cmp_ps::<_CMP_NLT_UQ>(x.0, least.0))))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(avx2!({
            let shifted = _mm256_slli_epi32::<23>(_mm256_cvttps_epi32(self.0));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(shifted, one))
        }))
    }
    #[inline(always)]
    fn keep(self, bits: u64, at: usize) -> Self {
        Self(avx2!(_mm256_and_ps(self.0, kept(bits, at))))
    }
    #[inline(always)]
    fn select(self, other: Self, bits: u64, at: usize) -> Self {
        Self(avx2!(_mm256_blendv_ps(other.0, self.0, kept(bits, at))))
    }
}

/// All bits of lane `i` where bit `at + i` is set.
#[inline]
#[target_feature(enable = "avx2")]
fn kept(bits: u64, at: usize) -> __m256 {
    // the half is the same for four vectors in a row, so its broadcast is shared by them
    let half = _mm256_set1_epi32(((bits >> (at & 32)) as u32).cast_signed());
    let lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let lane = _mm256_sll_epi32(lane, _mm_set_epi64x(0, (at % 32) as i64));
    _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(half, lane), lane))
}

/// All bits of the first `n` lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn first_lanes(n: usize) -> __m256i {
    let n = _mm256_set1_epi32(i32::try_from(n).unwrap_or(i32::MAX));
    _mm256_cmpgt_epi32(n, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}
