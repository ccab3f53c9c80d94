//! A capacity that changes while tasks run.

use crate::common::{self, eventually_resting, everywhere, runtime, test};
use crate::{Gate, LONG, fill};
use rt::pool::{Pool, Queue};

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

/// Workers that have never had a task do not count for the capacity of later.
#[test]
fn tuning_down_holds_for_workers_made_beforehand() {
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
