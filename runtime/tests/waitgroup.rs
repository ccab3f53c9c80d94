//! `WaitGroup`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, fail, panic_text, runtime, text_of};
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
}

/// Sixteen meet at one group and then at the other; nobody passes early. Used again eight times.
#[test]
fn a_double_barrier_used_again() {
    let _t = common::test();
    const N: usize = 16;
    on_one_and_two(|| {
        let (arrive, leave) = (WaitGroup::new(), WaitGroup::new());
        for _ in 0..8 {
            arrive.add(N as isize);
            leave.add(N as isize);
            let inside = Arc::new(AtomicUsize::new(0));
            let all: Vec<_> = (0..N)
                .map(|i| {
                    let (arrive, leave, inside) = (arrive.clone(), leave.clone(), inside.clone());
                    rt::spawn(move || {
                        if i % 3 == 0 {
                            rt::yield_now();
                        }
                        inside.fetch_add(1, Ordering::SeqCst);
                        arrive.done();
                        arrive.wait();
                        assert_eq!(inside.load(Ordering::SeqCst), N, "passed early");
                        leave.done();
                        leave.wait();
                    })
                })
                .collect();
            leave.wait();
            for handle in all {
                handle.join().unwrap();
            }
        }
    });
}

#[test]
fn zero_does_not_wait_and_below_zero_panics() {
    let _t = common::test();
    let wg = WaitGroup::new();
    wg.wait();
    assert!(wg.wait_timeout(Duration::ZERO));
    assert_eq!(panic_text(|| wg.done()), "negative WaitGroup counter");
    assert_eq!(panic_text(|| wg.add(-1)), "negative WaitGroup counter");
    wg.add(3);
    assert_eq!(panic_text(|| wg.add(-4)), "negative WaitGroup counter");
    assert_eq!(format!("{wg:?}"), "WaitGroup { count: 3 }");
    assert_eq!(panic_text(|| wg.add(isize::MAX)), "WaitGroup counter overflow");
    wg.add(-3);
    wg.wait();
}

#[test]
fn timeouts() {
    let _t = common::test();
    let wg = WaitGroup::new();
    wg.add(1);
    let late = || {
        let start = Instant::now();
        assert!(!wg.wait_timeout(Duration::from_millis(3)));
        assert!(start.elapsed() >= Duration::from_millis(3));
        assert!(!wg.wait_timeout(Duration::ZERO));
    };
    late();
    let runtime = runtime(1);
    runtime.run(late);
    let waits = wg.clone();
    let in_time = runtime.handle().spawn(move || waits.wait_timeout(Duration::MAX));
    thread::sleep(Duration::from_millis(1));
    wg.done();
    assert!(in_time.join().unwrap());
}

#[test]
fn threads_and_goroutines_wait_together() {
    let _t = common::test();
    let runtime = runtime(2);
    for _ in 0..50 {
        let wg = WaitGroup::new();
        wg.add(2);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let wg = wg.clone();
                thread::spawn(move || wg.wait())
            })
            .collect();
        let goroutines: Vec<_> = (0..5)
            .map(|_| {
                let wg = wg.clone();
                runtime.handle().spawn(move || wg.wait())
            })
            .collect();
        let done = wg.clone();
        runtime.handle().spawn(move || done.done());
        wg.done();
        wg.wait();
        threads.into_iter().for_each(|t| t.join().unwrap());
        goroutines.into_iter().for_each(|g| g.join().unwrap());
    }
}

/// A waiter is released by the end that it waited for, though the count rises again at once.
#[test]
fn the_count_may_rise_again_at_once() {
    let _t = common::test();
    let runtime = runtime(1);
    runtime.run(|| {
        let wg = WaitGroup::new();
        for _ in 0..1000 {
            wg.add(1);
            let waits = wg.clone();
            let waiter = rt::spawn(move || waits.wait());
            // Mostly one yield runs it into its wait, but not where the processor is taken away in between.
            common::eventually_yielding("it waits", || {
                rt::metrics().goroutines.waiting.contains(&("waitgroup", 1))
            });
            wg.done();
            wg.add(1);
            waiter.join_timeout(Duration::from_secs(30)).unwrap();
            wg.done();
        }
    });
}

