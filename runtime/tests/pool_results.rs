//! Results of tasks, groups, scopes that borrow, pools of one function, several pools, and contexts.

mod common;

use common::{Tally, builder, eventually_resting, everywhere, fail, panic_text, runtime, test};
use rt::chan::Chan;
use rt::context::{Context, ContextError};
use rt::pool::{MultiPool, Pool, Queue, Strategy, SubmitError, WorkerPool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(50);

fn never() {
    rt::chan::never::<()>().recv().unwrap();
}

#[test]
fn a_task_gives_its_result_its_panic_or_its_end() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(2).unwrap();
        assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
        let error = pool.spawn(|| -> u32 { fail("no") }).unwrap().join().unwrap_err();
        assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"no"));
        let error = pool.spawn(|| -> u32 { rt::task::exit() }).unwrap().join().unwrap_err();
        assert!(error.is_cancelled());
        let slow = pool.spawn(never).unwrap();
        assert!(slow.join_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
        assert!(!slow.is_finished());
        slow.abort();
        assert!(slow.join_timeout(LONG).unwrap_err().is_cancelled());
        assert!(panic_text(|| slow.join()).contains("already taken"));
        pool.release_timeout(LONG).unwrap();
    });
}

#[test]
fn a_context_bounds_a_join() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Chan::<u32>::new(0));
        let waits = gate.clone();
        let task = pool.spawn(move || waits.recv().unwrap()).unwrap();
        // Done before; a deadline that is past; one that comes; a cancellation while it waits.
        let (done, cancel) = Context::background().with_cancel();
        cancel();
        let error = task.join_ctx(&done).unwrap_err();
        assert_eq!(error.context_error(), Some(ContextError::Canceled));
        assert!(!error.is_timeout() && !error.is_cancelled());
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            let (ctx, _cancel) = Context::background().with_timeout(timeout);
            let error = task.join_ctx(&ctx).unwrap_err();
            assert_eq!(error.context_error(), Some(ContextError::DeadlineExceeded));
        }
        let (ctx, cancel) = Context::background().with_cancel();
        let (joiner, begun) = (ctx.clone(), Chan::new(1));
        let begins = begun.clone();
        let joined = rt::Handle::current().spawn(move || {
            begins.send(());
            let error = task.join_ctx(&joiner).unwrap_err();
            (error.context_error(), task)
        });
        begun.recv();
        cancel();
        let (error, task) = joined.join().unwrap();
        assert_eq!(error, Some(ContextError::Canceled));
        // It goes on, and can be waited for again.
        assert!(!task.is_finished());
        gate.send(7);
        assert_eq!(task.join_ctx(&Context::background()).unwrap(), 7);
        assert!(panic_text(|| task.join_ctx(&Context::background())).contains("already taken"));
        // A result that is there is of no use to who is not to go on.
        let task = pool.spawn(|| 8).unwrap();
        eventually_resting("it has ended", || task.is_finished());
        assert!(task.join_ctx(&done).unwrap_err().context_error().is_some());
        assert_eq!(task.join().unwrap(), 8);
    });
}

#[test]
fn abort_ends_the_task_and_not_the_worker() {
    let _test = test();
    runtime(1).run(|| {
        let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).no_purge().build().unwrap();
        let id = pool.spawn(|| rt::task::current().id()).unwrap().join().unwrap();
        let drops = Tally::default();
        for _ in 0..300 {
            let held = drops.token();
            let task = pool.spawn(move || {
                let _held = held;
                never();
            });
            let task = task.unwrap();
            let (queued, held) = (Arc::new(AtomicUsize::new(0)), drops.token());
            let (ran, waits) = (queued.clone(), pool.spawn(|| rt::task::current().id()).unwrap());
            let behind = pool.spawn(move || {
                let _held = held;
                ran.fetch_add(1, Ordering::SeqCst)
            });
            let behind = behind.unwrap();
            rt::yield_now();
            // One that has not begun is dropped at once; who joins it does not wait for its turn.
            behind.abort();
            assert!(behind.join().unwrap_err().is_cancelled());
            task.abort();
            assert!(task.join().unwrap_err().is_cancelled());
            assert_eq!(waits.join().unwrap(), id);
            assert_eq!(queued.load(Ordering::SeqCst), 0);
            drops.assert_all_dropped();
        }
        // Nothing of it is left: the worker's next wait is not unwound.
        let task = pool.spawn(|| rt::time::sleep(Duration::from_millis(2))).unwrap();
        task.join().unwrap();
    });
}

