//! Ending goroutines from outside and from inside: abort and exit.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, eventually, eventually_yielding, panic_text, runtime};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Spawns `f`, which says when it is about to wait; aborts it in its wait; checks that it was
/// unwound there, and its destructors run once.
fn abort_in_wait(f: impl FnOnce(&dyn Fn()) + Send + 'static) {
    let tally = Tally::default();
    let (token, about) = (tally.token(), Chan::new(1));
    let about2 = about.clone();
    let handle = rt::spawn(move || {
        let _token = token;
        f(&|| about2.send(()));
    });
    about.recv();
    // Some abort before it has parked, most after.
    rt::time::sleep(Duration::from_micros(200));
    handle.abort();
    let error = handle.join().unwrap_err();
    assert!(error.is_cancelled(), "{error:?}");
    tally.assert_all_dropped();
}

fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
}

#[test]
fn in_a_join() {
    let _t = common::test();
    on_one_and_two(|| {
        let go = Chan::<()>::new(0);
        let (go2, value) = (go.clone(), Chan::new(1));
        let value2 = value.clone();
        let slow = rt::spawn(move || {
            go2.recv();
            value2.send(7);
        });
        abort_in_wait(move |about| {
            about();
            let _ = slow.join();
        });
        // What it waited for goes on, detached.
        go.send(());
        assert_eq!(value.recv(), Some(7));
    });
}

#[test]
fn in_a_join_timeout_of_a_shared_handle() {
    let _t = common::test();
    on_one_and_two(|| {
        let go = Chan::<()>::new(0);
        let go2 = go.clone();
        let slow = Arc::new(rt::spawn(move || {
            go2.recv();
            7
        }));
        let slow2 = slow.clone();
        abort_in_wait(move |about| {
            about();
            let _ = slow2.join_timeout(Duration::from_secs(100));
        });
        go.send(());
        // The handle is free again, and still has the value.
        assert_eq!(slow.join_timeout(Duration::from_secs(50)).unwrap(), 7);
    });
}

#[test]
fn in_a_wait_group() {
    let _t = common::test();
    on_one_and_two(|| {
        let wg = WaitGroup::new();
        wg.add(1);
        let wg2 = wg.clone();
        let stays = rt::spawn(move || wg2.wait());
        for timed in [false, true] {
            let wg = wg.clone();
            abort_in_wait(move |about| {
                about();
                if timed {
                    wg.wait_timeout(Duration::from_secs(100));
                } else {
                    wg.wait();
                }
            });
        }
        assert!(!stays.is_finished());
        wg.done();
        stays.join().unwrap();
        wg.wait();
    });
}

#[test]
fn in_a_send() {
    let _t = common::test();
    on_one_and_two(|| {
        for cap in [0, 1] {
            for timed in [false, true] {
                let (tally, ch) = (Tally::default(), Chan::new(cap));
                for _ in 0..cap {
                    ch.send((0, tally.token()));
                }
                let (ch2, token) = (ch.clone(), tally.token());
                abort_in_wait(move |about| {
                    about();
                    if timed {
                        let _ = ch2.send_timeout((1, token), Duration::from_secs(100));
                    } else {
                        ch2.send((1, token));
                    }
                });
                // Its value has gone with it; the next sender's comes through.
                let (ch2, token) = (ch.clone(), tally.token());
                rt::spawn(move || ch2.send((2, token)));
                let values: Vec<_> = (0..=cap).map(|_| ch.recv().unwrap().0).collect();
                assert_eq!(values, if cap == 0 { vec![2] } else { vec![0, 2] });
                tally.assert_all_dropped();
            }
        }
    });
}

#[test]
fn in_a_recv() {
    let _t = common::test();
    on_one_and_two(|| {
        for timed in [false, true] {
            let ch = Chan::<u32>::new(0);
            let ch2 = ch.clone();
            abort_in_wait(move |about| {
                about();
                if timed {
                    let _ = ch2.recv_timeout(Duration::from_secs(100));
                } else {
                    ch2.recv();
                }
            });
            // Nobody waits in it any more.
            assert!(ch.try_send(1).is_err());
            let ch2 = ch.clone();
            let gets = rt::spawn(move || ch2.recv());
            ch.send(2);
            assert_eq!(gets.join().unwrap(), Some(2));
        }
    });
}

#[test]
fn in_nil_channels_and_sleeps() {
    let _t = common::test();
    on_one_and_two(|| {
        abort_in_wait(|about| {
            about();
            Chan::<u8>::nil().recv();
        });
        abort_in_wait(|about| {
            about();
            Chan::nil().send(1);
        });
        abort_in_wait(|about| {
            about();
            rt::time::sleep(Duration::from_secs(1000));
        });
        abort_in_wait(|about| {
            about();
            rt::time::sleep(Duration::MAX);
        });
        abort_in_wait(|about| {
            about();
            loop {
                rt::yield_now();
            }
        });
    });
}

