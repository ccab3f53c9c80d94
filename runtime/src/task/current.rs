//! The goroutine that calls: who it is, where it runs, how it ends.

use crate::g::G;
use crate::sched;
use crate::wait;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::sync::Arc;

/// Who a goroutine is.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let handle = rt::spawn(|| rt::task::current().id());
///     let id = handle.task().id();
///     assert_eq!(handle.join().unwrap(), id);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    id: u64,
    name: Option<Arc<str>>,
}

impl Task {
    pub(super) fn of(g: &G) -> Self {
        Self { id: g.id(), name: g.name().cloned() }
    }

    /// Its number: process-wide, from 1, never used twice. `get()` is what [dumps](crate::debug::Goroutine::id) call it by.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let handle = rt::spawn(|| rt::task::current().id());
    ///     let id = handle.task().id();
    ///     assert_eq!(handle.join().unwrap(), id);
    ///     assert_ne!(id, rt::task::current().id());
    /// }
    /// ```
    #[must_use]
    pub fn id(&self) -> NonZeroU64 {
        NonZeroU64::new(self.id).unwrap_or(NonZeroU64::MAX)
    }

    /// The name that its [`Builder`](super::Builder) gave it.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(rt::task::current().name(), None);
    /// }
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The goroutine that calls.
///
/// # Panics
/// On a plain thread. See [`try_current`].
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     println!("goroutine {}", rt::task::current().id());
/// }
/// ```
#[must_use]
#[track_caller]
pub fn current() -> Task {
    match try_current() {
        Some(task) => task,
        None => panic!("rt::task::current was called outside of a goroutine"),
    }
}

/// The goroutine that calls, if it is one.
///
/// # Examples
/// ```
/// assert!(rt::task::try_current().is_none());
/// ```
#[must_use]
pub fn try_current() -> Option<Task> {
    let g = sched::current_g()?;
    // SAFETY: the goroutine that runs this: alive.
    Some(Task::of(unsafe { g.get() }))
}

/// Ends the calling goroutine: unwinds it, running destructors, and reports to its handle that it
/// [was cancelled](super::JoinError::is_cancelled). Go's `runtime.Goexit`.
///
/// No panic hook sees it. A `catch_unwind` on the way would catch it, as it does any unwinding;
/// pass the payload on with [`std::panic::resume_unwind`].
///
/// In the main of [`#[rt::main]`](macro@crate::main) it ends main without ending the program, as in Go: the other goroutines go on.
/// When none is left, nor a thread of the program's own, the process ends with the words `fatal error: no goroutines (main called
/// runtime.Goexit) - deadlock!` and code 2. What [`after_func`](crate::time::after_func) has still to start does not count. Call
/// [`std::process::exit`] to end it otherwise. In what [`Runtime::run`](crate::Runtime::run) runs, `run` panics.
///
/// # Panics
/// On a plain thread.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let gone = rt::spawn(|| rt::task::exit());
///     assert!(gone.join().unwrap_err().is_cancelled());
/// }
/// ```
#[track_caller]
pub fn exit() -> ! {
    assert!(sched::current_g().is_some(), "rt::task::exit was called outside of a goroutine");
    wait::unwind()
}

/// Keeps the calling goroutine on its present thread until the guard is dropped. Go's
/// `runtime.LockOSThread`; for FFI and for code that is bound to thread-local state.
///
/// Pins nest. While it is pinned, a goroutine that waits blocks its thread, and its processor goes
/// to another one; so it is dearer than others to switch to. If it ends without dropping the guard
/// (which takes a [`std::mem::forget`]), its thread ends with it and is not used again; but not where
/// goroutines do not [migrate](crate::Builder::migrate): others are at home on it. On a plain
/// thread the guard does nothing.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let _pin = rt::task::pin_thread();
///     let before = std::thread::current().id();
///     rt::yield_now();
///     assert_eq!(std::thread::current().id(), before);
/// }
/// ```
pub fn pin_thread() -> ThreadPin {
    ThreadPin { pinned: sched::pin(), on_one_goroutine: PhantomData }
}

/// Keeps a goroutine on its thread; see [`pin_thread`].
///
/// It stays with the goroutine that made it:
/// ```compile_fail
/// fn send<T: Send>(_: T) {}
/// send(rt::task::pin_thread());
/// ```
#[derive(Debug)]
#[must_use = "the goroutine is pinned as long as this lives"]
pub struct ThreadPin {
    pinned: bool,
    on_one_goroutine: PhantomData<*const ()>,
}

impl Drop for ThreadPin {
    fn drop(&mut self) {
        if self.pinned {
            sched::unpin();
        }
    }
}