#[test]
fn go_counts_and_raises_the_first_panic() {
    let _t = common::test();
    on_one_and_two(|| {
        let (wg, tally) = (WaitGroup::new(), Tally::default());
        for i in 0..10 {
            let token = tally.token();
            wg.go(move || {
                let _token = token;
                if i == 3 {
                    fail("in go");
                }
            });
        }
        let payload = std::panic::catch_unwind(|| wg.wait()).unwrap_err();
        assert_eq!(text_of(&*payload), "in go");
        tally.assert_all_dropped();
        // Said once.
        wg.wait();
        // One that exits is done as well.
        wg.go(|| rt::task::exit());
        wg.wait();
    });
}

#[test]
fn the_stop_releases_who_waits_outside() {
    let _t = common::test();
    let runtime = runtime(1);
    let handle = runtime.handle();
    let wg = WaitGroup::new();
    {
        let _entered = handle.enter();
        for _ in 0..5 {
            wg.go(|| drop(rt::chan::Chan::<String>::nil().recv()));
        }
    }
    let waits = wg.clone();
    let waiter = thread::spawn(move || waits.wait());
    drop(runtime);
    waiter.join().unwrap();
    let _entered = handle.enter();
    // Refused, and done at once.
    wg.go(|| unreachable!("the runtime has stopped"));
    wg.wait();
}

#[test]
fn many_counters_and_waiters_race() {
    let _t = common::test();
    let runtime = runtime(3);
    let rounds = if cfg!(debug_assertions) { 300 } else { 3000 };
    runtime.run(|| {
        let wg = WaitGroup::new();
        for _ in 0..rounds {
            wg.add(4);
            let all: Vec<_> = (0..8)
                .map(|i| {
                    let wg = wg.clone();
                    rt::spawn(move || match i % 4 {
                        0 | 1 => wg.done(),
                        2 => wg.wait(),
                        _ => {
                            wg.wait_timeout(Duration::from_micros(20));
                        }
                    })
                })
                .collect();
            wg.wait();
            for handle in all {
                handle.join_timeout(Duration::from_secs(30)).unwrap();
            }
        }
    });
}

/// Who releases thousands does not go on to the last of them before the first of them runs.
#[test]
fn of_a_multitude_many_run_while_others_are_released() {
    let _t = common::test();
    runtime(1).run(|| {
        const N: usize = 5000;
        let group = WaitGroup::new();
        group.add(1);
        let (came, gone) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        came.add(N as isize);
        let waiters: Vec<_> = (0..N)
            .map(|_| {
                let (group, came, gone) = (group.clone(), came.clone(), Arc::clone(&gone));
                rt::spawn(move || {
                    came.done();
                    group.wait();
                    gone.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        came.wait();
        group.done();
        // A thousand or so at a time.
        let gone_meanwhile = gone.load(Ordering::SeqCst);
        assert!((3000..N).contains(&gone_meanwhile), "{gone_meanwhile}");
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(gone.load(Ordering::SeqCst), N);
    });
}

/// More than are taken at a time, and the group is used again before the last of them has gone on.
#[test]
fn a_crowd_is_released() {
    let _t = common::test();
    on_one_and_two(|| {
        let group = WaitGroup::new();
        let came = Arc::new(AtomicUsize::new(0));
        for again in [false, true, false] {
            came.store(0, Ordering::SeqCst);
            group.add(1);
            let waiters: Vec<_> = (0..1000)
                .map(|_| {
                    let (group, came) = (group.clone(), Arc::clone(&came));
                    rt::spawn(move || {
                        came.fetch_add(1, Ordering::SeqCst);
                        group.wait();
                    })
                })
                .collect();
            common::eventually_yielding("all come", || came.load(Ordering::SeqCst) == 1000);
            rt::time::sleep(Duration::from_millis(1));
            group.done();
            if again {
                group.add(1);
            }
            // Who had not begun to wait by then waits for the second end.
            if again {
                rt::yield_now();
                group.done();
            }
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        }
    });
}
