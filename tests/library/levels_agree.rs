//! Every operation at every level of this machine gives what the scalar level gives, bit for bit, and writes nothing
//! else.

use std::env;
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

use crate::common::{OPERATIONS, STORED_OPERATIONS, floats, random_words, same, thinned};
use dropmask::{Dropout, Key, Layout, Level, Mask, MaskMut, Probability, Scaling, StoredMask, mask_words};

/// Elements, and mask words, before and behind what an operation may write.
const MARGIN: usize = 20;

/// What an operation may write: rows of `columns` elements, and a row of bits for each.
#[derive(Clone, Copy, Debug)]
struct Shape {
    rows: usize,
    columns: usize,
    stride: usize,
    /// Bits of a stored mask.
    bits: usize,
    /// Of 16: the input starts at one of four alignments, the output at another.
    alignment: usize,
}

impl Shape {
    fn flat(len: usize, alignment: usize) -> Self {
        Self { rows: 1, columns: len, stride: len, bits: len, alignment }
    }

    /// Elements of the slices.
    fn len(self) -> usize {
        (self.rows - 1) * self.stride + self.columns
    }

    fn input(self) -> Range<usize> {
        let start = self.alignment / 4;
        start..start + self.len()
    }

    fn output(self) -> Range<usize> {
        let start = MARGIN + self.alignment % 4;
        start..start + self.len()
    }
}

/// The memory around an operation.
#[derive(Clone)]
struct Memory {
    y: Vec<f32>,
    words: Vec<u64>,
}

impl Memory {
    fn copy_from(&mut self, other: &Self) {
        self.y.copy_from_slice(&other.y);
        self.words.copy_from_slice(&other.words);
    }

    fn same(&self, other: &Self) -> bool {
        self.y.iter().zip(&other.y).all(|(&a, &b)| same(a, b)) && self.words == other.words
    }

    /// Whether nothing but the rows of a shape and the words of its mask has changed, and what a row leaves of its last
    /// word is 0.
    fn only_wrote(&self, shape: Shape, stores: bool, before: &Self) -> bool {
        let floats_intact = |range: Range<usize>| {
            self.y[range.clone()].iter().zip(&before.y[range]).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let mut at = 0;
        let gaps_intact = (0..shape.rows).all(|row| {
            let start = shape.output().start + row * shape.stride;
            let gap = at..start;
            at = start + shape.columns;
            floats_intact(gap)
        });

        let end = if stores { MARGIN + mask_words(shape.bits) } else { MARGIN };
        let words_intact = self.words[..MARGIN] == before.words[..MARGIN] && self.words[end..] == before.words[end..];
        let tails_zero = !stores || shape.bits.is_multiple_of(64) || self.words[end - 1] >> (shape.bits % 64) == 0;

        gaps_intact && floats_intact(at..self.y.len()) && words_intact && tails_zero
    }
}

/// Runs operations at every level and compares.
struct Comparison {
    levels: Vec<Level>,
    x: Vec<f32>,
    before: Memory,
    expected: Memory,
    actual: Memory,
}

impl Comparison {
    /// With room for slices of `len` elements and masks of `words` words.
    fn new(len: usize, words: usize) -> Self {
        let before = Memory { y: floats(1, len + 2 * MARGIN + 4), words: random_words(2, words + 2 * MARGIN) };
        let (expected, actual) = (before.clone(), before.clone());
        let levels = Level::supported().filter(|&level| level != Level::SCALAR).collect();
        Self { levels, x: floats(3, len + 4), before, expected, actual }
    }

    fn compare(
        &mut self,
        shape: Shape,
        stores: bool,
        name: impl Display,
        run: impl Fn(Level, &[f32], &mut [f32], &mut [u64]),
    ) {
        let Self { levels, x, before, expected, actual } = self;
        let x = &x[shape.input()];
        expected.copy_from(before);
        run(Level::SCALAR, x, &mut expected.y[shape.output()], &mut expected.words[MARGIN..]);
        assert!(expected.only_wrote(shape, stores, before), "scalar wrote too much: {name}, {shape:?}");
        for &level in &*levels {
            actual.copy_from(before);
            run(level, x, &mut actual.y[shape.output()], &mut actual.words[MARGIN..]);
            assert!(actual.same(expected), "{level} differs from scalar: {name}, {shape:?}");
            assert!(actual.only_wrote(shape, stores, before), "{level} wrote too much: {name}, {shape:?}");
        }
    }

