//! `RwLock`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, eventually_yielding, fail, runtime};
use rt::sync::{Barrier, RwLock, RwLockReadGuard, RwLockWriteGuard};
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

/// A lock whose value is the order in which writers had it, and readers.
type Order = Arc<RwLock<(Vec<u32>, std::sync::Mutex<Vec<u32>>)>>;

/// On one processor it waits when this returns, if it has to.
fn spawn_writer(lock: &Order, name: u32) -> rt::JoinHandle<()> {
    let lock = lock.clone();
    let writer = rt::spawn(move || {
        let mut guard = lock.write();
        guard.0.push(name);
        guard.1.lock().unwrap().push(name);
    });
    rt::yield_now();
    writer
}

fn spawn_reader(lock: &Order, name: u32) -> rt::JoinHandle<()> {
    let lock = lock.clone();
    let reader = rt::spawn(move || lock.read().1.lock().unwrap().push(name));
    rt::yield_now();
    reader
}

/// On one processor, lets everybody run who can.
fn let_all_run() {
    for _ in 0..20 {
        rt::yield_now();
    }
}

#[test]
fn one_that_writes_or_many_that_read() {
    let _t = common::test();
    let each = if cfg!(debug_assertions) { 500 } else { 5000 };
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        let shared = Arc::new((RwLock::new(0_usize), AtomicUsize::new(0)));
        let written = Arc::new(AtomicUsize::new(0));
        let work = |seed| {
            let (shared, written) = (shared.clone(), written.clone());
            move || {
                let mut rng = Rng::new(seed);
                for _ in 0..each {
                    if rng.one_in(4) {
                        let mut value = shared.0.write();
                        assert_eq!(shared.1.fetch_add(1000, Ordering::SeqCst), 0, "not alone");
                        *value += 1;
                        if rng.one_in(64) {
                            rt::yield_now();
                        }
                        shared.1.fetch_sub(1000, Ordering::SeqCst);
                        written.fetch_add(1, Ordering::SeqCst);
                    } else {
                        let value = shared.0.read();
                        assert!(shared.1.fetch_add(1, Ordering::SeqCst) < 1000, "not alone");
                        let before = *value;
                        if rng.one_in(64) {
                            rt::yield_now();
                        }
                        assert_eq!(before, *value);
                        shared.1.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let goroutines: Vec<_> = (0..8).map(|i| runtime.handle().spawn(work(i))).collect();
        let threads: Vec<_> = (8..10).map(|i| thread::spawn(work(i))).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*shared.0.try_write().unwrap(), written.load(Ordering::SeqCst));
    }
}

#[test]
fn many_read_together() {
    let _t = common::test();
    on_some(|_| {
        let shared = Arc::new((RwLock::new(()), Barrier::new(5)));
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let shared = shared.clone();
                rt::spawn(move || {
                    let _guard = shared.0.read();
                    // All of them are here with a guard.
                    shared.1.wait();
                })
            })
            .collect();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

/// Those who write and those who read take turns.
#[test]
fn a_writer_that_waits_keeps_readers_away_and_lets_them_in_after() {
    let _t = common::test();
    runtime(1).run(|| {
        let lock = Order::default();
        let guard = lock.read();
        let first = spawn_writer(&lock, 1);
        assert!(lock.try_read().is_none(), "one waits to write");
        assert!(lock.read_timeout(Duration::ZERO).is_none());
        let second = spawn_writer(&lock, 2);
        let readers = [10, 11].map(|name| spawn_reader(&lock, name));
        let_all_run();
        assert_eq!(*guard.1.lock().unwrap(), []);
        drop(guard);
        first.join().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        second.join().unwrap();
        let order = lock.try_read().unwrap().1.lock().unwrap().clone();
        assert!([[1, 10, 11, 2], [1, 11, 10, 2]].contains(&order.try_into().unwrap()));
        // While one writes.
        let guard = lock.write();
        let writer = spawn_writer(&lock, 3);
        let readers = [12, 13].map(|name| spawn_reader(&lock, name));
        drop(guard);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        writer.join().unwrap();
        assert_eq!(lock.read().1.lock().unwrap()[6], 3);
    });
}

/// Readers that follow each other without a gap do not keep a writer away for ever, nor writers a
/// reader.
#[test]
fn nobody_starves() {
    let _t = common::test();
    for procs in [1, 2] {
        for writer_waits in [true, false] {
            runtime(procs).run(|| {
                let lock = Arc::new(RwLock::new(0_u32));
                let (got, hogs) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
                let hogs = Arc::new(hogs);
                let all: Vec<_> = (0..3)
                    .map(|_| {
                        let (lock, got, hogs) = (lock.clone(), got.clone(), hogs.clone());
                        rt::spawn(move || {
                            // Hand over hand: there is always one that has it.
                            let mut held = None;
                            while !got.load(Ordering::SeqCst) {
                                if writer_waits {
                                    let next = lock.try_read();
                                    if next.is_some() || held.is_none() {
                                        held = next;
                                    } else {
                                        // Somebody waits to write: we must not keep it.
                                        held = None;
                                    }
                                } else {
                                    *lock.write() += 1;
                                }
                                hogs.fetch_add(1, Ordering::SeqCst);
                                rt::yield_now();
                            }
                            drop(held);
                        })
                    })
                    .collect();
                eventually_yielding("they are at it", || hogs.load(Ordering::SeqCst) > 10);
                if writer_waits {
                    drop(lock.write());
                } else {
                    drop(lock.read());
                }
                got.store(true, Ordering::SeqCst);
                all.into_iter().for_each(|one| one.join().unwrap());
            });
        }
    }
}

#[test]
fn it_is_what_it_is() {
    let _t = common::test();
    static LIMIT: RwLock<u32> = RwLock::new(7);
    *LIMIT.write() += 1;
    assert_eq!(*LIMIT.read(), 8);
    let mut lock = RwLock::<String>::default();
    lock.get_mut().push('a');
    assert_eq!(format!("{lock:?}"), "RwLock { value: \"a\" }");
    let guard = lock.write();
    assert_eq!(format!("{lock:?}"), "RwLock { value: <locked> }");
    assert_eq!((format!("{guard}"), format!("{guard:?}")), ("a".into(), "\"a\"".into()));
    drop(guard);
    let guard = lock.read();
    assert_eq!((format!("{guard}"), format!("{guard:?}")), ("a".into(), "\"a\"".into()));
    drop(guard);
    assert_eq!(RwLock::from(lock.into_inner()).into_inner(), "a");
    let slice: &RwLock<[u32]> = &RwLock::new([1, 2, 3]);
    slice.write()[1] = 5;
    assert_eq!(*slice.read(), [1, 5, 3]);
    let boxed: Box<RwLock<dyn Debug + Send + Sync>> = Box::new(RwLock::new(4));
    assert_eq!(format!("{:?}", boxed.read()), "4");
    let tally = Tally::default();
    let lock = RwLock::new(tally.token());
    *lock.write() = tally.token();
    drop(lock);
    tally.assert_all_dropped();
}

/// What the compiler knows of it.
const _: () = {
    const fn sends<T: Send>() {}
    const fn shares<T: Sync>() {}
    sends::<RwLock<Cell<u32>>>();
    shares::<RwLock<u32>>();
    sends::<RwLockReadGuard<'_, u32>>();
    shares::<RwLockReadGuard<'_, u32>>();
    sends::<RwLockWriteGuard<'_, u32>>();
    shares::<RwLockWriteGuard<'_, u32>>();
};

#[test]
fn tries_and_timeouts() {
    let _t = common::test();
    let check = || {
        let lock = RwLock::new(0);
        let long = Duration::from_millis(3);
        let guard = lock.write();
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        assert!(lock.read_timeout(Duration::ZERO).is_none());
        assert!(lock.write_timeout(Duration::ZERO).is_none());
        for write in [false, true] {
            let start = Instant::now();
            let got = if write {
                lock.write_timeout(long).is_some()
            } else {
                lock.read_timeout(long).is_some()
            };
            assert!(!got && start.elapsed() >= long);
        }
        drop(guard);
        let guard = lock.read_timeout(Duration::ZERO).unwrap();
        let other = lock.try_read().unwrap();
        assert!(lock.try_write().is_none() && lock.write_timeout(long).is_none());
        // It has left no trace.
        drop((guard, other, lock.try_read().unwrap()));
        drop(lock.write_timeout(Duration::MAX).unwrap());
        drop(lock.try_write().unwrap());
    };
    check();
    on_some(|_| check());
}

/// A writer that gives up lets those in that it kept away.
#[test]
fn readers_come_in_when_a_writer_gives_up() {
    let _t = common::test();
    runtime(1).run(|| {
        for timed in [false, true] {
            let (tally, lock) = (Tally::default(), Order::default());
            let guard = lock.read();
            let (theirs, token) = (lock.clone(), tally.token());
            let writer = rt::spawn(move || {
                let _token = token;
                if timed {
                    assert!(theirs.write_timeout(Duration::from_millis(2)).is_none());
                } else {
                    drop(theirs.write());
                }
            });
            rt::yield_now();
            let readers = [1, 2, 3].map(|name| spawn_reader(&lock, name));
            let_all_run();
            assert_eq!(*guard.1.lock().unwrap(), []);
            if !timed {
                writer.abort();
            }
            assert_eq!(writer.join().is_err(), !timed);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            assert_eq!(*guard.1.lock().unwrap(), [1, 2, 3]);
            drop(guard);
            drop(lock.try_write().unwrap());
            tally.assert_all_dropped();
        }
    });
}

#[test]
fn an_abort_ends_the_wait_and_leaves_no_trace() {
    let _t = common::test();
    on_some(|_| {
        for case in 0..4 {
            let (tally, lock) = (Tally::default(), Order::default());
            let guard = lock.write();
            let before = [spawn_reader(&lock, 1), spawn_writer(&lock, 2)];
            let (theirs, token) = (lock.clone(), tally.token());
            let aborted = rt::spawn(move || {
                let _token = token;
                match case {
                    0 => drop(theirs.read()),
                    1 => drop(theirs.read_timeout(Duration::from_secs(100))),
                    2 => drop(theirs.write()),
                    _ => drop(theirs.write_timeout(Duration::from_secs(100))),
                }
            });
            rt::time::sleep(Duration::from_micros(100));
            let after = [spawn_reader(&lock, 3), spawn_writer(&lock, 4)];
            aborted.abort();
            assert!(aborted.join().unwrap_err().is_cancelled());
            tally.assert_all_dropped();
            drop(guard);
            before.into_iter().chain(after).for_each(|one| one.join().unwrap());
            assert_eq!(lock.try_write().unwrap().1.lock().unwrap().len(), 4);
        }
    });
}

/// Given the lock, and aborted before it has run: it has it, and unlocks.
#[test]
fn an_abort_of_who_was_given_it_loses_nothing() {
    let _t = common::test();
    runtime(1).run(|| {
        for writes in [false, true] {
            let (lock, got) = (Order::default(), Arc::new(AtomicUsize::new(0)));
            // Held in such a way that it is handed over.
            let (read, write) =
                if writes { (Some(lock.read()), None) } else { (None, Some(lock.write())) };
            let (theirs, gets) = (lock.clone(), got.clone());
            let aborted = rt::spawn(move || {
                let guards =
                    if writes { (None, Some(theirs.write())) } else { (Some(theirs.read()), None) };
                gets.fetch_add(1, Ordering::SeqCst);
                rt::yield_now();
                unreachable!("it was aborted, with {guards:?}");
            });
            rt::yield_now();
            let next = spawn_writer(&lock, 1);
            drop((read, write));
            aborted.abort();
            assert!(aborted.join().unwrap_err().is_cancelled());
            next.join().unwrap();
            assert_eq!(got.load(Ordering::SeqCst), 1);
            drop(lock.try_write().unwrap());
        }
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    for reads in [false, true] {
        let (tally, lock) = (Tally::default(), Arc::new(RwLock::new(())));
        let (read, write) =
            if reads { (Some(lock.read()), None) } else { (None, Some(lock.write())) };
        let runtime = runtime(2);
        let waiting = Arc::new(AtomicUsize::new(0));
        for i in 0..8 {
            let (lock, token, waiting) = (lock.clone(), tally.token(), waiting.clone());
            runtime.handle().spawn(move || {
                let _token = token;
                waiting.fetch_add(1, Ordering::SeqCst);
                if i % 2 == 0 {
                    drop(lock.write());
                } else {
                    drop(lock.read());
                }
            });
        }
        eventually("all wait, or are through", || waiting.load(Ordering::SeqCst) == 8);
        drop(runtime);
        tally.assert_all_dropped();
        drop((read, write));
        drop(lock.try_write().unwrap());
    }
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let _t = common::test();
    on_some(|_| {
        let lock = Arc::new(RwLock::new(0));
        for writes in [false, true] {
            let theirs = lock.clone();
            let panics = rt::spawn(move || {
                let _guards =
                    if writes { (None, Some(theirs.write())) } else { (Some(theirs.read()), None) };
                fail("with the lock");
            });
            assert!(panics.join().unwrap_err().is_panic());
            *lock.try_write().unwrap() += 1;
        }
        assert_eq!(*lock.read(), 2);
    });
}

#[test]
fn a_writer_reads_on() {
    let _t = common::test();
    runtime(1).run(|| {
        let lock = Order::default();
        let mut guard = lock.write();
        guard.0.push(7);
        let readers = [1, 2].map(|name| spawn_reader(&lock, name));
        let writer = spawn_writer(&lock, 3);
        let guard = RwLockWriteGuard::downgrade(guard);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        let_all_run();
        assert_eq!(guard.0, [7]);
        assert_eq!(*guard.1.lock().unwrap(), [1, 2]);
        drop(guard);
        writer.join().unwrap();
        let alone = RwLockWriteGuard::downgrade(lock.write());
        assert!(lock.try_write().is_none());
        drop(alone);
        assert_eq!(lock.try_write().unwrap().0, [7, 3]);
    });
}

/// Everything at once. `RT_STRESS_SEED` replays one.
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
    // Written twice under the guard: who reads finds both alike.
    let lock = Arc::new(RwLock::new((0_usize, 0_usize)));
    let counted = Arc::new(AtomicUsize::new(0));
    let actor = |mut rng: Rng| {
        let (lock, counted, token) = (lock.clone(), counted.clone(), tally.token());
        move || {
            let _token = token;
            for _ in 0..rng.below(80) {
                let timeout = Duration::from_micros(rng.below(60));
                if rng.one_in(2) {
                    let guard = match rng.below(4) {
                        0 => lock.try_read(),
                        1 => lock.read_timeout(timeout),
                        _ => Some(lock.read()),
                    };
                    guard.inspect(|value| assert_eq!(value.0, value.1));
                } else {
                    let guard = match rng.below(4) {
                        0 => lock.try_write(),
                        1 => lock.write_timeout(timeout),
                        _ => Some(lock.write()),
                    };
                    let Some(mut value) = guard else { continue };
                    value.0 += 1;
                    std::hint::spin_loop();
                    value.1 += 1;
                    counted.fetch_add(1, Ordering::Relaxed);
                    if rng.one_in(4) {
                        let value = RwLockWriteGuard::downgrade(value);
                        // May unwind, with the guard.
                        rt::yield_now();
                        assert_eq!(value.0, value.1);
                    }
                }
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
    let value = lock.try_write().expect("nobody has it");
    assert_eq!(*value, [counted.load(Ordering::Relaxed); 2].into(), "seed {seed}");
    tally.assert_all_dropped();
}