/// A task that runs on the stack of who submitted it, and so on: the abort of the first ends all of them.
#[test]
fn an_abort_gets_through_many_tasks_that_run_in_one_another() {
    const DEPTH: usize = 150;
    fn nest(pool: Pool, left: usize, how: usize, drops: Tally, inside: Chan<()>) {
        let _held = drops.token();
        if left == 0 {
            inside.close();
            return never();
        }
        let (inner, drops) = (pool.clone(), drops.clone());
        let f = move || nest(inner, left - 1, how, drops, inside);
        match how {
            0 => pool.submit(f).unwrap(),
            1 => drop(pool.spawn(f).unwrap()),
            2 => {
                let run = move || {
                    f();
                    Ok::<_, ()>(())
                };
                pool.group().submit(run).unwrap()
            }
            _ => pool.scope(|scope| drop(scope.spawn(f))),
        }
        never();
    }
    let _test = test();
    let runtime = builder(1).stack_size(64 << 20).build().unwrap();
    runtime.run(|| {
        for how in 0..4 {
            let pool = Pool::new(1).unwrap();
            let (drops, inside) = (Tally::default(), Chan::new(0));
            let task = {
                let (pool, drops, inside) = (pool.clone(), drops.clone(), inside.clone());
                pool.clone().spawn(move || nest(pool, DEPTH, how, drops, inside)).unwrap()
            };
            assert_eq!(inside.recv(), None);
            task.abort();
            assert!(task.join_timeout(LONG).unwrap_err().is_cancelled(), "{how}");
            pool.release_timeout(LONG).unwrap();
            drops.assert_all_dropped();
        }
    });
}

/// Aborts that come while the task ends hit nobody else.
#[test]
fn a_late_abort_does_not_hit_the_next_task() {
    let _test = test();
    runtime(4).run(|| {
        let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).build().unwrap();
        for n in 0..common::turns(300, 3000) {
            let victim = pool.spawn(rt::yield_now).unwrap();
            let next = pool.spawn(move || {
                rt::yield_now();
                rt::time::sleep(Duration::from_nanos(1));
                n
            });
            let next = next.unwrap();
            rt::scope(|s| {
                s.spawn(|| victim.abort());
                s.spawn(|| victim.abort());
            });
            assert_eq!(next.join().unwrap(), n);
            let _ = victim.join();
        }
    });
}

#[test]
fn a_dropped_task_goes_on() {
    let _test = test();
    everywhere(|| {
        let (pool, done) = (Pool::new(1).unwrap(), Chan::new(1));
        let tells = done.clone();
        drop(pool.spawn(move || tells.send(7)).unwrap());
        assert_eq!(done.recv(), Some(7));
    });
}

#[test]
fn a_group_keeps_the_order() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(4).unwrap();
        let group = pool.group::<_, ()>();
        for n in 0..50_u64 {
            let task = move || {
                rt::time::sleep(Duration::from_micros(50 - n));
                Ok(n * n)
            };
            group.submit(task).unwrap();
        }
        assert_eq!(group.wait().unwrap(), (0..50).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(pool.group::<u8, u8>().wait(), Ok(vec![]));
    });
}

#[test]
fn the_first_error_of_a_group_cancels_what_is_queued() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).build().unwrap();
        let (group, gate, drops) = (pool.group(), Chan::<()>::new(0), Tally::default());
        let ran = Arc::new(AtomicUsize::new(0));
        let waits = gate.clone();
        group.submit(move || if waits.recv().is_none() { Err("first") } else { Ok(1) }).unwrap();
        for _ in 0..20 {
            let (held, ran) = (drops.token(), ran.clone());
            let task = move || {
                let _held = held;
                ran.fetch_add(1, Ordering::SeqCst);
                Err("second")
            };
            group.submit(task).unwrap();
        }
        gate.close();
        assert_eq!(group.wait(), Err("first"));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        drops.assert_all_dropped();
        // The pool's other tasks are not touched by it.
        assert_eq!(pool.spawn(|| 2).unwrap().join().unwrap(), 2);
    });
}

