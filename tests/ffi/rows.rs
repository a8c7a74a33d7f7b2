//! What goes by rows.

use dropmask::{AlphaDropout, BiasDropout, Mask, ReluDropout, Rows};

use crate::function::{Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::*;

pub const ROWS: [Function; 25] = [
    Function {
        name: "dropmask_rows_fill",
        takes: &[P, Offset, Bits],
        sizes: &[3, 70],
        buffers: &[buffer(U64, rows_words)],
        span: rows_span,
        call: call!(dropmask_rows_fill: key p offset [0] [1] index_stride (0)),
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a)
                .rows(Rows::new(a.sizes[0], a.sizes[1]).index_stride(a.index_stride))
                .fill(&mut mask_mut(mask, rows_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_rows_forward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(0),
            buffer(U64, rows_words).null(Null::Unwritten),
        ],
        span: rows_span,
        call: call!(dropmask_rows_forward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a).rows(rows(a)).forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, rows_bits(a))).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_forward_residual_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: rows_span,
        call: call!(dropmask_rows_forward_residual_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).rows(rows(a)).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_forward_add_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: rows_span,
        call: call!(dropmask_rows_forward_add_f32: key p offset scaling [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [x, r] = b else { panic!() };
            stream(a).rows(rows(a)).forward_add(x.f32(), r.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_backward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: rows_span,
        call: call!(dropmask_rows_backward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).rows(rows(a)).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_backward_add_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: rows_span,
        call: call!(dropmask_rows_backward_add_f32: key p offset scaling [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).rows(rows(a)).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_evaluate_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: |_| 0,
        call: call!(dropmask_rows_evaluate_f32: p scaling [0] [1] [2] (0) (1)),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            stream(a).with_offset(0).rows(dense_index_rows(a)).evaluate(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_evaluate_residual_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: |_| 0,
        call: call!(dropmask_rows_evaluate_residual_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a)
                .with_offset(0)
                .rows(dense_index_rows(a))
                .evaluate_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_f32",
        takes: &[Stride, WordStride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words_from_first), buffer(F32, rows_elements), buffer(F32, rows_elements).over(1)],
        span: |_| 0,
        call: call!(dropmask_rows_apply_f32: (0) first factor [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).rows(rows(a)).apply(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_add_f32",
        takes: &[Stride, WordStride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words_from_first), buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: |_| 0,
        call: call!(dropmask_rows_apply_add_f32: (0) first factor [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).rows(rows(a)).apply_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_residual_f32",
        takes: &[Stride, WordStride],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(U64, rows_words_from_first),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(1),
        ],
        span: |_| 0,
        call: call!(dropmask_rows_apply_residual_f32: (0) first factor [0] [1] [2] index_stride (1) (2) (3)),
        expected: |a, b| {
            let [mask, x, r, y] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).rows(rows(a)).apply_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_forward_f32",
        takes: &[P, Offset, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: rows_span,
        call: call!(dropmask_alpha_forward_f32: key p offset [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            AlphaDropout::new(stream(a).rows(rows(a))).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_backward_f32",
        takes: &[P, Offset, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: rows_span,
        call: call!(dropmask_alpha_backward_f32: key p offset [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            AlphaDropout::new(stream(a).rows(rows(a))).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_alpha_backward_add_f32",
        takes: &[P, Offset, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: rows_span,
        call: call!(dropmask_alpha_backward_add_f32: key p offset [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            AlphaDropout::new(stream(a).rows(rows(a))).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_forward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, columns), buffer(F32, rows_elements).over(0)],
        span: rows_span,
        call: call!(dropmask_bias_forward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, b, y] = b else { panic!() };
            BiasDropout::new(stream(a).rows(rows(a))).forward(x.f32(), b.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_forward_residual_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, columns),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(0),
        ],
        span: rows_span,
        call: call!(dropmask_bias_forward_residual_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2) (3)),
        expected: |a, b| {
            let [x, b, r, y] = b else { panic!() };
            BiasDropout::new(stream(a).rows(rows(a))).forward_residual(x.f32(), b.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_forward_add_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, columns), buffer(F32, rows_elements)],
        span: rows_span,
        call: call!(dropmask_bias_forward_add_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, b, r] = b else { panic!() };
            BiasDropout::new(stream(a).rows(rows(a))).forward_add(x.f32(), b.f32(), r.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_backward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0), buffer(F32, columns)],
        span: rows_span,
        call: call!(dropmask_bias_backward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [dy, dx, db] = b else { panic!() };
            BiasDropout::new(stream(a).rows(rows(a))).backward(dy.f32(), dx.f32_mut(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_backward_add_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements), buffer(F32, columns)],
        span: rows_span,
        call: call!(dropmask_bias_backward_add_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [dy, dx, db] = b else { panic!() };
            BiasDropout::new(stream(a).rows(rows(a))).backward_add(dy.f32(), dx.f32_mut(), db.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_bias_evaluate_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, columns), buffer(F32, rows_elements).over(0)],
        span: |_| 0,
        call: call!(dropmask_bias_evaluate_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [x, b, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_offset(0).rows(dense_index_rows(a)))
                .evaluate(x.f32(), b.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_bias_evaluate_residual_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[
            buffer(F32, rows_elements),
            buffer(F32, columns),
            buffer(F32, rows_elements),
            buffer(F32, rows_elements).over(0),
        ],
        span: |_| 0,
        call: call!(dropmask_bias_evaluate_residual_f32: p scaling [0] [1] [2] (0) (1) (2) (3)),
        expected: |a, b| {
            let [x, b, r, y] = b else { panic!() };
            BiasDropout::new(stream(a).with_offset(0).rows(dense_index_rows(a)))
                .evaluate_residual(x.f32(), b.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_forward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0), buffer(U64, rows_words)],
        span: rows_span,
        call: call!(dropmask_relu_forward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            ReluDropout::new(stream(a).rows(rows(a)))
                .forward(x.f32(), y.f32_mut(), &mut mask_mut(mask, rows_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words), buffer(F32, rows_elements), buffer(F32, rows_elements).over(1)],
        span: |_| 0,
        call: call!(dropmask_relu_backward_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            let mask = Mask::new(mask.u64(), rows_bits(a) as usize).unwrap();
            ReluDropout::new(stream(a).with_offset(0).rows(dense_index_rows(a)))
                .backward(dy.f32(), dx.f32_mut(), mask)
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_add_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words), buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: |_| 0,
        call: call!(dropmask_relu_backward_add_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            let mask = Mask::new(mask.u64(), rows_bits(a) as usize).unwrap();
            ReluDropout::new(stream(a).with_offset(0).rows(dense_index_rows(a)))
                .backward_add(dy.f32(), dx.f32_mut(), mask)
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_evaluate_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0)],
        span: |_| 0,
        call: call!(dropmask_relu_evaluate_f32: p scaling [0] [1] [2] (0) (1)),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            ReluDropout::new(stream(a).with_offset(0).rows(dense_index_rows(a)))
                .evaluate(x.f32(), y.f32_mut())
                .unwrap();
        },
    },
];
