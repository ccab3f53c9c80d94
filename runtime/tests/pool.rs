//! Pools: how tasks get to workers, the counters, the settings, and the end.

mod common;

use common::{Test, eventually_resting, everywhere, fail, runtime, test};
use rt::chan::Chan;
use rt::pool::{BuildError, Nested, Pool, Queue, SubmitError};
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(50);

/// Tasks that wait until they are let go.
#[derive(Clone)]
struct Gate(Chan<()>);

impl Gate {
    fn new() -> Self {
        Self(Chan::new(0))
    }

    fn wait(&self) -> impl FnOnce() + Send + 'static {
        let gate = self.0.clone();
        move || {
            gate.recv();
        }
    }

    fn open(&self) {
        self.0.close();
    }
}

fn fill(pool: &Pool, gate: &Gate) {
    for _ in 0..pool.capacity() {
        pool.try_submit(gate.wait()).unwrap();
    }
}

#[test]
fn every_task_runs_once_and_never_too_many_at_a_time() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(3).unwrap();
        let (now, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let done = WaitGroup::new();
        for n in 0..500 {
            done.add(1);
            let (now, all, done) = (now.clone(), all.clone(), done.clone());
            pool.submit(move || {
                assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
                if n % 7 == 0 {
                    rt::time::sleep(Duration::from_micros(50));
                } else {
                    rt::yield_now();
                }
                now.fetch_sub(1, Ordering::SeqCst);
                all.fetch_add(1, Ordering::SeqCst);
                done.done();
            })
            .unwrap();
            assert!(pool.running() <= 3);
        }
        done.wait();
        assert_eq!(all.load(Ordering::SeqCst), 500);
        eventually_resting("nobody runs", || pool.running() == 0);
        assert!(pool.idle() <= 3);
        pool.release_timeout(LONG).unwrap();
        assert_eq!((pool.running(), pool.idle()), (0, 0));
    });
}

#[test]
fn counters_say_what_is_there() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (Pool::new(4).unwrap(), Gate::new());
        assert_eq!((pool.running(), pool.idle(), pool.free(), pool.waiting()), (0, 0, 4, 0));
        for n in 1..=4 {
            pool.submit(gate.wait()).unwrap();
            // Counted from the moment at which it is accepted.
            assert_eq!((pool.running(), pool.free(), pool.capacity()), (n, 4 - n, 4));
        }
        assert!(matches!(pool.try_submit(|| {}), Err(SubmitError::Overloaded(_))));
        gate.open();
        eventually_resting("all are idle", || pool.idle() == 4);
        assert_eq!((pool.running(), pool.free()), (0, 4));
    });
}

#[test]
fn blocked_submitters_are_served_in_order() {
    let _test = test();
    runtime(2).run(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Gate::new());
        let order = Chan::new(10);
        fill(&pool, &gate);
        let submitters: Vec<_> = (0..10)
            .map(|n| {
                let (submits, order) = (pool.clone(), order.clone());
                let handle = rt::spawn(move || submits.submit(move || order.send(n)).is_ok());
                eventually_resting("it waits", || pool.waiting() == n + 1);
                handle
            })
            .collect();
        assert_eq!(pool.running(), 1);
        gate.open();
        for n in 0..10 {
            assert_eq!(order.recv(), Some(n));
        }
        assert!(submitters.into_iter().all(|s| s.join().unwrap()));
        assert_eq!(pool.waiting(), 0);
    });
}

/// Nobody who comes later gets in before one who waits: the worker takes the task in the moment at which it is done.
#[test]
fn a_blocked_task_is_handed_over_directly() {
    let _test = test();
    runtime(1).run(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Gate::new());
        let order = Chan::new(3);
        fill(&pool, &gate);
        let waits = {
            let (pool, order) = (pool.clone(), order.clone());
            rt::spawn(move || pool.submit(move || order.send("waited")).unwrap())
        };
        eventually_resting("it waits", || pool.waiting() == 1);
        gate.open();
        // On one processor, the worker has done its task and taken the next when the submitter goes on.
        waits.join().unwrap();
        let late = order.clone();
        pool.submit(move || late.send("came later")).unwrap();
        assert_eq!((order.recv(), order.recv()), (Some("waited"), Some("came later")));
    });
}

