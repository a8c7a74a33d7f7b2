//! Register tiles of the products of DropConnect: some rows of weights with some samples, a word of 64 inputs at a time.

use core::array;

use crate::simd::{Floats, Simd, fold, load, store, to_array};

/// Inputs whose products are summed before the 16 accumulators are folded: few enough that a tile of weights stays in the
/// first cache.
pub(crate) const PIECE: usize = 1024;

/// 64 inputs, of one word of the mask.
type Word = [f32; 64];

const ZERO: Word = [0.0; 64];

/// Of a vector, and vectors of a word.
const LANES: usize = 16;
const VECTORS: usize = 4;

/// What a weight and a factor add to a sum.
pub(crate) trait Product: Copy {
    /// Whether there is a mask.
    const MASKED: bool = true;
    /// Whether a sum is NaN by mistake where a factor is not finite.
    const FINITE: bool = false;

    fn scalar(self, w: f32, x: f32, kept: bool) -> f32;
    /// What is made of a weight once, for many factors.
    #[inline(always)]
    fn weight<F: Floats>(self, w: F, _bits: u64, _at: usize) -> F {
        w
    }
    fn product<F: Floats>(self, w: F, x: F, bits: u64, at: usize) -> F;
}

/// `(w * x)^2`: no mask.
#[derive(Clone, Copy)]
pub(crate) struct Square;

impl Product for Square {
    const MASKED: bool = false;

    fn scalar(self, w: f32, x: f32, _: bool) -> f32 {
        (w * x) * (w * x)
    }
    #[inline(always)]
    fn product<F: Floats>(self, w: F, x: F, _: u64, _: usize) -> F {
        let once = w.mul(x);
        once.mul(once)
    }
}

/// `kept ? w * x : +0.0`.
#[derive(Clone, Copy)]
pub(crate) struct Kept;

impl Product for Kept {
    fn scalar(self, w: f32, x: f32, kept: bool) -> f32 {
        if kept { w * x } else { 0.0 }
    }
    #[inline(always)]
    fn product<F: Floats>(self, w: F, x: F, bits: u64, at: usize) -> F {
        w.mul(x).keep(bits, at)
    }
}

/// [`Kept`], with one selection of a weight for many finite factors: a dropped one adds a zero of either sign to a sum that
/// began as `+0.0`, which is nothing. If a factor is not finite, it makes the sum NaN.
#[derive(Clone, Copy)]
pub(crate) struct KeptFinite;

impl Product for KeptFinite {
    const FINITE: bool = true;

    fn scalar(self, w: f32, x: f32, kept: bool) -> f32 {
        Kept.scalar(w, x, kept)
    }
    #[inline(always)]
    fn weight<F: Floats>(self, w: F, bits: u64, at: usize) -> F {
        w.keep(bits, at)
    }
    #[inline(always)]
    fn product<F: Floats>(self, w: F, x: F, _: u64, _: usize) -> F {
        w.mul(x)
    }
}

/// The sums over a piece of the products of `R` rows with `N` samples, all of the same length.
#[inline(always)]
pub(crate) fn sums<S: Simd, P: Product, const R: usize, const N: usize>(
    s: S,
    product: P,
    bits: [&[u64]; R],
    w: [&[f32]; R],
    x: [&[f32]; N],
) -> [[f32; N]; R] {
    let mut lanes = [[S::Floats::splat(s, 0.0); N]; R];
    let (w_words, w_rest) = words(w);
    let (x_words, x_rest) = words(x);
    let count = w_words.first().map_or(0, |w| w.len());
    for k in 0..count {
        add::<S, P, R, N>(s, product, &mut lanes, at(bits, k), each(w_words, k), each(x_words, k));
    }
    if w_rest.iter().any(|w| !w.is_empty()) {
        let (w, x) = (padded(w_rest), padded(x_rest));
        add::<S, P, R, N>(s, product, &mut lanes, at(bits, count), w.each_ref(), x.each_ref());
    }
    let mut sums = [[0.0; N]; R];
    for (sums, lanes) in sums.iter_mut().zip(lanes) {
        for (total, lanes) in sums.iter_mut().zip(lanes) {
            *total = fold(to_array(lanes));
        }
    }
    sums
}

