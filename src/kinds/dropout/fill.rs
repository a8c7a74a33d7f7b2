use super::Dropout;
use crate::engine::{Source, fill, sequence};
use crate::error::{Error, Setting, same_length};
use crate::kinds::stored::StoredMask;
use crate::layout::Shape;
use crate::mask::{Mask, MaskMut, unpack};
use crate::simd::Level;

/// The mask alone, and what reads it.
impl Dropout {
    /// The same operations by the mask that this value stored with [`fill`](Self::fill) or
    /// [`forward_store`](Self::forward_store): bits are read instead of drawn. Scale, layout, level and threads are those of
    /// the value; key, probability and offset name the mask and have no further say.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, MaskMut, Probability, Rows, mask_words};
    ///
    /// // 3 rows of 100 elements; each row of the mask begins on a word
    /// let dropout = Dropout::new(Key::new(1), Probability::new(0.5)?).rows(Rows::new(3, 100).index_stride(1000));
    /// let (x, mut y, mut dx, mut words) = ([1.0; 300], [0.0; 300], [0.0; 300], [0; 3 * mask_words(100)]);
    /// let mut mask = MaskMut::new(&mut words, 2 * 128 + 100)?;
    /// dropout.forward_store(&x, &mut y, &mut mask)?;
    /// dropout.stored(mask.as_mask()).apply(&[1.0; 300], &mut dx)?;
    /// assert_eq!(dx, y);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    pub const fn stored<'a>(&self, mask: Mask<'a>) -> StoredMask<'a> {
        self.stored_by(mask, self.scale())
    }

    /// [`stored`](Self::stored) with another factor.
    pub(crate) const fn stored_by<'a>(&self, mask: Mask<'a>, scale: f32) -> StoredMask<'a> {
        let shape = match self.shape {
            Some(shape) => Some(shape.as_stored()),
            None => None,
        };
        StoredMask::of(mask, scale, shape, self.level, self.threads)
    }

    /// Draws the mask alone: bit `j` tells whether the element of index `offset + j` is kept.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, MaskMut, Probability, mask_words};
    ///
    /// let mut words = [0; mask_words(1000)];
    /// let mut mask = MaskMut::new(&mut words, 1000)?;
    /// Dropout::new(Key::new(0), Probability::new(0.1)?).fill(&mut mask)?;
    /// assert_eq!(mask.as_mask().count_kept(), 908);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Dropout`].
    pub fn fill(&self, mask: &mut MaskMut<'_>) -> Result<(), Error> {
        let rows = Shape::stored(self.shape, mask.len())?;
        rows.check_indices(self.offset)?;
        for (row, words) in mask.rows_mut(rows.columns).take(rows.rows).enumerate() {
            let first = rows.index_stride.wrapping_mul(row as u64);
            fill(self.run_level(), self.threads, self.stream(), self.offset.wrapping_add(first), rows.columns, words);
        }
        Ok(())
    }

    /// The mask that [`fill`](Self::fill) draws, as one `bool` for each of its bits: `kept[j]` tells whether the element of
    /// index `offset + j` is kept. With [rows](Self::rows) or [channels](Self::channels), those of all rows follow each other.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Probability};
    ///
    /// let mut kept = [false; 8];
    /// Dropout::new(Key::new(0), Probability::new(0.5)?).fill_bools(&mut kept)?;
    /// assert_eq!(kept, [true, false, true, false, false, false, true, true]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Dropout`]; [`Error::Unsupported`] for threads.
    pub fn fill_bools(&self, kept: &mut [bool]) -> Result<(), Error> {
        self.fill_values(kept, |kept| kept == 1)
    }

    /// [`fill_bools`](Self::fill_bools) with 1 for an element that is kept, 0 for one that is dropped.
    ///
    /// # Errors
    /// See [`fill_bools`](Self::fill_bools).
    pub fn fill_u8(&self, kept: &mut [u8]) -> Result<(), Error> {
        self.fill_values(kept, |kept| kept)
    }

    fn fill_values<T>(&self, kept: &mut [T], of: impl Fn(u8) -> T) -> Result<(), Error> {
        self.supports_no(&[Setting::Threads])?;
        let rows = Shape::drawn(self.shape, kept.len());
        same_length(rows.rows.saturating_mul(rows.columns), kept.len())?;
        rows.check_indices(self.offset)?;
        for (row, kept) in kept.chunks_mut(rows.columns.max(1)).enumerate() {
            let first = self.offset.wrapping_add(rows.index_stride.wrapping_mul(row as u64));
            let (level, source) = (self.run_level(), Source::drawn(self.stream(), first));
            if level == Level::SCALAR {
                let mut bit = source.bits();
                kept.iter_mut().zip(0..).for_each(|(kept, i)| *kept = of(bit(i).into()));
                continue;
            }
            let mut at = 0;
            sequence(level, source, kept.len(), |words, len| {
                unpack(words.iter().copied(), kept.get_mut(at..at + len).unwrap_or_default(), &of);
                at += len;
            });
        }
        Ok(())
    }
}
