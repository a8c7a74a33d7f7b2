//! Memory of NumPy arrays as pointers, and calls of the library on it: all unsafe code of the package.
//!
//! No reference to elements is made, so that another thread that writes them is the fault of its author and no more, as in
//! NumPy; nothing between elements that lie apart is touched.
#![allow(unsafe_code)]

mod array;
mod dense;
mod pass;

use std::ffi::CStr;

use dropmask::ffi::*;

pub(crate) use array::Array;
pub(crate) use dense::*;
pub(crate) use pass::{ALL, Arrays, Kernel, Pass};

/// The sentence for a status.
pub(crate) fn message(status: dropmask_status) -> String {
    // SAFETY: the header says that it is never NULL, and static.
    let text = unsafe { CStr::from_ptr(dropmask_status_message(status)) };
    text.to_string_lossy().into_owned()
}

/// The SIMD level that runs.
pub(crate) fn level() -> &'static str {
    // SAFETY: the header says that it is never NULL, and static.
    let level = unsafe { CStr::from_ptr(dropmask_level()) };
    level.to_str().unwrap_or_default()
}
