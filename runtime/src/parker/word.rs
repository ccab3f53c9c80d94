//! The word itself. States, transitions and invariants: see the [module](super).

use crate::prim::atomic::{AtomicU32, Ordering};
use std::time::Instant;

const RUNNING: u32 = 0;
const PARKED: u32 = 1;
const ASLEEP: u32 = 2;
/// Parked, and somebody looks at it.
const HELD: u32 = 3;
/// The bits of the state; the count is above them.
const STATE: u32 = 3;
const TOKEN: u32 = 4;

/// Where one goroutine or one thread waits.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct ParkWord {
    word: AtomicU32,
    /// The count that the owner has seen last. The owner's alone; atomic only because it passes from
    /// thread to thread with the goroutine.
    seen: AtomicU32,
    /// In a model, the thread that sleeps until it is woken.
    #[cfg(any(loom, shuttle))]
    sleeper: crate::prim::global::Mutex<Option<crate::prim::model::Thread>>,
}

/// Whom a [`ParkWord::notify`] found waiting.
#[must_use = "a goroutine found parked must be queued by who found it"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// Nobody, or somebody that another looks at: the token stays.
    Nobody,
    /// A goroutine that is off its stack: the caller queues it (invariant 2).
    Goroutine,
    /// A thread: it has been woken, nothing is left to do.
    Thread,
}

/// What came of [`ParkWord::hold`].
#[must_use = "a goroutine that is held must be let go"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The caller holds it, until [`ParkWord::let_go`].
    Held,
    /// Somebody else holds it, for a moment.
    Busy,
    /// It is not parked.
    NotParked,
}

/// What [`ParkWord::let_go`] leaves to who held it.
#[must_use = "a goroutine that was notified meanwhile must be queued by who held it"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
    /// It is parked as before.
    Parked,
    /// A token has come: the caller queues it (invariant 2).
    Notified,
}

