//! Every function of the header against the Rust interface, and with hostile arguments: a table of all functions, and
//! tests that go through it.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "calls of C, on buffers as the table says")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::float_cmp, reason = "what is compared so is exact")]
#![allow(unreachable_pub, reason = "modules of a test have no outside")]

#[path = "../common/mod.rs"]
mod common;

mod attention;
mod connect;
mod described;
mod elements;
mod elementwise;
mod family;
mod function;
mod fused;
mod maps;
mod memory;
mod random;
mod shapes;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::sync::Barrier;
use std::{ptr, thread};

use described::Wrong;
use dropmask::ffi::*;
use dropmask::{ClassUncertainty, Dropout, Key, Layout, Level, Moments, Probability, Select, mask_words};
use function::{Args, Data, Function, Kind, Null, Takes};
use memory::Memory;
use table::functions;

const HEADER: &str = include_str!("../../include/dropmask.h");

/// What has neither buffers nor a status, and a test of its own.
const PLAIN: [&str; 14] = [
    "dropmask_call_flat",
    "dropmask_call_rows",
    "dropmask_call_channels_first",
    "dropmask_call_channels_last",
    "dropmask_call_samples",
    "dropmask_call_broadcast",
    "dropmask_key_new",
    "dropmask_key_derive",
    "dropmask_key_below",
    "dropmask_level",
    "dropmask_mask_stream_version",
    "dropmask_mask_words",
    "dropmask_status_message",
    "dropmask_version",
];

/// The functions of the header, each with its comment.
fn header() -> BTreeMap<&'static str, &'static str> {
    let functions = HEADER.split("/**").skip(1).filter_map(|part| {
        let (comment, code) = part.split_once("*/")?;
        let name = code.split_once('(')?.0.rsplit([' ', '*']).next()?;
        name.starts_with("dropmask_").then_some((name, comment))
    });
    functions.collect()
}

/// Comments without line breaks.
fn comments() -> String {
    HEADER.replace("\n *", "")
}

#[test]
fn the_table_has_every_function() {
    let table: BTreeSet<_> = functions().map(|function| function.name).chain(PLAIN).collect();
    assert_eq!(header().into_keys().collect::<BTreeSet<_>>(), table);
    assert_eq!(HEADER.matches(");\n").count(), table.len());
}

/// Arguments of all kinds that are good.
fn good(function: &Function) -> Vec<Args> {
    let choices = |what, all: &[u32]| if function.takes(what) { all.to_vec() } else { vec![0] };
    let mut good = Vec::new();
    for p in if function.takes(Takes::P) { &[0.0, -0.0, 0.3, 0.5, 1.0][..] } else { &[0.5] } {
        for scaling in choices(Takes::Scaling, &[0, 1, 2]) {
            for option in if function.takes(Takes::Either) { vec![0, 1] } else { choices(Takes::Option, &[0, 1]) } {
                let dense = function.sizes.get(1).map_or(0, |columns| *columns as u64);
                for (index_stride, number, factor) in [(200, 3, 1.25), (0, 0, 0.0), (dense, 1, 1.25), (1, 2, 1.25)] {
                    let args = Args { p: *p, scaling, option, index_stride, number, factor, ..function.args() };
                    let last = (1 << 64) - (function.span)(&args).max(1);
                    for offset in [0, 1000, last as u64] {
                        good.push(Args { offset, ..args.clone() });
                    }
                }
            }
        }
    }
    good
}

/// A call on memory of its own, whose pointers can be changed before.
fn call(function: &Function, args: &Args, data: &[Data], change: impl FnOnce(&mut Args)) -> (u32, Vec<Memory>) {
    let mut memory: Vec<_> = data.iter().map(Memory::new).collect();
    let mut args = args.clone();
    args.pointers = memory.iter_mut().map(Memory::pointer).collect();
    change(&mut args);
    ((function.call)(&args), memory)
}

fn assert_holds(function: &Function, args: &Args, memory: &[Memory], expected: &[Data]) {
    for (i, (memory, expected)) in memory.iter().zip(expected).enumerate() {
        let (name, p, sizes) = (function.name, args.p, &args.sizes);
        assert!(memory.holds(expected), "{name}, buffer {i}, p = {p}, sizes {sizes:?}: expected {expected:?}");
    }
}

#[test]
fn equal_the_rust_interface() {
    for function in functions() {
        for args in common::thinned(good(function)) {
            let data = function.data(&args);
            let mut expected = data.clone();
            (function.expected)(&args, &mut expected);
            let (status, memory) = call(function, &args, &data, |_| ());
            assert_eq!(status, DROPMASK_OK, "{}", function.name);
            assert_holds(function, &args, &memory, &expected);
        }
    }
}

#[test]
fn work_in_place() {
    let mut names = BTreeSet::new();
    for function in functions() {
        let pairs =
            function.buffers.iter().enumerate().flat_map(|(i, buffer)| buffer.over.iter().map(move |over| (i, *over)));
        for (output, input) in pairs {
            names.insert(function.name);
            for args in common::thinned(good(function)) {
                let mut data = function.data(&args);
                data[output] = data[input].clone();
                let mut expected = data.clone();
                (function.expected)(&args, &mut expected);
                expected[input] = expected[output].clone();
                expected[output] = data[output].clone(); // not the one that is passed
                let (status, memory) =
                    call(function, &args, &data, |args| args.pointers[output] = args.pointers[input]);
                assert_eq!(status, DROPMASK_OK, "{}", function.name);
                assert_holds(function, &args, &memory, &expected);
            }
        }
    }
    assert_eq!(names.len(), comments().matches("may be equal to").count(), "those of the header");
}

