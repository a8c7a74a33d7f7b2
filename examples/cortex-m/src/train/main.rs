//! Trains a small network on handwritten digits with dropout, on the device. Then Monte-Carlo dropout tells how sure the
//! network is of a digit, and of the same digit when it is half noise. The mask of each step is drawn twice, forward and
//! backward, and never stored.
//!
//! Exits with a failure unless all of that works, and unless the masks are those that every other machine draws.
#![no_std]
#![no_main]

mod digits;
mod net;
mod vectors;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use dropmask::{ClassUncertainty, Dropout, Error, Key, Moments, Probability};
use panic_semihosting as _;

use digits::{CLASSES, Digit};
use net::Network;

const EPOCHS: usize = 20;
const LEARNING_RATE: f32 = 0.05;
const P: f32 = 0.2;
const PASSES: u64 = 50;
/// Of the test rows; without training one in ten is right.
const LEAST_ACCURACY: f32 = 0.9;

/// What keys are derived for.
const WEIGHTS: u64 = 0;
const TRAINING: u64 = 1;
const MONTE_CARLO: u64 = 2;
const NOISE: u64 = 3;

#[entry]
fn main() -> ! {
    let status = match run() {
        Ok(true) => debug::EXIT_SUCCESS,
        Ok(false) => debug::EXIT_FAILURE,
        Err(error) => {
            hprintln!("{}", error);
            debug::EXIT_FAILURE
        }
    };
    debug::exit(status);
    unreachable!("the emulator has stopped")
}

fn run() -> Result<bool, Error> {
    let same = vectors::same()?;
    hprintln!("mask stream: {}", if same { "the bits of every other machine" } else { "OTHER BITS" });

    let (run, p) = (Key::new(42), Probability::new(P)?);
    // one row in four for training and another for the test: all writers are in both
    let rows = |first| digits::all().iter().skip(first).step_by(4);
    let (training, test) = (rows(0), rows(1));

    let mut network = Network::random(run.derive(WEIGHTS));
    let mut steps = 0;
    for _ in 0..EPOCHS {
        for digit in training.clone() {
            let dropout = Dropout::new(run.derive(TRAINING).derive(steps), p);
            network.train(digit, dropout, LEARNING_RATE)?;
            steps += 1;
        }
    }

    let right = test.clone().filter(|digit| network.class(&digit.image()) == digit.label()).count();
    let accuracy = right as f32 / test.len() as f32;
    hprintln!("accuracy on {} test digits after {} steps: {:.1} %", test.len(), steps, 100.0 * accuracy);

    let dropout = Dropout::new(run.derive(MONTE_CARLO), p);
    let digit = &digits::all()[1];
    let clean = uncertainty(&network, dropout, digit, &digit.image())?;
    let noisy = uncertainty(&network, dropout, digit, &digit.half_noise(run.derive(NOISE)))?;
    Ok(same && accuracy >= LEAST_ACCURACY && noisy > clean)
}

/// The predictive entropy over passes with dropout, in nats.
fn uncertainty(network: &Network, dropout: Dropout, digit: &Digit, image: &[f32]) -> Result<f64, Error> {
    let (mut mean, mut expected) = ([0.0; CLASSES], [0.0]);
    let mut classes = ClassUncertainty::new(CLASSES, &mut mean, &mut expected)?;
    let (mut label_mean, mut squares, mut variance) = ([0.0], [0.0], [0.0]);
    let mut label = Moments::new(&mut label_mean, &mut squares)?;
    for t in 0..PASSES {
        let probabilities = network.probabilities(image, dropout.pass_per_sample(t, 0))?;
        classes.push(&probabilities)?;
        label.push(&[probabilities[digit.label()]])?;
    }
    let (mut entropy, mut information) = ([0.0], [0.0]);
    classes.predictive_entropy(&mut entropy)?;
    classes.mutual_information(&mut information)?;
    label.sample_variance(&mut variance)?;
    hprintln!(
        "a {}: probability {:.3}, variance {:.5}; predictive entropy {:.3}, mutual information {:.3} nats",
        digit.label(),
        label.mean()[0],
        variance[0],
        entropy[0],
        information[0]
    );
    Ok(entropy[0])
}
