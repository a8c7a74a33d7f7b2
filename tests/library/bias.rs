//! Bias, dropout and residual in one pass, and the gradient of the bias in its order of summation.

use crate::common::{all_same, floats, thinned};
use dropmask::{Argument, BiasDropout, Dropout, Error, Key, Layout, Level, Mask, Probability, Scaling};

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(71), Probability::new(p).unwrap())
}

fn bits(stream: &Dropout, len: usize) -> Vec<bool> {
    let words = crate::common::fill(stream, len);
    Mask::new(&words, len).unwrap().iter().collect()
}

/// Moderate numbers of many binary digits, whose sums depend on the order.
fn numbers(seed: u64, len: usize) -> Vec<f32> {
    crate::common::random_words(seed, len).iter().map(|word| (*word as i32) as f32 * 1.1e-9).collect()
}

type Run<'a> = (&'a str, Vec<f32>, &'a dyn Fn(&mut [f32]) -> Result<(), Error>);

/// All operations on slices without gaps, rows of `columns`, whose element `i` is `kept[i]`.
fn check(stream: Dropout, columns: usize, kept: &[bool], input: fn(u64, usize) -> Vec<f32>, what: &str) {
    let len = kept.len();
    let (x, b, r, start) = (input(1, len), input(2, columns), input(3, len), input(4, len));
    let drop = |x: f32, i: usize| if kept[i] { x * stream.scale() } else { 0.0 };
    let of = |f: &dyn Fn(usize) -> f32| -> Vec<f32> { (0..len).map(f).collect() };
    let bias = BiasDropout::new(stream);

    let dropped = of(&|i| drop(x[i] + b[i % columns], i));
    let runs: [Run<'_>; 5] = [
        ("forward", dropped.clone(), &|y| bias.forward(&x, &b, y)),
        ("forward_in_place", of(&|i| drop(start[i] + b[i % columns], i)), &|y| bias.forward_in_place(y, &b)),
        ("forward_residual", of(&|i| r[i] + dropped[i]), &|y| bias.forward_residual(&x, &b, &r, y)),
        ("forward_residual_in_place", of(&|i| r[i] + drop(start[i] + b[i % columns], i)), &|y| {
            bias.forward_residual_in_place(y, &b, &r)
        }),
        ("forward_add", of(&|i| start[i] + dropped[i]), &|y| bias.forward_add(&x, &b, y)),
    ];
    for (name, expected, run) in runs {
        let mut y = start.clone();
        run(&mut y).unwrap();
        assert!(all_same(&y, &expected), "{name}, {what}");
    }

    let dx = of(&|i| drop(x[i], i));
    let sums = |mut db: Vec<f32>| {
        dx.iter().enumerate().for_each(|(i, dx)| db[i % columns] += dx);
        db
    };
    let (mut out, mut db) = (start.clone(), input(5, columns));
    bias.backward(&x, &mut out, &mut db).unwrap();
    assert!(all_same(&out, &dx), "dx, {what}");
    assert!(all_same(&db, &sums(vec![0.0; columns])), "db, {what}");
    let (mut out, mut db) = (x.clone(), input(5, columns));
    bias.backward_in_place(&mut out, &mut db).unwrap();
    assert!(all_same(&out, &dx), "dx in place, {what}");
    assert!(all_same(&db, &sums(vec![0.0; columns])), "db in place, {what}");
    let (mut out, mut db) = (start.clone(), input(5, columns));
    bias.backward_add(&x, &mut out, &mut db).unwrap();
    assert!(all_same(&out, &of(&|i| start[i] + dx[i])), "dx added, {what}");
    assert!(all_same(&db, &sums(input(5, columns))), "db added, {what}");
}

/// Rows shorter than a vector, between vectors and words, and longer than what is drawn at a time.
#[test]
fn every_level_is_the_definition() {
    for columns in thinned((1..=20).chain([31, 33, 48, 63, 64, 65, 100, 128, 130, 1023, 1024, 5000])) {
        for rows in [1, 2, 5, 300 / columns + 1] {
            for (p, offset) in [(0.0, 0), (0.3, 77), (0.5, ((rows * columns) as u64).wrapping_neg()), (1.0, 5)] {
                let kept = bits(&stream(p).with_offset(offset), rows * columns);
                for level in Level::supported() {
                    let stream = stream(p).with_offset(offset).with_level(level);
                    let what = format!("{level}, {rows} x {columns}, p = {p}, offset {offset}");
                    for input in [floats, numbers] {
                        check(stream, columns, &kept, input, &what);
                        check(stream.with_scaling(Scaling::Standard), columns, &kept, input, &what);
                        check(stream.with_layout(Layout::rows(rows, columns)), columns, &kept, input, &what);
                    }
                }
            }
        }
    }
}

