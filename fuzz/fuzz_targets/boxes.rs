//! Cutout and `DropBlock` on maps of any sizes.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{Cutout, DropBlock, Error, KeptCount, Key, Level, Mask, MaskMut, Probability, Scaling, mask_words};
use dropmask_fuzz::{
    Buffer, Factor, MAX_LEN, Number, Offset, Output, Settings, Slack, Source, check, len_near, masked, product, size,
    words,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    #[arbitrary(with = shape)]
    shape: [usize; 4],
    in_place: bool,
    backward: bool,
    /// To what is there, in the backward pass.
    added: bool,
    kind: Kind,
    slack: [Slack; 3],
    lead: [u8; 2],
    x: Vec<u32>,
    y: Vec<u32>,
}

fn shape(u: &mut Unstructured<'_>) -> arbitrary::Result<[usize; 4]> {
    // seeds of several words in a row, and blocks that reach over as many; of a hash, as the numbers of bytes are mostly small
    if u.ratio(1, 2)? {
        let key = Key::new(u.arbitrary()?);
        let between = |i: u64, least: usize, most: usize| least + key.below(i, (most - least + 1) as u64) as usize;
        let height = if between(0, 0, 2) == 0 { between(1, 1, 5) } else { between(1, 20, 70) };
        let width = between(2, 100, (7000 / height).min(420));
        let maps = if height * width > 2000 { [1, 1] } else { [between(3, 0, 2), between(4, 0, 2)] };
        return Ok([maps[0], maps[1], height, width]);
    }
    // many samples or channels of one map leave little for the map
    let few = |u: &mut Unstructured<'_>| if u.ratio(7, 8)? { u.int_in_range(0..=3) } else { size(u) };
    let side = |u: &mut Unstructured<'_>| if u.ratio(1, 2)? { size(u) } else { u.int_in_range(1..=12) };
    Ok([few(u)?, few(u)?, side(u)?, side(u)?])
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Cutout {
        key: u64,
        size: [Number; 2],
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=5))]
        count: u32,
        first_sample: Offset,
    },
    DropBlock {
        block: Block,
        shared: bool,
        factor: Option<Times>,
        form: Form,
        settings: Settings,
        /// In place of scaling and factor: a probability by which one of so many seeds is dropped.
        one_of: Option<u8>,
        /// In the backward pass.
        count: (u64, u64),
        mask: Vec<u64>,
    },
}

/// The factor of the probability of the seeds.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Times {
    Eighths(u8),
    Any(f64),
}

