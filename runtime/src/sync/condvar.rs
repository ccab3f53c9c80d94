//! `Condvar`: waits, with a mutex unlocked meanwhile, until somebody says that something has changed.
//!
//! # The protocol
//! ```text
//!   wait    W1  queue's lock { push; some = true }      the mutex is held
//!           W2  unlock the mutex
//!           W3  wait
//!           W4  lock the mutex, and be it cancelled: a notification has come
//!   notify  N1  not some: done
//!           N2  queue's lock { take the first, or all; some = whether there are others }
//!           N3  release what was taken
//!   end     E1  queue's lock { still listed: leave, and lock the mutex or unwind }
//!           E2  taken: wait for the release; W4
//! ```
//!
//! **No notification is lost.** What is waited for changes under the mutex. Who changed it after the
//! waiter looked has locked the mutex after W2, so it sees W1 at N1 and N2. What takes a waiter releases it, and
//! a waiter that was taken returns as notified (E2, W4): neither its timeout nor its cancellation swallows
//! the notification. So the lock in W4 is masked; whose runtime ends unwinds at its next wait.
//!
//! **No wake-up is spurious.** A wait that is not at its end is ended by the release alone (`waiter`).
//!
//! Invariants:
//! 1. `some` is written under the queue's lock, and false there only if nobody is listed.
//! 2. A listed waiter leaves the queue or is released before `wait_until` returns.

use super::mutex::{Mutex, MutexGuard};
use super::waiter::{Locked, Queue, Waiter};
use crate::carrier::Slot;
use crate::prim::atomic::{AtomicBool, Ordering};
use crate::prim::const_fn;
use crate::util;
use crate::wait::{self, Cancel, ContextError, Mask, Until, Why};
use std::fmt;
use std::time::Duration;

/// Waits for a change of what a [`Mutex`] guards. Go's `sync.Cond`, with std's signatures.
///
/// A [`wait`](Self::wait) ends by a notification, and by nothing else: there are no spurious wake-ups. Who
/// waits is notified in the order of coming. Between the notification and the return others
/// may lock the mutex; so still wait in a loop, or with [`wait_while`](Self::wait_while).
///
/// Works from goroutines and plain threads alike. A goroutine that is aborted, or whose runtime stops,
/// is unwound in its wait, with the mutex unlocked; one that has been notified gets its guard
/// back all the same, so that it can act on it or pass it on, and is unwound at its next wait.
///
/// # Examples
/// ```
/// use rt::sync::{Condvar, Mutex};
/// use std::collections::VecDeque;
///
/// #[rt::main]
/// fn main() {
///     let (queue, filled) = (Mutex::new(VecDeque::new()), Condvar::new());
///     rt::scope(|s| {
///         s.spawn(|| {
///             for i in 0..3 {
///                 queue.lock().push_back(i);
///                 filled.notify_one();
///             }
///         });
///         for i in 0..3 {
///             let mut queue = filled.wait_while(queue.lock(), |queue| queue.is_empty());
///             assert_eq!(queue.pop_front(), Some(i));
///         }
///     });
/// }
/// ```
pub struct Condvar {
    some: AtomicBool,
    queue: Locked<Queue>,
}

/// What waiters are released with.
const NOTIFIED: u32 = 1;

impl Condvar {
    const_fn! {
        /// One on which nobody waits. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// static CHANGED: rt::sync::Condvar = rt::sync::Condvar::new();
        /// CHANGED.notify_all();
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            Self { some: AtomicBool::new(false), queue: Locked::new(Queue::new()) }
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    ///
    /// Nothing that is notified after the unlocking is missed. Use it with one mutex at a time.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Condvar, Mutex};
    /// #[rt::main]
    /// fn main() {
    ///     let (ready, changed) = (Mutex::new(false), Condvar::new());
    ///     rt::scope(|s| {
    ///         s.spawn(|| {
    ///             *ready.lock() = true;
    ///             changed.notify_one();
    ///         });
    ///         let mut guard = ready.lock();
    ///         while !*guard {
    ///             guard = changed.wait(guard);
    ///         }
    ///     });
    /// }
    /// ```
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_until(guard, Until::NEVER).0
    }

