//! Dropout of whole words: the bit of a token, wherever it occurs.

use crate::common::{all_same, floats, generator, thinned, to_bits};
use dropmask::{
    Argument, Dropout, EmbeddingDropout, Error, Key, Layout, Level, Mask, Probability, Scaling, Setting, StoredMask,
};
use rand_xoshiro::rand_core::Rng;

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(81), Probability::new(p).unwrap())
}

/// Tokens below `vocabulary`, many of them several times.
fn tokens(seed: u64, len: usize, vocabulary: usize) -> Vec<u32> {
    let mut rng = generator(seed);
    (0..len).map(|_| (rng.next_u64() % vocabulary as u64) as u32).collect()
}

fn row(x: &[f32], row: usize, dimension: usize) -> &[f32] {
    &x[row * dimension..][..dimension]
}

/// All operations of replay and of a stored mask against loops.
fn check(stream: Dropout, vocabulary: usize, dimension: usize, ids: &[u32]) {
    let words = crate::common::fill(&stream, vocabulary);
    let mask = Mask::new(&words, vocabulary).unwrap();
    let (d, scale) = (dimension, stream.scale());
    let dropped = |id: u32, x: &[f32]| -> Vec<f32> {
        let kept = mask.get(id as usize).unwrap();
        x.iter().map(|x| if kept { x * scale } else { 0.0 }).collect()
    };
    let (table, x) = (floats(1, vocabulary * d), floats(2, ids.len() * d));
    let looked_up: Vec<f32> = ids.iter().flat_map(|&id| dropped(id, row(&table, id as usize, d))).collect();
    let rows: Vec<f32> = ids.iter().enumerate().flat_map(|(t, &id)| dropped(id, row(&x, t, d))).collect();
    let mut gradient = floats(3, vocabulary * d);
    for (t, &id) in ids.iter().enumerate() {
        for (i, dy) in dropped(id, row(&x, t, d)).into_iter().enumerate() {
            gradient[id as usize * d + i] += dy;
        }
    }

    for level in Level::supported() {
        let replayed = EmbeddingDropout::new(stream.with_level(level), [vocabulary, d]);
        let stored = EmbeddingDropout::from_mask(StoredMask::new(mask, scale).with_level(level), d);
        for (name, dropout) in [("replayed", replayed), ("stored", stored)] {
            let what = format!("{name}, {level}, {} tokens of {vocabulary}, {d} elements, {stream:?}", ids.len());
            let mut y = floats(4, ids.len() * d);
            dropout.lookup(ids, &table, &mut y).unwrap();
            assert!(all_same(&y, &looked_up), "lookup, {what}");
            dropout.forward(ids, &x, &mut y).unwrap();
            assert!(all_same(&y, &rows), "forward, {what}");
            y.copy_from_slice(&x);
            dropout.forward_in_place(ids, &mut y).unwrap();
            assert!(all_same(&y, &rows), "forward_in_place, {what}");
            let mut dx = floats(4, ids.len() * d);
            dropout.backward(ids, &x, &mut dx).unwrap();
            assert!(all_same(&dx, &rows), "backward, {what}");
            dx.copy_from_slice(&x);
            dropout.backward_in_place(ids, &mut dx).unwrap();
            assert!(all_same(&dx, &rows), "backward_in_place, {what}");
            let (before, mut dx) = (floats(4, ids.len() * d), floats(4, ids.len() * d));
            dropout.backward_add(ids, &x, &mut dx).unwrap();
            let sums: Vec<f32> = before.iter().zip(&rows).map(|(dx, y)| dx + y).collect();
            assert!(all_same(&dx, &sums), "backward_add, {what}");
            let mut dtable = floats(3, vocabulary * d);
            dropout.backward_table(ids, &x, &mut dtable).unwrap();
            assert!(all_same(&dtable, &gradient), "backward_table, {what}");
        }
    }
}