impl Times {
    fn get(self) -> f64 {
        match self {
            Self::Eighths(n) => f64::from(n) / 8.0,
            Self::Any(factor) => factor,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Form {
    Stored,
    /// Nothing is.
    Replayed,
    /// The mask alone.
    Filled,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Block {
    /// Into the map, if there is one.
    Fits(u64),
    /// As large as that: seeds are one row or one column.
    Whole,
    Any(Number),
}

impl Block {
    fn side(self, [.., height, width]: [usize; 4]) -> usize {
        match self {
            Self::Fits(n) => 1 + Key::new(n).below(0, height.min(width) as u64) as usize,
            Self::Whole => height.min(width),
            Self::Any(n) => n.size(),
        }
    }
}

fuzz_target!(|input: Input| match input.kind {
    Kind::Cutout { key, size, count, first_sample } => {
        let first_sample = first_sample.get(input.shape[0] as u128);
        cutout(&input, Key::from_raw(key), size.map(Number::size), count, first_sample);
    }
    Kind::DropBlock { block, shared, factor, form, settings, one_of, ref mask, count } => {
        let factor = factor.filter(|_| one_of.is_none()).map(Times::get);
        let options = Options { side: block.side(input.shape), shared, factor, form };
        drop_block(&input, options, (settings, one_of), mask, count);
    }
});

impl Input {
    fn slices(&self) -> (Buffer, Output) {
        let near = |i: usize, drawn| Buffer::near(drawn, self.lead[i], product(&self.shape), self.slack[i]);
        (near(0, &self.x), Output { y: near(1, &self.y), z: Buffer::new(&[], 0, 0), words: Vec::new() })
    }

    const fn adds(&self) -> bool {
        self.added && self.backward && !self.in_place
    }

    fn fits(&self, len: usize) -> bool {
        product(&self.shape) == Some(len as u128)
    }
}

fn cutout(input: &Input, key: Key, size: [usize; 2], count: u32, first_sample: u64) {
    let (shape @ [samples, channels, height, width], in_place) = (input.shape, input.in_place);
    let cutout = Cutout::new(key, shape, size).count(count).first_sample(first_sample);
    // rows and columns of a box, where it was not cut off
    let side = |sample: u64, i: u32| {
        let (n, size) = ([height, width][i as usize % 2], size[i as usize % 2] as i128);
        let start = i128::from(key.derive(sample).below(i.into(), n as u64)) - size / 2;
        [start.max(0), (start + size).min(n as i128)].map(|end| end as usize)
    };
    let boxes = |sample| (0..count).map(move |k| [side(sample, 2 * k), side(sample, 2 * k + 1)]);
    if height > 0 && width > 0 {
        let actual = cutout.boxes(first_sample).map(|sides| sides.map(|side| [side.start, side.end]));
        assert!(actual.eq(boxes(first_sample)));
    }

    let (x, before) = input.slices();
    let slices = (in_place || input.fits(x.get().len())) && input.fits(before.y.get().len());
    let samples_fit = product(&shape) == Some(0) || u128::from(first_sample) + samples as u128 <= 1 << 64;
    let expected = (slices && samples_fit).then(|| {
        let mut output = before.clone();
        let y = output.y.get_mut();
        let there = y.to_vec();
        if !in_place {
            y.copy_from_slice(x.get());
        }
        let plane = if y.is_empty() { 1 } else { height * width };
        for (map, y) in y.chunks_mut(plane).enumerate() {
            for [rows, columns] in boxes(first_sample + (map / channels) as u64) {
                for i in rows[0]..rows[1] {
                    y[i * width..][columns[0]..columns[1]].fill(0.0);
                }
            }
        }
        if input.adds() {
            y.iter_mut().zip(there).for_each(|(y, there)| *y += there);
        }
        (output, ())
    });
    check(&before, expected, |_, Output { y, .. }| match (input.backward, in_place) {
        (false, false) => cutout.forward(x.get(), y.get_mut()),
        (false, true) => cutout.forward_in_place(y.get_mut()),
        (true, false) if input.added => cutout.backward_add(x.get(), y.get_mut()),
        (true, false) => cutout.backward(x.get(), y.get_mut()),
        (true, true) => cutout.backward_in_place(y.get_mut()),
    });
}

/// How blocks are dropped.
#[derive(Clone, Copy)]
struct Options {
    side: usize,
    shared: bool,
    factor: Option<f64>,
    form: Form,
}

impl Options {
    /// The shape of the mask: nothing bounds the samples of no channels.
    const fn mask(&self, [samples, channels, height, width]: [usize; 4]) -> [usize; 4] {
        if self.shared && channels > 0 { [samples, 1, height, width] } else { [samples, channels, height, width] }
    }

    fn build(self, source: &Source, level: Level, shape: [usize; 4]) -> Result<DropBlock, Error> {
        let dropout = DropBlock::new(source.stream(level), shape, self.side)?.shared_channels(self.shared);
        self.factor.map_or(Ok(dropout), |factor| dropout.gamma_scale(factor))
    }
}

/// The probability and the number of the seeds of a block that fits, in a mask of this shape.
fn seeds([samples, channels, height, width]: [usize; 4], options: Options, source: &Source) -> (Probability, u64) {
    let block = options.side;
    let p = 1.0 - source.p.threshold() as f64 / 4_294_967_296.0;
    let seeds = (height - block + 1) * (width - block + 1);
    let gamma = p * (height as f64 * width as f64) / ((block * block) as f64 * seeds as f64);
    let gamma = (options.factor.unwrap_or(1.0) * gamma).min(1.0);
    let threshold = ((1.0 - gamma) * 4_294_967_296.0 + 0.5).floor() as u64;
    (Probability::from_threshold(threshold).expect("in range"), (samples * channels * seeds) as u64)
}

type Chances = (Settings, Option<u8>);

fn drop_block(input: &Input, options: Options, (settings, one_of): Chances, mask: &[u64], count: (u64, u64)) {
    let (shape @ [_, channels, height, width], in_place) = (input.shape, input.in_place);
    let (block, of_mask) = (options.side, options.mask(shape));
    let fits = (1..=height.min(width)).contains(&block);
    let area = height.checked_mul(width);
    let maps = shape[0].checked_mul(shape[1]);
    let countable = area.zip(maps).is_some_and(|(area, maps)| area.checked_mul(maps).is_some());
    let places = if fits && countable { (height - block + 1) * (width - block + 1) } else { 0 };
    let span = of_mask[0] as u128 * of_mask[1] as u128 * places as u128;
    let Some(source) = settings.source(span) else { return };
    let share = block as f64 * block as f64 * places as f64 / (height as f64 * width as f64);
    let p = one_of.and_then(|n| Probability::from_f64(share * 0.5_f64.powi((3 + n % 5).into())).ok());
    let source = p.map_or(source, |p| Source { p, factor: Factor::Inverted, ..source });
    let new = |level| options.build(&source, level, shape);
    let scalable = options.factor.is_none_or(|factor| factor >= 0.0 && factor.is_finite());
    for level in Level::supported() {
        assert_eq!(new(level).is_ok(), fits && countable && scalable);
    }
    if !(fits && countable && scalable) {
        return;
    }

    let (x, mut before) = input.slices();
    let mask_len = len_near(product(&of_mask), input.slack[2], 64 * MAX_LEN);
    before.words = words(mask, mask_words(mask_len) + 2);
    let (gamma, seeds) = seeds(of_mask, options, &source);
    assert_eq!(new(Level::SCALAR).map(|dropout| (dropout.gamma(), dropout.seeds())), Ok((gamma, seeds)));

    let (replayed, filled) = (options.form == Form::Replayed, options.form == Form::Filled);
    let backward = input.backward && !filled;
    let valid = (filled || in_place || input.fits(x.get().len()))
        && (filled || input.fits(before.y.get().len()))
        && (replayed || product(&of_mask) == Some(mask_len as u128))
        && (backward && !replayed || source.fits(seeds.into()))
        && source.factor.scaling() == Scaling::Inverted;
    let given = KeptCount::new(count.0, count.1);
    let twice = KeptCount::new(count.0.saturating_add(count.0), count.1.saturating_add(count.1));
    assert_eq!(given.merge(given), twice);
    let expected = valid.then(|| {
        let mut output = before.clone();
        let (mut count, mut kept) = (given, Vec::new());
        if backward && !replayed {
            kept.extend((0..mask_len).map(|i| output.words[i / 64] >> (i % 64) & 1 == 1));
        } else {
            kept = draw(of_mask, block, Source { p: gamma, ..source });
        }
        if !backward {
            count = KeptCount::new(kept.iter().filter(|&&kept| kept).count() as u64, kept.len() as u64);
        }
        if !backward && !replayed {
            for (word, bits) in output.words.iter_mut().zip(kept.chunks(64)) {
                *word = bits.iter().rev().fold(0, |word, &bit| word << 1 | u64::from(bit));
            }
        }
        let scale = if count.kept() == 0 { 0.0 } else { (count.total() as f64 / count.kept() as f64) as f32 };
        let written = if filled { 0 } else { output.y.get().len() };
        for (i, y) in output.y.get_mut()[..written].iter_mut().enumerate() {
            let x = if in_place { *y } else { x.get()[i] };
            let (area, each) = (height * width, if options.shared { channels } else { 1 });
            let outcome = masked(kept[i / area / each * area + i % area], x, scale);
            *y = if input.adds() { *y + outcome } else { outcome };
        }
        (output, count)
    });
    check(&before, expected, |level, Output { y, words, .. }| {
        let dropout = new(level)?;
        if replayed {
            return replay(input, &dropout, &x, y, given);
        }
        if filled {
            return dropout.fill(&mut MaskMut::new(words, mask_len)?);
        }
        run(input, &dropout, &x, y, words, mask_len, given)
    });
}

fn run(
    input: &Input,
    dropout: &DropBlock,
    x: &Buffer,
    y: &mut Buffer,
    words: &mut [u64],
    mask_len: usize,
    count: KeptCount,
) -> Result<KeptCount, Error> {
    let (x, y) = (x.get(), y.get_mut());
    if input.backward {
        let mask = Mask::new(words, mask_len)?;
        let result = if input.in_place {
            dropout.backward_in_place(y, mask, count)
        } else if input.added {
            dropout.backward_add(x, y, mask, count)
        } else {
            dropout.backward(x, y, mask, count)
        };
        return result.map(|()| count);
    }
    let mut mask = MaskMut::new(words, mask_len)?;
    if input.in_place { dropout.forward_in_place(y, &mut mask) } else { dropout.forward(x, y, &mut mask) }
}

fn replay(
    input: &Input,
    dropout: &DropBlock,
    x: &Buffer,
    y: &mut Buffer,
    given: KeptCount,
) -> Result<KeptCount, Error> {
    let (x, y) = (x.get(), y.get_mut());
    let count = if input.backward { given } else { dropout.count()? };
    match input.in_place {
        true => dropout.replay_in_place(y, count),
        false if input.adds() => dropout.replay_add(x, y, count),
        false => dropout.replay(x, y, count),
    }
    .map(|()| count)
}

/// Which elements are kept: all but the blocks of the seeds that are not.
fn draw([samples, channels, height, width]: [usize; 4], block: usize, source: Source) -> Vec<bool> {
    let (rows, columns) = (height - block + 1, width - block + 1);
    let mut kept = vec![true; samples * channels * height * width];
    let mut bits = source.bits();
    let certain = [0, 1 << 32].contains(&source.p.threshold());
    for seed in 0..samples * channels * rows * columns {
        let alive = if certain { source.p.threshold() > 0 } else { bits(seed as u64) };
        if !alive {
            let (map, k, l) = (seed / columns / rows, seed / columns % rows, seed % columns);
            (0..block).for_each(|i| kept[(map * height + k + i) * width + l..][..block].fill(false));
        }
    }
    kept
}
