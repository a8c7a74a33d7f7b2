//! Both ways beside a naive one in `f64`, the mask beside that of the whole matrix, gradients by differences.

use dropmask::{Dropout, Error, Key, MaskMut, Probability, mask_words};

use crate::compare::{Inputs, Outputs};
use crate::heads::Heads;
use crate::product::{Row, SIZE};
use crate::softmax::exp;
use crate::tiles::{Head, KEYS, QUERIES, buffer, cut, factor, ranges};

/// Of tiles that are not full, of one tile and several.
const TOKENS: [usize; 8] = [1, 3, 8, 33, 64, 101, KEYS, KEYS + 89];

/// An offset that is no multiple of 64, as of a head whose weights begin anywhere.
fn head(p: f32, tokens: usize, causal: bool) -> Head {
    let dropout = Dropout::new(Key::new(5), Probability::new(p).expect("in [0, 1]")).with_offset(1_000_003);
    Head { dropout, tokens, causal }
}

/// A number, and the sum of the magnitudes of all products that make it up.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    magnitude: f64,
}

impl Sum {
    fn add(&mut self, a: Self, b: f32) {
        self.value += a.value * f64::from(b);
        self.magnitude += a.magnitude * f64::from(b.abs());
    }
}

fn inner_product(a: &Row, b: &Row) -> Sum {
    let mut sum = Sum::default();
    a.iter().zip(b).for_each(|(a, b)| sum.add(Sum { value: f64::from(*a), magnitude: f64::from(a.abs()) }, *b));
    sum
}

/// Of the output, and of the gradients of queries, keys and values.
type Sums = [Vec<[Sum; SIZE]>; 4];

