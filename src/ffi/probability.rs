use super::buffers::{Out, run};
use super::status::*;
use crate::probability::Probability;

/// The factor of kept elements in training: 1 / (1 - p) of the probability that is really drawn, 2^32 / T; 0 where
/// everything is dropped (p = 1).
///
/// p: a float; a double is rounded to it first, see the rules.
/// scale: one float.
/// Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_scale(p: f32, scale: *mut f32) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(probability(p), (Out(scale),), |p, (scale,)| {
            *scale = p.scale();
            Ok(())
        })
    }
}

/// The threshold of a drop probability, T = floor((1 - p) * 2^32 + 0.5) in double: an element is kept with a
/// probability of exactly T / 2^32. The functions with a float p take the threshold of that float.
///
/// threshold: one uint64_t.
/// Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_threshold(p: f64, threshold: *mut u64) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Probability::from_f64(p).map_err(status_of), (Out(threshold),), |p, (threshold,)| {
            *threshold = p.threshold();
            Ok(())
        })
    }
}

pub(super) fn probability(p: f32) -> Result<Probability, dropmask_status> {
    Probability::new(p).map_err(status_of)
}
