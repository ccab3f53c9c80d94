//! `SingleFlight`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, eventually, fail, runtime, seeded, text_of, turns};
use rt::JoinHandle;
use rt::chan::Chan;
use rt::sync::SingleFlight;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

type Flights = Arc<SingleFlight<&'static str, u32>>;

/// A goroutine that leads "k", and stays in its function until `go` says what to return.
fn leader(flights: &Flights, go: &Chan<u32>) -> JoinHandle<(u32, bool)> {
    let (flights, go) = (flights.clone(), go.clone());
    let begun = Chan::new(0);
    let inside = begun.clone();
    let handle = rt::spawn(move || {
        flights.run("k", || {
            inside.send(());
            go.recv().unwrap()
        })
    });
    begun.recv();
    handle
}

/// Goroutines that join "k" and would return `own`. On one processor they wait when this returns.
fn joiners(flights: &Flights, count: usize, own: u32) -> Vec<JoinHandle<(u32, bool)>> {
    let all = (0..count).map(|_| {
        let flights = flights.clone();
        rt::spawn(move || flights.run("k", || own))
    });
    let all = all.collect();
    rt::yield_now();
    all
}

#[test]
fn one_runs_for_all() {
    let _t = common::test();
    runtime(1).run(|| {
        let (flights, go) = (Flights::default(), Chan::new(0));
        for round in 0..3 {
            let leader = leader(&flights, &go);
            let others = joiners(&flights, 5, 999);
            assert_eq!(format!("{flights:?}"), "SingleFlight { running: 1 }");
            // Another key does not wait.
            assert_eq!(flights.run("other", || 1), (1, false));
            go.send(round);
            assert_eq!(leader.join().unwrap(), (round, true));
            for other in others {
                assert_eq!(other.join().unwrap(), (round, true));
            }
            // It is over: the next runs again, and alone.
            assert_eq!(flights.run("k", || 7), (7, false));
            assert_eq!(format!("{flights:?}"), "SingleFlight { running: 0 }");
        }
    });
}