/// Row by row in `f64`, with the greatest magnitude of a score.
fn naive(head: &Head, inputs: &Inputs) -> Result<(Sums, f64), Error> {
    let ([q, k, v], factor, scale) = (inputs.qkv(), f64::from(factor()), f64::from(head.dropout.scale()));
    let mut kept = vec![false; head.tokens * head.tokens];
    head.dropout.fill_bools(&mut kept)?;
    let mut all = [(); 4].map(|()| vec![[Sum::default(); SIZE]; head.tokens]);
    let mut greatest = 0.0_f64;
    let [o, dq, dk, dv] = &mut all;
    for i in 0..head.tokens {
        let visible = if head.causal { i + 1 } else { head.tokens };
        let scores: Vec<Sum> = k[..visible].iter().map(|k| inner_product(&q[i], k)).collect();
        greatest = scores.iter().fold(greatest, |most, score| most.max(score.magnitude * factor));
        let maximum = scores.iter().fold(f64::NEG_INFINITY, |most, score| most.max(score.value));
        let weights: Vec<f64> = scores.iter().map(|score| ((score.value - maximum) * factor).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let weight = |j: usize| weights[j] / sum;
        let multiplier = |j: usize| if kept[i * head.tokens + j] { scale } else { 0.0 };

        let gradient = |j: usize| {
            let Sum { value, magnitude } = inner_product(&inputs.d_o()[i], &v[j]);
            Sum { value: value * multiplier(j), magnitude: magnitude * multiplier(j) }
        };
        let mean = (0..visible).map(|j| (weight(j), gradient(j))).fold(Sum::default(), |mean, (weight, d)| Sum {
            value: mean.value + weight * d.value,
            magnitude: mean.magnitude + weight * d.magnitude,
        });
        for j in 0..visible {
            let dropped = weight(j) * multiplier(j);
            let dropped = Sum { value: dropped, magnitude: dropped };
            let (d, by) = (gradient(j), weight(j) * factor);
            let d = Sum { value: by * (d.value - mean.value), magnitude: by * (d.magnitude + mean.magnitude) };
            for at in 0..SIZE {
                o[i][at].add(dropped, v[j][at]);
                dv[j][at].add(dropped, inputs.d_o()[i][at]);
                dq[i][at].add(d, k[j][at]);
                dk[j][at].add(d, q[i][at]);
            }
        }
    }
    Ok((all, greatest))
}

/// With u = 2^-24 and `r` the greatest magnitude of a score, a sum of `SIZE` products: a score is off by less than
/// `(SIZE + 2) u r`, so is the logarithm of the sum, which adds `S u`, and a weight by as much of itself. Outputs and
/// gradients sum up to S products of a weight, of a mean with the errors of weights again, and of inner products.
fn bound(tokens: usize, r: f64) -> f64 {
    let u = f64::from(f32::EPSILON) / 2.0;
    4.0 * (tokens as f64 + 2.0 * SIZE as f64 * (r + 1.0)) * u
}

#[test]
fn both_ways_are_right() -> Result<(), Error> {
    for tokens in TOKENS {
        let inputs = Inputs::random(tokens);
        for (p, causal) in [(0.0, false), (0.1, false), (0.1, true), (0.5, true), (1.0, false), (1.0, true)] {
            let head = head(p, tokens, causal);
            let (expected, r) = naive(&head, &inputs)?;
            let [mut tiles, mut whole] = [Outputs::new(tokens), Outputs::new(tokens)];
            tiles.in_tiles(&head, &inputs)?;
            whole.by_matrices(&head, &inputs)?;
            for (way, Outputs { o, gradients: [dq, dk, dv], .. }) in [("tiles", tiles), ("whole", whole)] {
                for ((name, actual), expected) in [("o", o), ("dq", dq), ("dk", dk), ("dv", dv)].iter().zip(&expected) {
                    for (actual, expected) in actual.as_flattened().iter().zip(expected.as_flattened()) {
                        let error = (f64::from(*actual) - expected.value).abs();
                        let bound = bound(tokens, r) * expected.magnitude;
                        assert!(
                            error <= bound,
                            "{way}, {tokens} tokens, p {p}, causal {causal}, {name}: {error:e} > {bound:e}"
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn tiles_have_the_mask_of_the_matrix() -> Result<(), Error> {
    for tokens in TOKENS {
        let head = head(0.5, tokens, false);
        let mut words = vec![0; mask_words(tokens * tokens)];
        let mut mask = MaskMut::new(&mut words, tokens * tokens)?;
        head.dropout.fill(&mut mask)?;
        for (queries, keys) in ranges(tokens, QUERIES).flat_map(|q| ranges(tokens, KEYS).map(move |k| (q.clone(), k))) {
            let mut buffer = buffer();
            buffer.fill(1.0);
            let tile = &mut cut(&mut buffer, &queries, &keys);
            head.apply_dropout(tile, queries.start, keys.start)?;
            for (row, query) in tile.rows_mut().zip(queries) {
                for (value, key) in row.iter().zip(keys.clone()) {
                    assert_eq!(
                        Some(*value != 0.0),
                        mask.as_mask().get(query * tokens + key),
                        "{tokens}: {query}, {key}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_match_differences() -> Result<(), Error> {
    const STEP: f32 = 1.0 / 64.0;
    const TOKENS: usize = QUERIES + 5;
    for (p, causal) in [(0.0, false), (0.1, true), (0.5, false)] {
        let head = head(p, TOKENS, causal);
        let (mut inputs, mut outputs) = (Inputs::random(TOKENS), Outputs::new(TOKENS));
        outputs.in_tiles(&head, &inputs)?;
        let (mut moved, mut log_sums) = (vec![[0.0; SIZE]; TOKENS], vec![0.0; TOKENS]);
        for (which, gradient) in outputs.gradients.iter().enumerate() {
            let (mut error, mut greatest) = (0.0_f64, 0.0_f64);
            for (at, gradient) in gradient.as_flattened().iter().enumerate() {
                let before = inputs.qkv_mut(which).as_flattened_mut()[at];
                let mut loss = |step: f32| -> Result<f64, Error> {
                    inputs.qkv_mut(which).as_flattened_mut()[at] = before + step;
                    head.forward(inputs.qkv(), &mut moved, &mut log_sums)?;
                    let pairs = moved.as_flattened().iter().zip(inputs.d_o().as_flattened());
                    Ok(pairs.map(|(o, d)| f64::from(*o) * f64::from(*d)).sum())
                };
                let slope = (loss(STEP)? - loss(-STEP)?) / f64::from(2.0 * STEP);
                loss(0.0)?;
                error = error.max((slope - f64::from(*gradient)).abs());
                greatest = greatest.max(slope.abs());
            }
            println!("p {p}, causal {causal}, input {which}: {:e}", error / greatest);
            assert!(error < 1e-3 * greatest, "p {p}, causal {causal}, input {which}: {error} of {greatest}");
        }
    }
    Ok(())
}

#[test]
fn threads_and_heads_change_no_bit() -> Result<(), Error> {
    let (tokens, count) = (101, 5);
    let Head { dropout, .. } = head(0.1, tokens, true);
    let one = Heads { dropout, heads: count, tokens, causal: true, threads: 1 };
    let inputs = Inputs::random(count * tokens);
    let mut expected = Outputs::new(count * tokens);
    expected.of_heads(&one, &inputs)?;
    for threads in [2, 3, 8] {
        let mut outputs = Outputs::new(count * tokens);
        outputs.of_heads(&Heads { threads, ..one }, &inputs)?;
        assert!(outputs == expected, "{threads} threads");
    }
    assert_eq!(one.head(3).dropout.offset(), dropout.offset() + 3 * 101 * 101);
    Ok(())
}

#[test]
fn memory_is_that_of_tiles() -> Result<(), Error> {
    let bytes = |tokens: usize| -> Result<[[usize; 2]; 2], Error> {
        let (head, inputs, mut outputs) = (head(0.1, tokens, false), Inputs::random(tokens), Outputs::new(tokens));
        let costs = [outputs.in_tiles(&head, &inputs)?, outputs.by_matrices(&head, &inputs)?];
        Ok(costs.map(|costs| costs.map(|cost| cost.bytes)))
    };
    let ([tiles, small], [same, large]) = (bytes(64)?, bytes(600)?);
    assert_eq!(tiles, same);
    assert!(small[0] >= 4 * 64 * 64 && large[0] >= 4 * 600 * 600 && large[1] >= 2 * large[0] - 100_000);
    Ok(())
}

#[test]
fn exponential_is_within_an_ulp() {
    for bits in ((-0.0_f32).to_bits()..=(-104.0_f32).to_bits()).step_by(509) {
        let x = f32::from_bits(bits);
        let (y, exact) = (exp(x), f64::from(x).exp());
        if exact < f64::from(f32::MIN_POSITIVE) {
            assert_eq!(y.to_bits(), 0, "{x:e}");
        } else {
            let ulp = f64::from(f32::from_bits((exact as f32).to_bits() & 0xFF80_0000) * f32::EPSILON);
            assert!((f64::from(y) - exact).abs() < 1.01 * ulp, "{x:e}: {y:e}");
        }
    }
    assert_eq!(exp(f32::NEG_INFINITY).to_bits(), 0);
}
