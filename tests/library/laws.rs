//! What holds between the operations, whatever the arguments.

use std::mem::MaybeUninit;

use crate::common::{OPERATIONS, all_same, fill, floats, proptest_config, random_words, same, to_bits};
use dropmask::{
    Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, Scaling, Setting, StoredMask, mask_words,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const MAX_LEN: usize = 6000;
const SCALINGS: [Scaling; 3] = [Scaling::Inverted, Scaling::Standard, Scaling::Naive];

/// What writes `kept ? x[i] * scale : +0.0`.
const TRAINING: [&str; 6] =
    ["forward", "forward_in_place", "forward_store", "forward_store_in_place", "backward", "backward_in_place"];

fn keys() -> impl Strategy<Value = Key> {
    any::<u64>().prop_map(Key::from_raw)
}

fn levels() -> impl Strategy<Value = Level> {
    select(Level::supported().collect::<Vec<_>>())
}

fn probabilities() -> impl Strategy<Value = Probability> {
    let thresholds = prop_oneof![
        4 => 0..=1_u64 << 32,
        4 => (1..1024_u64).prop_map(|hi| hi << 22),
        1 => select(&[0, 1, (1 << 32) - 1, 1 << 32][..]),
    ];
    thresholds.prop_map(|t| Probability::from_threshold(t).unwrap())
}

/// Any key, level and scaling, at an offset that leaves room for `MAX_LEN` elements.
fn streams(p: impl Strategy<Value = Probability>) -> impl Strategy<Value = Dropout> {
    let offsets = prop_oneof![0..5000_u64, 0..=u64::MAX - MAX_LEN as u64, Just(u64::MAX - MAX_LEN as u64 + 1)];
    (keys(), p, offsets, select(&SCALINGS[..]), levels()).prop_map(|(key, p, offset, scaling, level)| {
        Dropout::new(key, p).with_offset(offset).with_scaling(scaling).with_level(level)
    })
}

fn slices() -> impl Strategy<Value = Vec<f32>> {
    let lengths = prop_oneof![4 => 0..200_usize, 1 => 0..=MAX_LEN];
    (any::<u64>(), lengths).prop_map(|(seed, len)| floats(seed, len))
}

/// All bit patterns, signalling NaNs among them.
fn raw_slices() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..200)
}

fn bit(words: &[u64], i: usize) -> bool {
    words[i / 64] >> (i % 64) & 1 == 1
}

/// `kept ? x * scale : +0.0`
fn masked(words: &[u64], scale: f32, x: &[f32]) -> Vec<f32> {
    x.iter().enumerate().map(|(i, &x)| if bit(words, i) { x * scale } else { 0.0 }).collect()
}

fn sums(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn mask_mut(words: &mut [u64], len: usize) -> MaskMut<'_> {
    MaskMut::new(words, len).unwrap()
}

fn stored(words: &[u64], len: usize, scale: f32) -> StoredMask<'_> {
    StoredMask::new(Mask::new(words, len).unwrap(), scale)
}

/// The result of an operation of that name, and the mask that it leaves.
fn outcome(name: &str, stream: &Dropout, x: &[f32]) -> (Vec<f32>, Vec<u64>) {
    OPERATIONS.iter().find(|operation| operation.name == name).unwrap().outcome(stream, x)
}

