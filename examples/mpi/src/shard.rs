//! What a rank computes by itself. Nothing in this file knows of MPI: a part of a layer follows from seed, step and shard.

use std::ops::Range;

use dropmask::{Dropout, DropoutLayer, Error, Key, Layout, MaskMut, Probability, mask_words};

/// Activations of a layer. 2, 3 and 4 divide neither number, and no part but the first begins on a word of the whole mask.
const ROWS: usize = 37;
const COLUMNS: usize = 203;
pub const LEN: usize = ROWS * COLUMNS;
const P: f32 = 0.1;

/// What the keys of a layer are derived for.
const DROPOUT: u64 = 0;
const INPUT: u64 = 1;
const GRADIENT: u64 = 2;

/// How the ranks share a layer; the number is that of the layer.
#[derive(Clone, Copy, Debug)]
pub enum Parallel {
    /// Each has some of the rows, all columns of them.
    Batch = 0,
    /// Each has some of the columns, in all rows.
    Tensor = 1,
}

/// The part of a layer's activations that a rank holds, as a dense matrix.
pub struct Shard {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Shard {
    pub fn new(parallel: Parallel, rank: usize, ranks: usize) -> Self {
        let cut = |len: usize| rank * len / ranks..(rank + 1) * len / ranks;
        match parallel {
            Parallel::Batch => Self { rows: cut(ROWS), columns: 0..COLUMNS },
            Parallel::Tensor => Self { rows: 0..ROWS, columns: cut(COLUMNS) },
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Where its elements are in the whole tensor, in the order in which it holds them.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        self.rows.clone().flat_map(|row| self.columns.clone().map(move |column| row * COLUMNS + column))
    }

    /// Restricts a stream of the whole tensor to the shard. If it were of whole rows alone, `offset` would do.
    fn of(&self, stream: Dropout) -> Dropout {
        let whole = Layout::rows(self.rows.end, COLUMNS);
        let first = whole.index_of([self.rows.start, self.columns.start]);
        stream.with_offset(first).with_layout(whole.part([self.rows.len(), self.columns.len()]))
    }
}

/// What a training step computes, of a shard or of the whole.
pub struct Part {
    /// The mask, a byte an element: bits of shards that begin within a word cannot be gathered in place.
    pub kept: Vec<u8>,
    pub y: Vec<f32>,
    pub dx: Vec<f32>,
}

impl Part {
    fn zeros(len: usize) -> Self {
        Self { kept: vec![0; len], y: vec![0.0; len], dx: vec![0.0; len] }
    }

    pub fn to_le_bytes(&self) -> Vec<u8> {
        let floats = self.y.iter().chain(&self.dx).flat_map(|value| value.to_le_bytes());
        self.kept.iter().copied().chain(floats).collect()
    }
}

/// The dropout of a layer on one rank.
pub struct Layer {
    pub parallel: Parallel,
    key: Key,
    shard: Shard,
    dropout: DropoutLayer,
}

impl Layer {
    /// Begins at any step, having run none of those before.
    pub fn new(seed: u64, parallel: Parallel, shard: Shard, step: u64) -> Result<Self, Error> {
        let key = Key::new(seed).derive(parallel as u64);
        let stream = shard.of(Dropout::new(key.derive(DROPOUT), Probability::new(P)?));
        Ok(Self { parallel, key, shard, dropout: DropoutLayer::new(stream).at_step(step) })
    }

    /// A training step on the shard.
    pub fn step(&mut self) -> Result<Part, Error> {
        let step = self.dropout.step();
        let x = values(self.key.derive(INPUT).derive(step), self.shard.indices());
        let dy = values(self.key.derive(GRADIENT).derive(step), self.shard.indices());
        let mut part = Part::zeros(self.shard.len());
        self.dropout.train(&x, &mut part.y)?;
        self.dropout.backward(&dy, &mut part.dx)?;

        // training stores no mask; here it is drawn once more, to be compared
        self.dropout.pass(step).fill_u8(&mut part.kept)?;
        Ok(part)
    }
}

/// A training step on the whole layer in this process, by calls that know of no shards.
pub fn whole(seed: u64, parallel: Parallel, step: u64) -> Result<Part, Error> {
    let key = Key::new(seed).derive(parallel as u64);
    let stream = Dropout::new(key.derive(DROPOUT).derive(step), Probability::new(P)?);
    let x = values(key.derive(INPUT).derive(step), 0..LEN);
    let dy = values(key.derive(GRADIENT).derive(step), 0..LEN);
    let mut part = Part::zeros(LEN);
    let mut words = [0; mask_words(LEN)];
    let mut mask = MaskMut::new(&mut words, LEN)?;
    stream.forward_store(&x, &mut part.y, &mut mask)?;
    stream.backward(&dy, &mut part.dx)?;
    mask.as_mask().write_u8(&mut part.kept)?;
    Ok(part)
}

/// Stands for what the layers around this one would compute: numbers in [-1, 1), which depend on the element alone.
fn values(key: Key, indices: impl Iterator<Item = usize>) -> Vec<f32> {
    indices.map(|index| key.below(index as u64, 1 << 24) as f32 / (1 << 23) as f32 - 1.0).collect()
}
