//! How much memory a call takes from the heap, by an allocator that counts for each thread.
#![allow(unsafe_code, reason = "an allocator has no other way; it hands all on to that of the system")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Bytes from the heap.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every example asks for both")]
pub struct Bytes {
    /// At a time, at most.
    pub peak: usize,
    /// When the call is over: those of its result.
    pub kept: usize,
}

/// The result of a call, and what it took.
pub fn bytes<T>(call: impl FnOnce() -> T) -> (T, Bytes) {
    let before = NOW.get();
    MOST.set(before);
    let result = call();
    (result, Bytes { peak: MOST.get() - before, kept: NOW.get().saturating_sub(before) })
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn taken(bytes: usize) {
    NOW.set(NOW.get() + bytes);
    MOST.set(MOST.get().max(NOW.get()));
}

// SAFETY: every function does what that of the system does, with the same arguments; counting allocates nothing
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promise
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promise
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // what another thread has taken may be given back here
        NOW.set(NOW.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promise
        unsafe { System.dealloc(pointer, layout) }
    }
}