#[test]
fn every_level_is_the_definition() {
    for vocabulary in [1, 2, 64, 65, 1000, 5000] {
        let ids = tokens(5, 40, vocabulary);
        for (turn, dimension) in thinned([0, 1, 3, 15, 16, 17, 64, 65, 200].into_iter().enumerate()) {
            // each probability with each offset, at one dimension or another
            let offsets = [0, 33, 1023, (vocabulary as u64).wrapping_neg()];
            for (i, p) in [0.0, 0.1, 0.5, 1.0].into_iter().enumerate() {
                check(stream(p).with_offset(offsets[(i + turn) % 4]), vocabulary, dimension, &ids);
            }
        }
    }
    check(stream(0.5).with_scaling(Scaling::Standard), 100, 7, &tokens(6, 30, 100));
    check(stream(0.5), 100, 4097, &tokens(6, 10, 100));
    check(stream(0.5), 100, 7, &[]);
}

/// The word is dropped as a whole, everywhere in the batch, with the bit of its id alone.
#[test]
fn a_word_is_dropped_everywhere() {
    let ids = tokens(7, 1000, 50);
    let mut y = vec![1.0; 1000 * 3];
    EmbeddingDropout::new(stream(0.5), [50, 3]).forward_in_place(&ids, &mut y).unwrap();
    let mut seen = [None; 50];
    for (row, &id) in y.chunks(3).zip(&ids) {
        let fate = seen[id as usize].get_or_insert(row[0]);
        assert_eq!(row, [*fate; 3], "token {id}");
    }
    let dropped = seen.iter().filter(|fate| **fate == Some(0.0)).count();
    assert!((10..40).contains(&dropped), "{dropped} of 50");

    // the size of the vocabulary changes no bit
    let mut again = vec![1.0; 1000 * 3];
    EmbeddingDropout::new(stream(0.5), [1 << 20, 3]).forward_in_place(&ids, &mut again).unwrap();
    assert_eq!(y, again);
}

/// A batch in two parts is the whole; their gradients add up in the same order.
#[test]
fn batches_can_be_cut() {
    let (ids, dy) = (tokens(8, 60, 20), floats(9, 60 * 10));
    let dropout = EmbeddingDropout::new(stream(0.3), [20, 10]);
    let (mut whole, mut parts) = (vec![0.0; 200], vec![0.0; 200]);
    dropout.backward_table(&ids, &dy, &mut whole).unwrap();
    dropout.backward_table(&ids[..25], &dy[..250], &mut parts).unwrap();
    dropout.backward_table(&ids[25..], &dy[250..], &mut parts).unwrap();
    assert!(all_same(&whole, &parts));
}

/// What is in the rows of other words stays, to the bit.
#[test]
fn rows_of_other_words_stay() {
    let before = [f32::from_bits(0x7F80_0001), -0.0, 3.0];
    for level in Level::supported() {
        let mut dtable = [before, [1.0; 3], before].concat();
        let dropout = EmbeddingDropout::new(stream(0.0).with_level(level), [3, 3]);
        dropout.backward_table(&[1], &[2.0; 3], &mut dtable).unwrap();
        assert_eq!(to_bits(&dtable), to_bits(&[before, [3.0; 3], before].concat()), "{level}");
    }
}

/// A loss that is linear in the table, in `f64` from the definition, by central differences: exact but for rounding.
#[test]
fn finite_differences() {
    let ids = tokens(10, 30, 8);
    let weights: Vec<f32> = (0..30 * 2).map(|i| (i % 7) as f32 - 3.0).collect();
    let words = crate::common::fill(&stream(0.5), 8);
    let mask = Mask::new(&words, 8).unwrap();
    let loss = |table: &[f64]| -> f64 {
        let y = |t: usize, i: usize| {
            let id = ids[t] as usize;
            if mask.get(id).unwrap() { table[id * 2 + i] * 2.0 } else { 0.0 }
        };
        (0..60).map(|k| f64::from(weights[k]) * y(k / 2, k % 2)).sum()
    };
    let mut dtable = [0.0; 16];
    EmbeddingDropout::new(stream(0.5), [8, 2]).backward_table(&ids, &weights, &mut dtable).unwrap();
    for (k, gradient) in dtable.into_iter().enumerate() {
        let at = |step: f64| {
            let mut table = [0.4; 16];
            table[k] += step;
            loss(&table)
        };
        let numeric = at(0.5) - at(-0.5);
        assert!((numeric - f64::from(gradient)).abs() < 1e-9, "element {k}: {gradient} for {numeric}");
    }
}

