//! The mutex without its value: one word, and a queue of who waits.
//!
//! # The word
//! | bit | meaning |
//! |---|---|
//! | LOCKED | somebody holds the lock |
//! | WOKEN | somebody who waited, or is about to, is awake and looks at the word; unlocking wakes nobody |
//! | STARVING | the first of the queue has waited for too long: the lock is handed to it, nobody else takes it |
//! | WAITING | the queue is not empty |
//!
//! Free is what has neither LOCKED nor STARVING. That is locked by one compare-exchange and unlocked by one subtraction, whether
//! somebody waits or not: while eight want a lock, somebody always waits.
//!
//! # Two modes
//! **Barging.** Who unlocks takes LOCKED away and wakes the first of the queue, which has to compete
//! with whoever comes by. So a goroutine that runs can lock and unlock many times while another is on its
//! way out of its sleep, and no time is lost in which the lock belongs to somebody who does not
//! run. One waiter is awake at a time (WOKEN); one that has to wait again goes to the front.
//!
//! **Starving.** A waiter that was woken, finds the lock held again and has waited for
//! [`STARVES_AFTER`] in all, sets STARVING, and from then on who unlocks hands the lock over: it
//! takes the first one from the queue, sets LOCKED in its name, and gives its processor to it. Who is handed
//! the lock after a shorter wait, or is the last, ends the mode.
//!
//! # The protocol
//! ```text
//!   unlock   U1  word -= LOCKED (Release); zero: done
//!            U2  what U1 found had nobody waiting, or WOKEN and not STARVING: done
//!            U3  queue's lock { LOCKED or nobody waits: done
//!                               STARVING: word |= LOCKED, take the first
//!                               WOKEN: done; else word |= WOKEN, take the first }
//!            U4  release what was taken: with HANDED or WOKEN
//!   lock     L1  neither LOCKED nor STARVING: word |= LOCKED (Acquire), - WOKEN if ours; done
//!            L2  a while: look again; WOKEN is ours if we set it
//!            L3  queue's lock { neither LOCKED nor STARVING: L1
//!                               word |= WAITING, - WOKEN if ours; push }
//!            L4  wait; HANDED: done. WOKEN is ours now: L1
//!   give up  G1  queue's lock { still listed: leave; the queue is empty: word -= WAITING, STARVING; done }
//!            G2  taken: wait for the release. HANDED: the lock is ours. WOKEN: L1, but instead of L3
//!                word -= WOKEN, which must find LOCKED or STARVING; done
//! ```
//!
//! # Why nobody waits for ever
//! Claim: if somebody waits and nobody holds the lock, then somebody is awake who will look at the
//! word (a holder of WOKEN, or an unlocker between U1 and U4).
//!
//! A waiter is pushed (L3) by a compare-exchange that finds LOCKED or STARVING. If LOCKED, the
//! holder's U1 comes later and finds WAITING. If STARVING without LOCKED, an unlocker is between U1 and U3,
//! for only its U3 or a G1 that empties the queue ends that state. An unlocker that stops at U2 or U3
//! leaves it to another: to a holder, whose own unlocking comes; or to the holder of WOKEN. That
//! one gives WOKEN up by locking, or by an exchange that finds LOCKED or STARVING, and the same
//! argument starts over with who unlocks next.
//!
//! # Invariants
//! 1. WAITING says, under the queue's lock, whether the queue is empty. STARVING implies WAITING.
//!    Both are set under the queue's lock.
//! 2. Who unlocks releases (U1, Release). All else that writes the word while it is free is a read-modify-write, so
//!    who locks it later (L1, Acquire) synchronizes with that. The store of HANDED carries it over (`waiter`).
//! 3. WOKEN has one owner: who set it while spinning, or the waiter that was released with it.
//! 4. A queued waiter is released, or takes itself out of the queue, before `lock_slow` returns.

use crate::prim::atomic::{AtomicU32, Ordering};
use crate::prim::const_fn;
use crate::prim::global::AtomicBool;
use crate::sync::owner::Owner;
use crate::sync::waiter::{Locked, Queue, Taken, Waiter};
use crate::util;
use crate::wait::{self, Until, What, Why};
use std::time::{Duration, Instant};

const LOCKED: u32 = 1;
const WOKEN: u32 = 2;
const STARVING: u32 = 4;
const WAITING: u32 = 8;

/// Who has waited for so long is handed the lock.
const STARVES_AFTER: Duration = Duration::from_millis(1);

/// What a waiter is released with: it may try, and WOKEN is its own.
const TRY: u32 = 1;
/// It holds the lock.
const HANDED: u32 = 2;

