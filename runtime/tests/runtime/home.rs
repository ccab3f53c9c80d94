//! Without migration: each goroutine is at home on the thread that it began on.

use crate::common::{self, builder};
use rt::chan::Chan;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Where goroutines are at home on the thread they began on, none is ever seen on another.
#[test]
fn without_migration_a_goroutine_keeps_its_thread() {
    let _t = common::test();
    let runtime = builder(3).migrate(false).build().unwrap();
    let moved = runtime.run(|| {
        let moved = AtomicUsize::new(0);
        let chans: Vec<Chan<u32>> = (0..8).map(|_| Chan::new(0)).collect();
        rt::scope(|s| {
            for i in 0..8 {
                let (from, to, moved) = (&chans[i], &chans[(i + 1) % 8], &moved);
                s.spawn(move || {
                    let home = thread::current().id();
                    let look = || {
                        if thread::current().id() != home {
                            moved.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    if i == 0 {
                        to.send(0);
                    }
                    for round in 0..300 {
                        let value = from.recv().unwrap();
                        look();
                        if !(i == 0 && round == 299) {
                            to.send(value + 1);
                        }
                        look();
                        rt::yield_now();
                        look();
                        if round % 50 == 0 {
                            rt::time::sleep(Duration::from_micros(100));
                            look();
                        }
                        // Started ones that end follow each other on one stack.
                        let short: Vec<_> = (0..3)
                            .map(|_| {
                                s.spawn(|| {
                                    let home = thread::current().id();
                                    rt::yield_now();
                                    thread::current().id() == home
                                })
                            })
                            .collect();
                        for stays in short {
                            if !stays.join().unwrap() {
                                moved.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        look();
                    }
                });
            }
        });
        moved.into_inner()
    });
    assert_eq!(moved, 0);
}

/// A goroutine that is at home on a busy thread gets its turn there.
#[test]
fn without_migration_a_busy_thread_lets_its_others_in() {
    let _t = common::test();
    let runtime = builder(2).migrate(false).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let handle = runtime.handle();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let stop = stop.clone();
            handle.spawn(move || {
                // Never parks; wakes all over the place are for others.
                while !stop.load(Ordering::SeqCst) {
                    rt::yield_now();
                }
            })
        })
        .collect();
    let sleepers: Vec<_> = (0..20)
        .map(|_| {
            handle.spawn(|| {
                for _ in 0..10 {
                    rt::time::sleep(Duration::from_micros(200));
                }
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper.join().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    busy.into_iter().for_each(|b| b.join().unwrap());
}

/// A thread that ends with a pinned goroutine does not take those along that are at home on it.
#[test]
fn without_migration_a_thread_that_ends_pinned_leaves_nobody_behind() {
    let _t = common::test();
    let runtime = builder(1).migrate(false).build().unwrap();
    let handle = runtime.handle();
    let ch = Chan::new(0);
    let waits: Vec<_> = (0..5)
        .map(|_| {
            let ch = ch.clone();
            handle.spawn(move || ch.recv())
        })
        .collect();
    handle.spawn(|| std::mem::forget(rt::task::pin_thread())).join().unwrap();
    for i in 0..5 {
        ch.send_timeout(i, Duration::from_secs(20)).unwrap();
    }
    let mut got: Vec<_> = waits.into_iter().map(|w| w.join().unwrap().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4]);
}

type Job = Box<dyn FnOnce() + Send>;

/// Goroutines that do what they are sent. Those of the same thread are together, the most first.
fn workers(runtime: &rt::Runtime, count: usize) -> Vec<Vec<Chan<Job>>> {
    let homes: Arc<Mutex<HashMap<thread::ThreadId, Vec<Chan<Job>>>>> = Arc::default();
    for _ in 0..count {
        let homes = Arc::clone(&homes);
        runtime.handle().spawn(move || {
            let jobs: Chan<Job> = Chan::new(8);
            homes.lock().unwrap().entry(thread::current().id()).or_default().push(jobs.clone());
            // Others get a chance to begin elsewhere.
            let start = Instant::now();
            while homes.lock().unwrap().len() < 2 && start.elapsed() < Duration::from_millis(5) {}
            jobs.iter().for_each(|job| job());
        });
    }
    common::eventually("all have begun", || {
        homes.lock().unwrap().values().map(Vec::len).sum::<usize>() == count
    });
    let mut homes: Vec<_> = homes.lock().unwrap().drain().map(|(_, jobs)| jobs).collect();
    homes.sort_unstable_by_key(|jobs| std::cmp::Reverse(jobs.len()));
    homes
}

/// Computes, and calls the runtime now and then, until `flag` is raised.
fn compute_until(flag: &AtomicBool) {
    let nothing = Chan::<()>::new(0);
    while !flag.load(Ordering::SeqCst) {
        assert!(nothing.try_recv().is_err());
    }
}

/// The first worker does something and computes, until the second, which is at home on the same thread, has run.
fn lets_in(workers: &[Chan<Job>], before: fn()) {
    let (began, ran) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (began2, ran2, ran3) = (began.clone(), ran.clone(), ran.clone());
    workers[0].send(Box::new(move || {
        before();
        began2.store(true, Ordering::SeqCst);
        compute_until(&ran2);
    }));
    common::eventually("it computes", || began.load(Ordering::SeqCst));
    workers[1].send(Box::new(move || ran3.store(true, Ordering::SeqCst)));
    common::eventually("the other one has run", || ran.load(Ordering::SeqCst));
}

/// The thread of who is woken is held by one that computes; somebody else has woken it, and nobody else waits.
#[test]
fn without_migration_who_is_woken_from_afar_gets_its_turn() {
    let t = common::test();
    let runtime = builder(2).migrate(false).build().unwrap();
    let homes = workers(&runtime, 12);
    for _ in 0..20 {
        lets_in(&homes[0], || ());
        t.dog.pet();
    }
}

/// The same, and the one that computes has lost its processor before, while it was blocked in the system.
#[test]
fn without_migration_who_comes_back_without_a_processor_lets_others_in() {
    let t = common::test();
    let runtime = builder(1).migrate(false).build().unwrap();
    let homes = workers(&runtime, 4);
    for _ in 0..10 {
        lets_in(&homes[0], || thread::sleep(Duration::from_millis(20)));
        t.dog.pet();
    }
}

/// A thread without work finds some that it cannot do: it is not lost to those who can.
#[test]
fn without_migration_who_is_stolen_in_vain_gets_its_turn() {
    let t = common::test();
    let runtime = builder(2).migrate(false).build().unwrap();
    let homes = workers(&runtime, 12);
    for _ in 0..20 {
        let [first, others @ ..] = &homes[0][..] else { unreachable!() };
        let others: Vec<_> = others.iter().take(3).cloned().collect();
        let ended = Chan::new(1);
        let end = ended.clone();
        first.send(Box::new(move || {
            let flags: Vec<_> = others.iter().map(|_| Arc::new(AtomicBool::new(false))).collect();
            for (other, flag) in others.iter().zip(&flags) {
                let flag = Arc::clone(flag);
                other.send(Box::new(move || flag.store(true, Ordering::SeqCst)));
            }
            flags.iter().for_each(|flag| compute_until(flag));
            end.send(());
        }));
        ended.recv_timeout(Duration::from_secs(50)).unwrap();
        t.dog.pet();
    }
}

/// Both processors are busy with short slices: who is woken from afar is let in after a few of them.
#[test]
fn without_migration_who_is_woken_from_afar_waits_for_few_slices() {
    let t = common::test();
    let runtime = builder(2).migrate(false).build().unwrap();
    let homes = workers(&runtime, 16);
    let (stop, slices) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (woken, busy) = homes[0].split_last().unwrap();
    for (home, jobs) in [busy, homes.get(1).map_or(&[][..], |jobs| &jobs[..])].iter().enumerate() {
        for jobs in jobs.iter().take(3) {
            let (stop, slices) = (stop.clone(), slices.clone());
            jobs.send(Box::new(move || {
                while !stop.load(Ordering::SeqCst) {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(2) {}
                    if home == 0 {
                        slices.fetch_add(1, Ordering::SeqCst);
                    }
                    rt::yield_now();
                }
            }));
        }
    }
    let mut waited = 0;
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(10));
        let (tx, rx) = std::sync::mpsc::channel();
        let (before, slices) = (slices.load(Ordering::SeqCst), slices.clone());
        woken.send(Box::new(move || tx.send(slices.load(Ordering::SeqCst)).unwrap()));
        waited += rx.recv().unwrap() - before;
        t.dog.pet();
    }
    stop.store(true, Ordering::SeqCst);
    assert!(waited < 150, "{waited} slices in ten rounds");
}
