//! `ErrGroup`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, fail, panic_text, runtime, seeded, turns};
use rt::chan::Chan;
use rt::sync::ErrGroup;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A member that stays until the channel is closed.
fn stays(gate: &Chan<()>) -> impl FnOnce() -> Result<(), u32> + Send + 'static {
    let gate = gate.clone();
    move || {
        gate.recv();
        Ok(())
    }
}

#[test]
fn the_first_error_wins() {
    let _t = common::test();
    runtime(1).run(|| {
        let group = ErrGroup::new();
        assert_eq!(group.wait(), Ok(()));
        let turn = Chan::new(0);
        for n in 0..5 {
            let turn = turn.clone();
            group.go(move || match turn.recv() {
                Some(true) => Err(n),
                _ => Ok(()),
            });
            // It waits before the next one does.
            rt::yield_now();
        }
        for fails in [false, false, true, true, false] {
            turn.send(fails);
        }
        assert_eq!(group.wait(), Err(2));
        // It can be used again.
        assert_eq!(group.wait(), Ok(()));
        group.go(|| Ok(()));
        assert_eq!(group.wait(), Ok(()));
        group.go(|| Err(7));
        assert_eq!(group.wait(), Err(7));
    });
}

#[test]
fn a_panic_comes_out_of_wait() {
    let _t = common::test();
    runtime(1).run(|| {
        let group = ErrGroup::<&str>::new();
        let raised = |group: &ErrGroup<&str>| {
            let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
            *payload.downcast::<u64>().expect("its own payload")
        };
        // Before an error, behind one, and the first of two.
        let orders: [&[Option<u64>]; 3] =
            [&[Some(1), None], &[None, Some(1)], &[None, Some(1), Some(2), None]];
        for order in orders {
            for what in order.iter().copied() {
                group.go(move || match what {
                    Some(number) => fail(number),
                    None => Err("error"),
                });
                rt::yield_now();
            }
            assert_eq!(raised(&group), 1);
            // Said once, and the error with it.
            assert_eq!(group.wait(), Ok(()));
        }
    });
}

/// The pipeline of Go's documentation: one waits to close the channel, another to be told.
#[test]
fn who_waits_for_the_end_takes_nothing() {
    let _t = common::test();
    runtime(2).run(|| {
        let group = ErrGroup::<u32>::new();
        group.wait_ended();
        for panics in [false, true] {
            let results = Chan::new(0);
            for n in 0..10 {
                let results = results.clone();
                group.go(move || match n {
                    7 if panics => fail(n),
                    7 => Err(n),
                    _ => {
                        results.send(n);
                        Ok(())
                    }
                });
            }
            rt::go!(group, results => {
                group.wait_ended();
                group.wait_ended();
                results.close();
            });
            assert_eq!(results.into_iter().sum::<u32>(), 38);
            let told = catch_unwind(AssertUnwindSafe(|| group.wait()));
            match panics {
                true => assert_eq!(told.unwrap_err().downcast_ref(), Some(&7_u32)),
                false => assert_eq!(told.unwrap(), Err(7)),
            }
            assert_eq!(group.wait(), Ok(()));
        }
        // It cancels nothing.
        let (group, ctx) = ErrGroup::<u32>::with_context(&rt::context::Context::background());
        group.go(|| Ok(()));
        group.wait_ended();
        assert_eq!(ctx.err(), None);
        assert_eq!(group.wait(), Ok(()));
        assert!(ctx.err().is_some());
    });
}

#[test]
fn who_waits_beside_or_later_can_tell() {
    let _t = common::test();
    runtime(2).run(|| {
        // A panic in `wait` counts as told, too.
        for panics in [false, true] {
            let group = ErrGroup::<&str>::new();
            group.go(|| Ok(()));
            group.wait().unwrap();
            assert!(!group.has_failed());
            let gate = Chan::new(0);
            let inside = gate.clone();
            group.go(move || {
                inside.recv();
                if panics { fail("panic") } else { Err("error") }
            });
            let tells = |group: ErrGroup<&'static str>| {
                let told = catch_unwind(AssertUnwindSafe(|| group.wait()));
                (!matches!(told, Ok(Ok(()))), group.has_failed())
            };
            let waiters: Vec<_> = (0..3)
                .map(|_| group.clone())
                .map(|group| rt::spawn(move || tells(group)))
                .collect();
            gate.send(());
            let told = waiters.into_iter().map(|waiter| waiter.join().unwrap());
            let (told, know): (Vec<_>, Vec<_>) = told.unzip();
            assert_eq!(told.iter().filter(|told| **told).count(), 1);
            assert_eq!(know, [true; 3]);
            assert_eq!(tells(group), (false, true));
        }
    });
}

