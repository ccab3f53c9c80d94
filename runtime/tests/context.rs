//! Contexts: what `BEHAVIOURS` asks of them, with bad input.

use rt::chan::{self, Chan, RecvCtxError, RecvTimeoutError, SendCtxError};
use rt::context::{CancelFunc, Context, ContextError};
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);
const LATE: Option<ContextError> = Some(ContextError::DeadlineExceeded);
const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq)]
struct Boom(u32);

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boom {}", self.0)
    }
}

impl Error for Boom {}

fn is_done(ctx: &Context) -> bool {
    ctx.done().is_closed() && ctx.done().try_recv().is_err_and(|error| error.is_disconnected())
}

#[test]
fn a_background_is_never_done() {
    for ctx in [Context::background(), Context::todo(), Context::default()] {
        assert_eq!((ctx.err(), ctx.deadline()), (None, None));
        assert!(ctx.cause().is_none());
        assert!(ctx.value::<u32>().is_none());
        assert!(!is_done(&ctx));
        let wait = Duration::from_millis(1);
        assert_eq!(ctx.done().recv_timeout(wait), Err(RecvTimeoutError::Timeout));
    }
}

#[test]
fn cancelling_is_downward_and_at_once() {
    let (root, cancel_root) = Context::background().with_cancel();
    let (left, cancel_left) = root.with_cancel();
    let (right, _) = root.with_value(1_u8).with_cancel();
    let (leaf, _) = left.with_timeout(LONG);
    assert!(!is_done(&leaf));
    cancel_left();
    assert_eq!([root.err(), left.err(), right.err(), leaf.err()], [None, CANCELED, None, CANCELED]);
    assert!(is_done(&leaf) && is_done(&left) && !is_done(&right) && !is_done(&root));
    cancel_root();
    cancel_root();
    assert_eq!([root.err(), left.err(), right.err()], [CANCELED; 3]);
    assert!(is_done(&right));
    let (late, _) = leaf.with_cancel();
    assert_eq!(late.err(), CANCELED, "it comes from one that is done");
    assert!(is_done(&late));
}

#[test]
fn a_deadline_passes_without_anybody_waiting() {
    let (ctx, cancel) = Context::background().with_timeout(Duration::from_millis(2));
    let (child, _) = ctx.with_cancel();
    let done = child.done().clone();
    std::thread::sleep(Duration::from_millis(3));
    assert!(done.is_closed());
    cancel();
    assert_eq!([child.err(), ctx.err()], [LATE; 2], "the time came first");
}

#[test]
fn who_waits_for_done_wakes_at_the_deadline() {
    let start = Instant::now();
    let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
    assert!(ctx.done().recv().is_err());
    assert!(start.elapsed() >= Duration::from_millis(5));
    assert_eq!(ctx.err(), LATE);
}

#[test]
fn the_first_cause_wins_and_children_see_it() {
    let (root, cancel) = Context::background().with_cancel_cause();
    let (child, cancel_child) = root.with_cancel_cause();
    cancel(Boom(1));
    cancel(Boom(2));
    cancel_child("too late");
    for ctx in [root, child] {
        assert_eq!(ctx.err(), CANCELED);
        assert_eq!(ctx.cause().unwrap().downcast_ref(), Some(&Boom(1)));
    }
}

#[test]
fn recv_and_send_are_bounded() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (tx, rx) = chan::bounded::<u32>(0);
    let ch = Chan::<u32>::nil();
    let waiting = std::thread::spawn({
        let (ctx, rx) = (ctx.clone(), rx.clone());
        move || (rx.recv_ctx(&ctx), ch.recv_ctx(&ctx), ch.send_ctx(1, &ctx))
    });
    std::thread::sleep(Duration::from_millis(2));
    cancel();
    let cancelled = RecvCtxError::Cancelled(ContextError::Canceled);
    let (a, b, c) = waiting.join().unwrap();
    assert_eq!((a, b), (Err(cancelled), Err(cancelled)));
    assert_eq!(c, Err(SendCtxError::Cancelled(ContextError::Canceled, 1)));
    assert_eq!(tx.send_ctx(3, &ctx), Err(SendCtxError::Cancelled(ContextError::Canceled, 3)));
}

#[rt::test]
fn a_goroutine_that_waits_is_woken() {
    let (ctx, cancel) = Context::background().with_cancel();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let ctx = ctx.clone();
            rt::spawn(move || chan::never::<()>().recv_ctx(&ctx))
        })
        .collect();
    rt::yield_now();
    cancel();
    for waiting in waiting {
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error, RecvCtxError::Cancelled(ContextError::Canceled));
    }
}

#[test]
fn a_long_chain_is_cancelled_and_dropped() {
    let mut chain: Vec<(Context, CancelFunc)> = vec![Context::background().with_cancel()];
    for i in 0..100_000_u32 {
        let next = chain[chain.len() - 1].0.with_value(i).with_cancel();
        chain.push(next);
    }
    let (leaf, _) = chain[chain.len() - 1].clone();
    assert_eq!(leaf.value::<u32>().as_deref(), Some(&99_999));
    let cancel = chain[0].1.clone();
    chain.truncate(0);
    cancel();
    assert_eq!(leaf.err(), CANCELED);
    drop(cancel);
    drop(leaf);
}
