//! Timers: a heap of deadlines for each P, and who sees to it that they come out in time.
//!
//! A deadline goes into the heap of the P that its goroutine runs on. Heaps have a lock each, and
//! anybody may take out what is due, from any of them. Who wakes, on time, is one of these:
//!
//! * **An M that runs goroutines** looks at all heaps when it has nothing else to run, and in every 61st slice; what is due in those of
//!   others who are awake it leaves to them for a while.
//! * **An M that goes to sleep** looks at them once it is in the list of the idle ones, and promises to wake for the
//!   first deadline, unless another sleeper has promised that (`Idle::keep`). So an idle runtime
//!   has one thread that sleeps until the next deadline; when it wakes it takes a P and runs what was due itself:
//!   nobody else has to be woken.
//! * **The monitor**, for a deadline that no sleeper has promised, while some P is held: its holder may be in user
//!   code for long. At the deadline it asks the holders to look, or wakes an M if a P is idle; and until somebody has
//!   taken it out, it counts as work for which a P is taken away from who does not come back (`watch`).
//!
//! # Why no deadline is forgotten
//! Who puts a deadline in runs on an M. As long as that M holds a P, the monitor looks again in time (`monitor::see_to`, and
//! `monitor::expose` where an M that has woken for one deadline, and so broken its promise, runs what that was for). When it goes to sleep,
//! it looks after it has entered the list, hence after its own insertion. When it loses its P or gives it
//! away and stays awake, or never had one, whoever takes the P or puts the deadline in calls
//! [`Sched::cover`]: insertion, fence, look at what is promised; against: promise, fence, look at the heaps
//! (`Idle::keep`). A sleeper that is woken for other reasons breaks its promise; but then it is awake, and
//! looks again when it goes to sleep.

use super::Sched;
use super::due::{Due, Sleeper};
use crate::carrier::Slot;
use crate::m::{self, CurrentM};
use crate::p::Held;
use crate::prim::Mutex;
use crate::prim::atomic::{self, AtomicU64, fence};
use crate::prim::global::Ordering;
use crate::timer::{self, AHEAD, Deadlines};
use crate::trace::Event;
use crate::util;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// No deadline.
pub(super) use crate::timer::NEVER;
/// A deadline of another P's that is so much earlier, in nanoseconds, goes before one of one's own; and it is left alone for no longer.
const FAIR: u64 = 200_000;
/// In one slice of so many, the others' deadlines are looked at while there are some of one's own.
const LOOK: u32 = 16;

/// A century.
const FAR: u64 = 100 * 365 * 86_400 * 1_000_000_000;
const _: () = assert!(FAR < NEVER);

/// Whether a deadline `at` will come, says a clock that shows `now`: one that is later than a century after the start never
/// does, and nobody waits for it.
pub(super) fn comes(at: u64, now: u64) -> bool {
    at <= now.max(FAR)
}

/// Names a deadline, to cancel it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    heap: u32,
    at: u64,
    key: timer::Key,
}

/// One P's deadlines.
#[derive(Debug)]
pub(super) struct Timers {
    heap: Mutex<Deadlines<Due>>,
    /// The first one, in nanoseconds since the scheduler's start. Written under the lock.
    first: AtomicU64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self { heap: Mutex::new(Deadlines::new()), first: AtomicU64::new(NEVER) }
    }
}

