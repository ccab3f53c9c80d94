//! Time for goroutines: sleeping, and the clock that tests can replace.

#![forbid(unsafe_code)]

use crate::util;
use crate::wait::{self, Why};
use std::time::{Duration, Instant};

/// The time, by the runtime's clock.
///
/// # Examples
/// ```
/// let start = rt::time::now();
/// assert!(rt::time::now() >= start);
/// ```
pub fn now() -> Instant {
    util::now()
}

/// Blocks the goroutine that calls, or the thread, for at least `duration`. Zero is a
/// [`yield_now`](crate::yield_now); a duration beyond the clock's range sleeps for ever.
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
    sleep_to(util::now().checked_add(duration));
}

/// Blocks the goroutine that calls, or the thread, until `deadline`.
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
    sleep_to(Some(deadline));
}

fn sleep_to(deadline: Option<Instant>) {
    wait::with(|slot| {
        while !wait::is_over(deadline) {
            wait::park_until(slot, Why::Sleep, deadline);
        }
    });
}
