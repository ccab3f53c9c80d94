//! `Condvar`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, runtime};
use rt::sync::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn on_some(f: impl Fn(usize) + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(|| f(procs));
    }
}

/// What the tests wait with.
#[derive(Clone, Debug, Default)]
struct Pair(Arc<(Mutex<Vec<usize>>, Condvar)>);

impl Pair {
    fn mutex(&self) -> &Mutex<Vec<usize>> {
        &self.0.0
    }

    fn condvar(&self) -> &Condvar {
        &self.0.1
    }

    /// Waits for one notification, and says so.
    fn wait(&self, name: usize) {
        self.condvar().wait(self.mutex().lock()).push(name);
    }

    /// Spawns one that waits for one notification; on one processor it waits when this returns.
    fn spawn_waiter(&self, name: usize) -> rt::JoinHandle<()> {
        let pair = self.clone();
        let waiter = rt::spawn(move || pair.wait(name));
        rt::yield_now();
        waiter
    }

    fn order(&self) -> Vec<usize> {
        self.mutex().lock().clone()
    }
}

/// On one processor, lets everybody run who can.
fn let_all_run() {
    for _ in 0..20 {
        rt::yield_now();
    }
}

#[test]
fn the_first_that_came_is_the_first_notified() {
    let _t = common::test();
    runtime(1).run(|| {
        let pair = Pair::default();
        let waiters: Vec<_> = (0..6).map(|i| pair.spawn_waiter(i)).collect();
        for i in 0..4 {
            pair.condvar().notify_one();
            let_all_run();
            assert_eq!(pair.order(), (0..=i).collect::<Vec<_>>());
        }
        pair.condvar().notify_all();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(pair.order().len(), 6);
    });
}

/// The same with threads in between.
#[test]
fn threads_and_goroutines_stand_in_one_queue() {
    let _t = common::test();
    let runtime = runtime(2);
    let pair = Pair::default();
    let here = Arc::new(AtomicUsize::new(0));
    let arrive = |i: usize| {
        let (pair, here) = (pair.clone(), here.clone());
        move || {
            let guard = pair.mutex().lock();
            here.fetch_add(1, Ordering::SeqCst);
            pair.condvar().wait(guard).push(i);
        }
    };
    let mut threads = Vec::new();
    let mut goroutines = Vec::new();
    for i in 0..8 {
        if i % 2 == 0 {
            threads.push(thread::spawn(arrive(i)));
        } else {
            goroutines.push(runtime.handle().spawn(arrive(i)));
        }
        // It has the mutex when it says so, and waits when that is free again.
        eventually("it waits", || here.load(Ordering::SeqCst) == i + 1);
        drop(pair.mutex().lock());
    }
    for i in 0..8 {
        pair.condvar().notify_one();
        eventually("it was notified", || pair.order().len() == i + 1);
    }
    assert_eq!(pair.order(), [0, 1, 2, 3, 4, 5, 6, 7]);
    threads.into_iter().for_each(|t| t.join().unwrap());
    goroutines.into_iter().for_each(|g| g.join().unwrap());
}

/// So many notifications, so many returns: also when those who wait are woken for other reasons.
#[test]
fn no_wake_up_is_spurious() {
    let _t = common::test();
    on_some(|_| {
        let (pair, waiting) = (Pair::default(), Arc::new(AtomicUsize::new(0)));
        let waiters: Vec<_> = (0..8)
            .map(|i| {
                let (pair, waiting) = (pair.clone(), waiting.clone());
                rt::spawn(move || {
                    // Leaves a wake-up behind that comes late.
                    let hasty = rt::spawn(|| ());
                    let _ = hasty.join_timeout(Duration::from_micros(30));
                    let guard = pair.mutex().lock();
                    waiting.fetch_add(1, Ordering::SeqCst);
                    pair.condvar().wait(guard).push(i);
                })
            })
            .collect();
        while waiting.load(Ordering::SeqCst) < 8 {
            rt::yield_now();
        }
        drop(pair.mutex().lock());
        (0..3).for_each(|_| pair.condvar().notify_one());
        while pair.order().len() < 3 {
            rt::yield_now();
        }
        rt::time::sleep(Duration::from_millis(1));
        assert_eq!(pair.order().len(), 3);
        pair.condvar().notify_all();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        // Nobody waits: not kept for whoever comes.
        pair.condvar().notify_one();
        pair.condvar().notify_all();
        let guard = pair.mutex().lock();
        assert!(pair.condvar().wait_timeout(guard, Duration::from_millis(1)).1);
    });
}

