//! `Barrier`: waits until so many have come.
//!
//! Who comes counts itself under the lock. The last one takes all that are listed, begins anew, and
//! releases them outside of the lock; so the next round can begin before the last of this one has left.
//! Who gives up while it is still listed takes its count back; who was taken has met the others.
//!
//! Invariants:
//! 1. Under the lock, `here` is the number of those that are listed, below `size`.
//! 2. A listed waiter leaves the queue or is released before `wait_until` returns.

use super::waiter::{End, Locked, Queue, Waiter};
use crate::prim::const_fn;
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until, Why};
use std::fmt;
use std::time::Duration;

/// A point at which a number of goroutines or threads wait for each other. std's `Barrier`.
///
/// It can be used again and again: those who have met may come back at once. A goroutine that is
/// aborted, or whose runtime stops, is unwound in its wait, and does not count as having come.
///
/// # Examples
/// ```
/// use rt::sync::Barrier;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// #[rt::main]
/// fn main() {
///     let (barrier, before, leaders) = (Barrier::new(3), AtomicU32::new(0), AtomicU32::new(0));
///     rt::scope(|s| {
///         for _ in 0..3 {
///             s.spawn(|| {
///                 before.fetch_add(1, Ordering::Relaxed);
///                 if barrier.wait().is_leader() {
///                     leaders.fetch_add(1, Ordering::Relaxed);
///                 }
///                 assert_eq!(before.load(Ordering::Relaxed), 3);
///             });
///         }
///     });
///     assert_eq!(leaders.into_inner(), 1);
/// }
/// ```
pub struct Barrier {
    size: usize,
    room: Locked<Room>,
}

struct Room {
    here: usize,
    waiters: Queue,
}

/// What [`Barrier::wait`] returns: whether the caller was the last to come.
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether the caller is the one of its round that was chosen: the last to come.
    ///
    /// # Examples
    /// ```
    /// let alone = rt::sync::Barrier::new(1);
    /// assert!(alone.wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// What waiters are released with.
const MET: u32 = 1;

impl Barrier {
    const_fn! {
        /// A barrier for `n`; 0 is as good as 1: nobody waits. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// static BARRIER: rt::sync::Barrier = rt::sync::Barrier::new(1);
        /// BARRIER.wait();
        /// ```
        #[must_use]
        pub const fn new(n: usize) -> Self {
            Self { size: n, room: Locked::new(Room { here: 0, waiters: Queue::new() }) }
        }
    }

    /// Waits until as many have come as the barrier is for, the caller among them.
    ///
    /// # Examples
    /// ```
    /// assert!(rt::sync::Barrier::new(1).wait().is_leader(), "nobody else is to come");
    /// ```
    pub fn wait(&self) -> BarrierWaitResult {
        match self.wait_until(Until::NEVER) {
            Some(result) => result,
            None => util::bug(format_args!("a barrier's wait without an end was over")),
        }
    }

    /// The same, for at most `timeout`. `None`: the time was up, and the caller does not count as having
    /// come.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let barrier = rt::sync::Barrier::new(2);
    /// assert!(barrier.wait_timeout(Duration::from_millis(1)).is_none());
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Option<BarrierWaitResult> {
        self.wait_until(util::now().checked_add(timeout).into())
    }

    /// The same, until `ctx` is done at most.
    ///
    /// # Errors
    /// Why the context is done. The caller does not count as having come.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    /// let barrier = rt::sync::Barrier::new(2);
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert_eq!(barrier.wait_ctx(&ctx).unwrap_err(), ContextError::DeadlineExceeded);
    /// ```
    pub fn wait_ctx(
        &self,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<BarrierWaitResult, ContextError> {
        wait::bounded(ctx, |until| self.wait_until(until))?.ok_or_else(|| wait::ended(ctx))
    }

    #[inline]
    fn wait_until(&self, until: Until<'_>) -> Option<BarrierWaitResult> {
        wait::with(|slot| {
            let waiter = Waiter::new(slot, 0);
            let all = self.room.with(|room| {
                if room.here + 1 >= self.size {
                    room.here = 0;
                    return Some(room.waiters.take_while(|_| true));
                }
                room.here += 1;
                // SAFETY: it is released or has left before this returns (invariant 2).
                unsafe { room.waiters.push_back(&waiter) };
                None
            });
            if let Some(all) = all {
                all.release(MET);
                wait::checkpoint("after Barrier::wait");
                return Some(BarrierWaitResult(true));
            }
            if let Err(end) = waiter.wait(Why::Barrier.on(self), until)
                && self.ends(&waiter, end)
            {
                return None;
            }
            Some(BarrierWaitResult(false))
        })
    }

    /// `false`: the others came in this moment. Unwinds if it is to.
    #[cold]
    fn ends(&self, waiter: &Waiter, end: End) -> bool {
        let left = self.room.with(|room| {
            // SAFETY: `wait_until` put it there.
            let left = unsafe { room.waiters.leave(waiter) };
            room.here -= usize::from(left);
            left
        });
        if left {
            end.raise();
        } else {
            waiter.wait_taken(Why::Barrier);
        }
        left
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("size", &self.size).finish_non_exhaustive()
    }
}
