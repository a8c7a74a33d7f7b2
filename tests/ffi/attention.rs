//! Attention; the sizes are heads, queries, keys, and keys before the first query.

use std::ptr::{null, null_mut};

use dropmask::ffi::*;

use crate::described::*;
use crate::function::{Args, Function, Kind::*, Null, Takes::*, buffer};
use crate::shapes::*;

pub const ATTENTION: [Function; 9] = [
    Function {
        name: "dropmask_attention_forward_f32",
        takes: &[P, Offset, Scaling, Option, Past(3), Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack).over(&[0])],
        span: stack,
        call: |a| {
            by_scores(a, |call, past, _| unsafe {
                dropmask_attention_forward_f32(
                    call,
                    past,
                    a.factor,
                    null(),
                    null(),
                    a.option,
                    null(),
                    a.at(0),
                    a.at(1),
                    null_mut(),
                )
            })
        },
        expected: |a, b| {
            let [scores, weights] = b else { panic!() };
            attention(a).forward(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_forward_f32",
        takes: &[P, Scaling, Option, Past(3), Strides, Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[
            buffer(Unit, stack_bias).null(Null::Choice),
            buffer(U64, stack_words).null(Null::Choice),
            buffer(Unit, stack),
            buffer(Unit, stack).over(&[2]),
        ],
        span: |_| 0,
        call: |a| {
            by_scores(a, |call, past, s| unsafe {
                dropmask_attention_forward_f32(
                    call,
                    past,
                    a.factor,
                    a.at(0),
                    s,
                    a.option,
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    null_mut(),
                )
            })
        },
        expected: |a, b| {
            let [bias, mask, scores, weights] = b else { panic!() };
            let attention = attention(a).bias(bias.f32(), [7, 0, a.sizes[2]]);
            attention.stored(mask_of(mask, stack(a))).forward(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_forward_f32",
        takes: &[P, Offset, Scaling, Option, Past(3), Strides, Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[
            buffer(Unit, stack_bias).null(Null::Choice),
            buffer(Unit, stack),
            buffer(Unit, stack),
            buffer(Unit, stack).over(&[1]).null(Null::Choice),
        ],
        span: stack,
        call: |a| {
            by_scores(a, |call, past, s| unsafe {
                dropmask_attention_forward_f32(
                    call,
                    past,
                    a.factor,
                    a.at(0),
                    s,
                    a.option,
                    null(),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                )
            })
        },
        expected: |a, b| {
            let [bias, scores, weights, softmax] = b else { panic!() };
            let attention = attention(a).bias(bias.f32(), [7, 0, a.sizes[2]]);
            attention.forward_softmax(scores.f32(), weights.f32_mut(), softmax.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_f32",
        takes: &[P, Offset, Scaling, Option, Past(3), Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack), buffer(Unit, stack).over(&[0])],
        span: stack,
        call: |a| {
            by_scores(a, |call, past, _| unsafe {
                dropmask_attention_backward_f32(
                    call,
                    past,
                    a.factor,
                    null(),
                    null(),
                    a.option,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                )
            })
        },
        expected: |a, b| {
            let [scores, dy, dscores] = b else { panic!() };
            attention(a).backward(scores.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_f32",
        takes: &[P, Scaling, Option, Past(3), Strides, Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[
            buffer(Unit, stack_bias).null(Null::Choice),
            buffer(U64, stack_words).null(Null::Choice),
            buffer(Unit, stack),
            buffer(Unit, stack),
            buffer(Unit, stack).over(&[2]),
        ],
        span: |_| 0,
        call: |a| {
            by_scores(a, |call, past, s| unsafe {
                dropmask_attention_backward_f32(
                    call,
                    past,
                    a.factor,
                    a.at(0),
                    s,
                    a.option,
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    a.at(4),
                )
            })
        },
        expected: |a, b| {
            let [bias, mask, scores, dy, dscores] = b else { panic!() };
            let attention = attention(a).bias(bias.f32(), [7, 0, a.sizes[2]]);
            let attention = attention.stored(mask_of(mask, stack(a)));
            attention.backward(scores.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_softmax_f32",
        takes: &[P, Offset, Scaling, Option, Past(3), Accumulate, Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack), buffer(Unit, stack).over(&[0])],
        span: stack,
        call: |a| {
            by_scores(a, |call, past, _| unsafe {
                dropmask_attention_backward_softmax_f32(
                    call,
                    past,
                    a.factor,
                    a.option,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [softmax, dy, dscores] = b else { panic!() };
            attention(a).backward_softmax(softmax.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_softmax_f32",
        takes: &[P, Offset, Scaling, Option, Past(3), Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack), buffer(Unit, stack)],
        span: stack,
        call: |a| {
            by_scores(a, |call, past, _| unsafe {
                dropmask_attention_backward_softmax_f32(
                    call,
                    past,
                    a.factor,
                    a.option,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [softmax, dy, dscores] = b else { panic!() };
            attention(a).backward_softmax_add(softmax.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_softmax_f32",
        takes: &[P, Scaling, Option, Past(3), Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[
            buffer(U64, stack_words).null(Null::Choice),
            buffer(Unit, stack),
            buffer(Unit, stack),
            buffer(Unit, stack).over(&[1]),
        ],
        span: |_| 0,
        call: |a| {
            by_scores(a, |call, past, _| unsafe {
                dropmask_attention_backward_softmax_f32(
                    call,
                    past,
                    a.factor,
                    a.option,
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    0,
                )
            })
        },
        expected: |a, b| {
            let [mask, softmax, dy, dscores] = b else { panic!() };
            let attention = attention(a).stored(mask_of(mask, stack(a)));
            attention.backward_softmax(softmax.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_evaluate_f32",
        takes: &[P, Scaling, Option, Past(3), Strides, Shape, Call],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack_bias).null(Null::Choice), buffer(Unit, stack), buffer(Unit, stack).over(&[1])],
        span: |_| 0,
        call: |a| {
            by_scores(a, |call, past, s| unsafe {
                dropmask_attention_evaluate_f32(call, past, a.factor, a.at(0), s, a.option, a.at(1), a.at(2))
            })
        },
        expected: |a, b| {
            let [bias, scores, weights] = b else { panic!() };
            let a = Args { offset: 0, ..a.clone() };
            let attention = attention(&a).bias(bias.f32(), [7, 0, a.sizes[2]]);
            attention.evaluate(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
];
