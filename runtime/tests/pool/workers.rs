//! The workers: how many there are, which one is next, what they survive, and when they expire.

use crate::common::{self, Tally, Token, eventually_resting, everywhere, fail, runtime, test};
use crate::{Gate, LONG, fill};
use rt::chan::Chan;
use rt::pool::{Pool, Queue, SubmitError};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// Its id and its locals are its own; the stack is not.
#[test]
fn an_idle_worker_keeps_what_is_its_own_and_has_no_stack() {
    rt::goroutine_local! {
        static TASKS: Cell<u32> = Cell::new(0);
        static KEPT: RefCell<Option<Token>> = RefCell::new(None);
    }
    let _test = test();
    runtime(1).run(|| {
        let (before, gate) = (rt::metrics().stacks.in_use, Gate::new());
        let pool = Pool::builder().capacity(100).no_purge().build().unwrap();
        fill(&pool, &gate);
        gate.open();
        eventually_resting("they have left their stacks", || {
            pool.idle() == 100 && rt::metrics().stacks.in_use <= before
        });
        let tally = Tally::default();
        let mut ids = HashSet::new();
        for n in 1..=50 {
            let kept = tally.token();
            let task = pool.spawn(move || {
                KEPT.with(|place| {
                    place.borrow_mut().get_or_insert(kept);
                });
                TASKS.with(|tasks| tasks.set(tasks.get() + 1));
                (rt::task::current().id(), TASKS.with(Cell::get))
            });
            let (id, tasks) = task.unwrap().join().unwrap();
            ids.insert(id);
            assert_eq!(tasks, n);
            eventually_resting("it is idle", || pool.idle() == 100);
        }
        assert_eq!(ids.len(), 1, "the last one is the next");
        assert_eq!(tally.made() - tally.dropped(), 1);
        pool.release();
        eventually_resting("its locals go with the worker", || tally.made() == tally.dropped());
    });
}

/// Also where no goroutine is left to do it in.
#[test]
fn what_an_idle_worker_kept_goes_newest_first_when_its_runtime_stops() {
    struct Notes(u32, Arc<Mutex<Vec<u32>>>);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    rt::goroutine_local! {
        static FIRST: RefCell<Option<Notes>> = RefCell::new(None);
        static SECOND: RefCell<Option<Notes>> = RefCell::new(None);
        static THIRD: RefCell<Option<Notes>> = RefCell::new(None);
    }
    let _test = test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let pool = Pool::builder().no_purge().runtime(&runtime.handle()).capacity(1).build();
        let pool = pool.unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let its = log.clone();
        let task = pool.spawn(move || {
            for (n, key) in [(1, &FIRST), (2, &SECOND), (3, &THIRD)] {
                key.with(|place| *place.borrow_mut() = Some(Notes(n, its.clone())));
            }
        });
        task.unwrap().join().unwrap();
        eventually_resting("it is idle", || pool.idle() == 1);
        drop(runtime);
        drop(pool);
        assert_eq!(*log.lock().unwrap(), [3, 2, 1]);
    }
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

/// Forgotten guards end with their task, whatever the worker does next; also of one that runs on the stack of another.
#[test]
#[allow(clippy::mem_forget, reason = "it is what is tested")]
fn what_a_task_has_entered_it_leaves() {
    let _test = test();
    let (other, third) = (runtime(3), runtime(4));
    let (three, four) = (other.handle(), third.handle());
    let here = || rt::spawn(rt::procs).join().unwrap();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let pool = Pool::new(1).unwrap();
            let (inside, three, four) = (pool.clone(), three.clone(), four.clone());
            let three_too = three.clone();
            let task = pool.spawn(move || {
                std::mem::forget(three_too.enter());
                std::mem::forget(three_too.enter());
                here()
            });
            assert_eq!(task.unwrap().join().unwrap(), 3);
            let task = pool.spawn(move || {
                let at_first = here();
                drop(four.enter());
                let afterwards = here();
                let _entered = four.enter();
                let entered = here();
                let nested = inside.spawn(move || {
                    std::mem::forget(three.enter());
                    here()
                });
                (at_first, afterwards, entered, nested.unwrap().join().unwrap(), here())
            });
            assert_eq!(task.unwrap().join().unwrap(), (procs, procs, 4, 3, 4));
            assert_eq!(pool.spawn(here).unwrap().join().unwrap(), procs);
        });
    }
}

/// It could have been joined when it was raised.
#[test]
fn a_panic_whose_task_is_dropped_while_it_is_reported_is_not_the_handlers() {
    /// Superseded, it is dropped when its report has been written.
    struct Reported(Chan<()>, Chan<()>);

    impl Drop for Reported {
        fn drop(&mut self) {
            self.0.send(());
            self.1.recv();
        }
    }

    let _test = test();
    everywhere(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let pool = Pool::builder()
            .capacity(1)
            .panic_handler({
                let told = Arc::clone(&told);
                move |_| _ = told.fetch_add(1, Ordering::SeqCst)
            })
            .build()
            .unwrap();
        let (reported, goes_on) = (Chan::new(0), Chan::new(0));
        let payload = Reported(reported.clone(), goes_on.clone());
        let task = pool.spawn(|| {
            rt::panic::frame(|f| -> () {
                f.defer(|_| fail("second"));
                std::panic::resume_unwind(Box::new(payload));
            })
        });
        reported.recv().unwrap();
        drop(task.unwrap());
        goes_on.send(());
        pool.release_timeout(LONG).unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 0);
    });
}
