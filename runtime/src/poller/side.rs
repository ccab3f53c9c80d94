//! One direction of a socket: whether it is ready, who waits for that, until when.
//!
//! # The protocol
//! The word says what is known:
//!
//! ```text
//!   READY    the next system call may succeed. Set at first, for nothing is known
//!   EVENTS   how many events have come, in the upper bits
//!   LASTING  an event said so: it stays ready (the end of the stream, an error)
//!   CLOSED   for good
//!   TIMED    there is a deadline
//!   DIRECT   it is never waited for: the caller asked for that
//!   WAITERS  somebody is listed
//!   PAUSED   somebody pauses
//! ```
//!
//! * **Who wants to read or write** loads the word ([`Side::seen`]), and if it is READY makes the system call.
//!   If that says "would block", it takes READY back, *unless another event has come since the load*
//!   ([`Side::spent`]: a compare-exchange on the whole count). A read of a stream that got less than
//!   it had room for says the same beforehand ([`Side::drained`]), unless LASTING.
//! * **Who has to wait** lists itself under the lock, in one compare-exchange that sets WAITERS only while none of
//!   READY, CLOSED and DIRECT is set ([`Waiting::list`]), and parks until it is *released*. Then it begins again.
//! * **An event** adds one to the count and sets READY, in one compare-exchange. If that saw WAITERS, it
//!   releases the *first* who waits, and no other.
//! * **Who was released passes it on** when its operation ends, however it ends: if READY and WAITERS are set, it releases
//!   the next ([`Waiting`]'s drop).
//! * **Who pauses** before trying again, since no event says when ([`Waiting::pause`]), lists itself elsewhere, under the same lock.
//! * Closing, and moving the deadline, release all who are listed or pause: they look again.
//!
//! # Why nobody sleeps beside data
//! *Nothing is forgotten by `spent`.* Let the kernel have become ready after the system call that said "would
//! block". Its event is edge-triggered, so it is reported after that, and its exchange of the word comes after the load of
//! `seen`. If it came before the exchange of `spent`, that one finds another count and does nothing; if
//! after, it sets READY again. An event that came before the load was about something that the system call
//! saw. A socket that is added to a poller counts as one that becomes ready then, if it is ready.
//! And a short read of TCP is a system call that found nothing after the last byte it took, as far as that was
//! there when it began; the end of the stream and urgent data, which end a read early, are LASTING, or
//! their event is still to come, which is an event after the load.
//!
//! *READY and a listed waiter mean that somebody is on the way.* Claim: whenever READY and WAITERS are
//! both set, an event is between its exchange and its release, or somebody is released and has not ended its operation.
//! WAITERS is set only while READY is not. So the event that sets READY next sees WAITERS, and releases the first.
//! That one ends with "would block" and takes READY back, or finds a newer event and goes on, or ends and passes
//! it on. Whoever was not released may take the data first; then the released one finds nothing, and
//! lists itself again, with READY taken back. A released waiter that is unwound, or too late, or whose
//! call fails, passes it on, too.
//!
//! *Who pauses is no part of this.* It leaves READY as it is, for what it was refused says nothing of what others want: the
//! socket may be ready all along, and then there is no event that sets READY again. And no event, and nobody who passes
//! one on, releases it, for that one would be lost to those who wait. PAUSED is to it what WAITERS is to them, and its exchange fails
//! when CLOSED or DIRECT is set; so it misses neither.
//!
//! Waking all instead would need no such argument. But then each connection wakes every goroutine that accepts, and
//! all but one wait again.
//!
//! Invariants:
//! 1. WAITERS and PAUSED are set exactly while somebody is in the list that is theirs, when the lock is free. They are
//!    changed under the lock.
//! 2. A [`Waiting`] stays where it is while it is listed: [`Side::enter`] keeps it, and its drop takes it out.
//! 3. Who takes a waiter out of the list releases it, under the lock. After the store that does so it may
//!    be gone: its slot is read before. Waking the slot comes after the lock.
//! 4. The lists are touched under the lock alone.

