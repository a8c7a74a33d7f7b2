//! Embedding dropout by stream and by stored mask, over vocabularies, dimensions and tokens of any numbers.
#![no_main]

use std::iter;

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{EmbeddingDropout, Error, Level, Mask, StoredMask, mask_words};
use dropmask_fuzz::{Buffer, MAX_LEN, Output, Settings, Slack, Source, check, masked, product, size, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Lookup,
    Forward,
    Backward,
    BackwardAdd,
    BackwardTable,
}
use Operation::*;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Token {
    Known(u8),
    AlsoKnown(u16),
    /// By so much past the last.
    Past(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=1))] u8),
    Any(u32),
}

impl Token {
    const fn id(self, vocabulary: usize) -> u32 {
        let known = match self {
            Self::Known(n) => n as usize,
            Self::AlsoKnown(n) => n as usize,
            Self::Past(n) => return (vocabulary as u32).wrapping_add(n as u32),
            Self::Any(id) => return id,
        };
        if vocabulary == 0 { known as u32 } else { (known % vocabulary) as u32 }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    #[arbitrary(with = size)]
    vocabulary: usize,
    #[arbitrary(with = size)]
    dimension: usize,
    tokens: Vec<Token>,
    /// One token that may be like no other.
    odd: Option<(u8, Token)>,
    settings: Settings,
    /// Mask words and their first bit, in place of the stream, and a factor in place of that of the dropout.
    stored: Option<(Vec<u64>, u8, Option<f32>)>,
    slack: [Slack; 2],
    lead: [u8; 2],
    x: Vec<u32>,
    y: Vec<u32>,
}

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.vocabulary as u128) {
        Case::new(&input, source).check();
    }
});

struct Case<'a> {
    input: &'a Input,
    source: Source,
    ids: Vec<u32>,
    vocabulary: usize,
    words: Vec<u64>,
    x: Buffer,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        // the vocabulary of a stored mask is as large as it is long
        let longest = if input.stored.is_some() { 4096 } else { usize::MAX };
        let vocabulary = input.vocabulary.min(longest);
        let mut ids: Vec<_> = input.tokens.iter().map(|token| token.id(vocabulary)).collect();
        if let Some((at, token)) = input.odd.filter(|_| !ids.is_empty()) {
            let at = usize::from(at) % ids.len();
            ids[at] = token.id(vocabulary);
        }
        let (table, rows) = (product(&[vocabulary, input.dimension]), product(&[ids.len(), input.dimension]));
        let x = if input.operation == Lookup { table } else { rows };
        let y = if input.operation == BackwardTable { table } else { rows };
        let drawn =
            input.stored.as_ref().map(|(drawn, first, _)| (drawn, mask_words(usize::from(*first) + vocabulary)));
        Self {
            source,
            vocabulary,
            words: drawn.map_or(Vec::new(), |(drawn, count)| words(drawn, count)),
            x: Buffer::near(&input.x, input.lead[0], x, input.slack[0]),
            before: Output {
                y: Buffer::near(&input.y, input.lead[1], y, input.slack[1]),
                z: Buffer::new(&[], 0, 0),
                words: Vec::new(),
            },
            ids,
            input,
        }
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| (self.expected(), ()));
        check(&self.before, expected, |level, output| self.run(level, output));
    }

    const fn in_place(&self) -> bool {
        self.input.in_place && matches!(self.input.operation, Forward | Backward)
    }

    fn is_valid(&self) -> bool {
        let (operation, dimension) = (self.input.operation, self.input.dimension);
        let rows = |of: usize, buffer: &Buffer| product(&[of, dimension]) == Some(buffer.get().len() as u128);
        let x = self.in_place() || rows(if operation == Lookup { self.vocabulary } else { self.ids.len() }, &self.x);
        let y = rows(if operation == BackwardTable { self.vocabulary } else { self.ids.len() }, &self.before.y);
        let indices = self.input.stored.is_some() || self.source.fits(self.vocabulary as u128);
        x && y && indices && self.ids.iter().all(|&id| (id as usize) < self.vocabulary)
    }

    fn run(&self, level: Level, Output { y, .. }: &mut Output) -> Result<(), Error> {
        let Self { input, ids, vocabulary, .. } = self;
        let dropout = match input.stored {
            None => EmbeddingDropout::new(self.source.stream(level), [*vocabulary, input.dimension]),
            Some((_, first, scale)) => {
                let mask = Mask::at_bit(&self.words, first.into(), *vocabulary)?;
                let shape = [*vocabulary, input.dimension];
                let drawn = || EmbeddingDropout::new(self.source.stream(level), shape).stored(mask);
                let given = |scale| StoredMask::new(mask, scale).with_level(level);
                scale.map_or_else(drawn, |scale| EmbeddingDropout::from_mask(given(scale), input.dimension))
            }
        };
        let (x, y) = (self.x.get(), y.get_mut());
        match (input.operation, self.in_place()) {
            (Lookup, _) => dropout.lookup(ids, x, y),
            (Forward, false) => dropout.forward(ids, x, y),
            (Forward, true) => dropout.forward_in_place(ids, y),
            (Backward, false) => dropout.backward(ids, x, y),
            (Backward, true) => dropout.backward_in_place(ids, y),
            (BackwardAdd, _) => dropout.backward_add(ids, x, y),
            (BackwardTable, _) => dropout.backward_table(ids, x, y),
        }
    }

    fn expected(&self) -> Output {
        let Self { input, ids, .. } = self;
        let (dimension, mut output) = (input.dimension, self.before.clone());
        let mut bits = self.source.bits();
        let mut dropped = |id: u32, x: f32| match &input.stored {
            None => masked(bits(id.into()), x, self.source.training()),
            Some((_, first, scale)) => {
                let bit = usize::from(*first) + id as usize;
                let scale = scale.unwrap_or_else(|| self.source.training());
                masked(self.words[bit / 64] >> (bit % 64) & 1 == 1, x, scale)
            }
        };
        let y = output.y.get_mut();
        let elements = ids.iter().enumerate().flat_map(|(t, &id)| iter::repeat((t, id)).zip(0..dimension));
        // no dimension, or one that y has
        for ((t, id), i) in elements.take(y.len().max(ids.len() * dimension.min(MAX_LEN))) {
            let (row, table) = (t * dimension + i, id as usize * dimension + i);
            match input.operation {
                Lookup => y[row] = dropped(id, self.x.get()[table]),
                BackwardAdd => y[row] += dropped(id, self.x.get()[row]),
                BackwardTable => y[table] += dropped(id, self.x.get()[row]),
                _ => y[row] = dropped(id, if self.in_place() { y[row] } else { self.x.get()[row] }),
            }
        }
        output
    }
}
