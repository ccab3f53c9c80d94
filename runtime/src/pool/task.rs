//! Tasks that have a result.

use super::core::Core;
use super::job::{Job, Run};
use super::line::Number;
use super::report::{self, Handler};
use crate::carrier::Slot;
use crate::panic;
use crate::prim::Mutex;
use crate::task::{Interrupt, JoinError};
use crate::util;
use crate::wait::{self, Cancel, Until, Why};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What a second join panics with.
const TAKEN: &str = "join: the result of this task was already taken";

/// The result of a task that is still to come; see [`Pool::spawn`](super::Pool::spawn). Dropping it detaches the
/// task, which goes on.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = rt::pool::Pool::new(2)?;
///     let (good, bad) = (pool.spawn(|| 6 * 7)?, pool.spawn(|| -> i32 { panic!("no") })?);
///     assert_eq!(good.join()?, 42);
///     assert!(bad.join().unwrap_err().is_panic());
///     Ok(())
/// }
/// ```
#[must_use = "dropping it detaches the task"]
pub struct Task<R> {
    handle: Handle<'static, R>,
    place: Option<Place>,
}

// It only takes a result that is there.
impl<R> std::panic::UnwindSafe for Task<R> {}
impl<R> std::panic::RefUnwindSafe for Task<R> {}

/// The same, of a task that may borrow.
pub(super) struct Handle<'a, R> {
    cell: Arc<dyn Join<R> + 'a>,
}

/// Where a task was put into its pool's queue. It keeps no pool.
pub(super) struct Place {
    core: Weak<Core<Job>>,
    number: Number,
}

impl Place {
    pub(super) fn new(core: &Arc<Core<Job>>, number: Number) -> Self {
        Self { core: Arc::downgrade(core), number }
    }

    /// The task has ended: if it still lies there, it leaves, and somebody else gets in.
    pub(super) fn vacate(&self) {
        if let Some(core) = self.core.upgrade() {
            core.withdraw(self.number);
        }
    }
}

/// What a [`Task`] asks of its cell, whose closure it does not know.
trait Join<R>: Send + Sync {
    /// The result, if it is there; else `slot` is woken when it is.
    fn take(&self, slot: &'static Slot) -> Option<Result<R, JoinError>>;
    fn is_finished(&self) -> bool;
    /// It has ended, and its result is gone.
    fn is_taken(&self) -> bool;
    fn abort(&self);
    fn detach(&self);
}

/// A task, from `spawn` to `join`.
pub(super) struct Cell<F, R> {
    stage: Mutex<Stage<F, R>>,
    interrupt: Arc<Interrupt>,
    handler: Option<Handler>,
}

struct Stage<F, R> {
    f: Option<F>,
    result: Option<Result<R, JoinError>>,
    finished: bool,
    detached: bool,
    joiners: Vec<&'static Slot>,
}

impl<F, R> Cell<F, R> {
    /// `handler`: whom to tell of a panic if nobody joins.
    pub(super) fn new(f: F, handler: Option<Handler>, interrupt: Arc<Interrupt>) -> Arc<Self> {
        let stage = Stage {
            f: Some(f),
            result: None,
            finished: false,
            detached: false,
            joiners: Vec::new(),
        };
        Arc::new(Self { stage: Mutex::new(stage), interrupt, handler })
    }

    /// It will not be run, because of `why`.
    fn end(&self, why: fn() -> JoinError) {
        if let Some(f) = self.take_closure() {
            // Whatever its destructor does, who joins is told.
            let told = Told(self, why);
            drop(f);
            drop(told);
        }
    }

    /// Takes the closure out, which has not run.
    pub(super) fn take_closure(&self) -> Option<F> {
        self.stage.lock().f.take()
    }

    /// Not under the lock: what is dropped here is a user's. `reported`: a panic that could be joined when it was raised.
    fn complete(&self, result: Result<R, JoinError>, reported: bool) {
        let (result, joiners) = {
            let mut stage = self.stage.lock();
            stage.finished = true;
            let result = if stage.detached { Some(result) } else { stage.result.replace(result) };
            (result, std::mem::take(&mut stage.joiners))
        };
        joiners.into_iter().for_each(wait::wake);
        match result {
            Some(Err(error)) if error.is_panic() && !reported => {
                report::panicked(self.handler.as_ref(), error.into_panic());
            }
            other => drop(other),
        }
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Run for Cell<F, R> {
    fn run(self: Arc<Self>) {
        let Some(f) = self.take_closure() else { return };
        // If it was aborted by now it is dropped, and its destructor may unwind.
        let told = Told(&self, JoinError::cancelled);
        let mut reported = false;
        let result = self.interrupt.run(f).map_err(|payload| {
            reported = !self.stage.lock().detached;
            if reported {
                // Now: who joins may end the process. Who drops the task from here on drops its panic.
                panic::report(&*payload);
            }
            JoinError::of(payload)
        });
        told.of(result, reported);
    }

    fn cancel(&self) {
        self.end(JoinError::unbegun);
    }
}

/// Tells who joins why the task has no result, if nothing else is said of it: also when what drops the closure unwinds.
struct Told<'a, F, R>(&'a Cell<F, R>, fn() -> JoinError);

impl<F, R> Told<'_, F, R> {
    fn of(self, result: Result<R, JoinError>, reported: bool) {
        ManuallyDrop::new(self).0.complete(result, reported);
    }
}

impl<F, R> Drop for Told<'_, F, R> {
    fn drop(&mut self) {
        self.0.complete(Err((self.1)()), false);
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Join<R> for Cell<F, R> {
    fn take(&self, slot: &'static Slot) -> Option<Result<R, JoinError>> {
        let mut stage = self.stage.lock();
        let result = stage.result.take();
        if result.is_none() {
            assert!(!stage.finished, "{TAKEN}");
            if !stage.joiners.iter().any(|other| std::ptr::eq(*other, slot)) {
                stage.joiners.push(slot);
            }
        }
        result
    }

    fn is_finished(&self) -> bool {
        self.stage.lock().finished
    }

    fn is_taken(&self) -> bool {
        let stage = self.stage.lock();
        stage.finished && stage.result.is_none()
    }

    fn abort(&self) {
        self.interrupt.raise();
        self.end(JoinError::cancelled);
    }

    fn detach(&self) {
        let result = {
            let mut stage = self.stage.lock();
            stage.detached = true;
            stage.result.take()
        };
        drop(result);
    }
}

impl<'a, R: Send + 'a> Handle<'a, R> {
    pub(super) fn new<F: FnOnce() -> R + Send + 'a>(cell: Arc<Cell<F, R>>) -> Self {
        Self { cell }
    }
}

