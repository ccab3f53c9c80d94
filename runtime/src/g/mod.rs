//! G, the goroutine: a closure with its state, in one allocation.
//!
//! A G is born when it is spawned and holds no stack. It borrows a carrier for the time from
//! its first instruction to its last, and what it returned waits in the same allocation until
//! the handle fetches it.
//!
//! ```text
//!   +--------------------------- one allocation: Cell<F, T> ---------------------------+
//!   | vtable | state, class, outcome | id | parent | site | slot | joiner | extras |  F  or  T  |
//!   +-----------------------------------------------------------------------------------+
//! ```
//!
//! Who owns it: the *runtime side* (a queue, then a carrier) until COMPLETE is set, and the
//! *handle* until HANDLE is cleared. Whoever comes second frees it. See [`State`].
//!
//! Invariants:
//! 1. `state` alone decides who may touch what; the other atomics are ordered by it.
//! 2. The closure is taken once, by the runtime side, before COMPLETE. The output is written
//!    before COMPLETE is set (Release) and read after it was seen (Acquire), once, by the handle;
//!    or dropped by whichever side is the last.
//! 3. `joiner` is written by the handle while neither JOINER nor COMPLETE is set; it is read
//!    by the runtime side only if JOINER was set in the value that it replaced with COMPLETE.
//! 4. `id`, `parent`, `site` and `extras` do not change once it is queued.
//!    One that has [turns](turns) is queued again, with the same.
//! 5. User code (closures, outputs, payloads) is run and dropped outside of the scheduler.

mod cell;
mod joiner;
#[cfg(all(test, loom))]
mod loom_tests;
mod memory;
mod offer;
mod peek;
mod state;
mod turns;

pub(crate) use cell::{GBox, Outcome, Scope, new_cell};
pub(crate) use joiner::Joiner;
pub(crate) use memory::{Left, empty, trim};
pub(crate) use offer::{Half, Offer};
pub(crate) use peek::Header;
pub(crate) use state::{AfterComplete, AfterDetach, State};
pub(crate) use turns::{AtRest, Rest, Turns};

use crate::carrier::Slot;
use crate::prim::global::{AtomicPtr, Ordering};
use crate::queue::Item;
use crate::stack::Class;
use std::cell::Cell as StdCell;
use std::panic::Location;
use std::ptr::NonNull;

/// What a goroutine is called, and where it began. Only goroutines with a name have one.
#[derive(Debug)]
pub(crate) struct Extras {
    pub(crate) name: std::sync::Arc<str>,
    /// Where the name lies, and how long it is: for who looks from outside.
    text: (usize, usize),
}

impl Extras {
    pub(crate) fn named(name: &str) -> Self {
        let name: std::sync::Arc<str> = name.into();
        let text = (name.as_ptr().expose_provenance(), name.len());
        Self { name, text }
    }
}

/// The header of a goroutine; the closure and the output lie behind it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct G {
    vtable: &'static cell::VTable,
    pub(crate) state: State,
    class: Class,
    outcome: StdCell<Outcome>,
    id: StdCell<u64>,
    /// The goroutine that spawned it; 0: a plain thread.
    parent: StdCell<u64>,
    site: &'static Location<'static>,
    /// The carrier, once REACHABLE is set. Stale after COMPLETE, and harmless then. Before that,
    /// the scheduler it is queued with.
    slot: AtomicPtr<Slot>,
    /// Who joins: see `state`.
    pub(crate) joiner: AtomicPtr<()>,
    extras: Option<Box<Extras>>,
}

/// A goroutine on its way through the runtime: the runtime side's ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct GRef(NonNull<G>);

// SAFETY: a G is `Send` (its closure is, or spawning it was unsafe), and what both sides share
// is atomic or ordered by `state` (invariant 1).
unsafe impl Send for GRef {}

impl GRef {
    pub(crate) fn from_ptr(ptr: NonNull<G>) -> Self {
        Self(ptr)
    }

    pub(crate) fn as_ptr(self) -> NonNull<G> {
        self.0
    }

