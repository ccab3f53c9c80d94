//! The monitor: the one thread without a P.
//!
//! It looks at the Ps while they are busy: at work that lies in front of a P which does not get
//! to it, and at slices that last too long. It fires timers, and takes apart what has long been idle.
//!
//! It never wakes for nothing: with every P idle for [`QUIET`] it sleeps until the next timer, the
//! next housekeeping that is due, or until a P is taken.
//!
//! Falling asleep and taking a P are a store, a fence and a load of the other's word each:
//! `asleep := true; fence; idle_ps?` against `idle_ps := ..; fence; asleep?`. One of them sees
//! the other.

use super::Sched;
use super::due::Due;
use crate::carrier::Slot;
use crate::parker::ParkWord;
use crate::prim::Mutex;
use crate::prim::atomic::{self, AtomicBool, fence};
use crate::prim::global::{AtomicU32, Ordering};
use crate::timer::{Heap, Key};
use crate::util;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time slice.
const SLICE: Duration = Duration::from_millis(10);
/// Between looks, at first; doubled while there is nothing to see.
const FIRST_LOOK: Duration = Duration::from_micros(100);
/// Between looks while something is stuck.
const STUCK_LOOK: Duration = Duration::from_millis(1);
/// Between looks, at most.
const LAST_LOOK: Duration = Duration::from_millis(10);
/// Warm work that a spinner left alone is looked at again after so long.
const CALM: Duration = Duration::from_millis(5);
/// Idle for so long, it stops looking.
const QUIET: Duration = Duration::from_millis(100);
/// A carrier idle for so many seconds is taken apart.
const KEEP: u32 = 5;

/// The monitor's own state.
pub(super) struct Monitor {
    pub(super) word: ParkWord,
    asleep: AtomicBool,
    pub(super) timers: Mutex<Heap<Due>>,
    /// Seconds since the start, as of the last look: the clock of idle carriers.
    seconds: AtomicU32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A P as it was at the last look.
#[derive(Clone, Copy)]
struct Seen {
    next: usize,
    runs: u64,
    tick: u32,
    slice_since: Instant,
}

impl Monitor {
    pub(super) fn new() -> Self {
        Self {
            word: ParkWord::new(),
            asleep: AtomicBool::new(false),
            timers: Mutex::new(Heap::new()),
            seconds: AtomicU32::new(0),
            thread: Mutex::new(None),
        }
    }

    /// Seconds since the start, roughly.
    pub(super) fn seconds(&self) -> u32 {
        self.seconds.load(Ordering::Relaxed)
    }

    /// It is about to sleep for long. The caller looks at the idle Ps afterwards.
    pub(super) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(atomic::Ordering::SeqCst);
    }

    /// A P was taken.
    pub(super) fn wake_if_asleep(&self) {
        fence(atomic::Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.nudge();
        }
    }

    /// Makes it look now.
    pub(super) fn nudge(&self) {
        let _ = self.word.notify();
    }

    pub(super) fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().take()
    }
}

