//! Any shape of a stream, and a model of it: an element has a position on each axis, all else is a sum of products.

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Argument, Dropout, Error, Layout, Setting, StoredMask, mask_words};

use crate::{MAX_LEN, Number, product, size};

/// One for each axis, the outermost first. Axes that are not there have a length of 1.
type Axes<T> = [T; 4];

/// How far apart two neighbours are: about as far as without gaps, or anything.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Stride {
    Dense,
    Gap(u8),
    /// That of rows of whole mask words.
    Words,
    Other(Number),
}

impl Stride {
    /// `dense`: number of elements that one neighbour has.
    pub const fn get(self, dense: usize) -> u64 {
        match self {
            Self::Dense => dense as u64,
            Self::Gap(gap) => (dense as u64).saturating_add(gap as u64),
            Self::Words => (mask_words(dense) as u64).saturating_mul(64),
            Self::Other(stride) => stride.get(),
        }
    }
}

/// Slices without a layout, which are one axis, or a layout and the numbers that it was made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    layout: Option<Layout>,
    lens: Axes<usize>,
    /// How many axes it was made of.
    count: usize,
    /// 0 along the axes that share a bit.
    index_strides: Axes<u64>,
    /// In the output, in the input and in the residual.
    y: Axes<usize>,
    x: Axes<usize>,
    r: Axes<usize>,
}

/// An element: its number in their order, where it is in the slices, and the number of its bit: by index, modulo 2^64, and
/// in a mask that is stored.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub element: usize,
    pub y: usize,
    pub x: usize,
    pub r: usize,
    /// Its position on the innermost axis.
    pub column: usize,
    pub index: u64,
    pub stored: usize,
}

/// Calls a method of layouts, which takes an array, with a slice.
macro_rules! set {
    ($layout:ident.$method:ident($strides:expr)) => {
        match *$strides {
            [] => $layout.$method([]),
            [d] => $layout.$method([d]),
            [c, d] => $layout.$method([c, d]),
            [b, c, d] => $layout.$method([b, c, d]),
            [a, b, c, d] => $layout.$method([a, b, c, d]),
            _ => unreachable!("more axes than there are"),
        }
    };
}

impl<'a> Arbitrary<'a> for Shape {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        if u.ratio(1, 6)? {
            let len = if u.ratio(1, 4)? { u.int_in_range(0..=MAX_LEN)? } else { u.int_in_range(0..=200)? };
            return Ok(Self::new(1, [1, 1, 1, len], [true, true, true, false]));
        }
        let (mut layout, count, lens, shared) = constructed(u)?;
        let mut shape = Self::new(count, lens, shared);
        // those of the innermost axes, whose number the caller chooses
        let inner = |u: &mut Unstructured<'a>| Ok(if u.ratio(3, 4)? { 0 } else { u.int_in_range(1..=4)? });
        if u.ratio(1, 2)? {
            let first = inner(u)?;
            for stride in &mut shape.index_strides[first..] {
                *stride = Stride::arbitrary(u)?.get(*stride as usize);
            }
            layout = set!(layout.index_strides(&shape.index_strides[first..]));
        }
        if u.ratio(1, 8)? {
            let mut part = lens;
            for len in &mut part[4 - count..] {
                *len = u.int_in_range(0..=*len)?;
            }
            layout = set!(layout.part(&part[4 - count..]));
            shape = Self { index_strides: shape.index_strides, ..Self::new(count, part, shared) };
        }
        let lens = shape.lens;
        if u.ratio(2, 3)? {
            let (first, strides) = (inner(u)?, strides(u, lens)?);
            for slice in [&mut shape.y, &mut shape.x, &mut shape.r] {
                slice[first..].copy_from_slice(&strides[first..]);
            }
            layout = set!(layout.strides(&strides[first..]));
        }
        if u.ratio(1, 3)? {
            let (first, strides) = (inner(u)?, strides(u, lens)?);
            shape.x[first..].copy_from_slice(&strides[first..]);
            layout = set!(layout.input_strides(&strides[first..]));
        }
        if u.ratio(1, 3)? {
            let (first, strides) = (inner(u)?, strides(u, lens)?);
            shape.r[first..].copy_from_slice(&strides[first..]);
            layout = set!(layout.residual_strides(&strides[first..]));
        }
        Ok(Self { layout: Some(layout), ..shape })
    }
}

