//! Seeing inside a runtime while it runs.
//!
//! [`rt::dump`](crate::dump()) shows every goroutine: who it is, what it does and waits for, since when, where it was spawned, and
//! the stack of each that waits. Nothing has to be switched on before, and nothing is paid before somebody looks.
//!
//! ```
//! use rt::chan::Chan;
//!
//! #[rt::main]
//! fn main() {
//!     let orders = Chan::<u32>::new(0);
//!     let worker = orders.clone();
//!     rt::task::Builder::new().name("worker").spawn(move || worker.recv()).unwrap();
//!     rt::yield_now();
//!
//!     let text = rt::dump().to_string();
//!     assert!(text.contains("'worker' [chan receive]"), "{text}");
//!     orders.close();
//! }
//! ```
//!
//! [`rt::metrics`](crate::metrics()) is the same in numbers, and `debug::serve`, with the cargo feature `debug-server`, a page that
//! shows both live.
//!
//! `docs/DEBUGGING.md` solves a hang, a leak and a latency spike with them, step by step.

mod cycle;
mod deadlock;
mod dump;
mod goroutine;
mod json;
mod prometheus;
pub(crate) mod report;
#[cfg(feature = "debug-server")]
mod server;
mod symbol;
mod text;
mod wait;

pub use cycle::Cycle;
pub use dump::{Dump, Thread};
pub use goroutine::{Goroutine, State};
#[cfg(feature = "debug-server")]
pub use server::{Options, Server, serve};
pub use symbol::Frame;
pub use text::Full;
pub use wait::{Channel, Wait};

pub use crate::trace::{
    GoroutineMetrics, HandOffMetrics, Histogram, Metrics, ProcMetrics, StackHighWater,
    StackMetrics, ThreadMetrics,
};

pub(crate) use deadlock::{deadlocked, main_has_exited, nobody_wakes, quit, show_at_quit};
pub(crate) use dump::take;

use crate::task;

/// Looks at every goroutine of the current runtime: the one that the caller has entered, or runs in.
///
/// The others go on meanwhile; one that waits is kept where it is for some microseconds. So the dump is no picture of one
/// instant, but each goroutine in it was seen as it is described. On a plain thread, or for another runtime:
/// [`Handle::dump`](crate::Handle::dump) and [`Runtime::dump`](crate::Runtime::dump). Go's `pprof.Lookup("goroutine")`, and what Go prints at
/// SIGQUIT.
///
/// The first dump of a process reads the program's debug information, which takes a while if there is much of it.
///
/// # Panics
/// When there is no runtime here.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let sleeper = rt::spawn(|| rt::time::sleep(std::time::Duration::from_secs(3600)));
///     rt::yield_now();
///     println!("{}", rt::dump());
///     sleeper.abort();
/// }
/// ```
/// prints something like
/// ```text
/// goroutine 1 [running]:
/// ...
///
/// goroutine 2 [sleep, for 60 minutes more]:
/// rt::time::sleep
///         at runtime/src/time/mod.rs:59:5
/// example::main::{{closure}}
///         at src/main.rs:3:37
/// created in goroutine 1 at src/main.rs:3:19
/// ```
#[track_caller]
pub fn dump() -> Dump {
    match task::entered() {
        Some(sched) => take(&sched),
        None => panic!(
            "there is no rt runtime here: call rt::dump from a goroutine, or Runtime::dump or Handle::dump from outside"
        ),
    }
}
