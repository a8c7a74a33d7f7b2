//! Tells how deep the stack gets.

use core::ptr::with_exposed_provenance_mut;

use cortex_m::register::msp;
use cortex_m_rt::STACK_PAINT_VALUE;

/// Words below the stack pointer that are watched.
const WATCHED: usize = 4096;

/// Bytes of stack that `work` takes.
#[inline(never)]
pub fn depth(work: impl FnOnce()) -> usize {
    let top = with_exposed_provenance_mut::<u32>(msp::read() as usize & !3);
    for i in 1..WATCHED {
        // SAFETY: RAM that is aligned and that nothing uses: it is below the stack pointer, and no interrupt is enabled.
        unsafe { top.sub(i).write_volatile(STACK_PAINT_VALUE) };
    }
    work();
    // SAFETY: as above.
    let painted = |i: &usize| unsafe { top.sub(*i).read_volatile() } == STACK_PAINT_VALUE;
    let untouched = (1..WATCHED).rev().take_while(painted).count();
    size_of::<u32>() * (WATCHED - 1 - untouched)
}
