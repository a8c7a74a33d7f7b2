//! The mask stream against vectors of an independent implementation: a promise to users, to the bit.
#![allow(clippy::expect_used, reason = "a test that fails may panic")]

use dropmask::{Key, Level, MaskMut, MaskStream, Probability, mask_words};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct Golden {
    stream: u32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    seed: u64,
    derive: Vec<u64>,
    #[serde(deserialize_with = "hex")]
    key: u64,
    #[serde(deserialize_with = "hex")]
    p_bits: u64,
    threshold: u64,
    #[serde(deserialize_with = "hex")]
    scale_bits: u64,
    #[serde(deserialize_with = "hex")]
    keep_bits: u64,
    offset: u64,
    len: usize,
    kept: usize,
    words: Vec<String>,
}

fn parse(hex: &str) -> u64 {
    u64::from_str_radix(hex.strip_prefix("0x").expect("0x"), 16).expect("hexadecimal digits")
}

fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer).map(|hex| parse(&hex))
}

#[test]
fn stream_version_1() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).expect("golden.json");
    assert_eq!(golden.stream, 1);
    assert_eq!(golden.cases.len(), 15);
    for case in golden.cases {
        let key = case.derive.iter().fold(Key::new(case.seed), |key, &step| key.derive(step));
        assert_eq!(key.to_raw(), case.key);

        let p = Probability::new(f32::from_bits(case.p_bits as u32)).expect("p in [0, 1]");
        assert_eq!(p.threshold(), case.threshold);
        assert_eq!(u64::from(p.scale().to_bits()), case.scale_bits);
        assert_eq!(u64::from(p.keep().to_bits()), case.keep_bits);

        let expected: Vec<u64> = case.words.iter().map(|word| parse(word)).collect();
        for level in Level::supported() {
            let mut words = vec![!0; mask_words(case.len)];
            let mut mask = MaskMut::new(&mut words, case.len).expect("enough words");
            MaskStream::new(key, p).offset(case.offset).level(level).fill(&mut mask).expect("indices fit");
            assert_eq!(mask.as_mask().count_kept(), case.kept, "{level}, offset {}", case.offset);
            assert_eq!(words, expected, "{level}, offset {}", case.offset);
        }
    }
}
