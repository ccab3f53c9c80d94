//! Where it is drawn who goes on.
//!
//! All runnables of a lab with a seed lie in the queue of its one P: what was put into `next` or queued globally is moved
//! there before every draw. A goroutine that is stopped behind a call ([`point`]) yields to the one that was drawn, whose
//! place in the queue stays what it is: things are put behind it alone.
//!
//! The lock of the script is held for a draw, never over a switch, and no stranger's code runs under it.

use super::super::Sched;
use super::SEEDED;
use super::time::Trouble;
use crate::carrier::Slot;
use crate::g::Runnable;
use crate::m::{self, CurrentM};
use crate::p::Held;
use crate::prim::global::Ordering;
use std::time::Duration;

/// Behind a call of the runtime that did not wait, for which a look at the time slice would be too much: in a runtime with
/// a seed somebody else may go on. `what` was called. No lock is held here, and not even cancellation arrives.
#[inline(always)]
pub(crate) fn point(what: &'static str) {
    if SEEDED.load(Ordering::Relaxed) != 0 {
        pass(what);
    }
}

#[cold]
#[inline(never)]
fn pass(what: &'static str) {
    if let Some(m) = m::current()
        && m.entry.is_seeded()
        && !m.entry.is_inside()
        && let Some(slot) = m.slot.get()
    {
        stop(m, slot, what);
    }
}

/// The same for who has looked already: the caller is the goroutine on `slot`, on an M that has a P.
#[cold]
pub(in crate::sched) fn stop(m: CurrentM, slot: &'static Slot, what: &'static str) {
    // To let others run while the thread's panics are counted would take another thread.
    if std::thread::panicking() {
        return;
    }
    let was = m.enter();
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    let stops = m.own().p.get().is_some_and(|p| sched.is_stopped_behind(m, p, slot, what));
    m.leave(was);
    if stops {
        super::super::yield_now();
    }
}

/// A number below `n`, from the seed's dice. `None`: there is none.
pub(crate) fn throw(m: CurrentM, n: usize) -> Option<usize> {
    if !m.entry.is_seeded() {
        return None;
    }
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    Some(sched.seeded()?.script.lock().throw(n))
}

impl Sched {
    fn is_stopped_behind(
        &self,
        m: CurrentM,
        p: Held,
        slot: &'static Slot,
        what: &'static str,
    ) -> bool {
        let Some(seeded) = self.seeded() else { return false };
        self.gather(m, p);
        let (stops, spent) = {
            let mut script = seeded.script.lock();
            let spent = script.spend();
            script.begin();
            p.own().queue.look(&p.remote, |runnable| script.add(runnable));
            (script.stop(slot, what), spent)
        };
        if let Some(steps) = spent {
            self.stop_for(Trouble::Endless(steps));
        }
        stops
    }

    /// What runs next on the one P there is.
    #[cold]
    #[inline(never)]
    pub(in crate::sched) fn draw(&self, m: CurrentM, p: Held) -> Option<Runnable> {
        let (Some(lab), Some(seeded)) = (&self.lab, self.seeded()) else { return None };
        if p.global_turn() {
            self.poll_now();
        }
        self.gather(m, p);
        let mut script = seeded.script.lock();
        script.begin();
        p.own().queue.look(&p.remote, |runnable| script.add(runnable));
        // A goroutine that has ended looks from its own stack.
        script.leave(std::ptr::from_ref(self).cast(), m.slot.get().is_some());
        if script.is_empty() {
            return None;
        }
        let spent = script.spend();
        let place = script.next(Duration::from_nanos(lab.clock.passed()));
        let found = p.own().queue.take_at(&p.remote, place);
        if let Some(found) = found {
            script.runs(place, found);
        }
        drop(script);
        if let Some(steps) = spent {
            self.stop_for(Trouble::Endless(steps));
        }
        found
    }

    /// All that is runnable, into the P's queue.
    fn gather(&self, m: CurrentM, p: Held) {
        while self.run_timer(m) {}
        if let Some(next) = p.remote.take_next() {
            p.push(next);
        }
        while let Some(found) = self.next_waiting().or_else(|| self.global.pop()) {
            p.push(found);
        }
    }
}
