//! What a lab with a seed knows of its goroutines, and what it has drawn.
//!
//! Goroutines are numbered from 1 in the order in which they were first seen runnable, for their ids are the process's and
//! differ from run to run. [`Script::left`] says why one did not go on, from what is there to be seen afterwards: so the ways that
//! every goroutine goes have nothing to tell.

use super::super::Why;
use super::log::{Cause, Schedule, Switch, Who};
use super::strategy::Strategy;
use crate::carrier::{self, Slot};
use crate::g::{GRef, Runnable};
use crate::prim::global::Ordering;
use crate::util::Rng;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::time::Duration;

/// Notes that are kept.
const NOTES: usize = 8;

pub(super) struct Script {
    rng: Rng,
    strategy: Strategy,
    schedule: Schedule,
    /// The run has ended, and what is drawn from now on is no part of the schedule.
    closed: bool,
    /// Draws and points that are left.
    left: u64,
    limit: u64,
    numbers: HashMap<u64, usize>,
    /// Where they wait.
    slots: HashMap<usize, &'static Slot>,
    /// The number and the id of who runs.
    running: Option<(usize, u64)>,
    /// Who ran last, and why it does not go on.
    from: Option<(usize, Cause)>,
    /// Who goes on has been drawn, and what was done before: see [`Script::stop`].
    picked: Option<(usize, &'static str)>,
    /// Of the runnables, in the queue's order.
    crowd: Vec<usize>,
}

impl Script {
    pub(super) fn new(seed: u64, limit: u64) -> Self {
        let rng = Rng::seeded(seed);
        Self {
            strategy: Strategy::new(&rng),
            rng,
            schedule: Schedule::new(seed),
            closed: false,
            left: limit,
            limit,
            numbers: HashMap::new(),
            slots: HashMap::new(),
            running: None,
            from: None,
            picked: None,
            crowd: Vec::new(),
        }
    }

    /// A number below `n`, for who asks.
    pub(super) fn throw(&mut self, n: usize) -> usize {
        let thrown = self.rng.below(n);
        self.drawn(n, thrown);
        thrown
    }

    /// The number of the goroutine with that id; the id itself if it was never seen.
    pub(super) fn number_of(&self, id: u64) -> u64 {
        self.numbers.get(&id).map_or(id, |number| *number as u64)
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn note(&mut self, what: String) {
        let notes = &mut self.schedule.notes;
        if !self.closed && notes.len() < NOTES && !notes.contains(&what) {
            notes.push(what);
        }
    }

    pub(super) fn schedule(&self, seed: u64) -> Schedule {
        debug_assert_eq!(seed, self.schedule.seed);
        self.schedule.clone()
    }

    /// Counts a draw or a point; `Some`: there were so many that the run is taken to be without end.
    pub(super) fn spend(&mut self) -> Option<u64> {
        self.left = self.left.saturating_sub(1);
        (self.left == 0 && !self.closed).then_some(self.limit)
    }

    /// The queue is looked at anew.
    pub(super) fn begin(&mut self) {
        self.crowd.clear();
    }

    /// The next one in the queue.
    pub(super) fn add(&mut self, runnable: Runnable) {
        let number = match runnable {
            Runnable::Fresh(g) => self.number(g),
            Runnable::Started(slot) => match NonNull::new(slot.job()) {
                Some(job) => {
                    let number = self.number(GRef::from_ptr(job.cast()));
                    self.slots.insert(number, slot);
                    number
                }
                None => crate::util::bug(format_args!("a carrier without a job is runnable")),
            },
        };
        self.crowd.push(number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.crowd.is_empty()
    }

    fn number(&mut self, g: GRef) -> usize {
        // SAFETY: it lies in a queue of the P whose holder the caller is, or runs there: its runtime side keeps it alive.
        let g = unsafe { g.get() };
        let who = &mut self.schedule.who;
        *self.numbers.entry(g.id()).or_insert_with(|| {
            let site = (!who.is_empty()).then(|| g.site());
            who.push(Who { name: g.name().cloned(), site });
            who.len()
        })
    }

    /// Whether the goroutine on `slot` makes way for one in the queue, behind the call `what`.
    pub(super) fn stop(&mut self, slot: &'static Slot, what: &'static str) -> bool {
        let Some(job) = NonNull::new(slot.job()) else { return false };
        let running = self.number(GRef::from_ptr(job.cast()));
        self.slots.insert(running, slot);
        if self.crowd.is_empty() {
            return false;
        }
        let place = self.strategy.stop(&self.rng, running, &self.crowd);
        self.drawn(self.crowd.len() + 1, place.map_or(0, |at| at + 1));
        self.picked = place.map(|at| (at, what));
        place.is_some()
    }

    /// The goroutine that ran is off its stack: why. `ended`: it was at its end.
    pub(super) fn leave(&mut self, home: *const (), ended: bool) {
        let Some((number, id)) = self.running.take() else { return };
        let cause =
            if let Some((_, what)) = self.picked {
                Cause::Stopped(what)
            } else if ended {
                self.slots.remove(&number);
                Cause::Ends
            } else if self.crowd.contains(&number) {
                Cause::Yields
            } else {
                let slot = self.slot(number, id, home);
                Cause::Waits(slot.map_or("nothing yet", |slot| {
                    Why::name_of(slot.reason.load(Ordering::Relaxed))
                }))
            };
        self.from = Some((number, cause));
    }

    /// Where the goroutine waits. One that has never passed here is looked for.
    fn slot(&mut self, number: usize, id: u64, home: *const ()) -> Option<&'static Slot> {
        if let Some(slot) = self.slots.get(&number) {
            return Some(slot);
        }
        carrier::for_each(|slot| {
            if slot.home() == home && slot.id.load(Ordering::Relaxed) == id {
                self.slots.insert(number, slot);
            }
        });
        self.slots.get(&number).copied()
    }

    /// The place in the queue of who goes on. The queue is not empty.
    pub(super) fn next(&mut self, at: Duration) -> usize {
        let yielded = match self.from {
            Some((number, Cause::Yields)) => Some(number),
            _ => None,
        };
        let place = match self.picked.take() {
            Some((place, _)) if place < self.crowd.len() => place,
            _ => {
                let place = self.strategy.next(&self.rng, &self.crowd, yielded);
                self.drawn(self.crowd.len(), place);
                place
            }
        };
        let to = self.crowd[place];
        let (from, cause) = self.from.take().unzip();
        if !self.closed && from != Some(to) {
            let cause = cause.unwrap_or(Cause::Start);
            let step = self.schedule.steps;
            self.schedule.switch(Switch { step, at, from, cause, to });
        }
        place
    }

    /// It runs from now on.
    pub(super) fn runs(&mut self, place: usize, runnable: Runnable) {
        let id = match runnable {
            // SAFETY: it has just come out of the queue: we are its runtime side.
            Runnable::Fresh(g) => unsafe { g.get() }.id(),
            Runnable::Started(slot) => slot.id.load(Ordering::Relaxed),
        };
        self.running = Some((self.crowd[place], id));
    }

    fn drawn(&mut self, of: usize, what: usize) {
        if !self.closed {
            self.schedule.digest((of as u64) << 32 | what as u64);
        }
    }
}
