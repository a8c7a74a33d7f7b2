//! What dropout does to training: networks for a drop probability from 0 to 0.9.

use std::{error::Error, ops::Range, path::Path, thread};

use dropmask::{Dropout, Probability};
use plotters::chart::SeriesLabelPosition;

use crate::common::chart::{BLUE, Bars, Chart, GREY, Line, VERMILION, figure, ramp};
use crate::common::data::Samples;
use crate::common::net::{NO_DROPOUT, Network};
use crate::common::recipe::{Recipe, Training};
use crate::save;

pub const RECIPE: Recipe = Recipe { rows: 400, wrong: 0, hidden: 256 };
const EPOCHS: usize = 100;
const SEEDS: u64 = 5;
/// Networks below this accuracy on their own training rows, in percent, have not learnt them.
const LEARNT: f64 = 99.0;

/// The networks of one drop probability, one a seed.
pub struct Runs {
    p: f64,
    runs: Vec<Run>,
}

pub struct Run {
    pub network: Network,
    pub test: Samples,
    /// Accuracies in evaluation after each epoch, in percent.
    curves: [Vec<f64>; 2],
    /// Cross-entropy in evaluation at the end.
    losses: [f64; 2],
}

impl Run {
    fn gap(&self) -> f64 {
        self.curves[TRAIN][EPOCHS - 1] - self.curves[TEST][EPOCHS - 1]
    }
}

/// Indices of `curves` and `losses`.
const TRAIN: usize = 0;
const TEST: usize = 1;

/// Mean and standard deviation.
fn statistics(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt())
}

impl Runs {
    fn mean(&self, value: impl Fn(&Run) -> f64) -> f64 {
        statistics(self.runs.iter().map(&value)).0
    }

    fn curve(&self, samples: usize) -> Vec<(f64, f64)> {
        (0..EPOCHS).map(|epoch| ((epoch + 1) as f64, self.mean(|run| run.curves[samples][epoch]))).collect()
    }

    /// Training accuracy at the end.
    fn trained(&self) -> f64 {
        self.mean(|run| run.curves[TRAIN][EPOCHS - 1])
    }

    /// Training less test accuracy at the end.
    fn gap(&self) -> (f64, f64) {
        statistics(self.runs.iter().map(Run::gap))
    }
}

pub fn train_all(digits: &Samples) -> Result<Vec<Runs>, dropmask::Error> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..10).map(|tenths| scope.spawn(move || train(digits, f64::from(tenths) / 10.0))).collect();
        threads.into_iter().map(|thread| thread.join().expect("training panicked")).collect()
    })
}

fn train(digits: &Samples, p: f64) -> Result<Runs, dropmask::Error> {
    let probability = Probability::new(p as f32)?;
    let one = |seed| {
        let mut run = Training::new(digits, &RECIPE, seed);
        let mut curves = [Vec::new(), Vec::new()];
        for _ in 0..EPOCHS {
            run.epoch(|network, sgd, batch, key| {
                let gradient = network.gradient(batch, &Dropout::new(key, probability))?;
                sgd.step(network, gradient);
                Ok(())
            })?;
            for (curve, samples) in curves.iter_mut().zip([&run.training, &run.test]) {
                curve.push(100.0 * run.network.accuracy(samples)?);
            }
        }
        let loss = |samples| run.network.loss(samples, &NO_DROPOUT).map(f64::from);
        let losses = [loss(&run.training)?, loss(&run.test)?];
        Ok(Run { network: run.network, test: run.test, curves, losses })
    };
    Ok(Runs { p, runs: (0..SEEDS).map(one).collect::<Result<_, _>>()? })
}

/// The networks that were trained with p = 0.5.
pub fn half(all: &[Runs]) -> &[Run] {
    &all[5].runs
}

pub fn draw(all: &[Runs], folder: &Path) -> Result<(), Box<dyn Error>> {
    println!(
        "\nTraining on {} digits, {EPOCHS} epochs, mean of {SEEDS} seeds, evaluated without dropout:",
        RECIPE.rows
    );
    println!("  {:6}{:>9}{:>9}{:>18}{:>14}{:>12}", "p", "train %", "test %", "gap (points)", "train loss", "test loss");
    for runs in all {
        let [train, test] = [TRAIN, TEST].map(|samples| runs.mean(|run| run.curves[samples][EPOCHS - 1]));
        let [train_loss, test_loss] = [TRAIN, TEST].map(|samples| runs.mean(|run| run.losses[samples]));
        let (gap, deviation) = runs.gap();
        println!(
            "  {:<6}{train:>9.2}{test:>9.2}{gap:>11.2} ± {deviation:.2}{train_loss:>14.4}{test_loss:>12.4}",
            runs.p
        );
    }
    let smallest = smallest_gap(all.iter());
    let learnt = smallest_gap(all.iter().filter(|runs| runs.trained() >= LEARNT));
    println!(
        "  The gap is smallest at p = {}: {:.2} points, where training accuracy is {:.1} %.",
        smallest.p,
        smallest.gap().0,
        smallest.trained()
    );
    let gains = all[0].runs.iter().zip(&learnt.runs).map(|(without, with)| without.gap() - with.gap());
    let (gain, deviation) = statistics(gains);
    println!(
        "  With training accuracy above {LEARNT} % it is smallest at p = {}: {:.2} points, {gain:.2} ± {:.2} (standard \
         error, by seed) less than without dropout.",
        learnt.p,
        learnt.gap().0,
        deviation / (SEEDS as f64).sqrt()
    );

    save(folder, "training", &training(all)?)?;
    save(folder, "gap", &gap(all, smallest, learnt)?)?;
    save(folder, "weights", &weights(all)?)
}

