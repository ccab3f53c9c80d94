//! The ground: atomics, locks and cells, from `std` or from `loom`.
//!
//! Every other module takes its atomics and locks from here, so that the state machines
//! that matter can be handed to loom unchanged (`--cfg loom`).
//!
//! Invariants:
//! 1. Nothing here blocks for long: [`Mutex`] guards short sections and is never held across
//!    a switch of goroutines.
//! 2. [`global`] is always `std`: statics need `const` constructors, which loom has not, and
//!    no modelled state machine lives in a static.
//!
//! # Models
//! Modules called `loom_tests` hold the models, next to what they model. In seconds, and in depth:
//! ```text
//! LOOM_MAX_PREEMPTIONS=2 RUSTFLAGS="--cfg loom" cargo test -p rt --release --lib loom
//! LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test -p rt --release --lib loom
//! ```
//! loom treats SeqCst accesses as AcqRel, but SeqCst fences as what they are: what needs a total
//! order says so by a fence. Of an atomic it remembers one last access: a thread that loads it and
//! then writes it hides who loaded it before, and some orders are not tried. Stand-ins write at once.

#![forbid(unsafe_code)]

mod mutex;
mod rwlock;

pub(crate) use mutex::Mutex;

/// Atomics that loom can replace.
pub(crate) mod atomic {
    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering, fence};
    #[cfg(not(loom))]
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering, fence};
}

/// Atomics for statics and for what loom does not model.
pub(crate) mod global {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };

    pub(crate) use super::mutex::Global as Mutex;
    pub(crate) use super::rwlock::RwLock;
    pub(crate) use std::sync::MutexGuard;
}

/// Tells the processor, or loom, that this thread spins.
#[inline]
pub(crate) fn spin_hint() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}

/// Keeps the compiler from moving memory accesses over it; costs no instruction.
#[inline]
pub(crate) fn compiler_fence() {
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}