#[test]
fn the_limit_is_reached_and_never_passed() {
    let _t = common::test();
    for (procs, limit) in [(1, 1), (1, 3), (2, 1), (2, 3)] {
        runtime(procs).run(|| {
            let group = ErrGroup::<()>::new();
            group.set_limit(limit);
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            for _ in 0..turns(50, 500) {
                let (now, most) = (now.clone(), most.clone());
                group.go(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    rt::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                });
            }
            group.wait().unwrap();
            let most = most.load(Ordering::SeqCst);
            assert!(most <= limit, "{most} at a time, of {limit}");
            assert!(procs > 1 || most == limit, "{most} at a time, of {limit}");
        });
    }
}

#[test]
fn try_go_says_no() {
    let _t = common::test();
    runtime(1).run(|| {
        let (group, gate, tally) = (ErrGroup::new(), Chan::new(0), Tally::default());
        assert!(group.try_go(|| Ok(())), "there is no limit");
        group.wait().unwrap();
        group.set_limit(2);
        assert!(group.try_go(stays(&gate)));
        assert!(group.try_go(stays(&gate)));
        let token = tally.token();
        let refused = move || {
            let _token = token;
            unreachable!("there is no place")
        };
        assert!(!group.try_go(refused));
        tally.assert_all_dropped();
        assert_eq!(format!("{group:?}"), "ErrGroup { active: 2, limit: 2 }");
        gate.send(());
        rt::yield_now();
        assert!(group.try_go(stays(&gate)));
        assert!(!group.try_go(stays(&gate)));
        gate.close();
        group.wait().unwrap();
        assert!(group.try_go(|| Ok(())));
        group.wait().unwrap();
    });
}

#[test]
fn the_limit_is_not_changed_under_members() {
    let _t = common::test();
    runtime(1).run(|| {
        let (group, gate) = (ErrGroup::new(), Chan::new(0));
        for n in 1..=2 {
            group.go(stays(&gate));
            let text = format!(
                "errgroup: modify limit while {n} goroutines in the group are still active"
            );
            assert_eq!(panic_text(|| group.set_limit(5)), text);
        }
        gate.close();
        group.wait().unwrap();
        group.set_limit(5);
        assert_eq!(format!("{group:?}"), "ErrGroup { active: 0, limit: 5 }");
    });
}

/// Nobody gets in, until there is another limit; then as many as it allows.
#[test]
fn a_limit_of_zero_is_a_closed_door() {
    let _t = common::test();
    runtime(1).run(|| {
        let (group, gate) = (ErrGroup::<u32>::new(), Chan::new(0));
        group.set_limit(0);
        let (out, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..5 {
            let (group, gate) = (group.clone(), gate.clone());
            let (out, inside) = (out.clone(), inside.clone());
            rt::spawn(move || {
                group.go(move || {
                    inside.fetch_add(1, Ordering::SeqCst);
                    gate.recv();
                    Ok(())
                });
                out.fetch_add(1, Ordering::SeqCst);
            });
        }
        let counts = |wanted| {
            (0..5).for_each(|_| rt::yield_now());
            assert_eq!((out.load(Ordering::SeqCst), inside.load(Ordering::SeqCst)), wanted);
        };
        counts((0, 0));
        assert!(!group.try_go(|| Ok(())));
        group.wait().unwrap();
        group.set_limit(0);
        counts((0, 0));
        group.set_limit(2);
        counts((2, 2));
        gate.send(());
        counts((3, 3));
        gate.close();
        counts((5, 5));
        group.wait().unwrap();
        group.set_limit(usize::MAX);
        assert_eq!(group.wait(), Ok(()));
    });
}

#[test]
fn places_are_given_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let (group, gate) = (ErrGroup::new(), Chan::new(0));
        group.set_limit(1);
        group.go(stays(&gate));
        let order = Arc::new(Mutex::new(Vec::new()));
        let all: Vec<_> = (0..6)
            .map(|n| {
                let (group, order) = (group.clone(), order.clone());
                let handle = rt::spawn(move || {
                    group.go(move || {
                        order.lock().unwrap().push(n);
                        Ok(())
                    });
                });
                // It waits before the next one is there.
                rt::yield_now();
                handle
            })
            .collect();
        // Two do not want to wait any longer: the first and one in the middle.
        for n in [0, 3] {
            all[n].abort();
        }
        rt::yield_now();
        gate.close();
        for (n, handle) in all.into_iter().enumerate() {
            assert_eq!(handle.join().is_ok(), ![0, 3].contains(&n));
        }
        group.wait().unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 2, 4, 5]);
        assert_eq!(format!("{group:?}"), "ErrGroup { active: 0, limit: 1 }");
    });
}

