//! `RwLock`: many who read, or one who writes.
//!
//! The protocol is in [`raw`]; here are the value, the guards, and what the compiler is told of them.
//!
//! Invariants:
//! 1. The value is reached through a guard, or through `&mut RwLock`. There is a write guard exactly while
//!    the lock is held for writing, and then no read guard.
//! 2. The lock belongs to no thread, as a [`Mutex`](super::Mutex)'s.

mod raw;

use crate::util;
use crate::wait::{self, Cancel, ContextError, Until};
pub(super) use raw::RawRwLock;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Lets many at a value to read it, or one to change it. Go's `sync.RWMutex`, and std's `RwLock`, for
/// goroutines and plain threads alike.
///
/// A writer that waits for the readers to leave keeps new ones away; a writer that leaves lets all
/// those in that wait to read. So neither side starves the other. Writers among themselves
/// compete as for a [`Mutex`](super::Mutex).
///
/// * **Reading twice** in one goroutine waits for ever when a writer has come in between, as in Go.
/// * No poison, guards that may move, cancellation: as with a [`Mutex`](super::Mutex).
///
/// Locking and unlocking are one atomic operation each when nobody is in the way; those never let
/// others run, the rest are points at which a goroutine that has used up its time slice does.
///
/// # Examples
/// ```
/// use rt::sync::RwLock;
///
/// #[rt::main]
/// fn main() {
///     let config = RwLock::new(vec![1, 2]);
///     rt::scope(|s| {
///         for _ in 0..3 {
///             s.spawn(|| assert!(config.read().len() >= 2));
///         }
///         s.spawn(|| config.write().push(3));
///     });
///     assert_eq!(*config.read(), [1, 2, 3]);
/// }
/// ```
/// It can be shared only if the value can be shared, and sent:
/// ```compile_fail,E0277
/// fn shares<T: Sync>(_: &T) {}
/// shares(&rt::sync::RwLock::new(std::cell::Cell::new(1)));
/// ```
/// ```compile_fail,E0277
/// fn sends<T: Send>(_: T) {}
/// let lock = rt::sync::RwLock::new(std::rc::Rc::new(1));
/// sends(lock.read());
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    value: UnsafeCell<T>,
}

// SAFETY: many threads may read the value at a time, and one may change it or take it away (invariant 1).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

// As a `Mutex`.
impl<T: ?Sized> std::panic::UnwindSafe for RwLock<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for RwLock<T> {}

/// The value of an [`RwLock`], to read; unlocked when this is dropped. `Send` if the lock is `Sync`.
///
/// # Examples
/// ```
/// let lock = rt::sync::RwLock::new(1);
/// let (one, other) = (lock.read(), lock.read());
/// assert_eq!(*one + *other, 2);
/// assert!(lock.try_write().is_none());
/// ```
#[must_use = "the lock is unlocked when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

