//! One row at the level of the machine, without what a layout needs: firmware that draws, drops and replays has no other code.

use super::buffers::{InOut, Read, Write, run, unless_null};
use super::probability::probability;
use super::status::*;
use crate::engine::{Row, Source, Threads, fill};
use crate::key::Key;
use crate::kinds::Dropout;
use crate::mask::{Mask, mask_words};
use crate::simd::Level;

/// Elements from one of a stream on.
pub(super) struct Flat {
    pub(super) key: u64,
    pub(super) p: f32,
    pub(super) offset: u64,
    pub(super) len: usize,
}

/// # Safety
/// All: a pointer that is not NULL and is aligned points to `len` floats or to the words of `len` bits. What is written, nobody
/// else reads or writes meanwhile, and what is read, nobody writes.
impl Flat {
    fn stream(&self) -> Result<Dropout, dropmask_status> {
        let Self { key, p, offset, len } = *self;
        let last = offset.checked_add((len as u64).saturating_sub(1));
        let indices = last.ok_or(DROPMASK_INDEX_OVERFLOW);
        both(probability(p), indices).map(|(p, _)| Dropout::new(Key::from_raw(key), p).with_offset(offset))
    }

    pub(super) unsafe fn fill(self, mask: *mut u64) -> dropmask_status {
        let (dropout, words) = (self.stream(), Write(mask, mask_words(self.len)));
        // SAFETY: our caller says of the pointer what `run` demands.
        unsafe {
            run(dropout, (words,), |dropout, (words,)| {
                fill(Level::detect(), Threads::One, dropout.stream(), self.offset, self.len, words);
                Ok(())
            })
        }
    }

    pub(super) unsafe fn forward(self, x: *const f32, y: *mut f32, mask: *mut u64) -> dropmask_status {
        let words = unless_null(mask, Write(mask, mask_words(self.len)));
        let buffers = (InOut(x, y, self.len), words);
        // SAFETY: our caller says of the pointers what `run` demands.
        unsafe {
            run(self.stream(), buffers, |dropout, (xy, words)| {
                let ((x, y), words) = (xy.input_and_output(), words.unwrap_or_default());
                Row::new(Level::detect(), dropout.source(), [x], y, words).scale(dropout.scale());
                Ok(())
            })
        }
    }
}

/// By a stored mask.
///
/// # Safety
/// As of [`Flat`].
pub(super) unsafe fn apply(mask: *const u64, scale: f32, x: *const f32, y: *mut f32, len: usize) -> dropmask_status {
    let buffers = (Read(mask, mask_words(len)), InOut(x, y, len));
    // SAFETY: our caller says of the pointers what `run` demands.
    unsafe {
        run(Ok(()), buffers, |(), (words, xy)| {
            let (x, y) = xy.input_and_output();
            Row::new(Level::detect(), Source::stored(Mask::new(words, len)?, scale), [x], y, &mut []).scale(scale);
            Ok(())
        })
    }
}
