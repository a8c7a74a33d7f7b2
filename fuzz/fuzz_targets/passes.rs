//! What counts its passes: layers, by the passes that they are made of, and the statistics of Monte-Carlo dropout, by sums over
//! all passes at once.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use dropmask::{ClassUncertainty, Dropout, DropoutLayer, Error, Level, Moments};
use dropmask_fuzz::{Number, Settings, Source, floats, same};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input {
    Layer(Layer),
    Shared(Shared),
    Statistics(Statistics),
}

fuzz_target!(|input: Input| match input {
    Input::Layer(layer) => layer.check(),
    Input::Shared(shared) => shared.check(),
    Input::Statistics(statistics) => {
        statistics.check_moments();
        statistics.check_classes();
    }
});

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Operation {
    Train,
    Next,
    Evaluate,
    Backward,
    Resume(Number),
}

#[derive(Arbitrary, Debug)]
struct Layer {
    settings: Settings,
    operations: Vec<(Operation, bool)>,
    len: u8,
    /// Of the output, in place of that of the input.
    other: Option<u8>,
    x: Vec<u32>,
}

/// What an operation wrote over the output, or an error with nothing written.
fn run(before: &[f32], write: impl FnOnce(&mut [f32]) -> Result<(), Error>) -> Result<Vec<f32>, Error> {
    let mut y = before.to_vec();
    let result = write(&mut y);
    assert!(result.is_ok() || is_same(before, &y));
    result.map(|()| y)
}

fn is_same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(*a, *b))
}

fn assert_same(actual: Result<Vec<f32>, Error>, expected: Result<Vec<f32>, Error>) {
    match (&actual, &expected) {
        (Ok(actual), Ok(expected)) => assert!(is_same(actual, expected), "{actual:?}, expected {expected:?}"),
        _ => assert_eq!(actual.err(), expected.err()),
    }
}

impl Layer {
    fn check(&self) {
        let Some(source) = self.settings.source(self.len.into()) else { return };
        let x = floats(&self.x, self.len.into());
        let y = floats(&[3, 5], self.other.unwrap_or(self.len).into());
        let naive = source.stream(Level::SCALAR);
        for level in Level::supported() {
            let mut layer = DropoutLayer::new(source.stream(level));
            let (mut step, mut last) = (0_u64, None);
            for &(operation, in_place) in &self.operations {
                let last_pass = last.map(|step| naive.derive(step));
                let (actual, expected) = match (operation, in_place) {
                    (Operation::Resume(number), _) => {
                        (step, last) = (number.get(), number.get().checked_sub(1));
                        layer = layer.at_step(step);
                        continue;
                    }
                    (Operation::Next, _) => {
                        let pass = layer.next_pass();
                        let expected = run(&y, |y| naive.derive(step).forward(&x, y));
                        (run(&y, |y| pass.forward(&x, y)), expected)
                    }
                    (Operation::Train, false) => {
                        (run(&y, |y| layer.train(&x, y)), run(&y, |y| naive.derive(step).forward(&x, y)))
                    }
                    (Operation::Train, true) => {
                        (run(&x, |x| layer.train_in_place(x)), run(&x, |x| naive.derive(step).forward_in_place(x)))
                    }
                    (Operation::Evaluate, false) => {
                        (run(&y, |y| layer.evaluate(&x, y)), run(&y, |y| naive.evaluate(&x, y)))
                    }
                    (Operation::Evaluate, true) => {
                        (run(&x, |x| layer.evaluate_in_place(x)), run(&x, |x| naive.evaluate_in_place(x)))
                    }
                    (Operation::Backward, false) => {
                        let pass = last_pass.ok_or(Error::NoForward);
                        (run(&y, |y| layer.backward(&x, y)), run(&y, |y| pass?.backward(&x, y)))
                    }
                    (Operation::Backward, true) => {
                        let pass = last_pass.ok_or(Error::NoForward);
                        (run(&x, |x| layer.backward_in_place(x)), run(&x, |x| pass?.backward_in_place(x)))
                    }
                };
                let counts = match operation {
                    Operation::Next => true,
                    Operation::Train => expected.is_ok(),
                    _ => false,
                };
                if counts {
                    (step, last) = (step.wrapping_add(1), Some(step));
                }
                assert_same(actual, expected);
                assert_eq!((layer.step(), layer.dropout()), (step, source.stream(level)));
            }
        }
    }
}

/// One mask for a batch, or one for each sample.
#[derive(Arbitrary, Debug)]
struct Shared {
    settings: Settings,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=5))]
    samples: usize,
    len: u8,
    pass: Number,
    sample: u64,
    x: Vec<u32>,
}

impl Shared {
    fn check(&self) {
        let len = usize::from(self.len);
        let Some(source) = self.settings.source(len as u128) else { return };
        let (x, t) = (floats(&self.x, self.samples * len), self.pass.get());
        let one = |key, x: &mut [f32]| Source { key, ..source }.stream(Level::SCALAR).forward_in_place(x);
        let key = source.key.derive(t);
        let shared = run(&x, |x| x.chunks_mut(len.max(1)).try_for_each(|x| one(key, x)));
        let single = run(&x, |x| one(key.derive(self.sample), &mut x[..len]));
        for level in Level::supported() {
            let dropout: Dropout = source.stream(level);
            assert_same(run(&x, |x| dropout.pass_shared(t, self.samples, len).forward_in_place(x)), shared.clone());
            let pass = dropout.pass_per_sample(t, self.sample);
            assert_same(run(&x, |x| pass.forward_in_place(&mut x[..len])), single.clone());
        }
    }
}

