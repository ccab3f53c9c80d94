//! `timeout`.

use crate::task::{self, JoinHandle};
use crate::wait;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::time::Duration;

/// Runs `f` as a goroutine, and waits for what it returns, for at most `duration`.
///
/// If the time is up, `f` is aborted: it is unwound from the point where it waits, or from the next one that it
/// gets to, and its destructors run. The call does not wait for that; a function that computes without
/// ever waiting goes on beside the caller until it does. One that has not begun by then never does.
/// Beyond the clock's range: no limit.
///
/// If the caller is itself aborted while it waits, `f` is too. Blocks the goroutine that calls, or the thread.
/// In Go one would write this with `context.WithTimeout`, a channel and a `select`, and `f` would have to look at the context.
///
/// # Errors
/// [`Elapsed`] when the time was up first. Also where the caller can be neither given a value nor ended: in destructors that
/// run because it is unwound or ends, if `f` ends without a value or never begins. In a runtime that shuts down it does not.
///
/// # Panics
/// If `f` panics, the caller goes on with that panic. Also when the caller is neither a goroutine nor
/// inside a [`Handle::enter`](crate::Handle::enter), and when there is no stack to run `f` on. If `f` ends by
/// [`task::exit`], so does the caller; on a plain thread it panics. It also does when it has entered a runtime that is not its
/// own, and that shuts down.
///
/// # Examples
/// ```
/// use rt::time::{sleep, timeout};
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() {
///     assert_eq!(timeout(Duration::from_secs(60), || 6 * 7), Ok(42));
///
///     let slow = timeout(Duration::from_millis(1), || sleep(Duration::from_secs(60)));
///     assert_eq!(slow.unwrap_err().to_string(), "the time is up");
/// }
/// ```
#[track_caller]
pub fn timeout<F, T>(duration: Duration, f: F) -> Result<T, Elapsed>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let child = Child(task::spawn(f));
    match child.0.join_timeout(duration) {
        Ok(value) => Ok(value),
        Err(error) if error.is_timeout() => Err(Elapsed(())),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // There will be no value, and the caller must go on.
        Err(_) if !wait::may_unwind() => Err(Elapsed(())),
        Err(error) if error.is_resource() => panic!("rt::time::timeout: {error}"),
        Err(_) if task::try_current().is_none() || went_to_one_that_stops() => {
            panic!("rt::time::timeout: the goroutine ended without a value")
        }
        // It has exited; or its runtime stops, which unwinds the caller as well.
        Err(_) => task::exit(),
    }
}

/// Whether the caller has entered a runtime, not its own, that is shutting down.
fn went_to_one_that_stops() -> bool {
    task::entered().is_some_and(|sched| !sched.is_current() && !sched.is_running())
}

/// However the wait ends: what has not ended then is aborted.
struct Child<T>(JoinHandle<T>);

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The time was up; see [`timeout`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// #[rt::main]
/// fn main() {
///     let never = || rt::chan::never::<()>().recv().is_ok();
///     let error: rt::time::Elapsed = rt::time::timeout(Duration::ZERO, never).unwrap_err();
///     assert_eq!(error.to_string(), "the time is up");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is up")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    /// Of the kind `TimedOut`.
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
