//! Contexts that end at a signal.
//!
//! What is registered for a context is a receiver on which nothing comes. Who has the context, or what comes from it, has that, too,
//! as a value of the context; and so has who can stop it. So it is there for as long as anybody is who could notice.

use super::registry::Brings;
use super::{Signal, add};
use crate::chan::Receiver;
use crate::context::{CancelFunc, Context};
use std::error::Error;
use std::fmt;

/// In a context: it ends at signals for as long as this is there.
struct Watched(#[expect(dead_code, reason = "it is there")] Receiver<Signal>);

/// A context that comes from `parent` and is cancelled by the first of `signals` that comes, in place of what the system would do at
/// them. Go's `signal.NotifyContext`.
///
/// The [cause](Context::cause) is a [`SignalError`], which names the signal. The function that is returned cancels the context without
/// a word, if nothing has, and gives the signals back: from then on they do what they did before. Until it is called,
/// or it and the context and all that come from that are dropped, more of them do nothing: to let a second Ctrl-C end the process, call it
/// as soon as the context is done.
///
/// Does not block, and needs no goroutine. Works without a runtime, and on plain threads. What else is to be known of signals says
/// [`notify`](super::notify).
///
/// # Panics
/// As [`notify`](super::notify).
///
/// # Examples
/// ```
/// use rt::context::{Context, ContextError};
/// use rt::signal::{self, Signal};
/// # fn raise(signal: Signal) {
/// #     let kill = format!("kill -{} {}", signal.as_raw(), std::process::id());
/// #     std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
/// # }
///
/// #[rt::main]
/// fn main() {
///     let signals = [Signal::INTERRUPT, Signal::TERMINATE];
///     let (ctx, stop) = signal::notify_context(&Context::background(), &signals);
///     rt::go!({ raise(Signal::INTERRUPT) });
///     let slept = rt::time::sleep_ctx(std::time::Duration::from_secs(60), &ctx);
///     stop(); // the next Ctrl-C ends the process
///
///     assert_eq!(slept, Err(ContextError::Canceled));
///     assert_eq!(ctx.cause().unwrap().to_string(), "SIGINT received");
/// }
/// ```
#[track_caller]
pub fn notify_context(parent: &Context, signals: &[Signal]) -> (Context, CancelFunc) {
    let (ctx, cancel) = parent.with_cancel();
    let receiver = add(signals, Brings::End(Some(cancel.with_cause())));
    let ctx = ctx.with_value(Watched(receiver.clone()));
    (ctx, cancel.and(move || _ = receiver.close()))
}

/// A signal as an error: the [cause](Context::cause) of a context that was made by [`notify_context`].
///
/// # Examples
/// ```
/// use rt::context::Context;
/// use rt::signal::{self, Signal, SignalError};
/// # fn raise(signal: Signal) {
/// #     let kill = format!("kill -{} {}", signal.as_raw(), std::process::id());
/// #     std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
/// # }
///
/// let (ctx, _stop) = signal::notify_context(&Context::background(), &[Signal::USER1]);
/// raise(Signal::USER1);
/// ctx.done().recv().unwrap_err();
/// let cause = ctx.cause().unwrap();
/// let error = cause.downcast_ref::<SignalError>().unwrap();
/// assert_eq!(error.signal(), Signal::USER1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalError(Signal);

impl SignalError {
    pub(super) fn new(signal: Signal) -> Self {
        Self(signal)
    }

    /// Which one came.
    pub fn signal(self) -> Signal {
        self.0
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received", self.0)
    }
}

impl Error for SignalError {}
