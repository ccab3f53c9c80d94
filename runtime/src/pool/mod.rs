//! Pools: a bounded number of goroutines that do any number of tasks.
//!
//! ```text
//!   submit ──▶ an idle worker, the one that came last
//!          ──▶ or a new one, if there are fewer than the capacity
//!          ──▶ or the queue, if the pool has one and it has room
//!          ──▶ or wait; a worker that is done takes the task out of the submitter's hands, first come first served
//! ```
//!
//! **What it is for.** A goroutine costs a page of memory while it lives; a million that sleep at the same time cost
//! gigabytes. A pool of ten thousand does the same million tasks in a hundredth of that, holds back who
//! produces faster than it works, and never lets more of them at what they use (a database, a disk, a
//! remote service) than that bears. It is **not** for speed: [`go!`](crate::go) starts a goroutine in less time than
//! a pool takes to hand a task over. Where nothing has to be bounded, use that.
//!
//! A worker is a goroutine: its tasks may wait. While it is idle it has no stack, and costs a few hundred bytes; its id and its [`goroutine_local!`](crate::goroutine_local) values last as long
//! as the worker does, from one task to the next. ([`num_goroutines`](crate::num_goroutines) and dumps know of those that are busy.) A panic, a [`task::exit`](crate::task::exit) or an
//! [abort](Task::abort) ends the task, and not the worker.
//!
//! When the workers' runtime stops, tasks that run are unwound as other goroutines are; what is queued is dropped, who
//! waits for a place gets [`SubmitError::Closed`], and who joins a task hears that it was cancelled.
//!
//! A task whose worker gets no stack, with no other goroutine's to wait for, is dropped. Who joins it hears that
//! ([`is_resource`](crate::task::JoinError::is_resource)), and the runtime says so, as of any goroutine.
//!
//! Go has no pool of its own; the model is the library ants.

mod builder;
mod core;
mod error;
mod gate;
mod group;
mod handle;
mod job;
mod line;
#[cfg(all(test, loom))]
mod loom_tests;
mod multi;
mod node;
mod outcome;
mod report;
mod scope;
mod target;
mod task;
mod worker;
mod worker_pool;

pub use builder::{Builder, Nested, Queue};
pub use error::{BuildError, ReleaseTimeout, SubmitError};
pub use group::Group;
pub use multi::{MultiPool, Strategy};
pub use scope::{Scope, ScopedTask};
pub use task::Task;
pub use worker_pool::WorkerPool;

#[doc(no_inline)]
pub use Nested::{Block, RunInline};
#[doc(no_inline)]
pub use Queue::{Bounded, Handoff, Unbounded};
#[doc(no_inline)]
pub use Strategy::{LeastTasks, RoundRobin};

use self::core::{Core, Patience};
use self::handle::{Owner, pool_methods};
use self::job::{Job, Runner};
use self::target::Target;
use self::task::{Cell, Handle};
use crate::task::Interrupt;
use crate::wait::Cancel;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A bounded number of goroutines that run tasks. Clones are the same pool; the last one that is dropped
/// [releases](Self::release) it. See the [module](self) for what it is good for.
///
/// Works from goroutines and plain threads alike; the workers run in the runtime in which the pool was built.
///
/// # Examples
/// ```
/// use rt::pool::Pool;
/// use rt::sync::WaitGroup;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = Pool::new(10)?; // ten goroutines for a thousand tasks
///     let (sum, all) = (Arc::new(AtomicU64::new(0)), WaitGroup::new());
///     for n in 1..=1000 {
///         all.add(1);
///         let (sum, all) = (Arc::clone(&sum), all.clone());
///         pool.submit(move || {
///             sum.fetch_add(n, Ordering::Relaxed);
///             all.done();
///         })?;
///     }
///     all.wait();
///     assert_eq!(sum.load(Ordering::Relaxed), 500_500);
///     assert!(pool.running() + pool.idle() <= 10);
///     Ok(())
/// }
/// ```
pub struct Pool {
    owner: Arc<Owner<Job>>,
}