/// Each input in turn lies over another one, all of it or from its second word on.
#[test]
fn share_what_is_only_read() {
    let mut pairs = 0;
    for function in functions() {
        let input = |i: &usize| !function.writes(*i) && function.ids() != Some(*i);
        let inputs: Vec<_> = (0..function.buffers.len()).filter(input).collect();
        for (&i, &other) in inputs.iter().flat_map(|i| inputs.iter().map(move |other| (i, other))) {
            for at in [0, 8].into_iter().filter(|_| i != other) {
                let args = function.args();
                let [len, len_other] = [i, other].map(|i| function.buffers[i].bytes(&args) as usize);
                let kind = function.buffers[other].kind;
                // one piece of memory with room for both
                let room = Data::random(kind, (at + len).max(len_other).div_ceil(kind.bytes()), 9, &args);
                let bytes = room.to_bytes();
                let mut data = function.data(&args);
                data[i] = Data::of_bytes(function.buffers[i].kind, &bytes[at..at + len]);
                data[other] = Data::of_bytes(kind, &bytes[..len_other]);
                let mut expected = data.clone();
                (function.expected)(&args, &mut expected);
                (data[other], expected[other]) = (room.clone(), room);
                let (status, memory) =
                    call(function, &args, &data, |args| args.pointers[i] = args.pointers[other].wrapping_add(at));
                assert_eq!(status, DROPMASK_OK, "{}: {i} at byte {at} of {other}", function.name);
                assert_holds(function, &args, &memory, &expected);
                pairs += 1;
            }
        }
    }
    assert!(pairs > 0);
}

#[test]
fn need_no_optional_buffer() {
    let mut names = BTreeSet::new();
    for function in functions() {
        for (i, buffer) in function
            .buffers
            .iter()
            .enumerate()
            .filter(|(_, buffer)| matches!(buffer.null, Null::Unwritten | Null::Empty))
        {
            names.insert(function.name);
            let args = function.args();
            let data = function.data(&args);
            let mut expected = data.clone();
            if buffer.null == Null::Empty {
                expected[i] = Data::F32(Vec::new());
            }
            (function.expected)(&args, &mut expected);
            expected[i] = data[i].clone();
            let (status, memory) = call(function, &args, &data, |args| args.pointers[i] = ptr::null_mut());
            assert_eq!(status, DROPMASK_OK, "{}", function.name);
            assert_holds(function, &args, &memory, &expected);
        }
    }
    assert_eq!(names.len(), comments().matches(", or NULL").count(), "those of the header");
}

/// Each size in turn is 0. What has no elements then has no pointer, nor has an input of which nothing is made. Nothing has no
/// index, but for words of a vocabulary.
#[test]
fn look_at_no_empty_buffer() {
    for function in functions() {
        let written: Vec<_> = (0..function.buffers.len()).map(|i| function.writes(i)).collect();
        for (i, index_stride) in (0..function.sizes.len()).flat_map(|i| [(i, 200), (i, 0)]) {
            let mut args = Args { index_stride, ..function.args() };
            args.sizes[i] = 0;
            let data = function.data(&args);
            let fault = match function.takes {
                _ if function.ids().is_some() && i == 0 => DROPMASK_UNKNOWN_TOKEN,
                takes => takes.iter().fold(DROPMASK_OK, |fault, takes| match takes {
                    Takes::Block(side) if i + 2 >= *side => DROPMASK_INVALID_BLOCK,
                    Takes::Stride if i == 2 => DROPMASK_INVALID_SHAPE,
                    _ => fault,
                }),
            };
            let mut expected = data.clone();
            if fault == DROPMASK_OK {
                (function.expected)(&args, &mut expected);
            }
            let empty: Vec<_> = function.buffers.iter().map(|buffer| (buffer.len)(&args) == 0).collect();
            let nothing = (0..empty.len()).all(|j| !written[j] || empty[j]) && function.ids().is_none_or(|j| empty[j]);
            if nothing && function.ids().is_none() {
                args.offset = u64::MAX; // which is too large for what has two elements
            }
            for nowhere in [0, 1, usize::MAX] {
                let (status, memory) = call(function, &args, &data, |args| {
                    for (j, pointer) in args.pointers.iter_mut().enumerate() {
                        let chosen = nowhere == 0 && function.buffers[j].null == Null::Choice; // NULL is another call
                        if (nothing || empty[j]) && !chosen {
                            *pointer = ptr::without_provenance_mut(nowhere);
                        }
                    }
                });
                assert_eq!(status, fault, "{}, size {i} is 0", function.name);
                assert_holds(function, &args, &memory, &expected);
            }
        }
    }
}

/// A query sees no key whose number is above `past` plus its own; what is not causal has a number that no subtraction gives.
#[test]
fn past_is_signed() {
    for function in functions() {
        for takes in function.takes {
            let Takes::Past(i) = *takes else { continue };
            let run = |past: isize| {
                let mut args = function.args();
                args.sizes[i] = past.cast_unsigned();
                let data = function.data(&args);
                let mut expected = data.clone();
                (function.expected)(&args, &mut expected);
                let (status, memory) = call(function, &args, &data, |_| ());
                assert_eq!(status, DROPMASK_OK, "{}, past = {past}", function.name);
                assert_holds(function, &args, &memory, &expected);
                memory.iter().map(Memory::bytes).collect::<Vec<_>>()
            };
            let all = run(DROPMASK_NOT_CAUSAL);
            assert!([40, 1000, isize::MAX - 1].into_iter().all(|past| run(past) == all), "{}", function.name);
            let none = run(isize::MIN);
            assert!(run(-3) == none && run(-1) != none && none != all, "{}", function.name);
        }
    }
    assert_eq!(DROPMASK_NOT_CAUSAL, isize::MAX);
    assert!(HEADER.contains("#define DROPMASK_NOT_CAUSAL PTRDIFF_MAX"));
}

