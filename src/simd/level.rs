use core::fmt;

#[cfg(target_feature = "sse2")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::error::Error;

/// The SIMD level that runs a kernel. Every level gives the same bits, [NaNs](crate::Dropout#arithmetic) aside.
///
/// A value exists only for a level that the running machine has, so a level that the machine lacks cannot be asked
/// for.
///
/// | level | what runs | chosen |
/// |---|---|---|
/// | `scalar` | the specification: one naive loop each, slow | never by itself |
/// | `portable` | `wide`: SSE2, NEON of AArch64, wasm simd128; else plain code | at compile time |
/// | `avx2` | AVX2 | at run time, x86 |
/// | `avx512` | AVX-512 F + BW + DQ + VL | at run time, x86 |
///
/// Detection needs no std. The freestanding x86 targets that Rust comes with are soft-float and get `portable`. 32-bit x86
/// without SSE2 is refused at compile time: x87 instructions round otherwise, and results would not be the same. The
/// soft-float `i686-unknown-uefi` is refused with it.
///
/// **To pin a level** for one call, pass it to the operation, as in [`Dropout::with_level`](crate::Dropout::with_level).
/// For a whole build, set `RUSTFLAGS='--cfg dropmask_level="portable"'` (or `"scalar"`, `"avx2"`, `"avx512"`): it is
/// the highest level that [`detect`](Self::detect) then returns.
///
/// ```
/// use dropmask::Level;
///
/// assert!(Level::supported().any(|level| level == Level::detect()));
/// assert_eq!(Level::named("portable")?, Level::PORTABLE);
/// # Ok::<(), dropmask::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Level(pub(crate) Kind);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Scalar,
    Portable,
    #[cfg(target_feature = "sse2")]
    Avx2(Avx2),
    #[cfg(target_feature = "sse2")]
    Avx512(Avx512),
}

/// How many of the levels, from `scalar` up, a build lets [`Level::detect`] choose from.
const PINNED: usize = if cfg!(dropmask_level = "scalar") {
    1
} else if cfg!(dropmask_level = "portable") {
    2
} else if cfg!(dropmask_level = "avx2") {
    3
} else {
    4
};

impl Level {
    /// The specification, one naive loop an operation. It is what the other levels are tested against.
    pub const SCALAR: Self = Self(Kind::Scalar);

    /// The level that is fixed at compile time.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// AVX2, if this machine has it.
    pub fn avx2() -> Option<Self> {
        #[cfg(target_feature = "sse2")]
        return Avx2::new().map(|avx2| Self(Kind::Avx2(avx2)));
        #[cfg(not(target_feature = "sse2"))]
        None
    }

    /// AVX-512 F, BW, DQ and VL, if this machine has all four.
    pub fn avx512() -> Option<Self> {
        #[cfg(target_feature = "sse2")]
        return Avx512::new().map(|avx512| Self(Kind::Avx512(avx512)));
        #[cfg(not(target_feature = "sse2"))]
        None
    }

    /// The fastest level of the running machine, or of the build if that pins a lower one. The CPU is asked once; the
    /// answer is kept in an atomic on x86, and is a constant elsewhere.
    #[inline]
    pub fn detect() -> Self {
        if PINNED == 1 {
            return Self::SCALAR;
        }
        let avx512 = if PINNED > 3 { Self::avx512() } else { None };
        let avx2 = || if PINNED > 2 { Self::avx2() } else { None };
        avx512.or_else(avx2).unwrap_or(Self::PORTABLE)
    }

    /// Every level of the running machine, from the slowest up, whatever the build pins.
    pub fn supported() -> impl Iterator<Item = Self> {
        [Some(Self::SCALAR), Some(Self::PORTABLE), Self::avx2(), Self::avx512()].into_iter().flatten()
    }

    /// The level of that [name](Self::name).
    ///
    /// # Errors
    /// [`Error::UnsupportedLevel`] if the machine lacks it or there is no such level.
    pub fn named(name: &str) -> Result<Self, Error> {
        Self::supported().find(|level| level.name() == name).ok_or(Error::UnsupportedLevel)
    }

    /// Whether it is the scalar level: never in a library that C alone calls, which can ask for none.
    #[inline(always)]
    pub(crate) const fn is_scalar(self) -> bool {
        (PINNED == 1 || cfg!(not(dropmask_panic_handler))) && matches!(self.0, Kind::Scalar)
    }

    /// Above so many elements it pays to draw words beside the work of a pass (measured: see records).
    pub(crate) const fn beside_above(self) -> usize {
        match self.0 {
            Kind::Scalar | Kind::Portable => usize::MAX,
            // the shortest that has whole pairs of blocks wherever it begins
            #[cfg(target_feature = "sse2")]
            Kind::Avx2(_) | Kind::Avx512(_) if cfg!(fuzzing) => 3071,
            #[cfg(target_feature = "sse2")]
            Kind::Avx2(_) | Kind::Avx512(_) => 8191,
        }
    }

    /// `"scalar"`, `"portable"`, `"avx2"` or `"avx512"`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Portable => "portable",
            #[cfg(target_feature = "sse2")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_feature = "sse2")]
            Kind::Avx512(_) => "avx512",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