    /// The header.
    ///
    /// # Safety
    /// The caller is the runtime side before COMPLETE, or the holder of the handle, for as
    /// long as it uses the reference.
    #[inline]
    pub(crate) unsafe fn get<'a>(self) -> &'a G {
        // SAFETY: alive, as the caller says.
        unsafe { self.0.as_ref() }
    }
}

impl G {
    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }

    /// Before it is first queued.
    pub(crate) fn set_id(&self, id: u64) {
        self.id.set(id);
    }

    pub(crate) fn parent(&self) -> u64 {
        self.parent.get()
    }

    /// Before it is first queued.
    #[inline]
    pub(crate) fn set_parent(&self, id: u64) {
        self.parent.set(id);
    }

    pub(crate) fn class(&self) -> Class {
        self.class
    }

    pub(crate) fn name(&self) -> Option<&std::sync::Arc<str>> {
        self.extras.as_ref().map(|e| &e.name)
    }

    pub(crate) fn site(&self) -> &'static Location<'static> {
        self.site
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }

    pub(crate) fn set_outcome(&self, outcome: Outcome) {
        self.outcome.set(outcome);
    }

    /// Makes the carrier known to who aborts. `true`: it was aborted already.
    ///
    /// Release (in the AcqRel of `reach`) pairs with the Acquire of `abort`: who sets ABORT
    /// after this finds the slot, and who set it before is seen here.
    pub(crate) fn publish(&self, slot: &'static Slot) -> bool {
        self.slot.store(std::ptr::from_ref(slot).cast_mut(), Ordering::Relaxed);
        self.state.reach()
    }

    /// Before it is first queued: where.
    #[inline]
    pub(crate) fn set_home(&self, home: *const ()) {
        self.slot.store(home.cast_mut().cast(), Ordering::Relaxed);
    }

    /// The scheduler it is queued with, as long as it has not parked.
    #[inline]
    pub(crate) fn home(&self) -> *const () {
        self.slot.load(Ordering::Relaxed).cast_const().cast()
    }

    /// Marks it for cancellation; returns the carrier to wake, if it may be parked.
    pub(crate) fn abort(&self) -> Option<&'static Slot> {
        if !self.state.abort() {
            return None;
        }
        let slot = NonNull::new(self.slot.load(Ordering::Relaxed))?;
        // SAFETY: slots are never unmapped (slot invariant 1).
        Some(unsafe { slot.as_ref() })
    }
}

/// What unwinds a goroutine that was aborted, exited or shut down. No panic hook sees it.
#[derive(Debug)]
pub(crate) struct Unwind;

/// What lies in a run queue: a goroutine that has not started, or a carrier that goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runnable {
    /// No stack yet.
    Fresh(GRef),
    /// Suspended in the middle of its job.
    Started(&'static Slot),
}

/// The lowest bit tells a carrier from a goroutine; both are aligned to more.
const STARTED: usize = 1;
const _: () = assert!(align_of::<G>() > STARTED && align_of::<Slot>() > STARTED);

impl Runnable {
    /// Whether a word of a queue, as a bare number, is that of a goroutine that has not started. 0 is none.
    pub(crate) fn is_fresh(word: usize) -> bool {
        word != 0 && word & STARTED == 0
    }

    /// It is about to run, and has waited in a queue: asks the memory for what it goes on with.
    #[inline(always)]
    pub(crate) fn fetch(self) {
        if let Self::Started(slot) = self {
            slot.fetch();
        }
    }
}

impl Item for Runnable {
    #[inline]
    fn into_word(self) -> NonNull<()> {
        match self {
            Self::Fresh(g) => g.0.cast(),
            Self::Started(slot) => NonNull::from(slot).cast::<()>().map_addr(|a| a | STARTED),
        }
    }

    #[inline]
    unsafe fn from_word(word: NonNull<()>) -> Self {
        if word.addr().get() & STARTED == 0 {
            return Self::Fresh(GRef(word.cast()));
        }
        let slot = word.as_ptr().map_addr(|a| a & !STARTED).cast::<Slot>();
        // SAFETY: `into_word` made it from a `&'static Slot`.
        Self::Started(unsafe { &*slot })
    }
}
