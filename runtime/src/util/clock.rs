//! The one place where the runtime reads the time, so that a test can put its own in.

#[cfg(any(loom, shuttle))]
pub(crate) use model::{now, pass};
#[cfg(not(any(loom, shuttle)))]
use std::time::Instant;

/// What time it is.
#[cfg(not(any(loom, shuttle)))]
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A model's time: it stands still, but for a second at each timed sleep. So a deadline of nothing is over before
/// the wait, a near one after it has begun, and a far one never; in every run the same.
#[cfg(any(loom, shuttle))]
mod model {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    thread_local! {
        /// A model's threads are all on one thread of the system.
        static PASSED: Cell<u64> = const { Cell::new(0) };
    }

    pub(crate) fn now() -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        // Whatever a test took for a deadline from the real clock is over.
        let start = START.get_or_init(|| Instant::now() + Duration::from_secs(3_600_000));
        *start + Duration::from_secs(PASSED.get())
    }

    pub(crate) fn pass() {
        PASSED.set(PASSED.get() + 1);
    }
}
