//! Lengths of the buffers, in whole numbers that do not wrap, and the arguments in terms of the Rust interface.

use dropmask::{
    Attention, Cutout, DropBlock, Dropout, Key, Layout, Level, Mask, MaskMut, Probability, Scaling, StoredMask,
};

use crate::function::{Args, Data};

fn size(a: &Args, i: usize) -> u128 {
    a.sizes[i] as u128
}

fn all(a: &Args, sizes: usize) -> u128 {
    a.sizes[..sizes].iter().fold(1, |all, &size| all.saturating_mul(size as u128))
}

/// Where row follows row at a distance, from the first to the last element.
fn spanned(rows: u128, columns: u128, stride: u128) -> u128 {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1).saturating_mul(stride).saturating_add(columns) }
}

pub fn flat(a: &Args) -> u128 {
    size(a, 0)
}

pub fn words(a: &Args) -> u128 {
    size(a, 0).div_ceil(64)
}

pub fn words_from_first(a: &Args) -> u128 {
    from_first(a, size(a, 0))
}

fn from_first(a: &Args, bits: u128) -> u128 {
    if bits == 0 { 0 } else { (u128::from(a.first) + bits).div_ceil(64) }
}

pub fn product(a: &Args) -> u128 {
    all(a, a.sizes.len())
}

pub fn first_size(a: &Args) -> u128 {
    size(a, 0)
}

pub fn rows_elements(a: &Args) -> u128 {
    spanned(size(a, 0), size(a, 1), if a.sizes[0] == 1 { 0 } else { size(a, 2) })
}

/// One bit for each element of a matrix.
pub fn each_bits(a: &Args) -> u128 {
    all(a, 2)
}

pub fn each_words(a: &Args) -> u128 {
    each_bits(a).div_ceil(64)
}

/// Of a mask that is stored by rows or by channels: those that differ.
pub fn stored_bits(a: &Args) -> u128 {
    if a.index_stride == 0 { size(a, 1) } else { each_bits(a) }
}

pub fn stored_words(a: &Args) -> u128 {
    stored_bits(a).div_ceil(64)
}

pub fn rows_span(a: &Args) -> u128 {
    spanned(size(a, 0), size(a, 1), a.index_stride.into())
}

pub fn rows_words_from_first(a: &Args) -> u128 {
    from_first(a, rows_span(a))
}

pub fn columns(a: &Args) -> u128 {
    size(a, 1)
}

pub fn channels_span(a: &Args) -> u128 {
    if product(a) == 0 { 0 } else { rows_span(a) }
}

pub fn channels_words_from_first(a: &Args) -> u128 {
    from_first(a, channels_span(a))
}

pub fn table(a: &Args) -> u128 {
    size(a, 0) * size(a, 1)
}

pub fn looked_up(a: &Args) -> u128 {
    size(a, 2) * size(a, 1)
}

pub fn count(a: &Args) -> u128 {
    size(a, 2)
}

pub fn stack(a: &Args) -> u128 {
    all(a, 3)
}

/// A bias that heads share.
pub fn stack_bias(a: &Args) -> u128 {
    if stack(a) == 0 { 0 } else { size(a, 1).saturating_mul(size(a, 2)) }
}

pub fn stack_words(a: &Args) -> u128 {
    stack(a).div_ceil(64)
}

pub fn maps(a: &Args) -> u128 {
    all(a, 4)
}

/// Of a mask of maps, which channels may share.
pub fn map_bits(a: &Args) -> u128 {
    if a.option == 1 && a.sizes[1] > 0 {
        size(a, 0).saturating_mul(size(a, 2)).saturating_mul(size(a, 3))
    } else {
        maps(a)
    }
}

pub fn map_words(a: &Args) -> u128 {
    map_bits(a).div_ceil(64)
}

pub fn maps_samples(a: &Args) -> u128 {
    if maps(a) == 0 { 0 } else { size(a, 0) }
}

pub fn seeds(a: &Args) -> u128 {
    let places = |n: usize| (a.sizes[n] as u128 + 1).saturating_sub(size(a, 4));
    let maps = if a.option == 1 && a.sizes[1] > 0 { size(a, 0) } else { all(a, 2) };
    maps.saturating_mul(places(2)).saturating_mul(places(3))
}

