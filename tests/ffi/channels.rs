//! What has one bit for a channel or a sample.

use dropmask::{AlphaDropout, Layout};

use crate::function::{Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::*;

pub const CHANNELS: [Function; 17] = [
    Function {
        name: "dropmask_channels_fill",
        takes: &[P, Offset, StoredAlone],
        sizes: &[3, 5],
        buffers: &[buffer(U64, stored_words)],
        span: rows_span,
        call: call!(dropmask_channels_fill: key p offset [0] [1] index_stride (0)),
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a)
                .with_layout(Layout::channels_first(a.sizes[0], a.sizes[1], 1).index_strides([a.index_stride, 1, 0]))
                .fill(&mut mask_mut(mask, stored_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_channels_forward_f32",
        takes: &[P, Offset, Scaling, Option, StoredAlone],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0), buffer(U64, stored_words).null(Null::Unwritten)],
        span: channels_span,
        call: call!(dropmask_channels_forward_f32: key p offset scaling option [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .with_layout(channels(a))
                .forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, stored_bits(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_channels_forward_residual_f32",
        takes: &[P, Offset, Scaling, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product), buffer(F32, product).over(0)],
        span: channels_span,
        call: call!(dropmask_channels_forward_residual_f32:
            key p offset scaling option [0] [1] [2] index_stride (0) (1) (2)),
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).with_layout(channels(a)).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_channels_forward_add_f32",
        takes: &[P, Offset, Scaling, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product)],
        span: channels_span,
        call: call!(dropmask_channels_forward_add_f32: key p offset scaling option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [x, r] = b else { panic!() };
            stream(a).with_layout(channels(a)).forward_add(x.f32(), r.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_channels_backward_f32",
        takes: &[P, Offset, Scaling, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0)],
        span: channels_span,
        call: call!(dropmask_channels_backward_f32: key p offset scaling option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).with_layout(channels(a)).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_channels_backward_add_f32",
        takes: &[P, Offset, Scaling, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product)],
        span: channels_span,
        call: call!(dropmask_channels_backward_add_f32: key p offset scaling option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).with_layout(channels(a)).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_channels_apply_f32",
        takes: &[Option, Indexed],
        sizes: &[3, 5, 21],
        buffers: &[buffer(U64, channels_words_from_first), buffer(F32, product), buffer(F32, product).over(1)],
        span: |_| 0,
        call: call!(dropmask_channels_apply_f32: (0) first factor option [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            at_first(a, mask.u64(), channels_span(a))
                .with_indexed_bits(channels(a))
                .apply(x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_channels_apply_add_f32",
        takes: &[Option, Indexed],
        sizes: &[3, 5, 21],
        buffers: &[buffer(U64, channels_words_from_first), buffer(F32, product), buffer(F32, product)],
        span: |_| 0,
        call: call!(dropmask_channels_apply_add_f32: (0) first factor option [0] [1] [2] index_stride (1) (2)),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            at_first(a, mask.u64(), channels_span(a))
                .with_indexed_bits(channels(a))
                .apply_add(dy.f32(), dx.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_channels_apply_residual_f32",
        takes: &[Option, Indexed],
        sizes: &[3, 5, 21],
        buffers: &[
            buffer(U64, channels_words_from_first),
            buffer(F32, product),
            buffer(F32, product),
            buffer(F32, product).over(1),
        ],
        span: |_| 0,
        call: call!(dropmask_channels_apply_residual_f32: (0) first factor option [0] [1] [2] index_stride (1) (2) (3)),
        expected: |a, b| {
            let [mask, x, r, y] = b else { panic!() };
            at_first(a, mask.u64(), channels_span(a))
                .with_indexed_bits(channels(a))
                .apply_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_path_forward_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[70, 19],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0), buffer(U64, words).null(Null::Unwritten)],
        span: samples,
        call: call!(dropmask_path_forward_f32: key p offset scaling [0] [1] (0) (1) (2)),
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .with_layout(Layout::samples(a.sizes[0], a.sizes[1]))
                .forward_store(x.f32(), y.f32_mut(), &mut mask_mut(mask, flat(a)))
                .unwrap();
        },
    },
    Function {
        name: "dropmask_path_forward_residual_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[70, 19],
        buffers: &[buffer(F32, product), buffer(F32, product), buffer(F32, product).over(0)],
        span: samples,
        call: call!(dropmask_path_forward_residual_f32: key p offset scaling [0] [1] (0) (1) (2)),
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a)
                .with_layout(Layout::samples(a.sizes[0], a.sizes[1]))
                .forward_residual(x.f32(), r.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_path_forward_add_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[70, 19],
        buffers: &[buffer(F32, product), buffer(F32, product)],
        span: samples,
        call: call!(dropmask_path_forward_add_f32: key p offset scaling [0] [1] (0) (1)),
        expected: |a, b| {
            let [x, r] = b else { panic!() };
            stream(a).with_layout(Layout::samples(a.sizes[0], a.sizes[1])).forward_add(x.f32(), r.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_path_backward_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[70, 19],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0)],
        span: samples,
        call: call!(dropmask_path_backward_f32: key p offset scaling [0] [1] (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).with_layout(Layout::samples(a.sizes[0], a.sizes[1])).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_path_backward_add_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[70, 19],
        buffers: &[buffer(F32, product), buffer(F32, product)],
        span: samples,
        call: call!(dropmask_path_backward_add_f32: key p offset scaling [0] [1] (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a)
                .with_layout(Layout::samples(a.sizes[0], a.sizes[1]))
                .backward_add(dy.f32(), dx.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_feature_alpha_forward_f32",
        takes: &[P, Offset, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0)],
        span: channels_span,
        call: call!(dropmask_feature_alpha_forward_f32: key p offset option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(channels(a))).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_feature_alpha_backward_f32",
        takes: &[P, Offset, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product).over(0)],
        span: channels_span,
        call: call!(dropmask_feature_alpha_backward_f32: key p offset option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(channels(a))).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_feature_alpha_backward_add_f32",
        takes: &[P, Offset, Option],
        sizes: &[3, 5, 21],
        buffers: &[buffer(F32, product), buffer(F32, product)],
        span: channels_span,
        call: call!(dropmask_feature_alpha_backward_add_f32: key p offset option [0] [1] [2] index_stride (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            AlphaDropout::new(stream(a).with_layout(channels(a))).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
];