#[test]
fn errors_write_nothing() {
    let words = [0; 1];
    let stored = EmbeddingDropout::new(stream(0.5), [10, 3]).stored(Mask::new(&words, 10).unwrap());
    for dropout in [EmbeddingDropout::new(stream(0.5), [10, 3]), stored] {
        let (table, mut y, mut dtable) = ([1.0; 30], [7.0; 6], [8.0; 30]);
        let wrong = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
        assert_eq!(dropout.lookup(&[1, 2], &table[1..], &mut y), wrong(Argument::Table, 30, 29));
        assert_eq!(dropout.lookup(&[1, 2, 3], &table, &mut y), wrong(Argument::Output, 9, 6));
        assert_eq!(dropout.forward(&[1, 2], &table[..5], &mut y), wrong(Argument::Input, 6, 5));
        assert_eq!(dropout.forward(&[1, 2, 3], &table[..9], &mut y), wrong(Argument::Output, 9, 6));
        assert_eq!(dropout.forward_in_place(&[1], &mut y), wrong(Argument::Output, 3, 6));
        assert_eq!(dropout.backward_add(&[1, 2], &table[..5], &mut y), wrong(Argument::Input, 6, 5));
        assert_eq!(dropout.backward_add(&[1, 2, 3], &table[..9], &mut y), wrong(Argument::Output, 9, 6));
        assert_eq!(dropout.backward_table(&[1, 2], &table[..6], &mut dtable[1..]), wrong(Argument::Table, 30, 29));
        assert_eq!(dropout.backward_table(&[1, 2], &table[..7], &mut dtable), wrong(Argument::Input, 6, 7));

        let unknown = Err(Error::UnknownToken { position: 1, id: 10, vocabulary: 10 });
        assert_eq!(dropout.lookup(&[9, 10], &table, &mut y), unknown);
        assert_eq!(dropout.forward(&[9, 10], &table[..6], &mut y), unknown);
        assert_eq!(dropout.forward_in_place(&[9, 10], &mut y), unknown);
        assert_eq!(dropout.backward_table(&[9, 10], &table[..6], &mut dtable), unknown);
        let far = Err(Error::UnknownToken { position: 0, id: u32::MAX, vocabulary: 10 });
        assert_eq!(dropout.lookup(&[u32::MAX, 10], &table, &mut y), far);
        assert_eq!((y, dtable), ([7.0; 6], [8.0; 30]));
    }

    let mut y = [7.0; 6];
    // a bit for each word, no more, and no setting that has no meaning for them
    for bits in [0, 9, 11, 64] {
        let dropout = EmbeddingDropout::new(stream(0.5), [10, 3]).stored(Mask::new(&words, bits).unwrap());
        let wrong = |argument| Err(Error::LengthMismatch { argument, expected: 10, actual: bits });
        assert_eq!(dropout.lookup(&[1, 2], &[1.0; 30], &mut y), wrong(Argument::Mask));
    }
    let rows = stream(0.5).with_layout(Layout::rows(1, 10));
    let mask = Mask::new(&words, 10).unwrap();
    for dropout in [
        EmbeddingDropout::new(rows, [10, 3]).stored(mask),
        EmbeddingDropout::from_mask(StoredMask::new(mask, 2.0).with_layout(Layout::rows(1, 10)), 3),
    ] {
        assert_eq!(dropout.forward_in_place(&[1, 2], &mut y), Err(Error::Unsupported { setting: Setting::Layout }));
    }

    let offset = u64::MAX - 8; // nine bits are left
    let far = EmbeddingDropout::new(stream(0.5).with_offset(offset), [10, 3]);
    assert_eq!(far.forward_in_place(&[1, 2], &mut y), Err(Error::IndexOverflow { offset, span: 10 }));
    let huge = EmbeddingDropout::new(stream(0.5), [usize::MAX, usize::MAX]);
    let wrong = |argument| Err(Error::LengthMismatch { argument, expected: usize::MAX, actual: 6 });
    assert_eq!(huge.lookup(&[1], &[1.0; 6], &mut y), wrong(Argument::Table));
    assert_eq!(huge.forward_in_place(&[1], &mut y), wrong(Argument::Output));
    assert_eq!(y, [7.0; 6]);

    let message = Error::UnknownToken { position: 3, id: 12, vocabulary: 10 }.to_string();
    assert_eq!(message, "token 12 at position 3 is not in a vocabulary of 10");
}
