//! The one place where the runtime reads the time, so that a test can put its own in.
//!
//! A runtime with a [`Clock`] of its own (`sched::lab`) has all its threads follow it: on them [`now`] is what that
//! clock says, for goroutines and scheduler alike. Everybody else, plain threads too, has the system's time.
//! [`real_now`] is the system's time everywhere: for what waits in the system.

use crate::prim::global::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use follow::{follow, now, real_now};
#[cfg(any(loom, shuttle))]
pub(crate) use model::{follow, now, pass, real_now};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many [`Clock`]s there are: without one, nobody looks further.
static CLOCKS: AtomicU32 = AtomicU32::new(0);

/// A time that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct Clock {
    base: Instant,
    /// Nanoseconds since the base. Never goes back.
    passed: AtomicU64,
}

impl Clock {
    pub(crate) fn new(base: Instant) -> Arc<Self> {
        CLOCKS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { base, passed: AtomicU64::new(0) })
    }

    pub(crate) fn now(&self) -> Instant {
        self.base + Duration::from_nanos(self.passed())
    }

    /// Nanoseconds since it was made. Acquire pairs with `advance`.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Acquire)
    }

    /// Moves it to `passed` nanoseconds after its base, if that is later.
    pub(crate) fn advance(&self, passed: u64) {
        self.passed.fetch_max(passed, Ordering::Release);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        CLOCKS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(not(any(loom, shuttle)))]
mod follow {
    use super::{Arc, CLOCKS, Clock, Instant, Ordering};
    use std::cell::RefCell;

    thread_local! {
        static FOLLOWED: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
    }

    /// What time it is for the caller.
    #[inline]
    pub(crate) fn now() -> Instant {
        // A thread that follows a clock keeps it alive, and has counted it before.
        if CLOCKS.load(Ordering::Relaxed) == 0 { Instant::now() } else { followed() }
    }

    /// Never inlined: a goroutine may go on with another thread (of the same runtime, which follows the same clock), and
    /// must not keep the address of this one's.
    #[cold]
    #[inline(never)]
    fn followed() -> Instant {
        let now = FOLLOWED.try_with(|clock| clock.borrow().as_ref().map(|clock| clock.now()));
        now.ok().flatten().unwrap_or_else(Instant::now)
    }

    /// What time it is in the world.
    #[inline]
    pub(crate) fn real_now() -> Instant {
        Instant::now()
    }

    /// The calling thread follows `clock` from now on.
    pub(crate) fn follow(clock: Arc<Clock>) {
        FOLLOWED.with(|followed| *followed.borrow_mut() = Some(clock));
    }
}

/// A model's time: it stands still, but for a second at each timed sleep. So a deadline of nothing is over before
/// the wait, a near one after it has begun, and a far one never; in every run the same.
#[cfg(any(loom, shuttle))]
mod model {
    use super::{Arc, Clock};
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

    pub(crate) fn real_now() -> Instant {
        now()
    }

    pub(crate) fn pass() {
        PASSED.set(PASSED.get() + 1);
    }

    pub(crate) fn follow(_: Arc<Clock>) {}
}
