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
const AGES: Duration = Duration::from_secs(600 * 365 * 86_400);
const _: () = assert!(AGES.as_nanos() > u64::MAX as u128);

/// Until then it has no stack and no id, and nothing runs. Dropping this leaves it as it is; one that pauses is ended.
#[derive(Debug)]
pub(crate) struct Delayed {
    sched: Arc<Sched>,
    /// Held while the time is moved, so that nobody else finds the goroutine in nobody's hands.
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It will begin; or has, which only the scheduler knows.
    Armed(Key),
    /// It is here, and may be armed again.
    Paused(GRef),
    /// It was stopped, or has begun.
    Gone,
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

    /// Another one, in the same runtime.
    pub(crate) fn another(
        &self,
        site: &'static Location<'static>,
        at: Option<Instant>,
        f: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self::start_in(&self.sched, site, at, f)
    }

    fn start_g(sched: Arc<Sched>, at: Option<Instant>, g: GRef) -> Self {
        let state = sched.spawn_at(instant(at), g).map_err(end).map_or(State::Gone, State::Armed);
        Self { sched, state: Mutex::new(state) }
    }

    /// Lets it begin now, if it has not begun and was not stopped.
    pub(crate) fn fire(&self) {
        if let Some(g) = self.take() {
            start(&self.sched, g);
        }
    }

    /// `true`: it has not begun, and will not; the closure is dropped.
    pub(crate) fn stop(&self) -> bool {
        self.take().map(end).is_some()
    }

    /// `true`: it would have begun, and will not unless it is [`reset`](Self::reset).
    pub(crate) fn pause(&self) -> bool {
        let mut state = self.state.lock();
        let State::Armed(key) = *state else { return false };
        let g = self.sched.cancel_spawn(key);
        *state = g.map_or(State::Gone, State::Paused);
        g.is_some()
    }

    /// Moves the beginning to `at`; `None`: never. `false`: it paused, and now does not; or it has begun or was stopped, and
    /// nothing changes.
    pub(crate) fn reset(&self, at: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        let (g, was_armed) = match *state {
            State::Armed(key) => (self.sched.cancel_spawn(key), true),
            State::Paused(g) => (Some(g), false),
            State::Gone => (None, false),
        };
        *state = State::Gone;
        let Some(g) = g else { return false };
        match self.sched.spawn_at(instant(at), g) {
            Ok(key) => *state = State::Armed(key),
            Err(g) => {
                // Closures are dropped outside of the lock.
                drop(state);
                end(g);
            }
        }
        was_armed
    }

    /// The goroutine, if it has not begun and was not stopped.
    fn take(&self) -> Option<GRef> {
        match std::mem::replace(&mut *self.state.lock(), State::Gone) {
            State::Armed(key) => self.sched.cancel_spawn(key),
            State::Paused(g) => Some(g),
            State::Gone => None,
        }
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Gone);
        if let State::Paused(g) = state {
            end(g);
        }
    }
}

fn instant(at: Option<Instant>) -> Instant {
    at.unwrap_or_else(|| util::now() + AGES)
}

fn end(g: GRef) {
    sched::end_unstarted(g, Outcome::Cancelled);
}