/// A layout without gaps, the number of its axes, their lengths, and along which of them bits are shared.
type Constructed = (Layout, usize, Axes<usize>, Axes<bool>);

fn constructed(u: &mut Unstructured<'_>) -> arbitrary::Result<Constructed> {
    // one axis without elements is enough to leave none
    let mut len = || Ok(size(u)?.max(usize::from(u.ratio(3, 4)?)));
    let [a, b, c, d] = [len()?, len()?, len()?, len()?];
    let [e, f, g, h] = u.arbitrary()?;
    Ok(match u.int_in_range(0..=12_u8)? {
        0 => (Layout::rows(c, d), 2, [1, 1, c, d], [true, true, false, false]),
        1 => (Layout::channels_first(b, c, d), 3, [1, b, c, d], [true, false, false, true]),
        2 => (Layout::channels_last(b, c, d), 3, [1, b, c, d], [true, false, true, false]),
        3 => (Layout::samples(c, d), 2, [1, 1, c, d], [true, true, false, true]),
        4 => (Layout::broadcast([], []), 0, [1; 4], [true; 4]),
        5 => (Layout::broadcast([d], [h]), 1, [1, 1, 1, d], [true, true, true, h]),
        6 => (Layout::broadcast([c, d], [g, h]), 2, [1, 1, c, d], [true, true, g, h]),
        7..=8 => (Layout::broadcast([b, c, d], [f, g, h]), 3, [1, b, c, d], [true, f, g, h]),
        _ => (Layout::broadcast([a, b, c, d], [e, f, g, h]), 4, [a, b, c, d], [e, f, g, h]),
    })
}

/// Strides of a slice: mostly such that no two elements share a place.
fn strides(u: &mut Unstructured<'_>, lens: Axes<usize>) -> arbitrary::Result<Axes<usize>> {
    if u.ratio(1, 8)? {
        let mut strides = row_major(lens, [false; 4]).map(|stride| stride as usize);
        for stride in &mut strides {
            *stride = Stride::arbitrary(u)?.get(*stride) as usize;
        }
        return Ok(strides);
    }
    let mut order = [3, 2, 1, 0];
    if u.ratio(1, 2)? {
        for i in 1..4 {
            order.swap(i, u.int_in_range(0..=i)?);
        }
    }
    let (mut strides, mut reach) = ([0; 4], 1_usize);
    for axis in order {
        let gap = if u.ratio(3, 4)? { 0 } else { u.int_in_range(1..=9)? };
        strides[axis] = reach.saturating_add(gap);
        reach = reach.saturating_add(lens[axis].saturating_sub(1).saturating_mul(strides[axis]));
    }
    match u.int_in_range(0..=15)? {
        // elements that are read several times, if they are read
        12..=14 => {
            strides.iter_mut().zip(<[bool; 4]>::arbitrary(u)?).for_each(|(stride, is)| *stride *= usize::from(is))
        }
        // places that may just be shared
        15 => strides[u.int_in_range(0..=3)?] -= 1,
        _ => {}
    }
    Ok(strides)
}

/// Strides without gaps, 0 along the axes that are left out.
fn row_major(lens: Axes<usize>, left_out: Axes<bool>) -> Axes<u64> {
    [0, 1, 2, 3].map(|axis| {
        let inside: Vec<_> = (axis + 1..4).filter(|i| !left_out[*i]).map(|i| lens[i]).collect();
        if left_out[axis] { 0 } else { product(&inside).and_then(|n| n.try_into().ok()).unwrap_or(u64::MAX) }
    })
}