#[test]
fn the_worker_that_was_idle_last_is_next() {
    let _test = test();
    runtime(1).run(|| {
        let pool = Pool::builder().capacity(3).no_purge().build().unwrap();
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let who = |gate: Gate| {
            pool.spawn(move || {
                gate.0.recv();
                rt::task::current().id()
            })
            .unwrap()
        };
        let tasks: Vec<_> = gates.iter().map(|gate| who(gate.clone())).collect();
        let mut ids = Vec::new();
        for (n, (gate, task)) in gates.iter().zip(tasks).enumerate() {
            gate.open();
            ids.push(task.join().unwrap());
            eventually_resting("it is idle", || pool.idle() == n + 1);
        }
        let open = Gate::new();
        open.open();
        for _ in 0..5 {
            assert_eq!(who(open.clone()).join().unwrap(), ids[2]);
            eventually_resting("it is idle", || pool.idle() == 3);
        }
    });
}

#[test]
fn a_bounded_queue_takes_so_many_and_keeps_the_order() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(1).queue(Queue::Bounded(2)).build().unwrap();
        let (gate, order) = (Gate::new(), Chan::new(10));
        fill(&pool, &gate);
        for n in 0..2 {
            let order = order.clone();
            pool.try_submit(move || order.send(n)).unwrap();
        }
        assert_eq!((pool.running(), pool.queued(), pool.waiting()), (1, 2, 0));
        assert!(pool.try_submit(|| {}).unwrap_err().is_overloaded());
        let waits = {
            let (pool, order) = (pool.clone(), order.clone());
            rt::Handle::current().spawn(move || pool.submit(move || order.send(2)).unwrap())
        };
        eventually_resting("it waits", || pool.waiting() == 1);
        gate.open();
        waits.join().unwrap();
        let late = order.clone();
        pool.submit(move || late.send(3)).unwrap();
        assert_eq!((0..4).map(|_| order.recv().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    });
}

#[test]
fn an_unbounded_queue_takes_all() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(2).queue(Queue::Unbounded).build().unwrap();
        let (gate, ran) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
        fill(&pool, &gate);
        for _ in 0..1000 {
            let ran = ran.clone();
            pool.try_submit(move || {
                ran.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
        }
        assert_eq!((pool.queued(), pool.waiting()), (1000, 0));
        gate.open();
        // What was accepted is run after the release, too.
        pool.release_timeout(LONG).unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1000);
    });
}

#[test]
fn who_may_not_wait_is_told() {
    let _test = test();
    everywhere(|| {
        let gate = Gate::new();
        let pool = Pool::builder().capacity(1).nonblocking(true).build().unwrap();
        fill(&pool, &gate);
        assert!(matches!(pool.submit(|| {}), Err(SubmitError::Overloaded(_))));
        assert!(matches!(pool.submit_timeout(|| {}, LONG), Err(SubmitError::Overloaded(_))));

        let pool = Pool::builder().capacity(1).max_blocking(1).build().unwrap();
        fill(&pool, &gate);
        let waits = {
            let pool = pool.clone();
            rt::Handle::current().spawn(move || pool.submit(|| {}).is_ok())
        };
        eventually_resting("it waits", || pool.waiting() == 1);
        assert!(matches!(pool.submit(|| {}), Err(SubmitError::Overloaded(_))));
        gate.open();
        assert!(waits.join().unwrap());
    });
}

#[test]
fn a_submit_gives_up_and_gives_its_task_back() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Gate::new());
        fill(&pool, &gate);
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            let (told, hears) = (Chan::new(1), "back");
            let tells = told.clone();
            let error = pool.submit_timeout(move || tells.send(hears), timeout).unwrap_err();
            assert!(error.is_timeout());
            assert_eq!(
                format!("{error:?} {error}"),
                "SubmitError::Timeout(..) the pool had no place in time"
            );
            error.into_inner()();
            assert_eq!(told.recv(), Some("back"));
        }
        assert_eq!(pool.waiting(), 0);
        gate.open();
        pool.submit_timeout(|| {}, Duration::MAX).unwrap();
    });
}

#[test]
fn a_cancelled_submitter_takes_its_task_with_it() {
    let _test = test();
    runtime(2).run(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Gate::new());
        fill(&pool, &gate);
        let dropped = common::Tally::default();
        let submitter = {
            let (pool, held) = (pool.clone(), dropped.token());
            rt::spawn(move || pool.submit(move || drop(held)).is_ok())
        };
        eventually_resting("it waits", || pool.waiting() == 1);
        submitter.abort();
        assert!(submitter.join().unwrap_err().is_cancelled());
        assert_eq!((pool.waiting(), dropped.dropped()), (0, 1));
        gate.open();
        pool.release_timeout(LONG).unwrap();
    });
}

