//! A goroutine that is run again and again: for a turn it has a stack, between turns it has none.
//!
//! ```text
//!               start, by its owner              turn ends
//!   at rest  ------------------------> queued, runs ---------> rest: Again  ---> runs
//!      ^                                                        |    Ends   ---> freed
//!      |                    Rests: it is the next owner's       |
//!      +--------------------------------------------------------+
//! ```
//!
//! It stays the same goroutine, with the same id: its memory is not freed before its last turn has ended, so slot
//! invariant 4 holds.
//!
//! Invariants:
//! 1. At rest it belongs to one owner, whom [`Turns::rest`] has given it to, or who has made it. It is queued nowhere, no carrier
//!    has it as its job, and nobody else knows of it. The owner may touch what does the turns.
//! 2. From its start until `rest` it is the runtime side's, as any other; it has no handle, now or ever.
//! 3. What the runtime side does of it after `rest` has said `Rests` is nothing: another may run it by then, or have freed it.

use super::cell::{GBox, Outcome, Scope, VTable};
use super::{G, GRef, State, memory};
use crate::prim::global::AtomicPtr;
use crate::stack::Class;
use crate::util;
use std::alloc::Layout;
use std::any::Any;
use std::cell::{Cell as StdCell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};

/// What becomes of a goroutine whose turn has ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It goes on at once.
    Again,
    /// It is somebody else's.
    Rests,
    /// It has been its last turn.
    Ends,
}

/// What does the turns.
pub(crate) trait Turns: Send + 'static {
    /// One turn, on a stack. It does not unwind.
    fn turn(&mut self);

    /// The turn has ended, and no carrier has `g` as its job.
    ///
    /// # Safety
    /// `this` is that of `g`, and nobody else's. Once it has been given away, it may be gone: that is the last
    /// thing done with it.
    unsafe fn rest(this: NonNull<Self>, g: GRef) -> Rest;
}

/// A goroutine of turns, at rest: its owner's.
pub(crate) struct AtRest<W>(NonNull<Cell<W>>);

// SAFETY: `W` is `Send`, and what else is there is as in `GRef`.
unsafe impl<W: Send> Send for AtRest<W> {}

#[repr(C)]
struct Cell<W> {
    g: G,
    work: UnsafeCell<ManuallyDrop<W>>,
}

impl<W: Turns> AtRest<W> {
    pub(crate) fn new(work: W, class: Class, site: &'static Location<'static>) -> Self {
        let place: NonNull<Cell<W>> = memory::take(Layout::new::<Cell<W>>()).cast();
        let g = G {
            vtable: Ops::<W>::VTABLE,
            state: State::new(false),
            class,
            outcome: StdCell::new(Outcome::Pending),
            id: StdCell::new(0),
            parent: StdCell::new(0),
            site,
            slot: AtomicPtr::new(ptr::null_mut()),
            joiner: AtomicPtr::new(ptr::null_mut()),
            extras: None,
        };
        // SAFETY: memory for one, and nobody else's.
        unsafe { place.write(Cell { g, work: UnsafeCell::new(ManuallyDrop::new(work)) }) };
        Self(place)
    }

    /// That of a turn that has ended.
    ///
    /// # Safety
    /// `g` is of this kind and of `W`, and the caller is in its [`rest`](Turns::rest), and gives this to its next owner.
    pub(crate) unsafe fn of(g: GRef) -> Self {
        Self(g.as_ptr().cast())
    }

    /// Who it is.
    pub(crate) fn as_ref(&self) -> GRef {
        GRef::from_ptr(self.0.cast())
    }

    /// What does the turns.
    pub(crate) fn work(&mut self) -> &mut W {
        // SAFETY: at rest, and ours (invariant 1).
        let cell = unsafe { self.0.as_ref() };
        // SAFETY: as above; `&mut self` makes it the only reference.
        unsafe { &mut *cell.work.get() }
    }

