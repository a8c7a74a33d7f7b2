//! Handwritten digits: 1,797 images of 8 x 8 pixels.

use std::error::Error;

use ndarray::{Array2, Axis};
use rand::{Rng, seq::SliceRandom};

/// Number of pixels of an image.
pub const PIXELS: usize = 64;
/// Number of digits.
pub const CLASSES: usize = 10;

/// Images, one a row, with pixels in 0..=1, and the digit that each shows.
pub struct Samples {
    pub images: Array2<f32>,
    pub labels: Vec<usize>,
}

impl Samples {
    /// All digits; the file is part of the program.
    pub fn load() -> Result<Self, Box<dyn Error>> {
        let file = include_bytes!("../data/digits.csv");
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for row in csv::ReaderBuilder::new().has_headers(false).from_reader(&file[..]).deserialize() {
            let mut row: Vec<u8> = row?;
            labels.push(row.pop().ok_or("an empty row")?.into());
            pixels.extend(row.into_iter().map(|pixel| f32::from(pixel) / 16.0));
        }
        Ok(Self { images: Array2::from_shape_vec((labels.len(), PIXELS), pixels)?, labels })
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// A random `training` of the rows, and the others.
    pub fn split(&self, training: usize, rng: &mut impl Rng) -> (Self, Self) {
        let order = self.shuffled(rng);
        let (training, test) = order.split_at(training);
        (self.select(training), self.select(test))
    }

    /// All rows in random order, `size` at a time; the last batch has what is left.
    pub fn batches(&self, size: usize, rng: &mut impl Rng) -> impl Iterator<Item = Self> {
        let order = self.shuffled(rng);
        (0..order.len()).step_by(size).map(move |i| self.select(&order[i..order.len().min(i + size)]))
    }

    fn shuffled(&self, rng: &mut impl Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        order
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self { images: self.images.select(Axis(0), rows), labels: rows.iter().map(|&row| self.labels[row]).collect() }
    }
}
