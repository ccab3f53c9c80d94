//! Cutting short what a goroutine does now, and not the goroutine.
//!
//! Invariants:
//! 1. `who` is locked to abort, and to begin and end the run. So while it says [`Runs`](Who::Runs), the
//!    goroutine is inside of [`Interrupt::run`] and alive, and once `run` has ended it is not aborted.
//! 2. The goroutine takes back the mark that this interrupt has set, and no other: who else aborts it
//!    holds its handle, and a goroutine that runs others' tasks has none.

use crate::g::{GRef, Unwind};
use crate::panic::caught;
use crate::prim::Mutex;
use crate::sched;
use crate::wait;
use std::any::Any;

/// See the [module](self). Good for one run.
#[derive(Debug)]
pub(crate) struct Interrupt {
    who: Mutex<Who>,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    /// It has not begun.
    Nobody,
    Runs(GRef),
    Raised,
    Done,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Self { who: Mutex::new(Who::Nobody) }
    }

    /// Runs `f` in the goroutine that calls. Once somebody [raises](Self::raise) this, it is unwound from
    /// where it waits, or from the next place where it does; if somebody has, it is dropped.
    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
        let me = sched::current_g();
        {
            let mut who = self.who.lock();
            match (*who, me) {
                (Who::Raised | Who::Done, _) => return Err(Box::new(Unwind)),
                (_, Some(me)) => *who = Who::Runs(me),
                (_, None) => {}
            }
        }
        let result = caught(f);
        let before = std::mem::replace(&mut *self.who.lock(), Who::Done);
        if let (Who::Raised, Some(me)) = (before, me) {
            // SAFETY: it is the goroutine that runs this: alive.
            unsafe { me.get() }.state.forgive();
            if let Some(slot) = sched::current_slot() {
                slot.raised.set(0);
            }
        }
        result
    }

    /// See [`run`](Self::run).
    pub(crate) fn raise(&self) {
        let slot = {
            let mut who = self.who.lock();
            let before = *who;
            if !matches!(before, Who::Done) {
                *who = Who::Raised;
            }
            match before {
                // SAFETY: alive (invariant 1).
                Who::Runs(g) => unsafe { g.get() }.abort(),
                Who::Nobody | Who::Raised | Who::Done => None,
            }
        };
        if let Some(slot) = slot {
            wait::wake(slot);
        }
    }
}
