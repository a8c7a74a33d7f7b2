//! Hands the linker its scripts, and turns the repository's data into what a program without files can hold.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

use serde_json::Value;

const DIGITS: &str = "../data/digits.csv";
const VECTORS: &str = "../../tests/golden/stream.json";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy("memory.x", out.join("memory.x"))?;
    fs::write(out.join("digits"), digits()?)?;
    fs::write(out.join("vectors.rs"), vectors()?)?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    for file in ["memory.x", DIGITS, VECTORS] {
        println!("cargo::rerun-if-changed={file}");
    }
    Ok(())
}

/// A byte for each number of the file.
fn digits() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).from_path(DIGITS)?;
    let rows = rows.deserialize::<Vec<u8>>().collect::<Result<Vec<_>, _>>()?;
    Ok(rows.concat())
}

/// The cases as an array of `Vector`.
fn vectors() -> Result<String, Box<dyn Error>> {
    let golden: Value = serde_json::from_str(&fs::read_to_string(VECTORS)?)?;
    let cases = golden["cases"].as_array().ok_or("no cases")?;
    let mut code = String::from("[");
    for case in cases {
        let words: Vec<&str> = case["words"].as_array().ok_or("no words")?.iter().filter_map(Value::as_str).collect();
        write!(
            code,
            "Vector {{ seed: {}, steps: &{}, p: {}, offset: {}, len: {}, words: &[{}] }},",
            case["seed"],
            case["derive"],
            case["p_bits"].as_str().ok_or("no p")?,
            case["offset"],
            case["len"],
            words.join(",")
        )?;
    }
    Ok(code + "]")
}
