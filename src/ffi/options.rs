use super::status::*;
use crate::kinds::Scaling;

/// Training: kept elements times dropmask_scale(p). Evaluation: the identity.
pub const DROPMASK_INVERTED: u32 = 0;
/// Training: kept elements as they are. Evaluation: all elements times dropmask_keep(p), +0.0 whatever they are where
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
