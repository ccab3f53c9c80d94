//! A global allocator that starts goroutines itself. It may not do so wherever the runtime allocates (docs/SOUNDNESS.md); where
//! goroutines' own memory is asked for and given back it finds nothing borrowed and nothing locked.
#![allow(clippy::disallowed_types, reason = "std's own atomics count from outside")]

mod common;

use rt::JoinHandle;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Spawning;

thread_local! {
    /// Between two switches only.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

static SPAWNED: AtomicUsize = AtomicUsize::new(0);
static RAN: AtomicUsize = AtomicUsize::new(0);

/// As big as those of the test: their memory is the same.
fn spawn_another() {
    if ARMED.replace(false) {
        SPAWNED.fetch_add(1, Ordering::Relaxed);
        drop(rt::spawn(|| {
            RAN.fetch_add(1, Ordering::Relaxed);
        }));
        ARMED.set(true);
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Spawning {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        spawn_another();
        // SAFETY: the caller's own promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        spawn_another();
        // SAFETY: the caller's own promises.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        spawn_another();
        // SAFETY: the caller's own promises.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Spawning = Spawning;

/// Runs `f`, which does not switch, and returns how many goroutines the allocator has started meanwhile.
fn armed<R>(f: impl FnOnce() -> R) -> (R, usize) {
    let before = SPAWNED.load(Ordering::Relaxed);
    ARMED.set(true);
    let result = f();
    ARMED.set(false);
    (result, SPAWNED.load(Ordering::Relaxed) - before)
}

/// The same type each time, and with it the same size.
fn one() -> JoinHandle<()> {
    rt::spawn(|| {
        RAN.fetch_add(1, Ordering::Relaxed);
    })
}

#[test]
fn it_may_start_goroutines_where_their_memory_goes_round() {
    const MANY: usize = 1000;
    let _t = common::alone();
    common::runtime(1).run(|| {
        let ended: Vec<_> = (0..MANY).map(|_| one()).collect();
        common::eventually_yielding("they end", || ended.iter().all(JoinHandle::is_finished));
        let mut started = 0;
        // Each gives its goroutine's memory back.
        for handle in ended {
            started += armed(|| drop(handle)).1;
            rt::yield_now();
        }
        assert!(started > 5, "{started} when it is given back");
        started = 0;
        let mut handles = Vec::with_capacity(MANY);
        for _ in 0..MANY {
            let (handle, others) = armed(one);
            handles.push(handle);
            started += others;
            rt::yield_now();
        }
        assert!(started > 5, "{started} when it is taken");
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        let all = 2 * MANY + SPAWNED.load(Ordering::Relaxed);
        common::eventually_yielding("all run", || RAN.load(Ordering::Relaxed) == all);
    });
}
