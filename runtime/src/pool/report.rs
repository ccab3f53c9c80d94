//! What becomes of a task's panic.

use crate::g::Unwind;
use crate::panic::Panic;
use crate::panic::{caught, uncaught};
use crate::sched;
use std::any::Any;
use std::sync::Arc;

/// What a pool was told to do with panics.
pub(super) type Handler = Arc<dyn Fn(Panic) + Send + Sync>;

/// A task has panicked, and nobody joins it.
#[cold]
pub(super) fn panicked(handler: Option<&Handler>, payload: Box<dyn Any + Send>) {
    if payload.is::<Unwind>() {
        // It has exited, or was cut short.
        return;
    }
    let Some(handler) = handler else { return unhandled(payload) };
    // Its own panic ends no worker, either.
    if let Err(payload) = caught(|| handler(Panic::new(payload)))
        && !payload.is::<Unwind>()
    {
        unhandled(payload);
    }
}

/// As if the task had been a goroutine.
fn unhandled(payload: Box<dyn Any + Send>) {
    if let Some(g) = sched::current_g() {
        // SAFETY: the goroutine that runs this: alive.
        uncaught(unsafe { g.get() }, &*payload);
    }
    if sched::current_sched().is_some_and(|sched| sched.config.abort_on_panic) {
        std::process::exit(2);
    }
    let mut rest = Some(payload);
    while let Some(payload) = rest.take() {
        // Its destructor may panic as well.
        rest = caught(|| drop(payload)).err();
    }
}