impl Sched {
    /// Starts the monitor's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start_monitor(self: &Arc<Self>) -> io::Result<()> {
        let sched = Arc::clone(self);
        let name = "rt-monitor".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || sched.run_monitor())?;
        *self.monitor.thread.lock() = Some(thread);
        Ok(())
    }

    /// Wakes `slot` at `at`.
    pub(crate) fn wake_at(&self, at: Instant, slot: &'static Slot) -> Key {
        let (key, first) = self.monitor.timers.lock().insert(at, Due::Wake(slot));
        if first {
            self.monitor.nudge();
        }
        key
    }

    /// Does not, after all.
    pub(crate) fn cancel_wake(&self, key: Key) {
        self.monitor.timers.lock().cancel(key);
    }

    fn run_monitor(self: &Arc<Self>) {
        let start = util::now();
        let mut seen: Vec<_> = self.ps.iter().map(|p| Seen::of(p, start)).collect();
        let mut delay = FIRST_LOOK;
        let mut busy_at = start;
        let mut calm_since = None;
        while !self.is_stopped() {
            let now = util::now();
            let seconds = (now - start).as_secs() as u32;
            if self.monitor.seconds.swap(seconds, Ordering::Relaxed) != seconds {
                self.ps.iter().for_each(|p| {
                    p.set_sweep(true);
                });
            }
            let next_timer = self.fire_timers(now);
            let stuck = self.look_at_ps(&mut seen, now) | self.end_calm(&mut calm_since, now);
            let next_chore = self.housekeep(start, now);
            if self.idle.idle_ps() != self.config.procs {
                busy_at = now;
            }
            delay = if stuck { (delay * 2).min(STUCK_LOOK) } else { (delay * 2).min(LAST_LOOK) };
            let quiet = now.duration_since(busy_at) >= QUIET;
            let mut wake_at = [next_timer, next_chore].into_iter().flatten().min();
            if quiet {
                self.monitor.fall_asleep();
            }
            if !quiet || self.idle.idle_ps() != self.config.procs {
                let look = now + delay;
                wake_at = Some(wake_at.map_or(look, |at| at.min(look)));
            }
            let woken = self.monitor.word.sleep(wake_at);
            if self.monitor.asleep.swap(false, Ordering::Relaxed) && woken {
                busy_at = util::now();
                delay = FIRST_LOOK;
            }
        }
    }

    /// Does what it is time to do; tells when the next one is due.
    fn fire_timers(self: &Arc<Self>, now: Instant) -> Option<Instant> {
        loop {
            // The lock is not held over the wake-up.
            let (due, next) = {
                let mut timers = self.monitor.timers.lock();
                (timers.pop_due(now), timers.first())
            };
            match due {
                Some(due) => self.fire(due),
                None => return next,
            }
        }
    }

    /// Has somebody look again at the warm work that a spinner left alone, after a while. `true`: there
    /// is some, and the while is not over.
    fn end_calm(&self, since: &mut Option<Instant>, now: Instant) -> bool {
        if !self.idle.is_calm() {
            *since = None;
            return false;
        }
        if now.duration_since(*since.get_or_insert(now)) < CALM {
            return true;
        }
        *since = None;
        self.idle.set_calm(false);
        if self.ps.iter().any(|p| !p.remote.is_empty()) {
            self.surplus();
        }
        false
    }

    /// `true`: some P has work that it does not get to.
    fn look_at_ps(&self, seen: &mut [Seen], now: Instant) -> bool {
        let mut stuck = false;
        for (p, old) in self.ps.iter().zip(seen) {
            let Some(holder) = p.holder() else { continue };
            let new = Seen::of(p, now);
            let waiting = new.next != 0 || !p.remote.is_empty();
            if waiting && new.runs == old.runs {
                stuck = true;
                // A spinner finds it, in the queue or as a stale `next`.
                self.surplus();
            }
            if new.tick != old.tick {
                *old = new;
                continue;
            }
            let long = now.duration_since(old.slice_since) >= SLICE;
            if long
                && (waiting || !self.global.is_empty())
                && let Some(m) = self.machines.get(holder)
            {
                m.preempt();
            }
            *old = Seen { slice_since: old.slice_since, ..new };
        }
        stuck
    }

    /// Frees what has been idle for long; tells when there will be more.
    fn housekeep(&self, start: Instant, now: Instant) -> Option<Instant> {
        let seconds = (now - start).as_secs() as u32;
        // Idle since second s means: at least until s + 1 has begun.
        let oldest = match seconds.checked_sub(KEEP + 1) {
            Some(before) => self.free_idle_carriers(before),
            None => self.oldest_idle(),
        }?;
        let due = start + Duration::from_secs(u64::from(oldest + KEEP + 1));
        Some(due.max(now + FIRST_LOOK))
    }
}

impl Seen {
    fn of(p: &crate::p::P, now: Instant) -> Self {
        Self { next: p.remote.peek_next(), runs: p.runs(), tick: p.tick(), slice_since: now }
    }
}
