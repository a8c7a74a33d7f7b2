use core::ffi::c_char;

use crate::stream::MASK_STREAM_VERSION;

/// The version of the library; DROPMASK_VERSION is that of the header. Never NULL; the string is static.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the mask stream; DROPMASK_MASK_STREAM_VERSION is that of the header. Libraries of the same version draw the
/// same bit for a key, a threshold and an index, so that a mask need not be stored beside a checkpoint: its version is enough.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_mask_stream_version() -> u32 {
    MASK_STREAM_VERSION
}
