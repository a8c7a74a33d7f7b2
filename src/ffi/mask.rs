use super::buffers::{Out, Read, ReadMask, Write, WriteMask, run};
use super::status::*;
use crate::mask::mask_words;

/// Number of uint64_t words that hold a mask of len elements: len / 64, rounded up, for any len.
///
/// Bit j of a mask is (mask[j / 64] >> (j % 64)) & 1.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_mask_words(len: usize) -> usize {
    mask_words(len)
}

/// Counts the kept elements: the bits first .. first + len of mask that are 1.
///
/// mask: dropmask_mask_words(first + len) words. kept: one uint64_t.
/// Status: OK, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_mask_count_kept(
    mask: *const u64,
    first: u64,
    kept: *mut u64,
    len: usize,
) -> dropmask_status {
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe {
        run(Ok(()), (ReadMask(mask, first, len as u128), Out(kept)), |(), (mask, kept)| {
            *kept = mask?.count_kept() as u64;
            Ok(())
        })
    }
}

/// Writes one byte an element, 1 = kept and 0 = dropped, of the bits first .. first + len of mask.
///
/// mask: dropmask_mask_words(first + len) words. out: len bytes.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_mask_to_u8(
    mask: *const u64,
    first: u64,
    out: *mut u8,
    len: usize,
) -> dropmask_status {
    let buffers = (ReadMask(mask, first, len as u128), Write(out, len));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe { run(Ok(()), buffers, |(), (mask, out)| mask?.write_u8(out)) }
}

/// Packs one byte an element: 0 = drop, anything else = keep. Bits past len in the last word become 0.
///
/// kept: len bytes. mask: dropmask_mask_words(len) words.
/// Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dropmask_mask_from_u8(kept: *const u8, mask: *mut u64, len: usize) -> dropmask_status {
    let buffers = (Read(kept, len), WriteMask(mask, len as u128));
    // SAFETY: the buffers have the lengths that the header states; that there is such memory, the caller promises.
    unsafe { run(Ok(()), buffers, |(), (kept, mask)| mask?.copy_from_u8(kept)) }
}
