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
//! **Starting.** Who takes a fresh goroutine out of a queue begins it: TAKEN. Who joins one that
//! nobody has begun may *claim* it, wherever it is queued, and run it at once: TAKEN, CLAIMED,
//! and TOMB, for its word still lies in the queue. Who comes upon that word later clears TOMB and
//! drops it. TOMB is a third claim to the memory, beside the runtime's and the handle's.
//!
//! Only a handle claims, so without HANDLE, TAKEN need not be set.
//!
//! Transitions return what the caller now owes.
//!
//! The bits above the flags count registrations, so that two of them differ: otherwise a goroutine
//! that ends, slow between its look at `joiner` and its compare-exchange, could take a new joiner
//! for the one that it looked at. (It would have to be slow for 2^24 registrations.)

use crate::prim::atomic::{AtomicU32, Ordering};

const COMPLETE: u32 = 1;
const HANDLE: u32 = 1 << 1;
const JOINER: u32 = 1 << 2;
const ABORT: u32 = 1 << 3;
const REACHABLE: u32 = 1 << 4;
const TAKEN: u32 = 1 << 5;
const CLAIMED: u32 = 1 << 6;
const TOMB: u32 = 1 << 7;
/// One registration; see the [module](self).
const REGISTERED: u32 = 1 << 8;

/// See the [module](self).
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct State(AtomicU32);

/// What a goroutine's end leaves to the runtime side.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterComplete {
    /// The handle has the rest. `joiner`: somebody waits, and `G::joiner` said who: wake it;
    /// `claimed`: it is who claimed this goroutine.
    Handle { joiner: bool, claimed: bool },
    /// There is no handle, and COMPLETE is **not** set: drop the output, then call
    /// [`State::complete_orphan`].
    Orphan,
}

/// What [`State::detach`] leaves to the handle.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterDetach {
    /// It goes on, and frees itself at its end. `had_joiner`: what is registered is ours again.
    Running { had_joiner: bool },
    /// It is complete: the output is ours to drop, and then [`State::leave`].
    Complete,
}

impl State {
    /// A new goroutine, with or without a handle.
    pub(crate) fn new(handle: bool) -> Self {
        Self(AtomicU32::new(if handle { HANDLE } else { 0 }))
    }

    /// It has had a turn, and is nobody's but the caller's: as new, without a handle.
    pub(crate) fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
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

    /// Takes ABORT back. Only the goroutine itself, which knows who set it and what for.
    pub(crate) fn forgive(&self) {
        self.0.fetch_and(!ABORT, Ordering::AcqRel);
    }

    /// The runtime side's last act, if there is a handle. `read_joiner` is called with JOINER set,
    /// before the store that lets the handle free everything, possibly more than once.
    #[inline]
    pub(crate) fn complete(&self, mut read_joiner: impl FnMut()) -> AfterComplete {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            if now & HANDLE == 0 {
                return AfterComplete::Orphan;
            }
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
                Ok(_) => return AfterComplete::Handle { joiner, claimed: now & CLAIMED != 0 },
                Err(seen) => now = seen,
            }
        }
    }

    /// The runtime side's last act, if there is no handle. `true`: the memory is ours to free.
    ///
    /// Without TOMB nobody else knows of the goroutine, and nothing need be written.
    #[inline]
    pub(crate) fn complete_orphan(&self) -> bool {
        if self.0.load(Ordering::Acquire) & TOMB == 0 {
            return true;
        }
        self.0.fetch_or(COMPLETE, Ordering::AcqRel) & TOMB == 0
    }

    /// It came out of a queue. `false`: it was claimed, and this is its tomb: [`bury`](Self::bury).
    #[inline]
    pub(crate) fn begin(&self) -> bool {
        if self.0.load(Ordering::Relaxed) & (HANDLE | TAKEN | CLAIMED) == 0 {
            return true;
        }
        self.0.fetch_or(TAKEN, Ordering::AcqRel) & TAKEN == 0
    }

    /// The handle wants it to run now; its word stays in the queue.
    pub(crate) fn claim(&self) -> bool {
        let now = self.0.load(Ordering::Relaxed);
        // Once: there is one TOMB.
        now & (TAKEN | CLAIMED | COMPLETE) == 0
            && self
                .0
                .compare_exchange(
                    now,
                    now | TAKEN | CLAIMED | TOMB,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// The same, and the caller has just taken its word out of the queue.
    pub(crate) fn claim_taken(&self) {
        self.0.fetch_or(TAKEN | CLAIMED, Ordering::AcqRel);
    }

    /// Whether somebody else runs it, or has: then the word that the caller has taken out of a queue is a tomb. (Not whether it was
    /// claimed: one that was, and found no stack, is in a queue again.) Relaxed: a claim may come right after.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) & TAKEN != 0
    }

    /// There was no stack to begin it on: it goes back into a queue.
    #[cold]
    pub(crate) fn unbegin(&self) {
        self.0.fetch_and(!TAKEN, Ordering::AcqRel);
    }

    /// The word of a claimed goroutine came out of the queue. `true`: the memory is ours to free.
    #[cold]
    pub(crate) fn bury(&self) -> bool {
        self.0.fetch_and(!TOMB, Ordering::AcqRel) & (COMPLETE | HANDLE) == COMPLETE
    }

    /// The handle goes away, from a complete goroutine whose output is dropped or taken.
    /// `true`: the memory is ours to free.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        if self.0.load(Ordering::Acquire) & TOMB == 0 {
            return true;
        }
        self.0.fetch_and(!HANDLE, Ordering::AcqRel) & TOMB == 0
    }

    /// Whether somebody is registered; only the handle registers. Relaxed: a hint, `unregister` decides.
    #[inline]
    pub(crate) fn has_joiner(&self) -> bool {
        self.0.load(Ordering::Relaxed) & JOINER != 0
    }

    /// The handle has written `joiner`: JOINER. `false`: it is complete instead.
    pub(crate) fn register(&self) -> bool {
        self.set_unless_complete(|s| (s | JOINER).wrapping_add(REGISTERED)).is_some()
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::State;

    #[test]
    fn one_that_was_claimed_and_found_no_stack_is_no_tomb() {
        let state = State::new(true);
        state.claim_taken();
        assert!(state.is_taken());
        state.unbegin();
        assert!(!state.is_taken(), "its word is the only one");
        assert!(state.begin());
        // The other way: its word stays behind, and is a tomb whenever it runs.
        let state = State::new(true);
        assert!(state.claim() && state.is_taken());
        assert!(!state.begin());
    }
}
