//! Attention with dropout in tiles: softmax by a running maximum and sum (Milakov and Gimelshein, 2018), in blocks and
//! with a backward pass that computes the weights again (Rabe and Staats, 2021; Dao et al., `FlashAttention`, 2022).

use std::ops::Range;

use dropmask::{Dropout, Error, Layout};

use crate::product::{Row, SIZE, Tile, add_product, add_transposed_product, inner_products, pack, panels};
use crate::softmax::{exp, exponentials, largest, multiply};

/// Queries and keys of a tile. Bits come in blocks of 1024 that follow each other in a row, so a wide tile is drawn faster.
pub const QUERIES: usize = 32;
pub const KEYS: usize = 512;
/// From row to row of a tile: no multiple of 4096 bytes, which would put all of a column in a few lines of the cache.
const STRIDE: usize = KEYS + 16;

/// What the scores are multiplied with.
pub fn factor() -> f32 {
    1.0 / (SIZE as f32).sqrt()
}

/// One head of as many queries as keys.
#[derive(Clone, Copy)]
pub struct Head {
    /// Its offset is the index of the head's first weight.
    pub dropout: Dropout,
    pub tokens: usize,
    /// Whether query `i` sees keys `0..=i` alone.
    pub causal: bool,
}

impl Head {
    /// `o = dropout(softmax(q k^T * factor)) v`. Of the weights, it keeps the logarithm of the sum of the exponentials of
    /// each row.
    pub fn forward(&self, [q, k, v]: [&[Row]; 3], o: &mut [Row], log_sums: &mut [f32]) -> Result<(), Error> {
        let mut buffer = buffer();
        let mut packed = panels(QUERIES);
        for block in self.blocks() {
            let (o, log_sums) = (&mut o[block.clone()], &mut log_sums[block.clone()]);
            pack(&q[block.clone()], factor(), &mut packed);
            o.fill([0.0; SIZE]);
            let mut maxima = [f32::NEG_INFINITY; QUERIES];
            let mut sums = [0.0; QUERIES];
            for keys in self.tiles(&block) {
                let tile = &mut cut(&mut buffer, &block, &keys);
                inner_products(&packed, &k[keys.clone()], tile);
                self.hide(tile, block.start, keys.start);
                for (((row, maximum), sum), o) in tile.rows_mut().zip(&mut maxima).zip(&mut sums).zip(&mut *o) {
                    let before = *maximum;
                    *maximum = largest(row, before);
                    let shrink = exp(before - *maximum);
                    *sum = *sum * shrink + exponentials(row, *maximum);
                    multiply(o, shrink);
                }
                // the sum has all exponentials, the output those that are kept
                self.apply_dropout(tile, block.start, keys.start)?;
                add_product(tile, &v[keys.clone()], o);
            }
            for (((o, log_sum), maximum), sum) in o.iter_mut().zip(log_sums).zip(maxima).zip(sums) {
                multiply(o, 1.0 / sum);
                *log_sum = maximum + sum.ln();
            }
        }
        Ok(())
    }

    /// The gradients of `q`, `k` and `v` from that of `o`: the weights are computed again, and the mask is drawn again.
    pub fn backward(
        &self,
        [q, k, v]: [&[Row]; 3],
        (o, log_sums): (&[Row], &[f32]),
        d_o: &[Row],
        [dq, dk, dv]: [&mut [Row]; 3],
    ) -> Result<(), Error> {
        let [mut weights, mut gradient] = [buffer(), buffer()];
        let [mut packed, mut d_packed] = [panels(QUERIES), panels(QUERIES)];
        dq.fill([0.0; SIZE]);
        dk.fill([0.0; SIZE]);
        dv.fill([0.0; SIZE]);
        for block in self.blocks() {
            let (q, o, d_o, log_sums) =
                (&q[block.clone()], &o[block.clone()], &d_o[block.clone()], &log_sums[block.clone()]);
            pack(q, factor(), &mut packed);
            pack(d_o, 1.0, &mut d_packed);
            for keys in self.tiles(&block) {
                let weights = &mut cut(&mut weights, &block, &keys);
                inner_products(&packed, &k[keys.clone()], weights);
                self.hide(weights, block.start, keys.start);
                for (row, log_sum) in weights.rows_mut().zip(log_sums) {
                    exponentials(row, *log_sum);
                }

                let gradient = &mut cut(&mut gradient, &block, &keys);
                inner_products(&d_packed, &v[keys.clone()], gradient);
                self.apply_dropout(gradient, block.start, keys.start)?;
                for (((row, weights), o), d_o) in gradient.rows_mut().zip(weights.rows_mut()).zip(o).zip(d_o) {
                    // of the gradients of all keys, each with its weight: the sum that makes up the output, times `d_o`
                    let mean: f32 = o.iter().zip(d_o).map(|(o, d_o)| o * d_o).sum();
                    row.iter_mut().zip(weights).for_each(|(d, weight)| *d = *weight * (*d - mean) * factor());
                }
                add_product(gradient, &k[keys.clone()], &mut dq[block.clone()]);
                add_transposed_product(gradient, q, &mut dk[keys.clone()]);

                self.apply_dropout(weights, block.start, keys.start)?;
                add_transposed_product(weights, d_o, &mut dv[keys]);
            }
        }
        Ok(())
    }

    /// Dropout of a tile in place, with its part of the mask of the whole matrix: from the index of its first weight on, and from
    /// row to row as many as the matrix has keys.
    pub fn apply_dropout(&self, tile: &mut Tile<'_>, query: usize, key: usize) -> Result<(), Error> {
        let whole = Layout::rows(self.tokens, self.tokens);
        let (part, first) =
            (whole.part([tile.queries, tile.keys]).strides([tile.stride, 1]), whole.index_of([query, key]));
        self.dropout
            .with_offset(self.dropout.offset().wrapping_add(first))
            .with_layout(part)
            .forward_in_place(tile.values)
    }

    /// Scores of keys that a query does not see are `-inf`. Every query sees the first key.
    fn hide(&self, tile: &mut Tile<'_>, query: usize, key: usize) {
        for (i, row) in tile.rows_mut().enumerate().filter(|_| self.causal) {
            let visible = (query + i + 1).saturating_sub(key);
            row.iter_mut().skip(visible).for_each(|score| *score = f32::NEG_INFINITY);
        }
    }

    /// Queries that are worked on at a time.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(self.tokens, QUERIES)
    }

    /// The keys that some query of a block sees, as many as a tile has at a time.
    fn tiles(&self, block: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(if self.causal { block.end } else { self.tokens }, KEYS)
    }
}

/// `0..end` in parts.
pub fn ranges(end: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..end).step_by(len).map(move |start| start..end.min(start + len))
}

/// Room for a tile.
pub fn buffer() -> Vec<f32> {
    vec![0.0; QUERIES * STRIDE]
}

/// As much of a buffer as some queries and keys need.
pub fn cut<'a>(buffer: &'a mut [f32], queries: &Range<usize>, keys: &Range<usize>) -> Tile<'a> {
    let (queries, keys) = (queries.len(), keys.len());
    Tile { values: &mut buffer[..(queries - 1) * STRIDE + keys], stride: STRIDE, queries, keys }
}