// A panic of a task, or of the handler, ends that alone: no pool is half changed by one.
impl std::panic::UnwindSafe for Pool {}
impl std::panic::RefUnwindSafe for Pool {}

impl Pool {
    /// At most `capacity` workers; who submits more waits. Idle workers end after a second. Other settings:
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    /// A [`BuildError`] when `capacity` is 0 or beyond [`MAX_CAPACITY`](Builder::MAX_CAPACITY), and where there is no
    /// runtime for the workers.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(rt::pool::Pool::new(3).unwrap().capacity(), 3);
    ///     assert!(rt::pool::Pool::new(0).is_err());
    /// }
    /// ```
    #[track_caller]
    pub fn new(capacity: usize) -> Result<Self, BuildError> {
        Self::builder().capacity(capacity).build()
    }

    /// Settings to build a pool from.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(2).nonblocking(true).build().unwrap();
    ///     assert_eq!(pool.free(), 2);
    /// }
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn of(core: Arc<Core<Job>>) -> Self {
        Self { owner: Arc::new(Owner(core)) }
    }

    /// Has a worker run `f`. Waits for a place if there is none, and returns when the task is accepted: it runs,
    /// or lies in the queue. Blocks the goroutine that calls, or the thread.
    ///
    /// In a task of the pool itself it does not wait, but runs `f` there and then: see [`Nested`].
    ///
    /// # Errors
    /// With `f`: [`Closed`](SubmitError::Closed), also when the pool is released while it waits;
    /// [`Overloaded`](SubmitError::Overloaded) when it would wait and the pool lets nobody wait, or no more.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(2).unwrap();
    ///     let (tx, rx) = rt::chan::bounded(1);
    ///     pool.submit(move || tx.send("done").unwrap()).unwrap();
    ///     assert_eq!(rx.recv(), Ok("done"));
    /// }
    /// ```
    pub fn submit<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), SubmitError<F>> {
        self.submit_for(f, Patience::FOR_EVER)
    }

    /// The same, if there is a place now.
    ///
    /// # Errors
    /// With `f`: [`Closed`](SubmitError::Closed); [`Overloaded`](SubmitError::Overloaded) when there is no place.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{Pool, SubmitError};
    ///
    /// #[rt::main]
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = Pool::new(1)?;
    ///     pool.try_submit(|| rt::chan::never::<()>().recv().unwrap())?;
    ///     match pool.try_submit(|| println!("later, then")) {
    ///         Err(SubmitError::Overloaded(f)) => f(), // the closure is back
    ///         other => panic!("{other:?}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn try_submit<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), SubmitError<F>> {
        self.submit_for(f, Patience::No)
    }

    /// The same, if there is a place in time.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`Timeout`](SubmitError::Timeout).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     let waits = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
    ///     assert!(pool.submit_timeout(|| (), Duration::from_millis(1)).unwrap_err().is_timeout());
    ///     waits.abort();
    /// }
    /// ```
    pub fn submit_timeout<F: FnOnce() + Send + 'static>(
        &self,
        f: F,
        timeout: Duration,
    ) -> Result<(), SubmitError<F>> {
        self.submit_for(f, Patience::timeout(timeout))
    }

    /// The same, if there is a place before `ctx` is done.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`Cancelled`](SubmitError::Cancelled).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use rt::pool::{Pool, SubmitError};
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = Pool::new(1)?;
    ///     pool.submit(|| rt::time::sleep(Duration::from_secs(3600)))?;
    ///     let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
    ///     let result = pool.submit_ctx(|| println!("it is too late for this"), &ctx);
    ///     assert!(matches!(result, Err(SubmitError::Cancelled(_))));
    ///     Ok(())
    /// }
    /// ```
    pub fn submit_ctx<F: FnOnce() + Send + 'static>(
        &self,
        f: F,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<(), SubmitError<F>> {
        let result = self.owner.0.submit_ctx(Job::new(f), ctx);
        result.map_err(|error| error.map(Job::into_closure::<F>))
    }

    #[inline]
    fn submit_for<F: FnOnce() + Send + 'static>(
        &self,
        f: F,
        patience: Patience<'_>,
    ) -> Result<(), SubmitError<F>> {
        let result = self.owner.0.submit(Job::new(f), patience);
        result.map_err(|error| error.map(Job::into_closure::<F>))
    }

    /// Runs `f` in the pool, and returns its result that is still to come. Waits for a place as
    /// [`submit`](Self::submit) does.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     assert_eq!(pool.spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    /// }
    /// ```
    pub fn spawn<F, R>(&self, f: F) -> Result<Task<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_for(f, Patience::FOR_EVER)
    }

    /// The same, if there is a place now.
    ///
    /// # Errors
    /// As [`try_submit`](Self::try_submit).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     let waits = pool.try_spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
    ///     assert!(pool.try_spawn(|| 7).unwrap_err().is_overloaded());
    ///     waits.abort();
    /// }
    /// ```
    pub fn try_spawn<F, R>(&self, f: F) -> Result<Task<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_for(f, Patience::No)
    }

    fn spawn_for<F, R>(&self, f: F, patience: Patience<'_>) -> Result<Task<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let core = &self.owner.0;
        let cell = Cell::new(f, core.handler().cloned(), Arc::new(Interrupt::new()));
        let task = |place| Task::new(Handle::new(Arc::clone(&cell)), place);
        let job = Job::of(Runner::new(Arc::clone(&cell) as Arc<dyn job::Run>));
        let error = match target::put(core, job, patience) {
            Ok(place) => return Ok(task(place)),
            Err(error) => error,
        };
        // Before the job is dropped, which would cancel it.
        let f = cell.take_closure();
        match f {
            Some(f) => Err(error.map(drop).map(|()| f)),
            None => Ok(task(None)),
        }
    }

    /// Runs `f`, which can spawn tasks that borrow from around it, and waits until all of them have ended. As
    /// [`rt::scope`](crate::scope()), and the tasks run in the pool.
    ///
    /// # Panics
    /// With what `f` panicked with; with "a scoped thread panicked" (std's words) if a task panicked and was
    /// not joined; and if one was not joined that never began, for there was no stack for its worker.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() -> Result<(), rt::pool::BuildError> {
    ///     let pool = rt::pool::Pool::new(2)?;
    ///     let mut lines = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
    ///     let longest = pool.scope(|s| {
    ///         let lengths: Vec<_> = lines.iter().map(|line| s.spawn(|| line.len())).collect();
    ///         lengths.into_iter().map(|length| length.join().unwrap()).max()
    ///     });
    ///     assert_eq!(longest, Some(5));
    ///     pool.scope(|s| {
    ///         for line in &mut lines {
    ///             s.spawn(|| line.push('!'));
    ///         }
    ///     });
    ///     assert_eq!(lines.concat(), "one!two!three!");
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn scope<'env, F, T>(&'env self, f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        scope::scope(self.target(), f)
    }

    /// A group of tasks that are waited for together: their results in order, or the first error.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(2).unwrap();
    ///     let group = pool.group();
    ///     (1..4).for_each(|n| group.submit(move || Ok::<_, String>(n * n)).unwrap());
    ///     assert_eq!(group.wait().unwrap(), [1, 4, 9]);
    /// }
    /// ```
    pub fn group<T: Send + 'static, E: Send + 'static>(&self) -> Group<T, E> {
        Group::new(self.target())
    }

    fn target(&self) -> Target {
        Target::One(Arc::clone(&self.owner.0))
    }

    /// What [`Strategy::LeastTasks`] compares.
    fn tasks(&self) -> Option<usize> {
        let counts = self.owner.0.counts();
        (!counts.closed).then_some(counts.busy + counts.queued + counts.waiting)
    }

    /// Whether a task would be accepted now.
    fn has_place(&self) -> bool {
        self.owner.0.counts().has_place
    }

    pool_methods!();
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Self { owner: Arc::clone(&self.owner) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.debug("Pool", f)
    }
}