/// From the back, from the middle, from the front: the others come in their order.
#[test]
fn who_gives_up_leaves_the_others_in_their_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let (group, order) = (ErrGroup::<()>::new(), Chan::new(100));
        group.set_limit(0);
        let waiters: Vec<_> = (0..100_u32)
            .map(|n| {
                let (group, order) = (group.clone(), order.clone());
                let member = move || {
                    order.send(n);
                    Ok(())
                };
                let handle = rt::spawn(move || group.go(member));
                rt::yield_now();
                handle
            })
            .collect();
        let gives_up = |n: usize| n % 7 == 2 || !(5..90).contains(&n);
        for n in (50..100).rev().chain(0..50).filter(|n| gives_up(*n)) {
            waiters[n].abort();
            rt::yield_now();
        }
        group.set_limit(1);
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.join().is_err(), gives_up(n));
        }
        group.wait().unwrap();
        order.close();
        let expected: Vec<_> = (0..100).filter(|n| !gives_up(*n)).collect();
        assert_eq!(order.into_iter().map(|n| n as usize).collect::<Vec<_>>(), expected);
        assert_eq!(format!("{group:?}"), "ErrGroup { active: 0, limit: 1 }");
    });
}

/// A waiter gets its place and is cancelled before it runs again: the place goes on to the next.
#[test]
fn a_place_given_to_one_who_is_cancelled_goes_on() {
    let _t = common::test();
    runtime(1).run(|| {
        for _ in 0..turns(50, 500) {
            let (group, gate) = (ErrGroup::new(), Chan::new(0));
            group.set_limit(1);
            group.go(stays(&gate));
            rt::yield_now();
            let all: Vec<_> = (0..2)
                .map(|_| {
                    let group = group.clone();
                    let handle = rt::spawn(move || group.go(|| Err(5)));
                    rt::yield_now();
                    handle
                })
                .collect();
            // The member is ready to end before the first waiter is told to.
            gate.close();
            all[0].abort();
            let mut all = all.into_iter();
            let first = all.next().unwrap().join();
            all.next().unwrap().join_timeout(Duration::from_secs(30)).unwrap();
            assert!(first.is_ok() || first.unwrap_err().is_cancelled());
            assert_eq!(group.wait(), Err(5));
            assert_eq!(format!("{group:?}"), "ErrGroup { active: 0, limit: 1 }");
        }
    });
}

#[test]
fn members_add_members() {
    let _t = common::test();
    fn tree(group: &ErrGroup<u32>, leaves: &Arc<AtomicUsize>, depth: u32) {
        for _ in 0..3 {
            let (of_member, leaves) = (group.clone(), leaves.clone());
            group.go(move || {
                if depth == 0 {
                    leaves.fetch_add(1, Ordering::Relaxed);
                    return Err(1);
                }
                tree(&of_member, &leaves, depth - 1);
                Ok(())
            });
        }
    }
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (group, leaves) = (ErrGroup::new(), Arc::new(AtomicUsize::new(0)));
            tree(&group, &leaves, 4);
            assert_eq!(group.wait(), Err(1));
            assert_eq!(leaves.load(Ordering::Relaxed), 243);
        });
    }
}

