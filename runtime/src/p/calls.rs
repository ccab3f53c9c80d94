//! Whether it is worth a wake-up that something lies alone in a P's `next`: see `sched::idle`.
//!
//! All of this is a hint. The fields are atomic because others look on, and whoever writes last is right.

use crate::prim::global::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Runs that are as long as this, on the average, are worth a wake-up for who waits behind one. Partners that talk in batches have
/// runs of tens of microseconds, and are better off on one processor.
pub(crate) const LONG_RUN: Duration = Duration::from_micros(100);

/// So many wake-ups in a row may be in vain.
const MOST: u32 = 16;

/// How many more Ms may be woken for a lone `next`.
#[derive(Debug)]
pub(crate) struct Credit(AtomicU32);

impl Credit {
    pub(crate) fn full() -> Self {
        Self(AtomicU32::new(MOST))
    }

    pub(crate) fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline(always)]
    pub(crate) fn is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Somebody is woken.
    pub(crate) fn spend(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    /// One was worth it, or would have been.
    pub(crate) fn renew(&self) {
        self.0.store(MOST, Ordering::Relaxed);
    }
}

/// The last time that somebody was woken for the `next` of a P, and what became of that. Runs are told by their number.
#[derive(Debug)]
pub(crate) struct Calls {
    run: AtomicU64,
    /// In nanoseconds since the scheduler's start.
    at: AtomicU64,
    /// Who came found that the same run was still going on.
    answered: AtomicBool,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { run: AtomicU64::new(0), at: AtomicU64::new(0), answered: AtomicBool::new(false) }
    }

    /// Somebody is to be woken. Whether that was worth it the last time: it was answered, and runs have been long since then.
    pub(crate) fn call(&self, run: u64, now: u64) -> bool {
        let was_worth = self.answered.load(Ordering::Relaxed) && self.is_long(run, now);
        self.run.store(run, Ordering::Relaxed);
        self.at.store(now, Ordering::Relaxed);
        self.answered.store(false, Ordering::Relaxed);
        was_worth
    }

    /// Somebody who was woken takes `next`, while `run` is going on.
    pub(crate) fn answer(&self, run: u64) {
        self.answered.store(self.run.load(Ordering::Relaxed) == run, Ordering::Relaxed);
    }

    /// Whether runs have been long since the last call, on the average; the one that goes on counts with what it has taken.
    fn is_long(&self, run: u64, now: u64) -> bool {
        let runs = run.wrapping_sub(self.run.load(Ordering::Relaxed));
        let time = now.saturating_sub(self.at.load(Ordering::Relaxed));
        time / runs.max(1) >= LONG_RUN.as_nanos() as u64
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const LONG: u64 = LONG_RUN.as_nanos() as u64;

    /// Some wake-ups may be in vain, and then none until it is renewed.
    #[test]
    fn credit_is_spent_and_renewed() {
        assert!(!Credit::none().is_left());
        let credit = Credit::full();
        for _ in 0..2 {
            for _ in 0..MOST {
                assert!(credit.is_left());
                credit.spend();
            }
            assert!(!credit.is_left());
            credit.spend();
            assert!(!credit.is_left());
            credit.renew();
        }
        assert!(credit.is_left());
    }

    /// A call is worth it if who comes finds the same run, and runs are long from then on.
    #[test]
    fn what_a_call_was_worth() {
        let calls = Calls::new();
        assert!(!calls.call(7, 1000));
        assert!(!calls.call(7, 1000 + 10 * LONG), "nobody came");
        calls.answer(8);
        assert!(!calls.call(8, 1000 + 20 * LONG), "another run");
        calls.answer(8);
        assert!(!calls.call(8, 1000 + 21 * LONG - 1), "the same run is short");
        calls.answer(8);
        assert!(calls.call(8, 1000 + 22 * LONG - 1), "the same run is long");
        calls.answer(8);
        assert!(calls.call(10, 1000 + 24 * LONG), "two long ones");
        calls.answer(10);
        assert!(!calls.call(13, 1000 + 26 * LONG), "three of two thirds");
    }

    /// An answer tells of one call.
    #[test]
    fn a_call_is_judged_once() {
        let calls = Calls::new();
        calls.call(7, 1000);
        calls.answer(7);
        assert!(calls.call(7, 1000 + LONG));
        assert!(!calls.call(7, 1000 + 3 * LONG), "nobody has answered that one");
    }
}