#[test]
fn in_a_scope_reaches_the_children_first() {
    let _t = common::test();
    on_one_and_two(|| {
        let (tally, order) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
        let (tally2, order2) = (tally.clone(), order.clone());
        abort_in_wait(move |about| {
            struct Checks(Arc<AtomicUsize>);
            impl Drop for Checks {
                fn drop(&mut self) {
                    assert_eq!(
                        self.0.load(Ordering::SeqCst),
                        3,
                        "a child outlived what it borrows"
                    );
                }
            }
            let borrowed = Checks(order2);
            let inside = WaitGroup::new();
            inside.add(3);
            rt::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        struct Counts<'a>(&'a Checks);
                        impl Drop for Counts<'_> {
                            fn drop(&mut self) {
                                // While unwinding, over a park.
                                rt::yield_now();
                                self.0.0.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                        let _token = tally2.token();
                        let _counts = Counts(&borrowed);
                        inside.done();
                        Chan::<()>::nil().recv();
                    });
                }
                inside.wait();
                about();
            });
            unreachable!("its children were cut short");
        });
        assert_eq!(order.load(Ordering::SeqCst), 3);
        tally.assert_all_dropped();
    });
}

#[test]
fn in_the_body_of_a_scope() {
    let _t = common::test();
    on_one_and_two(|| {
        let (tally, ended) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
        let (tally2, ended2) = (tally.clone(), ended.clone());
        abort_in_wait(move |about| {
            let inside = Chan::new(1);
            rt::scope(|s| {
                s.spawn(|| {
                    let _token = tally2.token();
                    inside.send(());
                    let cut = catch_unwind(|| Chan::<()>::nil().recv());
                    ended2.fetch_add(1, Ordering::SeqCst);
                    if let Err(payload) = cut {
                        resume_unwind(payload);
                    }
                });
                inside.recv();
                about();
                Chan::<()>::nil().recv();
            });
        });
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        tally.assert_all_dropped();
    });
}

#[test]
fn before_the_start_drops_the_closure() {
    let _t = common::test();
    runtime(1).run(|| {
        let (tally, ran) = (Tally::default(), Arc::new(AtomicBool::new(false)));
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let (token, ran) = (tally.token(), ran.clone());
                rt::spawn(move || {
                    let _token = token;
                    ran.store(true, Ordering::SeqCst);
                })
            })
            .collect();
        for handle in &handles {
            handle.abort();
        }
        for handle in handles {
            assert!(handle.join().unwrap_err().is_cancelled());
        }
        assert!(!ran.load(Ordering::SeqCst));
        tally.assert_all_dropped();
    });
}

#[test]
fn of_a_running_one_comes_at_its_next_park() {
    let _t = common::test();
    let runtime = runtime(1);
    let (go, started) = (Arc::new(AtomicBool::new(false)), Chan::new(1));
    let (go2, started2) = (go.clone(), started.clone());
    let burnt = Arc::new(AtomicBool::new(false));
    let burnt2 = burnt.clone();
    let handle = runtime.handle().spawn(move || {
        started2.send(());
        while !go2.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        burnt2.store(true, Ordering::SeqCst);
        rt::yield_now();
        unreachable!("aborted");
    });
    started.recv();
    handle.abort();
    handle.abort();
    assert!(!handle.is_finished());
    go.store(true, Ordering::SeqCst);
    assert!(handle.join().unwrap_err().is_cancelled());
    assert!(burnt.load(Ordering::SeqCst));
}

#[test]
fn of_a_finished_one_changes_nothing() {
    let _t = common::test();
    runtime(2).run(|| {
        let handle = rt::spawn(|| 5);
        eventually_yielding("it ends", || handle.is_finished());
        handle.abort();
        handle.abort();
        assert_eq!(handle.join().unwrap(), 5);
    });
}

#[test]
fn a_swallowed_one_comes_again() {
    let _t = common::test();
    on_one_and_two(|| {
        let swallowed = Arc::new(AtomicUsize::new(0));
        let swallowed2 = swallowed.clone();
        abort_in_wait(move |about| {
            about();
            for i in 0..20 {
                let wait = || match i % 3 {
                    0 => drop(Chan::<()>::nil().recv()),
                    1 => rt::time::sleep(Duration::from_secs(100)),
                    _ => rt::yield_now(),
                };
                if catch_unwind(AssertUnwindSafe(wait)).is_err() {
                    swallowed2.fetch_add(1, Ordering::SeqCst);
                }
            }
            Chan::<()>::nil().recv();
        });
        assert_eq!(swallowed.load(Ordering::SeqCst), 20);
    });
}

/// Nothing is delivered while the goroutine panics already: that would abort the process.
#[test]
fn while_panicking_it_waits() {
    let _t = common::test();
    on_one_and_two(|| {
        struct Waits(Chan<()>, Chan<()>, Arc<AtomicBool>);
        impl Drop for Waits {
            fn drop(&mut self) {
                self.0.send(());
                self.1.recv();
                rt::yield_now();
                self.2.store(true, Ordering::SeqCst);
            }
        }
        let (inside, go, whole) = (Chan::new(1), Chan::new(0), Arc::new(AtomicBool::new(false)));
        let waits = Waits(inside.clone(), go.clone(), whole.clone());
        let handle = rt::spawn(move || {
            let _waits = waits;
            common::fail("first")
        });
        inside.recv();
        handle.abort();
        rt::time::sleep(Duration::from_millis(1));
        go.send(());
        let error: rt::JoinError = handle.join().unwrap_err();
        assert_eq!(common::text_of(&*error.into_panic()), "first");
        assert!(whole.load(Ordering::SeqCst));
    });
}

