use super::status::*;
use crate::kinds::Scaling;

/// Training: kept elements times dropmask_scale(p). Evaluation: the identity.
pub const DROPMASK_INVERTED: u32 = 0;
/// Training: kept elements as they are. Evaluation: all elements times keep = threshold / 2^32, +0.0 whatever they are where
/// that is 0.
pub const DROPMASK_STANDARD: u32 = 1;
/// Training: kept elements as they are. Evaluation: the identity, too large by 1 / (1 - p).
pub const DROPMASK_NAIVE: u32 = 2;

pub(super) const fn scaling(scaling: u32) -> Result<Scaling, dropmask_status> {
    match scaling {
        DROPMASK_INVERTED => Ok(Scaling::Inverted),
        DROPMASK_STANDARD => Ok(Scaling::Standard),
        DROPMASK_NAIVE => Ok(Scaling::Naive),
        _ => Err(DROPMASK_INVALID_OPTION),
    }
}

/// A choice of 0 or 1.
pub(super) const fn flag(flag: u32) -> Result<bool, dropmask_status> {
    match flag {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DROPMASK_INVALID_OPTION),
    }
}

/// Whether a result is added to an output of so many elements: that is not the input then.
pub(super) fn accumulates(accumulate: u32, x: *const f32, y: *mut f32, len: usize) -> Result<bool, dropmask_status> {
    let apart = if accumulate == 1 && x == y && len > 0 { Err(DROPMASK_OVERLAP) } else { Ok(()) };
    both(flag(accumulate), apart).map(|(add, ())| add)
}
