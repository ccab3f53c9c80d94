//! Goroutines that borrow from their parent.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, fail, panic_text, runtime};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
}

#[test]
fn children_borrow() {
    let _t = common::test();
    on_one_and_two(|| {
        let mut numbers = vec![1, 2, 3];
        let mut doubled = [0; 3];
        let text = String::from("shared");
        rt::scope(|s| {
            for (from, to) in numbers.iter_mut().zip(&mut doubled) {
                let text = &text;
                s.spawn(move || {
                    assert_eq!(text, "shared");
                    rt::yield_now();
                    *to = *from * 2;
                    *from += 10;
                });
            }
        });
        assert_eq!((numbers, doubled), (vec![11, 12, 13], [2, 4, 6]));
    });
}

#[test]
fn children_may_have_names_and_stacks() {
    let _t = common::test();
    on_one_and_two(|| {
        let mut numbers = [1, 2, 3];
        rt::scope(|s| {
            let builder = || rt::task::Builder::new();
            for (i, n) in numbers.iter_mut().enumerate() {
                let handle = builder().name(format!("child {i}")).spawn_scoped(s, move || {
                    *n *= 10;
                    rt::task::current().name().map(str::to_owned)
                });
                let handle = handle.unwrap();
                assert_eq!(handle.task().name(), Some(&*format!("child {i}")));
                assert_eq!(handle.join().unwrap(), Some(format!("child {i}")));
            }
            // More than the stacks of this runtime have, in release builds, too.
            let deep = builder().stack_size(8 << 20).spawn_scoped(s, || {
                let large = [1_u8; 2 << 20];
                std::hint::black_box(&large).len()
            });
            assert_eq!(deep.unwrap().join().unwrap(), 2 << 20);
            let error = builder().stack_size(1).spawn_scoped(s, || ()).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            // A panic is the scope's to tell, as of any child.
            let fails = builder().name("fails").spawn_scoped(s, || fail("on purpose"));
            assert_eq!(fails.unwrap().join().unwrap_err().downcast_ref(), Some(&"on purpose"));
        });
        assert_eq!(numbers, [10, 20, 30]);
        let text = panic_text(|| {
            rt::scope(|s| _ = rt::task::Builder::new().spawn_scoped(s, || fail("alone")));
        });
        assert_eq!(text, "a scoped thread panicked");
    });
}

#[test]
fn the_scope_waits_for_those_that_nobody_joins() {
    let _t = common::test();
    on_one_and_two(|| {
        let (ended, tally) = (AtomicUsize::new(0), Tally::default());
        let value = rt::scope(|s| {
            for _ in 0..50 {
                let (ended, token) = (&ended, tally.token());
                s.spawn(move || {
                    rt::time::sleep(std::time::Duration::from_micros(100));
                    ended.fetch_add(1, Ordering::SeqCst);
                    // A result that nobody fetches is dropped before the scope ends.
                    token
                });
            }
            7
        });
        assert_eq!((value, ended.load(Ordering::SeqCst)), (7, 50));
        tally.assert_all_dropped();
    });
}

#[test]
fn joins_give_values_and_panics() {
    let _t = common::test();
    on_one_and_two(|| {
        let local = 5;
        rt::scope(|s| {
            let fine = s.spawn(|| local + 1);
            let fails: rt::task::ScopedJoinHandle<'_, ()> = s.spawn(|| fail("on purpose"));
            let exits: rt::task::ScopedJoinHandle<'_, ()> = s.spawn(|| rt::task::exit());
            let parked = s.spawn(|| Chan::<()>::nil().recv());
            assert_eq!(fine.join().unwrap(), 6);
            assert_eq!(common::text_of(&*fails.join().unwrap_err()), "on purpose");
            let payload = exits.join().unwrap_err();
            assert!(payload.downcast::<rt::JoinError>().unwrap().is_cancelled());
            parked.abort();
            assert!(parked.join().is_err());
        });
    });
}

