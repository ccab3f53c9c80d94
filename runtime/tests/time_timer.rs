//! `Timer` with its channel: it fires, is stopped, is moved, and never leaves a stale value.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{Rng, eventually_yielding, runtime, seeded, turns};
use rt::chan::{Chan, Select, TryRecvError};
use rt::time::{Timer, now, sleep, sleep_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// In a goroutine, and on a plain thread without any runtime.
fn both(f: fn()) {
    let _t = common::test();
    f();
    for procs in [1, 2] {
        runtime(procs).run(f);
    }
}

#[test]
fn it_fires_once_and_not_early() {
    both(|| {
        let start = Instant::now();
        let timer = Timer::new(ms(5));
        assert!(timer.chan().is_empty());
        assert_eq!(timer.chan().try_recv(), Err(TryRecvError::Empty));
        let due = timer.chan().recv().unwrap();
        assert!(due >= start + ms(5) && Instant::now() >= due);
        assert!(timer.chan().recv_timeout(ms(5)).is_err());
        assert!(!timer.stop(), "it has fired");
    });
}

#[test]
fn zero_is_at_once_and_too_long_is_never() {
    both(|| {
        let timer = Timer::new(Duration::ZERO);
        assert_eq!((timer.chan().len(), timer.chan().is_empty()), (1, false));
        assert!(timer.chan().try_recv().is_ok());
        assert_eq!(timer.chan().len(), 0);
        let timer = Timer::new(Duration::MAX);
        assert!(timer.chan().recv_timeout(ms(2)).is_err());
        // It is armed all the same, until it is stopped.
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(!timer.reset(Duration::MAX));
        assert!(timer.reset(Duration::MAX));
        assert!(timer.chan().try_recv().is_err());
        assert!(timer.reset(Duration::ZERO));
        assert!(timer.chan().recv().is_ok());
        assert!(!timer.reset(Duration::MAX), "it has fired");
        assert!(timer.chan().try_recv().is_err());
        timer.chan().close();
        assert!(!timer.stop(), "closed: nothing comes");
        assert!(!timer.reset(Duration::MAX) && !timer.stop());
    });
}

#[test]
fn sleeps_of_any_length() {
    let _t = common::test();
    runtime(1).run(|| {
        sleep(Duration::ZERO);
        sleep_until(now());
        sleep_until(now().checked_sub(MINUTE).unwrap_or_else(now));
        for long in [Duration::MAX, Duration::from_secs(u64::MAX / 2), 300 * 365 * 24 * 60 * MINUTE]
        {
            let sleeper = rt::spawn(move || sleep(long));
            assert!(sleeper.join_timeout(ms(3)).unwrap_err().is_timeout());
            sleeper.abort();
            assert!(sleeper.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn stop_tells_whether_it_prevented_the_firing() {
    both(|| {
        let timer = Timer::new(MINUTE);
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(timer.chan().recv_timeout(ms(2)).is_err());
        // The time is up, but nobody has received.
        let timer = Timer::new(Duration::ZERO);
        sleep(ms(1));
        assert!(timer.stop());
        assert!(timer.chan().is_empty());
        assert!(timer.chan().try_recv().is_err());
    });
}

#[test]
fn reset_makes_a_new_value_and_the_old_one_never_comes() {
    both(|| {
        let timer = Timer::new(Duration::ZERO);
        let before = Instant::now();
        assert!(timer.reset(ms(5)), "it was not received");
        assert!(timer.chan().try_recv().is_err());
        assert!(timer.chan().recv().unwrap() >= before + ms(5));
        assert!(!timer.reset(ms(1)), "it was received");
        assert!(timer.chan().recv().is_ok());
        assert!(
            timer.reset(MINUTE) || timer.reset(MINUTE),
            "it was stopped or not, it can be moved"
        );
        assert!(timer.stop());
        assert!(!timer.reset(Duration::ZERO), "it was stopped");
        assert!(timer.chan().recv().is_ok());
    });
}

/// However one waits, and while one does.
#[test]
fn a_timer_reset_earlier_fires_earlier() {
    let _t = common::test();
    type Waiter = fn(Arc<Timer>) -> bool;
    let ways: &[(&str, Waiter)] = &[
        ("recv", |t| t.chan().recv().is_ok()),
        ("recv_timeout", |t| t.chan().recv_timeout(2 * MINUTE).is_ok()),
        ("select", |t| {
            let never = Chan::<()>::nil();
            rt::select! {
                recv(t.chan()) -> at => at.is_ok(),
                recv(never) -> _ => false,
            }
        }),
        ("select with a default", |t| {
            rt::select! {
                recv(t.chan()) -> at => at.is_ok(),
                default(2 * MINUTE) => false,
            }
        }),
        ("Select, ready", |t| {
            let mut select = Select::new();
            select.recv(t.chan());
            assert_eq!(select.ready(), 0);
            t.chan().try_recv().is_ok()
        }),
    ];
    for procs in [1, 2] {
        let runtime = runtime(procs);
        for &(name, wait) in ways {
            for from_thread in [false, true] {
                // A minute ahead, and never at all.
                for before in [MINUTE, Duration::MAX] {
                    let timer = Arc::new(Timer::new(before));
                    let start = Instant::now();
                    let mover = move |timer: &Timer| {
                        // So that it waits by then, mostly.
                        std::thread::sleep(ms(1));
                        timer.reset(ms(1));
                    };
                    if from_thread {
                        let waiter = std::thread::spawn({
                            let timer = Arc::clone(&timer);
                            move || wait(timer)
                        });
                        mover(&timer);
                        assert!(waiter.join().unwrap(), "{name}");
                    } else {
                        let waiter = runtime.handle().spawn({
                            let timer = Arc::clone(&timer);
                            move || wait(timer)
                        });
                        mover(&timer);
                        assert!(waiter.join().unwrap(), "{name}");
                    }
                    assert!(start.elapsed() < MINUTE / 2, "{name}: after {:?}", start.elapsed());
                }
            }
        }
    }
}

#[test]
fn a_timer_reset_later_fires_later() {
    both(|| {
        let timer = Arc::new(Timer::new(ms(2)));
        let other = Arc::clone(&timer);
        let start = Instant::now();
        assert!(timer.reset(ms(20)));
        let waiter = std::thread::spawn(move || other.chan().recv().unwrap());
        // Perhaps it waits already.
        std::thread::sleep(ms(1));
        let moved = Instant::now();
        if timer.reset(ms(30)) {
            assert!(waiter.join().unwrap() >= moved + ms(30));
        } else {
            assert!(waiter.join().unwrap() >= start + ms(20));
        }
    });
}

#[test]
fn a_timer_that_is_stopped_leaves_its_receiver_waiting() {
    let _t = common::test();
    runtime(2).run(|| {
        let timer = Arc::new(Timer::new(ms(10)));
        let waiter = rt::spawn({
            let timer = Arc::clone(&timer);
            move || timer.chan().recv().unwrap()
        });
        if timer.stop() {
            assert!(waiter.join_timeout(ms(30)).unwrap_err().is_timeout());
            timer.reset(ms(1));
        }
        assert!(waiter.join().is_ok());
    });
}

#[test]
fn ten_thousand_timers_are_adjusted() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let start = Instant::now();
            let timers: Arc<Vec<_>> = Arc::new((0..10_000).map(|_| Timer::new(MINUTE)).collect());
            let fired = Arc::new(AtomicU64::new(0));
            let waiters: Vec<_> = (0..timers.len())
                .map(|i| {
                    let (timers, fired) = (Arc::clone(&timers), Arc::clone(&fired));
                    rt::spawn(move || {
                        let at = timers[i].chan().recv().unwrap();
                        fired.fetch_add(1, Ordering::Relaxed);
                        at
                    })
                })
                .collect();
            rt::yield_now();
            let mut rng = Rng::new(7);
            let moved: Vec<_> = timers
                .iter()
                .map(|timer| {
                    // Twice, back and forth.
                    assert!(timer.reset(2 * MINUTE));
                    let after = ms(rng.below(50));
                    let now = Instant::now();
                    assert!(timer.reset(after));
                    now + after
                })
                .collect();
            for (waiter, moved) in waiters.into_iter().zip(moved) {
                assert!(waiter.join().unwrap() >= moved, "early");
            }
            assert_eq!(fired.load(Ordering::Relaxed), 10_000);
            assert!(start.elapsed() < MINUTE);
        });
    }
}

/// A receiver gets the value if and only if `stop` has said that it did not prevent it.
#[test]
fn stop_against_fire() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(20, 60), |seed| {
            let mut rng = Rng::new(seed);
            let receivers = 1 + rng.below(3);
            let (delay, wait) = (rng.below(200), rng.below(200));
            runtime.run(move || {
                let timer = Arc::new(Timer::new(Duration::from_micros(delay)));
                let (quit, got) = (Chan::<()>::new(0), Arc::new(AtomicU64::new(0)));
                let receivers: Vec<_> = (0..receivers)
                    .map(|_| {
                        let (timer, quit, got) =
                            (Arc::clone(&timer), quit.clone(), Arc::clone(&got));
                        rt::spawn(move || {
                            rt::select! {
                                recv(timer.chan()) -> _ => { got.fetch_add(1, Ordering::SeqCst); },
                                recv(quit) -> _ => {},
                            }
                        })
                    })
                    .collect();
                spin(wait);
                let prevented = timer.stop();
                // It could still come here, were it stale.
                spin(rng.below(100));
                quit.close();
                receivers.into_iter().for_each(|r| r.join().unwrap());
                assert_eq!(got.load(Ordering::SeqCst), u64::from(!prevented));
            });
        });
    }
}