#[test]
fn a_panic_in_a_group_comes_out_of_wait() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(2).unwrap();
        let group = pool.group::<(), &str>();
        group.submit(|| Err("an error")).unwrap();
        let group2 = pool.group::<(), &str>();
        group2.submit(|| fail("a panic")).unwrap();
        assert_eq!(group.wait(), Err("an error"));
        assert_eq!(panic_text(|| group2.wait()), "a panic");
        let cut = pool.group::<(), ()>();
        cut.submit(|| rt::task::exit()).unwrap();
        assert!(panic_text(|| cut.wait()).contains("cut short"));

        pool.release();
        let group = pool.group::<u32, ()>();
        assert_eq!(group.submit(|| Ok(3)).unwrap_err().into_inner()(), Ok(3));
        assert_eq!(group.wait(), Ok(vec![]));
    });
}

#[test]
fn scoped_tasks_borrow_and_end_before_the_scope() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(3).unwrap();
        let mut numbers = vec![1_u64; 100];
        let sum = pool.scope(|s| {
            for number in &mut numbers {
                s.spawn(move || {
                    rt::yield_now();
                    *number += 1;
                });
            }
            s.spawn(|| 5).join().unwrap()
        });
        assert_eq!((sum, numbers.iter().sum::<u64>()), (5, 200));
        // A scope in a task of its own full pool runs its tasks itself.
        let one = Pool::new(1).unwrap();
        let inner = one.clone();
        let total = one.spawn(move || {
            let numbers = [1, 2, 3];
            inner.scope(|s| {
                let tasks: Vec<_> = numbers.iter().map(|n| s.spawn(move || n * 2)).collect();
                tasks.into_iter().map(|task| task.join().unwrap()).sum::<i32>()
            })
        });
        assert_eq!(total.unwrap().join().unwrap(), 12);
    });
}

#[test]
fn a_scope_tells_of_panics_as_std_does() {
    let _test = test();
    everywhere(|| {
        let pool = Pool::new(2).unwrap();
        let ended = AtomicUsize::new(0);
        let text = panic_text(|| {
            pool.scope(|s| {
                s.spawn(|| fail("unseen"));
                s.spawn(|| ended.fetch_add(1, Ordering::SeqCst));
            });
        });
        assert_eq!((text.as_str(), ended.load(Ordering::SeqCst)), ("a scoped thread panicked", 1));
        pool.scope(|s| assert!(s.spawn(|| fail("seen")).join().is_err()));
        let text = panic_text(|| {
            pool.scope(|s| {
                s.spawn(|| ended.fetch_add(1, Ordering::SeqCst));
                fail("the body")
            });
        });
        assert_eq!((text.as_str(), ended.load(Ordering::SeqCst)), ("the body", 2));
        pool.release();
        let text = panic_text(|| pool.scope(|s| drop(s.spawn(|| {}))));
        assert_eq!(text, "the pool is closed");
    });
}

/// It never waits, since it runs itself what it would wait for.
#[test]
fn an_aborted_task_that_goes_on_submitting_ends() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for way in 0..4 {
                let (pool, rounds) = (Pool::new(1).unwrap(), Arc::new(AtomicUsize::new(0)));
                let (inside, counts, drops) = (pool.clone(), rounds.clone(), Tally::default());
                let held = drops.clone();
                let task = pool.spawn(move || {
                    let group = inside.group::<(), ()>();
                    loop {
                        let (counts, token) = (counts.clone(), held.token());
                        let f = move || {
                            drop(token);
                            counts.fetch_add(1, Ordering::SeqCst);
                        };
                        match way {
                            0 => inside.submit(f).unwrap(),
                            1 => inside.spawn(f).unwrap().join().unwrap(),
                            2 => inside.scope(|s| s.spawn(f).join().unwrap()),
                            _ => {
                                let member = move || {
                                    f();
                                    Ok(())
                                };
                                group.submit(member).unwrap();
                            }
                        }
                    }
                });
                let task = task.unwrap();
                eventually_resting("it runs", || rounds.load(Ordering::SeqCst) > 10);
                task.abort();
                assert!(task.join_timeout(LONG).unwrap_err().is_cancelled());
                drops.assert_all_dropped();
                assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
            }
        });
    }
}