#[test]
fn a_panic_reaches_every_caller() {
    let _t = common::test();
    runtime(1).run(|| {
        // With what the function panics, what its caller gets, and what the others get.
        type Case = (fn() -> u32, fn(&rt::JoinError) -> bool, &'static str);
        let cases: [Case; 3] = [
            (|| fail("text"), |e| format!("{e:?}").contains("text"), "text"),
            (|| fail("string".to_owned()), |e| format!("{e:?}").contains("string"), "string"),
            (|| fail(5_u32), JoinError::is_panic, "SingleFlight: the function panicked"),
        ];
        use rt::JoinError;
        for (f, is_it, text) in cases {
            let (flights, go) = (Flights::default(), Chan::new(0));
            let theirs = (flights.clone(), go.clone());
            let leader = rt::spawn(move || {
                theirs.0.run("k", || {
                    theirs.1.recv();
                    f()
                })
            });
            rt::yield_now();
            let caught: Vec<_> = (0..3)
                .map(|_| {
                    let flights = flights.clone();
                    rt::spawn(move || {
                        let run = AssertUnwindSafe(|| flights.run("k", || 1));
                        text_of(&*catch_unwind(run).unwrap_err())
                    })
                })
                .collect();
            rt::yield_now();
            go.send(0);
            let error = leader.join().unwrap_err();
            assert!(is_it(&error), "{error:?}");
            if text.starts_with("Single") {
                assert_eq!(*error.into_panic().downcast::<u32>().unwrap(), 5, "its own payload");
            }
            for caught in caught {
                assert_eq!(caught.join().unwrap(), text);
            }
            assert_eq!(flights.run("k", || 2), (2, false));
        }
    });
}

/// The type of a text stays: who looks for a `&str` finds one.
#[test]
fn the_payload_of_a_panic_has_the_same_type() {
    let _t = common::test();
    runtime(1).run(|| {
        let (flights, go) = (Flights::default(), Chan::<()>::new(0));
        let theirs = (flights.clone(), go.clone());
        let leader = rt::spawn(move || {
            theirs.0.run("k", || {
                theirs.1.recv();
                fail("static")
            })
        });
        rt::yield_now();
        let other = joiners(&flights, 1, 1).pop().unwrap();
        go.send(());
        for handle in [leader, other] {
            let payload = handle.join().unwrap_err().into_panic();
            assert_eq!(payload.downcast_ref::<&'static str>(), Some(&"static"));
        }
    });
}

#[test]
fn forget_begins_anew() {
    let _t = common::test();
    runtime(1).run(|| {
        let (flights, first, second) = (Flights::default(), Chan::new(0), Chan::new(0));
        flights.forget("k");
        let old = leader(&flights, &first);
        let with_old = joiners(&flights, 2, 999);
        flights.forget("k");
        let new = leader(&flights, &second);
        let with_new = joiners(&flights, 2, 999);
        // The old one ends first: what it takes away is not the new one.
        first.send(1);
        assert_eq!(old.join().unwrap(), (1, true));
        with_old.into_iter().for_each(|j| assert_eq!(j.join().unwrap(), (1, true)));
        let late = joiners(&flights, 1, 999);
        assert_eq!(format!("{flights:?}"), "SingleFlight { running: 1 }");
        second.send(2);
        assert_eq!(new.join().unwrap(), (2, true));
        with_new.into_iter().chain(late).for_each(|j| assert_eq!(j.join().unwrap(), (2, true)));
        assert_eq!(format!("{flights:?}"), "SingleFlight { running: 0 }");
    });
}

/// Who waited for one that is cut short runs its own function: one for all that are left.
#[test]
fn a_leader_that_is_cut_short_leaves_nobody_waiting() {
    let _t = common::test();
    runtime(1).run(|| {
        for exits in [false, true] {
            let (flights, go) = (Flights::default(), Chan::new(0));
            let leader = if exits {
                let theirs = (flights.clone(), go.clone());
                rt::spawn(move || {
                    theirs.0.run("k", || {
                        theirs.1.recv();
                        rt::task::exit()
                    })
                })
            } else {
                leader(&flights, &go)
            };
            rt::yield_now();
            let ran = Arc::new(AtomicUsize::new(0));
            let others: Vec<_> = (0..4)
                .map(|_| {
                    let (flights, ran) = (flights.clone(), ran.clone());
                    rt::spawn(move || {
                        flights.run("k", || {
                            ran.fetch_add(1, Ordering::Relaxed);
                            // The others come meanwhile.
                            (0..8).for_each(|_| rt::yield_now());
                            5
                        })
                    })
                })
                .collect();
            rt::yield_now();
            if exits {
                go.send(0);
            } else {
                leader.abort();
            }
            assert!(leader.join().unwrap_err().is_cancelled());
            others.into_iter().for_each(|j| assert_eq!(j.join().unwrap(), (5, true)));
            assert_eq!(ran.load(Ordering::Relaxed), 1);
            assert_eq!(format!("{flights:?}"), "SingleFlight { running: 0 }");
        }
    });
}

#[test]
fn a_waiter_that_is_cancelled_leaves_no_trace() {
    let _t = common::test();
    runtime(1).run(|| {
        let (flights, go) = (Flights::default(), Chan::new(0));
        let leader = leader(&flights, &go);
        let others = joiners(&flights, 3, 999);
        for other in others {
            other.abort();
            assert!(other.join().unwrap_err().is_cancelled());
        }
        go.send(4);
        assert_eq!(leader.join().unwrap(), (4, false), "nobody shares it");
    });
}

/// The runtime of the leader ends while a plain thread waits.
#[test]
fn threads_wait_and_go_on_when_the_runtime_stops() {
    let _t = common::test();
    for stops in [false, true] {
        let (flights, go) = (Flights::default(), Chan::new(0));
        let runtime = runtime(2);
        let leader = runtime.run(|| leader(&flights, &go));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let flights = flights.clone();
                thread::spawn(move || flights.run("k", || 9).0)
            })
            .collect();
        if stops {
            drop(runtime);
            assert!(leader.join().unwrap_err().is_cancelled());
            threads.into_iter().for_each(|t| assert_eq!(t.join().unwrap(), 9));
        } else {
            go.send(3);
            assert_eq!(leader.join().unwrap().0, 3);
            // One that was late ran its own.
            threads.into_iter().for_each(|t| assert!([3, 9].contains(&t.join().unwrap())));
        }
    }
}

