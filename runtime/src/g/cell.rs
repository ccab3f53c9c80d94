//! The allocation: the header, then the closure, where later the output lies.

use super::turns::Rest;
use super::{Extras, G, GRef, State, memory};
use crate::prim::global::AtomicPtr;
use crate::stack::Class;
use std::alloc::Layout;
use std::any::Any;
use std::cell::{Cell as StdCell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};

/// How a goroutine ended; says what lies in its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// Not yet: the closure.
    Pending,
    /// The value that it returned.
    Value,
    /// What it panicked with.
    Panic,
    /// Nothing: aborted, exited, or shut down.
    Cancelled,
    /// Nothing: there was no stack to start it on.
    Resource,
    /// Nothing: the handle has fetched it.
    Taken,
}

/// Told when a scoped goroutine ends.
pub(crate) trait Scope {
    /// The child `g` has ended, by `outcome`; it is still alive.
    fn child_ends(&self, g: GRef, outcome: Outcome);
    /// Nothing of the child is left that could touch what it borrowed. The scope may be gone
    /// when this returns.
    fn child_done(&self);
}

type Payload = Box<dyn Any + Send>;

/// The closure, then the output: `G::outcome` says which.
union Stage<F, T> {
    closure: ManuallyDrop<F>,
    value: ManuallyDrop<T>,
    panic: ManuallyDrop<Payload>,
}

#[repr(C)]
struct Cell<F, T, S> {
    g: G,
    scope: S,
    stage: UnsafeCell<Stage<F, T>>,
}

/// What the rest of the runtime does with a goroutine without knowing F and T.
#[derive(Debug)]
pub(crate) struct VTable {
    pub(super) run: unsafe fn(NonNull<G>) -> Result<(), Payload>,
    pub(super) drop_stage: unsafe fn(NonNull<G>),
    pub(super) put_panic: unsafe fn(NonNull<G>, Payload),
    pub(super) take_panic: unsafe fn(NonNull<G>) -> Payload,
    pub(super) take_value: unsafe fn(NonNull<G>, *mut ()),
    pub(super) free: unsafe fn(NonNull<G>),
    pub(super) scope: unsafe fn(NonNull<G>) -> Option<NonNull<dyn Scope>>,
    /// Of those that have [turns](super::turns).
    pub(super) rest: Option<unsafe fn(NonNull<G>) -> Rest>,
}

/// Where a goroutine's scope is kept: nowhere, or in the cell.
pub(crate) trait ScopeRef: 'static {
    fn get(&self) -> Option<NonNull<dyn Scope>>;
}

impl ScopeRef for () {
    #[inline]
    fn get(&self) -> Option<NonNull<dyn Scope>> {
        None
    }
}

impl ScopeRef for NonNull<dyn Scope> {
    fn get(&self) -> Option<NonNull<dyn Scope>> {
        Some(*self)
    }
}

struct Ops<F, T, S>(std::marker::PhantomData<(F, T, S)>);

