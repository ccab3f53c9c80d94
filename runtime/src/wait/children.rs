//! How a parent waits for what borrows from its frame: the goroutines of a scope, the tasks of a pool's scope, the
//! second half of a join.
//!
//! Invariants:
//! 1. Neither [`wait_for`] nor [`parent`] returns, or unwinds, before [`Children::are_there`] has said no: they wait
//!    under a mask.
//! 2. A parent that is cancelled aborts its children, once, and waits for them.

use super::{Mask, What, park, passes_on, raise_if_cancelled};
use crate::carrier::Slot;
use crate::g::Unwind;
use crate::prim::global::{AtomicUsize, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What borrows from who waits for it.
pub(crate) trait Children {
    /// Whether some have not ended. Acquire, with a Release at the end of each: what they did is seen by the parent.
    fn are_there(&self) -> bool;

    /// What is to be said of those that have failed, if nobody has been told.
    fn failure(&self) -> Option<&'static str> {
        None
    }

    /// Ends those that are there, and those that are still to come.
    fn abort(&self);
}

/// How many have failed, and nobody has joined them. They are ordered by what their ends are: Relaxed.
#[derive(Debug, Default)]
pub(crate) struct Failed {
    /// By a panic.
    pub(crate) panicked: AtomicUsize,
    /// They never began, for want of a stack.
    pub(crate) unbegun: AtomicUsize,
}

impl Failed {
    /// What a scope panics with then.
    pub(crate) fn text(&self) -> Option<&'static str> {
        let some = |count: &AtomicUsize| count.load(Ordering::Relaxed) != 0;
        if some(&self.panicked) {
            // std's words.
            return Some("a scoped thread panicked");
        }
        some(&self.unbegun).then_some("a scoped goroutine got no stack to start on")
    }
}

/// Waits until all have ended. Cancellation that arrives here is passed on; the caller raises it.
pub(crate) fn wait_for(children: &impl Children, slot: &'static Slot, what: What) {
    let _mask = Mask::new(slot);
    let mut aborted = false;
    while children.are_there() {
        if !aborted && passes_on(slot) {
            aborted = true;
            children.abort();
        }
        park(slot, what);
    }
}

/// Runs `body`, which starts them, and waits until all have ended. Goes on with the panic of `body`. `Err`: a child
/// has failed.
///
/// Never inlined, for the reason of `panic::caught`: nothing but this one catch is in the function.
#[inline(never)]
pub(crate) fn parent<T>(
    children: &impl Children,
    slot: &'static Slot,
    what: What,
    body: impl FnOnce() -> T,
) -> Result<T, &'static str> {
    let result = catch_unwind(AssertUnwindSafe(body));
    if result.as_ref().is_err_and(|payload| payload.is::<Unwind>()) {
        children.abort();
    }
    // The unwind was caught: the panic count is zero, and the wait can switch.
    wait_for(children, slot, what);
    let value = result.unwrap_or_else(|payload| resume_unwind(payload));
    if passes_on(slot) {
        // The children were cut short: what the body returned is not to be trusted.
        raise_if_cancelled(slot);
        return Ok(value);
    }
    children.failure().map_or(Ok(value), Err)
}
