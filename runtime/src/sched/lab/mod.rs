//! A runtime whose time, and whose choices, are a test's.
//!
//! | file | what it does |
//! |---|---|
//! | `time` | the clock that jumps when all is idle; deadlocks |
//! | `draw` | who goes on: drawn at every call of the runtime |
//! | `script` | what is known about the goroutines, the draws, and the reports |
//! | `strategy` | how is drawn: walks, and priorities that change |
//! | `log` | the schedule as it is reported |
//!
//! A runtime has a [`Lab`] or it has not, from its beginning to its end. All threads of one that has follow its
//! [`Clock`]. If it has a seed, too, it has one P, and the entry word of each of its Ms says so
//! ([`SEEDED`](crate::m::SEEDED)): then every checkpoint, and every look for the next runnable, comes here. What has no
//! checkpoint, being too short for one, calls [`point`], which looks at one static word.
//!
//! # When a run is the same again
//! *With one seed, a run of a program whose goroutines talk through the runtime alone is the same each time.* One M runs
//! all goroutines, one after the other: whoever waits, pinned ones too, leaves the stack. Who goes on is drawn from all
//! runnables there are, numbered in the order in which they became runnable, by dice that the seed has loaded and that
//! nobody else throws. Time stands still but for jumps. So the next state depends on the last one and the dice.
//!
//! What comes from outside (a thread's wake-up, a socket, a call that blocks for so long that its P is given to
//! another thread) is noted, and reported with the schedule.

mod draw;
mod log;
mod script;
mod strategy;
mod time;

pub(crate) use draw::point;
pub(super) use draw::stop;
pub(super) use draw::throw;
pub(crate) use log::Schedule;
pub(super) use time::Rest;
pub(crate) use time::{Trouble, Waiter};

use super::Sched;
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, AtomicU32, Ordering};
use crate::util::Clock;
use script::Script;
use std::sync::Arc;
use std::time::Instant;

/// What a lab is built with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// What is drawn.
    pub(crate) seed: Option<u64>,
    /// After so many draws and points of a seeded run, it is taken to be without end.
    pub(crate) limit: u64,
    /// Time stands still for good when nobody waits for a run any more.
    pub(crate) halts: bool,
}

/// Runtimes that have a seed.
static SEEDED: AtomicU32 = AtomicU32::new(0);

/// See the [module](self).
pub(super) struct Lab {
    pub(super) clock: Arc<Clock>,
    halts: bool,
    /// While one is held, time does not move.
    holds: AtomicU32,
    /// Who takes events of sockets, and has not told those that they concern.
    asks: AtomicU32,
    /// Runs that somebody waits for. Without one there is no deadlock.
    awaited: AtomicU32,
    /// All runs have ended, in a lab that halts.
    halted: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
    pub(super) seeded: Option<Seeded>,
}

/// What a lab with a seed has.
pub(super) struct Seeded {
    seed: u64,
    script: Mutex<Script>,
    /// One thread runs all goroutines: a pinned one that waits may leave the stack.
    alone: AtomicBool,
    /// Goroutines that are pinned.
    pinned: AtomicU32,
}

impl Lab {
    pub(super) fn new(plan: &Plan, start: Instant) -> Self {
        let seeded = plan.seed.map(|seed| {
            SEEDED.fetch_add(1, Ordering::Relaxed);
            Seeded {
                seed,
                script: Mutex::new(Script::new(seed, plan.limit)),
                alone: AtomicBool::new(true),
                pinned: AtomicU32::new(0),
            }
        });
        Self {
            clock: Clock::new(start),
            halts: plan.halts,
            holds: AtomicU32::new(0),
            asks: AtomicU32::new(0),
            awaited: AtomicU32::new(0),
            halted: AtomicBool::new(false),
            trouble: Mutex::new(None),
            seeded,
        }
    }

    /// Somebody is about to take events of sockets.
    pub(super) fn begin_ask(&self) {
        self.asks.fetch_add(1, Ordering::SeqCst);
    }

    /// Those that they concern have been told.
    pub(super) fn end_ask(&self) {
        self.asks.fetch_sub(1, Ordering::SeqCst);
    }

    /// Somebody waits for a run.
    pub(super) fn begin_run(&self) {
        self.awaited.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended: said by the goroutine itself, before anybody is woken for it.
    pub(super) fn end_run(&self) {
        if self.awaited.fetch_sub(1, Ordering::Relaxed) == 1 && self.halts {
            self.halted.store(true, Ordering::Relaxed);
            if let Some(seeded) = &self.seeded {
                seeded.script.lock().close();
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.seeded.is_some() {
            SEEDED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Sched {
    #[inline]
    pub(super) fn seeded(&self) -> Option<&Seeded> {
        self.lab.as_ref()?.seeded.as_ref()
    }

    /// Whether a seed decides who runs.
    pub(crate) fn is_seeded(&self) -> bool {
        self.seeded().is_some()
    }

    /// What went wrong, and made the runtime stop.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.lab.as_ref()?.trouble.lock().clone()
    }

    /// The schedule so far, of a runtime with a seed.
    pub(crate) fn schedule(&self) -> Option<Schedule> {
        let seeded = self.seeded()?;
        Some(seeded.script.lock().schedule(seeded.seed))
    }

    /// Counts a run that somebody waits for. Said by its goroutine: before that has begun, it lies in a queue.
    pub(crate) fn begin_run(self: &Arc<Self>) -> Option<Run> {
        self.lab.as_ref()?.begin_run();
        Some(Run(Arc::clone(self)))
    }

    /// Something from outside has its part in the schedule.
    #[cold]
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(seeded) = self.seeded()
            && self.is_running()
        {
            let what = what();
            seeded.script.lock().note(what);
        }
    }

    /// Whether goroutines that are pinned leave the stack when they wait: no other thread runs them.
    pub(super) fn keeps_pinned(&self) -> bool {
        self.seeded().is_some_and(|seeded| seeded.alone.load(Ordering::Relaxed))
    }

    /// One more goroutine is pinned, or one less.
    pub(super) fn count_pinned(&self, more: bool) {
        if let Some(seeded) = self.seeded() {
            match more {
                true => seeded.pinned.fetch_add(1, Ordering::Relaxed),
                false => seeded.pinned.fetch_sub(1, Ordering::Relaxed),
            };
        }
    }

    /// A second thread is to run goroutines. `false`: it may not, for one is pinned and has left the stack.
    pub(super) fn end_alone(&self) -> bool {
        let Some(seeded) = self.seeded() else { return true };
        if seeded.alone.load(Ordering::Relaxed) && seeded.pinned.load(Ordering::Relaxed) != 0 {
            return false;
        }
        seeded.alone.store(false, Ordering::Relaxed);
        true
    }
}

/// Keeps the time of a lab where it is.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Sched>);

impl Hold {
    pub(crate) fn new(sched: Arc<Sched>) -> Self {
        sched.hold_time();
        Self(sched)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.end_hold();
    }
}

/// A run that somebody waits for, in a lab.
pub(crate) struct Run(Arc<Sched>);

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(lab) = &self.0.lab {
            lab.end_run();
        }
    }
}
