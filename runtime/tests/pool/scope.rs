//! Scopes whose tasks lie in the queue.

use crate::common::{Tally, Test, eventually, eventually_resting, runtime, test};
use crate::{Gate, LONG};
use rt::chan::Chan;
use rt::pool::{Pool, Queue};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const QUEUES: [Queue; 2] = [Queue::Bounded(8), Queue::Unbounded];

fn pool_of_one(queue: Queue) -> Pool {
    Pool::builder().capacity(1).queue(queue).build().unwrap()
}

/// They lie behind their own parent, which is the only worker.
#[test]
fn an_aborted_task_ends_children_that_nobody_can_begin() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for queue in QUEUES {
                let (pool, drops) = (pool_of_one(queue), Tally::default());
                let (inside, held) = (pool.clone(), drops.clone());
                let parent = pool.spawn(move || {
                    let lent = String::from("lent");
                    inside.scope(|s| {
                        for _ in 0..5 {
                            let (held, lent) = (held.token(), &lent);
                            s.spawn(move || drop((held, lent.len())));
                        }
                    });
                });
                let parent = parent.unwrap();
                eventually_resting("they are queued", || pool.queued() == 5);
                assert!(!parent.is_finished());
                parent.abort();
                assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
                drops.assert_all_dropped();
                assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
                assert_eq!(pool.queued(), 0);
                pool.release_timeout(LONG).unwrap();
            }
        });
    }
}

/// The parent is no task; the workers do something else, and nobody aborts that.
#[test]
fn an_aborted_goroutine_does_not_wait_for_a_worker_for_its_children() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for queue in QUEUES {
                let (pool, gate, drops) = (pool_of_one(queue), Gate::new(), Tally::default());
                pool.submit(gate.wait()).unwrap();
                let (inside, held) = (pool.clone(), drops.clone());
                let parent = rt::spawn(move || {
                    inside.scope(|s| {
                        let held = held.token();
                        s.spawn(move || drop(held)).join()
                    })
                });
                eventually_resting("it is queued", || pool.queued() == 1);
                parent.abort();
                assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
                drops.assert_all_dropped();
                assert_eq!(pool.running(), 1, "who has the worker has it still");
                gate.open();
                pool.release_timeout(LONG).unwrap();
            }
        });
    }
}

/// No scope waits for a task that was aborted in the queue.
#[test]
fn an_aborted_child_in_the_queue_is_not_waited_for() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for queue in QUEUES {
                let (pool, drops) = (pool_of_one(queue), Tally::default());
                let (inside, held) = (pool.clone(), drops.clone());
                let parent = pool.spawn(move || {
                    inside.scope(|s| {
                        let (one, two) = (held.token(), held.token());
                        let forgotten = s.spawn(move || drop(one));
                        let joined = s.spawn(move || drop(two));
                        forgotten.abort();
                        joined.abort();
                        joined.abort();
                        let error = joined.join().unwrap_err();
                        assert!(error.downcast::<rt::task::JoinError>().unwrap().is_cancelled());
                        assert!(forgotten.is_finished());
                        held.assert_all_dropped();
                    });
                });
                parent.unwrap().join_timeout(LONG).unwrap();
                drops.assert_all_dropped();
                assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
            }
        });
    }
}

/// Who is spawned when the parent has been aborted already, by a child that is about to end.
#[test]
fn a_late_child_is_not_waited_for() {
    struct Late<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Late<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for queue in QUEUES {
                let (pool, ran) = (pool_of_one(queue), Arc::new(AtomicUsize::new(0)));
                let (inside, runs, begun) = (pool.clone(), ran.clone(), Chan::<()>::new(1));
                let begins = begun.clone();
                let parent = rt::spawn(move || {
                    inside.scope(|s| {
                        let (runs, begins) = (&runs, &begins);
                        s.spawn(move || {
                            let _late = Late(|| {
                                s.spawn(|| runs.fetch_add(1, Ordering::SeqCst));
                            });
                            begins.send(());
                            rt::chan::never::<()>().recv().unwrap();
                        });
                    });
                });
                begun.recv();
                parent.abort();
                assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
                assert_eq!(ran.load(Ordering::SeqCst), 0);
                pool.release_timeout(LONG).unwrap();
            }
        });
    }
}

#[test]
fn a_runtime_stops_whose_worker_waits_for_what_is_queued_behind_it() {
    let Test { dog, .. } = test();
    for round in 0..10 {
        let (runtime, drops) = (runtime(1 + round % 3), Tally::default());
        let queue = QUEUES[round % 2];
        let builder = Pool::builder().capacity(1).queue(queue).runtime(&runtime.handle());
        let pool = builder.build().unwrap();
        let (inside, held) = (pool.clone(), drops.clone());
        let parent = pool.spawn(move || {
            let lent = String::from("lent");
            let token = held.token();
            inside.scope(|s| {
                for _ in 0..3 {
                    let (lent, token) = (&lent, &token);
                    s.spawn(move || (token, lent.len()).1);
                }
            });
        });
        eventually("they are queued", || pool.queued() == 3);
        runtime.shutdown_timeout(LONG).unwrap();
        assert!(parent.unwrap().join().unwrap_err().is_cancelled());
        drops.assert_all_dropped();
        assert_eq!((pool.queued(), pool.running()), (0, 0));
        dog.pet();
    }
}
