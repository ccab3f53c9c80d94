//! `Select`: the cases that are added at run time, and what completes them.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod operation;
mod waits;

use common::{eventually_yielding, runtime};
use rt::chan::{Chan, Select};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

// It may be moved between two calls, also by who has it pinned.
const _: () = {
    const fn unpin<T: Unpin>() {}
    unpin::<Select<'static>>();
};

pub(crate) const SHORT: Duration = Duration::from_millis(2);
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
    // A plain thread, in a runtime that it has entered.
    let runtime = runtime(1);
    let handle = runtime.handle();
    let _entered = handle.enter();
    f();
}

/// Parks `f` in a goroutine: when this returns, it waits.
pub(crate) fn parked<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> rt::JoinHandle<T> {
    let begun = Arc::new(AtomicBool::new(false));
    let handle = rt::spawn({
        let begun = Arc::clone(&begun);
        move || {
            begun.store(true, Ordering::Release);
            f()
        }
    });
    eventually_yielding("it begins", || begun.load(Ordering::Acquire));
    // It waits, or will in a moment: nobody depends on which.
    assert!(handle.join_timeout(SHORT).is_err());
    handle
}

/// A dynamic send.
pub(crate) fn send<T>(ch: &Chan<T>, value: T) {
    let mut select = Select::new();
    select.send(ch);
    select.select().send(ch, value);
}

/// A dynamic receive.
pub(crate) fn recv<T>(ch: &Chan<T>) -> Option<T> {
    let mut select = Select::new();
    select.recv(ch);
    select.select().recv(ch)
}
