//! The AVX-512 level: F, BW, DQ and VL.
#![allow(unsafe_code)] // intrinsics

use core::arch::asm;
#[cfg(target_arch = "x86")]
use core::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{Floats, Groups, Lanes, Overlap, Pair, Simd, slot};

// with AVX-512 F, the compiler takes AVX2, FMA and F16C for granted
cpufeatures::new!(detect, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma");

/// `cpufeatures` does not know F16C. The CPU is asked once: it has AVX, so that what it answers is not 0.
fn f16c() -> bool {
    static FEATURES: AtomicU32 = AtomicU32::new(0);
    let mut features = FEATURES.load(Relaxed);
    if features == 0 {
        // SAFETY: every CPU that has SSE2 has the instruction, and this leaf of it.
        #[allow(unused_unsafe, reason = "newer compilers hold it to be safe")]
        let leaf = unsafe { __cpuid(1) };
        features = leaf.ecx;
        FEATURES.store(features, Relaxed);
    }
    features & 1 << 29 != 0
}

/// Proof that the CPU and the operating system support AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn new() -> Option<Self> {
        (detect::get() && (cfg!(target_feature = "f16c") || f16c())).then_some(Self(()))
    }
}

impl Simd for Avx512 {
    type Lanes = U64x8;
    type Wide = Pair<Pair<U64x8>>;
    const OVERLAP: Overlap = Overlap::Digits;
    type Overlapped = Pair<U64x8>;
    type Floats = F32x16;
    const REGISTERS: usize = 1;
}

/// Made by `splat` and `counters` alone, so a value is proof of AVX-512.
#[derive(Clone, Copy)]
pub(crate) struct U64x8(__m512i);

/// Made by `splat`, `load` and `load_part` alone, so a value is proof of AVX-512.
#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

/// Instructions without pointers: what needs AVX-512 is safe once there is proof of it.
macro_rules! avx512 {
    ($instructions:expr) => {
        // SAFETY: the caller holds an `Avx512`, or a vector that was made from one, and no pointer is involved.
        unsafe { $instructions }
    };
}

impl Lanes for U64x8 {
    type Level = Avx512;
    const COUNT: usize = 8;
    type Drawn = [Self; 0];

    #[inline(always)]
    fn splat(_: Avx512, word: u64) -> Self {
        Self(avx512!(_mm512_set1_epi64(word.cast_signed())))
    }
    #[inline(always)]
    fn counters(level: Avx512, first: u64, step: u64) -> Self {
        let lane = Self(avx512!(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)));
        lane.mul(step).add(Self::splat(level, first))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_epi64(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        Self(avx512!(_mm512_mullo_epi64(self.0, _mm512_set1_epi64(other.cast_signed()))))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx512!(_mm512_xor_si512(self.0, other.0)))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(avx512!(_mm512_or_si512(self.0, other.0)))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx512!(_mm512_and_si512(self.0, other.0)))
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(avx512!(_mm512_andnot_si512(other.0, self.0)))
    }
    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        Self(avx512!(_mm512_slli_epi64::<N>(self.0)))
    }
    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        Self(avx512!(_mm512_srli_epi64::<N>(self.0)))
    }
    #[inline(always)]
    fn rotl<const N: u32>(self) -> Self {
        Self(avx512!(_mm512_rolv_epi64(self.0, _mm512_set1_epi64(i64::from(N)))))
    }
    #[inline(always)]
    fn mark(self, marks: &mut u64, at: usize) {
        *marks |= u64::from(avx512!(_mm512_test_epi64_mask(self.0, self.0))) << at;
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        if let Some(slot) = slot::<8>(groups, group, lane) {
            // SAFETY: `self` is proof of AVX-512; the slot is 64 bytes that may be written, at any alignment.
            unsafe { _mm512_storeu_si512(slot.as_mut_ptr().cast(), self.0) }
        }
    }
}

impl Floats for F32x16 {
    type Level = Avx512;
    const COUNT: usize = 16;

    #[inline(always)]
    fn splat(_: Avx512, x: f32) -> Self {
        Self(avx512!(_mm512_set1_ps(x)))
    }
    #[inline(always)]
    unsafe fn load(_: Avx512, x: *const f32) -> Self {
        // SAFETY: the caller holds an `Avx512`, and `x` points to 16 floats to read, at any alignment.
        let loaded = unsafe { _mm512_loadu_ps(x) };
        Self(avx512!(in_register(loaded)))
    }
    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: `self` is proof of AVX-512, and `y` points to 16 floats to write, at any alignment.
        unsafe { _mm512_storeu_ps(y, self.0) }
    }
    #[inline(always)]
    unsafe fn load_part(_: Avx512, x: *const f32, len: usize) -> Self {
        // SAFETY: the caller holds an `Avx512`; only the `len` floats that `x` points to are read.
        Self(unsafe { _mm512_maskz_loadu_ps(first_lanes(len), x) })
    }
    #[inline(always)]
    unsafe fn store_part(self, y: *mut f32, len: usize) {
        // SAFETY: `self` is proof of AVX-512; only the `len` floats that `y` points to are written.
        unsafe { _mm512_mask_storeu_ps(y, first_lanes(len), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(avx512!(_mm512_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx512!(_mm512_sub_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(avx512!(_mm512_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn greater(self, other: Self) -> u64 {
        u64::from(avx512!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0)))
    }
    #[inline(always)]
    fn zero_below(self, x: Self, least: Self) -> Self {
        Self(avx512!(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x.0, least.0), self.0)))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(avx512!({
            let shifted = _mm512_slli_epi32::<23>(_mm512_cvttps_epi32(self.0));
            let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
            _mm512_castsi512_ps(_mm512_add_epi32(shifted, one))
        }))
    }
    #[inline(always)]
    fn keep(self, bits: u64, at: usize) -> Self {
        Self(avx512!(_mm512_maskz_mov_ps((bits >> at) as __mmask16, self.0)))
    }
    #[inline(always)]
    fn select(self, other: Self, bits: u64, at: usize) -> Self {
        Self(avx512!(_mm512_mask_mov_ps(other.0, (bits >> at) as __mmask16, self.0)))
    }
}

/// A bit for each of the first `n` lanes.
fn first_lanes(n: usize) -> __mmask16 {
    if n < 16 { (1 << n) - 1 } else { !0 }
}

/// Keeps a load apart from the masked product that follows. As the memory operand of that product it is a masked load,
/// which takes 1.45 times as long from memory (Zen 5, 16 Mi elements) and no longer in the caches.
#[inline]
#[target_feature(enable = "avx512f")]
fn in_register(mut loaded: __m512) -> __m512 {
    // SAFETY: no instruction; the register stays as it is.
    unsafe { asm!("/* {0} */", inlateout(zmm_reg) loaded, options(pure, nomem, nostack, preserves_flags)) };
    loaded
}