/// One thing that is wrong, and the status that tells of it.
struct Fault {
    status: u32,
    what: String,
    change: Box<dyn Fn(&mut Args)>,
    /// With another it makes no sense.
    alone: bool,
}

fn fault(status: u32, what: impl Into<String>, change: impl Fn(&mut Args) + 'static) -> Fault {
    Fault { status, what: what.into(), change: Box::new(change), alone: false }
}

/// Everything that can be wrong with the arguments of a function.
fn faults(function: &'static Function) -> Vec<Fault> {
    let mut faults = of_buffers(function);
    if function.takes(Takes::P) {
        for p in [f32::NAN, -0.1, 1.5, f32::INFINITY, -f32::from_bits(1), 1.0_f32.next_up()] {
            faults.push(fault(DROPMASK_INVALID_PROBABILITY, format!("p = {p}"), move |args| args.p = p));
        }
    }
    if function.takes(Takes::Offset) {
        let span = (function.span)(&function.args());
        for past in [1, span - 1] {
            let offset = ((1 << 64) - span + past) as u64;
            faults.push(fault(DROPMASK_INDEX_OVERFLOW, format!("offset {offset}"), move |args| args.offset = offset));
        }
    }
    if function.takes(Takes::Stride) {
        faults.push(fault(DROPMASK_INVALID_SHAPE, "rows overlap", |args| args.sizes[2] = args.sizes[1] - 1));
        // their indices are those of one row
        faults.extend(with_a_huge_mask(function, "2^58 rows overlap", |args, huge| {
            (args.sizes[0], args.sizes[2], args.index_stride) = (huge, 0, 0);
        }));
    }
    if function.takes(Takes::StoredAlone) {
        faults.extend(with_a_huge_mask(function, "bits past 2^64 are stored", |args, huge| {
            args.sizes.fill(0); // of positions
            (args.sizes[0], args.sizes[1], args.index_stride) = (huge + 1, 64, 1);
        }));
    }
    if function.takes(Takes::Indexed) {
        faults.extend(with_a_huge_mask(function, "bits past 2^64 are read", |args, _| args.index_stride = 1 << 63));
    }
    if function.takes(Takes::Scaling) {
        faults.push(fault(DROPMASK_INVALID_OPTION, "scaling", |args| args.scaling = 3));
        faults.push(fault(DROPMASK_INVALID_OPTION, "scaling", |args| args.scaling = u32::MAX));
    }
    if function.takes(Takes::Option) {
        faults.push(fault(DROPMASK_INVALID_OPTION, "option", |args| args.option = 2));
        faults.push(fault(DROPMASK_INVALID_OPTION, "option", |args| args.option = u32::MAX));
    }
    if function.takes(Takes::Inverted) {
        faults.push(fault(DROPMASK_INVALID_OPTION, "scaling", |args| args.scaling = 1));
        faults.push(fault(DROPMASK_INVALID_OPTION, "scaling", |args| args.scaling = 3));
    }
    if function.takes(Takes::Accumulate) {
        faults.push(fault(DROPMASK_INVALID_OPTION, "accumulate", |args| args.accumulate = 2));
    }
    if function.takes(Takes::Factor) {
        for factor in [-1.0, f32::NAN, f32::INFINITY] {
            faults.push(fault(DROPMASK_INVALID_OPTION, format!("factor {factor}"), move |args| args.factor = factor));
        }
    }
    faults.extend(of_the_description(function));
    for takes in function.takes {
        if let Takes::Block(side) = *takes {
            for block in [0, 9, usize::MAX] {
                let what = format!("block {block}");
                faults.push(fault(DROPMASK_INVALID_BLOCK, what, move |args| args.sizes[side] = block));
            }
            for no_block in [false, true] {
                // which is no size of a 32-bit machine
                let Some(length) = 1_usize.checked_shl(33) else { continue };
                let what = format!("more elements than there are, without a block: {no_block}");
                faults.push(Fault {
                    alone: true,
                    ..fault(DROPMASK_INVALID_SHAPE, what, move |args| {
                        args.sizes[side - 2..side].fill(length);
                        args.sizes[..side - 2].fill(0);
                        if no_block {
                            args.sizes[side] = 0;
                        }
                    })
                });
            }
        }
    }
    if let Some(ids) = function.ids() {
        faults.push(fault(DROPMASK_UNKNOWN_TOKEN, "the last token", move |args| {
            let (vocabulary, last) = (args.sizes[0] as u32, args.sizes[2] - 1);
            let token = args.at::<u32>(ids).wrapping_add(last);
            unsafe { *token = vocabulary };
        }));
    }
    faults
}

