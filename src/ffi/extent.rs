//! Where buffers lie, and what can be wrong with that.

use super::status::*;

/// What a buffer covers. A length of `usize::MAX` also stands for a greater one.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    start: usize,
    bytes: usize,
    align: usize,
    written: bool,
}

impl Extent {
    pub(super) const NONE: Self = Self { start: 0, bytes: 0, align: 1, written: false };

    pub(super) fn read<T>(start: *const T, len: usize) -> Self {
        let bytes = len.saturating_mul(size_of::<T>());
        Self { start: start.addr(), bytes, align: align_of::<T>(), written: false }
    }

    pub(super) fn written<T>(start: *mut T, len: usize) -> Self {
        Self { written: true, ..Self::read(start, len) }
    }

    const fn check(self) -> Result<(), dropmask_status> {
        let Self { start, bytes, align, .. } = self;
        match start {
            _ if bytes == 0 => Ok(()),
            _ if bytes > isize::MAX as usize => Err(DROPMASK_LENGTH_OVERFLOW),
            0 => Err(DROPMASK_NULL_POINTER),
            // alignments are powers of two
            _ if start & (align - 1) != 0 => Err(DROPMASK_MISALIGNED),
            _ => Ok(()),
        }
    }

    /// Whether one of them is written where the other lies: what is only read may be shared.
    const fn collides(self, other: Self) -> bool {
        (self.written || other.written) && self.overlaps(other)
    }

    /// Compares distances, as an end could pass the end of the address space.
    const fn overlaps(self, other: Self) -> bool {
        let (low, high) = if self.start <= other.start { (self, other) } else { (other, self) };
        high.bytes > 0 && high.start - low.start < low.bytes
    }
}

pub(super) fn check(extents: &[Extent]) -> Result<(), dropmask_status> {
    let mut result = Ok(());
    for (i, extent) in extents.iter().enumerate() {
        let collides = extents.iter().skip(i + 1).any(|other| extent.collides(*other));
        let apart = if collides { Err(DROPMASK_OVERLAP) } else { Ok(()) };
        result = both(result, both(extent.check(), apart)).map(|_| ());
    }
    result
}
