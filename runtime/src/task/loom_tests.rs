//! `block_on` under loom: futures that plain threads wake. Who is not woken sleeps for ever, which loom reports.
//!
//! What a future waits for is stored Relaxed: that it is seen is owed to the waker.
//!
//! Broken on purpose, and noticed: `raise` or `take` Relaxed; a wake-up in the middle of a poll that is dropped.

use super::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// One for each of those who wake.
type Events = Arc<[AtomicU32; 2]>;

fn wait_for_both(spawn: impl Fn(&mut Context<'_>, &Events) -> Vec<thread::JoinHandle<()>>) {
    let events: Events = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let mut threads = Vec::new();
    let all_there = || events.iter().all(|event| event.load(Ordering::Relaxed) != 0);
    block_on(poll_fn(|context| {
        if threads.is_empty() {
            threads = spawn(context, &events);
        }
        if all_there() { Poll::Ready(()) } else { Poll::Pending }
    }));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Each has a waker of its own: the second may leave the waking to the first.
#[test]
fn two_wake() {
    loom::model(|| {
        wait_for_both(|context, events| {
            let spawn = |event: usize| {
                let (events, waker) = (Arc::clone(events), context.waker().clone());
                thread::spawn(move || {
                    events[event].store(1, Ordering::Relaxed);
                    waker.wake();
                })
            };
            (0..2).map(spawn).collect()
        });
    });
}

/// One wakes twice, the first time for what is not enough.
#[test]
fn one_wakes_twice() {
    loom::model(|| {
        wait_for_both(|context, events| {
            let (events, waker) = (Arc::clone(events), context.waker().clone());
            vec![thread::spawn(move || {
                for event in events.iter() {
                    event.store(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                }
            })]
        });
    });
}
