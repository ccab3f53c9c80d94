//! What begins when a context has ended.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{Tally, eventually_yielding, everywhere, panic_text, runtime, turns};
use rt::chan;
use rt::context::{Context, ContextError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);
const LONG: Duration = Duration::from_secs(60);

#[test]
fn after_a_cancel() {
    let _test = common::test();
    everywhere(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (child, _) = root.with_cancel();
        let (tx, rx) = chan::unbounded();
        let seen = child.clone();
        child.after_func(move || {
            // The one who cancels does not wait for this.
            tx.send((seen.err(), rt::task::current().id())).unwrap();
        });
        assert!(rx.try_recv().is_err());
        cancel();
        let (seen, id) = rx.recv().unwrap();
        assert_eq!(seen, CANCELED);
        assert!(rt::task::try_current().is_none_or(|task| task.id() != id));
        assert!(rx.recv().is_err(), "once");
    });
}

#[test]
fn who_cancels_does_not_wait_for_what_comes_after() {
    let _test = common::test();
    everywhere(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (gate, (tx, rx)) = (chan::bounded::<()>(0), chan::bounded(1));
        ctx.after_func(move || tx.send(gate.1.recv()).unwrap());
        cancel();
        assert_eq!(ctx.err(), CANCELED);
        // If it had waited, nobody would be here to open.
        gate.0.send(()).unwrap();
        assert_eq!(rx.recv(), Ok(Ok(())));
    });
}

#[test]
fn dropping_what_cancels_does_nothing() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    let (child, cancel_child) = ctx.with_cancel_cause::<&str>();
    let (timed, cancel_timed) = child.with_timeout(LONG);
    drop((cancel.clone(), cancel, cancel_child.clone(), cancel_child, cancel_timed));
    assert_eq!([ctx.err(), child.err(), timed.err()], [None; 3]);
    assert!(!timed.done().is_closed());
}

#[test]
fn after_a_context_that_is_gone() {
    let _test = common::test();
    everywhere(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (tx, rx) = chan::bounded(2);
        let other = tx.clone();
        drop(root.with_cancel().0.with_cancel().0.after_func(move || tx.send(1).unwrap()));
        let (timed, _) = root.with_timeout(Duration::from_millis(2));
        timed.after_func(move || other.send(2).unwrap());
        drop(timed);
        assert_eq!(rx.recv(), Ok(2), "at the deadline, though nobody looks");
        cancel();
        assert_eq!(rx.recv(), Ok(1));
    });
}

#[test]
fn after_what_is_done_and_what_never_is() {
    let _test = common::test();
    everywhere(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        cancel();
        let (tx, rx) = chan::bounded(1);
        let stop = ctx.after_func(move || tx.send(()).unwrap());
        assert!(!stop.stop());
        assert_eq!(rx.recv(), Ok(()));
        let tally = Tally::default();
        let token = tally.token();
        let stop = Context::background().after_func(move || drop(token));
        tally.assert_all_dropped();
        assert!(!stop.stop());
        let token = tally.token();
        assert!(!ctx.without_cancel().after_func(move || drop(token)).stop());
        tally.assert_all_dropped();
    });
    let (ctx, cancel) = Context::background().with_cancel();
    let text = panic_text(|| ctx.after_func(|| ()));
    assert!(text.contains("there is no rt runtime here"), "{text}");
    cancel();
}

#[test]
fn stopped_it_is_dropped() {
    let _test = common::test();
    everywhere(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let tally = Tally::default();
        let token = tally.token();
        let stop = ctx.after_func(move || {
            let _token = token;
            unreachable!("stopped");
        });
        let again = stop.clone();
        assert!(stop.stop());
        tally.assert_all_dropped();
        assert!(!stop.stop() && !again.stop());
        cancel();
    });
}

/// Stopped, cancelled and due at the same time: it runs once, or never, and who stopped it knows.
#[test]
fn it_runs_or_it_was_stopped() {
    let _test = common::test();
    let runtime = runtime(2);
    let handle = runtime.handle();
    for i in 0..turns(500, 5000) {
        let runs = Arc::new(AtomicU64::new(0));
        let _entered = handle.enter();
        let (ctx, cancel) = match i % 2 {
            0 => Context::background().with_cancel(),
            _ => Context::background().with_timeout(Duration::from_micros(i % 60)),
        };
        let tally = Tally::default();
        let (token, counted) = (tally.token(), Arc::clone(&runs));
        let stop = ctx.after_func(move || {
            let _token = token;
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let stopped = std::thread::scope(|s| {
            let stopper = s.spawn(|| stop.stop());
            cancel();
            stopper.join().unwrap()
        });
        eventually_yielding("it is dropped", || tally.dropped() == 1);
        assert_eq!(runs.load(Ordering::SeqCst), u64::from(!stopped));
    }
}

#[test]
fn cancelled_from_inside_what_comes_after() {
    let _test = common::test();
    everywhere(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (child, cancel_child) = ctx.with_cancel();
        let (tx, rx) = chan::bounded(1);
        let inner = cancel.clone();
        child.after_func(move || {
            inner();
            cancel_child();
            tx.send(()).unwrap();
        });
        cancel();
        assert_eq!(rx.recv(), Ok(()));
    });
}

/// A runtime that ends drops what was to come; the context lives on, and can be cancelled.
#[test]
fn the_runtime_ends_before() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    let tally = Tally::default();
    let first = runtime(1);
    let (other, token) = (ctx.clone(), tally.token());
    first.run(move || {
        other.after_func(move || {
            let _token = token;
            unreachable!("the runtime has ended");
        });
    });
    drop(first);
    tally.assert_all_dropped();
    let count = Arc::new(AtomicUsize::new(0));
    let second = runtime(2);
    let counted = Arc::clone(&count);
    second.run(|| {
        ctx.after_func(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        })
    });
    cancel();
    eventually_yielding("it runs in the other one", || count.load(Ordering::SeqCst) == 1);
}
