//! Settings of a pool, and what is wrong with some of them.

use super::core::{Core, Parts};
use super::error::BuildError;
use super::gate::{Gate, Limits};
use super::job::Job;
use super::line::Line;
use super::report::Handler;
use super::{MultiPool, Pool, Strategy, WorkerPool};
use crate::panic::Panic;
use crate::runtime::Handle;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Where tasks wait that no worker is free for.
///
/// # Examples
/// ```
/// use rt::pool::{Pool, Queue, SubmitError};
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = Pool::builder().capacity(1).queue(Queue::Bounded(1)).build()?;
///     let gate = rt::chan::Chan::<()>::new(0);
///     let (first, second) = (gate.clone(), gate.clone());
///     pool.try_submit(move || drop(first.recv()))?; // runs
///     pool.try_submit(move || drop(second.recv()))?; // waits in the queue
///     assert!(matches!(pool.try_submit(|| {}), Err(SubmitError::Overloaded(_))));
///     gate.close();
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// Nowhere: who submits waits, and hands the task to the worker itself. The default: what is accepted is run at
    /// once, and who produces faster than the pool works is slowed down.
    #[default]
    Handoff,
    /// In a queue of so many; who submits waits when it is full.
    Bounded(usize),
    /// In a queue that grows: nobody waits, and memory is the limit.
    Unbounded,
}

/// What a task does that submits to its own pool, which is full.
///
/// This is of the submit alone. In a pool with a queue that has room, the new task is queued; if the submitter
/// then waits for it (by `join`, or at the end of a scope), and all others do the same, nobody is left to run it.
///
/// # Examples
/// ```
/// use rt::pool::{Nested, Pool};
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = Pool::builder().capacity(1).nested(Nested::RunInline).build()?;
///     let inner = pool.clone();
///     let sum = pool.spawn(move || 1 + inner.spawn(|| 2).unwrap().join().unwrap())?;
///     assert_eq!(sum.join()?, 3); // with Nested::Block it would wait for itself
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// It runs the new task itself, and then goes on, so that no submit waits for itself. The default. An abort of the
    /// outer task ends the inner one, too, and after it none begins.
    ///
    /// Tasks that submit tasks that submit tasks lie on one stack so. When three quarters of it are used up, the next one that is
    /// submitted goes into the queue, whether the pool has one or not, and is run when a worker is done. Not so one that is
    /// spawned, for it may be joined: trees of those need a stack for their depth.
    #[default]
    RunInline,
    /// It waits for a place as others do; if all workers do, for ever.
    Block,
}

