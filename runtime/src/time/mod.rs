//! Time for goroutines: sleeping, timers and tickers, timeouts, and the clock that tests can replace.
//!
//! | Go | here |
//! |---|---|
//! | `time.Now`, `time.Since(t)` | [`now`], `now() - t` |
//! | `time.Sleep` | [`sleep`], [`sleep_until`]; [`sleep_ctx`], [`sleep_until_ctx`] |
//! | `time.After`, `time.Tick` | [`chan::after`](crate::chan::after), [`chan::tick`](crate::chan::tick) |
//! | `time.NewTimer` | [`Timer::new`] |
//! | `time.NewTicker` | [`Ticker::new`] |
//! | `time.AfterFunc` | [`after_func`]; [`Timer::with_func`], if it is to fire again |
//! | `context.WithTimeout` around a call | [`timeout`] |
//!
//! A duration so long that the clock cannot tell its end means never; one of zero, and a deadline that has
//! passed, mean at once.

#![forbid(unsafe_code)]

mod ticker;
mod timeout;
mod timer;

pub use ticker::Ticker;
pub use timeout::{Elapsed, timeout};
pub use timer::{Timer, after_func};

use crate::util;
use crate::wait::{self, Cancel, ContextError, Until, Why};
use std::time::{Duration, Instant};

/// The time, by the runtime's clock.
///
/// # Examples
/// ```
/// let start = rt::time::now();
/// assert!(rt::time::now() >= start);
/// ```
#[must_use]
pub fn now() -> Instant {
    util::now()
}

/// Blocks the goroutine that calls, or the thread, for at least `duration`. Zero is a
/// [`yield_now`](crate::yield_now); a duration beyond the clock's range sleeps for ever. Go's `time.Sleep`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// #[rt::main]
/// fn main() {
///     let start = rt::time::now();
///     rt::time::sleep(Duration::from_millis(5));
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// }
/// ```
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        return wait::yield_now();
    }
    sleep_to(util::now().checked_add(duration).into());
}

/// Blocks the goroutine that calls, or the thread, until `deadline`; one that has passed does not block.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// #[rt::main]
/// fn main() {
///     let at = rt::time::now() + Duration::from_millis(2);
///     rt::time::sleep_until(at);
///     assert!(rt::time::now() >= at);
/// }
/// ```
pub fn sleep_until(deadline: Instant) {
    sleep_to(Some(deadline).into());
}

/// As [`sleep`], until `ctx` is done at most. In Go: a `select` over `time.After` and `ctx.Done()`.
///
/// # Errors
/// Why the context is done, if that was before the time; if it is done already, the call does not block.
///
/// # Examples
/// ```
/// use rt::context::{Context, ContextError};
/// use std::time::Duration;
/// #[rt::main]
/// fn main() {
///     let (ctx, cancel) = Context::background().with_cancel();
///     let sleeper = {
///         let ctx = ctx.clone();
///         rt::go!(move || rt::time::sleep_ctx(Duration::from_secs(60), &ctx))
///     };
///     rt::time::sleep_ctx(Duration::from_millis(1), &ctx).unwrap();
///     cancel();
///     assert_eq!(sleeper.join().unwrap(), Err(ContextError::Canceled));
/// }
/// ```
pub fn sleep_ctx(duration: Duration, ctx: &(impl Cancel + ?Sized)) -> Result<(), ContextError> {
    if duration.is_zero() {
        return wait::bounded(ctx, |_| wait::yield_now());
    }
    sleep_to_ctx(util::now().checked_add(duration), ctx)
}

/// As [`sleep_until`], until `ctx` is done at most.
///
/// # Errors
/// As [`sleep_ctx`].
///
/// # Examples
/// ```
/// let ctx = rt::context::Context::background();
/// rt::time::sleep_until_ctx(rt::time::now(), &ctx).unwrap();
/// ```
pub fn sleep_until_ctx(
    deadline: Instant,
    ctx: &(impl Cancel + ?Sized),
) -> Result<(), ContextError> {
    sleep_to_ctx(Some(deadline), ctx)
}

fn sleep_to_ctx(
    deadline: Option<Instant>,
    ctx: &(impl Cancel + ?Sized),
) -> Result<(), ContextError> {
    wait::in_time(ctx, |until| {
        sleep_to(until.or_at(deadline));
        wait::is_over(deadline)
    })
}

/// Inlined, with all that it calls: one frame between the user's and the switch, for there may be a million of them.
#[inline(always)]
fn sleep_to(until: Until<'_>) {
    if until.is_over() {
        return wait::checkpoint("after sleep");
    }
    wait::with(|slot| {
        loop {
            if wait::park_until(slot, Why::Sleep, until) || until.is_over() {
                return;
            }
        }
    });
}
