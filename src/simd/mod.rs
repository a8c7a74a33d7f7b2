//! What a vector can do here: three traits, implemented once per level; which level a machine has; and the way from a level
//! to the code that is compiled for it.
#![allow(unsafe_code)] // loads and stores of raw operands are declared here, and written once per level

mod array;
mod dispatch;
mod level;

// x86, but for the targets of kernels, whose ABI has no vectors: no function there can be compiled for AVX
#[cfg(target_feature = "sse2")]
pub(crate) mod avx2;
#[cfg(target_feature = "sse2")]
pub(crate) mod avx512;
#[allow(dead_code, reason = "plain code has no use for it")]
mod pair;
/// `wide`, or plain code where `wide` has no vectors.
#[cfg_attr(
    any(
        dropmask_plain,
        not(any(
            target_feature = "sse2",
            target_feature = "simd128",
            all(target_feature = "neon", target_arch = "aarch64"),
        )),
    ),
    path = "plain.rs"
)]
pub(crate) mod portable;

pub(crate) use array::{fold, load, store, to_array};
pub(crate) use dispatch::{Operation, dispatch};
#[cfg_attr(not(feature = "ffi"), allow(unused_imports))]
pub(crate) use level::Kind;
pub use level::Level;
#[allow(unused_imports, reason = "as above")]
pub(crate) use pair::Pair;
pub(crate) use portable::BATCH;

/// Proof that the running CPU has a level; the value of a level that is detected comes from its `new` alone.
pub(crate) trait Simd: Copy {
    /// The lanes of one register.
    type Lanes: Lanes<Level = Self>;
    /// The lanes of several registers side by side, at most those of [`BATCH`] blocks: as many as hide the latency of
    /// xoshiro and still fit the register file.
    type Wide: Lanes<Level = Self>;
    /// Whether and how often a pass goes on with the words of two blocks while the next two are drawn.
    const OVERLAP: Overlap;
    /// The lanes that are drawn side by side then: at most those of two blocks.
    type Overlapped: Lanes<Level = Self>;
    /// 16 lanes at every level: what is summed is summed in the same order everywhere.
    type Floats: Floats<Level = Self>;
    /// Registers that [`Floats`](Self::Floats) takes.
    const REGISTERS: usize;
}

/// When a pass takes its steps while words are drawn: what is fastest at a level in the caches (measured: see records).
#[allow(dead_code, reason = "each level has its own")]
pub(crate) enum Overlap {
    /// Never: drawing and applying take turns.
    None,
    /// After the words of each group.
    Groups,
    /// After each digit.
    Digits,
}

/// The words of blocks as they are sampled: per block two groups, of eight lanes each.
pub(crate) type Groups = [[u64; 8]];

/// A vector of `u64`, one per lane of the mask stream. All arithmetic is modulo 2^64.
pub(crate) trait Lanes: Copy {
    type Level: Simd;
    /// A power of two. Below 8, a block takes several vectors; above, a vector spans several blocks.
    const COUNT: usize;
    /// Room to draw all ten words of a group before they are compared, where the registers do not hold both the generator
    /// and the comparison; else none.
    type Drawn: Default + AsMut<[Self]>;

    fn splat(level: Self::Level, word: u64) -> Self;
    /// Lane `i` gets `first + i * step`.
    fn counters(level: Self::Level, first: u64, step: u64) -> Self;
    fn add(self, other: Self) -> Self;
    /// The low 64 bits of the product with a constant.
    fn mul(self, other: u64) -> Self;
    fn xor(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    /// `self & !other`.
    fn and_not(self, other: Self) -> Self;
    fn shl<const N: u32>(self) -> Self;
    fn shr<const N: u32>(self) -> Self;
    fn rotl<const N: u32>(self) -> Self;
    /// Sets bit `at + i` of `marks` where lane `i` is not 0.
    fn mark(self, marks: &mut u64, at: usize);
    /// Writes lane `i` where [`slot`] says for lane `lane + i`.
    fn store(self, groups: &mut Groups, group: usize, lane: usize);
}

/// The place of `N` consecutive lanes from `lane` on, counted from the first lane of the first block; `N` divides 8
/// and `lane`. `None` outside the buffer.
#[inline(always)]
fn slot<const N: usize>(groups: &mut Groups, group: usize, lane: usize) -> Option<&mut [u64; N]> {
    let row = groups.get_mut(lane / 8 * 2 + group)?;
    row.as_chunks_mut().0.get_mut(lane % 8 / N)
}

/// A vector of `f32`.
pub(crate) trait Floats: Copy {
    type Level: Copy;
    /// A divisor of 16.
    const COUNT: usize;

    fn splat(level: Self::Level, x: f32) -> Self;
    /// # Safety
    /// `x` points to `COUNT` floats to read.
    unsafe fn load(level: Self::Level, x: *const f32) -> Self;
    /// # Safety
    /// `y` points to `COUNT` floats to write.
    unsafe fn store(self, y: *mut f32);
    /// Loads `len` elements, at most `COUNT`; the other lanes are 0.
    ///
    /// # Safety
    /// `x` points to `len` floats to read.
    unsafe fn load_part(level: Self::Level, x: *const f32, len: usize) -> Self;
    /// Stores the first `len` lanes, at most `COUNT`.
    ///
    /// # Safety
    /// `y` points to `len` floats to write.
    unsafe fn store_part(self, y: *mut f32, len: usize);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self > other ? self : other` in each lane, so `other` where one is NaN.
    fn max(self, other: Self) -> Self;
    /// Bit `i` tells whether lane `i` is greater than that of `other`; false where one is NaN.
    fn greater(self, other: Self) -> u64;
    /// `x < least ? +0.0 : self` in each lane, so `self` where one is NaN.
    fn zero_below(self, x: Self, least: Self) -> Self;
    /// 2^n of a lane that is an integer n of a normal power; of any other, something.
    fn power_of_two(self) -> Self;
    /// Lane `i` if bit `at + i` is set, else `+0.0`. `at` is a multiple of `COUNT`.
    fn keep(self, bits: u64, at: usize) -> Self;
    /// Lane `i` if bit `at + i` is set, else that of `other`. `at` is a multiple of `COUNT`.
    fn select(self, other: Self, bits: u64, at: usize) -> Self;
}
