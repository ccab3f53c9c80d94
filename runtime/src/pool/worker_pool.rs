//! A pool of workers that all do the same.

use super::core::{Core, Patience};
use super::error::{BuildError, ReleaseTimeout, SubmitError};
use super::handle::{Owner, pool_methods};
use super::{Builder, Pool};
use crate::wait::Cancel;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A pool that calls one function with every value that it is given. Clones are the same pool. ants'
/// `PoolWithFunc`.
///
/// It is as a [`Pool`] otherwise, and needs no allocation for a task: values are handed to the workers as they are.
///
/// A value is moved over the worker's stack, as over that of who [receives](crate::chan) it: in a debug build 16 KiB overflow a default
/// one. Give a `Box` of what is large.
///
/// # Examples
/// ```
/// use rt::pool::WorkerPool;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let sum = Arc::new(AtomicU64::new(0));
///     let adds = Arc::clone(&sum);
///     let pool = WorkerPool::new(4, move |n: u64| {
///         adds.fetch_add(n, Ordering::Relaxed);
///     })?;
///     for n in 1..=1000 {
///         pool.invoke(n)?;
///     }
///     pool.release_timeout(Duration::from_secs(60))?;
///     assert_eq!(sum.load(Ordering::Relaxed), 500_500);
///     Ok(())
/// }
/// ```
pub struct WorkerPool<T: Send + 'static> {
    owner: Arc<Owner<T>>,
}

// As a `Pool`.
impl<T: Send + 'static> std::panic::UnwindSafe for WorkerPool<T> {}
impl<T: Send + 'static> std::panic::RefUnwindSafe for WorkerPool<T> {}

impl<T: Send + 'static> WorkerPool<T> {
    /// At most `capacity` workers that call `f`, with the defaults of [`Pool::new`]. Other settings:
    /// [`Builder::build_workers`].
    ///
    /// # Errors
    /// As [`Pool::new`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::WorkerPool;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::unbounded();
    ///     let squares = WorkerPool::new(2, move |n: u32| tx.send(n * n).unwrap()).unwrap();
    ///     (1..=3).for_each(|n| squares.invoke(n).unwrap());
    ///     assert_eq!(rx.iter().take(3).sum::<u32>(), 14);
    /// }
    /// ```
    #[track_caller]
    pub fn new(capacity: usize, f: impl Fn(T) + Send + Sync + 'static) -> Result<Self, BuildError> {
        Pool::builder().capacity(capacity).build_workers(f)
    }

    /// Settings to build a pool from, by [`Builder::build_workers`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::WorkerPool;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pool = WorkerPool::<u32>::builder().capacity(2).build_workers(|n: u32| assert_eq!(n, 7));
    ///     assert!(pool.unwrap().invoke(7).is_ok());
    /// }
    /// ```
    pub fn builder() -> Builder {
        Pool::builder()
    }

    pub(super) fn of(core: Arc<Core<T>>) -> Self {
        Self { owner: Arc::new(Owner(core)) }
    }

    /// Has a worker call the function with `arg`. Waits for a place as [`Pool::submit`] does.
    ///
    /// # Errors
    /// As [`Pool::submit`], with `arg`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded(1);
    ///     let pool = rt::pool::WorkerPool::new(2, move |n: u32| tx.send(n + 1).unwrap()).unwrap();
    ///     pool.invoke(6).unwrap();
    ///     assert_eq!(rx.recv(), Ok(7));
    /// }
    /// ```
    pub fn invoke(&self, arg: T) -> Result<(), SubmitError<T>> {
        self.owner.0.submit(arg, Patience::FOR_EVER)
    }

    /// The same, if there is a place now.
    ///
    /// # Errors
    /// As [`Pool::try_submit`], with `arg`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded::<u32>(0);
    ///     let pool = rt::pool::WorkerPool::new(1, move |n| tx.send(n).unwrap()).unwrap();
    ///     pool.try_invoke(6).unwrap();
    ///     assert_eq!(pool.try_invoke(7).unwrap_err().into_inner(), 7); // the worker is busy
    ///     assert_eq!(rx.recv(), Ok(6));
    /// }
    /// ```
    pub fn try_invoke(&self, arg: T) -> Result<(), SubmitError<T>> {
        self.owner.0.submit(arg, Patience::No)
    }

    /// The same, if there is a place in time.
    ///
    /// # Errors
    /// As [`Pool::submit_timeout`], with `arg`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded::<u32>(0);
    ///     let pool = rt::pool::WorkerPool::new(1, move |n| tx.send(n).unwrap()).unwrap();
    ///     pool.invoke(6).unwrap();
    ///     assert!(pool.invoke_timeout(7, Duration::from_millis(1)).unwrap_err().is_timeout());
    ///     assert_eq!(rx.recv(), Ok(6));
    /// }
    /// ```
    pub fn invoke_timeout(&self, arg: T, timeout: Duration) -> Result<(), SubmitError<T>> {
        self.owner.0.submit(arg, Patience::timeout(timeout))
    }

    /// The same, if there is a place before `ctx` is done.
    ///
    /// # Errors
    /// As [`Pool::submit_ctx`], with `arg`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = rt::context::Context::background().with_cancel();
    ///     let pool = rt::pool::WorkerPool::new(1, |_: u32| ()).unwrap();
    ///     pool.invoke_ctx(6, &ctx).unwrap();
    ///     cancel();
    ///     assert_eq!(pool.invoke_ctx(7, &ctx).unwrap_err().into_inner(), 7);
    /// }
    /// ```
    pub fn invoke_ctx(&self, arg: T, ctx: &(impl Cancel + ?Sized)) -> Result<(), SubmitError<T>> {
        self.owner.0.submit_ctx(arg, ctx)
    }

    pool_methods!();
}

impl<T: Send + 'static> Clone for WorkerPool<T> {
    fn clone(&self) -> Self {
        Self { owner: Arc::clone(&self.owner) }
    }
}

impl<T: Send + 'static> fmt::Debug for WorkerPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.debug("WorkerPool", f)
    }
}
