//! The C interface with hostile arguments in one piece of memory: a model says which status comes, and that nothing
//! is written but the outputs of a call that succeeds. What they hold is for `tests/ffi`.
#![no_main]
#![allow(unsafe_code, reason = "calls of C, on memory that the model has looked at")]

use std::ptr;

use arbitrary::Arbitrary;
use dropmask::Probability;
use dropmask::ffi::*;
use dropmask_fuzz::{Number, Offset, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Operation {
    Fill,
    FillCall,
    Forward,
    ForwardResidual,
    Evaluate,
    Apply,
    ApplyBits,
    Channels,
    Bias,
    Relu,
    Lookup,
    BackwardTable,
    Attention,
    Connect,
    Cutout,
    DropBlock,
    Classes,
    Select,
    MaskToBytes,
    MaskFromBytes,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Pointer {
    Null,
    /// A byte of the memory.
    At(u16),
    /// Behind the buffers before.
    Fresh,
    /// Of the first buffer.
    First,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Chance {
    Good(u8),
    Any(f32),
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    key: u64,
    chance: Chance,
    offset: Offset,
    scaling: u8,
    option: u8,
    sizes: [Number; 6],
    index_stride: Number,
    first: Number,
    count: u8,
    pointers: [Pointer; 4],
    memory: Vec<u64>,
}

const WORDS: usize = 1 << 10;

/// A buffer as the header describes it.
#[derive(Clone, Copy)]
struct Buffer {
    pointer: *mut u8,
    bytes: u128,
    align: usize,
    written: bool,
}

impl Buffer {
    fn start(&self) -> usize {
        self.pointer.addr()
    }

    fn overlaps(&self, other: &Self) -> bool {
        let end = |buffer: &Self| (buffer.start() as u128).saturating_add(buffer.bytes);
        let (a, b) = (self, other);
        a.bytes > 0 && b.bytes > 0 && (a.start() as u128) < end(b) && (b.start() as u128) < end(a)
    }
}

/// The description of a call.
struct Described {
    call: dropmask_call,
}

impl Described {
    fn new(rows: usize, columns: usize, index_stride: u64) -> Self {
        let mut call = dropmask_call_rows(rows, columns);
        call.index[0] = index_stride;
        Self { call }
    }

    /// The settings of one and the shape of another.
    const fn of(settings: &dropmask_call, shape: &dropmask_call) -> dropmask_call {
        let dropmask_call { key, threshold, scaling, .. } = *settings;
        dropmask_call { key, threshold, scaling, ..*shape }
    }

    fn at(&self, offset: u64) -> Box<dropmask_call> {
        Box::new(dropmask_call { offset, ..self.call })
    }
}

/// What the header says of a call.
struct Call<'a> {
    input: &'a Input,
    start: *mut u8,
    free: usize,
    buffers: Vec<Buffer>,
    /// Which may be equal.
    pairs: &'static [(usize, usize)],
    faults: Vec<u32>,
}

/// Floats, tokens; words of masks, doubles; bytes.
const F32: usize = 4;
const U64: usize = 8;
const U8: usize = 1;

impl<'a> Call<'a> {
    fn new(input: &'a Input, start: *mut u8) -> Self {
        Self { input, start, free: 0, buffers: Vec::new(), pairs: &[], faults: Vec::new() }
    }

    fn size(&self, i: usize) -> u128 {
        self.input.sizes[i].size() as u128
    }

    fn buffer<T>(&mut self, align: usize, len: u128, written: bool) -> *mut T {
        let bytes = len.saturating_mul(align as u128);
        let pointer = match self.input.pointers[self.buffers.len()] {
            Pointer::Null => ptr::null_mut(),
            Pointer::At(byte) => self.start.wrapping_add(usize::from(byte) % (8 * WORDS)),
            Pointer::Fresh => self.start.wrapping_add(self.free),
            Pointer::First => self.buffers.first().map_or(self.start, |buffer| buffer.pointer),
        };
        let end = (pointer.addr().wrapping_sub(self.start.addr()) as u128).saturating_add(bytes);
        if end < 8 * WORDS as u128 {
            self.free = self.free.max(end.next_multiple_of(8) as usize);
        }
        self.buffers.push(Buffer { pointer, bytes, align, written });
        pointer.cast()
    }

    fn read<T>(&mut self, align: usize, len: u128) -> *const T {
        self.buffer(align, len, false)
    }

    fn write<T>(&mut self, align: usize, len: u128) -> *mut T {
        self.buffer(align, len, true)
    }

    /// A mask to be written by rows or channels, unless it is NULL, and the indices of a pass over so many elements.
    fn maybe_mask(&mut self, len: u128) -> (*mut u64, u128) {
        let (bits, span) = self.bits();
        let mask: *mut u64 = self.write(U64, bits.div_ceil(64));
        if mask.is_null() {
            self.buffers.pop();
            return (mask, if len == 0 { 0 } else { span });
        }
        self.fault(bits > usize::MAX as u128, DROPMASK_INVALID_SHAPE);
        (mask, span)
    }

    fn fault(&mut self, wrong: bool, status: u32) {
        if wrong {
            self.faults.push(status);
        }
    }

    fn p(&mut self) -> f32 {
        let p = match self.input.chance {
            Chance::Good(p) => f32::from(p) / 255.0,
            Chance::Any(p) => p,
        };
        self.fault(!(0.0..=1.0).contains(&p), DROPMASK_INVALID_PROBABILITY);
        p
    }

    /// A matrix of the first two sizes.
    fn described(&mut self, index_stride: u64) -> Described {
        let input = self.input;
        let mut described = Described::new(input.sizes[0].size(), input.sizes[1].size(), index_stride);
        let (p, scaling) = (self.p(), self.scaling());
        let threshold = Probability::new(p).map_or(u64::MAX, Probability::threshold);
        (described.call.key, described.call.threshold, described.call.scaling) = (input.key, threshold, scaling);
        described
    }

    /// One that may be none: NULL is no fault then.
    fn residual(&mut self, len: u128) -> *const f32 {
        let r: *const f32 = self.read(F32, len);
        if r.is_null() {
            self.buffers.last_mut().into_iter().for_each(|buffer| buffer.bytes = 0);
        }
        r
    }

    fn scaling(&mut self) -> u32 {
        let scaling = u32::from(self.input.scaling % 8);
        self.fault(scaling > 2, DROPMASK_INVALID_OPTION);
        scaling
    }

    fn option(&mut self) -> u32 {
        let option = u32::from(self.input.option % 4);
        self.fault(option > 1, DROPMASK_INVALID_OPTION);
        option
    }

    /// For so many indices.
    fn offset(&mut self, span: u128) -> u64 {
        let offset = self.input.offset.get(span);
        self.fault(u128::from(offset) + span > 1 << 64, DROPMASK_INDEX_OVERFLOW);
        offset
    }

    /// Elements and indices of rows.
    fn rows(&mut self) -> (u128, u128) {
        let (rows, columns, stride) = (self.size(0), self.size(1), self.size(2));
        if rows == 0 || columns == 0 {
            return (0, 0);
        }
        self.fault(rows > 1 && stride < columns, DROPMASK_INVALID_SHAPE);
        ((rows - 1) * stride + columns, self.bits().1)
    }

    /// Bits of a mask that is stored by rows or channels, and their indices. Rows that have the same bits store them once, even
    /// if there are none.
    fn bits(&self) -> (u128, u128) {
        let (rows, columns, index_stride) = (self.size(0), self.size(1), self.input.index_stride.get());
        let bits = if index_stride == 0 { columns } else { rows * columns };
        (bits, if bits == 0 { 0 } else { rows.saturating_sub(1) * u128::from(index_stride) + columns })
    }

    fn product(&self, sizes: usize) -> u128 {
        (0..sizes).fold(1, |product: u128, i| product.saturating_mul(self.size(i)))
    }

    /// The lowest status.
    fn status(&self) -> u32 {
        let mut faults = self.faults.clone();
        for (i, a) in self.buffers.iter().enumerate().filter(|(_, buffer)| buffer.bytes > 0) {
            let checks = [
                (a.bytes > isize::MAX as u128, DROPMASK_LENGTH_OVERFLOW),
                (a.pointer.is_null(), DROPMASK_NULL_POINTER),
                (!a.start().is_multiple_of(a.align), DROPMASK_MISALIGNED),
            ];
            faults.extend(checks.into_iter().filter_map(|(wrong, status)| wrong.then_some(status)));
            for (j, b) in self.buffers.iter().enumerate().skip(i + 1) {
                let in_place = self.pairs.contains(&(i, j)) && a.pointer == b.pointer;
                if (a.written || b.written) && a.overlaps(b) && !in_place {
                    faults.push(DROPMASK_OVERLAP);
                }
            }
        }
        faults.into_iter().min().unwrap_or(DROPMASK_OK)
    }

    /// Whether all buffers lie in the memory, so that a call that is good can be made.
    fn is_inside(&self) -> bool {
        let inside = |buffer: &Buffer| {
            let first = buffer.start().wrapping_sub(self.start.addr()) as u128;
            buffer.bytes == 0 || first.saturating_add(buffer.bytes) <= 8 * WORDS as u128
        };
        self.buffers.iter().all(inside)
    }
}

fuzz_target!(|input: Input| {
    let before = words(&input.memory, WORDS);
    let mut memory = before.clone();
    let mut call = Call::new(&input, memory.as_mut_ptr().cast());
    let run = prepare(&mut call);
    let expected = call.status();
    if expected == DROPMASK_OK && !call.is_inside() {
        return;
    }
    let status = run();
    // tokens lie in the memory, and the model has not looked at them
    let unknown = matches!(input.operation, Operation::Lookup | Operation::BackwardTable)
        && (expected, status) == (DROPMASK_OK, DROPMASK_UNKNOWN_TOKEN);
    assert!(status == expected || unknown, "{status}, expected {expected}");

    let changed = before.iter().zip(&memory).enumerate().filter(|(_, (before, after))| before != after);
    for (word, (before, after)) in changed {
        let bytes = before.to_ne_bytes().into_iter().zip(after.to_ne_bytes()).zip(8 * word..);
        for (_, at) in bytes.filter(|((before, after), _)| before != after) {
            let from = |buffer: &Buffer| (call.start.addr() + at).wrapping_sub(buffer.start()) as u128;
            let output = call.buffers.iter().any(|buffer| buffer.written && from(buffer) < buffer.bytes);
            assert!(status == DROPMASK_OK && output, "byte {at}");
        }
    }
});

/// Tells the call what it is made of.
fn prepare<'a>(call: &mut Call<'a>) -> Box<dyn Fn() -> u32 + 'a> {
    let input = call.input;
    let n = input.sizes.map(Number::size);
    let (key, index_stride, first) = (input.key, input.index_stride.get(), input.first.get());
    let from_first = |bits: u128| if bits == 0 { 0 } else { (u128::from(first) + bits).div_ceil(64) };
    match input.operation {
        Operation::Fill => {
            let (p, len) = (call.p(), call.size(0));
            let (offset, mask) = (call.offset(len), call.write(U64, len.div_ceil(64)));
            Box::new(move || unsafe { dropmask_fill(key, p, offset, mask, n[0]) })
        }
        Operation::FillCall => {
            let ((bits, span), described) = (call.bits(), call.described(index_stride));
            call.fault(bits > usize::MAX as u128, DROPMASK_INVALID_SHAPE);
            let (offset, mask) = (call.offset(span), call.write(U64, bits.div_ceil(64)));
            Box::new(move || unsafe { dropmask_dropout_fill(&raw const *described.at(offset), mask) })
        }
        Operation::Forward => {
            let (described, (len, _)) = (call.described(index_stride), call.rows());
            let (x, y) = (call.read(F32, len), call.write(F32, len));
            call.pairs = &[(0, 1)];
            let (mask, span) = call.maybe_mask(len);
            let (offset, s) = (call.offset(span), [n[2], 1]);
            Box::new(move || unsafe {
                let (call, s) = (described.at(offset), s.as_ptr());
                dropmask_dropout_forward_f32(&raw const *call, x, s, ptr::null(), ptr::null(), y, s, mask)
            })
        }
        Operation::ForwardResidual => {
            let (described, (len, span)) = (call.described(index_stride), call.rows());
            let (offset, x, r, y) = (call.offset(span), call.read(F32, len), call.residual(len), call.write(F32, len));
            call.pairs = &[(0, 2), (1, 2)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(offset), s.as_ptr());
                dropmask_dropout_forward_f32(&raw const *call, x, s, r, s, y, s, ptr::null_mut())
            })
        }
        Operation::Evaluate => {
            let (described, (len, _)) = (call.described(index_stride), call.rows());
            let (x, y) = (call.read(F32, len), call.write(F32, len));
            call.pairs = &[(0, 1)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(u64::MAX), s.as_ptr());
                dropmask_dropout_evaluate_f32(&raw const *call, x, s, ptr::null(), ptr::null(), y, s)
            })
        }
        Operation::Apply => {
            let (described, (len, _), (bits, _)) = (call.described(index_stride), call.rows(), call.bits());
            let mask = call.read(U64, if len == 0 { 0 } else { bits.div_ceil(64) });
            let (x, y) = (call.read(F32, len), call.write(F32, len));
            call.pairs = &[(1, 2)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(u64::MAX), s.as_ptr());
                dropmask_dropout_apply_f32(&raw const *call, mask, x, s, ptr::null(), ptr::null(), y, s)
            })
        }
        Operation::ApplyBits => {
            let (len, span) = call.rows();
            call.fault(span > usize::MAX as u128, DROPMASK_INVALID_SHAPE);
            let (mask, x, y) = (call.read(U64, from_first(span)), call.read(F32, len), call.write(F32, len));
            call.pairs = &[(1, 2)];
            let (described, s) = (Described::new(n[0], n[1], index_stride), [n[2], 1]);
            Box::new(move || unsafe {
                let (call, s) = (described.at(first), s.as_ptr());
                dropmask_dropout_apply_bits_f32(&raw const *call, mask, 1.5, x, s, ptr::null(), ptr::null(), y, s)
            })
        }
        Operation::Channels => {
            let (mut described, len) = (call.described(index_stride), call.product(3));
            let made = if input.option.is_multiple_of(2) {
                dropmask_call_channels_first(n[0], n[1], n[2])
            } else {
                dropmask_call_channels_last(n[0], n[2], n[1])
            };
            described.call = Described::of(&described.call, &made);
            described.call.index[0] = index_stride;
            let (x, y) = (call.read(F32, len), call.write(F32, len));
            call.pairs = &[(0, 1)];
            let (mask, span) = call.maybe_mask(len);
            let offset = call.offset(span);
            Box::new(move || unsafe {
                let (call, dense) = (described.at(offset), ptr::null());
                dropmask_dropout_forward_f32(&raw const *call, x, dense, ptr::null(), dense, y, dense, mask)
            })
        }
        Operation::Bias => {
            let (described, (len, span), columns) = (call.described(index_stride), call.rows(), call.size(1));
            let (offset, dy, dx, db) =
                (call.offset(span), call.read(F32, len), call.write(F32, len), call.write(F32, columns));
            call.pairs = &[(0, 1)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(offset), s.as_ptr());
                dropmask_bias_backward_f32(&raw const *call, dy, s, ptr::null(), ptr::null(), dx, s, db, 0)
            })
        }
        Operation::Relu => {
            let (described, (len, span)) = (call.described(index_stride), call.rows());
            // no two elements share one
            let words = call.product(2).div_ceil(64);
            let (offset, x, y, mask) =
                (call.offset(span), call.read(F32, len), call.write(F32, len), call.write(U64, words));
            call.pairs = &[(0, 1)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(offset), s.as_ptr());
                dropmask_relu_forward_f32(&raw const *call, x, s, y, s, mask)
            })
        }
        Operation::Lookup | Operation::BackwardTable => {
            let lookup = matches!(input.operation, Operation::Lookup);
            // of no tokens, nothing is looked up
            let vocabulary = if lookup && call.size(2) == 0 { 0 } else { call.size(0) };
            let mut described = call.described(0);
            described.call = Described::of(&described.call, &dropmask_call_samples(n[0], n[1]));
            let (table, rows) = (vocabulary * call.size(1), call.size(2) * call.size(1));
            let (offset, ids) = (call.offset(vocabulary), call.read(F32, call.size(2)));
            let (from, to) = if lookup { (table, rows) } else { (rows, table) };
            let (x, y) = (call.read(F32, from), call.write(F32, to));
            Box::new(move || unsafe {
                let call = described.at(offset);
                if lookup {
                    dropmask_embedding_lookup_f32(&raw const *call, ptr::null(), n[2], ids, x, y)
                } else {
                    dropmask_embedding_backward_table_f32(&raw const *call, ptr::null(), n[2], ids, x, y)
                }
            })
        }
        Operation::Attention => {
            let (mut described, renormalise, len) = (call.described(0), call.option(), call.product(3));
            let made = unsafe { dropmask_call_broadcast(3, n.as_ptr(), [0; 3].as_ptr()) };
            described.call = Described::of(&described.call, &made);
            // a bias that all heads share, at a distance between queries
            let (queries, keys) = (call.size(1), call.size(2));
            let bias_len =
                if len == 0 { 0 } else { (queries - 1).saturating_mul(index_stride.into()).saturating_add(keys) };
            let strides = [0, 0, usize::try_from(index_stride).unwrap_or(usize::MAX)];
            let (offset, scores, dy, dscores) =
                (call.offset(len.min(1 << 64)), call.read(F32, len), call.read(F32, len), call.write(F32, len));
            let bias = call.residual(bias_len.min(usize::MAX as u128));
            call.pairs = &[(0, 2)];
            Box::new(move || unsafe {
                let (call, s, past) = (described.at(offset), strides.as_ptr(), n[3].cast_signed());
                let no_mask = ptr::null();
                dropmask_attention_backward_f32(
                    &raw const *call,
                    past,
                    0.5,
                    bias,
                    s,
                    renormalise,
                    no_mask,
                    scores,
                    dy,
                    dscores,
                )
            })
        }
        Operation::Connect => {
            let (mut described, per_sample) = (call.described(index_stride), call.option());
            let mut made = dropmask_call_rows(n[2], n[1]);
            made.index[0] = index_stride;
            described.call = Described::of(&described.call, &made);
            // where there are no weights to write, nothing is read
            let nothing = call.size(1) == 0 || call.size(2) == 0;
            let [batch, inputs, outputs] = [0, 1, 2].map(|i| if nothing { 0 } else { call.size(i) });
            let weights = outputs.saturating_mul(inputs);
            let masks = weights.saturating_mul(if per_sample == 1 { batch } else { 1 });
            let stored = input.count % 2 == 1 && !matches!(input.pointers[0], Pointer::Null);
            let mask: *const u64 = if stored { call.read(U64, masks.div_ceil(64)) } else { ptr::null() };
            let span = if weights == 0 || stored {
                0
            } else {
                (outputs - 1).saturating_mul(index_stride.into()).saturating_add(inputs)
            };
            let offset = call.offset(span.min(2 << 64));
            let numbers_end = if per_sample == 1 && mask.is_null() { u128::from(first) + batch } else { 0 };
            call.fault(numbers_end > 1 << 64, DROPMASK_INDEX_OVERFLOW);
            let (x, dy, dw) =
                (call.read(F32, batch * inputs), call.read(F32, batch * outputs), call.write(F32, weights));
            Box::new(move || unsafe {
                let call = described.at(offset);
                dropmask_connect_backward_weights_f32(&raw const *call, n[0], per_sample, first, mask, x, dy, dw, 0)
            })
        }
        Operation::Cutout => {
            let (len, samples) = (call.product(4), call.size(0));
            let offset = call.offset(if len == 0 { 0 } else { samples });
            let (x, y) = (call.read(F32, len), call.write(F32, len));
            call.pairs = &[(0, 1)];
            let count = input.count.into();
            Box::new(move || unsafe {
                dropmask_cutout_forward_f32(key, offset, n[0], n[1], n[2], n[3], n[4], n[5], count, x, y, 0)
            })
        }
        Operation::DropBlock => {
            let (mut described, len, block) = (call.described(0), call.product(4), call.size(4));
            let made = unsafe { dropmask_call_broadcast(4, n.as_ptr(), [0; 4].as_ptr()) };
            described.call = Described::of(&described.call, &made);
            call.fault(described.call.scaling != DROPMASK_INVERTED, DROPMASK_INVALID_OPTION);
            let bad = block == 0 || block > call.size(2) || block > call.size(3);
            call.fault(bad, DROPMASK_INVALID_BLOCK);
            let places = |i: usize| (n[i] as u128 + 1).saturating_sub(block);
            let (maps, area) = (call.product(2), call.size(2).saturating_mul(call.size(3)));
            let too_many = maps.max(area).max(len) > usize::MAX as u128;
            call.fault(too_many, DROPMASK_INVALID_SHAPE);
            // seeds have indices where there are any
            let seeds = if bad || too_many { 0 } else { maps * places(2) * places(3) };
            let (offset, x, y) = (call.offset(seeds), call.read(F32, len), call.write(F32, len));
            let (mask, kept) = (call.write::<u64>(U64, len.div_ceil(64)), call.write(U64, 1));
            if mask.is_null() {
                call.buffers.remove(2); // drawn twice
            }
            call.pairs = &[(0, 1)];
            Box::new(move || unsafe {
                let call = described.at(offset);
                dropmask_dropblock_forward_f32(&raw const *call, n[4], 1.0, x, y, mask, kept)
            })
        }
        Operation::Classes => {
            let (len, samples) = (call.product(2), call.size(0));
            let (p, mean, entropy) = (call.read(F32, len), call.write(U64, len), call.write(U64, samples));
            Box::new(move || unsafe { dropmask_classes_push_f32(first, n[0], n[1], p, mean, entropy) })
        }
        Operation::Select => {
            let (described, (len, span)) = (call.described(index_stride), call.rows());
            let inverted = described.call.scaling == 0;
            call.fault(!inverted, DROPMASK_INVALID_OPTION);
            let (offset, a, b, y) = (call.offset(span), call.read(F32, len), call.read(F32, len), call.write(F32, len));
            call.pairs = &[(0, 2), (1, 2)];
            let s = [n[2], 1];
            Box::new(move || unsafe {
                let (call, s) = (described.at(offset), s.as_ptr());
                dropmask_select_forward_f32(&raw const *call, ptr::null(), a, s, b, s, y, s)
            })
        }
        Operation::MaskToBytes => {
            let len = call.size(0);
            let (mask, out) = (call.read(U64, from_first(len)), call.write(U8, len));
            Box::new(move || unsafe { dropmask_mask_to_u8(mask, first, out, n[0]) })
        }
        Operation::MaskFromBytes => {
            let len = call.size(0);
            let (kept, mask) = (call.read(U8, len), call.write(U64, len.div_ceil(64)));
            Box::new(move || unsafe { dropmask_mask_from_u8(kept, mask, n[0]) })
        }
    }
}
