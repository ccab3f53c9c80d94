//! The clock of a lab: it stands still while anything runs, and jumps to the next deadline when all is idle.
//!
//! # When it may jump
//! *Quiet* is: every P lies in the idle list; every thread of the runtime is in the list of idle Ms, or *rests*, that is,
//! waits on the word of a goroutine that keeps its thread, and no token has come since; no queue holds anything; nobody
//! holds the time (`hold_time`). All of it is looked at under the lock of the idle lists (`Idle::when_quiet`), and the clock
//! is moved under it.
//!
//! *Quiet means that no goroutine of the runtime runs or can be resumed.* To run one takes an M that is neither in the
//! list nor at rest: it was counted. An M gets out of the list, and a P is taken, under the lock. An M at rest that is
//! woken leaves under the lock, before it does anything else; and its token is seen, for who sent it was a
//! goroutine, whose M took the lock since, or is a stranger. A call that blocks in the system, `rt::blocking`, a goroutine
//! that burns: their Ms are in no list. So whatever the goroutines do has been done, by the time that the clock shows.
//!
//! *Time that may move, moves.* Whatever makes the runtime quiet is followed by a look of who did it: an M looks after it
//! has entered the list (`Sched::sleep`), one that rests after it has said so, who puts a P down without going to sleep,
//! or an M's count, calls `cover`, and so does who ends a hold. The lock puts them in an order, and the last one sees all.
//!
//! Strangers are no part of it: a plain thread that will wake somebody, or a socket's peer. They are asked for first
//! (sockets), or hold the time.
//!
//! *A socket whose peer is a goroutine is no stranger*: what was written has made it ready before the writer's M entered the list. Its event is
//! with the kernel then, or with who has taken it. So a look asks the sockets; and under the lock it sees, in this order, that
//! the kernel has no event, that nobody is about to tell of one that he has taken (`asks`: whoever takes some is counted
//! before he does, and until he has queued whom they concern), and that no queue holds anything; or begins again. If the kernel has no
//! event because it was taken, the count of who took it is seen, or what he has queued. Who sleeps in the poll cannot be counted all the
//! time, so in a lab he takes nothing: he wakes, and asks as all do.
//!
//! *A signal that has come is no stranger*, though a plain thread delivers it: a goroutine that has raised it may wait for it, beside a
//! deadline. So a look first waits until all that came are settled (`sys::signal`), and counts them; and under the lock it
//! sees that no more have come since, or begins again. What a goroutine raised is counted before its M enters the list, so a look that
//! finds quiet sees it; and who was woken by what is settled was woken before the look, which finds a queue that is not empty. The
//! thread that delivers does not look: it waits for no runtime.
//!
//! *A deadline is exact*: what comes out of the heap at a jump is due at the very nanosecond that the clock shows, and it is
//! run before the clock moves again.
//!
//! # Deadlock
//! Quiet, without a deadline that [comes], a socket or a receiver of signals, while somebody waits for a run, is a deadlock. With a
//! seed it is one at once; else a plain thread gets a second of real time to wake somebody. The runtime stops then: the run
//! is unwound, and `Runtime::run` panics with the report.

use super::super::timers::comes;
use super::super::{Doing, Sched, Why};
use super::Lab;
use crate::carrier::Slot;
use crate::g::Header;
use crate::m::CurrentM;
use crate::prim::global::Ordering;
use crate::stack::Walker;
use crate::sys::signal;
use crate::trace::Reason;
use crate::util;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a plain thread gets to wake somebody, if there is no seed.
const GRACE: Duration = Duration::from_secs(1);

/// What a look at the runtime finds.
#[derive(Debug)]
enum Tide {
    /// Somebody runs, or may.
    Busy,
    /// A deadline has come: the clock shows it.
    Due,
    /// Nobody will ever run again, and somebody waits for that.
    Dry,
}

/// A goroutine that has not ended. `debug::report` puts it into words.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) id: u64,
    pub(crate) name: Option<String>,
    /// Where it was spawned.
    pub(crate) site: Option<&'static std::panic::Location<'static>>,
    pub(crate) doing: Doing,
    /// What it waits for.
    pub(crate) why: Option<Why>,
    /// Where its frames go on, the innermost first; empty if it does not wait.
    pub(crate) stack: Arc<[usize]>,
}

