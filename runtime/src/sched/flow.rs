//! Where deadlines come thick and fast: one M takes them as they come, several at a time.
//!
//! To wake a thread costs more than to run what most deadlines are for. So where some thousand come in a second, a *dense*
//! flow, who wakes does so a little after the first one, for several together (`vigil`), and the M that is awake runs
//! them one after the other: it wakes no other for what else is due, as long as that is not [`LAG`] late.
//!
//! It may be long in coming back, if a goroutine blocks or burns. While the flow is dense the monitor looks every
//! millisecond for deadlines that are [`LAG`] late, and wakes an M or asks the holders, as for any late deadline.
//! The monitor ends the dense time when few come, and looks at the deadlines once more before it takes longer looks. That is
//! again store, fence, load: `dense := false; fence; a P held, and a deadline that nobody has promised?`
//! against `P held; deadline in; fence; dense?`. Either the monitor sees to what is left behind, or who would leave it wakes an M.

use super::Sched;
use crate::prim::atomic::{self, AtomicBool, fence};
use crate::prim::global::Ordering;
use std::time::{Duration, Instant};

/// In a dense flow this is how late a deadline may be, in nanoseconds, until somebody is woken for it while another is at it.
pub(super) const LAG: u64 = 300_000;
/// So long after the first deadline a sleeper is awake in a dense flow.
pub(super) const TOGETHER: Duration = Duration::from_micros(60);
/// Deadlines in a millisecond that make a flow dense; half as many keep it so. What the monitor's looks cost is less
/// than what is saved then.
const DENSE: u32 = 4;
/// So long the monitor counts at least.
const WINDOW: Duration = Duration::from_millis(5);

/// Whether the flow is dense.
pub(super) struct Flow(AtomicBool);

impl Flow {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    pub(super) fn is_dense(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The caller holds a P. Whether it may leave what is due to the monitor.
    pub(super) fn leaves(&self) -> bool {
        fence(atomic::Ordering::SeqCst);
        self.is_dense()
    }

    /// The monitor's: if it is no longer dense, the monitor looks at the deadlines afterwards.
    pub(super) fn set(&self, dense: bool) {
        self.0.store(dense, Ordering::Relaxed);
        fence(atomic::Ordering::SeqCst);
    }
}

/// The monitor's count.
pub(super) struct Gauge {
    since: Instant,
    fired: u64,
}

impl Gauge {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, fired: 0 }
    }

    /// `fired` deadlines have come by `now`. Whether the flow, which `was` dense or not, is so.
    fn read(&mut self, was: bool, fired: u64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        if passed < WINDOW {
            return was;
        }
        let came = u128::from(fired - self.fired) * 1_000_000;
        (self.since, self.fired) = (now, fired);
        came >= passed.as_nanos() * u128::from(if was { DENSE / 2 } else { DENSE })
    }
}

impl Sched {
    /// The monitor looks how many deadlines come. Whether the flow is dense.
    pub(super) fn gauge(&self, gauge: &mut Gauge, now: Instant) -> bool {
        // The time of a lab is another clock's.
        if self.is_lab() {
            return false;
        }
        let was = self.flow.is_dense();
        let fired = self.ps.iter().map(|p| p.counters.timers.get()).sum();
        let dense = gauge.read(was, fired, now);
        if dense != was {
            self.flow.set(dense);
        }
        dense
    }

    /// What is due next was so at `next`, and the caller runs something else first: somebody is woken for it, unless the flow is dense.
    pub(super) fn leave_due(&self, next: u64, now: u64) {
        if now.saturating_sub(next) >= LAG || !self.flow.leaves() {
            self.surplus();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_dense_from_a_rate_on_and_until_half_of_it() {
        let start = Instant::now();
        let mut gauge = Gauge::new(start);
        let mut read = |was, fired, ms| gauge.read(was, fired, start + Duration::from_millis(ms));
        assert!(!read(false, 39, 10));
        assert!(!read(false, 1_000, 12), "it has not counted for long enough");
        assert!(read(false, 1_000, 20));
        assert!(read(true, 1_020, 30));
        assert!(!read(true, 1_039, 40));
    }
}
