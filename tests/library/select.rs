//! The choice of one of two values against its definition: to the bit, what NaNs hold included.

use crate::common::{all_same, fill, floats, to_bits};
use dropmask::{Argument, Dropout, Error, Key, Layout, Level, Mask, Probability, Scaling, Select, Setting, mask_words};

fn stream(p: f32) -> Dropout {
    Dropout::new(Key::new(81), Probability::new(p).unwrap())
}

fn bits(stream: &Dropout, len: usize) -> Vec<bool> {
    let words = fill(stream, len);
    Mask::new(&words, len).unwrap().iter().collect()
}

/// What an operation makes of a slice that begins as `y`.
fn after(y: &[f32], run: impl FnOnce(&mut [f32]) -> Result<(), Error>) -> Vec<f32> {
    let mut y = y.to_vec();
    run(&mut y).unwrap();
    y
}

/// `q` and `r` of a threshold, in `f64` first.
fn factors(p: Probability) -> [f32; 2] {
    let threshold = p.threshold();
    [threshold, (1 << 32) - threshold].map(|chance| (chance as f64 / 4_294_967_296.0) as f32)
}

/// All operations on slices whose element `i` is `kept[i]`.
fn check(select: Select<'_>, p: Probability, kept: &[bool], what: &str) {
    let (a, b, z) = (floats(1, kept.len()), floats(2, kept.len()), floats(3, kept.len()));
    let each = |f: &dyn Fn(usize) -> f32| (0..kept.len()).map(f).collect::<Vec<f32>>();
    let copied = |actual: Vec<f32>, expected: &[f32], name| {
        assert_eq!(to_bits(&actual), to_bits(expected), "{name}, {what}");
    };
    let y = each(&|i| if kept[i] { a[i] } else { b[i] });
    copied(after(&z, |y| select.forward(&a, &b, y)), &y, "forward");
    copied(after(&a, |a| select.forward_in_place(a, &b)), &y, "forward_in_place");
    copied(after(&b, |b| select.forward_update(&a, b)), &y, "forward_update");

    let da = each(&|i| if kept[i] { a[i] } else { 0.0 });
    let db = each(&|i| if kept[i] { 0.0 } else { a[i] });
    copied(after(&z, |da| select.backward_a(&a, da)), &da, "backward_a");
    copied(after(&a, |dy| select.backward_a_in_place(dy)), &da, "backward_a_in_place");
    copied(after(&z, |db| select.backward_b(&a, db)), &db, "backward_b");
    copied(after(&a, |dy| select.backward_b_in_place(dy)), &db, "backward_b_in_place");

    let computed = |actual: Vec<f32>, expected: &[f32], name| {
        assert!(all_same(&actual, expected), "{name}, {what}");
    };
    computed(after(&z, |da| select.backward_a_add(&a, da)), &each(&|i| z[i] + da[i]), "backward_a_add");
    computed(after(&z, |db| select.backward_b_add(&a, db)), &each(&|i| z[i] + db[i]), "backward_b_add");

    let [q, r] = factors(p);
    let mean = match p.threshold() {
        0 => b.clone(),
        4_294_967_296 => a.clone(),
        _ => each(&|i| a[i] * q + b[i] * r),
    };
    let same = |actual: Vec<f32>, name| match p.threshold() {
        0 | 4_294_967_296 => copied(actual, &mean, name),
        _ => computed(actual, &mean, name),
    };
    same(after(&z, |y| select.evaluate(&a, &b, y)), "evaluate");
    same(after(&a, |a| select.evaluate_in_place(a, &b)), "evaluate_in_place");
    same(after(&b, |b| select.evaluate_update(&a, b)), "evaluate_update");
}

#[test]
fn every_level_is_the_definition() {
    for p in [0.0, 0.1, 0.5, 1.0] {
        for len in (0..=130).chain([1023, 1025, 5121]) {
            for offset in [0, 1, 63, 1024, (len as u64).wrapping_neg()] {
                let stream = stream(p).with_offset(offset);
                let (kept, other) = (bits(&stream, len), fill(&stream.derive(1), len));
                for level in Level::supported() {
                    let what = format!("{level}, p = {p}, {len} elements from {offset}");
                    let select = Select::new(stream.with_level(level));
                    check(select, stream.probability(), &kept, &what);
                    // the mask says what is kept, whatever key, probability and offset are
                    let mask = Mask::new(&other, len).unwrap();
                    let kept: Vec<bool> = mask.iter().collect();
                    check(select.stored(mask), stream.probability(), &kept, &format!("{what}, stored"));
                }
            }
        }
    }
}

