use crate::bits::{Arrangement, BATCH_WORDS, KEYS, Source, VonNeumann};
use dropmask::{Dropout, Key, Probability};

/// The bits of the second batch, which depends on the first by its number alone.
fn second_batch(arrangement: Arrangement, p: Probability) -> Vec<bool> {
    let mut words = vec![0; BATCH_WORDS];
    Source { key: Key::new(7), p, arrangement }.draw(1, &mut words).unwrap();
    words.iter().flat_map(|word| (0..64).map(move |i| word >> i & 1 == 1)).collect()
}

/// Whether the library keeps one element, asked for alone.
fn kept(key: Key, p: Probability, element: usize) -> bool {
    let mut bit = [false];
    Dropout::new(key, p).with_offset(element as u64).fill_bools(&mut bit).unwrap();
    bit[0]
}

#[test]
fn bits_are_those_of_masks() {
    let key = Key::new(7);
    for p in [0.5, 0.1].map(|p| Probability::new(p).unwrap()) {
        let long = second_batch(Arrangement::Long, p);
        let short = second_batch(Arrangement::Short, p);
        let index = second_batch(Arrangement::Index, p);
        for i in (0..long.len()).step_by(997) {
            assert_eq!(long[i], kept(key, p, long.len() + i), "long {i}");
            assert_eq!(short[i], kept(key.derive((KEYS + i / 1024) as u64), p, i % 1024), "short {i}");
            assert_eq!(index[i], kept(key.derive((KEYS + i % KEYS) as u64), p, i / KEYS), "index {i}");
        }
    }
}

#[test]
fn the_control_overlaps() {
    let p = Probability::new(0.5).unwrap();
    let control = second_batch(Arrangement::Overlap, p);
    // seven of eight words of a group are those of the key before, a word further on
    assert_eq!(control[1024..1024 + 7 * 64], control[64..512]);
}

#[test]
fn of_two_bits_that_differ_the_first() {
    let mut words = vec![0; BATCH_WORDS];
    let p = Probability::new(0.3).unwrap();
    Source { key: Key::new(8), p, arrangement: Arrangement::Long }.draw(0, &mut words).unwrap();
    let bits: Vec<bool> = words.iter().flat_map(|word| (0..64).map(move |i| word >> i & 1 == 1)).collect();
    let expected: Vec<bool> = bits.chunks(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair[0]).collect();

    let (mut extractor, mut fair) = (VonNeumann::default(), Vec::new());
    for word in words {
        extractor.extract(word, |word| fair.push(word));
    }
    assert_eq!(fair.len(), expected.len() / 64);
    let fair = fair.iter().flat_map(|word| (0..64).map(move |i| word >> i & 1 == 1));
    assert!(fair.zip(expected).all(|(bit, expected)| bit == expected));
}