    /// All that a stream does.
    fn stream(&mut self, stream: Dropout, shape: Shape) {
        for operation in &OPERATIONS {
            let name = format_args!("{} of {stream:?}", operation.name);
            self.compare(shape, operation.stores, name, |level, x, y, words| {
                let mut mask = MaskMut::new(words, shape.bits).unwrap();
                (operation.run)(&stream.with_level(level), x, y, &mut mask).unwrap();
            });
        }
    }

    /// All that a stored mask does.
    fn stored(&mut self, mask: StoredMask<'_>, shape: Shape) {
        for (name, run) in STORED_OPERATIONS {
            let name = format_args!("{name} of {mask:?}");
            self.compare(shape, false, name, |level, x, y, _| run(&mask.with_level(level), x, y).unwrap());
        }
    }
}

/// Everything and nothing dropped, one to ten digits, ties that decide little and much, the ends of the thresholds.
fn probabilities() -> Vec<Probability> {
    [0.0, 1.0, 0.5, 0.25, 0.875, 0.1, 1e-4, 0.9999]
        .map(Probability::new)
        .into_iter()
        .chain([1, (1 << 32) - 1].map(Probability::from_threshold))
        .map(Result::unwrap)
        .collect()
}

/// Around whole blocks: up to one more than are sampled at a time.
fn block_lengths() -> impl Iterator<Item = usize> {
    (1..=5).flat_map(|k| [1024 * k - 1, 1024 * k, 1024 * k + 1])
}

/// A stream with a key of its own for each offset.
fn stream(p: Probability, offset: u64) -> Dropout {
    Dropout::new(Key::new(offset).derive(p.threshold()), p).with_offset(offset)
}

#[test]
fn levels_of_this_machine() {
    let levels: Vec<_> = Level::supported().collect();
    let names: Vec<_> = levels.iter().map(|level| level.name()).collect();
    // past the capture of test output
    writeln!(std::io::stderr(), "levels: {}", names.join(", ")).unwrap();
    assert!(names.starts_with(&["scalar", "portable"]));

    let allowed = if cfg!(dropmask_level = "scalar") {
        1
    } else if cfg!(dropmask_level = "portable") {
        2
    } else if cfg!(dropmask_level = "avx2") {
        3
    } else {
        4
    };
    assert_eq!(levels.into_iter().take(allowed).next_back(), Some(Level::detect()));

    // of an emulated CPU it is known
    if let Ok(name) = env::var("DROPMASK_DETECTED") {
        assert_eq!(Level::detect().name(), name);
    }
}

/// The library asks the CPU without std; std is asked here.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[test]
fn std_sees_the_same_levels() {
    assert_eq!(Level::avx2().is_some(), is_x86_feature_detected!("avx2"));
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    assert_eq!(Level::avx512().is_some(), avx512);
}

/// In code for a level the compiler may use all that it takes for granted there: what the library asks of the CPU, and
/// SSE3 to SSE4.2, whose instructions are those of AVX then.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_compiler_takes_nothing_else_for_granted() {
    use std::collections::BTreeSet;
    use std::process::Command;

    const AVX2: [&str; 6] = ["sse3", "ssse3", "sse4.1", "sse4.2", "avx", "avx2"];
    const AVX512: [&str; 6] = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "fma", "f16c"];
    let features = |enabled: &str| -> BTreeSet<String> {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--print=cfg", "--target=x86_64-unknown-linux-gnu"]);
        let output = rustc.arg(format!("-Ctarget-feature={enabled}")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let cfg = String::from_utf8(output.stdout).unwrap();
        cfg.lines()
            .filter_map(|line| Some(line.strip_prefix("target_feature=\"")?.trim_end_matches('"').into()))
            .collect()
    };
    let asked = |names: &[&str]| &features("") | &names.iter().map(ToString::to_string).collect();
    assert_eq!(features("+avx2"), asked(&AVX2));
    assert_eq!(features("+avx512f,+avx512bw,+avx512dq,+avx512vl"), asked(&[AVX2, AVX512].concat()));
}

/// Every length below three words at every bit of the first word and beyond; under an emulator every fourth.
#[test]
fn short_streams() {
    let mut comparison = Comparison::new(130, 3);
    for p in probabilities() {
        for len in thinned(0..=130) {
            for offset in 0..=65 {
                comparison.stream(stream(p, offset), Shape::flat(len, (len + offset as usize) % 16));
            }
        }
    }
}