pub fn probability(a: &Args) -> Probability {
    Probability::new(a.p).unwrap()
}

/// Element by element: C has the level of the machine.
pub fn stream(a: &Args) -> Dropout {
    let scaling = [Scaling::Inverted, Scaling::Standard, Scaling::Naive][a.scaling as usize];
    let dropout = Dropout::new(Key::from_raw(a.key), probability(a)).with_offset(a.offset);
    dropout.with_scaling(scaling).with_level(Level::SCALAR)
}

pub fn stored<'a>(a: &Args, mask: &'a [u64], len: usize) -> StoredMask<'a> {
    StoredMask::new(Mask::new(mask, len).unwrap(), a.factor).with_level(Level::SCALAR)
}

pub fn mask_at_first<'a>(a: &Args, mask: &'a [u64]) -> Mask<'a> {
    let first = if a.sizes[0] == 0 { 0 } else { a.first };
    Mask::at_bit(mask, first, a.sizes[0]).unwrap()
}

/// So many bits to be written.
pub fn mask_mut(words: &mut Data, bits: u128) -> MaskMut<'_> {
    MaskMut::new(words.u64_mut(), bits as usize).unwrap()
}

/// So many bits from the first on.
pub fn at_first<'a>(a: &Args, mask: &'a [u64], bits: u128) -> StoredMask<'a> {
    let first = if bits == 0 { 0 } else { a.first };
    StoredMask::new(Mask::at_bit(mask, first, bits as usize).unwrap(), a.factor).with_level(Level::SCALAR)
}

pub fn rows(a: &Args) -> Layout {
    dense_index_rows(a).index_strides([a.index_stride, 1])
}

pub fn dense_index_rows(a: &Args) -> Layout {
    Layout::rows(a.sizes[0], a.sizes[1]).strides([a.sizes[2], 1])
}

pub fn channels(a: &Args) -> Layout {
    let stride = a.index_stride;
    match a.option {
        0 => Layout::channels_first(a.sizes[0], a.sizes[1], a.sizes[2]).index_strides([stride, 1, 0]),
        _ => Layout::channels_last(a.sizes[0], a.sizes[2], a.sizes[1]).index_strides([stride, 0, 1]),
    }
}

pub fn attention(a: &Args) -> Attention<'static> {
    let attention = Attention::new(stream(a), [1, a.sizes[0], a.sizes[1], a.sizes[2]]);
    attention.causal(a.sizes[3].cast_signed()).scale(a.factor).renormalise(a.option == 1)
}

pub fn cutout(a: &Args) -> Cutout {
    let (shape, size) = ([a.sizes[0], a.sizes[1], a.sizes[2], a.sizes[3]], [a.sizes[4], a.sizes[5]]);
    Cutout::new(Key::from_raw(a.key), shape, size).count(a.boxes).first_sample(a.offset)
}

pub fn drop_block(a: &Args) -> DropBlock {
    let drop_block = DropBlock::new(stream(a), [a.sizes[0], a.sizes[1], a.sizes[2], a.sizes[3]], a.sizes[4]).unwrap();
    drop_block.shared_channels(a.option == 1).gamma_scale(a.factor.into()).unwrap()
}

/// Takes one more value into each mean of so many.
pub fn push_means(a: &Args, means: &mut [f64], values: impl Iterator<Item = f64>) {
    let n = (a.number + 1) as f64;
    means.iter_mut().zip(values).for_each(|(mean, value)| *mean += (value - *mean) / n);
}

/// Of each row of as many elements as the second size says.
pub fn entropies(a: &Args, p: &Data) -> Vec<f64> {
    let p: Vec<f64> = match p {
        Data::F32(p) => p.iter().map(|&p| p.into()).collect(),
        p => p.f64().to_vec(),
    };
    let row = |row: usize| p.get(row * a.sizes[1]..).and_then(|p| p.get(..a.sizes[1])).unwrap_or(&[]);
    let entropy = |p: &[f64]| p.iter().filter(|&&p| p != 0.0).fold(0.0, |sum, &p| sum - p * libm::log(p));
    (0..a.sizes[0]).map(|i| entropy(row(i))).collect()
}
