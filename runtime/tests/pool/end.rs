//! The end of a pool: by release, by drop, and with its runtime.

use crate::common::{self, Test, eventually_resting, everywhere, fail, runtime, test};
use crate::{Gate, LONG};
use rt::pool::{Pool, Queue, SubmitError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
        let accepted = threads.into_iter().map(|t| t.join().unwrap());
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
