//! How much time dropout takes.

use std::cell::Cell;
use std::hint::black_box;
use std::iter::Sum;
use std::time::{Duration, Instant};

use dropmask::{Dropout, Error};

use crate::common::net::HiddenDropout;

/// The time of a number of calls.
#[derive(Clone, Copy, Default)]
pub struct Timing {
    pub total: Duration,
    pub calls: u32,
}

impl Timing {
    pub fn per_call(self) -> Duration {
        self.total.checked_div(self.calls).unwrap_or_default()
    }

    /// What measuring adds to the time of a call.
    pub fn overhead() -> Duration {
        let clock = Clock::default();
        for _ in 0..100_000 {
            clock.measure(|| black_box(()));
        }
        clock.read().per_call()
    }
}

impl Sum for Timing {
    fn sum<I: Iterator<Item = Self>>(timings: I) -> Self {
        timings.fold(Self::default(), |a, b| Self { total: a.total + b.total, calls: a.calls + b.calls })
    }
}

/// Adds up the time of calls.
#[derive(Default)]
pub struct Clock(Cell<Timing>);

impl Clock {
    pub fn measure<T>(&self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        let time = start.elapsed();
        let Timing { total, calls } = self.0.get();
        self.0.set(Timing { total: total + time, calls: calls + 1 });
        result
    }

    pub fn read(&self) -> Timing {
        self.0.get()
    }
}

/// Dropout with a clock around each call into the library.
pub struct Timed<'a> {
    pub stream: Dropout,
    pub clock: &'a Clock,
}

impl HiddenDropout for Timed<'_> {
    fn forward(&self, activations: &mut [f32]) -> Result<(), Error> {
        self.clock.measure(|| self.stream.forward_in_place(activations))
    }

    fn backward(&self, gradient: &mut [f32]) -> Result<(), Error> {
        self.clock.measure(|| self.stream.backward_in_place(gradient))
    }
}