/// Everything that can be wrong with the description of a call, which hides what else is wrong.
fn of_the_description(function: &'static Function) -> Vec<Fault> {
    use Wrong::*;
    let known = size_of::<dropmask_call>();
    let mut faults = Vec::new();
    if function.takes(Takes::Call) {
        faults.extend([(Null, DROPMASK_NULL_POINTER), (Misaligned, DROPMASK_MISALIGNED)]);
        let sizes = [0, 1, known - 1, 4097, isize::MAX as usize + 1, usize::MAX];
        faults.extend(sizes.map(|size| (Size(size), DROPMASK_INVALID_CALL)));
        faults.extend([0, 5, u32::MAX].map(|axes| (Axes(axes), DROPMASK_INVALID_CALL)));
        faults.push((More, DROPMASK_INVALID_CALL));
        // maps have all axes
        if !function.takes.iter().any(|takes| matches!(takes, Takes::Block(_))) {
            faults.extend([Length, Index].map(|wrong| (wrong, DROPMASK_INVALID_CALL)));
        }
    }
    if function.takes(Takes::Shape) {
        faults.push((Layout, DROPMASK_INVALID_OPTION));
    }
    if function.takes(Takes::Stride) && function.takes(Takes::Call) || function.takes(Takes::Strides) {
        faults.push((StridesMisaligned, DROPMASK_MISALIGNED));
    }
    let fault =
        |(wrong, status)| Fault { alone: true, ..fault(status, format!("{wrong:?}"), move |args| args.wrong = wrong) };
    faults.into_iter().map(fault).collect()
}

/// A shape that is made of 2^58, which is no size of a 32-bit machine; the mask lies where so many words overlap nothing.
fn with_a_huge_mask(function: &'static Function, what: &str, shape: fn(&mut Args, usize)) -> Option<Fault> {
    let huge = 1_usize.checked_shl(58)?;
    let change = move |args: &mut Args| {
        shape(args, huge);
        for (pointer, _) in args.pointers.iter_mut().zip(function.buffers).filter(|(_, mask)| mask.kind == Kind::U64) {
            *pointer = ptr::without_provenance_mut(huge << 4);
        }
    };
    Some(Fault { alone: true, ..fault(DROPMASK_INVALID_SHAPE, what, change) })
}

fn of_buffers(function: &'static Function) -> Vec<Fault> {
    let args = function.args();
    let bytes = |i: usize| function.buffers[i].bytes(&args);
    let too_long = |args: &Args| function.buffers.iter().any(|buffer| buffer.bytes(args) > isize::MAX as u128);
    let mut faults = Vec::new();
    for i in 0..args.sizes.len() {
        for size in [usize::MAX, usize::MAX / 4 + 1] {
            let mut args = args.clone();
            args.sizes[i] = size;
            if too_long(&args) {
                faults.push(fault(DROPMASK_LENGTH_OVERFLOW, format!("size {i}"), move |args| args.sizes[i] = size));
            }
        }
    }
    for (i, buffer) in function.buffers.iter().enumerate() {
        if buffer.null == Null::Fault {
            let null = move |args: &mut Args| args.pointers[i] = ptr::null_mut();
            faults.push(fault(DROPMASK_NULL_POINTER, format!("buffer {i}"), null));
        }
        for skew in [1, 2, 4].into_iter().filter(|skew| skew % buffer.kind.bytes() != 0) {
            let skewed = move |args: &mut Args| args.pointers[i] = args.pointers[i].wrapping_add(skew);
            faults.push(fault(DROPMASK_MISALIGNED, format!("buffer {i} by {skew}"), skewed));
        }
        let collides = |other: &usize| *other != i && (function.writes(i) || function.writes(*other));
        for other in (0..function.buffers.len()).filter(collides) {
            // into the other one: to its second word, to its last, to its first
            for at in [8, (bytes(other) - 1) as usize / 8 * 8, 0] {
                let pair = buffer.over.contains(&other) || function.buffers[other].over.contains(&i);
                if (at as u128) < bytes(other) && !(pair && at == 0) {
                    let into = move |args: &mut Args| args.pointers[i] = args.pointers[other].wrapping_add(at);
                    let what = format!("{i} at byte {at} of {other}");
                    // another shape may have another end
                    faults.push(Fault { alone: at > 8, ..fault(DROPMASK_OVERLAP, what, into) });
                }
            }
        }
    }
    faults
}

/// Expects a status, and that nothing is written.
fn refuse(function: &Function, status: u32, what: &str, change: impl FnOnce(&mut Args)) {
    let args = function.args();
    let data = function.data(&args);
    let (actual, memory) = call(function, &args, &data, change);
    assert_eq!(actual, status, "{}: {what}", function.name);
    for (i, (memory, data)) in memory.iter().zip(&data).enumerate() {
        // a fault may lie in the tokens
        assert!(function.ids() == Some(i) || memory.holds(data), "{}: {what}: wrote to buffer {i}", function.name);
    }
}

#[test]
fn refuse_each_fault_and_write_nothing() {
    for function in functions() {
        for Fault { status, what, change, .. } in faults(function) {
            refuse(function, status, &what, change);
        }
    }
}

#[test]
fn of_two_faults_the_lower_status_counts() {
    for function in common::thinned(functions()) {
        let faults: Vec<_> = faults(function).into_iter().filter(|fault| !fault.alone).collect();
        for high in &faults {
            for low in faults.iter().filter(|low| low.status < high.status) {
                // without a block, seeds have no indices
                if (low.status, high.status) != (DROPMASK_INDEX_OVERFLOW, DROPMASK_INVALID_BLOCK) {
                    refuse(function, low.status, &format!("{} and {}", low.what, high.what), |args| {
                        (high.change)(args);
                        (low.change)(args);
                    });
                }
            }
        }
    }
}

