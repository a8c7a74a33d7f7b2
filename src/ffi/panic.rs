//! For a C library alone: Rust demands a handler of what has none. A test sees to it that nothing calls it.

use core::panic::PanicInfo;

#[cfg(panic = "unwind")]
compile_error!("a C library cannot unwind: build it with `--release`, or with `--profile c-debug` to debug it");

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
