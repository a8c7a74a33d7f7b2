//! What a network does not know: Monte-Carlo dropout on digits that are rotated step by step.
//!
//! Up to 30 degrees doubt grows with the error. It does not go on so: near 90 degrees the networks give nine of ten images
//! the same wrong answer and are surer of it than at 30. Low uncertainty is no proof of a familiar input.

use std::{error::Error, path::Path, thread};

use dropmask::{ClassUncertainty, Dropout, Key, Probability};
use ndarray::Axis;
use plotters::chart::SeriesLabelPosition;

use crate::common::chart::{BLUE, Chart, GREEN, GREY, Grid, Line, OCHRE, Panel, VERMILION, figure};
use crate::common::data::{CLASSES, SIDE, rotated};
use crate::common::net::{NO_DROPOUT, flat, softmax};
use crate::save;
use crate::training::{RECIPE, Run};

const PASSES: u64 = 100;
const STEP: usize = 10;
const LAST: usize = 180;
/// In degrees.
const SMALL_TURN: usize = 30;
/// The digit that the figure shows; turned over, it is another.
const SHOWN: usize = 6;

/// Means over all images at one angle.
struct Means {
    accuracy: f64,
    /// The share of the images that get the commonest answer.
    commonest: f64,
    predictive: f64,
    expected: f64,
    information: f64,
    /// The entropy of one pass without dropout.
    single: f64,
}

/// Tells whether a small turn makes the networks less right and less sure.
pub fn draw(runs: &[Run], folder: &Path) -> Result<bool, Box<dyn Error>> {
    println!(
        "\nMonte-Carlo dropout with p = 0.5, {PASSES} passes, mean of {} networks on {} rotated test digits, in nats;\n\
         predictive entropy = expected entropy + mutual information; commonest: images that get the same answer.",
        runs.len(),
        runs[0].test.len()
    );
    println!(
        "  {:8}{:>11}{:>13}{:>13}{:>11}{:>13}{:>13}",
        "degrees", "accuracy", "commonest", "predictive", "expected", "information", "no dropout"
    );
    let each: Vec<Vec<Means>> = thread::scope(|scope| {
        let all_angles = |run| angles().map(|degrees| measure(run, degrees)).collect::<Result<_, _>>();
        let threads: Vec<_> = runs.iter().map(|run| scope.spawn(move || all_angles(run))).collect();
        threads.into_iter().map(|thread| thread.join().expect("measuring panicked")).collect::<Result<_, _>>()
    })?;
    let mut means = Vec::new();
    for (i, degrees) in angles().enumerate() {
        let mean = |value: fn(&Means) -> f64| each.iter().map(|at| value(&at[i])).sum::<f64>() / each.len() as f64;
        let at = Means {
            accuracy: mean(|at| at.accuracy),
            commonest: mean(|at| at.commonest),
            predictive: mean(|at| at.predictive),
            expected: mean(|at| at.expected),
            information: mean(|at| at.information),
            single: mean(|at| at.single),
        };
        println!(
            "  {degrees:<8}{:>9.1} %{:>11.1} %{:>13.3}{:>11.3}{:>13.3}{:>13.3}",
            100.0 * at.accuracy,
            100.0 * at.commonest,
            at.predictive,
            at.expected,
            at.information,
            at.single
        );
        means.push((degrees as f64, at));
    }
    save(folder, "uncertainty", &svg(&runs[0], &means)?)?;
    let [upright, turned] = [0, SMALL_TURN / STEP].map(|i| &means[i].1);
    Ok(turned.predictive > upright.predictive && turned.accuracy < upright.accuracy)
}

fn angles() -> impl Iterator<Item = usize> {
    (0..=LAST).step_by(STEP)
}

