//! The one place where the runtime reads the time, so that a test can put its own in.

use std::time::Instant;

/// What time it is.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}
