//! Monte-Carlo dropout: the spread over many passes, in the caller's buffers.

use super::buffers::{Read, Write, run};
use super::status::*;
use crate::kinds::{self as monte_carlo};
use crate::kinds::{ClassUncertainty, Moments};

/// Monte-Carlo dropout: takes the outputs y of one more pass into the mean and the sum of the squared distances from
/// it of each output, by Welford's method in double. passes is the number of passes taken before; if it is 0, mean and
/// squares are first set to 0, whatever they hold.
///
/// A mask for the whole batch in pass t: dropmask_dropout_forward_f32 with the key dropmask_key_derive(key, t), of a call of
/// dropmask_call_rows whose index[0] is 0. One for each sample: each sample by itself with the key
/// dropmask_key_derive(dropmask_key_derive(key, t), sample).
///
/// y: len floats. mean, squares: len doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_moments_push_f32(
    passes: u64,
    y: *const f32,
    mean: *mut f64,
    squares: *mut f64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(y, len), Write(mean, len), Write(squares, len)), |(), (y, mean, squares)| {
            Moments::resume(passes, mean, squares)?.push(y)
        })
    }
}

/// The variance of each output over the passes: squares / passes; NaN if there were none, as 0 / 0 is.
///
/// squares, variance: len doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_moments_population_variance(
    passes: u64,
    squares: *const f64,
    variance: *mut f64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(squares, len), Write(variance, len)), |(), (squares, variance)| {
            monte_carlo::variance(squares, passes as f64, variance)
        })
    }
}

/// The unbiased estimate of the variance of each output: squares / (passes - 1); NaN if there were fewer than two
/// passes.
///
/// squares, variance: len doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_moments_sample_variance(
    passes: u64,
    squares: *const f64,
    variance: *mut f64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(squares, len), Write(variance, len)), |(), (squares, variance)| {
            monte_carlo::variance(squares, passes.saturating_sub(1) as f64, variance)
        })
    }
}

/// Monte-Carlo dropout of a classifier: takes the class probabilities p of one more pass, one row of classes elements
/// a sample, into the mean of each and into the mean of the entropy -sum p ln p of each row (0 ln 0 = 0). passes is
/// the number of passes taken before; if it is 0, mean and entropy are first set to 0, whatever they hold.
/// Probabilities are not checked. One that is negative or NaN makes entropy and the mutual information of its row NaN,
/// whatever passes follow; the predictive entropy is NaN where the mean of a class is negative or NaN.
///
/// p: samples * classes floats. mean: samples * classes doubles. entropy: samples doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_classes_push_f32(
    passes: u64,
    samples: usize,
    classes: usize,
    p: *const f32,
    mean: *mut f64,
    entropy: *mut f64,
) -> dropmask_status {
    let len = samples.saturating_mul(classes);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(p, len), Write(mean, len), Write(entropy, samples)), |(), (p, mean, entropy)| {
            ClassUncertainty::resume(passes, classes, mean, entropy)?.push(p)
        })
    }
}

/// The entropy of the mean of each row, in nats: all uncertainty.
///
/// mean: samples * classes doubles, of dropmask_classes_push_f32. out: samples doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_classes_predictive_entropy(
    samples: usize,
    classes: usize,
    mean: *const f64,
    out: *mut f64,
) -> dropmask_status {
    let len = samples.saturating_mul(classes);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(mean, len), Write(out, samples)), |(), (mean, out)| {
            monte_carlo::predictive_entropy(mean, classes, out);
            Ok(())
        })
    }
}

/// The predictive entropy of each row less the mean of its entropies, at least 0: how much the passes disagree (BALD).
/// That mean, what would be left if the weights were known, is entropy itself.
///
/// mean: samples * classes doubles, entropy: samples doubles, of dropmask_classes_push_f32. out: samples doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_classes_mutual_information(
    samples: usize,
    classes: usize,
    mean: *const f64,
    entropy: *const f64,
    out: *mut f64,
) -> dropmask_status {
    let len = samples.saturating_mul(classes);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(mean, len), Read(entropy, samples), Write(out, samples)), |(), (mean, entropy, out)| {
            monte_carlo::mutual_information(mean, entropy, classes, out);
            Ok(())
        })
    }
}
