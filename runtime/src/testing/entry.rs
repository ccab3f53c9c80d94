//! What `#[rt::test]` expands to.

use super::explorer::{Explorer, Leaks};
use super::failure::Failure;
use crate::debug::report::left;
use crate::panic;
use crate::runtime::{Builder, Origin, env};
use crate::sched::{Plan, Sched};
use std::process::ExitCode;
use std::time::Duration;

/// How long goroutines that are left may take to come to rest: before they are named, and before they fail a test.
const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(1);

/// Settings of a test.
#[doc(hidden)]
#[derive(Debug)]
pub struct Test {
    /// As the harness calls it; empty if nobody has said.
    name: &'static str,
    builder: Builder,
    stack_size: Option<usize>,
    virtual_time: bool,
    seed: Option<u64>,
    explore: Option<u64>,
    leaks: Leaks,
}

impl Default for Test {
    fn default() -> Self {
        Self::new()
    }
}

impl Test {
    #[doc(hidden)]
    pub fn new() -> Self {
        Self {
            name: "",
            builder: Builder::new(),
            stack_size: None,
            virtual_time: false,
            seed: None,
            explore: None,
            leaks: Leaks::Report,
        }
    }

    /// `path`: the function's, from its crate on, which the harness leaves out.
    #[doc(hidden)]
    pub fn name(mut self, path: &'static str) -> Self {
        self.name = path.split_once("::").map_or(path, |(_, name)| name);
        self
    }

    #[doc(hidden)]
    pub fn procs(mut self, procs: usize) -> Self {
        self.builder = self.builder.procs(procs);
        self
    }

    #[doc(hidden)]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.builder = self.builder.stack_size(bytes);
        self.stack_size = Some(bytes);
        self
    }

    #[doc(hidden)]
    pub fn virtual_time(mut self, on: bool) -> Self {
        self.virtual_time = on;
        self
    }

    #[doc(hidden)]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    #[doc(hidden)]
    pub fn explore(mut self, schedules: u64) -> Self {
        self.explore = Some(schedules);
        self
    }

    #[doc(hidden)]
    pub fn leaks(mut self, leaks: Leaks) -> Self {
        self.leaks = leaks;
        self
    }

    /// Runs `f`, looks who is left, and shuts down. `f` is called once, unless schedules are to be explored.
    #[doc(hidden)]
    #[track_caller]
    pub fn run(self, f: impl Fn() -> ExitCode + Send + Sync) -> ExitCode {
        panic::install();
        panic::capture_reports(is_captured());
        let name = (!self.name.is_empty()).then_some(self.name);
        let origin = Origin { name, ..Origin::here() };
        if self.seed.is_some() || self.explore.is_some() {
            return self.run_seeded(f, origin);
        }
        let plan = Plan { seed: None, limit: u64::MAX, halts: true };
        let builder = self.builder.deadlock_detection(true);
        let builder = if self.virtual_time { builder.plan(plan) } else { builder };
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => return refuse(&error),
        };
        let code = runtime.run_at(f, origin);
        match self.leaks {
            Leaks::Allow => {}
            Leaks::Report => report_left(runtime.sched()),
            Leaks::Deny => {
                let waiters = runtime.sched().settle(LONG);
                assert!(waiters.is_empty(), "{}", left(&waiters));
            }
        }
        code
    }

    fn run_seeded(self, f: impl Fn() -> ExitCode + Sync, origin: Origin<'_>) -> ExitCode {
        let (first, count) = match env::number("RT_TEST_SEED", 0, usize::MAX) {
            Ok(Some(seed)) => (seed as u64, 1),
            Ok(None) => (self.seed.unwrap_or(0), self.explore.unwrap_or(1)),
            Err(error) => return refuse(&error),
        };
        let mut explorer = Explorer::new().leaks(self.leaks);
        if let Some(bytes) = self.stack_size {
            explorer = explorer.stack_size(bytes);
        }
        let mut said = false;
        let mut code = ExitCode::SUCCESS;
        for run in 1..=count.max(1) {
            let seed = first.wrapping_add(run - 1);
            let is_error = |code: &ExitCode| *code != ExitCode::SUCCESS;
            match explorer.run(seed, run, &f, is_error, origin) {
                Ok((value, schedule)) => {
                    code = value;
                    if !schedule.not_deterministic().is_empty()
                        && !std::mem::replace(&mut said, true)
                    {
                        eprintln!("rt: seed {seed}: {schedule}");
                    }
                }
                Err(failure) => fail(failure),
            }
        }
        code
    }
}

/// Whether the harness keeps what tests print, as libtest decides it: std does not tell.
fn is_captured() -> bool {
    let shows = ["--nocapture", "--no-capture"];
    let shown = std::env::args_os().any(|arg| shows.iter().any(|show| arg == *show));
    !shown && std::env::var_os("RUST_TEST_NOCAPTURE").is_none_or(|value| value == "0")
}

/// The report, and then the panic that the harness is to see.
fn fail(failure: Failure) -> ! {
    eprintln!("rt: {failure}");
    failure.resume()
}

fn refuse(error: &std::io::Error) -> ExitCode {
    eprintln!("rt: {error}");
    ExitCode::from(2)
}

/// Names the goroutines that are left.
pub(super) fn report_left(sched: &Sched) {
    let waiters = sched.settle(SHORT);
    if !waiters.is_empty() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test");
        eprintln!("rt: {name} has ended, and {}", left(&waiters));
    }
}