impl Sched {
    /// Nanoseconds since the start: 0 before it, and [`NEVER`] after 584 years.
    pub(super) fn ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(NEVER)
    }

    pub(super) fn instant(&self, ns: u64) -> Option<Instant> {
        if ns == NEVER { None } else { self.start.checked_add(Duration::from_nanos(ns)) }
    }

    /// Wakes `slot` at `at`: the caller's own, which waits from now on.
    #[inline(always)]
    pub(crate) fn wake_at(&self, at: Instant, slot: &'static Slot) -> Key {
        self.insert(self.ns(at), Due::Wake(Sleeper::here(slot)))
    }

    #[inline(never)]
    fn insert(&self, at: u64, due: Due) -> Key {
        let index = self.heap_here();
        let (key, first) = {
            let timers = &self.timers[index as usize];
            let (key, first) = timers.insert(&mut timers.heap.lock(), at, due);
            (Key { heap: index, at, key }, first)
        };
        if first {
            self.see_to(at);
        }
        key
    }

    /// The same if `condition` holds under the heap's lock.
    pub(super) fn insert_while(
        &self,
        at: u64,
        due: Due,
        condition: impl FnOnce() -> bool,
    ) -> Option<Key> {
        let index = self.heap_here();
        let timers = &self.timers[index as usize];
        let mut heap = timers.heap.lock();
        condition().then(|| Key { heap: index, at, key: timers.insert(&mut heap, at, due).0 })
    }

    /// The heap for deadlines that the caller puts in.
    fn heap_here(&self) -> u32 {
        match m::current() {
            Some(m) if m.own().home.get() == self.this() => m.own().p.get().map_or(0, |p| p.index),
            _ => 0,
        }
    }

    /// Takes out all for which `is_meant` holds.
    pub(super) fn extract(&self, is_meant: impl Fn(&Due) -> bool) -> Vec<Due> {
        let of = |timers: &Timers| {
            let mut heap = timers.heap.lock();
            let taken = heap.extract(&is_meant);
            timers.note_first(&heap);
            taken
        };
        self.timers.iter().flat_map(of).collect()
    }

    /// Does not wake its slot at `at`, after all. `None`: it has.
    pub(crate) fn cancel_wake(&self, key: Key) -> Option<Due> {
        self.timers[key.heap as usize].cancel_wake(key.at, key.key)
    }

    /// The deadline does not come, after all. `None`: it has.
    pub(super) fn cancel(&self, key: Key) -> Option<Due> {
        self.timers[key.heap as usize].cancel(key.key)
    }

    /// Who wakes when, of those that wait now.
    pub(super) fn deadlines(&self) -> HashMap<*const Slot, Instant> {
        let mut all = HashMap::new();
        for timers in &self.timers {
            for (due, at) in timers.heap.lock().iter() {
                if let (Due::Wake(sleeper), Some(at)) = (due, self.instant(at)) {
                    all.insert(std::ptr::from_ref(sleeper.slot()), at);
                }
            }
        }
        all
    }

    /// Whether one will [come](comes).
    pub(super) fn has_deadlines(&self) -> bool {
        self.timers.iter().any(|timers| comes(timers.heap.lock().first(), 0))
    }

    /// The first deadline of all.
    pub(super) fn earliest(&self) -> u64 {
        self.timers.iter().map(Timers::first).min().unwrap_or(NEVER)
    }

    /// Somebody sleeps who wakes for the first deadline, and who watches the sockets: if not, one is woken,
    /// to promise it.
    ///
    /// For who puts a deadline in and neither sleeps nor holds a P, and for who puts a P down and
    /// does not sleep.
    #[cold]
    pub(super) fn cover(&self) {
        fence(atomic::Ordering::SeqCst);
        let in_time = match self.is_lab() {
            true => !self.turns(),
            false => self.earliest() >= self.idle.promised(),
        };
        let covered = in_time && !self.is_deaf();
        if !covered && self.idle.wants_wake() {
            self.wake_one();
        }
    }

    /// Makes runnable what is due first: it is in the P's `next` then. `true`: something was.
    ///
    /// One at a time, for all of them at once would stand at the end of the P's queue, behind who
    /// came later. What else is due is taken out slice by slice (`Own::due`), or by others, who are
    /// woken for it (but see `flow`).
    ///
    /// While several are due in the P's own heap, the others' are looked at in one slice of [`LOOK`]: they are written all the time by
    /// who is at them, and each look would wait for that. And what is due there [may wait](Self::may_wait).
    #[inline]
    pub(super) fn run_timer(&self, m: CurrentM) -> bool {
        if let Some(p) = m.own().p.get() {
            let own = &self.timers[p.index as usize];
            let seen = p.own().seen.get();
            if own.first() <= seen && p.tick() % LOOK != 0 {
                let due = own.pop(seen);
                let next = own.first();
                let next = if next <= seen { next } else { self.earliest() };
                return self.run_due(m, due, next, seen, true);
            }
        }
        let earliest = self.earliest();
        earliest != NEVER && self.run_first(m, earliest, self.may_wait(m))
    }

    /// The same, for who has found nothing else to do.
    #[inline]
    pub(super) fn run_any_timer(&self, m: CurrentM) -> bool {
        let earliest = self.earliest();
        earliest != NEVER && self.run_first(m, earliest, 0)
    }

    /// For so long, in nanoseconds, what is due in another P's heap is left to who holds that P, if all are held: he is at it. The heap
    /// and what comes out of it are in his cache; what he has begun and queued is better taken, for it sleeps here then. (Measured
    /// with the pool's sleepers and two procs: half of all were taken from the other heap; 2.5 -> 1.9 us of processor time a task.)
    fn may_wait(&self, m: CurrentM) -> u64 {
        let all_held = self.idle.idle_ps() == 0;
        if all_held && !m.own().timed.get() && !self.is_lab() { FAIR } else { 0 }
    }

    #[inline(never)]
    fn run_first(&self, m: CurrentM, earliest: u64, may_wait: u64) -> bool {
        let p = m.own().p.get();
        // What was due when the clock was last read still is: it is not read again for that.
        let seen = p.map_or(0, |p| p.own().seen.get());
        let was_seen = earliest <= seen;
        let now = if was_seen { seen } else { self.see(p) };
        let mut due = None;
        if earliest <= now {
            let own = p.map(|p| &self.timers[p.index as usize]);
            // Its own heap is the one that is hot, and nobody else's lock; but no heap is left alone.
            let kept = own.filter(|own| own.first() <= now.min(earliest + FAIR));
            let first = || self.timers.iter().min_by_key(|timers| timers.first());
            let late = |timers: &&Timers| timers.first().saturating_add(may_wait) <= now;
            due = kept.or_else(|| first().filter(late)).and_then(|timers| timers.pop(now));
            if due.is_none()
                && may_wait != 0
                && let Some(p) = p
            {
                if was_seen {
                    self.see(Some(p));
                }
                p.own().due.set(Due::AFTER_ONE);
                return false;
            }
        }
        self.run_due(m, due, self.earliest(), now, was_seen)
    }

    /// Reads the clock, for the holder of `p`.
    fn see(&self, p: Option<Held>) -> u64 {
        let now = self.ns(util::now());
        p.iter().for_each(|p| p.own().seen.set(now));
        now
    }

    /// What was `due` has been taken out, and the `next` one is known; the clock showed `now`, perhaps some time ago.
    #[inline]
    fn run_due(&self, m: CurrentM, due: Option<Due>, next: u64, now: u64, was_seen: bool) -> bool {
        let p = m.own().p.get();
        let now = if was_seen && next > now && next != NEVER { self.see(p) } else { now };
        let more = due.is_some() && next <= now;
        if let Some(p) = p
            && p.own().due.replace(if more { Due::AFTER_ONE } else { 0 }) == 0
            && more
        {
            self.leave_due(next, now);
        }
        let Some(due) = due else { return false };
        if let Some(p) = p {
            p.counters.timers.add_one();
            if !more {
                self.expose(next, now);
            }
        }
        self.tell_here(|| Event::Timer);
        self.fire(due);
        true
    }
}

