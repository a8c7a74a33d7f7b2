//! What everything that is measured has in common.

use crate::common::measure::time;
use crate::common::{Case, stream};

/// Dropout of one [`Case`], with what it keeps between the passes.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Whether it is another's dropout.
    fn rival(&self) -> bool {
        true
    }

    /// From `case.x` to `case.y`.
    fn forward(&mut self, case: &mut Case);

    /// From `case.x` to `case.y` again, with the mask of the last forward.
    fn backward(&mut self, case: &mut Case);

    /// Copies the result of the last pass to `case.y`, where it is not there.
    fn read(&self, _case: &mut Case) {}

    /// The gradient of the output with which backward begins, where it is not `case.x`.
    fn gradient(&self, x: f32) -> f32 {
        x
    }

    /// Nanoseconds for a call of backward.
    fn time_backward(&mut self, case: &mut Case, calls: usize) -> f64 {
        time(calls, || self.backward(case))
    }

    /// Asserts that elements are kept and scaled or zero, about the right number, and the same ones in both passes; of
    /// dropmask itself, that they are the right ones.
    fn check(&mut self, case: &mut Case) {
        let (name, p) = (self.name(), case.p);
        case.y.fill(f32::NAN);
        self.forward(case);
        self.read(case);
        let y = case.y.to_vec();
        case.y.fill(f32::NAN);
        self.backward(case);
        self.read(case);

        let deviations = case.deviations(y.iter().filter(|y| **y != 0.0).count());
        assert!(deviations < 6.0, "{name}, p = {p}: keeps {deviations} standard deviations too many or too few");
        let scaled = |value: f32, x: f32| (value * (1.0 - p) - x).abs() <= 1e-6 * x.abs();
        for ((x, y), dx) in case.x.iter().zip(&y).zip(&*case.y) {
            let dy = self.gradient(*x);
            let right = if *y == 0.0 { *x == 0.0 || *dx == 0.0 } else { scaled(*y, *x) && scaled(*dx, dy) };
            assert!(right, "{name}, p = {p}: forward of {x} is {y}, backward of {dy} is {dx}");
        }
        if !self.rival() {
            let dy = case.x.iter().map(|x| self.gradient(*x)).collect();
            for (input, output) in [(case.x.to_vec(), &y[..]), (dy, &*case.y)] {
                let mut expected = vec![f32::NAN; input.len()];
                stream(p).forward(&input, &mut expected).unwrap();
                assert!(output == expected, "{name}, p = {p}: another mask");
            }
        }
    }
}
