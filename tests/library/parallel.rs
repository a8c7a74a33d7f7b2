//! Large slices shared out among threads: the bits of one thread, whatever their number and the shape.

use crate::common::{OPERATIONS, STORED_OPERATIONS, all_same, floats};
use dropmask::{
    AlphaDropout, Attention, BiasDropout, DropBlock, Dropout, DropoutLayer, EmbeddingDropout, Error, Key, Layout,
    Level, Mask, MaskMut, Probability, Scaling, Select, mask_words,
};
use rayon::ThreadPoolBuilder;

const THREADS: [usize; 4] = [1, 2, 3, 7];
/// Past several pieces, and no multiple of anything.
const LEN: usize = 600_001;

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(5), Probability::new(p).unwrap())
}

struct Case {
    name: &'static str,
    layout: Option<Layout>,
    len: usize,
    /// Bits of a stored mask.
    bits: usize,
}

impl Case {
    fn stream(&self, stream: Dropout) -> Dropout {
        self.layout.map_or(stream, |layout| stream.with_layout(layout))
    }
}

const fn case(name: &'static str, layout: Layout, len: usize, bits: usize) -> Case {
    Case { name, layout: Some(layout), len, bits }
}

/// Rows that lie so far apart in memory and in index.
const fn rows(name: &'static str, [rows, columns, stride]: [usize; 3], index_stride: u64) -> Case {
    let layout = Layout::rows(rows, columns).strides([stride, 1]).index_strides([index_stride, 1]);
    case(name, layout, (rows - 1) * stride + columns, rows * columns)
}

const CASES: [Case; 10] = [
    Case { name: "one row", layout: None, len: LEN, bits: LEN },
    rows("rows apart", [1400, 301, 333], 1000),
    rows("long rows", [3, 300_001, 300_002], 7),
    case("channels first", Layout::channels_first(5, 70, 1999), 5 * 70 * 1999, 350),
    case("channels last", Layout::channels_last(5, 1999, 70), 5 * 70 * 1999, 350),
    case("one sample, channels first", Layout::channels_first(1, 70, 7999), 70 * 7999, 70),
    case("one sample, channels last", Layout::channels_last(1, 7999, 70), 70 * 7999, 70),
    case("one channel", Layout::samples(1, LEN), LEN, 1),
    case("a shard of channels", Layout::channels_first(50, 7, 1999).index_strides([100, 1, 0]), 50 * 7 * 1999, 50 * 7),
    case("heads share", Layout::broadcast([3, 5, 200, 201], [false, true, false, false]), 603_000, 3 * 200 * 201),
];

type Run<'a> = &'a dyn Fn(&mut [f32], &mut MaskMut<'_>) -> Result<(), Error>;

/// All that a stream and its stored mask do, on one thread or in parallel.
fn everything(case: &Case, stream: Dropout, parallel: bool) -> Vec<(&'static str, Vec<f32>, Vec<u64>)> {
    let (x, r) = (floats(1, case.len), floats(2, case.len));
    let stream = case.stream(if parallel { stream.parallel() } else { stream });
    let words = crate::common::fill(&stream, case.bits);
    let mut results = Vec::new();

    // y is the output, or input and output; both start as r
    let mut run = |what, operation: Run<'_>| {
        let (mut y, mut mask) = (r.clone(), vec![!0; mask_words(case.bits)]);
        operation(&mut y, &mut MaskMut::new(&mut mask, case.bits).unwrap()).unwrap();
        results.push((what, y, mask));
    };
    for operation in &OPERATIONS {
        run(operation.name, &|y, mask| (operation.run)(&stream, &x, y, mask));
    }
    run("residual", &|y, _| stream.forward_residual(&x, &r, y));
    run("residual over x", &|y, _| stream.forward_residual_in_place(y, &x));
    run("evaluation, scaled", &|y, _| stream.with_scaling(Scaling::Standard).evaluate_residual(&x, &r, y));
    run("alpha", &|y, _| AlphaDropout::new(stream).forward(&x, y));
    let select = Select::new(stream);
    run("select", &|y, _| select.forward(&x, &r, y));
    run("select over b", &|y, _| select.forward_update(&x, y));
    run("select backward", &|y, _| select.backward_b_add(&x, y));
    run("select evaluation", &|y, _| select.evaluate_update(&x, y));
    run("layer", &|y, _| DropoutLayer::new(stream).train(&x, y));

    let mask = stream.stored(Mask::new(&words, case.bits).unwrap());
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
            let stream = stream(p).with_offset(offset);
            let expected = everything(case, stream, false);
            for (pool, threads) in pools.iter().zip(THREADS) {
                let actual = pool.install(|| everything(case, stream, true));
                for ((what, y, mask), (_, actual_y, actual_mask)) in expected.iter().zip(&actual) {
                    let same = all_same(actual_y, y) && actual_mask == mask;
                    assert!(same, "{}, {what}, p = {p}, {threads} threads", case.name);
                }
            }
        }
    }
}

