//! Large slices shared out among threads: the bits of one thread, whatever their number and the shape.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

mod common;

use common::{OPERATIONS, STORED_OPERATIONS, floats, to_bits};
use dropmask::{
    AlphaDropout, BiasDropout, Channels, Dropout, Error, Key, Level, Mask, MaskMut, MaskStream, Mode, Probability,
    Rows, Scaling, StoredMask, mask_words,
};
use rayon::ThreadPoolBuilder;

const THREADS: [usize; 4] = [1, 2, 3, 7];
/// Past several pieces, and no multiple of anything.
const LEN: usize = 600_001;

fn stream(p: f32) -> MaskStream {
    MaskStream::new(Key::new(5), Probability::new(p).unwrap())
}

/// A shape in the slices, and one of the stored mask.
struct Case {
    name: &'static str,
    shape: fn(MaskStream) -> MaskStream,
    stored: fn(StoredMask<'_>) -> StoredMask<'_>,
    len: usize,
    /// Bits of a stored mask.
    bits: usize,
}

const fn shaped(
    name: &'static str,
    shape: fn(MaskStream) -> MaskStream,
    stored: fn(StoredMask<'_>) -> StoredMask<'_>,
    len: usize,
    bits: usize,
) -> Case {
    Case { name, shape, stored, len, bits }
}

const APART: Rows = Rows::new(1400, 301).stride(333).index_stride(1000);
const LONG: Rows = Rows::new(3, 300_001).stride(300_002).index_stride(7);
const FIRST: Channels = Channels::first(5, 70, 1999);
const LAST: Channels = Channels::last(5, 1999, 70);
const ONE_FIRST: Channels = Channels::first(1, 70, 7999);
const ONE_LAST: Channels = Channels::last(1, 7999, 70);
const ONE_CHANNEL: Channels = Channels::samples(1, LEN);
const SHARD: Channels = Channels::first(50, 7, 1999).index_stride(100);

/// The bits that a mask of rows takes.
const fn by_row(rows: usize, columns: usize) -> usize {
    64 * mask_words(columns) * (rows - 1) + columns
}

const CASES: [Case; 9] = [
    shaped("one row", |stream| stream, |mask| mask, LEN, LEN),
    shaped(
        "rows apart",
        |stream| stream.rows(APART),
        |mask| mask.rows(APART.index_stride(64 * mask_words(301) as u64)),
        1399 * 333 + 301,
        by_row(1400, 301),
    ),
    shaped(
        "long rows",
        |stream| stream.rows(LONG),
        |mask| mask.rows(LONG.index_stride(64 * mask_words(300_001) as u64)),
        2 * 300_002 + 300_001,
        by_row(3, 300_001),
    ),
    shaped("channels first", |s| s.channels(FIRST), |m| m.channels(FIRST), 5 * 70 * 1999, 350),
    shaped("channels last", |s| s.channels(LAST), |m| m.channels(LAST), 5 * 70 * 1999, 350),
    shaped("one sample, channels first", |s| s.channels(ONE_FIRST), |m| m.channels(ONE_FIRST), 70 * 7999, 70),
    shaped("one sample, channels last", |s| s.channels(ONE_LAST), |m| m.channels(ONE_LAST), 70 * 7999, 70),
    shaped("one channel", |s| s.channels(ONE_CHANNEL), |m| m.channels(ONE_CHANNEL), LEN, 1),
    shaped(
        "a shard of channels",
        |stream| stream.channels(SHARD),
        |mask| mask.channels(SHARD.index_stride(64)),
        50 * 7 * 1999,
        by_row(50, 7),
    ),
];

type Run<'a> = &'a dyn Fn(&mut [f32], &mut MaskMut<'_>) -> Result<(), Error>;

/// All that a stream and its stored mask do, on one thread or in parallel.
fn everything(case: &Case, stream: MaskStream, parallel: bool) -> Vec<(&'static str, Vec<u32>, Vec<u64>)> {
    let (x, r) = (floats(1, case.len), floats(2, case.len));
    let scale = stream.scale();
    let stream = (case.shape)(if parallel { stream.parallel() } else { stream });
    let words = common::fill(&stream, case.bits);
    let mut results = Vec::new();

    // y is the output, or input and output; both start as r
    let mut run = |what, operation: Run<'_>| {
        let (mut y, mut mask) = (r.clone(), vec![!0; mask_words(case.bits)]);
        operation(&mut y, &mut MaskMut::new(&mut mask, case.bits).unwrap()).unwrap();
        results.push((what, to_bits(&y), mask));
    };
    for operation in &OPERATIONS {
        run(operation.name, &|y, mask| (operation.run)(&stream, &x, y, mask));
    }
    run("residual", &|y, _| stream.forward_residual(&x, &r, y));
    run("residual over x", &|y, _| stream.forward_residual_in_place(y, &x));
    run("evaluation, scaled", &|y, _| stream.scaling(Scaling::Standard).evaluate_residual(&x, &r, y));
    run("alpha", &|y, _| AlphaDropout::new(stream).forward(&x, y));
    run("layer", &|y, _| Dropout::from_stream(stream).forward(Mode::Train, &x, y));

    let mask = Mask::new(&words, case.bits).unwrap();
    let mask = (case.stored)(StoredMask::new(mask, scale));
    let mask = if parallel { mask.parallel() } else { mask };
    for (name, operation) in &STORED_OPERATIONS {
        run(name, &|y, _| operation(&mask, &x, y));
    }
    results
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let pools = THREADS.map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for case in &CASES {
        for (p, offset) in [(0.1, 63), (0.5, 12_345), (0.0, 0), (1.0, 1)] {
            let stream = stream(p).offset(offset);
            let expected = everything(case, stream, false);
            for (pool, threads) in pools.iter().zip(THREADS) {
                let actual = pool.install(|| everything(case, stream, true));
                for (expected, actual) in expected.iter().zip(&actual) {
                    assert!(expected == actual, "{}, {}, p = {p}, {threads} threads", case.name, expected.0);
                }
            }
        }
    }
}

#[test]
fn a_bias_keeps_its_place() {
    let (x, r, b) = (floats(1, 1501 * 333), floats(2, 1501 * 333), floats(3, 333));
    let (mut expected, mut y) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for stream in [stream(0.1), stream(0.5).rows(Rows::new(1501, 333).index_stride(1000))] {
        let (one, many) = (BiasDropout::new(stream), BiasDropout::new(stream.parallel()));
        one.forward(&x, &b, &mut expected).unwrap();
        many.forward(&x, &b, &mut y).unwrap();
        assert_eq!(to_bits(&y), to_bits(&expected));
        one.evaluate_residual(&x, &b, &r, &mut expected).unwrap();
        many.evaluate_residual(&x, &b, &r, &mut y).unwrap();
        assert_eq!(to_bits(&y), to_bits(&expected));
    }
}

#[test]
fn the_last_index_is_reached() {
    let stream = stream(0.5).offset(0_u64.wrapping_sub(LEN as u64));
    let x = floats(1, LEN);
    let (mut expected, mut y) = (vec![0.0; LEN], vec![0.0; LEN]);
    stream.level(Level::SCALAR).forward(&x, &mut expected).unwrap();
    stream.parallel().forward(&x, &mut y).unwrap();
    assert_eq!(to_bits(&y), to_bits(&expected));
}

#[test]
fn nothing_is_written_after_an_error() {
    let (x, mut y, mut words) = (vec![1.0; LEN], vec![2.0; LEN], vec![!0; mask_words(LEN)]);
    let stream = stream(0.5).parallel();
    let past = stream.offset(0_u64.wrapping_sub(LEN as u64 - 1));
    assert!(matches!(past.forward(&x, &mut y), Err(Error::IndexOverflow { .. })));
    assert!(matches!(stream.forward(&x[1..], &mut y), Err(Error::LengthMismatch { .. })));
    let mut mask = MaskMut::new(&mut words, LEN - 1).unwrap();
    assert!(matches!(stream.forward_store(&x, &mut y, &mut mask), Err(Error::LengthMismatch { .. })));
    assert!(matches!(past.fill(&mut MaskMut::new(&mut words, LEN).unwrap()), Err(Error::IndexOverflow { .. })));
    assert!(y == vec![2.0; LEN] && words.iter().all(|&word| word == !0));
}