#[test]
fn a_panic_ends_no_worker() {
    let _test = test();
    runtime(1).run(|| {
        let caught = Arc::new(AtomicUsize::new(0));
        let counts = caught.clone();
        let pool = Pool::builder()
            .capacity(1)
            .no_purge()
            .panic_handler(move |panic| {
                assert_eq!(panic.message(), "no");
                counts.fetch_add(1, Ordering::SeqCst);
                // The handler's own panic ends none, either.
                fail("nor this");
            })
            .build()
            .unwrap();
        let id = pool.spawn(|| rt::task::current().id()).unwrap().join().unwrap();
        for _ in 0..10 {
            pool.submit(|| fail("no")).unwrap();
            pool.submit(|| rt::task::exit()).unwrap();
        }
        assert_eq!(pool.spawn(|| rt::task::current().id()).unwrap().join().unwrap(), id);
        assert_eq!(caught.load(Ordering::SeqCst), 10);
        // Of a task that somebody joins, the handler hears nothing; of one that nobody does, it does.
        assert!(pool.spawn(|| fail("no")).map(|task| task.join()).unwrap().unwrap_err().is_panic());
        assert_eq!(caught.load(Ordering::SeqCst), 10);
        let gate = Gate::new();
        let waits = gate.wait();
        drop(pool.spawn(move || {
            waits();
            fail("no")
        }));
        gate.open();
        eventually_resting("the handler hears", || caught.load(Ordering::SeqCst) == 11);
    });
}

#[test]
fn a_worker_that_submits_to_its_own_full_pool_runs_the_task() {
    fn tree(pool: &Pool, depth: u32) -> u32 {
        let halves: Vec<_> = (0..2 * u32::from(depth > 0))
            .map(|_| {
                let inner = pool.clone();
                pool.spawn(move || tree(&inner, depth - 1)).unwrap()
            })
            .collect();
        1 + halves.into_iter().map(|half| half.join().unwrap()).sum::<u32>()
    }
    let _test = test();
    everywhere(|| {
        // Without a queue a task that is accepted has a worker, so a join in a task always comes to its end.
        for capacity in [1, 2, 5] {
            let pool = Pool::new(capacity).unwrap();
            assert_eq!(tree(&pool, 7), 255);
        }
    });
}

#[test]
fn nested_submits_may_be_told_to_wait() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(1).nested(Nested::Block).build().unwrap();
        let inner = pool.clone();
        let task = pool.spawn(move || {
            let error = inner.submit_timeout(|| {}, Duration::from_millis(1)).unwrap_err();
            error.is_timeout()
        });
        assert!(task.unwrap().join().unwrap());

        let pool = Pool::builder().capacity(1).nonblocking(true).build().unwrap();
        let inner = pool.clone();
        let task = pool.spawn(move || inner.submit(|| {}).unwrap_err().is_overloaded());
        assert!(task.unwrap().join().unwrap());
    });
}

#[test]
fn release_gives_blocked_tasks_back_and_lets_others_end() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (Pool::new(2).unwrap(), Gate::new());
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let (waits, ended) = (gate.wait(), ended.clone());
            pool.submit(move || {
                waits();
                ended.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
        }
        let submitters: Vec<_> = (0..5)
            .map(|n| {
                let pool = pool.clone();
                rt::Handle::current().spawn(move || match pool.submit(move || fail(n)) {
                    Err(SubmitError::Closed(_task)) => n,
                    other => panic!("{other:?}"),
                })
            })
            .collect();
        eventually_resting("they wait", || pool.waiting() == 5);
        pool.release();
        for (n, submitter) in submitters.into_iter().enumerate() {
            assert_eq!(submitter.join().unwrap(), n);
        }
        assert!(pool.is_closed());
        assert!(pool.submit(|| {}).unwrap_err().is_closed());
        assert!(pool.try_submit(|| {}).unwrap_err().is_closed());
        assert!(pool.spawn(|| {}).unwrap_err().is_closed());
        assert_eq!((pool.running(), ended.load(Ordering::SeqCst)), (2, 0));
        assert_eq!(pool.release_timeout(Duration::from_millis(1)).unwrap_err().running(), 2);
        gate.open();
        pool.release_timeout(LONG).unwrap();
        assert_eq!((pool.running(), pool.idle(), ended.load(Ordering::SeqCst)), (0, 0, 2));
        pool.release();

        pool.reboot();
        assert!(!pool.is_closed());
        assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
    });
}

