//! One bit a channel: against the definition, at every level, in both layouts, in shards, stored and replayed.

use crate::common::{all_same, floats, random_words, thinned};
use dropmask::{
    Argument, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, Scaling, StoredMask, mask_words,
};

#[derive(Clone, Copy, Debug)]
struct Dims {
    n: usize,
    c: usize,
    s: usize,
}

impl Dims {
    const fn len(self) -> usize {
        self.n * self.c * self.s
    }

    /// Channels-first, then channels-last: the shape, and the channel of each element, counted through all samples.
    fn layouts(self) -> [(Layout, Vec<usize>); 2] {
        let Self { n, c, s } = self;
        let (mut first, mut last) = (vec![0; self.len()], vec![0; self.len()]);
        for (n, c, s) in (0..n).flat_map(|n| (0..c).flat_map(move |c| (0..s).map(move |s| (n, c, s)))) {
            first[(n * self.c + c) * self.s + s] = n * self.c + c;
            last[(n * self.s + s) * self.c + c] = n * self.c + c;
        }
        [(Layout::channels_first(n, c, s), first), (Layout::channels_last(n, s, c), last)]
    }
}

/// Few and many channels and positions, around words, around what is drawn at a time, several samples of it.
fn dims() -> Vec<Dims> {
    let mut dims = Vec::new();
    for c in [1, 2, 7, 33, 63, 64, 65, 130] {
        for s in [1, 2, 4, 49, 63, 64, 65] {
            dims.push(Dims { n: 1 + (c + s) % 3, c, s });
        }
    }
    for (n, c, s) in [(3, 1, 5000), (2, 2, 4100), (3, 2000, 5), (2, 2048, 3), (2, 2049, 2), (2, 4096, 3)] {
        dims.push(Dims { n, c, s });
    }
    for (n, c, s) in [(2, 4097, 3), (1, 5000, 2), (130, 64, 2), (5000, 1, 2), (4097, 3, 1)] {
        dims.push(Dims { n, c, s });
    }
    dims
}

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(21), Probability::new(p).unwrap())
}

/// The bits of `len` channels.
fn fill(stream: &Dropout, len: usize) -> Vec<bool> {
    let words = crate::common::fill(stream, len);
    Mask::new(&words, len).unwrap().iter().collect()
}

