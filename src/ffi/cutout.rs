//! Holes in images.

use super::buffers::{InOut, Pair, Write, run};
use super::options::accumulates;
use super::status::*;
use crate::key::Key;
use crate::kinds::Cutout;

/// Cutout, holes in images of shape (samples, channels, height, width): y = +0.0 inside the boxes of a sample, in all
/// its channels, else x. Box k of sample n, counted from first_sample, has its centre at row dropmask_key_below(k_n,
/// 2 * k, height) and column dropmask_key_below(k_n, 2 * k + 1, width) with k_n = dropmask_key_derive(key, n), begins
/// box_height / 2 rows and box_width / 2 columns before it, and is cut off at the border. Nothing is rescaled; evaluation
/// is the identity. Of dy to dx it is the gradient. With accumulate, 1 instead of 0, it is added to what is in y, which is
/// not x then.
///
/// x, y: samples * channels * height * width floats; y may be equal to x.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_cutout_forward_f32(
    key: u64,
    first_sample: u64,
    samples: usize,
    channels: usize,
    height: usize,
    width: usize,
    box_height: usize,
    box_width: usize,
    boxes: u32,
    x: *const f32,
    y: *mut f32,
    accumulate: u32,
) -> dropmask_status {
    let shape = [samples, channels, height, width];
    let cutout = cutout(key, first_sample, shape, [box_height, box_width], boxes);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        let checked = both(cutout.check_indices().map_err(status_of), accumulates(accumulate, x, y, cutout.len()));
        run(checked, (InOut(x, y, cutout.len()),), |((), add), (xy,)| match xy {
            Pair::Apart(x, y) if add => cutout.backward_add(x, y),
            Pair::Apart(x, y) => cutout.forward(x, y),
            Pair::InPlace(x) => cutout.forward_in_place(x),
        })
    }
}

/// The boxes that dropmask_cutout_forward_f32 cuts out of a sample: for each its first row, the row after its last,
/// its first column, the column after its last. For what goes with an image and is not of floats.
///
/// bounds: 4 * boxes size_t.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_cutout_boxes(
    key: u64,
    sample: u64,
    height: usize,
    width: usize,
    box_height: usize,
    box_width: usize,
    boxes: u32,
    bounds: *mut usize,
) -> dropmask_status {
    let cutout = cutout(key, 0, [1, 1, height, width], [box_height, box_width], boxes);
    let len = usize::try_from(boxes).unwrap_or(usize::MAX).saturating_mul(4);
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (Write(bounds, len),), |(), (bounds,)| {
            for (bounds, [rows, columns]) in bounds.as_chunks_mut().0.iter_mut().zip(cutout.boxes(sample)) {
                *bounds = [rows.start, rows.end, columns.start, columns.end];
            }
            Ok(())
        })
    }
}

const fn cutout(key: u64, first_sample: u64, shape: [usize; 4], size: [usize; 2], boxes: u32) -> Cutout {
    Cutout::new(Key::from_raw(key), shape, size).count(boxes).first_sample(first_sample)
}
