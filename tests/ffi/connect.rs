//! DropConnect, with drawn bits and with stored ones, for which the offset is not used. The sizes are batch, inputs and outputs.

use dropmask::{DropConnect, Mask};

use std::ptr::null;

use dropmask::ffi::*;

use crate::described::by_weights;
use crate::function::{Args, Data, Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::stream;

pub const CONNECT: [Function; 12] = [
    Function {
        name: "dropmask_connect_forward_f32",
        takes: &[P, Offset, Scaling, Option, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, weights), buffer(F32, outputs).null(Null::Empty), buffer(F32, x), buffer(F32, y)],
        span,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_forward_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                )
            })
        },
        expected: |a, b| {
            let [w, b, x, y] = b else { panic!() };
            layer(a).forward(w.f32(), bias(b), x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_forward_f32",
        takes: &[P, Scaling, Option, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[
            buffer(U64, masks).null(Null::Choice),
            buffer(F32, weights),
            buffer(F32, outputs).null(Null::Empty),
            buffer(F32, x),
            buffer(F32, y),
        ],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_forward_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    a.at(4),
                )
            })
        },
        expected: |a, b| {
            let [mask, w, b, x, y] = b else { panic!() };
            stored(a, mask).forward(w.f32(), bias(b), x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_input_f32",
        takes: &[P, Offset, Scaling, Option, Accumulate, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, weights), buffer(F32, y), buffer(F32, x)],
        span,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_input_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [w, dy, dx] = b else { panic!() };
            layer(a).backward_input(w.f32(), dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_input_f32",
        takes: &[P, Scaling, Option, Accumulate, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(U64, masks).null(Null::Choice), buffer(F32, weights), buffer(F32, y), buffer(F32, x)],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_input_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [mask, w, dy, dx] = b else { panic!() };
            stored(a, mask).backward_input(w.f32(), dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_weights_f32",
        takes: &[P, Offset, Scaling, Option, Accumulate, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, x), buffer(F32, y), buffer(F32, weights)],
        span,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_weights_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [x, dy, dw] = b else { panic!() };
            layer(a).backward_weights(x.f32(), dy.f32(), dw.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_weights_f32",
        takes: &[P, Scaling, Option, Accumulate, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(U64, masks).null(Null::Choice), buffer(F32, x), buffer(F32, y), buffer(F32, weights)],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_weights_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [mask, x, dy, dw] = b else { panic!() };
            stored(a, mask).backward_weights(x.f32(), dy.f32(), dw.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_weights_f32",
        takes: &[P, Offset, Scaling, Option, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, x), buffer(F32, y), buffer(F32, weights)],
        span,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_weights_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [x, dy, dw] = b else { panic!() };
            layer(a).backward_weights_add(x.f32(), dy.f32(), dw.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_weights_f32",
        takes: &[P, Scaling, Option, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(U64, masks).null(Null::Choice), buffer(F32, x), buffer(F32, y), buffer(F32, weights)],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_weights_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    a.at(3),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [mask, x, dy, dw] = b else { panic!() };
            stored(a, mask).backward_weights_add(x.f32(), dy.f32(), dw.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_input_f32",
        takes: &[P, Offset, Scaling, Option, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, weights), buffer(F32, y), buffer(F32, x)],
        span,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_backward_input_f32(
                    call,
                    a.sizes[0],
                    a.option,
                    a.first,
                    null(),
                    a.at(0),
                    a.at(1),
                    a.at(2),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [w, dy, dx] = b else { panic!() };
            layer(a).backward_input_add(w.f32(), dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_backward_bias_f32",
        takes: &[],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, y), buffer(F32, outputs)],
        span: |_| 0,
        call: call!(dropmask_connect_backward_bias_f32: [0] [2] (0) (1)),
        expected: |a, b| {
            let [dy, db] = b else { panic!() };
            dense(a).backward_bias(dy.f32(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_evaluate_f32",
        takes: &[P, Scaling, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[buffer(F32, weights), buffer(F32, outputs).null(Null::Empty), buffer(F32, x), buffer(F32, y)],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_evaluate_f32(call, a.sizes[0], a.at(0), a.at(1), a.at(2), a.at(3))
            })
        },
        expected: |a, b| {
            let [w, b, x, y] = b else { panic!() };
            dense(a).evaluate(w.f32(), bias(b), x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_connect_moments_f32",
        takes: &[P, Scaling, Shape, Call],
        sizes: &[3, 5, 4],
        buffers: &[
            buffer(F32, weights),
            buffer(F32, outputs).null(Null::Empty),
            buffer(F32, x),
            buffer(F32, y),
            buffer(F32, y),
        ],
        span: |_| 0,
        call: |a| {
            by_weights(a, |call| unsafe {
                dropmask_connect_moments_f32(call, a.sizes[0], a.at(0), a.at(1), a.at(2), a.at(3), a.at(4))
            })
        },
        expected: |a, b| {
            let [w, b, x, mean, variance] = b else { panic!() };
            dense(a).moments(w.f32(), bias(b), x.f32(), mean.f32_mut(), variance.f32_mut()).unwrap();
        },
    },
];

fn size(a: &Args, i: usize) -> u128 {
    a.sizes[i] as u128
}

fn weights(a: &Args) -> u128 {
    size(a, 2) * size(a, 1)
}

fn x(a: &Args) -> u128 {
    size(a, 0) * size(a, 1)
}

fn y(a: &Args) -> u128 {
    size(a, 0) * size(a, 2)
}

fn outputs(a: &Args) -> u128 {
    size(a, 2)
}

fn bits(a: &Args) -> u128 {
    weights(a).saturating_mul(if a.option == 1 { size(a, 0) } else { 1 })
}

fn masks(a: &Args) -> u128 {
    bits(a).div_ceil(64)
}

fn span(a: &Args) -> u128 {
    if weights(a) == 0 { 0 } else { (size(a, 2) - 1).saturating_mul(a.index_stride.into()).saturating_add(size(a, 1)) }
}

fn dense(a: &Args) -> DropConnect<'static> {
    DropConnect::new(stream(&Args { offset: 0, ..a.clone() }), a.sizes[0], [a.sizes[2], a.sizes[1]])
}

fn layer(a: &Args) -> DropConnect<'static> {
    let layer = DropConnect::new(stream(a), a.sizes[0], [a.sizes[2], a.sizes[1]]).index_stride(a.index_stride);
    if a.option == 1 { layer.per_sample(a.first) } else { layer }
}

fn stored<'a>(a: &Args, mask: &'a Data) -> DropConnect<'a> {
    layer(a).stored(Mask::new(mask.u64(), bits(a) as usize).unwrap())
}

/// A buffer without elements stands for NULL.
fn bias(b: &Data) -> core::option::Option<&[f32]> {
    if b.f32().is_empty() { None } else { Some(b.f32()) }
}