/// `kept ? x * scale : +0.0` of each element, by the bit of its channel.
fn masked(stream: &Dropout, kept: &[bool], channel: &[usize], x: &[f32]) -> Vec<f32> {
    x.iter().zip(channel).map(|(&x, &c)| if kept[c] { x * stream.scale() } else { 0.0 }).collect()
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

type Run<'a> = (&'a str, Vec<f32>, &'a dyn Fn(&mut [f32]) -> Result<(), Error>);

/// Runs operations on slices that hold `y` at first.
fn check(what: &str, y: &[f32], runs: &[Run<'_>]) {
    for (name, expected, run) in runs {
        let mut actual = y.to_vec();
        run(&mut actual).unwrap();
        assert!(all_same(&actual, expected), "{name}, {what}");
    }
}

#[test]
fn every_operation_is_its_definition() {
    for dims in thinned(dims()) {
        let bits = dims.n * dims.c;
        let (x, r, y) = (floats(1, dims.len()), floats(2, dims.len()), floats(3, dims.len()));
        for (p, offset) in [(0.5, 5), (0.1, (bits as u64).wrapping_neg()), (0.0, 7), (1.0, 7)] {
            let stream = stream(p).with_offset(offset);
            let kept = fill(&stream, bits);
            // the bits of the mask, from bit 3 of a larger one on
            let mut words = random_words(4, mask_words(bits + 3));
            for (i, kept) in (3..).zip(&kept) {
                words[i / 64] = words[i / 64] & !(1 << (i % 64)) | u64::from(*kept) << (i % 64);
            }
            let mask = Mask::at_bit(&words, 3, bits).unwrap();
            for (shape, channel) in dims.layouts() {
                let from_x = masked(&stream, &kept, &channel, &x);
                let from_y = masked(&stream, &kept, &channel, &y);
                for level in Level::supported() {
                    let s = stream.with_layout(shape).with_level(level);
                    let stored = StoredMask::new(mask, s.scale()).with_layout(shape).with_level(level);
                    let what = format!("{level}, {shape:?}, p = {p}, offset {offset}");
                    check(
                        &what,
                        &y,
                        &[
                            ("forward", from_x.clone(), &|y| s.forward(&x, y)),
                            ("forward_in_place", from_y.clone(), &|y| s.forward_in_place(y)),
                            ("backward", from_x.clone(), &|y| s.backward(&x, y)),
                            ("backward_in_place", from_y.clone(), &|y| s.backward_in_place(y)),
                            ("backward_add", sum(&y, &from_x), &|y| s.backward_add(&x, y)),
                            ("forward_residual", sum(&r, &from_x), &|y| s.forward_residual(&x, &r, y)),
                            ("forward_residual_in_place", sum(&r, &from_y), &|y| s.forward_residual_in_place(y, &r)),
                            ("forward_add", sum(&y, &from_x), &|y| s.forward_add(&x, y)),
                            ("evaluate", x.clone(), &|y| s.evaluate(&x, y)),
                            ("apply", from_x.clone(), &|y| stored.apply(&x, y)),
                            ("apply_in_place", from_y.clone(), &|y| stored.apply_in_place(y)),
                            ("apply_add", sum(&y, &from_x), &|y| stored.apply_add(&x, y)),
                            ("apply_residual", sum(&r, &from_x), &|y| stored.apply_residual(&x, &r, y)),
                        ],
                    );
                    let mut drawn = random_words(5, mask_words(bits) + 1);
                    let behind = drawn[mask_words(bits)];
                    let mut actual = y.clone();
                    s.forward_store(&x, &mut actual, &mut MaskMut::new(&mut drawn, bits).unwrap()).unwrap();
                    assert!(all_same(&actual, &from_x), "forward_store, {what}");
                    let same_bits = Mask::new(&drawn, bits).unwrap().iter().eq(kept.iter().copied());
                    let tail = drawn[..mask_words(bits)].last().map_or(0, |last| last >> 1 >> ((bits + 63) % 64));
                    assert!(same_bits && tail == 0 && drawn[mask_words(bits)] == behind, "mask, {what}");
                }
            }
        }
    }
}

/// The same key gives the same channels in both layouts: 1-D, 2-D, 3-D.
#[test]
fn layouts_agree_after_transposition() {
    for (n, c, s) in [(4, 10, 17), (3, 64, 7 * 9), (2, 70, 3 * 4 * 5)] {
        let x = floats(6, n * c * s);
        let stream = stream(0.4).with_offset(11);
        let mut first = vec![0.0; x.len()];
        stream.with_layout(Layout::channels_first(n, c, s)).forward(&x, &mut first).unwrap();

        let transposed = |x: &[f32], columns: usize| -> Vec<f32> {
            let rows = c * s / columns;
            let sample = |x: &[f32]| -> Vec<f32> {
                (0..columns).flat_map(|j| (0..rows).map(move |i| (i, j))).map(|(i, j)| x[i * columns + j]).collect()
            };
            x.chunks(c * s).flat_map(sample).collect()
        };
        let mut last = transposed(&x, s);
        stream.with_layout(Layout::channels_last(n, s, c)).forward_in_place(&mut last).unwrap();
        assert!(all_same(&transposed(&last, c), &first), "({n}, {c}, {s})");
    }
}

/// A shard of the channels, and one of the samples, is a part of the whole.
#[test]
fn shards_are_parts_of_the_whole() {
    for dims @ Dims { n, c, s } in [(5, 100, 3), (3, 200, 49), (4, 9, 70), (2, 5000, 2), (6, 100, 1), (2, 5000, 1)]
        .map(|(n, c, s)| Dims { n, c, s })
    {
        let x = floats(7, dims.len());
        for level in Level::supported() {
            let stream = stream(0.5).with_offset(1000).with_level(level);
            for (shape, channel) in dims.layouts() {
                let mut whole = x.clone();
                stream.with_layout(shape).forward_in_place(&mut whole).unwrap();
                let shard = |x: &[f32], keep: &dyn Fn(usize) -> bool| -> Vec<f32> {
                    x.iter().zip(&channel).filter(|(_, channel)| keep(**channel)).map(|(x, _)| *x).collect()
                };

                let (from, to) = (c / 3, c - 1);
                let wanted = |channel: usize| (from..to).contains(&(channel % c));
                let part = if shape == Layout::channels_first(n, c, s) {
                    let part = shape.part([n, to - from, s]);
                    assert_eq!(part, Layout::channels_first(n, to - from, s).index_strides([c as u64, 1, 0]));
                    part
                } else {
                    let part = shape.part([n, s, to - from]);
                    assert_eq!(part, Layout::channels_last(n, s, to - from).index_strides([c as u64, 0, 1]));
                    part
                };
                let (x_part, expected) = (shard(&x, &wanted), shard(&whole, &wanted));
                let sharded = stream.with_offset(1000 + from as u64).with_layout(part);
                let mut y = vec![0.0; x_part.len()];
                sharded.forward(&x_part, &mut y).unwrap();
                assert!(all_same(&y, &expected), "{level}, {part:?}");

                let bits = n * (to - from);
                let mut words = random_words(8, mask_words(bits));
                y.fill(0.0);
                sharded.forward_store(&x_part, &mut y, &mut MaskMut::new(&mut words, bits).unwrap()).unwrap();
                assert!(all_same(&y, &expected), "forward_store, {level}, {part:?}");
                let mut filled = random_words(9, mask_words(bits));
                sharded.fill(&mut MaskMut::new(&mut filled, bits).unwrap()).unwrap();
                assert_eq!(words, filled, "{level}, {part:?}");
                let stored = StoredMask::new(Mask::new(&words, bits).unwrap(), stream.scale());
                y.fill(0.0);
                stored.with_layout(part).with_level(level).apply(&x_part, &mut y).unwrap();
                assert!(all_same(&y, &expected), "stored, {level}, {part:?}");

                let mut y = x[c * s..].to_vec();
                let rest = if shape == Layout::channels_first(n, c, s) {
                    Layout::channels_first(n - 1, c, s)
                } else {
                    Layout::channels_last(n - 1, s, c)
                };
                stream.with_offset(1000 + c as u64).with_layout(rest).forward_in_place(&mut y).unwrap();
                assert!(all_same(&y, &whole[c * s..]), "{level}, samples of {shape:?}");
            }
        }
    }
}

/// `sum of c[i] * y[i]` is linear in `x`: whole numbers and a scale of 2 make its differences exact.
#[test]
fn finite_differences() {
    let Dims { n, c, s } = Dims { n: 2, c: 5, s: 3 };
    let x: Vec<f32> = (0..30).map(|i| (i % 7) as f32 - 3.0).collect();
    let weights: Vec<f32> = (0..30).map(|i| (i % 5) as f32 - 2.0).collect();
    for shape in [Layout::channels_first(n, c, s), Layout::channels_last(n, s, c)] {
        for scaling in [Scaling::Inverted, Scaling::Standard] {
            let stream = stream(0.5).with_layout(shape).with_scaling(scaling);
            let loss = |x: &[f32]| -> f32 {
                let mut y = [0.0; 30];
                stream.forward(x, &mut y).unwrap();
                y.iter().zip(&weights).map(|(y, w)| y * w).sum()
            };
            let mut dx = [0.0; 30];
            stream.backward(&weights, &mut dx).unwrap();
            for (i, dx) in dx.into_iter().enumerate() {
                let (mut up, mut down) = (x.clone(), x.clone());
                up[i] += 1.0;
                down[i] -= 1.0;
                assert_eq!((loss(&up) - loss(&down)) / 2.0, dx, "element {i}, {shape:?}, {scaling:?}");
            }
        }
    }
}

#[test]
fn no_elements_take_no_time() {
    const MAX: usize = usize::MAX;
    for (n, c, s) in [(0, 3, 4), (MAX, 0, 4), (MAX, 4, 0), (0, MAX, MAX), (MAX, MAX, 0), (MAX, 0, MAX), (0, 0, 0)] {
        for shape in [
            Layout::channels_first(n, c, s),
            Layout::channels_last(n, s, c),
            Layout::channels_first(n, c, s).index_strides([1, 1, 0]),
        ] {
            for (p, level) in [0.0, 0.5, 1.0].into_iter().flat_map(|p| Level::supported().map(move |level| (p, level)))
            {
                let stream = stream(p).with_offset(u64::MAX).with_layout(shape).with_level(level);
                stream.forward(&[], &mut []).unwrap();
                stream.forward_in_place(&mut []).unwrap();
                stream.backward_add(&[], &mut []).unwrap();
                stream.evaluate(&[], &mut []).unwrap();
                let empty = Mask::new(&[], 0).unwrap();
                StoredMask::new(empty, 1.0).with_layout(shape).with_level(level).apply(&[], &mut []).unwrap();
            }
        }
        // bits are there only if samples and channels are
        let filled =
            stream(0.5).with_layout(Layout::channels_first(n, c, s)).fill(&mut MaskMut::new(&mut [], 0).unwrap());
        assert_eq!(filled.is_ok(), n == 0 || c == 0, "({n}, {c}, {s})");
    }
}

/// A mask has a bit for each channel, even if a channel has no elements.
#[test]
fn forward_store_stores_what_fill_does() {
    let apart = Layout::channels_first(3, 50, 0).index_strides([70, 1, 0]);
    for (shape, bits) in [(Layout::channels_first(3, 50, 0), 150), (Layout::channels_last(3, 0, 50), 150), (apart, 150)]
    {
        for level in Level::supported() {
            let stream = stream(0.5).with_layout(shape).with_level(level);
            let (mut filled, mut stored) = ([0; 3], [0; 3]);
            stream.fill(&mut MaskMut::new(&mut filled, bits).unwrap()).unwrap();
            stream.forward_store(&[], &mut [], &mut MaskMut::new(&mut stored, bits).unwrap()).unwrap();
            assert_ne!(filled, [0; 3]);
            assert_eq!(filled, stored, "{shape:?}");
            stored = [0; 3];
            stream.forward_store_in_place(&mut [], &mut MaskMut::new(&mut stored, bits).unwrap()).unwrap();
            assert_eq!(filled, stored, "{shape:?}");
            let mask = Mask::new(&stored, bits).unwrap();
            StoredMask::new(mask, 2.0).with_layout(shape).with_level(level).apply(&[], &mut []).unwrap();
        }
    }
}

#[test]
fn errors_write_nothing() {
    let stream = stream(0.5);
    let (x, untouched) = (floats(10, 24), vec![7.0; 24]);
    let mut y = untouched.clone();
    let wrong = [
        (
            Layout::channels_first(2, 3, 5),
            Error::LengthMismatch { argument: Argument::Output, expected: 30, actual: 24 },
        ),
        (
            Layout::channels_last(2, 3, 3),
            Error::LengthMismatch { argument: Argument::Output, expected: 18, actual: 24 },
        ),
        (Layout::channels_first(usize::MAX, 2, 1), Error::InvalidLayout { len: usize::MAX, stride: 2, within: 2 }),
        (
            Layout::channels_last(usize::MAX, 1, usize::MAX),
            Error::InvalidLayout { len: usize::MAX, stride: usize::MAX, within: usize::MAX },
        ),
        (Layout::samples(0, 24), Error::LengthMismatch { argument: Argument::Output, expected: 0, actual: 24 }),
    ];
    for (shape, error) in wrong {
        assert_eq!(stream.with_layout(shape).forward(&x, &mut y), Err(error), "{shape:?}");
        assert_eq!(stream.with_layout(shape).backward_add(&x, &mut y), Err(error), "{shape:?}");
    }

    let shape = Layout::channels_first(2, 3, 4);
    let channels = stream.with_layout(shape);
    let short = |argument| Err(Error::LengthMismatch { argument, expected: 24, actual: 23 });
    assert_eq!(channels.forward(&x[1..], &mut y), short(Argument::Input));
    assert_eq!(channels.forward_residual(&x, &x[1..], &mut y), short(Argument::Residual));

    let offset = u64::MAX - 4; // five bits are left
    let overflow = Err(Error::IndexOverflow { offset, span: 6 });
    assert_eq!(channels.with_offset(offset).forward(&x, &mut y), overflow);
    let spread = stream.with_layout(shape.index_strides([u64::MAX, 1, 0]));
    assert_eq!(spread.forward(&x, &mut y), Err(Error::IndexOverflow { offset: 0, span: u128::from(u64::MAX) + 3 }));

    let mut words = [!0; 3];
    let apart = stream.with_layout(shape.index_strides([9, 1, 0]));
    for actual in [0, 5, 7, 64, 66, 68, 128] {
        let mut mask = MaskMut::new(&mut words, actual).unwrap();
        for (channels, expected) in [(channels, 6), (apart, 6)] {
            for channels in Level::supported().map(|level| channels.with_level(level)) {
                let wrong = Err(Error::LengthMismatch { argument: Argument::Mask, expected, actual });
                assert_eq!(channels.forward_store(&x, &mut y, &mut mask), wrong);
                assert_eq!(channels.forward_store_in_place(&mut y, &mut mask), wrong);
                assert_eq!(channels.fill(&mut mask), wrong);
            }
        }
    }
    assert_eq!(words, [!0; 3]);

    for (index_stride, expected) in [(3, 6), (0, 3), (64, 67), (128, 131), (1 << 63, (1_u64 << 63) + 3)] {
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        for actual in [0, 5, 7, 66, 68].into_iter().chain((index_stride != 3).then_some(6)) {
            let mask = StoredMask::new(Mask::new(&words, actual).unwrap(), 2.0);
            let wrong = Err(Error::LengthMismatch { argument: Argument::Mask, expected, actual });
            assert_eq!(mask.with_indexed_bits(shape.index_strides([index_stride, 1, 0])).apply(&x, &mut y), wrong);
        }
    }
    assert_eq!(y, untouched);
}
