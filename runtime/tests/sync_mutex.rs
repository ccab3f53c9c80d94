//! `Mutex`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, eventually_yielding, fail, runtime};
use rt::sync::{Mutex, MutexGuard};
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn on_some(f: impl Fn(usize) + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(|| f(procs));
    }
}

/// Spawns who waits for `mutex`; on one processor it is in the queue when this returns.
fn spawn_waiter<T: Send + 'static>(
    mutex: &Arc<Mutex<T>>,
    f: impl FnOnce(MutexGuard<'_, T>) + Send + 'static,
) -> rt::JoinHandle<()> {
    let mutex = mutex.clone();
    let waiter = rt::spawn(move || f(mutex.lock()));
    rt::yield_now();
    waiter
}

#[test]
fn one_at_a_time_of_goroutines_and_threads() {
    let _t = common::test();
    let each = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        let counter = Arc::new(Mutex::new((0, Cell::new(false))));
        let work = |seed| {
            let counter = counter.clone();
            move || {
                let mut rng = Rng::new(seed);
                for _ in 0..each {
                    let mut guard = counter.lock();
                    assert!(!guard.1.replace(true), "two at a time");
                    guard.0 += 1;
                    if rng.one_in(512) {
                        rt::yield_now();
                    }
                    assert!(guard.1.replace(false));
                }
            }
        };
        let goroutines: Vec<_> = (0..8).map(|i| runtime.handle().spawn(work(i))).collect();
        let threads: Vec<_> = (8..11).map(|i| thread::spawn(work(i))).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(counter.lock().0, 11 * each);
    }
}

#[test]
fn it_is_what_it_is() {
    let _t = common::test();
    static COUNT: Mutex<u32> = Mutex::new(7);
    *COUNT.lock() += 1;
    assert_eq!(*COUNT.lock(), 8);
    let mut mutex = Mutex::<String>::default();
    mutex.get_mut().push('a');
    assert_eq!(format!("{mutex:?}"), "Mutex { value: \"a\" }");
    let guard = mutex.lock();
    assert_eq!(format!("{mutex:?}"), "Mutex { value: <locked> }");
    assert_eq!((format!("{guard}"), format!("{guard:?}")), ("a".into(), "\"a\"".into()));
    drop(guard);
    assert_eq!(Mutex::from(mutex.into_inner()).into_inner(), "a");
    // Of something that has no size.
    let slice: &Mutex<[u32]> = &Mutex::new([1, 2, 3]);
    slice.lock()[1] = 5;
    assert_eq!(*slice.lock(), [1, 5, 3]);
    let boxed: Box<Mutex<dyn Debug + Send>> = Box::new(Mutex::new(4));
    assert_eq!(format!("{:?}", boxed.lock()), "4");
    // It drops what it holds once.
    let tally = Tally::default();
    let mutex = Mutex::new(tally.token());
    *mutex.lock() = tally.token();
    assert_eq!(tally.dropped(), 1);
    drop(mutex);
    tally.assert_all_dropped();
}

/// What the compiler knows of it.
const _: () = {
    const fn sends<T: Send>() {}
    const fn shares<T: Sync>() {}
    sends::<Mutex<Cell<u32>>>();
    shares::<Mutex<Cell<u32>>>();
    sends::<MutexGuard<'_, Cell<u32>>>();
    shares::<MutexGuard<'_, u32>>();
};