use super::moment::{self, NEVER};
use crate::carrier::Slot;
use crate::prim::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::prim::{SpinLock, UnsafeCell};
use crate::queue::{Linked, Links, List};
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

const READY: u64 = 1;
const LASTING: u64 = 1 << 1;
const CLOSED: u64 = 1 << 2;
const TIMED: u64 = 1 << 3;
const DIRECT: u64 = 1 << 4;
const WAITERS: u64 = 1 << 5;
const PAUSED: u64 = 1 << 6;
/// One event.
pub(super) const EVENT: u64 = 1 << 8;

/// What wakes who waits on a slot.
pub(crate) type Wake = fn(&'static Slot);

/// See the [module](self).
pub(crate) struct Side {
    word: AtomicU64,
    /// As [`moment::number`] says, or [`NEVER`].
    deadline: AtomicU64,
    /// How long a wait may take, in nanoseconds, or [`NEVER`].
    timeout: AtomicU64,
    lock: SpinLock,
    lists: UnsafeCell<Lists>,
}

/// Each with the flag that says whether it is empty.
struct Lists {
    waiting: List<Waiter>,
    pausing: List<Waiter>,
}

impl Lists {
    fn of(&mut self, flag: u64) -> &mut List<Waiter> {
        if flag == WAITERS { &mut self.waiting } else { &mut self.pausing }
    }
}

// SAFETY: the lists are touched under the lock alone (invariant 4).
unsafe impl Sync for Side {}
impl std::panic::RefUnwindSafe for Side {}

/// The word, as it was before a system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Ready, and nothing else to be thought of: the way of nearly every call.
    #[inline(always)]
    pub(crate) fn goes(self) -> bool {
        self.0 & (READY | CLOSED | TIMED) == READY
    }

    pub(crate) fn is_ready(self) -> bool {
        self.0 & READY != 0
    }

    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// An event said that it stays ready.
    pub(crate) fn is_lasting(self) -> bool {
        self.0 & LASTING != 0
    }

    /// It does not wait.
    pub(crate) fn is_direct(self) -> bool {
        self.0 & DIRECT != 0
    }
}

