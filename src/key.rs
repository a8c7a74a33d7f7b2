/// 2^64 divided by the golden ratio, the increment of SplitMix64.
pub(crate) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const DERIVE: u64 = 0x8CB9_2BA7_2F3D_8DD7;

/// Multipliers of [`mix`], for the vector form of it.
pub(crate) const MIX: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, with
/// Stafford's thirteenth variant of the constants): a bijection.
pub(crate) const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(MIX[0]);
    let z = (z ^ (z >> 27)).wrapping_mul(MIX[1]);
    z ^ (z >> 31)
}

/// 64 bits that name one mask stream.
///
/// Start from a seed and derive by what the mask is for, in a fixed order: layer, step, sample. Distinct short paths
/// of steps give distinct, statistically independent streams. They are not cryptographic.
///
/// ```
/// use dropmask::Key;
///
/// let run = Key::new(42);
/// let layer3_step17 = run.derive(3).derive(17);
/// assert_ne!(layer3_step17, run.derive(17).derive(3));
/// assert_eq!(layer3_step17, Key::from_raw(layer3_step17.to_raw())); // save and restore
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of a seed: `mix(seed + 0x9E3779B97F4A7C15)`, where `mix` is the finaliser of SplitMix64.
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The key of one step below this one:
    /// `mix(mix(key + 0x8CB92BA72F3D8DD7) ^ mix(step + 0x9E3779B97F4A7C15))`.
    #[must_use]
    pub const fn derive(self, step: u64) -> Self {
        Self(mix(mix(self.0.wrapping_add(DERIVE)) ^ mix(step.wrapping_add(GOLDEN))))
    }

    /// A whole number below `n`, number `i` of the key: `(mix(key + (i + 1) * 0x9E3779B97F4A7C15) * n) >> 64`, the
    /// product taken in 128 bits; 0 if `n` is 0.
    ///
    /// No value is likelier than another by more than `n / 2^64` of its probability. Numbers and mask streams come from
    /// the same sequence: give each a key of its own.
    ///
    /// ```
    /// use dropmask::Key;
    ///
    /// let dice = Key::new(6).derive(0);
    /// assert_eq!([0, 1, 2, 3].map(|i| 1 + dice.below(i, 6)), [6, 1, 4, 4]);
    /// ```
    pub const fn below(self, i: u64, n: u64) -> u64 {
        let word = mix(self.0.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN)));
        ((word as u128 * n as u128) >> 64) as u64
    }

    /// Restores a key that [`to_raw`](Self::to_raw) saved. A new key comes from [`new`](Self::new) and
    /// [`derive`](Self::derive): raw neighbours name overlapping streams.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The key as an integer, to be saved.
    pub const fn to_raw(self) -> u64 {
        self.0
    }
}
