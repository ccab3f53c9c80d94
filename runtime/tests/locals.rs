//! `goroutine_local!`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, Token, eventually, eventually_yielding, runtime};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

rt::goroutine_local! {
    static NUMBER: Cell<u32> = Cell::new(7);
    static NAMES: RefCell<Vec<String>> = RefCell::default();
}

#[test]
fn each_goroutine_has_its_own() {
    let _t = common::test();
    for procs in [1, 3] {
        runtime(procs).run(|| {
            let all: Vec<_> = (0..100)
                .map(|i| {
                    rt::spawn(move || {
                        assert_eq!(NUMBER.with(Cell::get), 7);
                        NUMBER.with(|n| n.set(i));
                        for round in 0..10 {
                            NAMES.with(|names| names.borrow_mut().push(format!("{i}.{round}")));
                            if round % 3 == 0 {
                                rt::time::sleep(Duration::from_micros(50));
                            } else {
                                rt::yield_now();
                            }
                        }
                        assert_eq!(NUMBER.with(Cell::get), i);
                        NAMES.with(|names| names.take())
                    })
                })
                .collect();
            for (i, handle) in all.into_iter().enumerate() {
                let expected: Vec<_> = (0..10).map(|round| format!("{i}.{round}")).collect();
                assert_eq!(handle.join().unwrap(), expected);
            }
            assert_eq!(NUMBER.with(Cell::get), 7);
        });
    }
}

/// What std's thread locals have for a `Cell` and a `RefCell`.
#[test]
fn the_short_forms() {
    let _t = common::test();
    rt::goroutine_local! {
        static UNSET: Cell<u32> = unreachable!("it is set first");
        static UNNAMED: RefCell<Vec<String>> = unreachable!("it is set first");
    }
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let scenario = move || {
        assert_eq!((NUMBER.get(), NUMBER.replace(8), NUMBER.get()), (7, 7, 8));
        NUMBER.set(9);
        assert_eq!((NUMBER.take(), NUMBER.get()), (9, 0));
        UNSET.set(1);
        UNSET.set(2);
        assert_eq!(UNSET.get(), 2);
        NAMES.with_borrow_mut(|all| {
            all.push("ann".to_owned());
            // Nobody else sees the borrow.
            rt::yield_now();
        });
        assert_eq!(NAMES.with_borrow(Vec::len), 1);
        assert_eq!(NAMES.replace(names(&["bob"])), names(&["ann"]));
        NAMES.set(names(&["cid", "dan"]));
        assert_eq!(NAMES.take(), names(&["cid", "dan"]));
        assert_eq!(NAMES.take(), names(&[]));
        UNNAMED.set(names(&["eve"]));
        UNNAMED.set(names(&["fay"]));
        assert_eq!(UNNAMED.take(), names(&["fay"]));
    };
    for procs in [1, 3] {
        runtime(procs).run(move || {
            let all: Vec<_> = (0..20).map(|_| rt::spawn(scenario)).collect();
            all.into_iter().for_each(|handle| handle.join().unwrap());
        });
    }
    std::thread::spawn(scenario).join().unwrap();
}

/// What is superseded is dropped when nothing is borrowed: its destructor may use the local.
#[test]
fn what_set_drops_may_use_the_local() {
    let _t = common::test();
    struct Counts;
    impl Drop for Counts {
        fn drop(&mut self) {
            LAST.with_borrow(|last| assert!(last.is_none()));
            NUMBER.set(NUMBER.get() + 1);
        }
    }
    rt::goroutine_local! {
        static LAST: RefCell<Option<Counts>> = RefCell::new(Some(Counts));
    }
    runtime(1).run(|| {
        LAST.with_borrow(|last| assert!(last.is_some()));
        LAST.set(None);
        assert_eq!(NUMBER.get(), 8);
    });
}

#[test]
fn a_value_may_be_used_across_a_park() {
    let _t = common::test();
    runtime(2).run(|| {
        NUMBER.with(|n| {
            for i in 0..100 {
                n.set(i);
                rt::spawn(|| NUMBER.with(|n| n.set(1000))).join().unwrap();
                rt::yield_now();
                assert_eq!(n.get(), i);
            }
        });
    });
}

/// Notes its drop.
struct Notes(&'static str, Arc<Mutex<Vec<String>>>);

impl Drop for Notes {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.to_owned());
    }
}

