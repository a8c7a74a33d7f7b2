//! `DropBlock` with one mask for all channels, with a factor, and without a mask in memory.

use crate::common::{all_same, thinned};
use crate::dropblock::{SHAPES, fill, floats, naive, probability};
use dropmask::{Argument, DropBlock, Dropout, Error, KeptCount, Key, Layout, Level, Mask, Scaling, Setting};

/// Several maps in a piece of 16,384 places of the mask; maps that just fill one; rows of a map in a piece; parts of a row.
const LARGE: [([usize; 4], usize); 12] = [
    ([70, 7, 7, 7], 3),
    ([3, 2, 64, 64], 7),
    ([2, 3, 100, 100], 5),
    ([2, 2, 128, 128], 7),
    ([1, 2, 129, 128], 7),
    ([2, 1, 150, 151], 140),
    ([1, 2, 1, 16_384], 1),
    ([2, 2, 1, 16_385], 1),
    ([1, 2, 3, 20_000], 1),
    ([1, 1, 5, 40_001], 3),
    ([1, 1, 70, 16_390], 66),
    ([1, 1, 130, 33_000], 129),
];

/// Both forms at a level: mask, count, and what is made of `x`, alone and added to what is there.
fn both_forms(drop_block: &DropBlock, x: &[f32]) -> (Vec<u64>, KeptCount) {
    let (words, count) = fill(drop_block, drop_block.mask_len());
    let mask = Mask::new(&words, drop_block.mask_len()).unwrap();
    let there = floats(77, x.len());
    let what = format!("{drop_block:?}");
    assert_eq!(drop_block.count().unwrap(), count, "{what}");

    let (mut stored, mut replayed) = (vec![7.0; x.len()], vec![8.0; x.len()]);
    drop_block.backward(x, &mut stored, mask, count).unwrap();
    drop_block.replay(x, &mut replayed, count).unwrap();
    assert!(all_same(&replayed, &stored), "replay, {what}");
    let mut replayed = x.to_vec();
    drop_block.replay_in_place(&mut replayed, count).unwrap();
    assert!(all_same(&replayed, &stored), "replay_in_place, {what}");
    let (mut stored, mut replayed) = (there.clone(), there);
    drop_block.backward_add(x, &mut stored, mask, count).unwrap();
    drop_block.replay_add(x, &mut replayed, count).unwrap();
    assert!(all_same(&replayed, &stored), "replay_add, {what}");
    (words, count)
}

#[test]
fn every_level_is_the_definition_in_every_form() {
    let mut dropped = 0;
    for (seed, (shape @ [samples, channels, h, w], block)) in (40..).zip(SHAPES) {
        let x = floats(seed, shape.into_iter().product());
        for (shared, maps) in [(false, [samples, channels]), (true, [if channels == 0 { 0 } else { samples }, 1])] {
            for (i, (p, factor)) in (0..).zip([(0.3, 0.5), (0.4, 1.7), (0.5, 1e300), (0.9, 0.0)]) {
                // each with either offset, at one shape or another
                let offset = [0, 1023][usize::from((seed + i).is_multiple_of(2))];
                let stream = Dropout::new(Key::new(seed), probability(p)).with_offset(offset);
                let new = |stream| {
                    let drop_block = DropBlock::new(stream, shape, block).unwrap();
                    drop_block.gamma_scale(factor).unwrap().shared_channels(shared)
                };
                let gamma = Dropout::new(Key::new(seed), new(stream).gamma()).with_offset(offset);
                let kept = naive(&gamma, [maps[0], maps[1], h, w], block);
                dropped += kept.iter().filter(|kept| !**kept).count();
                for level in Level::supported() {
                    let drop_block = new(stream.with_level(level));
                    assert_eq!(drop_block.mask_len(), kept.len());
                    let (words, count) = both_forms(&drop_block, &x);
                    let mask = Mask::new(&words, kept.len()).unwrap();
                    assert_eq!(mask.iter().collect::<Vec<_>>(), kept, "{drop_block:?}");
                    let mut y = vec![7.0; x.len()];
                    drop_block.replay(&x, &mut y, count).unwrap();
                    let (area, each) = (h * w, if shared { channels } else { 1 });
                    let expected: Vec<f32> = (0..x.len())
                        .map(|i| if kept[i / area / each * area + i % area] { x[i] * count.scale() } else { 0.0 })
                        .collect();
                    assert!(all_same(&y, &expected), "{drop_block:?}");
                }
            }
        }
    }
    assert!(dropped > 10_000);
}