impl Timers {
    pub(super) fn len(&self) -> usize {
        self.heap.lock().len()
    }

    fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }

    /// Into its own heap, which the caller has locked. `true`: it is the first of them.
    #[inline]
    fn insert(&self, heap: &mut Deadlines<Due>, at: u64, due: Due) -> (timer::Key, bool) {
        let (key, first) = heap.insert(at, due);
        if first {
            self.note_first(heap);
        }
        (key, first)
    }

    /// The deadline `at`, which is somebody's own, does not come, after all. `None`: it has.
    ///
    /// Who was woken by the deadline mostly sees without the lock that it is no longer there: `first` is later. If the deadline were still
    /// there, so it would have been whenever `first` was written since it was put in, and `first` would not be later; nor was it before, if
    /// it was not written then. (The model in `loom_tests` checks this.)
    #[inline]
    pub(super) fn cancel_wake(&self, at: u64, key: timer::Key) -> Option<Due> {
        if self.first() > at {
            return None;
        }
        self.cancel(key)
    }

    fn cancel(&self, key: timer::Key) -> Option<Due> {
        let mut heap = self.heap.lock();
        let due = heap.cancel(key)?;
        self.note_first(&heap);
        Some(due)
    }

    #[cfg(all(test, loom))]
    pub(super) fn put(&self, at: u64, due: Due) -> timer::Key {
        self.insert(&mut self.heap.lock(), at, due).0
    }

    /// The caller holds the lock.
    #[inline]
    fn note_first(&self, heap: &Deadlines<Due>) {
        self.first.store(heap.first(), Ordering::Relaxed);
    }

    /// Takes out the first one, if it is due at `now`.
    pub(super) fn pop(&self, now: u64) -> Option<Due> {
        if self.first() > now {
            return None;
        }
        let mut heap = self.heap.lock();
        let due = heap.pop_due(now);
        self.note_first(&heap);
        let mut coming = heap.coming().copied().peekable();
        if coming.peek().is_none() {
            return due;
        }
        let mut next = [None; AHEAD];
        next.iter_mut().zip(coming).for_each(|(next, coming)| *next = Some(coming));
        drop(heap);
        next.into_iter().flatten().for_each(Due::prefetch);
        due
    }
}
