//! What the benchmarks share: what is measured, on which buffers, beside what.

#![allow(clippy::float_cmp)] // the answers are exact
#![allow(dead_code)] // each benchmark uses its part

pub(crate) mod measure;
mod roofline;

use std::fmt;
use std::hint::black_box;
use std::ops::{Deref, DerefMut};

use dropmask::{Dropout, Key, Level, Mask, MaskMut, Probability, StoredMask, mask_words};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// In the first, second and third cache of a current CPU, and in none.
pub(crate) const SIZES: [usize; 4] = [4096, 1 << 16, 1 << 20, 1 << 24];
pub(crate) const PROBABILITIES: [f32; 2] = [0.1, 0.5];

const PAGE: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Fill,
    Forward,
    ForwardStore,
    BackwardStored,
    BackwardReplay,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] =
        [Self::Fill, Self::Forward, Self::ForwardStore, Self::BackwardStored, Self::BackwardReplay];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fill => "mask fill",
            Self::Forward => "forward, replay",
            Self::ForwardStore => "forward, storing",
            Self::BackwardStored => "backward, stored",
            Self::BackwardReplay => "backward, replay",
        })
    }
}

/// Values that begin at a chosen place of a page: the first cache makes a load wait for a store to the same place of another
/// page.
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// At its start.
    pub(crate) fn new(len: usize) -> Self {
        Self::at(0, len)
    }

    /// So many bytes after its start.
    fn at(byte: usize, len: usize) -> Self {
        let values = vec![T::default(); len + (PAGE + byte) / size_of::<T>()];
        let start = values.as_ptr().align_offset(PAGE) + byte / size_of::<T>();
        Self { values, start, len }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.start..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..][..self.len]
    }
}

pub(crate) fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(42), Probability::new(p).unwrap())
}

/// Numbers in [-1, 1).
pub(crate) fn inputs(len: usize) -> Aligned<f32> {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut x = Aligned::new(len);
    x.iter_mut().for_each(|x| *x = rng.random_range(-1.0..1.0));
    x
}

/// Room for results, half a page away from the inputs.
pub(crate) fn outputs(len: usize) -> Aligned<f32> {
    Aligned::at(PAGE / 2, len)
}

/// The buffers for one length and one probability. Everything that is compared uses the same ones.
pub(crate) struct Case {
    pub(crate) p: f32,
    stream: Dropout,
    pub(crate) x: Aligned<f32>,
    pub(crate) y: Aligned<f32>,
    /// The right mask, from the specification.
    mask: Aligned<u64>,
    /// The mask that an operation draws.
    drawn: Aligned<u64>,
    rng: SmallRng,
    /// The mask that plain code draws.
    kept: Vec<bool>,
    /// Whether operations share themselves out among the threads of rayon.
    #[cfg(feature = "rayon")]
    pub(crate) parallel: bool,
}

impl Case {
    pub(crate) fn new(len: usize, p: f32) -> Self {
        let stream = stream(p);
        let mut mask = Aligned::new(mask_words(len));
        stream.with_level(Level::SCALAR).fill(&mut MaskMut::new(&mut mask, len).unwrap()).unwrap();
        Self {
            p,
            stream,
            x: inputs(len),
            y: outputs(len),
            drawn: Aligned::new(mask.len()),
            mask,
            rng: SmallRng::seed_from_u64(2),
            kept: vec![false; len],
            #[cfg(feature = "rayon")]
            parallel: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    pub(crate) fn operation(&mut self, operation: Operation, level: Level) {
        let (stream, x) = (self.stream.with_level(level), black_box(&*self.x));
        #[cfg(feature = "rayon")]
        let stream = if self.parallel { stream.parallel() } else { stream };
        let mut drawn = MaskMut::new(&mut self.drawn, x.len()).unwrap();
        match operation {
            Operation::Fill => stream.fill(&mut drawn),
            Operation::Forward => stream.forward(x, &mut self.y),
            Operation::ForwardStore => stream.forward_store(x, &mut self.y, &mut drawn),
            Operation::BackwardStored => {
                let mask = Mask::new(&self.mask, x.len()).unwrap();
                let mask = StoredMask::new(mask, stream.scale()).with_level(level);
                #[cfg(feature = "rayon")]
                let mask = if self.parallel { mask.parallel() } else { mask };
                mask.apply(x, &mut self.y)
            }
            Operation::BackwardReplay => stream.backward(x, &mut self.y),
        }
        .unwrap();
        black_box((&*self.y, &*self.drawn));
    }

    pub(crate) fn roofline(&mut self, level: Level) {
        roofline::roofline(level, black_box(self.stream.scale()), black_box(&self.x), &mut self.y);
        black_box(&*self.y);
    }

    /// The loop that a user would write: a random number for each element or, from a stored mask, one `bool`.
    pub(crate) fn plain(&mut self, operation: Operation) {
        let Self { p, ref mut rng, ref mut kept, .. } = *self;
        let (scale, mut keep) = (self.stream.scale(), || rng.random::<f32>() >= p);
        let elements = self.y.iter_mut().zip(black_box(&*self.x));
        match operation {
            Operation::Fill => kept.iter_mut().for_each(|kept| *kept = keep()),
            Operation::Forward | Operation::BackwardReplay => {
                elements.for_each(|(y, x)| *y = if keep() { x * scale } else { 0.0 });
            }
            // one loop over all three arrays is slower, the compiler branches on `kept`
            Operation::ForwardStore => {
                self.plain(Operation::Fill);
                self.plain(Operation::BackwardStored);
            }
            Operation::BackwardStored => {
                elements.zip(kept).for_each(|((y, x), kept)| *y = x * scale * f32::from(*kept));
            }
        }
        black_box((&*self.y, &*self.kept));
    }

    /// Asserts that all three compute what they say.
    pub(crate) fn check(&mut self, operation: Operation, level: Level) {
        let scale = self.stream.scale();

        self.y.fill(f32::NAN);
        self.roofline(level);
        assert!(self.y.iter().zip(&*self.x).all(|(y, x)| *y == scale * x), "roofline, {level}");

        self.plain(Operation::ForwardStore);
        self.plain(operation);
        let deviations = self.deviations(self.kept.iter().filter(|kept| **kept).count());
        assert!(deviations < 6.0, "plain code keeps {deviations} standard deviations too many or too few");
        if let Operation::ForwardStore | Operation::BackwardStored = operation {
            assert!(self.y_is_masked_by(self.kept.iter().copied()), "plain code");
        }

        self.y.fill(f32::NAN);
        self.drawn.fill(!0);
        self.operation(operation, level);
        if operation != Operation::Fill {
            let mask = Mask::new(&self.mask, self.len()).unwrap();
            assert!(self.y_is_masked_by(mask.iter()), "{operation}, {level}");
        }
        if let Operation::Fill | Operation::ForwardStore = operation {
            assert!(*self.drawn == *self.mask, "{operation}, {level}");
        }
    }

    fn y_is_masked_by(&self, kept: impl Iterator<Item = bool>) -> bool {
        let masked = |x: f32, kept| if kept { x * self.stream.scale() } else { 0.0 };
        self.y.iter().zip(&*self.x).zip(kept).all(|((y, x), kept)| *y == masked(*x, kept))
    }

    /// How far a number of kept elements is from the expected one, in standard deviations.
    pub(crate) fn deviations(&self, kept: usize) -> f64 {
        let (n, p) = (self.len() as f64, f64::from(self.p));
        (kept as f64 - n * (1.0 - p)).abs() / (n * p * (1.0 - p)).sqrt()
    }
}
