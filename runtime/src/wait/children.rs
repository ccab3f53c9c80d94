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
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What borrows from who waits for it.
pub(crate) trait Children {
    /// Whether some have not ended. Acquire, with a Release at the end of each: what they did is seen by the parent.
    fn are_there(&self) -> bool;

    /// Some ended by a panic, and nobody has been told.
    fn have_failed(&self) -> bool {
        false
    }

    /// Ends those that are there, and those that are still to come.
    fn abort(&self);
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

/// Runs `body`, which starts them, and waits until all have ended. Goes on with the panic of `body`. `None`: a child
/// has failed.
///
/// Never inlined, for the reason of `panic::caught`: nothing but this one catch is in the function.
#[inline(never)]
pub(crate) fn parent<T>(
    children: &impl Children,
    slot: &'static Slot,
    what: What,
    body: impl FnOnce() -> T,
) -> Option<T> {
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
        return Some(value);
    }
    if children.have_failed() { None } else { Some(value) }
}