/// Whatever the layout, the value that stored a mask reads it: forward and backward are those of replay.
#[test]
fn a_value_reads_what_it_stored() {
    let rows = Layout::rows(3, 100);
    let layouts = [
        (rows, 300),
        (rows.index_strides([0, 1]), 100),
        (rows.index_strides([7, 1]), 300),
        (rows.index_strides([1000, 1]), 300),
        (Layout::channels_first(3, 5, 20), 15),
        (Layout::channels_last(3, 20, 5), 15),
        (Layout::channels_last(3, 20, 5).index_strides([70, 0, 1]), 15),
        (Layout::samples(3, 100), 3),
        (Layout::broadcast([3, 5, 4, 5], [false, true, false, true]), 12),
        (Layout::broadcast([3, 5, 4, 5], [true, false, true, false]), 25),
    ];
    let x = floats(5, 300);
    for level in Level::supported() {
        let flat = Dropout::new(Key::new(8), Probability::new(0.3).unwrap()).with_offset(77).with_level(level);
        let laid_out = layouts.map(|(layout, bits)| (flat.with_layout(layout), bits));
        for (dropout, bits) in [(flat, 300)].into_iter().chain(laid_out) {
            let (mut y, mut words) = (vec![0.0; 300], vec![0; mask_words(bits)]);
            let mut mask = mask_mut(&mut words, bits);
            dropout.forward_store(&x, &mut y, &mut mask).unwrap();
            let (mut read, mut added) = (vec![0.0; 300], x.clone());
            dropout.stored(mask.as_mask()).apply(&x, &mut read).unwrap();
            assert_eq!(to_bits(&read), to_bits(&y), "{dropout:?}");
            let mut expected = x.clone();
            dropout.backward_add(&x, &mut expected).unwrap();
            dropout.stored(mask.as_mask()).apply_add(&x, &mut added).unwrap();
            assert_eq!(to_bits(&added), to_bits(&expected), "{dropout:?}");
            let mut kept = vec![false; bits];
            dropout.fill_bools(&mut kept).unwrap();
            assert!(mask.as_mask().iter().eq(kept), "{dropout:?}");
        }
    }
}

/// The same where words are drawn beside the work, on threads, and of channels.
#[test]
fn much_uninitialised_memory() {
    const LEN: usize = 300_000;
    let x = floats(9, LEN);
    for level in Level::supported() {
        let flat = Dropout::new(Key::new(3), Probability::new(0.3).unwrap()).with_offset(70).with_level(level);
        let all = [
            flat,
            flat.with_layout(Layout::channels_first(3, 100, 1000)),
            flat.with_layout(Layout::channels_last(3, 1000, 100)),
        ];
        #[cfg(feature = "rayon")]
        let all: Vec<_> = all.iter().copied().chain(all.iter().copied().map(Dropout::parallel)).collect();
        for dropout in all {
            let mut y = vec![0.0; LEN];
            dropout.forward(&x, &mut y).unwrap();
            for mut memory in memories(LEN) {
                assert!(all_same(dropout.forward_uninit(&x, &mut memory).unwrap(), &y), "{dropout:?}");
            }
        }
    }
}

/// Memory with a pattern, which shows where a pass has not written; and memory that holds nothing, of which `.ci/sanitizers`
/// shows a read. Without a sanitizer it may hold what was there before: the same floats.
fn memories(len: usize) -> [Box<[MaybeUninit<f32>]>; 2] {
    [memory(len), Box::new_uninit_slice(len)]
}

fn memory(len: usize) -> Box<[MaybeUninit<f32>]> {
    vec![MaybeUninit::new(f32::from_bits(0x7F80_1234)); len].into()
}

/// Gaps would be handed out as floats that nobody wrote.
#[test]
fn memory_with_gaps_is_refused() {
    let dropout = Dropout::new(Key::new(1), Probability::new(0.5).unwrap());
    let (x, words) = ([1.0; 100], [!0; 3]);
    let unsupported = Err(Error::Unsupported { setting: Setting::Layout });
    for rows in [Layout::rows(3, 20).strides([30, 1]), Layout::rows(4, 20).strides([25, 1])] {
        let mut y = memory(100);
        assert_eq!(dropout.with_layout(rows).forward_uninit(&x, &mut y).map(|_| ()), unsupported);
        assert_eq!(dropout.with_layout(rows).backward_uninit(&x, &mut y).map(|_| ()), unsupported);
    }
    let stored = StoredMask::new(Mask::new(&words, 40).unwrap(), 2.0).with_layout(Layout::rows(2, 20).strides([30, 1]));
    assert_eq!(stored.apply_uninit(&x, &mut memory(100)).map(|_| ()), unsupported);
    let mut y = [0.0; 100];
    let rows = dropout.with_layout(Layout::rows(4, 25).index_strides([1000, 1]));
    rows.forward(&x, &mut y).unwrap();
    assert_eq!(rows.forward_uninit(&x, &mut memory(100)).unwrap(), y);
}