/// Sizes up to `SIZE_MAX`, and no memory at all.
#[test]
fn refuse_any_size_of_nothing() {
    let sizes = [1, 63, usize::MAX / 8, usize::MAX / 4, usize::MAX / 2, usize::MAX - 1, usize::MAX];
    for function in functions() {
        for i in 0..function.sizes.len() {
            for size in sizes {
                let mut args = function.args();
                args.sizes[i] = size;
                args.pointers = vec![ptr::null_mut(); function.buffers.len()];
                let required = || function.buffers.iter().filter(|buffer| buffer.null == Null::Fault);
                let expected = if required().any(|buffer| buffer.bytes(&args) > isize::MAX as u128) {
                    DROPMASK_LENGTH_OVERFLOW
                } else {
                    DROPMASK_NULL_POINTER
                };
                assert_eq!((function.call)(&args), expected, "{}, size {i} is {size}", function.name);
                if function.takes(Takes::P) {
                    args.p = f32::NAN;
                    assert_eq!((function.call)(&args), DROPMASK_INVALID_PROBABILITY, "{}", function.name);
                }
            }
        }
    }
}

/// Beside every probability the header says that it is a float.
#[test]
fn rounding_is_documented() {
    let notes = HEADER.matches("\n * p: a float; a double is rounded to it first, see the rules.\n").count();
    assert_eq!(notes, HEADER.matches("float p,").count());
}

/// The statuses that the header names are those that were seen above.
#[test]
fn statuses_are_documented() {
    let named: BTreeMap<_, u32> = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#define DROPMASK_")?.split_once(' '))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect();
    // one name may have several entries
    let mut all_seen: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for function in functions() {
        let seen = all_seen.entry(function.name).or_insert_with(|| BTreeSet::from([DROPMASK_OK]));
        seen.extend(faults(function).iter().map(|fault| fault.status));
    }
    let header = header();
    for (name, mut seen) in all_seen {
        let (_, statuses) = header[name].split_once("Status: ").unwrap();
        let statuses = statuses.split(['.', ',', ' ', '*', '\n']).filter(|word| !word.is_empty());
        let documented: BTreeSet<_> = statuses.map(|name| named[name]).collect();
        if name == "dropmask_cutout_boxes" {
            seen.insert(DROPMASK_LENGTH_OVERFLOW); // with a size_t of 32 bits
        }
        if usize::BITS == 32 && documented.contains(&DROPMASK_INVALID_SHAPE) {
            seen.insert(DROPMASK_INVALID_SHAPE); // where it takes a size_t of 64 bits
        }
        assert_eq!(documented, seen, "{name}");
    }
}

#[test]
fn statuses_have_messages() {
    let message = |status| unsafe { CStr::from_ptr(dropmask_status_message(status)) }.to_str().unwrap();
    let messages: BTreeSet<_> = (0..=DROPMASK_INVALID_CALL).map(message).collect();
    assert_eq!(messages.len(), 12);
    assert_eq!(message(DROPMASK_OK), "success");
    for unknown in [12, 1000, u32::MAX] {
        assert_eq!(message(unknown), "unknown status");
    }
    assert!(!messages.contains("unknown status"));
}

#[test]
fn versions_are_those_of_the_header() {
    let version = unsafe { CStr::from_ptr(dropmask_version()) }.to_str().unwrap();
    assert!(HEADER.contains(&format!("#define DROPMASK_VERSION \"{version}\"\n")));
    let stream = dropmask_mask_stream_version();
    assert_eq!(stream, dropmask::MASK_STREAM_VERSION);
    assert!(HEADER.contains(&format!("#define DROPMASK_MASK_STREAM_VERSION {stream}\n")));
}

/// The evaluation of a choice, as the header tells to make it, is that of Rust, zeros of either sign being equal.
#[test]
fn two_evaluations_are_that_of_a_choice() {
    let [a, b] = [1, 2].map(|seed| (0..100).map(|i| (i * seed) as f32 * 0.37 - 20.0).collect::<Vec<_>>());
    for p in [0.0, 0.1, 0.5, 0.9, 1.0] {
        let dropout = Dropout::new(Key::new(1), Probability::new(p).unwrap());
        let mut expected = [9.0; 100];
        Select::new(dropout).evaluate(&a, &b, &mut expected).unwrap();
        let threshold = dropout.probability().threshold();
        // apart, over a, over b: first of the input that the output is
        for over in 0..3 {
            let (mut a, mut b, mut y) = (a.clone(), b.clone(), vec![9.0; 100]);
            let (a, b) = (a.as_mut_ptr(), b.as_mut_ptr());
            let y = [y.as_mut_ptr(), a, b][over];
            let (of_a, of_b) = ((a, threshold), (b, (1 << 32) - threshold));
            let (first, second) = if over == 2 { (of_b, of_a) } else { (of_a, of_b) };
            let (mut call, none) = (dropmask_call_flat(100), ptr::null());
            call.scaling = DROPMASK_STANDARD;
            for ((x, threshold), r) in [(first, ptr::null()), (second, y.cast_const())] {
                call.threshold = threshold;
                let status = unsafe { dropmask_dropout_evaluate_f32(&raw const call, x, none, r, none, y, none) };
                assert_eq!(status, DROPMASK_OK);
            }
            let y = unsafe { std::slice::from_raw_parts(y, 100) };
            assert_eq!(y, expected, "p = {p}, over {over}");
        }
    }
}

#[test]
fn keys_lengths_and_level() {
    let level = unsafe { CStr::from_ptr(dropmask_level()) };
    assert_eq!(level.to_str().unwrap(), Level::detect().name());
    for seed in [0, 1, 42, u64::MAX] {
        let key = Key::new(seed);
        assert_eq!(dropmask_key_new(seed), key.to_raw());
        assert_eq!(dropmask_key_derive(key.to_raw(), 7), key.derive(7).to_raw());
        assert_eq!(dropmask_key_below(key.to_raw(), 3, 1000), key.below(3, 1000));
    }
    for (len, words) in [(0, 0), (1, 1), (64, 1), (65, 2), (usize::MAX, usize::MAX / 64 + 1)] {
        assert_eq!(dropmask_mask_words(len), words);
    }
}

