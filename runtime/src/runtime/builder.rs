//! Settings of a runtime.

use super::{Runtime, env, overflow};
use crate::panic::{self, PanicPolicy};
use crate::sched::{Config, Hooks, Sched};
use crate::stack::{self, Class};
use crate::{sys, task};
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
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The default settings.
    pub fn new() -> Self {
        Self {
            procs: None,
            stack_size: None,
            max_threads: MAX_THREADS,
            panic_policy: PanicPolicy::default(),
            migrate: true,
            panic_hook: false,
        }
    }

    /// How many goroutines run at the same time, from 1. The default is the number of CPUs that the
    /// process may use, by affinity and cgroup quota. Go's `GOMAXPROCS`.
    pub fn procs(mut self, procs: usize) -> Self {
        self.procs = Some(procs);
        self
    }

    /// The stack of each goroutine, in bytes, rounded up to a power of two; 32 KiB to 1 GiB, 256 KiB
    /// by default. One page of it is the guard.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// How many threads may run goroutines, blocked ones included; 10,000 by default.
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max_threads = threads;
        self
    }

    /// What an uncaught panic does.
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.panic_policy = policy;
        self
    }

    /// Whether a goroutine may go on with another thread than it began with. With `false` only
    /// goroutines that have not started are stolen: for code that is bound to thread-local state.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Whether to install a process-wide panic hook, before the one there is, that names the
    /// goroutine. Not by default: a library does not touch the hook unasked.
    pub fn panic_hook(mut self, install: bool) -> Self {
        self.panic_hook = install;
        self
    }

    /// Builds the runtime and starts its first thread.
    ///
    /// # Errors
    /// `InvalidInput` for a setting out of range, or a bad value in the environment, naming
    /// it; the system's error when it gives no thread or no memory; `Unsupported` in a program
    /// that is compiled with `panic = "abort"`.
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
        let procs = match self.procs {
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
            None => match env::number("RT_STACK_SIZE", 0, usize::MAX)? {
                Some(bytes) => Class::for_size(bytes).map_err(|error| {
                    invalid(format!("the environment variable RT_STACK_SIZE is bad: {error}"))
                })?,
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
            hooks: Hooks {
                uncaught: panic::uncaught,
                drop_locals: task::drop_locals,
                drop_panics: panic::drop_notes,
            },
        })
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