#[test]
fn a_pool_that_is_dropped_is_released() {
    let _test = test();
    runtime(2).run(|| {
        let before = rt::num_goroutines();
        let (gate, dropped) = (Gate::new(), common::Tally::default());
        let pool = Pool::builder().capacity(2).queue(Queue::Unbounded).no_purge().build().unwrap();
        for _ in 0..20 {
            let (waits, held) = (gate.wait(), dropped.token());
            pool.submit(move || {
                waits();
                drop(held);
            })
            .unwrap();
        }
        drop(pool);
        gate.open();
        eventually_resting("all has run", || dropped.dropped() == 20);
        eventually_resting("no worker is left", || rt::num_goroutines() == before);
    });
}

#[test]
fn idle_workers_expire_and_none_is_left() {
    let _test = test();
    runtime(2).run(|| {
        let before = rt::num_goroutines();
        let pool = Pool::builder().capacity(50).expiry(Duration::from_millis(20)).build().unwrap();
        for _ in 0..3 {
            let gate = Gate::new();
            fill(&pool, &gate);
            gate.open();
            eventually_resting("they expire", || pool.idle() + pool.running() == 0);
            eventually_resting("they are gone", || rt::num_goroutines() == before);
        }

        let pool = Pool::builder().capacity(5).no_purge().build().unwrap();
        let gate = Gate::new();
        fill(&pool, &gate);
        gate.open();
        eventually_resting("they are idle", || pool.idle() == 5);
        rt::time::sleep(Duration::from_millis(30));
        assert_eq!(pool.idle(), 5);
    });
}

/// One that is used does not expire, and is not counted as idle for the time before.
#[test]
fn a_worker_expires_only_after_it_was_idle_for_so_long() {
    let _test = test();
    runtime(1).run(|| {
        let expiry = Duration::from_millis(40);
        let pool = Pool::builder().capacity(1).expiry(expiry).build().unwrap();
        let (mut id, mut since) = (None, std::time::Instant::now());
        for _ in 0..100 {
            let now = pool.spawn(|| rt::task::current().id()).unwrap().join().unwrap();
            if id.replace(now).is_some_and(|before| before != now) {
                // The machine was slow, or the pool is wrong.
                assert!(since.elapsed() >= expiry, "gone after {:?}", since.elapsed());
            }
            since = std::time::Instant::now();
            rt::time::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn tuning_lets_in_and_sends_away() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(2).no_purge().build().unwrap();
        let gate = Gate::new();
        let submitters: Vec<_> = (0..8)
            .map(|_| {
                let (pool, waits) = (pool.clone(), gate.wait());
                rt::Handle::current().spawn(move || pool.submit(waits).unwrap())
            })
            .collect();
        eventually_resting("two run", || (pool.running(), pool.waiting()) == (2, 6));
        pool.tune(3);
        assert_eq!((pool.running(), pool.waiting(), pool.capacity()), (3, 5, 3));
        pool.tune(8);
        assert_eq!((pool.running(), pool.waiting()), (8, 0));
        submitters.into_iter().for_each(|s| s.join().unwrap());
        pool.tune(1);
        // Nobody is cut short.
        assert_eq!((pool.running(), pool.free(), pool.capacity()), (8, 0, 1));
        gate.open();
        eventually_resting("one is left", || (pool.running(), pool.idle()) == (0, 1));

        pool.tune(4);
        let gate = Gate::new();
        fill(&pool, &gate);
        gate.open();
        eventually_resting("four are idle", || pool.idle() == 4);
        pool.tune(2);
        assert_eq!(pool.idle(), 2);
        assert!(common::panic_text(|| pool.tune(0)).contains("a capacity of 1 or more"));
        assert!(common::panic_text(|| pool.tune(usize::MAX)).contains("too large"));
        assert_eq!(pool.capacity(), 2);
    });
}

#[test]
fn tuning_starts_workers_for_what_is_queued() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(1).queue(Queue::Bounded(3)).build().unwrap();
        let gate = Gate::new();
        for _ in 0..4 {
            pool.try_submit(gate.wait()).unwrap();
        }
        assert_eq!((pool.running(), pool.queued()), (1, 3));
        pool.tune(3);
        assert_eq!((pool.running(), pool.queued()), (3, 1));
        gate.open();
        pool.release_timeout(LONG).unwrap();
    });
}