/// The value of an [`RwLock`], to change; unlocked when this is dropped. `Send` if the lock is `Sync`.
///
/// # Examples
/// ```
/// let lock = rt::sync::RwLock::new(1);
/// let mut guard = lock.write();
/// *guard += 1;
/// assert!(lock.try_read().is_none());
/// drop(guard);
/// assert_eq!(*lock.read(), 2);
/// ```
#[must_use = "the lock is unlocked when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<T> RwLock<T> {
    crate::prim::const_fn! {
        /// An unlocked lock. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// static LIMIT: rt::sync::RwLock<u32> = rt::sync::RwLock::new(5);
        /// assert_eq!(*LIMIT.read(), 5);
        /// ```
        pub const fn new(value: T) -> Self {
            Self { raw: RawRwLock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the value out. Nobody can have it locked.
    ///
    /// # Examples
    /// ```
    /// let lock = rt::sync::RwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading; waits while somebody has it for writing, or wants it.
    ///
    /// # Panics
    /// When 2²⁸ - 1 have it for reading. Nobody has as many, but by forgetting guards.
    ///
    /// # Examples
    /// ```
    /// let lock = rt::sync::RwLock::new(1);
    /// let (a, b) = (lock.read(), lock.read());
    /// assert_eq!(*a + *b, 2);
    /// ```
    #[track_caller]
    #[inline]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.raw.read(Until::NEVER);
        let guard = RwLockReadGuard { lock: self };
        wait::point("after RwLock::read");
        guard
    }

    /// Locks for writing; waits while others have it.
    ///
    /// # Examples
    /// ```
    /// let lock = rt::sync::RwLock::new(1);
    /// *lock.write() = 2;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[inline]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.raw.write(Until::NEVER);
        let guard = RwLockWriteGuard { lock: self };
        wait::point("after RwLock::write");
        guard
    }

    /// Locks for reading, if nobody has it for writing or wants it. Never waits.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// let lock = rt::sync::RwLock::new(1);
    /// let guard = lock.write();
    /// assert!(lock.try_read().is_none());
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        let guard = self.raw.try_read().then(|| RwLockReadGuard { lock: self });
        wait::point("after RwLock::try_read");
        guard
    }

    /// Locks for writing, if nobody has it. Never waits.
    ///
    /// # Examples
    /// ```
    /// let lock = rt::sync::RwLock::new(1);
    /// let guard = lock.read();
    /// assert!(lock.try_write().is_none());
    /// ```
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        let guard = self.raw.try_write().then(|| RwLockWriteGuard { lock: self });
        wait::point("after RwLock::try_write");
        guard
    }

    /// Locks for reading; waits for at most `timeout`. `None`: the time was up.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let lock = rt::sync::RwLock::new(1);
    /// let guard = lock.write();
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        let locked = self.raw.try_read() || self.raw.read(util::now().checked_add(timeout).into());
        let guard = locked.then(|| RwLockReadGuard { lock: self });
        wait::point("after RwLock::read_timeout");
        guard
    }

    /// Locks for writing; waits for at most `timeout`. `None`: the time was up, and readers that it
    /// kept away may go on.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let lock = rt::sync::RwLock::new(1);
    /// let guard = lock.read();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// ```
    pub fn write_timeout(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        let locked =
            self.raw.try_write() || self.raw.write(util::now().checked_add(timeout).into());
        let guard = locked.then(|| RwLockWriteGuard { lock: self });
        wait::point("after RwLock::write_timeout");
        guard
    }

    /// Locks for reading; waits until `ctx` is done at most. If it is done already, it is not locked.
    ///
    /// # Errors
    /// Why the context is done.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    /// let lock = rt::sync::RwLock::new(1);
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let guard = lock.write();
    /// assert_eq!(lock.read_ctx(&ctx).unwrap_err(), ContextError::DeadlineExceeded);
    /// ```
    #[track_caller]
    pub fn read_ctx(
        &self,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<RwLockReadGuard<'_, T>, ContextError> {
        wait::in_time(ctx, |until| self.raw.read(until))?;
        Ok(RwLockReadGuard { lock: self })
    }

    /// Locks for writing; waits until `ctx` is done at most. If it is done already, it is not locked.
    ///
    /// # Errors
    /// Why the context is done. Readers that it kept away may go on.
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel();
    /// let lock = rt::sync::RwLock::new(1);
    /// *lock.write_ctx(&ctx).unwrap() = 2;
    /// cancel();
    /// assert!(lock.write_ctx(&ctx).is_err() && *lock.read() == 2);
    /// ```
    pub fn write_ctx(
        &self,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<RwLockWriteGuard<'_, T>, ContextError> {
        wait::in_time(ctx, |until| self.raw.write(until))?;
        Ok(RwLockWriteGuard { lock: self })
    }

    /// The value, without locking: nobody else can have the lock.
    ///
    /// # Examples
    /// ```
    /// let mut lock = rt::sync::RwLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Reads on, without anybody having written in between: readers that wait come in, too.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write();
    /// *guard = 2;
    /// let guard = RwLockWriteGuard::downgrade(guard);
    /// assert_eq!((*guard, *lock.read()), (2, 2));
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        // It does not unlock.
        let lock = ManuallyDrop::new(guard).lock;
        lock.raw.downgrade();
        let guard = RwLockReadGuard { lock };
        wait::point("after the downgrade of a RwLock");
        guard
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for reading (invariant 1).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for writing (invariant 1).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: held for writing (invariant 1).
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_read();
        wait::point("after the unlock of a RwLock");
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_write();
        wait::point("after the unlock of a RwLock");
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
