//! `OnceLock`: a [`Once`] and the value that comes of it.
//!
//! Invariants:
//! 1. The value is there exactly if the `Once` is completed.
//! 2. Before, it is touched by who is at the `Once` alone; after, it is only read, but for `&mut`.

use super::once::Once;
use crate::prim::const_fn;
use crate::wait;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A value that is set once, and then only read. std's `OnceLock`, for goroutines and plain threads
/// alike; Go's `sync.OnceValue`.
///
/// Reading it is one load. An initializer that unwinds, by a panic or because its goroutine is
/// aborted, leaves it empty, and the next one tries again.
///
/// # Examples
/// ```
/// use rt::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
///
/// #[rt::main]
/// fn main() {
///     assert_eq!(NAME.get(), None);
///     rt::spawn(|| NAME.get_or_init(|| "gopher".to_owned())).join().unwrap();
///     assert_eq!(NAME.get().unwrap(), "gopher");
///     assert_eq!(NAME.set("crab".to_owned()), Err("crab".to_owned()));
/// }
/// ```
/// It can be shared only if the value can, and sent:
/// ```compile_fail,E0277
/// fn shares<T: Sync>(_: &T) {}
/// shares(&rt::sync::OnceLock::<std::cell::Cell<u32>>::new());
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: shared, it gives out `&T` (invariant 2), and takes a value on one thread that another one may
// take out or drop.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}

// Only a whole value is ever seen.
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    const_fn! {
        /// Empty. `const`: it can be a `static`.
        ///
        /// # Examples
        /// See [`OnceLock`].
        #[must_use]
        pub const fn new() -> Self {
            Self { once: Once::new(), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }

    /// The value, if it is set. One load.
    ///
    /// # Examples
    /// ```
    /// let once = rt::sync::OnceLock::new();
    /// assert_eq!(once.get(), None);
    /// once.set(1).unwrap();
    /// assert_eq!(once.get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        let value = if self.once.done() { Some(self.value()) } else { None };
        wait::point("after OnceLock::get");
        value
    }

    /// The value; nobody else can have the lock.
    ///
    /// # Examples
    /// ```
    /// let mut once = rt::sync::OnceLock::from(1);
    /// *once.get_mut().unwrap() += 1;
    /// assert_eq!(once.into_inner(), Some(2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if !self.once.done() {
            return None;
        }
        // SAFETY: completed, so it is there (invariant 1).
        Some(unsafe { self.value.get_mut().assume_init_mut() })
    }

    /// Sets the value; waits while an initializer is at it.
    ///
    /// # Errors
    /// Gives the value back when there is one already.
    ///
    /// # Panics
    /// As [`get_or_init`](Self::get_or_init), inside an initializer.
    ///
    /// # Examples
    /// ```
    /// let once = rt::sync::OnceLock::new();
    /// assert_eq!(once.set(1), Ok(()));
    /// assert_eq!(once.set(2), Err(2));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.once.call_once(|| {
            if let Some(value) = value.take() {
                self.write(value);
            }
        });
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// The value; if there is none, calls `f` for it, or waits for who has called its own.
    ///
    /// # Panics
    /// With what `f` panics with; then it stays empty, and the next call tries again. "Once: called
    /// from inside its own call", when `f` itself calls this. (When `f` waits for another
    /// goroutine that does, both wait for ever.)
    ///
    /// # Examples
    /// ```
    /// let once = rt::sync::OnceLock::new();
    /// assert_eq!(*once.get_or_init(|| 1), 1);
    /// assert_eq!(*once.get_or_init(|| 2), 1);
    /// ```
    #[track_caller]
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        self.once.call_once(|| self.write(f()));
        self.value()
    }

    /// The same, by an initializer that may fail: then it stays empty, and the next call tries again, or one that already waits. Go's
    /// `sync.OnceValues`, which keeps the error.
    ///
    /// # Errors
    /// What `f` returned. Who waits for another's call does not get that one's error.
    ///
    /// # Panics
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    /// ```
    /// use rt::sync::OnceLock;
    ///
    /// let port = OnceLock::<u16>::new();
    /// assert!(port.get_or_try_init(|| "http".parse()).is_err());
    /// assert_eq!(port.get_or_try_init(|| "80".parse()), Ok(&80));
    /// assert_eq!(port.get_or_try_init(|| "http".parse()), Ok(&80));
    /// ```
    #[track_caller]
    #[inline]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let mut failed = None;
        self.once.call_until(|| match f() {
            Ok(value) => {
                self.write(value);
                true
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        match failed {
            // The call has counted, this one or another.
            None => Ok(self.value()),
            Some(error) => Err(error),
        }
    }

    /// The value; waits until somebody has set it.
    ///
    /// # Panics
    /// "Once: called from inside its own call", in the initializer that it waits for.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::OnceLock;
    /// #[rt::main]
    /// fn main() {
    ///     let once = OnceLock::new();
    ///     rt::scope(|s| {
    ///         s.spawn(|| once.set(7));
    ///         assert_eq!(*once.wait(), 7);
    ///     });
    /// }
    /// ```
    #[track_caller]
    #[inline]
    pub fn wait(&self) -> &T {
        self.once.wait();
        self.value()
    }

    /// Takes the value out, and leaves it empty: it can be set again.
    ///
    /// # Examples
    /// ```
    /// let mut once = rt::sync::OnceLock::from(1);
    /// assert_eq!(once.take(), Some(1));
    /// assert_eq!(once.take(), None);
    /// ```
    pub fn take(&mut self) -> Option<T> {
        if !self.once.done() {
            return None;
        }
        self.once = Once::new();
        // SAFETY: it was completed, so it is there (invariant 1); and it is not any more.
        Some(unsafe { self.value.get_mut().assume_init_read() })
    }

    /// The value.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::sync::OnceLock::from(1).into_inner(), Some(1));
    /// assert_eq!(rt::sync::OnceLock::<i32>::new().into_inner(), None);
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// The caller has seen that it is completed.
    #[inline]
    fn value(&self) -> &T {
        // SAFETY: completed, so nobody writes it any more (invariant 2).
        let value = unsafe { &*self.value.get() };
        // SAFETY: invariant 1.
        unsafe { value.assume_init_ref() }
    }

    /// The caller is at it.
    fn write(&self, value: T) {
        // SAFETY: it alone touches the value (invariant 2).
        let place = unsafe { &mut *self.value.get() };
        place.write(value);
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let once = Self::new();
        // Nobody else has it: it is empty.
        let _ = once.set(value);
        once
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().map_or_else(Self::new, |value| Self::from(value.clone()))
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<empty>")),
        };
        out.finish()
    }
}
