//! `Mutex`: one at a time.
//!
//! The protocol is in [`raw`]; here are the value, the guard, and what the compiler is told of them.
//!
//! Invariants:
//! 1. The value is reached through a guard, or through `&mut Mutex`. There is a guard exactly while the
//!    lock is held.
//! 2. The lock belongs to no thread: a guard may be dropped on another thread than it was made on.
//!    A goroutine takes its guards along when it moves.

mod raw;

pub(super) use raw::RawMutex;

use crate::util;
use crate::wait::{self, Cancel, ContextError, Why};
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Lets one goroutine or thread at a time at a value. Go's `sync.Mutex`, and std's, for goroutines
/// and plain threads alike.
///
/// Whoever finds it locked waits without blocking its thread. A goroutine that runs may lock ahead
/// of those who wait, which is what makes a busy lock fast; who has waited for a millisecond is
/// handed the lock as the next one, in the order of their coming. Locking it when it is free, whoever
/// waits, and unlocking it when nobody does, is one atomic operation each and never lets others run; the rest
/// are points at which a goroutine that has used up its time slice does.
///
/// * **No poison.** A panic unlocks it, as in Go with a deferred `Unlock`. What the value then looks
///   like is for the user to say; the compiler does not ask, for a `Mutex` is `UnwindSafe`, as std's.
/// * **A guard may move**, to another goroutine or thread, and unlock there: it is [`Send`] if the
///   value is. It may be held over anything that waits, also over `.await`.
/// * **Locking it twice** in one goroutine waits for ever, as in Go.
/// * A goroutine that is [aborted](crate::JoinHandle::abort), or whose runtime stops, is unwound while it
///   waits; one that the lock has come to meanwhile gets it, and is unwound at its next wait.
///
/// It takes 32 bytes beside the value, and allocates nothing. It notes which goroutine has locked it, for [dumps](crate::dump).
///
/// # Examples
/// ```
/// use rt::sync::Mutex;
///
/// static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
///
/// #[rt::main]
/// fn main() {
///     rt::scope(|s| {
///         for i in 0..3 {
///             s.spawn(move || SEEN.lock().push(i));
///         }
///     });
///     let mut seen = SEEN.lock();
///     seen.sort();
///     assert_eq!(*seen, [0, 1, 2]);
/// }
/// ```
///
/// A value that must stay on its thread makes the mutex stay there, too, and its guard:
/// ```compile_fail,E0277
/// fn sends<T: Send>(_: T) {}
/// sends(rt::sync::Mutex::new(std::rc::Rc::new(1)));
/// ```
/// ```compile_fail,E0277
/// fn sends<T: Send>(_: T) {}
/// let mutex = rt::sync::Mutex::new(std::rc::Rc::new(1));
/// sends(mutex.lock());
/// ```
/// And a guard can be shared only if the value can:
/// ```compile_fail,E0277
/// fn shares<T: Sync>(_: &T) {}
/// let mutex = rt::sync::Mutex::new(std::cell::Cell::new(1));
/// shares(&mutex.lock());
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time (invariant 1).
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// No poison: what the value is like after a panic is the user's business.
impl<T: ?Sized> std::panic::UnwindSafe for Mutex<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for Mutex<T> {}

/// The value of a locked [`Mutex`], which is unlocked when this is dropped.
///
/// `Send` if the value is, unlike std's: the lock belongs to no thread.
///
/// # Examples
/// ```
/// let mutex = rt::sync::Mutex::new(1);
/// let mut guard = mutex.lock();
/// *guard += 1;
/// assert!(mutex.try_lock().is_none());
/// drop(guard);
/// assert_eq!(*mutex.lock(), 2);
/// ```
#[must_use = "the mutex is unlocked when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    // `&Mutex<T>` makes it Send if T is.
    mutex: &'a Mutex<T>,
}

// SAFETY: a shared guard gives out `&T` alone.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    crate::prim::const_fn! {
        /// An unlocked mutex. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// static COUNT: rt::sync::Mutex<u32> = rt::sync::Mutex::new(0);
        /// *COUNT.lock() += 1;
        /// assert_eq!(*COUNT.lock(), 1);
        /// ```
        pub const fn new(value: T) -> Self {
            Self { raw: RawMutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// In a model: one that is handed over to whoever waits.
    #[cfg(all(test, any(loom, shuttle)))]
    pub(super) fn impatient(value: T) -> Self {
        let mut mutex = Self::new(value);
        mutex.raw.impatient = true;
        mutex
    }

    /// Takes the value out. Nobody can have it locked.
    ///
    /// # Examples
    /// ```
    /// let mutex = rt::sync::Mutex::new(String::from("a"));
    /// mutex.lock().push('b');
    /// assert_eq!(mutex.into_inner(), "ab");
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex; waits while somebody else has it locked.
    ///
    /// # Examples
    /// ```
    /// let mutex = rt::sync::Mutex::new(1);
    /// *mutex.lock() += 1;
    /// assert_eq!(*mutex.lock(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock();
        let guard = MutexGuard { mutex: self };
        wait::point("after Mutex::lock");
        guard
    }

    /// Locks the mutex if nobody has it locked. Never waits. Go's `TryLock`.
    ///
    /// `None` also when it is about to be handed to somebody who has waited for long.
    ///
    /// # Examples
    /// ```
    /// let mutex = rt::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let guard = self.raw.try_lock().then(|| MutexGuard { mutex: self });
        wait::point("after Mutex::try_lock");
        guard
    }

    /// Locks the mutex; waits for at most `timeout`. `None`: it was locked all the time.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let mutex = rt::sync::Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert_eq!(*mutex.lock_timeout(Duration::from_millis(1)).unwrap(), 1);
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let locked = self.raw.try_lock()
            || self.raw.lock_until(
                util::now().checked_add(timeout).into(),
                Why::Mutex.on(&raw const self.raw),
            );
        let guard = locked.then(|| MutexGuard { mutex: self });
        wait::point("after Mutex::lock_timeout");
        guard
    }

    /// Locks the mutex; waits until `ctx` is done at most. If it is done already, it is not locked.
    ///
    /// # Errors
    /// Why the context is done.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// let mutex = rt::sync::Mutex::new(1);
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(*mutex.lock_ctx(&ctx).unwrap(), 1);
    /// cancel();
    /// assert_eq!(mutex.lock_ctx(&ctx).unwrap_err(), ContextError::Canceled);
    /// ```
    pub fn lock_ctx(
        &self,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<MutexGuard<'_, T>, ContextError> {
        wait::in_time(ctx, |until| self.raw.lock_until(until, Why::Mutex.on(&raw const self.raw)))?;
        Ok(MutexGuard { mutex: self })
    }

    /// The value, without locking: nobody else can have the mutex.
    ///
    /// # Examples
    /// ```
    /// let mut mutex = rt::sync::Mutex::new(1);
    /// *mutex.get_mut() = 2;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

#[cfg(all(test, any(loom, shuttle)))]
impl<T: ?Sized> Mutex<T> {
    /// In a model: whether nobody has it, or wants it.
    pub(super) fn is_idle(&self) -> bool {
        self.raw.is_idle()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex that it keeps locked.
    pub(super) fn mutex(guard: &Self) -> &'a Mutex<T> {
        guard.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held (invariant 1).
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held (invariant 1).
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.unlock();
        wait::point("after the unlock of a Mutex");
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
