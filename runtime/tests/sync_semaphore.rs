//! `Semaphore`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, eventually_yielding, panic_text, runtime};
use rt::context::{Context, ContextError};
use rt::sync::{Mutex, Semaphore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn on_some(f: impl Fn(usize) + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(|| f(procs));
    }
}

/// What the tests wait with: a semaphore, and who has been served.
#[derive(Clone)]
struct Served(Arc<(Semaphore, Mutex<Vec<usize>>)>);

impl Served {
    fn new(permits: usize) -> Self {
        Self(Arc::new((Semaphore::new(permits), Mutex::new(Vec::new()))))
    }

    fn semaphore(&self) -> &Semaphore {
        &self.0.0
    }

    /// Spawns one that takes so many and keeps them; on one processor it waits when this returns.
    fn spawn(&self, k: usize) -> rt::JoinHandle<()> {
        let served = self.clone();
        let waiter = rt::spawn(move || {
            served.semaphore().acquire(k).forget();
            served.0.1.lock().push(k);
        });
        rt::yield_now();
        waiter
    }

    /// On one processor, lets everybody run who can.
    fn order(&self) -> Vec<usize> {
        for _ in 0..20 {
            rt::yield_now();
        }
        self.0.1.lock().clone()
    }
}

#[test]
fn never_more_than_there_are() {
    let _t = common::test();
    let each = if cfg!(debug_assertions) { 200 } else { 2000 };
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        let shared = Arc::new((Semaphore::new(5), AtomicUsize::new(0)));
        let work = |seed| {
            let shared = shared.clone();
            move || {
                let mut rng = Rng::new(seed);
                for _ in 0..each {
                    let k = 1 + rng.below(5) as usize;
                    let permit = shared.0.acquire(k);
                    assert!(shared.1.fetch_add(k, Ordering::SeqCst) + k <= 5, "too many");
                    if rng.one_in(4) {
                        rt::yield_now();
                    }
                    shared.1.fetch_sub(k, Ordering::SeqCst);
                    drop(permit);
                }
            }
        };
        let goroutines: Vec<_> = (0..8).map(|i| runtime.handle().spawn(work(i))).collect();
        let threads: Vec<_> = (8..10).map(|i| thread::spawn(work(i))).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.0.available_permits(), 5);
    }
}

#[test]
fn nobody_overtakes() {
    let _t = common::test();
    runtime(1).run(|| {
        let served = Served::new(5);
        let semaphore = served.semaphore();
        semaphore.acquire(3).forget();
        let waiters = [4, 1, 0, 2, 5].map(|k| served.spawn(k));
        // Two are free, but not for who comes now, and not for those behind the first.
        assert_eq!(semaphore.available_permits(), 2);
        assert!(semaphore.try_acquire(1).is_none());
        assert!(semaphore.try_acquire(0).is_none());
        assert_eq!(served.order(), []);
        semaphore.release(1);
        assert_eq!((served.order(), semaphore.available_permits()), (vec![], 3));
        // Enough for the first; nothing is left for the second.
        semaphore.release(1);
        assert_eq!((served.order(), semaphore.available_permits()), (vec![4], 0));
        semaphore.release(4);
        assert_eq!((served.order(), semaphore.available_permits()), (vec![4, 1, 0, 2], 1));
        semaphore.release(4);
        assert_eq!((served.order(), semaphore.available_permits()), (vec![4, 1, 0, 2, 5], 0));
        semaphore.release(5);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(semaphore.try_acquire(5).unwrap().count(), 5);
    });
}

#[test]
fn mistakes_panic_and_change_nothing() {
    let _t = common::test();
    const OVER: &str = "semaphore: released more than held";
    let semaphore = Semaphore::new(3);
    assert_eq!(panic_text(|| semaphore.release(1)), OVER);
    let permit = semaphore.acquire(2);
    assert_eq!(panic_text(|| semaphore.release(3)), OVER);
    assert_eq!(panic_text(|| semaphore.release(usize::MAX)), OVER);
    assert_eq!(semaphore.available_permits(), 1);
    let never = "semaphore: 4 permits are wanted, and there are 3 in all";
    assert_eq!(panic_text(|| semaphore.acquire(4)), never);
    assert_eq!(panic_text(|| semaphore.acquire_timeout(4, Duration::MAX)), never);
    assert_eq!(panic_text(|| semaphore.acquire_ctx(4, &Context::background())), never);
    assert!(semaphore.try_acquire(4).is_none());
    assert_eq!(panic_text(|| Semaphore::new(usize::MAX)), "too many permits");
    // Given back by hand, and then by the permit.
    semaphore.release(2);
    assert_eq!(panic_text(|| drop(permit)), OVER);
    let permit = semaphore.acquire(2);
    semaphore.release(2);
    let text = panic_text(|| {
        let _permit = permit;
        panic!("one at a time");
    });
    assert_eq!(text, "one at a time");
    assert_eq!(semaphore.available_permits(), 3);
    // While somebody waits.
    runtime(1).run(|| {
        let served = Served::new(3);
        served.semaphore().acquire(2).forget();
        let waiter = served.spawn(3);
        assert_eq!(panic_text(|| served.semaphore().release(3)), OVER);
        assert_eq!(served.order(), []);
        served.semaphore().release(2);
        waiter.join().unwrap();
    });
}

