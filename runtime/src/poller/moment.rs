//! Moments as numbers, which a side keeps in one word.

use crate::util;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No deadline, no timeout.
pub(super) const NEVER: u64 = 0;
/// The number of the moment that deadlines are counted from.
const START: u64 = 1 << 63;

/// What deadlines are counted from: some moment of the real time. A virtual clock may show an earlier one, so they are
/// counted in both directions.
fn start() -> Instant {
    static AT: OnceLock<Instant> = OnceLock::new();
    *AT.get_or_init(util::real_now)
}

/// The number of the moment `at`: never [`NEVER`]. What is more than 292 years away counts as that far away.
pub(super) fn number(at: Instant) -> u64 {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    match at.checked_duration_since(start()) {
        Some(after) => START.saturating_add(nanos(after)),
        None => START.saturating_sub(nanos(start().saturating_duration_since(at))).max(1),
    }
}

/// The moment of a number. `None`: the clock does not reach so far, and it never comes.
pub(super) fn instant(number: u64) -> Option<Instant> {
    let away = Duration::from_nanos(number.abs_diff(START));
    match number < START {
        // If it does not reach so far back, what is past is past.
        true => Some(start().checked_sub(away).unwrap_or_else(start)),
        false => start().checked_add(away),
    }
}
