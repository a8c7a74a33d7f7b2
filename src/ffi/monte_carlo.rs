//! Monte-Carlo dropout: the spread over many passes, in the caller's buffers.

use super::buffers::{Read, Write, run, unless_null};
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

/// The variance of each output: squares / (passes - ddof), with 0 for ddof that over the passes, with 1 its unbiased estimate;
/// NaN if there were no more passes than that.
///
/// squares, variance: len doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_moments_variance(
    passes: u64,
    ddof: u64,
    squares: *const f64,
    variance: *mut f64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Read(squares, len), Write(variance, len)), |(), (squares, variance)| {
            let count = if passes > ddof { (passes - ddof) as f64 } else { f64::NAN };
            monte_carlo::variance(squares, count, variance)
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

/// The entropy of the mean of each row, in nats: all uncertainty. If entropy is not NULL, less that mean of the entropies of
/// the passes, at least 0: how much the passes disagree (mutual information, BALD). entropy itself is what would be left if the
/// weights were known.
///
/// mean: samples * classes doubles, entropy: samples doubles, of dropmask_classes_push_f32. out: samples doubles.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_classes_uncertainty(
    samples: usize,
    classes: usize,
    mean: *const f64,
    entropy: *const f64,
    out: *mut f64,
) -> dropmask_status {
    let len = samples.saturating_mul(classes);
    let buffers = (Read(mean, len), unless_null(entropy, Read(entropy, samples)), Write(out, samples));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), buffers, |(), (mean, entropy, out)| {
            match entropy {
                Some(entropy) => monte_carlo::mutual_information(mean, entropy, classes, out),
                None => monte_carlo::predictive_entropy(mean, classes, out),
            }
            Ok(())
        })
    }
}