/// Rows of attention, short ones and long ones, and the blocks of maps.
#[test]
fn kinds_with_shapes_of_their_own() {
    let pools = THREADS.map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for (matrices, queries, keys) in [(5, 211, 333), (3, 20_000, 7), (1, 37, 9001), (1, 1, 200_001), (2, 70_000, 1)] {
        let len = matrices * queries * keys;
        let (scores, dy, bits) = (floats(1, len), floats(2, len), vec![0x5A5A_1234_0FF0_3C3C; mask_words(len)]);
        let everything = |stream: Dropout| {
            let attention = Attention::new(stream.with_offset(77), [1, matrices, queries, keys]);
            let mut results = Vec::new();
            for attention in [
                attention,
                attention.causal(5),
                attention.renormalise(true),
                attention.scale(0.5).bias(&dy, [0, 0, keys]).index_strides([0, keys as u64, 0]),
                attention.stored(Mask::new(&bits, len).unwrap()),
            ] {
                let (mut weights, mut gradient, mut evaluated) = (vec![0.0; len], scores.clone(), vec![0.0; len]);
                attention.forward(&scores, &mut weights).unwrap();
                attention.backward_in_place(&mut gradient, &dy).unwrap();
                attention.evaluate(&scores, &mut evaluated).unwrap();
                results.extend([weights, gradient, evaluated]);
                let (mut weights, mut softmax, mut sum) = (vec![0.0; len], scores.clone(), dy.clone());
                attention.forward_softmax_in_place(&mut softmax, &mut weights).unwrap();
                attention.backward_softmax_add(&softmax, &dy, &mut sum).unwrap();
                results.extend([weights, softmax, sum]);
            }
            results
        };
        let expected = everything(stream(0.3));
        for (pool, threads) in pools.iter().zip(THREADS) {
            let actual = pool.install(|| everything(stream(0.3).parallel()));
            let same = actual.iter().zip(&expected).all(|(actual, expected)| all_same(actual, expected));
            assert!(same, "({matrices}, {queries}, {keys}), {threads} threads");
        }
    }

    let (shape, x) = ([4, 5, 100, 200], floats(1, 400_000));
    for shape in [[4, 5, 100, 200], [1, 5, 8, 10_000]] {
        for shared in [false, true] {
            let run = |stream| {
                let blocks = DropBlock::new(stream, shape, 5).unwrap().shared_channels(shared);
                let count = blocks.count().unwrap();
                let (mut y, mut dx) = (vec![0.0; 400_000], x.clone());
                blocks.replay(&x, &mut y, count).unwrap();
                blocks.replay_add(&x, &mut dx, count).unwrap();
                (count, y, dx)
            };
            let expected = run(stream(0.1));
            for (pool, threads) in pools.iter().zip(THREADS) {
                let actual = pool.install(|| run(stream(0.1).parallel()));
                let same = all_same(&actual.1, &expected.1) && all_same(&actual.2, &expected.2);
                assert!(same && actual.0 == expected.0, "{shape:?}, shared: {shared}, {threads} threads");
            }
        }
    }
    let run = |stream| {
        let blocks = DropBlock::new(stream, shape, 5).unwrap();
        let (mut y, mut dx, mut words) = (vec![0.0; 400_000], x.clone(), vec![0; 6250]);
        let mut mask = MaskMut::new(&mut words, 400_000).unwrap();
        let count = blocks.forward(&x, &mut y, &mut mask).unwrap();
        blocks.backward_in_place(&mut dx, mask.as_mask(), count).unwrap();
        (y, dx, words)
    };
    let expected = run(stream(0.1));
    for (pool, threads) in pools.iter().zip(THREADS) {
        let actual = pool.install(|| run(stream(0.1).parallel()));
        let same = all_same(&actual.0, &expected.0) && all_same(&actual.1, &expected.1) && actual.2 == expected.2;
        assert!(same, "{threads} threads");
    }
}