/// Pieces of all kinds. Without the scalar level, which would take minutes.
#[test]
fn any_map_is_replayed() {
    for (seed, (shape, block)) in thinned((60..).zip(LARGE)) {
        let (x, mut dropped) = (floats(seed, shape.into_iter().product()), 0);
        // each with either probability, at one shape or another
        let [p, other] = if seed % 2 == 0 { [0.9, 0.1] } else { [0.1, 0.9] };
        for (shared, offset, p) in [(false, 0, p), (true, 777, other)] {
            let mut masks = Level::supported().skip(1).map(|level| {
                let stream = Dropout::new(Key::new(seed), probability(p)).with_offset(offset).with_level(level);
                let drop_block = DropBlock::new(stream, shape, block).unwrap().shared_channels(shared);
                both_forms(&drop_block, &x)
            });
            let (words, count) = masks.next().unwrap();
            assert!(count.kept() > 0);
            dropped += count.total() - count.kept();
            assert!(masks.all(|other| other == (words.clone(), count)));
        }
        assert!(dropped > 0, "{shape:?}");
    }
}

/// In a map of pieces the scalar level looks at every seed of an element by itself.
#[test]
fn pieces_at_the_scalar_level() {
    for (shape, block) in [([2, 2, 129, 128], 3), ([1, 1, 2, 17_000], 2)] {
        let x = floats(80, shape.into_iter().product());
        let masks = Level::supported().map(|level| {
            let stream = Dropout::new(Key::new(80), probability(0.2)).with_level(level);
            both_forms(&DropBlock::new(stream, shape, block).unwrap(), &x)
        });
        let masks: Vec<_> = masks.collect();
        assert!(masks.iter().all(|mask| *mask == masks[0]));
    }
}

#[test]
fn shards_share_a_count() {
    let x = floats(81, 5 * 3 * 132);
    for shared in [false, true] {
        let new = |offset, samples| {
            let stream = Dropout::new(Key::new(6), probability(0.2)).with_offset(offset);
            DropBlock::new(stream, [samples, 3, 12, 11], 4).unwrap().shared_channels(shared)
        };
        let whole = new(5, 5);
        let count = whole.count().unwrap();
        let mut expected = vec![7.0; x.len()];
        whole.replay(&x, &mut expected, count).unwrap();
        for split in 0..=5 {
            let (head, tail) = (new(5, split), new(5 + new(5, split).seeds(), 5 - split));
            assert_eq!(head.count().unwrap().merge(tail.count().unwrap()), count);
            let mut y = x.clone();
            let (first, second) = y.split_at_mut(split * 3 * 132);
            head.replay_in_place(first, count).unwrap();
            tail.replay_in_place(second, count).unwrap();
            assert!(all_same(&y, &expected), "split at {split}, shared: {shared}");
        }
    }
}

