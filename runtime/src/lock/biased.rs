//! A lock for sections of a few dozen instructions, which costs the thread that uses it most two plain
//! stores.
//!
//! An atomic read-modify-write costs more than all the rest of a channel's operation. Most locks are
//! used by one thread for a long time: the goroutines at both ends of a channel wake each other
//! onto one processor, and stay there. So a lock that one thread has taken often enough in a row
//! *favours* it from then on, until another one comes.
//!
//! # The protocol
//!
//! `word` is a spin lock. Whoever holds it and knows that nobody is favoured holds the lock.
//!
//! ```text
//!   the favoured thread                      any other, holding the word
//!   F1  busy := this lock                    R1  favourite := nobody
//!   F2  light barrier                        R2  heavy barrier
//!   F3  favourite == me? it holds the lock   R3  while busy == this lock: wait
//!   F4  busy := null, to unlock                  it holds the lock
//! ```
//!
//! It is Dekker's: store mine, look at yours. Either F3 sees R1, and the favoured thread takes the word like all
//! others; or R3 sees F1, and the other waits for F4. F2 is for the compiler alone; R2 is
//! `membarrier(2)`, which makes every thread of the process that runs go through a full barrier, so that F1 and F3 are
//! ordered whenever it matters. It costs some 20 microseconds if another thread runs. Therefore a lock
//! favours nobody who has not taken it [`OFTEN`] times in a row, and twice as often after each time that
//! this proved wrong: the barriers never cost much more than what was saved before.
//!
//! Only the thread that is to be favoured makes itself the favourite, holding the word. So while it is the
//! favourite, the section that it enters by F3 comes after all sections of others, whose word it took;
//! and F4 is a Release that R3, an Acquire, reads, so the next one comes after its own.
//!
//! A thread shows one lock at a time to be busy with. Who needs several at once takes their words
//! ([`BiasedLock::lock_word`]), which exclude everybody, too: the favourite that holds the word finds itself
//! favoured, and nobody else can enter.
//!
//! Without `membarrier` nobody is ever favoured. A filter of system calls that comes later may forbid it when somebody is: then the lock cannot be taken
//! from that thread, and the process ends with the call's name and error.
//!
//! # Waiting
//! Whoever finds the word taken backs off: first in the processor, for longer each time, and without
//! touching the line, so that the holder's core gets many sections done for each time that the line
//! moves between cores. In the end it gives its processor up to the system, for a holder that was
//! preempted cannot go on without one.

use crate::prim::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::prim::{global, spin_hint};
use crate::sys::barrier;
use crossbeam_utils::CachePadded;
use std::ptr;

const FREE: u32 = 0;
const HELD: u32 = 1;

/// So many times in a row make a favourite, at first.
#[cfg(not(any(loom, shuttle)))]
const OFTEN: u32 = 1 << 10;
#[cfg(any(loom, shuttle))]
const OFTEN: u32 = 2;
/// And so many at most.
const VERY_OFTEN: u32 = 1 << 16;

/// Nanoseconds before the first look again.
#[cfg(not(any(loom, shuttle)))]
const FIRST: u64 = 3200;
/// Nanoseconds between two looks, at most.
#[cfg(not(any(loom, shuttle)))]
const LAST: u64 = 4 * FIRST;
/// Looks before the thread yields to the system.
#[cfg(not(any(loom, shuttle)))]
const LOOKS: u32 = 6;

/// A thread that locks can favour.
///
/// Never freed: a lock may name it for longer than it lives. The next thread that gets it comes
/// after the last, and may take its place as the favourite of locks.
#[derive(Debug)]
pub(crate) struct Holder {
    busy: CachePadded<AtomicPtr<()>>,
}

static UNUSED: global::Mutex<Vec<&'static Holder>> = global::Mutex::new(Vec::new());

impl Holder {
    /// For a thread that has none.
    pub(crate) fn take() -> &'static Self {
        let unused = if cfg!(any(loom, shuttle)) { None } else { UNUSED.lock().pop() };
        unused.unwrap_or_else(|| {
            Box::leak(Box::new(Self { busy: CachePadded::new(AtomicPtr::new(ptr::null_mut())) }))
        })
    }

    /// The thread has ended.
    pub(crate) fn give(&'static self) {
        UNUSED.lock().push(self);
    }
}

/// The lock alone; what it guards lies beside it.
#[derive(Debug)]
pub(crate) struct BiasedLock {
    word: AtomicU32,
    /// How many times in a row `favourite` has held the word; under the word.
    streak: AtomicU32,
    /// How many make it the favourite; under the word.
    often: AtomicU32,
    /// The holder who came last, with FAVOURED if it is. Written under the word.
    favourite: AtomicPtr<()>,
}

const FAVOURED: usize = 1;

/// How a lock came to be held, for [`BiasedLock::unlock`]. One word: a guard that holds it besides what
/// the lock guards still fits in two registers.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Entry {
    /// `None`: by the word.
    favoured: Option<&'static Holder>,
}

