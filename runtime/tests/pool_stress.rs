//! Pools under pressure: many tasks on few workers, and release, tuning and expiry in the middle of it. Seeded.

mod common;

use common::{Rng, Tally, runtime, seeded, test, turns};
use rt::pool::{Nested, Pool, Queue};
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(50);

#[test]
fn a_hundred_thousand_tasks_on_a_thousand_workers() {
    let _test = test();
    let tasks = turns(20_000, 100_000) as usize;
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let pool = Pool::new(1000).unwrap();
            let (now, most, ran) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let shared = Arc::new((now, most, ran, Tally::default()));
            let all = WaitGroup::new();
            for submitter in 0..4 {
                let (pool, shared) = (pool.clone(), shared.clone());
                all.go(move || {
                    for n in 0..tasks / 4 {
                        let (shared, token) = (shared.clone(), shared.3.token());
                        pool.submit(move || {
                            let (now, most, ran, _) = &*shared;
                            most.fetch_max(
                                now.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            if (n + submitter) % 5 == 0 {
                                rt::time::sleep(Duration::from_micros(300));
                            }
                            now.fetch_sub(1, Ordering::SeqCst);
                            ran.fetch_add(1, Ordering::SeqCst);
                            drop(token);
                        })
                        .unwrap();
                        assert!(pool.running() <= 1000);
                    }
                });
            }
            all.wait();
            pool.release_timeout(LONG).unwrap();
            assert_eq!(shared.2.load(Ordering::SeqCst), tasks);
            assert!(shared.1.load(Ordering::SeqCst) <= 1000);
            shared.3.assert_all_dropped();
        });
    }
}

/// Everything at once. What was accepted is run once, what was not comes back, and in the end nobody is left.
#[test]
fn submits_race_with_release_tune_and_expiry() {
    let test = test();
    seeded(&test.dog, 40, |seed| {
        let mut rng = common::Rng::new(seed);
        let runtime = runtime(1 + rng.below(4) as usize);
        let queue = match rng.below(3) {
            0 => Queue::Handoff,
            1 => Queue::Bounded(1 + rng.below(5) as usize),
            _ => Queue::Unbounded,
        };
        let pool = Pool::builder()
            .capacity(1 + rng.below(4) as usize)
            .queue(queue)
            .expiry(Duration::from_nanos(1 + rng.below(200_000)))
            .prealloc(rng.one_in(2))
            .nested(if rng.one_in(2) { Nested::RunInline } else { Nested::Block })
            .runtime(&runtime.handle())
            .build()
            .unwrap();
        let drops = Tally::default();
        let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let submit = |seed: u64, nested: bool| {
            let (pool, drops, counts) = (pool.clone(), drops.clone(), counts.clone());
            move || {
                let mut rng = common::Rng::new(seed);
                for _ in 0..60 {
                    let (token, ran) = (drops.token(), counts.clone());
                    let (inner, sleeps) = (pool.clone(), rng.one_in(4));
                    let nests = nested && rng.one_in(8);
                    let panics = rng.one_in(16);
                    let task = move || {
                        let _token = token;
                        ran.1.fetch_add(1, Ordering::SeqCst);
                        if sleeps {
                            rt::time::sleep(Duration::from_micros(20));
                        }
                        if nests {
                            let _ = inner.submit_timeout(rt::yield_now, Duration::from_micros(50));
                        }
                        if panics {
                            rt::task::exit();
                        }
                    };
                    let accepted = match rng.below(4) {
                        0 => pool.try_submit(task).is_ok(),
                        1 => {
                            pool.submit_timeout(task, Duration::from_micros(rng.below(100))).is_ok()
                        }
                        2 => pool.spawn(task).map(drop).is_ok(),
                        _ => pool.submit(task).is_ok(),
                    };
                    counts.0.fetch_add(usize::from(accepted), Ordering::SeqCst);
                }
            }
        };
        let threads: Vec<_> = (0..2).map(|n| std::thread::spawn(submit(seed + n, true))).collect();
        let handle = runtime.handle();
        let goroutines: Vec<_> = (2..6).map(|n| handle.spawn(submit(seed + n, true))).collect();
        let meddler = {
            let (pool, stop) = (pool.clone(), stop.clone());
            handle.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    match rng.below(4) {
                        0 => pool.tune(1 + rng.below(6) as usize),
                        1 => pool.release(),
                        2 => pool.reboot(),
                        _ => drop(pool.release_timeout(Duration::from_micros(rng.below(100)))),
                    }
                    rt::time::sleep(Duration::from_micros(rng.below(200)));
                    pool.reboot();
                }
            })
        };
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
        stop.store(true, Ordering::SeqCst);
        meddler.join().unwrap();
        pool.release_timeout(LONG).unwrap();
        assert_eq!(
            counts.0.load(Ordering::SeqCst),
            counts.1.load(Ordering::SeqCst),
            "accepted, run"
        );
        drops.assert_all_dropped();
        assert_eq!((pool.running(), pool.idle(), pool.waiting(), pool.queued()), (0, 0, 0, 0));
        drop(pool);
        drop(runtime);
    });
}