#[test]
fn workers_that_were_started_beforehand_take_what_comes() {
    let _test = test();
    everywhere(|| {
        let gate = Gate::new();
        let pool = Pool::builder()
            .capacity(4)
            .queue(Queue::Bounded(10))
            .prealloc(true)
            .no_purge()
            .build()
            .unwrap();
        assert_eq!((pool.idle(), pool.running(), pool.free()), (4, 0, 4));
        // Whether they have begun or not.
        fill(&pool, &gate);
        assert_eq!((pool.idle(), pool.running(), pool.queued()), (0, 4, 0));
        gate.open();
        eventually_resting("they are idle", || pool.idle() == 4);
        pool.release_timeout(LONG).unwrap();

        let pool = Pool::builder().capacity(4).prealloc(true).build().unwrap();
        pool.tune(2);
        eventually_resting("two are left", || pool.idle() == 2);
        pool.release_timeout(LONG).unwrap();
    });
}

/// Workers that have been started and have no task yet do not count for the capacity of later.
#[test]
fn tuning_down_holds_for_workers_that_are_only_starting() {
    let _test = test();
    runtime(1).run(|| {
        let pool = Pool::builder().capacity(10).prealloc(true).build().unwrap();
        pool.tune(2);
        let gate = Gate::new();
        let accepted = (0..5).filter(|_| pool.try_submit(gate.wait()).is_ok()).count();
        assert_eq!((accepted, pool.running()), (2, 2));
        pool.tune(3);
        pool.try_submit(gate.wait()).unwrap();
        assert!(pool.try_submit(|| {}).unwrap_err().is_overloaded());
        eventually_resting("the others are gone", || pool.running() + pool.idle() == 3);
        gate.open();
        pool.release_timeout(LONG).unwrap();
    });
}

/// Whoever closes the pool does not end what counts the age of those who come after it was opened again.
#[test]
fn idle_workers_expire_after_release_races_with_reboot() {
    let test = test();
    let runtime = runtime(2);
    let pool = Pool::builder()
        .capacity(2)
        .expiry(Duration::from_micros(400))
        .runtime(&runtime.handle())
        .build()
        .unwrap();
    for _ in 0..common::turns(100, 1000) {
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|s| {
            for act in [Pool::release, Pool::reboot, |pool: &Pool| drop(pool.try_submit(|| {}))] {
                let (pool, start) = (&pool, &start);
                s.spawn(move || {
                    start.wait();
                    (0..20).for_each(|_| act(pool));
                });
            }
        });
        common::eventually("they expire", || pool.idle() + pool.running() == 0);
        test.dog.pet();
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let _test = test();
    runtime(1).run(|| {
        let error = |builder: rt::pool::Builder| {
            let error = builder.build().unwrap_err();
            (error, error.to_string())
        };
        let one = || Pool::builder().capacity(1);
        let (zero, text) = error(Pool::builder());
        assert_eq!(
            (zero, text.as_str()),
            (BuildError::ZeroCapacity, "a pool needs workers: set a capacity of 1 or more")
        );
        assert_eq!(Pool::new(0).unwrap_err(), BuildError::ZeroCapacity);
        for absurd in [usize::MAX, isize::MAX as usize, rt::pool::Builder::MAX_CAPACITY + 1] {
            let error = Pool::new(absurd).unwrap_err();
            assert!(matches!(error, BuildError::TooLarge { what: "capacity", .. }), "{error}");
        }
        Pool::new(rt::pool::Builder::MAX_CAPACITY).unwrap();
        assert!(matches!(error(one().queue(Queue::Bounded(0))).0, BuildError::Zero { .. }));
        assert!(matches!(
            error(one().queue(Queue::Bounded(usize::MAX))).0,
            BuildError::TooLarge { .. }
        ));
        let too_long = one().queue(Queue::Bounded(isize::MAX as usize)).prealloc(true);
        assert!(matches!(error(too_long).0, BuildError::TooLarge { .. }));
        assert!(matches!(error(one().max_blocking(0)).0, BuildError::Zero { .. }));
        assert!(matches!(error(one().expiry(Duration::ZERO)).0, BuildError::Zero { .. }));
        for builder in [
            one().nonblocking(true).max_blocking(1),
            one().expiry(Duration::from_secs(1)).no_purge(),
            one().queue(Queue::Unbounded).max_blocking(1),
        ] {
            let (error, text) = error(builder);
            assert!(matches!(error, BuildError::Conflict { .. }), "{text}");
            assert!(text.ends_with("contradict each other: choose one"), "{text}");
        }
        one().expiry(Duration::MAX).build().unwrap().submit(|| {}).unwrap();
        assert!(matches!(
            rt::pool::MultiPool::new(0, 1, rt::pool::RoundRobin),
            Err(BuildError::Zero { .. })
        ));
        for (n, capacity, wrong) in
            [(usize::MAX, 1, "number of pools"), (2, usize::MAX, "capacity")]
        {
            let error = rt::pool::MultiPool::new(n, capacity, rt::pool::RoundRobin).unwrap_err();
            assert!(matches!(error, BuildError::TooLarge { what, .. } if what == wrong), "{error}");
        }
        let none = rt::pool::MultiPool::new(2, 0, rt::pool::RoundRobin);
        assert_eq!(none.unwrap_err(), BuildError::ZeroCapacity);
    });
    let error = Pool::new(1).unwrap_err();
    assert_eq!(error, BuildError::NoRuntime);
    assert!(error.to_string().contains("Handle::enter"), "{error}");
}

