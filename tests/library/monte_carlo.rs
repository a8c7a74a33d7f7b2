//! Monte-Carlo dropout: moments and entropies against the plain expressions, and which masks the passes draw.

use dropmask::{Argument, ClassUncertainty, Dropout, Error, Key, Layout, Level, Moments, Probability};

fn stream() -> Dropout {
    Dropout::new(Key::new(1), Probability::new(0.5).unwrap())
}

/// `10^6` plus a noise of the sixteenths `k / 16`, `k` in `-32..32`: exact in `f32`, and exact mean and variance from
/// sums of whole numbers. The textbook's `E[y^2] - E[y]^2` loses what Welford keeps, or the test would show nothing.
#[test]
fn a_million_passes_do_not_cancel() {
    const PASSES: u64 = 1_000_000;
    const LEN: usize = 3;
    let (mut mean, mut squares) = ([0.0; LEN], [0.0; LEN]);
    let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
    let (mut sum, mut square_sum) = ([0_i128; LEN], [0_i128; LEN]);
    let (mut naive_sum, mut naive_squares) = ([0.0; LEN], [0.0; LEN]);
    for t in 0..PASSES {
        let mut y = [0.0; LEN];
        for i in 0..LEN {
            let noise = i128::from(Key::new(2).below(LEN as u64 * t + i as u64, 64)) - 32;
            sum[i] += noise;
            square_sum[i] += noise * noise;
            y[i] = 1e6 + noise as f32 / 16.0;
            naive_sum[i] += f64::from(y[i]);
            naive_squares[i] += f64::from(y[i]) * f64::from(y[i]);
        }
        moments.push(&y).unwrap();
    }
    assert_eq!(moments.passes(), PASSES);
    let (mut population, mut sample) = ([0.0; LEN], [0.0; LEN]);
    moments.population_variance(&mut population).unwrap();
    moments.sample_variance(&mut sample).unwrap();

    let n = i128::from(PASSES);
    for i in 0..LEN {
        let mean = 1e6 + sum[i] as f64 / (16 * n) as f64;
        let variance = (n * square_sum[i] - sum[i] * sum[i]) as f64 / (256 * n * n) as f64;
        assert!((moments.mean()[i] / mean - 1.0).abs() < 1e-13, "{} for {mean}", moments.mean()[i]);
        assert!((population[i] / variance - 1.0).abs() < 1e-10, "{} for {variance}", population[i]);
        let unbiased = variance * n as f64 / (n - 1) as f64;
        assert!((sample[i] / unbiased - 1.0).abs() < 1e-10, "{} for {unbiased}", sample[i]);

        let textbook = naive_squares[i] / n as f64 - (naive_sum[i] / n as f64).powi(2);
        assert!((textbook / variance - 1.0).abs() > 0.1, "{textbook} would do for {variance}");
    }
}