#[inline(always)]
fn add<S: Simd, P: Product, const R: usize, const N: usize>(
    s: S,
    product: P,
    lanes: &mut [[S::Floats; N]; R],
    bits: [u64; R],
    w: [&Word; R],
    x: [&Word; N],
) {
    let mut at = 0;
    while at < 64 {
        let x = vectors::<S, N>(s, x, at);
        for ((lanes, w), bits) in lanes.iter_mut().zip(vectors::<S, R>(s, w, at)).zip(bits) {
            let w = product.weight(w, bits, at);
            for (lanes, x) in lanes.iter_mut().zip(x) {
                *lanes = lanes.add(product.product(w, x, bits, at));
            }
        }
        at += LANES;
    }
}

/// `y[n] += sum over r of products of w[r] and g[n][r]`, `r` ascending.
#[inline(always)]
pub(crate) fn add_rows<S: Simd, P: Product, const R: usize, const N: usize>(
    s: S,
    product: P,
    bits: [&[u64]; R],
    w: [&[f32]; R],
    g: [[f32; R]; N],
    mut y: [&mut [f32]; N],
) {
    let (w_words, w_rest) = words(w);
    let count = w_words.first().map_or(0, |w| w.len());
    for k in 0..count {
        let bits = at(bits, k);
        let w = weights::<S, P, R>(s, product, each(w_words, k), bits);
        for (y, g) in y.iter_mut().zip(g) {
            if let Some(y) = y.as_chunks_mut().0.get_mut(k) {
                add_rows_word::<S, P, R>(s, product, bits, &w, g, y);
            }
        }
    }
    if w_rest.iter().any(|w| !w.is_empty()) {
        let bits = at(bits, count);
        let w = weights::<S, P, R>(s, product, padded(w_rest).each_ref(), bits);
        for (y, g) in y.into_iter().zip(g) {
            let rest = y.as_chunks_mut::<64>().1;
            let [mut y] = padded([&*rest]);
            add_rows_word::<S, P, R>(s, product, bits, &w, g, &mut y);
            rest.iter_mut().zip(y).for_each(|(rest, y)| *rest = y);
        }
    }
}

/// The weights of a word, in vectors.
#[inline(always)]
fn weights<S: Simd, P: Product, const R: usize>(
    s: S,
    product: P,
    w: [&Word; R],
    bits: [u64; R],
) -> [[S::Floats; VECTORS]; R] {
    let mut weights = word_vectors::<S, R>(s, w);
    for (weights, bits) in weights.iter_mut().zip(bits) {
        let mut at = 0;
        for w in weights {
            *w = product.weight(*w, bits, at);
            at += LANES;
        }
    }
    weights
}

#[inline(always)]
fn add_rows_word<S: Simd, P: Product, const R: usize>(
    s: S,
    product: P,
    bits: [u64; R],
    w: &[[S::Floats; VECTORS]; R],
    g: [f32; R],
    y: &mut Word,
) {
    let mut at = 0;
    for (v, y) in y.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut sum = load(s, y);
        for ((w, g), bits) in w.iter().zip(g).zip(bits) {
            if let Some(w) = w.get(v) {
                sum = sum.add(product.product(*w, S::Floats::splat(s, g), bits, at));
            }
        }
        store(sum, y);
        at += LANES;
    }
}

