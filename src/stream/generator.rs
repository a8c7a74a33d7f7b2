use rand_core::Rng;

use crate::mask::MaskMut;
use crate::probability::Probability;

impl MaskMut<'_> {
    /// Draws every bit anew from any generator: hardware, ChaCha, your own. Each element is kept with probability
    /// exactly `T / 2^32`, given ideal uniform words. With the feature `rng`, which is one of the default features.
    ///
    /// For each mask word in turn it draws one `next_u64` for each binary digit of the threshold, from the most
    /// significant of its 32 down to its last 1, and stops early once no element of the word is undecided: about 7
    /// draws a word, 1 at `p = 0.5`, none at `p = 0` and `p = 1`. The last, partial word draws like a full one. That
    /// order is a promise too: the same generator gives the same mask on every machine and in every version.
    ///
    /// ```
    /// use dropmask::{MaskMut, Probability, rand_core::SeedableRng};
    /// use rand_xoshiro::Xoshiro256PlusPlus;
    ///
    /// let mut words = [0; 4];
    /// let mut mask = MaskMut::new(&mut words, 256)?;
    /// mask.fill_from_rng(Probability::new(0.25)?, &mut Xoshiro256PlusPlus::seed_from_u64(7));
    /// assert_eq!(mask.as_mask().count_kept(), 197);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    pub fn fill_from_rng(&mut self, p: Probability, rng: &mut (impl Rng + ?Sized)) {
        for word in self.words_mut() {
            *word = draw(p, rng);
        }
        self.clear_tail();
    }
}

/// 64 elements, digit by digit: `kept <=> U < T` for a 32-bit `U` of each.
fn draw(p: Probability, rng: &mut (impl Rng + ?Sized)) -> u64 {
    if let Some(kept) = p.certain() {
        return if kept { !0 } else { 0 };
    }
    let (mut less, mut equal) = (0, !0);
    for digit in (p.threshold().trailing_zeros()..32).rev() {
        let r = rng.next_u64();
        if p.threshold() >> digit & 1 == 1 {
            less |= equal & !r;
            equal &= r;
        } else {
            equal &= !r;
        }
        if equal == 0 {
            break;
        }
    }
    less
}
