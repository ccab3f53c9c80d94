//! `after_func`: in a goroutine of its own, or not at all.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{
    OnDrop, Rng, Tally, eventually_yielding, everywhere, fail, panic_text, runtime, seeded, turns,
};
use rt::chan;
use rt::time::{Timer, after_func, sleep};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn it_runs_in_a_goroutine_of_its_own_and_not_early() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let me = rt::task::current().id();
            let (tx, rx) = chan::bounded(1);
            let start = Instant::now();
            let timer = after_func(ms(5), move || {
                let at = Instant::now();
                // It may wait as any goroutine does.
                sleep(ms(1));
                tx.send((at, rt::task::current().id())).unwrap();
            });
            assert_eq!(rt::num_goroutines(), 1, "it has not begun");
            let (at, id) = rx.recv().unwrap();
            assert!(at >= start + ms(5));
            assert_ne!(id, me);
            assert!(!timer.stop() && !timer.reset(ms(1)), "it has fired");
            assert!(timer.chan().try_recv().is_err());
            assert!(timer.chan().recv_timeout(ms(1)).is_err());
        });
    }
}

#[test]
fn zero_is_at_once_and_too_long_is_never() {
    let _t = common::test();
    runtime(2).run(|| {
        let (tx, rx) = chan::bounded(1);
        let _timer = after_func(Duration::ZERO, move || tx.send(()).unwrap());
        rx.recv().unwrap();
        let (tx, rx) = chan::bounded(1);
        let timer = after_func(Duration::MAX, move || tx.send(()).unwrap());
        assert!(rx.recv_timeout(ms(2)).is_err());
        assert!(timer.reset(MINUTE) && timer.reset(Duration::MAX) && timer.reset(ms(1)));
        rx.recv().unwrap();
    });
}

#[test]
fn stopped_it_never_runs_and_its_closure_goes_with_the_timer() {
    let _t = common::test();
    runtime(2).run(|| {
        let tally = Tally::default();
        let token = tally.token();
        let timer = after_func(MINUTE, move || {
            let _token = token;
            panic!("it was stopped")
        });
        assert!(timer.stop());
        sleep(ms(4));
        assert!(!timer.stop());
        assert_eq!(tally.dropped(), 0);
        drop(timer);
        tally.assert_all_dropped();
    });
}

#[test]
fn stopped_it_can_be_reset_and_runs_once() {
    let _t = common::test();
    everywhere(|| {
        let (tx, rx) = chan::unbounded();
        let timer = after_func(MINUTE, move || tx.send(Instant::now()).unwrap());
        for _ in 0..3 {
            assert!(timer.stop() && !timer.stop());
            assert!(!timer.reset(MINUTE), "it was stopped");
            assert!(timer.reset(2 * MINUTE), "and is armed again");
        }
        assert!(timer.stop());
        assert!(rx.try_recv().is_err());
        let start = Instant::now();
        assert!(!timer.reset(ms(2)));
        assert!(rx.recv().unwrap() >= start + ms(2));
        assert!(!timer.stop() && !timer.reset(ms(1)), "it has fired");
        assert!(rx.recv().is_err(), "the function is gone");
    });
}

#[test]
fn reset_moves_it() {
    let _t = common::test();
    runtime(2).run(|| {
        // To later.
        let (tx, rx) = chan::bounded(1);
        let start = Instant::now();
        let timer = after_func(MINUTE, move || tx.send(Instant::now()).unwrap());
        assert!(timer.reset(2 * MINUTE));
        // And to earlier.
        assert!(timer.reset(ms(5)));
        let at = rx.recv().unwrap();
        assert!(at >= start + ms(5) && at < start + MINUTE / 2);
        assert!(!timer.reset(ms(1)));
        assert!(rx.recv_timeout(ms(4)).is_err(), "it ran again");
    });
}

