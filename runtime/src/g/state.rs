//! A goroutine's life in one word.
//!
//! ```text
//!            spawn: HANDLE
//!              |
//!              |  reach: + REACHABLE (at its first park)      abort: + ABORT (any time)
//!              |  join:  + JOINER, - JOINER on timeout        detach: - HANDLE
//!              v
//!          COMPLETE: nothing changes any more but by the one side that is left
//! ```
//!
//! Transitions return what the caller now owes.

use crate::prim::atomic::{AtomicU32, Ordering};

const COMPLETE: u32 = 1;
const HANDLE: u32 = 1 << 1;
const JOINER: u32 = 1 << 2;
const ABORT: u32 = 1 << 3;
const REACHABLE: u32 = 1 << 4;
/// Counts registrations, in the upper bits, and may wrap. `complete` reads the joiner and then
/// compares the word: without it, a joiner that was replaced meanwhile would look like the one read.
const REGISTRATION: u32 = 1 << 8;

/// See the [module](self).
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct State(AtomicU32);

/// What [`State::complete`] leaves to the runtime side.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AfterComplete {
    /// A joiner waits, and `joiner` says who: wake it.
    pub(crate) joiner: bool,
    /// The handle is gone: the output and the memory are ours to free.
    pub(crate) orphan: bool,
}

/// What [`State::detach`] leaves to the handle.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterDetach {
    /// It goes on, and frees itself at its end. `had_joiner`: what is registered is ours again.
    Running { had_joiner: bool },
    /// It is complete: the output and the memory are ours to free.
    Complete,
}

impl State {
    /// A new goroutine, with or without a handle.
    pub(crate) fn new(handle: bool) -> Self {
        Self(AtomicU32::new(if handle { HANDLE } else { 0 }))
    }

    /// Acquire pairs with `complete`: `true` lets the handle read the output.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Relaxed: who needs more than a hint has synchronized by a wake-up.
    #[inline]
    pub(crate) fn is_aborted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & ABORT != 0
    }

    /// The goroutine's slot is published. `true`: ABORT was there before.
    pub(crate) fn reach(&self) -> bool {
        self.0.fetch_or(REACHABLE, Ordering::AcqRel) & ABORT != 0
    }

    /// Sets ABORT. `true`: the slot is published and the goroutine is not complete, so it
    /// must be woken to notice.
    pub(crate) fn abort(&self) -> bool {
        self.0.fetch_or(ABORT, Ordering::AcqRel) & (REACHABLE | COMPLETE) == REACHABLE
    }

    /// The runtime side's last act. `read_joiner` is called with JOINER set, before the store
    /// that lets the handle free everything, possibly more than once.
    #[inline]
    pub(crate) fn complete(&self, mut read_joiner: impl FnMut()) -> AfterComplete {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let joiner = now & JOINER != 0;
            if joiner {
                read_joiner();
            }
            // Release: the output is written. Acquire pairs with `register`.
            match self.0.compare_exchange_weak(
                now,
                (now | COMPLETE) & !JOINER,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return AfterComplete { joiner, orphan: now & HANDLE == 0 },
                Err(seen) => now = seen,
            }
        }
    }

    /// Whether somebody is registered; only the handle registers. Relaxed: a hint, `unregister` decides.
    #[inline]
    pub(crate) fn has_joiner(&self) -> bool {
        self.0.load(Ordering::Relaxed) & JOINER != 0
    }

    /// The handle has written `joiner`: JOINER. `false`: it is complete instead.
    pub(crate) fn register(&self) -> bool {
        self.set_unless_complete(|s| (s | JOINER).wrapping_add(REGISTRATION)).is_some()
    }

    /// The handle takes `joiner` back: not JOINER. `None`: it is complete, and the runtime
    /// side has read the joiner or is about to use it. `Some(had)` otherwise.
    pub(crate) fn unregister(&self) -> Option<bool> {
        self.set_unless_complete(|s| s & !JOINER).map(|old| old & JOINER != 0)
    }

    /// The handle goes away.
    #[inline]
    pub(crate) fn detach(&self) -> AfterDetach {
        match self.set_unless_complete(|s| s & !(HANDLE | JOINER)) {
            Some(old) => AfterDetach::Running { had_joiner: old & JOINER != 0 },
            None => AfterDetach::Complete,
        }
    }

    /// AcqRel pairs with `complete`; the failing load acquires, so that `None` lets the
    /// handle read the output.
    #[inline]
    fn set_unless_complete(&self, change: impl Fn(u32) -> u32) -> Option<u32> {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            if now & COMPLETE != 0 {
                return None;
            }
            match self.0.compare_exchange_weak(
                now,
                change(now),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(now),
                Err(seen) => now = seen,
            }
        }
    }
}