fn smallest_gap<'a>(all: impl Iterator<Item = &'a Runs>) -> &'a Runs {
    all.min_by(|a, b| a.gap().0.total_cmp(&b.gap().0)).expect("p = 0 learns its rows")
}

fn training(all: &[Runs]) -> Result<String, Box<dyn Error>> {
    let panel = |title: &str, samples: usize, y: Range<f64>, legend| Chart {
        title: title.into(),
        x_label: "epoch".into(),
        y_label: "accuracy (%)".into(),
        x: 0.0..EPOCHS as f64,
        y,
        bars: Vec::new(),
        lines: all
            .iter()
            .map(|runs| Line {
                label: format!("p = {}", runs.p),
                points: runs.curve(samples),
                color: ramp(runs.p / 0.9),
                dashed: false,
            })
            .collect(),
        legend,
    };
    let train = panel("training rows", TRAIN, 80.0..100.5, Some(SeriesLabelPosition::LowerRight));
    let test = panel("test rows", TEST, 86.0..97.5, None);
    figure("Training curves on the digits", (1400, 900), &[(1, &[&train, &test])])
}

fn gap(all: &[Runs], smallest: &Runs, learnt: &Runs) -> Result<String, Box<dyn Error>> {
    const TOP: f64 = 7.0;
    let points = |deviations: f64| {
        let point = |runs: &Runs| {
            let (gap, deviation) = runs.gap();
            (runs.p, gap + deviations * deviation)
        };
        all.iter().map(point).collect()
    };
    let line = |label: String, points, color, dashed| Line { label, points, color, dashed };
    let chart = Chart {
        title: String::new(),
        x_label: "drop probability p".into(),
        y_label: "training - test accuracy (points)".into(),
        x: 0.0..0.95,
        y: 0.0..TOP + 0.01,
        bars: Vec::new(),
        lines: vec![
            line(format!("mean of {SEEDS} seeds"), points(0.0), BLUE, false),
            line("± standard deviation of the seeds".into(), points(1.0), BLUE, true),
            line(String::new(), points(-1.0), BLUE, true),
            line(
                format!("smallest: p = {}, but training accuracy is {:.1} %", smallest.p, smallest.trained()),
                vec![(smallest.p, 0.0), (smallest.p, TOP)],
                GREY,
                false,
            ),
            line(
                format!("smallest with training accuracy above {LEARNT} %: p = {}", learnt.p),
                vec![(learnt.p, 0.0), (learnt.p, TOP)],
                VERMILION,
                false,
            ),
        ],
        legend: Some(SeriesLabelPosition::LowerLeft),
    };
    figure(&format!("Generalisation gap, {} training rows", RECIPE.rows), (1200, 750), &[(1, &[&chart])])
}

/// Weights without dropout and with p = 0.5.
fn weights(all: &[Runs]) -> Result<String, Box<dyn Error>> {
    let panel = |title: &str, y: f64, weights: fn(&Network) -> Vec<f32>| {
        let bars = [(&all[0], "no dropout", GREY), (&all[5], "p = 0.5", VERMILION)].map(|(runs, name, color)| {
            let weights: Vec<f32> = runs.runs.iter().flat_map(|run| weights(&run.network)).collect();
            let deviation = statistics(weights.iter().map(|w| f64::from(*w))).1;
            println!("  standard deviation of {title}, {name}: {deviation:.4}");
            Bars::histogram(&format!("{name}, deviation {deviation:.3}"), color, &weights, -0.6..0.6, 60)
        });
        Chart {
            title: title.into(),
            x_label: "weight".into(),
            y_label: "share (%)".into(),
            x: -0.6..0.6,
            y: 0.0..y,
            bars: bars.into(),
            lines: Vec::new(),
            legend: Some(SeriesLabelPosition::UpperRight),
        }
    };
    let hidden =
        panel("weights into the hidden layer", 5.0, |network| network.hidden.weights.iter().copied().collect());
    let output = panel("weights out of it", 7.0, |network| network.output.weights.iter().copied().collect());
    figure("Weights after training", (1400, 620), &[(1, &[&hidden, &output])])
}