impl<F: FnOnce() -> T, T, S: ScopeRef> Ops<F, T, S> {
    const VTABLE: &'static VTable = &VTable {
        run: Self::__rust_begin_short_backtrace,
        drop_stage: Self::drop_stage,
        put_panic: Self::put_panic,
        take_panic: Self::take_panic,
        take_value: Self::take_value,
        free: Self::free,
        scope: Self::scope,
        rest: None,
    };

    /// # Safety (all of these)
    /// `g` is the header of a live `Cell<F, T, S>`, and the caller is the side that owns its
    /// stage (invariant 2 of the module above).
    unsafe fn stage<'a>(g: NonNull<G>) -> &'a mut Stage<F, T> {
        let cell: NonNull<Cell<F, T, S>> = g.cast();
        // SAFETY: `repr(C)` puts the header first, so the pointers are the same.
        let cell = unsafe { cell.as_ref() };
        // SAFETY: the caller owns the stage, so this is the only reference.
        unsafe { &mut *cell.stage.get() }
    }

    /// Runs it. Backtraces of panics end here: by the name, which std looks for, too.
    unsafe fn __rust_begin_short_backtrace(g: NonNull<G>) -> Result<(), Payload> {
        // SAFETY: as the caller says.
        let stage = unsafe { Self::stage(g) };
        // SAFETY: pending: the stage holds the closure, taken here once.
        let f = unsafe { ManuallyDrop::take(&mut stage.closure) };
        let value = catch_unwind(AssertUnwindSafe(f))?;
        // SAFETY: still the owner; user code could not reach the stage.
        let stage = unsafe { Self::stage(g) };
        stage.value = ManuallyDrop::new(value);
        Ok(())
    }

    unsafe fn drop_stage(g: NonNull<G>) {
        // SAFETY: as the caller says.
        let header = unsafe { g.as_ref() };
        // SAFETY: as the caller says.
        let stage = unsafe { Self::stage(g) };
        match header.outcome() {
            // SAFETY: the outcome says that the closure is there.
            Outcome::Pending => unsafe { ManuallyDrop::drop(&mut stage.closure) },
            // SAFETY: the outcome says that the value is there.
            Outcome::Value => unsafe { ManuallyDrop::drop(&mut stage.value) },
            // SAFETY: the outcome says that the payload is there.
            Outcome::Panic => unsafe { ManuallyDrop::drop(&mut stage.panic) },
            Outcome::Cancelled | Outcome::Resource | Outcome::Taken => {}
        }
    }

    unsafe fn put_panic(g: NonNull<G>, payload: Payload) {
        // SAFETY: as the caller says.
        let stage = unsafe { Self::stage(g) };
        stage.panic = ManuallyDrop::new(payload);
    }

    unsafe fn take_panic(g: NonNull<G>) -> Payload {
        // SAFETY: as the caller says.
        let stage = unsafe { Self::stage(g) };
        // SAFETY: the outcome was Panic, and the caller marks it taken.
        unsafe { ManuallyDrop::take(&mut stage.panic) }
    }

    unsafe fn take_value(g: NonNull<G>, into: *mut ()) {
        // SAFETY: as the caller says.
        let stage = unsafe { Self::stage(g) };
        // SAFETY: the outcome was Value, and the caller marks it taken.
        let value = unsafe { ManuallyDrop::take(&mut stage.value) };
        // SAFETY: the handle's T is this T, and `into` is room for one.
        unsafe { into.cast::<T>().write(value) };
    }

    unsafe fn free(g: NonNull<G>) {
        let cell: NonNull<Cell<F, T, S>> = g.cast();
        // SAFETY: written by `new_cell`; the caller is the last side. The stage is a union of ManuallyDrops and drops nothing.
        unsafe { cell.drop_in_place() };
        // SAFETY: taken by `new_cell` for this layout, and nobody's from now on.
        unsafe { memory::give(cell.cast(), Layout::new::<Cell<F, T, S>>()) };
    }

    unsafe fn scope(g: NonNull<G>) -> Option<NonNull<dyn Scope>> {
        let cell: NonNull<Cell<F, T, S>> = g.cast();
        // SAFETY: as the caller says.
        unsafe { cell.as_ref() }.scope.get()
    }
}

/// Makes a goroutine that will run `f`; `handle` tells whether somebody will hold it.
///
/// Safe to make; to queue one whose `f` or `T` borrows, or is not `Send`, is not.
#[inline]
pub(crate) fn new_cell<F: FnOnce() -> T, T, S: ScopeRef>(
    f: F,
    class: Class,
    site: &'static Location<'static>,
    extras: Option<Box<Extras>>,
    scope: S,
) -> GBox {
    let place: NonNull<Cell<F, T, S>> = memory::take(Layout::new::<Cell<F, T, S>>()).cast();
    let cell = Cell {
        g: G {
            vtable: Ops::<F, T, S>::VTABLE,
            state: State::new(true),
            class,
            outcome: StdCell::new(Outcome::Pending),
            id: StdCell::new(0),
            parent: StdCell::new(0),
            site,
            slot: AtomicPtr::new(ptr::null_mut()),
            joiner: AtomicPtr::new(ptr::null_mut()),
            extras,
        },
        scope,
        stage: UnsafeCell::new(Stage::<F, T> { closure: ManuallyDrop::new(f) }),
    };
    // SAFETY: memory for one, and nobody else's.
    unsafe { place.write(cell) };
    GBox(place.cast())
}