    /// The same, for at most `timeout`, which does not count the locking. Also returns whether the
    /// time was up: `true`, and no notification was used.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (mutex, never) = (Mutex::new(()), Condvar::new());
    /// let (_guard, timed_out) = never.wait_timeout(mutex.lock(), Duration::from_millis(1));
    /// assert!(timed_out);
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        self.wait_until(guard, util::now().checked_add(timeout).into())
    }

    /// Waits as long as `condition` holds. It is asked first, and with the mutex locked.
    ///
    /// # Examples
    /// See [`Condvar`].
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while condition(&mut *guard) {
            guard = self.wait(guard);
        }
        guard
    }

    /// The same, for at most `timeout`. Also returns whether the condition still held then.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (count, changed) = (Mutex::new(0), Condvar::new());
    /// let wait = Duration::from_millis(1);
    /// let (guard, timed_out) = changed.wait_timeout_while(count.lock(), wait, |n| *n == 0);
    /// assert!(timed_out && *guard == 0);
    /// ```
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, bool) {
        let until = util::now().checked_add(timeout).into();
        while condition(&mut *guard) {
            let timed_out;
            (guard, timed_out) = self.wait_until(guard, until);
            if timed_out {
                let still = condition(&mut *guard);
                return (guard, still);
            }
        }
        (guard, false)
    }

    /// As [`wait`](Self::wait), until `ctx` is done at most, which does not end the locking. Also returns
    /// why the wait has ended: `Ok` by a notification, which is used up then; `Err` because the context is done. If it
    /// is done already, the mutex stays locked.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use rt::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (mutex, never) = (Mutex::new(()), Condvar::new());
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let (_guard, result) = never.wait_ctx(mutex.lock(), &ctx);
    /// assert_eq!(result, Err(ContextError::DeadlineExceeded));
    /// ```
    pub fn wait_ctx<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        ctx: &(impl Cancel + ?Sized),
    ) -> (MutexGuard<'a, T>, Result<(), ContextError>) {
        match wait::bounded_with(ctx, guard, |guard, until| self.wait_until(guard, until)) {
            Ok((guard, false)) => (guard, Ok(())),
            Ok((guard, true)) => (guard, Err(wait::ended(ctx))),
            Err((error, guard)) => (guard, Err(error)),
        }
    }

    /// As [`wait_while`](Self::wait_while), until `ctx` is done at most. Also returns `Err` if the condition still
    /// held then.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use rt::sync::{Condvar, Mutex};
    /// let (count, changed) = (Mutex::new(0), Condvar::new());
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// cancel();
    /// let (guard, result) = changed.wait_while_ctx(count.lock(), &ctx, |n| *n == 0);
    /// assert_eq!((*guard, result), (0, Err(ContextError::Canceled)));
    /// ```
    pub fn wait_while_ctx<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        ctx: &(impl Cancel + ?Sized),
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, Result<(), ContextError>) {
        let mut result = Ok(());
        while condition(&mut *guard) {
            if result.is_err() {
                return (guard, result);
            }
            (guard, result) = self.wait_ctx(guard, ctx);
        }
        (guard, Ok(()))
    }

    /// Notifies who has waited longest, if anybody waits. Go's `Signal`. Never waits.
    ///
    /// The mutex need not be locked; what is waited for must have been changed with it locked.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Condvar, Mutex};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ready, changed) = (Mutex::new(false), Condvar::new());
    ///     rt::scope(|s| {
    ///         s.spawn(|| {
    ///             *ready.lock() = true;
    ///             changed.notify_one();
    ///         });
    ///         assert!(*changed.wait_while(ready.lock(), |ready| !*ready));
    ///     });
    /// }
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        // Relaxed: who waits for what the caller has changed did W1 before that, under the mutex.
        if self.some.load(Ordering::Relaxed) {
            self.notify_one_slow();
        }
        wait::point("after notify_one");
    }

    /// Notifies all who wait. Go's `Broadcast`. Never waits.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Condvar, Mutex};
    /// #[rt::main]
    /// fn main() {
    ///     let (open, changed) = (Mutex::new(false), Condvar::new());
    ///     rt::scope(|s| {
    ///         for _ in 0..3 {
    ///             s.spawn(|| drop(changed.wait_while(open.lock(), |open| !*open)));
    ///         }
    ///         *open.lock() = true;
    ///         changed.notify_all();
    ///     });
    /// }
    /// ```
    #[inline]
    pub fn notify_all(&self) {
        // As in `notify_one`.
        if self.some.load(Ordering::Relaxed) {
            self.notify_all_slow();
        }
        wait::point("after notify_all");
    }

    #[cold]
    #[inline(never)]
    fn notify_one_slow(&self) {
        let first = self.queue.with(|queue| {
            let first = queue.take_front();
            self.note(queue);
            first
        });
        if let Some(first) = first {
            first.release(NOTIFIED);
        }
        wait::checkpoint("after notify_one");
    }

    #[cold]
    #[inline(never)]
    fn notify_all_slow(&self) {
        let all = self.queue.with(|queue| {
            let all = queue.take_while(|_| true);
            self.note(queue);
            all
        });
        all.release(NOTIFIED);
        wait::checkpoint("after notify_all");
    }

    /// Invariant 1.
    fn note(&self, queue: &Queue) {
        self.some.store(!queue.is_empty(), Ordering::Relaxed);
    }

    /// Also returns whether it was the end of `until` that ended the wait.
    #[inline]
    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        until: Until<'_>,
    ) -> (MutexGuard<'a, T>, bool) {
        let mutex = MutexGuard::mutex(&guard);
        wait::with(|slot| {
            let waiter = Waiter::new(slot, 0);
            self.queue.with(|queue| {
                // SAFETY: it is released or has left before this returns (invariant 2).
                unsafe { queue.push_back(&waiter) };
                self.note(queue);
            });
            drop(guard);
            if let Err(end) = waiter.wait(Why::Condvar.on(self), until) {
                if self.leave(&waiter) {
                    end.raise();
                    return (mutex.lock(), true);
                }
                waiter.wait_taken(Why::Condvar);
            }
            (lock_masked(slot, mutex), false)
        })
    }

    /// E1. `false`: it was notified.
    #[cold]
    fn leave(&self, waiter: &Waiter) -> bool {
        self.queue.with(|queue| {
            // SAFETY: `wait_until` put it there.
            let left = unsafe { queue.leave(waiter) };
            self.note(queue);
            left
        })
    }
}

/// W4.
#[inline]
fn lock_masked<'a, T: ?Sized>(slot: &'static Slot, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    let _mask = Mask::new(slot);
    mutex.lock()
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
