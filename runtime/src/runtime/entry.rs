//! What `#[rt::main]` expands to.

use super::handle::{self, Origin};
use super::{Builder, Runtime};
use crate::sys::Altstack;
use crate::{debug, panic, util};
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::time::Duration;

/// How long main waits for reports of panics that are being made.
const REPORTS: Duration = Duration::from_secs(2);

/// Settings of a `main`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Entry {
    builder: Builder,
}

impl Default for Entry {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    #[doc(hidden)]
    pub fn new() -> Self {
        Self { builder: Builder::new() }
    }

    #[doc(hidden)]
    pub fn procs(mut self, procs: usize) -> Self {
        self.builder = self.builder.procs(procs);
        self
    }

    #[doc(hidden)]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.builder = self.builder.stack_size(bytes);
        self
    }

    /// Runs `f` and lets the process exit with its code: other goroutines are not awaited. Unless `f` ends by
    /// [`exit`](crate::task::exit): then they go on.
    #[doc(hidden)]
    #[track_caller]
    pub fn main(mut self, f: impl FnOnce() -> ExitCode + Send) -> ExitCode {
        self.builder = self.builder.deadlock_detection(true);
        let runtime = match self.build() {
            // The process exits, by a panic too: nobody is unwound, and no thread joined, as in Go.
            Ok(runtime) => ManuallyDrop::new(runtime),
            Err(code) => return code,
        };
        // Of one that this thread had from std, a goroutine that ends the process takes the memory away, and signals still come: this
        // stays until main returns.
        let _of_signals = Altstack::install();
        debug::show_at_quit(&runtime.sched);
        let outcome = handle::outcome_at(&runtime.sched, f, Origin::here());
        panic::finish_reports(REPORTS);
        match outcome {
            Ok(code) => code,
            // Nobody has a handle to abort it, and the runtime is not shut down.
            Err(error) if error.is_cancelled() => debug::main_has_exited(&runtime.sched),
            Err(error) => handle::raise(&runtime.sched, error),
        }
    }

    fn build(self) -> Result<Runtime, ExitCode> {
        panic::install();
        self.builder.build().map_err(|error| {
            util::say(format_args!("rt: {error}"));
            ExitCode::from(2)
        })
    }
}
