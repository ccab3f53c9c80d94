//! Cutting short what a goroutine does now, and not the goroutine.
//!
//! Invariants:
//! 1. `who` is locked to abort, and to begin and end the run. So while it says [`Runs`](Who::Runs), the
//!    goroutine is inside of [`Interrupt::run`] and alive, and once `run` has ended it is not aborted.
//! 2. Runs of a goroutine are nested: `RUNS` is the innermost, and each knows the one around it, whose frame
//!    outlives its own. The mark is one for all of them: who takes it back sets it again for those around it.
//! 3. The goroutine takes back the mark that this interrupt has set, and no other: who else aborts it
//!    holds its handle, and a goroutine that runs others' tasks has none.

use crate::g::{GRef, Unwind};
use crate::panic::caught;
use crate::prim::Mutex;
use crate::prim::global::{AtomicPtr, Ordering};
use crate::sched;
use crate::wait;
use std::any::Any;
use std::cell::Cell;
use std::ptr;

crate::goroutine_local! {
    /// What the goroutine runs, if that can be cut short. Its own, so that the order is of no account.
    static RUNS: AtomicPtr<Run<'static>> = AtomicPtr::new(ptr::null_mut());
}

/// A call of [`Interrupt::run`] by a goroutine. Invariant 2.
struct Run<'a> {
    interrupt: &'a Interrupt,
    /// A cell: `RUNS` has the address of the run before it is known what was there.
    around: Cell<*const Run<'static>>,
}

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
    /// where it waits, or from the next place where it does; if somebody has, it is dropped, and this unwinds if that does.
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
        let Some(me) = me else {
            let result = caught(f);
            *self.who.lock() = Who::Done;
            return result;
        };
        let run = Run { interrupt: self, around: Cell::new(ptr::null()) };
        run.around.set(innermost(ptr::from_ref(&run).cast()));
        let result = caught(f);
        innermost(run.around.get());
        let before = std::mem::replace(&mut *self.who.lock(), Who::Done);
        if matches!(before, Who::Raised) {
            // SAFETY: it is the goroutine that runs this: alive.
            let me = unsafe { me.get() };
            me.state.forgive();
            if let Some(slot) = sched::current_slot() {
                slot.raised.set(0);
            }
            if run.is_inside_of_raised() {
                // Whoever raises one of them after this look aborts by itself.
                me.state.abort();
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

impl Run<'_> {
    fn is_inside_of_raised(&self) -> bool {
        let mut around = self.around.get();
        // SAFETY: it runs, further up the stack of this goroutine (invariant 2).
        while let Some(run) = unsafe { around.as_ref() } {
            if matches!(*run.interrupt.who.lock(), Who::Raised) {
                return true;
            }
            around = run.around.get();
        }
        false
    }
}

/// Sets what the goroutine runs, and returns what it ran before. At its very end, when its locals are gone: nothing.
fn innermost(run: *const Run<'static>) -> *const Run<'static> {
    let before = RUNS.try_with(|runs| runs.swap(run.cast_mut(), Ordering::Relaxed));
    before.unwrap_or(ptr::null_mut())
}
