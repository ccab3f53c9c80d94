//! Channels that time fills: what `after`, `tick`, `Timer` and `Ticker` receive from.
//!
//! There is no timer behind them, and nothing runs when nobody receives. The channel knows when its
//! next value is due; who receives waits until then, and takes it if nobody else has.
//!
//! A bell (`Core::bell`) has no values: it counts as closed from the moment at which it is due.
//!
//! The time can be moved (Go's `Stop` and `Reset`). A value does not lie in the channel: it is there when
//! the clock, under the gate's lock, says so. So once the time was moved, no value of the old
//! one is ever received. Who waits has reckoned with the old time: if the new one is earlier, all of them look
//! again; if it is later, they wake once for nothing.

use super::gate::{End, Gate, Line, Locked, RECEIVERS, RECV_WATCHERS, Side};
use crate::prim::UnsafeCell;
use crate::util;
use std::time::{Duration, Instant};

/// When the next value is due.
#[derive(Debug)]
pub(super) struct Clock {
    /// Under the gate's lock.
    times: UnsafeCell<Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// `None`: never again.
    next: Option<Instant>,
    /// Whether a value is to come, if perhaps beyond the clock's range.
    is_armed: bool,
    period: Option<Duration>,
}

impl Times {
    const HALTED: Self = Self { next: None, is_armed: false, period: None };
}

impl Clock {
    /// Due at `first`, then every `period`; `None`: never, or not again.
    pub(super) fn new(first: Option<Instant>, period: Option<Duration>) -> Self {
        Self { times: UnsafeCell::new(Times { next: first, is_armed: true, period }) }
    }
}

impl Locked<'_> {
    fn times(&mut self) -> Option<&mut Times> {
        let clock = self.gate.clock.as_ref()?;
        // SAFETY: the gate's lock is held, and by `&mut self` this is the only reference.
        Some(clock.times.with_mut(|times| unsafe { &mut *times }))
    }

    /// When the channel's clock has the next value.
    pub(super) fn due(&mut self) -> Option<Instant> {
        self.times()?.next
    }

    /// Whether it has one now.
    pub(super) fn is_due(&mut self) -> bool {
        self.due().is_some_and(|at| at <= util::now())
    }

    /// Takes the value that is due, if there is one at `now`. A slow reader loses ticks: those that it
    /// missed count as one, and the next comes when it would have come anyway.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        let closed = self.gate.is_closed();
        let times = self.times()?;
        let due = times.next.filter(|at| *at <= now)?;
        let period = times.period.filter(|_| !closed);
        times.next = period.and_then(|period| {
            let missed = (now - due).as_nanos() / period.as_nanos().max(1);
            due.checked_add(nanoseconds(period.as_nanos() * (missed + 1)))
        });
        times.is_armed = period.is_some();
        Some(due)
    }

    /// The channel was closed: what is due by now is there, and nothing comes after it.
    pub(super) fn stop_clock(&mut self) {
        if let Some(times) = self.times() {
            let now = util::now();
            times.next.take_if(|at| *at > now);
            times.is_armed = times.next.is_some();
        }
    }
}

impl Gate {
    /// Of a clock's channel: the next value comes at `next`, which may be never, and from then on every `period`. Returns
    /// whether one was still to come, or to be received.
    pub(super) fn set_clock(&self, next: Option<Instant>, period: Option<Duration>) -> bool {
        self.change_clock(Times { next, is_armed: true, period })
    }

    /// No value comes any more. Returns the same.
    pub(super) fn halt_clock(&self) -> bool {
        self.change_clock(Times::HALTED)
    }

    fn change_clock(&self, new: Times) -> bool {
        let mut locked = self.lock();
        // A clock that was closed stands.
        let new = if self.is_closed() { Times::HALTED } else { new };
        let Some(times) = locked.times() else { return false };
        let old = std::mem::replace(times, new);
        let is_earlier = new.next.is_some_and(|next| old.next.is_none_or(|old| next < old));
        let waited_for = self.flags() & (RECEIVERS | RECV_WATCHERS) != 0;
        drop(locked);
        // Who queues from here on has seen the new time.
        if is_earlier && waited_for {
            self.release_line(Line::Cases(Side::Recv), End::Again);
            self.release_line(Line::Watchers(Side::Recv), End::Again);
        }
        old.is_armed
    }
}

fn nanoseconds(n: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    Duration::new(u64::try_from(n / SECOND).unwrap_or(u64::MAX), (n % SECOND) as u32)
}