/// Of two tasks on one stack that are both to end, the inner one does not take the outer one's end away.
#[test]
fn a_cancelled_parent_ends_tasks_that_run_inside_of_tasks() {
    let _test = test();
    runtime(1).run(|| {
        let pool = Pool::new(1).unwrap();
        let (inside, deep) = (pool.clone(), Chan::<()>::new(1));
        let reached = deep.clone();
        let parent = rt::spawn(move || {
            inside.scope(|s| {
                let reached = &reached;
                s.spawn(move || {
                    s.spawn(move || {
                        reached.send(());
                        never();
                    });
                    never();
                });
            });
        });
        deep.recv();
        parent.abort();
        assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
        assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
    });
}

#[test]
fn a_cancelled_parent_ends_its_scope() {
    let _test = test();
    runtime(2).run(|| {
        for queue in [Queue::Handoff, Queue::Unbounded] {
            let pool = Pool::builder().capacity(2).queue(queue).build().unwrap();
            let drops = Tally::default();
            let (inside, held) = (pool.clone(), drops.clone());
            let parent = rt::spawn(move || {
                inside.scope(|s| {
                    for _ in 0..5 {
                        let held = held.token();
                        s.spawn(move || {
                            let _held = held;
                            never();
                        });
                    }
                });
            });
            eventually_resting("two run", || {
                pool.running() == 2 && pool.waiting() + pool.queued() > 0
            });
            parent.abort();
            assert!(parent.join().unwrap_err().is_cancelled());
            drops.assert_all_dropped();
            assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
        }
    });
}

/// The scope's owner lies on a stack that is gone afterwards: its tasks must be, too.
#[test]
fn a_scope_outlives_the_end_of_its_runtime() {
    let test = test();
    for round in 0..20 {
        let drops = Tally::default();
        let runtime = runtime(1 + round % 3);
        let pool = Pool::builder().capacity(2).runtime(&runtime.handle()).build().unwrap();
        let (inside, held) = (pool.clone(), drops.clone());
        runtime.handle().spawn(move || {
            let lent = String::from("lent");
            let tokens: Vec<_> = (0..3).map(|_| held.token()).collect();
            inside.scope(|s| {
                for token in &tokens {
                    let lent = &lent;
                    s.spawn(move || {
                        let _alive = (token, lent);
                        never();
                    });
                }
            });
        });
        common::eventually("they run", || pool.running() == 2 && pool.waiting() == 1);
        drop(runtime);
        drops.assert_all_dropped();
        test.dog.pet();
    }
}

#[test]
fn a_pool_of_one_function() {
    let _test = test();
    everywhere(|| {
        let (gate, seen) = (Chan::<()>::new(0), Arc::new(AtomicUsize::new(0)));
        let (waits, sees) = (gate.clone(), seen.clone());
        let pool = WorkerPool::new(2, move |n: Box<usize>| {
            waits.recv();
            sees.fetch_add(*n, Ordering::SeqCst);
        })
        .unwrap();
        pool.invoke(Box::new(1)).unwrap();
        pool.try_invoke(Box::new(10)).unwrap();
        assert!(matches!(pool.try_invoke(Box::new(5)), Err(SubmitError::Overloaded(n)) if *n == 5));
        let late = pool.invoke_timeout(Box::new(6), Duration::from_millis(1));
        assert!(matches!(late, Err(SubmitError::Timeout(n)) if *n == 6));
        let (ctx, cancel) = Context::background().with_cancel();
        cancel();
        let cancelled = pool.invoke_ctx(Box::new(7), &ctx);
        assert!(matches!(cancelled, Err(SubmitError::Cancelled(n)) if *n == 7));
        gate.close();
        pool.release_timeout(LONG).unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 11);
        assert!(pool.invoke(Box::new(1)).unwrap_err().is_closed());
    });
}

