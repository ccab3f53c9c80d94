//! Several pools in place of one, so that submitters do not all meet at one lock.

use super::core::Patience;
use super::error::{BuildError, ReleaseTimeout, SubmitError};
use super::job::Job;
use super::report::Handler;
use super::target::{self, Target};
use super::task::Place;
use super::{Group, Pool, Scope, Task, scope};
use crate::prim::global::{AtomicUsize, Ordering};
use crate::util;
use crate::wait::Cancel;
use std::sync::Arc;
use std::time::Duration;

/// How a [`MultiPool`] chooses.
///
/// # Examples
/// ```
/// use rt::pool::{MultiPool, Strategy};
///
/// #[rt::main]
/// fn main() {
///     let pools = MultiPool::new(2, 5, Strategy::LeastTasks).unwrap();
///     let wait = || rt::chan::Chan::<()>::nil().recv();
///     let tasks: Vec<_> = (0..6).map(|_| pools.spawn(wait).unwrap()).collect();
///     assert!(pools.pools().iter().all(|pool| pool.running() == 3));
///     tasks.iter().for_each(|task| task.abort());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// One after the other. If that is full, the one with the fewest tasks of those that have a place.
    RoundRobin,
    /// The one in which the fewest tasks run, are queued, or wait. If that is full, for it is smaller than others, the one with the
    /// fewest of those that have a place.
    LeastTasks,
}

/// Several pools of the same kind, between which a [`Strategy`] chooses. Clones are the same pools. ants'
/// `MultiPool`.
///
/// One pool has one lock, which is held for a moment by every task: with many processors and very short tasks,
/// several pools get more done. Nobody waits, or is refused, while one of them has a place. Where all are full, who submits waits in
/// the line of one: that with the fewest tasks then. They do not help each other out: what one has accepted, and who waits
/// there, stays there, whatever becomes of the others. A task that submits when its pools are full runs that itself, as in
/// one pool: see [`Nested`](super::Nested). One of the [pools](Self::pools) that was released alone gets no more tasks; the others do.
///
/// # Examples
/// ```
/// use rt::pool::{MultiPool, Strategy};
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pools = MultiPool::new(4, 25, Strategy::RoundRobin)?;
///     let tasks: Vec<_> = (0..8).map(|n| pools.spawn(move || n * n).unwrap()).collect();
///     let squares: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
///     assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49]);
///     assert_eq!((pools.capacity(), pools.pools().len()), (100, 4));
///     pools.release_timeout(Duration::from_secs(60))?;
///     Ok(())
/// }
/// ```
/// The counters of all, and what else a [`Pool`] can do:
/// ```
/// use rt::pool::{MultiPool, Strategy};
///
/// #[rt::main]
/// fn main() {
///     let pools = MultiPool::new(2, 1, Strategy::RoundRobin).unwrap();
///     let waits = pools.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
///     assert_eq!((pools.running(), pools.free(), pools.idle()), (1, 1, 0));
///     assert_eq!((pools.waiting(), pools.queued()), (0, 0));
///     pools.tune(3);
///     assert_eq!(pools.free(), 5);
///     pools.release();
///     assert!(pools.submit(|| ()).unwrap_err().is_closed());
///     pools.reboot();
///     assert!(pools.submit(|| ()).is_ok());
///     waits.abort();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct MultiPool {
    pools: Arc<[Pool]>,
    strategy: Strategy,
    next: Arc<AtomicUsize>,
}

// As a `Pool`.
impl std::panic::UnwindSafe for MultiPool {}
impl std::panic::RefUnwindSafe for MultiPool {}

impl MultiPool {
    /// `n` pools of `capacity` workers each, with the defaults of [`Pool::new`]. Other settings:
    /// [`Builder::build_multi`](super::Builder::build_multi).
    ///
    /// # Errors
    /// As [`Pool::new`], and for `n` of zero.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 4, Strategy::RoundRobin).unwrap();
    ///     assert_eq!((pools.pools().len(), pools.capacity()), (2, 8));
    /// }
    /// ```
    #[track_caller]
    pub fn new(n: usize, capacity: usize, strategy: Strategy) -> Result<Self, BuildError> {
        Pool::builder().capacity(capacity).build_multi(n, strategy)
    }

