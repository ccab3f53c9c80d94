//! What becomes of a task's panic.

use crate::g::Unwind;
use crate::panic::{Panic, caught, frame, uncaught};
use crate::sched;
use crate::util;
use std::any::Any;
use std::sync::Arc;

/// What a pool was told to do with panics.
pub(super) type Handler = Arc<dyn Fn(Panic) + Send + Sync>;

/// Calls `f`. What it panics with is the handler's, and not reported then; or else what a goroutine's is.
#[inline]
pub(super) fn run(handler: Option<&Handler>, f: impl FnOnce()) {
    let ended = match handler {
        None => caught(f),
        Some(handler) => caught(|| told(handler, f)),
    };
    if let Err(payload) = ended {
        unhandled(payload);
    }
}

/// In a frame, the report waits. The handler is what its deferred code is: its own panic supersedes the task's.
fn told(handler: &Handler, f: impl FnOnce()) {
    frame(|frame| {
        frame.defer(|unwind| {
            if let Some(panic) = unwind.recover() {
                handler(panic);
            }
        });
        f();
    });
}

/// A task has panicked, and nobody joins it.
#[cold]
pub(super) fn panicked(handler: Option<&Handler>, payload: Box<dyn Any + Send>) {
    match handler {
        Some(_) if !payload.is::<Unwind>() => run(handler, || Panic::new(payload).resume()),
        _ => unhandled(payload),
    }
}

/// As if the task had been a goroutine.
#[cold]
fn unhandled(payload: Box<dyn Any + Send>) {
    if payload.is::<Unwind>() {
        // It has exited, or was cut short.
        return;
    }
    if let Some(g) = sched::current_g() {
        // SAFETY: the goroutine that runs this: alive.
        uncaught(unsafe { g.get() }, &*payload);
    }
    if sched::current_sched().is_some_and(|sched| sched.config.abort_on_panic) {
        sched::exit_process(2);
    }
    util::drop_payload(payload);
}
