//! One case, measured.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::common::Case;
use crate::common::measure::time;
use crate::ours::REPLAYED;
use crate::peer::Peer;

/// Nanoseconds that a timed batch of calls takes at least, so that the clock's resolution does not matter.
const BATCH: f64 = 200_000.0;

/// One of each for a repetition.
#[derive(Default)]
pub(crate) struct Samples {
    /// Nanoseconds for a call, of forward and backward.
    pub(crate) times: [Vec<f64>; 2],
    /// Of forward, of backward and of both together, to dropmask.
    pub(crate) ratios: [Vec<f64>; 3],
}

impl Samples {
    fn push(&mut self, [forward, backward]: [f64; 2], reference: [f64; 2]) {
        let ratios =
            [forward / reference[0], backward / reference[1], (forward + backward) / (reference[0] + reference[1])];
        self.times.iter_mut().zip([forward, backward]).for_each(|(times, time)| times.push(time));
        self.ratios.iter_mut().zip(ratios).for_each(|(ratios, ratio)| ratios.push(ratio));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.times.iter_mut().zip(other.times).for_each(|(times, other)| times.extend(other));
        self.ratios.iter_mut().zip(other.ratios).for_each(|(ratios, other)| ratios.extend(other));
    }
}

pub(crate) fn measure(case: &mut Case, peers: &mut [Box<dyn Peer>], repetitions: usize, seed: u64) -> Vec<Samples> {
    let calls: Vec<_> = peers.iter_mut().map(|peer| calls(&mut **peer, case)).collect();
    let mut ours = REPLAYED;
    let reference_calls = self::calls(&mut ours, case);
    let mut samples: Vec<Samples> = peers.iter().map(|_| Samples::default()).collect();
    let mut order: Vec<usize> = (0..peers.len()).collect();
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..repetitions {
        order.shuffle(&mut random);
        for &i in &order {
            let mut reference = [0.0; 2];
            let reference_first = random.random();
            if reference_first {
                reference = times(&mut ours, case, reference_calls);
            }
            let taken = times(&mut *peers[i], case, calls[i]);
            if !reference_first {
                reference = times(&mut ours, case, reference_calls);
            }
            samples[i].push(taken, reference);
        }
    }
    samples
}

/// Nanoseconds for a call of forward and for one of backward, after one that brings back to the caches what is used.
fn times(peer: &mut dyn Peer, case: &mut Case, [forward, backward]: [usize; 2]) -> [f64; 2] {
    peer.forward(case);
    [time(forward, || peer.forward(case)), peer.time_backward(case, backward)]
}

/// How many of either make a batch.
fn calls(peer: &mut dyn Peer, case: &mut Case) -> [usize; 2] {
    let [first, rest @ ..] = [(); 5].map(|()| times(peer, case, [1; 2]));
    let least = rest.iter().fold(first, |[a, b], [c, d]| [a.min(*c), b.min(*d)]);
    least.map(|time| (BATCH / time).ceil() as usize)
}
