//! g0: the loop of a thread that runs goroutines.

use super::tell::tell_run;
use super::{Phase, Sched};
use crate::carrier::{Cmd, Slot};
use crate::g::Runnable;
use crate::m::CurrentM;

impl Sched {
    /// Runs goroutines until the scheduler stops or the thread is to end.
    pub(super) fn run_machine(&self, m: CurrentM) {
        while let Some(first) = self.find(m) {
            self.run_from(m, first);
            if m.own().retire.get() {
                self.end_pinned_machine(m);
                return;
            }
        }
    }

    /// Runs `first`, then what is at hand, until nothing is. The hot loop: what is rare is called.
    #[inline(never)]
    fn run_from(&self, m: CurrentM, first: Runnable) {
        let mut next = first;
        loop {
            let Some(slot) = self.carrier_for(m, next) else { return };
            if self.is_bound_elsewhere(m, slot) {
                match self.next_live(m) {
                    Some(found) => {
                        next = found;
                        continue;
                    }
                    None => return,
                }
            }
            m.slot.set(Some(slot));
            if m.entry.is_watched() {
                tell_run(m, slot);
            }
            // SAFETY: we hold the carrier: it came out of a queue or a pool, or we were the one
            // that suspended it. The input is what its body and `switch` expect.
            let mut cmd = unsafe { slot.resume(m.into_input()) };
            let mut claimed = m.own().claimed.take();
            while cmd == Cmd::Park && !slot.word.suspend() {
                // A wake-up came between its last look and now: it goes on, at once if it has not
                // sent another one ahead.
                if claimed.is_some() {
                    cmd = Cmd::Yield;
                    break;
                }
                if m.entry.is_watched() {
                    tell_run(m, slot);
                }
                // SAFETY: as above; nobody else can have got hold of it, it was never PARKED.
                cmd = unsafe { slot.resume(m.into_input()) };
                claimed = m.own().claimed.take();
            }
            m.slot.set(None);
            if let Some(g) = claimed {
                if cmd == Cmd::Yield {
                    self.requeue(m, slot);
                }
                next = Runnable::Fresh(g);
                continue;
            }
            match cmd {
                Cmd::Park => {}
                Cmd::Yield => self.requeue(m, slot),
                Cmd::Done => {
                    self.pool_carrier(m, slot);
                    if let Some(found) = m.own().next.take() {
                        next = found;
                        continue;
                    }
                }
            }
            if m.own().retire.get() {
                return;
            }
            match self.next_live(m) {
                Some(found) => next = found,
                None => return,
            }
        }
    }

    /// A carrier that yielded: behind all that is runnable on its P.
    #[inline]
    fn requeue(&self, m: CurrentM, slot: &'static Slot) {
        match m.own().p.get() {
            Some(p) => {
                p.counters.yields.add_one();
                p.push(Runnable::Started(slot));
            }
            // Behind those that wait for this thread, if it is at home here.
            None => self.ready_elsewhere(slot),
        }
    }

    /// The carrier that `next` runs on. `None`: there is none, and it waits for one.
    #[inline]
    fn carrier_for(&self, m: CurrentM, next: Runnable) -> Option<&'static Slot> {
        match next {
            Runnable::Started(slot) => Some(slot),
            Runnable::Fresh(g) => self.fresh_carrier(m, g),
        }
    }

    /// Whether `slot` belongs on another thread; if so, sees to it that it gets there.
    #[inline]
    fn is_bound_elsewhere(&self, m: CurrentM, slot: &'static Slot) -> bool {
        if slot.bound.get() == 0 {
            return false;
        }
        self.send_home(m, slot)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.phase() == Phase::Stopped
    }
}
