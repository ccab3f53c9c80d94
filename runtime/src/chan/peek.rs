//! What is seen of a channel from outside, while somebody who waits for it is kept parked (`sched::look`).
//!
//! Who waits borrows the channel, so it is there. Nothing is locked: the numbers are true of a moment ago.

use super::core::{Core, UNBOUNDED};
use super::gate::{Gate, Side};
use super::select::Shown;
use crate::prim::global::{AtomicUsize, Ordering};
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// How to count the handles of a channel whose type is not known: for `Chan`.
#[derive(Debug, Default)]
pub(super) struct Handles {
    /// Of the `Arc`; 0: not to be counted; [`NEVER`](Self::NEVER).
    arc: AtomicUsize,
    count: Option<unsafe fn(usize) -> usize>,
}

impl Handles {
    /// There is one that nobody has, for ever. No address.
    const NEVER: usize = 1;

    fn of<T>() -> Self {
        unsafe fn count<T>(arc: usize) -> usize {
            let core = std::ptr::with_exposed_provenance::<Core<T>>(arc);
            // SAFETY: as `get` promises: the `Arc` is alive, and this count of it is not given back.
            let core = ManuallyDrop::new(unsafe { Arc::from_raw(core) });
            Arc::strong_count(&core)
        }
        Self { arc: AtomicUsize::new(0), count: Some(count::<T>) }
    }

    fn get(&self) -> Option<usize> {
        let arc = self.arc.load(Ordering::Relaxed);
        // SAFETY: `counted` has stored it, and it lives as long as the gate, which is part of it.
        (arc != 0).then_some(self.count).flatten().map(|count| unsafe { count(arc) })
    }
}

/// Makes the handles of a new channel known to be counted.
pub(super) fn counted<T>(mut core: Arc<Core<T>>) -> Arc<Core<T>> {
    if let Some(core) = Arc::get_mut(&mut core) {
        core.gate.handles = Handles::of::<T>();
    }
    let arc = Arc::as_ptr(&core).expose_provenance();
    core.gate.handles.arc.store(arc, Ordering::Relaxed);
    core
}

/// Makes known that a new channel's sender is nobody's.
pub(super) fn never<T>(core: Core<T>) -> Core<T> {
    core.gate.handles.arc.store(Handles::NEVER, Ordering::Relaxed);
    core
}

/// A channel, as it was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peeked {
    pub(crate) address: usize,
    /// `None`: as many values as one likes.
    pub(crate) cap: Option<usize>,
    pub(crate) len: usize,
    /// It is filled by time.
    pub(crate) is_clock: bool,
    /// Nothing ever comes.
    pub(crate) is_never: bool,
    /// How many `Chan` there are of it; `None`: it has another face.
    pub(crate) handles: Option<usize>,
}

/// # Safety
/// The address is that which a waiter for a channel has noted, and the waiter is kept parked.
pub(crate) unsafe fn peek(address: usize) -> Peeked {
    // SAFETY: as the caller says: what the waiter has borrowed.
    let gate = unsafe { &*std::ptr::with_exposed_provenance::<Gate>(address) };
    Peeked {
        address,
        cap: Some(gate.cap).filter(|cap| *cap != UNBOUNDED),
        len: gate.len(),
        is_clock: gate.clock.is_some(),
        is_never: gate.handles.arc.load(Ordering::Relaxed) == Handles::NEVER,
        handles: gate.handles.get(),
    }
}

/// The cases of a select that can happen: whether they send, and their channels.
///
/// # Safety
/// The address is that which a select has noted, and the select is kept parked.
pub(crate) unsafe fn peek_cases(address: usize) -> Vec<(bool, Peeked)> {
    // SAFETY: as the caller says: it lies on the select's stack.
    let shown = unsafe { &*std::ptr::with_exposed_provenance::<Shown>(address) };
    // SAFETY: as the caller says.
    let cases = (0..shown.len).filter_map(|at| unsafe { shown.case(at) });
    cases
        .map(|(gate, side)| {
            // SAFETY: a case's channel is borrowed by the select.
            (side == Side::Send, unsafe { peek(gate.expose_provenance()) })
        })
        .filter(|(_, peeked)| !peeked.is_never)
        .collect()
}
