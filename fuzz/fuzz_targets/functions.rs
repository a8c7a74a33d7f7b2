//! Every function of C, most by the table of its tests: on arguments that are good but for what the table says can be wrong,
//! and on sizes whose products wrap, the lowest status and nothing written, or what the Rust interface computes, element by
//! element, and nothing else written.
#![no_main]
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "calls of C, on buffers as the table says")]
#![allow(dead_code, reason = "the tests use all of the table")]
#![allow(unreachable_pub, reason = "modules of a program have no outside")]

#[path = "../../tests/ffi/attention.rs"]
mod attention;
#[path = "../../tests/ffi/connect.rs"]
mod connect;
#[path = "../../tests/ffi/described.rs"]
mod described;
#[path = "../../tests/ffi/elements.rs"]
mod elements;
#[path = "../../tests/ffi/elementwise.rs"]
mod elementwise;
#[path = "../../tests/ffi/family.rs"]
mod family;
#[path = "../../tests/ffi/function.rs"]
mod function;
#[path = "../../tests/ffi/fused.rs"]
mod fused;
#[path = "../../tests/ffi/maps.rs"]
mod maps;
#[path = "../../tests/ffi/shapes.rs"]
mod shapes;
#[path = "../../tests/ffi/table.rs"]
mod table;

use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use dropmask::ffi::*;
use dropmask::{Key, Level};
use dropmask_fuzz::Number;
use function::{Args, Buffer, Data, Function, Kind, Null, Takes};
use libfuzzer_sys::fuzz_target;

/// What the memory of a call has for each buffer, and its number of bytes.
const ROOM: usize = 1 << 14;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Pointer {
    /// Memory of its own.
    Own,
    Null,
    /// Some bytes behind that.
    Skewed(u8),
    /// Where another buffer is, or some words behind, or about its end.
    At(u8, u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    function: u8,
    key: u64,
    numbers: [Number; 8],
    /// Which sizes, and whether the index stride and the first bit, are such numbers: products of sizes may wrap.
    #[arbitrary(with = |u: &mut Unstructured<'_>| if u.ratio(1, 3)? { u.arbitrary() } else { Ok(0) })]
    hostile: u8,
    good: bool,
    p: u32,
    /// From the last that is good, backwards or forwards.
    offset: i16,
    near_the_end: bool,
    scaling: u8,
    option: u8,
    sizes: [u8; 6],
    index_stride: u8,
    first: u8,
    factor: f32,
    number: u8,
    boxes: u8,
    accumulate: u8,
    pointers: [Pointer; 6],
    memory: Vec<u8>,
}

/// Which buffers a function writes: those that the Rust interface changes.
fn written(index: usize, function: &Function) -> &'static [bool] {
    static WRITTEN: OnceLock<Vec<OnceLock<Vec<bool>>>> = OnceLock::new();
    let all = WRITTEN.get_or_init(|| table::functions().map(|_| OnceLock::new()).collect());
    all[index].get_or_init(|| {
        let args = function.args();
        let before: Vec<_> = function
            .buffers
            .iter()
            .zip((1..).step_by(6))
            .map(|(buffer, step)| {
                let byte = |i: usize| match (buffer.kind, i % 4) {
                    (Kind::Ids, 0) => (i / 4 % 5) as u8,
                    (Kind::Ids, _) => 0,
                    _ => (step * i + 11) as u8,
                };
                Data::of_bytes(buffer.kind, &(0..buffer.bytes(&args) as usize).map(byte).collect::<Vec<_>>())
            })
            .collect();
        let mut after = before.clone();
        (function.expected)(&args, &mut after);
        before.iter().zip(&after).map(|(before, after)| before.to_bytes() != after.to_bytes()).collect()
    })
}

