//! Signals of the operating system, as values on a channel. Go's `os/signal`.
//!
//! ```no_run
//! use rt::signal::{self, Signal};
//!
//! #[rt::main]
//! fn main() {
//!     let stop = signal::notify(&[Signal::INTERRUPT, Signal::TERMINATE]);
//!     let ticker = rt::time::Ticker::new(std::time::Duration::from_secs(1));
//!     loop {
//!         rt::select! {
//!             recv(stop) -> signal => break println!("{}: good-bye", signal.unwrap()),
//!             recv(ticker.chan()) -> _ => println!("still here"),
//!         }
//!     }
//! }
//! ```
//!
//! What is to stop at Ctrl-C, and has a context to be told by, gets one from [`notify_context`].
//!
//! The handler only counts and wakes a thread, `rt-signal`, which is there from the first [`notify`] on and sends the
//! values; so whatever may be done in a goroutine may be done at a signal. It runs on the
//! alternate signal stack of its thread, which all threads of a runtime have, never on a goroutine's.
//! A system call that it interrupts is begun again (`SA_RESTART`).
//!
//! Actions belong to the process: what other code has installed for a signal is put aside while somebody here
//! is notified of it, and put back afterwards.

#![forbid(unsafe_code)]

mod context;
mod number;
mod registry;

pub use context::{SignalError, notify_context};
pub use number::Signal;

use crate::chan::Receiver;
use registry::Brings;

/// Signals that wait for a slow receiver; more are lost.
const BUFFER: usize = 16;

/// From now on, `signals` come on the channel that is returned, in place of what the system would do at them. Go's
/// `signal.Notify`.
///
/// Each receiver that was made for a signal gets it; clones of one share it. Nobody waits for a slow one:
/// when 16 wait already, a signal is lost to it. Of several that come at once, the system may make
/// one. When the last receiver that is interested in a signal is dropped or closed, its old action is back, at once:
/// the next Ctrl-C ends the process. (Go's `signal.Stop`.) Signals that came before are lost then.
///
/// No signals are none, not all as in Go. Does not block. Works without a runtime, and on plain threads.
///
/// # Panics
/// For SIGKILL and SIGSTOP, which nobody can catch; for SIGSEGV, SIGBUS, SIGFPE and SIGILL, which say that the
/// program itself has gone wrong; for those that the system does not know or keeps for itself. When the system
/// has no thread or no file descriptors to give.
///
/// # Examples
/// ```
/// use rt::signal::{self, Signal};
/// # fn raise(signal: Signal) {
/// #     let kill = format!("kill -{} {}", signal.as_raw(), std::process::id());
/// #     std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
/// # }
///
/// #[rt::main]
/// fn main() {
///     let reload = signal::notify(&[Signal::USER1]);
///     raise(Signal::USER1);
///     assert_eq!(reload.recv(), Ok(Signal::USER1));
/// }
/// ```
#[track_caller]
pub fn notify(signals: &[Signal]) -> Receiver<Signal> {
    add(signals, Brings::Itself)
}

#[track_caller]
fn add(signals: &[Signal], brings: Brings) -> Receiver<Signal> {
    // Not `for_each`: the panic names our caller.
    for signal in signals {
        signal.assert_may_be_caught();
    }
    match registry::add(signals, brings) {
        Ok(receiver) => receiver,
        Err(error) => panic!("rt::signal::notify: {error}"),
    }
}

/// Whether anybody is notified of any signal.
pub(crate) fn has_receivers() -> bool {
    registry::has_receivers()
}

/// From now on nothing happens at `signals`; who was notified of them no longer is. Go's `signal.Ignore`.
///
/// A receiver that is left without any signal is disconnected. [`reset`], or another [`notify`] and its end,
/// bring the action back that was there before. Does not block.
///
/// # Panics
/// As [`notify`].
///
/// # Examples
/// ```
/// use rt::signal::{self, Signal};
///
/// // A terminal that goes away does not end the program.
/// signal::ignore(&[Signal::HANGUP]);
/// signal::reset(&[Signal::HANGUP]);
/// ```
#[track_caller]
pub fn ignore(signals: &[Signal]) {
    // Not `for_each`: the panic names our caller.
    for signal in signals {
        signal.assert_may_be_caught();
    }
    if let Err(error) = registry::ignore(signals) {
        panic!("rt::signal::ignore: {error}");
    }
}

/// From now on, happens at `signals` what would have without [`notify`] and [`ignore`]; who was notified of
/// them no longer is. Go's `signal.Reset`.
///
/// A receiver that is left without any signal is disconnected: what it holds can still be received. Does not block.
///
/// # Examples
/// ```
/// use rt::signal::{self, Signal};
///
/// let changes = signal::notify(&[Signal::WINDOW_CHANGE]);
/// signal::reset(&[Signal::WINDOW_CHANGE]);
/// assert!(changes.recv().is_err());
/// ```
pub fn reset(signals: &[Signal]) {
    registry::reset(signals);
}