/// Why a lab was stopped. `debug::report` puts it into words.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// At that time since the start.
    Deadlock(Duration, Vec<Waiter>),
    /// It went on for that many steps.
    Endless(u64),
}

/// What a thread of a lab that has nothing to run does next.
#[derive(Debug)]
pub(in crate::sched) enum Rest {
    /// Takes a P: something is due.
    No,
    /// Sleeps until it is woken, or that instant of the real time.
    Until(Option<Instant>),
}

impl Sched {
    /// A thread of a lab is in the list of the idle ones, and about to sleep. `dry`: since when, by the real clock,
    /// nothing is to be expected any more.
    pub(in crate::sched) fn rest(&self, dry: &mut Option<Instant>) -> Rest {
        match self.tide() {
            Tide::Due => return Rest::No,
            Tide::Busy => *dry = None,
            Tide::Dry => {
                let now = util::real_now();
                let end = *dry.get_or_insert(now) + GRACE;
                if self.seeded().is_none() && now < end {
                    return Rest::Until(Some(end));
                }
                *dry = None;
                let at = self.lab.as_ref().map_or(0, |lab| lab.clock.passed());
                self.stop_for(Trouble::Deadlock(Duration::from_nanos(at), self.waiters()));
            }
        }
        Rest::Until(None)
    }

    /// In a lab, the other half of `cover`: looks whether time may move, and whether somebody must see to what is due.
    pub(in crate::sched) fn turns(&self) -> bool {
        // Who is woken for a dry one looks again, and reports it.
        !matches!(self.tide(), Tide::Busy)
    }

    /// Moves the clock if all is quiet.
    fn tide(&self) -> Tide {
        let Some(lab) = &self.lab else { return Tide::Busy };
        let tide = loop {
            // Before time moves, also if somebody has promised to sleep in the poll.
            if self.poll_now() {
                break Tide::Busy;
            }
            if let Some(tide) = self.tide_after(lab, signal::settle()) {
                break tide;
            }
            // Perhaps for who is about to tell of something.
            std::thread::yield_now();
        };
        match tide {
            // Outside of the lock, and after the look: no goroutine has run since that might have asked for some.
            Tide::Dry if (self.config.hooks.awaits_signals)() => Tide::Busy,
            tide => tide,
        }
    }

    /// The same; `None`: more than `signals` have come, or a socket has become ready.
    fn tide_after(&self, lab: &Lab, signals: u64) -> Option<Tide> {
        let quiet = self.when_quiet(|| {
            if signal::caught() != signals || self.hears(lab) {
                return None;
            }
            let earliest = self.earliest();
            let passed = lab.clock.passed();
            let stands =
                lab.holds.load(Ordering::SeqCst) != 0 || lab.halted.load(Ordering::Relaxed);
            // What unwinds when the runtime stops may sleep in its destructors.
            Some(if stands && self.is_running() {
                Tide::Busy
            } else if comes(earliest, passed) {
                lab.clock.advance(earliest);
                Tide::Due
            } else if lab.awaited.load(Ordering::Relaxed) == 0
                || !self.is_running()
                || self.net().is_some()
                || lab.trouble.lock().is_some()
            {
                Tide::Busy
            } else {
                Tide::Dry
            })
        });
        quiet.unwrap_or(Some(Tide::Busy))
    }

    /// Whether a socket has become ready, or somebody was told of that since the queues were looked at.
    fn hears(&self, lab: &Lab) -> bool {
        let Some(poller) = self.net() else { return false };
        if poller.look(Some(Duration::ZERO)) {
            return true;
        }
        let asks = lab.asks.load(Ordering::SeqCst) != 0;
        asks || self.any_work(false)
    }