impl ParkWord {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(RUNNING),
            seen: AtomicU32::new(RUNNING),
            #[cfg(any(loom, shuttle))]
            sleeper: crate::prim::global::Mutex::new(None),
        }
    }

    /// The goroutine's g0, after the switch: RUNNING -> PARKED. `false`: a token has come and the
    /// goroutine goes on (its [`take`](Self::take) takes it).
    ///
    /// Release pairs with the notifier's exchange: it sees the goroutine's saved stack.
    #[inline]
    #[must_use]
    pub(crate) fn suspend(&self) -> bool {
        self.leave_running(PARKED)
    }

    #[inline]
    fn leave_running(&self, state: u32) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        let left =
            self.word.compare_exchange(seen, seen | state, Ordering::Release, Ordering::Relaxed);
        left.is_ok()
    }

    /// The owner, running: takes the tokens that have come. `false`: there were none.
    ///
    /// Acquire pairs with the notifiers' exchanges (invariant 3).
    #[inline]
    pub(crate) fn take(&self) -> bool {
        let word = self.word.load(Ordering::Acquire);
        let before = self.seen.load(Ordering::Relaxed);
        self.seen.store(word, Ordering::Relaxed);
        word != before
    }

    /// The count that the owner has seen last.
    #[cfg(feature = "tracing")]
    pub(crate) fn seen(&self) -> u32 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Keeps a parked goroutine where it is: PARKED -> HELD.
    ///
    /// Acquire pairs with the Release of `suspend`, and with that of who held it before.
    pub(crate) fn hold(&self) -> Hold {
        let word = self.word.load(Ordering::Relaxed);
        match word & STATE {
            PARKED => {
                let held = word | HELD;
                let order = (Ordering::Acquire, Ordering::Relaxed);
                match self.word.compare_exchange(word, held, order.0, order.1) {
                    Ok(_) => Hold::Held,
                    Err(now) if now & STATE == HELD => Hold::Busy,
                    Err(_) => Hold::NotParked,
                }
            }
            HELD => Hold::Busy,
            _ => Hold::NotParked,
        }
    }

    /// HELD -> PARKED, unless a token has come.
    pub(crate) fn let_go(&self) -> LetGo {
        let word = self.word.load(Ordering::Relaxed);
        if word & STATE == HELD {
            let parked = word & !STATE | PARKED;
            // Release: whoever resumes it comes after the look.
            let back =
                self.word.compare_exchange(word, parked, Ordering::Release, Ordering::Relaxed);
            if back.is_ok() {
                return LetGo::Parked;
            }
        }
        // What the notifier wrote is seen by the goroutine, which takes the token itself (invariant 3).
        LetGo::Notified
    }

    /// Leaves a token and tells whom to resume.
    #[inline]
    pub(crate) fn notify(&self) -> Woke {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let next = (word & !STATE).wrapping_add(TOKEN);
            // AcqRel: invariants 2 and 3.
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        match word & STATE {
            PARKED => Woke::Goroutine,
            ASLEEP => {
                self.wake_thread();
                Woke::Thread
            }
            // RUNNING; or HELD, and then who holds it is told when it lets go.
            _ => Woke::Nobody,
        }
    }

    /// Whether a token has come that the owner, who is about to block its thread or does so, has not taken.
    pub(crate) fn has_token(&self) -> bool {
        self.word.load(Ordering::Acquire) & !STATE != self.seen.load(Ordering::Relaxed)
    }

    /// [`sleep`](Self::sleep)s without a deadline, and does not take the token.
    pub(crate) fn doze(&self) {
        if self.leave_running(ASLEEP) {
            self.wait_while_asleep(None);
        }
    }

    /// Blocks the thread until a token comes, and takes it; or until `deadline`. Tells
    /// whether there was a token.
    pub(crate) fn sleep(&self, deadline: Option<Instant>) -> bool {
        if self.leave_running(ASLEEP) {
            self.wait_while_asleep(deadline);
            self.get_up();
        }
        self.take()
    }

    /// ASLEEP -> RUNNING, unless a token has done that.
    fn get_up(&self) {
        let seen = self.seen.load(Ordering::Relaxed);
        let _ =
            self.word.compare_exchange(seen | ASLEEP, seen, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether a goroutine waits, as of a moment ago. For those who look from outside.
    pub(crate) fn is_parked(&self) -> bool {
        matches!(self.word.load(Ordering::Relaxed) & STATE, PARKED | HELD)
    }

    /// Whether a thread sleeps here. A hint.
    pub(crate) fn is_asleep(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == ASLEEP
    }

    #[cfg(not(any(loom, shuttle)))]
    fn wait_while_asleep(&self, deadline: Option<Instant>) {
        let asleep = self.seen.load(Ordering::Relaxed) | ASLEEP;
        while self.is_asleep() {
            let left = match deadline {
                None => None,
                Some(at) => match at.checked_duration_since(crate::util::real_now()) {
                    Some(left) if !left.is_zero() => Some(left),
                    _ => return,
                },
            };
            crate::sys::futex::wait(&self.word, asleep, left);
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    #[cold]
    fn wake_thread(&self) {
        crate::sys::futex::wake_one(&raw const self.word);
    }

    /// In a model a timed sleep is a short one, and a thread that is never woken a deadlock.
    #[cfg(any(loom, shuttle))]
    fn wait_while_asleep(&self, deadline: Option<Instant>) {
        use crate::prim::model;
        if deadline.is_some() {
            crate::util::pass();
            return crate::prim::spin_hint();
        }
        *self.sleeper.lock() = Some(model::current());
        while self.is_asleep() {
            model::park();
        }
        *self.sleeper.lock() = None;
    }

    #[cfg(any(loom, shuttle))]
    fn wake_thread(&self) {
        // Who has not set it yet looks at the word afterwards.
        let sleeper = self.sleeper.lock().clone();
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }
}
