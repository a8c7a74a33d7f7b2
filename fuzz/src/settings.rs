//! A mask stream and its bits, one at a time.

use std::collections::HashMap;

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Dropout, Error, Key, Level, MaskMut, Probability};

use crate::{Chance, Factor, Offset};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Settings {
    key: u64,
    chance: Chance,
    factor: Factor,
    offset: Offset,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.ratio(1, 6))]
    parallel: bool,
}

impl Settings {
    /// For so many element indices; `None` where the probability is refused.
    pub fn source(self, span: u128) -> Option<Source> {
        let p = self.chance.probability()?;
        let Self { key, factor, offset, parallel, .. } = self;
        Some(Source { key: Key::from_raw(key), p, factor, offset: offset.get(span), parallel })
    }
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub key: Key,
    pub p: Probability,
    pub factor: Factor,
    pub offset: u64,
    /// On several threads.
    pub parallel: bool,
}

impl Source {
    pub const fn stream(&self, level: Level) -> Dropout {
        let dropout = Dropout::new(self.key, self.p).with_offset(self.offset).with_scaling(self.factor.scaling());
        let dropout = dropout.with_level(level);
        if self.parallel { dropout.parallel() } else { dropout }
    }

    /// Whether so many element indices are there.
    pub const fn fits(&self, span: u128) -> bool {
        span <= (1 << 64) - self.offset as u128
    }

    /// The error if they are not.
    pub fn overflow(&self, span: u128) -> Option<Error> {
        (!self.fits(span)).then_some(Error::IndexOverflow { offset: self.offset, span })
    }

    /// Whether everything is kept.
    pub const fn keeps_all(&self) -> bool {
        self.p.threshold() == 1 << 32
    }

    /// The factor of what is kept in training.
    pub fn training(&self) -> f32 {
        match (self.factor, self.p.threshold()) {
            (Factor::Inverted, 0) => 0.0,
            (Factor::Inverted, threshold) => (4_294_967_296.0 / threshold as f64) as f32,
            (Factor::Standard | Factor::Naive, _) => 1.0,
        }
    }

    /// The factor of all elements in evaluation.
    pub fn evaluation_factor(&self) -> f32 {
        match self.factor {
            Factor::Inverted | Factor::Naive => 1.0,
            Factor::Standard => (self.p.threshold() as f64 / 4_294_967_296.0) as f32,
        }
    }

    /// What evaluation makes of an element.
    pub fn evaluated(&self, x: f32) -> f32 {
        match (self.factor, self.p.threshold()) {
            (Factor::Inverted | Factor::Naive, _) => x,
            (Factor::Standard, 0) => 0.0,
            (Factor::Standard, _) => x * self.evaluation_factor(),
        }
    }

    /// Tells of an index, counted from the offset, whether its element is kept.
    pub fn bits(self) -> impl FnMut(u64) -> bool {
        let stream = Dropout::new(self.key, self.p).with_level(Level::SCALAR);
        let mut words = HashMap::new();
        move |i| {
            let index = self.offset + i;
            let word = words.entry(index / 64).or_insert_with(|| {
                let mut word = [0];
                let mut mask = MaskMut::new(&mut word, 64).expect("a word");
                stream.with_offset(index / 64 * 64).fill(&mut mask).expect("a word of the stream");
                word[0]
            });
            *word >> (index % 64) & 1 == 1
        }
    }
}
