//! `Semaphore`: a number of permits, of which one may want several. What stands for them is in [`permit`], and how those are taken
//! that outlive the caller in [`owned`].
//!
//! # The protocol
//! The word holds the free permits, and WAITERS at the bottom. While that is not set, taking and giving back
//! are one compare-exchange each. While it is set, the word is changed under the queue's lock alone:
//!
//! * Who comes is listed, whatever is free: nobody overtakes.
//! * Whoever gives back (or leaves the queue: a big request at its front may have held up small
//!   ones) serves the queue from the front, as long as what is free suffices for the first. It takes the
//!   permits in the waiter's name, and releases it outside of the lock.
//!
//! A waiter that is to end and was taken has its permits, and returns with them: nothing is lost.
//!
//! Invariants:
//! 1. WAITERS is set exactly while somebody is listed, when the queue's lock is free.
//! 2. While WAITERS is set, the word is written under the queue's lock only.
//! 3. A listed waiter leaves the queue or is released before `acquire_slow` returns.
//! 4. Free permits never exceed `size`.

mod owned;
mod permit;

pub use permit::{OwnedPermit, Permit};

use super::waiter::{End, Locked, Queue, TakenList, Waiter};
use crate::prim::atomic::{AtomicUsize, Ordering};
use crate::prim::const_fn;
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until, Why};
use std::fmt;
use std::time::Duration;

/// Hands out a number of permits, to goroutines and plain threads alike. Go's weighted
/// `golang.org/x/sync/semaphore`.
///
/// Strictly first come, first served: a big request is not overtaken by small ones that come
/// after it, even if there are permits enough for those. Permits come as a value that gives them
/// back when dropped; who wants it by hand [forgets](Permit::forget) it and calls
/// [`release`](Self::release).
///
/// A goroutine that is aborted, or whose runtime stops, is unwound while it waits, and gives up its
/// place; one that its permits have come to meanwhile gets them, and is unwound at its next wait.
///
/// # Examples
/// ```
/// use rt::sync::Semaphore;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// #[rt::main]
/// fn main() {
///     let (two, running) = (Semaphore::new(2), AtomicUsize::new(0));
///     rt::scope(|s| {
///         for _ in 0..10 {
///             s.spawn(|| {
///                 let _permit = two.acquire(1);
///                 assert!(running.fetch_add(1, Ordering::Relaxed) < 2);
///                 rt::yield_now();
///                 running.fetch_sub(1, Ordering::Relaxed);
///             });
///         }
///     });
///     assert_eq!(two.available_permits(), 2);
/// }
/// ```
pub struct Semaphore {
    word: AtomicUsize,
    size: usize,
    queue: Locked<Queue>,
}

const WAITERS: usize = 1;
/// One permit.
const ONE: usize = 2;

/// What waiters are released with.
const SERVED: u32 = 1;

impl Semaphore {
    /// The most permits that there can be.
    pub const MAX_PERMITS: usize = usize::MAX / ONE;

    const_fn! {
        /// With `n` permits, all of them free. `const`: it can be a `static`.
        ///
        /// # Panics
        /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Examples
        /// ```
        /// static SLOTS: rt::sync::Semaphore = rt::sync::Semaphore::new(3);
        /// assert_eq!(SLOTS.available_permits(), 3);
        /// ```
        #[track_caller]
        pub const fn new(n: usize) -> Self {
            assert!(n <= Self::MAX_PERMITS, "too many permits");
            Self { word: AtomicUsize::new(n * ONE), size: n, queue: Locked::new(Queue::new()) }
        }
    }