/// A mask that was stored in a layout, read as it was written; the probability is not used, not even one that drops all.
#[test]
fn stored_masks_have_the_layout() {
    let layout = Layout::channels_first(3, 5, 7).index_strides([100, 1, 0]);
    let words = fill(&stream(0.5).with_layout(layout), 15);
    let mask = Mask::new(&words, 15).unwrap();
    let kept: Vec<bool> = (0..105).map(|i| mask.get(i / 7).unwrap()).collect();
    for level in Level::supported() {
        let dropout = stream(0.5).with_layout(layout).with_level(level);
        check(Select::new(dropout), dropout.probability(), &kept, &format!("{level}, drawn"));
        for p in [0.0, 0.5, 1.0] {
            let dropout = stream(p).with_layout(layout).with_level(level);
            check(Select::new(dropout).stored(mask), dropout.probability(), &kept, &format!("{level}, p = {p}"));
        }
    }
}

/// A signalling NaN is copied like all others, where moves leave it alone.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[test]
fn signalling_nans_stay_so() {
    let (a, b) = ([f32::from_bits(0x7F80_0001); 200], [f32::from_bits(0xFFA0_1234); 200]);
    for level in Level::supported() {
        for p in [0.0, 0.3, 1.0] {
            let (select, kept) = (Select::new(stream(p).with_level(level)), bits(&stream(p), 200));
            let pick =
                |of: bool, x: [f32; 2]| kept.iter().map(|k| x[usize::from(*k != of)].to_bits()).collect::<Vec<_>>();
            let what = format!("{level}, p = {p}");
            assert_eq!(to_bits(&after(&[0.0; 200], |y| select.forward(&a, &b, y))), pick(true, [a[0], b[0]]), "{what}");
            assert_eq!(to_bits(&after(&b, |b| select.forward_update(&a, b))), pick(true, [a[0], b[0]]), "{what}");
            assert_eq!(to_bits(&after(&a, |dy| select.backward_a_in_place(dy))), pick(true, [a[0], 0.0]), "{what}");
            assert_eq!(to_bits(&after(&a, |dy| select.backward_b_in_place(dy))), pick(false, [a[0], 0.0]), "{what}");
        }
    }
}

/// Views of `a` and `b`: each with strides of its own, the mask token read again for every row.
#[test]
fn rows_of_tokens() {
    let (tokens, columns) = (40, 19);
    let layout = Layout::samples(tokens, columns).input_strides([23, 1]).residual_strides([0, 1]);
    let (a, b) = (floats(4, (tokens - 1) * 23 + columns), floats(5, columns));
    let kept = bits(&stream(0.3).with_offset(6), tokens);
    let expected: Vec<f32> = (0..tokens * columns)
        .map(|i| (i / columns, i % columns))
        .map(|(row, column)| if kept[row] { a[row * 23 + column] } else { b[column] })
        .collect();
    for level in Level::supported() {
        let select = Select::new(stream(0.3).with_offset(6).with_layout(layout).with_level(level));
        let y = after(&vec![7.0; tokens * columns], |y| select.forward(&a, &b, y));
        assert_eq!(to_bits(&y), to_bits(&expected), "{level}");
    }
}

/// Both gradients together are `dy`, and each is what a step of its input makes of the output.
#[test]
fn finite_differences() {
    const STEP: f32 = 0.25;
    let whole = |n: usize| (0..200).map(|i| (i * n % 23) as f32 - 11.0).collect::<Vec<_>>();
    let (a, b, dy) = (whole(5), whole(7), whole(3));
    for (p, level) in [0.0, 0.4, 1.0].into_iter().flat_map(|p| Level::supported().map(move |level| (p, level))) {
        let select = Select::new(stream(p).with_level(level));
        let y = |a: &[f32], b: &[f32]| after(a, |y| select.forward(a, b, y));
        let step = |x: &[f32], by: f32| x.iter().map(|x| x + by).collect::<Vec<_>>();
        // element-wise: a step of all inputs at once. Multiples of 1/4 are exact
        let numeric = |up: Vec<f32>, down: Vec<f32>| {
            let slopes = up.iter().zip(&down).map(|(up, down)| (up - down) / (2.0 * STEP));
            slopes.zip(&dy).map(|(slope, dy)| slope * dy).collect::<Vec<_>>()
        };
        let da = after(&dy, |dy| select.backward_a_in_place(dy));
        let db = after(&dy, |dy| select.backward_b_in_place(dy));
        assert_eq!(da, numeric(y(&step(&a, STEP), &b), y(&step(&a, -STEP), &b)), "a, {level}, p = {p}");
        assert_eq!(db, numeric(y(&a, &step(&b, STEP)), y(&a, &step(&b, -STEP))), "b, {level}, p = {p}");
        assert_eq!(da.iter().zip(&db).map(|(a, b)| a + b).collect::<Vec<_>>(), dy, "{level}, p = {p}");
    }
}

