//! The mask stream and every kind of dropout against vectors of an independent implementation: a promise to users, to the
//! bit. `golden/write.py` writes them, and random cases.
//!
//! What needs a tool is left out where the tool is absent, unless `DROPMASK_REQUIRE_TOOLS` is set.

#[path = "golden/kinds.rs"]
mod kinds;
#[path = "../common/tools.rs"]
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::all_same;
use dropmask::{Dropout, Error, Key, Level, MASK_STREAM_VERSION, MaskMut, Probability, mask_words};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

const STREAM: &str = include_str!("../golden/stream.json");
const FAMILY: &str = include_str!("../golden/family.json");

fn family(vectors: &str) -> BTreeMap<String, Vec<Value>> {
    #[derive(Deserialize)]
    struct Family {
        stream: u32,
        kinds: BTreeMap<String, Vec<Value>>,
    }
    let Family { stream, kinds } = serde_json::from_str(vectors).unwrap();
    assert_eq!(stream, MASK_STREAM_VERSION);
    kinds
}

#[test]
fn every_kind_has_a_test() {
    let kinds = family(FAMILY);
    assert!(kinds.keys().all(|kind| kinds::KINDS.contains(&kind.as_str())), "{:?}", kinds.keys());
    assert!(kinds.values().all(|cases| !cases.is_empty()));
}

/// The folder of the vectors. The package is that of the library, or one below it.
fn folder() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.find_map(|folder| folder.join("tests/golden").canonicalize().ok()).unwrap()
}

/// What a Python that has some modules prints.
fn python(modules: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(tools::python(modules)?).args(arguments).current_dir(folder()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn vectors_are_what_the_script_writes() {
    for (what, vectors) in [("stream", STREAM), ("kinds", FAMILY)] {
        if let Some(written) = python("numpy", &["write.py", what]) {
            assert!(written == vectors, "{what}: the file is not what write.py writes");
        }
    }
}

#[test]
fn vectors_are_as_their_schemas_say() {
    const VALIDATE: &str =
        "import json, jsonschema, sys; jsonschema.validate(*(json.load(open(file)) for file in sys.argv[1:]))";
    for (vectors, schema) in [("stream.json", "stream.schema.json"), ("family.json", "family.schema.json")] {
        python("jsonschema", &["-c", VALIDATE, vectors, schema]);
    }
}

#[test]
fn random_cases() {
    for seed in ["1", "2"] {
        if let Some(vectors) = python("numpy", &["write.py", "stream", seed]) {
            check_stream(&vectors);
        }
        if let Some(vectors) = python("numpy", &["write.py", "kinds", seed]) {
            for (kind, cases) in &family(&vectors) {
                kinds::check(kind, cases);
            }
        }
    }
}

fn parse(hex: &str) -> u64 {
    u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap()
}

fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer).map(|hex| parse(&hex))
}

/// Numbers of so many hexadecimal digits.
fn numbers_of(hex: &str, digits: usize) -> impl Iterator<Item = u64> {
    hex.as_bytes().chunks(digits).map(|digits| parse(str::from_utf8(digits).unwrap()))
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct Floats(Vec<f32>);

impl From<String> for Floats {
    fn from(hex: String) -> Self {
        Self(numbers_of(&hex, 8).map(|bits| f32::from_bits(bits as u32)).collect())
    }
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct Doubles(Vec<f64>);

impl From<String> for Doubles {
    fn from(hex: String) -> Self {
        Self(numbers_of(&hex, 16).map(f64::from_bits).collect())
    }
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct Words(Vec<u64>);

impl From<String> for Words {
    fn from(hex: String) -> Self {
        Self(numbers_of(&hex, 16).collect())
    }
}

/// Input number `n`: multiples of 2^-13 in `[-4, 4)`.
fn values(n: u64, len: usize) -> Vec<f32> {
    (0..len as u64).map(|i| Key::from_raw(n).below(i, 1 << 16) as f32 / 8192.0 - 4.0).collect()
}

/// What an operation makes of a slice.
fn after(mut y: Vec<f32>, operation: impl FnOnce(&mut [f32]) -> Result<(), Error>) -> Vec<f32> {
    operation(&mut y).unwrap();
    y
}

/// What an operation writes.
fn written(len: usize, operation: impl FnOnce(&mut [f32]) -> Result<(), Error>) -> Vec<f32> {
    after(vec![123.0; len], operation)
}

/// What an operation stores.
fn stored(len: usize, operation: impl FnOnce(&mut MaskMut<'_>) -> Result<(), Error>) -> Vec<u64> {
    let mut words = vec![!0; mask_words(len)];
    operation(&mut MaskMut::new(&mut words, len).unwrap()).unwrap();
    words
}

#[track_caller]
fn assert_same(actual: &[f32], Floats(expected): &Floats) {
    assert!(all_same(actual, expected), "{actual:?}, expected {expected:?}");
}

#[track_caller]
fn assert_close(actual: &[f64], Doubles(expected): &Doubles, bounds: impl Iterator<Item = f64>) {
    assert_eq!(actual.len(), expected.len());
    let close =
        actual.iter().zip(expected).zip(bounds).all(|((actual, expected), bound)| (actual - expected).abs() <= bound);
    assert!(close, "{actual:?}, expected {expected:?}");
}

fn probability(bits: u64) -> Probability {
    Probability::new(f32::from_bits(bits as u32)).unwrap()
}

#[derive(Deserialize)]
struct Stream {
    #[serde(deserialize_with = "hex")]
    key: u64,
    #[serde(deserialize_with = "hex")]
    p: u64,
    offset: u64,
}

impl Stream {
    fn key(&self) -> Key {
        Key::from_raw(self.key)
    }

    fn at(&self, level: Level) -> Dropout {
        self.with_key(self.key(), level)
    }

    fn with_key(&self, key: Key, level: Level) -> Dropout {
        Dropout::new(key, probability(self.p)).with_offset(self.offset).with_level(level)
    }
}

#[derive(Deserialize)]
struct StreamCases {
    stream: u32,
    cases: Vec<StreamCase>,
}

#[derive(Deserialize)]
struct StreamCase {
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

#[test]
fn stream_version_1() {
    assert_eq!(check_stream(STREAM), 17);
}

/// The number of cases.
fn check_stream(vectors: &str) -> usize {
    let golden: StreamCases = serde_json::from_str(vectors).unwrap();
    assert_eq!(golden.stream, MASK_STREAM_VERSION);
    for case in &golden.cases {
        let key = case.derive.iter().fold(Key::new(case.seed), |key, &step| key.derive(step));
        assert_eq!(key.to_raw(), case.key);

        let p = probability(case.p_bits);
        assert_eq!(p.threshold(), case.threshold);
        assert_eq!(u64::from(p.scale().to_bits()), case.scale_bits);
        assert_eq!(u64::from(p.keep().to_bits()), case.keep_bits);

        let expected: Vec<u64> = case.words.iter().map(|word| parse(word)).collect();
        for level in Level::supported() {
            let mut words = vec![!0; mask_words(case.len)];
            let mut mask = MaskMut::new(&mut words, case.len).unwrap();
            Dropout::new(key, p).with_offset(case.offset).with_level(level).fill(&mut mask).unwrap();
            assert_eq!(mask.as_mask().count_kept(), case.kept, "{level}, offset {}", case.offset);
            assert_eq!(words, expected, "{level}, offset {}", case.offset);
        }
    }
    golden.cases.len()
}