/// Passes that several have taken, added in any way, are those of one, within the bound of each addition; and exactly where
/// nothing is rounded.
#[test]
fn merged_moments() {
    /// Of outputs that are multiples of 1/16: counts, means and sums of squares as `merge` defines them, exactly.
    fn check(m: u64, n: u64, seed: u64) {
        let (mut mean, mut squares) = ([0.0; 2], [0.0; 2]);
        let [first, second] = &mut mean;
        let [first_squares, second_squares] = &mut squares;
        let mut moments = Moments::new(std::slice::from_mut(first), std::slice::from_mut(first_squares)).unwrap();
        let mut other = Moments::new(std::slice::from_mut(second), std::slice::from_mut(second_squares)).unwrap();
        let number = |i| Key::new(seed).below(i, 1 << 20) as f32 / 16.0 - 30_000.0;
        (0..m).for_each(|i| moments.push(&[number(i)]).unwrap());
        (0..n).for_each(|i| other.push(&[number(m + i)]).unwrap());
        // 2^-40 is finer than any of the means' last places that count here
        let fixed = |x: f64| (x * 1_099_511_627_776.0) as i128;
        let (a, b) = (fixed(moments.mean()[0]), fixed(other.mean()[0]));
        let (sa, sb) = (moments.squares()[0], other.squares()[0]);
        moments.merge(&other).unwrap();
        assert_eq!(moments.passes(), m + n);
        let count = i128::from((m + n).max(1));
        let exact = (a * i128::from(m) + b * i128::from(n)) / count;
        let bound = a.abs().max(b.abs()) >> 49;
        assert!((fixed(moments.mean()[0]) - exact).abs() <= bound + 1, "{m} and {n} passes");
        let difference = (b - a) as f64 / 1_099_511_627_776.0;
        let expected = sa + sb + difference * difference * (m as f64 * n as f64 / (m + n).max(1) as f64);
        assert!((moments.squares()[0] - expected).abs() <= expected * 4e-15, "{m} and {n} passes");
    }
    for (m, n) in [(0, 0), (0, 3), (3, 0), (1, 1), (1, 100), (100, 1), (7, 13), (1000, 999)] {
        (0..20).for_each(|seed| check(m, n, seed));
    }

    let passes = [[1.0_f32, -3.0], [4.0, -3.0], [-2.5, -3.0], [8.0, -3.0]];
    let (mut mean, mut squares, mut other_mean, mut other_squares) = ([0.0; 2], [0.0; 2], [0.0; 2], [0.0; 2]);
    let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
    let mut other = Moments::new(&mut other_mean, &mut other_squares).unwrap();
    passes[..2].iter().for_each(|y| moments.push(y).unwrap());
    passes[2..].iter().for_each(|y| other.push(y).unwrap());
    moments.merge(&other).unwrap();
    assert_eq!((moments.mean(), moments.squares()), (&[2.625, -3.0][..], &[59.6875, 0.0][..]));
    // resumed, as after a restart
    let passes = moments.passes();
    let mut resumed = Moments::resume(passes, &mut mean, &mut squares).unwrap();
    resumed.push(&[2.625, -3.0]).unwrap();
    assert_eq!((resumed.passes(), resumed.mean()), (5, &[2.625, -3.0][..]));

    let (mut short, mut short_squares) = ([1.0], [1.0]);
    let short = Moments::resume(1, &mut short, &mut short_squares).unwrap();
    assert_eq!(
        resumed.merge(&short),
        Err(Error::LengthMismatch { argument: Argument::Statistics, expected: 2, actual: 1 })
    );
    assert_eq!((resumed.passes(), resumed.mean()), (5, &[2.625, -3.0][..]));
}

#[test]
fn moments_of_few_passes() {
    let passes = [[1.0_f32, -3.0, 0.1], [4.0, -3.0, 0.7], [-2.5, -3.0, 0.3], [8.0, -3.0, 1e-3]];
    let (mut mean, mut squares, mut variance) = ([9.0; 3], [9.0; 3], [9.0; 3]);
    let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
    assert_eq!((moments.mean(), moments.passes()), (&[0.0; 3][..], 0));
    moments.population_variance(&mut variance).unwrap();
    assert!(variance.iter().all(|variance| variance.is_nan()));

    for n in 1..=passes.len() {
        moments.push(&passes[n - 1]).unwrap();
        let column = |i: usize| passes[..n].iter().map(move |y| f64::from(y[i]));
        let mean: [f64; 3] = core::array::from_fn(|i| column(i).sum::<f64>() / n as f64);
        let squares: [f64; 3] = core::array::from_fn(|i| column(i).map(|y| (y - mean[i]).powi(2)).sum());
        for i in 0..3 {
            assert!((moments.mean()[i] - mean[i]).abs() < 1e-15);
            moments.population_variance(&mut variance).unwrap();
            assert!((variance[i] - squares[i] / n as f64).abs() < 1e-13);
            moments.sample_variance(&mut variance).unwrap();
            assert!((variance[i] - squares[i] / (n as f64 - 1.0)).abs() < 1e-13 || n == 1 && variance[i].is_nan());
        }
        assert!(n == 1 || variance[1] == 0.0, "what never changes has no variance");
    }
}

fn entropy(p: &[f64]) -> f64 {
    p.iter().map(|&p| if p > 0.0 { -p * p.ln() } else { 0.0 }).sum()
}