rt::goroutine_local! {
    static FIRST: RefCell<Option<Notes>> = RefCell::new(None);
    static SECOND: RefCell<Option<Notes>> = RefCell::new(None);
    static THIRD: RefCell<Option<Looks>> = RefCell::new(None);
    static ITSELF: RefCell<Option<Again>> = RefCell::new(None);
}

/// Uses the other locals while it is dropped, and waits.
struct Looks(Arc<Mutex<Vec<String>>>);

impl Drop for Looks {
    fn drop(&mut self) {
        rt::yield_now();
        let seen = FIRST.with(|first| first.borrow().as_ref().map(|notes| notes.0));
        self.0.lock().unwrap().push(format!("third saw {seen:?}"));
        // A local that is made only now is dropped as well.
        NAMES.with(|names| names.borrow_mut().push("late".to_owned()));
    }
}

#[test]
fn destructors_run_at_the_end_the_newest_first() {
    let _t = common::test();
    let runtime = runtime(2);
    for how in ["returns", "panics", "exits", "is aborted", "is shut down"] {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (log2, log3, log4) = (log.clone(), log.clone(), log.clone());
        let own = common::runtime(1);
        let runtime = if how == "is shut down" { &own } else { &runtime };
        let set = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let set2 = set.clone();
        let handle = runtime.handle().spawn(move || {
            FIRST.with(|first| *first.borrow_mut() = Some(Notes("first", log2)));
            SECOND.with(|second| *second.borrow_mut() = Some(Notes("second", log3)));
            THIRD.with(|third| *third.borrow_mut() = Some(Looks(log4)));
            set2.store(true, std::sync::atomic::Ordering::SeqCst);
            match how {
                "returns" => {}
                "panics" => common::fail(()),
                "exits" => rt::task::exit(),
                _ => drop(rt::chan::Chan::<String>::nil().recv()),
            }
        });
        common::eventually("it is set", || set.load(std::sync::atomic::Ordering::SeqCst));
        match how {
            "is aborted" => handle.abort(),
            "is shut down" => drop(own),
            _ => {}
        }
        let _ = handle.join();
        // Before the end is told to who joins.
        assert_eq!(*log.lock().unwrap(), ["third saw Some(\"first\")", "second", "first"], "{how}");
    }
}

/// Makes itself anew when it is dropped, if it can.
struct Again(Arc<Mutex<Vec<String>>>);

impl Drop for Again {
    fn drop(&mut self) {
        let log = self.0.clone();
        let again = ITSELF.try_with(|itself| *itself.borrow_mut() = Some(Again(log))).is_ok();
        self.0.lock().unwrap().push(format!("again: {again}"));
    }
}

#[test]
fn a_destructor_that_uses_its_own_local_is_refused() {
    let _t = common::test();
    runtime(1).run(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let log2 = log.clone();
        let handle =
            rt::spawn(move || ITSELF.with(|itself| *itself.borrow_mut() = Some(Again(log2))));
        handle.join().unwrap();
        assert_eq!(*log.lock().unwrap(), ["again: false"]);
    });
}

#[test]
fn on_a_plain_thread_they_are_thread_locals() {
    let _t = common::test();
    let log = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let log = log.clone();
        std::thread::spawn(move || {
            assert_eq!(NUMBER.with(Cell::get), 7);
            NUMBER.with(|n| n.set(8));
            assert_eq!(NUMBER.with(Cell::get), 8);
            FIRST.with(|first| *first.borrow_mut() = Some(Notes("first", log)));
        })
        .join()
        .unwrap();
    }
    assert_eq!(*log.lock().unwrap(), ["first", "first"]);
    // A goroutine does not see those of the thread that it runs on.
    let runtime = runtime(1);
    NUMBER.with(|n| n.set(9));
    assert_eq!(runtime.run(|| NUMBER.with(Cell::get)), 7);
}

/// As those of a goroutine. A panic there would end the process.
#[test]
fn destructors_of_a_plain_thread_use_what_is_left() {
    common::apart("destructors_of_a_plain_thread_use_what_is_left", |_| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let logs = [(); 4].map(|()| log.clone());
        std::thread::spawn(move || {
            let [log1, log2, log3, log4] = logs;
            FIRST.with(|first| *first.borrow_mut() = Some(Notes("first", log1)));
            SECOND.with(|second| *second.borrow_mut() = Some(Notes("second", log2)));
            ITSELF.with(|itself| *itself.borrow_mut() = Some(Again(log3)));
            THIRD.with(|third| *third.borrow_mut() = Some(Looks(log4)));
        })
        .join()
        .unwrap();
        let expected = ["third saw Some(\"first\")", "again: false", "second", "first"];
        assert_eq!(*log.lock().unwrap(), expected);
    });
}

