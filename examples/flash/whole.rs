//! The same attention by matrices of all scores: the straightforward way, for comparison.

use std::ops::Range;

use dropmask::{Attention, Error};

use crate::product::{Row, SIZE, Tile, add_product, add_transposed_product, inner_products, pack, panels};
use crate::tiles::{Head, KEYS, QUERIES, factor, ranges};

/// The library's kernel for the rows of a head's scores.
fn attention(head: &Head) -> Attention<'static> {
    let attention = Attention::new(head.dropout, [1, 1, head.tokens, head.tokens]).scale(factor());
    if head.causal { attention.causal(0) } else { attention }
}

pub fn forward(head: &Head, [q, k, v]: [&[Row]; 3], o: &mut [Row]) -> Result<(), Error> {
    let mut weights = vec![0.0; head.tokens * head.tokens];
    inner_products_of_all(q, k, &mut weights);
    attention(head).forward_in_place(&mut weights)?;
    o.fill([0.0; SIZE]);
    for_each_tile(&mut weights, head.tokens, |tile, queries, keys| add_product(tile, &v[keys], &mut o[queries]));
    Ok(())
}

pub fn backward(head: &Head, [q, k, v]: [&[Row]; 3], d_o: &[Row], [dq, dk, dv]: [&mut [Row]; 3]) -> Result<(), Error> {
    let [mut scores, mut weights] = [vec![0.0; head.tokens * head.tokens], vec![0.0; head.tokens * head.tokens]];
    dq.fill([0.0; SIZE]);
    dk.fill([0.0; SIZE]);
    dv.fill([0.0; SIZE]);
    inner_products_of_all(q, k, &mut scores);
    attention(head).forward(&scores, &mut weights)?;
    for_each_tile(&mut weights, head.tokens, |tile, queries, keys| {
        add_transposed_product(tile, &d_o[queries], &mut dv[keys]);
    });

    let mut gradient = weights;
    inner_products_of_all(d_o, v, &mut gradient);
    attention(head).backward_in_place(&mut scores, &gradient)?;
    for_each_tile(&mut scores, head.tokens, |tile, queries, keys| {
        add_product(tile, &k[keys.clone()], &mut dq[queries.clone()]);
        add_transposed_product(tile, &q[queries], &mut dk[keys]);
    });
    Ok(())
}

/// `matrix[i, j] = a[i] . b[j]`.
fn inner_products_of_all(a: &[Row], b: &[Row], matrix: &mut [f32]) {
    let mut packed = panels(QUERIES);
    for_each_tile(matrix, b.len(), |tile, queries, keys| {
        pack(&a[queries], 1.0, &mut packed);
        inner_products(&packed, &b[keys], tile);
    });
}

/// The tiles of a matrix: a product of all its rows at once would lose the cache.
fn for_each_tile(matrix: &mut [f32], tokens: usize, mut task: impl FnMut(&mut Tile<'_>, Range<usize>, Range<usize>)) {
    for queries in ranges(tokens, QUERIES) {
        for keys in ranges(tokens, KEYS) {
            let values = &mut matrix[queries.start * tokens + keys.start..(queries.end - 1) * tokens + keys.end];
            let tile = &mut Tile { values, stride: tokens, queries: queries.len(), keys: keys.len() };
            task(tile, queries.clone(), keys);
        }
    }
}
