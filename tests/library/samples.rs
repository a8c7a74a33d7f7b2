//! A probability for each sample: the call on each sample alone. Layouts of all kinds are in `layouts::samples_alone`.

use crate::common::{all_same, floats, to_bits};
use dropmask::{Argument, Dropout, Error, Key, Layout, Level, Probability, SampleDropout, Scaling, Setting};

const MIXED: [f32; 5] = [0.1, 1.0, 0.5, 0.0, 0.7];

fn probabilities(count: usize) -> Vec<Probability> {
    MIXED.into_iter().cycle().take(count).map(|p| Probability::new(p).unwrap()).collect()
}

/// Its own probability, which is not used, drops everything.
fn dropout() -> Dropout {
    Dropout::new(Key::new(91), Probability::new(1.0).unwrap())
}

/// That of sample `n` of so many elements.
fn alone(p: Probability, scaling: Scaling, offset: u64) -> Dropout {
    Dropout::new(Key::new(91), p).with_scaling(scaling).with_offset(offset)
}

type Run = fn(&SampleDropout<'_>, &[f32], &mut [f32]) -> Result<(), Error>;
type RunAlone = fn(&Dropout, &[f32], &mut [f32]) -> Result<(), Error>;

const OPERATIONS: [(&str, Run, RunAlone); 12] = [
    ("forward", |s, x, y| s.forward(x, y), |s, x, y| s.forward(x, y)),
    ("forward_in_place", |s, _, y| s.forward_in_place(y), |s, _, y| s.forward_in_place(y)),
    ("forward_residual", |s, x, y| s.forward_residual(x, x, y), |s, x, y| s.forward_residual(x, x, y)),
    (
        "forward_residual_in_place",
        |s, x, y| s.forward_residual_in_place(y, x),
        |s, x, y| s.forward_residual_in_place(y, x),
    ),
    ("forward_add", |s, x, y| s.forward_add(x, y), |s, x, y| s.forward_add(x, y)),
    ("backward", |s, x, y| s.backward(x, y), |s, x, y| s.backward(x, y)),
    ("backward_in_place", |s, _, y| s.backward_in_place(y), |s, _, y| s.backward_in_place(y)),
    ("backward_add", |s, x, y| s.backward_add(x, y), |s, x, y| s.backward_add(x, y)),
    ("evaluate", |s, x, y| s.evaluate(x, y), |s, x, y| s.evaluate(x, y)),
    ("evaluate_in_place", |s, _, y| s.evaluate_in_place(y), |s, _, y| s.evaluate_in_place(y)),
    ("evaluate_residual", |s, x, y| s.evaluate_residual(x, x, y), |s, x, y| s.evaluate_residual(x, x, y)),
    (
        "evaluate_residual_in_place",
        |s, x, y| s.evaluate_residual_in_place(y, x),
        |s, x, y| s.evaluate_residual_in_place(y, x),
    ),
];

/// Without a layout: equal parts, at all lengths about those of words and blocks.
#[test]
fn equal_parts_of_a_slice() {
    for (samples, len) in [(1, 70), (3, 0), (5, 1), (7, 13), (5, 64), (6, 65), (3, 1024), (4, 1500), (2, 5000)] {
        let (all, p) = (samples * len, probabilities(samples));
        let (x, start) = (floats(1, all), floats(2, all));
        for (level, offset) in Level::supported().flat_map(|level| [(level, 0), (level, 777)]) {
            for scaling in [Scaling::Inverted, Scaling::Standard, Scaling::Naive] {
                let dropout = dropout().with_scaling(scaling).with_offset(offset).with_level(level);
                for (name, run, run_alone) in OPERATIONS {
                    let (mut y, mut expected) = (start.clone(), start.clone());
                    run(&dropout.per_sample(&p), &x, &mut y).unwrap();
                    for (n, p) in p.iter().enumerate() {
                        let (part, first) = (n * len..(n + 1) * len, offset + (n * len) as u64);
                        let one = alone(*p, scaling, first).with_level(level);
                        run_alone(&one, &x[part.clone()], &mut expected[part]).unwrap();
                    }
                    let what = format!("{name}, {samples} samples of {len} from {offset}, {level}, {scaling:?}");
                    assert!(all_same(&y, &expected), "{what}");
                }
            }
        }
    }
}

/// Samples are the outermost axis that a layout was made with, whatever its length: each has a channel for a channel.
#[test]
fn the_outermost_axis() {
    let p = probabilities(6);
    for samples in [1, 2, 6] {
        for (layout, one, bits) in [
            (Layout::rows(samples, 40), Layout::rows(1, 40), 40),
            (Layout::channels_first(samples, 5, 8), Layout::channels_first(1, 5, 8), 5),
            (Layout::channels_last(samples, 8, 5), Layout::channels_last(1, 8, 5), 5),
            (Layout::samples(samples, 40), Layout::samples(1, 40), 1),
            (Layout::broadcast([samples, 2, 4, 5], [false; 4]), Layout::rows(1, 40), 40),
            (Layout::broadcast([samples, 1, 40], [true, false, false]), Layout::rows(1, 40), 0),
        ] {
            let x = floats(3, samples * 40);
            let (mut y, mut expected) = (x.clone(), x);
            dropout().with_offset(9).with_layout(layout).per_sample(&p[..samples]).forward_in_place(&mut y).unwrap();
            for (n, x) in expected.chunks_mut(40).enumerate() {
                let dropout = alone(p[n], Scaling::Inverted, 9 + (n * bits) as u64).with_layout(one);
                dropout.forward_in_place(x).unwrap();
            }
            assert!(all_same(&y, &expected), "{layout:?}");
        }
    }
    let mut single = [1.0; 3];
    let vector = dropout().with_layout(Layout::broadcast([3], [false]));
    vector.per_sample(&probabilities(3)).forward_in_place(&mut single).unwrap();
    assert_eq!(single[1], 0.0, "p = 1 of the second");
    let scalar = dropout().with_layout(Layout::broadcast([], []));
    scalar.per_sample(&[Probability::new(0.0).unwrap()]).forward_in_place(&mut single[..1]).unwrap();
}

/// What a sample is copied from is copied, NaNs with all their bits; what is dropped is `+0.0`.
/// Of more axes than the whole has: those in front count.
#[test]
fn parts_of_a_layout() {
    let part = Layout::rows(4, 1000).part([2, 4, 50]);
    let p = probabilities(2);
    let (mut y, mut expected) = (floats(1, 400), floats(1, 400));
    dropout().with_layout(part).per_sample(&p).forward_in_place(&mut y).unwrap();
    let rows = part.part([4, 50]).part([1, 4, 50]);
    for (p, y) in p.iter().zip(expected.chunks_mut(200)) {
        // an axis that the whole has not has no stride in the indices
        alone(*p, Scaling::Inverted, 0).with_layout(rows).forward_in_place(y).unwrap();
    }
    assert!(all_same(&y, &expected));
    let four = dropout().with_layout(part).per_sample(&[p[0]; 4]).forward_in_place(&mut y);
    assert_eq!(four, Err(Error::LengthMismatch { argument: Argument::Probabilities, expected: 2, actual: 4 }));
}

#[test]
fn certain_samples() {
    let x = floats(4, 300);
    for level in Level::supported() {
        let mut y = vec![7.0; 300];
        let p = [0.0, 1.0, 0.0].map(|p| Probability::new(p).unwrap());
        dropout().with_level(level).per_sample(&p).forward(&x, &mut y).unwrap();
        assert_eq!(to_bits(&y[..100]), to_bits(&x[..100]), "{level}");
        assert_eq!(to_bits(&y[100..200]), [0; 100], "{level}");
        assert_eq!(to_bits(&y[200..]), to_bits(&x[200..]), "{level}");
    }
}

/// `<forward(x), g> = <x, backward(g)>`, exactly: whole numbers and scales that are powers of 2.
#[test]
fn backward_is_the_transpose() {
    let whole = |n: usize| (0..600).map(|i| (i * n % 41) as f32 - 20.0).collect::<Vec<_>>();
    let (x, g) = (whole(7), whole(11));
    let p = [0.5, 0.75, 0.0, 1.0].map(|p| Probability::new(p).unwrap());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| a as i64 * b as i64).sum::<i64>();
    for layout in [None, Some(Layout::samples(4, 150)), Some(Layout::channels_first(4, 5, 30))] {
        let dropout = layout.map_or(dropout(), |layout| dropout().with_layout(layout));
        let (samples, mut y, mut dx, mut sum) = (dropout.per_sample(&p), x.clone(), g.clone(), vec![0.0; 600]);
        samples.forward_in_place(&mut y).unwrap();
        samples.backward_in_place(&mut dx).unwrap();
        samples.backward_add(&g, &mut sum).unwrap();
        assert_eq!(dot(&y, &g), dot(&x, &dx), "{layout:?}");
        assert_eq!(dot(&y, &g), dot(&x, &sum), "{layout:?}");
        assert_ne!(dot(&y, &g), dot(&x, &g), "something is dropped");
    }
}