#[test]
fn it_is_what_it_is() {
    let _t = common::test();
    static SLOTS: Semaphore = Semaphore::new(2);
    let permit = SLOTS.acquire(1);
    assert_eq!(format!("{SLOTS:?}"), "Semaphore { size: 2, available_permits: 1 }");
    assert_eq!(format!("{permit:?}"), "Permit { count: 1, .. }");
    drop(permit);
    let semaphore = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    drop(semaphore.acquire(Semaphore::MAX_PERMITS));
    on_some(|_| {
        let permit = semaphore.acquire_owned(Semaphore::MAX_PERMITS);
        assert_eq!(permit.count(), Semaphore::MAX_PERMITS);
        let theirs = semaphore.clone();
        let waiter = rt::spawn(move || theirs.acquire_owned(1));
        assert!(semaphore.try_acquire_owned(1).is_none());
        thread::spawn(move || drop(permit)).join().unwrap();
        drop(waiter.join().unwrap());
        semaphore.acquire_owned(7).forget();
        assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS - 7);
        semaphore.release(7);
        drop(semaphore.try_acquire_owned(Semaphore::MAX_PERMITS).unwrap());
    });
}

#[test]
fn timeouts() {
    let _t = common::test();
    let check = || {
        let semaphore = Arc::new(Semaphore::new(2));
        let permit = semaphore.acquire(1);
        let start = Instant::now();
        assert!(semaphore.acquire_owned_timeout(2, Duration::from_millis(3)).is_none());
        assert!(start.elapsed() >= Duration::from_millis(3));
        let owned = semaphore.acquire_owned_timeout(1, Duration::ZERO).unwrap();
        assert_eq!((owned.count(), semaphore.available_permits()), (1, 0));
        drop(owned);
        let start = Instant::now();
        assert!(semaphore.acquire_timeout(2, Duration::from_millis(3)).is_none());
        assert!(start.elapsed() >= Duration::from_millis(3));
        assert!(semaphore.acquire_timeout(2, Duration::ZERO).is_none());
        assert!(semaphore.acquire_timeout(1, Duration::ZERO).is_some());
        drop(permit);
        assert!(semaphore.acquire_timeout(2, Duration::MAX).is_some());
    };
    check();
    on_some(|_| check());
}

/// Who gives up its place lets those behind it pass that can.
#[test]
fn the_next_ones_move_up() {
    let _t = common::test();
    #[derive(Clone, Copy, PartialEq)]
    enum By {
        Timeout,
        Abort,
        AbortTimed,
    }
    for by in [By::Timeout, By::Abort, By::AbortTimed] {
        runtime(1).run(|| {
            let (tally, served) = (Tally::default(), Served::new(3));
            served.semaphore().acquire(1).forget();
            let (theirs, token) = (served.clone(), tally.token());
            let big = rt::spawn(move || {
                let _token = token;
                let semaphore = theirs.semaphore();
                match by {
                    By::Timeout => {
                        assert!(semaphore.acquire_timeout(3, Duration::from_millis(1)).is_none());
                    }
                    By::Abort => drop(semaphore.acquire(3)),
                    By::AbortTimed => {
                        drop(semaphore.acquire_timeout(3, Duration::from_secs(100)));
                    }
                }
            });
            rt::yield_now();
            let waiters = [1, 1, 2].map(|k| served.spawn(k));
            if by == By::Timeout {
                big.join().unwrap();
            } else {
                assert_eq!(served.order(), []);
                big.abort();
                assert!(big.join().unwrap_err().is_cancelled());
            }
            tally.assert_all_dropped();
            assert_eq!(served.order(), [1, 1]);
            served.semaphore().release(2);
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
            assert_eq!(served.semaphore().available_permits(), 0);
        });
    }
}