impl Side {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(READY),
            deadline: AtomicU64::new(NEVER),
            timeout: AtomicU64::new(NEVER),
            lock: SpinLock::new(),
            lists: UnsafeCell::new(Lists { waiting: List::new(), pausing: List::new() }),
        }
    }

    /// For another socket. Nobody uses it.
    pub(super) fn renew(&self) {
        self.word.store(READY, Ordering::Relaxed);
        self.deadline.store(NEVER, Ordering::Relaxed);
        self.timeout.store(NEVER, Ordering::Relaxed);
    }

    /// What is known. Before the system call: Acquire pairs with the exchange of
    /// [`event`](Self::event).
    #[inline(always)]
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.word.load(Ordering::Acquire))
    }

    /// The system call after `seen` said "would block".
    pub(crate) fn spent(&self, seen: Seen) {
        self.take_back(seen, 0);
    }

    /// The read after `seen` got less than it had room for.
    #[inline]
    pub(crate) fn drained(&self, seen: Seen) {
        self.take_back(seen, LASTING);
    }

    /// Takes READY back, unless a newer event has come or one of `but` is set.
    #[inline]
    fn take_back(&self, seen: Seen, but: u64) {
        let mut word = seen.0;
        while word & READY != 0 && word & but == 0 && word / EVENT == seen.0 / EVENT {
            // Nobody learns anything from it but that it is not set.
            match self.word.compare_exchange(
                word,
                word & !READY,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// An event has come. Who is to be woken for it.
    #[must_use = "it was released, and sleeps"]
    pub(super) fn event(&self, lasting: bool) -> Option<&'static Slot> {
        let more = READY | if lasting { LASTING } else { 0 };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            // AcqRel: Release pairs with `seen`; Acquire with the exchange of `list`.
            match self.word.compare_exchange_weak(
                word,
                word.wrapping_add(EVENT) | more,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 { self.release_first() } else { None }
    }

    /// Nothing can be done with it any more; all who wait look again. `false`: it was closed before.
    pub(super) fn close(&self, wake: Wake) -> bool {
        // AcqRel: Release pairs with `seen`; Acquire with the exchange of `list`.
        let first = self.word.fetch_or(CLOSED, Ordering::AcqRel) & CLOSED == 0;
        self.release_all(wake);
        first
    }

    /// Whether calls may wait. All who wait look again.
    pub(crate) fn set_direct(&self, direct: bool, wake: Wake) {
        self.flag(DIRECT, direct);
        self.release_all(wake);
    }

    /// When calls end. In the past, at once; those that wait look again.
    pub(crate) fn set_deadline(&self, at: Option<Instant>, wake: Wake) {
        let number = at.map_or(NEVER, moment::number);
        {
            let _held = self.lock.lock();
            // Who lists itself from here on sees it, by the lock.
            self.deadline.store(number, Ordering::Relaxed);
            self.flag(TIMED, number != NEVER);
        }
        self.release_all(wake);
    }

    /// AcqRel: Release pairs with `seen`.
    fn flag(&self, flag: u64, set: bool) {
        match set {
            true => self.word.fetch_or(flag, Ordering::AcqRel),
            false => self.word.fetch_and(!flag, Ordering::AcqRel),
        };
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Ordering::Relaxed) {
            NEVER => None,
            number => moment::instant(number),
        }
    }

    /// How long a wait may take.
    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        let nanos = timeout.map_or(NEVER, |t| t.as_nanos().try_into().unwrap_or(u64::MAX).max(1));
        self.timeout.store(nanos, Ordering::Relaxed);
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Ordering::Relaxed) {
            NEVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Has what `other` has of deadline and timeout, and waits if it does. Nobody waits yet.
    pub(super) fn copy(&self, other: &Self) {
        self.timeout.store(other.timeout.load(Ordering::Relaxed), Ordering::Relaxed);
        let deadline = other.deadline.load(Ordering::Relaxed);
        self.deadline.store(deadline, Ordering::Relaxed);
        self.flag(TIMED, deadline != NEVER);
        self.flag(DIRECT, other.seen().is_direct());
    }

    /// Calls `f` with a place in the queue for the caller, who waits on `slot`. It is left, and what came is
    /// passed on, when `f` returns or unwinds.
    #[inline(always)]
    pub(crate) fn enter<R>(
        &self,
        slot: &'static Slot,
        wake: Wake,
        f: impl FnOnce(&Waiting<'_>) -> R,
    ) -> R {
        let waiting = Waiting {
            side: self,
            wake,
            listed: Cell::new(NOWHERE),
            waiter: Waiter { links: Links::new(), slot, released: AtomicU32::new(0) },
        };
        f(&waiting)
    }

    /// Calls `f` with the list of `flag`, under the lock.
    #[inline]
    fn with<R>(&self, flag: u64, f: impl FnOnce(&mut List<Waiter>) -> R) -> R {
        let _held = self.lock.lock();
        // SAFETY: under the lock (invariant 4), and the reference ends before it is free.
        self.lists.with_mut(|lists| f(unsafe { &mut *lists }.of(flag)))
    }

    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn word(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    /// How many wait.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn waiting(&self) -> usize {
        self.with(WAITERS, |list| {
            assert_eq!(self.word() & WAITERS != 0, !list.is_empty());
            list.iter().count()
        })
    }

    fn release_first(&self) -> Option<&'static Slot> {
        self.with(WAITERS, |list| self.release_from(list, WAITERS))
    }

    /// From the list of `flag`. Invariant 3: the caller holds the lock, and wakes the slot when it does not.
    fn release_from(&self, list: &mut List<Waiter>, flag: u64) -> Option<&'static Slot> {
        let waiter = list.pop_front()?;
        if list.is_empty() {
            self.word.fetch_and(!flag, Ordering::Relaxed);
        }
        let slot = waiter.slot;
        // Release pairs with `is_released`.
        waiter.released.store(1, Ordering::Release);
        Some(slot)
    }

    /// Releases who waits or pauses now. The order in which they list themselves again is another one.
    fn release_all(&self, wake: Wake) {
        let word = self.word.load(Ordering::Acquire);
        for flag in [WAITERS, PAUSED] {
            if word & flag != 0 {
                self.release_all_of(flag, wake);
            }
        }
    }

    fn release_all_of(&self, flag: u64, wake: Wake) {
        const BATCH: usize = 16;
        let mut left = self.with(flag, |list| list.iter().count());
        while left > 0 {
            let mut slots = [None; BATCH];
            let room = slots.len().min(left);
            self.with(flag, |list| slots[..room].fill_with(|| self.release_from(list, flag)));
            slots.into_iter().flatten().for_each(wake);
            left -= room;
        }
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("word", &self.word).finish_non_exhaustive()
    }
}

