//! Words of a vocabulary, and maps of images.

use std::ptr::{null, null_mut};

use dropmask::ffi::*;
use dropmask::{EmbeddingDropout, KeptCount};

use crate::described::*;
use crate::function::{Args, Function, Kind::*, Null, Takes::*, buffer};
use crate::shapes::*;

pub const MAPS: [Function; 19] = [
    Function {
        name: "dropmask_embedding_lookup_f32",
        takes: &[P, Offset, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, table), buffer(F32, looked_up)],
        span: first_size,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_lookup_f32(call, null(), a.sizes[2], a.at(0), a.at(1), a.at(2))
            })
        },
        expected: |a, b| {
            let [ids, table, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .lookup(ids.u32(), table.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_forward_f32",
        takes: &[P, Offset, Scaling, Accumulate, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, looked_up).over(&[1])],
        span: first_size,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_forward_f32(call, null(), a.sizes[2], a.at(0), a.at(1), a.at(2), a.accumulate)
            })
        },
        expected: |a, b| {
            let [ids, x, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .forward(ids.u32(), x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_forward_f32",
        takes: &[P, Offset, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, looked_up)],
        span: first_size,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_forward_f32(call, null(), a.sizes[2], a.at(0), a.at(1), a.at(2), 1)
            })
        },
        expected: |a, b| {
            let [ids, x, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .backward_add(ids.u32(), x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_backward_table_f32",
        takes: &[P, Offset, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, table)],
        span: first_size,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_backward_table_f32(call, null(), a.sizes[2], a.at(0), a.at(1), a.at(2))
            })
        },
        expected: |a, b| {
            let [ids, dy, dtable] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .backward_table(ids.u32(), dy.f32(), dtable.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_lookup_f32",
        takes: &[P, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[
            buffer(U64, words).null(Null::Choice),
            buffer(Ids, count),
            buffer(F32, table),
            buffer(F32, looked_up),
        ],
        span: |_| 0,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_lookup_f32(call, a.at(0), a.sizes[2], a.at(1), a.at(2), a.at(3))
            })
        },
        expected: |a, b| {
            let [mask, ids, table, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a).with_offset(0), [a.sizes[0], a.sizes[1]])
                .stored(mask_of(mask, first_size(a)))
                .lookup(ids.u32(), table.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_forward_f32",
        takes: &[P, Scaling, Accumulate, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[
            buffer(U64, words).null(Null::Choice),
            buffer(Ids, count),
            buffer(F32, looked_up),
            buffer(F32, looked_up).over(&[2]),
        ],
        span: |_| 0,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_forward_f32(call, a.at(0), a.sizes[2], a.at(1), a.at(2), a.at(3), a.accumulate)
            })
        },
        expected: |a, b| {
            let [mask, ids, x, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a).with_offset(0), [a.sizes[0], a.sizes[1]])
                .stored(mask_of(mask, first_size(a)))
                .forward(ids.u32(), x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_forward_f32",
        takes: &[P, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[
            buffer(U64, words).null(Null::Choice),
            buffer(Ids, count),
            buffer(F32, looked_up),
            buffer(F32, looked_up),
        ],
        span: |_| 0,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_forward_f32(call, a.at(0), a.sizes[2], a.at(1), a.at(2), a.at(3), 1)
            })
        },
        expected: |a, b| {
            let [mask, ids, x, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a).with_offset(0), [a.sizes[0], a.sizes[1]])
                .stored(mask_of(mask, first_size(a)))
                .backward_add(ids.u32(), x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_backward_table_f32",
        takes: &[P, Scaling, Shape, Call],
        sizes: &[7, 5, 11],
        buffers: &[
            buffer(U64, words).null(Null::Choice),
            buffer(Ids, count),
            buffer(F32, looked_up),
            buffer(F32, table),
        ],
        span: |_| 0,
        call: |a| {
            by_table(a, |call| unsafe {
                dropmask_embedding_backward_table_f32(call, a.at(0), a.sizes[2], a.at(1), a.at(2), a.at(3))
            })
        },
        expected: |a, b| {
            let [mask, ids, dy, dtable] = b else { panic!() };
            EmbeddingDropout::new(stream(a).with_offset(0), [a.sizes[0], a.sizes[1]])
                .stored(mask_of(mask, first_size(a)))
                .backward_table(ids.u32(), dy.f32(), dtable.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_cutout_forward_f32",
        takes: &[Offset, Accumulate],
        sizes: &[2, 3, 8, 9, 3, 4],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(&[0])],
        span: maps_samples,
        call: |a| {
            let [n, c, h, w, rows, columns] = a.sizes[..] else { panic!() };
            unsafe {
                dropmask_cutout_forward_f32(
                    a.key,
                    a.offset,
                    n,
                    c,
                    h,
                    w,
                    rows,
                    columns,
                    a.boxes,
                    a.at(0),
                    a.at(1),
                    a.accumulate,
                )
            }
        },
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            cutout(a).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_cutout_forward_f32",
        takes: &[Offset],
        sizes: &[2, 3, 8, 9, 3, 4],
        buffers: &[buffer(F32, maps), buffer(F32, maps)],
        span: maps_samples,
        call: |a| {
            let [n, c, h, w, rows, columns] = a.sizes[..] else { panic!() };
            unsafe {
                dropmask_cutout_forward_f32(a.key, a.offset, n, c, h, w, rows, columns, a.boxes, a.at(0), a.at(1), 1)
            }
        },
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            cutout(a).backward_add(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_dropblock_gamma",
        takes: &[P, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(OneU64, |_| 1), buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: |a| {
            by_maps(a, |call| unsafe { dropmask_dropblock_gamma(call, a.sizes[4], a.factor.into(), a.at(0), a.at(1)) })
        },
        expected: |a, b| {
            let [threshold, seeds] = b else { panic!() };
            let drop_block = drop_block(a);
            threshold.u64_mut()[0] = drop_block.gamma().threshold();
            seeds.u64_mut()[0] = drop_block.seeds();
        },
    },
    Function {
        name: "dropmask_dropblock_fill",
        takes: &[P, Offset, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(U64, map_words).null(Null::Choice), buffer(OneU64, |_| 1)],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe { dropmask_dropblock_fill(call, a.sizes[4], a.factor.into(), a.at(0), a.at(1)) })
        },
        expected: |a, b| {
            let [mask, kept] = b else { panic!() };
            kept.u64_mut()[0] = drop_block(a).fill(&mut mask_mut(mask, map_bits(a))).unwrap().kept();
        },
    },
    Function {
        name: "dropmask_dropblock_fill",
        takes: &[P, Offset, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(OneU64, |_| 1)],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_fill(call, a.sizes[4], a.factor.into(), null_mut(), a.at(0))
            })
        },
        expected: |a, b| {
            let [kept] = b else { panic!() };
            kept.u64_mut()[0] = drop_block(a).count().unwrap().kept();
        },
    },
    Function {
        name: "dropmask_dropblock_forward_f32",
        takes: &[P, Offset, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[
            buffer(F32, maps),
            buffer(F32, maps).over(&[0]),
            buffer(U64, map_words).null(Null::Choice),
            buffer(OneU64, |_| 1),
        ],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_forward_f32(call, a.sizes[4], a.factor.into(), a.at(0), a.at(1), a.at(2), a.at(3))
            })
        },
        expected: |a, b| {
            let [x, y, mask, kept] = b else { panic!() };
            let count = drop_block(a).forward(x.f32(), y.f32_mut(), &mut mask_mut(mask, map_bits(a))).unwrap();
            kept.u64_mut()[0] = count.kept();
        },
    },
    Function {
        name: "dropmask_dropblock_forward_f32",
        takes: &[P, Offset, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(&[0]), buffer(OneU64, |_| 1)],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_forward_f32(call, a.sizes[4], a.factor.into(), a.at(0), a.at(1), null_mut(), a.at(2))
            })
        },
        expected: |a, b| {
            let [x, y, kept] = b else { panic!() };
            let count = drop_block(a).count().unwrap();
            drop_block(a).replay(x.f32(), y.f32_mut(), count).unwrap();
            kept.u64_mut()[0] = count.kept();
        },
    },
    Function {
        name: "dropmask_dropblock_backward_f32",
        takes: &[P, Offset, Accumulate, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(&[0])],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_backward_f32(
                    call,
                    a.sizes[4],
                    a.factor.into(),
                    null(),
                    a.number,
                    0,
                    a.at(0),
                    a.at(1),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            drop_block(a).replay(dy.f32(), dx.f32_mut(), KeptCount::new(a.number, map_bits(a) as u64)).unwrap();
        },
    },
    Function {
        name: "dropmask_dropblock_backward_f32",
        takes: &[P, Offset, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(F32, maps), buffer(F32, maps)],
        span: seeds,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_backward_f32(
                    call,
                    a.sizes[4],
                    a.factor.into(),
                    null(),
                    a.number,
                    1000,
                    a.at(0),
                    a.at(1),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            drop_block(a).replay_add(dy.f32(), dx.f32_mut(), KeptCount::new(a.number, 1000)).unwrap();
        },
    },
    Function {
        name: "dropmask_dropblock_backward_f32",
        takes: &[P, Accumulate, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(U64, map_words).null(Null::Choice), buffer(F32, maps), buffer(F32, maps).over(&[1])],
        span: |_| 0,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_backward_f32(
                    call,
                    a.sizes[4],
                    a.factor.into(),
                    a.at(0),
                    a.number,
                    0,
                    a.at(1),
                    a.at(2),
                    a.accumulate,
                )
            })
        },
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            drop_block(&Args { offset: 0, ..a.clone() })
                .backward(
                    dy.f32(),
                    dx.f32_mut(),
                    mask_of(mask, map_bits(a)),
                    KeptCount::new(a.number, map_bits(a) as u64),
                )
                .unwrap();
        },
    },
    Function {
        name: "dropmask_dropblock_backward_f32",
        takes: &[P, Either, Inverted, Factor, Block(4), Shape, Call],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(U64, map_words).null(Null::Choice), buffer(F32, maps), buffer(F32, maps)],
        span: |_| 0,
        call: |a| {
            by_maps(a, |call| unsafe {
                dropmask_dropblock_backward_f32(
                    call,
                    a.sizes[4],
                    a.factor.into(),
                    a.at(0),
                    a.number,
                    1000,
                    a.at(1),
                    a.at(2),
                    1,
                )
            })
        },
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            drop_block(&Args { offset: 0, ..a.clone() })
                .backward_add(dy.f32(), dx.f32_mut(), mask_of(mask, map_bits(a)), KeptCount::new(a.number, 1000))
                .unwrap();
        },
    },
];
