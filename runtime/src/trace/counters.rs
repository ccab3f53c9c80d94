//! What each P counts.

use super::event::Reason;
use crate::prim::global::{AtomicU64, Ordering};

/// A number that one thread at a time adds to, without an atomic read-modify-write.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// By the holder of the P alone.
    #[inline(always)]
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The most that was told of a number that is made of several, which do not stand still while they are read: what is told never falls.
#[derive(Debug)]
pub(crate) struct Told(AtomicU64);

impl Told {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// What to tell, if it is `least` at least.
    pub(crate) fn at_least(&self, least: u64) -> u64 {
        self.0.fetch_max(least, Ordering::Relaxed).max(least)
    }
}

/// The counters of a P that its holder adds to.
///
/// Runs, spawns and ends are counted by `P` itself, which counts a run when its holder looks for one. What is counted here
/// corrects that, off the hot paths: `misses` looks that found nothing, or what was left of a claimed goroutine;
/// `found` ones that came from elsewhere, without such a look.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) misses: Counter,
    pub(crate) found: Counter,
    /// Goroutines that came to this P in the middle of a run.
    pub(crate) continued: Counter,
    pub(crate) yields: Counter,
    pub(crate) wakes: Counter,
    pub(crate) steals: Counter,
    pub(crate) steal_attempts: Counter,
    pub(crate) global: Counter,
    pub(crate) timers: Counter,
    pub(crate) polls: Counter,
    hand_offs: [Counter; 4],
    /// Not the holder's: of runs that were, and of parks, which are made of the others.
    pub(crate) told_runs: Told,
    pub(crate) told_parks: Told,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            misses: Counter::new(),
            found: Counter::new(),
            continued: Counter::new(),
            yields: Counter::new(),
            wakes: Counter::new(),
            steals: Counter::new(),
            steal_attempts: Counter::new(),
            global: Counter::new(),
            timers: Counter::new(),
            polls: Counter::new(),
            hand_offs: [const { Counter::new() }; 4],
            told_runs: Told::new(),
            told_parks: Told::new(),
        }
    }

    pub(crate) fn hand_off(&self, why: Reason) -> &Counter {
        &self.hand_offs[why as usize]
    }
}
