//! Threshold and factors, which some machines compute in integers, are those of the formulas in `f64`.

use dropmask::Probability;

fn threshold(p: f32) -> u64 {
    ((1.0 - f64::from(p)) * 4_294_967_296.0 + 0.5).floor() as u64
}

fn factors(threshold: u64) -> [f32; 2] {
    let kept = threshold as f64 / 4_294_967_296.0;
    [if threshold == 0 { 0.0 } else { (4_294_967_296.0 / threshold as f64) as f32 }, kept as f32]
}

fn thresholds_agree(floats: impl Iterator<Item = u32>) {
    for p in floats.map(f32::from_bits) {
        assert_eq!(Probability::new(p).map(Probability::threshold), Ok(threshold(p)), "{p:e}");
    }
}

fn factors_agree(thresholds: impl Iterator<Item = u64>) {
    for threshold in thresholds {
        let p = Probability::from_threshold(threshold).unwrap();
        let [scale, keep] = factors(threshold);
        assert_eq!([p.scale().to_bits(), p.keep().to_bits()], [scale.to_bits(), keep.to_bits()], "{threshold}");
    }
}

const LAST: u32 = 1.0_f32.to_bits();

#[test]
fn of_many_floats() {
    // all digits that decide, at all exponents, and what is next to each of them
    thresholds_agree((0..=LAST).step_by(997));
    thresholds_agree((0..=127_u32).flat_map(|exponent| {
        (0..23).flat_map(move |digit| {
            let at = exponent << 23 | 1 << digit;
            (at.saturating_sub(3)..=at + 3).map(|bits| bits.min(LAST))
        })
    }));
}

#[test]
fn of_many_thresholds() {
    factors_agree((0..=1 << 32).step_by(4001));
    factors_agree((0..=32).flat_map(|bit| (1_u64 << bit).saturating_sub(50)..=((1 << bit) + 50).min(1 << 32)));
    factors_agree(HALFWAY.into_iter());
}

/// Those whose quotient is so near to halfway between two floats that it is halfway in `f64`: `T` times an odd number of 25
/// digits is a power of two but for `T / 2^29`, at most.
const HALFWAY: [u64; 28] = [
    592_209_605,
    671_170_565,
    846_731_599,
    939_524_103,
    943_201_287,
    993_089_953,
    1_184_419_210,
    1_342_341_130,
    1_614_112_203,
    1_693_463_198,
    1_745_032_969,
    1_879_048_206,
    1_886_402_574,
    1_986_179_906,
    2_004_436_223,
    2_289_596_545,
    2_368_838_420,
    2_684_682_260,
    2_951_070_431,
    3_228_224_406,
    3_386_926_396,
    3_394_919_015,
    3_490_065_938,
    3_758_096_412,
    3_772_805_148,
    3_972_359_812,
    4_008_872_446,
    4_026_531_855,
];

/// Two minutes with optimization: `cargo test --release --test probability -- --ignored`.
#[test]
#[ignore = "a campaign"]
fn of_all() {
    thresholds_agree(0..=LAST);
    factors_agree(0..=1 << 32);
}
