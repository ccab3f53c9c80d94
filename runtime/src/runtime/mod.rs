//! The front: building, entering and leaving a runtime.

mod builder;
mod entry;
pub(crate) mod env;
mod handle;
mod overflow;
mod shutdown;

pub use builder::Builder;
pub use handle::{EnterGuard, Handle};
pub use shutdown::ShutdownTimeout;

pub use entry::Entry;
pub(crate) use handle::Origin;

use crate::debug::{self, Dump};
use crate::sched::Sched;
use crate::trace::Metrics;
use std::sync::Arc;
use std::time::Duration;

/// A runtime: threads, processors and the goroutines that run on them.
///
/// Dropping it shuts it down: goroutines that wait are unwound from their park points (their
/// destructors run), what has not started is dropped, and its threads are joined; for 10 seconds at
/// most, after which what is left is named on standard error and left alone. Dropped inside one of
/// its own goroutines, it only starts to shut down.
///
/// Several runtimes in one process are independent of each other.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().procs(2).build()?;
/// let sum = runtime.run(|| {
///     let halves = [rt::spawn(|| 20), rt::spawn(|| 22)];
///     halves.into_iter().map(|h| h.join().unwrap()).sum::<i32>()
/// });
/// assert_eq!(sum, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    sched: Arc<Sched>,
    /// It was shut down, and dropping it does nothing more.
    is_down: bool,
}

impl Runtime {
    /// Settings to build a runtime from.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().procs(2).build()?;
    /// assert_eq!(runtime.run(rt::procs), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Runs `f` as a goroutine, and blocks the calling thread, or goroutine, until it ends. Others
    /// that it started may still run then. Its stack has at least 8 MiB, as a main thread's.
    ///
    /// # Panics
    /// With what `f` panicked with; and when `f` was cancelled, by
    /// [`exit`](crate::task::exit) or because the runtime was shut down.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// let words = vec!["borrowed", "not", "moved"];
    /// assert_eq!(runtime.run(|| words.len()), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        handle::run(&self.sched, f)
    }

    pub(crate) fn sched(&self) -> &Arc<Sched> {
        &self.sched
    }

    /// [`run`](Self::run), for who says what is told of its goroutine.
    #[track_caller]
    pub(crate) fn run_at<T: Send>(&self, f: impl FnOnce() -> T + Send, origin: Origin<'_>) -> T {
        handle::run_at(&self.sched, f, origin)
    }

    /// A handle to start goroutines with from elsewhere.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// let handle = runtime.handle();
    /// assert_eq!(std::thread::spawn(move || handle.run(|| 7)).join().unwrap(), 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn handle(&self) -> Handle {
        Handle::of(Arc::clone(&self.sched))
    }

    /// The runtime in numbers. See [`rt::metrics`](crate::metrics()).
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().procs(2).build()?;
    /// runtime.run(|| ());
    /// let metrics = runtime.metrics();
    /// assert_eq!((metrics.procs.len(), metrics.goroutines.spawned), (2, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.sched.metrics()
    }

    /// Looks at every goroutine of this runtime, from wherever. See [`rt::dump`](crate::dump()).
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// runtime.handle().spawn(|| rt::time::sleep(std::time::Duration::from_secs(60)));
    /// while runtime.dump().goroutines().is_empty() {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump(&self) -> Dump {
        debug::take(&self.sched)
    }

    /// Shuts down as dropping does, and waits for at most `timeout`.
    ///
    /// # Errors
    /// When goroutines were left that did not end: they burn, sit in a system call, or swallow
    /// the unwinding. They and their stacks are left alone for the rest of the process's life.
    ///
    /// Threads in which destructors of thread-locals run for longer are left to end by themselves; that is no error.
    ///
    /// Called in one of the runtime's own goroutines, it does not wait, for that one cannot end before it returns: the runtime
    /// shuts down, and the error names the caller.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// runtime.run(|| drop(rt::spawn(|| rt::chan::Chan::<()>::nil().recv())));
    /// // What waits is unwound.
    /// assert!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Result<(), ShutdownTimeout> {
        self.is_down = true;
        shutdown::shut_down(&self.sched, Some(timeout)).map(drop)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.is_down {
            shutdown::drop_runtime(&self.sched);
        }
    }
}