    /// Takes `k` permits; waits until they are free and all who came before have been served. Taking
    /// none waits for those, too.
    ///
    /// # Panics
    /// When there are not `k` permits in all: it would wait for ever.
    ///
    /// # Examples
    /// ```
    /// let semaphore = rt::sync::Semaphore::new(5);
    /// let permit = semaphore.acquire(3);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// drop(permit);
    /// assert_eq!(semaphore.available_permits(), 5);
    /// ```
    #[track_caller]
    #[inline]
    pub fn acquire(&self, k: usize) -> Permit<'_> {
        self.acquire_until(k, Until::NEVER);
        let permit = Permit { semaphore: self, count: k };
        wait::point("after Semaphore::acquire");
        permit
    }

    /// The same; waits for at most `timeout`. `None`: the time was up. If there are not `k` permits in all it waits for just
    /// that, in nobody's way.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire), if a `timeout` beyond the clock's range never ends.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let semaphore = rt::sync::Semaphore::new(1);
    /// let permit = semaphore.acquire(1);
    /// assert!(semaphore.acquire_timeout(1, Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, k: usize, timeout: Duration) -> Option<Permit<'_>> {
        let permit = self
            .acquire_until(k, util::now().checked_add(timeout).into())
            .then(|| Permit { semaphore: self, count: k });
        wait::point("after Semaphore::acquire_timeout");
        permit
    }

    /// The same; waits until `ctx` is done at most. If it is done already, nothing is taken, and permits that are given back
    /// after it was done go to others. If there are not `k` permits in all it waits for just that, in nobody's way. Go's `Acquire`.
    ///
    /// # Errors
    /// Why the context is done.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire), if `ctx` never ends.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    /// let semaphore = rt::sync::Semaphore::new(1);
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let permit = semaphore.acquire_ctx(1, &ctx).unwrap();
    /// assert_eq!(semaphore.acquire_ctx(1, &ctx).unwrap_err(), ContextError::DeadlineExceeded);
    /// ```
    #[track_caller]
    pub fn acquire_ctx(
        &self,
        k: usize,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<Permit<'_>, ContextError> {
        self.check_ctx(k, ctx);
        wait::in_time(ctx, |until| self.acquire_until(k, until))?;
        let permit = Permit { semaphore: self, count: k };
        wait::point("after Semaphore::acquire_ctx");
        // What has come too late goes on to the next.
        ctx.err().map_or(Ok(permit), Err)
    }

    /// Takes `k` permits if they are free and nobody waits. Never waits.
    ///
    /// # Examples
    /// ```
    /// let semaphore = rt::sync::Semaphore::new(2);
    /// let permit = semaphore.try_acquire(2).unwrap();
    /// assert!(semaphore.try_acquire(1).is_none());
    /// ```
    #[inline]
    pub fn try_acquire(&self, k: usize) -> Option<Permit<'_>> {
        let permit = self.take(k).then(|| Permit { semaphore: self, count: k });
        wait::point("after Semaphore::try_acquire");
        permit
    }

    /// Gives `k` permits back, of which somebody forgot the [`Permit`]. Never waits.
    ///
    /// # Panics
    /// "semaphore: released more than held", Go's words, when fewer than `k` are taken; it stays as
    /// it was.
    ///
    /// # Examples
    /// ```
    /// let semaphore = rt::sync::Semaphore::new(1);
    /// semaphore.acquire(1).forget();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// semaphore.release(1);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    #[track_caller]
    #[inline]
    pub fn release(&self, k: usize) {
        if !self.give(k) {
            too_many();
        }
        wait::point("after Semaphore::release");
    }

    /// How many permits are free. While somebody waits they are not to be had.
    ///
    /// # Examples
    /// See [`acquire`](Self::acquire).
    pub fn available_permits(&self) -> usize {
        let free = self.word.load(Ordering::Relaxed) / ONE;
        wait::point("after available_permits");
        free
    }

    /// Takes `k` permits if nobody waits.
    #[inline]
    fn take(&self, k: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITERS == 0 && word / ONE >= k {
            // Acquire pairs with the Release of `give`.
            match self.word.compare_exchange_weak(
                word,
                word - k * ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Gives `k` permits back. `false`: so many are not taken.
    #[inline]
    fn give(&self, k: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITERS == 0 {
            if self.size - word / ONE < k {
                return false;
            }
            // Release: what was done with the permits is seen by who takes them next.
            match self.word.compare_exchange_weak(
                word,
                word + k * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        self.give_slow(k)
    }

    /// There are so many, or the wait will end.
    #[track_caller]
    fn check_ctx(&self, k: usize, ctx: &(impl Cancel + ?Sized)) {
        if k > self.size && ctx.err().is_none() && ctx.signal().is_none() {
            never(k, self.size);
        }
    }

    /// `false`: the end of `until` came first.
    #[track_caller]
    #[inline]
    fn acquire_until(&self, k: usize, until: Until<'_>) -> bool {
        match k > self.size {
            false => self.take(k) || self.acquire_slow(k, until),
            true if until.is_never() => never(k, self.size),
            true => self.wait_in_vain(until),
        }
    }

    /// For more permits than there are: not listed, so that nobody waits behind it. `false`.
    #[cold]
    fn wait_in_vain(&self, until: Until<'_>) -> bool {
        wait::checkpoint("before Semaphore::acquire");
        wait::with(|slot| {
            while !until.is_over() {
                wait::park_until(slot, Why::Semaphore.on(self), until);
            }
        });
        false
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self, k: usize, until: Until<'_>) -> bool {
        wait::checkpoint("before Semaphore::acquire");
        wait::with(|slot| {
            let waiter = Waiter::new(slot, k);
            if self.take_or_list(&waiter) {
                return true;
            }
            match waiter.wait(Why::Semaphore.on(self), until) {
                Ok(_) => true,
                Err(end) => self.ends(&waiter, end),
            }
        })
    }

    /// `true`: taken. `false`: listed.
    fn take_or_list(&self, waiter: &Waiter) -> bool {
        let k = waiter.tag().get();
        self.queue.with(|queue| {
            let mut word = self.word.load(Ordering::Relaxed);
            loop {
                let free = word & WAITERS == 0 && word / ONE >= k;
                let to = if free { word - k * ONE } else { word | WAITERS };
                // Acquire as in `take`.
                match self.word.compare_exchange_weak(
                    word,
                    to,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) if free => return true,
                    Ok(_) => break,
                    Err(seen) => word = seen,
                }
            }
            // SAFETY: `acquire_slow` keeps it until it is released or has left (invariant 3).
            unsafe { queue.push_back(waiter) };
            false
        })
    }

    /// `true`: it was served in this moment. Unwinds if it is to.
    #[cold]
    fn ends(&self, waiter: &Waiter, end: End) -> bool {
        let (left, served) = self.queue.with(|queue| {
            // SAFETY: `take_or_list` put it there.
            let left = unsafe { queue.leave(waiter) };
            // Who stood behind it may not have to wait any more.
            (left, self.serve(queue, 0))
        });
        served.release(SERVED);
        if left {
            end.raise();
            return false;
        }
        waiter.wait_taken(Why::Semaphore);
        true
    }

    /// The same while somebody waits, or did.
    #[cold]
    #[inline(never)]
    fn give_slow(&self, k: usize) -> bool {
        let served = self.queue.with(|queue| {
            // Stays so if somebody waits (invariant 2). If not, others may take and give back.
            let mut word = self.word.load(Ordering::Relaxed);
            loop {
                if self.size - word / ONE < k {
                    return None;
                }
                if word & WAITERS != 0 {
                    return Some(self.serve(queue, k));
                }
                match self.word.compare_exchange_weak(
                    word,
                    word + k * ONE,
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return Some(TakenList::new()),
                    Err(seen) => word = seen,
                }
            }
        });
        let Some(served) = served else { return false };
        served.release(SERVED);
        wait::checkpoint("after Semaphore::release");
        true
    }

    /// Adds `k` permits to the free ones, if WAITERS is set, and takes those that are served by them.
    fn serve(&self, queue: &mut Queue, k: usize) -> TakenList {
        let word = self.word.load(Ordering::Relaxed);
        if word & WAITERS == 0 {
            return TakenList::new();
        }
        let mut free = word / ONE + k;
        let served = queue.take_while(|wants| {
            let enough = wants <= free;
            if enough {
                free -= wants;
            }
            enough
        });
        let waiters = if queue.is_empty() { 0 } else { WAITERS };
        // Nobody else writes it (invariant 2). AcqRel: Release as in `give`; and what was released
        // before us stays so for who takes what is left.
        self.word.swap((free * ONE) | waiters, Ordering::AcqRel);
        served
    }
}

#[cold]
#[track_caller]
fn too_many() -> ! {
    panic!("semaphore: released more than held")
}

#[cold]
#[track_caller]
fn never(k: usize, size: usize) -> ! {
    panic!("semaphore: {k} permits are wanted, and there are {size} in all")
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("size", &self.size)
            .field("available_permits", &self.available_permits())
            .finish()
    }
}
