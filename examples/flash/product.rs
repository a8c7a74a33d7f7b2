//! The three products of attention, of a tile of weights with rows of queries, keys or values. All add up blocks of 4 x 8
//! sums in registers, in plain code that a compiler vectorises.

use std::array::from_fn;

/// Numbers of a query, of a key, of a value.
pub const SIZE: usize = 64;
pub type Row = [f32; SIZE];

/// Rows and columns of a block: its sums are eight vectors of SSE2, half of the registers.
const ROWS: usize = 4;
const COLUMNS: usize = 8;
type Block = [[f32; COLUMNS]; ROWS];

/// Eight rows side by side: number `i` of each of them, for all `i`.
pub type Panel = [[f32; COLUMNS]; SIZE];

/// Weights, scores or their gradients: some queries by some keys, in rows that lie `stride` apart.
pub struct Tile<'a> {
    pub values: &'a mut [f32],
    pub stride: usize,
    pub queries: usize,
    pub keys: usize,
}

impl Tile<'_> {
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let keys = self.keys;
        self.values.chunks_mut(self.stride).take(self.queries).map(move |row| &mut row[..keys])
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks(self.stride).take(self.queries).map(|row| &row[..self.keys])
    }

    /// Four rows; one behind the last is the last again, and what becomes of it is not stored.
    fn four_rows(&self, first: usize) -> [&[f32]; ROWS] {
        from_fn(|i| &self.values[(first + i).min(self.queries - 1) * self.stride..][..self.keys])
    }
}

/// Rows in panels, times a factor; rows that are missing in the last panel are 0.
pub fn pack(rows: &[Row], factor: f32, panels: &mut [Panel]) {
    for (panel, rows) in panels.iter_mut().zip(rows.chunks(COLUMNS)) {
        for (i, panel) in panel.iter_mut().enumerate() {
            *panel = from_fn(|column| rows.get(column).map_or(0.0, |row| row[i] * factor));
        }
    }
}

/// The panels that so many rows need.
pub fn panels(rows: usize) -> Vec<Panel> {
    vec![[[0.0; COLUMNS]; SIZE]; rows.div_ceil(COLUMNS)]
}

/// `tile[q, k] = a[q] . b[k]`, of rows `a` in panels.
pub fn inner_products(a: &[Panel], b: &[Row], tile: &mut Tile<'_>) {
    for k in (0..tile.keys).step_by(ROWS) {
        let rows: [&Row; ROWS] = from_fn(|i| &b[(k + i).min(tile.keys - 1)]);
        for (panel, q) in a.iter().zip((0..tile.queries).step_by(COLUMNS)) {
            let sums = block(panel.iter().enumerate().map(|(i, panel)| (rows.map(|row| row[i]), panel)));
            for column in 0..COLUMNS.min(tile.queries - q) {
                let sums = sums.map(|row| row[column]);
                let row = &mut tile.values[(q + column) * tile.stride..][k..tile.keys];
                match row.first_chunk_mut() {
                    Some(four) => *four = sums,
                    None => row.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum),
                }
            }
        }
    }
}

/// `c[q] += sum of tile[q, k] * b[k]` over the keys.
pub fn add_product(tile: &Tile<'_>, b: &[Row], c: &mut [Row]) {
    for (q, c) in (0..tile.queries).step_by(ROWS).zip(c.chunks_mut(ROWS)) {
        let [a0, a1, a2, a3] = tile.four_rows(q);
        for at in (0..SIZE).step_by(COLUMNS) {
            let rows = a0.iter().zip(a1).zip(a2).zip(a3).map(|(((a0, a1), a2), a3)| [*a0, *a1, *a2, *a3]);
            add(block(rows.zip(columns(b, at))), c, at);
        }
    }
}

/// `c[k] += sum of tile[q, k] * b[q]` over the queries: the product with the tile transposed.
pub fn add_transposed_product(tile: &Tile<'_>, b: &[Row], c: &mut [Row]) {
    for (k, c) in (0..tile.keys).step_by(ROWS).zip(c.chunks_mut(ROWS)) {
        for at in (0..SIZE).step_by(COLUMNS) {
            let b = columns(b, at);
            let sums = if k + ROWS <= tile.keys {
                block(tile.rows().map(|row| from_fn(|i| row[k + i])).zip(b))
            } else {
                block(tile.rows().map(|row| from_fn(|i| row[(k + i).min(tile.keys - 1)])).zip(b))
            };
            add(sums, c, at);
        }
    }
}

/// The sums of outer products.
#[inline(always)]
fn block<'a>(steps: impl Iterator<Item = ([f32; ROWS], &'a [f32; COLUMNS])>) -> Block {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (a, b) in steps {
        for (sums, a) in sums.iter_mut().zip(a) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    sums
}

/// Eight columns of rows.
fn columns(rows: &[Row], at: usize) -> impl Iterator<Item = &[f32; COLUMNS]> {
    rows.iter().map(move |row| &row.as_chunks().0[at / COLUMNS])
}

/// Adds a block to columns of as many rows as there are.
fn add(block: Block, rows: &mut [Row], at: usize) {
    for (row, sums) in rows.iter_mut().zip(block) {
        row[at..].iter_mut().zip(sums).for_each(|(value, sum)| *value += sum);
    }
}
