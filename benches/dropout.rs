//! Every operation at every level, beside `y = a * x` at the same level and the loop that a user would write.
//!
//! `cargo bench --bench dropout -- forward` measures the groups whose name has "forward"; `-- --test` only checks the
//! answers. For the ratios between the three, taken in alternation, see the benchmark `ratios`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a benchmark that fails stops
#![allow(missing_docs)] // made by macros

mod common;

use std::time::Duration;

use common::{Case, Operation, PROBABILITIES, SIZES};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dropmask::Level;

/// The largest case for the scalar level, which is slow.
const SCALAR_SIZE: usize = 4096;

type Run = fn(&mut Case, Operation, Level);

const SIDE_BY_SIDE: [(&str, Run); 3] = [
    ("dropmask", Case::operation),
    ("y = a * x", |case, _, level| case.roofline(level)),
    ("plain", |case, operation, _| case.plain(operation)),
];

fn dropout(c: &mut Criterion) {
    let mut cases: Vec<Case> = SIZES.iter().flat_map(|&len| PROBABILITIES.map(|p| Case::new(len, p))).collect();
    for operation in Operation::ALL {
        for level in Level::supported() {
            let mut group = c.benchmark_group(format!("{operation}, {level}"));
            for case in &mut cases {
                if level == Level::SCALAR && case.len() > SCALAR_SIZE {
                    continue;
                }
                let at = format!("{} elements, p = {}", case.len(), case.p);
                group.throughput(Throughput::Elements(case.len() as u64));
                let mut checked = false;
                for (name, run) in SIDE_BY_SIDE {
                    group.bench_function(BenchmarkId::new(name, &at), |b| {
                        if !checked {
                            case.check(operation, level);
                            checked = true;
                        }
                        b.iter(|| run(case, operation, level));
                    });
                }
            }
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = dropout
}
criterion_main!(benches);