#[test]
fn several_pools_share_the_tasks() {
    let _test = test();
    everywhere(|| {
        for strategy in [Strategy::RoundRobin, Strategy::LeastTasks] {
            let pools = MultiPool::new(3, 2, strategy).unwrap();
            let gate = Chan::<()>::new(0);
            let wait = || {
                let gate = gate.clone();
                move || {
                    gate.recv();
                }
            };
            for n in 1..=3 {
                pools.submit(wait()).unwrap();
                let busy = pools.pools().iter().filter(|pool| pool.running() == 1).count();
                assert_eq!(busy, n, "{strategy:?}");
            }
            for _ in 0..3 {
                pools.try_submit(wait()).unwrap();
            }
            assert_eq!((pools.running(), pools.free(), pools.capacity()), (6, 0, 6));
            assert!(pools.try_submit(|| {}).unwrap_err().is_overloaded());
            assert!(pools.try_spawn(|| {}).unwrap_err().is_overloaded());
            assert!(
                pools.submit_timeout(|| {}, Duration::from_millis(1)).unwrap_err().is_timeout()
            );
            let (done, cancel) = Context::background().with_cancel();
            cancel();
            assert!(pools.submit_ctx(|| {}, &done).unwrap_err().is_cancelled());
            pools.tune(3);
            // Nor where there is a place.
            assert!(pools.submit_ctx(|| {}, &done).unwrap_err().is_cancelled());
            pools.submit(wait()).unwrap();
            gate.close();
            assert_eq!(pools.spawn(|| 4).unwrap().join().unwrap(), 4);
            assert_eq!(pools.try_spawn(|| 5).unwrap().join().unwrap(), 5);
            pools.release_timeout(LONG).unwrap();
            assert!(pools.is_closed() && pools.submit(|| {}).unwrap_err().is_closed());
            pools.reboot();
            pools.submit(|| {}).unwrap();
        }
    });
}

/// The one with the fewest tasks may be full, and others not. Where all are, one waits for one of them.
#[test]
fn nobody_waits_while_one_of_several_pools_has_a_place() {
    let _test = test();
    everywhere(|| {
        for strategy in [Strategy::RoundRobin, Strategy::LeastTasks] {
            let pools = MultiPool::new(3, 4, strategy).unwrap();
            let gate = Chan::<()>::new(0);
            let wait = || {
                let gate = gate.clone();
                move || {
                    gate.recv();
                }
            };
            let [small, middle, large] = pools.pools() else { unreachable!() };
            small.tune(1);
            middle.tune(2);
            small.submit(wait()).unwrap();
            (0..2).for_each(|_| middle.submit(wait()).unwrap());
            (0..3).for_each(|_| large.submit(wait()).unwrap());
            // Wherever the turn is.
            pools.submit_timeout(wait(), LONG).unwrap();
            assert_eq!((large.running(), pools.waiting()), (4, 0), "{strategy:?}");
            large.tune(5);
            pools.try_submit(wait()).unwrap();
            large.tune(6);
            drop(pools.spawn(wait()).unwrap());
            assert_eq!(large.running(), 6);
            assert!(pools.try_submit(wait()).unwrap_err().is_overloaded());
            let waits = rt::Handle::current().spawn({
                let (pools, wait) = (pools.clone(), wait());
                move || pools.submit(wait).unwrap()
            });
            eventually_resting("it waits, once", || small.waiting() == 1);
            assert_eq!(pools.waiting(), 1);
            gate.close();
            waits.join().unwrap();
            pools.release_timeout(LONG).unwrap();
        }
    });
}