    pub(super) fn of(pools: Vec<Pool>, strategy: Strategy) -> Self {
        Self { pools: pools.into(), strategy, next: Arc::new(AtomicUsize::new(0)) }
    }

    /// The pools, to look at one or to tune it.
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The one with the fewest tasks, of those that are open.
    fn least(&self) -> Option<&Pool> {
        let tasks = self.pools.iter().filter_map(|pool| Some((pool.tasks()?, pool)));
        tasks.min_by_key(|(tasks, _)| *tasks).map(|(_, pool)| pool)
    }

    /// The one with the fewest tasks, of those that have a place now.
    #[cold]
    fn least_with_a_place(&self) -> Option<&Pool> {
        let open = self.pools.iter().filter(|pool| pool.has_place());
        let tasks = open.filter_map(|pool| Some((pool.tasks()?, pool)));
        tasks.min_by_key(|(tasks, _)| *tasks).map(|(_, pool)| pool)
    }

    /// Where to wait. A task of one of the pools goes to that, and so need not: if it went to another, whose tasks
    /// come to this, all would wait for each other. To one that is closed nobody's tasks come.
    fn own_or_least(&self) -> Option<&Pool> {
        let own = self.pools.iter().find(|pool| pool.owner.0.is_inside() && !pool.is_closed());
        own.or_else(|| self.least())
    }

    /// Offers `what` to one that has a place; once for each pool, for others may be quicker.
    #[cold]
    fn try_all<F, R>(
        &self,
        mut what: F,
        first: impl Fn(&Pool, F) -> Result<R, SubmitError<F>>,
    ) -> Result<R, SubmitError<F>> {
        for _ in &*self.pools {
            let Some(other) = self.least_with_a_place() else { break };
            match first(other, what) {
                Err(SubmitError::Overloaded(back)) => what = back,
                result => return result,
            }
        }
        Err(SubmitError::Overloaded(what))
    }

    /// Offers `what` to the chosen pool; if that is full to [all](Self::try_all), and then to where it is waited, in `last`'s
    /// way. If that is closed, or is while it waits, the next is chosen, once for each pool: all of them say so when the
    /// runtime has stopped.
    fn submit_by<F, R>(
        &self,
        mut what: F,
        first: impl Fn(&Pool, F) -> Result<R, SubmitError<F>>,
        mut last: impl FnMut(&Pool, F) -> Result<R, SubmitError<F>>,
    ) -> Result<R, SubmitError<F>> {
        let turn = match self.strategy {
            Strategy::RoundRobin => self.next.fetch_add(1, Ordering::Relaxed),
            Strategy::LeastTasks => 0,
        };
        for n in 0..self.pools.len() {
            let chosen = match self.strategy {
                Strategy::RoundRobin => Some(&self.pools[turn.wrapping_add(n) % self.pools.len()]),
                Strategy::LeastTasks => self.least(),
            };
            let Some(chosen) = chosen else { break };
            let mut result = first(chosen, what);
            if let Err(SubmitError::Overloaded(back)) = result {
                result = self.try_all(back, &first);
            }
            if let Err(SubmitError::Overloaded(back)) = result {
                let Some(other) = self.own_or_least() else {
                    return Err(SubmitError::Closed(back));
                };
                result = last(other, back);
            }
            match result {
                Err(SubmitError::Closed(back)) => what = back,
                other => return other,
            }
        }
        Err(SubmitError::Closed(what))
    }