#[test]
fn values_are_dropped() {
    let _t = common::test();
    runtime(1).run(|| {
        let (flights, tally) = (Arc::new(SingleFlight::new()), Tally::default());
        for joined in [0, 3] {
            let go = Chan::<()>::new(0);
            let all: Vec<_> = (0..=joined)
                .map(|_| {
                    let (flights, tally, go) = (Arc::clone(&flights), tally.clone(), go.clone());
                    rt::spawn(move || {
                        let run = || {
                            go.recv();
                            tally.token()
                        };
                        drop(flights.run("k", run));
                    })
                })
                .collect();
            rt::yield_now();
            go.send(());
            all.into_iter().for_each(|handle| handle.join().unwrap());
            tally.assert_all_dropped();
            // One for each caller, and one in the call, if it was shared.
            assert_eq!(tally.made(), if joined == 0 { 1 } else { 1 + 5 });
        }
    });
}

/// The clones are made by code of the user, which may give way, ask for the same key, or panic.
#[test]
fn clones_may_do_what_they_like() {
    let _t = common::test();
    struct Odd(Arc<SingleFlight<u8, Odd>>, u32);
    impl Clone for Odd {
        fn clone(&self) -> Self {
            rt::yield_now();
            // In flight, this would wait for itself.
            let (inner, _) = self.0.run(1, || Self(Arc::clone(&self.0), self.1 + 1));
            Self(Arc::clone(&self.0), inner.1)
        }
    }
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let flights = Arc::new(SingleFlight::new());
            rt::scope(|s| {
                for _ in 0..6 {
                    s.spawn(|| {
                        for _ in 0..turns(5, 20) {
                            let (value, _) = flights.run(0, || {
                                rt::yield_now();
                                Odd(Arc::clone(&flights), 0)
                            });
                            assert!(value.1 <= 20);
                        }
                    });
                }
            });
        });
    }
}

/// The key of another call, which ends just then, is dropped by who has put its own call in: nobody waits for that.
#[test]
fn a_key_whose_destructor_panics_leaves_nobody_waiting() {
    #[derive(Default)]
    struct Shared {
        compared: AtomicUsize,
        first: Mutex<Option<(Chan<()>, JoinHandle<()>)>>,
    }
    /// All have one hash. The second time that two are compared, the first call ends.
    struct Key(u32, Arc<Shared>);
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            if self.0 != other.0 && self.1.compared.fetch_add(1, Ordering::SeqCst) == 1 {
                let (go, first) = self.1.first.lock().unwrap().take().unwrap();
                go.close();
                first.join().unwrap();
            }
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl Drop for Key {
        fn drop(&mut self) {
            if self.0 == 1 {
                fail("of the first key");
            }
        }
    }
    let _t = common::test();
    runtime(2).run(|| {
        let (flights, shared) = (Arc::new(SingleFlight::new()), Arc::new(Shared::default()));
        let (go, begun) = (Chan::new(0), Chan::new(0));
        let theirs = (flights.clone(), go.clone(), begun.clone());
        let key = Key(1, shared.clone());
        let first = rt::spawn(move || {
            let leads = || {
                theirs.2.send(());
                theirs.1.recv();
            };
            assert_eq!(theirs.0.run(key, leads), ((), false));
        });
        begun.recv();
        *shared.first.lock().unwrap() = Some((go, first));
        let second = AssertUnwindSafe(|| flights.run(Key(2, shared.clone()), || ()));
        assert_eq!(text_of(&*catch_unwind(second).unwrap_err()), "of the first key");
        assert_eq!(format!("{flights:?}"), "SingleFlight { running: 0 }");
        let third = rt::spawn(move || flights.run(Key(2, shared), || ()));
        assert_eq!(third.join_timeout(Duration::from_secs(20)).unwrap(), ((), false));
    });
}