/// Rows of `classes` probabilities, some of them 0.
fn probabilities(t: u64, rows: usize, classes: usize) -> Vec<f32> {
    let key = Key::new(3).derive(t);
    let mut p: Vec<_> = (0..(rows * classes) as u64).map(|i| key.below(i, 9).saturating_sub(2) as f32 + 1e-3).collect();
    for row in p.chunks_mut(classes) {
        row[t as usize % classes] = 0.0;
        let sum: f32 = row.iter().sum();
        for p in row {
            *p /= sum;
        }
    }
    p
}

#[test]
fn entropies_are_the_expressions() {
    const ROWS: usize = 7;
    const CLASSES: usize = 5;
    const PASSES: u64 = 50;
    let (mut mean, mut expected) = ([9.0; ROWS * CLASSES], [9.0; ROWS]);
    let mut uncertainty = ClassUncertainty::new(CLASSES, &mut mean, &mut expected).unwrap();
    let passes: Vec<_> = (0..PASSES).map(|t| probabilities(t, ROWS, CLASSES)).collect();
    for p in &passes {
        uncertainty.push(p).unwrap();
    }
    assert_eq!(uncertainty.passes(), PASSES);
    let (mut predictive, mut information) = ([9.0; ROWS], [9.0; ROWS]);
    uncertainty.predictive_entropy(&mut predictive).unwrap();
    uncertainty.mutual_information(&mut information).unwrap();

    for row in 0..ROWS {
        let of_pass = |p: &Vec<f32>| p[row * CLASSES..][..CLASSES].iter().copied().map(f64::from).collect::<Vec<_>>();
        let rows: Vec<_> = passes.iter().map(of_pass).collect();
        let mean: Vec<_> = (0..CLASSES).map(|c| rows.iter().map(|p| p[c]).sum::<f64>() / PASSES as f64).collect();
        let entropies = rows.iter().map(|p| entropy(p)).sum::<f64>() / PASSES as f64;
        for (computed, expected) in uncertainty.mean()[row * CLASSES..].iter().zip(&mean) {
            assert!((computed - expected).abs() < 1e-15);
        }
        assert!((uncertainty.expected_entropy()[row] - entropies).abs() < 1e-14);
        assert!((predictive[row] - entropy(&mean)).abs() < 1e-14);
        assert!((information[row] - (entropy(&mean) - entropies)).abs() < 1e-13);
        assert!(information[row] > 0.01, "these passes disagree");
    }
}

#[test]
fn entropies_at_the_ends() {
    let (mut mean, mut expected, mut out) = ([0.0; 12], [0.0; 3], [0.0; 3]);
    let mut uncertainty = ClassUncertainty::new(4, &mut mean, &mut expected).unwrap();
    // certain; a toss-up in each pass; certain of something else each time
    for t in 0..4 {
        let mut p = [0.0, 1.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0];
        p[8 + t] = 1.0;
        uncertainty.push(&p).unwrap();
    }
    let close = |a: &[f64], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
    assert!(close(uncertainty.expected_entropy(), [0.0, 4_f64.ln(), 0.0]));
    uncertainty.predictive_entropy(&mut out).unwrap();
    assert!(close(&out, [0.0, 4_f64.ln(), 4_f64.ln()]));
    uncertainty.mutual_information(&mut out).unwrap();
    assert!(close(&out, [0.0, 0.0, 4_f64.ln()]));
}

/// Passes that agree: the difference of the entropies is nothing but rounding, of either sign.
#[test]
fn mutual_information_is_not_negative() {
    const ROWS: usize = 1000;
    let (mut mean, mut expected) = (vec![0.0; 3 * ROWS], vec![0.0; ROWS]);
    let mut uncertainty = ClassUncertainty::new(3, &mut mean, &mut expected).unwrap();
    let mut p = probabilities(0, ROWS, 3);
    for t in 0..100 {
        // the last bit changes, there and back
        for p in p.iter_mut().filter(|p| **p > 0.0 && (t == 2 || t == 3)) {
            *p = f32::from_bits(p.to_bits() ^ 1);
        }
        uncertainty.push(&p).unwrap();
    }
    let (mut predictive, mut information) = (vec![0.0; ROWS], vec![0.0; ROWS]);
    uncertainty.predictive_entropy(&mut predictive).unwrap();
    uncertainty.mutual_information(&mut information).unwrap();
    let mut negative = 0;
    for row in 0..ROWS {
        let difference = predictive[row] - uncertainty.expected_entropy()[row];
        negative += usize::from(difference < 0.0);
        assert_eq!(information[row].to_bits(), if difference < 0.0 { 0.0 } else { difference }.to_bits());
        assert!(information[row] < 1e-12);
    }
    assert!(negative > 0, "nothing was cut off");
}