proptest! {
    #![proptest_config(proptest_config())]

    /// Forward, fused or storing, in place or not, is fill and then apply; backward replays that mask.
    #[test]
    fn one_mask_for_all(stream in streams(probabilities()), x in slices()) {
        let words = fill(&stream, x.len());
        let expected = masked(&words, stream.scale(), &x);
        for name in TRAINING {
            let (y, stored) = outcome(name, &stream, &x);
            prop_assert!(all_same(&y, &expected), "{name}");
            prop_assert!(!name.contains("store") || stored == words, "{name}");
        }

        let mask = stored(&words, x.len(), stream.scale());
        let (mut y, mut y_in_place) = (floats(1, x.len()), x.clone());
        mask.apply(&x, &mut y).unwrap();
        mask.apply_in_place(&mut y_in_place).unwrap();
        prop_assert!(all_same(&y, &expected));
        prop_assert!(all_same(&y_in_place, &expected));

        let before = floats(1, x.len());
        let (mut replayed, mut from_mask) = (before.clone(), before.clone());
        stream.backward_add(&x, &mut replayed).unwrap();
        mask.apply_add(&x, &mut from_mask).unwrap();
        prop_assert!(all_same(&replayed, &sums(&before, &expected)));
        prop_assert!(all_same(&from_mask, &sums(&before, &expected)));
    }

    /// Shards, each from the index of its first element on, are the whole: cut at any element, or at a whole word where
    /// a mask is written.
    #[test]
    fn shards_are_the_whole(
        key in keys(),
        p in probabilities(),
        offset in 0..=u64::MAX - MAX_LEN as u64,
        x in slices(),
        cut in any::<Index>(),
    ) {
        let (stream, len) = (Dropout::new(key, p).with_offset(offset), x.len());
        for operation in &OPERATIONS {
            let before = (floats(1, len), random_words(2, mask_words(len)));
            let (mut y, mut words) = before.clone();
            (operation.run)(&stream, &x, &mut y, &mut mask_mut(&mut words, len)).unwrap();

            let (mut y_parts, mut words_parts) = before;
            let cut = if operation.stores { 64 * cut.index(len / 64 + 1) } else { cut.index(len + 1) };
            let (x_head, x_tail) = x.split_at(cut);
            let (y_head, y_tail) = y_parts.split_at_mut(cut);
            (operation.run)(&stream, x_head, y_head, &mut mask_mut(&mut words_parts, cut)).unwrap();
            let mut mask_tail = mask_mut(&mut words_parts[cut / 64..], len - cut);
            (operation.run)(&stream.with_offset(offset + cut as u64), x_tail, y_tail, &mut mask_tail).unwrap();

            prop_assert!(all_same(&y, &y_parts), "{}", operation.name);
            prop_assert_eq!(&words, &words_parts, "{}", operation.name);
        }
    }

    /// A run that saved key and position as integers goes on as if it had not stopped.
    #[test]
    fn saved_and_restored(
        seed in any::<u64>(),
        steps in prop::collection::vec(any::<u64>(), 0..4),
        p in probabilities(),
        x in slices(),
        cut in any::<Index>(),
    ) {
        let key = steps.iter().fold(Key::new(seed), |key, &step| key.derive(step));
        let (whole, _) = outcome("forward", &Dropout::new(key, p), &x);

        let (done, left) = x.split_at(cut.index(x.len() + 1));
        let (mut resumed, _) = outcome("forward", &Dropout::new(key, p), done);
        let (saved_key, saved_threshold, saved_position) = (key.to_raw(), p.threshold(), done.len() as u64);
        let restored = Dropout::new(Key::from_raw(saved_key), Probability::from_threshold(saved_threshold).unwrap());
        resumed.extend(outcome("forward", &restored.with_offset(saved_position), left).0);
        prop_assert!(all_same(&whole, &resumed));
    }

    /// Rows are flat calls, one for each, and what lies between them stays.
    #[test]
    fn rows_are_flat_calls(
        stream in streams(probabilities()),
        (rows, columns, gap, behind) in (0..5_usize, 0..300_usize, 0..20_usize, 0..20_usize),
        offset in 0..5000_u64,
        index_stride in prop_oneof![Just(None), (0..2000_u64).prop_map(Some), (0..1_u64 << 60).prop_map(Some)],
    ) {
        // a mask that all rows share is there without them; what is dense has no more than its elements
        let (rows, behind) = (rows.max(usize::from(index_stride == Some(0))), if gap == 0 { 0 } else { behind });
        let stride = columns + gap;
        let shape = Layout::rows(rows, columns).strides([stride, 1]);
        let shape = index_stride.map_or(shape, |index_stride| shape.index_strides([index_stride, 1]));
        let stream = stream.with_offset(offset);
        let len = rows * stride + behind;
        let stored_bits = if index_stride == Some(0) { columns } else { rows * columns };
        let x = floats(3, len);
        for operation in &OPERATIONS {
            let before = (floats(1, len), random_words(2, mask_words(stored_bits) + behind));
            let (mut y, mut words) = before.clone();
            (operation.run)(&stream.with_layout(shape), &x, &mut y, &mut mask_mut(&mut words, stored_bits)).unwrap();

            let (mut y_rows, _) = before;
            let mut bits = Vec::new();
            for row in 0..rows {
                let at = row * stride..row * stride + columns;
                let first = offset + row as u64 * index_stride.unwrap_or(columns as u64);
                let mut words = vec![0; mask_words(columns)];
                let mut mask = mask_mut(&mut words, columns);
                (operation.run)(&stream.with_offset(first), &x[at.clone()], &mut y_rows[at], &mut mask).unwrap();
                bits.extend(mask.as_mask());
            }
            prop_assert!(all_same(&y, &y_rows), "{}", operation.name);
            // rows that share a mask have it once
            bits.truncate(stored_bits);
            let stores = operation.stores;
            prop_assert!(!stores || Mask::new(&words, stored_bits).unwrap().iter().eq(bits), "{}", operation.name);
        }
    }

    /// Element `(r, c)` follows bit `r * index_stride + c` of a view, whatever bit of the words it starts at.
    #[test]
    fn stored_masks_from_any_bit(
        seed in any::<u64>(),
        first in 0..200_usize,
        (rows, columns, gap) in (1..5_usize, 1..300_usize, 0..20_usize),
        index_stride in 0..400_usize,
        level in levels(),
    ) {
        // bits from the first to the last
        let (stride, bits) = (columns + gap, (rows - 1) * index_stride + columns);
        let words = random_words(seed, mask_words(first + bits));
        let mask = StoredMask::new(Mask::at_bit(&words, first as u64, bits).unwrap(), 1.25).with_level(level);
        let x = floats(seed, rows * stride);

        let mut expected = vec![1.0; x.len()];
        for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let i = r * stride + c;
            expected[i] = if bit(&words, first + r * index_stride + c) { x[i] * 1.25 } else { 0.0 };
        }
        let mut y = vec![1.0; x.len()];
        let layout = Layout::rows(rows, columns).strides([stride, 1]).index_strides([index_stride as u64, 1]);
        mask.with_indexed_bits(layout).apply(&x, &mut y).unwrap();
        prop_assert!(all_same(&y, &expected));

        let flat = floats(seed, bits);
        let expected: Vec<_> = (0..bits).map(|i| if bit(&words, first + i) { flat[i] * 1.25 } else { 0.0 }).collect();
        let mut y = vec![1.0; bits];
        mask.apply(&flat, &mut y).unwrap();
        prop_assert!(all_same(&y, &expected));
    }

    /// A mask that was stored by rows is applied by rows, replaying what was drawn.
    #[test]
    fn masks_stored_by_rows(
        stream in streams(probabilities()),
        (rows, columns, gap) in (1..5_usize, 1..300_usize, 0..20_usize),
        index_stride in prop_oneof![0..2000_u64, (0..32_u64).prop_map(|words| 64 * words)],
    ) {
        let stride = columns + gap;
        let shape = Layout::rows(rows, columns).strides([stride, 1]).index_strides([index_stride, 1]);
        let stream = stream.with_offset(100).with_layout(shape);
        let x = floats(3, rows * stride);
        let bits = if index_stride == 0 { columns } else { rows * columns };
        let (mut y, mut words) = (floats(1, x.len()), vec![0; mask_words(bits)]);
        stream.forward_store(&x, &mut y, &mut mask_mut(&mut words, bits)).unwrap();

        // by the value, and by the layout
        let (mut from_value, mut from_mask) = (floats(1, x.len()), floats(1, x.len()));
        stream.stored(Mask::new(&words, bits).unwrap()).apply(&x, &mut from_value).unwrap();
        stored(&words, bits, stream.scale()).with_layout(shape).apply(&x, &mut from_mask).unwrap();
        prop_assert!(all_same(&y, &from_value) && all_same(&y, &from_mask));
    }

    /// An index stride of 0 gives every row the same mask.
    #[test]
    fn rows_that_share_a_mask(stream in streams(probabilities()), rows in 1..5_usize, columns in 1..300_usize) {
        let x = vec![1.0; rows * columns];
        let (y, _) = outcome("forward", &stream.with_layout(Layout::rows(rows, columns).index_strides([0, 1])), &x);
        prop_assert!(y.chunks(columns).all(|row| row == &y[..columns]));
    }

    /// An element goes through a mask or through its complement.
    #[test]
    fn complement_is_the_rest(stream in streams(probabilities()), x in slices()) {
        let mut words = fill(&stream, x.len());
        let mut apply = |x: &[f32]| {
            let mut y = x.to_vec();
            stored(&words, x.len(), 1.0).apply_in_place(&mut y).unwrap();
            mask_mut(&mut words, x.len()).complement();
            y
        };
        let (through, beside) = (apply(&x), apply(&x));
        let one_of_them = |i: usize| {
            let (a, b) = if beside[i].to_bits() == 0 { (through[i], beside[i]) } else { (beside[i], through[i]) };
            same(a, x[i]) && b.to_bits() == 0
        };
        prop_assert!((0..x.len()).all(one_of_them));
    }

    /// With p = 0 all training is a copy, to the last bit of a signalling NaN, and so is evaluation.
    #[test]
    fn dropping_nothing_copies(stream in streams(Just(Probability::new(0.0).unwrap())), x in raw_slices()) {
        for name in TRAINING.into_iter().chain(["evaluate", "evaluate_in_place"]) {
            let (y, words) = outcome(name, &stream, &x);
            prop_assert_eq!(to_bits(&y), to_bits(&x), "{}", name);
            prop_assert!(!name.contains("store") || Mask::new(&words, x.len()).unwrap().count_kept() == x.len());
        }
        let mut dx = vec![1.0; x.len()];
        stream.backward_add(&x, &mut dx).unwrap();
        prop_assert!(all_same(&dx, &sums(&vec![1.0; x.len()], &x)));
    }

    /// With p = 1 all training gives +0.0, whatever comes in, and a gradient gains nothing.
    #[test]
    fn dropping_everything_is_zero(stream in streams(Just(Probability::new(1.0).unwrap())), x in raw_slices()) {
        for name in TRAINING {
            let (y, words) = outcome(name, &stream, &x);
            prop_assert_eq!(to_bits(&y), vec![0; x.len()], "{}", name);
            prop_assert!(!name.contains("store") || Mask::new(&words, x.len()).unwrap().count_kept() == 0);
        }
        let mut dx = vec![1.0; x.len()];
        stream.backward_add(&x, &mut dx).unwrap();
        prop_assert_eq!(dx, vec![1.0; x.len()]);
    }

    /// A dropped NaN or infinity is +0.0 in both passes, and leaves an accumulated gradient as it is.
    #[test]
    fn dropped_nan_and_infinity_are_zero(
        stream in streams(probabilities()),
        x in prop::collection::vec(select(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY][..]), 0..300),
    ) {
        let words = fill(&stream, x.len());
        for name in TRAINING {
            let (y, _) = outcome(name, &stream, &x);
            for (i, y) in y.into_iter().enumerate() {
                prop_assert_eq!(y.is_finite(), !bit(&words, i), "{}", name);
                prop_assert!(bit(&words, i) || y.to_bits() == 0, "{name}");
            }
        }
        let mut dx = vec![3.0; x.len()];
        stream.backward_add(&x, &mut dx).unwrap();
        for (i, dx) in dx.into_iter().enumerate() {
            prop_assert_eq!(dx.is_finite(), !bit(&words, i));
            prop_assert!(bit(&words, i) || same(dx, 3.0));
        }
    }

    /// Training multiplies with inverted scaling alone. Evaluation is a copy, and with standard scaling the product
    /// with the keep probability; +0.0 if that is 0.
    #[test]
    fn scalings(key in keys(), p in probabilities(), level in levels(), x in slices()) {
        let keep = (p.threshold() as f64 / 4_294_967_296.0) as f32;
        let products: Vec<_> = x.iter().map(|x| if p.threshold() == 0 { 0.0 } else { x * keep }).collect();
        let scales = SCALINGS.map(|scaling| Dropout::new(key, p).with_scaling(scaling).scale());
        prop_assert_eq!(to_bits(&scales), to_bits(&[p.scale(), 1.0, 1.0]));
        for name in ["evaluate", "evaluate_in_place"] {
            let evaluate = |scaling| outcome(name, &Dropout::new(key, p).with_scaling(scaling).with_level(level), &x).0;
            prop_assert_eq!(to_bits(&evaluate(Scaling::Inverted)), to_bits(&x));
            prop_assert_eq!(to_bits(&evaluate(Scaling::Naive)), to_bits(&x));
            prop_assert!(all_same(&evaluate(Scaling::Standard), &products));
        }
    }

    /// A larger threshold keeps all that a smaller one keeps, where both compare all ten digits (low 22 bits not 0):
    /// they then draw the same random numbers. Follows from stream version 1.
    #[test]
    fn masks_of_ten_digits_nest(key in keys(), offset in 0..5000_u64, t in any::<[u32; 2]>()) {
        let [small, large] = [t[0].min(t[1]), t[0].max(t[1])].map(|t| {
            let p = Probability::from_threshold(u64::from(t) | 1).unwrap();
            fill(&Dropout::new(key, p).with_offset(offset), 2000)
        });
        prop_assert!(small.iter().zip(large).all(|(small, large)| small & !large == 0));
    }

    /// Memory that is not initialised has what a slice has.
    #[test]
    fn uninitialised_memory(stream in streams(probabilities()), x in slices()) {
        let len = x.len();
        let mut y = vec![0.0; len];
        stream.forward(&x, &mut y).unwrap();
        let mut words = vec![0; mask_words(len)];
        stream.fill(&mut mask_mut(&mut words, len)).unwrap();
        let stored = stored(&words, len, stream.scale()).with_level(stream.level().unwrap());
        for mut memory in memories(len) {
            prop_assert!(all_same(stream.forward_uninit(&x, &mut memory).unwrap(), &y));
        }
        for mut memory in memories(len) {
            prop_assert!(all_same(stream.backward_uninit(&x, &mut memory).unwrap(), &y));
        }
        for mut memory in memories(len) {
            prop_assert!(all_same(stored.apply_uninit(&x, &mut memory).unwrap(), &y));
        }
        prop_assert!(stream.forward_uninit(&x, &mut memory(len + 1)).is_err());
    }
}
