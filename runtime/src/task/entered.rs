//! Which runtime the caller's goroutines go to: the one it entered last, else its own.

use crate::sched::{self, Sched};
use std::cell::RefCell;
use std::sync::Arc;

crate::goroutine_local! {
    /// The runtimes that a goroutine, or a thread, has entered, the last one last.
    static ENTERED: RefCell<Vec<Arc<Sched>>> = RefCell::default();
}

/// The runtime that the caller has entered, or is a goroutine of.
pub(crate) fn entered() -> Option<Arc<Sched>> {
    explicitly().or_else(sched::current_sched)
}

fn explicitly() -> Option<Arc<Sched>> {
    if let Some(slot) = sched::current_slot()
        && !slot.entered.get()
    {
        return None;
    }
    ENTERED.try_with(|entered| entered.borrow().last().cloned()).ok().flatten()
}

/// Enters `sched`. Returns how deep the caller is then.
pub(crate) fn enter(sched: Arc<Sched>) -> usize {
    let depth = ENTERED.with(|entered| {
        let mut entered = entered.borrow_mut();
        entered.push(sched);
        entered.len()
    });
    mark(depth);
    depth
}

/// Leaves what was entered at `depth`, and what was entered since.
pub(crate) fn leave(depth: usize) {
    let left = ENTERED.try_with(|entered| {
        let left = entered.borrow_mut().split_off(depth - 1);
        // Perhaps the last counts: dropped outside of the borrow.
        drop(left);
    });
    if left.is_ok() {
        mark(depth - 1);
    }
}

/// Tells `spawn`'s fast path whether to look for an entered runtime.
fn mark(depth: usize) {
    if let Some(slot) = sched::current_slot() {
        slot.entered.set(depth != 0);
    }
}
