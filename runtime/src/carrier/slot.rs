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
//! 4. `job` is null before the job's memory can be freed, and is set only after `id`, which never comes again. So who reads
//!    the same job and id twice ([`Slot::seen`]), with an Acquire fence before the second time, knows that the job was alive between, and
//!    that what was read in between is the job's: `id` was stored after its memory was written (Release, Acquire), and whoever
//!    writes something else there does so after the null (a Release fence, and the reader's). The model in `loom_tests` checks this.

use super::depth::{FRESH, NONE};
use super::look::Look;
use crate::parker::ParkWord;
use crate::prim::atomic::{AtomicPtr, AtomicU64, fence};
use crate::prim::global::{self, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use crate::stack::{Class, Regs, Stack, guard_size};
use crate::sys::{self, LINE};
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

/// In [`Slot::bound`]: no M yet; the one that runs it first becomes its own.
pub(crate) const FIRST: u32 = u32::MAX;

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
    /// Whether it has a stack, and whose memory that is: one of the constants in `depth`.
    pub(super) stack: AtomicU8,
    /// The class of the stack, and its lowest address, below. Atomic for those who look from outside.
    class: AtomicU8,
    /// The M it must run on, id + 1; 0 for any; [`FIRST`] for the one that runs it first.
    pub(crate) bound: Cell<u32>,
    home: global::AtomicPtr<()>,
    /// The job it runs. Atomic for those who look from outside (dumps, shutdown).
    job: AtomicPtr<()>,
    /// The goroutine's id, for those who look from outside.
    pub(crate) id: AtomicU64,
    /// The goroutine's locals.
    pub(crate) locals: Cell<*mut ()>,
    /// What it waits for, for dumps: an address, or what the reason says.
    pub(crate) object: AtomicUsize,
    yielder: Cell<*const Yielder<Input, Cmd>>,
    co: UnsafeCell<MaybeUninit<Co>>,
    /// When its goroutine began to wait, in ticks, or it became idle, in seconds: of the monitor's clock.
    pub(crate) since: AtomicU32,
    /// Goroutines that the goroutine has spawned since it last waited for one.
    pub(crate) spawns: Cell<u8>,
    /// How many cache lines of its stack there are from where it parked to the base. 0: it did not, or they are too many.
    parked_at: Cell<u8>,
    /// How many frames hold the goroutine on its thread.
    pub(crate) pins: Cell<u16>,
    /// How many frames keep cancellation away.
    pub(crate) masks: Cell<u16>,
    /// How often cancellation was raised in this goroutine.
    pub(crate) raised: Cell<u8>,
    /// The goroutine has entered another runtime.
    pub(crate) entered: Cell<bool>,
    /// How many frames of `panic` the goroutine is in.
    pub(crate) frames: Cell<u32>,
    /// What is known of panics that have not been caught.
    pub(crate) panics: Cell<*mut ()>,
    limit: AtomicUsize,
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
            home: global::AtomicPtr::new(std::ptr::null_mut()),
            job: AtomicPtr::new(std::ptr::null_mut()),
            id: AtomicU64::new(0),
            locals: Cell::new(std::ptr::null_mut()),
            object: AtomicUsize::new(0),
            yielder: Cell::new(std::ptr::null()),
            co: UnsafeCell::new(MaybeUninit::uninit()),
            since: AtomicU32::new(0),
            bound: Cell::new(0),
            spawns: Cell::new(0),
            parked_at: Cell::new(0),
            pins: Cell::new(0),
            masks: Cell::new(0),
            raised: Cell::new(0),
            entered: Cell::new(false),
            frames: Cell::new(0),
            panics: Cell::new(std::ptr::null_mut()),
            reachable: Cell::new(false),
            stack: AtomicU8::new(NONE),
            class: AtomicU8::new(0),
            limit: AtomicUsize::new(0),
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

    /// Its next job, that of goroutine `id`. In this order, for those who look from outside (invariant 4).
    #[inline]
    pub(crate) fn set_job(&self, job: *mut (), id: u64) {
        // Release, here and below, pairs with the Acquire of `seen`.
        self.id.store(id, Ordering::Release);
        self.job.store(job, Ordering::Release);
    }

    /// The job's end, before anybody may free it (invariant 4).
    #[inline]
    pub(crate) fn clear_job(&self) {
        self.job.store(std::ptr::null_mut(), Ordering::Relaxed);
        // Pairs with that of who has looked: what lies there next comes after this.
        fence(Ordering::Release);
    }

    /// The same job again, which nobody could free meanwhile.
    #[inline]
    pub(crate) fn resume_job(&self, job: *mut ()) {
        self.job.store(job, Ordering::Release);
    }

    /// Its job and the goroutine's id, for who looks from outside. If it sees the same before and after, the job was
    /// there all the time (invariant 4).
    pub(crate) fn seen(&self) -> (*mut (), u64) {
        let job = self.job.load(Ordering::Acquire);
        (job, self.id.load(Ordering::Acquire))
    }

    /// Whether a carrier stands behind this slot; a thread's slot has none.
    pub(crate) fn has_stack(&self) -> bool {
        self.stack.load(Ordering::Relaxed) != NONE
    }

    /// Builds the carrier of this slot on `stack`. Nothing runs yet.
    ///
    /// # Safety
    /// The caller holds the slot (invariant 2), and it has no stack.
    pub(crate) unsafe fn build(&'static self, stack: Stack, body: Body) {
        debug_assert!(!self.has_stack());
        self.class.store(stack.class().index() as u8, Ordering::Relaxed);
        self.limit.store(stack.limit().get(), Ordering::Relaxed);
        let co = Co::with_stack(stack, move |yielder: &Yielder<Input, Cmd>, input| {
            self.yielder.set(yielder);
            body(self, input);
        });
        // SAFETY: the caller holds the slot, so nobody else reads or writes `co`.
        unsafe { *self.co.get() = MaybeUninit::new(co) };
        self.stack.store(FRESH, Ordering::Relaxed);
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
        self.parked_at.set(0);
        // SAFETY: as the caller says.
        unsafe { self.switch_back(cmd) }
    }

    /// # Safety
    /// As [`suspend`](Self::suspend).
    #[inline(always)]
    unsafe fn switch_back(&self, cmd: Cmd) -> Input {
        // SAFETY: the yielder lies at the base of the stack we are on, and was stored by
        // the carrier's first instruction.
        let yielder = unsafe { &*self.yielder.get() };
        yielder.suspend(cmd)
    }

    /// Suspends with [`Cmd::Park`]. Who holds the carrier meanwhile may have itself shown where it stands: with no more
    /// stack than to suspend takes, for there may be none.
    ///
    /// # Safety
    /// As [`suspend`](Self::suspend).
    #[inline(always)]
    pub(crate) unsafe fn suspend_parked(&self) -> Input {
        loop {
            self.note_stack();
            // SAFETY: as the caller says.
            let input = unsafe { self.switch_back(Cmd::Park) };
            if !Look::is(input) {
                return input;
            }
            std::hint::cold_path();
            // SAFETY: whoever looks waits for us in `look_at`, with a `Look` of its own.
            unsafe { Look::show(input) };
        }
    }

    /// Notes where the stack ends, for [`fetch`](Self::fetch).
    #[inline(always)]
    fn note_stack(&self) {
        let frame = 0_u8;
        let used = self.yielder.get().addr().wrapping_sub(std::ptr::from_ref(&frame).addr());
        self.parked_at.set(u8::try_from(used.div_ceil(LINE)).unwrap_or(0));
    }

    /// It has waited in a queue and goes on: asks the memory for its job and the frames that it returns through, if it was parked. When its
    /// stack is in no cache, they come together so; else each would be waited for, for the next return address lies in the
    /// next line.
    ///
    /// The caller holds the carrier.
    #[inline(always)]
    pub(crate) fn fetch(&self) {
        const LINES: usize = 8;
        let depth = usize::from(self.parked_at.get());
        if depth != 0 {
            sys::prefetch(self.job().addr());
            sys::prefetch_all(self.yielder.get().addr().wrapping_sub(depth * LINE), LINES * LINE);
        }
    }

    /// The address above all that is touched of the carrier's stack as its jobs come and go.
    ///
    /// The caller holds the carrier.
    #[inline(always)]
    pub(crate) fn stack_top(&self) -> usize {
        self.yielder.get().addr().wrapping_add(LINE)
    }

    /// It is idle and will soon have a job: asks the memory for where that begins to write. With a million stacks in turn, none of them
    /// is in a cache, and each line would be waited for as the job comes to it.
    ///
    /// The caller holds the carrier.
    #[inline(always)]
    pub(crate) fn fetch_idle(&self) {
        const LINES: usize = 18;
        sys::prefetch_all(self.stack_top().wrapping_sub(LINES * LINE), LINES * LINE);
    }

    /// Where the carrier stands: the registers of a frame that is there until it is resumed. `None`: this machine's are
    /// not known.
    ///
    /// # Safety
    /// The caller holds the carrier, which is parked by [`suspend_parked`](Self::suspend_parked).
    pub(crate) unsafe fn look_at(&self) -> Option<Regs> {
        let look = Look { regs: Cell::new(None) };
        // SAFETY: as the caller says.
        let cmd = unsafe { self.resume(look.as_input()) };
        debug_assert_eq!(cmd, Cmd::Park);
        look.regs.get()
    }

    /// The class of the stack; meaningful while there is one.
    pub(crate) fn class(&self) -> Class {
        Class::from_index(self.class.load(Ordering::Relaxed).into())
    }

    /// Reads a word of the stack. `None`: it is not there.
    ///
    /// # Safety
    /// The caller holds the carrier, or runs on it.
    #[inline]
    pub(crate) unsafe fn stack_word(&self, addr: usize) -> Option<usize> {
        let last = self.stack_end() - size_of::<usize>();
        let words = self.stack_floor()..=last;
        // SAFETY: above the guard, and in the stack, which is mapped for ever.
        words.contains(&addr).then(|| unsafe { load(addr) })
    }

    /// The address behind the stack's highest.
    pub(crate) fn stack_end(&self) -> usize {
        self.stack_limit() + self.class().bytes()
    }

    /// The lowest address of the stack, where its guard lies.
    pub(crate) fn stack_limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The lowest address that can be used: above the guard.
    pub(crate) fn stack_floor(&self) -> usize {
        self.stack_limit() + guard_size()
    }

    /// Lets an idle carrier leave its body, and gives back its stack.
    ///
    /// # Safety
    /// The caller holds the carrier; it is idle (suspended with `Done`, or new) and has no
    /// job, upon which its body returns; `input` is what its body accepts.
    pub(crate) unsafe fn dismantle(&self, input: Input) -> Stack {
        // SAFETY: the caller holds the carrier; without a stack there was nothing to call.
        let co = unsafe { &*self.co.get() };
        // SAFETY: built, and read out once: `stack` says that it is gone.
        let mut co = unsafe { co.assume_init_read() };
        self.stack.store(NONE, Ordering::Relaxed);
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

/// What lies at `addr`, which may belong to anything. An instruction that the compiler does not look into:
/// it might be part of somebody's `&mut`, or was never written.
///
/// # Safety
/// It can be read.
#[inline]
unsafe fn load(addr: usize) -> usize {
    let word: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as the caller says.
    unsafe {
        std::arch::asm!("mov {word}, [{addr}]", word = out(reg) word, addr = in(reg) addr, options(nostack, readonly, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as the caller says.
    unsafe {
        std::arch::asm!("ldr {word}, [{addr}]", word = out(reg) word, addr = in(reg) addr, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        // Nobody walks a stack on this machine.
        word = addr & 0;
    }
    word
}