#[test]
fn plain_threads_submit_to_a_runtime_elsewhere() {
    let _test = test();
    let runtime = runtime(2);
    let pool = Pool::builder().capacity(2).runtime(&runtime.handle()).build().unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..200 {
                    let ran = ran.clone();
                    pool.submit(move || {
                        rt::yield_now();
                        ran.fetch_add(1, Ordering::Relaxed);
                    })
                    .unwrap();
                }
            });
        }
    });
    assert!(pool.spawn(|| rt::task::try_current().is_some()).unwrap().join().unwrap());
    pool.release_timeout(LONG).unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 800);
}

#[test]
fn when_the_runtime_stops_nobody_hangs_and_nothing_is_leaked() {
    let Test { dog, .. } = test();
    for round in 0..30 {
        let queue = if round % 2 == 0 { Queue::Handoff } else { Queue::Bounded(8) };
        let runtime = runtime(1 + round % 3);
        let pool = Pool::builder()
            .capacity(4)
            .queue(queue)
            .prealloc(round % 5 == 0)
            .runtime(&runtime.handle())
            .build()
            .unwrap();
        let (drops, gate) = (common::Tally::default(), Gate::new());
        let threads: Vec<_> = (0..30)
            .map(|_| {
                let (pool, held, waits) = (pool.clone(), drops.token(), gate.wait());
                std::thread::spawn(move || {
                    pool.submit(move || {
                        waits();
                        drop(held);
                    })
                    .is_ok()
                })
            })
            .collect();
        let task = match pool.try_spawn(|| rt::chan::never::<()>().recv().is_ok()) {
            Ok(task) => Some(task),
            Err(error) => {
                assert!(error.is_overloaded());
                None
            }
        };
        if round % 3 != 0 {
            let most = if queue == Queue::Handoff { 26 } else { 18 };
            common::eventually("they wait", || pool.waiting() >= most);
        }
        drop(runtime);
        let accepted = threads.into_iter().filter(|_| true).map(|t| t.join().unwrap());
        assert!(accepted.filter(|accepted| *accepted).count() <= 30);
        // The ones that were accepted are dropped, run or not; the others came back and were dropped there.
        common::eventually("all closures are dropped", || drops.dropped() == 30);
        if let Some(task) = task {
            assert!(task.join().unwrap_err().is_cancelled());
        }
        assert!(pool.submit(|| {}).unwrap_err().is_closed());
        assert_eq!((pool.waiting(), pool.queued()), (0, 0));
        pool.release_timeout(LONG).unwrap();
        assert_eq!((pool.running(), pool.idle()), (0, 0));
        pool.reboot();
        assert!(pool.submit(|| {}).unwrap_err().is_closed());
        dog.pet();
    }
}
