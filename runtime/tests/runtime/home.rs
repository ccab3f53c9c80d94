//! Without migration: each goroutine is at home on the thread that it began on.

use crate::common::{self, builder};
use rt::chan::Chan;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

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
