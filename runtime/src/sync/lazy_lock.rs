//! `LazyLock`: a [`OnceLock`] and what makes its value.
//!
//! Invariants:
//! 1. `init` is touched by who is at the value's `Once` alone, but for `&mut`. It is empty once somebody has begun.
//! 2. Who has begun is not cancelled before it has ended: nobody could try again.

use super::once_lock::OnceLock;
use crate::chan::select::{Case, RecvOperand, SendOperand, pointers};
use crate::prim::const_fn;
use crate::sched;
use crate::wait::Mask;
use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A value that is made when it is first used. std's `LazyLock`, for goroutines and plain threads alike: who comes while it is
/// being made waits, and blocks no thread of a runtime. Go's `sync.OnceValue`.
///
/// # When it panics
/// What unwinds out of its initializer, a panic or a [`task::exit`](crate::task::exit), goes to who came first, and leaves the
/// lock poisoned, as std's: who comes later panics. ([`OnceLock`] stays empty, and has the next one's tried.) A goroutine that is aborted
/// while it makes the value, or whose runtime stops, makes it all the same, and is unwound at its next wait.
///
/// # Examples
/// ```
/// use rt::sync::LazyLock;
/// use std::time::Duration;
///
/// static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
///     rt::time::sleep(Duration::from_millis(1)); // it may wait
///     vec![2, 3, 5, 7]
/// });
///
/// #[rt::main]
/// fn main() {
///     let sums = [(); 3].map(|()| rt::spawn(|| PRIMES.iter().sum::<u32>()));
///     assert!(sums.into_iter().all(|sum| sum.join().unwrap() == 17));
/// }
/// ```
/// It can be shared only if the value can, and sent:
/// ```compile_fail,E0277
/// fn shares<T: Sync>(_: &T) {}
/// shares(&rt::sync::LazyLock::<std::cell::Cell<u32>>::default());
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    init: Cell<Option<F>>,
}

// SAFETY: `init` is taken, on whatever thread, by one at a time (invariant 1), and nobody gets a reference to what is in it. The
// value says itself who may share it.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}

// As std's: only a whole value is ever seen.
impl<T: UnwindSafe + RefUnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

/// Somebody has begun to make the value, and unwound.
struct Poisoned;

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    const_fn! {
        /// What `f` returns, when somebody wants it. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// let name = "gopher".to_owned();
        /// let loud = rt::sync::LazyLock::new(|| name.to_uppercase());
        /// assert_eq!(*loud, "GOPHER");
        /// ```
        #[must_use]
        pub const fn new(f: F) -> Self {
            Self { value: OnceLock::new(), init: Cell::new(Some(f)) }
        }
    }

    /// The value; makes it if nobody has, and waits while somebody does. Using the lock as a reference does the same.
    ///
    /// # Panics
    /// With what the initializer panics with; "LazyLock instance has previously been poisoned", std's words, when it has before.
    /// "Once: called from inside its own call", in the initializer itself. (When that waits for another goroutine that wants the
    /// value, both wait for ever.)
    ///
    /// # Examples
    /// ```
    /// use rt::sync::LazyLock;
    ///
    /// let lazy = LazyLock::new(|| 92);
    /// assert_eq!((LazyLock::force(&lazy), *lazy), (&92, 92));
    /// ```
    #[track_caller]
    #[inline]
    pub fn force(this: &Self) -> &T {
        match this.value.get_or_try_init(|| this.make()) {
            Ok(value) => value,
            Err(Poisoned) => panic!("LazyLock instance has previously been poisoned"),
        }
    }

    /// The same, to be changed: nobody else can have the lock.
    ///
    /// # Panics
    /// As [`force`](Self::force).
    ///
    /// # Examples
    /// ```
    /// use rt::sync::LazyLock;
    ///
    /// let mut lazy = LazyLock::new(|| 92);
    /// *LazyLock::force_mut(&mut lazy) = 44;
    /// *lazy += 1;
    /// assert_eq!(*lazy, 45);
    /// ```
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        let Some(value) = this.value.get_mut() else { unreachable!("it was made") };
        value
    }

    /// The caller is at the value's `Once`.
    fn make(&self) -> Result<T, Poisoned> {
        let init = self.init.take().ok_or(Poisoned)?;
        // Invariant 2.
        let _whole = sched::current_slot().map(Mask::new);
        Ok(init())
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it has been made. One load.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::LazyLock;
    ///
    /// let lazy = LazyLock::new(|| 92);
    /// assert_eq!(LazyLock::get(&lazy), None);
    /// LazyLock::force(&lazy);
    /// assert_eq!(LazyLock::get(&lazy), Some(&92));
    /// ```
    #[inline]
    pub fn get(this: &Self) -> Option<&T> {
        this.value.get()
    }

    /// The same, to be changed.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::LazyLock;
    ///
    /// let mut lazy = LazyLock::new(|| 92);
    /// assert_eq!(LazyLock::get_mut(&mut lazy), None);
    /// LazyLock::force(&lazy);
    /// *LazyLock::get_mut(&mut lazy).unwrap() = 44;
    /// assert_eq!(*lazy, 44);
    /// ```
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        this.value.get_mut()
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    /// As [`force`](Self::force).
    #[track_caller]
    #[inline]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    /// As [`force_mut`](Self::force_mut).
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("LazyLock");
        match Self::get(self) {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<uninit>")),
        };
        out.finish()
    }
}

// A channel that is a `static`, in a `select!`.
pointers!(RecvOperand: LazyLock<P> where P: Sized);
pointers!(SendOperand: LazyLock<P> where P: Sized);
