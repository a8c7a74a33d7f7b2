//! The rest of the family.

use dropmask::{Cutout, DropBlock, EmbeddingDropout, KeptCount, Key, Mask, MaskMut, StoredMask};

use crate::function::{Args, Function, Kind::*, Null, Takes::*, buffer, call};
use crate::shapes::*;

pub const FAMILY: [Function; 26] = [
    Function {
        name: "dropmask_embedding_lookup_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, table), buffer(F32, looked_up)],
        span: first_size,
        call: call!(dropmask_embedding_lookup_f32: key p offset scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [ids, table, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .lookup(ids.u32(), table.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_forward_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, looked_up).over(1)],
        span: first_size,
        call: call!(dropmask_embedding_forward_f32: key p offset scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [ids, x, y] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .forward(ids.u32(), x.f32(), y.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_backward_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, looked_up).over(1)],
        span: first_size,
        call: call!(dropmask_embedding_backward_f32: key p offset scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [ids, dy, dx] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .backward(ids.u32(), dy.f32(), dx.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_backward_table_f32",
        takes: &[P, Offset, Scaling],
        sizes: &[7, 5, 11],
        buffers: &[buffer(Ids, count), buffer(F32, looked_up), buffer(F32, table)],
        span: first_size,
        call: call!(dropmask_embedding_backward_table_f32: key p offset scaling [0] [1] [2] (0) (1) (2)),
        expected: |a, b| {
            let [ids, dy, dtable] = b else { panic!() };
            EmbeddingDropout::new(stream(a), [a.sizes[0], a.sizes[1]])
                .backward_table(ids.u32(), dy.f32(), dtable.f32_mut())
                .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_apply_lookup_f32",
        takes: &[],
        sizes: &[7, 5, 11],
        buffers: &[buffer(U64, words), buffer(Ids, count), buffer(F32, table), buffer(F32, looked_up)],
        span: |_| 0,
        call: call!(dropmask_embedding_apply_lookup_f32: (0) factor [0] [1] [2] (1) (2) (3)),
        expected: |a, b| {
            let [mask, ids, table, y] = b else { panic!() };
            EmbeddingDropout::from_mask(
                StoredMask::new(Mask::new(mask.u64(), a.sizes[0]).unwrap(), a.factor),
                a.sizes[1],
            )
            .lookup(ids.u32(), table.f32(), y.f32_mut())
            .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_apply_f32",
        takes: &[],
        sizes: &[7, 5, 11],
        buffers: &[buffer(U64, words), buffer(Ids, count), buffer(F32, looked_up), buffer(F32, looked_up).over(2)],
        span: |_| 0,
        call: call!(dropmask_embedding_apply_f32: (0) factor [0] [1] [2] (1) (2) (3)),
        expected: |a, b| {
            let [mask, ids, x, y] = b else { panic!() };
            EmbeddingDropout::from_mask(
                StoredMask::new(Mask::new(mask.u64(), a.sizes[0]).unwrap(), a.factor),
                a.sizes[1],
            )
            .forward(ids.u32(), x.f32(), y.f32_mut())
            .unwrap();
        },
    },
    Function {
        name: "dropmask_embedding_apply_table_f32",
        takes: &[],
        sizes: &[7, 5, 11],
        buffers: &[buffer(U64, words), buffer(Ids, count), buffer(F32, looked_up), buffer(F32, table)],
        span: |_| 0,
        call: call!(dropmask_embedding_apply_table_f32: (0) factor [0] [1] [2] (1) (2) (3)),
        expected: |a, b| {
            let [mask, ids, dy, dtable] = b else { panic!() };
            EmbeddingDropout::from_mask(
                StoredMask::new(Mask::new(mask.u64(), a.sizes[0]).unwrap(), a.factor),
                a.sizes[1],
            )
            .backward_table(ids.u32(), dy.f32(), dtable.f32_mut())
            .unwrap();
        },
    },
    Function {
        name: "dropmask_attention_forward_f32",
        takes: &[P, Offset, Scaling, Option, Past(3)],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack).over(0)],
        span: stack,
        call: call!(dropmask_attention_forward_f32: key p offset scaling [0] [1] [2] past option null (0) (1)),
        expected: |a, b| {
            let [scores, weights] = b else { panic!() };
            attention(a).forward(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_f32",
        takes: &[P, Offset, Scaling, Option, Past(3)],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack), buffer(Unit, stack).over(0)],
        span: stack,
        call: call!(dropmask_attention_backward_f32: key p offset scaling [0] [1] [2] past option null (0) (1) (2)),
        expected: |a, b| {
            let [scores, dy, dscores] = b else { panic!() };
            attention(a).backward(scores.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_forward_f32",
        takes: &[P, Scaling, Option, Past(3)],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(U64, stack_words).null(Null::Choice), buffer(Unit, stack), buffer(Unit, stack).over(1)],
        span: |_| 0,
        call: call!(dropmask_attention_forward_f32: key p offset scaling [0] [1] [2] past option (0) (1) (2)),
        expected: |a, b| {
            let [mask, scores, weights] = b else { panic!() };
            let mask = Mask::new(mask.u64(), stack(a) as usize).unwrap();
            attention(a).stored(mask).forward(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_backward_f32",
        takes: &[P, Scaling, Option, Past(3)],
        sizes: &[2, 3, 40, 30],
        buffers: &[
            buffer(U64, stack_words).null(Null::Choice),
            buffer(Unit, stack),
            buffer(Unit, stack),
            buffer(Unit, stack).over(1),
        ],
        span: |_| 0,
        call: call!(dropmask_attention_backward_f32: key p offset scaling [0] [1] [2] past option (0) (1) (2) (3)),
        expected: |a, b| {
            let [mask, scores, dy, dscores] = b else { panic!() };
            let mask = Mask::new(mask.u64(), stack(a) as usize).unwrap();
            attention(a).stored(mask).backward(scores.f32(), dy.f32(), dscores.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_attention_evaluate_f32",
        takes: &[P, Scaling, Option, Past(3)],
        sizes: &[2, 3, 40, 30],
        buffers: &[buffer(Unit, stack), buffer(Unit, stack).over(0)],
        span: |_| 0,
        call: call!(dropmask_attention_evaluate_f32: p scaling [0] [1] [2] past option (0) (1)),
        expected: |a, b| {
            let [scores, weights] = b else { panic!() };
            let a = Args { offset: 0, ..a.clone() };
            attention(&a).evaluate(scores.f32(), weights.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_cutout_forward_f32",
        takes: &[Offset],
        sizes: &[2, 3, 8, 9, 3, 4],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(0)],
        span: maps_samples,
        call: call!(dropmask_cutout_forward_f32: key offset [0] [1] [2] [3] [4] [5] boxes (0) (1)),
        expected: |a, b| {
            let [x, y] = b else { panic!() };
            cutout(a).forward(x.f32(), y.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_cutout_backward_f32",
        takes: &[Offset],
        sizes: &[2, 3, 8, 9, 3, 4],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(0)],
        span: maps_samples,
        call: call!(dropmask_cutout_backward_f32: key offset [0] [1] [2] [3] [4] [5] boxes (0) (1)),
        expected: |a, b| {
            let [dy, dx] = b else { panic!() };
            cutout(a).backward(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_cutout_boxes",
        takes: &[],
        sizes: &[8, 9, 3, 4],
        buffers: &[buffer(Size, |a| 4 * u128::from(a.boxes))],
        span: |_| 0,
        call: call!(dropmask_cutout_boxes: key offset [0] [1] [2] [3] boxes (0)),
        expected: |a, b| {
            let [bounds] = b else { panic!() };
            let cutout = Cutout::new(Key::from_raw(a.key), [1, 1, a.sizes[0], a.sizes[1]], [a.sizes[2], a.sizes[3]])
                .count(a.boxes);
            let all = cutout.boxes(a.offset).flatten().flat_map(|range| [range.start, range.end]);
            bounds.size_mut().iter_mut().zip(all).for_each(|(bound, value)| *bound = value);
        },
    },
    Function {
        name: "dropmask_dropblock_gamma",
        takes: &[P, Block(2)],
        sizes: &[8, 9, 3],
        buffers: &[buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: call!(dropmask_dropblock_gamma: p [0] [1] [2] (0)),
        expected: |a, b| {
            let [threshold] = b else { panic!() };
            threshold.u64_mut()[0] =
                DropBlock::new(stream(a), [1, 1, a.sizes[0], a.sizes[1]], a.sizes[2]).unwrap().gamma().threshold();
        },
    },
    Function {
        name: "dropmask_dropblock_seeds",
        takes: &[Block(4)],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(OneU64, |_| 1)],
        span: |_| 0,
        call: call!(dropmask_dropblock_seeds: [0] [1] [2] [3] [4] (0)),
        expected: |a, b| {
            let [seeds] = b else { panic!() };
            let a = Args { p: 0.5, ..a.clone() };
            seeds.u64_mut()[0] = drop_block(&a).seeds();
        },
    },
    Function {
        name: "dropmask_dropblock_fill",
        takes: &[P, Offset, Block(4)],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(U64, maps_words), buffer(OneU64, |_| 1)],
        span: seeds,
        call: call!(dropmask_dropblock_fill: key p offset [0] [1] [2] [3] [4] (0) (1)),
        expected: |a, b| {
            let [mask, kept] = b else { panic!() };
            kept.u64_mut()[0] =
                drop_block(a).fill(&mut MaskMut::new(mask.u64_mut(), maps(a) as usize).unwrap()).unwrap().kept();
        },
    },
    Function {
        name: "dropmask_dropblock_forward_f32",
        takes: &[P, Offset, Block(4)],
        sizes: &[2, 3, 8, 9, 3],
        buffers: &[buffer(F32, maps), buffer(F32, maps).over(0), buffer(U64, maps_words), buffer(OneU64, |_| 1)],
        span: seeds,
        call: call!(dropmask_dropblock_forward_f32: key p offset [0] [1] [2] [3] [4] (0) (1) (2) (3)),
        expected: |a, b| {
            let [x, y, mask, kept] = b else { panic!() };
            kept.u64_mut()[0] = drop_block(a)
                .forward(x.f32(), y.f32_mut(), &mut MaskMut::new(mask.u64_mut(), maps(a) as usize).unwrap())
                .unwrap()
                .kept();
        },
    },
    Function {
        name: "dropmask_dropblock_backward_f32",
        takes: &[],
        sizes: &[200],
        buffers: &[buffer(U64, words), buffer(F32, flat), buffer(F32, flat).over(1)],
        span: |_| 0,
        call: call!(dropmask_dropblock_backward_f32: number (0) (1) (2) [0]),
        expected: |a, b| {
            let [mask, dy, dx] = b else { panic!() };
            let scale = KeptCount::new(a.number, a.sizes[0] as u64).scale();
            StoredMask::new(Mask::new(mask.u64(), a.sizes[0]).unwrap(), scale).apply(dy.f32(), dx.f32_mut()).unwrap();
        },
    },
    Function {
        name: "dropmask_moments_push_f32",
        takes: &[],
        sizes: &[13],
        buffers: &[buffer(Unit, flat), buffer(F64, flat), buffer(F64, flat)],
        span: |_| 0,
        call: call!(dropmask_moments_push_f32: number (0) (1) (2) [0]),
        expected: |a, b| {
            let [y, mean, squares] = b else { panic!() };
            if a.number == 0 {
                mean.f64_mut().fill(0.0);
                squares.f64_mut().fill(0.0);
            }
            let before: Vec<f64> = y.f32().iter().zip(mean.f64()).map(|(&y, mean)| f64::from(y) - mean).collect();
            push_means(a, mean.f64_mut(), y.f32().iter().map(|&y| y.into()));
            for ((squares, before), (&y, mean)) in
                squares.f64_mut().iter_mut().zip(before).zip(y.f32().iter().zip(mean.f64()))
            {
                *squares += before * (f64::from(y) - mean);
            }
        },
    },
    Function {
        name: "dropmask_moments_population_variance",
        takes: &[],
        sizes: &[13],
        buffers: &[buffer(F64, flat), buffer(F64, flat)],
        span: |_| 0,
        call: call!(dropmask_moments_population_variance: number (0) (1) [0]),
        expected: |a, b| {
            let [squares, variance] = b else { panic!() };
            for (variance, squares) in variance.f64_mut().iter_mut().zip(squares.f64()) {
                *variance = squares / a.number as f64;
            }
        },
    },
    Function {
        name: "dropmask_moments_sample_variance",
        takes: &[],
        sizes: &[13],
        buffers: &[buffer(F64, flat), buffer(F64, flat)],
        span: |_| 0,
        call: call!(dropmask_moments_sample_variance: number (0) (1) [0]),
        expected: |a, b| {
            let [squares, variance] = b else { panic!() };
            for (variance, squares) in variance.f64_mut().iter_mut().zip(squares.f64()) {
                *variance = squares / (a.number as f64 - 1.0).max(0.0);
            }
        },
    },
    Function {
        name: "dropmask_classes_push_f32",
        takes: &[],
        sizes: &[4, 5],
        buffers: &[buffer(Unit, product), buffer(F64, product), buffer(F64, first_size)],
        span: |_| 0,
        call: call!(dropmask_classes_push_f32: number [0] [1] (0) (1) (2)),
        expected: |a, b| {
            let [p, mean, entropy] = b else { panic!() };
            if a.number == 0 {
                mean.f64_mut().fill(0.0);
                entropy.f64_mut().fill(0.0);
            }
            push_means(a, mean.f64_mut(), p.f32().iter().map(|&p| p.into()));
            if a.sizes[1] > 0 {
                push_means(a, entropy.f64_mut(), entropies(a, p).into_iter());
            }
        },
    },
    Function {
        name: "dropmask_classes_predictive_entropy",
        takes: &[],
        sizes: &[4, 5],
        buffers: &[buffer(F64, product), buffer(F64, first_size)],
        span: |_| 0,
        call: call!(dropmask_classes_predictive_entropy: [0] [1] (0) (1)),
        expected: |a, b| {
            let [mean, out] = b else { panic!() };
            out.f64_mut().copy_from_slice(&entropies(a, mean));
        },
    },
    Function {
        name: "dropmask_classes_mutual_information",
        takes: &[],
        sizes: &[4, 5],
        buffers: &[buffer(F64, product), buffer(F64, first_size), buffer(F64, first_size)],
        span: |_| 0,
        call: call!(dropmask_classes_mutual_information: [0] [1] (0) (1) (2)),
        expected: |a, b| {
            let [mean, entropy, out] = b else { panic!() };
            let both = entropies(a, mean).into_iter().zip(entropy.f64());
            out.f64_mut().iter_mut().zip(both).for_each(|(out, (all, expected))| *out = (all - expected).max(0.0));
        },
    },
];
