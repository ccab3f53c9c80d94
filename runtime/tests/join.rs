//! Two closures at once, if somebody has nothing else to do.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use common::{OnDrop, Tally, fail, panic_text, runtime, text_of};
use rt::chan::Chan;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn id() -> u64 {
    rt::task::current().id().get()
}

fn spin_until(flag: &AtomicBool) {
    let begun = Instant::now();
    while !flag.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody has taken the other half");
        std::hint::spin_loop();
    }
}

/// A `join` whose second half has begun on another processor before the first one ends.
fn apart<A, B: Send>(a: impl FnOnce() -> A, b: impl FnOnce() -> B + Send) -> (A, B) {
    let begun = AtomicBool::new(false);
    rt::join(
        || {
            spin_until(&begun);
            a()
        },
        || {
            begun.store(true, Ordering::SeqCst);
            b()
        },
    )
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rt::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[test]
fn both_results_come_back() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            assert_eq!(rt::join(|| "a", || 2), ("a", 2));
            assert_eq!(fib(16), 987);
            let mut parts = [1, 2, 3, 4];
            let (left, right) = parts.split_at_mut(2);
            rt::join(|| left[0] += 10, || right[1] += 10);
            assert_eq!(parts, [11, 2, 3, 14]);
        });
    }
}

#[test]
fn what_nobody_takes_is_run_in_place() {
    let _t = common::test();
    runtime(1).run(|| {
        let me = id();
        let before = rt::num_goroutines();
        let seen = rt::join(|| (id(), rt::num_goroutines()), || (id(), rt::num_goroutines()));
        assert_eq!(seen, ((me, before), (me, before)));
    });
}

#[test]
fn a_processor_without_work_takes_the_second() {
    let _t = common::test();
    runtime(2).run(|| {
        let me = id();
        let (first, second) = apart(id, id);
        assert_eq!(first, me);
        assert_ne!(second, me);
    });
}

/// With one processor, too: who waits in its first half leaves the second to others.
#[test]
fn the_first_may_wait_for_the_second() {
    let _t = common::test();
    for procs in [1, 2, 4] {
        runtime(procs).run(|| {
            let ch = Chan::new(0);
            let (got, ()) = rt::join(|| ch.recv(), || ch.send(7));
            assert_eq!(got, Some(7));
            // Nested: each waits for the one inside of it.
            let all: Vec<_> = (0..5).map(|_| Chan::new(0)).collect();
            fn go(all: &[Chan<u32>]) -> u32 {
                let Some((first, rest)) = all.split_first() else { return 0 };
                rt::join(
                    || first.recv().unwrap(),
                    || {
                        let sum = go(rest);
                        first.send(sum + 1);
                    },
                )
                .0
            }
            assert_eq!(go(&all), 5);
        });
    }
}

/// Ends when `done` says so: always runnable, or always running.
fn busy_until(done: &AtomicBool, mut pass: impl FnMut()) {
    let begun = Instant::now();
    while !done.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the second half never had its turn");
        pass();
    }
}

/// Whom the first half waits for has its turn though no processor ever runs out of other work.
#[test]
fn the_first_may_wait_for_the_second_beside_others() {
    let t = common::test();
    let empty = Chan::<()>::new(1);
    let waits: [fn(); 3] = [
        || {
            let ch = Chan::new(0);
            assert_eq!(rt::join(|| ch.recv(), || ch.send(7)), (Some(7), ()));
        },
        // Above the offers of others, and below them.
        || {
            let (one, two) = (Chan::new(0), Chan::new(0));
            let inner = || rt::join(|| two.recv(), || one.send(2));
            let ((two_s, ()), ones) = rt::join(inner, || {
                two.send(1);
                one.recv()
            });
            assert_eq!((two_s, ones), (Some(1), Some(2)));
        },
        || {
            let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let mut got = [0];
            rt::join(|| ours.read_exact(&mut got).unwrap(), || theirs.write_all(&[7]).unwrap());
            assert_eq!(got, [7]);
        },
    ];
    let is_empty = || assert!(empty.try_recv().is_err());
    // The second come to no end of a slice by themselves, and the third to no checkpoint.
    let others: [(&(dyn Fn() + Sync), _); 3] =
        [(&rt::yield_now, &waits[..]), (&is_empty, &waits), (&std::hint::spin_loop, &waits[..1])];
    for (procs, count) in [(1, 1), (1, 3), (2, 2), (2, 5)] {
        for (other, waits) in others {
            for wait in waits {
                runtime(procs).run(|| {
                    let done = AtomicBool::new(false);
                    rt::scope(|s| {
                        s.spawn(|| {
                            wait();
                            done.store(true, Ordering::SeqCst);
                        });
                        for _ in 0..count {
                            s.spawn(|| busy_until(&done, other));
                        }
                    });
                });
                t.dog.pet();
            }
        }
    }
}

