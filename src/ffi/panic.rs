//! For a C library alone: Rust demands a handler of what has none. A test sees to it that nothing calls it.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