/// `dw[r] += sum over n of g[r][n] * x[n]` where kept, `n` ascending.
#[inline(always)]
pub(crate) fn add_products<S: Simd, const R: usize, const N: usize>(
    s: S,
    bits: [&[u64]; R],
    x: [&[f32]; N],
    g: [[f32; N]; R],
    dw: [&mut [f32]; R],
) {
    let (x_words, x_rest) = words(x);
    let count = x_words.first().map_or(0, |x| x.len());
    let mut dw = dw.map(<[f32]>::as_chunks_mut);
    for k in 0..count {
        let x = each(x_words, k);
        let bits = at(bits, k);
        let mut at = 0;
        while at < 64 {
            let x = vectors::<S, N>(s, x, at);
            for (((dw, _), g), bits) in dw.iter_mut().zip(g).zip(bits) {
                if let Some(dw) = dw.get_mut(k) {
                    add_product(s, bits, at, x, g, dw);
                }
            }
            at += LANES;
        }
    }
    if x_rest.iter().any(|x| !x.is_empty()) {
        let x = padded(x_rest);
        for (((_, rest), g), bits) in dw.into_iter().zip(g).zip(at(bits, count)) {
            let [mut dw] = padded([&*rest]);
            let mut at = 0;
            while at < 64 {
                add_product(s, bits, at, vectors::<S, N>(s, x.each_ref(), at), g, &mut dw);
                at += LANES;
            }
            rest.iter_mut().zip(dw).for_each(|(rest, dw)| *rest = dw);
        }
    }
}

/// A vector of a word.
#[inline(always)]
fn add_product<S: Simd, const N: usize>(s: S, bits: u64, at: usize, x: [S::Floats; N], g: [f32; N], dw: &mut Word) {
    if let Some(dw) = dw.as_chunks_mut::<LANES>().0.get_mut(at / LANES) {
        let old = load(s, dw);
        let mut sum = old;
        for (x, g) in x.into_iter().zip(g) {
            sum = sum.add(S::Floats::splat(s, g).mul(x));
        }
        store(sum.select(old, bits, at), dw);
    }
}

/// All vectors of each word.
#[inline(always)]
fn word_vectors<S: Simd, const N: usize>(s: S, words: [&Word; N]) -> [[S::Floats; VECTORS]; N] {
    let mut all = [[S::Floats::splat(s, 0.0); VECTORS]; N];
    for (vectors, word) in all.iter_mut().zip(words) {
        for (vector, word) in vectors.iter_mut().zip(word.as_chunks::<LANES>().0) {
            *vector = load(s, word);
        }
    }
    all
}

/// A vector of each word.
#[inline(always)]
fn vectors<S: Simd, const N: usize>(s: S, words: [&Word; N], at: usize) -> [S::Floats; N] {
    let mut vectors = [S::Floats::splat(s, 0.0); N];
    for (vector, word) in vectors.iter_mut().zip(words) {
        if let Some(word) = word.as_chunks::<LANES>().0.get(at / LANES) {
            *vector = load(s, word);
        }
    }
    vectors
}

/// Whole words of each slice, and the rest.
#[inline(always)]
fn words<const N: usize>(slices: [&[f32]; N]) -> ([&[Word]; N], [&[f32]; N]) {
    (slices.map(|x| x.as_chunks().0), slices.map(|x| x.as_chunks::<64>().1))
}

#[inline(always)]
fn each<const N: usize>(rows: [&[Word]; N], k: usize) -> [&Word; N] {
    rows.map(|words| words.get(k).unwrap_or(&ZERO))
}

#[inline(always)]
fn at<const R: usize>(bits: [&[u64]; R], k: usize) -> [u64; R] {
    array::from_fn(|r| bits.get(r).and_then(|bits| bits.get(k)).copied().unwrap_or(0))
}

/// Less than a word of each.
#[inline(never)] // once a tile
fn padded<const N: usize>(rests: [&[f32]; N]) -> [Word; N] {
    rests.map(|rest| {
        let mut word = ZERO;
        word.iter_mut().zip(rest).for_each(|(word, x)| *word = *x);
        word
    })
}
