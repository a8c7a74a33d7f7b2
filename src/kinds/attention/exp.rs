//! The exponential of what is at most 0, for softmax: the same bits at every level.

use crate::simd::Floats;

/// `exp` of less than this, the least whose `exp` is a normal number, is `+0.0`.
const LEAST: f32 = -87.336_54;
/// 1.5 * 2^23: a small number that is added to it is rounded to an integer.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts (Cody and Waite, "Software manual for the elementary functions", 1980): nine bits, whose product
/// with the integer is exact, and the rest.
const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// `exp(r) = 1 + r + r^2 * p(r)` for `|r| <= ln(2) / 2`, of the least greatest relative error, 2^-28.3; the highest
/// power first.
const P: [f32; 5] = [0.001_381_454, 0.008_368_745, 0.041_668_39, 0.166_665_21, 0.499_999_94];

/// `exp(x)` for `x <= 0`, within 1 ulp (the greatest error of all arguments is 0.982 ulp), exactly 1 for 0, and
/// `+0.0` where it would be below 2^-126. NaN for NaN.
pub(super) fn exp(x: f32) -> f32 {
    if x < LEAST {
        return 0.0;
    }
    let n = x * core::f32::consts::LOG2_E + ROUND - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = P[1..].iter().fold(P[0], |p, coefficient| p * r + coefficient);
    let power = f32::from_bits(((n as i32).cast_unsigned() << 23).wrapping_add(1.0_f32.to_bits()));
    (p * (r * r) + r + 1.0) * power
}

/// [`exp`] of every lane.
#[inline(always)]
pub(super) fn exp_lanes<F: Floats>(level: F::Level, x: F) -> F {
    let round = F::splat(level, ROUND);
    let n = x.mul(F::splat(level, core::f32::consts::LOG2_E)).add(round).sub(round);
    let r = x.sub(n.mul(F::splat(level, LN_2[0]))).sub(n.mul(F::splat(level, LN_2[1])));
    let p = F::splat(level, P[0]);
    let p = p.mul(r).add(F::splat(level, P[1]));
    let p = p.mul(r).add(F::splat(level, P[2]));
    let p = p.mul(r).add(F::splat(level, P[3]));
    let p = p.mul(r).add(F::splat(level, P[4]));
    let fraction = p.mul(r.mul(r)).add(r).add(F::splat(level, 1.0));
    fraction.mul(n.power_of_two()).zero_below(x, F::splat(level, LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, Operation, Simd, dispatch, load, to_array};

    struct Exp<'a> {
        x: &'a [f32; 16],
        y: &'a mut [f32; 16],
    }

    impl Operation for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            *self.y = to_array(exp_lanes(s, load(s, self.x)));
        }
    }

    /// Bits of -0.0 and of -104.
    const RANGE: core::ops::RangeInclusive<u32> = 0x8000_0000..=0xC2D0_0000;

    /// Checks every argument of the range at a distance of `step` from each other; returns the greatest error in ulp.
    fn check(range: core::ops::RangeInclusive<u32>, step: usize) -> f64 {
        let mut worst = 0.0;
        let mut arguments = range.step_by(step).map(f32::from_bits);
        loop {
            let x: [f32; 16] = core::array::from_fn(|_| arguments.next().unwrap_or(f32::NAN));
            let y = x.map(exp);
            for level in Level::supported().filter(|level| *level != Level::SCALAR) {
                let mut lanes = [f32::NAN; 16];
                dispatch(level, Exp { x: &x, y: &mut lanes });
                let same =
                    y.iter().zip(lanes).all(|(y, lane)| y.to_bits() == lane.to_bits() || y.is_nan() && lane.is_nan());
                assert!(same, "{level}: {x:?} gives {lanes:?}, not {y:?}");
            }
            for (x, y) in x.into_iter().zip(y) {
                let exact = libm::exp(f64::from(x));
                if exact < f64::from(f32::MIN_POSITIVE) {
                    assert_eq!(y.to_bits(), 0, "{x:e}");
                } else if !x.is_nan() {
                    let exponent = (exact.to_bits() >> 52) - 23;
                    let error = (f64::from(y) - exact).abs() / f64::from_bits(exponent << 52);
                    worst = if error > worst { error } else { worst };
                }
            }
            if x[15].is_nan() {
                return worst;
            }
        }
    }

    #[test]
    fn within_one_ulp() {
        let worst = check(RANGE, 509);
        assert!(worst < 1.0, "{worst} ulp");
    }

    #[test]
    #[ignore = "all 1.1 billion arguments, a minute"]
    fn greatest_error() {
        let worst = check(RANGE, 1);
        assert!((0.981..0.983).contains(&worst), "{worst} ulp");
    }

    #[test]
    fn ends_of_the_range() {
        let least = LEAST.to_bits();
        assert!(check(least - 5000..=least + 5000, 1) < 1.0);
        assert!(exp(LEAST) >= f32::MIN_POSITIVE);
        for (x, y) in [(0.0, 1.0), (-0.0, 1.0), (f32::MIN, 0.0), (f32::NEG_INFINITY, 0.0)] {
            assert_eq!(exp(x).to_bits(), f32::to_bits(y));
        }
        assert!(exp(f32::NAN).is_nan());
    }
}
