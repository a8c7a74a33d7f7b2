//! Masks: filled from a key at every level, filled from a generator, viewed and converted, against naive code.
#![no_main]

use core::convert::Infallible;

use arbitrary::Arbitrary;
use dropmask::rand_core::TryRng;
use dropmask::{Dropout, Key, Level, Mask, MaskMut, Probability, mask_words};
use dropmask_fuzz::{Chance, Number, Offset, len, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input {
    Fill(Fill),
    View(View),
    Generator(Generator),
}

fuzz_target!(|input: Input| match input {
    Input::Fill(fill) => fill.check(),
    Input::View(view) => view.check(),
    Input::Generator(generator) => generator.check(),
});

#[derive(Arbitrary, Debug)]
struct Fill {
    key: u64,
    chance: Chance,
    offset: Offset,
    #[arbitrary(with = len)]
    len: usize,
    /// A range within the range.
    #[arbitrary(with = len)]
    skip: usize,
    /// What the words hold before.
    before: Vec<u64>,
}

impl Fill {
    fn check(&self) {
        let Some(p) = self.chance.probability() else { return };
        let offset = self.offset.get(self.len as u128);
        let stream = Dropout::new(Key::from_raw(self.key), p).with_offset(offset);
        let fits = u128::from(offset) + self.len as u128 <= 1 << 64;
        let before = words(&self.before, mask_words(self.len) + 2);

        let fill = |level, stream: Dropout, len| {
            let mut words = before.clone();
            let mut mask = MaskMut::new(&mut words, len).expect("enough words");
            let result = stream.with_level(level).fill(&mut mask);
            (result, words)
        };
        let expected = fill(Level::SCALAR, stream, self.len);
        let (used, canary) = expected.1.split_at(mask_words(self.len));
        assert_eq!(expected.0.is_ok(), fits, "{:?}", expected.0);
        if fits {
            assert_eq!(canary, &before[used.len()..]);
            assert!(used.last().is_none_or(|last| self.len.is_multiple_of(64) || last >> (self.len % 64) == 0));
        } else {
            assert_eq!(expected.1, before);
        }

        let skip = self.skip.min(self.len);
        for level in Level::supported() {
            assert_eq!(fill(level, stream, self.len), expected, "{level}");
            if fits {
                let part = Mask::at_bit(used, skip as u64, self.len - skip).expect("within the words");
                let start = stream.with_offset(offset.wrapping_add(skip as u64));
                // nothing is left to start at where the whole ends at 2^64
                if !part.is_empty() {
                    let (result, words) = fill(level, start, part.len());
                    assert_eq!(result, Ok(()));
                    assert!(part.words().eq(words[..mask_words(part.len())].iter().copied()), "{level}");
                }
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
struct View {
    words: Vec<u64>,
    first: Number,
    len: Number,
    /// A wrong length for the conversions, and with the end a range.
    other: u16,
    end: u16,
}

impl View {
    fn check(&self) {
        let (first, len) = (self.first.get(), self.len.size());
        let fits = u128::from(first) + len as u128 <= 64 * self.words.len() as u128;
        let view = Mask::at_bit(&self.words, first, len);
        assert_eq!(view.is_ok(), fits);
        assert_eq!(Mask::new(&self.words, len).is_ok(), len <= 64 * self.words.len());
        assert_eq!(MaskMut::new(&mut self.words.clone(), len).is_ok(), len <= 64 * self.words.len());
        let Ok(view) = view else { return };

        let bits: Vec<bool> =
            (0..len).map(|i| first as usize + i).map(|i| self.words[i / 64] >> (i % 64) & 1 == 1).collect();
        assert_eq!((view.len(), view.is_empty()), (len, len == 0));
        assert!(view.iter().eq(bits.iter().copied()));
        assert!((0..len).all(|i| view.get(i) == Some(bits[i])));
        assert_eq!([view.get(len), view.get(usize::MAX)], [None, None]);
        assert!(view.into_iter().eq(bits.iter().copied()));
        let (start, end) = (usize::from(self.other) % (len + 2), usize::from(self.end) % (len + 2));
        match view.slice(start..end) {
            Ok(part) => assert!(part.iter().eq(bits[start..end].iter().copied())),
            Err(_) => assert!(start > end || end > len),
        }
        assert!(view.kept().eq((0..len).filter(|&i| bits[i])));
        assert_eq!(view.count_kept(), bits.iter().filter(|&&kept| kept).count());

        let packed = pack(&bits);
        assert!(view.words().eq(packed.iter().copied()));
        let bytes: Vec<u8> = packed.iter().flat_map(|word| word.to_le_bytes()).take(len.div_ceil(8)).collect();
        let flags: Vec<u8> = bits.iter().map(|&kept| u8::from(kept)).collect();

        let other = usize::from(self.other);
        writes(&bits, !bits.first().unwrap_or(&true), other, |out| view.write_bools(out));
        writes(&flags, 7, other, |out| view.write_u8(out));
        writes(&bytes, 0x5A, other, |out| view.write_le_bytes(out));

        let mut noisy = bytes.clone();
        if let (Some(last), true) = (noisy.last_mut(), len % 8 != 0) {
            *last |= 0xFF << (len % 8);
        }
        let loud: Vec<u8> = flags.iter().map(|flag| flag * 0x80).collect();
        let dropped: Vec<bool> = bits.iter().map(|kept| !kept).collect();
        reads(len, &packed, |mask| mask.copy_from(view).is_ok());
        reads(len, &packed, |mask| mask.copy_from_bools(&bits).is_ok());
        reads(len, &packed, |mask| mask.copy_from_u8(&loud).is_ok());
        reads(len, &packed, |mask| mask.copy_from_le_bytes(&noisy).is_ok());
        reads(len, &pack(&dropped), |mask| mask.copy_from(view).map(|()| mask.complement()).is_ok());
        let before = words(&[], mask_words(len));
        if other != len {
            reads(len, &before, |mask| mask.copy_from_bools(&vec![true; other]).is_err());
            reads(len, &before, |mask| mask.copy_from_u8(&vec![1; other]).is_err());
        }
        if other != bytes.len() {
            reads(len, &before, |mask| mask.copy_from_le_bytes(&vec![1; other]).is_err());
        }
    }
}

fn pack(bits: &[bool]) -> Vec<u64> {
    bits.chunks(64).map(|bits| bits.iter().rev().fold(0, |word, &kept| word << 1 | u64::from(kept))).collect()
}

/// A conversion writes what is expected; at another length it is an error and writes nothing.
fn writes<T: Copy + PartialEq + core::fmt::Debug>(
    expected: &[T],
    before: T,
    other: usize,
    write: impl Fn(&mut [T]) -> Result<(), dropmask::Error>,
) {
    let mut out = vec![before; expected.len()];
    assert_eq!(write(&mut out), Ok(()));
    assert_eq!(out, expected);
    if other != expected.len() {
        let mut out = vec![before; other];
        assert!(write(&mut out).is_err());
        assert!(out.iter().all(|&out| out == before));
    }
}

/// A mask over used words holds what is expected afterwards, and the words behind it what they held before.
fn reads(len: usize, expected: &[u64], mut read: impl FnMut(&mut MaskMut<'_>) -> bool) {
    let before = words(&[], mask_words(len) + 2);
    let mut words = before.clone();
    assert!(read(&mut MaskMut::new(&mut words, len).expect("enough words")));
    assert_eq!(&words[..expected.len()], expected);
    assert_eq!(words[expected.len()..], before[expected.len()..]);
}

#[derive(Arbitrary, Debug)]
struct Generator {
    chance: Chance,
    #[arbitrary(with = len)]
    len: usize,
    words: Vec<u64>,
}

impl Generator {
    fn check(&self) {
        let Some(p) = self.chance.probability() else { return };
        let rng = || Cycle { words: words(&self.words, self.words.len() + 1), draws: 0 };
        let (mut fast, mut naive) = (rng(), rng());

        let mut bits: Vec<bool> = (0..mask_words(self.len)).flat_map(|_| draw(p, &mut naive)).collect();
        bits.truncate(self.len);
        reads(self.len, &pack(&bits), |mask| {
            fast = rng();
            mask.fill_from_rng(p, &mut fast);
            true
        });
        assert_eq!(fast.draws, naive.draws);
    }
}

/// 64 elements: each compares its own number with the threshold, digit by digit.
fn draw(p: Probability, rng: &mut Cycle) -> [bool; 64] {
    let t = p.threshold();
    if t == 1 << 32 {
        return [true; 64];
    }
    let mut numbers = [0; 64];
    let mut drawn = 0;
    while drawn < 32 && t << (drawn + 32) != 0 && numbers.iter().any(|&number| number == t >> (32 - drawn)) {
        let word = rng.next();
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = 2 * *number + (word >> i & 1);
        }
        drawn += 1;
    }
    numbers.map(|number| number < t >> (32 - drawn))
}

/// A generator that repeats itself: long runs of equal digits, which random words would not give.
struct Cycle {
    words: Vec<u64>,
    draws: usize,
}

impl Cycle {
    fn next(&mut self) -> u64 {
        self.draws += 1;
        self.words[self.draws % self.words.len()]
    }
}

impl TryRng for Cycle {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("masks are drawn in words")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("masks are drawn in words")
    }
}