/// Random keys; functions that return, give way, panic, exit, or are aborted; callers that are.
#[test]
fn stress() {
    let t = common::test();
    seeded(&t.dog, turns(50, 300), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(4) as usize);
        let tally = Tally::default();
        let flights = Arc::new(SingleFlight::<u64, (u64, u64, common::Token)>::new());
        let keys = 1 + rng.below(3);
        // By key: whether a function runs, and the highest number that anybody has got.
        let inside: Arc<Vec<AtomicBool>> = Arc::new((0..keys).map(|_| false.into()).collect());
        let got: Arc<Vec<AtomicU64>> = Arc::new((0..keys).map(|_| 0.into()).collect());
        let numbers = Arc::new(AtomicU64::new(1));
        let forgets = rng.one_in(3);
        let actor = |seed: u64| {
            let (flights, tally) = (Arc::clone(&flights), tally.clone());
            let (inside, got) = (Arc::clone(&inside), Arc::clone(&got));
            let numbers = Arc::clone(&numbers);
            move || {
                struct Out<'a>(&'a AtomicBool);
                impl Drop for Out<'_> {
                    fn drop(&mut self) {
                        self.0.store(false, Ordering::SeqCst);
                    }
                }
                let mut rng = Rng::new(seed);
                let on_thread = rt::task::try_current().is_none();
                for _ in 0..30 {
                    let key = rng.below(keys);
                    if forgets && rng.one_in(5) {
                        flights.forget(&key);
                    }
                    let before = got[key as usize].load(Ordering::SeqCst);
                    let own = AtomicU64::new(0);
                    let (pauses, end) = (rng.below(4), rng.below(12));
                    let run = || {
                        let was = inside[key as usize].swap(true, Ordering::SeqCst);
                        assert!(!was || forgets, "two at a time");
                        let _out = Out(&inside[key as usize]);
                        (0..pauses).for_each(|_| rt::yield_now());
                        match end {
                            0 => fail("stress"),
                            1 if !on_thread => rt::task::exit(),
                            _ => {}
                        }
                        let number = numbers.fetch_add(1, Ordering::SeqCst);
                        own.store(number, Ordering::SeqCst);
                        (key, number, tally.token())
                    };
                    match catch_unwind(AssertUnwindSafe(|| flights.run(key, run))) {
                        Ok((value, shared)) => {
                            assert_eq!(value.0, key, "of another key");
                            let own = own.load(Ordering::SeqCst);
                            assert!(shared || own == value.1, "somebody else's, and not shared");
                            // Nobody had it when the caller came.
                            assert!(forgets || value.1 > before, "an old one");
                            got[key as usize].fetch_max(value.1, Ordering::SeqCst);
                        }
                        Err(payload) if payload.is::<&str>() => {
                            assert_eq!(text_of(&*payload), "stress");
                        }
                        Err(payload) => std::panic::resume_unwind(payload),
                    }
                }
            }
        };
        let thread = rng.one_in(2).then(|| thread::spawn(actor(rng.next())));
        let all: Vec<_> =
            (0..8).map(|_| (runtime.handle().spawn(actor(rng.next())), rng.one_in(4))).collect();
        for (actor, abort) in all {
            if abort {
                actor.abort();
            }
            if let Err(error) = actor.join() {
                assert!(error.is_cancelled(), "{error:?}");
            }
        }
        if let Some(thread) = thread {
            thread.join().unwrap();
        }
        assert_eq!(format!("{flights:?}"), "SingleFlight { running: 0 }");
        eventually("all dropped", || tally.made() == tally.dropped());
    });
}
