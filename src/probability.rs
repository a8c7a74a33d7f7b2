use crate::error::Error;

/// 2^32, the threshold that keeps everything.
const ONE: u64 = 1 << 32;

/// Whether the formulas are computed as they are defined, in `f64`: not on 32-bit machines, of which many have no instructions
/// for it and pay 3 KB of code.
const F64: bool = cfg!(target_pointer_width = "64");

/// A drop probability, as the 32-bit threshold that decides.
///
/// An element is kept with probability `T / 2^32`, where the threshold is `T = floor((1 - p) * 2^32 + 0.5)`, `p`
/// widened to `f64` first. Nothing is rounded further: the realised probability is exact for ideal uniform bits, and
/// every factor below is computed from `T`, not from `p`, so that `E[y] = x` holds for what is really drawn.
///
/// ```
/// use dropmask::Probability;
///
/// let p = Probability::new(0.1)?;
/// assert_eq!(p.threshold(), 3_865_470_560);
/// assert_eq!(p.scale(), 1.111_111_2);
/// assert!(Probability::new(f32::NAN).is_err());
/// # Ok::<(), dropmask::Error>(())
/// ```
///
/// There is no order of probabilities, as that of drop probabilities is not that of their thresholds:
///
/// ```compile_fail,E0369
/// # use dropmask::Probability;
/// # fn less(p: Probability, q: Probability) -> bool {
/// p < q
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probability {
    threshold: u64,
}

impl Probability {
    /// The chance `p` that an element is dropped, in `[0, 1]`.
    ///
    /// The `f32` is taken as it is: 0.1 is 0.100000001490116 here and has the threshold 3865470560. Engines that hold an `f64`
    /// say [`from_f64`](Self::from_f64), where 0.1 has 3865470566; a seed gives another mask then. The nearer `p` is to 1, the
    /// more it matters: 0.999 becomes 0.99900001287 and has the scale 1000.0129.
    ///
    /// `-0.0`, subnormals and every `p` below about 2^-33 round to a threshold of 2^32: nothing is ever dropped.
    ///
    /// # Errors
    /// [`Error::InvalidProbability`] for NaN and for anything outside `[0, 1]`.
    pub const fn new(p: f32) -> Result<Self, Error> {
        if !(p >= 0.0 && p <= 1.0) {
            return Err(Error::InvalidProbability { p: p as f64 });
        }
        if F64 {
            return Ok(Self::rounded(p as f64));
        }
        // `p` in units of 2^-53 as `1 - p` has it in `f64`, to the nearest and ties to even
        let bits = p.to_bits() & (u32::MAX >> 1);
        let (exponent, digits) = (bits >> 23, digits(bits));
        let p = match exponent {
            97.. => digits << (exponent - 97),
            73.. => {
                let shift = 97 - exponent;
                let odd = digits >> shift & 1;
                (digits + (1 << (shift - 1)) - 1 + odd) >> shift
            }
            _ => 0,
        };
        Ok(Self { threshold: ((1 << 53) - p + (1 << 20)) >> 21 })
    }

    /// The same of an `f64`, which Python and many configurations hold: `T = floor((1 - p) * 2^32 + 0.5)` in `f64`.
    ///
    /// ```
    /// use dropmask::Probability;
    ///
    /// let (single, double) = (Probability::new(0.999)?, Probability::from_f64(0.999)?);
    /// assert_eq!([single.threshold(), double.threshold()], [4_294_912, 4_294_967]);
    /// assert_eq!([single.scale(), double.scale()], [1000.012_9, 1000.000_06]);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidProbability`] for NaN and for anything outside `[0, 1]`.
    pub const fn from_f64(p: f64) -> Result<Self, Error> {
        if p >= 0.0 && p <= 1.0 { Ok(Self::rounded(p)) } else { Err(Error::InvalidProbability { p }) }
    }

