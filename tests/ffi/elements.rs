//! What drops elements of any layout.

use std::ptr::{null, null_mut};

use dropmask::ffi::*;

use crate::described::*;
use crate::function::{Function, Kind::*, Null, Takes::*, buffer};
use crate::shapes::*;

pub const ELEMENTS: [Function; 15] = [
    Function {
        name: "dropmask_dropout_fill",
        takes: &[P, Offset, Scaling, StoredAlone, Call],
        sizes: &[3, 70],
        buffers: &[buffer(U64, stored_words)],
        span: rows_span,
        call: |a| by_bits(a, |call| unsafe { dropmask_dropout_fill(call, a.at(0)) }),
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a).with_layout(bits(a)).fill(&mut mask_mut(mask, stored_bits(a))).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_fill_u8",
        takes: &[P, Offset, Scaling, Call],
        sizes: &[3, 70],
        buffers: &[buffer(U8, stored_bits)],
        span: rows_span,
        call: |a| by_bits(a, |call| unsafe { dropmask_dropout_fill_u8(call, a.at(0)) }),
        expected: |a, b| {
            let [kept] = b else { panic!() };
            stream(a).with_layout(bits(a)).fill_u8(kept.u8_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_call_mask_bits",
        takes: &[StoredAlone, Call],
        sizes: &[3, 70],
        buffers: &[buffer(Size, |_| 1)],
        span: |_| 0,
        call: |a| by_bits(a, |call| unsafe { dropmask_call_mask_bits(call, a.at(0)) }),
        expected: |a, b| {
            let [count] = b else { panic!() };
            count.size_mut()[0] = stored_bits(a) as usize;
        },
    },
    Function {
        name: "dropmask_call_index",
        takes: &[Call],
        sizes: &[3, 70],
        buffers: &[buffer(Size, |_| 2), buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: |a| by_bits(a, |call| unsafe { dropmask_call_index(call, a.at(0), a.at(1)) }),
        expected: |a, b| {
            let [position, index] = b else { panic!() };
            let [i, j] = *position.size() else { panic!() };
            index.u64_mut()[0] = bits(a).index_of([i, j]);
        },
    },
    Function {
        name: "dropmask_dropout_forward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(&[0]),
            buffer(U64, stored_words).null(Null::Unwritten),
        ],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_dropout_forward_f32(call, a.at(0), s, null(), null(), a.at(1), s, a.at(2))
            })
        },
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .with_layout(rows(a))
                .forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, stored_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_forward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[0, 1]),
        ],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_dropout_forward_f32(call, a.at(0), s, a.at(1), s, a.at(2), s, null_mut())
            })
        },
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).with_layout(rows(a)).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_forward_f32",
        takes: &[P, Offset, Scaling, Either, StoredAlone, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(F32, product),
            buffer(F32, product).over(&[0]),
            buffer(U64, stored_words).null(Null::Unwritten),
        ],
        span: channels_span,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_dropout_forward_f32(call, a.at(0), null(), null(), null(), a.at(1), null(), a.at(2))
            })
        },
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .with_layout(channels(a))
                .forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, stored_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_forward_f32",
        takes: &[P, Offset, Scaling, Either, StoredAlone, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(F32, product),
            buffer(F32, product).null(Null::Choice),
            buffer(F32, product).over(&[0, 1]),
            buffer(U64, stored_words).null(Null::Unwritten),
        ],
        span: channels_span,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_dropout_forward_f32(call, a.at(0), null(), a.at(1), null(), a.at(2), null(), a.at(3))
            })
        },
        expected: |a, b| {
            let [x, r, y, mask] = b else { panic!() };
            stream(a).with_layout(channels(a)).fill(&mut mask_mut(mask, stored_bits(a))).unwrap();
            stream(a).with_layout(channels(a)).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_forward_f32",
        takes: &[P, Offset, Scaling, Call],
        sizes: &[1100],
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(&[0]), buffer(U64, words).null(Null::Unwritten)],
        span: flat,
        call: |a| {
            by_one(a, |call| unsafe {
                dropmask_dropout_forward_f32(call, a.at(0), null(), null(), null(), a.at(1), null(), a.at(2))
            })
        },
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a).forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, flat(a))).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_apply_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, stored_words), buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[1])],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_dropout_apply_f32(call, a.at(0), a.at(1), s, null(), null(), a.at(2), s)
            })
        },
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            stream(a)
                .with_offset(0)
                .with_layout(rows(a))
                .stored(mask_of(mask, stored_bits(a)))
                .apply(x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_apply_f32",
        takes: &[P, Scaling, Either, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(U64, stored_words),
            buffer(F32, product),
            buffer(F32, product).null(Null::Choice),
            buffer(F32, product).over(&[1, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_dropout_apply_f32(call, a.at(0), a.at(1), null(), a.at(2), null(), a.at(3), null())
            })
        },
        expected: |a, b| {
            let [mask, x, r, y] = b else { panic!() };
            stream(a)
                .with_offset(0)
                .with_layout(channels(a))
                .stored(mask_of(mask, stored_bits(a)))
                .apply_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_apply_bits_f32",
        takes: &[Stride, Indexed, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(U64, rows_words_from_first),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(&[1]),
        ],
        span: |_| 0,
        call: |a| {
            by_rows(&at_bit(a), |call, s| unsafe {
                dropmask_dropout_apply_bits_f32(call, a.at(0), a.factor, a.at(1), s, null(), null(), a.at(2), s)
            })
        },
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).with_indexed_bits(rows(a)).apply(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_apply_bits_f32",
        takes: &[Either, Indexed, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(U64, channels_words_from_first),
            buffer(F32, product),
            buffer(F32, product).null(Null::Choice),
            buffer(F32, product).over(&[1, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_channels(&at_bit(a), |call| unsafe {
                dropmask_dropout_apply_bits_f32(
                    call,
                    a.at(0),
                    a.factor,
                    a.at(1),
                    null(),
                    a.at(2),
                    null(),
                    a.at(3),
                    null(),
                )
            })
        },
        expected: |a, b| {
            let [mask, x, r, y] = b else { panic!() };
            at_first(a, mask.u64(), channels_span(a))
                .with_indexed_bits(channels(a))
                .apply_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_evaluate_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0])],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe { dropmask_dropout_evaluate_f32(call, a.at(0), s, null(), null(), a.at(1), s) })
        },
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            stream(a).with_offset(0).with_layout(rows(a)).evaluate(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_dropout_evaluate_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[0, 1]),
        ],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe { dropmask_dropout_evaluate_f32(call, a.at(0), s, a.at(1), s, a.at(2), s) })
        },
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).with_offset(0).with_layout(rows(a)).evaluate_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
];
