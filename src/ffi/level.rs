use core::ffi::c_char;

use crate::simd::Kind;
use crate::simd::Level;

/// The SIMD level that runs: "scalar", "portable", "avx2" or "avx512". Every level gives the same bits, NaNs aside, as the
/// rules say. Never NULL; the string is static.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_level() -> *const c_char {
    let name = match Level::detect().0 {
        Kind::Scalar => c"scalar",
        Kind::Portable => c"portable",
        #[cfg(target_feature = "sse2")]
        Kind::Avx2(_) => c"avx2",
        #[cfg(target_feature = "sse2")]
        Kind::Avx512(_) => c"avx512",
    };
    name.as_ptr()
}