/// Whichever is dropped first: who gets a local there has it dropped, and else is refused.
#[test]
fn destructors_of_thread_locals_leave_nothing_behind() {
    common::apart("destructors_of_thread_locals_leave_nothing_behind", |_| {
        rt::goroutine_local! {
            static LATE: RefCell<Option<Token>> = RefCell::new(None);
        }
        struct Uses(Tally, Arc<AtomicUsize>);
        impl Drop for Uses {
            fn drop(&mut self) {
                let token = self.0.token();
                let _ = LATE.try_with(move |late| *late.borrow_mut() = Some(token));
                self.1.fetch_add(1, Ordering::SeqCst);
            }
        }
        thread_local! {
            static BEFORE: RefCell<Option<Uses>> = const { RefCell::new(None) };
            static AFTER: RefCell<Option<Uses>> = const { RefCell::new(None) };
        }
        let (tally, ran) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
        let theirs = (tally.clone(), ran.clone());
        std::thread::spawn(move || {
            let uses = || Some(Uses(theirs.0.clone(), theirs.1.clone()));
            BEFORE.set(uses());
            NUMBER.with(|n| n.set(1));
            AFTER.set(uses());
        })
        .join()
        .unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 2);
        tally.assert_all_dropped();
    });
}

#[test]
fn an_initialiser_may_use_others_and_itself() {
    let _t = common::test();
    rt::goroutine_local! {
        static DEPTH: Cell<u32> = Cell::new(0);
        static BASE: u32 = NUMBER.with(Cell::get) + 1;
        static SELFISH: u32 = {
            DEPTH.with(|d| d.set(d.get() + 1));
            if DEPTH.with(Cell::get) < 3 { SELFISH.with(|s| *s) + 1 } else { 0 }
        };
    }
    runtime(1).run(|| {
        assert_eq!(BASE.with(|b| *b), 8);
        assert_eq!([SELFISH.with(|s| *s), SELFISH.with(|s| *s)], [2, 2]);
        let done = rt::spawn(|| BASE.with(|b| *b));
        eventually_yielding("it ends", || done.is_finished());
        assert_eq!(done.join().unwrap(), 8);
    });
}

/// As a thread local: the value that the outermost initialiser returns is the one there is, from then on.
#[test]
fn an_initialiser_inside_its_own_is_superseded() {
    let _t = common::test();
    rt::goroutine_local! {
        static TOKENS: RefCell<Vec<Token>> = RefCell::default();
        static INSIDE: Cell<bool> = Cell::new(false);
        static NESTED: (u32, Option<Token>) = {
            let token = TOKENS.with(|tokens| tokens.borrow_mut().pop());
            match INSIDE.with(|inside| inside.replace(true)) {
                true => (1, token),
                false => (NESTED.with(|nested| nested.0) + 1, token),
            }
        };
    }
    let check = || {
        let (inner, outer) = (Tally::default(), Tally::default());
        TOKENS.with(|tokens| *tokens.borrow_mut() = vec![inner.token(), outer.token()]);
        let seen = [NESTED.with(|nested| nested.0), NESTED.with(|nested| nested.0)];
        (seen, inner.dropped(), outer.dropped(), outer)
    };
    let joined = runtime(1).run(|| rt::spawn(check).join().unwrap());
    for (seen, inner, outer, tally) in [joined, std::thread::spawn(check).join().unwrap()] {
        assert_eq!((seen, inner, outer), ([2, 2], 1, 0));
        eventually("the outer one is dropped at the end", || tally.dropped() == 1);
    }
}

/// Nothing that the macro makes has a name that hides one of the user's.
#[test]
fn an_initialiser_calls_what_it_names() {
    fn init() -> u32 {
        7
    }
    fn name() -> u32 {
        8
    }
    rt::goroutine_local! {
        static INIT: u32 = init();
        static BOTH: u32 = { init() + name() };
    }
    assert_eq!((INIT.with(|x| *x), BOTH.with(|x| *x)), (7, 15));
}
