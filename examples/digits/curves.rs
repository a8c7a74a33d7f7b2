//! Accuracies after some epochs, and what they say.

use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};

use crate::{DROP, EPOCHS, EVALUATE_EVERY, SEEDS};

/// 97.5 % of Student's t with `SEEDS - 1` degrees of freedom.
const STUDENT_T: f64 = 2.201;

/// The accuracies of one network after one epoch, in percent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Point {
    pub p: f32,
    pub seed: u64,
    pub epoch: usize,
    /// On the training rows, wrong labels included.
    pub train: f64,
    pub test: f64,
}

/// The networks of all seeds, without dropout and with it.
pub struct Curves(Vec<Point>);

impl Curves {
    pub fn new(mut points: Vec<Point>) -> Self {
        points.sort_by(|a, b| a.p.total_cmp(&b.p).then(a.seed.cmp(&b.seed)).then(a.epoch.cmp(&b.epoch)));
        Self(points)
    }

    /// The same networks in `NumPy`, by `control.py`.
    pub fn control() -> Result<Self, csv::Error> {
        let points = csv::Reader::from_reader(&include_bytes!("control.csv")[..]).into_deserialize();
        Ok(Self::new(points.collect::<Result<_, _>>()?))
    }

    pub fn csv(&self) -> Result<String, Box<dyn Error>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        self.0.iter().try_for_each(|point| writer.serialize(point))?;
        Ok(String::from_utf8(writer.into_inner()?)?)
    }

    /// Of which network, seed and epoch there are accuracies.
    pub fn keys(&self) -> impl Iterator<Item = (f32, u64, usize)> {
        self.0.iter().map(|point| (point.p, point.seed, point.epoch))
    }

    /// One value a seed, in their order.
    fn values(&self, p: f32, epoch: usize, value: fn(&Point) -> f64) -> Vec<f64> {
        let chosen = |point: &&Point| point.p.total_cmp(&p).is_eq() && point.epoch == epoch;
        self.0.iter().filter(chosen).map(value).collect()
    }

    pub fn interval(&self, p: f32, epoch: usize, value: fn(&Point) -> f64) -> Interval {
        Interval::of(&self.values(p, epoch, value))
    }

    /// Points of test accuracy that dropout adds at the end, seed by seed.
    pub fn gains(&self) -> Vec<f64> {
        let [without, with] = DROP.map(|p| self.values(p, EPOCHS, |point| point.test));
        with.iter().zip(without).map(|(with, without)| with - without).collect()
    }

    /// Means over the seeds, by epoch.
    pub fn line(&self, p: f32, value: fn(&Point) -> f64) -> Vec<(f64, f64)> {
        let epochs = (EVALUATE_EVERY..=EPOCHS).step_by(EVALUATE_EVERY);
        epochs.map(|epoch| (epoch as f64, self.interval(p, epoch, value).mean)).collect()
    }
}

/// The 95 % confidence interval of a mean over the seeds: mean ± half.
#[derive(Clone, Copy)]
pub struct Interval {
    pub mean: f64,
    pub half: f64,
}

impl Interval {
    pub fn of(values: &[f64]) -> Self {
        let count = SEEDS as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, half: STUDENT_T * (variance / count).sqrt() }
    }

    pub fn low(self) -> f64 {
        self.mean - self.half
    }

    /// The difference of the means is within its own interval, that of two independent means.
    pub fn agrees(self, other: Self) -> bool {
        (self.mean - other.mean).abs() <= self.half.hypot(other.half)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ± {:.1}", self.mean, self.half)
    }
}
