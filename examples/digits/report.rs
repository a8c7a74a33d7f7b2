//! The table, the verdict and the chart.

use std::{error::Error, fmt, time::Duration};

use plotters::chart::SeriesLabelPosition;

use crate::common::chart::{BLUE, Chart, Line, VERMILION, figure};
use crate::curves::{Curves, Interval, Point};
use crate::{DROP, EPOCHS, RECIPE, Run, SEEDS};

/// What came out here, and in `NumPy`.
pub struct Report {
    curves: Curves,
    control: Curves,
    /// The share of the time of training that is dropout, in percent.
    share: f64,
}

impl Report {
    pub fn new(runs: &[[Run; 2]]) -> Result<Self, Box<dyn Error>> {
        let curves = Curves::new(runs.iter().flatten().flat_map(|run| run.curve.clone()).collect());
        let control = Curves::control()?;
        if !curves.keys().eq(control.keys()) {
            return Err("control.csv has other networks, seeds or epochs: run control.py".into());
        }
        let total = |time: fn(&Run) -> Duration| runs.iter().map(|[_, with]| time(with).as_secs_f64()).sum::<f64>();
        let share = 100.0 * total(|run| run.dropout) / total(|run| run.training);
        Ok(Self { curves, control, share })
    }

    fn gain(&self) -> Interval {
        Interval::of(&self.curves.gains())
    }

    fn agrees(&self) -> bool {
        self.gain().agrees(Interval::of(&self.control.gains()))
    }

    /// Dropout helps beyond chance, and as much as in `NumPy`.
    pub fn is_good(&self) -> bool {
        self.gain().low() > 0.0 && self.agrees()
    }

    pub fn csv(&self) -> Result<String, Box<dyn Error>> {
        self.curves.csv()
    }

    /// A chart of the mean accuracies.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let panel = |title: &str, value: fn(&Point) -> f64, y_label: &str, y, legend| {
            let line = |curves: &Curves, p, by, dashed| Line {
                label: format!("{}{by}", name(p)),
                points: curves.line(p, value),
                color: if p > 0.0 { VERMILION } else { BLUE },
                dashed,
            };
            let lines = |p| [line(&self.curves, p, "", false), line(&self.control, p, ", NumPy", true)];
            Chart {
                title: title.into(),
                x_label: "epoch".into(),
                y_label: y_label.into(),
                x: 0.0..EPOCHS as f64,
                y,
                bars: Vec::new(),
                lines: DROP.into_iter().rev().flat_map(lines).collect(),
                legend,
            }
        };
        let title =
            format!("{} of {} training labels are wrong: dropout learns fewer of them", RECIPE.wrong, RECIPE.rows);
        let train = panel("training", |point| point.train, "labels learnt (%)", 60.0..100.5, None);
        let legend = Some(SeriesLabelPosition::LowerLeft);
        let test = panel("testing", |point| point.test, "test accuracy (%)", 65.0..95.0, legend);
        figure(&title, (1400, 700), &[(1, &[&train, &test])])
    }
}

fn name(p: f32) -> String {
    if p > 0.0 { format!("p = {p}") } else { "no dropout".into() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:22}{:>16}{:>20}{:>16}", "", "labels learnt, %", "test accuracy, %", "gain, points")?;
        for (by, curves) in [("", &self.curves), (", NumPy", &self.control)] {
            for p in DROP {
                let train = curves.interval(p, EPOCHS, |point| point.train).mean;
                let test = curves.interval(p, EPOCHS, |point| point.test).to_string();
                let gain = if p > 0.0 { Interval::of(&curves.gains()).to_string() } else { String::new() };
                writeln!(f, "{:22}{train:>16.1}{test:>20}{gain:>16}", name(p) + by)?;
            }
        }
        let right = 100.0 * (RECIPE.rows - RECIPE.wrong) as f64 / RECIPE.rows as f64;
        let gains = self.curves.gains();
        let better = gains.iter().filter(|gain| **gain > 0.0).count();
        writeln!(
            f,
            "\nLabels learnt counts the wrong ones: {right:.0} % are right. ± is half the 95 % interval of a mean."
        )?;
        writeln!(
            f,
            "The gain is the difference in test accuracy of two networks of one seed that differ in dropout alone."
        )?;
        writeln!(f, "The setting was chosen by the gain in NumPy, on other seeds than these.")?;
        writeln!(f, "Dropout took {:.1} % of the time of training.\n", self.share)?;
        let helps = if self.gain().low() > 0.0 { "helps" } else { "DOES NOT HELP" };
        let agrees = if self.agrees() { "agrees" } else { "DOES NOT AGREE" };
        write!(
            f,
            "Dropout {helps}: {:+.1} points, and better with {better} of {SEEDS} seeds. The gain {agrees} with NumPy's \
             within their intervals.",
            self.gain().mean,
        )
    }
}