#[test]
fn try_lock_and_timeouts() {
    let _t = common::test();
    let mutex = Arc::new(Mutex::new(0));
    let check = {
        let mutex = mutex.clone();
        move || {
            let guard = mutex.lock();
            assert!(mutex.try_lock().is_none());
            assert!(mutex.lock_timeout(Duration::ZERO).is_none());
            let start = Instant::now();
            assert!(mutex.lock_timeout(Duration::from_millis(3)).is_none());
            assert!(start.elapsed() >= Duration::from_millis(3));
            drop(guard);
            assert!(mutex.try_lock().is_some());
            assert!(mutex.lock_timeout(Duration::ZERO).is_some());
            assert!(mutex.lock_timeout(Duration::MAX).is_some());
        }
    };
    check();
    for procs in [1, 2] {
        runtime(procs).run(&check);
    }
    // In time, from a goroutine and from a thread.
    let runtime = runtime(1);
    let guard = mutex.lock();
    let in_time = {
        let mutex = mutex.clone();
        move || mutex.lock_timeout(Duration::MAX).map(|mut guard| *guard += 1).is_some()
    };
    let goroutine = runtime.handle().spawn(in_time.clone());
    let outside = thread::spawn(in_time);
    thread::sleep(Duration::from_millis(1));
    drop(guard);
    assert!(goroutine.join().unwrap());
    assert!(outside.join().unwrap());
    assert_eq!(*mutex.lock(), 2);
}

#[test]
fn a_guard_may_be_dropped_elsewhere() {
    let _t = common::test();
    on_some(|_| {
        let mutex = Mutex::new(1);
        rt::scope(|s| {
            let mut guard = mutex.lock();
            let waiter = s.spawn(|| *mutex.lock());
            s.spawn(move || *guard += 1).join().unwrap();
            assert_eq!(waiter.join().unwrap(), 2);
        });
        let guard = mutex.lock();
        thread::scope(|s| {
            s.spawn(move || drop(guard));
        });
        assert_eq!(*mutex.lock(), 2);
    });
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let _t = common::test();
    on_some(|_| {
        let mutex = Arc::new(Mutex::new(0));
        let (locked, go) = (rt::chan::Chan::new(1), rt::chan::Chan::<()>::new(0));
        let (theirs, has_locked, its_go) = (mutex.clone(), locked.clone(), go.clone());
        let panics = rt::spawn(move || {
            let mut guard = theirs.lock();
            *guard = 1;
            has_locked.send(());
            its_go.recv();
            fail("with the lock");
        });
        locked.recv();
        let waiter = rt::spawn({
            let mutex = mutex.clone();
            move || *mutex.lock()
        });
        rt::yield_now();
        go.close();
        assert!(panics.join().unwrap_err().is_panic());
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

/// Whoever holds it unlocks only to lock again at once: a waiter that has to compete, on one
/// processor, never gets it. Handed over it is, in the order of their coming.
#[test]
fn who_waits_for_long_is_handed_it_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        const WAITERS: usize = 5;
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let mut guard = mutex.lock();
        let waiters: Vec<_> =
            (0..WAITERS).map(|i| spawn_waiter(&mutex, move |mut order| order.push(i))).collect();
        while guard.len() < WAITERS {
            drop(guard);
            guard = mutex.lock();
            // The one that was woken, if it was, finds it locked.
            rt::yield_now();
        }
        assert_eq!(*guard, [0, 1, 2, 3, 4]);
        drop(guard);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        // The mode has ended with the last one: barging is allowed again.
        drop(mutex.try_lock().unwrap());
    });
}

/// The same from outside: a thread waits for a goroutine that hogs it, and the other way round.
#[test]
fn a_hog_starves_nobody() {
    let _t = common::test();
    for procs in [1, 2] {
        for thread_hogs in [false, true] {
            let runtime = runtime(procs);
            let mutex = Arc::new(Mutex::new(()));
            let (hogs, got) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            let hog = {
                let (mutex, hogs, got) = (mutex.clone(), hogs.clone(), got.clone());
                move || {
                    while got.load(Ordering::SeqCst) < 10 {
                        let guard = mutex.lock();
                        hogs.store(true, Ordering::SeqCst);
                        // Long enough for who was woken to see that it is locked.
                        let start = Instant::now();
                        while start.elapsed() < Duration::from_micros(100) {
                            std::hint::spin_loop();
                        }
                        drop(guard);
                    }
                }
            };
            let waiter = move || {
                while !hogs.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                for _ in 0..10 {
                    let _guard = mutex.lock();
                    got.fetch_add(1, Ordering::SeqCst);
                }
            };
            if thread_hogs {
                let hog = thread::spawn(hog);
                runtime.run(waiter);
                hog.join().unwrap();
            } else {
                let waiter = thread::spawn(waiter);
                runtime.run(hog);
                waiter.join().unwrap();
            }
        }
    }
}

