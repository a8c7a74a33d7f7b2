//! Hostile arguments: each gives the error that names its numbers, nothing is written, and nothing panics.

use crate::common::{OPERATIONS, Operation, STORED_OPERATIONS, floats, proptest_config, random_words, to_bits};
use dropmask::{
    AlphaDropout, Argument, Attention, DropBlock, DropConnect, Dropout, EmbeddingDropout, Error, KeptCount, Key,
    Layout, Level, Mask, MaskMut, Probability, ReluDropout, Scaling, Setting, StoredMask, mask_words,
};
use proptest::prelude::*;

fn stream() -> Dropout {
    Dropout::new(Key::new(10), Probability::new(0.5).unwrap())
}

/// Lengths of input, output and mask.
#[derive(Clone, Copy)]
struct Lengths {
    x: usize,
    y: usize,
    bits: usize,
}

impl Lengths {
    fn all(len: usize) -> Self {
        Self { x: len, y: len, bits: len }
    }
}

/// Runs an operation; checks that an error has left all memory as it was.
fn attempt(operation: &Operation, stream: &Dropout, lengths: Lengths) -> Result<(), Error> {
    let (x, before) = (floats(3, lengths.x), floats(1, lengths.y));
    let words_before = random_words(2, mask_words(lengths.bits));
    let (mut y, mut words) = (before.clone(), words_before.clone());
    let result = (operation.run)(stream, &x, &mut y, &mut MaskMut::new(&mut words, lengths.bits).unwrap());
    if result.is_err() {
        assert_eq!(to_bits(&y), to_bits(&before), "{} wrote", operation.name);
        assert_eq!(words, words_before, "{} wrote", operation.name);
    }
    result
}

/// The same of an operation by a stored mask.
fn attempt_stored(run: crate::common::RunStored, mask: &StoredMask<'_>, x: usize, y: usize) -> Result<(), Error> {
    let (x, before) = (floats(3, x), floats(1, y));
    let mut y = before.clone();
    let result = run(mask, &x, &mut y);
    assert!(result.is_ok() || to_bits(&y) == to_bits(&before), "wrote");
    result
}

