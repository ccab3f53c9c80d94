//! Whether all goroutines are asleep for ever: the monitor's part.
//!
//! The monitor looks when every P has been idle for a while, which is when it is about to fall asleep itself. If then nobody can
//! wake a goroutine (below), it looks again a second later; if no goroutine has run in between and it is still so, that is a
//! deadlock. Otherwise it sleeps, and looks again after something has run. Nothing is paid while goroutines run, and
//! an idle runtime is looked at once or twice.
//!
//! # Nobody can wake a goroutine
//! A goroutine is woken by code that runs: of a goroutine, of a plain thread, or of the runtime's for a deadline, a socket, a
//! signal, a future. So all of this has to hold ([`Sched::nothing_moves`] and the hook `nobody_wakes`):
//!
//! 1. No P is held, nothing is queued, no goroutine waits for a stack, and none has not begun.
//! 2. No deadline is pending that will [come](super::timers::comes): neither one that wakes a goroutine, nor one at which a
//!    goroutine begins. One that is a century away, as that of what is never to begin by itself, is none.
//! 3. Each goroutine is parked, off its thread or pinned to it, without a deadline. None is on a thread otherwise: blocked in
//!    the system, burning, or about to come back.
//! 4. None waits for a socket, in `sleep`, for another runtime, or for a future with a waker that somebody holds.
//! 5. No receiver of signals is left.
//! 6. The process has no thread but the runtime's own: those that run goroutines, the monitor, those that wait in
//!    `Runtime::run`, and the two that serve sockets and signals for plain threads. None of them runs any code but the runtime's
//!    then.
//!
//! # No false alarm
//! The looks of a moment are not of one instant. Suppose that in the second look's time some goroutine could go on. Who
//! could wake it is a goroutine (6, 2, 4, 5). That one ran after the first look found it parked or did not find it,
//! for else the first look had not passed (3). To run it took a P, which counts as a run (`Sched::activity`, not the
//! same then), or it had none: then it was on a thread without one all the time since before the first look (3). One that
//! parked during the first look, after its thread was asked, and had woken another before, has left it queued or running: for
//! a second, in which that one took a P. So the count differs, or the second look finds it queued (1).
//!
//! If only (6) does not hold, somebody else's threads may end without a sign. The next look is then after one second, two, four ..:
//! few wake-ups, ever fewer.

use super::Sched;
use crate::prim::global::Ordering;
use std::time::{Duration, Instant};

/// Between two looks that find the same.
const SURE: Duration = Duration::from_secs(1);
/// A look may take this part of the time.
const PART: u32 = 100;

/// What the floors above find of 3 to 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asleep {
    /// Somebody may wake a goroutine.
    No,
    /// Nobody, but perhaps threads that are not the runtime's.
    ButForThreads,
    Yes,
}

/// What the monitor remembers of its looks.
#[derive(Debug, Default)]
pub(super) struct Watchman {
    /// How often goroutines had run by then.
    activity: u64,
    found: Option<Asleep>,
    /// The next look is due then, if nothing has run.
    next: Option<Instant>,
    /// And if something has, not before that.
    not_before: Option<Instant>,
    pause: Duration,
}

impl Watchman {
    /// Looks if it is time to. Every P was idle a moment ago. Returns when to look again.
    pub(super) fn look(&mut self, sched: &Sched, now: Instant) -> Option<Instant> {
        if !sched.config.find_deadlocks {
            return None;
        }
        let activity = sched.activity();
        if activity != self.activity {
            let not_before = self.not_before;
            *self = Self { activity, not_before, ..Self::default() };
        } else if self.found == Some(Asleep::No) {
            return None;
        }
        if let Some(due) = self.next.max(self.not_before).filter(|due| *due > now) {
            return Some(due);
        }
        let found = match sched.nothing_moves() {
            true => (sched.config.hooks.nobody_wakes)(sched),
            false => Asleep::No,
        };
        if found == Asleep::Yes && self.found == Some(found) && sched.activity() == activity {
            (sched.config.hooks.deadlocked)(&sched.arc());
        }
        let cost = crate::util::now().saturating_duration_since(now);
        self.not_before = Some(now + cost * PART);
        self.pause = match found {
            Asleep::ButForThreads => (self.pause * 2).max(SURE),
            Asleep::No | Asleep::Yes => SURE,
        };
        self.found = Some(found);
        self.next = Some(now + self.pause);
        self.next.filter(|_| found != Asleep::No)
    }
}

impl Sched {
    /// How often goroutines have been run, and spawned and ended from outside.
    fn activity(&self) -> u64 {
        let runs: u64 = self.ps.iter().map(|p| p.runs()).sum();
        let outside = self.spawned_outside.load(Ordering::Relaxed);
        runs.wrapping_add(outside).wrapping_add(self.finished_outside.load(Ordering::Relaxed))
    }

    /// 1 and 2.
    fn nothing_moves(&self) -> bool {
        self.is_running()
            && self.live() != 0
            && self.idle.idle_ps() == self.config.procs
            && !self.any_work(false)
            && !self.is_starving()
            && !self.has_deadlines()
    }

    /// A plain thread is about to wait for a goroutine, and does nothing else until it returns.
    pub(crate) fn thread_waits<R>(&self, wait: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a Sched, u32);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut waiting = self.0.waiting_threads.lock();
                if let Some(at) = waiting.iter().position(|tid| *tid == self.1) {
                    waiting.swap_remove(at);
                }
            }
        }
        let tid = crate::sys::thread_id();
        self.waiting_threads.lock().push(tid);
        let _leave = Leave(self, tid);
        wait()
    }

    /// The plain threads that do so, as the system numbers them.
    pub(crate) fn waiting_threads(&self) -> Vec<u32> {
        self.waiting_threads.lock().clone()
    }
}