/// Words and blocks that begin, end and wrap anywhere; the last one ends at exactly 2^64.
#[test]
fn long_streams_and_far_offsets() {
    let mut comparison = Comparison::new(9001, 141);
    for p in probabilities() {
        let short = [0, 1, 63, 64, 65, 127, 128, 129].into_iter();
        for len in thinned(short.chain(block_lengths()).chain([6143, 6144, 6145, 9001])) {
            let last = (len as u64).wrapping_neg();
            for (i, offset) in [0, 1, 63, 64, 65, 1023, 1024, 1025, 4095, 1 << 40, last].into_iter().enumerate() {
                comparison.stream(stream(p, offset), Shape::flat(len, i));
            }
        }
    }
}

#[test]
fn scalings() {
    let mut comparison = Comparison::new(130, 3);
    for scaling in [Scaling::Standard, Scaling::Naive] {
        for p in probabilities() {
            for len in 0..=130 {
                comparison.stream(stream(p, 7).with_scaling(scaling), Shape::flat(len, len % 16));
            }
        }
    }
}

/// Dense in memory or apart; indices that are the same for all rows, overlap, are dense, or lie apart.
#[test]
fn rows() {
    let mut comparison = Comparison::new(3 * 2050, 3 * 33);
    for p in probabilities() {
        for columns in thinned([1, 3, 63, 64, 65, 100, 128, 1023, 1024, 1500, 2049]) {
            for stride in [columns, columns + 1] {
                for index_stride in [0, 1, columns as u64, 64, 1000, 1 << 33] {
                    let offset = 5 * columns as u64;
                    let rows = Layout::rows(3, columns).strides([stride, 1]).index_strides([index_stride, 1]);
                    let bits = if index_stride == 0 { columns } else { 3 * columns };
                    let shape = Shape { rows: 3, columns, stride, bits, alignment: columns % 16 };
                    comparison.stream(stream(p, offset).with_layout(rows), shape);
                }
            }
        }
    }
}

/// Masks that start at any bit of a word, with other bits around them.
#[test]
fn stored_masks() {
    let mut comparison = Comparison::new(5121, 0);
    let words = random_words(4, 84);
    for (i, first) in thinned((0..=65).chain([127, 128, 129]).enumerate()) {
        let lengths: Vec<_> = if i % 8 < 2 { (0..=130).chain(block_lengths()).collect() } else { (0..=130).collect() };
        for len in lengths {
            let mask = Mask::at_bit(&words, first, len).unwrap();
            let scale = [1.0, 2.0, 1.111_111_2, f32::INFINITY][len % 4];
            comparison.stored(StoredMask::new(mask, scale), Shape::flat(len, (len + i) % 16));
        }
    }
}

#[test]
fn rows_of_stored_masks() {
    let mut comparison = Comparison::new(3 * 2050, 0);
    let words = random_words(5, 130);
    for columns in [1, 3, 63, 64, 65, 100, 128, 1023, 1024, 1500, 2049] {
        for stride in [columns, columns + 1] {
            for index_stride in [0, 1, 64, columns, columns + 70] {
                for first in [0, 1, 63] {
                    let mask = Mask::at_bit(&words, first, 2 * index_stride + columns).unwrap();
                    let rows = Layout::rows(3, columns).strides([stride, 1]).index_strides([index_stride as u64, 1]);
                    let shape = Shape { rows: 3, columns, stride, bits: 0, alignment: columns % 16 };
                    comparison.stored(StoredMask::new(mask, 2.0).with_indexed_bits(rows), shape);
                }
            }
        }
    }
}

/// Every way to share bits along four axes, dense or not, in memory that is dense or not.
#[test]
fn axes() {
    let mut comparison = Comparison::new(2 * 3 * 40 * 80, 2 * 3 * 40 * 80 / 64 + 1);
    for dims in [[2, 3, 5, 7], [2, 3, 4, 64], [1, 3, 1, 70], [3, 1, 33, 1], [2, 2, 40, 33]] {
        for sharing in 0..16_usize {
            let shared = [8, 4, 2, 1].map(|axis| sharing & axis != 0);
            let len: usize = dims.iter().product();
            let bits = dims.iter().zip(shared).map(|(len, shared)| if shared { 1 } else { *len }).product();
            let dense = Layout::broadcast(dims, shared);
            let [_, b, c, d] = dims;
            let spread = dense.strides([b * c * (d + 2) + 1, c * (d + 2), d + 2, 1]);
            for (layout, columns) in
                [(dense, len), (spread, (dims[0] - 1) * (b * c * (d + 2) + 1) + b * c * (d + 2) - 2)]
            {
                // what lies between the rows is compared with the scalar level
                let shape = Shape { rows: 1, columns, stride: columns, bits, alignment: sharing };
                for p in [0.5, 0.1] {
                    comparison.stream(stream(Probability::new(p).unwrap(), 77).with_layout(layout), shape);
                }
            }
        }
    }
}
