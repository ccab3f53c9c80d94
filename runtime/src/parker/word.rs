//! The word itself. States, transitions and invariants: see the [module](super).

use crate::prim::atomic::{AtomicU32, Ordering};
use std::time::Instant;

const RUNNING: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;
const ASLEEP: u32 = 3;

/// Where one goroutine or one thread waits.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct ParkWord(AtomicU32);

/// Whom a [`ParkWord::notify`] found waiting.
#[must_use = "a goroutine found parked must be queued by who found it"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// Nobody: the token stays for the next park.
    Nobody,
    /// A goroutine that is off its stack: the caller queues it (invariant 2).
    Goroutine,
    /// A thread: it has been woken, nothing is left to do.
    Thread,
}

impl ParkWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(RUNNING))
    }

    /// The goroutine's g0, after the switch: RUNNING -> PARKED. `false`: a token was there
    /// and the goroutine goes on (its [`take`](Self::take) takes the token).
    ///
    /// Release pairs with the notifier's swap: it sees the goroutine's saved stack.
    #[inline]
    #[must_use]
    pub(crate) fn suspend(&self) -> bool {
        self.0.compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The owner, running: takes the token if there is one.
    ///
    /// Acquire pairs with every notifier's swap (invariant 3).
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.0.swap(RUNNING, Ordering::AcqRel) == NOTIFIED
    }

    /// Leaves the token and tells whom to resume.
    #[inline]
    pub(crate) fn notify(&self) -> Woke {
        match self.0.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => Woke::Goroutine,
            ASLEEP => {
                self.wake_thread();
                Woke::Thread
            }
            _ => Woke::Nobody,
        }
    }

    /// Blocks the thread until a token comes, and takes it; or until `deadline`. Tells
    /// whether there was a token.
    pub(crate) fn sleep(&self, deadline: Option<Instant>) -> bool {
        // AcqRel as in `suspend`; a failure leaves the token to `take` below.
        if self.0.compare_exchange(RUNNING, ASLEEP, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.wait_while_asleep(deadline);
        }
        self.take()
    }

    #[cfg(not(any(loom, shuttle)))]
    fn wait_while_asleep(&self, deadline: Option<Instant>) {
        while self.0.load(Ordering::Relaxed) == ASLEEP {
            let left = match deadline {
                None => None,
                Some(at) => match at.checked_duration_since(crate::util::now()) {
                    Some(left) if !left.is_zero() => Some(left),
                    _ => return,
                },
            };
            crate::sys::futex::wait(&self.0, ASLEEP, left);
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    #[cold]
    fn wake_thread(&self) {
        crate::sys::futex::wake_one(&raw const self.0);
    }

    /// In a model a futex is a look and a yield, and any deadline is near.
    #[cfg(any(loom, shuttle))]
    fn wait_while_asleep(&self, deadline: Option<Instant>) {
        while self.0.load(Ordering::Relaxed) == ASLEEP {
            crate::prim::spin_hint();
            if deadline.is_some() {
                return;
            }
        }
    }

    #[cfg(any(loom, shuttle))]
    fn wake_thread(&self) {}
}