#[test]
fn timeouts() {
    let _t = common::test();
    let check = || {
        let (mutex, never) = (Mutex::new(7), Condvar::new());
        let start = Instant::now();
        let (guard, timed_out) = never.wait_timeout(mutex.lock(), Duration::from_millis(3));
        assert!(timed_out && start.elapsed() >= Duration::from_millis(3));
        let (guard, timed_out) = never.wait_timeout(guard, Duration::ZERO);
        assert!(timed_out && *guard == 7);
        assert!(mutex.try_lock().is_none(), "it has the lock");
        let (guard, timed_out) = never.wait_timeout_while(guard, Duration::ZERO, |n| *n == 7);
        assert!(timed_out);
        let (guard, timed_out) = never.wait_timeout_while(guard, Duration::ZERO, |n| *n != 7);
        assert!(!timed_out);
        drop(guard);
    };
    check();
    on_some(|_| check());
    // In time.
    runtime(1).run(|| {
        let pair = Pair::default();
        let theirs = pair.clone();
        let waiter = rt::spawn(move || {
            let guard = theirs.mutex().lock();
            let (guard, timed_out) = theirs.condvar().wait_timeout(guard, Duration::MAX);
            assert!(!timed_out);
            let wait = Duration::from_secs(100);
            let (_, timed_out) = theirs.condvar().wait_timeout_while(guard, wait, |v| v.is_empty());
            assert!(!timed_out);
        });
        rt::yield_now();
        pair.condvar().notify_one();
        rt::yield_now();
        // In vain: the condition holds.
        pair.condvar().notify_one();
        rt::yield_now();
        pair.mutex().lock().push(1);
        pair.condvar().notify_one();
        waiter.join().unwrap();
    });
}

#[test]
fn an_abort_ends_the_wait_and_leaves_no_trace() {
    let _t = common::test();
    runtime(1).run(|| {
        for timed in [false, true] {
            let (tally, pair) = (Tally::default(), Pair::default());
            let first = pair.spawn_waiter(1);
            let (theirs, token) = (pair.clone(), tally.token());
            let aborted = rt::spawn(move || {
                let _token = token;
                let guard = theirs.mutex().lock();
                if timed {
                    drop(theirs.condvar().wait_timeout(guard, Duration::from_secs(100)));
                } else {
                    drop(theirs.condvar().wait(guard));
                }
            });
            rt::yield_now();
            let last = pair.spawn_waiter(3);
            aborted.abort();
            assert!(aborted.join().unwrap_err().is_cancelled());
            tally.assert_all_dropped();
            // Two that wait, two notifications.
            pair.condvar().notify_one();
            first.join().unwrap();
            pair.condvar().notify_one();
            last.join().unwrap();
            assert_eq!(pair.order(), [1, 3]);
        }
    });
}