/// Looks at the word before it queues up, when that may help.
#[cfg(not(any(loom, shuttle)))]
const LOOKS: u32 = 4;
#[cfg(any(loom, shuttle))]
const LOOKS: u32 = 1;
/// Nanoseconds between two looks.
const PAUSE: u64 = 1500;

/// See the [module](self).
#[derive(Debug)]
pub(in crate::sync) struct RawMutex {
    word: AtomicU32,
    /// What WAITING was a moment ago: a hint, written under the queue's lock.
    waited: AtomicBool,
    queue: Locked<Queue>,
    owner: Owner,
    /// In a model: whoever waits has waited for too long.
    #[cfg(any(loom, shuttle))]
    pub(in crate::sync) impatient: bool,
}

impl RawMutex {
    const_fn! {
        pub(in crate::sync) const fn new() -> Self {
            Self {
                word: AtomicU32::new(0),
                waited: AtomicBool::new(false),
                queue: Locked::new(Queue::new()),
                owner: Owner::new(),
                #[cfg(any(loom, shuttle))]
                impatient: false,
            }
        }
    }

    #[inline(always)]
    pub(in crate::sync) fn lock(&self) {
        let word = self.expected();
        if word & (LOCKED | STARVING) != 0 || self.take(word, LOCKED, 0).is_err() {
            self.lock_slow(Until::NEVER, Why::Mutex.on(self));
        }
        self.owner.set();
    }