#[test]
fn an_abort_ends_the_wait_and_leaves_no_trace() {
    let _t = common::test();
    on_some(|_| {
        for timed in [false, true] {
            let (tally, mutex) = (Tally::default(), Arc::new(Mutex::new(0)));
            let guard = mutex.lock();
            let before = spawn_waiter(&mutex, |mut value| *value += 1);
            let (theirs, token) = (mutex.clone(), tally.token());
            let aborted = rt::spawn(move || {
                let _token = token;
                if timed {
                    drop(theirs.lock_timeout(Duration::from_secs(100)));
                } else {
                    drop(theirs.lock());
                }
            });
            rt::time::sleep(Duration::from_micros(100));
            let after = spawn_waiter(&mutex, |mut value| *value += 1);
            aborted.abort();
            assert!(aborted.join().unwrap_err().is_cancelled());
            tally.assert_all_dropped();
            drop(guard);
            before.join().unwrap();
            after.join().unwrap();
            assert_eq!(*mutex.try_lock().unwrap(), 2);
        }
    });
}

/// Woken or handed the lock, and aborted before it has run: it uses the lock or leaves it to the next.
#[test]
fn an_abort_of_who_was_woken_loses_nothing() {
    let _t = common::test();
    #[derive(Clone, Copy, PartialEq)]
    enum Case {
        Woken,
        Overtaken,
        Handed,
    }
    for case in [Case::Woken, Case::Overtaken, Case::Handed] {
        runtime(1).run(|| {
            let (mutex, locked) = (Arc::new(Mutex::new(0)), Arc::new(AtomicBool::new(false)));
            let mut guard = mutex.lock();
            let seen = locked.clone();
            let woken = spawn_waiter(&mutex, move |guard| {
                seen.store(true, Ordering::SeqCst);
                drop(guard);
                rt::yield_now();
                unreachable!("it was aborted");
            });
            let next = spawn_waiter(&mutex, |mut value| *value += 1);
            if case == Case::Handed {
                // It is woken, in vain, and has waited for long enough. All this without a blocking
                // call, which would let others have the processor.
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                drop(guard);
                guard = mutex.lock();
                rt::yield_now();
                // A thread hands it over; who was handed it waits for this processor.
                let dropped = AtomicBool::new(false);
                thread::scope(|s| {
                    s.spawn(|| {
                        drop(guard);
                        dropped.store(true, Ordering::SeqCst);
                    });
                    while !dropped.load(Ordering::SeqCst) {
                        std::hint::spin_loop();
                    }
                    assert!(mutex.try_lock().is_none(), "it was not handed over");
                });
            } else {
                drop(guard);
            }
            woken.abort();
            if case == Case::Overtaken {
                let _guard = mutex.lock();
                assert!(woken.join().unwrap_err().is_cancelled());
            } else {
                assert!(woken.join().unwrap_err().is_cancelled());
            }
            assert_eq!(locked.load(Ordering::SeqCst), case != Case::Overtaken);
            next.join().unwrap();
            assert_eq!(*mutex.lock(), 1);
        });
    }
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    let (tally, mutex) = (Tally::default(), Arc::new(Mutex::new(0)));
    let guard = mutex.lock();
    let runtime = runtime(2);
    let waiting = Arc::new(AtomicUsize::new(0));
    for timed in [false, true] {
        for _ in 0..4 {
            let (mutex, token, waiting) = (mutex.clone(), tally.token(), waiting.clone());
            runtime.handle().spawn(move || {
                let _token = token;
                waiting.fetch_add(1, Ordering::SeqCst);
                if timed {
                    drop(mutex.lock_timeout(Duration::from_secs(100)));
                } else {
                    drop(mutex.lock());
                }
            });
        }
    }
    eventually("all wait", || waiting.load(Ordering::SeqCst) == 8);
    drop(runtime);
    tally.assert_all_dropped();
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

/// What a destructor locks while its goroutine unwinds is locked: nothing is cut short there.
#[test]
fn destructors_wait_for_it() {
    let _t = common::test();
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    on_some(|_| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let locks = Locks(mutex.clone());
        let panics = rt::spawn(move || {
            let _locks = locks;
            fail("on purpose");
        });
        let locks = Locks(mutex.clone());
        let aborted = rt::spawn(move || {
            let _locks = locks;
            rt::chan::Chan::<()>::nil().recv();
        });
        rt::time::sleep(Duration::from_micros(200));
        aborted.abort();
        rt::time::sleep(Duration::from_micros(200));
        assert!(!panics.is_finished() && !aborted.is_finished());
        drop(guard);
        assert!(panics.join().unwrap_err().is_panic());
        assert!(aborted.join().unwrap_err().is_cancelled());
        assert_eq!(*mutex.lock(), 2);
    });
}

