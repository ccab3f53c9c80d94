//! How much memory is in use: what the allocator gave out.

#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// One thread measures, and no other allocates meanwhile: loads and stores do.
fn add(bytes: usize) {
    let now = NOW.load(Relaxed) + bytes;
    NOW.store(now, Relaxed);
    if now > PEAK.load(Relaxed) {
        PEAK.store(now, Relaxed);
    }
}

fn sub(bytes: usize) {
    NOW.store(NOW.load(Relaxed).wrapping_sub(bytes), Relaxed);
}

/// Bytes in use.
pub(crate) fn now() -> usize {
    NOW.load(Relaxed)
}

/// The most since the last call.
pub(crate) fn peak() -> usize {
    PEAK.swap(now(), Relaxed)
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        sub(layout.size());
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        sub(layout.size());
        // SAFETY: the caller's.
        unsafe { System.realloc(at, layout, size) }
    }
}
