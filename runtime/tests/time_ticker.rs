//! `Ticker`: it ticks, loses ticks, is stopped and moved.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{Rng, panic_text, runtime, seeded, turns};
use rt::chan::Chan;
use rt::time::Ticker;
use std::sync::Arc;
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
fn it_ticks_and_not_early() {
    both(|| {
        let start = Instant::now();
        let ticker = Ticker::new(ms(2));
        let ticks: Vec<_> = ticker.chan().iter().take(10).collect();
        for (tick, n) in ticks.iter().zip(1..) {
            // Lost ones make it later.
            assert!(*tick >= start + n * ms(2), "tick {n} came early");
        }
        assert!(ticks.is_sorted_by(|a, b| *b - *a >= ms(2)));
        assert!(ticks.iter().all(|tick| Instant::now() >= *tick));
    });
}

#[test]
fn a_slow_reader_loses_ticks() {
    both(|| {
        let start = Instant::now();
        let ticker = Ticker::new(ms(1));
        std::thread::sleep(ms(20));
        assert_eq!(ticker.chan().len(), 1);
        // The oldest, and then none of those that were missed.
        let first = ticker.chan().try_recv().unwrap();
        let taken = Instant::now();
        assert!(first < start + ms(20));
        let second = ticker.chan().recv().unwrap();
        assert!(second + ms(1) > taken, "it had been missed");
        // Still in step with the first one.
        assert_eq!((second - first).as_nanos() % ms(1).as_nanos(), 0);
    });
}

#[test]
fn zero_panics_and_too_long_is_never() {
    both(|| {
        let text = panic_text(|| Ticker::new(Duration::ZERO));
        assert_eq!(text, "non-positive interval for NewTicker");
        let ticker = Ticker::new(Duration::MAX);
        let text = panic_text(|| ticker.reset(Duration::ZERO));
        assert_eq!(text, "non-positive interval for Ticker.Reset");
        assert!(ticker.chan().recv_timeout(ms(2)).is_err());
    });
}

#[test]
fn stopped_it_does_not_tick_and_reset_it_does_again() {
    both(|| {
        let ticker = Ticker::new(ms(1));
        assert!(ticker.chan().recv().is_ok());
        std::thread::sleep(ms(2));
        ticker.stop();
        assert!(ticker.chan().is_empty() && !ticker.chan().is_closed());
        assert!(ticker.chan().recv_timeout(ms(4)).is_err());
        let start = Instant::now();
        ticker.reset(ms(2));
        let ticks = [(); 2].map(|()| ticker.chan().recv().unwrap());
        assert!(ticks[0] >= start + ms(2) && ticks[1] - ticks[0] >= ms(2));
    });
}

#[test]
fn a_ticker_reset_earlier_wakes_who_waits() {
    let _t = common::test();
    runtime(2).run(|| {
        for before in [MINUTE, Duration::MAX] {
            let start = Instant::now();
            let ticker = Arc::new(Ticker::new(before));
            let waiter = rt::spawn({
                let ticker = Arc::clone(&ticker);
                move || ticker.chan().iter().take(3).count()
            });
            rt::time::sleep(ms(1));
            ticker.reset(ms(1));
            assert_eq!(waiter.join().unwrap(), 3);
            assert!(start.elapsed() < MINUTE / 2);
        }
    });
}

/// After a reset no tick comes before its time; after a stop, none. Each tick goes to one.
#[test]
fn no_stale_tick_after_stop_or_reset() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(10, 30), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                let ticker = Ticker::new(Duration::from_micros(1));
                let quit = Chan::<()>::new(0);
                for _ in 0..50 {
                    let period = Duration::from_micros(1 + rng.below(100));
                    let moved = Instant::now();
                    ticker.reset(period);
                    let first = rt::select! {
                        recv(ticker.chan()) -> at => at.unwrap(),
                        recv(quit) -> _ => unreachable!(),
                    };
                    assert!(first >= moved + period, "stale");
                    let second = ticker.chan().recv().unwrap();
                    assert!(second - first >= period);
                    if rng.one_in(2) {
                        std::thread::sleep(period);
                        ticker.stop();
                        assert!(ticker.chan().try_recv().is_err(), "stale");
                    }
                }
            });
        });
    }
}
