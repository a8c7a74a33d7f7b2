//! What Monte-Carlo passes over one set of images say together.

use dropmask::{ClassUncertainty, Error};

use crate::data::CLASSES;

/// Of each image, over all passes, in nats.
pub struct Uncertainty {
    pub mean: Vec<f64>,
    pub predictive: Vec<f64>,
    pub expected: Vec<f64>,
    pub information: Vec<f64>,
}

impl Uncertainty {
    /// Of the class probabilities of each pass, one row an image.
    pub fn new(passes: &[Vec<f32>]) -> Result<Self, Error> {
        let rows = passes.first().map_or(0, |pass| pass.len() / CLASSES);
        let (mut mean, mut expected) = (vec![0.0; rows * CLASSES], vec![0.0; rows]);
        let (mut predictive, mut information) = (vec![0.0; rows], vec![0.0; rows]);
        let mut uncertainty = ClassUncertainty::new(CLASSES, &mut mean, &mut expected)?;
        passes.iter().try_for_each(|pass| uncertainty.push(pass))?;
        uncertainty.predictive_entropy(&mut predictive)?;
        uncertainty.mutual_information(&mut information)?;
        Ok(Self { mean, predictive, expected, information })
    }

    /// The share of the images whose most probable class is the digit that they show, among that share of them whose
    /// predictive entropy is the lowest.
    pub fn accuracy(&self, labels: &[usize], most_certain: f64) -> f64 {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|&a, &b| self.predictive[a].total_cmp(&self.predictive[b]));
        order.truncate((labels.len() as f64 * most_certain).round() as usize);
        let answer = |row: &[f64]| (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        let right = |&&row: &&usize| answer(&self.mean[row * CLASSES..][..CLASSES]) == Some(labels[row]);
        order.iter().filter(right).count() as f64 / order.len() as f64
    }
}

pub fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