impl<R> Handle<'_, R> {
    /// `None`: it has not ended.
    fn wait_until(&self, until: Until<'_>) -> Option<Result<R, JoinError>> {
        wait::with(|slot| {
            loop {
                let result = self.cell.take(slot);
                if result.is_some() || until.is_over() {
                    return result;
                }
                wait::park_until(slot, Why::Join, until);
            }
        })
    }

    /// Not taken yet. It may be while we wait for it, by who shares the handle: the panic names no caller then.
    #[track_caller]
    fn check(&self) {
        assert!(!self.cell.is_taken(), "{TAKEN}");
    }

    #[track_caller]
    pub(super) fn wait(&self, until: Until<'_>) -> Result<R, JoinError> {
        self.check();
        self.wait_until(until).unwrap_or_else(|| Err(JoinError::timeout()))
    }

    #[track_caller]
    fn wait_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<R, JoinError> {
        if ctx.err().is_none() {
            self.check();
        }
        let joined = wait::bounded(ctx, |until| self.wait_until(until));
        joined
            .map_err(JoinError::context)?
            .unwrap_or_else(|| Err(JoinError::context(wait::ended(ctx))))
    }

    pub(super) fn is_finished(&self) -> bool {
        self.cell.is_finished()
    }

    pub(super) fn abort(&self) {
        self.cell.abort();
    }
}

impl<R> Drop for Handle<'_, R> {
    fn drop(&mut self) {
        self.cell.detach();
    }
}

impl<R> Task<R> {
    /// `place`: where it lies in the queue, if it does.
    pub(super) fn new(handle: Handle<'static, R>, place: Option<Place>) -> Self {
        Self { handle, place }
    }

    /// Waits for the task to end, and returns what it returned. Blocks the goroutine that calls, or the thread.
    ///
    /// # Errors
    /// A [`JoinError`] when it panicked, was aborted, called [`task::exit`](crate::task::exit), or was dropped because its
    /// runtime stopped, or because there was no stack for any worker.
    ///
    /// # Panics
    /// When [`join_timeout`](Self::join_timeout) or [`join_ctx`](Self::join_ctx) has taken the result.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
    ///     assert!(pool.spawn(|| panic!("no")).unwrap().join().unwrap_err().is_panic());
    /// }
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<R, JoinError> {
        self.handle.wait(Until::NEVER)
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// A [`JoinError`]; [`is_timeout`](JoinError::is_timeout) if the task has not ended, and can be waited for again.
    ///
    /// # Panics
    /// When the result was taken.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = rt::pool::Pool::new(1)?;
    ///     let slow = pool.spawn(|| rt::time::sleep(Duration::from_secs(60)))?;
    ///     assert!(slow.join_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    ///     slow.abort();
    ///     assert!(slow.join().unwrap_err().is_cancelled());
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, timeout: Duration) -> Result<R, JoinError> {
        // Beyond the clock's range: for ever.
        self.handle.wait(util::now().checked_add(timeout).into())
    }

    /// Waits until `ctx` is done at most.
    ///
    /// # Errors
    /// A [`JoinError`]; [`context_error`](JoinError::context_error) says if it is the context's, also if that is done
    /// already, and the task can be waited for again then.
    ///
    /// # Panics
    /// When the result was taken.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = rt::pool::Pool::new(1)?;
    ///     let slow = pool.spawn(|| rt::time::sleep(Duration::from_secs(60)))?;
    ///     let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let error = slow.join_ctx(&ctx).unwrap_err();
    ///     assert_eq!(error.context_error(), Some(ContextError::DeadlineExceeded));
    ///     slow.abort();
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn join_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<R, JoinError> {
        self.handle.wait_ctx(ctx)
    }

    /// Whether the task has ended, so that `join` would not wait.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     let task = pool.spawn(|| 7).unwrap();
    ///     while !task.is_finished() {
    ///         rt::yield_now();
    ///     }
    ///     assert_eq!(task.join().unwrap(), 7);
    /// }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Ends the task, and not its worker: one that has not begun is dropped, and leaves the queue; one that runs is unwound
    /// from where it waits, or from the next place where it does.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(1).unwrap();
    ///     let waits = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
    ///     waits.abort();
    ///     assert!(waits.join().unwrap_err().is_cancelled());
    ///     assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7); // the worker goes on
    /// }
    /// ```
    pub fn abort(&self) {
        /// Also when the closure's destructor unwinds.
        struct Vacates<'a>(&'a Place);
        impl Drop for Vacates<'_> {
            fn drop(&mut self) {
                self.0.vacate();
            }
        }
        let _ends = self.place.as_ref().map(Vacates);
        self.handle.abort();
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish()
    }
}
