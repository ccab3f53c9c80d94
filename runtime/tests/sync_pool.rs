//! `sync::Pool`. What vanishes when is tested beside the code, where the clock can be moved.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, Token, panic_text, runtime, seeded, turns};
use rt::sync::{Pool, Pooled};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

#[test]
fn what_was_put_is_got_again() {
    let _t = common::test();
    static POOL: Pool<Vec<u8>> = Pool::new(Vec::new);
    for procs in [1, 2] {
        runtime(procs).run(|| {
            assert_eq!(POOL.get().capacity(), 0);
            POOL.put(vec![1]);
            POOL.put(vec![2]);
            // Nobody else is here: the last first. (Unless the goroutine moved meanwhile.)
            let mut both = [POOL.get(), POOL.get()];
            both.sort();
            assert_eq!(both, [[1], [2]]);
            assert_eq!(POOL.try_get(), None);
        });
    }
    assert_eq!(format!("{POOL:?}"), "Pool { idle: 0, .. }");
    POOL.put(Vec::new());
    assert_eq!(format!("{POOL:?}"), "Pool { idle: 1, .. }");
}

/// From another thread, and from another runtime's processors.
#[test]
fn what_lies_elsewhere_is_found() {
    let _t = common::test();
    let made = AtomicUsize::new(0);
    let pool = Pool::new(|| made.fetch_add(1, Ordering::Relaxed) + 1000);
    let runtime = runtime(2);
    thread::scope(|s| {
        for n in 0..50 {
            let pool = &pool;
            s.spawn(move || pool.put(n));
        }
    });
    let mut all: Vec<_> = (0..25).map(|_| pool.get()).collect();
    all.extend(runtime.run(|| (0..25).map(|_| pool.get()).collect::<Vec<_>>()));
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>());
    assert_eq!((runtime.run(|| pool.get()), made.load(Ordering::Relaxed)), (1000, 1));
}

#[test]
fn a_guard_gives_back() {
    let _t = common::test();
    let tally = Tally::default();
    let pool = Pool::new(|| (0, tally.token()));
    runtime(1).run(|| {
        for n in 0..10 {
            let mut item = pool.pull();
            assert_eq!(item.0, n);
            item.0 += 1;
        }
        assert_eq!(tally.made(), 1);
        let item = Pooled::into_inner(pool.pull());
        assert_eq!(item.0, 10);
        assert!(pool.try_get().is_none());
        drop(item);
        tally.assert_all_dropped();
        // What was being changed when it panicked is not used again.
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let mut item = pool.pull();
            item.0 = 7;
            common::fail("half way")
        }));
        assert!(panics.is_err());
        tally.assert_all_dropped();
        assert!(pool.try_get().is_none());
        assert_eq!(format!("{:?}", Pool::<u8>::default().pull()), "0");
    });
}

#[test]
fn nothing_leaks() {
    let _t = common::test();
    let tally = Tally::default();
    let pool = Pool::new(|| tally.token());
    let all: Vec<_> = (0..100).map(|_| pool.get()).collect();
    all.into_iter().for_each(|token| pool.put(token));
    assert_eq!((tally.made(), tally.dropped()), (100, 0));
    pool.clear();
    tally.assert_all_dropped();
    pool.put(tally.token());
    drop(pool);
    tally.assert_all_dropped();
}

/// What makes and what drops may use the pool, and give way. Under a lock, that would hang.
#[test]
fn code_of_the_user_may_switch_and_use_the_pool() {
    let _t = common::test();
    struct Item {
        pool: &'static Pool<Item>,
        last: bool,
    }
    trait Spoil {
        fn spoil(&self);
    }
    impl Spoil for Pool<Item> {
        /// Takes one, and drops it.
        fn spoil(&self) {
            if let Some(mut item) = self.try_get() {
                item.last = true;
            }
        }
    }
    impl Drop for Item {
        fn drop(&mut self) {
            rt::yield_now();
            if !self.last {
                // Swept away, it leaves something behind.
                self.pool.put(Item { pool: self.pool, last: true });
            }
            self.pool.spoil();
        }
    }
    static POOL: Pool<Item> = Pool::new(|| {
        rt::yield_now();
        POOL.spoil();
        Item { pool: &POOL, last: false }
    });
    for procs in [1, 2] {
        runtime(procs).run(|| {
            rt::scope(|s| {
                for n in 0..6 {
                    s.spawn(move || {
                        for turn in 0..50 {
                            let item = POOL.pull();
                            rt::yield_now();
                            drop(item);
                            if turn % 10 == n {
                                POOL.clear();
                            }
                        }
                    });
                }
            });
            POOL.clear();
        });
    }
}

#[test]
fn a_panic_in_make_is_the_callers() {
    let _t = common::test();
    let pool = Pool::new(|| -> u32 { panic!("no more") });
    assert_eq!(panic_text(|| pool.get()), "no more");
    pool.put(1);
    assert_eq!(*pool.pull(), 1);
}

/// Goroutines and threads take and give: nobody has what another one has, and all is dropped once.
#[test]
fn stress() {
    let t = common::test();
    struct Item {
        taken: AtomicBool,
        _token: Token,
    }
    seeded(&t.dog, turns(50, 300), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(4) as usize);
        let tally = Tally::default();
        let pool = Arc::new({
            let tally = tally.clone();
            Pool::new(move || Item { taken: AtomicBool::new(false), _token: tally.token() })
        });
        let actor = |seed: u64| {
            let pool = Arc::clone(&pool);
            move || {
                let mut rng = Rng::new(seed);
                let mut held = Vec::new();
                let take = |item: &Item| assert!(!item.taken.swap(true, Ordering::Relaxed));
                let give = |item: &Item| assert!(item.taken.swap(false, Ordering::Relaxed));
                for _ in 0..200 {
                    match rng.below(10) {
                        0..=2 => {
                            let item = pool.get();
                            take(&item);
                            held.push(item);
                        }
                        3..=5 => {
                            if let Some(item) = held.pop() {
                                give(&item);
                                pool.put(item);
                            }
                        }
                        6 => {
                            let item = pool.pull();
                            take(&item);
                            rt::yield_now();
                            give(&item);
                        }
                        7 => drop(held.pop()),
                        8 if rng.one_in(30) => pool.clear(),
                        _ => rt::yield_now(),
                    }
                }
            }
        };
        let thread = rng.one_in(2).then(|| thread::spawn(actor(rng.next())));
        let all: Vec<_> = (0..6).map(|_| runtime.handle().spawn(actor(rng.next()))).collect();
        all.into_iter().for_each(|actor| actor.join().unwrap());
        if let Some(thread) = thread {
            thread.join().unwrap();
        }
        assert_eq!(format!("{pool:?}").contains("idle: 0,"), tally.made() == tally.dropped());
        drop(Arc::into_inner(pool).expect("nobody else has it"));
        tally.assert_all_dropped();
    });
}