    /// Ready to be queued for its next turn: the runtime side's from then on.
    pub(crate) fn into_fresh(self) -> GRef {
        let g = self.as_ref();
        // SAFETY: ours (invariant 1).
        let header = unsafe { g.get() };
        header.state.renew();
        header.set_outcome(Outcome::Pending);
        g
    }
}

struct Ops<W>(std::marker::PhantomData<W>);

impl<W: Turns> Ops<W> {
    const VTABLE: &'static VTable = &VTable {
        run: Self::__rust_begin_short_backtrace,
        drop_stage: Self::drop_stage,
        put_panic: Self::put_panic,
        take_panic: Self::take_panic,
        take_value: Self::take_value,
        free: Self::free,
        scope: Self::scope,
        rest: Some(Self::rest),
    };

    /// # Safety (all of these)
    /// `g` is the header of a live `Cell<W>`, and the caller is the runtime side.
    unsafe fn work(g: NonNull<G>) -> NonNull<W> {
        let cell: NonNull<Cell<W>> = g.cast();
        // SAFETY: as the caller says; `repr(C)` puts the header first.
        let work = unsafe { cell.as_ref() }.work.get();
        // `ManuallyDrop` is laid out as what it holds.
        // SAFETY: a field's address.
        unsafe { NonNull::new_unchecked(work.cast()) }
    }

    /// A turn. For the name see `cell`.
    unsafe fn __rust_begin_short_backtrace(g: NonNull<G>) -> Result<(), Box<dyn Any + Send>> {
        // SAFETY: as the caller says.
        let mut work = unsafe { Self::work(g) };
        // SAFETY: the runtime side's (invariant 2), and this is the only reference for as long as the turn takes.
        let work = unsafe { work.as_mut() };
        if catch_unwind(AssertUnwindSafe(|| work.turn())).is_err() {
            util::bug(format_args!("a turn has unwound"));
        }
        Ok(())
    }

    unsafe fn rest(g: NonNull<G>) -> Rest {
        // SAFETY: as the caller says.
        let work = unsafe { Self::work(g) };
        // SAFETY: the runtime side: nobody else's.
        unsafe { W::rest(work, GRef::from_ptr(g)) }
    }

    unsafe fn drop_stage(g: NonNull<G>) {
        // SAFETY: as the caller says.
        let header = unsafe { g.as_ref() };
        if header.outcome() == Outcome::Pending {
            // SAFETY: as the caller says.
            let work = unsafe { Self::work(g) };
            // SAFETY: pending: it is there. Whatever comes next is another outcome.
            unsafe { work.drop_in_place() };
        }
    }

    unsafe fn free(g: NonNull<G>) {
        // SAFETY: as the caller says.
        unsafe { g.drop_in_place() };
        // SAFETY: taken by `new` for this layout, and nobody's from now on.
        unsafe { memory::give(g.cast(), Layout::new::<Cell<W>>()) };
    }

    unsafe fn scope(_: NonNull<G>) -> Option<NonNull<dyn Scope>> {
        None
    }

    unsafe fn put_panic(_: NonNull<G>, _: Box<dyn Any + Send>) {
        no_output()
    }

    unsafe fn take_panic(_: NonNull<G>) -> Box<dyn Any + Send> {
        no_output()
    }

    unsafe fn take_value(_: NonNull<G>, _: *mut ()) {
        no_output()
    }
}

#[cold]
fn no_output() -> ! {
    util::bug(format_args!("a goroutine of turns has no output"))
}

impl GBox {
    /// The turn has ended, if it was one. The slot that it had is no longer its own.
    ///
    /// # Safety
    /// The runtime side; if it [rests](Rest::Rests), no longer.
    pub(crate) unsafe fn rest(self) -> Rest {
        let g = self.as_ref();
        // SAFETY: as the caller says.
        let header = unsafe { g.get() };
        let Some(rest) = header.vtable.rest.filter(|_| header.outcome() == Outcome::Value) else {
            return Rest::Ends;
        };
        header.set_outcome(Outcome::Pending);
        // SAFETY: as the caller says; it has had its turn, and is there.
        unsafe { rest(g.as_ptr()) }
    }
}