#[test]
fn many_threads_fill_one_mask() {
    const LEN: usize = 100_000;
    const SHARD: usize = LEN.div_ceil(8).next_multiple_of(64);
    let (key, p) = (Key::new(8), 0.1);
    let mut words = vec![0; mask_words(LEN)];
    thread::scope(|scope| {
        for (i, shard) in words.chunks_mut(SHARD / 64).enumerate() {
            scope.spawn(move || {
                let (start, mask) = (i * SHARD, shard.as_mut_ptr());
                let len = SHARD.min(LEN - start);
                let status = unsafe { dropmask_fill(key.to_raw(), p, start as u64, mask, len) };
                assert_eq!(status, DROPMASK_OK);
            });
        }
    });
    assert_eq!(words, common::fill(&Dropout::new(key, Probability::new(p).unwrap()), LEN));
}

/// Each of four threads drops its own columns of one matrix in place, again and again: what lies between them is others' at the
/// same time.
#[test]
fn threads_work_on_interleaved_columns() {
    struct Matrix(*mut f32);
    unsafe impl Sync for Matrix {}
    const ROWS: usize = 300;
    const COLUMNS: usize = 37;
    const STRIDES: [usize; 2] = [4 * COLUMNS, 1];
    const PASSES: usize = 30;
    let x = common::floats(5, ROWS * STRIDES[0]);
    let (mut y, mut expected) = (x.clone(), x);
    let dropout = |i| Dropout::new(Key::new(9).derive(i), Probability::new(0.5).unwrap());
    for i in (0..4).cycle().take(4 * PASSES) {
        let first = i as usize * COLUMNS;
        let part = &mut expected[first..][..(ROWS - 1) * STRIDES[0] + COLUMNS];
        dropout(i).with_layout(Layout::rows(ROWS, COLUMNS).strides(STRIDES)).forward_in_place(part).unwrap();
    }
    let (matrix, start) = (Matrix(y.as_mut_ptr()), Barrier::new(4));
    thread::scope(|scope| {
        for i in 0..4 {
            let (matrix, start) = (&matrix, &start);
            scope.spawn(move || {
                let mut call = dropmask_call_rows(ROWS, COLUMNS);
                (call.key, call.threshold) = (dropout(i).key().to_raw(), 1 << 31);
                let (own, strides, none) = (matrix.0.wrapping_add(i as usize * COLUMNS), STRIDES.as_ptr(), ptr::null());
                let pass = || unsafe {
                    dropmask_dropout_forward_f32(
                        &raw const call,
                        own,
                        strides,
                        ptr::null(),
                        none,
                        own,
                        strides,
                        ptr::null_mut(),
                    )
                };
                start.wait();
                (0..PASSES).for_each(|_| assert_eq!(pass(), DROPMASK_OK));
            });
        }
    });
    assert!(Memory::new(&Data::F32(y)).holds(&Data::F32(expected)));
}

/// The calls of the usual shapes are those of Rust: of each element the bit has the same index.
#[test]
fn calls_have_the_shapes_of_rust() {
    let shared = [0, 7, 0, 1];
    let broadcast =
        |axes, len: &[usize], shared: &[u8]| unsafe { dropmask_call_broadcast(axes, len.as_ptr(), shared.as_ptr()) };
    let calls = [
        (dropmask_call_flat(24), Layout::broadcast([24], [false])),
        (dropmask_call_rows(6, 4), Layout::rows(6, 4)),
        (dropmask_call_channels_first(2, 3, 4), Layout::channels_first(2, 3, 4)),
        (dropmask_call_channels_last(2, 4, 3), Layout::channels_last(2, 4, 3)),
        (dropmask_call_samples(6, 4), Layout::samples(6, 4)),
        (broadcast(4, &[2, 2, 3, 2], &shared), Layout::broadcast([2, 2, 3, 2], [false, true, false, true])),
        (broadcast(1, &[24], &[1]), Layout::broadcast([24], [true])),
    ];
    let dropout = Dropout::new(Key::new(3), Probability::new(0.5).unwrap()).with_offset(70);
    for (mut call, layout) in calls {
        let (mut y, mut expected) = ([1.0; 24], [1.0; 24]);
        let null = ptr::null();
        let pass = |call: &dropmask_call, y: *mut f32| unsafe {
            dropmask_dropout_forward_f32(call, y, null, ptr::null(), null, y, null, ptr::null_mut())
        };
        assert_eq!(pass(&call, y.as_mut_ptr()), DROPMASK_INVALID_PROBABILITY, "it has no threshold yet");
        (call.key, call.offset) = (dropout.key().to_raw(), 70);
        assert_eq!(unsafe { dropmask_threshold(0.5, &raw mut call.threshold) }, DROPMASK_OK);
        assert_eq!(pass(&call, y.as_mut_ptr()), DROPMASK_OK);
        dropout.with_layout(layout).forward_in_place(&mut expected).unwrap();
        assert_eq!(y, expected, "{layout:?}");
        let mut bits = 0;
        assert_eq!(unsafe { dropmask_call_mask_bits(&raw const call, &raw mut bits) }, DROPMASK_OK);
        assert_eq!(bits, layout.mask_len());
    }
    for (axes, len, shared) in [
        (0, shared.as_ptr().cast(), shared.as_ptr()),
        (5, shared.as_ptr().cast(), shared.as_ptr()),
        (1, ptr::null(), shared.as_ptr()),
        (1, ptr::without_provenance(1), shared.as_ptr()),
        (1, [24_usize].as_ptr(), ptr::null()),
    ] {
        let call = unsafe { dropmask_call_broadcast(axes, len, shared) };
        let mut bits = 7;
        assert_eq!(unsafe { dropmask_call_mask_bits(&raw const call, &raw mut bits) }, DROPMASK_INVALID_CALL);
        assert_eq!(bits, 7);
    }
}