/// From the first element to the last, both counted.
fn span<T: Into<u128>>(lens: Axes<usize>, strides: Axes<T>) -> u128 {
    let last = lens.into_iter().zip(strides).map(|(len, stride)| (len as u128).saturating_sub(1) * stride.into());
    if lens.contains(&0) { 0 } else { last.fold(1, u128::saturating_add) }
}

/// All of them, in their order.
fn positions(lens: Axes<usize>) -> impl Iterator<Item = Axes<usize>> {
    // of an empty axis, nothing bounds the others
    let [a, b, c, d] = if lens.contains(&0) { [0; 4] } else { lens };
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).flat_map(move |k| (0..d).map(move |l| [i, j, k, l]))))
}

/// How far an element is from the first, modulo 2^64.
fn at(position: Axes<usize>, strides: Axes<u64>) -> u64 {
    position.into_iter().zip(strides).fold(0, |at, (i, stride)| at.wrapping_add(stride.wrapping_mul(i as u64)))
}

const fn wide(strides: Axes<usize>) -> Axes<u64> {
    let [a, b, c, d] = strides;
    [a as u64, b as u64, c as u64, d as u64]
}

/// What an error says of a number: the largest that there is if it is more.
pub fn clipped(number: u128) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

impl Shape {
    /// Without gaps.
    fn new(count: usize, lens: Axes<usize>, shared: Axes<bool>) -> Self {
        let dense = row_major(lens, [false; 4]).map(|stride| stride as usize);
        let index_strides = row_major(lens, shared);
        Self { layout: None, lens, count, index_strides, y: dense, x: dense, r: dense }
    }

    pub const fn is_slice(&self) -> bool {
        self.layout.is_none()
    }

    pub fn stream(&self, stream: Dropout) -> Dropout {
        self.layout.map_or(stream, |layout| stream.with_layout(layout))
    }

