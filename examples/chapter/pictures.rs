//! What dropout does to activations.

use std::{error::Error, path::Path};

use dropmask::{Dropout, Key, Layout, Probability};
use ndarray::Array2;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::common::chart::{BLUE, Bars, Chart, Grid, Panel, VERMILION, figure};
use crate::common::net::flat;
use crate::save;

pub fn draw(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("What dropout does to activations:");
    save(folder, "patterns", &patterns()?)?;
    save(folder, "channels", &channels()?)?;
    save(folder, "histogram", &histogram()?)
}

/// The same activations under a growing drop probability: fewer, and stronger.
fn patterns() -> Result<String, Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(1);
    let activations = Array2::from_shape_simple_fn((12, 12), || rng.random_range(0.5..1.0));
    let strongest = Probability::new(0.7)?.scale();
    let mut grids = Vec::new();
    for p in [0.0, 0.3, 0.5, 0.7] {
        let mut shades: Array2<f32> = activations.clone();
        Dropout::new(Key::new(1), Probability::new(p)?).forward_in_place(flat(&mut shades))?;
        let kept = shades.iter().filter(|y| **y != 0.0).count();
        shades /= strongest;
        grids.push(Grid {
            title: format!("p = {p}, kept × {:.2}", Probability::new(p)?.scale()),
            x_label: format!("{kept} of {} kept", shades.len()),
            y_label: String::new(),
            shades,
            color: BLUE,
        });
    }
    let panels: Vec<&dyn Panel> = grids.iter().map(|grid| grid as &dyn Panel).collect();
    figure("A greater p drops more (white) and scales up what it keeps", (1200, 430), &[(1, &panels)])
}

/// A sequence of 12 channels, where neighbours in time are alike.
fn channels() -> Result<String, Box<dyn Error>> {
    const CHANNELS: usize = 12;
    const TIME: usize = 24;
    let stream = Dropout::new(Key::new(9), Probability::new(0.3)?);
    let grid = |title: &str, stream: Dropout| -> Result<Grid, dropmask::Error> {
        let mut shades = Array2::from_shape_fn((CHANNELS, TIME), |(channel, t)| {
            0.35 + 0.2 * (0.35 * t as f32 + 1.7 * channel as f32).sin()
        });
        stream.forward_in_place(flat(&mut shades))?;
        let (x_label, y_label) = ("time (steps)".into(), "channel".into());
        Ok(Grid { title: title.into(), x_label, y_label, shades, color: BLUE })
    };
    let scattered = grid("by element, p = 0.3", stream)?;
    let whole = grid("by channel, p = 0.3", stream.with_layout(Layout::channels_first(1, CHANNELS, TIME)))?;
    figure(
        "Scattered zeros (white) leave neighbours in time; whole channels do not",
        (1200, 480),
        &[(1, &[&scattered, &whole])],
    )
}

/// Half of the activations become 0, the others double, the mean stays.
fn histogram() -> Result<String, Box<dyn Error>> {
    const N: usize = 100_000;
    let mut rng = StdRng::seed_from_u64(2);
    // twelve uniform numbers add up to a bell of variance 1
    let mut bell = || (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0;
    let before: Vec<f32> = (0..N).map(|_| 2.0 + 0.5 * bell()).collect();
    let mut after = before.clone();
    Dropout::new(Key::new(2), Probability::new(0.5)?).forward_in_place(&mut after)?;

    let panel = |name: &str, values: &[f32], color| {
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / N as f64;
        println!("  mean {name} dropout with p = 0.5: {mean:.3}");
        Chart {
            title: format!("{name} dropout, mean {mean:.2}"),
            x_label: "activation".into(),
            y_label: "share (%)".into(),
            x: -0.5..8.0,
            y: 0.0..55.0,
            bars: vec![Bars::histogram("activations", color, values, -0.5..8.0, 34)],
            lines: Vec::new(),
            legend: None,
        }
    };
    let (before, after) = (panel("before", &before, BLUE), panel("after", &after, VERMILION));
    figure("Activations before and after dropout, p = 0.5", (1200, 520), &[(1, &[&before, &after])])
}
