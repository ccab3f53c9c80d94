//! Goroutines that get no stack, and what is told of them: nothing is lost in silence, no count stays wrong, nobody waits for ever.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{
    Tally, address_space, builder, child, eventually, is_child, limit_for_now, panic_text, text_of,
};
use rt::context::Context;
use rt::pool::{Bounded, Pool, WorkerPool};
use rt::sync::{ErrGroup, WaitGroup};
use std::io::{PipeReader, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What the runtime says of each.
const SAID: &str = "rt: a goroutine ends before it began";
const OF_A_SCOPE: &str = "a scoped goroutine got no stack to start on";

/// In a child process: a stack is a gibibyte, and there is no room for one until [`room`] is called. The child has said so, if
/// all is well.
fn apart(name: &str, scenario: impl FnOnce()) {
    if is_child(name) {
        let runtime = builder(2).stack_size(1 << 30).build().unwrap();
        let handle = runtime.handle();
        let _entered = handle.enter();
        no_room();
        return scenario();
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    ended.assert_says(&[SAID, "ulimit -v"]);
}

fn no_room() {
    limit_for_now(libc::RLIMIT_AS, address_space() + (256 << 20), libc::RLIM_INFINITY);
}

fn room() {
    limit_for_now(libc::RLIMIT_AS, libc::RLIM_INFINITY, libc::RLIM_INFINITY);
}

/// Runs `f` here, and in a goroutine that has a stack, a small one.
fn here_and_there(f: impl Fn() + Clone + Send + 'static) {
    f();
    if cfg!(feature = "sanitizer") {
        // A sixteenth of the terabytes that it maps is more than was left: there is no room for small ones either.
        return;
    }
    let small = rt::task::Builder::new().stack_size(256 << 10).spawn(f).unwrap();
    small.join().unwrap();
}

/// Nobody works, and nobody waits.
fn eventually_empty(pool: &Pool) {
    let counts = || [pool.running(), pool.idle(), pool.waiting()];
    eventually("the pool is empty", || counts() == [0; 3]);
}

/// Lets go of what it shares after a while.
struct Slow(Option<Arc<()>>);

impl Drop for Slow {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(10));
        self.0.take();
    }
}

fn never_runs<R>(shared: &Arc<()>) -> impl FnOnce() -> R + Send + 'static {
    let slow = Slow(Some(shared.clone()));
    move || {
        drop(slow);
        unreachable!("there is no stack for it")
    }
}

#[test]
fn who_joins_a_task_of_a_pool_is_told() {
    apart("who_joins_a_task_of_a_pool_is_told", || {
        let tally = Tally::default();
        here_and_there({
            let tally = tally.clone();
            move || {
                let pool = Pool::new(2).unwrap();
                let token = tally.token();
                let error = pool.spawn(move || drop(token)).unwrap().join().unwrap_err();
                assert!(error.is_resource(), "{error:?}");
            }
        });
        tally.assert_all_dropped();
    });
}