    pub fn stored<'a>(&self, mask: StoredMask<'a>) -> StoredMask<'a> {
        self.layout.map_or(mask, |layout| mask.with_layout(layout))
    }

    pub fn indexed<'a>(&self, mask: StoredMask<'a>) -> StoredMask<'a> {
        self.layout.map_or(mask, |layout| mask.with_indexed_bits(layout))
    }

    /// Number of elements.
    pub fn elements(&self) -> u128 {
        product(&self.lens).unwrap_or(u128::MAX)
    }

    /// Length of the outermost of the axes that it was made of.
    pub fn samples(&self) -> usize {
        self.lens[4 - self.count..].first().copied().unwrap_or(1)
    }

    /// Length of the innermost axis.
    pub const fn columns(&self) -> usize {
        self.lens[3]
    }

    fn is_shared(&self) -> Axes<bool> {
        self.index_strides.map(|stride| stride == 0)
    }

    /// The lengths of a stored mask: 1 along the axes that share a bit.
    fn bit_lens(&self) -> Axes<usize> {
        [0, 1, 2, 3].map(|axis| if self.is_shared()[axis] { 1 } else { self.lens[axis] })
    }

    /// Number of bits of a stored mask.
    ///
    /// # Panics
    /// If the layout says of another number.
    pub fn bits(&self) -> u128 {
        let bits = product(&self.bit_lens()).unwrap_or(u128::MAX);
        assert!(self.layout.is_none_or(|layout| layout.mask_len() == clipped(bits)), "{bits} bits");
        bits
    }

    /// Number of indices of the bits from the first to the last.
    pub fn span(&self) -> u128 {
        span(self.bit_lens(), self.index_strides)
    }

    /// The same of a pass over slices: none if they have no element.
    pub fn pass_span(&self) -> u128 {
        if self.elements() == 0 { 0 } else { self.span() }
    }

    /// How long an output, an input and a residual must be, at least.
    pub fn extents(&self) -> [u128; 3] {
        [self.y, self.x, self.r].map(|strides| span(self.lens, wide(strides)))
    }

    /// All that is wrong with the lengths of an output, of an input, if it is not the output, and of a residual, if there is
    /// one.
    pub fn slice_errors(&self, y: usize, x: Option<usize>, r: Option<usize>) -> Vec<Error> {
        if self.is_slice() {
            let output = x.map(|expected| Error::LengthMismatch { argument: Argument::Output, expected, actual: y });
            let residual = r.map(|actual| Error::LengthMismatch { argument: Argument::Residual, expected: y, actual });
            let wrong =
                |error: &Error| !matches!(error, Error::LengthMismatch { expected, actual, .. } if expected == actual);
            return output.into_iter().chain(residual).filter(wrong).collect();
        }
        let length = |argument, strides: Axes<usize>, actual: usize| {
            let expected = span(self.lens, wide(strides));
            let dense = wide(strides) == row_major(self.lens, [false; 4]);
            let fits = actual as u128 == expected || actual as u128 > expected && !dense;
            (!fits).then_some(Error::LengthMismatch { argument, expected: clipped(expected), actual })
        };
        let moved = (0..4).any(|axis| self.lens[axis] > 1 && self.x[axis] != self.y[axis]);
        let in_place = (x.is_none() && moved).then_some(Error::Unsupported { setting: Setting::Layout });
        let (of_y, of_x, of_r) = (Argument::Output, Argument::Input, Argument::Residual);
        let others = [x.and_then(|x| length(of_x, self.x, x)), r.and_then(|r| length(of_r, self.r, r))];
        let lengths = length(of_y, self.y, y).into_iter().chain(others.into_iter().flatten());
        self.overlaps().into_iter().chain(lengths).chain(in_place).collect()
    }

    /// An axis must step over all elements of those with shorter steps, and end where there is memory.
    fn overlaps(&self) -> Vec<Error> {
        let long = |axis: &usize| !self.lens.contains(&0) && self.lens[*axis] > 1;
        let reach = |axis: usize| (self.lens[axis] as u128 - 1) * self.y[axis] as u128;
        let of_axis = |axis: usize| {
            let (len, stride) = (self.lens[axis], self.y[axis]);
            let shorter = (0..4).filter(long).filter(|other| *other != axis && self.y[*other] <= stride).map(reach);
            let within = shorter.fold(1, u128::saturating_add);
            let fits = stride as u128 >= within && within.saturating_add(reach(axis)) <= usize::MAX as u128;
            (!fits).then_some(Error::InvalidLayout { len, stride, within: clipped(within) })
        };
        (0..4).filter(long).filter_map(of_axis).collect()
    }

    /// Every element, for shapes that an output fits.
    ///
    /// # Panics
    /// If two elements of the output are in one place, or if a layout says of another index.
    pub fn places(&self) -> Vec<Place> {
        let stored = row_major(self.bit_lens(), self.is_shared());
        let place = |(element, position): (usize, Axes<usize>)| {
            let index = at(position, self.index_strides);
            assert!(self.layout.is_none_or(|layout| layout.index_of(position) == index), "index at {position:?}");
            let [y, x, r] = [self.y, self.x, self.r].map(|strides| at(position, wide(strides)) as usize);
            Place { element, y, x, r, column: position[3], index, stored: at(position, stored) as usize }
        };
        let places: Vec<_> = positions(self.lens).enumerate().map(place).collect();
        let mut outputs: Vec<_> = places.iter().map(|place| place.y).collect();
        outputs.sort_unstable();
        assert!(outputs.windows(2).all(|pair| pair[0] < pair[1]), "elements of the output that share a place");
        places
    }

    /// The index of each bit of a stored mask.
    pub fn indices(&self) -> impl Iterator<Item = u64> {
        positions(self.bit_lens()).map(|position| at(position, self.index_strides))
    }
}
