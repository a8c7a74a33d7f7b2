//! How much time dropout takes.

use std::cell::Cell;
use std::time::{Duration, Instant};

use dropmask::{Dropout, Error};

use crate::common::net::HiddenDropout;

/// Adds up the time of calls.
#[derive(Default)]
pub struct Clock(Cell<Duration>);

impl Clock {
    pub fn measure<T>(&self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        self.0.set(self.0.get() + start.elapsed());
        result
    }

    pub fn read(&self) -> Duration {
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
