//! What a network does not know: Monte-Carlo dropout on digits that are rotated step by step.

use std::{error::Error, path::Path};

use dropmask::{ClassUncertainty, Key, MaskStream, Probability};
use ndarray::{Array2, ArrayView1, Axis};
use plotters::chart::SeriesLabelPosition;

use crate::common::chart::{BLUE, Chart, GREEN, GREY, Grid, Line, Panel, VERMILION, figure};
use crate::common::data::{CLASSES, PIXELS};
use crate::common::net::{NO_DROPOUT, Network, flat, softmax};
use crate::common::recipe::HIDDEN;
use crate::save;
use crate::training::Run;

const PASSES: u64 = 100;
const STEP: usize = 10;
const LAST: usize = 180;
/// Sides of an image.
const SIDE: usize = 8;
/// The digit that the figure shows.
const SHOWN: usize = 0;

/// Means over all images at one angle.
struct Means {
    predictive: f64,
    expected: f64,
    information: f64,
    /// The entropy of one pass without dropout.
    single: f64,
}

/// Tells whether the network is less sure of digits that lie on their side.
pub fn draw(run: &Run, folder: &Path) -> Result<bool, Box<dyn Error>> {
    println!(
        "\nMonte-Carlo dropout with p = 0.5, {PASSES} passes, {} rotated test digits, means in nats:",
        run.test.len()
    );
    println!(
        "  {:8}{:>20}{:>18}{:>20}{:>14}",
        "degrees", "predictive entropy", "expected entropy", "mutual information", "no dropout"
    );
    let mut means = Vec::new();
    for degrees in (0..=LAST).step_by(STEP) {
        let at = measure(&run.network, &rotated(&run.test.images, degrees))?;
        let Means { predictive, expected, information, single } = at;
        println!("  {degrees:<8}{predictive:>20.3}{expected:>18.3}{information:>20.3}{single:>14.3}");
        means.push((degrees as f64, at));
    }
    save(folder, "uncertainty", &svg(run, &means)?)?;
    Ok(means[90 / STEP].1.predictive > means[0].1.predictive)
}

fn measure(network: &Network, images: &Array2<f32>) -> Result<Means, dropmask::Error> {
    let samples = images.nrows();
    let stream = MaskStream::new(Key::new(4), Probability::new(0.5)?);
    let activations = network.activations(images, &NO_DROPOUT)?;

    let mut mean = vec![0.0; samples * CLASSES];
    let mut expected = vec![0.0; samples];
    let mut uncertainty = ClassUncertainty::new(CLASSES, &mut mean, &mut expected)?;
    for t in 0..PASSES {
        let mut thinned = activations.clone();
        stream.pass_shared(t, samples, HIDDEN).forward_in_place(flat(&mut thinned))?;
        uncertainty.push(flat(&mut softmax(network.output.forward(&thinned))))?;
    }

    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / samples as f64;
    let mut out = vec![0.0; samples];
    uncertainty.predictive_entropy(&mut out)?;
    let predictive = mean_of(&out);
    uncertainty.mutual_information(&mut out)?;
    let information = mean_of(&out);
    let expected = mean_of(uncertainty.expected_entropy());

    let (mut mean, mut single) = (vec![0.0; samples * CLASSES], vec![0.0; samples]);
    let mut once = ClassUncertainty::new(CLASSES, &mut mean, &mut single)?;
    once.push(flat(&mut softmax(network.output.forward(&activations))))?;
    let single = mean_of(once.expected_entropy());
    Ok(Means { predictive, expected, information, single })
}

/// All images turned about their centre.
fn rotated(images: &Array2<f32>, degrees: usize) -> Array2<f32> {
    let mut out = Array2::zeros((images.nrows(), PIXELS));
    for (image, mut out) in images.rows().into_iter().zip(out.rows_mut()) {
        out.iter_mut().enumerate().for_each(|(pixel, out)| *out = source(image, pixel, degrees));
    }
    out
}

/// Bilinear interpolation where the pixel of the turned image comes from; outside there is 0.
fn source(image: ArrayView1<'_, f32>, pixel: usize, degrees: usize) -> f32 {
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

fn svg(run: &Run, means: &[(f64, Means)]) -> Result<String, Box<dyn Error>> {
    let line = |label: &str, color, dashed, value: fn(&Means) -> f64| Line {
        label: label.into(),
        points: means.iter().map(|(degrees, means)| (*degrees, value(means))).collect(),
        color,
        dashed,
    };
    let chart = Chart {
        title: String::new(),
        x_label: "rotation (degrees)".into(),
        y_label: "mean (nats)".into(),
        x: 0.0..LAST as f64,
        y: 0.0..1.4,
        bars: Vec::new(),
        lines: vec![
            line("predictive entropy", BLUE, false, |means| means.predictive),
            line("expected entropy", GREEN, false, |means| means.expected),
            line("mutual information", VERMILION, false, |means| means.information),
            line("entropy without dropout", GREY, true, |means| means.single),
        ],
        legend: SeriesLabelPosition::LowerRight,
    };
    let image = run.test.images.select(Axis(0), &[SHOWN]);
    let grid = |degrees: usize| -> Result<Grid, ndarray::ShapeError> {
        let shades = rotated(&image, degrees).into_shape_with_order((SIDE, SIDE))?;
        let title = format!("{degrees}°");
        Ok(Grid { title, x_label: String::new(), y_label: String::new(), shades, color: GREY })
    };
    let grids = (0..=LAST).step_by(30).map(grid).collect::<Result<Vec<_>, _>>()?;
    let strip: Vec<&dyn Panel> = grids.iter().map(|grid| grid as &dyn Panel).collect();
    let title = format!("Monte-Carlo dropout on rotated digits, {PASSES} passes");
    figure(&title, (1200, 950), &[(1, &strip), (3, &[&chart])])
}
