//! An allocator that counts what a thread allocates and frees while that thread is watched.
#![allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one passes everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no thread-local cells any more, and is not watched.
    if WATCHED.try_with(Cell::get).unwrap_or(false) {
        SEEN.with(|seen| seen.set(seen.get() + 1));
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract. The counting
// touches two thread-local cells, which need no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is the system's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: `ptr` came from the system's allocator through this one, with this layout.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count();
        // SAFETY: `ptr` came from the system's allocator through this one, with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Watches the calling thread from now on.
pub fn watch() {
    SEEN.set(0);
    WATCHED.set(true);
}

/// Ends the watch. Returns how often the thread allocated, reallocated or freed meanwhile.
pub fn seen() -> u64 {
    WATCHED.set(false);
    SEEN.get()
}
