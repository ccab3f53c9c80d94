//! The tree under loom: walks that meet, children that come and go, channels that are made meanwhile.
//!
//! Broken on purpose, and noticed: a child that is born live below one that has ended; a walk that stops at what another has ended, or sweeps
//! a node before it has ended what is below; a channel of one that has ended, or was handed up to one, and stays open.

use super::{Cancel, Context, ContextError};
use crate::chan::{self, RecvCtxError};
use loom::thread;

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);

/// The one above comes to what the other has ended and not yet walked below.
#[test]
fn two_walks_meet() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (middle, cancel_middle) = root.with_cancel();
        let (leaf, _) = middle.with_cancel();
        let other = {
            let (middle, leaf) = (middle.clone(), leaf.clone());
            thread::spawn(move || {
                cancel_middle();
                [middle.err(), leaf.err()]
            })
        };
        cancel();
        assert_eq!([root.err(), middle.err(), leaf.err()], [CANCELED; 3]);
        assert_eq!(other.join().unwrap(), [CANCELED; 2]);
    });
}

#[test]
fn two_walks_begin_at_one_place() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (leaf, _) = root.with_cancel();
        let other = {
            let (cancel, leaf) = (cancel.clone(), leaf.clone());
            thread::spawn(move || {
                cancel();
                leaf.err()
            })
        };
        cancel();
        assert_eq!(leaf.err(), CANCELED);
        assert_eq!(other.join().unwrap(), CANCELED);
    });
}

#[test]
fn a_child_comes_and_another_goes() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (goes, _) = root.with_cancel();
        let other = {
            let root = root.clone();
            thread::spawn(move || {
                drop(goes);
                root.with_cancel().0
            })
        };
        cancel();
        assert_eq!(other.join().unwrap().err(), CANCELED);
    });
}

#[test]
fn a_child_ends_by_itself() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (child, cancel_child) = root.with_cancel_cause();
        let other = thread::spawn(move || cancel_child("its own"));
        cancel();
        assert_eq!(child.err(), CANCELED);
        other.join().unwrap();
        let cause = child.cause().unwrap().to_string();
        assert!(cause == "its own" || cause == "context canceled");
    });
}

#[test]
fn a_channel_is_made_meanwhile() {
    loom::model(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let other = {
            let ctx = ctx.clone();
            thread::spawn(move || assert!(ctx.done().recv().is_err()))
        };
        cancel();
        assert!(ctx.done().is_closed());
        other.join().unwrap();
    });
}

/// The value is received, or it stays.
#[test]
fn a_value_comes_while_it_is_cancelled() {
    loom::model(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (tx, rx) = chan::bounded(1);
        let receiver = {
            let (rx, ctx) = (rx.clone(), ctx.clone());
            thread::spawn(move || rx.recv_ctx(&ctx))
        };
        let sender = thread::spawn(move || tx.send(7).unwrap());
        cancel();
        match receiver.join().unwrap() {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => {
                assert_eq!(error, RecvCtxError::Cancelled(ContextError::Canceled));
                assert_eq!(rx.recv(), Ok(7));
            }
        }
        sender.join().unwrap();
        assert_eq!(Cancel::err(&ctx), CANCELED);
    });
}

/// Its context is dropped meanwhile, and the one above that.
#[test]
fn a_channel_is_handed_up_meanwhile() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (child, _) = root.with_cancel();
        let done = child.done().clone();
        let other = thread::spawn(move || drop(child));
        cancel();
        assert!(root.done().is_closed());
        other.join().unwrap();
        assert!(done.is_closed());
    });
}

#[test]
fn a_channel_is_handed_up_by_two_meanwhile() {
    loom::model(|| {
        let (root, cancel) = Context::background().with_cancel();
        let (leaf, _) = root.with_cancel().0.with_cancel();
        let done = leaf.done().clone();
        let other = thread::spawn(move || drop((root, leaf)));
        cancel();
        other.join().unwrap();
        assert!(done.is_closed());
    });
}
