//! Many goroutines: spawned by each other and by threads, told apart, counted, and gone without a trace.

use crate::common::{self, eventually_yielding, panic_text, runtime};
use rt::chan::Chan;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn spawns_nest() {
    let _t = common::test();
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let children = [rt::spawn(move || tree(depth - 1)), rt::spawn(move || tree(depth - 1))];
        children.into_iter().map(|child| child.join().unwrap()).sum()
    }
    for procs in [1, 2, 3] {
        assert_eq!(runtime(procs).run(|| tree(10)), 1024);
    }
}

#[test]
fn ten_thousand_in_a_daisy_chain() {
    let _t = common::test();
    for procs in [1, 2] {
        let got = runtime(procs).run(|| {
            let first = Chan::new(0);
            let mut left = first.clone();
            for _ in 0..10_000 {
                let (right, to) = (Chan::<u64>::new(0), left.clone());
                let from = right.clone();
                rt::spawn(move || to.send(from.recv().unwrap() + 1));
                left = right;
            }
            rt::spawn(move || left.send(0));
            first.recv()
        });
        assert_eq!(got, Some(10_000));
    }
}

/// A crowd that never exists at once costs no memory.
#[test]
fn a_crowd_leaves_no_memory_behind() {
    let _t = common::alone();
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    runtime(2).run(|| {
        let round = |count: usize| {
            let done = Arc::new(AtomicUsize::new(0));
            for i in 0..count {
                let done = done.clone();
                drop(rt::spawn(move || done.fetch_add(1, Ordering::Relaxed)));
                if i % 64 == 63 {
                    rt::yield_now();
                }
            }
            eventually_yielding("all ran", || done.load(Ordering::Relaxed) == count);
        };
        round(20_000);
        let before = resident();
        round(count);
        let grown = resident().saturating_sub(before);
        assert!(grown < 64 << 20, "{count} spawns left {grown} bytes");
    });
}

fn resident() -> usize {
    common::statm(1) as usize
}

#[test]
fn plain_threads_spawn() {
    let _t = common::test();
    let runtime = runtime(2);
    let threads: Vec<_> = (0..4_u64)
        .map(|t| {
            let handle = runtime.handle();
            thread::spawn(move || {
                let handles: Vec<_> =
                    (0..500).map(|i| handle.spawn(move || t * 1000 + i)).collect();
                handles.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
            })
        })
        .collect();
    let sum: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(sum, (0..4).map(|t| (0..500).map(|i| t * 1000 + i).sum::<u64>()).sum());
}

#[test]
fn names_and_ids() {
    let _t = common::test();
    runtime(2).run(|| {
        let handle = rt::task::Builder::new().name("worker").spawn(rt::task::current).unwrap();
        let task = handle.task();
        assert_eq!(task.name(), Some("worker"));
        assert_eq!(handle.join().unwrap(), task);
        let mut ids: Vec<u64> = (0..1000)
            .map(|_| rt::spawn(|| rt::task::current().id().get()).join().unwrap())
            .collect();
        assert!(!ids.contains(&task.id().get()));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1000);
    });
    assert!(rt::task::try_current().is_none());
    assert!(panic_text(rt::task::current).contains("outside of a goroutine"));
}

#[test]
fn goroutines_are_counted() {
    let _t = common::test();
    runtime(2).run(|| {
        assert_eq!(rt::num_goroutines(), 1);
        let hold = Chan::<()>::new(0);
        let held: Vec<_> = (0..10)
            .map(|_| {
                let hold = hold.clone();
                rt::spawn(move || hold.recv())
            })
            .collect();
        assert_eq!(rt::num_goroutines(), 11);
        hold.close();
        for handle in held {
            assert_eq!(handle.join().unwrap(), None);
        }
        eventually_yielding("they end", || rt::num_goroutines() == 1);
    });
}