    /// Runs `f` in one of the pools. If all are full, waits for a place in the one with the fewest tasks.
    ///
    /// # Errors
    /// As [`Pool::submit`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 4, Strategy::RoundRobin).unwrap();
    ///     let (tx, rx) = rt::chan::unbounded();
    ///     for n in 1..=4 {
    ///         let tx = tx.clone();
    ///         pools.submit(move || tx.send(n).unwrap()).unwrap();
    ///     }
    ///     drop(tx);
    ///     assert_eq!(rx.iter().sum::<i32>(), 10);
    /// }
    /// ```
    pub fn submit<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), SubmitError<F>> {
        self.submit_by(f, Pool::try_submit, Pool::submit)
    }

    /// The same, if there is a place now, in any of the pools.
    ///
    /// # Errors
    /// As [`Pool::try_submit`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 1, Strategy::RoundRobin).unwrap();
    ///     let wait = || rt::chan::Chan::<()>::nil().recv();
    ///     let both = [pools.spawn(wait).unwrap(), pools.spawn(wait).unwrap()];
    ///     assert!(pools.try_submit(|| ()).unwrap_err().is_overloaded());
    ///     both.iter().for_each(|task| task.abort());
    /// }
    /// ```
    pub fn try_submit<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), SubmitError<F>> {
        self.submit_by(f, Pool::try_submit, Pool::try_submit)
    }

    /// The same, if there is a place in time.
    ///
    /// # Errors
    /// As [`Pool::submit_timeout`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(1, 1, Strategy::RoundRobin).unwrap();
    ///     let waits = pools.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
    ///     assert!(pools.submit_timeout(|| (), Duration::from_millis(1)).unwrap_err().is_timeout());
    ///     waits.abort();
    /// }
    /// ```
    pub fn submit_timeout<F: FnOnce() + Send + 'static>(
        &self,
        f: F,
        timeout: Duration,
    ) -> Result<(), SubmitError<F>> {
        let mut begun = None;
        self.submit_by(f, Pool::try_submit, |pool, f| {
            let now = util::now();
            let waited = now.saturating_duration_since(*begun.get_or_insert(now));
            pool.submit_timeout(f, timeout.saturating_sub(waited))
        })
    }

    /// The same, if there is a place before `ctx` is done.
    ///
    /// # Errors
    /// As [`Pool::submit_ctx`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(1, 1, Strategy::RoundRobin).unwrap();
    ///     let (ctx, cancel) = rt::context::Context::background().with_cancel();
    ///     cancel();
    ///     assert!(pools.submit_ctx(|| (), &ctx).unwrap_err().is_cancelled());
    /// }
    /// ```
    pub fn submit_ctx<F: FnOnce() + Send + 'static>(
        &self,
        f: F,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<(), SubmitError<F>> {
        // As in one pool: not even if there is a place now.
        if ctx.err().is_some() {
            return Err(SubmitError::Cancelled(f));
        }
        self.submit_by(f, Pool::try_submit, |pool, f| pool.submit_ctx(f, ctx))
    }

    /// Runs `f` in one of the pools, and returns its result that is still to come.
    ///
    /// # Errors
    /// As [`Pool::spawn`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 4, Strategy::RoundRobin).unwrap();
    ///     assert_eq!(pools.spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    /// }
    /// ```
    pub fn spawn<F, R>(&self, f: F) -> Result<Task<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.submit_by(f, Pool::try_spawn, Pool::spawn)
    }

    /// The same, if there is a place now, in any of the pools.
    ///
    /// # Errors
    /// As [`Pool::try_spawn`].
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 1, Strategy::RoundRobin).unwrap();
    ///     let wait = || rt::chan::Chan::<()>::nil().recv();
    ///     let both = [(); 2].map(|()| pools.try_spawn(wait).unwrap());
    ///     assert!(pools.try_spawn(|| 7).unwrap_err().is_overloaded());
    ///     both.iter().for_each(|task| task.abort());
    /// }
    /// ```
    pub fn try_spawn<F, R>(&self, f: F) -> Result<Task<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.submit_by(f, Pool::try_spawn, Pool::try_spawn)
    }

    /// As [`Pool::scope`], and each task runs in the pool that is chosen for it.
    ///
    /// # Panics
    /// The same.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (pools, lines) = (MultiPool::new(2, 4, Strategy::RoundRobin).unwrap(), ["one", "three"]);
    ///     let longest = pools.scope(|s| {
    ///         let lengths = lines.each_ref().map(|line| s.spawn(|| line.len()));
    ///         lengths.into_iter().map(|length| length.join().unwrap()).max()
    ///     });
    ///     assert_eq!(longest, Some(5));
    /// }
    /// ```
    #[track_caller]
    pub fn scope<'env, F, T>(&'env self, f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        scope::scope(Target::Several(self.clone()), f)
    }

    /// As [`Pool::group`], and each task runs in the pool that is chosen for it. The group is a handle of the pools, too.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 4, Strategy::LeastTasks).unwrap();
    ///     let group = pools.group();
    ///     (1..4).for_each(|n| group.submit(move || Ok::<_, String>(n * n)).unwrap());
    ///     assert_eq!(group.wait().unwrap(), [1, 4, 9]);
    /// }
    /// ```
    pub fn group<T: Send + 'static, E: Send + 'static>(&self) -> Group<T, E> {
        Group::new(Target::Several(self.clone()))
    }

    /// See [`Target::put`].
    pub(super) fn put(&self, job: Job) -> Result<Option<Place>, SubmitError<Job>> {
        let first = |pool: &Pool, job| target::put(&pool.owner.0, job, Patience::No);
        let last = |pool: &Pool, job| target::put(&pool.owner.0, job, Patience::FOR_EVER);
        self.submit_by(job, first, last)
    }

    /// All have the same.
    pub(super) fn handler(&self) -> Option<&Handler> {
        self.pools.first()?.owner.0.handler()
    }

    fn sum(&self, f: impl Fn(&Pool) -> usize) -> usize {
        self.pools.iter().map(f).sum()
    }

    /// How many tasks run in all.
    pub fn running(&self) -> usize {
        self.sum(Pool::running)
    }

    /// How many workers wait for a task.
    pub fn idle(&self) -> usize {
        self.sum(Pool::idle)
    }

    /// How many more tasks could run now.
    pub fn free(&self) -> usize {
        self.sum(Pool::free)
    }

    /// How many submitters wait for a place.
    pub fn waiting(&self) -> usize {
        self.sum(Pool::waiting)
    }

    /// How many tasks lie in queues.
    pub fn queued(&self) -> usize {
        self.sum(Pool::queued)
    }

    /// How many tasks may run at the same time.
    pub fn capacity(&self) -> usize {
        self.sum(Pool::capacity)
    }

    /// Whether all of them were released.
    ///
    /// # Examples
    /// ```
    /// use rt::pool::{MultiPool, Strategy};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let pools = MultiPool::new(2, 4, Strategy::RoundRobin).unwrap();
    ///     pools.release();
    ///     assert!(pools.is_closed() && pools.submit(|| ()).is_err());
    /// }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.pools.iter().all(Pool::is_closed)
    }

    /// Changes the capacity of each pool. See [`Pool::tune`].
    ///
    /// # Panics
    /// As [`Pool::tune`].
    #[track_caller]
    pub fn tune(&self, n: usize) {
        for pool in &*self.pools {
            pool.tune(n);
        }
    }

    /// Closes them. See [`Pool::release`].
    pub fn release(&self) {
        self.pools.iter().for_each(Pool::release);
    }

    /// Closes them, and waits for all that was accepted, for at most `timeout`. See [`Pool::release_timeout`].
    ///
    /// # Errors
    /// When tasks still ran then.
    pub fn release_timeout(&self, timeout: Duration) -> Result<(), ReleaseTimeout> {
        self.release();
        let start = util::now();
        let in_time = self.pools.iter().all(|pool| {
            let left = timeout.saturating_sub(util::now().saturating_duration_since(start));
            pool.release_timeout(left).is_ok()
        });
        if in_time { Ok(()) } else { Err(ReleaseTimeout::new(self.running())) }
    }

    /// Opens them again. See [`Pool::reboot`].
    pub fn reboot(&self) {
        self.pools.iter().for_each(Pool::reboot);
    }
}
