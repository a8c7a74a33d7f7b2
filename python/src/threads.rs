//! A pass over large arrays on several threads, each with a part.
//!
//! They live as long as the pass. A pool would outlive it, and not be there in a process that `fork` made of this one, as
//! `multiprocessing` does.

use std::thread;

use dropmask::ffi::{DROPMASK_OK, dropmask_status};
use pyo3::prelude::*;

use crate::raw::{Kernel, Pass};

/// Elements of a part at least: those of one pass take as long as it takes to start a thread.
const PART: usize = 65_536;

/// Elements from which on other Python threads may run meanwhile.
const DETACHED: usize = 1_024;

/// Elements of a block of the mask stream: where parts begin in one, all the parts before it draw it too.
const BLOCK: usize = 1_024;

/// Runs a pass on up to so many threads, and without the lock of the interpreter.
pub(crate) fn run(py: Python<'_>, pass: &Pass<'_>, threads: usize) -> dropmask_status {
    let len: usize = pass.call.len.iter().take(pass.call.axes as usize).product();
    detached(py, len, || shared(pass, threads.min(len / PART).max(1)))
}

/// Does work on so many elements without the lock of the interpreter, unless they are few.
pub(crate) fn detached<T: Send>(py: Python<'_>, elements: usize, work: impl Send + FnOnce() -> T) -> T {
    if elements < DETACHED { work() } else { py.detach(work) }
}

fn shared(pass: &Pass<'_>, threads: usize) -> dropmask_status {
    let [steps, ..] = pass.call.len;
    let step = steps.div_ceil(threads).next_multiple_of(granularity(pass));
    // the sum of a gradient has one order
    if threads == 1 || step >= steps || pass.kernel() == Kernel::BiasBackward {
        return pass.run();
    }
    thread::scope(|scope| {
        let parts = (0..steps).step_by(step).skip(1).map(|first| pass.part(first, step.min(steps - first)));
        let others: Vec<_> =
            parts.map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || part.run()))).collect();
        let mut status = pass.part(0, step).run();
        for (part, thread) in others {
            // where no thread can be started, this one does its work; none of them panics
            let other = thread.map_or_else(|_| part.run(), |thread| thread.join().unwrap_or(u32::MAX));
            status = if status == DROPMASK_OK { other } else { status };
        }
        status
    })
}

/// The steps along the outermost axis whose multiples are where parts may begin: no two share a word of a mask.
fn granularity(pass: &Pass<'_>) -> usize {
    match pass.mask {
        Some(mask) if mask.step > 0 => BLOCK >> mask.step.trailing_zeros().min(BLOCK.trailing_zeros()),
        _ if pass.call.axes == 1 => BLOCK,
        _ => 1,
    }
}