#[test]
fn a_factor_multiplies_gamma() {
    let new = |p| DropBlock::new(Dropout::new(Key::new(0), probability(p)), [2, 3, 56, 56], 7).unwrap();
    let gamma = |p, factor| new(p).gamma_scale(factor).unwrap().gamma().threshold();
    let one = f64::from(0.1_f32) / 49.0 * 3136.0 / 2500.0;
    for factor in [0.25, 1.0, 1.3, 100.0] {
        assert_eq!(gamma(0.1, factor), ((1.0 - factor * one) * 4_294_967_296.0 + 0.5) as u64);
    }
    // a factor of 1 is none, and the last one counts; all or nothing is dropped at the ends
    assert_eq!(gamma(0.1, 1.0), new(0.1).gamma().threshold());
    assert_eq!(new(0.1).gamma_scale(7.0).unwrap().gamma_scale(1.0).unwrap().gamma(), new(0.1).gamma());
    assert_eq!([gamma(0.1, 1e9), gamma(0.1, f64::MAX), gamma(0.1, 0.0), gamma(0.1, -0.0)], [0, 0, 1 << 32, 1 << 32]);
    assert_eq!(gamma(0.0, f64::MAX), 1 << 32);
    for factor in [-f64::MIN_POSITIVE, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(new(0.1).gamma_scale(factor).unwrap_err(), Error::InvalidFactor { factor });
    }
    let result = new(0.1).gamma_scale(f64::NAN);
    assert!(matches!(result, Err(Error::InvalidFactor { factor }) if factor.is_nan()));
    assert_eq!(Error::InvalidFactor { factor: -1.5 }.to_string(), "factor -1.5 is not a finite number from 0 on");
}

#[test]
fn errors_write_nothing() {
    let stream = Dropout::new(Key::new(10), probability(0.5));
    let (x, mut y, count) = ([1.0; 24], [7.0; 24], KeptCount::new(1, 24));
    let new = |stream| DropBlock::new(stream, [2, 3, 2, 2], 2).unwrap();
    let drop_block = new(stream);
    let mismatch = |argument| Err(Error::LengthMismatch { argument, expected: 24, actual: 23 });
    assert_eq!(drop_block.replay(&x[..23], &mut y, count), mismatch(Argument::Input));
    assert_eq!(drop_block.replay(&x, &mut y[..23], count), mismatch(Argument::Output));
    assert_eq!(drop_block.replay_in_place(&mut y[..23], count), mismatch(Argument::Output));
    assert_eq!(drop_block.replay_add(&x[..23], &mut y, count), mismatch(Argument::Input));
    assert_eq!(drop_block.replay_add(&x, &mut y[..23], count), mismatch(Argument::Output));

    // six seeds, two where channels share
    let late = new(stream.with_offset(u64::MAX - 4));
    let overflow = Error::IndexOverflow { offset: u64::MAX - 4, span: 6 };
    assert_eq!(late.count(), Err(overflow));
    assert_eq!(late.replay(&x, &mut y, count), Err(overflow));
    assert_eq!(late.replay_in_place(&mut y, count), Err(overflow));
    assert_eq!(late.replay_add(&x, &mut y, count), Err(overflow));

    let settings = [
        (stream.with_layout(Layout::rows(4, 6)), Setting::Layout),
        (stream.with_scaling(Scaling::Naive), Setting::Scaling),
    ];
    for (stream, setting) in settings {
        assert_eq!(new(stream).count(), Err(Error::Unsupported { setting }));
        assert_eq!(new(stream).replay(&x, &mut y, count), Err(Error::Unsupported { setting }));
    }
    // the mask of a channel, no longer of all
    let shared = drop_block.shared_channels(true);
    let expected = Error::LengthMismatch { argument: Argument::Mask, expected: 8, actual: 24 };
    assert_eq!(shared.backward(&x, &mut y, Mask::new(&[0], 24).unwrap(), count), Err(expected));
    assert_eq!(y, [7.0; 24]);

    late.shared_channels(true).replay_in_place(&mut y, count).unwrap();
    // no channels, no bits
    let none = DropBlock::new(stream, [usize::MAX, 0, 3, 3], 2).unwrap().shared_channels(true);
    assert_eq!((none.mask_len(), none.seeds(), none.count()), (0, 0, Ok(KeptCount::new(0, 0))));
    none.replay(&[], &mut [], count).unwrap();
}