/// The bias goes with the innermost axis.
#[test]
fn channels() {
    for (n, c, s) in [(2, 5, 9), (2, 3, 100), (3, 4, 9), (1, 70, 3), (2, 7, 1)] {
        // a shard: the bits of samples are 10 apart from each other
        let kept: Vec<bool> =
            (0..n).flat_map(|n| bits(&stream(0.5).with_offset(3 + (n * (c + 10)) as u64), c)).collect();
        for level in Level::supported() {
            let stream = stream(0.5).with_offset(3).with_level(level);
            let first: Vec<bool> = (0..n * c * s).map(|i| kept[i / s]).collect();
            let what = format!("{level}, ({n}, {c}, {s})");
            check(
                stream.with_layout(Layout::channels_first(n, c, s).index_strides([c as u64 + 10, 1, 0])),
                s,
                &first,
                numbers,
                &what,
            );
            let last: Vec<bool> = (0..n * c * s).map(|i| kept[i / (s * c) * c + i % c]).collect();
            check(
                stream.with_layout(Layout::channels_last(n, s, c).index_strides([c as u64 + 10, 0, 1])),
                c,
                &last,
                numbers,
                &what,
            );
        }
    }
}

/// Rows that lie apart: every row starts with the first element of the bias, and nothing between rows is written.
#[test]
fn rows_apart() {
    for (rows, columns, stride) in [(5, 10, 13), (3, 64, 65), (4, 100, 150), (1, 70, 90)] {
        let shape = Layout::rows(rows, columns).strides([stride, 1]).index_strides([1000, 1]);
        let len = (rows - 1) * stride + columns;
        let (x, b, r, start) = (numbers(1, len), numbers(2, columns), numbers(3, len), numbers(4, len));
        let (mut y_expected, mut dx_expected, mut db_expected) = (start.clone(), start.clone(), vec![0.0; columns]);
        for row in 0..rows {
            let kept = bits(&stream(0.5).with_offset(6 + 1000 * row as u64), columns);
            for c in 0..columns {
                let i = row * stride + c;
                y_expected[i] = r[i] + if kept[c] { (x[i] + b[c]) * 2.0 } else { 0.0 };
                dx_expected[i] = if kept[c] { x[i] * 2.0 } else { 0.0 };
                db_expected[c] += dx_expected[i];
            }
        }
        for level in Level::supported() {
            let bias = BiasDropout::new(stream(0.5).with_offset(6).with_layout(shape).with_level(level));
            let (mut y, mut dx, mut db) = (start.clone(), start.clone(), vec![0.0; columns]);
            bias.forward_residual(&x, &b, &r, &mut y).unwrap();
            assert!(all_same(&y, &y_expected), "{level}, {shape:?}");
            bias.backward(&x, &mut dx, &mut db).unwrap();
            assert!(all_same(&dx, &dx_expected) && all_same(&db, &db_expected), "{level}, {shape:?}");
        }
    }
}

#[test]
fn evaluation() {
    for columns in [1, 5, 16, 64, 77] {
        let (x, b, r) = (floats(6, 4 * columns), floats(7, columns), floats(8, 4 * columns));
        for (scaling, factor) in [(Scaling::Inverted, 1.0), (Scaling::Naive, 1.0), (Scaling::Standard, 0.75)] {
            let path: Vec<f32> = (0..x.len()).map(|i| (x[i] + b[i % columns]) * factor).collect();
            let sum: Vec<f32> = r.iter().zip(&path).map(|(r, path)| r + path).collect();
            for level in Level::supported() {
                let bias = BiasDropout::new(stream(0.25).with_scaling(scaling).with_level(level));
                let mut y = vec![f32::NAN; x.len()];
                bias.evaluate(&x, &b, &mut y).unwrap();
                assert!(all_same(&y, &path), "{level}, {columns} columns, {scaling:?}");
                bias.evaluate_residual(&x, &b, &r, &mut y).unwrap();
                assert!(all_same(&y, &sum), "residual, {level}, {columns} columns, {scaling:?}");
            }
        }
    }
}