type Run = fn(&Select<'_>, &[f32], &mut [f32]) -> Result<(), Error>;
const TRAINING: [Run; 9] = [
    |s, x, y| s.forward(x, x, y),
    |s, x, y| s.forward_in_place(y, x),
    |s, x, y| s.forward_update(x, y),
    |s, x, y| s.backward_a(x, y),
    |s, _, y| s.backward_a_in_place(y),
    |s, x, y| s.backward_a_add(x, y),
    |s, x, y| s.backward_b(x, y),
    |s, _, y| s.backward_b_in_place(y),
    |s, x, y| s.backward_b_add(x, y),
];
const EVALUATION: [Run; 3] =
    [|s, x, y| s.evaluate(x, x, y), |s, x, y| s.evaluate_in_place(y, x), |s, x, y| s.evaluate_update(x, y)];

#[test]
fn errors_write_nothing() {
    let select = Select::new(stream(0.5));
    let (x, mut y) = ([1.0; 4], [7.0; 4]);
    let wrong = |argument, expected, actual| Err(Error::LengthMismatch { argument, expected, actual });
    assert_eq!(select.forward(&x[1..], &x, &mut y), wrong(Argument::Output, 3, 4));
    assert_eq!(select.forward(&x, &x[1..], &mut y), wrong(Argument::Residual, 4, 3));
    assert_eq!(select.forward_in_place(&mut y, &x[1..]), wrong(Argument::Residual, 4, 3));
    assert_eq!(select.forward_update(&x[1..], &mut y), wrong(Argument::Output, 3, 4));
    assert_eq!(select.evaluate(&x[1..], &x, &mut y), wrong(Argument::Output, 3, 4));
    assert_eq!(select.evaluate(&x, &x[1..], &mut y), wrong(Argument::Residual, 4, 3));
    assert_eq!(select.evaluate_in_place(&mut y, &x[1..]), wrong(Argument::Residual, 4, 3));
    assert_eq!(select.evaluate_update(&x[1..], &mut y), wrong(Argument::Output, 3, 4));
    for run in [TRAINING[3], TRAINING[5], TRAINING[6], TRAINING[8]] {
        assert_eq!(run(&select, &x[1..], &mut y), wrong(Argument::Output, 3, 4));
    }
    let words = [0; mask_words(5)];
    let short = select.stored(Mask::new(&words, 5).unwrap());
    let far = Dropout::with_offset(stream(0.5), u64::MAX - 2);
    for run in TRAINING {
        assert_eq!(run(&short, &x, &mut y), wrong(Argument::Mask, 4, 5));
    }
    for run in TRAINING.into_iter().chain(EVALUATION) {
        let overflow = Err(Error::IndexOverflow { offset: u64::MAX - 2, span: 4 });
        assert_eq!(run(&Select::new(far), &x, &mut y), overflow);
        for scaling in [Scaling::Standard, Scaling::Naive] {
            let scaled = Select::new(stream(0.5).with_scaling(scaling));
            let unsupported = Err(Error::Unsupported { setting: Setting::Scaling });
            assert_eq!(run(&scaled, &x, &mut y), unsupported);
            assert_eq!(run(&scaled.stored(Mask::new(&words, 4).unwrap()), &x, &mut y), unsupported);
        }
    }
    // an input of other strides cannot lie where the output does; a state is the output
    let rows = Layout::rows(2, 2).input_strides([0, 1]).residual_strides([5, 1]);
    let select = Select::new(stream(0.5).with_layout(rows));
    let unsupported = Err(Error::Unsupported { setting: Setting::Layout });
    assert_eq!(select.forward_in_place(&mut y, &[1.0; 7]), unsupported);
    assert_eq!(select.backward_b_in_place(&mut y), unsupported);
    assert_eq!(select.evaluate_in_place(&mut y, &[1.0; 7]), unsupported);
    assert_eq!(select.forward(&x[..2], &[1.0; 6], &mut y), wrong(Argument::Residual, 7, 6));
    assert_eq!(y, [7.0; 4]);
    select.forward_update(&x[..2], &mut y).unwrap();
}