    #[inline]
    pub(in crate::sync) fn try_lock(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (LOCKED | STARVING) == 0 {
            match self.take(word, LOCKED, 0) {
                Ok(()) => {
                    self.owner.set();
                    return true;
                }
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// `false`: `deadline` came first.
    #[inline]
    pub(in crate::sync) fn lock_until(&self, until: Until<'_>, why: What) -> bool {
        if self.try_lock() {
            return true;
        }
        let locked = self.lock_slow(until, why);
        if locked {
            self.owner.set();
        }
        locked
    }

    /// The caller holds the lock.
    #[inline(always)]
    pub(in crate::sync) fn unlock(&self) {
        self.owner.clear();
        // Release: invariant 2.
        let word = self.word.fetch_sub(LOCKED, Ordering::Release);
        if word != LOCKED {
            self.unlock_slow(word);
        }
    }

    #[cfg(all(test, any(loom, shuttle)))]
    pub(super) fn is_idle(&self) -> bool {
        self.word.load(Ordering::Relaxed) == 0 && self.queue.with(|queue| queue.is_empty())
    }

    /// What the word is if the lock is free, as far as can be told without reading it: a load of what an atomic operation has
    /// just written waits for that to reach the cache, which makes an exchange a third dearer on some processors.
    /// While others wait it is read: to expect zero then would cost a failed exchange each time.
    #[inline(always)]
    fn expected(&self) -> u32 {
        if self.waited.load(Ordering::Relaxed) { self.word.load(Ordering::Relaxed) } else { 0 }
    }

    /// Takes `word` to what it is with `set` and without `clear`. Acquire: invariant 2.
    #[inline]
    fn take(&self, word: u32, set: u32, clear: u32) -> Result<(), u32> {
        let to = (word | set) & !clear;
        match self.word.compare_exchange_weak(word, to, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(seen) => Err(seen),
        }
    }

    /// An address in the stack of who has it, if that is known.
    pub(in crate::sync) fn owner(&self) -> Option<usize> {
        self.owner.get()
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self, until: Until<'_>, why: What) -> bool {
        wait::checkpoint("before Mutex::lock");
        let mut own = 0;
        if self.spin(&mut own) {
            return true;
        }
        wait::with(|slot| {
            let mut waiter = Waiter::new(slot, 0);
            let mut since = None;
            loop {
                if !self.queue_up(&waiter, own, since) {
                    return true;
                }
                let since = *since.get_or_insert_with(util::now);
                let code = match waiter.wait(why, until) {
                    Ok(code) => code,
                    Err(end) => {
                        if self.give_up(&waiter, why) {
                            return true;
                        }
                        end.raise();
                        return false;
                    }
                };
                if code == HANDED {
                    self.settle(since);
                    return true;
                }
                own = WOKEN;
                if self.spin(&mut own) {
                    return true;
                }
                waiter.renew();
            }
        })
    }

    /// L1 and L2. `own`: WOKEN if that is ours. `true`: locked.
    fn spin(&self, own: &mut u32) -> bool {
        let mut looks = 0;
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & (LOCKED | STARVING) == 0 {
                match self.take(word, LOCKED, *own) {
                    Ok(()) => return true,
                    Err(seen) => word = seen,
                }
                continue;
            }
            if word & STARVING != 0 || looks == LOOKS || !wait::may_spin() {
                return false;
            }
            if word & (WOKEN | WAITING) == WAITING && self.take(word, WOKEN, 0).is_ok() {
                *own = WOKEN;
            }
            crate::util::spin_for(PAUSE);
            looks += 1;
            word = self.word.load(Ordering::Relaxed);
        }
    }

    /// L3. `since`: when it began to wait, if it was in the queue before. `false`: locked.
    fn queue_up(&self, waiter: &Waiter, own: u32, since: Option<Instant>) -> bool {
        let starves = if self.starves(since) { STARVING } else { 0 };
        self.queue.with(|queue| {
            let mut word = self.word.load(Ordering::Relaxed);
            loop {
                let free = word & (LOCKED | STARVING) == 0;
                let set = if free { LOCKED } else { WAITING | starves };
                match self.take(word, set, own) {
                    Ok(()) if free => return false,
                    Ok(()) => break,
                    Err(seen) => word = seen,
                }
            }
            match since {
                // SAFETY: the caller keeps it until it is released or has left (invariant 4).
                None => unsafe { queue.push_back(waiter) },
                // SAFETY: as above.
                Some(_) => unsafe { queue.push_front(waiter) },
            }
            self.waited.store(true, Ordering::Relaxed);
            true
        })
    }

    /// Handed the lock: ends the starving mode if the wait was short.
    #[cold]
    fn settle(&self, since: Instant) {
        if self.word.load(Ordering::Relaxed) & STARVING != 0 && !self.starved(since) {
            self.word.fetch_and(!STARVING, Ordering::Relaxed);
        }
    }

    /// G1 and G2. `true`: locked all the same.
    #[cold]
    fn give_up(&self, waiter: &Waiter, why: What) -> bool {
        let left = self.queue.with(|queue| {
            // SAFETY: it was listed here.
            let left = unsafe { queue.leave(waiter) };
            if left && queue.is_empty() {
                self.word.fetch_and(!(WAITING | STARVING), Ordering::Relaxed);
                self.waited.store(false, Ordering::Relaxed);
            }
            left
        });
        if left {
            return false;
        }
        if waiter.wait_taken(why) == HANDED {
            return true;
        }
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let free = word & (LOCKED | STARVING) == 0;
            match self.take(word, if free { LOCKED } else { 0 }, WOKEN) {
                Ok(()) => return free,
                Err(seen) => word = seen,
            }
        }
    }

    /// Whether one that has waited since then and is to wait again starves.
    fn starves(&self, since: Option<Instant>) -> bool {
        #[cfg(any(loom, shuttle))]
        return since.is_some() || self.impatient;
        #[cfg(not(any(loom, shuttle)))]
        since.is_some_and(|since| self.starved(since))
    }

    /// Whether one that has waited since then, and has the lock now, did.
    fn starved(&self, since: Instant) -> bool {
        cfg!(not(any(loom, shuttle)))
            && util::now().saturating_duration_since(since) >= STARVES_AFTER
    }

    /// U2 to U4. `word`: what U1 found.
    #[cold]
    #[inline(never)]
    fn unlock_slow(&self, word: u32) {
        let may_choose = word & WAITING != 0 && (word & STARVING != 0 || word & WOKEN == 0);
        if may_choose && let Some((taken, code)) = self.queue.with(|queue| self.choose(queue)) {
            taken.release(code);
            if code == HANDED {
                return wait::give_way();
            }
        }
        wait::checkpoint("after the unlock of a Mutex");
    }

    /// U3: whom to release, and with what.
    fn choose(&self, queue: &mut Queue) -> Option<(Taken, u32)> {
        let mut word = self.word.load(Ordering::Relaxed);
        let code = loop {
            if word & LOCKED != 0 || word & WAITING == 0 {
                return None;
            }
            let (code, set) = match word & (STARVING | WOKEN) {
                0 => (TRY, WOKEN),
                WOKEN => return None,
                _ => (HANDED, LOCKED),
            };
            let clear = if queue.has_one() { WAITING | STARVING } else { 0 };
            match self.take(word, set, clear) {
                Ok(()) => break code,
                Err(seen) => word = seen,
            }
        };
        let taken = queue.take_front();
        self.waited.store(!queue.is_empty(), Ordering::Relaxed);
        taken.map(|taken| (taken, code))
    }
}
