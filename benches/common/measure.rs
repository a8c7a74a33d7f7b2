//! How the benchmarks measure.

use std::time::Instant;
use std::{env, fmt, fs};

/// What the command line asks for.
#[derive(Clone, Copy)]
pub(crate) struct Flags {
    /// To check the answers and measure nothing.
    pub(crate) test: bool,
    pub(crate) quick: bool,
}

impl Flags {
    pub(crate) fn get() -> Self {
        let args: Vec<String> = env::args().collect();
        let has = |flag: &str| args.iter().any(|arg| arg == flag);
        // `cargo test --benches` passes no flag at all
        Self { test: has("--test") || !has("--bench"), quick: has("--quick") }
    }

    /// The command that asks for them.
    pub(crate) fn command(self, bench: &str) -> String {
        format!("cargo bench --bench {bench}{}", if self.quick { " -- --quick" } else { "" })
    }
}

/// A median and the order statistics that enclose it with a probability of at least 95 %.
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        // the number of samples below the median is binomial: n / 2, with a standard deviation of sqrt(n) / 2
        let (middle, half) = (samples.len() as f64 / 2.0, 1.96 * (samples.len() as f64).sqrt() / 2.0);
        let low = ((middle - half).floor() as usize).saturating_sub(1);
        let high = ((middle + half).ceil() as usize).min(samples.len() - 1);
        Self { median: samples[samples.len() / 2], low: samples[low], high: samples[high] }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.low, self.high)
    }
}

/// Nanoseconds per call.
pub(crate) fn time(calls: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// The CPU by its name, and by its family and model: one name may stand for several generations.
pub(crate) fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |field| info.lines().find_map(|line| line.strip_prefix(field)?.split_once(": "));
    match [field("model name"), field("cpu family"), field("model")] {
        [Some((_, name)), Some((_, family)), Some((_, model))] => format!("{name} (family {family}, model {model})"),
        [Some((_, name)), ..] => name.to_owned(),
        _ => format!("an unnamed {} CPU", env::consts::ARCH),
    }
}