fn args(function: &Function, input: &Input) -> Args {
    let takes = |what| function.takes(what);
    let mut args = function.args();
    args.key = input.key;
    if takes(Takes::P) {
        args.p = if input.good { (input.p % 1001) as f32 / 1000.0 } else { f32::from_bits(input.p) };
    }
    // what a function does not take is 0
    let of = |takes, byte: u8, values| if takes { u32::from(byte) % values } else { 0 };
    args.scaling = of(takes(Takes::Scaling) || takes(Takes::Inverted), input.scaling, 4);
    args.option = of(takes(Takes::Either), input.option, 2) + of(takes(Takes::Option), input.option, 3);
    let hostile = |i: usize| (input.hostile >> i & 1 == 1).then(|| input.numbers[i].get());
    for ((i, size), byte) in args.sizes.iter_mut().enumerate().zip(input.sizes) {
        let good = *size;
        *size = usize::from(byte) * (good + 4) / 255;
        if takes(Takes::Past(i)) {
            *size = (isize::from(byte.cast_signed()) / 2).cast_unsigned();
        }
        *size = hostile(i).map_or(*size, |size| size as usize);
    }
    args.index_stride = hostile(6).unwrap_or(input.index_stride.into());
    args.first = hostile(7).unwrap_or(input.first.into());
    args.factor = input.factor;
    args.number = u64::from(input.number);
    args.boxes = u32::from(input.boxes % 4);
    args.accumulate = if takes(Takes::Accumulate) && input.accumulate.is_multiple_of(8) { 2 } else { 0 };
    args.offset = if input.near_the_end {
        let last = (1_u128 << 64) - (function.span)(&args).clamp(1, 1 << 64);
        (last as u64).saturating_add_signed(input.offset.into())
    } else {
        u64::from(input.offset.unsigned_abs())
    };
    args
}

/// Whether it stores the bits of rows or channels, also for no element.
fn stores(function: &Function, args: &Args) -> bool {
    let absent = |(buffer, pointer): (&Buffer, &*mut u8)| buffer.null == Null::Unwritten && pointer.is_null();
    let stores = |buffer: &Buffer| matches!(buffer.kind, Kind::U64 | Kind::U8);
    let draws = function.name.starts_with("dropmask_dropout_") && function.takes(Takes::Offset);
    let has_rows = draws && args.sizes.len() > 1;
    has_rows && function.buffers.iter().any(stores) && !function.buffers.iter().zip(&args.pointers).any(absent)
}

/// Indices from the first to the last: also of bits that are stored for no element.
fn span(function: &Function, args: &Args) -> u128 {
    if !stores(function, args) {
        return (function.span)(args);
    }
    match (shapes::stored_bits(args), args.sizes[0].saturating_sub(1) as u128) {
        (0, _) => 0,
        (_, rows) => rows.saturating_mul(args.index_stride.into()).saturating_add(args.sizes[1] as u128),
    }
}

/// What the table says can be wrong with the arguments, apart from the buffers.
fn faults(function: &Function, args: &Args, nothing: bool) -> Vec<u32> {
    let mut faults = Vec::new();
    let mut fault = |wrong, status| {
        if wrong {
            faults.push(status)
        }
    };
    let (mut block, most) = (false, |bits: u128| bits > usize::MAX as u128);
    for takes in function.takes {
        match *takes {
            Takes::P => fault(!(0.0..=1.0).contains(&args.p), DROPMASK_INVALID_PROBABILITY),
            Takes::Scaling => fault(args.scaling > 2, DROPMASK_INVALID_OPTION),
            Takes::Inverted => fault(args.scaling != 0, DROPMASK_INVALID_OPTION),
            Takes::Option => fault(args.option > 1, DROPMASK_INVALID_OPTION),
            Takes::Accumulate => fault(args.accumulate > 1, DROPMASK_INVALID_OPTION),
            Takes::Factor => fault(!(args.factor >= 0.0 && args.factor.is_finite()), DROPMASK_INVALID_OPTION),
            Takes::Stride => {
                let overlap = args.sizes[0] > 1 && args.sizes[1] > args.sizes[2] && args.sizes[1] > 0;
                fault(overlap, DROPMASK_INVALID_SHAPE);
            }
            Takes::Block(side) => {
                let [maps, area] = [0, side - 2].map(|i| args.sizes[i].checked_mul(args.sizes[i + 1]));
                let countable = maps.zip(area).is_some_and(|(maps, area)| maps.checked_mul(area).is_some());
                fault(!countable, DROPMASK_INVALID_SHAPE);
                block = !countable || !(1..=args.sizes[side - 2].min(args.sizes[side - 1])).contains(&args.sizes[side]);
                fault(countable && block, DROPMASK_INVALID_BLOCK);
            }
            Takes::Indexed => {
                let span = if function.takes(Takes::Either) { shapes::channels_span } else { shapes::rows_span };
                fault(most(span(args)), DROPMASK_INVALID_SHAPE);
            }
            Takes::StoredAlone => fault(most(shapes::stored_bits(args)), DROPMASK_INVALID_SHAPE),
            _ => (),
        }
    }
    fault(stores(function, args) && most(shapes::stored_bits(args)), DROPMASK_INVALID_SHAPE);
    // without a block, seeds have no indices
    if function.takes(Takes::Offset) && !nothing && !block {
        let end = u128::from(args.offset).saturating_add(span(function, args));
        fault(end > 1 << 64, DROPMASK_INDEX_OVERFLOW);
    }
    faults
}

