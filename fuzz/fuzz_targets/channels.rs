//! Every shape of a stream, channels above all, in every operation of streams and stored masks, with residuals.
#![no_main]

use arbitrary::Arbitrary;
use dropmask::{Error, Level, Mask, MaskMut, StoredMask, mask_words};
use dropmask_fuzz::{Buffer, MAX_LEN, Output, Settings, Shape, Slack, Source, check, len_near, masked, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Fill,
    Forward,
    ForwardStore,
    Residual,
    Add,
    Evaluate,
    EvaluateResidual,
    Apply,
    ApplyResidual,
    ApplyAdd,
}
use Operation::*;

impl Operation {
    const fn uses_stored(self) -> bool {
        matches!(self, Apply | ApplyResidual | ApplyAdd)
    }

    const fn stores(self) -> bool {
        matches!(self, Fill | ForwardStore)
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    in_place: bool,
    shape: Shape,
    settings: Settings,
    slack: [Slack; 4],
    lead: [u8; 3],
    x: Vec<u32>,
    r: Vec<u32>,
    y: Vec<u32>,
    mask: Vec<u64>,
    /// Of stored masks: their first bit and the factor.
    first: u8,
    scale: f32,
}

fuzz_target!(|input: Input| {
    if let Some(source) = input.settings.source(input.shape.span()) {
        Case::new(&input, source).check();
    }
});

struct Case<'a> {
    input: &'a Input,
    source: Source,
    x: Buffer,
    r: Buffer,
    mask_len: usize,
    before: Output,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, source: Source) -> Self {
        let Input { operation, shape, lead, .. } = *input;
        // without a shape, nothing calls for another length than that of what is written
        let slack = |i: usize, free: bool| if free || !shape.is_slice() { input.slack[i] } else { Slack::Exact };
        let needed = if operation.uses_stored() { shape.span() } else { shape.bits().mask_bits() };
        let mask_len = len_near(Some(needed), slack(3, operation != Fill), 64 * MAX_LEN);
        let buffer = |drawn, i: usize, slack| Buffer::near(drawn, lead[i], shape.elements(), slack);
        Self {
            source,
            x: buffer(&input.x, 0, slack(0, true)),
            r: buffer(&input.r, 1, slack(1, true)),
            before: Output {
                y: buffer(&input.y, 2, slack(2, false)),
                z: Buffer::new(&[], 0, 0),
                words: words(&input.mask, mask_words(usize::from(input.first) + mask_len) + 2),
            },
            mask_len,
            input,
        }
    }

    fn check(&self) {
        let expected = self.is_valid().then(|| (self.expected(), ()));
        check(&self.before, expected, |level, output| self.run(level, output));
    }

    /// Whether the output is the input, too.
    const fn in_place(&self) -> bool {
        self.input.in_place && matches!(self.input.operation, Forward | ForwardStore | Residual | Evaluate | Apply)
    }

    fn is_valid(&self) -> bool {
        let (operation, shape) = (self.input.operation, self.input.shape);
        let slice = |buffer: &Buffer| shape.fits(buffer.get().len());
        let x = self.in_place() || slice(&self.x);
        let r = !matches!(operation, Residual | EvaluateResidual | ApplyResidual) || slice(&self.r);
        let slices = operation == Fill || x && r && slice(&self.before.y);
        let span = if operation.stores() { shape.bits().span() } else { shape.span() };
        let mask_len = self.mask_len as u128;
        let mask = match operation {
            _ if operation.stores() => mask_len == shape.bits().mask_bits(),
            // nothing is read of it where a shape has no elements
            _ if operation.uses_stored() && !shape.is_slice() && shape.elements() == Some(0) => true,
            _ if operation.uses_stored() => shape.bits().on_words() && mask_len == shape.span(),
            _ => true,
        };
        slices && mask && (operation.uses_stored() || self.source.fits(span))
    }

    fn run(&self, level: Level, Output { y, words, .. }: &mut Output) -> Result<(), Error> {
        let shape = self.input.shape;
        let stream = shape.stream(self.source.stream(level));
        let (x, r, y) = (self.x.get(), self.r.get(), y.get_mut());
        if self.input.operation.uses_stored() {
            let mask = Mask::at_bit(words, self.input.first.into(), self.mask_len)?;
            let stored = shape.stored(StoredMask::new(mask, self.input.scale).with_level(level));
            return match (self.input.operation, self.in_place()) {
                (Apply, false) => stored.apply(x, y),
                (Apply, true) => stored.apply_in_place(y),
                (ApplyResidual, _) => stored.apply_residual(x, r, y),
                _ => stored.apply_add(x, y),
            };
        }
        let mut mask = MaskMut::new(words, self.mask_len)?;
        match (self.input.operation, self.in_place()) {
            (Forward, false) => stream.forward(x, y),
            (Forward, true) => stream.forward_in_place(y),
            (ForwardStore, false) => stream.forward_store(x, y, &mut mask),
            (ForwardStore, true) => stream.forward_store_in_place(y, &mut mask),
            (Residual, false) => stream.forward_residual(x, r, y),
            (Residual, true) => stream.forward_residual_in_place(y, r),
            (Add, _) => stream.forward_add(x, y),
            (Evaluate, false) => stream.evaluate(x, y),
            (Evaluate, true) => stream.evaluate_in_place(y),
            (EvaluateResidual, _) => stream.evaluate_residual(x, r, y),
            _ => stream.fill(&mut mask),
        }
    }

    fn expected(&self) -> Output {
        let Self { input, source, .. } = self;
        let (operation, mut output) = (input.operation, self.before.clone());
        let mut bits = source.bits();
        if operation.stores() {
            let grid = input.shape.bits();
            for (row, words) in output.words.chunks_mut(mask_words(grid.columns).max(1)).take(grid.rows).enumerate() {
                words.fill(0);
                let start = row as u64 * grid.index_stride;
                for column in 0..grid.columns {
                    words[column / 64] |= u64::from(bits(start + column as u64)) << (column % 64);
                }
            }
        }
        if operation == Fill {
            return output;
        }
        let mask = Mask::at_bit(&self.before.words, input.first.into(), self.mask_len).expect("long enough");
        for place in input.shape.places() {
            let y = &mut output.y.get_mut()[place.at];
            let x = if self.in_place() { *y } else { self.x.get()[place.at] };
            let r = match operation {
                Add | ApplyAdd => Some(*y),
                Residual | EvaluateResidual | ApplyResidual => Some(self.r.get()[place.at]),
                _ => None,
            };
            let value = match operation {
                Evaluate | EvaluateResidual => source.evaluated(x),
                _ if operation.uses_stored() => {
                    masked(mask.get(place.bit as usize).expect("long enough"), x, input.scale)
                }
                _ => masked(bits(place.bit), x, source.training()),
            };
            *y = r.map_or(value, |r| r + value);
        }
        output
    }
}
