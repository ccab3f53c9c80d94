//! The rooms of `sync` under shuttle: mixes that are too large for loom, in random orders.
//!
//! It takes all atomics for sequentially consistent, so it is no evidence on orderings. A waiter that
//! nobody wakes is a deadlock, which shuttle reports with the schedule that leads there.

use super::{
    Barrier, Condvar, Mutex, Once, OnceLock, RwLock, RwLockWriteGuard, Semaphore, WaitGroup,
};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Random orders, and orders that a few switches at the worst places make.
fn check(f: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(f.clone(), 3000);
    shuttle::check_pct(f, 3000, 4);
}

fn below(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

/// Runs `body` in so many threads at once.
fn together<T: Send + Sync + 'static>(count: usize, shared: T, body: fn(&T, usize)) -> Arc<T> {
    let shared = Arc::new(shared);
    let threads: Vec<_> = (0..count)
        .map(|i| {
            let shared = shared.clone();
            thread::spawn(move || body(&shared, i))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    shared
}

/// Who is inside.
#[derive(Default)]
struct Inside(AtomicUsize);

impl Inside {
    /// Comes in with a weight; all who are inside may weigh so much.
    fn with<R>(&self, weight: usize, most: usize, f: impl FnOnce() -> R) -> R {
        assert!(self.0.fetch_add(weight, Ordering::SeqCst) + weight <= most, "too many");
        let result = f();
        self.0.fetch_sub(weight, Ordering::SeqCst);
        result
    }
}

fn mutex(patient: bool) {
    let mutex = if patient { Mutex::new(0) } else { Mutex::impatient(0) };
    let shared = (mutex, Inside::default(), AtomicUsize::new(0));
    let shared = together(4, shared, |(mutex, inside, counted), _| {
        for _ in 0..3 {
            let guard = match below(5) {
                0 => mutex.try_lock(),
                1 => mutex.lock_timeout(Duration::ZERO),
                2 => mutex.lock_timeout(Duration::from_secs(1000)),
                _ => Some(mutex.lock()),
            };
            let Some(mut guard) = guard else { continue };
            inside.with(1, 1, || {
                *guard += 1;
                counted.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert!(shared.0.is_idle());
    assert_eq!(*shared.0.lock(), shared.2.load(Ordering::SeqCst));
}

#[test]
fn a_mutex() {
    check(|| mutex(true));
}

#[test]
fn a_mutex_that_is_handed_over() {
    check(|| mutex(false));
}

#[test]
fn a_rwlock() {
    check(|| {
        let shared = (RwLock::new([0; 2]), Inside::default(), AtomicUsize::new(0));
        let shared = together(4, shared, |(lock, inside, counted), _| {
            for _ in 0..3 {
                if below(2) == 0 {
                    let guard = match below(3) {
                        0 => lock.read_timeout(Duration::ZERO),
                        1 => lock.try_read(),
                        _ => Some(lock.read()),
                    };
                    guard.inspect(|_| inside.with(1, 99, || ()));
                } else {
                    let guard = match below(4) {
                        0 => lock.write_timeout(Duration::ZERO),
                        1 => lock.try_write(),
                        _ => Some(lock.write()),
                    };
                    let Some(mut guard) = guard else { continue };
                    inside.with(100, 100, || guard[0] += 1);
                    counted.fetch_add(1, Ordering::SeqCst);
                    if below(3) == 0 {
                        let guard = RwLockWriteGuard::downgrade(guard);
                        inside.with(1, 99, || assert!(guard[0] > 0));
                    }
                }
            }
        });
        assert_eq!(shared.0.try_write().unwrap()[0], shared.2.load(Ordering::SeqCst));
    });
}

#[derive(Default)]
struct Bounded {
    items: Mutex<VecDeque<usize>>,
    filled: Condvar,
    taken: Condvar,
    sum: AtomicUsize,
}

/// Two that put, two that take, one place; now and then one gives up and comes again.
#[test]
fn a_condvar() {
    check(|| {
        let shared = together(4, Bounded::default(), |bounded, i| {
            for item in 1..=3 {
                if i % 2 == 0 {
                    let full = |items: &mut VecDeque<usize>| items.len() == 1;
                    let mut items = bounded.taken.wait_while(bounded.items.lock(), full);
                    items.push_back(item);
                    drop(items);
                    bounded.filled.notify_one();
                    continue;
                }
                let mut items = bounded.items.lock();
                while items.is_empty() {
                    let timeout =
                        if below(4) == 0 { Duration::ZERO } else { Duration::from_secs(1000) };
                    items = bounded.filled.wait_timeout(items, timeout).0;
                }
                bounded.sum.fetch_add(items.pop_front().unwrap(), Ordering::SeqCst);
                drop(items);
                bounded.taken.notify_one();
            }
        });
        assert_eq!(shared.sum.load(Ordering::SeqCst), 12);
    });
}

#[test]
fn all_who_wait_on_a_condvar() {
    check(|| {
        let shared = (Mutex::new(0), Condvar::new());
        together(4, shared, |(here, changed), _| {
            for round in 1..=2 {
                let mut count = here.lock();
                *count += 1;
                if *count == 4 * round {
                    changed.notify_all();
                } else {
                    drop(changed.wait_while(count, |count| *count < 4 * round));
                }
            }
        });
    });
}

#[test]
fn a_semaphore() {
    check(|| {
        let shared = (Semaphore::new(3), Inside::default());
        let shared = together(4, shared, |(semaphore, inside), _| {
            for _ in 0..3 {
                let k = below(4);
                let permit = match below(4) {
                    0 => semaphore.try_acquire(k),
                    1 => semaphore.acquire_timeout(k, Duration::ZERO),
                    _ => Some(semaphore.acquire(k)),
                };
                let Some(permit) = permit else { continue };
                inside.with(k, 3, || ());
                if below(3) == 0 {
                    permit.forget();
                    semaphore.release(k);
                }
            }
        });
        assert!(shared.0.try_acquire(3).is_some(), "{:?}", shared.0);
    });
}

/// Who waits for an end is released by it, though the count rises again at once.
#[test]
fn a_wait_group_used_again() {
    check(|| {
        let shared = (WaitGroup::new(), AtomicUsize::new(0));
        shared.0.add(1);
        together(4, shared, |(wg, ends), i| {
            for round in 1..=3 {
                if i == 0 {
                    ends.fetch_add(1, Ordering::SeqCst);
                    wg.done();
                    wg.add(1);
                    if round == 3 {
                        ends.fetch_add(1, Ordering::SeqCst);
                        wg.done();
                    }
                } else {
                    let before = ends.load(Ordering::SeqCst);
                    if below(4) == 0 {
                        wg.wait_timeout(Duration::ZERO);
                    } else {
                        wg.wait();
                        // An end lies between the two looks, or was under way at the first.
                        assert!(ends.load(Ordering::SeqCst) > 0 || before > 0);
                    }
                }
            }
        });
    });
}

/// Two groups are a double barrier, as in the tests of Go's; used again at once.
#[test]
fn two_wait_groups() {
    check(|| {
        let wgs = Arc::new([WaitGroup::new(), WaitGroup::new()]);
        for _ in 0..2 {
            wgs.iter().for_each(|wg| wg.add(3));
            let shared = (wgs.clone(), AtomicUsize::new(0));
            together(3, shared, |(wgs, here), _| {
                here.fetch_add(1, Ordering::SeqCst);
                wgs[0].done();
                wgs[0].wait();
                assert_eq!(here.load(Ordering::SeqCst), 3, "passed early");
                wgs[1].done();
                wgs[1].wait();
            });
        }
    });
}

#[test]
fn a_barrier() {
    check(|| {
        let shared = (Barrier::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = together(3, shared, |(barrier, met, led), _| {
            for _ in 0..3 {
                if let Some(result) = barrier.wait_timeout(Duration::ZERO) {
                    met.fetch_add(1, Ordering::SeqCst);
                    led.fetch_add(usize::from(result.is_leader()), Ordering::SeqCst);
                }
            }
        });
        let (met, led) = (shared.1.load(Ordering::SeqCst), shared.2.load(Ordering::SeqCst));
        assert_eq!(met, 2 * led);
        assert!(shared.0.wait_timeout(Duration::ZERO).is_none());
    });
    check(|| {
        let shared = (Barrier::new(3), AtomicUsize::new(0));
        together(3, shared, |(barrier, here), _| {
            for round in 1..=3 {
                here.fetch_add(1, Ordering::SeqCst);
                barrier.wait();
                assert!(here.load(Ordering::SeqCst) >= 3 * round, "passed early");
                barrier.wait();
            }
        });
    });
}

/// Some initializers fail.
#[test]
fn a_once() {
    check(|| {
        let shared = (Once::new(), OnceLock::new(), Inside::default());
        let shared = together(4, shared, |(once, lock, inside), i| {
            let call = || {
                once.call_once(|| {
                    inside.with(1, 1, || ());
                    if below(2) == 0 {
                        resume_unwind(Box::new(()));
                    }
                });
            };
            if catch_unwind(AssertUnwindSafe(call)).is_ok() {
                assert!(once.is_completed());
            }
            let value = match below(3) {
                0 => lock.set(i).err().unwrap_or(i),
                1 => *lock.get_or_init(|| i),
                _ => lock.get().copied().unwrap_or(i),
            };
            assert!(value < 4);
        });
        shared.0.call_once(|| ());
        assert!(shared.0.is_completed());
    });
}