/// Functions of numbers alone.
fn check_numbers(input: &Input) {
    let (key, [i, n, len]) = (Key::from_raw(input.key), [0, 1, 2].map(|at| input.numbers[at].get()));
    assert_eq!(dropmask_key_new(i), Key::new(i).to_raw());
    assert_eq!(dropmask_key_derive(input.key, i), key.derive(i).to_raw());
    assert_eq!(dropmask_key_below(input.key, i, n), key.below(i, n));
    assert_eq!(dropmask_mask_words(len as usize) as u128, u128::from(len).div_ceil(64));
    assert_eq!(dropmask_mask_stream_version(), dropmask::MASK_STREAM_VERSION);
    // SAFETY: strings that end
    let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_str().expect("text");
    assert!(!text(dropmask_status_message(n as u32)).is_empty());
    assert_eq!((text(dropmask_level()), text(dropmask_version())), (Level::detect().name(), dropmask::VERSION));
}

fuzz_target!(|input: Input| {
    check_numbers(&input);
    let count = table::functions().count();
    let index = usize::from(input.function) % count;
    let Some(function) = table::functions().nth(index) else { return };
    let mut args = args(function, &input);
    let buffers = function.buffers;
    let written = written(index, function);
    let bytes: Vec<_> = buffers.iter().map(|buffer| buffer.bytes(&args)).collect();
    let mut memory: Vec<u64> = vec![0xA5A5_A5A5_A5A5_A5A5; buffers.len() * ROOM / 8];
    let start: *mut u8 = memory.as_mut_ptr().cast();
    let own = |i: usize| start.wrapping_add(i * ROOM);
    for (i, buffer) in buffers.iter().enumerate() {
        for at in 0..bytes[i].min(ROOM as u128 / 2) as usize {
            let byte = input.memory.get((at + 7 * i) % input.memory.len().max(1)).copied().unwrap_or(0x3E);
            let byte = match (buffer.kind, at % 4) {
                (Kind::Ids, 0) => byte % 32,
                (Kind::Ids, _) => 0,
                (Kind::Unit, 3) => 0x3E,
                (Kind::Unit, _) => byte & 0x7F,
                // tame doubles
                (Kind::F64, _) if at % 8 == 7 => 0x3F,
                (Kind::F64, _) if at % 8 == 6 => byte & 0xEF,
                _ => byte,
            };
            // SAFETY: each buffer has its room, of which this is a byte
            unsafe { *own(i).wrapping_add(at) = byte };
        }
    }
    for i in 0..buffers.len() {
        let pointer = match input.pointers.get(i).copied().unwrap_or(Pointer::Own) {
            Pointer::Null if buffers[i].null != Null::Choice => ptr::null_mut(),
            Pointer::Skewed(bytes) if bytes % 8 == 1 => own(i).wrapping_add(usize::from(bytes / 8 % 8)),
            Pointer::At(other, words) if other % 4 == 1 => {
                let (other, steps) = (usize::from(other / 4) % buffers.len(), usize::from(words / 2 % 8));
                let end = bytes[other].min(ROOM as u128 / 2) as usize;
                own(other).wrapping_add(if words % 2 == 0 { 8 * steps } else { end.saturating_sub(4 * steps) })
            }
            _ => own(i),
        };
        args.pointers.push(pointer);
    }
    let absent = |i: usize| args.pointers[i].is_null() && matches!(buffers[i].null, Null::Unwritten | Null::Empty);
    // a table has words, also where it has no columns
    let has_words = function.name == "dropmask_embedding_backward_table_f32";
    let nothing = !has_words
        && (0..buffers.len()).all(|i| !written[i] || bytes[i] == 0 || absent(i))
        && function.ids().is_none_or(|ids| bytes[ids] == 0);
    let looked_at = |i: usize| bytes[i] > 0 && !absent(i) && !nothing;

    let mut expected_status = faults(function, &args, nothing);
    for i in (0..buffers.len()).filter(|i| looked_at(*i)) {
        let (a, align) = (args.pointers[i].addr(), buffers[i].kind.bytes());
        let mut fault = |wrong, status| {
            if wrong {
                expected_status.push(status)
            }
        };
        fault(bytes[i] > isize::MAX as u128, DROPMASK_LENGTH_OVERFLOW);
        fault(a == 0, DROPMASK_NULL_POINTER);
        fault(a % align != 0, DROPMASK_MISALIGNED);
        for j in (i + 1..buffers.len()).filter(|j| looked_at(*j)) {
            let b = args.pointers[j].addr();
            let end = |i: usize| (args.pointers[i].addr() as u128).saturating_add(bytes[i]);
            let overlap = (a as u128) < end(j) && (b as u128) < end(i);
            let pair = buffers[i].over.contains(&j) || buffers[j].over.contains(&i);
            fault((written[i] || written[j]) && overlap && !(pair && a == b), DROPMASK_OVERLAP);
        }
    }

    // there is no more memory, and no time to count to more
    let outside = |i: usize| looked_at(i) && bytes[i] > ROOM as u128 / 2;
    if expected_status.is_empty() && (0..buffers.len()).any(outside) {
        return;
    }
    let data = |memory: &[u64], i: usize| {
        let bytes_of: Vec<u8> = memory.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let at = args.pointers[i].addr().wrapping_sub(start.addr());
        let len = if args.pointers[i].is_null() { 0 } else { bytes[i] as usize };
        Data::of_bytes(buffers[i].kind, bytes_of.get(at..at + len).unwrap_or_default())
    };
    if let (Some(ids), true) = (function.ids(), expected_status.is_empty()) {
        let unknown = data(&memory, ids).u32().iter().any(|id| *id as usize >= args.sizes[0]);
        expected_status.extend(unknown.then_some(DROPMASK_UNKNOWN_TOKEN));
    }
    let expected_status = expected_status.into_iter().min().unwrap_or(DROPMASK_OK);

    let before = memory.clone();
    let status = (function.call)(&args);
    assert_eq!(status, expected_status, "{}, {args:?}", function.name);
    if status != DROPMASK_OK || nothing {
        assert!(memory == before, "{} has written", function.name);
        return;
    }
    let mut expected: Vec<_> = (0..buffers.len())
        .map(|i| match (buffers[i].null, args.pointers[i].is_null()) {
            // what is not wanted is written elsewhere
            (Null::Unwritten, true) => Data::of_bytes(buffers[i].kind, &vec![0; bytes[i] as usize]),
            _ => data(&before, i),
        })
        .collect();
    (function.expected)(&args, &mut expected);
    let mut rest = before;
    for i in (0..buffers.len()).filter(|i| written[*i] && looked_at(*i)) {
        let actual = data(&memory, i);
        assert!(same(&actual, &expected[i]), "{}, buffer {i}: {actual:?}, expected {:?}", function.name, expected[i]);
        // what has been compared is no longer looked at
        let at = args.pointers[i].addr() - start.addr();
        for byte in at..at + bytes[i] as usize {
            for memory in [&mut memory, &mut rest] {
                memory[byte / 8] &= !(0xFF << (byte % 8 * 8));
            }
        }
    }
    assert!(memory == rest, "{} has written elsewhere", function.name);
});

/// Equal to the bit, NaN for NaN.
fn same(a: &Data, b: &Data) -> bool {
    match (a, b) {
        (Data::F32(a), Data::F32(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        }
        (Data::F64(a), Data::F64(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        }
        (a, b) => a.to_bytes() == b.to_bytes(),
    }
}