    /// The same of the chance that an element is *kept*: `T = floor(keep * 2^32 + 0.5)` in `f64`, with one rounding less
    /// than by way of `1 - keep`.
    ///
    /// ```
    /// use dropmask::Probability;
    ///
    /// assert_eq!(Probability::from_keep(0.25)?, Probability::new(0.75)?);
    /// # Ok::<(), dropmask::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidProbability`] for NaN and for anything outside `[0, 1]`.
    pub const fn from_keep(keep: f64) -> Result<Self, Error> {
        if !(keep >= 0.0 && keep <= 1.0) {
            return Err(Error::InvalidProbability { p: keep });
        }
        Ok(Self { threshold: (keep * ONE as f64 + 0.5) as u64 })
    }

    /// For `p` in `[0, 1]`.
    pub(crate) const fn rounded(p: f64) -> Self {
        Self { threshold: ((1.0 - p) * ONE as f64 + 0.5) as u64 }
    }

    /// Keeps an element with probability `threshold / 2^32`, exactly: reaches the values that no `f32` reaches.
    ///
    /// # Errors
    /// [`Error::InvalidThreshold`] above 2^32.
    pub const fn from_threshold(threshold: u64) -> Result<Self, Error> {
        if threshold > ONE {
            return Err(Error::InvalidThreshold { threshold });
        }
        Ok(Self { threshold })
    }

    /// `T`, in `0..=2^32`.
    pub const fn threshold(self) -> u64 {
        self.threshold
    }

    /// The factor of inverted dropout in training, `(2^32 / T) as f32`, the quotient in `f64`; 0 when everything is dropped.
    pub const fn scale(self) -> f32 {
        let threshold = match self.certain() {
            Some(kept) => return if kept { 1.0 } else { 0.0 },
            None => self.threshold,
        };
        if F64 {
            return (ONE as f64 / threshold as f64) as f32;
        }
        // at most two floats from the quotient; from below it, up to the first that is nearer than the next
        let mut bits = (ONE as f32 / threshold as u32 as f32).to_bits() - 2;
        loop {
            // halfway to the next float, and the quotient, both times the threshold
            let digits = digits(bits);
            let (halfway, quotient) = ((2 * digits + 1) * threshold, 1 << (183 - (bits >> 23)));
            // which is halfway in `f64`, and then goes to the even float, if it is nearer than half of a last place there
            let tie = halfway.abs_diff(quotient) <= threshold >> 29;
            if if tie { digits.is_multiple_of(2) } else { halfway > quotient } {
                return f32::from_bits(bits);
            }
            bits += 1;
        }
    }

    /// The factor of standard dropout in evaluation, the keep probability `(T / 2^32) as f32`.
    pub const fn keep(self) -> f32 {
        self.threshold as f32 / ONE as f32
    }

    /// The drop probability of the threshold, `((2^32 - T) / 2^32) as f32`.
    pub(crate) const fn drop(self) -> f32 {
        Self { threshold: ONE - self.threshold }.keep()
    }

    /// `T / 2^32`.
    pub(crate) const fn exact_keep(self) -> f64 {
        self.threshold as f64 / ONE as f64
    }

    /// Mean and variance of an element's bit.
    pub(crate) const fn moments(self) -> [f32; 2] {
        let keep = self.exact_keep();
        [keep as f32, (keep * (1.0 - keep)) as f32]
    }

    /// Those of its bit divided by the keep probability; 0 when everything is dropped.
    pub(crate) const fn inverted_moments(self) -> [f32; 2] {
        match self.threshold {
            0 => [0.0; 2],
            kept => [1.0, ((ONE - kept) as f64 / kept as f64) as f32],
        }
    }

    /// `Some(kept)` when every element has the same fate: `T` is 2^32 or 0.
    pub(crate) const fn certain(self) -> Option<bool> {
        match self.threshold {
            0 => Some(false),
            ONE => Some(true),
            _ => None,
        }
    }
}

/// [`Probability::new`].
impl TryFrom<f32> for Probability {
    type Error = Error;

    fn try_from(p: f32) -> Result<Self, Error> {
        Self::new(p)
    }
}

/// The 24 digits of a normal float, the first before the point.
const fn digits(bits: u32) -> u64 {
    (bits & 0x7F_FFFF | 0x80_0000) as u64
}