/// For microseconds, now and then letting others run.
fn spin(us: u64) {
    let end = Instant::now() + Duration::from_micros(us);
    while Instant::now() < end {
        rt::yield_now();
    }
}

/// One moves the timer to and fro; what others receive after a move is never of before.
#[test]
fn no_stale_value_after_stop_or_reset() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(10, 30), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                for _ in 0..100 {
                    let timer = Timer::new(Duration::from_micros(rng.below(3)));
                    spin(rng.below(5));
                    let received = rng.one_in(3) && timer.chan().try_recv().is_ok();
                    if rng.one_in(2) {
                        assert_eq!(timer.stop(), !received);
                        assert!(timer.chan().is_empty());
                        assert!(timer.chan().try_recv().is_err(), "stale");
                        rt::select! {
                            recv(timer.chan()) -> _ => panic!("stale"),
                            default => {},
                        }
                    } else {
                        let moved = Instant::now();
                        let after = Duration::from_micros(rng.below(100));
                        assert_eq!(timer.reset(after), !received);
                        let at = rt::select! {
                            recv(timer.chan()) -> at => at.unwrap(),
                        };
                        assert!(at >= moved + after, "stale");
                        assert!(timer.chan().try_recv().is_err(), "twice");
                    }
                }
            });
        });
    }
}

