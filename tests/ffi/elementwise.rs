//! The element-wise set, and masks.

use dropmask::{MaskMut, ffi};

use crate::function::{Function, Kind::*, Takes::*, buffer};
use crate::shapes::*;

pub const ELEMENTWISE: [Function; 21] = [
    Function {
        name: "dropmask_scale",
        takes: &[P],
        sizes: &[],
        buffers: &[buffer(OneF32, |_| 1)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_scale(a.p, a.at(0)) },
        expected: |a, b| {
            let [scale] = b else { panic!() };
            scale.f32_mut()[0] = probability(a).scale();
        },
    },
    Function {
        name: "dropmask_keep",
        takes: &[P],
        sizes: &[],
        buffers: &[buffer(OneF32, |_| 1)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_keep(a.p, a.at(0)) },
        expected: |a, b| {
            let [keep] = b else { panic!() };
            keep.f32_mut()[0] = probability(a).keep();
        },
    },
    Function {
        name: "dropmask_threshold",
        takes: &[P],
        sizes: &[],
        buffers: &[buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_threshold(a.p, a.at(0)) },
        expected: |a, b| {
            let [threshold] = b else { panic!() };
            threshold.u64_mut()[0] = probability(a).threshold();
        },
    },
    Function {
        name: "dropmask_mask_count_kept",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words_from_first), buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_count_kept(a.at(0), a.first, a.sizes[0], a.at(1)) },
        expected: |a, b| {
            let [mask, kept] = b else { panic!() };
            kept.u64_mut()[0] = mask_at_first(a, mask.u64()).count_kept() as u64;
        },
    },
    Function {
        name: "dropmask_mask_complement",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_complement(a.at(0), a.sizes[0]) },
        expected: |a, b| {
            let [mask] = b else { panic!() };
            MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap().complement();
        },
    },
    Function {
        name: "dropmask_mask_copy",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words_from_first), buffer(U64, words)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_copy(a.at(0), a.first, a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [mask, out] = b else { panic!() };
            MaskMut::new(out.u64_mut(), a.sizes[0]).unwrap().copy_from(mask_at_first(a, mask.u64())).unwrap();
        },
    },
    Function {
        name: "dropmask_mask_to_u8",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words_from_first), buffer(U8, flat)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_to_u8(a.at(0), a.first, a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [mask, out] = b else { panic!() };
            mask_at_first(a, mask.u64()).write_u8(out.u8_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_mask_from_u8",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U8, flat), buffer(U64, words)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_from_u8(a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [kept, mask] = b else { panic!() };
            MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap().copy_from_u8(kept.u8()).unwrap();
        },
    },
    Function {
        name: "dropmask_mask_to_le_bytes",
        takes: &[],
        sizes: &[201],
        buffers: &[buffer(U64, words_from_first), buffer(U8, bytes)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_to_le_bytes(a.at(0), a.first, a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [mask, out] = b else { panic!() };
            mask_at_first(a, mask.u64()).write_le_bytes(out.u8_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_mask_from_le_bytes",
        takes: &[],
        sizes: &[201],
        buffers: &[buffer(U8, bytes), buffer(U64, words)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_mask_from_le_bytes(a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [bytes, mask] = b else { panic!() };
            MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap().copy_from_le_bytes(bytes.u8()).unwrap();
        },
    },
    Function {
        name: "dropmask_fill",
        takes: &[P, Offset],
        sizes: &[1100],
        buffers: &[buffer(U64, words)],
        span: flat,
        call: |a| unsafe { ffi::dropmask_fill(a.key, a.p, a.offset, a.at(0), a.sizes[0]) },
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a).fill(&mut MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap()).unwrap();
        },
    },
    Function {
        name: "dropmask_forward_f32",
        takes: &[P, Offset],
        sizes: &[1100],
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(0), buffer(U64, words).optional()],
        span: flat,
        call: |a| unsafe { ffi::dropmask_forward_f32(a.key, a.p, a.offset, a.at(0), a.at(1), a.at(2), a.sizes[0]) },
        expected: |a, b| {
            let [x, y, mask] = b else { panic!() };
            stream(a)
                .forward_store(x.f32(), y.f32_mut(), &mut MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_backward_f32",
        takes: &[P, Offset],
        sizes: &[1100],
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(0)],
        span: flat,
        call: |a| unsafe { ffi::dropmask_backward_f32(a.key, a.p, a.offset, a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_forward_residual_f32",
        takes: &[P, Offset],
        sizes: &[200],
        buffers: &[buffer(F32, flat), buffer(F32, flat), buffer(F32, flat).over(0)],
        span: flat,
        call: |a| unsafe {
            ffi::dropmask_forward_residual_f32(a.key, a.p, a.offset, a.at(0), a.at(1), a.at(2), a.sizes[0])
        },
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).forward_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_forward_add_f32",
        takes: &[P, Offset],
        sizes: &[200],
        buffers: &[buffer(F32, flat), buffer(F32, flat)],
        span: flat,
        call: |a| unsafe { ffi::dropmask_forward_add_f32(a.key, a.p, a.offset, a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [x, r] = b else { panic!() };
            stream(a).forward_add(x.f32(), r.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_backward_add_f32",
        takes: &[P, Offset],
        sizes: &[200],
        buffers: &[buffer(F32, flat), buffer(F32, flat)],
        span: flat,
        call: |a| unsafe { ffi::dropmask_backward_add_f32(a.key, a.p, a.offset, a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).backward_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_evaluate_f32",
        takes: &[P, Scaling],
        sizes: &[200],
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(0)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_evaluate_f32(a.p, a.scaling, a.at(0), a.at(1), a.sizes[0]) },
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            stream(a).offset(0).evaluate(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_evaluate_residual_f32",
        takes: &[P, Scaling],
        sizes: &[200],
        buffers: &[buffer(F32, flat), buffer(F32, flat), buffer(F32, flat)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_evaluate_residual_f32(a.p, a.scaling, a.at(0), a.at(1), a.at(2), a.sizes[0]) },
        expected: |a, b| {
            let [x, r, y] = b else { panic!() };
            stream(a).offset(0).evaluate_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_apply_f32",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words), buffer(F32, flat), buffer(F32, flat).over(1)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_apply_f32(a.at(0), a.factor, a.at(1), a.at(2), a.sizes[0]) },
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            stored(a, mask.u64(), a.sizes[0]).apply(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_apply_add_f32",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words), buffer(F32, flat), buffer(F32, flat)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_apply_add_f32(a.at(0), a.factor, a.at(1), a.at(2), a.sizes[0]) },
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            stored(a, mask.u64(), a.sizes[0]).apply_add(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_apply_residual_f32",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words), buffer(F32, flat), buffer(F32, flat), buffer(F32, flat)],
        span: |_| 0,
        call: |a| unsafe { ffi::dropmask_apply_residual_f32(a.at(0), a.factor, a.at(1), a.at(2), a.at(3), a.sizes[0]) },
        expected: |a, b| {
            let [mask, x, r, y] = b else { panic!() };
            stored(a, mask.u64(), a.sizes[0]).apply_residual(x.f32(), r.f32(), y.f32_mut()).unwrap();
        },
    },
];
