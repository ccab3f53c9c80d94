//! `Barrier`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, runtime};
use rt::sync::Barrier;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn on_some(f: impl Fn(usize) + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(|| f(procs));
    }
}

/// Goroutines and threads meet many times: nobody passes early, and one of each round leads.
#[test]
fn nobody_passes_early() {
    let _t = common::test();
    const N: usize = 12;
    const ROUNDS: usize = if cfg!(debug_assertions) { 50 } else { 500 };
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        let shared =
            Arc::new((Barrier::new(N), [const { AtomicUsize::new(0) }; 2], AtomicUsize::new(0)));
        let work = |seed| {
            let shared = shared.clone();
            move || {
                let mut rng = Rng::new(seed);
                for round in 0..ROUNDS {
                    if rng.one_in(3) {
                        rt::yield_now();
                    }
                    let here = &shared.1[round % 2];
                    here.fetch_add(1, Ordering::SeqCst);
                    let leads = shared.0.wait().is_leader();
                    assert_eq!(here.load(Ordering::SeqCst), (round / 2 + 1) * N, "passed early");
                    shared.2.fetch_add(usize::from(leads), Ordering::SeqCst);
                }
            }
        };
        let goroutines: Vec<_> =
            (0..N - 2).map(|i| runtime.handle().spawn(work(i as u64))).collect();
        let threads: Vec<_> = (0..2).map(|i| thread::spawn(work(90 + i))).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.2.load(Ordering::SeqCst), ROUNDS);
    }
}

#[test]
fn it_is_what_it_is() {
    let _t = common::test();
    static PAIR: Barrier = Barrier::new(2);
    assert_eq!(format!("{PAIR:?}"), "Barrier { size: 2, .. }");
    let other = thread::spawn(|| PAIR.wait().is_leader());
    assert_ne!(PAIR.wait().is_leader(), other.join().unwrap());
    for size in [0, 1] {
        let alone = Barrier::new(size);
        assert!(alone.wait().is_leader());
        assert!(alone.wait_timeout(Duration::ZERO).unwrap().is_leader());
    }
}

/// Who gives up has not come: it takes one more.
#[test]
fn who_gives_up_does_not_count() {
    let _t = common::test();
    let check = || {
        let pair = Barrier::new(2);
        let start = Instant::now();
        assert!(pair.wait_timeout(Duration::from_millis(3)).is_none());
        assert!(start.elapsed() >= Duration::from_millis(3));
        assert!(pair.wait_timeout(Duration::ZERO).is_none());
    };
    check();
    on_some(|_| {
        check();
        for timed in [false, true] {
            let (tally, barrier) = (Tally::default(), Arc::new(Barrier::new(3)));
            for _ in 0..3 {
                let (theirs, token) = (barrier.clone(), tally.token());
                let aborted = rt::spawn(move || {
                    let _token = token;
                    if timed {
                        theirs.wait_timeout(Duration::from_secs(100));
                    } else {
                        theirs.wait();
                    }
                });
                rt::time::sleep(Duration::from_micros(100));
                aborted.abort();
                assert!(aborted.join().unwrap_err().is_cancelled());
            }
            tally.assert_all_dropped();
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let barrier = barrier.clone();
                    rt::spawn(move || barrier.wait().is_leader())
                })
                .collect();
            rt::time::sleep(Duration::from_micros(100));
            assert!(others.iter().all(|other| !other.is_finished()));
            // Whoever comes last, which under load need not be us.
            let leaders = u32::from(barrier.wait().is_leader())
                + others.into_iter().map(|other| u32::from(other.join().unwrap())).sum::<u32>();
            assert_eq!(leaders, 1);
        }
    });
}

/// Released, and aborted before it has run: it has met the others.
#[test]
fn an_abort_of_who_has_met_the_others_comes_later() {
    let _t = common::test();
    runtime(1).run(|| {
        let (barrier, met) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
        let (theirs, meets) = (barrier.clone(), met.clone());
        let aborted = rt::spawn(move || {
            theirs.wait();
            meets.fetch_add(1, Ordering::SeqCst);
            theirs.wait();
        });
        rt::yield_now();
        assert!(barrier.wait().is_leader());
        aborted.abort();
        assert!(aborted.join().unwrap_err().is_cancelled());
        assert_eq!(met.load(Ordering::SeqCst), 1);
        // The second round is as good as new.
        let theirs = barrier.clone();
        let other = rt::spawn(move || theirs.wait().is_leader());
        rt::yield_now();
        assert!(barrier.wait().is_leader());
        assert!(!other.join().unwrap());
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    let (tally, barrier) = (Tally::default(), Arc::new(Barrier::new(5)));
    let runtime = runtime(2);
    let waiting = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let (barrier, token, waiting) = (barrier.clone(), tally.token(), waiting.clone());
        runtime.handle().spawn(move || {
            let _token = token;
            waiting.fetch_add(1, Ordering::SeqCst);
            barrier.wait();
        });
    }
    eventually("all wait", || waiting.load(Ordering::SeqCst) == 4);
    drop(runtime);
    tally.assert_all_dropped();
    // Nobody counts as here.
    assert!(barrier.wait_timeout(Duration::from_millis(1)).is_none());
}

/// Those that come give up now and then: each meeting is one of exactly so many. `RT_STRESS_SEED`
/// replays one.
#[test]
fn stress() {
    let t = common::test();
    let rounds = if cfg!(debug_assertions) { 20 } else { 100 };
    let first = std::env::var("RT_STRESS_SEED").ok().and_then(|seed| seed.parse().ok());
    for round in 0..rounds {
        let seed = first.unwrap_or_else(|| u64::from(std::process::id()) << 20 | round);
        common::note(seed);
        t.dog.pet();
        round_of_stress(seed);
    }
}

fn round_of_stress(seed: u64) {
    let mut rng = Rng::new(seed);
    let runtime = runtime(1 + rng.below(4) as usize);
    let size = 1 + rng.below(4) as usize;
    let (barrier, tally) = (Arc::new(Barrier::new(size)), Tally::default());
    let (met, led) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let actor = |mut rng: Rng| {
        let (barrier, met, led) = (barrier.clone(), met.clone(), led.clone());
        let token = tally.token();
        move || {
            let _token = token;
            for _ in 0..rng.below(40) {
                // With nobody left to come, only the time ends it.
                let timeout = Duration::from_micros(rng.below(100));
                if let Some(result) = barrier.wait_timeout(timeout) {
                    met.fetch_add(1, Ordering::SeqCst);
                    led.fetch_add(usize::from(result.is_leader()), Ordering::SeqCst);
                }
            }
        }
    };
    let goroutines: Vec<_> =
        (0..6).map(|_| runtime.handle().spawn(actor(Rng::new(rng.next())))).collect();
    let outside = thread::spawn(actor(Rng::new(rng.next())));
    for goroutine in goroutines {
        if rng.one_in(4) {
            goroutine.abort();
        }
        if let Err(error) = goroutine.join() {
            assert!(error.is_cancelled(), "seed {seed}: {error:?}");
        }
    }
    outside.join().unwrap();
    drop(runtime);
    let (met, led) = (met.load(Ordering::SeqCst), led.load(Ordering::SeqCst));
    assert_eq!(met, led * size, "seed {seed}");
    tally.assert_all_dropped();
}