/// Served, and aborted before it has run: it has its permits, and gives them back.
#[test]
fn an_abort_of_who_was_served_loses_nothing() {
    let _t = common::test();
    runtime(1).run(|| {
        let served = Served::new(2);
        served.semaphore().acquire(2).forget();
        let theirs = served.clone();
        let aborted = rt::spawn(move || {
            let permit = theirs.semaphore().acquire(2);
            theirs.0.1.lock().push(2);
            rt::yield_now();
            unreachable!("it was aborted, with {permit:?}");
        });
        rt::yield_now();
        let next = served.spawn(1);
        served.semaphore().release(2);
        aborted.abort();
        assert!(aborted.join().unwrap_err().is_cancelled());
        next.join().unwrap();
        assert_eq!(served.order(), [2, 1]);
        assert_eq!(served.semaphore().available_permits(), 1);
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    let tally = Tally::default();
    let semaphore = Arc::new(Semaphore::new(2));
    let permit = semaphore.acquire(2);
    let runtime = runtime(2);
    let waiting = Arc::new(AtomicUsize::new(0));
    for i in 0..8 {
        let (semaphore, token) = (semaphore.clone(), tally.token());
        let waiting = waiting.clone();
        runtime.handle().spawn(move || {
            let _token = token;
            waiting.fetch_add(1, Ordering::SeqCst);
            match i % 3 {
                0 => drop(semaphore.acquire_timeout(2, Duration::from_secs(100))),
                1 => drop(semaphore.acquire_owned(1)),
                _ => drop(semaphore.acquire(2)),
            }
        });
    }
    eventually("all wait", || waiting.load(Ordering::SeqCst) == 8);
    drop(runtime);
    tally.assert_all_dropped();
    drop(permit);
    assert!(semaphore.try_acquire(2).is_some());
}

/// `RT_STRESS_SEED` replays one.
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
    let (size, tally) = (1 + rng.below(6) as usize, Tally::default());
    let shared = Arc::new((Semaphore::new(size), AtomicUsize::new(0)));
    let actor = |mut rng: Rng| {
        let (shared, token) = (shared.clone(), tally.token());
        move || {
            let _token = token;
            for _ in 0..rng.below(60) {
                let k = rng.below(size as u64 + 1) as usize;
                let permit = match rng.below(6) {
                    0 => shared.0.try_acquire(k),
                    1 | 2 => shared.0.acquire_timeout(k, Duration::from_micros(rng.below(60))),
                    _ => Some(shared.0.acquire(k)),
                };
                let Some(permit) = permit else { continue };
                assert!(shared.1.fetch_add(k, Ordering::SeqCst) + k <= size, "too many");
                std::hint::spin_loop();
                shared.1.fetch_sub(k, Ordering::SeqCst);
                if rng.one_in(4) {
                    permit.forget();
                    shared.0.release(k);
                } else if rng.one_in(3) {
                    // May unwind, with the permit.
                    rt::yield_now();
                }
            }
        }
    };
    let goroutines: Vec<_> =
        (0..8).map(|_| runtime.handle().spawn(actor(Rng::new(rng.next())))).collect();
    let threads: Vec<_> = (0..2).map(|_| thread::spawn(actor(Rng::new(rng.next())))).collect();
    for goroutine in goroutines {
        if rng.one_in(3) {
            goroutine.abort();
        }
        if let Err(error) = goroutine.join() {
            assert!(error.is_cancelled(), "seed {seed}: {error:?}");
        }
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    drop(runtime);
    assert!(shared.0.try_acquire(size).is_some(), "seed {seed}: {:?}", shared.0);
    tally.assert_all_dropped();
}

/// Go's: who wants more than there are waits for its end, and others do not wait for that.
#[test]
fn more_than_there_are_is_waited_for_in_vain() {
    let _t = common::test();
    let in_vain = || {
        let semaphore = Arc::new(Semaphore::new(2));
        let (ctx, cancel) = Context::background().with_cancel();
        let (deadline, _guard) = Context::background().with_timeout(Duration::from_millis(2));
        rt::scope(|s| {
            let waits = s.spawn(|| semaphore.acquire_ctx(3, &ctx).unwrap_err());
            let times_out =
                s.spawn(|| semaphore.acquire_timeout(3, Duration::from_millis(2)).is_none());
            let owned = s.spawn(|| semaphore.acquire_owned_ctx(3, &deadline).unwrap_err());
            let aborted =
                s.spawn(|| semaphore.acquire_timeout(9, Duration::from_secs(60)).is_none());
            assert!(times_out.join().unwrap());
            assert_eq!(owned.join().unwrap(), ContextError::DeadlineExceeded);
            assert!(!waits.is_finished());
            drop(semaphore.acquire(2));
            cancel();
            assert_eq!(waits.join().unwrap(), ContextError::Canceled);
            aborted.abort();
            assert!(aborted.join().is_err());
        });
        assert_eq!(semaphore.acquire_ctx(3, &ctx).unwrap_err(), ContextError::Canceled);
        assert!(semaphore.acquire_timeout(3, Duration::ZERO).is_none());
        assert_eq!(semaphore.available_permits(), 2);
    };
    [1, 2].into_iter().for_each(|procs| runtime(procs).run(in_vain));
    // And on a plain thread.
    assert!(Semaphore::new(1).acquire_timeout(2, Duration::from_millis(1)).is_none());
}

/// Go's: a context that was done before there were enough permits ends the wait, though they come before the waiter has noticed.
#[test]
fn permits_that_come_after_the_end_are_for_others() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            for owned in [false, true] {
                for _ in 0..100 {
                    let semaphore = Arc::new(Semaphore::new(2));
                    let (ctx, cancel) = Context::background().with_cancel();
                    let one = semaphore.acquire_owned(1);
                    let waits = Arc::clone(&semaphore);
                    let waiter = rt::spawn(move || match owned {
                        false => waits.acquire_ctx(2, &ctx).map(drop),
                        true => waits.acquire_owned_ctx(2, &ctx).map(drop),
                    });
                    eventually_yielding("it waits", || semaphore.try_acquire(1).is_none());
                    cancel();
                    drop(one);
                    assert_eq!(waiter.join().unwrap(), Err(ContextError::Canceled));
                    assert_eq!(semaphore.available_permits(), 2);
                }
            }
        });
    }
}