    /// Calls `f` if no goroutine runs, and none can be resumed before it returns.
    fn when_quiet<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        let alive = || self.machines.alive();
        self.idle.when_quiet(self.config.procs, alive, || (!self.any_work(false)).then(f)).flatten()
    }

    /// The goroutines that have begun and have not ended, with their stacks, as a dump sees them. Not under the lock of
    /// `when_quiet`: who is woken by a stranger while he is looked at is queued by us.
    fn waiters(&self) -> Vec<Waiter> {
        let mut waiters = Vec::new();
        self.look(Some(&mut Walker::new()), &mut |seen| {
            let Header { id, name, site, .. } = seen.who;
            waiters.push(Waiter {
                id,
                name,
                site,
                doing: seen.doing,
                why: seen.why,
                stack: seen.stack,
            });
        });
        waiters.sort_by_key(|waiter| waiter.id);
        if let Some(seeded) = self.seeded() {
            let script = seeded.script.lock();
            waiters.iter_mut().for_each(|waiter| waiter.id = script.number_of(waiter.id));
        }
        waiters
    }

    /// The goroutines that are left: waits until all of them wait, `patience` of real time at most, and lists them.
    ///
    /// For a plain thread. Nothing tells when a runtime becomes quiet, so it looks, at intervals.
    pub(crate) fn settle(&self, patience: Duration) -> Vec<Waiter> {
        let end = util::real_now() + patience;
        let mut pause = Duration::from_micros(20);
        loop {
            if self.live() == 0 {
                return Vec::new();
            }
            if self.when_quiet(|| ()).is_some() || util::real_now() >= end {
                return self.waiters();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
    }

    /// Stops the runtime for `trouble`, the first there is. From any thread of it, inside the runtime too.
    pub(super) fn stop_for(&self, trouble: Trouble) {
        let Some(lab) = &self.lab else { return };
        {
            let mut first = lab.trouble.lock();
            if first.is_some() {
                return;
            }
            *first = Some(trouble);
        }
        // How it unwinds is no part of the schedule.
        if let Some(seeded) = &lab.seeded {
            seeded.script.lock().close();
        }
        let sched = self.arc();
        // Closures are dropped there: strangers' code, and this may be g0.
        let stop =
            std::thread::Builder::new().name("rt-stop".into()).spawn(move || sched.begin_stop());
        if let Err(error) = stop {
            util::bug(format_args!("no thread to stop a runtime from: {error}"));
        }
    }

    /// Waits in place of [`park_thread`](super::super::park_thread), in a lab: the goroutine keeps its thread, and the
    /// deadline is the clock's.
    #[cold]
    pub(in crate::sched) fn rest_on_thread(
        &self,
        m: CurrentM,
        slot: &'static Slot,
        deadline: Option<Instant>,
        was: u32,
    ) {
        let key = deadline.map(|at| self.wake_at(at, slot));
        self.end_alone();
        self.note(|| format!("goroutine {} waited on its own thread", self.number_of(slot)));
        self.hand_off(m, Some(Reason::Pinned));
        self.idle.rest(slot);
        self.cover();
        m.leave(was);
        // The token is taken when nobody may think any more that it rests.
        slot.word.doze();
        self.idle.end_rest(slot);
        slot.word.take();
        if let Some(key) = key {
            self.cancel(key);
        }
    }

    /// Time stands still until [`end_hold`](Self::end_hold).
    pub(crate) fn hold_time(&self) {
        if let Some(lab) = &self.lab {
            lab.holds.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Undoes one [`hold_time`](Self::hold_time).
    pub(crate) fn end_hold(&self) {
        if let Some(lab) = &self.lab
            && lab.holds.fetch_sub(1, Ordering::SeqCst) == 1
        {
            super::super::ready::entered(|| self.cover());
        }
    }

    pub(crate) fn is_lab(&self) -> bool {
        self.lab.is_some()
    }

    /// The number of the goroutine on `slot` in reports.
    pub(in crate::sched) fn number_of(&self, slot: &Slot) -> u64 {
        let id = slot.id.load(Ordering::Relaxed);
        self.seeded().map_or(id, |seeded| seeded.script.lock().number_of(id))
    }

    /// What time it is for its goroutines, whoever asks.
    pub(crate) fn now(&self) -> Instant {
        self.lab.as_ref().map_or_else(util::real_now, |lab| lab.clock.now())
    }

    /// What time it is for deadlines; `now` is the system's.
    pub(in crate::sched) fn due_by(&self, now: Instant) -> u64 {
        self.lab.as_ref().map_or_else(|| self.ns(now), |lab| lab.clock.passed())
    }
}
