//! Reaching a runtime from elsewhere.

use crate::debug::{self, Dump};
use crate::g::{Extras, new_cell};
use crate::sched::{self, Hold, Sched};
use crate::stack::Class;
use crate::task::{self, JoinError, JoinHandle, start};
use crate::trace::Metrics;
use crate::wait;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// The stack of what [`run`] runs: a main thread's.
const MAIN_STACK: usize = 8 << 20;

/// Reaches a runtime from other threads, and from other runtimes. Clones are cheap. It does not
/// keep the runtime from shutting down.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().build()?;
/// let handle = runtime.handle();
/// let thread = std::thread::spawn(move || handle.spawn(|| 42).join().unwrap());
/// assert_eq!(thread.join().unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    sched: Arc<Sched>,
}

impl Handle {
    pub(super) fn of(sched: Arc<Sched>) -> Self {
        Self { sched }
    }

    /// The runtime that the caller has entered, or runs in.
    ///
    /// # Panics
    /// When there is none. See [`try_current`](Self::try_current).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let handle = rt::Handle::current();
    ///     let thread = std::thread::spawn(move || handle.run(|| 7)); // a plain thread, in this runtime
    ///     assert_eq!(rt::blocking(|| thread.join().unwrap()), 7);
    /// }
    /// ```
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(handle) => handle,
            None => panic!(
                "there is no rt runtime here: call this from a goroutine, or enter a runtime on \
                 this thread with Handle::enter"
            ),
        }
    }

    /// The runtime that the caller has entered, or runs in, if there is one.
    ///
    /// # Examples
    /// ```
    /// assert!(rt::Handle::try_current().is_none(), "a plain thread");
    /// ```
    pub fn try_current() -> Option<Self> {
        crate::task::entered().map(|sched| Self { sched })
    }

    /// Makes this the runtime in which [`rt::spawn`](crate::spawn) and its like start
    /// goroutines, for the goroutine or thread that calls, until the guard is dropped.
    ///
    /// Guards nest, and may be dropped in any order: of those that are left, the one entered last counts.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// let handle = runtime.handle();
    /// let _entered = handle.enter();
    /// assert_eq!(rt::spawn(|| 1).join().unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        let number = task::enter(Arc::clone(&self.sched));
        EnterGuard { number, handle: PhantomData, on_one_goroutine: PhantomData }
    }

    /// Starts a goroutine in this runtime. See [`rt::spawn`](crate::spawn()).
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// assert_eq!(runtime.handle().spawn(|| 7).join().unwrap(), 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let cell = new_cell(f, self.sched.config.class, Location::caller(), None, ());
        start(&self.sched, cell.as_ref());
        JoinHandle::new(cell)
    }

    /// Runs `f` as a goroutine of this runtime, and waits for it. See
    /// [`Runtime::run`](super::Runtime::run).
    ///
    /// # Panics
    /// As [`Runtime::run`](super::Runtime::run).
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().build()?;
    /// let (handle, text) = (runtime.handle(), String::from("text"));
    /// assert_eq!(handle.run(|| text.len()), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        run(&self.sched, f)
    }

    /// The runtime in numbers. See [`rt::metrics`](crate::metrics()).
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().procs(1).build()?;
    /// runtime.run(|| ());
    /// assert_eq!(runtime.handle().metrics().goroutines.spawned, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.sched.metrics()
    }

    pub(crate) fn sched(&self) -> &Arc<Sched> {
        &self.sched
    }

    /// Looks at every goroutine of this runtime, from wherever. See [`rt::dump`](crate::dump()).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let handle = rt::Handle::current();
    ///     let thread = std::thread::spawn(move || handle.dump().to_string());
    ///     assert!(thread.join().unwrap().contains("goroutine 1 "));
    /// }
    /// ```
    pub fn dump(&self) -> Dump {
        debug::take(&self.sched)
    }

    pub(crate) fn num_goroutines(&self) -> usize {
        self.sched.live().try_into().unwrap_or(usize::MAX)
    }

    pub(crate) fn procs(&self) -> usize {
        self.sched.config.procs as usize
    }
}

/// The caller is in a runtime, until this is dropped; see [`Handle::enter`].
#[derive(Debug)]
#[must_use = "the runtime is left when this is dropped"]
pub struct EnterGuard<'a> {
    number: usize,
    handle: PhantomData<&'a Handle>,
    on_one_goroutine: PhantomData<*const ()>,
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        task::leave(self.number);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("procs", &self.sched.config.procs).finish_non_exhaustive()
    }
}

/// Runs `f` as a goroutine and waits for it, whatever happens: `f` may borrow.
#[track_caller]
pub(super) fn run<F, T>(sched: &Arc<Sched>, f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    run_at(sched, f, Origin::here())
}

/// What is said of the goroutine of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// Where it was spawned.
    pub(crate) site: &'static Location<'static>,
    pub(crate) name: Option<&'a str>,
}

impl Origin<'_> {
    /// Without a name, spawned where the caller was called.
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self { site: Location::caller(), name: None }
    }
}

/// The same, of a goroutine of this origin.
#[track_caller]
pub(crate) fn run_at<F, T>(sched: &Arc<Sched>, f: F, origin: Origin<'_>) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match outcome_at(sched, f, origin) {
        Ok(value) => value,
        Err(error) => raise(sched, error),
    }
}

/// The same, with an error if `f` did not return.
pub(super) fn outcome_at<F, T>(sched: &Arc<Sched>, f: F, origin: Origin<'_>) -> Result<T, JoinError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // `f` borrows from our frames: what could fail in waiting for it must fail before it is queued.
    wait::with(|_slot| ());
    let class = Class::for_size(MAIN_STACK).unwrap_or(sched.config.class).max(sched.config.class);
    // In a lab it is known that somebody waits for a run, and a goroutine that waits for one elsewhere holds its own time.
    let lab = sched.is_lab().then(|| Arc::clone(sched));
    let _hold = sched::current_sched().filter(|own| !Arc::ptr_eq(own, sched)).map(Hold::new);
    let f = move || {
        let _counted = lab.as_ref().and_then(Sched::begin_run);
        f()
    };
    let name = origin.name.map(|name| Box::new(Extras::named(name)));
    let cell = new_cell(f, class, origin.site, name, ());
    start(sched, cell.as_ref());
    let handle = JoinHandle::<T>::new(cell);
    // `f` borrows from our frames: not even cancellation ends this wait. Which is passed on.
    if sched::current_slot().is_none() {
        sched.thread_waits(|| handle.join_masked())
    } else {
        handle.join_masked()
    }
}

/// Passes on what ended a run.
#[track_caller]
pub(super) fn raise(sched: &Sched, error: JoinError) -> ! {
    if error.is_panic() {
        std::panic::resume_unwind(error.into_panic());
    }
    // If it was the caller who was cancelled, it goes on to unwind.
    wait::with(|slot| {
        if slot.has_stack() {
            wait::raise_if_cancelled(slot);
        }
    });
    match sched.trouble() {
        // Who draws schedules reports it, with the schedule.
        Some(_) if sched.is_seeded() => std::panic::resume_unwind(Box::new("stopped")),
        Some(trouble) => panic!("{}", debug::report::trouble(&trouble)),
        None => panic!("Runtime::run: {error}"),
    }
}
