//! Channels that time fills: what `after` and `tick` receive from.
//!
//! There is no timer behind them. The channel knows when its next value is due; who receives waits
//! until then, and takes it if nobody else has.

use super::gate::Locked;
use crate::prim::UnsafeCell;
use crate::util;
use std::time::{Duration, Instant};

/// When the next value is due.
#[derive(Debug)]
pub(super) struct Clock {
    /// Under the gate's lock. `None`: never again.
    next: UnsafeCell<Option<Instant>>,
    period: Option<Duration>,
}

impl Clock {
    /// Due at `first`, then every `period`; `None`: never, or not again.
    pub(super) fn new(first: Option<Instant>, period: Option<Duration>) -> Self {
        Self { next: UnsafeCell::new(first), period }
    }
}

impl Locked<'_> {
    /// When the channel's clock has the next value.
    pub(super) fn due(&mut self) -> Option<Instant> {
        let clock = self.gate.clock.as_ref()?;
        // SAFETY: the gate's lock is held.
        clock.next.with_mut(|next| unsafe { *next })
    }

    /// Takes the value that is due, if there is one at `now`. A slow reader loses ticks: those that it
    /// missed count as one, and the next comes when it would have come anyway.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due().filter(|at| *at <= now)?;
        let clock = self.gate.clock.as_ref()?;
        let period = clock.period.filter(|_| !self.gate.is_closed());
        let next = period.and_then(|period| {
            let missed = (now - due).as_nanos() / period.as_nanos().max(1);
            due.checked_add(nanoseconds(period.as_nanos() * (missed + 1)))
        });
        // SAFETY: the gate's lock is held.
        clock.next.with_mut(|cell| unsafe { *cell = next });
        Some(due)
    }

    /// The channel was closed: what is due by now is there, and nothing comes after it.
    pub(super) fn stop_clock(&mut self) {
        if let Some(clock) = &self.gate.clock {
            let now = util::now();
            // SAFETY: the gate's lock is held.
            clock.next.with_mut(|cell| unsafe { &mut *cell }.take_if(|at| *at > now));
        }
    }
}

fn nanoseconds(n: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    Duration::new(u64::try_from(n / SECOND).unwrap_or(u64::MAX), (n % SECOND) as u32)
}
