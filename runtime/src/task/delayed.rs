//! A goroutine that begins later, if nobody stops it before.

use super::spawn::{prepare, prepare_in, start};
use crate::g::{GRef, Outcome};
use crate::prim::Mutex;
use crate::sched::{self, Key, Sched};
use crate::util;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than the heap of deadlines can tell.
const AGES: Duration = Duration::from_secs(400 * 365 * 86_400);

/// Until then it has no stack and no id, and nothing runs. Dropping this leaves it as it is.
#[derive(Debug)]
pub(crate) struct Delayed {
    sched: Arc<Sched>,
    /// `None`: it was stopped. Held while the time is moved, so that nobody else finds the goroutine
    /// in nobody's hands.
    key: Mutex<Option<Key>>,
}

impl Delayed {
    /// Runs `f` in a goroutine of its own at `at`; `None`: never. If the runtime is stopping, `f` is dropped.
    ///
    /// # Panics
    /// When the caller is neither a goroutine nor inside a [`Handle::enter`](crate::Handle::enter).
    #[track_caller]
    pub(crate) fn start(at: Option<Instant>, f: impl FnOnce() + Send + 'static) -> Self {
        let (sched, g) = prepare(f);
        Self::start_g(sched, at, g)
    }

    /// The same in a certain runtime.
    pub(crate) fn start_in(
        sched: &Arc<Sched>,
        site: &'static Location<'static>,
        at: Option<Instant>,
        f: impl FnOnce() + Send + 'static,
    ) -> Self {
        let g = prepare_in(sched, site, f);
        Self::start_g(Arc::clone(sched), at, g)
    }

    fn start_g(sched: Arc<Sched>, at: Option<Instant>, g: GRef) -> Self {
        let key = sched.spawn_at(instant(at), g).map_err(end).ok();
        Self { sched, key: Mutex::new(key) }
    }

    /// Lets it begin now, if it has not begun and was not stopped.
    pub(crate) fn fire(&self) {
        let key = self.key.lock().take();
        if let Some(g) = key.and_then(|key| self.sched.cancel_spawn(key)) {
            start(&self.sched, g);
        }
    }

    /// `true`: it has not begun, and will not; the closure is dropped.
    pub(crate) fn stop(&self) -> bool {
        let key = self.key.lock().take();
        let stopped = key.and_then(|key| self.sched.cancel_spawn(key)).map(end);
        stopped.is_some()
    }

    /// Moves the beginning to `at`; `None`: never. `false`: it has begun or was stopped, and nothing changes.
    pub(crate) fn reset(&self, at: Option<Instant>) -> bool {
        let mut key = self.key.lock();
        let Some(g) = key.and_then(|key| self.sched.cancel_spawn(key)) else { return false };
        match self.sched.spawn_at(instant(at), g) {
            Ok(new) => *key = Some(new),
            Err(g) => {
                // Closures are dropped outside of the lock.
                drop(key);
                end(g);
            }
        }
        true
    }
}

fn instant(at: Option<Instant>) -> Instant {
    at.unwrap_or_else(|| util::now() + AGES)
}

fn end(g: GRef) {
    sched::end_unstarted(g, Outcome::Cancelled);
}