/// Many wait, one moves: each move gives one value at most, and the last one does.
#[test]
fn moved_while_many_wait() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(10, 30), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                let timer = Arc::new(Timer::new(MINUTE));
                let (quit, got) = (Chan::<()>::new(0), Arc::new(AtomicU64::new(0)));
                let receivers: Vec<_> = (0..8)
                    .map(|_| {
                        let (timer, quit, got) = (Arc::clone(&timer), quit.clone(), Arc::clone(&got));
                        rt::spawn(move || {
                            loop {
                                rt::select! {
                                    recv(timer.chan()) -> _ => { got.fetch_add(1, Ordering::SeqCst); },
                                    recv(quit) -> _ => break,
                                }
                            }
                        })
                    })
                    .collect();
                let mut fired = 0;
                for _ in 0..50 {
                    let after = match rng.below(4) {
                        0 => MINUTE,
                        1 => Duration::MAX,
                        _ => Duration::from_micros(rng.below(200)),
                    };
                    let was_never = timer.chan().is_closed();
                    assert!(!was_never);
                    timer.reset(after);
                    spin(rng.below(150));
                    fired += 1;
                }
                timer.reset(Duration::ZERO);
                fired += 1;
                let before = got.load(Ordering::SeqCst);
                eventually_yielding("the last one fires", || {
                    got.load(Ordering::SeqCst) > before || timer.chan().is_empty()
                });
                timer.stop();
                quit.close();
                receivers.into_iter().for_each(|r| r.join().unwrap());
                let got = got.load(Ordering::SeqCst);
                assert!((1..=fired).contains(&got), "{got} values of {fired} timers");
            });
        });
    }
}

#[test]
fn a_clone_of_the_channel_outlives_the_timer() {
    both(|| {
        let timer = Timer::new(ms(2));
        let rx = timer.chan().clone();
        assert!(rx.same_channel(timer.chan()));
        drop(timer);
        assert!(rx.recv().is_ok());
    });
}