#[test]
fn scopes_nest_and_children_spawn_siblings() {
    let _t = common::test();
    on_one_and_two(|| {
        let count = AtomicUsize::new(0);
        rt::scope(|outer| {
            for _ in 0..4 {
                let count = &count;
                outer.spawn(move || {
                    // A sibling, spawned by a child.
                    outer.spawn(move || {
                        rt::yield_now();
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                    let own = AtomicUsize::new(0);
                    rt::scope(|inner| {
                        for _ in 0..4 {
                            inner.spawn(|| {
                                own.fetch_add(1, Ordering::SeqCst);
                                rt::yield_now();
                                count.fetch_add(1, Ordering::SeqCst);
                            });
                        }
                    });
                    assert_eq!(own.into_inner(), 4);
                });
            }
        });
        assert_eq!(count.into_inner(), 20);
    });
}

#[test]
fn a_panic_of_a_child_that_nobody_joins_is_told() {
    let _t = common::test();
    on_one_and_two(|| {
        let others = AtomicUsize::new(0);
        let text = panic_text(|| {
            rt::scope(|s| {
                s.spawn(|| fail("unheard"));
                s.spawn(|| {
                    rt::yield_now();
                    others.fetch_add(1, Ordering::SeqCst)
                });
            });
        });
        assert_eq!(text, "a scoped thread panicked");
        assert_eq!(others.into_inner(), 1);
        // One that was joined is not told again.
        rt::scope(|s| assert!(s.spawn(|| fail("heard")).join().is_err()));
    });
}

#[test]
fn a_panic_of_the_body_waits_for_the_children() {
    let _t = common::test();
    on_one_and_two(|| {
        let (ended, go) = (AtomicUsize::new(0), Chan::<()>::new(0));
        let closes = go.clone();
        rt::spawn(move || {
            rt::time::sleep(std::time::Duration::from_millis(2));
            closes.close();
        });
        let result = catch_unwind(AssertUnwindSafe(|| {
            rt::scope(|s| {
                for _ in 0..5 {
                    s.spawn(|| {
                        assert_eq!(go.recv(), None);
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                }
                s.spawn(|| fail("a child's"));
                fail("the body's")
            })
        }));
        let payload: Box<dyn std::any::Any + Send> = result.unwrap_err();
        assert_eq!(common::text_of(&*payload), "the body's");
        assert_eq!(ended.into_inner(), 5);
        assert!(!thread::panicking());
    });
}

#[test]
fn from_a_plain_thread() {
    let _t = common::test();
    let runtime = runtime(2);
    let handle = runtime.handle();
    let _entered = handle.enter();
    let log = Mutex::new(Vec::new());
    let sum = rt::scope(|s| {
        let handles: Vec<_> = (0..100_u64)
            .map(|i| {
                let log = &log;
                s.spawn(move || {
                    rt::yield_now();
                    log.lock().unwrap().push(i);
                    i
                })
            })
            .collect();
        handles.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
    });
    assert_eq!((sum, log.into_inner().unwrap().len()), (4950, 100));
    let text = panic_text(|| {
        rt::scope(|s| {
            s.spawn(|| fail("unheard"));
        });
    });
    assert_eq!(text, "a scoped thread panicked");
}

/// `Scope` can be shared: plain threads spawn into it, if they have entered a runtime.
#[test]
fn plain_threads_spawn_into_it() {
    let _t = common::test();
    let runtime = runtime(1);
    let handle = runtime.handle();
    let count = AtomicUsize::new(0);
    runtime.run(|| {
        rt::scope(|s| {
            thread::scope(|threads| {
                for _ in 0..3 {
                    threads.spawn(|| {
                        let _entered = handle.enter();
                        s.spawn(|| count.fetch_add(1, Ordering::SeqCst));
                    });
                }
            });
            let lost = thread::scope(|threads| {
                threads
                    .spawn(|| catch_unwind(AssertUnwindSafe(|| drop(s.spawn(|| ())))).is_err())
                    .join()
            });
            assert!(lost.unwrap(), "a thread without a runtime cannot spawn");
        });
    });
    assert_eq!(count.into_inner(), 3);
}

/// The last child ends, and the scope with it, over and over: what it touched must be gone last.
#[test]
fn short_scopes_by_the_thousand() {
    let _t = common::test();
    let runtime = runtime(3);
    let rounds = if cfg!(debug_assertions) { 3000 } else { 30_000 };
    runtime.run(|| {
        for i in 0..rounds {
            let mut values = [0_u64; 3];
            rt::scope(|s| {
                for value in &mut values {
                    s.spawn(move || *value = i);
                }
            });
            assert_eq!(values, [i; 3]);
        }
    });
    let handle = runtime.handle();
    let _entered = handle.enter();
    for i in 0..rounds / 10 {
        let mut value = 0;
        rt::scope(|s| {
            s.spawn(|| value = i);
        });
        assert_eq!(value, i);
    }
}

#[test]
fn a_wait_group_on_the_parents_stack() {
    let _t = common::test();
    on_one_and_two(|| {
        let wg = WaitGroup::new();
        wg.add(8);
        rt::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    wg.done();
                    wg.wait();
                });
            }
            wg.wait();
        });
    });
}
