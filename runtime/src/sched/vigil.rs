//! The last microseconds before a deadline: how much earlier a sleeper asks to be woken, and how much is spent awake.
//!
//! The kernel wakes a thread late. So a sleeper asks to be woken earlier, by a part of what it has seen, and waits for
//! the rest awake, looking for work. That is for few deadlines. Where thousands come in a second, somebody would be
//! awake for the next one all the time: what is spent so is limited, and beyond it sleepers wake late, for several deadlines at once.

use super::timers::NEVER;
use super::{Sched, flow};
use crate::m::CurrentM;
use crate::prim::global::{AtomicU32, AtomicU64, Ordering};
use crate::{sys, util};
use std::time::{Duration, Instant};

/// To sleep and to be woken takes longer than this, in nanoseconds: who waits for so near a deadline stays awake.
const NEAR: u32 = 20_000;
/// A sleeper asks to be woken so much earlier than it must be, at most.
const EARLIEST: u32 = 60_000;

/// One part in so many of one processor's time.
const SHARE: u64 = 8;
/// Nanoseconds at once.
const BURST: u64 = 2_000_000;
/// So much later a sleeper wakes when the limit is reached.
const TOGETHER: Duration = Duration::from_micros(100);

/// How late the kernel wakes a thread that sleeps until a deadline: a running average, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Lateness(AtomicU32);

impl Lateness {
    /// The kernel was asked for `asked`, and it is `now`. One that was far too late was kept from running by others,
    /// and says little.
    pub(super) fn note(&self, asked: Instant, now: Instant) {
        let late = now.saturating_duration_since(asked).as_nanos().min(4 * u128::from(EARLIEST));
        let before = self.0.load(Ordering::Relaxed);
        // Two at once lose one of them.
        self.0.store(before - before / 8 + late as u32 / 8, Ordering::Relaxed);
    }

    /// So much earlier a sleeper should ask to be woken: less than what is to be expected, for the rest is spent awake.
    fn lead(&self) -> u32 {
        (self.0.load(Ordering::Relaxed) / 4 * 3).min(EARLIEST)
    }
}

/// How much is spent awake before deadlines, of all Ms together: in the long run one part in [`SHARE`] of one processor's time, and
/// [`BURST`] at once. A ticker or two stay far below that.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// By then what has been spent will have been earned again (the generic cell rate algorithm).
    earned: AtomicU64,
}

impl Vigil {
    fn allows(&self, now: u64) -> bool {
        self.earned.load(Ordering::Relaxed) < now.saturating_add(BURST)
    }

    /// From `start` to `end` somebody was awake.
    fn note(&self, start: u64, end: u64) {
        let cost = SHARE.saturating_mul(end.saturating_sub(start));
        let spent = |earned: u64| Some(earned.max(start).saturating_add(cost));
        let _ = self.earned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }
}

impl Sched {
    /// When a sleeper that is to be awake at `at` should ask to be woken: earlier, to be awake in time, or a little later, where so
    /// many deadlines come that one waking serves several.
    pub(super) fn ahead_of(&self, at: Instant) -> Instant {
        let lead = Duration::from_nanos(self.lateness.lead().into());
        if self.flow.is_dense() {
            return at + flow::TOGETHER - lead.min(flow::TOGETHER);
        }
        if !self.vigil.allows(self.ns(at)) {
            return at.checked_add(TOGETHER).unwrap_or(at);
        }
        at.checked_sub(lead).unwrap_or(at)
    }

    /// Waits for the first deadline, awake, if it is near and there is nothing else to do. `true`: it is time to look again.
    #[inline]
    pub(super) fn linger(&self, m: CurrentM) -> bool {
        let earliest = self.earliest();
        earliest != NEVER && self.linger_until(m, earliest)
    }

    #[inline(never)]
    fn linger_until(&self, m: CurrentM, earliest: u64) -> bool {
        let near = u64::from(self.lateness.lead().max(NEAR));
        let start = self.ns(util::now());
        // The time of a lab does not come by waiting.
        if earliest > start + near || !sys::has_many_cpus() || self.is_lab() {
            return false;
        }
        if earliest <= start {
            return true;
        }
        if self.flow.is_dense() || !self.vigil.allows(start) {
            return false;
        }
        let mut now = start;
        while now < earliest && !self.any_work(false) && !self.has_line(m.id) {
            crate::prim::spin_hint();
            now = self.ns(util::now());
        }
        self.vigil.note(start, now.min(earliest));
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_awake_is_limited_and_comes_back() {
        let vigil = Vigil::default();
        let mut now = 1_000_000_000;
        assert!(vigil.allows(now));
        // A ticker a millisecond, awake for 60 us before each tick, may go on for ever.
        for _ in 0..10_000 {
            assert!(vigil.allows(now));
            vigil.note(now, now + 60_000);
            now += 1_000_000;
        }
        // Who is awake whenever that is allowed is so for an eighth of the time.
        let (end, mut spent) = (now + 1_000_000_000, 0);
        while now < end {
            if vigil.allows(now) {
                vigil.note(now, now + 10_000);
                spent += 10_000;
            }
            now += 10_000;
        }
        // The last deadlines that there are.
        assert!(vigil.allows(u64::MAX - 1));
        vigil.note(u64::MAX - 2, u64::MAX - 1);
        let share = 1_000_000_000 / SHARE;
        assert!((share..share + BURST / SHARE + 20_000).contains(&spent), "{spent} ns in a second");
    }
}
