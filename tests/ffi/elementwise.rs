//! The element-wise set, and masks.

use dropmask::{MaskMut, Probability};

use crate::function::{Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::*;

pub const ELEMENTWISE: [Function; 9] = [
    Function {
        name: "dropmask_scale",
        takes: &[P],
        sizes: &[],
        buffers: &[buffer(OneF32, |_| 1)],
        span: |_| 0,
        call: call!(dropmask_scale: p (0)),
        expected: |a, b| {
            let [scale] = b else { panic!() };
            scale.f32_mut()[0] = probability(a).scale();
        },
    },
    Function {
        name: "dropmask_threshold",
        takes: &[P],
        sizes: &[],
        buffers: &[buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: |a| unsafe { dropmask::ffi::dropmask_threshold(a.p.into(), a.at(0)) },
        expected: |a, b| {
            let [threshold] = b else { panic!() };
            threshold.u64_mut()[0] = Probability::from_f64(a.p.into()).unwrap().threshold();
        },
    },
    Function {
        name: "dropmask_mask_count_kept",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words_from_first), buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: call!(dropmask_mask_count_kept: (0) first (1) [0]),
        expected: |a, b| {
            let [mask, kept] = b else { panic!() };
            kept.u64_mut()[0] = mask_at_first(a, mask.u64()).count_kept() as u64;
        },
    },
    Function {
        name: "dropmask_mask_to_u8",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words_from_first), buffer(U8, flat)],
        span: |_| 0,
        call: call!(dropmask_mask_to_u8: (0) first (1) [0]),
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
        call: call!(dropmask_mask_from_u8: (0) (1) [0]),
        expected: |a, b| {
            let [kept, mask] = b else { panic!() };
            MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap().copy_from_u8(kept.u8()).unwrap();
        },
    },
    Function {
        name: "dropmask_fill",
        takes: &[P, Offset],
        sizes: &[1100],
        buffers: &[buffer(U64, words)],
        span: flat,
        call: call!(dropmask_fill: key p offset (0) [0]),
        expected: |a, b| {
            let [mask] = b else { panic!() };
            stream(a).fill(&mut MaskMut::new(mask.u64_mut(), a.sizes[0]).unwrap()).unwrap();
        },
    },
    Function {
        name: "dropmask_forward_f32",
        takes: &[P, Offset],
        sizes: &[1100],
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(&[0]), buffer(U64, words).null(Null::Unwritten)],
        span: flat,
        call: call!(dropmask_forward_f32: key p offset (0) (1) (2) [0]),
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
        buffers: &[buffer(F32, flat), buffer(F32, flat).over(&[0])],
        span: flat,
        call: call!(dropmask_backward_f32: key p offset (0) (1) [0]),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            stream(a).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_apply_f32",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words), buffer(F32, flat), buffer(F32, flat).over(&[1])],
        span: |_| 0,
        call: call!(dropmask_apply_f32: (0) factor (1) (2) [0]),
        expected: |a, b| {
            let [mask, x, y] = b else { panic!() };
            stored(a, mask.u64(), a.sizes[0]).apply(x.f32(), y.f32_mut()).unwrap();
        },
    },
];
