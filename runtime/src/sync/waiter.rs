//! What the rooms of `sync` share: a lock around the lists of who waits, and the way one waits.
//!
//! A waiter is a node on its own stack. The room lists it under its lock. Who releases it takes it out
//! under the lock and, once the lock is free again, tells it so and wakes it:
//!
//! ```text
//!             push               take                 release
//!   unlisted ------> listed ------------> taken -----------------> released: the waiter goes on
//!       ^               |    (room's lock)    (no lock, and a wake-up)
//!       +---------------+
//!             leave: its time is up, or it is cancelled
//! ```
//!
//! A wait does not unwind by itself (`wait::rest`): a waiter that is to end asks under the lock
//! whether it was taken before it could leave. If so, what it waited for has come, and is used.
//!
//! Invariants:
//! 1. The lists lie in a [`Locked`], and nothing in there parks, wakes or runs user code.
//! 2. A waiter that is listed or taken stays where it is: whoever listed it returns only after it
//!    has left the list or was released.
//! 3. Who took a waiter releases it, once. After the store that does so it may be gone: its slot is
//!    read before.
//! 4. `taken` and the links and the tag of a listed waiter are touched under the lock, the links of a taken
//!    one by who took it.

use crate::carrier::Slot;
use crate::prim::atomic::{AtomicU32, Ordering};
use crate::wait::{self, Linked, Links, List, Until, What};
use std::cell::Cell;
use std::ptr::NonNull;

pub(super) use crate::wait::Locked;

/// Not released yet. What it is released with is the room's own code, and not this.
const WAITING: u32 = 0;

/// Who waits, on its own stack.
#[derive(Debug)]
pub(super) struct Waiter {
    links: Links<Self>,
    slot: &'static Slot,
    word: AtomicU32,
    taken: Cell<bool>,
    /// What the room wants to know about it.
    tag: Cell<usize>,
}

/// Why a wait is to end before its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    TimedOut,
    Cancelled,
}

impl End {
    /// Unwinds the goroutine if that is why.
    pub(super) fn raise(self) {
        if self == Self::Cancelled {
            wait::unwind();
        }
    }
}

