//! A textbook chapter on dropout, worked: its numbers beside those that the library computes, and its figures.
//!
//! ```text
//! cargo run --release --example chapter [folder]
//! ```
//!
//! The figures are kept in `docs`:
//!
//! ```text
//! cargo run --release --example chapter target/figures
//! cp target/figures/*.svg docs/
//! ```

#![allow(unreachable_pub, reason = "an example is no API")]
#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a slip should stop the example")]

#[path = "../common/mod.rs"]
mod common;
mod numbers;
mod pictures;
mod training;
mod uncertainty;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use common::data::Samples;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = match env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => env::current_exe()?.with_file_name("chapter-figures"),
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;

    let agree = numbers::print()?;
    pictures::draw(&folder)?;
    let digits = Samples::load()?;
    let runs = training::train_all(&digits)?;
    training::draw(&runs, &folder)?;
    let rises = uncertainty::draw(training::half(&runs), &folder)?;
    Ok(if agree && rises { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes a figure and prints where it is.
fn save(folder: &Path, name: &str, svg: &str) -> Result<(), Box<dyn Error>> {
    let path = folder.join(name).with_extension("svg");
    fs::write(&path, svg).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("  {}", path.display());
    Ok(())
}
