//! What else takes a layout.

use std::ptr::null;

use dropmask::ffi::*;
use dropmask::{AlphaDropout, BiasDropout, ReluDropout, Select};

use crate::described::*;
use crate::function::{Function, Kind::*, Null, Takes::*, buffer};
use crate::shapes::*;

pub const FUSED: [Function; 17] = [
    Function {
        name: "dropmask_relu_forward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0]), buffer(U64, each_words)],
        span: rows_span,
        call: |a| by_rows(a, |call, s| unsafe { dropmask_relu_forward_f32(call, a.at(0), s, a.at(1), s, a.at(2)) }),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            ReluDropout::new(stream(a).with_layout(rows(a)))
                .forward(x.f32(), y.f32_mut(), &mut mask_mut(mask, each_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, each_words), buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[1])],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_relu_backward_f32(call, a.at(0), a.at(1), s, null(), null(), a.at(2), s)
            })
        },
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            ReluDropout::new(stream(a).with_offset(0).with_layout(rows(a)))
                .backward(dy.f32(), dx.f32_mut(), mask_of(mask, each_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(U64, each_words),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[1, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_relu_backward_f32(call, a.at(0), a.at(1), s, a.at(2), s, a.at(3), s)
            })
        },
        expected: |a, b| {
            let [mask, dy, r, dx] = b else { panic!() };
            copy_rows(a, r, dx);
            ReluDropout::new(stream(a).with_offset(0).with_layout(rows(a)))
                .backward_add(dy.f32(), dx.f32_mut(), mask_of(mask, each_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_select_forward_f32",
        takes: &[P, Offset, Inverted, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0, 1])],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_select_forward_f32(call, null(), a.at(0), s, a.at(1), s, a.at(2), s)
            })
        },
        expected: |args, buffers| {
            let [a, b, y] = buffers else { panic!() };
            Select::new(stream(args).with_layout(rows(args))).forward(a.f32(), b.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_select_forward_f32",
        takes: &[P, Inverted, Either, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(U64, stored_words).null(Null::Choice),
            buffer(F32, product),
            buffer(F32, product),
            buffer(F32, product).over(&[1, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_select_forward_f32(call, a.at(0), a.at(1), null(), a.at(2), null(), a.at(3), null())
            })
        },
        expected: |args, buffers| {
            let [mask, a, b, y] = buffers else { panic!() };
            let dropout = stream(args).with_offset(0).with_layout(channels(args));
            let select = Select::new(dropout).stored(mask_of(mask, stored_bits(args)));
            select.forward(a.f32(), b.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_select_backward_b_f32",
        takes: &[P, Offset, Inverted, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0])],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_select_backward_b_f32(call, null(), a.at(0), s, null(), null(), a.at(1), s)
            })
        },
        expected: |a, b| {
            let [dy, db] = b else { panic!() };
            Select::new(stream(a).with_layout(rows(a))).backward_b(dy.f32(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_select_backward_b_f32",
        takes: &[P, Inverted, Either, Call],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(U64, stored_words).null(Null::Choice),
            buffer(F32, product),
            buffer(F32, product).null(Null::Choice),
            buffer(F32, product).over(&[1, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_select_backward_b_f32(call, a.at(0), a.at(1), null(), a.at(2), null(), a.at(3), null())
            })
        },
        expected: |a, b| {
            let [mask, dy, r, db] = b else { panic!() };
            let dropout = stream(a).with_offset(0).with_layout(channels(a));
            db.f32_mut().copy_from_slice(r.f32());
            let select = Select::new(dropout).stored(mask_of(mask, stored_bits(a)));
            select.backward_b_add(dy.f32(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_forward_f32",
        takes: &[P, Offset, Inverted, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0])],
        span: rows_span,
        call: |a| by_rows(a, |call, s| unsafe { dropmask_alpha_forward_f32(call, a.at(0), s, a.at(1), s) }),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(rows(a))).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_forward_f32",
        takes: &[P, Offset, Inverted, Either, Call],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).over(&[0])],
        span: channels_span,
        call: |a| by_channels(a, |call| unsafe { dropmask_alpha_forward_f32(call, a.at(0), null(), a.at(1), null()) }),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(channels(a))).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_backward_f32",
        takes: &[P, Offset, Inverted, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0])],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe { dropmask_alpha_backward_f32(call, a.at(0), s, null(), null(), a.at(1), s) })
        },
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(rows(a))).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_backward_f32",
        takes: &[P, Offset, Inverted, Either, Call],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).null(Null::Choice), buffer(F32, product).over(&[0, 1])],
        span: channels_span,
        call: |a| {
            by_channels(a, |call| unsafe {
                dropmask_alpha_backward_f32(call, a.at(0), null(), a.at(1), null(), a.at(2), null())
            })
        },
        expected: |a, b| {
            let [dy, r, dx] = b else { panic!() };
            dx.f32_mut().copy_from_slice(r.f32());
            AlphaDropout::new(stream(a).with_layout(channels(a))).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_forward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, columns), buffer(F32, rows_elements).over(&[0])],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_forward_f32(call, a.at(0), s, a.at(1), null(), null(), a.at(2), s)
            })
        },
        expected: |a, b| {
            let [x, b, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_layout(rows(a))).forward(x.f32(), b.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_forward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, columns),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[0, 2]),
        ],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_forward_f32(call, a.at(0), s, a.at(1), a.at(2), s, a.at(3), s)
            })
        },
        expected: |a, b| {
            let [x, b, r, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_layout(rows(a)))
                .forward_residual(x.f32(), b.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_bias_backward_f32",
        takes: &[P, Offset, Scaling, Accumulate, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(&[0]), buffer(F32, columns)],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_backward_f32(call, a.at(0), s, null(), null(), a.at(1), s, a.at(2), a.accumulate)
            })
        },
        expected: |a, b| {
            let [dy, dx, db] = b else { panic!() };
            BiasDropout::new(stream(a).with_layout(rows(a))).backward(dy.f32(), dx.f32_mut(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_backward_f32",
        takes: &[P, Offset, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[0, 1]),
            buffer(F32, columns),
        ],
        span: rows_span,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_backward_f32(call, a.at(0), s, a.at(1), s, a.at(2), s, a.at(3), 1)
            })
        },
        expected: |a, b| {
            let [dy, r, dx, db] = b else { panic!() };
            copy_rows(a, r, dx);
            BiasDropout::new(stream(a).with_layout(rows(a)))
                .backward_add(dy.f32(), dx.f32_mut(), db.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_bias_evaluate_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, columns), buffer(F32, rows_elements).over(&[0])],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_evaluate_f32(call, a.at(0), s, a.at(1), null(), null(), a.at(2), s)
            })
        },
        expected: |a, b| {
            let [x, b, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_offset(0).with_layout(rows(a)))
                .evaluate(x.f32(), b.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_bias_evaluate_f32",
        takes: &[P, Scaling, Stride, Call],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, columns),
            buffer(F32, rows_elements).null(Null::Choice),
            buffer(F32, rows_elements).over(&[0, 2]),
        ],
        span: |_| 0,
        call: |a| {
            by_rows(a, |call, s| unsafe {
                dropmask_bias_evaluate_f32(call, a.at(0), s, a.at(1), a.at(2), s, a.at(3), s)
            })
        },
        expected: |a, b| {
            let [x, b, r, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_offset(0).with_layout(rows(a)))
                .evaluate_residual(x.f32(), b.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
];
