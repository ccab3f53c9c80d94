//! The slot: a carrier's header, which outlives it.
//!
//! Invariants:
//! 1. Slots live in a process-wide slab that is never unmapped, and a slot's memory is never
//!    used as anything else: `&'static Slot` is always valid, and a wake-up that comes too late
//!    finds a word, never garbage. The worst it does is wake somebody for no reason.
//! 2. A carrier has one *holder* at a time: the thread it runs on, or whoever took it from a
//!    queue, or the pool it lies in. Only the holder touches the fields that are not atomic.
//!    It passes from hand to hand through [`ParkWord`], a run queue or a lock, each of which
//!    orders what came before.
//! 3. All zero is a free slot.

use crate::parker::ParkWord;
use crate::prim::global::{AtomicPtr, AtomicU8, AtomicU64, Ordering};
use crate::stack::{Class, Stack};
use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Why a carrier switched back to g0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cmd {
    /// Its job waits on the slot's word.
    Park,
    /// Its job may go on, behind the others.
    Yield,
    /// It has no job.
    Done,
}

/// What passes into a carrier: the scheduler's own context, opaque here. `NonNull`
/// travels in a register.
type Input = NonNull<()>;
type Co = Coroutine<Input, Cmd, (), Stack>;

/// What a carrier runs. It takes jobs from its slot until told to return.
pub(crate) type Body = fn(&'static Slot, Input);

/// A carrier's header; also lent, without a stack, to plain threads that wait.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slot {
    /// Where its goroutine, or the thread, waits.
    pub(crate) word: ParkWord,
    /// What it waits for, for dumps: the waiting room's own code.
    pub(crate) reason: AtomicU8,
    /// The goroutine has published its slot to those who hold a handle.
    pub(crate) reachable: Cell<bool>,
    has_stack: Cell<bool>,
    class: Cell<Class>,
    /// The M it must run on, id + 1; 0 for any.
    pub(crate) bound: Cell<u32>,
    home: AtomicPtr<()>,
    /// The job it runs. Atomic for those who look from outside (dumps, shutdown).
    job: AtomicPtr<()>,
    /// The goroutine's id, for those who look from outside.
    pub(crate) id: AtomicU64,
    /// The goroutine's locals.
    pub(crate) locals: Cell<*mut ()>,
    yielder: Cell<*const Yielder<Input, Cmd>>,
    co: UnsafeCell<MaybeUninit<Co>>,
    /// When it became idle, in seconds of the housekeeper's clock.
    pub(crate) idle_since: Cell<u32>,
    /// Goroutines that the goroutine has spawned since it last waited for one.
    pub(crate) spawns: Cell<u32>,
    /// How many frames hold the goroutine on its thread.
    pub(crate) pins: Cell<u16>,
    /// How many frames keep cancellation away.
    pub(crate) masks: Cell<u16>,
    /// How often cancellation was raised in this goroutine.
    pub(crate) raised: Cell<u16>,
    /// How many runtimes the goroutine has entered.
    pub(crate) entered: Cell<u32>,
    /// How many frames of `panic` the goroutine is in.
    pub(crate) frames: Cell<u32>,
    /// What is known of panics that have not been caught.
    pub(crate) panics: Cell<*mut ()>,
    limit: Cell<usize>,
}

// AddressSanitizer keeps bounds of stacks in it.
#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(
    size_of::<Slot>() == 128 || cfg!(feature = "sanitizer"),
    "a million slots are a million times this"
);

// SAFETY: invariant 2: the fields that are not atomic are touched by the holder alone.
unsafe impl Sync for Slot {}

impl Slot {
    /// A thread's slot: loom's words cannot be zeroed memory.
    #[cfg(any(loom, shuttle))]
    pub(super) fn for_model() -> Self {
        Self {
            word: ParkWord::new(),
            reason: AtomicU8::new(0),
            home: AtomicPtr::new(std::ptr::null_mut()),
            job: AtomicPtr::new(std::ptr::null_mut()),
            id: AtomicU64::new(0),
            locals: Cell::new(std::ptr::null_mut()),
            entered: Cell::new(0),
            yielder: Cell::new(std::ptr::null()),
            co: UnsafeCell::new(MaybeUninit::uninit()),
            idle_since: Cell::new(0),
            bound: Cell::new(0),
            spawns: Cell::new(0),
            pins: Cell::new(0),
            masks: Cell::new(0),
            raised: Cell::new(0),
            frames: Cell::new(0),
            panics: Cell::new(std::ptr::null_mut()),
            reachable: Cell::new(false),
            has_stack: Cell::new(false),
            class: Cell::new(Class::from_index(0)),
            limit: Cell::new(0),
        }
    }