impl Entry {
    /// Of a lock whose word is held.
    pub(crate) const BY_WORD: Self = Self { favoured: None };
}

fn name(holder: &'static Holder) -> *mut () {
    ptr::from_ref(holder).cast_mut().cast()
}

fn favoured(holder: &'static Holder) -> *mut () {
    name(holder).map_addr(|addr| addr | FAVOURED)
}

impl BiasedLock {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            streak: AtomicU32::new(0),
            often: AtomicU32::new(OFTEN),
            favourite: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Waits until the lock is held. `me`: the thread that calls, if it is one that can be favoured.
    #[inline(always)]
    pub(crate) fn lock(&self, me: Option<&'static Holder>) -> Entry {
        if let Some(me) = me
            && self.enter(me)
        {
            return Entry { favoured: Some(me) };
        }
        self.lock_word(me)
    }

    /// F1 to F3.
    #[inline(always)]
    fn enter(&self, me: &'static Holder) -> bool {
        if self.favourite.load(Ordering::Relaxed) != favoured(me) {
            return false;
        }
        // Release: R3 may read this in place of an earlier F4.
        me.busy.store(ptr::from_ref(self).cast_mut().cast(), Ordering::Release);
        barrier::light();
        if self.favourite.load(Ordering::Relaxed) == favoured(me) {
            return true;
        }
        me.busy.store(ptr::null_mut(), Ordering::Release);
        false
    }

    /// The same by the word, which one thread may take of several locks at once, in one order.
    #[inline(always)]
    pub(crate) fn lock_word(&self, me: Option<&'static Holder>) -> Entry {
        if !self.take_word() {
            self.wait_for_word();
        }
        let before = self.favourite.load(Ordering::Relaxed);
        match me {
            Some(me) if before == name(me) => self.count(me),
            Some(me) if before == favoured(me) => {}
            _ => self.disfavour(before, me),
        }
        Entry::BY_WORD
    }

    /// Gives up a lock that the caller holds, and got this way.
    #[inline(always)]
    pub(crate) fn unlock(&self, entry: Entry) {
        match entry.favoured {
            // F4.
            Some(me) => me.busy.store(ptr::null_mut(), Ordering::Release),
            None => self.word.store(FREE, Ordering::Release),
        }
    }

    /// Acquire pairs with the Release of `unlock`.
    #[inline(always)]
    fn take_word(&self) -> bool {
        self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Once more the same thread.
    #[inline(always)]
    fn count(&self, me: &'static Holder) {
        let streak = self.streak.load(Ordering::Relaxed) + 1;
        self.streak.store(streak, Ordering::Relaxed);
        if streak >= self.often.load(Ordering::Relaxed) {
            self.favour(me);
        }
    }

    #[cold]
    #[inline(never)]
    fn favour(&self, me: &'static Holder) {
        self.streak.store(0, Ordering::Relaxed);
        if barrier::is_available() {
            self.favourite.store(favoured(me), Ordering::Relaxed);
        }
    }

    /// Another thread than before: R1 to R3, if that was favoured.
    #[inline(never)]
    fn disfavour(&self, before: *mut (), me: Option<&'static Holder>) {
        self.streak.store(0, Ordering::Relaxed);
        self.favourite.store(me.map_or(ptr::null_mut(), name), Ordering::Relaxed);
        if before.addr() & FAVOURED == 0 {
            return;
        }
        let often = self.often.load(Ordering::Relaxed);
        self.often.store((often * 2).min(VERY_OFTEN), Ordering::Relaxed);
        if let Err(error) = barrier::heavy() {
            // The favoured thread may be in its section, or about to enter it: nothing tells.
            let advice = "; or start the program with RT_BARRIER=fence, to do without";
            crate::util::refused("membarrier", &error, advice);
        }
        let other = before.map_addr(|addr| addr & !FAVOURED).cast::<Holder>();
        // SAFETY: holders are never freed, and only their names are stored.
        let other = unsafe { &*other };
        let mut looks = 0;
        while other.busy.load(Ordering::Acquire) == ptr::from_ref(self).cast_mut().cast() {
            looks += 1;
            if looks % 64 == 0 { std::thread::yield_now() } else { spin_hint() }
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    #[cold]
    #[inline(never)]
    fn wait_for_word(&self) {
        let (mut looks, mut pause) = (0, FIRST);
        loop {
            if looks < LOOKS {
                crate::util::spin_for(pause);
                pause = (pause * 2).min(LAST);
                looks += 1;
            } else {
                std::thread::yield_now();
            }
            if self.word.load(Ordering::Relaxed) == FREE && self.take_word() {
                return;
            }
        }
    }

    #[cfg(any(loom, shuttle))]
    fn wait_for_word(&self) {
        while !self.take_word() {
            spin_hint();
        }
    }
}