/// The predictive entropy knows the mean alone, which later passes make positive again.
#[test]
fn what_is_no_probability_is_nan() {
    let (mut mean, mut expected, mut out) = ([0.0; 6], [0.0; 3], [0.0; 3]);
    let mut uncertainty = ClassUncertainty::new(2, &mut mean, &mut expected).unwrap();
    for (p, positive) in [([f32::NAN, 0.5, 0.5, 0.5, -0.1, 1.1], false), ([0.5; 6], true)] {
        uncertainty.push(&p).unwrap();
        assert_eq!([0, 1, 2].map(|row| uncertainty.expected_entropy()[row].is_nan()), [true, false, true]);
        uncertainty.mutual_information(&mut out).unwrap();
        assert_eq!(out.map(f64::is_nan), [true, false, true]);
        uncertainty.predictive_entropy(&mut out).unwrap();
        assert_eq!(out.map(f64::is_nan), [true, false, !positive]);
    }
    assert!((out[2] - entropy(&[0.2, 0.8])).abs() < 1e-8, "that of the mean");
}

#[test]
fn buffers_of_nothing() {
    let mut out = [9.0; 2];
    let mut entropy = [9.0; 2];
    let mut uncertainty = ClassUncertainty::new(0, &mut [], &mut entropy).unwrap();
    uncertainty.push(&[]).unwrap();
    uncertainty.mutual_information(&mut out).unwrap();
    assert_eq!(out, [0.0; 2]);
    let mut uncertainty = ClassUncertainty::new(3, &mut [], &mut []).unwrap();
    uncertainty.push(&[]).unwrap();
    let mut moments = Moments::new(&mut [], &mut []).unwrap();
    moments.push(&[]).unwrap();
    moments.sample_variance(&mut []).unwrap();
}

#[test]
fn errors_write_nothing() {
    let mismatch = |argument, expected, actual| Error::LengthMismatch { argument, expected, actual };
    let (mut mean, mut squares, mut out) = ([9.0; 6], [9.0; 6], [9.0; 6]);
    assert_eq!(Moments::new(&mut mean, &mut squares[..5]).unwrap_err(), mismatch(Argument::Statistics, 6, 5));
    assert_eq!(
        ClassUncertainty::new(2, &mut mean, &mut squares[..2]).unwrap_err(),
        mismatch(Argument::Statistics, 4, 6)
    );
    assert_eq!(
        ClassUncertainty::new(usize::MAX, &mut mean, &mut squares).unwrap_err(),
        mismatch(Argument::Statistics, usize::MAX, 6)
    );
    assert_eq!((mean, squares), ([9.0; 6], [9.0; 6]));

    let mut moments = Moments::new(&mut mean, &mut squares).unwrap();
    moments.push(&[2.0; 6]).unwrap();
    assert_eq!(moments.push(&[1.0; 5]), Err(mismatch(Argument::Input, 6, 5)));
    assert_eq!(moments.population_variance(&mut out[..5]), Err(mismatch(Argument::Output, 6, 5)));
    assert_eq!(moments.sample_variance(&mut out[..5]), Err(mismatch(Argument::Output, 6, 5)));
    assert_eq!((moments.passes(), moments.mean(), out), (1, &[2.0; 6][..], [9.0; 6]));

    let mut uncertainty = ClassUncertainty::new(2, &mut mean, &mut squares[..3]).unwrap();
    uncertainty.push(&[0.5; 6]).unwrap();
    assert_eq!(uncertainty.push(&[1.0; 5]), Err(mismatch(Argument::Input, 6, 5)));
    assert_eq!(uncertainty.predictive_entropy(&mut out[..2]), Err(mismatch(Argument::Output, 3, 2)));
    assert_eq!(uncertainty.mutual_information(&mut out[..2]), Err(mismatch(Argument::Output, 3, 2)));
    assert_eq!((uncertainty.passes(), uncertainty.mean(), out), (1, &[0.5; 6][..], [9.0; 6]));
}