/// The workers that there are no stacks for are replaced, by as many again; submitters that wait get in by that.
#[test]
fn a_pool_loses_no_task_and_keeps_its_counts() {
    apart("a_pool_loses_no_task_and_keeps_its_counts", || {
        let (tally, without) = (Tally::default(), AtomicUsize::new(0));
        let mut pools = Vec::new();
        for queue in [rt::pool::Handoff, Bounded(3)] {
            let pool = Pool::builder().capacity(2).queue(queue).build().unwrap();
            std::thread::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        let all: Vec<_> = (0..25)
                            .map(|_| {
                                let token = tally.token();
                                pool.submit(|| unreachable!("there is no stack for it")).unwrap();
                                pool.spawn(move || drop(token)).unwrap()
                            })
                            .collect();
                        for task in all {
                            assert!(task.join().unwrap_err().is_resource());
                            without.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            eventually_empty(&pool);
            pools.push(pool);
        }
        assert_eq!(without.into_inner(), 200);
        tally.assert_all_dropped();
        room();
        for pool in pools {
            assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
            eventually("its worker is idle", || (pool.running(), pool.idle()) == (0, 1));
            pool.release_timeout(Duration::from_secs(30)).unwrap();
        }
    });
}

/// Idle workers have no stacks. One that gets none for its turn is lost.
#[test]
fn an_idle_worker_that_gets_no_stack_is_lost() {
    apart("an_idle_worker_that_gets_no_stack_is_lost", || {
        let pool = Pool::builder().capacity(2).prealloc(true).no_purge().build().unwrap();
        assert_eq!((pool.running(), pool.idle()), (0, 2));
        for left in [1, 0, 0] {
            assert!(pool.spawn(|| ()).unwrap().join().unwrap_err().is_resource());
            eventually("it is lost", || (pool.running(), pool.idle()) == (0, left));
        }
    });
}

/// What lets the pool age is a goroutine, too.
#[test]
fn idle_workers_expire_without_a_stack() {
    apart("idle_workers_expire_without_a_stack", || {
        let pool = Pool::builder().capacity(3).prealloc(true).expiry(Duration::from_millis(40));
        let pool = pool.build().unwrap();
        assert_eq!(pool.idle(), 3);
        eventually_empty(&pool);
    });
}

#[test]
fn a_pool_with_one_function_drops_the_argument() {
    apart("a_pool_with_one_function_drops_the_argument", || {
        let tally = Tally::default();
        let pool = WorkerPool::new(1, |_: common::Token| unreachable!()).unwrap();
        (0..3).for_each(|_| pool.invoke(tally.token()).unwrap());
        eventually("all are dropped", || tally.dropped() == 3);
        eventually("nobody works", || (pool.running(), pool.idle()) == (0, 0));
    });
}

#[test]
fn a_group_of_a_pool_does_not_end_well() {
    apart("a_group_of_a_pool_does_not_end_well", || {
        here_and_there(|| {
            let pool = Pool::new(2).unwrap();
            let group = pool.group::<u32, u32>();
            group.submit(|| Ok(1)).unwrap();
            group.submit(|| Err(2)).unwrap();
            assert_eq!(panic_text(|| group.wait()), "a task of the group was cut short");
        });
    });
}

#[test]
fn a_scope_does_not_end_well() {
    apart("a_scope_does_not_end_well", || {
        here_and_there(|| {
            let mut ran = false;
            let text = panic_text(|| rt::scope(|s| drop(s.spawn(|| ran = true))));
            assert_eq!((text.as_str(), ran), (OF_A_SCOPE, false));
            // Who joins has been told.
            let error = rt::scope(|s| s.spawn(|| 1).join().unwrap_err());
            assert!(error.downcast::<rt::task::JoinError>().unwrap().is_resource());
            // What it panics with itself comes first.
            let both = || {
                rt::scope(|s| -> () {
                    s.spawn(|| ());
                    common::fail("own")
                })
            };
            assert_eq!(panic_text(both), "own");
            assert_eq!(rt::join(|| 1, || 2), (1, 2));
        });
    });
}

#[test]
fn a_scope_of_a_pool_does_not_end_well() {
    apart("a_scope_of_a_pool_does_not_end_well", || {
        here_and_there(|| {
            let pool = Pool::new(2).unwrap();
            let mut ran = false;
            let text = panic_text(|| pool.scope(|s| drop(s.spawn(|| ran = true))));
            assert_eq!((text.as_str(), ran), (OF_A_SCOPE, false));
            let error = pool.scope(|s| s.spawn(|| 1).join().unwrap_err());
            assert!(error.downcast::<rt::task::JoinError>().unwrap().is_resource());
            let both = || {
                pool.scope(|s| -> () {
                    s.spawn(|| ());
                    common::fail("own")
                })
            };
            assert_eq!(panic_text(both), "own");
            eventually_empty(&pool);
        });
    });
}

#[test]
fn a_wait_group_says_so() {
    apart("a_wait_group_says_so", || {
        here_and_there(|| {
            let group = WaitGroup::new();
            let slow = Arc::new(());
            (0..3).for_each(|_| group.go(never_runs(&slow)));
            let text = panic_text(|| group.wait());
            assert_eq!(text, "a goroutine of the group got no stack to start on");
            assert_eq!(Arc::strong_count(&slow), 1, "it has waited for what they hold");
            // Once, as with a panic.
            group.wait();
        });
    });
}

#[test]
fn an_error_group_fails() {
    apart("an_error_group_fails", || {
        here_and_there(|| {
            let (group, ctx) = ErrGroup::<u32>::with_context(&Context::background());
            group.set_limit(1);
            let slow = Arc::new(());
            (0..3).for_each(|_| group.go(never_runs(&slow)));
            let wait = AssertUnwindSafe(|| group.wait());
            let text = text_of(&*catch_unwind(wait).unwrap_err());
            assert_eq!(text, "a goroutine of the group got no stack to start on");
            assert_eq!(Arc::strong_count(&slow), 1, "it has waited for what they hold");
            assert!(group.has_failed());
            assert_eq!(ctx.cause().unwrap().to_string(), text);
            // All places are free.
            group.set_limit(2);
            assert_eq!(group.wait(), Ok(()));
        });
    });
}

/// Nobody can be told but by what the runtime says; what they hold is dropped, once.
#[test]
fn functions_that_begin_later() {
    apart("functions_that_begin_later", || {
        let tally = Tally::default();
        let (one, two) = (tally.token(), tally.token());
        let timer = rt::time::after_func(Duration::from_millis(1), move || drop(one));
        let (ctx, cancel) = Context::background().with_cancel();
        let stop = ctx.after_func(move || drop(two));
        cancel();
        eventually("both are dropped", || tally.dropped() == 2);
        assert!(!timer.stop() && !timer.reset(Duration::ZERO) && !stop.stop());
        let late = panic_text(|| rt::time::timeout(Duration::from_secs(60), || 1));
        assert_eq!(late, "rt::time::timeout: there was no stack to start the goroutine on");
    });
}

/// How long somebody holds his processor.
struct Gate {
    over: AtomicBool,
    /// To its end.
    reader: PipeReader,
}

/// In a child process: somebody holds a processor that keeps the stack of one who has ended there, and there is no room for another one.
/// Who comes then gets that.
fn gets_an_idle_stack(name: &str, migrate: bool, holds: fn(&Gate)) {
    if is_child(name) {
        let runtime = builder(2).migrate(migrate).stack_size(1 << 30).build().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let gate = Arc::new(Gate { over: AtomicBool::new(false), reader });
        let (ready, is_ready) = std::sync::mpsc::channel();
        let its = gate.clone();
        let holder = runtime.handle().spawn(move || {
            let here = || std::thread::current().id();
            while rt::spawn(here).join().unwrap() != here() {}
            limit_for_now(libc::RLIMIT_AS, address_space() + (512 << 20), libc::RLIM_INFINITY);
            ready.send(()).unwrap();
            holds(&its);
        });
        is_ready.recv().unwrap();
        assert_eq!(runtime.handle().spawn(|| 7).join().unwrap(), 7);
        gate.over.store(true, Ordering::Relaxed);
        drop(writer);
        return holder.join().unwrap();
    }
    let _t = common::test();
    common::run(child(name)).assert_success();
}

#[test]
fn who_blocks_keeps_no_idle_stack() {
    gets_an_idle_stack("who_blocks_keeps_no_idle_stack", true, |gate| {
        assert_eq!((&gate.reader).read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn who_computes_keeps_no_idle_stack() {
    gets_an_idle_stack("who_computes_keeps_no_idle_stack", true, |gate| {
        while !gate.over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
}

#[test]
fn who_yields_keeps_no_idle_stack() {
    gets_an_idle_stack("who_yields_keeps_no_idle_stack", false, |gate| {
        while !gate.over.load(Ordering::Relaxed) {
            rt::yield_now();
        }
    });
}
