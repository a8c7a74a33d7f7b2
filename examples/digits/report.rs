//! The table, the verdict and the chart.

use std::{error::Error, fmt};

use plotters::{chart::SeriesLabelPosition, style::RGBColor};

use crate::common::chart::{BLUE, Chart, Line, VERMILION, figure};
use crate::common::recipe::{BATCH, HIDDEN, TRAINING_ROWS};
use crate::timed::Timing;
use crate::{DROP, EPOCHS, Run, SEEDS};

/// How far a test accuracy may be from the reference, in percentage points: three standard errors of the difference of
/// two means of five seeds, each of a deviation of 0.6 (with 100 seeds: 95.5 ± 0.6 % and 96.2 ± 0.6 %).
const BOUND: f64 = 1.1;

/// What the same networks reached in `NumPy`; see `examples/data/README.md`.
const NUMPY: [Accuracy; 2] = [
    Accuracy { train: 100.0, test: Statistics { mean: 95.4, deviation: 0.4 } },
    Accuracy { train: 100.0, test: Statistics { mean: 96.3, deviation: 0.2 } },
];
const COLORS: [RGBColor; 2] = [BLUE, VERMILION];

/// In percent, over all seeds.
#[derive(Clone, Copy)]
struct Accuracy {
    train: f64,
    test: Statistics,
}

#[derive(Clone, Copy)]
struct Statistics {
    mean: f64,
    deviation: f64,
}

impl Statistics {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, deviation: variance.sqrt() }
    }
}

fn name(network: usize) -> String {
    DROP[network].map_or("no dropout".into(), |p| format!("p = {p}"))
}

/// What came out without dropout and with it.
pub struct Report<'a> {
    runs: &'a [Vec<Run>; 2],
    accuracies: [Accuracy; 2],
    training: [Timing; 2],
    dropout: [Timing; 2],
}

impl<'a> Report<'a> {
    pub fn new(runs: &'a [Vec<Run>; 2]) -> Self {
        let accuracies = runs.each_ref().map(|runs| Accuracy {
            train: Statistics::of(runs.iter().map(|run| run.train)).mean,
            test: Statistics::of(runs.iter().map(|run| run.test[EPOCHS - 1])),
        });
        let training = runs.each_ref().map(|runs| runs.iter().map(|run| run.training).sum());
        let dropout = runs.each_ref().map(|runs| runs.iter().map(|run| run.dropout).sum());
        Self { runs, accuracies, training, dropout }
    }

    /// Percentage points that dropout adds to the test accuracy.
    fn gain(&self) -> f64 {
        self.accuracies[1].test.mean - self.accuracies[0].test.mean
    }

    fn agrees(&self) -> bool {
        let near = |(own, numpy): (&Accuracy, &Accuracy)| (own.test.mean - numpy.test.mean).abs() <= BOUND;
        self.accuracies.iter().zip(&NUMPY).all(near)
    }

    /// Dropout helps, and as much as it should.
    pub fn is_good(&self) -> bool {
        self.gain() > 0.0 && self.agrees()
    }

    /// A chart of the mean test accuracy after each epoch.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let curve = |i: usize| Line {
            label: name(i),
            points: (0..EPOCHS)
                .map(|epoch| ((epoch + 1) as f64, Statistics::of(self.runs[i].iter().map(|run| run.test[epoch])).mean))
                .collect(),
            color: COLORS[i],
            dashed: false,
        };
        let reference = |i: usize| Line {
            label: format!("{} in NumPy", name(i)),
            points: [0, EPOCHS].map(|x| (x as f64, NUMPY[i].test.mean)).into(),
            color: COLORS[i],
            dashed: true,
        };
        let title = format!("Dropout in a network trained on {TRAINING_ROWS} handwritten digits");
        let chart = Chart {
            title: String::new(),
            x_label: "epoch".into(),
            y_label: format!("test accuracy (%), mean of {SEEDS} seeds"),
            x: 0.0..EPOCHS as f64,
            y: 88.0..97.5,
            lines: vec![curve(1), reference(1), curve(0), reference(0)],
            bars: Vec::new(),
            legend: Some(SeriesLabelPosition::LowerRight),
        };
        figure(&title, (1200, 750), &[(1, &[&chart])])
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:20}{:>8}{:>16}{:>8}{:>18}", "", "train", "test", "gap", "time in dropout")?;
        for (i, numpy) in NUMPY.iter().enumerate() {
            let share = 100.0 * self.dropout[i].total.as_secs_f64() / self.training[i].total.as_secs_f64();
            writeln!(f, "{:20}{}{share:>16.1} %", name(i), self.accuracies[i])?;
            writeln!(f, "{:20}{}", "  the same in NumPy", numpy)?;
        }
        writeln!(
            f,
            "\n± is the deviation over the seeds; gap is train - test; time is that of the training steps, without \
             evaluation.\nA call into the library took {} ns for up to {BATCH} x {HIDDEN} elements, {} of them the clock's own.",
            self.dropout[1].per_call().as_nanos(),
            Timing::overhead().as_nanos(),
        )?;
        let agree = if self.agrees() { "agree" } else { "DO NOT agree" };
        writeln!(
            f,
            "\nDropout gains {:+.1} points of test accuracy. Both accuracies {agree} with NumPy's within {BOUND} points.",
            self.gain()
        )
    }
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { train, test: Statistics { mean, deviation } } = *self;
        write!(f, "{train:>6.1} %{mean:>8.1} % ± {deviation:.1}{:>8.1}", train - mean)
    }
}