/// Threads cut samples anywhere.
#[cfg(feature = "rayon")]
#[test]
fn on_several_threads() {
    let (x, r) = (floats(5, 7 * 100_003), floats(6, 7 * 100_003));
    for (layout, samples) in
        [(None, 7), (Some(Layout::rows(7 * 100_003, 1)), 7 * 100_003), (Some(Layout::channels_last(7, 14_286, 7)), 7)]
    {
        let (p, len) = (probabilities(samples), if layout.is_some_and(|_| samples == 7) { 700_014 } else { 700_021 });
        let dropout = layout.map_or(dropout(), |layout| dropout().with_layout(layout));
        for (name, run, _) in OPERATIONS {
            let (mut y, mut expected) = (r[..len].to_vec(), r[..len].to_vec());
            run(&dropout.parallel().per_sample(&p), &x[..len], &mut y).unwrap();
            run(&dropout.per_sample(&p), &x[..len], &mut expected).unwrap();
            assert!(all_same(&y, &expected), "{name}, {layout:?}");
        }
    }
}

#[test]
fn errors_write_nothing() {
    let (p, x, mut y) = (probabilities(7), [1.0; 12], [7.0; 12]);
    let wrong = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    for (_, run, _) in OPERATIONS {
        // 5 parts of 12 elements; none of them
        assert_eq!(run(&dropout().per_sample(&p[..5]), &x, &mut y), wrong(Argument::Output, 10, 12));
        assert_eq!(run(&dropout().per_sample(&[]), &x, &mut y), wrong(Argument::Output, 0, 12));
        let rows = dropout().with_layout(Layout::rows(4, 3));
        for count in [0, 1, 3, 5] {
            let result = run(&rows.per_sample(&p[..count]), &x, &mut y);
            assert_eq!(result, wrong(Argument::Probabilities, 4, count));
        }
        // an axis of one sample is one all the same
        let batch = dropout().with_layout(Layout::broadcast([1, 4, 3], [false; 3]));
        assert_eq!(run(&batch.per_sample(&p[..4]), &x, &mut y), wrong(Argument::Probabilities, 1, 4));
        let far = dropout().with_offset(u64::MAX);
        let overflow = Err(Error::IndexOverflow { offset: u64::MAX, span: 12 });
        assert_eq!(run(&far.per_sample(&p[..4]), &x, &mut y), overflow);
        let again = dropout().with_layout(Layout::rows(4, 3).strides([2, 1]));
        let overlap = Err(Error::InvalidLayout { len: 4, stride: 2, within: 3 });
        assert_eq!(run(&again.per_sample(&p[..4]), &x[..9], &mut y[..9]), overlap);
    }
    let samples = dropout().per_sample(&p[..4]);
    assert_eq!(samples.forward(&x[1..], &mut y), wrong(Argument::Output, 11, 12));
    assert_eq!(samples.forward_residual(&x, &x[1..], &mut y), wrong(Argument::Residual, 12, 11));
    assert_eq!(samples.evaluate_residual_in_place(&mut y, &x[1..]), wrong(Argument::Residual, 12, 11));
    let elsewhere = dropout().with_layout(Layout::rows(4, 3).input_strides([0, 1]));
    let unsupported = Err(Error::Unsupported { setting: Setting::Layout });
    assert_eq!(elsewhere.per_sample(&p[..4]).forward_in_place(&mut y), unsupported);
    assert_eq!(y, [7.0; 12]);

    let none = dropout().with_layout(Layout::rows(0, 3));
    assert_eq!(none.per_sample(&[]).forward(&[], &mut []), Ok(()));
    assert_eq!(none.per_sample(&p[..1]).forward(&[], &mut []), wrong(Argument::Probabilities, 0, 1));
    assert_eq!(dropout().per_sample(&p).forward(&[], &mut []), Ok(()));
}
