//! The ground: atomics, locks and cells, from `std`, from `loom` or from `shuttle`.
//!
//! Every other module takes its atomics and locks from here, so that the state machines that matter
//! can be handed unchanged to loom, which tries every order of a small model, or to shuttle, which
//! tries many orders of a large one (`--cfg loom`, `--cfg shuttle`).
//!
//! Invariants:
//! 1. Nothing here blocks for long: [`Mutex`] guards short sections and is never held across
//!    a switch of goroutines.
//! 2. [`global`] is always `std`: statics need `const` constructors, which loom has not, and
//!    no modelled state machine lives in a static.
//!
//! # Models
//! Modules called `loom_tests` and `shuttle_tests` hold the models, next to what they model. In seconds, and in depth:
//! ```text
//! LOOM_MAX_PREEMPTIONS=2 RUSTFLAGS="--cfg loom" cargo test -p rt --release --lib loom
//! LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test -p rt --release --lib loom
//! RUSTFLAGS="--cfg shuttle" cargo test -p rt --release --lib shuttle
//! ```
//! loom treats SeqCst accesses as AcqRel, but SeqCst fences as what they are: what needs a total
//! order says so by a fence. Of an atomic it remembers one last access: a thread that loads it and
//! then writes it hides who loaded it before, and some orders are not tried. Stand-ins write at once.

#![forbid(unsafe_code)]

/// Makes constructors `const`, but not in a model, whose atomics are made at run time.
macro_rules! const_fn {
    ($($(#[$attr:meta])* $vis:vis const fn $name:ident($($args:tt)*) -> $ret:ty $body:block)*) => {$(
        #[cfg(not(any(loom, shuttle)))]
        $(#[$attr])*
        $vis const fn $name($($args)*) -> $ret $body
        #[cfg(any(loom, shuttle))]
        $(#[$attr])*
        $vis fn $name($($args)*) -> $ret $body
    )*};
}

mod cell;
mod mutex;
mod rwlock;
mod spin;

pub(crate) use cell::UnsafeCell;
pub(crate) use const_fn;
pub(crate) use mutex::Mutex;
pub(crate) use spin::SpinLock;

/// Atomics that a model checker can replace.
pub(crate) mod atomic {
    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(shuttle)]
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Atomics for statics and for what loom does not model.
pub(crate) mod global {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };

    pub(crate) use super::mutex::Global as Mutex;
    pub(crate) use super::rwlock::RwLock;
    pub(crate) use std::sync::{Condvar, MutexGuard};
}

/// What a model has for a futex, and for dice: loom takes the first, for it tries all orders anyway.
#[cfg(loom)]
pub(crate) mod model {
    pub(crate) use loom::thread::{Thread, current, park};

    pub(crate) fn below(_: usize) -> usize {
        0
    }
}
#[cfg(shuttle)]
pub(crate) mod model {
    use shuttle::rand::{Rng as _, thread_rng};
    pub(crate) use shuttle::thread::{Thread, current, park};

    pub(crate) fn below(n: usize) -> usize {
        thread_rng().gen_range(0..n)
    }
}

/// Tells the processor, or the model, that this thread spins.
#[inline]
pub(crate) fn spin_hint() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(shuttle)]
    shuttle::thread::yield_now();
    #[cfg(not(any(loom, shuttle)))]
    std::hint::spin_loop();
}

/// Keeps the compiler from moving memory accesses over it; costs no instruction.
#[inline]
pub(crate) fn compiler_fence() {
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}