/// In the system, where the runtime does not see it: its processor goes to others, and they see the offer.
#[test]
fn the_first_may_block_its_thread_for_the_second() {
    let _t = common::test();
    for procs in [1, 2, 4] {
        runtime(procs).run(|| {
            for _ in 0..5 {
                let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
                let mut got = [0];
                rt::join(|| ours.read_exact(&mut got).unwrap(), || theirs.write_all(&[7]).unwrap());
                assert_eq!(got, [7]);
            }
        });
    }
}

/// Each finds another's offer above its own, or itself on another processor.
#[test]
fn joins_of_many_goroutines_cross() {
    let t = common::test();
    for procs in [1, 2, 4] {
        let runtime = runtime(procs);
        for _ in 0..20 {
            runtime.run(|| {
                rt::scope(|s| {
                    for n in 0..20_u64 {
                        s.spawn(move || {
                            for i in 0..20 {
                                let (a, b) = rt::join(
                                    || {
                                        rt::yield_now();
                                        let (a, b) = rt::join(
                                            || {
                                                if i % 3 == 0 {
                                                    rt::time::sleep(Duration::from_micros(n * 3));
                                                }
                                                n
                                            },
                                            || {
                                                rt::yield_now();
                                                i
                                            },
                                        );
                                        a * 1000 + b
                                    },
                                    || n + i,
                                );
                                assert_eq!((a, b), (n * 1000 + i, n + i));
                            }
                        });
                    }
                });
            });
            t.dog.pet();
        }
    }
}

#[test]
fn a_panic_comes_out_after_both_have_ended() {
    let _t = common::test();
    runtime(2).run(|| {
        // Of the first: the second has not begun, and is dropped.
        let tally = Tally::default();
        let token = tally.token();
        let ran = AtomicBool::new(false);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            rt::blocking(|| ());
            rt::join(
                || -> u32 { fail("first") },
                || {
                    let _token = token;
                    ran.store(true, Ordering::SeqCst);
                },
            )
        }));
        assert_eq!(text_of(&*caught.unwrap_err()), "first");
        tally.assert_all_dropped();

        // The second has begun: it is waited for.
        let ended = AtomicBool::new(false);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            apart(
                || -> u32 { fail("first") },
                || {
                    rt::time::sleep(Duration::from_millis(5));
                    ended.store(true, Ordering::SeqCst);
                },
            )
        }));
        assert_eq!(text_of(&*caught.unwrap_err()), "first");
        assert!(ended.load(Ordering::SeqCst));

        // Of the second, elsewhere; and of both.
        let ended = AtomicBool::new(false);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            apart(
                || {
                    rt::time::sleep(Duration::from_millis(5));
                    ended.store(true, Ordering::SeqCst);
                },
                || -> u32 { fail("second") },
            )
        }));
        assert_eq!(text_of(&*caught.unwrap_err()), "second");
        assert!(ended.load(Ordering::SeqCst));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            apart(|| -> u32 { fail("first") }, || -> u32 { fail("second") })
        }));
        assert_eq!(text_of(&*caught.unwrap_err()), "first");
    });
    runtime(1).run(|| {
        let caught = catch_unwind(|| rt::join(|| 1, || -> u32 { fail("in place") }));
        assert_eq!(text_of(&*caught.unwrap_err()), "in place");
    });
}