/// Typeless access to the allocation. Each method asks for the side that may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct GBox(NonNull<G>);

impl GBox {
    pub(crate) fn of(g: GRef) -> Self {
        Self(g.as_ptr())
    }

    pub(crate) fn as_ref(self) -> GRef {
        GRef::from_ptr(self.0)
    }

    fn header(&self) -> &G {
        // SAFETY: every method's caller owns a side of it, so it is alive.
        unsafe { self.0.as_ref() }
    }

    /// Runs the closure and stores what it returned, or hands back what it panicked with.
    ///
    /// # Safety
    /// The runtime side, once, on the goroutine's carrier, outcome Pending.
    #[inline]
    pub(crate) unsafe fn run(self) -> Result<(), Payload> {
        // SAFETY: as the caller says.
        let result = unsafe { (self.header().vtable.run)(self.0) };
        self.header().set_outcome(match result {
            Ok(()) => Outcome::Value,
            // The closure is consumed and nothing is in its place.
            Err(_) => Outcome::Cancelled,
        });
        result
    }

    /// Stores what it panicked with.
    ///
    /// # Safety
    /// The runtime side, after `run` failed.
    pub(crate) unsafe fn put_panic(self, payload: Payload) {
        // SAFETY: as the caller says; the stage is empty.
        unsafe { (self.header().vtable.put_panic)(self.0, payload) };
        self.header().set_outcome(Outcome::Panic);
    }

    /// Drops whatever the stage holds and marks it `after`. User code runs, and may panic.
    ///
    /// # Safety
    /// The side that owns the stage.
    pub(crate) unsafe fn drop_stage(self, after: Outcome) {
        struct Mark(GBox, Outcome);
        impl Drop for Mark {
            fn drop(&mut self) {
                self.0.header().set_outcome(self.1);
            }
        }
        let mark = Mark(self, after);
        // SAFETY: as the caller says.
        unsafe { (self.header().vtable.drop_stage)(self.0) };
        drop(mark);
    }

    /// Fetches the payload.
    ///
    /// # Safety
    /// The handle, COMPLETE seen, outcome Panic.
    pub(crate) unsafe fn take_panic(self) -> Payload {
        self.header().set_outcome(Outcome::Taken);
        // SAFETY: as the caller says.
        unsafe { (self.header().vtable.take_panic)(self.0) }
    }

    /// Fetches the value.
    ///
    /// # Safety
    /// The handle, COMPLETE seen, outcome Value, and `T` is the goroutine's.
    pub(crate) unsafe fn take_value<T>(self) -> T {
        let mut out = std::mem::MaybeUninit::<T>::uninit();
        self.header().set_outcome(Outcome::Taken);
        // SAFETY: as the caller says.
        unsafe { (self.header().vtable.take_value)(self.0, out.as_mut_ptr().cast()) };
        // SAFETY: just written.
        unsafe { out.assume_init() }
    }

    /// The scope that waits for it.
    ///
    /// # Safety
    /// The runtime side before COMPLETE, or the handle.
    pub(crate) unsafe fn scope(self) -> Option<NonNull<dyn Scope>> {
        // SAFETY: as the caller says.
        unsafe { (self.header().vtable.scope)(self.0) }
    }

    /// Frees the memory; the stage was dropped or taken.
    ///
    /// # Safety
    /// The last side.
    #[inline]
    pub(crate) unsafe fn free(self) {
        let free = self.header().vtable.free;
        // SAFETY: as the caller says.
        unsafe { free(self.0) };
    }
}