/// `y = r + drop(x + b)` in `f64`, by central differences in `x`, `r` and `b`: linear, so exact but for rounding.
#[test]
fn finite_differences() {
    const ROWS: usize = 4;
    const COLUMNS: usize = 5;
    let kept = bits(&stream(0.5), ROWS * COLUMNS);
    let dy: Vec<f32> = (0..ROWS * COLUMNS).map(|i| (i % 7) as f32 - 3.0).collect();
    let loss = |x: &[f64], b: &[f64], r: &[f64]| -> f64 {
        let y = |i: usize| r[i] + if kept[i] { (x[i] + b[i % COLUMNS]) * 2.0 } else { 0.0 };
        (0..ROWS * COLUMNS).map(|i| f64::from(dy[i]) * y(i)).sum()
    };
    let (mut dx, mut db) = ([0.0; ROWS * COLUMNS], [0.0; COLUMNS]);
    BiasDropout::new(stream(0.5)).backward(&dy, &mut dx, &mut db).unwrap();

    let inputs = [vec![0.3; ROWS * COLUMNS], vec![-0.7; COLUMNS], vec![1.1; ROWS * COLUMNS]];
    // the gradient of r is dy
    for (k, gradient) in [&dx[..], &db, &dy].into_iter().enumerate() {
        for (i, gradient) in gradient.iter().enumerate() {
            let at = |step: f64| {
                let mut inputs = inputs.clone();
                inputs[k][i] += step;
                let [x, b, r] = &inputs;
                loss(x, b, r)
            };
            let numeric = at(0.5) - at(-0.5);
            assert!((numeric - f64::from(*gradient)).abs() < 1e-9, "input {k}, element {i}: {gradient} for {numeric}");
        }
    }
}

#[test]
fn errors_write_nothing() {
    let bias = BiasDropout::new(stream(0.5));
    let (x, mut y, mut db) = ([1.0; 12], [7.0; 12], [8.0; 5]);
    let wrong = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    assert_eq!(bias.forward(&x, &[1.0; 5], &mut y), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.forward(&x, &[1.0; 13], &mut y), wrong(Argument::Output, 0, 12));
    assert_eq!(bias.forward(&x, &[], &mut y), wrong(Argument::Output, 0, 12));
    assert_eq!(bias.forward(&x[1..], &[1.0; 4], &mut y), wrong(Argument::Output, 11, 12));
    assert_eq!(bias.forward_in_place(&mut y, &[1.0; 5]), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.forward_residual(&x, &[1.0; 4], &x[1..], &mut y), wrong(Argument::Residual, 12, 11));
    assert_eq!(bias.forward_residual_in_place(&mut y, &[1.0; 4], &x[1..]), wrong(Argument::Residual, 12, 11));
    assert_eq!(bias.forward_add(&x, &[1.0; 5], &mut y), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.evaluate(&x, &[1.0; 5], &mut y), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.evaluate_residual(&x, &[1.0; 5], &x, &mut y), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.backward(&x, &mut y, &mut db), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.backward_in_place(&mut y, &mut db), wrong(Argument::Output, 10, 12));
    assert_eq!(bias.backward_add(&x, &mut y, &mut db), wrong(Argument::Output, 10, 12));
    let rows = BiasDropout::new(stream(0.5).with_layout(Layout::rows(2, 6)));
    assert_eq!(rows.forward(&x, &[1.0; 3], &mut y), wrong(Argument::Bias, 6, 3));
    let far = BiasDropout::new(stream(0.5).with_offset(u64::MAX));
    let overflow = Err(Error::IndexOverflow { offset: u64::MAX, span: 12 });
    assert_eq!(far.backward(&x, &mut y, &mut db[..4]), overflow);
    assert_eq!((y, db), ([7.0; 12], [8.0; 5]));

    // nothing to do is no error, whatever the bias
    for b in [&[][..], &[1.0; 5]] {
        bias.forward(&[], b, &mut []).unwrap();
        let (mut y, rows) = ([7.0; 3], Layout::rows(0, 5).strides([6, 1]));
        BiasDropout::new(stream(0.5).with_layout(rows)).forward(&[1.0; 3], b, &mut y).unwrap();
        assert_eq!(y, [7.0; 3]);
    }
    let mut db = [8.0; 2];
    bias.backward(&[], &mut [], &mut db).unwrap();
    assert_eq!(db, [0.0; 2], "a sum of nothing");
}

/// The stride of one row is not used.
#[test]
fn one_row_at_any_stride() {
    for level in Level::supported() {
        let stream = stream(0.5).with_level(level);
        let (x, b, mut y, mut expected) = ([1.0; 84], [2.0; 84], [7.0; 84], [7.0; 84]);
        BiasDropout::new(stream).forward(&x, &b, &mut expected).unwrap();
        BiasDropout::new(stream.with_layout(Layout::rows(1, 84).strides([82, 1]))).forward(&x, &b, &mut y).unwrap();
        assert_eq!(y, expected, "{level}");
    }
}
