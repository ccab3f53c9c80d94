//! Trees of contexts, many at a time.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{OnDrop, Party, Rng, Tally, everywhere, panic_text, runtime, seeded, turns};
use rt::chan;
use rt::context::{CancelFunc, Context, ContextError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);
const LATE: Option<ContextError> = Some(ContextError::DeadlineExceeded);
const LONG: Duration = Duration::from_secs(60);

/// A tree of 100, cancelled node by node in random order, by several at a time: what is below one that was
/// cancelled is done when the call returns.
#[test]
fn a_tree_is_cancelled_in_random_order() {
    let test = common::test();
    seeded(&test.dog, turns(30, 200), |seed| {
        let mut rng = Rng::new(seed);
        let mut tree: Vec<(Context, CancelFunc, usize)> = Vec::new();
        let (root, cancel) = Context::background().with_cancel();
        tree.push((root, cancel, 0));
        for i in 1..100 {
            let above = rng.below(i) as usize;
            let parent = &tree[above].0;
            let (ctx, cancel) = match rng.below(3) {
                0 => parent.with_timeout(LONG),
                1 => parent.with_value(i).with_cancel(),
                _ => parent.with_cancel(),
            };
            if rng.one_in(3) {
                let _ = ctx.done();
            }
            tree.push((ctx, cancel, above));
        }
        let tree = Arc::new(tree);
        let is_below = |tree: &[(Context, CancelFunc, usize)], mut i: usize, top: usize| {
            while i > top {
                i = tree[i].2;
            }
            i == top
        };
        let mut order: Vec<usize> = (0..100).collect();
        for i in (1..100).rev() {
            order.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let runtime = runtime(2);
        let parts: Vec<Vec<usize>> = order.chunks(25).map(<[usize]>::to_vec).collect();
        let body = {
            let tree = Arc::clone(&tree);
            move |part: Vec<usize>| {
                for top in part {
                    tree[top].1();
                    for (i, (ctx, ..)) in tree.iter().enumerate() {
                        if is_below(&tree, i, top) {
                            assert_eq!(ctx.err(), CANCELED, "{i} is below {top}");
                            assert!(ctx.done().is_closed(), "{i} is below {top}");
                        }
                    }
                }
            }
        };
        let mut threads = Vec::new();
        let mut joins = Vec::new();
        for (i, part) in parts.into_iter().enumerate() {
            let body = body.clone();
            if i % 2 == 0 {
                threads.push(std::thread::spawn(move || body(part)));
            } else {
                joins.push(runtime.handle().spawn(move || body(part)));
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        joins.into_iter().for_each(|join| join.join().unwrap());
    });
}

/// Children come while their parent is cancelled: each is done when both calls have returned.
#[test]
fn children_come_while_it_is_cancelled() {
    let _test = common::test();
    for _ in 0..turns(300, 2000) {
        let (root, cancel) = Context::background().with_cancel();
        let start = AtomicBool::new(false);
        let go = || {
            while !start.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
        };
        std::thread::scope(|s| {
            let comers: Vec<_> = (0..3)
                .map(|_| {
                    s.spawn(|| {
                        go();
                        let mut chain = vec![root.with_cancel()];
                        for i in 0..20 {
                            let next = chain[i / 2].0.with_cancel();
                            chain.push(next);
                        }
                        chain.truncate(15);
                        chain
                    })
                })
                .collect();
            let canceller = s.spawn(|| {
                go();
                cancel();
                root.with_cancel().0.err()
            });
            start.store(true, Ordering::Release);
            assert_eq!(canceller.join().unwrap(), CANCELED);
            for comer in comers {
                let chain = comer.join().unwrap();
                assert!(chain.iter().all(|(ctx, _)| ctx.err() == CANCELED));
            }
        });
    }
}

#[test]
fn a_hundred_thousand_are_cancelled_in_a_line_and_side_by_side() {
    let _test = common::test();
    let (root, cancel) = Context::background().with_cancel();
    let wide: Vec<_> = (0..100_000).map(|_| root.with_cancel().0).collect();
    let mut deep = vec![root];
    for i in 0..100_000 {
        deep.push(deep[i].with_cancel().0);
    }
    let small_stack = std::thread::Builder::new().stack_size(64 << 10);
    let thread = small_stack.spawn(move || {
        cancel();
        assert!(wide.iter().chain(&deep).all(|ctx| ctx.err() == CANCELED));
        // From the leaf alone the whole line hangs.
        deep.drain(..100_000);
        drop(wide);
        drop(deep);
        drop(cancel);
    });
    thread.unwrap().join().unwrap();
    let mut line = vec![Context::background().with_cancel()];
    for i in 0..100_000_u32 {
        let next = line[line.len() - 1].0.with_value(i).with_cancel();
        line.push(next);
    }
    let leaf = line.pop().unwrap();
    drop(line);
    let small_stack = std::thread::Builder::new().stack_size(64 << 10);
    small_stack.spawn(move || drop(leaf)).unwrap().join().unwrap();
}

/// The resident memory of the process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(feature = "sanitizer", ignore = "AddressSanitizer keeps what was freed for a while")]
fn children_that_go_leave_no_trace() {
    let _test = common::alone();
    runtime(2).run(|| {
        let (root, _cancel) = Context::background().with_timeout(LONG);
        let mut outlives = chan::never();
        let mut round = |i: u64| {
            let (child, cancel) = match i % 4 {
                0 => root.with_cancel(),
                1 => root.with_timeout(Duration::from_secs(i % 100)),
                2 => root.with_value(i).with_cancel(),
                _ => root.with_cancel().0.with_deadline(rt::time::now()),
            };
            if i % 8 < 4 {
                cancel();
            }
            if i.is_multiple_of(64) {
                let stop = child.after_func(|| ());
                assert!(stop.stop() || child.err().is_some());
            }
            if i % 16 == 5 {
                let _ = child.done();
            }
            if i % 16 == 13 {
                outlives = child.done().clone();
            }
        };
        (0..100_000).for_each(&mut round);
        let before = resident();
        (0..turns(1_000_000, 10_000_000)).for_each(&mut round);
        drop(outlives);
        let more = resident().saturating_sub(before);
        assert!(more < 4 << 10, "{more} KiB more");
    });
}

#[test]
fn what_is_dropped_leaves_its_parent() {
    let _test = common::test();
    let (root, cancel) = Context::background().with_cancel();
    let tally = Tally::default();
    for _ in 0..100 {
        let child = root.with_value(tally.token()).with_cancel();
        let grandchild = child.0.with_value(tally.token()).with_timeout(LONG);
        let _ = grandchild.0.done();
        drop(child);
        assert_eq!(grandchild.0.err(), None);
    }
    tally.assert_all_dropped();
    // Its own canceller keeps one that nobody else has.
    let (child, cancel_child) = root.with_cancel();
    let (leaf, _) = child.with_cancel();
    drop(child);
    cancel_child();
    assert_eq!((leaf.err(), root.err()), (CANCELED, None));
    // And its ancestors reach it through ones that are gone.
    let leaf = root.with_cancel().0.with_cancel().0.with_cancel().0;
    cancel();
    assert_eq!(leaf.err(), CANCELED);
}

#[test]
fn deadlines_are_not_later_than_the_parents() {
    let _test = common::test();
    let now = rt::time::now();
    let at = |n: u64| now + Duration::from_secs(100 + n);
    let (root, _c) = Context::background().with_deadline(at(5));
    assert_eq!(root.with_deadline(at(9)).0.deadline(), Some(at(5)));
    assert_eq!(root.with_deadline(at(2)).0.deadline(), Some(at(2)));
    assert_eq!(root.with_cancel().0.deadline(), Some(at(5)));
    assert_eq!(root.with_timeout(Duration::MAX).0.deadline(), Some(at(5)));
    assert_eq!(root.without_cancel().deadline(), None);
    let (never, cancel) = Context::background().with_timeout(Duration::MAX);
    assert_eq!((never.deadline(), never.err()), (None, None));
    cancel();
    assert_eq!(never.err(), CANCELED);
    let (past, cancel) = Context::background().with_deadline(now);
    assert_eq!(past.err(), LATE);
    cancel();
    assert_eq!(past.err(), LATE);
    assert_eq!(past.with_cancel().0.err(), LATE);
    assert_eq!(past.cause().unwrap().to_string(), "context deadline exceeded");
}

/// The times of a child and of its parent have both passed before anybody looks.
#[test]
fn the_earlier_deadline_is_the_cause() {
    let _test = common::test();
    let (parent, cancel) =
        Context::background().with_timeout_cause(Duration::from_millis(2), "the parent's");
    let (child, _c) = parent.with_timeout_cause(Duration::from_millis(1), "the child's");
    let (leaf, _c) = child.with_timeout_cause(LONG, "the leaf's");
    let (other, _c) = parent.with_timeout_cause(LONG, "the other's");
    std::thread::sleep(Duration::from_millis(3));
    assert_eq!(other.err(), LATE);
    let text = |ctx: &Context| ctx.cause().unwrap().to_string();
    assert_eq!([text(&parent), text(&other)], ["the parent's"; 2]);
    assert_eq!([text(&child), text(&leaf)], ["the child's"; 2]);
    cancel();
    assert_eq!(parent.err(), LATE);
    let (called, cancel) = Context::background().with_timeout_cause(LONG, "not this");
    cancel();
    assert_eq!((called.err(), text(&called)), (CANCELED, "context canceled".to_owned()));
}

/// Its channel has been closed since then: nobody makes something else of it afterwards.
#[test]
fn cancelled_after_the_parents_deadline_it_is_late() {
    let _test = common::test();
    let (parent, cancel_parent) =
        Context::background().with_timeout_cause(Duration::from_millis(1), "too slow");
    let (child, cancel) = parent.with_cancel_cause();
    let (leaf, cancel_leaf) = child.with_cancel();
    assert!(leaf.done().recv().is_err());
    cancel_leaf();
    cancel("by hand");
    cancel_parent();
    for ctx in [leaf, child, parent] {
        assert_eq!((ctx.err(), ctx.cause().unwrap().to_string().as_str()), (LATE, "too slow"));
    }
}

/// As in Go: the parent was first.
#[test]
fn a_deadline_that_is_past_below_one_that_was_cancelled() {
    let _test = common::test();
    let (root, cancel) = Context::background().with_cancel_cause();
    cancel("the root's");
    let (ctx, _c) = root.with_timeout_cause(Duration::ZERO, "its own");
    assert_eq!((ctx.err(), ctx.cause().unwrap().to_string().as_str()), (CANCELED, "the root's"));
    assert!(ctx.done().is_closed());
    assert_eq!(ctx.with_cancel().0.err(), CANCELED);
}

/// The same if the parent's time has passed, and nobody has asked it since.
#[test]
fn a_deadline_that_is_past_below_one_that_is_late() {
    let _test = common::test();
    let start = rt::time::now();
    let (parent, _c) =
        Context::background().with_timeout_cause(Duration::from_millis(1), "the parent's");
    std::thread::sleep(Duration::from_millis(2));
    let child = parent.with_value(1).with_deadline_cause(start, "its own").0;
    assert_eq!((child.err(), child.cause().unwrap().to_string().as_str()), (LATE, "the parent's"));
    assert_eq!(child.deadline(), Some(start));
    let child = parent.with_deadline(start).0;
    assert_eq!((child.err(), child.cause().unwrap().to_string().as_str()), (LATE, "the parent's"));
}

#[test]
fn who_waits_for_a_child_wakes_at_the_parents_deadline() {
    let _test = common::test();
    everywhere(|| {
        let start = Instant::now();
        let (parent, _c) = Context::background().with_timeout(Duration::from_millis(3));
        let (child, _c) = parent.with_cancel();
        rt::select! {
            recv(chan::never::<()>()) -> _ => unreachable!(),
            recv(child.done()) -> end => assert!(end.is_err()),
        }
        assert!(start.elapsed() >= Duration::from_millis(3));
        assert_eq!([child.err(), parent.err()], [LATE; 2]);
    });
}

#[test]
fn nobody_else_closes_the_channel() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    assert!(!ctx.done().close() && !ctx.done().clone().close());
    drop(ctx.done().clone());
    assert!(!ctx.done().is_closed());
    assert_eq!((ctx.done().len(), ctx.done().capacity()), (0, Some(0)));
    assert!(!Context::background().done().close());
    let done = ctx.done().clone();
    cancel();
    drop(ctx);
    assert!(done.is_closed() && done.recv().is_err());
    assert_eq!(done.iter().count() + done.try_iter().count(), 0);
}

/// As in Go, where the parent keeps the child: the channel of a context that nobody has any more.
#[test]
fn a_channel_outlives_its_context_and_is_closed_by_who_is_above() {
    let _test = common::test();
    everywhere(|| {
        let (root, cancel) = Context::background().with_cancel();
        let child = root.with_cancel().0.done().clone();
        let late = root.with_timeout(LONG).0.done().clone();
        // Through some that are gone, and have channels of their own, or none.
        let (middle, cancel_middle) = root.with_cancel();
        let above = middle.done().clone();
        let (unseen, _) = middle.with_cancel();
        let (leaf, _) = unseen.with_value(1).with_cancel();
        let below = leaf.done().clone();
        drop((unseen, leaf));
        assert!(!below.is_closed());
        drop((middle, cancel_middle));
        let waits = (below.clone(), child.clone());
        let waiter = Party::new(false, move || (waits.0.recv().is_err(), waits.1.recv().is_err()));
        assert!([&child, &late, &above, &below].iter().all(|done| !done.is_closed()));
        cancel();
        assert!([&child, &late, &above, &below].iter().all(|done| done.is_closed()));
        assert_eq!(waiter.join(), (true, true));
        assert!(root.with_cancel().0.done().clone().is_closed());

        // By the one in the middle, and the root does not matter.
        let (root, cancel) = Context::background().with_cancel();
        let (middle, cancel_middle) = root.with_cancel();
        let done = middle.with_cancel().0.done().clone();
        cancel_middle();
        assert!(done.is_closed());
        drop((middle, cancel_middle));
        cancel();

        // By nobody, but time.
        let root = Context::background().with_cancel().0;
        let never = root.with_cancel().0.done().clone();
        let late = root.with_timeout(Duration::from_millis(1)).0.done().clone();
        drop(root);
        assert!(late.recv().is_err() && !never.is_closed());
    });
}

/// In a line, from the leaf up, and side by side: no channel is moved once for each context above it.
#[test]
fn a_hundred_thousand_channels_outlive_their_contexts() {
    let _test = common::test();
    let (root, cancel) = Context::background().with_cancel();
    let mut channels = Vec::new();
    for _ in 0..100_000 {
        channels.push(root.with_cancel().0.done().clone());
    }
    let mut leaf = root.clone();
    for _ in 0..100_000 {
        leaf = leaf.with_cancel().0;
        channels.extend([leaf.done().clone(), leaf.with_cancel().0.done().clone()]);
    }
    let small_stack = std::thread::Builder::new().stack_size(64 << 10);
    let thread = small_stack.spawn(move || {
        drop(leaf);
        assert!(channels.iter().all(|done| !done.is_closed()));
        cancel();
        assert!(channels.iter().all(|done| done.is_closed()));
    });
    thread.unwrap().join().unwrap();
}

/// It is dropped while who is above is cancelled.
#[test]
fn a_channel_is_handed_up_while_it_is_cancelled() {
    let test = common::test();
    seeded(&test.dog, turns(300, 3_000), |seed| {
        let mut rng = Rng::new(seed);
        let (root, cancel) = Context::background().with_cancel();
        let (mut channels, mut line) = (Vec::new(), vec![root]);
        for _ in 0..10 {
            let next = line[rng.below(line.len() as u64) as usize].with_cancel().0;
            channels.push(next.done().clone());
            line.push(next);
        }
        let delay = rng.below(2_000);
        let drops = std::thread::spawn(move || {
            (0..delay).for_each(|_| std::hint::spin_loop());
            drop(line);
        });
        cancel();
        drops.join().unwrap();
        assert!(channels.iter().all(|done| done.is_closed()));
    });
}

#[test]
fn values_are_looked_up_outwards() {
    let _test = common::test();
    let tally = Tally::default();
    let ctx = Context::background().with_value(1_u8).with_value("a").with_value(tally.token());
    let (inner, _c) = ctx.with_value(2_u8).with_cancel();
    assert_eq!((ctx.value().as_deref(), inner.value().as_deref()), (Some(&1_u8), Some(&2_u8)));
    assert_eq!(inner.value::<&str>().as_deref(), Some(&"a"));
    assert!(inner.value::<i8>().is_none());
    let kept = inner.value::<common::Token>().unwrap();
    assert_eq!(inner.without_cancel().value::<u8>().as_deref(), Some(&2));
    drop((ctx, inner));
    assert_eq!(tally.dropped(), 0);
    drop(kept);
    tally.assert_all_dropped();
}

#[test]
fn a_value_and_a_cause_whose_drop_panics() {
    let _test = common::test();
    let bad = || OnDrop(|| common::fail("dropped"));
    let ctx = Context::background().with_value(bad()).with_value(7_u32);
    let kept = ctx.clone();
    drop(ctx);
    assert_eq!(panic_text(|| drop(kept)), "dropped");

    #[derive(Debug)]
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bad")
        }
    }
    impl std::error::Error for Bad {}
    impl Drop for Bad {
        fn drop(&mut self) {
            common::fail("dropped");
        }
    }
    let (root, cancel) = Context::background().with_cancel_cause();
    let (child, _) = root.with_cancel();
    cancel(Bad);
    assert_eq!(panic_text(|| cancel(Bad)), "dropped", "the second is not kept");
    assert_eq!([root.err(), child.err()], [CANCELED; 2]);
    assert_eq!(child.cause().unwrap().to_string(), "bad");
    drop((root, child));
    assert_eq!(panic_text(|| drop(cancel)), "dropped");
}

#[test]
fn contexts_and_what_cancels_them_can_be_sent_and_shared() {
    fn anywhere<T: Send + Sync + Clone + std::fmt::Debug + Unpin + 'static>() {}
    fn unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    anywhere::<Context>();
    anywhere::<CancelFunc>();
    anywhere::<rt::context::CancelCauseFunc<Box<dyn std::error::Error + Send + Sync>>>();
    anywhere::<rt::context::Stop>();
    unwind_safe::<Context>();
    unwind_safe::<CancelFunc>();
    let (ctx, cancel) = Context::background().with_cancel();
    let call: &dyn Fn() = &*cancel;
    call();
    assert_eq!(format!("{ctx:?}"), "Context { err: Some(Canceled), deadline: None, .. }");
    let (_ctx, cancel) = Context::background().with_cancel_cause();
    cancel(std::io::Error::other("as it is"));
}