/// Who waits.
#[derive(Debug)]
struct Waiter {
    links: Links<Self>,
    slot: &'static Slot,
    released: AtomicU32,
}

impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// No list; else it is named by its flag.
const NOWHERE: u64 = 0;

/// The caller's place in the queue of a [`Side`]; see [`Side::enter`].
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    side: &'a Side,
    wake: Wake,
    waiter: Waiter,
    /// The list that it was put in, if its release has not been noticed.
    listed: Cell<u64>,
}

impl Waiting<'_> {
    /// Lists the caller behind the others. `false`: there is nothing to wait for.
    pub(crate) fn list(&self) -> bool {
        self.list_unless(READY | CLOSED | DIRECT, WAITERS)
    }

    /// The same for one who waits for no event: until it is closed, or its deadline moved.
    #[cold]
    pub(crate) fn pause(&self) -> bool {
        self.list_unless(CLOSED | DIRECT, PAUSED)
    }

    /// In the list of `flag`, unless one of `but` is set.
    #[inline(always)]
    fn list_unless(&self, but: u64, flag: u64) -> bool {
        debug_assert!(self.listed.get() == NOWHERE, "listed twice");
        self.waiter.released.store(0, Ordering::Relaxed);
        let side = self.side;
        let listed = side.with(flag, |list| {
            let mut word = side.word.load(Ordering::Relaxed);
            loop {
                if word & but != 0 {
                    return false;
                }
                // Release pairs with the Acquire of `event`, `close`, `release_all`.
                match side.word.compare_exchange_weak(
                    word,
                    word | flag,
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(now) => word = now,
                }
            }
            // SAFETY: not listed; it stays until it is out again (invariant 2).
            unsafe { list.push_back(&self.waiter) };
            true
        });
        if listed {
            self.listed.set(flag);
        }
        listed
    }

    /// Whether there is reason to look again. Acquire pairs with `release_from`.
    #[inline]
    pub(crate) fn is_released(&self) -> bool {
        let released = self.waiter.released.load(Ordering::Acquire) != 0;
        if released {
            self.listed.set(NOWHERE);
        }
        released
    }

    /// Leaves the queue, if the caller is in it.
    pub(crate) fn leave(&self) {
        let flag = self.listed.replace(NOWHERE);
        if flag != NOWHERE {
            self.leave_slow(flag);
        }
    }

    #[cold]
    fn leave_slow(&self, flag: u64) {
        self.side.with(flag, |list| {
            // Or it was released in this moment.
            if self.waiter.links.are_listed() {
                // SAFETY: in this list (invariant 2), under the lock.
                unsafe { list.unlink(&self.waiter) };
                if list.is_empty() {
                    self.side.word.fetch_and(!flag, Ordering::Relaxed);
                }
            }
        });
    }
}

impl Drop for Waiting<'_> {
    #[inline]
    fn drop(&mut self) {
        const BOTH: u64 = READY | WAITERS;
        self.leave();
        // Acquire pairs with the exchange of `list`. Who was not released has nothing to pass on, and
        // does no harm by it.
        if self.side.word.load(Ordering::Acquire) & BOTH == BOTH
            && let Some(slot) = self.side.release_first()
        {
            (self.wake)(slot);
        }
    }
}