/// An output over both its inputs, a transposed input, one that is read again, and what only looks like work in place.
#[test]
fn operands_have_strides_of_their_own() {
    let mut call = dropmask_call_rows(2, 3);
    assert_eq!(unsafe { dropmask_threshold(0.0, &raw mut call.threshold) }, DROPMASK_OK);
    let (null, x) = (ptr::null(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let pass = |x: *const f32, xs: &[usize; 2], r: *const f32, y: *mut f32, ys: &[usize; 2]| unsafe {
        dropmask_dropout_forward_f32(&raw const call, x, xs.as_ptr(), r, null, y, ys.as_ptr(), ptr::null_mut())
    };
    let mut y = [0.0; 6];
    assert_eq!(pass(x.as_ptr(), &[1, 2], ptr::null(), y.as_mut_ptr(), &[3, 1]), DROPMASK_OK);
    assert_eq!(y, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    assert_eq!(pass(x.as_ptr(), &[0, 1], x.as_ptr(), y.as_mut_ptr(), &[3, 1]), DROPMASK_OK);
    assert_eq!(y, [2.0, 4.0, 6.0, 5.0, 7.0, 9.0]);
    let over = y.as_mut_ptr();
    assert_eq!(pass(over, &[3, 1], over, over, &[3, 1]), DROPMASK_OK);
    assert_eq!(y, [4.0, 8.0, 12.0, 10.0, 14.0, 18.0]);
    let before = y;
    let over = y.as_mut_ptr();
    assert_eq!(pass(over, &[1, 2], ptr::null(), over, &[3, 1]), DROPMASK_OVERLAP);
    assert_eq!(pass(x.as_ptr(), &[3, 1], ptr::null(), over, &[2, 1]), DROPMASK_INVALID_SHAPE);
    assert_eq!(pass(x.as_ptr(), &[3, 1], ptr::null(), over, &[usize::MAX, 1]), DROPMASK_LENGTH_OVERFLOW);
    assert_eq!(y, before);
}

/// Each function of three operands takes the strides of each: with others, from and to other places, it computes the same.
#[test]
fn every_function_takes_strides_of_each_operand() {
    type Pass = fn(*const dropmask_call, [(*const f32, *const usize); 2], (*mut f32, *const usize)) -> u32;
    const SHAPE: [usize; 3] = [3, 4, 5];
    static MASK: [u64; 1] = [0x5A5A_1234_F00F_9999];
    static BIAS: [f32; 5] = [0.5, -1.0, 2.0, 0.25, -3.0];
    let passes: [Pass; 10] = [
        |c, [x, r], y| unsafe { dropmask_dropout_forward_f32(c, x.0, x.1, r.0, r.1, y.0, y.1, ptr::null_mut()) },
        |c, [x, r], y| unsafe { dropmask_dropout_apply_f32(c, MASK.as_ptr(), x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_dropout_apply_bits_f32(c, MASK.as_ptr(), 2.0, x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_dropout_evaluate_f32(c, x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [a, b], y| unsafe { dropmask_select_forward_f32(c, ptr::null(), a.0, a.1, b.0, b.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_select_backward_b_f32(c, ptr::null(), x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_relu_backward_f32(c, MASK.as_ptr(), x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_alpha_backward_f32(c, x.0, x.1, r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_bias_forward_f32(c, x.0, x.1, BIAS.as_ptr(), r.0, r.1, y.0, y.1) },
        |c, [x, r], y| unsafe { dropmask_bias_evaluate_f32(c, x.0, x.1, BIAS.as_ptr(), r.0, r.1, y.0, y.1) },
    ];
    let mut call = unsafe { dropmask_call_broadcast(3, SHAPE.as_ptr(), [0; 3].as_ptr()) };
    (call.key, call.threshold) = (dropmask_key_new(3), 1 << 31);
    let strides = [[1, 3, 12], [40, 10, 2], [7, 25, 1]];
    let place = |strides: [usize; 3], i: usize| i / 20 * strides[0] + i / 5 % 4 * strides[1] + i % 5 * strides[2];
    let dense: Vec<Vec<f32>> = (0..2).map(|k| (0..60).map(|i| (i * (k + 3) % 17) as f32 - 7.5).collect()).collect();
    let spread: Vec<Vec<f32>> = (0..2)
        .map(|k| {
            let mut to = vec![f32::NAN; 200];
            (0..60).for_each(|i| to[place(strides[k], i)] = dense[k][i]);
            to
        })
        .collect();
    for (number, pass) in passes.into_iter().enumerate() {
        let (mut expected, mut y) = (vec![9.0_f32; 60], vec![9.0_f32; 200]);
        let null = ptr::null();
        let status =
            pass(&raw const call, [0, 1].map(|k: usize| (dense[k].as_ptr(), null)), (expected.as_mut_ptr(), null));
        assert_eq!(status, DROPMASK_OK, "{number}");
        let inputs = [0, 1].map(|k: usize| (spread[k].as_ptr(), strides[k].as_ptr()));
        assert_eq!(pass(&raw const call, inputs, (y.as_mut_ptr(), strides[2].as_ptr())), DROPMASK_OK, "{number}");
        let mut all = vec![9.0; 200];
        (0..60).for_each(|i| all[place(strides[2], i)] = expected[i]);
        assert_eq!(y, all, "{number}");
    }
}

/// What draws nothing has no indices, and needs no bits of no elements.
#[test]
fn only_what_is_drawn_has_an_index() {
    let mut call = dropmask_call_rows(3, 4);
    assert_eq!(unsafe { dropmask_threshold(0.5, &raw mut call.threshold) }, DROPMASK_OK);
    (call.index[0], call.offset) = (1 << 63, u64::MAX);
    let (x, mut y, null) = ([1.0; 12], [7.0; 12], ptr::null());
    let (call, to) = (&raw const call, y.as_mut_ptr());
    let evaluate = || unsafe { dropmask_attention_evaluate_f32(call, 0, 1.0, null, ptr::null(), 0, x.as_ptr(), to) };
    let connect = |y| unsafe { dropmask_connect_evaluate_f32(call, 1, x.as_ptr(), null, x.as_ptr(), y) };
    assert_eq!((evaluate(), connect(to)), (DROPMASK_OK, DROPMASK_OK));
    let forward = || unsafe {
        let (x, no_strides) = (x.as_ptr(), ptr::null());
        dropmask_attention_forward_f32(call, 0, 1.0, null, no_strides, 0, ptr::null(), x, to, ptr::null_mut())
    };
    assert_eq!(forward(), DROPMASK_INDEX_OVERFLOW);

    // samples that share a mask, of which there are none
    let mut none = unsafe { dropmask_call_broadcast(4, [0, 2, 5, 3].as_ptr(), [0; 4].as_ptr()) };
    (none.threshold, none.index[0]) = (1 << 31, 0);
    let mask = [0_u64; 1];
    let status = unsafe {
        let (none, strides) = (&raw const none, ptr::null());
        dropmask_attention_forward_f32(none, 0, 1.0, null, strides, 0, mask.as_ptr(), null, to, ptr::null_mut())
    };
    assert_eq!(status, DROPMASK_OK);

    // one bit serves more elements than there can be
    let mut huge = dropmask_call_samples(4, usize::MAX);
    huge.threshold = 1 << 31;
    let mut kept = [9; 4];
    assert_eq!(unsafe { dropmask_dropout_fill_u8(&raw const huge, kept.as_mut_ptr()) }, DROPMASK_OK);
    assert!(kept.iter().all(|kept| *kept < 2));
}

/// Three passes in C are three passes in Rust.
#[test]
fn passes_add_up() {
    let y: [[f32; 12]; 3] =
        [1, 2, 3].map(|t| [5, 3, 8, 1, 9, 4, 2, 7, 6, 10, 12, 11].map(|i| ((i * t) % 13) as f32 / 13.0));
    let buffers = || ([9.0; 12], [9.0; 12], [9.0; 4], [9.0; 12], [9.0; 12], [9.0; 4], [9.0; 4]);

    let (mut mean, mut squares, mut entropy, mut variance, mut class_mean, mut all, mut information) = buffers();
    let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
    let mut classes = ClassUncertainty::new(3, &mut class_mean, &mut entropy).unwrap();
    for y in &y {
        moments.push(y).unwrap();
        classes.push(y).unwrap();
    }
    moments.sample_variance(&mut variance).unwrap();
    classes.predictive_entropy(&mut all).unwrap();
    classes.mutual_information(&mut information).unwrap();
    let expected = (mean, squares, entropy, variance, class_mean, all, information);

    let mut actual = buffers();
    let (mean, squares, entropy, variance, class_mean, all, information) = &mut actual;
    let [mean, squares, variance, class_mean] = [mean, squares, variance, class_mean].map(|x| x.as_mut_ptr());
    let [entropy, all, information] = [entropy, all, information].map(|x| x.as_mut_ptr());
    let mut statuses = Vec::new();
    for (t, y) in (0..).zip(&y) {
        statuses.push(unsafe { dropmask_moments_push_f32(t, y.as_ptr(), mean, squares, 12) });
        statuses.push(unsafe { dropmask_classes_push_f32(t, 4, 3, y.as_ptr(), class_mean, entropy) });
    }
    statuses.push(unsafe { dropmask_moments_variance(3, 1, squares, variance, 12) });
    statuses.push(unsafe { dropmask_classes_uncertainty(4, 3, class_mean, ptr::null(), all) });
    statuses.push(unsafe { dropmask_classes_uncertainty(4, 3, class_mean, entropy, information) });
    assert_eq!(statuses, [DROPMASK_OK; 9]);
    assert_eq!(actual, expected);
}

/// A probability that is negative or NaN, and a pass after it.
#[test]
fn what_is_no_probability_is_nan() {
    let (mut mean, mut expected, mut all, mut information) = ([9.0; 6], [9.0; 3], [9.0; 3], [9.0; 3]);
    for (t, p) in (0..).zip([[f32::NAN, 0.5, 0.5, 0.5, -0.1, 1.1], [0.5; 6]]) {
        let (mean, expected) = (mean.as_mut_ptr(), expected.as_mut_ptr());
        let statuses = [
            unsafe { dropmask_classes_push_f32(t, 3, 2, p.as_ptr(), mean, expected) },
            unsafe { dropmask_classes_uncertainty(3, 2, mean, ptr::null(), all.as_mut_ptr()) },
            unsafe { dropmask_classes_uncertainty(3, 2, mean, expected, information.as_mut_ptr()) },
        ];
        assert_eq!(statuses, [DROPMASK_OK; 3]);
        assert_eq!(all.map(f64::is_nan), [true, false, t == 0]);
        assert_eq!(information.map(f64::is_nan), [true, false, true]);
    }
    assert_eq!(expected.map(f64::is_nan), [true, false, true]);
}