#[test]
fn a_shared_mask_is_that_of_the_pass() {
    const LEN: usize = 131;
    for level in Level::supported() {
        for t in [0, 1, u64::MAX] {
            let mut expected = [1.0; LEN];
            Dropout::new(Key::new(1).derive(t), Probability::new(0.5).unwrap())
                .with_offset(70)
                .with_level(Level::SCALAR)
                .forward_in_place(&mut expected)
                .unwrap();
            let mut y = [1.0; 5 * LEN];
            stream().with_offset(70).with_level(level).pass_shared(t, 5, LEN).forward_in_place(&mut y).unwrap();
            assert!(y.chunks(LEN).all(|y| y == expected), "{level}, pass {t}");
            // channels share as well
            let mut y = [1.0; 5 * LEN * 3];
            let channels = Layout::channels_first(5, LEN, 3).index_strides([0, 1, 0]);
            stream()
                .with_offset(70)
                .with_level(level)
                .pass_shared(t, 5, LEN)
                .with_layout(channels)
                .forward_in_place(&mut y)
                .unwrap();
            let spread = |i: usize| expected[i / 3 % LEN];
            assert!(y.iter().enumerate().all(|(i, y)| *y == spread(i)), "{level}, pass {t}");
        }
    }
}

#[test]
fn masks_per_sample_are_those_of_the_derived_keys() {
    let mut seen = Vec::new();
    for t in 0..3 {
        for sample in 0..4 {
            let key = Key::new(1).derive(t).derive(sample);
            let (mut expected, mut y) = ([1.0; 131], [1.0; 131]);
            Dropout::new(key, Probability::new(0.5).unwrap()).with_offset(70).forward_in_place(&mut expected).unwrap();
            stream().with_offset(70).pass_per_sample(t, sample).forward_in_place(&mut y).unwrap();
            assert_eq!(y, expected);
            assert!(!seen.contains(&y), "pass {t}, sample {sample}");
            seen.push(y);
        }
    }
}

/// `y = w . dropout(x)` has the mean `w . x` and the variance `p / (1 - p) sum (w x)^2`. Of 20,000 passes the mean is
/// off by 1/141 standard deviations, the variance of this nearly normal sum by 1 % of itself: five times that is allowed.
/// The covariance of two equal samples is the variance where they share masks, and 0 with masks of their own.
#[test]
fn spread_of_a_linear_model() {
    const PASSES: u64 = 20_000;
    const LEN: usize = 100;
    let p = Probability::new(0.25).unwrap();
    let stream = Dropout::new(Key::new(8), p);
    let wx: Vec<f32> = (0..LEN as u64).map(|i| Key::new(9).below(i, 17) as f32 / 8.0 - 0.75).collect();
    let mean: f64 = wx.iter().copied().map(f64::from).sum();
    let variance = wx.iter().map(|&wx| f64::from(wx).powi(2)).sum::<f64>() / 3.0;

    for shared in [true, false] {
        let (mut means, mut squares, mut variances) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        let mut moments = Moments::new(&mut means, &mut squares).unwrap();
        for t in 0..PASSES {
            let mut x = [wx.as_slice(), &wx].concat();
            if shared {
                stream.pass_shared(t, 2, LEN).forward_in_place(&mut x).unwrap();
            } else {
                for (sample, x) in (0..).zip(x.chunks_mut(LEN)) {
                    stream.pass_per_sample(t, sample).forward_in_place(x).unwrap();
                }
            }
            let [a, b] = [x[..LEN].iter().sum::<f32>(), x[LEN..].iter().sum()];
            moments.push(&[a, b, a + b]).unwrap();
        }
        moments.sample_variance(&mut variances).unwrap();
        for i in [0, 1] {
            assert!((moments.mean()[i] - mean).abs() < 5.0 * (variance / PASSES as f64).sqrt());
            assert!((variances[i] / variance - 1.0).abs() < 0.05, "{} for {variance}", variances[i]);
        }
        let of_sum = if shared { 4.0 } else { 2.0 } * variance;
        assert!((variances[2] / of_sum - 1.0).abs() < 0.05, "{} for {of_sum}", variances[2]);
    }
}