impl Linked for Waiter {
    #[inline]
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Waiter {
    #[inline]
    pub(super) fn new(slot: &'static Slot, tag: usize) -> Self {
        Self {
            links: Links::new(),
            slot,
            word: AtomicU32::new(WAITING),
            taken: Cell::new(false),
            tag: Cell::new(tag),
        }
    }

    /// What the room wants to know about it. Once it is listed, under the lock.
    pub(super) fn tag(&self) -> &Cell<usize> {
        &self.tag
    }

    /// Released, it may be listed again.
    pub(super) fn renew(&mut self) {
        self.word = AtomicU32::new(WAITING);
        self.taken.set(false);
    }

    /// What it was released with. Acquire pairs with [`Taken::release`].
    #[inline]
    fn code(&self) -> Option<u32> {
        Some(self.word.load(Ordering::Acquire)).filter(|code| *code != WAITING)
    }

    /// Waits until it is released. `Err`: it is to end before; the caller makes it
    /// [leave](Queue::leave), and if it was taken already waits on with [`wait_taken`](Self::wait_taken).
    /// Inlined: each frame between the user's call and the switch is a line of a stack that is in no cache when there are many.
    #[inline(always)]
    pub(super) fn wait(&self, why: impl Into<What>, until: Until<'_>) -> Result<u32, End> {
        let why = why.into();
        loop {
            if let Some(code) = self.code() {
                return Ok(code);
            }
            if until.is_over() {
                return Err(End::TimedOut);
            }
            if wait::to_be_unwound(self.slot) {
                return Err(End::Cancelled);
            }
            wait::rest(self.slot, why, until);
        }
    }

    /// Waits for the release that is on its way.
    #[cold]
    pub(super) fn wait_taken(&self, why: impl Into<What>) -> u32 {
        let why = why.into();
        loop {
            if let Some(code) = self.code() {
                return code;
            }
            wait::rest(self.slot, why, Until::NEVER);
        }
    }
}

/// Waiters in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue(List<Waiter>);

impl Queue {
    pub(super) const fn new() -> Self {
        Self(List::new())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is exactly one.
    #[inline]
    pub(super) fn has_one(&self) -> bool {
        self.0.has_one()
    }

    /// Lists `waiter` behind the others.
    ///
    /// # Safety
    /// It is new or renewed, and the caller keeps to invariant 2.
    #[inline]
    pub(super) unsafe fn push_back(&mut self, waiter: &Waiter) {
        // SAFETY: as the caller says.
        unsafe { self.0.push_back(waiter) };
    }

    /// Lists `waiter` before the others.
    ///
    /// # Safety
    /// As [`push_back`](Self::push_back).
    #[inline]
    pub(super) unsafe fn push_front(&mut self, waiter: &Waiter) {
        // SAFETY: as the caller says.
        unsafe { self.0.push_front(waiter) };
    }

    /// Takes the first.
    #[inline]
    pub(super) fn take_front(&mut self) -> Option<Taken> {
        let waiter = self.0.pop_front()?;
        waiter.taken.set(true);
        Some(Taken(NonNull::from(waiter)))
    }

    /// Takes the first ones, as long as `f` says so of their tags.
    pub(super) fn take_while(&mut self, mut f: impl FnMut(usize) -> bool) -> TakenList {
        let (mut taken, mut stride) = (List::new(), Stride::default());
        while let Some(waiter) = self.0.front()
            && f(waiter.tag.get())
        {
            stride.follow(waiter);
            // SAFETY: it is the first of this list.
            unsafe { self.0.unlink(waiter) };
            waiter.taken.set(true);
            // SAFETY: it is in no list now, and stays until it is released (invariant 2).
            unsafe { taken.push_back(waiter) };
        }
        TakenList(taken)
    }

    /// Calls `f` with the tags, from the first on, as long as it says so.
    pub(super) fn for_each_while(&mut self, mut f: impl FnMut(&Cell<usize>) -> bool) {
        self.0.iter().take_while(|waiter| f(&waiter.tag)).for_each(drop);
    }

    /// Takes `waiter` out, which is not to wait any more. `false`: it was taken, and its release is
    /// on its way.
    ///
    /// # Safety
    /// It was listed here.
    pub(super) unsafe fn leave(&mut self, waiter: &Waiter) -> bool {
        if waiter.taken.get() {
            return false;
        }
        // SAFETY: it was listed here, as the caller says, and was not taken.
        unsafe { self.0.unlink(waiter) };
        true
    }
}

/// Asks the memory for waiters ahead of those that are taken.
///
/// Each lies on a stack of its own, in a page that no cache and no TLB holds when there are many, and it alone knows where
/// the next one is: who takes them would wait for one after the other. But goroutines that were started together have their
/// stacks side by side, and stand at the same depth if they wait in the same place. So it is guessed that the steps go on as the last
/// two that were equal. A wrong guess costs nothing but the memory's time. (A million released: 827 to 669 ns each with one processor, 515
/// to 397 with two. To note in each where a later one is brought as much, but cost the other end more.)
#[derive(Debug, Default)]
struct Stride {
    last: usize,
    /// The last step, and the last one that there were two of in a row.
    before: usize,
    step: usize,
}

impl Stride {
    /// So many steps ahead: far enough for the memory to answer meanwhile, and near enough to be right.
    const AHEAD: usize = 4;

    #[inline]
    fn follow(&mut self, waiter: &Waiter) {
        let at = std::ptr::from_ref(waiter).addr();
        let step = at.wrapping_sub(self.last);
        if step == self.before {
            self.step = step;
        }
        crate::sys::prefetch(at.wrapping_add(self.step.wrapping_mul(Self::AHEAD)));
        (self.last, self.before) = (at, step);
    }
}

/// A waiter that was taken from its queue.
#[must_use = "it waits for its release"]
#[derive(Debug)]
pub(super) struct Taken(NonNull<Waiter>);

impl Taken {
    /// Lets it go on with `code`. Not under the lock.
    #[inline]
    pub(super) fn release(self, code: u32) {
        // SAFETY: taken, and not released before: alive (invariant 2).
        let waiter = unsafe { self.0.as_ref() };
        let slot = waiter.slot;
        // Release pairs with the Acquire of `code`. Invariant 3.
        waiter.word.store(code, Ordering::Release);
        wait::wake(slot);
    }
}

/// Waiters that were taken from their queue, in order.
#[must_use = "they wait for their release"]
#[derive(Debug)]
pub(super) struct TakenList(List<Waiter>);

impl TakenList {
    /// Of nobody.
    pub(super) const fn new() -> Self {
        Self(List::new())
    }

    /// Lets them go on with `code`. Not under the lock.
    ///
    /// The first one is woken last: it runs next, and the others behind it in their order.
    #[inline]
    pub(super) fn release(mut self, code: u32) {
        let Some(first) = self.pop() else { return };
        self.release_in_order(code);
        first.release(code);
    }

    /// The same, the first one first.
    #[inline]
    pub(super) fn release_in_order(mut self, code: u32) {
        while let Some(waiter) = self.pop() {
            waiter.release(code);
        }
    }

    /// The first one.
    pub(super) fn pop(&mut self) -> Option<Taken> {
        Some(Taken(NonNull::from(self.0.pop_front()?)))
    }
}