#[test]
fn one_of_several_pools_that_is_closed_is_left_out() {
    let _test = test();
    everywhere(|| {
        for strategy in [Strategy::RoundRobin, Strategy::LeastTasks] {
            let pools = MultiPool::new(3, 1, strategy).unwrap();
            let gate = Chan::<()>::new(0);
            let wait = || {
                let gate = gate.clone();
                move || {
                    gate.recv();
                }
            };
            pools.pools()[0].release();
            for _ in 0..6 {
                pools.spawn(|| {}).unwrap().join().unwrap();
            }
            eventually_resting("all are idle", || pools.running() == 0);
            pools.submit_timeout(wait(), LONG).unwrap();
            pools.submit_timeout(wait(), LONG).unwrap();
            assert!(pools.try_submit(|| {}).unwrap_err().is_overloaded(), "{strategy:?}");
            let late = pools.submit_timeout(|| {}, Duration::from_millis(1));
            assert!(late.unwrap_err().is_timeout());
            // Who waits in one that is closed waits in the next.
            let waits = rt::Handle::current().spawn({
                let pools = pools.clone();
                move || pools.submit(|| {}).is_ok()
            });
            eventually_resting("one waits", || pools.waiting() == 1);
            let at = pools.pools().iter().position(|pool| pool.waiting() == 1).unwrap();
            pools.pools()[at].release();
            eventually_resting("it goes on", || pools.pools()[at].waiting() == 0);
            assert!(!pools.is_closed() && !waits.is_finished());
            gate.close();
            assert!(waits.join().unwrap());
            pools.release();
            assert!(pools.submit(|| {}).unwrap_err().is_closed());
            assert!(pools.try_submit(|| {}).unwrap_err().is_closed());
        }
    });
}

/// Pools that are all full of tasks which submit more: none waits for another.
#[test]
fn several_pools_do_not_wait_for_each_other() {
    let _test = test();
    everywhere(|| {
        let pools = MultiPool::new(2, 1, Strategy::LeastTasks).unwrap();
        let both = Arc::new(rt::sync::Barrier::new(2));
        let tasks: Vec<_> = (0..2)
            .map(|n| {
                let (inner, both) = (pools.clone(), both.clone());
                let task = move || {
                    both.wait();
                    inner.submit(|| {}).unwrap();
                    assert_eq!(inner.scope(|s| s.spawn(|| n).join().unwrap()), n);
                    inner.spawn(move || n).unwrap().join().unwrap()
                };
                pools.spawn(task).unwrap()
            })
            .collect();
        let sum: i32 = tasks.iter().map(|task| task.join_timeout(LONG).unwrap()).sum();
        assert_eq!(sum, 1);
    });
}

/// Two of them at the same time, in two pools of one; and any number.
#[test]
fn scopes_and_groups_use_all_of_several_pools() {
    let _test = test();
    everywhere(|| {
        for strategy in [Strategy::RoundRobin, Strategy::LeastTasks] {
            let (pools, both) =
                (MultiPool::new(2, 1, strategy).unwrap(), rt::sync::Barrier::new(2));
            let leaders: usize = pools.scope(|s| {
                let tasks = [(); 2].map(|()| s.spawn(|| usize::from(both.wait().is_leader())));
                tasks.into_iter().map(|task| task.join().unwrap()).sum()
            });
            assert_eq!(leaders, 1);
            let sum = AtomicUsize::new(0);
            pools.scope(|s| {
                for n in 0..20 {
                    let sum = &sum;
                    s.spawn(move || sum.fetch_add(n, Ordering::Relaxed));
                }
            });
            assert_eq!(sum.into_inner(), 190);
            let text = panic_text(|| pools.scope(|s| drop(s.spawn(|| fail("on purpose")))));
            assert_eq!(text, "a scoped thread panicked");

            let pools = MultiPool::new(2, 1, strategy).unwrap();
            let (group, both) = (pools.group::<_, ()>(), Arc::new(rt::sync::Barrier::new(2)));
            for n in 0..2 {
                let both = both.clone();
                group.submit(move || Ok((both.wait().is_leader(), n).1)).unwrap();
            }
            // It is a handle, too.
            drop(pools);
            (2..20).for_each(|n| group.submit(move || Ok(n)).unwrap());
            assert!(group.wait().unwrap().into_iter().eq(0..20));
        }
    });
}

