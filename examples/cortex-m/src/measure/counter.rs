//! Counts instructions.

use cortex_m::peripheral::{SYST, syst::SystClkSource};

/// QEMU's `-icount shift=0` lets an instruction take 1 ns, and the machine's clock has 25 MHz.
const PER_TICK: f64 = 40.0;
const RELOAD: u32 = (1 << 24) - 1;

pub struct Counter(SYST);

impl Counter {
    pub fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(RELOAD);
        timer.clear_current();
        timer.enable_counter();
        Self(timer)
    }

    /// How many instructions `work` takes, to about 100; below 600 million.
    pub fn count(&mut self, work: impl FnOnce()) -> f64 {
        let before = SYST::get_current();
        work();
        let after = SYST::get_current();
        PER_TICK * f64::from(before.wrapping_sub(after) & RELOAD)
    }
}
