//! Tests that own the scheduler: time that jumps, and schedules that a seed draws, again and again.
//!
//! `#[rt::test]` takes what this module is about as options:
//!
//! | option | what it does |
//! |---|---|
//! | `virtual_time` | [time](#virtual-time) stands still while anything runs, and jumps when all is idle |
//! | `seed = 7` | one processor, and [every choice](#seeds) of the scheduler drawn from the seed; time is virtual |
//! | `explore = 1_000` | the body runs once for each of that many seeds, from `seed` or 0 on, until one fails |
//! | `leaks = "deny"` | [goroutines that are left](#leaks) at the end fail the test; `"report"` names them, `"allow"` does not look |
//!
//! [`Explorer`] does the same from code. A how-to, with what it prints, is in `docs/TESTING.md`.
//!
//! # Virtual time
//! [`rt::time::now`](crate::time::now), on which all timeouts and deadlines of `rt` hang, stands still as long as a goroutine
//! of the runtime runs. When all of them wait it jumps to the first deadline, and who waited for it runs, at that very
//! nanosecond. So hours take no time, and what does not depend on how fast the machine is comes out the same each time. And who sleeps for
//! a nanosecond goes on when all others wait: Go's `synctest.Wait`.
//!
//! A goroutine that blocks its thread (a system call, [`rt::blocking`](crate::blocking()), std's own locks, joins and a `LazyLock` that another one is at) counts as
//! running: the clock stops for it. A plain thread does not count, for the runtime does not know of it; if it is to wake
//! a goroutine, it holds a [`TimeHold`], or a goroutine waits for it in `rt::blocking`. Sockets are asked before each jump, and [signals](crate::signal) that have come are delivered. Who reads
//! std's clock, or is a plain thread, sees the system's time.
//!
//! When all goroutines wait, without a deadline or a socket to wait for, and without a receiver of signals in the process, [`Runtime::run`](crate::Runtime::run) panics with
//! "all goroutines are asleep - deadlock!" and what each waits for: with a seed at once, else after a second, for
//! perhaps a thread wakes one.
//!
//! # Seeds
//! One thread runs all goroutines, one at a time. After every call of the runtime, those that did not have to wait included
//! (a lock that was free, a channel's `len`, a spawn), it is drawn who goes on. What goes on between two calls is
//! never interrupted: races on plain memory and on std's atomics are not what this finds; races in how goroutines use what
//! `rt` gives them are.
//!
//! The same seed draws the same schedule again, as long as the program's goroutines talk to each other through `rt` alone.
//! What comes from outside, a thread, a socket, a signal, a call that blocks for long, is noted in the report: "this schedule is not
//! deterministic". Random state of std's `HashMap`, addresses and the clock of the system are not seen.
//!
//! # Output
//! What the goroutines of an `#[rt::test]` print, and the reports of their panics, the harness keeps and shows if the test
//! fails, as it does of any test; with `--nocapture` it is shown at once. The goroutine of the test has its name.
//!
//! That goes by threads: the harness keeps for a test what its thread prints, and those that are started by it. So a runtime that outlives the
//! test that built it, in a `static` or a `LazyLock` for instance, prints what its goroutines do for other tests, and their panics, where that
//! first test does; when that has ended nobody sees it. It is so of any threads that tests share, and std has no call to change it. Where that
//! matters build a runtime for each test, as `#[rt::test]` does, or run the tests with `--nocapture`.
//!
//! # Leaks
//! When the body of an `#[rt::test]` has returned, goroutines that have not ended are listed on standard error, which the
//! test harness shows if the test fails. They fail the test only if it asks for that: in Go, and in this runtime, who leaves
//! goroutines behind when main returns does nothing wrong. Then the runtime shuts down and unwinds them.

#![forbid(unsafe_code)]

mod entry;
mod explorer;
mod failure;

#[doc(hidden)]
pub use entry::Test;
pub use explorer::{Explored, Explorer, Leaks};
pub use failure::{Failure, Schedule};

use crate::sched::{self, Sched};
use crate::task;
use std::sync::Arc;

/// Keeps [virtual time](self#virtual-time) where it is, until it is dropped.
///
/// For a plain thread that is going to wake a goroutine: without it, time might jump meanwhile. Of a runtime with real
/// time it does nothing.
///
/// # Examples
/// ```
/// use rt::testing::TimeHold;
/// use std::time::Duration;
///
/// let runtime = rt::Runtime::builder().virtual_time(true).build()?;
/// runtime.run(|| {
///     let (tx, rx) = rt::chan::bounded(1);
///     let hold = TimeHold::new();
///     std::thread::spawn(move || {
///         std::thread::sleep(Duration::from_millis(10));
///         tx.send("done").unwrap();
///         drop(hold);
///     });
///     // An hour does not pass as long as the thread works.
///     assert_eq!(rx.recv_timeout(Duration::from_secs(3600)), Ok("done"));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "time goes on when this is dropped"]
pub struct TimeHold {
    _hold: sched::Hold,
}

impl TimeHold {
    /// Holds the time of the runtime that the caller has entered, or runs in.
    ///
    /// # Panics
    /// When there is none.
    ///
    /// # Examples
    /// ```
    /// let runtime = rt::Runtime::builder().virtual_time(true).build()?;
    /// runtime.run(|| {
    ///     let before = rt::time::now();
    ///     let hold = rt::testing::TimeHold::new();
    ///     rt::blocking(|| std::thread::yield_now());
    ///     assert_eq!(rt::time::now(), before);
    ///     drop(hold);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn new() -> Self {
        match task::entered() {
            Some(sched) => Self::of(sched),
            None => panic!("TimeHold::new: there is no rt runtime here, and no time to hold"),
        }
    }

    fn of(sched: Arc<Sched>) -> Self {
        Self { _hold: sched::Hold::new(sched) }
    }
}

impl Default for TimeHold {
    fn default() -> Self {
        Self::new()
    }
}
