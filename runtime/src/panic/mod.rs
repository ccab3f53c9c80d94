//! Go's defer and recover, panics as values, and what is said when a goroutine panics.
//!
//! | Go | here |
//! |---|---|
//! | a function with `defer` and `recover` | [`frame()`], [`Frame::defer`], [`Unwind::recover`] |
//! | named results | [`frame_named`], [`Unwind::result`] |
//! | `defer f(x)` for plain cleanup | [`defer!`](crate::defer), [`defer_call!`](crate::defer_call) |
//! | `panic(recovered)` | [`Panic::resume`] |
//! | a function that recovers and returns the panic as an error | [`catch`] |
//!
//! # What is printed
//!
//! With the panic hook (which `#[rt::main]` and `#[rt::test]` install, and a runtime only
//! [when asked](crate::Builder::panic_hook)), a goroutine's panic is reported where it happens: in one write, with its place, its
//! backtrace if `RUST_BACKTRACE` asks for it (`1`: from the panic to what the goroutine runs; `full`: all), and where the goroutine was spawned. A main that returns waits for reports that
//! are being made, two seconds at most; then they are said without the backtrace.
//!
//! ```text
//! goroutine 18 'worker' panicked at src/main.rs:9:17: second
//!     after the panic at src/main.rs:5:5: first [recovered]
//!     spawned at src/main.rs:3:13
//! ```
//!
//! But in a [frame](frame()) or [`catch`], on goroutines and plain threads alike, the report waits: one that is
//! recovered is not reported, as in Go, and one that leaves the last frame around it is, with all that it
//! superseded. One that a plain [`catch_unwind`] swallows inside of a frame is reported when
//! the frame ends, or at the next panic. A panic in a destructor that runs while another unwinds is reported at once,
//! and the other with it: Rust may end the process next. What was swallowed cannot be told from what unwinds, so the panic that
//! comes next in that frame is reported at once, too, even if it is recovered: [`catch`] instead leaves no such trace.
//!
//! Without the hook, std's own has named the thread and the place, recovered or not; one more line says which
//! goroutine was ended, and what its panic superseded.

mod deferred;
mod flight;
mod frame;
mod guard;
mod hook;
mod pending;
mod report;
mod trace;
mod unwind;
mod value;

pub(crate) use flight::drop_notes;
pub use frame::{Frame, catch, frame, frame_named};
#[doc(hidden)]
pub use guard::Guard;
pub(crate) use hook::install;
pub(crate) use pending::{capture_reports, finish_reports};
pub(crate) use report::{report, uncaught};
pub use unwind::Unwind;
pub use value::{Location, Panic};

use crate::util;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// [`catch_unwind`] in a frame of its own, for what may switch.
///
/// Never inlined: catching changes the thread's panic count, and where two are in one function the
/// second may do it by an address that was computed for the first, before a switch.
#[inline(never)]
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Drops what may hold a stranger's payload. If that panics, it has been reported, and goes no further; nor
/// does its own payload.
fn drop_quietly<T>(value: T) {
    if let Err(payload) = caught(|| drop(value)) {
        util::drop_payload(payload);
    }
}

/// The text of a payload, if it is one that `panic!` makes.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    }
}

/// What becomes of the process when a goroutine panics and nobody catches it.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().panic_policy(rt::PanicPolicy::Isolate).build().unwrap();
/// assert!(runtime.run(|| rt::spawn(|| panic!("alone")).join()).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicPolicy {
    /// The goroutine ends, and who joins it is told. The default.
    #[default]
    Isolate,
    /// The process ends with exit code 2, as in Go.
    Abort,
}