/// The first error takes the others out of the queues of all.
#[test]
fn a_group_of_several_pools_that_fails_leaves_their_queues() {
    let _test = test();
    everywhere(|| {
        let pools = Pool::builder().capacity(1).queue(Queue::Unbounded);
        let pools = pools.build_multi(2, Strategy::RoundRobin).unwrap();
        let (group, tally) = (pools.group(), Tally::default());
        let gates = [(); 2].map(|()| Chan::<()>::new(0));
        for gate in &gates {
            let gate = gate.clone();
            group.submit(move || Err::<(), _>(gate.recv())).unwrap();
        }
        for _ in 0..6 {
            let token = tally.token();
            group
                .submit(move || {
                    drop(token);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!((pools.running(), pools.queued()), (2, 6));
        gates[0].close();
        eventually_resting("none is left", || pools.queued() == 0);
        eventually_resting("they are dropped", || tally.dropped() == 6);
        gates[1].close();
        assert_eq!(group.wait(), Err(None));
    });
}

#[test]
fn a_context_bounds_a_submit() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (Pool::new(1).unwrap(), Chan::<()>::new(0));
        let waits = gate.clone();
        pool.submit_ctx(
            move || {
                waits.recv();
            },
            &Context::background(),
        )
        .unwrap();
        // Cancelled before; a deadline that is past; one that comes; a cancellation while it waits.
        let (done, cancel) = Context::background().with_cancel();
        cancel();
        assert!(pool.submit_ctx(|| {}, &done).unwrap_err().is_cancelled());
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            let (ctx, _cancel) = Context::background().with_timeout(timeout);
            assert!(pool.submit_ctx(|| {}, &ctx).unwrap_err().is_cancelled());
        }
        let (ctx, cancel) = Context::background().with_cancel();
        let submitter = {
            let (pool, ctx) = (pool.clone(), ctx.clone());
            rt::Handle::current().spawn(move || pool.submit_ctx(|| {}, &ctx).is_err())
        };
        eventually_resting("it waits", || pool.waiting() == 1);
        cancel();
        assert!(submitter.join().unwrap());
        assert_eq!(pool.waiting(), 0);
        gate.close();
        let (ctx, _cancel) = Context::background().with_timeout(LONG);
        pool.submit_ctx(|| {}, &ctx).unwrap();
    });
}

/// Aborted before it began, and taken by a worker nevertheless: who joins is told, whatever its destructor does.
#[test]
fn an_aborted_task_whose_destructor_panics_is_joined() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            fail("bomb");
        }
    }
    /// Joins when it is dropped: also while its task is unwound.
    struct Joins<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Joins<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let panics = Arc::new(AtomicUsize::new(0));
            let counts = panics.clone();
            let pool = Pool::builder().capacity(2).queue(Queue::Unbounded);
            let pool = pool.panic_handler(move |_| {
                counts.fetch_add(1, Ordering::SeqCst);
            });
            let pool = pool.build().unwrap();
            let (inside, joined) = (pool.clone(), Arc::new(AtomicUsize::new(0)));
            let (waits, told) = (Chan::<()>::new(2), joined.clone());
            let reached = waits.clone();
            let parent = rt::spawn(move || {
                inside.scope(|s| {
                    let (victims, reached) = (Chan::new(1), &reached);
                    let taken: Chan<rt::pool::ScopedTask<'_, ()>> = victims.clone();
                    s.spawn(move || {
                        let mut victim = taken.recv();
                        let _joins = Joins(|| {
                            let result = victim.take().unwrap().join();
                            let payload = result.unwrap_err();
                            let error = payload.downcast::<rt::task::JoinError>().unwrap();
                            told.fetch_add(usize::from(error.is_cancelled()), Ordering::SeqCst);
                        });
                        reached.send(());
                        never();
                    });
                    s.spawn(move || {
                        reached.send(());
                        never();
                    });
                    let bomb = Bomb;
                    victims.send(s.spawn(move || drop(bomb)));
                });
            });
            waits.recv();
            waits.recv();
            // It raises the interrupts of two, and drops the third, which lies in the queue.
            parent.abort();
            assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
            assert_eq!(joined.load(Ordering::SeqCst), 1);
            assert_eq!(panics.load(Ordering::SeqCst), 1, "the destructor's panic is reported");
            assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
        });
    }
}