#[test]
fn with_a_function_that_may_be_called_again() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        let token = tally.token();
        let (tx, rx) = chan::unbounded();
        let timer = Timer::with_func(ms(1), move || {
            let _ = &token;
            tx.send(Instant::now()).unwrap();
        });
        assert!(timer.chan().try_recv().is_err());
        rx.recv().unwrap();
        assert!(!timer.stop(), "it has fired");
        for _ in 0..3 {
            let start = Instant::now();
            assert!(!timer.reset(ms(2)), "it had fired");
            assert!(rx.recv().unwrap() >= start + ms(2));
        }
        assert!(!timer.reset(MINUTE) && timer.reset(2 * MINUTE) && timer.stop() && !timer.stop());
        assert!(!timer.reset(Duration::MAX) && timer.reset(Duration::ZERO));
        rx.recv().unwrap();
        assert!(rx.recv_timeout(ms(3)).is_err(), "once for each");
        // What is to come does so without its timer, and then the function goes.
        assert!(!timer.reset(ms(2)));
        drop(timer);
        rx.recv().unwrap();
        assert!(rx.recv().is_err());
        tally.assert_all_dropped();
        let token = tally.token();
        let late = Timer::with_func(MINUTE, move || drop(token.clone()));
        assert!(late.stop());
        drop(late);
        tally.assert_all_dropped();
    });
}

/// However they meet: each call has a reset, or the beginning, of its own, and after a stop there is none.
#[test]
fn with_a_function_resets_and_stops_meet() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            for _ in 0..turns(20, 200) {
                let calls = Arc::new(AtomicU64::new(0));
                let inside = Arc::clone(&calls);
                let timer = Arc::new(Timer::with_func(Duration::ZERO, move || {
                    inside.fetch_add(1, Ordering::SeqCst);
                }));
                let prevented: u64 = rt::scope(|s| {
                    let movers: Vec<_> = (0..4_u64)
                        .map(|i| {
                            let timer = &timer;
                            s.spawn(move || {
                                let mut prevented = 0;
                                for n in 0..10 {
                                    let at = Duration::from_micros((i + n) % 3 * 5);
                                    prevented += u64::from(timer.reset(at));
                                    if n % 4 == i {
                                        rt::yield_now();
                                    }
                                }
                                prevented
                            })
                        })
                        .collect();
                    movers.into_iter().map(|mover| mover.join().unwrap()).sum()
                });
                let prevented = prevented + u64::from(timer.stop());
                eventually_yielding("each has its call", || {
                    calls.load(Ordering::SeqCst) + prevented == 41
                });
                rt::yield_now();
                assert_eq!(calls.load(Ordering::SeqCst) + prevented, 41);
            }
        });
    }
}

#[test]
fn dropping_the_timer_stops_nothing() {
    let _t = common::test();
    runtime(1).run(|| {
        let (tx, rx) = chan::bounded(1);
        drop(after_func(ms(1), move || tx.send(()).unwrap()));
        rx.recv().unwrap();
    });
}

#[test]
fn they_run_in_the_order_of_their_deadlines() {
    let _t = common::test();
    runtime(1).run(|| {
        let (tx, rx) = chan::unbounded();
        for i in [30, 10, 20, 0] {
            let tx = tx.clone();
            after_func(ms(i), move || tx.send(i).unwrap());
        }
        drop(tx);
        // Two that are due at the same look of a late machine go into the queue in order.
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 10, 20, 30]);
    });
}

/// Whoever stops and moves it meanwhile, it runs once if it is to in the end, and not while it is stopped; and its closure is
/// dropped once.
#[test]
fn stop_and_reset_against_fire() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(20, 60), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                let tally = Tally::default();
                for _ in 0..20 {
                    let ran = Arc::new(AtomicU64::new(0));
                    let (theirs, token) = (Arc::clone(&ran), tally.token());
                    let timer = Arc::new(after_func(micros(&mut rng), move || {
                        let _token = token;
                        theirs.fetch_add(1, Ordering::SeqCst);
                    }));
                    let others: Vec<_> = (0..3)
                        .map(|_| {
                            let (timer, mut rng) = (Arc::clone(&timer), Rng::new(rng.next()));
                            rt::spawn(move || {
                                spin(micros(&mut rng));
                                if rng.one_in(2) {
                                    timer.reset(micros(&mut rng));
                                }
                                timer.stop();
                            })
                        })
                        .collect();
                    others.into_iter().for_each(|other| other.join().unwrap());
                    assert!(!timer.stop(), "all have stopped it");
                    spin(micros(&mut rng));
                    let has_run = ran.load(Ordering::SeqCst);
                    spin(micros(&mut rng));
                    assert!(!timer.reset(Duration::ZERO), "it was stopped, or has run");
                    eventually_yielding("it runs", || ran.load(Ordering::SeqCst) == 1);
                    assert!(has_run <= 1 && !timer.stop() && !timer.reset(Duration::ZERO));
                    spin(micros(&mut rng));
                    assert_eq!(ran.load(Ordering::SeqCst), 1);
                }
                eventually_yielding("all end", || tally.dropped() == tally.made());
            });
        });
    }
}

