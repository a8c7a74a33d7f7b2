//! Views of packed masks against the plainest reading of their bits.

use crate::common::{proptest_config, random_words};
use dropmask::{Argument, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, mask_words};
use proptest::prelude::*;

/// Words, and a view of some of their bits: the first bit and the number of bits.
fn views() -> impl Strategy<Value = (Vec<u64>, usize, usize)> {
    (any::<u64>(), 0..300_usize, 0..700_usize, 0..3_usize).prop_map(|(seed, first, len, behind)| {
        // some all-0 and all-1 words
        let words = random_words(seed, mask_words(first + len) + behind);
        (words.into_iter().map(|word| [0, !0, word, word][word as usize % 4]).collect(), first, len)
    })
}

/// The bits of the view, one by one.
fn bools(words: &[u64], first: usize, len: usize) -> Vec<bool> {
    (first..first + len).map(|i| words[i / 64] >> (i % 64) & 1 == 1).collect()
}

/// Bits packed from bit 0 on.
fn packed(bits: &[bool]) -> Vec<u64> {
    let mut words = vec![0; mask_words(bits.len())];
    for (i, &bit) in bits.iter().enumerate() {
        words[i / 64] |= u64::from(bit) << (i % 64);
    }
    words
}

/// What a writer makes of words that were not 0; a word past the last one needed must stay.
fn written(len: usize, write: impl FnOnce(&mut MaskMut<'_>)) -> Vec<u64> {
    const BEHIND: u64 = 0x0123_4567_89AB_CDEF;
    let mut words = random_words(1, mask_words(len));
    words.push(BEHIND);
    let mut mask = MaskMut::new(&mut words, len).unwrap();
    assert_eq!((mask.len(), mask.is_empty()), (len, len == 0));
    write(&mut mask);
    assert_eq!(words.pop(), Some(BEHIND));
    words
}

#[test]
fn needed_words() {
    for (len, expected) in [(0, 0), (1, 1), (63, 1), (64, 1), (65, 2), (128, 2), (129, 3)] {
        assert_eq!(mask_words(len), expected);
    }
    assert_eq!(mask_words(usize::MAX), usize::MAX / 64 + 1);
}

#[test]
fn of_no_bits() {
    assert!(Mask::new(&[], 0).unwrap().is_empty());
    assert!(MaskMut::new(&mut [], 0).unwrap().is_empty());
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn readers_agree((words, first, len) in views()) {
        let mask = Mask::at_bit(&words, first as u64, len).unwrap();
        let bits = bools(&words, first, len);
        let kept: Vec<_> = (0..len).filter(|&i| bits[i]).collect();

        prop_assert_eq!((mask.len(), mask.is_empty()), (len, len == 0));
        prop_assert_eq!(mask.iter().len(), len);
        prop_assert_eq!(mask.iter().collect::<Vec<_>>(), &bits[..]);
        prop_assert_eq!((0..len).map(|i| mask.get(i).unwrap()).collect::<Vec<_>>(), &bits[..]);
        prop_assert_eq!((mask.get(len), mask.get(len + 64), mask.get(usize::MAX)), (None, None, None));
        prop_assert_eq!(mask.count_kept(), kept.len());
        prop_assert_eq!(mask.kept().collect::<Vec<_>>(), kept);
        prop_assert_eq!(mask.words().len(), mask_words(len));
        prop_assert_eq!(mask.words().collect::<Vec<_>>(), packed(&bits));
    }

    /// `new` is `at_bit` from bit 0 on, and what was written reads the same.
    #[test]
    fn views_from_the_first_bit((mut words, _, len) in views()) {
        let bits = bools(&words, 0, len);
        prop_assert_eq!(Mask::new(&words, len).unwrap().iter().collect::<Vec<_>>(), &bits[..]);
        prop_assert_eq!(MaskMut::new(&mut words, len).unwrap().as_mask().iter().collect::<Vec<_>>(), bits);
    }

    /// To and from one `bool`, one byte and one bit per element.
    #[test]
    fn conversions((words, first, len) in views()) {
        let mask = Mask::at_bit(&words, first as u64, len).unwrap();
        let bits = bools(&words, first, len);
        let (expected, bytes) = (packed(&bits), bits.iter().map(|&bit| u8::from(bit)).collect::<Vec<_>>());
        let packed_bytes: Vec<_> =
            bytes.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();

        let mut out = vec![true; len];
        mask.write_bools(&mut out).unwrap();
        prop_assert_eq!(&out, &bits);
        prop_assert_eq!(&written(len, |mask| mask.copy_from_bools(&bits).unwrap()), &expected);

        let mut out = vec![7; len];
        mask.write_u8(&mut out).unwrap();
        prop_assert_eq!(&out, &bytes);
        prop_assert_eq!(&written(len, |mask| mask.copy_from_u8(&bytes).unwrap()), &expected);
        let any_byte: Vec<_> = (1..=255).cycle().zip(&bytes).map(|(any, byte)| any * byte).collect();
        prop_assert_eq!(&written(len, |mask| mask.copy_from_u8(&any_byte).unwrap()), &expected);

        let mut out = vec![7; len.div_ceil(8)];
        mask.write_le_bytes(&mut out).unwrap();
        prop_assert_eq!(&out, &packed_bytes);
        if let (Some(last), true) = (out.last_mut(), len % 8 != 0) {
            *last |= !0 << (len % 8); // to be ignored
        }
        prop_assert_eq!(&written(len, |mask| mask.copy_from_le_bytes(&out).unwrap()), &expected);

        prop_assert_eq!(&written(len, |target| target.copy_from(mask).unwrap()), &expected);
    }

    #[test]
    fn complement((words, first, len) in views()) {
        let mask = Mask::at_bit(&words, first as u64, len).unwrap();
        let opposite: Vec<_> = bools(&words, first, len).into_iter().map(|bit| !bit).collect();
        let once = written(len, |target| {
            target.copy_from(mask).unwrap();
            target.complement();
        });
        prop_assert_eq!(&once, &packed(&opposite));
        let twice = written(len, |target| {
            target.copy_from(Mask::new(&once, len).unwrap()).unwrap();
            target.complement();
        });
        prop_assert_eq!(twice, mask.words().collect::<Vec<_>>());
    }
}

/// No sum of lengths passes the largest number, where memory can hold so many bits: half a gigabyte.
#[cfg(target_pointer_width = "32")]
#[test]
fn as_many_bits_as_there_are_numbers() {
    use dropmask::StoredMask;

    let mut words = vec![0; usize::MAX.div_ceil(64)];
    for level in Level::supported().filter(|level| *level != Level::SCALAR) {
        let stream = Dropout::new(Key::new(1), Probability::new(0.0).unwrap()).with_level(level).with_offset(1);
        stream.fill(&mut MaskMut::new(&mut words, usize::MAX).unwrap()).unwrap();
        assert_eq!((words[0], words[words.len() / 2], words[words.len() - 1]), (!0, !0, !0 >> 1), "{level}");
        // of all these words, two
        let rows = Layout::rows(2, 64).strides([65, 1]).index_strides([64, 1]);
        let mut y = [0.0; 129];
        StoredMask::new(Mask::new(&words, 128).unwrap(), 2.0)
            .with_level(level)
            .with_layout(rows)
            .apply(&[1.0; 129], &mut y)
            .unwrap();
        assert_eq!((y[63], y[64], y[65]), (2.0, 0.0, 2.0), "{level}");
        // more bits than there are numbers are not as many
        let endless = StoredMask::new(Mask::new(&words, usize::MAX).unwrap(), 2.0).with_level(level);
        let apart = Layout::rows(2, 64).index_strides([1 << 34, 1]);
        assert!(endless.with_indexed_bits(apart).apply(&[1.0; 128], &mut [0.0; 128]).is_err(), "{level}");
        let square = stream.with_layout(Layout::rows(1 << 16, 1 << 16));
        assert!(square.fill(&mut MaskMut::new(&mut words, usize::MAX).unwrap()).is_err(), "{level}");
        words.fill(0);
    }
}

/// A mask as bytes and as bools is the one that `fill` draws, row by row where there are rows, at every level.
#[test]
fn filled_as_bytes() {
    let dropout = |p| Dropout::new(Key::new(4), Probability::new(p).unwrap());
    for (p, offset) in [0.0, 0.3, 0.5, 1.0].into_iter().flat_map(|p| [0, 1, 70, 1000, u64::MAX - 5000].map(|o| (p, o)))
    {
        for len in (0..=130).chain([1023, 1024, 1025, 4999]) {
            let mut words = vec![0; mask_words(len)];
            let flat = dropout(p).with_offset(offset);
            flat.with_level(Level::SCALAR).fill(&mut MaskMut::new(&mut words, len).unwrap()).unwrap();
            let expected = bools(&words, 0, len);
            for level in Level::supported() {
                let (mut bytes, mut kept) = (vec![7; len], vec![true; len]);
                flat.with_level(level).fill_u8(&mut bytes).unwrap();
                flat.with_level(level).fill_bools(&mut kept).unwrap();
                assert_eq!(kept, expected, "{level}, p = {p}, {len} from {offset}");
                assert!(bytes.iter().zip(&kept).all(|(byte, kept)| *byte == u8::from(*kept)));
            }
        }
    }
    let (rows, mut kept) = (Layout::rows(3, 100).index_strides([1000, 1]), [false; 300]);
    dropout(0.5).with_layout(rows).fill_bools(&mut kept).unwrap();
    for (row, kept) in (0..).zip(kept.chunks(100)) {
        let mut expected = [false; 100];
        dropout(0.5).with_offset(1000 * row).fill_bools(&mut expected).unwrap();
        assert_eq!(kept, expected);
    }
    let (mut channels, mut flat) = ([7; 6], [7; 6]);
    dropout(0.5).with_layout(Layout::channels_last(2, 9, 3)).fill_u8(&mut channels).unwrap();
    dropout(0.5).fill_u8(&mut flat).unwrap();
    assert_eq!(channels, flat);

    let mut bytes = [7; 10];
    assert!(matches!(dropout(0.5).with_offset(u64::MAX).fill_u8(&mut bytes), Err(Error::IndexOverflow { .. })));
    let shaped = dropout(0.5).with_layout(Layout::channels_last(2, 9, 3));
    assert_eq!(
        shaped.fill_u8(&mut bytes),
        Err(Error::LengthMismatch { argument: Argument::Output, expected: 6, actual: 10 })
    );
    assert_eq!(bytes, [7; 10]);
}

#[test]
fn debug_shows_the_bits_of_the_view() {
    let mut words = [0b1_0110_1111, 0];
    assert_eq!(format!("{:?}", Mask::at_bit(&words, 4, 5).unwrap()), "Mask(01101)");
    assert_eq!(format!("{:?}", Mask::new(&words, 0).unwrap()), "Mask()");
    assert_eq!(format!("{:?}", MaskMut::new(&mut words, 3).unwrap()), "Mask(111)");
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn slices((words, first, len) in views(), a in 0..800_usize, b in 0..800_usize) {
        let mask = Mask::at_bit(&words, first as u64, len).unwrap();
        let slice = mask.slice(a..b);
        if a <= b && b <= len {
            let slice = slice.unwrap();
            prop_assert_eq!(slice.len(), b - a);
            prop_assert_eq!(slice.into_iter().collect::<Vec<_>>(), &bools(&words, first, len)[a..b]);
            prop_assert_eq!(slice.count_kept(), slice.iter().filter(|kept| *kept).count());
        } else {
            let refused = matches!(
                slice,
                Err(Error::MaskTooShort { needed, actual }) if a <= b && needed == b as u64 && actual == len as u64
            ) || matches!(slice, Err(Error::LengthMismatch { argument: Argument::Mask, expected, actual }) if a > b && (expected, actual) == (a, b));
            prop_assert!(refused);
        }
        prop_assert_eq!(mask.slice(0..len).unwrap().words().collect::<Vec<_>>(), mask.words().collect::<Vec<_>>());
    }
}
