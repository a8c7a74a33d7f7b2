//! What goes by rows.

use dropmask::{AlphaDropout, BiasDropout, Layout, Mask, ReluDropout};

use crate::function::{Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::*;

pub const ROWS: [Function; 25] = [
    Function {
        name: "dropmask_rows_fill",
        takes: &[P, Offset, StoredAlone],
        sizes: &[3, 70],
        buffers: &[buffer(U64, stored_words)],
        span: rows_span,
        call: call!(dropmask_rows_fill: key p offset [0] [1] index_stride (0)),
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a)
                .with_layout(Layout::rows(a.sizes[0], a.sizes[1]).index_strides([a.index_stride, 1]))
                .fill(&mut mask_mut(mask, stored_bits(a)))
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
            buffer(U64, stored_words).null(Null::Unwritten),
        ],
        span: rows_span,
        call: call!(dropmask_rows_forward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .with_layout(rows(a))
                .forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, stored_bits(a)))
                .unwrap();
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
            stream(a).with_layout(rows(a)).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
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
            stream(a).with_layout(rows(a)).forward_add(x.f32(), r.f32_mut()).unwrap();
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
            stream(a).with_layout(rows(a)).backward(dy.f32(), dx.f32_mut()).unwrap();
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
            stream(a).with_layout(rows(a)).backward_add(dy.f32(), dx.f32_mut()).unwrap();
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
            stream(a).with_offset(0).with_layout(dense_index_rows(a)).evaluate(x.f32(), y.f32_mut()).unwrap();
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
                .with_layout(dense_index_rows(a))
                .evaluate_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_f32",
        takes: &[Stride, Indexed],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words_from_first), buffer(F32, rows_elements), buffer(F32, rows_elements).over(1)],
        span: |_| 0,
        call: call!(dropmask_rows_apply_f32: (0) first factor [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).with_indexed_bits(rows(a)).apply(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_add_f32",
        takes: &[Stride, Indexed],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, rows_words_from_first), buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: |_| 0,
        call: call!(dropmask_rows_apply_add_f32: (0) first factor [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            at_first(a, mask.u64(), rows_span(a)).with_indexed_bits(rows(a)).apply_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_rows_apply_residual_f32",
        takes: &[Stride, Indexed],
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
            at_first(a, mask.u64(), rows_span(a))
                .with_indexed_bits(rows(a))
                .apply_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
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
            AlphaDropout::new(stream(a).with_layout(rows(a))).forward(x.f32(), y.f32_mut()).unwrap();
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
            AlphaDropout::new(stream(a).with_layout(rows(a))).backward(dy.f32(), dx.f32_mut()).unwrap();
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
            AlphaDropout::new(stream(a).with_layout(rows(a))).backward_add(dy.f32(), dx.f32_mut()).unwrap();
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
            BiasDropout::new(stream(a).with_layout(rows(a))).forward(x.f32(), b.f32(), y.f32_mut()).unwrap();
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
            BiasDropout::new(stream(a).with_layout(rows(a)))
                .forward_residual(x.f32(), b.f32(), r.f32(), y.f32_mut())
                .unwrap();
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
            BiasDropout::new(stream(a).with_layout(rows(a))).forward_add(x.f32(), b.f32(), r.f32_mut()).unwrap();
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
            BiasDropout::new(stream(a).with_layout(rows(a))).backward(dy.f32(), dx.f32_mut(), db.f32_mut()).unwrap();
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
            BiasDropout::new(stream(a).with_layout(rows(a)))
                .backward_add(dy.f32(), dx.f32_mut(), db.f32_mut())
                .unwrap();
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
            BiasDropout::new(stream(a).with_offset(0).with_layout(dense_index_rows(a)))
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
            BiasDropout::new(stream(a).with_offset(0).with_layout(dense_index_rows(a)))
                .evaluate_residual(x.f32(), b.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_forward_f32",
        takes: &[P, Offset, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(F32, rows_elements), buffer(F32, rows_elements).over(0), buffer(U64, each_words)],
        span: rows_span,
        call: call!(dropmask_relu_forward_f32: key p offset scaling [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            ReluDropout::new(stream(a).with_layout(rows(a)))
                .forward(x.f32(), y.f32_mut(), &mut mask_mut(mask, each_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, each_words), buffer(F32, rows_elements), buffer(F32, rows_elements).over(1)],
        span: |_| 0,
        call: call!(dropmask_relu_backward_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            let mask = Mask::new(mask.u64(), each_bits(a) as usize).unwrap();
            ReluDropout::new(stream(a).with_offset(0).with_layout(dense_index_rows(a)))
                .backward(dy.f32(), dx.f32_mut(), mask)
                .unwrap();
        },
    },
    Function {
        name: "dropmask_relu_backward_add_f32",
        takes: &[P, Scaling, Stride],
        sizes: &[3, 70, 90],
        buffers: &[buffer(U64, each_words), buffer(F32, rows_elements), buffer(F32, rows_elements)],
        span: |_| 0,
        call: call!(dropmask_relu_backward_add_f32: p scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            let mask = Mask::new(mask.u64(), each_bits(a) as usize).unwrap();
            ReluDropout::new(stream(a).with_offset(0).with_layout(dense_index_rows(a)))
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
            ReluDropout::new(stream(a).with_offset(0).with_layout(dense_index_rows(a)))
                .evaluate(x.f32(), y.f32_mut())
                .unwrap();
        },
    },
];
