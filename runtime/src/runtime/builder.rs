//! Settings of a runtime.

use super::{Runtime, env, overflow};
use crate::debug;
use crate::panic::{self, PanicPolicy};
use crate::sched::{Config, Hooks, Plan, Sched};
use crate::stack::{self, Class};
use crate::{signal, sys, task};
use std::io;

/// The default stack: reserved address space; untouched pages cost nothing.
const STACK_SIZE: usize = 256 * 1024;
/// As in Go.
const MAX_THREADS: usize = 10_000;
/// More than any machine has; a larger number is a mistake.
const MAX_PROCS: usize = 4096;

/// Settings to build a [`Runtime`] from.
///
/// What is not set comes from the environment (`RT_PROCS`, `RT_STACK_SIZE`), else from the
/// machine.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().procs(1).stack_size(64 << 10).build()?;
/// assert_eq!(runtime.run(rt::procs), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    procs: Option<usize>,
    stack_size: Option<usize>,
    max_threads: usize,
    panic_policy: PanicPolicy,
    migrate: bool,
    panic_hook: bool,
    deadlock_detection: bool,
    plan: Option<Plan>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The default settings.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Builder::new().procs(1).build()?;
    /// assert_eq!(runtime.run(rt::procs), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            procs: None,
            stack_size: None,
            max_threads: MAX_THREADS,
            panic_policy: PanicPolicy::default(),
            migrate: true,
            panic_hook: false,
            deadlock_detection: false,
            plan: None,
        }
    }

    /// How many goroutines run at the same time, from 1. The default is the number of CPUs that the
    /// process may use, by affinity and cgroup quota. Go's `GOMAXPROCS`.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().procs(2).build()?;
    /// assert_eq!(runtime.run(rt::procs), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn procs(mut self, procs: usize) -> Self {
        self.procs = Some(procs);
        self
    }

    /// The stack of each goroutine, in bytes, rounded up to a power of two; 32 KiB to 1 GiB, 256 KiB
    /// by default. One page of it is the guard. In a debug build 64 KiB at least, for what the runtime itself puts there; on aarch64 128 KiB,
    /// of which 64 are the guard.
    ///
    /// But what [`Runtime::run`] runs, as `main` under `#[rt::main]`, has at least the 8 MiB of a main thread: what fits there need
    /// not fit into what it spawns.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().stack_size(100_000).build()?;
    /// let size = || {
    ///     let (dump, me) = (rt::dump(), rt::task::current().id().get());
    ///     dump.goroutines().iter().find(|g| g.id() == me).and_then(|g| g.stack_size())
    /// };
    /// assert_eq!(runtime.run(|| rt::spawn(size).join().unwrap()), Some(128 << 10));
    /// assert_eq!(runtime.run(size), Some(8 << 20));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// How many threads may run goroutines, blocked ones included; 10,000 by default.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().max_threads(64).build()?;
    /// assert!(runtime.metrics().threads.total <= 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max_threads = threads;
        self
    }

    /// What an uncaught panic does.
    ///
    /// # Examples
    /// ```
    /// use rt::{PanicPolicy, Runtime};
    ///
    /// // A bug anywhere is the end of the process, as in Go.
    /// let runtime = Runtime::builder().panic_policy(PanicPolicy::Abort).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.panic_policy = policy;
        self
    }

    /// Whether a goroutine may go on with another thread than it began with. With `false` only
    /// goroutines that have not started are stolen: for code that is bound to thread-local state.
    ///
    /// The price: while one of them holds its thread, as by a call that blocks, also in [`blocking`](crate::blocking),
    /// the others that began there wait. If what it waits for is to come from one of those, it never does.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().migrate(false).build()?;
    /// runtime.run(|| {
    ///     let before = std::thread::current().id();
    ///     rt::yield_now();
    ///     assert_eq!(std::thread::current().id(), before);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Whether to install a process-wide panic hook, before the one there is, that names the
    /// goroutine. Not by default: a library does not touch the hook unasked.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().panic_hook(true).build()?;
    /// let panic = runtime.run(|| rt::panic::catch(|| panic!("oh"))).unwrap_err();
    /// assert!(panic.location().is_some(), "the hook has seen it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn panic_hook(mut self, install: bool) -> Self {
        self.panic_hook = install;
        self
    }

    /// Whether to end the process when all goroutines are asleep for ever: with the words `fatal error: all goroutines are
    /// asleep - deadlock!`, a [dump](crate::dump()) and exit code 2, as Go does. `#[rt::main]` sets it; else it is off.
    ///
    /// Only what is certain counts: no goroutine runs or can be woken by a deadline, a socket, a signal's receiver or
    /// a future's waker, none is blocked in the system, and for a second the process has had no other threads
    /// than this runtime's and those that wait in [`run`](Runtime::run). A program with a thread of its own is never ended so, nor one with
    /// a second runtime. For deadlocks among some of the goroutines, look at [`Dump::cycles`](crate::debug::Dump::cycles).
    ///
    /// Needs `/proc`, so it does nothing on other systems than Linux.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().deadlock_detection(true).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn deadlock_detection(mut self, detect: bool) -> Self {
        self.deadlock_detection = detect;
        self
    }

    /// Whether time stands still while any goroutine runs, and jumps to the next deadline when all wait.
    ///
    /// Then hours of sleep take no time, and what has a deadline happens at that very instant of
    /// [`rt::time::now`](crate::time::now). See [`rt::testing`](crate::testing#virtual-time) for what moves the clock and what
    /// stops it. For tests: `#[rt::test(virtual_time)]` asks for it.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = rt::Runtime::builder().virtual_time(true).build()?;
    /// let slept = runtime.run(|| {
    ///     let start = rt::time::now();
    ///     rt::time::sleep(Duration::from_secs(3600));
    ///     rt::time::now() - start
    /// });
    /// assert_eq!(slept, Duration::from_secs(3600));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn virtual_time(mut self, on: bool) -> Self {
        self.plan = on.then_some(Plan { seed: None, limit: u64::MAX, halts: false });
        self
    }

    /// A test's.
    pub(crate) fn plan(mut self, plan: Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Builds the runtime and starts its first thread.
    ///
    /// # Errors
    /// `InvalidInput` for a setting out of range, or a bad value in the environment, naming
    /// it; the system's error when it gives no thread or no memory; `Unsupported` in a program
    /// that is compiled with `panic = "abort"`.
    ///
    /// # Examples
    /// ```
    /// let error = rt::Runtime::builder().procs(0).build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        if cfg!(panic = "abort") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "rt needs panic = \"unwind\": goroutines are ended by unwinding their stacks",
            ));
        }
        let config = self.config()?;
        stack::check()?;
        stack::install(overflow::describe);
        if self.panic_hook {
            panic::install();
        }
        let sched = Sched::new(config);
        sched.start_threads().map_err(|error| {
            let text = format!(
                "cannot start the runtime's first threads: {error}; raise the limit on threads \
                 (ulimit -u) or memory (ulimit -v)"
            );
            io::Error::new(error.kind(), text)
        })?;
        Ok(Runtime { sched, is_down: false })
    }

    fn config(&self) -> io::Result<Config> {
        let seeded = self.plan.is_some_and(|plan| plan.seed.is_some());
        let procs = match self.procs {
            _ if seeded => 1,
            Some(procs) => procs,
            None => env::number("RT_PROCS", 1, MAX_PROCS)?.unwrap_or_else(sys::cpus),
        };
        if procs == 0 || procs > MAX_PROCS {
            return Err(invalid(format!("procs is {procs}: it must be from 1 to {MAX_PROCS}")));
        }
        if self.max_threads == 0 {
            return Err(invalid("max_threads is 0: it must be at least 1".to_owned()));
        }
        let class = match self.stack_size {
            Some(bytes) => Class::for_size(bytes)?,
            None => match env::stack_size()? {
                Some(class) => class,
                None => Class::for_size(STACK_SIZE)?,
            },
        };
        let debug = env::debug()?;
        env::barrier()?;
        Ok(Config {
            procs: procs as u32,
            class,
            max_threads: self.max_threads.try_into().unwrap_or(u32::MAX),
            abort_on_panic: self.panic_policy == PanicPolicy::Abort,
            migrate: self.migrate,
            schedtrace: debug.schedtrace,
            find_deadlocks: self.deadlock_detection,
            lab: self.plan,
            hooks: Hooks {
                uncaught: panic::uncaught,
                drop_locals: task::drop_locals,
                nobody_wakes: debug::nobody_wakes,
                awaits_signals: signal::has_receivers,
                deadlocked: debug::deadlocked,
                asked: debug::quit,
                drop_panics: panic::drop_notes,
            },
        })
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