fn micros(rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.below(200))
}

fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        rt::yield_now();
    }
}

#[test]
fn a_hundred_thousand_that_are_stopped() {
    let _t = common::test();
    runtime(2).run(|| {
        let tally = Tally::default();
        let timers: Vec<_> = (0..turns(10_000, 100_000))
            .map(|_| {
                let token = tally.token();
                after_func(MINUTE, move || drop(token))
            })
            .collect();
        assert_eq!(rt::num_goroutines(), 1);
        assert!(timers.iter().all(Timer::stop));
        drop(timers);
        tally.assert_all_dropped();
    });
}

/// What has not begun when the runtime ends is dropped; what would be too late is, too.
#[test]
fn the_runtime_ends_first() {
    let t = common::test();
    seeded(&t.dog, turns(20, 100), |seed| {
        let mut rng = Rng::new(seed);
        let tally = Tally::default();
        let runtime = runtime(1 + rng.below(2) as usize);
        let timers: Vec<_> = (0..100)
            .map(|_| {
                let token = tally.token();
                let after = if rng.one_in(2) { MINUTE } else { micros(&mut rng) };
                let handle = runtime.handle();
                let _guard = handle.enter();
                after_func(after, move || {
                    let _token = token;
                    sleep(MINUTE);
                })
            })
            .collect();
        std::thread::sleep(micros(&mut rng));
        let handle = runtime.handle();
        drop(runtime);
        tally.assert_all_dropped();
        assert!(timers.iter().all(|timer| !timer.stop() && !timer.reset(Duration::ZERO)));
        let _guard = handle.enter();
        let token = tally.token();
        let late = after_func(ms(1), move || drop(token));
        tally.assert_all_dropped();
        assert!(!late.stop() && !late.reset(ms(1)));
    });
}

#[test]
fn a_closure_whose_drop_panics_or_wants_the_timer() {
    let _t = common::test();
    runtime(1).run(|| {
        let bad = OnDrop(|| fail("in the drop"));
        let timer = after_func(MINUTE, move || drop(bad));
        assert!(timer.stop());
        // The panic is the goroutine's own.
        drop(timer);
        // The closure holds its own timer, weakly.
        let place: Arc<rt::sync::OnceLock<Timer>> = Arc::default();
        let own = Arc::downgrade(&place);
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let at_drop = OnDrop(move || {
            assert!(own.upgrade().is_none());
            seen.store(true, Ordering::SeqCst);
        });
        let timer = after_func(MINUTE, move || drop(at_drop));
        place.set(timer).unwrap();
        assert!(place.get().unwrap().stop());
        drop(place);
        assert!(done.load(Ordering::SeqCst));
    });
}

/// The first timer of all is one that never fires: those that come later do.
#[test]
fn behind_one_that_never_fires() {
    let _t = common::test();
    everywhere(|| {
        let never = after_func(Duration::MAX, || unreachable!());
        let (tx, rx) = chan::bounded(1);
        after_func(ms(1), move || tx.send(()).unwrap());
        assert_eq!(rx.recv(), Ok(()));
        sleep(ms(1));
        assert!(never.stop());
    });
}

#[test]
fn without_a_runtime_it_says_what_to_do() {
    let _t = common::test();
    let tally = Tally::default();
    let token = tally.token();
    let text = panic_text(|| after_func(ms(1), move || drop(token)));
    assert!(text.contains("#[rt::main]") && text.contains("Handle::enter"), "{text}");
    tally.assert_all_dropped();
}

#[test]
fn from_a_plain_thread_that_has_entered_a_runtime() {
    let _t = common::test();
    let runtime = runtime(2);
    let handle = runtime.handle();
    let _guard = handle.enter();
    let (tx, rx) = chan::bounded(1);
    let timer = after_func(MINUTE, move || tx.send(rt::task::try_current().is_some()).unwrap());
    assert!(timer.reset(ms(1)));
    assert_eq!(rx.recv(), Ok(true));
}
