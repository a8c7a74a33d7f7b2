//! The rest of the family.

use dropmask::{Cutout, Key};

use crate::function::{Function, Kind::*, Null, buffer, call};
use crate::shapes::*;

pub const FAMILY: [Function; 6] = [
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
        name: "dropmask_moments_variance",
        takes: &[],
        sizes: &[13],
        buffers: &[buffer(F64, flat), buffer(F64, flat)],
        span: |_| 0,
        call: call!(dropmask_moments_variance: number offset (0) (1) [0]),
        expected: |a, b| {
            let [squares, variance] = b else { panic!() };
            for (variance, squares) in variance.f64_mut().iter_mut().zip(squares.f64()) {
                let count = a.number as f64 - a.offset as f64;
                *variance = if count > 0.0 { squares / count } else { f64::NAN };
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
        name: "dropmask_classes_uncertainty",
        takes: &[],
        sizes: &[4, 5],
        buffers: &[buffer(F64, product), buffer(F64, first_size).null(Null::Choice), buffer(F64, first_size)],
        span: |_| 0,
        call: call!(dropmask_classes_uncertainty: [0] [1] (0) (1) (2)),
        expected: |a, b| {
            let [mean, entropy, out] = b else { panic!() };
            let both = entropies(a, mean).into_iter().zip(entropy.f64());
            for (out, (all, expected)) in out.f64_mut().iter_mut().zip(both) {
                *out = if all - expected < 0.0 { 0.0 } else { all - expected }; // NaN stays
            }
        },
    },
    Function {
        name: "dropmask_classes_uncertainty",
        takes: &[],
        sizes: &[4, 5],
        buffers: &[buffer(F64, product), buffer(F64, first_size)],
        span: |_| 0,
        call: call!(dropmask_classes_uncertainty: [0] [1] (0) null (1)),
        expected: |a, b| {
            let [mean, out] = b else { panic!() };
            out.f64_mut().copy_from_slice(&entropies(a, mean));
        },
    },
];