/// Settings to build a pool from; see [`Pool::builder`].
///
/// # Examples
/// ```
/// use rt::pool::{Pool, Queue};
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() -> Result<(), rt::pool::BuildError> {
///     let pool = Pool::builder()
///         .capacity(100)
///         .queue(Queue::Bounded(1000))
///         .max_blocking(10)
///         .expiry(Duration::from_secs(30))
///         .panic_handler(|panic| eprintln!("a task failed: {}", panic.message()))
///         .build()?;
///     assert_eq!(pool.capacity(), 100);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
#[must_use = "a pool is built by build"]
pub struct Builder {
    capacity: usize,
    queue: Queue,
    max_blocking: Option<usize>,
    nonblocking: bool,
    expiry: Option<Duration>,
    no_purge: bool,
    prealloc: bool,
    handler: Option<Handler>,
    nested: Nested,
    runtime: Option<Handle>,
}

/// Idle workers of a pool that says nothing else stay for so long.
const EXPIRY: Duration = Duration::from_secs(1);

impl Builder {
    /// As many stacks of the default size as there are addresses for.
    pub const MAX_CAPACITY: usize = 1 << 29;

    pub(super) fn new() -> Self {
        Self {
            capacity: 0,
            queue: Queue::default(),
            max_blocking: None,
            nonblocking: false,
            expiry: None,
            no_purge: false,
            prealloc: false,
            handler: None,
            nested: Nested::default(),
            runtime: None,
        }
    }

    /// So many workers at most: from 1 to [`MAX_CAPACITY`](Self::MAX_CAPACITY). It must be set.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(3).build().unwrap();
    ///     assert_eq!(pool.capacity(), 3);
    /// }
    /// ```
    pub fn capacity(mut self, n: usize) -> Self {
        self.capacity = n;
        self
    }

    /// Where tasks wait that no worker is free for.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{Pool, Queue};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).build().unwrap();
    ///     let all: Vec<_> = (0..9).map(|n| pool.spawn(move || n).unwrap()).collect();
    ///     assert_eq!(all.into_iter().map(|task| task.join().unwrap()).sum::<i32>(), 36);
    /// }
    /// ```
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// At most `k` submitters wait at the same time; the next gets [`Overloaded`](super::SubmitError::Overloaded).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(1).max_blocking(1).build().unwrap();
    ///     let busy = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
    ///     let waits = rt::go!(pool => pool.submit(|| ()).unwrap());
    ///     while pool.waiting() == 0 {
    ///         rt::yield_now();
    ///     }
    ///     assert!(pool.submit(|| ()).unwrap_err().is_overloaded());
    ///     busy.abort();
    ///     waits.join().unwrap();
    /// }
    /// ```
    pub fn max_blocking(mut self, k: usize) -> Self {
        self.max_blocking = Some(k);
        self
    }

    /// With `true`, no submitter ever waits: it gets [`Overloaded`](super::SubmitError::Overloaded).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(1).nonblocking(true).build().unwrap();
    ///     let gate = rt::chan::Chan::<()>::new(0);
    ///     let task = pool.spawn({ let gate = gate.clone(); move || gate.recv() }).unwrap();
    ///     assert!(pool.submit(|| ()).unwrap_err().is_overloaded());
    ///     gate.close();
    ///     task.join().unwrap();
    /// }
    /// ```
    pub fn nonblocking(mut self, yes: bool) -> Self {
        self.nonblocking = yes;
        self
    }

    /// Workers that have been idle for `d`, and up to a quarter of that longer, end. Without this: for a second.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(1).expiry(Duration::from_millis(1)).build().unwrap();
    ///     pool.spawn(|| ()).unwrap().join().unwrap();
    ///     while pool.running() + pool.idle() > 0 {
    ///         rt::yield_now(); // until the worker has ended
    ///     }
    /// }
    /// ```
    pub fn expiry(mut self, d: Duration) -> Self {
        self.expiry = Some(d);
        self
    }

    /// Idle workers stay until the pool is released, or [tuned](Pool::tune) down.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{BuildError, Pool};
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     assert!(Pool::builder().capacity(1).no_purge().build().is_ok());
    ///     let both = Pool::builder().capacity(1).no_purge().expiry(Duration::from_secs(1)).build();
    ///     assert!(matches!(both, Err(BuildError::Conflict { .. })));
    /// }
    /// ```
    pub fn no_purge(mut self) -> Self {
        self.no_purge = true;
        self
    }

    /// With `true`, all workers are made by `build`, idle, and a bounded queue has its memory from the start.
    /// Stacks they get when they are busy. All of it at once, however much is asked for: with a million workers that is a
    /// second and some 200 MB, with [`MAX_CAPACITY`](Self::MAX_CAPACITY) more than there is. Workers that stay idle still expire, if they are not told otherwise by [`no_purge`](Self::no_purge).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::builder().capacity(3).prealloc(true).no_purge().build().unwrap();
    ///     assert_eq!(pool.idle(), 3);
    /// }
    /// ```
    pub fn prealloc(mut self, yes: bool) -> Self {
        self.prealloc = yes;
        self
    }

    /// Called in the worker with the panic of a task that nobody can join, as deferred code that has recovered it is: the
    /// panic hook does not report it. (Rust's own, if ours is not installed, has done so.) Without this, it is reported
    /// as a goroutine's panic is, and the runtime's [`PanicPolicy`](crate::PanicPolicy) holds. If it panics itself, that
    /// is reported so, with what it superseded. Either way the worker goes on.
    ///
    /// A [`Task`](super::Task) that is dropped after its panic could have been joined: the handler does not hear of
    /// that.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded(1);
    ///     let tell = move |panic: rt::panic::Panic| tx.send(panic.message().to_owned()).unwrap();
    ///     let pool = rt::pool::Pool::builder().capacity(1).panic_handler(tell).build().unwrap();
    ///     pool.submit(|| panic!("in a task")).unwrap();
    ///     assert_eq!(rx.recv().unwrap(), "in a task");
    /// }
    /// ```
    pub fn panic_handler(mut self, f: impl Fn(Panic) + Send + Sync + 'static) -> Self {
        self.handler = Some(Arc::new(f));
        self
    }

    /// What a task does that submits to its own pool, which is full.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{Nested, Pool};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pool = Pool::builder().capacity(1).nested(Nested::RunInline).build().unwrap();
    ///     let inner = pool.clone();
    ///     let task = pool.spawn(move || inner.spawn(rt::task::current).unwrap().join().unwrap()).unwrap();
    ///     assert!(task.join().is_ok(), "it has not waited for itself");
    /// }
    /// ```
    pub fn nested(mut self, nested: Nested) -> Self {
        self.nested = nested;
        self
    }

    /// The workers run in this runtime. Without this: in the one that the caller of `build` is in, or has entered.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().procs(1).build()?;
    /// let pool = rt::pool::Pool::builder().capacity(2).runtime(&runtime.handle()).build().unwrap();
    /// assert_eq!(pool.spawn(rt::procs).unwrap().join().unwrap(), 1); // from a plain thread
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn runtime(mut self, handle: &Handle) -> Self {
        self.runtime = Some(handle.clone());
        self
    }

    /// Builds the pool.
    ///
    /// # Errors
    /// A [`BuildError`] for sizes of zero or beyond all bounds, for settings that contradict each other, and where
    /// there is no runtime.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{BuildError, Pool};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     assert!(Pool::builder().capacity(1).build().is_ok());
    ///     assert!(matches!(Pool::builder().build(), Err(BuildError::ZeroCapacity)));
    /// }
    /// ```
    #[track_caller]
    pub fn build(self) -> Result<Pool, BuildError> {
        Ok(Pool::of(self.core(Box::new(Job::run))?))
    }

    /// Builds a pool that calls `f` with every value that is [submitted](WorkerPool::invoke).
    ///
    /// # Errors
    /// As [`build`](Self::build).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded(2);
    ///     let square = move |n: u32| tx.send(n * n).unwrap();
    ///     let pool = rt::pool::Pool::builder().capacity(2).build_workers(square).unwrap();
    ///     pool.invoke(7).unwrap();
    ///     assert_eq!(rx.recv(), Ok(49));
    /// }
    /// ```
    #[track_caller]
    pub fn build_workers<T: Send + 'static>(
        self,
        f: impl Fn(T) + Send + Sync + 'static,
    ) -> Result<WorkerPool<T>, BuildError> {
        Ok(WorkerPool::of(self.core(Box::new(f))?))
    }

    /// Builds `n` pools with these settings each, between which `strategy` chooses.
    ///
    /// # Errors
    /// As [`build`](Self::build), and for `n` of zero.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{Pool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = Pool::builder().capacity(2).build_multi(3, Strategy::LeastTasks).unwrap();
    ///     assert_eq!((pools.pools().len(), pools.capacity()), (3, 6));
    /// }
    /// ```
    #[track_caller]
    pub fn build_multi(self, n: usize, strategy: Strategy) -> Result<MultiPool, BuildError> {
        if n == 0 {
            return Err(BuildError::Zero { what: "a number of pools", instead: "1 or more" });
        }
        check_capacity(self.capacity)?;
        let most = Self::MAX_CAPACITY / self.capacity;
        if n > most {
            return Err(BuildError::TooLarge { what: "number of pools", value: n, most });
        }
        let pools: Result<Vec<_>, _> = (0..n).map(|_| self.clone().build()).collect();
        Ok(MultiPool::of(pools?, strategy))
    }

    #[track_caller]
    fn core<T: Send + 'static>(
        self,
        work: Box<dyn Fn(T) + Send + Sync>,
    ) -> Result<Arc<Core<T>>, BuildError> {
        let limits = self.limits()?;
        let mut queue = Line::new();
        if self.prealloc && self.queue != Queue::Unbounded {
            let (value, most) = (limits.room, Line::<T>::MOST);
            let no_memory = |_| BuildError::TooLarge { what: "queue", value, most };
            queue = Line::with_room(value).map_err(no_memory)?;
        }
        let Some(runtime) = self.runtime.or_else(Handle::try_current) else {
            return Err(BuildError::NoRuntime);
        };
        let expiry = limits.ages.then(|| self.expiry.unwrap_or(EXPIRY));
        let parts = Parts {
            sched: Arc::clone(runtime.sched()),
            work,
            handler: self.handler,
            expiry,
            site: Location::caller(),
        };
        let core = Core::new(Gate::new(limits, queue), parts);
        if self.prealloc {
            core.prepare(limits.capacity);
        }
        Ok(core)
    }

    fn limits(&self) -> Result<Limits, BuildError> {
        let conflict = |first, second| Err(BuildError::Conflict { first, second });
        check_capacity(self.capacity)?;
        let room = match self.queue {
            Queue::Handoff => 0,
            Queue::Bounded(0) => {
                let instead = "queue(Handoff) for a pool without a queue";
                return Err(BuildError::Zero { what: "a bounded queue", instead });
            }
            Queue::Bounded(value) if value > isize::MAX as usize => {
                let most = isize::MAX as usize;
                return Err(BuildError::TooLarge { what: "queue", value, most });
            }
            Queue::Bounded(k) => k,
            Queue::Unbounded => usize::MAX,
        };
        let most_waiting = match (self.nonblocking, self.max_blocking, self.queue) {
            (true, Some(_), _) => return conflict("nonblocking(true)", "max_blocking(..)"),
            (false, Some(_), Queue::Unbounded) => {
                return conflict("queue(Unbounded), where nobody waits,", "max_blocking(..)");
            }
            (false, Some(0), _) => {
                let instead = "nonblocking(true) where nobody is to wait";
                return Err(BuildError::Zero { what: "max_blocking", instead });
            }
            (true, None, _) => 0,
            (false, most, _) => most.unwrap_or(usize::MAX),
        };
        match (self.no_purge, self.expiry) {
            (true, Some(_)) => return conflict("no_purge()", "expiry(..)"),
            (false, Some(Duration::ZERO)) => {
                let instead = "a time in which workers can be idle, or no_purge()";
                return Err(BuildError::Zero { what: "expiry", instead });
            }
            _ => {}
        }
        let inline = self.nested == Nested::RunInline;
        Ok(Limits { capacity: self.capacity, room, most_waiting, inline, ages: !self.no_purge })
    }
}

/// What [`Builder::capacity`] and [`Pool::tune`] may be given.
pub(super) fn check_capacity(value: usize) -> Result<(), BuildError> {
    match value {
        0 => Err(BuildError::ZeroCapacity),
        1..=Builder::MAX_CAPACITY => Ok(()),
        _ => Err(BuildError::TooLarge { what: "capacity", value, most: Builder::MAX_CAPACITY }),
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("capacity", &self.capacity)
            .field("queue", &self.queue)
            .field("max_blocking", &self.max_blocking)
            .field("nonblocking", &self.nonblocking)
            .field("expiry", &self.expiry)
            .field("no_purge", &self.no_purge)
            .field("prealloc", &self.prealloc)
            .field("nested", &self.nested)
            .finish_non_exhaustive()
    }
}