/// The workers' runtime stops in the middle of it.
#[test]
fn submits_race_with_the_end_of_the_runtime() {
    let test = test();
    seeded(&test.dog, 60, |seed| {
        let mut rng = common::Rng::new(seed);
        let runtime = runtime(1 + rng.below(3) as usize);
        let queue = if rng.one_in(2) { Queue::Handoff } else { Queue::Bounded(3) };
        let pool = Pool::builder()
            .capacity(1 + rng.below(3) as usize)
            .queue(queue)
            .expiry(Duration::from_micros(1 + rng.below(100)))
            .runtime(&runtime.handle())
            .build()
            .unwrap();
        let drops = Tally::default();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (pool, drops) = (pool.clone(), drops.clone());
                std::thread::spawn(move || {
                    for _ in 0..2000 {
                        let token = drops.token();
                        let task = move || {
                            rt::yield_now();
                            drop(token);
                        };
                        if pool.submit(task).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_micros(rng.below(2000)));
        drop(runtime);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drops.assert_all_dropped();
        assert_eq!((pool.running(), pool.idle(), pool.waiting(), pool.queued()), (0, 0, 0, 0));
    });
}

/// No worker comes by: who waits for a place in the queue gets in by what others abort there, and by nothing else.
#[test]
fn submitters_get_on_by_what_is_aborted_in_the_queue() {
    let test = test();
    seeded(&test.dog, turns(200, 2_000), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(3) as usize);
        let room = 1 + rng.below(4) as usize;
        let builder = Pool::builder().capacity(1).queue(Queue::Bounded(room));
        let pool = builder.runtime(&runtime.handle()).build().unwrap();
        let (gate, drops) = (rt::chan::Chan::<()>::new(0), Tally::default());
        let waits = gate.clone();
        pool.submit(move || assert!(waits.recv().is_none())).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let party = |mut rng: Rng| {
            let (pool, drops, ran) = (pool.clone(), drops.clone(), ran.clone());
            move || {
                for _ in 0..30 {
                    let (token, ran) = (drops.token(), ran.clone());
                    let task = move || {
                        let _token = token;
                        ran.fetch_add(1, Ordering::SeqCst);
                    };
                    match rng.below(4) {
                        0 => pool.scope(|s| {
                            let child = s.spawn(task);
                            (0..rng.below(3)).for_each(|_| rt::yield_now());
                            child.abort();
                        }),
                        1 => {
                            let Ok(task) = pool.try_spawn(task) else { continue };
                            rt::yield_now();
                            task.abort();
                        }
                        _ => {
                            let task = pool.spawn(task).unwrap();
                            (0..rng.below(3)).for_each(|_| rt::yield_now());
                            task.abort();
                            assert!(task.join().unwrap_err().is_cancelled());
                        }
                    }
                }
            }
        };
        let threads: Vec<_> =
            (0..2).map(|_| std::thread::spawn(party(Rng::new(rng.next())))).collect();
        let handle = runtime.handle();
        let goroutines: Vec<_> =
            (0..4).map(|_| handle.spawn(party(Rng::new(rng.next())))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
        assert_eq!((pool.running(), pool.queued(), pool.waiting()), (1, 0, 0));
        gate.close();
        pool.release_timeout(LONG).unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        drops.assert_all_dropped();
    });
}

/// Tasks that lend to tasks, start others, wait for some of them, abort some, and wait for ever: whoever is aborted ends, whatever the
/// pool's queue holds, and so does the runtime.
#[test]
fn trees_of_tasks_end_when_they_are_aborted() {
    let test = test();
    seeded(&test.dog, turns(500, 5_000), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(3) as usize);
        let queues = [Queue::Handoff, Queue::Bounded(1), Queue::Bounded(3), Queue::Unbounded];
        let builder = Pool::builder()
            .capacity(1 + rng.below(3) as usize)
            .queue(queues[rng.below(4) as usize])
            .nested([Nested::RunInline, Nested::Block][rng.below(2) as usize])
            .panic_handler(|_| {})
            .runtime(&runtime.handle());
        let (pool, tally) = (builder.build().unwrap(), Tally::default());
        let roots: Vec<_> = (0..4)
            .map(|_| {
                let (pool, tally, rng) = (pool.clone(), tally.clone(), Rng::new(rng.next()));
                runtime.handle().spawn(move || grow(&pool, rng, 4, &tally))
            })
            .collect();
        std::thread::sleep(Duration::from_micros(rng.below(3_000)));
        if rng.one_in(3) {
            pool.tune(1 + rng.below(3) as usize);
        }
        if rng.one_in(2) {
            roots.iter().for_each(rt::JoinHandle::abort);
            for root in &roots {
                assert!(root.join_timeout(LONG).err().is_none_or(|error| !error.is_timeout()));
            }
        }
        runtime.shutdown_timeout(LONG).unwrap();
        assert_eq!((pool.running(), pool.idle()), (0, 0));
        assert_eq!((pool.queued(), pool.waiting()), (0, 0));
        drop((pool, roots));
        tally.assert_all_dropped();
    });
}