/// Rows of class probabilities, or of any outputs, and how many of their passes a second state takes that is merged.
#[derive(Arbitrary, Debug)]
struct Statistics {
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=4))]
    samples: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=5))]
    classes: usize,
    /// Too many elements.
    excess: bool,
    merged: u8,
    passes: Vec<[u16; 4]>,
}

impl Statistics {
    fn len(&self) -> usize {
        self.samples * self.classes
    }

    /// In the interval from 0 to 1, now and then an end of it.
    fn pass(&self, pass: &[u16; 4]) -> Vec<f32> {
        let value = |bits: u16| f32::from(bits.saturating_sub(99).min(65_000)) / 65_000.0;
        (0..self.len()).map(|i| value(pass[i % 4].rotate_left(i as u32 / 4))).collect()
    }

    fn check_moments(&self) {
        let (len, split) = (self.len(), self.passes.len() - usize::from(self.merged) % (self.passes.len() + 1));
        let [mut mean, mut squares, mut other_mean, mut other_squares] = [const { [7.0; 20] }; 4];
        let excess = len + usize::from(self.excess && len < 20);
        let moments = Moments::new(&mut mean[..len], &mut squares[..excess]);
        assert_eq!(moments.is_ok(), len == excess);
        let Ok(mut moments) = moments else { return };
        let mut other = Moments::new(&mut other_mean[..len], &mut other_squares[..len]).expect("of one length");
        for (i, pass) in self.passes.iter().enumerate() {
            let y = self.pass(pass);
            let taken = if i < split { &mut moments } else { &mut other };
            assert!(taken.push(&[&y[..], &[0.5]].concat()).is_err());
            assert_eq!(taken.push(&y), Ok(()));
        }
        assert_eq!(moments.merge(&other), Ok(()));
        assert_eq!(moments.passes(), self.passes.len() as u64);
        let [mut population, mut sample] = [const { [7.0; 20] }; 2];
        assert!(moments.sample_variance(&mut sample[..len + usize::from(len < 20)]).is_err() || len == 20);
        assert_eq!(moments.population_variance(&mut population[..len]), Ok(()));
        assert_eq!(moments.sample_variance(&mut sample[..len]), Ok(()));
        let n = self.passes.len() as f64;
        for i in 0..len {
            let values = || self.passes.iter().map(|pass| f64::from(self.pass(pass)[i]));
            let mean = if n == 0.0 { 0.0 } else { values().sum::<f64>() / n };
            let squares: f64 = values().map(|y| (y - mean).powi(2)).sum();
            near(moments.mean()[i], mean);
            near(moments.squares()[i], squares);
            near(population[i], squares / n);
            near(sample[i], squares / (n - 1.0).max(0.0));
        }
        let all = [&population[len..], &sample[len..], &mean[len..], &squares[len..]].concat();
        assert!(all.iter().all(|value| *value == 7.0));
    }

    fn check_classes(&self) {
        let (len, samples, classes) = (self.len(), self.samples, self.classes);
        let (mut mean, mut entropy) = ([7.0; 20], [7.0; 4]);
        let excess = len + usize::from(self.excess && len < 20);
        let state = ClassUncertainty::new(classes, &mut mean[..excess], &mut entropy[..samples]);
        assert_eq!(state.is_ok(), len == excess);
        let Ok(mut state) = state else { return };
        for pass in &self.passes {
            let p = self.pass(pass);
            assert!(state.push(&[&p[..], &[0.5]].concat()).is_err());
            assert_eq!(state.push(&p), Ok(()));
        }
        assert_eq!(state.passes(), self.passes.len() as u64);
        let (mut predictive, mut information) = ([7.0; 5], [7.0; 5]);
        assert!(state.predictive_entropy(&mut predictive[..=samples]).is_err());
        assert_eq!(state.predictive_entropy(&mut predictive[..samples]), Ok(()));
        assert_eq!(state.mutual_information(&mut information[..samples]), Ok(()));
        let n = self.passes.len().max(1) as f64;
        let passes: Vec<Vec<f64>> =
            self.passes.iter().map(|p| self.pass(p).into_iter().map(f64::from).collect()).collect();
        let means: Vec<f64> = (0..len).map(|i| passes.iter().map(|p| p[i]).sum::<f64>() / n).collect();
        state.mean().iter().zip(&means).for_each(|(actual, expected)| near(*actual, *expected));
        for sample in 0..samples {
            let row = |p: &[f64]| -> f64 {
                let p = p[sample * classes..][..classes].iter();
                p.map(|&p| if p == 0.0 { 0.0 } else { -p * p.ln() }).sum()
            };
            let expected = passes.iter().map(|p| row(p)).sum::<f64>() / n;
            near(state.expected_entropy()[sample], expected);
            near(predictive[sample], row(&means));
            near(information[sample], (row(&means) - expected).max(0.0));
        }
        assert!([&predictive[samples..], &information[samples..]].concat().iter().all(|value| *value == 7.0));
    }
}

/// Equal but for roundings of sums of a few hundred numbers of about 1, or both NaN.
fn near(actual: f64, expected: f64) {
    let both = actual.is_nan() && expected.is_nan();
    assert!(both || (actual - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{actual}, expected {expected}");
}
