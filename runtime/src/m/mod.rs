//! M, the machine: an OS thread that runs goroutines.
//!
//! Invariants:
//! 1. An M is made before its thread starts and freed after it ended and nobody can name it
//!    any more (the scheduler keeps it to its own end).
//! 2. Only its own thread touches [`Own`].
//! 3. The thread-local word that names the current M is read by [`current`] alone, which is
//!    never inlined: a goroutine may go on with another thread, and an address of thread-local
//!    memory that a caller kept over a switch would be another thread's. **After a switch, the
//!    M comes from the switch.**
//! 4. What its P owns it touches inside the runtime alone, between `enter` and `leave`, and after `enter`
//!    it asks again whether it has one: see [`Entry`]. No user code runs inside. `leave` restores
//!    what `enter` returned, so entries nest.

mod courtesy;
mod detached;
mod entry;
mod stand;

pub(crate) use courtesy::Courtesy;
pub(crate) use detached::Detached;
pub(crate) use entry::{Entry, OTHERS, PREEMPT, SEEDED, TIMERS};
pub(crate) use stand::Stand;

use crate::carrier::Slot;
use crate::g::{GRef, Runnable};
use crate::lock::Holder;
use crate::p::Held;
use crate::parker::ParkWord;
use crate::prim::atomic::{AtomicBool, AtomicU32, fence};
use crate::prim::global::{self, AtomicPtr, Ordering};
use crate::util::Rng;
use crossbeam_utils::CachePadded;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// What anybody may see.
#[derive(Debug)]
pub(crate) struct M {
    pub(crate) id: u32,
    /// Where it sleeps when there is nothing to run.
    pub(crate) word: ParkWord,
    /// As locks know it.
    pub(crate) holder: &'static Holder,
    /// The P that a waker gives it: index + 1, and SPINNING.
    given: AtomicU32,
    /// It may sleep in the poller, where its word does not wake it: see `sched::poll`.
    polling: AtomicBool,
    /// In the runtime or in user code, and what others want of it.
    pub(crate) entry: Entry,
    /// Where a goroutine stands that waits without leaving the thread.
    pub(crate) stand: Stand,
    /// The carrier that runs on it. Written by its own thread alone.
    pub(crate) slot: Running,
    /// The thread, as the system knows it; 0 while it has none.
    pub(crate) tid: global::AtomicU32,
    /// When and why the P left while a goroutine ran here; until it holds one again.
    pub(crate) detached: Detached,
    own: CachePadded<Own>,
}

/// The carrier that runs on an M.
#[derive(Debug)]
pub(crate) struct Running(AtomicPtr<Slot>);

impl Running {
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&'static Slot> {
        // SAFETY: null, or what `set` took; slots are never unmapped.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }

    #[inline(always)]
    pub(crate) fn set(&self, slot: Option<&'static Slot>) {
        let slot = slot.map_or(std::ptr::null(), std::ptr::from_ref);
        self.0.store(slot.cast_mut(), Ordering::Relaxed);
    }
}

/// What only its thread may touch.
#[derive(Debug)]
pub(crate) struct Own {
    /// The P it holds. Without one it runs on its own account until the next checkpoint.
    pub(crate) p: Cell<Option<Held>>,
    /// What a carrier that ends found to run next, for g0.
    pub(crate) next: Cell<Option<Runnable>>,
    /// What the goroutine that parks has claimed: it runs next.
    pub(crate) claimed: Cell<Option<GRef>>,
    /// It looks for work that may not be there.
    pub(crate) spinning: Cell<bool>,
    /// It has left warm work alone: see `sched::find`.
    pub(crate) left_warm: Cell<bool>,
    /// It took its P since a deadline came, and has found nothing that came from elsewhere.
    pub(crate) timed: Cell<bool>,
    /// Before it sleeps: see `sched::poll`.
    pub(crate) courtesy: Courtesy,
    /// Who waited for this very thread had a turn last, and not what belongs to no P: see `sched::home`.
    pub(crate) at_home: Cell<bool>,
    /// The scheduler, opaque on this floor.
    pub(crate) home: Cell<*const ()>,
    pub(crate) rng: Rng,
    /// Whom the poller has found while it slept there.
    pub(crate) woken: RefCell<Vec<&'static Slot>>,
    /// The thread is to end: a goroutine ended while pinned to it, or it has been idle for long.
    pub(crate) retire: Cell<bool>,
    /// On its own stack it ends a goroutine that there is no stack for.
    pub(crate) starves: Cell<bool>,
}

const SPINNING: u32 = 1 << 31;

// SAFETY: invariant 2: `own` is reached through `CurrentM` alone; the rest is atomic.
unsafe impl Sync for M {}
// SAFETY: it is made on one thread and run by another; nothing in it is bound to the first.
unsafe impl Send for M {}