    /// The scheduler that resumes this carrier; null for a thread's slot.
    ///
    /// Relaxed: written before the carrier first parks, and read by who won its word.
    #[inline]
    pub(crate) fn home(&self) -> *const () {
        self.home.load(Ordering::Relaxed)
    }

    pub(crate) fn set_home(&self, home: *const ()) {
        self.home.store(home.cast_mut(), Ordering::Relaxed);
    }

    /// The job, null when there is none.
    #[inline]
    pub(crate) fn job(&self) -> *mut () {
        self.job.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_job(&self, job: *mut ()) {
        self.job.store(job, Ordering::Relaxed);
    }

    /// Whether a carrier stands behind this slot; a thread's slot has none.
    pub(crate) fn has_stack(&self) -> bool {
        self.has_stack.get()
    }

    /// Builds the carrier of this slot on `stack`. Nothing runs yet.
    ///
    /// # Safety
    /// The caller holds the slot (invariant 2), and it has no stack.
    pub(crate) unsafe fn build(&'static self, stack: Stack, body: Body) {
        debug_assert!(!self.has_stack.get());
        self.class.set(stack.class());
        self.limit.set(stack.limit().get());
        let co = Co::with_stack(stack, move |yielder: &Yielder<Input, Cmd>, input| {
            self.yielder.set(yielder);
            body(self, input);
        });
        // SAFETY: the caller holds the slot, so nobody else reads or writes `co`.
        unsafe { *self.co.get() = MaybeUninit::new(co) };
        self.has_stack.set(true);
    }

    /// Switches to the carrier until it suspends.
    ///
    /// # Safety
    /// The caller holds the carrier, which is suspended or new; it is the holder again when
    /// this returns.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self, input: Input) -> Cmd {
        // SAFETY: the caller holds the carrier, so this is the only reference.
        let co = unsafe { &mut *self.co.get() };
        // SAFETY: a carrier that can be held was built.
        let co = unsafe { co.assume_init_mut() };
        match co.resume(input) {
            CoroutineResult::Yield(cmd) => cmd,
            CoroutineResult::Return(()) => Cmd::Done,
        }
    }

    /// Switches back to g0, which does `cmd`; returns the input of the next resume.
    ///
    /// # Safety
    /// Called on this carrier's own stack.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self, cmd: Cmd) -> Input {
        // SAFETY: the yielder lies at the base of the stack we are on, and was stored by
        // the carrier's first instruction.
        let yielder = unsafe { &*self.yielder.get() };
        yielder.suspend(cmd)
    }

    /// The class of the stack; meaningful while there is one.
    pub(crate) fn class(&self) -> Class {
        self.class.get()
    }

    /// The lowest address of the stack, where its guard lies.
    pub(crate) fn stack_limit(&self) -> usize {
        self.limit.get()
    }

    /// Lets an idle carrier leave its body, and gives back its stack.
    ///
    /// # Safety
    /// The caller holds the carrier; it is idle (suspended with `Done`, or new) and has no
    /// job, upon which its body returns; `input` is what its body accepts.
    pub(crate) unsafe fn dismantle(&self, input: Input) -> Stack {
        // SAFETY: the caller holds the carrier; without a stack there was nothing to call.
        let co = unsafe { &*self.co.get() };
        // SAFETY: built, and read out once: `has_stack` says that it is gone.
        let mut co = unsafe { co.assume_init_read() };
        self.has_stack.set(false);
        if co.started() {
            match co.resume(input) {
                CoroutineResult::Return(()) => {}
                CoroutineResult::Yield(cmd) => {
                    crate::util::bug(format_args!("an idle carrier did not exit: {cmd:?}"))
                }
            }
        } else {
            // SAFETY: it never ran, and its closure holds a reference and a function pointer.
            unsafe { co.force_reset() };
        }
        co.into_stack()
    }
}
