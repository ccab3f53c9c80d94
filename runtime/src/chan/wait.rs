//! Waiting for one channel. The protocol stands in [`gate`](super::gate).

use super::gate::{CLOCK, End, Gate, Line, Locked, Node, Op, Side, Step};
use super::offer::Kept;
use crate::carrier::Slot;
use crate::wait::{self, Here, Until, Watch, Why};
use std::time::Instant;

/// One thing to do with one channel, whatever it carries.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub(super) gate: &'a Gate,
    pub(super) core: *const (),
    pub(super) value: *mut (),
    pub(super) side: Side,
    /// One look at the channel.
    ///
    /// # Safety
    /// `core` and `value` are this case's, and `locked` its gate's.
    pub(super) look: Look,
    /// Gives a place that has become free to the first sender who waits.
    ///
    /// # Safety
    /// `core` is this case's, and `locked` its gate's.
    pub(super) refill: unsafe fn(*const (), &mut Locked<'_>) -> Step,
}

/// One look at a channel; see [`Case`].
pub(super) type Look = unsafe fn(*const (), &mut Locked<'_>, *mut ()) -> Step;

/// How a case has happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) end: End,
    /// Of an offer that has passed.
    pub(super) kept: Kept,
}

impl<'a> Case<'a> {
    /// One look at the channel.
    #[inline]
    pub(super) fn look(&self, locked: &mut Locked<'_>) -> Step {
        debug_assert!(std::ptr::eq(self.gate, locked.gate));
        if self.is_offer() {
            return locked.offer();
        }
        // SAFETY: the three belong together, and who made the case keeps its value in place.
        unsafe { (self.look)(self.core, locked, self.value) }
    }

    /// What is left to do of a look, once the lock is free: wakes, tells, or waits for an offer that was
    /// claimed. `None`: nothing has happened.
    pub(super) fn settle(&self, step: Step) -> Option<Done> {
        let end = match step {
            Step::Passed => End::Passed,
            Step::Wake(slot) => {
                wait::wake(slot);
                End::Passed
            }
            Step::Watched => {
                self.gate.notify(self.side.other());
                End::Passed
            }
            Step::Claimed(node) if self.is_offer() => {
                return Some(Done { end: End::Passed, kept: Some(node) });
            }
            Step::Claimed(node) => self.meet(node),
            Step::Closed => End::Closed,
            Step::Blocked => return None,
        };
        (end != End::Again).then_some(Done { end, kept: None })
    }

    /// The same; if the offer was withdrawn, it looks for something else. `None`: it would have to wait.
    pub(super) fn settle_or_look(&self, step: Step) -> Option<End> {
        self.settle(step).map(|done| done.end).or_else(|| self.look_again().ok())
    }

    /// Looks until the case has happened, or gives the lock back under which it would have to wait.
    fn look_again(&self) -> Result<End, Locked<'a>> {
        loop {
            let mut locked = self.gate.lock();
            let step = self.look(&mut locked);
            if let Step::Blocked = step {
                return Err(locked);
            }
            drop(locked);
            if let Some(done) = self.settle(step) {
                return Ok(done.end);
            }
        }
    }

    /// Goes on after a look, under the lock that the caller hands in, that was not the end: settles it,
    /// or waits until the case has happened, or `until` is over.
    ///
    /// The way to the switch is inlined: each frame between it and the user's costs a return that the
    /// processor does not foresee.
    #[inline(always)]
    pub(super) fn go_on(self, here: Here, step: Step, locked: Locked<'a>, until: Until<'_>) -> End {
        if let (Step::Blocked, Some(slot)) = (step, here.slot()) {
            return self.block_on(slot, locked, until);
        }
        // In registers: nothing of it is made where the call is not.
        let (at, watch) = until.parts();
        self.go_on_slowly(step, locked, at, watch)
    }

    #[cold]
    #[inline(never)]
    fn go_on_slowly(
        self,
        step: Step,
        locked: Locked<'a>,
        at: Option<Instant>,
        watch: Option<&Watch<'_>>,
    ) -> End {
        let until = Until::of(at, watch);
        // A thread may have to be lent a slot first, which is not done under the lock.
        drop(locked);
        if let Some(done) = self.settle(step) {
            wait::checkpoint("after a channel operation");
            return done.end;
        }
        wait::with(|slot| match self.look_again() {
            Ok(end) => end,
            Err(locked) => self.block_on(slot, locked, until),
        })
    }

    #[inline(always)]
    fn block_on(self, slot: &'static Slot, mut locked: Locked<'a>, until: Until<'_>) -> End {
        let why = if self.side == Side::Send { Why::ChanSend } else { Why::ChanRecv };
        let why = why.on(self.gate);
        let line = Line::Cases(self.side);
        loop {
            let op = Op::one(slot);
            let node = Node::new(&op, 0, self.value);
            // SAFETY: every way out of this block takes the node out of the queue, or has seen the
            // op done, which it is only when it was taken out.
            unsafe { locked.enqueue(&node, line) };
            let mut sooner = until;
            if self.gate.flags() & CLOCK != 0 {
                sooner = until.or_at(locked.due());
            }
            drop(locked);
            self.gate.notify(self.side.other());
            let end = loop {
                if wait::to_be_unwound(slot) {
                    if op.give_up_alone(&node, self.side, &mut self.gate.lock()) {
                        return End::Cancelled;
                    }
                    break op.outlast(why).1;
                }
                wait::rest(slot, why, sooner);
                if let Some((_, end)) = op.done() {
                    break end;
                }
                if sooner.is_over() {
                    if op.give_up_alone(&node, self.side, &mut self.gate.lock()) {
                        break End::Again;
                    }
                    break op.outlast(why).1;
                }
            };
            if end != End::Again {
                return end;
            }
            locked = match self.look_again() {
                Ok(end) => return end,
                Err(locked) => locked,
            };
            if until.is_over() {
                return End::TimedOut;
            }
        }
    }
}

impl Gate {
    /// The channel was closed: releases everybody who waits.
    pub(super) fn release_all(&self) {
        for side in [Side::Recv, Side::Send] {
            // A clock's value may have become due while they rest: they look for it.
            let end = if self.clock.is_some() { End::Again } else { End::Closed };
            self.release_line(Line::Cases(side), end);
            self.release_line(Line::Watchers(side), End::Again);
        }
    }

    /// The channel may have become ready for `side`: those who watch for it look again. Without the lock.
    #[inline(always)]
    pub(super) fn notify(&self, side: Side) {
        if self.is_watched(side) {
            self.release_line(Line::Watchers(side), End::Again);
        }
    }

    /// Ends the waits of all in a queue.
    ///
    /// Who is to look again may find nothing, and be in the queue again before the last one is out of it. So of those only as
    /// many are released as there are now: else they and the caller might keep each other busy for ever.
    #[inline(never)]
    pub(super) fn release_line(&self, line: Line, end: End) {
        const BATCH: usize = 32;
        let mut left = match end {
            End::Again => self.lock().queue(line).0.iter().count(),
            _ => usize::MAX,
        };
        while left > 0 {
            let mut woken = [None; BATCH];
            let room = BATCH.min(left);
            {
                let mut locked = self.lock();
                for place in &mut woken[..room] {
                    *place = locked.claim_first(line).map(|node| {
                        // SAFETY: claimed just now.
                        unsafe { node.finish(end) }
                    });
                    if place.is_none() {
                        break;
                    }
                }
            }
            let full = woken[room - 1].is_some();
            woken.into_iter().flatten().for_each(wait::wake);
            if !full {
                break;
            }
            left -= room;
        }
    }
}
