//! Backward against the derivative of forward: finite differences of a loss, and the transpose in exact arithmetic.

use crate::common::generator;
use dropmask::{Dropout, Key, Mask, MaskMut, Probability, Scaling, StoredMask, mask_words};
use rand_xoshiro::rand_core::Rng;

const LEN: usize = 300;

/// Whole numbers in `-bound..=bound`.
fn integers(seed: u64, bound: u64) -> Vec<f32> {
    let mut rng = generator(seed);
    (0..LEN).map(|_| (rng.next_u64() % (2 * bound + 1)) as f32 - bound as f32).collect()
}

fn forward(stream: &Dropout, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; LEN];
    stream.forward(x, &mut y).unwrap();
    y
}

/// All gradients that there are: replayed, from the stored mask, in place and accumulated.
fn gradients(stream: &Dropout, x: &[f32], dy: &[f32]) -> [(&'static str, Vec<f32>); 6] {
    let mut words = vec![0; mask_words(LEN)];
    let mut mask = MaskMut::new(&mut words, LEN).unwrap();
    stream.forward_store(x, &mut vec![0.0; LEN], &mut mask).unwrap();
    let stored = StoredMask::new(Mask::new(&words, LEN).unwrap(), stream.scale());

    let from = |start: &[f32], run: &dyn Fn(&mut [f32])| {
        let mut dx = start.to_vec();
        run(&mut dx);
        dx
    };
    let zeros = [0.0; LEN];
    [
        ("backward", from(&zeros, &|dx| stream.backward(dy, dx).unwrap())),
        ("backward_in_place", from(dy, &|dx| stream.backward_in_place(dx).unwrap())),
        ("backward_add", from(&zeros, &|dx| stream.backward_add(dy, dx).unwrap())),
        ("apply", from(&zeros, &|dx| stored.apply(dy, dx).unwrap())),
        ("apply_in_place", from(dy, &|dx| stored.apply_in_place(dx).unwrap())),
        ("apply_add", from(&zeros, &|dx| stored.apply_add(dy, dx).unwrap())),
    ]
}

/// `sum of c[i] * y[i] + y[i]^2 / 2`, in `f64`.
fn loss(c: &[f32], y: &[f32]) -> f64 {
    c.iter().zip(y).map(|(&c, &y)| f64::from(y) * (f64::from(c) + f64::from(y) / 2.0)).sum()
}

/// The loss is quadratic, so a central difference is its derivative but for rounding. `x` is a multiple of the step, so
/// `x` plus or minus a step is exact; the product with the scale is off by at most 2^-24 of `y`, which the division by
/// two steps of 2^-6 makes 2^-18 of `y * (c + y)`: below 1e-4 of a gradient of the size of 1 for `y` up to 20, as here.
#[test]
fn finite_differences() {
    const STEP: f32 = 1.0 / 64.0;
    let x: Vec<_> = integers(11, 128).into_iter().map(|x| x * STEP).collect();
    let c: Vec<_> = integers(12, 3);
    for scaling in [Scaling::Inverted, Scaling::Standard, Scaling::Naive] {
        for p in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let stream =
                Dropout::new(Key::new(13), Probability::new(p).unwrap()).with_offset(1000).with_scaling(scaling);
            let numeric = |i: usize| {
                let at = |x_i: f32| {
                    let mut x = x.clone();
                    x[i] = x_i;
                    loss(&c, &forward(&stream, &x))
                };
                (at(x[i] + STEP) - at(x[i] - STEP)) / (2.0 * f64::from(STEP))
            };
            let numeric: Vec<_> = (0..LEN).map(numeric).collect();

            let y = forward(&stream, &x);
            let dy: Vec<_> = c.iter().zip(&y).map(|(c, y)| c + y).collect();
            for (name, dx) in gradients(&stream, &x, &dy) {
                for (i, (&dx, &numeric)) in dx.iter().zip(&numeric).enumerate() {
                    let error = (f64::from(dx) - numeric).abs();
                    assert!(
                        error <= 1e-3 * (1.0 + numeric.abs()),
                        "{name}, {scaling:?}, p = {p}, element {i}: {dx} for {numeric}"
                    );
                }
            }
        }
    }
}

/// `<forward(x), g> = <x, backward(g)>`, exactly: small whole numbers and a scale of 2.
#[test]
fn backward_is_the_transpose() {
    let (x, g) = (integers(14, 100), integers(15, 100));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| a as i64 * b as i64).sum::<i64>();
    for seed in 0..20 {
        let stream = Dropout::new(Key::new(seed), Probability::new(0.5).unwrap());
        let expected = dot(&forward(&stream, &x), &g);
        assert_ne!(expected, 2 * dot(&x, &g), "something is dropped");
        for (name, dx) in gradients(&stream, &x, &g) {
            assert_eq!(dot(&x, &dx), expected, "{name}");
        }
    }
}

/// Gradients of several uses of a value add up: each exactly, in whole numbers.
#[test]
fn accumulation_adds_up() {
    let (g, h) = (integers(16, 100), integers(17, 100));
    let [first, second] = [18, 19].map(|seed| Dropout::new(Key::new(seed), Probability::new(0.5).unwrap()));
    let mut dx = vec![0.0; LEN];
    first.backward_add(&g, &mut dx).unwrap();
    second.backward_add(&h, &mut dx).unwrap();
    let parts = forward(&first, &g).into_iter().zip(forward(&second, &h));
    assert_eq!(dx, parts.map(|(a, b)| a + b).collect::<Vec<_>>());
}
