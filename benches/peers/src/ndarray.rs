//! ndarray, with a draw of rand's fastest generator for each element.

use std::hint::black_box;

use ndarray::{Array1, ArrayView1, ArrayViewMut1, Zip};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::common::Case;
use crate::peer::Peer;

/// The mask holds what an element is multiplied with.
pub(crate) struct Ndarray {
    mask: Array1<f32>,
    rng: SmallRng,
}

impl Ndarray {
    pub(crate) fn new(case: &Case) -> Self {
        Self { mask: Array1::zeros(case.len()), rng: SmallRng::seed_from_u64(5) }
    }
}

impl Peer for Ndarray {
    fn name(&self) -> &'static str {
        "ndarray + rand"
    }

    fn forward(&mut self, case: &mut Case) {
        let (p, scale) = (case.p, 1.0 / (1.0 - case.p));
        self.mask.map_inplace(|mask| *mask = if self.rng.random::<f32>() < p { 0.0 } else { scale });
        self.backward(case);
    }

    fn backward(&mut self, case: &mut Case) {
        let x = ArrayView1::from(black_box(&*case.x));
        Zip::from(ArrayViewMut1::from(&mut *case.y)).and(x).and(&self.mask).for_each(|y, x, mask| *y = x * mask);
        black_box(&*case.y);
    }
}
