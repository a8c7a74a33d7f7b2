//! Exponentials of a row, in plain code that a compiler vectorises.

use std::f32::consts::LOG2_E;

/// Below it, `exp` is not a normal number.
const LEAST: f32 = -87.336_54;
/// 1.5 * 2^23: what is added to it is rounded to an integer, which then is in the lowest bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts: nine bits, whose product with an integer is exact, and the rest.
const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// `exp(r) = 1 + r + r^2 * p(r)` for `|r| <= ln(2) / 2`, the highest power first.
const P: [f32; 5] = [0.001_381_454, 0.008_368_745, 0.041_668_39, 0.166_665_21, 0.499_999_94];

/// `exp(x)` of at most about 0, within 1 ulp (a test looks at one argument in 500); 0 below 2^-126.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = (((P[0] * r + P[1]) * r + P[2]) * r + P[3]) * r + P[4];
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    let y = (p * (r * r) + r + 1.0) * power;
    if x < LEAST { 0.0 } else { y }
}

/// `row[i] = exp(row[i] - shift)`; returns their sum.
pub fn exponentials(row: &mut [f32], shift: f32) -> f32 {
    let mut sums = [0.0; 16];
    let (chunks, rest) = row.as_chunks_mut::<16>();
    for chunk in chunks {
        for (x, sum) in chunk.iter_mut().zip(&mut sums) {
            *x = exp(*x - shift);
            *sum += *x;
        }
    }
    let mut last = 0.0;
    for x in rest {
        *x = exp(*x - shift);
        last += *x;
    }
    sums.iter().sum::<f32>() + last
}

/// The greatest number of a row, or `least`.
pub fn largest(row: &[f32], least: f32) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [least; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane = greater(*lane, *x));
    }
    lanes.iter().chain(rest).fold(least, |a, b| greater(a, *b))
}

pub fn multiply(row: &mut [f32], factor: f32) {
    for x in row {
        *x *= factor;
    }
}
