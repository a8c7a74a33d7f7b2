//! Mask bits on standard output without end, 64 in a little-endian word, for batteries of statistical tests.
//!
//! Those of a probability other than 0.5 go through von Neumann's extractor, which makes independent bits of one bias fair.

mod bits;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Write};

use bits::{Arrangement, BATCH_WORDS, Source, VonNeumann};
use clap::Parser;
use dropmask::{Key, Probability};

#[derive(Parser)]
#[command(about = "Writes mask bits without end")]
struct Arguments {
    /// Drop probability, between 0 and 1
    #[arg(value_parser = probability)]
    p: Probability,
    arrangement: Arrangement,
    seed: u64,
}

/// One that keeps some elements and drops others: no fair bit comes from a mask that is all the same.
fn probability(text: &str) -> Result<Probability, String> {
    let p = text.parse().map_err(|error| format!("{error}"))?;
    let p = Probability::new(p).map_err(|error| error.to_string())?;
    if [0, 1 << 32].contains(&p.threshold()) {
        return Err("drops all elements, or none".to_owned());
    }
    Ok(p)
}

fn write(source: &Source) -> Result<(), Box<dyn std::error::Error>> {
    let fair = source.p.threshold() == 1 << 31;
    let (mut words, mut extractor, mut out) = (vec![0; BATCH_WORDS], VonNeumann::default(), io::stdout().lock());
    let mut bytes = Vec::new();
    for batch in 0.. {
        source.draw(batch, &mut words)?;
        for &word in &words {
            let mut put = |word: u64| bytes.extend(word.to_le_bytes());
            if fair { put(word) } else { extractor.extract(word, put) }
        }
        out.write_all(&bytes)?;
        bytes.clear();
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { p, arrangement, seed } = Arguments::parse();
    match write(&Source { key: Key::new(seed), p, arrangement }) {
        // the reader has enough
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => Ok(()),
        result => result,
    }
}