/// Destructors of an aborted goroutine may wait, and are not cut short.
#[test]
fn its_destructors_may_wait() {
    let _t = common::test();
    on_one_and_two(|| {
        struct Works(Arc<AtomicBool>);
        impl Drop for Works {
            fn drop(&mut self) {
                rt::time::sleep(Duration::from_millis(1));
                let ch = Chan::new(0);
                let tx = ch.clone();
                rt::spawn(move || tx.send(3));
                assert_eq!(ch.recv(), Some(3));
                assert_eq!(rt::spawn(|| 4).join().unwrap(), 4);
                let sum = AtomicUsize::new(0);
                rt::scope(|s| {
                    s.spawn(|| {
                        rt::yield_now();
                        sum.fetch_add(5, Ordering::SeqCst)
                    });
                });
                self.0.store(sum.into_inner() == 5, Ordering::SeqCst);
            }
        }
        let done = Arc::new(AtomicBool::new(false));
        let works = Works(done.clone());
        abort_in_wait(move |about| {
            let _works = works;
            about();
            Chan::<()>::nil().recv();
        });
        assert!(done.load(Ordering::SeqCst), "its destructor was cut short");
    });
}

#[test]
fn exit_unwinds_from_deep_inside() {
    let _t = common::test();
    on_one_and_two(|| {
        fn deep(n: usize, tally: &Tally) {
            let _token = tally.token();
            if n == 0 {
                rt::task::exit();
            }
            deep(n - 1, tally);
            unreachable!("exit does not return");
        }
        let tally = Tally::default();
        let tally2 = tally.clone();
        let handle = rt::spawn(move || deep(50, &tally2));
        assert!(handle.join().unwrap_err().is_cancelled());
        assert_eq!(tally.made(), 51);
        tally.assert_all_dropped();
    });
}

#[test]
fn exit_waits_for_scoped_children() {
    let _t = common::test();
    on_one_and_two(|| {
        let tally = Tally::default();
        let tally2 = tally.clone();
        let handle = rt::spawn(move || {
            let inside = Chan::new(3);
            rt::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        let _token = tally2.token();
                        inside.send(());
                        Chan::<()>::nil().recv();
                    });
                }
                (0..3).for_each(|_| inside.recv().unwrap());
                rt::task::exit()
            })
        });
        let error: rt::JoinError = handle.join().unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(tally.made(), 3);
        tally.assert_all_dropped();
    });
}

#[test]
fn exit_on_a_plain_thread_panics() {
    let _t = common::test();
    let text = panic_text(|| rt::task::exit());
    assert_eq!(text, "rt::task::exit was called outside of a goroutine");
}

/// Aborts and ends that race: each goroutine ends once, whatever comes first.
#[test]
fn abort_races_with_everything() {
    let _t = common::test();
    let runtime = runtime(2);
    let tally = Tally::default();
    for round in 0..300 {
        let ch = Chan::new(0);
        let (rx, token, inner) = (ch.clone(), tally.token(), tally.token());
        let handle = Arc::new(runtime.handle().spawn(move || {
            let _token = token;
            rx.recv();
            inner
        }));
        let handle2 = handle.clone();
        let aborts = std::thread::spawn(move || handle2.abort());
        let wakes = (round % 2 == 0).then(|| {
            let ch = ch.clone();
            std::thread::spawn(move || {
                let _ = ch.send_timeout((), Duration::from_millis(1));
            })
        });
        aborts.join().unwrap();
        if let Some(wakes) = wakes {
            wakes.join().unwrap();
        }
        let handle = Arc::into_inner(handle).unwrap();
        match handle.join() {
            Ok(token) => drop(token),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    eventually("all dropped", || tally.dropped() == tally.made());
}

/// Who has never waited before it waits under a mask, for its children or for what it runs, and is aborted just then.
#[test]
fn of_a_parent_that_begins_to_wait_reaches_its_children() {
    let _t = common::test();
    let runtime = runtime(2);
    let forever = || Chan::<()>::nil().recv();
    for round in 0..5_000 {
        let about = Arc::new(AtomicBool::new(false));
        let about2 = about.clone();
        let handle = runtime.handle().spawn(move || match round % 4 {
            0 => {
                let runtime = rt::Handle::current();
                about2.store(true, Ordering::Release);
                runtime.run(forever);
            }
            _ => rt::scope(|s| {
                s.spawn(forever);
                about2.store(true, Ordering::Release);
            }),
        });
        while !about.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        for _ in 0..round * 7 % 600 {
            std::hint::spin_loop();
        }
        handle.abort();
        assert!(handle.join().unwrap_err().is_cancelled());
    }
}
