//! Which runtime the caller's goroutines go to: the one it entered last, else its own.

use crate::carrier::Slot;
use crate::sched::{self, Sched};
use std::cell::RefCell;
use std::sync::Arc;

crate::goroutine_local! {
    /// The runtimes that a goroutine, or a thread, has entered, the last one last. Each has a number, larger than those before.
    static ENTERED: RefCell<Vec<(usize, Arc<Sched>)>> = RefCell::default();
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
    ENTERED
        .try_with(|entered| entered.borrow().last().map(|(_, sched)| Arc::clone(sched)))
        .ok()
        .flatten()
}

/// Enters `sched`. Returns the number to leave it with.
pub(crate) fn enter(sched: Arc<Sched>) -> usize {
    let number = ENTERED.with(|entered| {
        let mut entered = entered.borrow_mut();
        let number = entered.last().map_or(0, |(last, _)| last + 1);
        entered.push((number, sched));
        number
    });
    mark(true);
    number
}

/// Leaves what was entered with `number`, and nothing else.
pub(crate) fn leave(number: usize) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let at = entered.iter().rposition(|(other, _)| *other == number);
        let left = at.map(|at| entered.remove(at));
        (left, !entered.is_empty())
    });
    if let Ok((left, any)) = left {
        mark(any);
        // Perhaps the last count: dropped outside of the borrow.
        drop(left);
    }
}

/// Calls `f`, a task that the goroutine with `slot` runs, and leaves what that has entered and not left: its guards were forgotten.
#[inline]
pub(crate) fn as_it_was(slot: &'static Slot, f: impl FnOnce()) {
    let before = if slot.entered.get() { next_number() } else { 0 };
    f();
    if slot.entered.get() {
        leave_from(before);
    }
}

/// What [`enter`] would return.
#[cold]
fn next_number() -> usize {
    let last = |entered: &RefCell<Vec<(usize, _)>>| entered.borrow().last().map(|(last, _)| *last);
    ENTERED.try_with(last).ok().flatten().map_or(0, |last| last + 1)
}

/// Leaves what was entered with `number` or a later one.
#[cold]
fn leave_from(number: usize) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let at = entered.partition_point(|(other, _)| *other < number);
        let left = entered.split_off(at);
        (left, !entered.is_empty())
    });
    if let Ok((left, any)) = left {
        mark(any);
        drop(left);
    }
}

/// Tells `spawn`'s fast path whether to look for an entered runtime.
fn mark(entered: bool) {
    if let Some(slot) = sched::current_slot() {
        slot.entered.set(entered);
    }
}