fn grow(pool: &Pool, mut rng: Rng, depth: u32, tally: &Tally) {
    let lent = &tally.token();
    let mut seed = || (Rng::new(rng.next()), tally.token());
    let kind = seed().0.below(5);
    let child = |(pool, tally): (Pool, Tally), (rng, held): (Rng, _)| {
        move || {
            let _held = held;
            if depth > 0 {
                grow(&pool, rng, depth - 1, &tally);
            }
        }
    };
    match kind {
        0 | 1 => pool.scope(|s| {
            let mut kept = Vec::new();
            for _ in 0..seed().0.below(4) {
                let (mut rng, held) = seed();
                let choice = rng.below(6);
                let task = s.spawn(move || {
                    let _both = (lent, held);
                    if depth > 0 {
                        grow(pool, rng, depth - 1, tally);
                    }
                });
                match choice {
                    0 => task.abort(),
                    1 => drop(task.join()),
                    2 => kept.push(task),
                    3 => rt::yield_now(),
                    _ => {}
                }
            }
            if seed().0.one_in(2) {
                kept.iter().for_each(rt::pool::ScopedTask::abort);
            }
        }),
        2 => {
            let group = pool.group();
            for _ in 0..seed().0.below(3) {
                let (child, fails) =
                    (child((pool.clone(), tally.clone()), seed()), seed().0.one_in(3));
                let _ = group.submit(move || {
                    child();
                    if fails { Err(()) } else { Ok(()) }
                });
            }
            if seed().0.one_in(2) {
                let _ = group.wait();
            }
        }
        3 => {
            let Ok(task) = pool.spawn(child((pool.clone(), tally.clone()), seed())) else { return };
            match seed().0.below(3) {
                0 => task.abort(),
                1 => drop(task.join()),
                _ => {}
            }
        }
        _ => match seed().0.below(4) {
            0 => rt::time::sleep(Duration::from_micros(seed().0.below(300))),
            1 => rt::yield_now(),
            2 => drop(rt::chan::never::<()>().recv()),
            _ => {}
        },
    }
}
