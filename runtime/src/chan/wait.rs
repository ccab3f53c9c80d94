//! Waiting for one channel. The protocol stands in [`gate`](super::gate).

use super::gate::{CLOCK, End, Gate, Locked, Node, Op, Side, Step};
use crate::carrier::Slot;
use crate::wait::{self, Here, Why};
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
    pub(super) look: unsafe fn(*const (), &mut Locked<'_>, *mut ()) -> Step,
}

impl<'a> Case<'a> {
    /// One look at the channel.
    #[inline]
    pub(super) fn look(&self, locked: &mut Locked<'_>) -> Step {
        debug_assert!(std::ptr::eq(self.gate, locked.gate));
        // SAFETY: the three belong together, and who made the case keeps its value in place.
        unsafe { (self.look)(self.core, locked, self.value) }
    }

    /// Waits until the case has happened or `deadline`. The caller has looked, under the lock that it
    /// hands in, and would have to wait.
    ///
    /// The way to the switch is inlined: it is one frame below the user's.
    #[inline(never)]
    pub(super) fn block(self, here: Here, locked: Locked<'a>, deadline: Option<Instant>) -> End {
        if let Some(slot) = here.slot() {
            return self.block_on(slot, locked, deadline);
        }
        // A thread may have to be lent a slot first, which is not done under the lock.
        drop(locked);
        wait::with(|slot| {
            let mut locked = self.gate.lock();
            let step = self.look(&mut locked);
            match step.how() {
                None => self.block_on(slot, locked, deadline),
                Some(end) => {
                    step.end(locked);
                    end
                }
            }
        })
    }

    #[inline(always)]
    fn block_on(
        self,
        slot: &'static Slot,
        mut locked: Locked<'a>,
        deadline: Option<Instant>,
    ) -> End {
        let why = if self.side == Side::Send { Why::ChanSend } else { Why::ChanRecv };
        loop {
            let op = Op::one(slot);
            let node = Node::new(&op, 0, self.value);
            // SAFETY: every way out of this block takes the node out of the queue, or has seen the
            // op done, which it is only when it was taken out.
            unsafe { locked.enqueue(&node, self.side) };
            let mut until = deadline;
            if self.gate.flags() & CLOCK != 0 {
                until = [deadline, locked.due()].into_iter().flatten().min();
            }
            drop(locked);
            locked = loop {
                if wait::to_be_unwound(slot)
                    && op.give_up_alone(&node, self.side, &mut self.gate.lock())
                {
                    return End::Cancelled;
                }
                wait::rest(slot, why, until);
                if let Some((_, end)) = op.done() {
                    return end;
                }
                if wait::is_over(until) {
                    let mut locked = self.gate.lock();
                    if op.give_up_alone(&node, self.side, &mut locked) {
                        break locked;
                    }
                }
            };
            let step = self.look(&mut locked);
            if let Some(end) = step.how() {
                step.end(locked);
                return end;
            }
            if wait::is_over(deadline) {
                return End::TimedOut;
            }
        }
    }
}

impl Step {
    /// How a wait ends with this step; `None`: it does not.
    #[inline]
    pub(super) fn how(self) -> Option<End> {
        match self {
            Step::Passed | Step::Wake(_) => Some(End::Passed),
            Step::Closed => Some(End::Closed),
            Step::Blocked => None,
        }
    }

    /// Ends a look: unlocks, and wakes who is to be woken. `None`: it would have to wait.
    #[inline]
    pub(super) fn end(self, locked: Locked<'_>) -> Option<End> {
        drop(locked);
        if let Step::Wake(slot) = self {
            wait::wake(slot);
        }
        self.how()
    }
}

impl Gate {
    /// The channel was closed: releases everybody who waits.
    pub(super) fn release_all(&self) {
        const BATCH: usize = 32;
        for side in [Side::Recv, Side::Send] {
            loop {
                let mut woken = [None; BATCH];
                {
                    let mut locked = self.lock();
                    for place in &mut woken {
                        *place = locked.claim_first(side).map(|node| {
                            // SAFETY: claimed just now.
                            unsafe { node.finish(true) }
                        });
                        if place.is_none() {
                            break;
                        }
                    }
                }
                let full = woken[BATCH - 1].is_some();
                woken.into_iter().flatten().for_each(wait::wake);
                if !full {
                    break;
                }
            }
        }
    }
}