/// Notified, and aborted before it has run: it returns, with the lock, though it has to wait for that.
#[test]
fn an_abort_does_not_swallow_a_notification() {
    let _t = common::test();
    runtime(1).run(|| {
        for locked in [false, true] {
            for timed in [false, true] {
                let (pair, ended) = (Pair::default(), Arc::new(AtomicBool::new(false)));
                let (theirs, ends) = (pair.clone(), ended.clone());
                let aborted = rt::spawn(move || {
                    let guard = theirs.mutex().lock();
                    let mut guard = if timed {
                        let (guard, timed_out) =
                            theirs.condvar().wait_timeout(guard, Duration::from_secs(100));
                        assert!(!timed_out);
                        guard
                    } else {
                        theirs.condvar().wait(guard)
                    };
                    guard.push(7);
                    drop(guard);
                    ends.store(true, Ordering::SeqCst);
                    rt::yield_now();
                    unreachable!("it was aborted");
                });
                rt::yield_now();
                let guard = locked.then(|| pair.mutex().lock());
                pair.condvar().notify_one();
                aborted.abort();
                let_all_run();
                assert_eq!(ended.load(Ordering::SeqCst), !locked);
                drop(guard);
                assert!(aborted.join().unwrap_err().is_cancelled());
                assert_eq!(pair.order(), [7]);
            }
        }
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    let (tally, pair) = (Tally::default(), Pair::default());
    let runtime = runtime(2);
    let waiting = Arc::new(AtomicUsize::new(0));
    for i in 0..8 {
        let (pair, token, waiting) = (pair.clone(), tally.token(), waiting.clone());
        runtime.handle().spawn(move || {
            let _token = token;
            let guard = pair.mutex().lock();
            waiting.fetch_add(1, Ordering::SeqCst);
            if i % 2 == 0 {
                drop(pair.condvar().wait_timeout(guard, Duration::from_secs(100)));
            } else {
                drop(pair.condvar().wait(guard));
            }
        });
    }
    eventually("all wait", || waiting.load(Ordering::SeqCst) == 8);
    drop(runtime);
    tally.assert_all_dropped();
    pair.condvar().notify_all();
    assert!(pair.mutex().try_lock().is_some());
}

/// A bounded queue for goroutines and threads, some of which give up or are aborted: whatever was
/// put in is taken out, and whoever waits is notified. `RT_STRESS_SEED` replays one.
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

#[derive(Default)]
struct Bounded {
    items: Mutex<(VecDeque<u64>, bool)>,
    filled: Condvar,
    taken: Condvar,
}

const ROOM: usize = 3;

impl Bounded {
    fn put(&self, item: u64) {
        let mut items = self.taken.wait_while(self.items.lock(), |items| items.0.len() == ROOM);
        items.0.push_back(item);
        drop(items);
        self.filled.notify_one();
    }

    /// `None`: closed, or the time was up.
    fn take(&self, timeout: Option<Duration>) -> Option<u64> {
        let empty = |items: &mut (VecDeque<u64>, bool)| items.0.is_empty() && !items.1;
        let mut items = match timeout {
            None => self.filled.wait_while(self.items.lock(), empty),
            Some(timeout) => self.filled.wait_timeout_while(self.items.lock(), timeout, empty).0,
        };
        let item = items.0.pop_front();
        drop(items);
        if item.is_some() {
            self.taken.notify_one();
        }
        item
    }
}

fn round_of_stress(seed: u64) {
    let mut rng = Rng::new(seed);
    let runtime = runtime(1 + rng.below(4) as usize);
    let tally = Tally::default();
    let queue = Arc::new(Bounded::default());
    let (put, got) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let consumer = |mut rng: Rng| {
        let (queue, got, token) = (queue.clone(), got.clone(), tally.token());
        move || {
            let _token = token;
            loop {
                let timeout = rng.one_in(2).then(|| Duration::from_micros(rng.below(50)));
                match queue.take(timeout) {
                    Some(item) => drop(got.fetch_add(item as usize, Ordering::Relaxed)),
                    None if timeout.is_none() => return,
                    None => {}
                }
            }
        }
    };
    let producer = |mut rng: Rng| {
        let (queue, put, token) = (queue.clone(), put.clone(), tally.token());
        move || {
            let _token = token;
            for _ in 0..rng.below(60) {
                let item = rng.below(100);
                queue.put(item);
                put.fetch_add(item as usize, Ordering::Relaxed);
            }
        }
    };
    let fork = |rng: &mut Rng| Rng::new(rng.next());
    let consumers: Vec<_> =
        (0..4).map(|_| runtime.handle().spawn(consumer(fork(&mut rng)))).collect();
    let outside = thread::spawn(consumer(fork(&mut rng)));
    let producers: Vec<_> =
        (0..4).map(|_| runtime.handle().spawn(producer(fork(&mut rng)))).collect();
    let also_outside = thread::spawn(producer(fork(&mut rng)));
    // Consumers only: a producer could be aborted with its item put, but not counted.
    for consumer in &consumers[..2] {
        if rng.one_in(2) {
            consumer.abort();
        }
    }
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    also_outside.join().unwrap();
    queue.items.lock().1 = true;
    queue.filled.notify_all();
    for consumer in consumers {
        if let Err(error) = consumer.join() {
            assert!(error.is_cancelled(), "seed {seed}: {error:?}");
        }
    }
    outside.join().unwrap();
    drop(runtime);
    assert!(queue.items.try_lock().expect("nobody has it").0.is_empty(), "seed {seed}");
    assert_eq!(put.load(Ordering::Relaxed), got.load(Ordering::Relaxed), "seed {seed}");
    tally.assert_all_dropped();
}
