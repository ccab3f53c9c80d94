//! A short lock around something, for rooms that are locked for a few dozen instructions.
//!
//! Invariant: what lies in a [`Locked`] is reached by [`Locked::with`], which holds the lock, and by who has it for himself. Nothing in there
//! parks, wakes or runs user code.

use crate::prim::{SpinLock, UnsafeCell, const_fn};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What is touched under a lock.
pub(crate) struct Locked<S> {
    lock: SpinLock,
    inside: UnsafeCell<S>,
}

// SAFETY: the lock hands `S` to one thread at a time (the invariant).
unsafe impl<S: Send> Sync for Locked<S> {}

// No section panics half way: it runs no user code (the invariant).
impl<S> UnwindSafe for Locked<S> {}
impl<S> RefUnwindSafe for Locked<S> {}

impl<S> Locked<S> {
    const_fn! {
        pub(crate) const fn new(inside: S) -> Self {
            Self { lock: SpinLock::new(), inside: UnsafeCell::new(inside) }
        }
    }

    /// Calls `f` under the lock. The invariant.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        let _held = self.lock.lock();
        // SAFETY: the lock is held, and the reference ends before it is not (the invariant).
        self.inside.with_mut(|inside| f(unsafe { &mut *inside }))
    }

    /// The same for who has it alone, without the lock.
    pub(crate) fn alone<R>(&mut self, f: impl FnOnce(&mut S) -> R) -> R {
        // A model does not see that it is handed from one to the next by std's `Arc`.
        #[cfg(loom)]
        let _held = self.lock.lock();
        // SAFETY: `&mut self`: nobody else is in there, nor will be before the reference ends.
        self.inside.with_mut(|inside| f(unsafe { &mut *inside }))
    }
}

impl<S> fmt::Debug for Locked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").finish_non_exhaustive()
    }
}