fn measure(run: &Run, degrees: usize) -> Result<Means, dropmask::Error> {
    let (network, images) = (&run.network, rotated(&run.test.images, degrees));
    let samples = images.nrows();
    let stream = Dropout::new(Key::new(4), Probability::new(0.5)?);
    let activations = network.activations(&images, &NO_DROPOUT)?;

    let (mut mean, mut entropy) = (vec![0.0; samples * CLASSES], vec![0.0; samples]);
    let mut uncertainty = ClassUncertainty::new(CLASSES, &mut mean, &mut entropy)?;
    for t in 0..PASSES {
        let mut thinned = activations.clone();
        stream.pass_shared(t, samples, RECIPE.hidden).forward_in_place(flat(&mut thinned))?;
        uncertainty.push(flat(&mut softmax(network.output.forward(&thinned))))?;
    }
    let (mut predictive, mut information) = (vec![0.0; samples], vec![0.0; samples]);
    uncertainty.predictive_entropy(&mut predictive)?;
    uncertainty.mutual_information(&mut information)?;

    let most_probable = |row: &[f64]| (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("ten classes");
    let answers: Vec<usize> = uncertainty.mean().chunks(CLASSES).map(most_probable).collect();
    let right = answers.iter().zip(&run.test.labels).filter(|(answer, label)| answer == label).count();
    let commonest = (0..CLASSES).map(|class| answers.iter().filter(|answer| **answer == class).count()).max();

    let (mut once_mean, mut once_entropy) = (vec![0.0; samples * CLASSES], vec![0.0; samples]);
    let mut once = ClassUncertainty::new(CLASSES, &mut once_mean, &mut once_entropy)?;
    once.push(flat(&mut softmax(network.output.forward(&activations))))?;

    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / samples as f64;
    Ok(Means {
        accuracy: right as f64 / samples as f64,
        commonest: commonest.unwrap_or_default() as f64 / samples as f64,
        predictive: mean_of(&predictive),
        expected: mean_of(uncertainty.expected_entropy()),
        information: mean_of(&information),
        single: mean_of(once.expected_entropy()),
    })
}

fn svg(run: &Run, means: &[(f64, Means)]) -> Result<String, Box<dyn Error>> {
    let line = |label: &str, color, dashed, value: fn(&Means) -> f64| Line {
        label: label.into(),
        points: means.iter().map(|(degrees, means)| (*degrees, value(means))).collect(),
        color,
        dashed,
    };
    let chart = |title: String, y_label: &str, y, lines, position| Chart {
        title,
        x_label: "rotation (degrees)".into(),
        y_label: y_label.into(),
        x: 0.0..LAST as f64,
        y,
        bars: Vec::new(),
        lines,
        legend: Some(position),
    };
    let answers = chart(
        "Answers".into(),
        "images (%)",
        0.0..100.0,
        vec![
            line("right", OCHRE, false, |means| 100.0 * means.accuracy),
            line("given the commonest answer", GREY, true, |means| 100.0 * means.commonest),
        ],
        SeriesLabelPosition::MiddleMiddle,
    );
    let doubt = chart(
        format!("Doubt, from {PASSES} passes with dropout"),
        "entropy (nats)",
        0.0..1.0,
        vec![
            line("predictive entropy", BLUE, false, |means| means.predictive),
            line("expected entropy", GREEN, false, |means| means.expected),
            line("mutual information", VERMILION, false, |means| means.information),
            line("entropy without dropout", GREY, true, |means| means.single),
        ],
        SeriesLabelPosition::UpperMiddle,
    );
    let shown = run.test.labels.iter().position(|label| *label == SHOWN).expect("each digit is tested");
    let image = run.test.images.select(Axis(0), &[shown]);
    let grid = |degrees: usize| -> Result<Grid, ndarray::ShapeError> {
        let shades = rotated(&image, degrees).into_shape_with_order((SIDE, SIDE))?;
        let title = format!("{degrees}°");
        Ok(Grid { title, x_label: String::new(), y_label: String::new(), shades, color: GREY })
    };
    let grids = (0..=LAST).step_by(30).map(grid).collect::<Result<Vec<_>, _>>()?;
    let strip: Vec<&dyn Panel> = grids.iter().map(|grid| grid as &dyn Panel).collect();
    let title = "Rotated by 30°, digits raise doubt; by 90°, networks are wrong but surer";
    figure(title, (1200, 1300), &[(2, &strip), (4, &[&answers]), (5, &[&doubt])])
}