#[test]
fn a_member_that_is_cut_short_has_ended() {
    let _t = common::test();
    let rt = runtime(1);
    let group = ErrGroup::<u32>::new();
    group.set_limit(1);
    rt.run(|| {
        group.go(|| rt::task::exit());
        group.go(|| rt::task::exit());
        assert_eq!(group.wait(), Ok(()));
    });
    let tally = Tally::default();
    let token = tally.token();
    let handle = rt.handle();
    {
        let _entered = handle.enter();
        group.go(move || {
            let _token = token;
            Chan::<()>::nil().recv();
            Ok(())
        });
    }
    let waits = group.clone();
    let waiter = thread::spawn(move || waits.wait());
    drop(rt);
    assert_eq!(waiter.join().unwrap(), Ok(()));
    tally.assert_all_dropped();
    // Refused, and over at once.
    let _entered = handle.enter();
    group.go(|| unreachable!("the runtime has stopped"));
    assert!(group.try_go(|| unreachable!("the runtime has stopped")));
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn without_a_runtime_nothing_is_left_behind() {
    let _t = common::test();
    let (group, tally) = (ErrGroup::<u32>::new(), Tally::default());
    group.set_limit(1);
    for _ in 0..3 {
        let token = tally.token();
        let text = panic_text(|| {
            group.go(move || {
                drop(token);
                Ok(())
            });
        });
        assert!(text.starts_with("there is no rt runtime here"), "{text}");
    }
    tally.assert_all_dropped();
    assert_eq!(group.wait(), Ok(()));
    assert_eq!(format!("{group:?}"), "ErrGroup { active: 0, limit: 1 }");
}

/// Plain threads start members, and wait for places and for the end.
#[test]
fn threads_do_it_too() {
    let _t = common::test();
    let runtime = runtime(2);
    let group = ErrGroup::<u32>::new();
    group.set_limit(2);
    let done = Arc::new(AtomicUsize::new(0));
    thread::scope(|s| {
        for _ in 0..3 {
            let (group, done, handle) = (group.clone(), done.clone(), runtime.handle());
            s.spawn(move || {
                let _entered = handle.enter();
                for _ in 0..turns(20, 200) {
                    let done = done.clone();
                    group.go(move || {
                        rt::yield_now();
                        done.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    });
                }
                group.wait().unwrap();
            });
        }
    });
    assert_eq!(done.load(Ordering::Relaxed) as u64, 3 * turns(20, 200));
}

/// Starters and members that return, fail, panic, exit, and are aborted; with limits. Every place
/// comes back, everything is dropped once, and a failure is told if there was one.
#[test]
fn stress() {
    let t = common::test();
    seeded(&t.dog, turns(50, 300), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(4) as usize);
        let tally = Tally::default();
        let group = ErrGroup::<common::Token>::new();
        let limit = [1, 2, 5, usize::MAX][rng.below(4) as usize];
        group.set_limit(limit);
        let (failed, panicked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let now = Arc::new(AtomicUsize::new(0));
        let panics = rng.one_in(3);
        let starter = |seed: u64| {
            let (group, tally, now) = (group.clone(), tally.clone(), now.clone());
            let (failed, panicked) = (failed.clone(), panicked.clone());
            move || {
                let mut rng = Rng::new(seed);
                for _ in 0..12 {
                    let (end, pauses, tries) = (rng.below(10), rng.below(4), rng.one_in(3));
                    let (tally, token, now) = (tally.clone(), tally.token(), now.clone());
                    let (failed, panicked) = (failed.clone(), panicked.clone());
                    let member = move || {
                        struct Out(Arc<AtomicUsize>);
                        impl Drop for Out {
                            fn drop(&mut self) {
                                self.0.fetch_sub(1, Ordering::SeqCst);
                            }
                        }
                        let _token = token;
                        assert!(now.fetch_add(1, Ordering::SeqCst) < limit);
                        let _out = Out(now);
                        (0..pauses).for_each(|_| rt::yield_now());
                        match end {
                            0 | 1 => {
                                failed.fetch_add(1, Ordering::SeqCst);
                                return Err(tally.token());
                            }
                            2 if panics => {
                                panicked.fetch_add(1, Ordering::SeqCst);
                                fail(tally.token())
                            }
                            3 => rt::task::exit(),
                            _ => {}
                        }
                        Ok(())
                    };
                    if tries {
                        let _ = group.try_go(member);
                    } else {
                        group.go(member);
                    }
                }
            }
        };
        let thread = rng.one_in(2).then(|| {
            let (handle, starter) = (runtime.handle(), starter(rng.next()));
            thread::spawn(move || {
                let _entered = handle.enter();
                starter();
            })
        });
        let all: Vec<_> =
            (0..6).map(|_| (runtime.handle().spawn(starter(rng.next())), rng.one_in(3))).collect();
        for (starter, abort) in all {
            if abort {
                starter.abort();
            }
            if let Err(error) = starter.join() {
                assert!(abort && error.is_cancelled(), "{error:?}");
            }
        }
        if let Some(thread) = thread {
            thread.join().unwrap();
        }
        match catch_unwind(AssertUnwindSafe(|| group.wait())) {
            Ok(outcome) => {
                assert_eq!(outcome.is_err(), failed.load(Ordering::SeqCst) > 0);
                assert_eq!(panicked.load(Ordering::SeqCst), 0);
            }
            Err(payload) => {
                assert!(payload.is::<common::Token>());
                assert_ne!(panicked.load(Ordering::SeqCst), 0);
            }
        }
        assert!(format!("{group:?}").starts_with("ErrGroup { active: 0,"), "{group:?}");
        eventually("all dropped", || tally.made() == tally.dropped());
    });
}