#[test]
fn who_is_aborted_aborts_its_second_half() {
    let _t = common::test();
    let runtime = runtime(2);
    for _ in 0..20 {
        let tally = Tally::default();
        let (first, second) = (tally.token(), tally.token());
        let both = Arc::new(AtomicUsize::new(0));
        let its = Arc::clone(&both);
        let joiner = runtime.handle().spawn(move || {
            apart(
                || {
                    let _token = first;
                    its.fetch_add(1, Ordering::SeqCst);
                    Chan::<()>::nil().recv()
                },
                || {
                    let _token = second;
                    its.fetch_add(1, Ordering::SeqCst);
                    Chan::<()>::nil().recv()
                },
            )
        });
        common::eventually("both have begun", || both.load(Ordering::SeqCst) == 2);
        joiner.abort();
        assert!(joiner.join().unwrap_err().is_cancelled());
        tally.assert_all_dropped();
    }
}

/// The joiner has done its half, and waits for the other.
#[test]
fn who_is_aborted_while_it_waits_for_the_second_aborts_it() {
    let _t = common::test();
    let runtime = runtime(2);
    let tally = Tally::default();
    let (token, ended) = (tally.token(), Arc::new(AtomicBool::new(false)));
    let its = Arc::clone(&ended);
    let joiner = runtime.handle().spawn(move || {
        apart(
            || its.store(true, Ordering::SeqCst),
            || {
                let _token = token;
                Chan::<()>::nil().recv()
            },
        )
    });
    common::eventually("the first has ended", || ended.load(Ordering::SeqCst));
    std::thread::sleep(Duration::from_millis(5));
    joiner.abort();
    assert!(joiner.join().unwrap_err().is_cancelled());
    tally.assert_all_dropped();
}

#[test]
fn a_runtime_ends_with_joins_in_it() {
    let t = common::test();
    for round in 0..30 {
        let tally = Tally::default();
        let runtime = runtime(1 + round % 3);
        for _ in 0..10 {
            let (first, second) = (tally.token(), tally.token());
            drop(runtime.handle().spawn(move || {
                rt::join(
                    || {
                        let _token = first;
                        Chan::<()>::nil().recv()
                    },
                    || {
                        let _token = second;
                        Chan::<()>::nil().recv()
                    },
                )
            }));
        }
        std::thread::sleep(Duration::from_micros(round as u64 * 100));
        drop(runtime);
        tally.assert_all_dropped();
        t.dog.pet();
    }
}

/// In place or not, it is the caller that ends.
#[test]
fn exit_in_the_second_ends_the_caller() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let goes_on = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&goes_on);
        let caller = runtime.handle().spawn(move || {
            if procs == 1 {
                rt::join(|| (), || -> () { rt::task::exit() });
            } else {
                apart(|| (), || -> () { rt::task::exit() });
            }
            its.store(true, Ordering::SeqCst);
        });
        assert!(caller.join().unwrap_err().is_cancelled());
        assert!(!goes_on.load(Ordering::SeqCst));
    }
}

#[test]
fn from_a_plain_thread() {
    let _t = common::test();
    let text = panic_text(|| rt::join(|| 1, || 2));
    assert!(text.contains("there is no rt runtime here: call rt::join from"), "{text}");
    let runtime = runtime(2);
    let handle = runtime.handle();
    let _entered = handle.enter();
    assert_eq!(rt::join(|| 1, || fib(10)), (1, 55));
    let text = panic_text(|| rt::join(|| 1, || -> u32 { rt::task::exit() }));
    assert!(text.contains("the second half has no result"), "{text}");
}

