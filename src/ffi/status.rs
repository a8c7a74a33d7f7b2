use core::ffi::c_char;

use crate::error::Error;

/// What a call came to: 0 is success. On anything else nothing has been written.
///
/// Of several faults, the one of the lowest number is reported.
#[expect(non_camel_case_types, reason = "its name in C")]
pub type dropmask_status = u32;

/// All is done.
pub const DROPMASK_OK: dropmask_status = 0;
/// The drop probability is NaN or outside [0, 1]; the threshold is above 2^32, as that of a call is before it is set.
pub const DROPMASK_INVALID_PROBABILITY: dropmask_status = 1;
/// A buffer has more than PTRDIFF_MAX bytes; with 32-bit pointers, also where a function does not list it.
pub const DROPMASK_LENGTH_OVERFLOW: dropmask_status = 2;
/// A buffer that has elements is NULL, and the function does not say that it may be.
pub const DROPMASK_NULL_POINTER: dropmask_status = 3;
/// A buffer has not the natural alignment of its elements.
pub const DROPMASK_MISALIGNED: dropmask_status = 4;
/// A buffer that is written overlaps another one, and they are not a pair that the function allows to be equal.
pub const DROPMASK_OVERLAP: dropmask_status = 5;
/// The index of an element passes 2^64; an index range may end at exactly 2^64.
pub const DROPMASK_INDEX_OVERFLOW: dropmask_status = 6;
/// Elements of an output overlap in memory, or a shape or its mask has more than SIZE_MAX elements; the latter, with 32-bit
/// pointers, also where a function does not list it.
pub const DROPMASK_INVALID_SHAPE: dropmask_status = 7;
/// A scaling, a layout or an option has a value that this header does not name.
pub const DROPMASK_INVALID_OPTION: dropmask_status = 8;
/// A block is empty or larger than its map.
pub const DROPMASK_INVALID_BLOCK: dropmask_status = 9;
/// A token is not in the vocabulary.
pub const DROPMASK_UNKNOWN_TOKEN: dropmask_status = 10;
/// What describes a call is none: its size is not that of the struct or of a later one with zeros behind (4096 at most), it has
/// no axes or more than four, or lengths or indices of axes that it does not have. Nothing else is looked at then.
pub const DROPMASK_INVALID_CALL: dropmask_status = 11;

/// A sentence for a status, also for one that does not exist. Never NULL; the string is static.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_status_message(status: dropmask_status) -> *const c_char {
    let message = match status {
        DROPMASK_OK => c"success",
        DROPMASK_INVALID_PROBABILITY => {
            c"the drop probability is not in [0, 1], or the threshold above 2^32 or not set"
        }
        DROPMASK_LENGTH_OVERFLOW => c"a buffer has more than PTRDIFF_MAX bytes",
        DROPMASK_NULL_POINTER => c"a buffer is NULL",
        DROPMASK_MISALIGNED => c"a buffer is not aligned to its elements",
        DROPMASK_OVERLAP => c"a buffer that is written overlaps another one",
        DROPMASK_INDEX_OVERFLOW => c"the index of an element passes 2^64",
        DROPMASK_INVALID_SHAPE => c"rows overlap in memory, or a shape is too large",
        DROPMASK_INVALID_OPTION => c"a scaling, a layout or an option has an unknown value",
        DROPMASK_INVALID_BLOCK => c"a block is empty or larger than its map",
        DROPMASK_UNKNOWN_TOKEN => c"a token is not in the vocabulary",
        DROPMASK_INVALID_CALL => {
            c"the description of the call has another size, too many axes or none, or more lengths than axes"
        }
        _ => c"unknown status",
    };
    message.as_ptr()
}

pub(super) const fn status_of(error: Error) -> dropmask_status {
    match error {
        Error::InvalidProbability { .. } | Error::InvalidThreshold { .. } => DROPMASK_INVALID_PROBABILITY,
        Error::IndexOverflow { .. } => DROPMASK_INDEX_OVERFLOW,
        // lengths follow from the shape here, so that only the shape can be at fault
        Error::InvalidShape { .. }
        | Error::InvalidLayout { .. }
        | Error::LengthMismatch { .. }
        | Error::MaskTooShort { .. } => DROPMASK_INVALID_SHAPE,
        Error::InvalidBlock { .. } => DROPMASK_INVALID_BLOCK,
        Error::UnknownToken { .. } => DROPMASK_UNKNOWN_TOKEN,
        // of the layer, of pinned levels and of settings, none of which is part of this interface
        Error::NoForward | Error::InvalidFactor { .. } | Error::Unsupported { .. } | Error::UnsupportedLevel => {
            DROPMASK_INVALID_OPTION
        }
    }
}

/// Both values, or the lowest status.
pub(super) fn both<A, B>(
    a: Result<A, dropmask_status>,
    b: Result<B, dropmask_status>,
) -> Result<(A, B), dropmask_status> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.min(b)),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
    }
}