/// All operations at all levels refuse.
fn refused(stream: &Dropout, lengths: Lengths, which: impl Fn(&Operation) -> bool, expected: Error) {
    let mut count = 0;
    for operation in OPERATIONS.iter().filter(|operation| which(operation)) {
        for level in Level::supported() {
            assert_eq!(attempt(operation, &stream.with_level(level), lengths), Err(expected), "{}", operation.name);
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn messages_name_the_numbers() {
    let errors = [
        (Error::InvalidProbability { p: 1.5 }, "probability 1.5 is not in [0, 1]"),
        (Error::InvalidThreshold { threshold: 1 << 33 }, "threshold 8589934592 is above 2^32"),
        (
            Error::LengthMismatch { argument: Argument::Mask, expected: 3, actual: 4 },
            "the mask has 4 elements instead of 3",
        ),
        (Error::MaskTooShort { needed: 65, actual: 64 }, "mask too short: 65 bits are needed, 64 are there"),
        (
            Error::IndexOverflow { offset: u64::MAX, span: 1 << 65 },
            "36893488147419103232 element indices from 18446744073709551615 on pass 2^64",
        ),
        (Error::InvalidShape { rows: 2, columns: 5 }, "2 times 5 elements are more than there can be"),
        (
            Error::InvalidLayout { len: 2, stride: 4, within: 5 },
            "an axis of 2 at a stride of 4 overlaps one of 5 elements, or does not fit in memory",
        ),
        (Error::Unsupported { setting: Setting::Scaling }, "this operation cannot honour the setting of scaling"),
        (Error::UnsupportedLevel, "this machine or build has no such SIMD level"),
    ];
    for (error, message) in errors {
        assert_eq!(error.to_string(), message);
    }
    let as_trait: &dyn std::error::Error = &Error::UnsupportedLevel;
    assert!(as_trait.source().is_none());
}

#[test]
fn probabilities() {
    for p in [-0.1, 1.5, 1.0_f32.next_up(), -f32::from_bits(1), f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let error = Err(Error::InvalidProbability { p: p.into() });
        assert_eq!(Probability::new(p), error);
        assert_eq!(Probability::try_from(p), error);
        assert_eq!(Probability::from_f64(p.into()), error);
        assert_eq!(Probability::from_keep(p.into()), error);
    }
    let above = 1.0_f64.next_up();
    assert_eq!(Probability::from_f64(above), Err(Error::InvalidProbability { p: above }));
    assert!(Probability::from_f64(f64::NAN).is_err() && Probability::from_keep(f64::NAN).is_err());
    for nan in [f32::NAN, -f32::NAN] {
        assert!(matches!(Probability::new(nan), Err(Error::InvalidProbability { p }) if p.is_nan()));
    }
    for nothing in [0.0, -0.0, f32::from_bits(1), f32::MIN_POSITIVE, 1e-10] {
        assert_eq!(Probability::new(nothing).unwrap().threshold(), 1 << 32, "{nothing}");
    }
    assert_eq!(Probability::new(1.0_f32.next_down()).unwrap().threshold(), 256);
    assert_eq!(Probability::new(1.0).unwrap().threshold(), 0);
}

/// What an `f64` says is not what the nearest `f32` says; a float says the same in both.
#[test]
fn probabilities_of_doubles() {
    assert_eq!(Probability::new(0.1).unwrap().threshold(), 3_865_470_560);
    assert_eq!(Probability::from_f64(0.1).unwrap().threshold(), 3_865_470_566);
    assert_eq!(Probability::from_keep(0.9).unwrap().threshold(), 3_865_470_566);
    for bits in (0..=1.0_f32.to_bits()).step_by(9973) {
        let p = f32::from_bits(bits);
        assert_eq!(Probability::from_f64(p.into()), Probability::new(p), "{p}");
        let keep = (f64::from(p) * 4_294_967_296.0).round();
        assert_eq!(Probability::from_keep(p.into()).unwrap().threshold(), keep as u64, "{p}");
    }
}

/// A kind says which setting it cannot honour, and has written nothing.
#[test]
fn no_setting_is_ignored() {
    type Call<'a> = &'a dyn Fn(&mut [f32], &mut MaskMut<'_>) -> Result<(), Error>;
    let layouts = [stream().with_layout(Layout::rows(2, 2)), stream().with_layout(Layout::channels_first(1, 2, 2))];
    let scalings = [Scaling::Standard, Scaling::Naive].map(|scaling| stream().with_scaling(scaling));
    let x = [1.0; 4];
    let refuses = |setting, dropout: Dropout, kinds: &[&str]| {
        let attention = Attention::new(dropout, [1, 1, 2, 2]);
        let connect = DropConnect::new(dropout, 2, [2, 2]);
        let embedding = EmbeddingDropout::new(dropout, [2, 2]);
        let blocks = DropBlock::new(dropout, [1, 1, 2, 2], 1).unwrap();
        let (alpha, relu) = (AlphaDropout::new(dropout), ReluDropout::new(dropout));
        let stored = || Mask::new(&[3], 4).unwrap();
        let refused = |kind: &str, run: Call| {
            if kinds.contains(&kind) {
                let (mut y, mut words) = ([7.0; 4], [7]);
                let result = run(&mut y, &mut MaskMut::new(&mut words, 4).unwrap());
                assert_eq!(result, Err(Error::Unsupported { setting }), "{kind}");
                assert_eq!((to_bits(&y), words), (to_bits(&[7.0; 4]), [7]), "{kind} wrote");
            }
        };
        refused("attention", &|y, _| attention.forward(&x, y));
        refused("attention", &|y, _| attention.backward(&x, &x, y));
        refused("attention", &|y, _| attention.evaluate_in_place(y));
        refused("connect", &|y, _| connect.forward(&x, None, &x, y));
        refused("connect", &|y, _| connect.backward_input(&x, &x, y));
        refused("connect", &|y, _| connect.backward_weights(&x, &x, y));
        refused("connect", &|y, _| connect.backward_bias(&x, &mut y[..2]));
        refused("connect", &|y, _| connect.evaluate(&x, None, &x, y));
        refused("connect", &|y, _| connect.moments(&x, None, &x, y, &mut [7.0; 4]));
        refused("embedding", &|y, _| embedding.lookup(&[1, 0], &x, y));
        refused("embedding", &|y, _| embedding.backward_table(&[1, 0], &x, y));
        refused("blocks", &|_, mask| blocks.fill(mask).map(|_| ()));
        refused("blocks", &|y, mask| blocks.forward(&x, y, mask).map(|_| ()));
        refused("blocks", &|y, _| blocks.backward_in_place(y, stored(), KeptCount::new(2, 4)));
        refused("alpha", &|y, _| alpha.forward(&x, y));
        refused("alpha", &|y, _| alpha.backward_add(&x, y));
        refused("alpha", &|y, _| alpha.evaluate(&x, y));
        refused("relu", &|y, mask| relu.forward(&x, y, mask));
        refused("relu", &|y, _| relu.backward(&x, y, stored()));
        refused("relu", &|y, _| relu.evaluate_in_place(y));
        refused("values", &|_, _| dropout.fill_u8(&mut [7; 4]));
        // also where there are no elements
        let empty = [
            ("attention", Attention::new(dropout, [0, 1, 2, 2]).forward(&[], &mut [])),
            ("connect", DropConnect::new(dropout, 0, [0, 0]).forward(&[], None, &[], &mut [])),
            ("embedding", EmbeddingDropout::new(dropout, [0, 2]).lookup(&[], &[], &mut [])),
            ("values", dropout.fill_u8(&mut [])),
            ("values", dropout.fill_bools(&mut [])),
        ];
        for (kind, result) in empty.into_iter().filter(|(kind, _)| kinds.contains(kind)) {
            assert_eq!(result, Err(Error::Unsupported { setting }), "{kind}");
        }
    };
    for dropout in layouts {
        refuses(Setting::Layout, dropout, &["attention", "connect", "embedding", "blocks"]);
    }
    for dropout in scalings {
        refuses(Setting::Scaling, dropout, &["blocks", "alpha"]);
    }
    #[cfg(feature = "rayon")]
    refuses(Setting::Threads, stream().parallel(), &["connect", "values"]);
}

/// What was set can be read, and tells two values apart.
#[test]
fn settings_are_read_back() {
    let dropout = stream().with_offset(3).with_scaling(Scaling::Naive).with_level(Level::SCALAR);
    assert_eq!((dropout.key(), dropout.probability()), (Key::new(10), Probability::new(0.5).unwrap()));
    assert_eq!((dropout.offset(), dropout.scaling(), dropout.level()), (3, Scaling::Naive, Some(Level::SCALAR)));
    assert_eq!((stream().offset(), stream().scaling(), stream().level()), (0, Scaling::Inverted, None));
    let others = [
        stream(),
        stream().derive(1),
        stream().with_offset(1),
        stream().with_scaling(Scaling::Naive),
        stream().with_level(Level::SCALAR),
        stream().with_layout(Layout::rows(2, 2)),
        stream().with_layout(Layout::channels_first(1, 2, 2)),
        Dropout::new(Key::new(10), Probability::new(0.25).unwrap()),
    ];
    let different: std::collections::HashSet<_> = others.into_iter().collect();
    assert_eq!(different.len(), others.len());
    assert!(different.contains(&stream().derive(1)));
}

#[test]
fn thresholds() {
    for threshold in [(1 << 32) + 1, 1 << 33, u64::MAX] {
        assert_eq!(Probability::from_threshold(threshold), Err(Error::InvalidThreshold { threshold }));
    }
    for threshold in [0, 1, (1 << 32) - 1, 1 << 32] {
        assert_eq!(Probability::from_threshold(threshold).unwrap().threshold(), threshold);
    }
    let nothing = Probability::from_threshold(0).unwrap();
    assert_eq!((nothing.scale().to_bits(), nothing.keep().to_bits()), (0, 0));
}

#[test]
fn levels() {
    for name in ["", "AVX2", "sse2", "neon", "avx512 "] {
        assert_eq!(Level::named(name), Err(Error::UnsupportedLevel));
    }
    for level in Level::supported() {
        assert_eq!(Level::named(level.name()), Ok(level));
    }
}

#[test]
fn slices_of_other_lengths() {
    for (x, y) in [(9, 10), (11, 10), (0, 10), (10, 0), (1024, 1025)] {
        let expected = Error::LengthMismatch { argument: Argument::Output, expected: x, actual: y };
        refused(&stream(), Lengths { x, y, bits: y }, |operation| operation.reads, expected);
        let words = random_words(4, mask_words(y));
        let mask = StoredMask::new(Mask::new(&words, y).unwrap(), 2.0);
        for (name, run) in STORED_OPERATIONS.into_iter().filter(|(name, _)| *name != "apply_in_place") {
            assert_eq!(attempt_stored(run, &mask, x, y), Err(expected), "{name}");
        }
    }
}

#[test]
fn masks_of_other_lengths() {
    for (y, bits) in [(10, 9), (10, 11), (0, 1), (128, 64), (64, 128)] {
        let expected = Error::LengthMismatch { argument: Argument::Mask, expected: y, actual: bits };
        let stores = |operation: &Operation| operation.name.starts_with("forward_store");
        refused(&stream(), Lengths { x: y, y, bits }, stores, expected);
        let words = random_words(4, mask_words(bits));
        let mask = StoredMask::new(Mask::new(&words, bits).unwrap(), 2.0);
        for (name, run) in STORED_OPERATIONS {
            assert_eq!(attempt_stored(run, &mask, y, y), Err(expected), "{name}");
        }
    }
}

#[test]
fn indices_past_the_end() {
    for (offset, len) in [(u64::MAX, 2), (u64::MAX - 98, 100), (u64::MAX - 1023, 1025), (u64::MAX, 5000)] {
        let expected = Error::IndexOverflow { offset, span: len as u128 };
        refused(&stream().with_offset(offset), Lengths::all(len), |_| true, expected);
        // the range may end at exactly 2^64
        for operation in &OPERATIONS {
            let most = (u64::MAX - offset) as usize + 1;
            assert_eq!(
                attempt(operation, &stream().with_offset(offset), Lengths::all(most)),
                Ok(()),
                "{}",
                operation.name
            );
        }
    }
}

#[test]
fn indices_of_rows_past_the_end() {
    let cases = [
        (Layout::rows(3, 10).index_strides([1 << 63, 1]), 0, (1_u128 << 64) + 10, 30, 30),
        (Layout::rows(3, 10).index_strides([(1 << 63) - 4, 1]), 0, (1 << 64) + 2, 30, 30),
        (Layout::rows(3, 10).index_strides([u64::MAX, 1]), 5, 2 * u128::from(u64::MAX) + 10, 30, 30),
        (Layout::rows(2, 10).index_strides([0, 1]), u64::MAX - 8, 10, 20, 10),
        (Layout::rows(2, 10), u64::MAX - 18, 20, 20, 20),
        (Layout::broadcast([2, 2, 2, 2], [false; 4]).index_strides([u64::MAX; 4]), 0, (1 << 66) - 3, 16, 16),
    ];
    for (rows, offset, span, len, bits) in cases {
        let lengths = Lengths { x: len, y: len, bits };
        let expected = Error::IndexOverflow { offset, span };
        refused(&stream().with_offset(offset).with_layout(rows), lengths, |_| true, expected);
    }
    let last = Layout::rows(3, 10).index_strides([(1 << 63) - 5, 1]);
    for operation in &OPERATIONS {
        let lengths = Lengths::all(30);
        assert_eq!(attempt(operation, &stream().with_layout(last), lengths), Ok(()), "{}", operation.name);
    }
}

/// No elements have no indices: any offset will do.
#[test]
fn nothing_at_any_offset() {
    let no_rows = [
        None,
        Some(Layout::rows(0, 7).index_strides([u64::MAX, 1])),
        Some(Layout::rows(usize::MAX, 0).strides([usize::MAX, 1])),
    ];
    for offset in [0, 1, u64::MAX] {
        for rows in no_rows {
            let stream = rows.map_or(stream(), |rows| stream().with_layout(rows)).with_offset(offset);
            for operation in &OPERATIONS {
                for level in Level::supported() {
                    let result = attempt(operation, &stream.with_level(level), Lengths::all(0));
                    assert_eq!(result, Ok(()), "{}", operation.name);
                }
            }
        }
    }
    for (name, run) in STORED_OPERATIONS {
        let mask = StoredMask::new(Mask::new(&[], 0).unwrap(), 2.0);
        for rows in no_rows {
            let mask = rows.map_or(mask, |rows| mask.with_layout(rows));
            assert_eq!(attempt_stored(run, &mask, 0, 0), Ok(()), "{name}");
        }
    }
}

/// Rows that overlap, and rows that end beyond `usize::MAX`.
#[test]
fn impossible_layouts() {
    let max = usize::MAX;
    // rows, columns, stride; the axis that is at fault, and what it overlaps
    let layouts = [
        ((2, 10, 9), (2, 9, 10)),
        ((3, 10, 0), (10, 1, 1)),
        ((max, 2, 2), (max, 2, 2)),
        ((2, 2, max), (2, max, 2)),
        ((3, 1, max), (3, max, 1)),
        ((2, max, max), (2, max, max)),
    ];
    for ((rows, columns, stride), (len, wrong, within)) in layouts {
        let layout = Layout::rows(rows, columns).strides([stride, 1]);
        let expected = match (rows, stride) {
            (3, 0) => Error::InvalidLayout { len: 10, stride: 1, within: 1 },
            _ => Error::InvalidLayout { len, stride: wrong, within },
        };
        // a mask alone knows no stride
        let which = |operation: &Operation| operation.name != "fill";
        let result = layout_error(layout);
        assert!(matches!(result, Error::InvalidLayout { .. }), "{layout:?}: {result}, like {expected}");
        refused(&stream().with_layout(layout), Lengths::all(100), which, result);
        let words = [0; 4];
        for (name, run) in STORED_OPERATIONS {
            let mask = StoredMask::new(Mask::new(&words, 256).unwrap(), 2.0).with_layout(layout);
            assert_eq!(attempt_stored(run, &mask, 100, 100), Err(result), "{name}");
        }
    }
}

/// What a layout alone is refused for.
fn layout_error(layout: Layout) -> Error {
    stream().with_layout(layout).forward(&[], &mut []).unwrap_err()
}

/// A single row has no next one, so its strides are nothing to refuse.
#[test]
fn strides_of_one_row() {
    let rows = Layout::rows(1, 10).strides([0, 1]).index_strides([u64::MAX, 1]);
    for operation in &OPERATIONS {
        let last = stream().with_offset(u64::MAX - 9).with_layout(rows);
        assert_eq!(attempt(operation, &last, Lengths::all(10)), Ok(()), "{}", operation.name);
    }
    for (name, run) in STORED_OPERATIONS {
        let mask = StoredMask::new(Mask::new(&[5], 10).unwrap(), 2.0).with_layout(rows);
        assert_eq!(attempt_stored(run, &mask, 10, 10), Ok(()), "{name}");
    }
}

#[test]
fn slices_too_short_for_their_rows() {
    let rows = Layout::rows(3, 10).strides([12, 1]); // 34 elements, 30 bits
    for (x, y) in [(33, 100), (100, 33), (0, 34), (33, 33)] {
        let argument = if y < 34 { Argument::Output } else { Argument::Input };
        let expected = Error::LengthMismatch { argument, expected: 34, actual: x.min(y) };
        refused(&stream().with_layout(rows), Lengths { x, y, bits: 192 }, |operation| operation.reads, expected);
    }
    let expected = Error::LengthMismatch { argument: Argument::Output, expected: 34, actual: 33 };
    let in_place = |operation: &Operation| operation.name.ends_with("in_place");
    refused(&stream().with_layout(rows), Lengths { x: 100, y: 33, bits: 192 }, in_place, expected);

    // a longer mask would keep bits that nobody drew
    for actual in [0, 29, 31, 192] {
        let expected = Error::LengthMismatch { argument: Argument::Mask, expected: 30, actual };
        refused(
            &stream().with_layout(rows),
            Lengths { x: 34, y: 34, bits: actual },
            |operation| operation.stores,
            expected,
        );
    }

    let all_there = Lengths { x: 34, y: 34, bits: 30 };
    for operation in &OPERATIONS {
        assert_eq!(attempt(operation, &stream().with_layout(rows), all_there), Ok(()), "{}", operation.name);
    }

    // as many elements as can be asked for
    let endless = Layout::rows(usize::MAX, 1);
    let expected = Error::LengthMismatch { argument: Argument::Output, expected: usize::MAX, actual: 100 };
    refused(&stream().with_layout(endless), Lengths::all(100), |operation| operation.reads, expected);
}

/// All operations by a stored mask of some rows of 10 refuse, at all levels.
fn refused_stored(rows: Layout, elements: usize, len: usize, expected: Error) {
    let words = [0; 6];
    let mask = StoredMask::new(Mask::new(&words, len).unwrap(), 2.0).with_indexed_bits(rows);
    for ((name, run), level) in STORED_OPERATIONS.iter().flat_map(|run| Level::supported().map(move |l| (run, l))) {
        assert_eq!(
            attempt_stored(*run, &mask.with_level(level), elements, elements),
            Err(expected),
            "{name}, {level}, {rows:?}"
        );
    }
}

#[test]
fn stored_masks_of_other_lengths_than_their_rows() {
    let rows = Layout::rows(3, 10);
    for (index_stride, expected) in [(64, 138), (128, 266), (0, 10), (1 << 63, usize::MAX)] {
        for actual in [0, 9, 11, 30, 137, 139, 192, 265, 267, 384] {
            refused_stored(
                rows.index_strides([index_stride, 1]),
                30,
                actual,
                Error::LengthMismatch { argument: Argument::Mask, expected, actual },
            );
        }
    }
    for actual in [0, 9, 11, 64] {
        refused_stored(
            Layout::rows(1, 10),
            10,
            actual,
            Error::LengthMismatch { argument: Argument::Mask, expected: 10, actual },
        );
    }
}

#[test]
fn views_of_too_few_words() {
    let mut words = [1, 2];
    let too_short = |needed, actual| Some(Error::MaskTooShort { needed, actual });
    let max = usize::MAX as u64;

    assert_eq!(Mask::new(&words, 129).err(), too_short(129, 128));
    assert_eq!(Mask::new(&[], 1).err(), too_short(1, 0));
    assert_eq!(Mask::new(&words, usize::MAX).err(), too_short(max, 128));
    assert_eq!(Mask::at_bit(&words, 1, 128).err(), too_short(129, 128));
    assert_eq!(Mask::at_bit(&words, 129, 0).err(), too_short(129, 128));
    assert_eq!(Mask::at_bit(&words, u64::MAX, usize::MAX).err(), too_short(u64::MAX, 128));
    assert!(Mask::at_bit(&words, 128, 0).is_ok());
    assert!(Mask::at_bit(&words, 127, 1).is_ok());

    assert_eq!(MaskMut::new(&mut words, 129).err(), too_short(129, 128));
    assert_eq!(MaskMut::new(&mut words, usize::MAX).err(), too_short(max, 128));
    assert_eq!(MaskMut::new(&mut [], 1).err(), too_short(1, 0));
}

#[test]
fn conversions_of_other_lengths() {
    let mut words = [1, 2];
    let mismatch = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });

    let mask = Mask::new(&words, 100).unwrap();
    for len in [0, 99, 101] {
        let (mut bools, mut bytes) = (vec![true; len], vec![7; len]);
        assert_eq!(mask.write_bools(&mut bools), mismatch(Argument::Output, 100, len));
        assert_eq!(mask.write_u8(&mut bytes), mismatch(Argument::Output, 100, len));
        assert_eq!((bools, bytes), (vec![true; len], vec![7; len]));
    }
    for len in [0, 12, 14] {
        let mut bytes = vec![7; len];
        assert_eq!(mask.write_le_bytes(&mut bytes), mismatch(Argument::Output, 13, len));
        assert_eq!(bytes, vec![7; len]);
    }

    let mut mask = MaskMut::new(&mut words, 100).unwrap();
    for len in [0, 99, 101] {
        assert_eq!(mask.copy_from_bools(&vec![true; len]), mismatch(Argument::Input, 100, len));
        assert_eq!(mask.copy_from_u8(&vec![7; len]), mismatch(Argument::Input, 100, len));
        assert_eq!(mask.copy_from(Mask::new(&[!0; 2], len).unwrap()), mismatch(Argument::Mask, 100, len));
    }
    for len in [0, 12, 14] {
        assert_eq!(mask.copy_from_le_bytes(&vec![7; len]), mismatch(Argument::Input, 13, len));
    }
    assert_eq!(words, [1, 2]);
}

/// Numbers where sums and products wrap.
fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..20_u64,
        1 => u64::MAX - 20..=u64::MAX,
        1 => any::<u64>(),
        1 => (0..64_u32, -2..3_i64).prop_map(|(bit, near)| (1_u64 << bit).wrapping_add_signed(near)),
    ]
}

proptest! {
    #![proptest_config(proptest_config())]

    /// Whatever the numbers, nothing panics, and an error has written nothing.
    #[test]
    fn any_numbers(
        [rows, columns, stride, index_stride, offset] in prop::array::uniform5(extreme()),
        (x, y, bits) in (0..300_usize, 0..300_usize, 0..300_usize),
    ) {
        let rows = Layout::rows(rows as usize, columns as usize).strides([stride as usize, 1]).index_strides([index_stride, 1]);
        let words = random_words(4, mask_words(bits));
        let mask = StoredMask::new(Mask::new(&words, bits).unwrap(), 2.0);
        for level in Level::supported() {
            let stream = stream().with_offset(offset).with_level(level);
            let mask = mask.with_level(level);
            for operation in &OPERATIONS {
                let _ = attempt(operation, &stream, Lengths { x, y, bits });
                let _ = attempt(operation, &stream.with_layout(rows), Lengths { x, y, bits });
            }
            for (_, run) in STORED_OPERATIONS {
                let _ = attempt_stored(run, &mask, x, y);
                let _ = attempt_stored(run, &mask.with_layout(rows), x, y);
            }
        }
    }
}
