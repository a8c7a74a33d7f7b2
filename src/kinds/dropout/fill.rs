use super::Dropout;
use crate::engine::{each_words, fill, fill_layout};
use crate::error::{Argument, Error, Setting};
use crate::kinds::settings::Settings;
use crate::kinds::stored::StoredMask;
use crate::layout::check_indices;
use crate::mask::{Mask, MaskMut};

/// The mask alone, and what reads it.
impl Dropout {
    /// The same operations by the mask that this value stored with [`fill`](Self::fill) or
    /// [`forward_store`](Self::forward_store): bits are read instead of drawn. Scale, layout, level and threads are those of
    /// the value; key, probability and offset have no further effect. A part of the elements reads [`Mask::slice`] of the
    /// mask.
    ///
    /// ```
    /// use dropmask::{Dropout, Key, Layout, MaskMut, Probability, mask_words};
    ///
    /// // 3 rows of 100 columns of 1000: the mask has their 300 bits
    /// let layout = Layout::rows(3, 100).index_strides([1000, 1]);
    /// let dropout = Dropout::new(Key::new(1), Probability::new(0.5)?).with_layout(layout);
    /// let (x, mut y, mut dx, mut words) = ([1.0; 300], [0.0; 300], [0.0; 300], [0; mask_words(300)]);
    /// let mut mask = MaskMut::new(&mut words, 300)?;
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
        let layout = match self.settings.layout {
            Some(layout) => Some(layout.stored()),
            None => None,
        };
        StoredMask::new(mask, scale).with_settings(Settings { layout, ..self.settings })
    }

    /// Draws the mask alone: bit `j` is that of index `offset + j`, or of the `j`-th element that a
    /// [layout](crate::Layout#stored-masks) does not share.
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
        let len = mask.len();
        let words = mask.words_mut();
        let (level, source) = (self.run_level(), self.source());
        let Some(layout) = self.settings.layout else {
            check_indices(self.offset, len as u128)?;
            fill(level, self.threads(), self.stream(), self.offset, len, words);
            return Ok(());
        };
        let noise = layout.noise();
        noise.check_noise(Argument::Mask, len)?;
        noise.check_indices(self.offset)?;
        fill_layout(level, self.threads(), source, noise.indices(), words);
        Ok(())
    }

    /// The mask that [`fill`](Self::fill) draws, as one `bool` for each of its bits.
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
        self.fill_values(kept, |mask, kept| mask.write_bools(kept))
    }

    /// [`fill_bools`](Self::fill_bools) with 1 for an element that is kept, 0 for one that is dropped.
    ///
    /// # Errors
    /// See [`fill_bools`](Self::fill_bools).
    pub fn fill_u8(&self, kept: &mut [u8]) -> Result<(), Error> {
        self.fill_values(kept, |mask, kept| mask.write_u8(kept))
    }

    fn fill_values<T>(
        &self,
        kept: &mut [T],
        write: impl Fn(Mask<'_>, &mut [T]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.supports_no(&[Setting::Threads])?;
        let noise = self.layout_of(kept.len()).noise();
        noise.check_noise(Argument::Output, kept.len())?;
        noise.check_indices(self.offset)?;
        let (mut at, mut result) = (0, Ok(()));
        each_words(self.run_level(), self.source(), noise.indices(), 0..kept.len(), |words, len| {
            let part = kept.get_mut(at..at + len).unwrap_or_default();
            result = result.and_then(|()| write(Mask::new(words, len)?, part));
            at += len;
        });
        result
    }
}