impl Drop for M {
    fn drop(&mut self) {
        // Its thread has ended (invariant 1).
        self.holder.give();
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

thread_local! {
    static CURRENT: Cell<*const M> = const { Cell::new(std::ptr::null()) };
}

/// The M whose thread this is.
///
/// Valid until the goroutine's next switch, and never kept over one (invariant 3).
#[inline(never)]
pub(crate) fn current() -> Option<CurrentM> {
    NonNull::new(CURRENT.get().cast_mut()).map(CurrentM)
}

/// Makes `m` the M of this thread, or nobody.
#[inline(never)]
pub(crate) fn set_current(m: Option<&M>) {
    CURRENT.set(m.map_or(std::ptr::null(), std::ptr::from_ref));
}

/// Evidence that this thread is an M's. `!Send`, and good until the next switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentM(NonNull<M>);

impl std::ops::Deref for CurrentM {
    type Target = M;
    #[inline]
    fn deref(&self) -> &M {
        // SAFETY: the M outlives its thread (invariant 1), and we are on it.
        unsafe { self.0.as_ref() }
    }
}

impl CurrentM {
    /// As it travels through a switch.
    #[inline]
    pub(crate) fn into_input(self) -> NonNull<()> {
        self.0.cast()
    }

    /// As it comes out of a switch.
    ///
    /// # Safety
    /// `input` is what the switch returned, and there was none since.
    #[inline]
    pub(crate) unsafe fn from_input(input: NonNull<()>) -> Self {
        Self(input.cast())
    }

    #[inline]
    pub(crate) fn own(&self) -> &Own {
        // By invariant 2: this is that thread.
        &self.own
    }

    /// Enters the runtime. Returns what `leave` restores. Afterwards the M may find that it has
    /// no P any more.
    #[inline(always)]
    pub(crate) fn enter(self) -> u32 {
        let (before, odd) = self.entry.enter();
        if odd {
            self.answer(before);
        }
        before
    }

    /// The same, for something that `tell` tells of if the M is watched.
    #[inline(always)]
    pub(crate) fn enter_telling(self, tell: impl FnOnce()) -> u32 {
        let (before, odd) = self.entry.enter();
        if odd {
            self.answer_telling(before, tell);
        }
        before
    }

    #[cold]
    #[inline(never)]
    fn answer_telling(self, before: u32, tell: impl FnOnce()) {
        self.answer(before);
        if self.entry.is_watched() {
            tell();
        }
    }

    /// If it was asked for its P: keeps it, or finds that it has lost it.
    #[cold]
    #[inline(never)]
    fn answer(self, before: u32) {
        if self.entry.is_asked(before)
            && let Some(p) = self.own.p.get()
            && !p.owner.keep(self.id)
        {
            self.own.p.set(None);
            self.entry.lose();
        }
    }

    /// Leaves the runtime.
    #[inline(always)]
    pub(crate) fn leave(self, before: u32) {
        self.entry.leave(before);
    }

    /// Whether something is wanted of the goroutine that runs: one plain load.
    #[inline(always)]
    pub(crate) fn wanted(self) -> bool {
        self.entry.wanted()
    }
}

impl M {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            word: ParkWord::new(),
            holder: Holder::take(),
            given: AtomicU32::new(0),
            polling: AtomicBool::new(false),
            entry: Entry::new(),
            stand: Stand::new(),
            slot: Running(AtomicPtr::new(std::ptr::null_mut())),
            tid: global::AtomicU32::new(0),
            detached: Detached::new(),
            own: CachePadded::new(Own {
                p: Cell::new(None),
                next: Cell::new(None),
                claimed: Cell::new(None),
                spinning: Cell::new(false),
                left_warm: Cell::new(false),
                timed: Cell::new(false),
                courtesy: Courtesy::new(),
                at_home: Cell::new(false),
                home: Cell::new(std::ptr::null()),
                rng: Rng::new(),
                woken: RefCell::new(Vec::new()),
                retire: Cell::new(false),
                starves: Cell::new(false),
            }),
        }
    }

    /// Gives it a P and wakes it.
    pub(crate) fn give(&self, p: u32, spinning: bool) {
        let spin = if spinning { SPINNING } else { 0 };
        // Release pairs with `given`: it sees all that the P's last holder did.
        self.given.store((p + 1) | spin, Ordering::Release);
        let _ = self.word.notify();
    }

    /// Whether it was given a P.
    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::Relaxed) != 0
    }

    /// Takes the P that it was given.
    pub(crate) fn given(&self) -> Option<(u32, bool)> {
        let word = self.given.swap(0, Ordering::Acquire);
        let p = (word & !SPINNING).checked_sub(1)?;
        Some((p, word & SPINNING != 0))
    }

    /// It is about to sleep in the poller. `false`: it has been given a P, and is not to.
    #[must_use]
    pub(crate) fn begin_poll(&self) -> bool {
        self.polling.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        !self.is_given()
    }

    /// It does not sleep there any more.
    pub(crate) fn end_poll(&self) {
        self.polling.store(false, Ordering::Relaxed);
    }

    /// Whether it may sleep in the poller, for who has just given it a P.
    pub(crate) fn may_poll(&self) -> bool {
        fence(Ordering::SeqCst);
        self.is_polling()
    }

    /// The same, for who looks from outside.
    pub(crate) fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }
}
