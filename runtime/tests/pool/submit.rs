//! How a task gets to a worker: at once, in its turn, by a queue, or not at all.

use crate::common::{self, eventually_resting, everywhere, runtime, test};
use crate::{Gate, LONG, fill};
use rt::chan::{Chan, Sender};
use rt::pool::{Nested, Pool, Queue, SubmitError};
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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

/// Each submits the next one and ends: no stack holds all of them.
#[test]
fn a_chain_of_nested_tasks_may_be_as_long_as_it_likes() {
    fn link(pool: &Pool, left: u64, done: Sender<()>) {
        let Some(left) = left.checked_sub(1) else { return done.send(()).unwrap() };
        let inner = pool.clone();
        pool.submit(move || link(&inner, left, done)).unwrap();
    }
    let _test = test();
    everywhere(|| {
        for capacity in [1, 3] {
            let pool = Pool::new(capacity).unwrap();
            let (done, ended) = rt::chan::unbounded();
            for _ in 0..capacity {
                link(&pool, common::turns(20_000, 100_000), done.clone());
            }
            (0..capacity).for_each(|_| ended.recv_timeout(LONG).unwrap());
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