/// Joins that begin while their runtime ends, too.
#[test]
fn a_runtime_that_ends_cuts_joins_short_without_a_word() {
    common::apart("a_runtime_that_ends_cuts_joins_short_without_a_word", |dog| {
        for round in 0..50 {
            let runtime = runtime(1 + round % 3);
            let all: Vec<_> = (0..4)
                .map(|_| {
                    runtime.handle().spawn(|| {
                        loop {
                            rt::join(rt::yield_now, rt::yield_now);
                        }
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_micros(200));
            drop(runtime);
            for one in all {
                let error = one.join().map(|(): ()| ()).unwrap_err();
                assert!(error.is_cancelled(), "{error:?}");
            }
            dog.pet();
        }
    });
}

/// It takes no goroutine: the caller runs the second half, as where nobody takes it.
#[test]
fn in_a_runtime_that_was_entered_and_has_ended() {
    let _t = common::test();
    let ended = runtime(1);
    let handle = ended.handle();
    drop(ended);
    let here = handle.clone();
    let joined = runtime(2).run(move || {
        let _entered = here.enter();
        let me = id();
        rt::join(id, id) == (me, me)
    });
    assert!(joined);
    let _entered = handle.enter();
    assert_eq!(rt::join(|| 1, || 2), (1, 2));
    let text = panic_text(|| rt::join(|| 1, || -> u32 { fail("of the second") }));
    assert_eq!(text, "of the second");
}

/// In a destructor, where the want of a result would end the process.
#[test]
fn in_a_runtime_that_was_entered_and_ends_meanwhile() {
    common::apart("in_a_runtime_that_was_entered_and_ends_meanwhile", |_| {
        let (runtime, begun, go) = (runtime(2), Chan::new(0), Chan::<()>::new(0));
        let handle = runtime.handle();
        let (begins, waits) = (begun.clone(), go.clone());
        let joiner = std::thread::spawn(move || {
            let _entered = handle.enter();
            let _joins = OnDrop(|| {
                let second = || {
                    begins.send(());
                    waits.recv();
                    7
                };
                assert_eq!(rt::join(|| (), second), ((), 7));
            });
            fail("unwinds")
        });
        begun.recv();
        let handle = runtime.handle();
        let lets_go = std::thread::spawn(move || {
            // What is refused shows that the stop has begun.
            common::eventually("it stops", || handle.spawn(|| ()).join().is_err());
            go.close();
        });
        drop(runtime);
        lets_go.join().unwrap();
        let unwound: std::thread::Result<()> = joiner.join();
        assert_eq!(text_of(&*unwound.unwrap_err()), "unwinds");
    });
}

/// The other half goes to the runtime that was entered.
#[test]
fn in_a_runtime_that_was_entered() {
    let _t = common::test();
    let (one, two) = (runtime(1), runtime(1));
    let handle = two.handle();
    one.run(|| {
        let _entered = handle.enter();
        let (_, live) = rt::join(|| (), rt::num_goroutines);
        assert_eq!(live, 1);
    });
}

#[test]
fn a_seed_chooses_the_order() {
    let _t = common::test();
    let orders = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    for seed in 0..20 {
        let its = Arc::clone(&orders);
        let body = move || {
            let order = std::sync::Mutex::new(Vec::new());
            let note = |who| {
                rt::yield_now();
                order.lock().unwrap().push(who);
            };
            rt::join(|| note('a'), || note('b'));
            its.lock().unwrap().insert(order.into_inner().unwrap());
        };
        rt::testing::Explorer::new().replay(seed, body).unwrap();
    }
    assert_eq!(orders.lock().unwrap().len(), 2);
}

/// A tree that computes, one that waits here and there, and hogs beside them.
#[test]
fn trees_of_all_kinds() {
    fn tree(n: u64, rng: u64) -> u64 {
        if n == 0 {
            match rng % 8 {
                0 => rt::yield_now(),
                1 => rt::time::sleep(Duration::from_micros(rng % 50)),
                2 => std::thread::sleep(Duration::from_micros(rng % 50)),
                3 => {
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_micros(rng % 50) {}
                }
                _ => {}
            }
            return 1;
        }
        let rng =
            rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = rt::join(|| tree(n - 1, rng >> 33), || tree(n - 1, rng >> 20));
        a + b
    }
    let t = common::test();
    for procs in [1, 2, 4] {
        let runtime = runtime(procs);
        for seed in 0..common::turns(3, 30) {
            let all: Vec<_> =
                (0..3).map(|n| runtime.handle().spawn(move || tree(8, seed * 3 + n))).collect();
            for one in all {
                assert_eq!(one.join().unwrap(), 256);
            }
            t.dog.pet();
        }
    }
}