#[test]
fn who_is_pinned_waits_too() {
    let _t = common::test();
    on_some(|_| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let pinned = {
            let mutex = mutex.clone();
            rt::spawn(move || {
                let _pin = rt::task::pin_thread();
                let thread = thread::current().id();
                *mutex.lock() += 1;
                assert_eq!(thread::current().id(), thread);
            })
        };
        let other = spawn_waiter(&mutex, |mut value| *value += 1);
        rt::time::sleep(Duration::from_micros(200));
        drop(guard);
        pinned.join().unwrap();
        other.join().unwrap();
        assert_eq!(*mutex.lock(), 2);
    });
}

/// Everything at once: goroutines and threads that lock, try, give up, yield with the lock, and
/// are aborted. `RT_STRESS_SEED` replays one.
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
    let tally = Tally::default();
    let mutex = Arc::new(Mutex::new((0_usize, Cell::new(false))));
    let counted = Arc::new(AtomicUsize::new(0));
    let actor = |mut rng: Rng| {
        let (mutex, counted, token) = (mutex.clone(), counted.clone(), tally.token());
        move || {
            let _token = token;
            for _ in 0..rng.below(100) {
                let guard = match rng.below(8) {
                    0 => mutex.try_lock(),
                    1 => mutex.lock_timeout(Duration::from_micros(rng.below(60))),
                    _ => Some(mutex.lock()),
                };
                let Some(mut guard) = guard else { continue };
                assert!(!guard.1.replace(true), "two at a time");
                guard.0 += 1;
                counted.fetch_add(1, Ordering::Relaxed);
                // Not `yield_now`, which may unwind, with the flag set.
                if rng.one_in(16) {
                    std::hint::spin_loop();
                }
                assert!(guard.1.replace(false));
                if rng.one_in(8) {
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
    let guard = mutex.try_lock().expect("nobody has it");
    assert_eq!(guard.0, counted.load(Ordering::Relaxed), "seed {seed}");
    tally.assert_all_dropped();
}

/// Nobody is asleep while the lock is free.
#[test]
fn no_wake_up_is_lost() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let rounds = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
            let mutex = Arc::new(Mutex::new(0));
            let other = rt::spawn({
                let mutex = mutex.clone();
                move || {
                    for i in 0..rounds {
                        eventually_yielding("the other's turn", || {
                            let mut turn = mutex.lock();
                            let mine = *turn == 2 * i;
                            *turn += i32::from(mine);
                            mine
                        });
                    }
                }
            });
            for i in 0..rounds {
                eventually_yielding("our turn", || {
                    let mut turn = mutex.lock();
                    let mine = *turn == 2 * i + 1;
                    *turn += i32::from(mine);
                    mine
                });
            }
            other.join().unwrap();
        });
    }
}
