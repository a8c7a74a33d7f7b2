//! Handwritten digits: 1,797 images of 8 x 8 pixels.

use std::error::Error;

use ndarray::{Array2, ArrayView1, Axis};
use rand::{Rng, RngExt, seq::SliceRandom};

/// Pixels of a side of an image.
pub const SIDE: usize = 8;
/// Number of pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;
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

    /// Gives the first `count` images the label of another digit; after [`split`](Self::split) these are random ones.
    pub fn mislabel(&mut self, count: usize, rng: &mut impl Rng) {
        for label in &mut self.labels[..count] {
            *label = (*label + rng.random_range(1..CLASSES)) % CLASSES;
        }
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

/// All images turned about their centre.
pub fn rotated(images: &Array2<f32>, degrees: usize) -> Array2<f32> {
    let mut out = Array2::zeros((images.nrows(), PIXELS));
    for (image, mut out) in images.rows().into_iter().zip(out.rows_mut()) {
        out.iter_mut().enumerate().for_each(|(pixel, out)| *out = source(&image, pixel, degrees));
    }
    out
}

/// Bilinear interpolation where the pixel of the turned image comes from; outside there is 0.
fn source(image: &ArrayView1<'_, f32>, pixel: usize, degrees: usize) -> f32 {
    let (sin, cos) = (degrees as f32).to_radians().sin_cos();
    let center = (SIDE - 1) as f32 / 2.0;
    let (dx, dy) = ((pixel % SIDE) as f32 - center, (pixel / SIDE) as f32 - center);
    let (x, y) = (center + cos * dx - sin * dy, center + sin * dx + cos * dy);
    let at = |x: f32, y: f32| {
        let inside = 0.0..SIDE as f32;
        if inside.contains(&x) && inside.contains(&y) { image[y as usize * SIDE + x as usize] } else { 0.0 }
    };
    let (left, top) = (x.floor(), y.floor());
    let (right, below) = (x - left, y - top);
    (1.0 - below) * ((1.0 - right) * at(left, top) + right * at(left + 1.0, top))
        + below * ((1.0 - right) * at(left, top + 1.0) + right * at(left + 1.0, top + 1.0))
}
