//! What a deadline is for: somebody who waits, or a goroutine that has not begun.
//!
//! A goroutine that is to begin later has no stack and no id, and nobody counts it, until it fires: it
//! is one allocation and an entry of the heap. Whoever takes it out of the heap, under its lock, is its
//! runtime side: who fires it, who cancels it, or the stop. So it starts, or it is given back, never both.
//!
//! A stop first changes the phase and then takes out what is left; under the same lock nothing is put
//! in once the phase has changed. So nothing is left behind.

use super::timers::Key;
use super::{Sched, end_unstarted, inject_spawn};
use crate::carrier::Slot;
use crate::g::{GRef, Outcome};
use crate::sys::{self, LINE};
use std::time::Instant;

/// See the [module](self).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// Wake who waits here.
    Wake(Sleeper),
    /// Start this one.
    Spawn(GRef),
}

/// Who waits for a deadline, and where its stack is when it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleeper {
    slot: &'static Slot,
    job: usize,
    /// The lines of its stack that it touches first when it goes on: where they begin, and in the bits below how many they are.
    lines: usize,
}

impl Sleeper {
    /// They reach from so far below the frame in which it began to wait, where its registers are, to so far above: to the end of a
    /// stack that is not deeper, as that of a pool's task is.
    const BELOW: usize = 256;
    const ABOVE: usize = 704;
    /// So many lines of its goroutine it touches when it ends.
    const OF_JOB: usize = 3;

    /// The caller, a goroutine that is about to wait on its `slot`.
    #[inline(always)]
    pub(crate) fn here(slot: &'static Slot) -> Self {
        let frame = 0_u8;
        let frame = std::ptr::from_ref(&frame).addr();
        let first = frame.wrapping_sub(Self::BELOW) & !(LINE - 1);
        let end = slot.stack_top().min(frame.wrapping_add(Self::ABOVE));
        let count = end.saturating_sub(first).div_ceil(LINE);
        Self { slot, job: slot.job().addr(), lines: first | count }
    }

    /// Where it waits.
    pub(super) fn slot(&self) -> &'static Slot {
        self.slot
    }
}

const _: () = assert!((Sleeper::BELOW + Sleeper::ABOVE).div_ceil(LINE) + 1 < LINE);

impl Due {
    /// In `p::Own::due`: more is due, and this slice is for it.
    pub(super) const NOW: u8 = 1;
    /// The same, after one from the queue.
    pub(super) const AFTER_ONE: u8 = 2;

    /// It is soon due: asks the memory for what is touched then.
    #[inline]
    pub(super) fn prefetch(self) {
        let Self::Wake(Sleeper { slot, job, lines }) = self else { return };
        sys::prefetch_all(std::ptr::from_ref(slot).addr(), size_of::<Slot>());
        sys::prefetch_all(job, Sleeper::OF_JOB * LINE);
        sys::prefetch_all(lines & !(LINE - 1), (lines & (LINE - 1)) * LINE);
    }
}

impl Sched {
    /// Starts `g`, which was never queued, at `at`. `Err`: the runtime is stopping.
    pub(crate) fn spawn_at(&self, at: Instant, g: GRef) -> Result<Key, GRef> {
        let key = self.insert_while(self.ns(at), Due::Spawn(g), || self.is_running()).ok_or(g)?;
        // The caller goes on, perhaps without a P.
        self.cover();
        Ok(key)
    }

    /// Does not, after all: the goroutine is the caller's again. `None`: it was started, or was
    /// cancelled, or the runtime has stopped.
    pub(crate) fn cancel_spawn(&self, key: Key) -> Option<GRef> {
        match self.cancel(key)? {
            Due::Spawn(g) => Some(g),
            Due::Wake(_) => None,
        }
    }

    /// Does what it is time to do. Without the heap's lock.
    pub(super) fn fire(&self, due: Due) {
        match due {
            Due::Wake(sleeper) => super::wake(sleeper.slot),
            Due::Spawn(g) => {
                if let Err(g) = inject_spawn(&self.arc(), g) {
                    // It came out of the heap just before the stop looked there. To drop its closure is
                    // not for here, inside the runtime.
                    self.stop.too_late(g);
                }
            }
        }
    }

    /// The phase has changed: ends the goroutines that have not begun. Their closures are
    /// dropped here: user code, so not inside the runtime.
    pub(super) fn end_delayed(&self) {
        let is_spawn = |due: &Due| matches!(due, Due::Spawn(_));
        for due in self.extract(is_spawn) {
            if let Due::Spawn(g) = due {
                end_unstarted(g, Outcome::Cancelled);
            }
        }
    }
}