/// Positions, and rows of the table, of tokens that occur many times; pieces of one row, and rows of one element.
#[test]
fn words_keep_their_order() {
    let pools = THREADS.map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for (vocabulary, dimension, count) in [(37, 200, 4001), (3, 150_000, 7), (50_000, 64, 5000), (99, 1, 400_000)] {
        let ids: Vec<u32> = (0..count as u64).map(|t| Key::new(9).below(t, vocabulary as u64) as u32).collect();
        let (table, x) = (floats(1, vocabulary * dimension), floats(2, count * dimension));
        let words = crate::common::fill(&stream(0.3), vocabulary);
        let everything = |stream: Dropout| {
            let drawn = EmbeddingDropout::new(stream.with_offset(33), [vocabulary, dimension]);
            let mask = Mask::new(&words, vocabulary).unwrap();
            // a bit takes as long as many elements
            let dropouts = if dimension < 64 { &[drawn.stored(mask)][..] } else { &[drawn, drawn.stored(mask)][..] };
            let of = |dropout: &EmbeddingDropout<'_>| {
                let (mut y, mut rows, mut dx, mut dtable) = (x.clone(), x.clone(), x.clone(), table.clone());
                dropout.lookup(&ids, &table, &mut y).unwrap();
                dropout.forward_in_place(&ids, &mut rows).unwrap();
                dropout.backward_add(&ids, &x, &mut dx).unwrap();
                dropout.backward_table(&ids, &x, &mut dtable).unwrap();
                [y, rows, dx, dtable]
            };
            dropouts.iter().flat_map(of).collect::<Vec<_>>()
        };
        let expected = everything(stream(0.3));
        for (pool, threads) in pools.iter().zip(THREADS) {
            let actual = pool.install(|| everything(stream(0.3).parallel()));
            let same = actual.iter().zip(&expected).all(|(actual, expected)| all_same(actual, expected));
            assert!(same, "{count} tokens of {vocabulary}, {dimension} elements, {threads} threads");
        }
    }
}

#[test]
fn a_bias_keeps_its_place() {
    type Run = fn(&BiasDropout, [&[f32]; 3], &mut [f32]) -> Result<(), Error>;
    const OPERATIONS: [(&str, Run); 7] = [
        ("forward", |dropout, [x, b, _], y| dropout.forward(x, b, y)),
        ("forward in place", |dropout, [_, b, _], y| dropout.forward_in_place(y, b)),
        ("forward with a residual", |dropout, [x, b, r], y| dropout.forward_residual(x, b, r, y)),
        ("forward added", |dropout, [x, b, _], y| dropout.forward_add(x, b, y)),
        ("evaluation", |dropout, [x, b, _], y| dropout.evaluate(x, b, y)),
        ("evaluation in place", |dropout, [_, b, _], y| dropout.evaluate_in_place(y, b)),
        ("evaluation with a residual", |dropout, [x, b, r], y| dropout.evaluate_residual(x, b, r, y)),
    ];
    let dense = Layout::rows(1501, 333);
    let apart = dense.strides([340, 1]);
    let (x, r, b) = (floats(1, 1500 * 340 + 333), floats(2, 1500 * 340 + 333), floats(3, 333));
    let shapes = [
        ("one row", None, 1501 * 333),
        ("rows", Some(dense.index_strides([1000, 1])), 1501 * 333),
        ("rows apart", Some(apart), x.len()),
    ];
    for (shape, rows, len) in shapes {
        for (p, scaling) in [(0.1, Scaling::Inverted), (0.5, Scaling::Standard), (0.0, Scaling::Inverted)] {
            let stream = stream(p).with_scaling(scaling);
            let stream = rows.map_or(stream, |rows| stream.with_layout(rows));
            for (name, operation) in OPERATIONS {
                let [expected, actual] = [stream, stream.parallel()].map(|stream| {
                    let mut y = r[..len].to_vec();
                    operation(&BiasDropout::new(stream), [&x[..len], &b, &r[..len]], &mut y).unwrap();
                    y
                });
                assert!(all_same(&actual, &expected), "{name}, {shape}, p = {p}");
            }
        }
    }
}

#[test]
fn the_last_index_is_reached() {
    let stream = stream(0.5).with_offset(0_u64.wrapping_sub(LEN as u64));
    let x = floats(1, LEN);
    let (mut expected, mut y) = (vec![0.0; LEN], vec![0.0; LEN]);
    stream.with_level(Level::SCALAR).forward(&x, &mut expected).unwrap();
    stream.parallel().forward(&x, &mut y).unwrap();
    assert!(all_same(&y, &expected));
}

#[test]
fn nothing_is_written_after_an_error() {
    let (x, mut y, mut words) = (vec![1.0; LEN], vec![2.0; LEN], vec![!0; mask_words(LEN)]);
    let stream = stream(0.5).parallel();
    let past = stream.with_offset(0_u64.wrapping_sub(LEN as u64 - 1));
    assert!(matches!(past.forward(&x, &mut y), Err(Error::IndexOverflow { .. })));
    assert!(matches!(stream.forward(&x[1..], &mut y), Err(Error::LengthMismatch { .. })));
    let mut mask = MaskMut::new(&mut words, LEN - 1).unwrap();
    assert!(matches!(stream.forward_store(&x, &mut y, &mut mask), Err(Error::LengthMismatch { .. })));
    assert!(matches!(past.fill(&mut MaskMut::new(&mut words, LEN).unwrap()), Err(Error::IndexOverflow { .. })));
    assert!(y == vec![2.0; LEN] && words.iter().all(|&word| word == !0));
}
