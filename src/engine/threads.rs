//! A range of elements in pieces, on several threads. Pieces are shards: each knows its indices, so the bits are those of the
//! whole.

use core::ops::Range;

use crate::stream::BLOCK;

/// Elements of a piece, at most: so many take a thread about as long as another takes to wake.
pub(crate) const PIECE: usize = if cfg!(fuzzing) { 1 << 9 } else { 1 << 17 };

/// Which threads a pass may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Threads {
    /// The caller's.
    One,
    /// Those of rayon.
    #[cfg(feature = "rayon")]
    Pool,
}

impl Threads {
    /// Calls `task` with ranges that make up the whole, and what each has of `store`, where the elements have a bit each.
    pub(crate) fn run(self, range: Range<usize>, store: &mut [u64], task: &(dyn Fn(Range<usize>, &mut [u64]) + Sync)) {
        let Range { start, end } = range;
        // a stored mask is cut between two words
        let half = (end - start) / 2 / BLOCK as usize * BLOCK as usize;
        if matches!(self, Self::One) || end - start <= PIECE || half == 0 {
            return task(start..end, store);
        }
        let (first, second) = store.split_at_mut_checked(half / 64).unwrap_or_default();
        let middle = start + half;
        join(|| self.run(start..middle, first, task), || self.run(middle..end, second, task));
    }

    /// Calls `task` with ranges of rows of so many elements that make up the whole.
    pub(crate) fn rows(self, range: Range<usize>, columns: usize, task: &(dyn Fn(Range<usize>) + Sync)) {
        self.rows_of(range, PIECE / columns.max(1), (&mut [], 0), &|range, _| task(range));
    }

    /// The same with what each range has of `y`, `columns` elements a row; ranges of at most `rows` rows.
    pub(crate) fn rows_of(
        self,
        range: Range<usize>,
        rows: usize,
        (y, columns): (&mut [f32], usize),
        task: &(dyn Fn(Range<usize>, &mut [f32]) + Sync),
    ) {
        let Range { start, end } = range;
        let half = (end - start) / 2;
        if matches!(self, Self::One) || end - start <= rows || half == 0 {
            return task(start..end, y);
        }
        let middle = start + half;
        let (first, second) = y.split_at_mut_checked(half.saturating_mul(columns)).unwrap_or_default();
        join(
            || self.rows_of(start..middle, rows, (first, columns), task),
            || self.rows_of(middle..end, rows, (second, columns), task),
        );
    }
}

#[cfg(feature = "rayon")]
fn join(first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
    rayon::join(first, second);
}

#[cfg(not(feature = "rayon"))]
fn join(first: impl FnOnce(), second: impl FnOnce()) {
    first();
    second();
}
