//! `Once` and `OnceLock`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Rng, Tally, apart, eventually, fail, panic_text, runtime};
use rt::chan::Chan;
use rt::sync::{Once, OnceLock};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn on_some(f: impl Fn(usize) + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(|| f(procs));
    }
}

const INSIDE: &str = "Once: called from inside its own call";

#[test]
fn many_call_and_one_is_called() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        for round in 0..50 {
            let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
            let call = || {
                let shared = shared.clone();
                move || {
                    shared.0.call_once(|| {
                        if round % 2 == 0 {
                            rt::yield_now();
                        }
                        shared.1.fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(shared.0.is_completed());
                    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
                }
            };
            let goroutines: Vec<_> = (0..8).map(|_| runtime.handle().spawn(call())).collect();
            let outside = thread::spawn(call());
            goroutines.into_iter().for_each(|g| g.join().unwrap());
            outside.join().unwrap();
            shared.0.call_once(|| unreachable!("it was called"));
        }
    }
}

/// A call that unwinds does not count: one of those that wait is next.
#[test]
fn a_call_that_unwinds_does_not_count() {
    let _t = common::test();
    on_some(|_| {
        for abort in [false, true] {
            let once = Arc::new(OnceLock::new());
            let (about, go) = (Chan::new(0), Chan::<()>::new(0));
            let first = {
                let (once, about, go) = (once.clone(), about.clone(), go.clone());
                rt::spawn(move || {
                    once.get_or_init(|| {
                        about.send(());
                        go.recv();
                        fail("in the initializer")
                    });
                })
            };
            about.recv();
            let waiters: Vec<_> = (0..5)
                .map(|i| {
                    let once = once.clone();
                    rt::spawn(move || *once.get_or_init(|| i))
                })
                .collect();
            let outside = {
                let once = once.clone();
                thread::spawn(move || *once.wait())
            };
            rt::time::sleep(Duration::from_micros(200));
            assert_eq!(once.get(), None);
            assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
            if abort {
                first.abort();
            } else {
                go.close();
            }
            let error = first.join().unwrap_err();
            assert_eq!((error.is_cancelled(), error.is_panic()), (abort, !abort));
            let values: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
            assert!(values.iter().all(|value| value == once.get().unwrap()), "{values:?}");
            assert_eq!(outside.join().unwrap(), *once.get().unwrap());
        }
    });
    // On a thread.
    let once = Once::new();
    let payload = catch_unwind(AssertUnwindSafe(|| once.call_once(|| fail("on purpose"))));
    assert_eq!(common::text_of(&*payload.unwrap_err()), "on purpose");
    assert!(!once.is_completed());
    once.call_once(|| ());
    assert!(once.is_completed());
}

/// As one that unwinds: it does not count, and one of those that wait is next. The error goes to who made the call, and to nobody else.
#[test]
fn an_initializer_that_fails_does_not_count() {
    let _t = common::test();
    on_some(|_| {
        for outside in [false, true] {
            let lock = Arc::new(OnceLock::new());
            let (about, go) = (Chan::new(0), Chan::<()>::new(0));
            let first = {
                let (lock, about, go) = (lock.clone(), about.clone(), go.clone());
                move || {
                    let made = lock.get_or_try_init(|| {
                        about.send(());
                        go.recv();
                        Err::<u32, _>(String::from("in vain"))
                    });
                    made.copied()
                }
            };
            let first: Box<dyn FnOnce() -> Result<u32, String>> = if outside {
                let thread = thread::spawn(first);
                Box::new(move || thread.join().unwrap())
            } else {
                let handle = rt::spawn(first);
                Box::new(move || handle.join().unwrap())
            };
            about.recv();
            // The first of these fails, too; the others find that or its successor at it.
            let calls = Arc::new(AtomicUsize::new(0));
            let waiters: Vec<_> = (0..6)
                .map(|_| {
                    let (lock, calls) = (lock.clone(), calls.clone());
                    rt::spawn(move || {
                        let made = lock.get_or_try_init(|| {
                            rt::yield_now();
                            match calls.fetch_add(1, Ordering::SeqCst) {
                                0 => Err("the second"),
                                n => Ok(n as u32),
                            }
                        });
                        made.copied()
                    })
                })
                .collect();
            rt::yield_now();
            assert_eq!(lock.get(), None);
            go.close();
            assert_eq!(first(), Err(String::from("in vain")));
            let mut made: Vec<_> = waiters.into_iter().map(|g| g.join().unwrap()).collect();
            made.sort();
            assert_eq!(made[..5], [Ok(1); 5]);
            assert_eq!(made[5], Err("the second"));
            assert_eq!((lock.get(), calls.load(Ordering::SeqCst)), (Some(&1), 2));
            assert_eq!(lock.get_or_try_init(|| Err::<u32, ()>(())), Ok(&1));
        }
    });
    // Nothing is lost, and nothing there twice.
    let tally = Tally::default();
    let lock = OnceLock::new();
    assert!(lock.get_or_try_init(|| Err(tally.token())).is_err());
    assert!(lock.get_or_try_init(|| Ok::<_, ()>(tally.token())).is_ok());
    assert!(lock.get_or_try_init(|| Err(tally.token())).is_ok());
    drop(lock);
    tally.assert_all_dropped();
    let lock = OnceLock::new();
    let inside =
        || lock.get_or_try_init(|| lock.get_or_try_init(|| Ok::<_, ()>(1)).copied()).copied();
    assert_eq!(panic_text(inside), INSIDE);
    assert_eq!(lock.get_or_try_init(|| Ok::<_, ()>(2)), Ok(&2));
}

#[test]
fn a_call_from_inside_panics() {
    let _t = common::test();
    let check = || {
        let once = Once::new();
        assert_eq!(panic_text(|| once.call_once(|| once.call_once(|| ()))), INSIDE);
        assert_eq!(panic_text(|| once.call_once(|| once.wait())), INSIDE);
        // It is caught inside: the call counts.
        once.call_once(|| drop(panic_text(|| once.call_once(|| ()))));
        assert!(once.is_completed());
        let lock = OnceLock::new();
        assert_eq!(panic_text(|| *lock.get_or_init(|| *lock.get_or_init(|| 1))), INSIDE);
        assert_eq!(panic_text(|| *lock.get_or_init(|| lock.set(1).map_or(2, |()| 3))), INSIDE);
        assert_eq!(*lock.get_or_init(|| 4), 4);
    };
    check();
    on_some(|_| check());
}

#[test]
fn a_value_is_what_it_is() {
    let _t = common::test();
    static NAME: OnceLock<String> = OnceLock::new();
    static START: Once = Once::new();
    START.call_once(|| ());
    assert_eq!(format!("{START:?} {:?}", Once::default()), {
        "Once { is_completed: true } Once { is_completed: false }"
    });
    assert_eq!(format!("{NAME:?}"), "OnceLock(<empty>)");
    assert_eq!(NAME.set("a".into()), Ok(()));
    assert_eq!(NAME.set("b".into()), Err("b".into()));
    assert_eq!(format!("{NAME:?}"), "OnceLock(\"a\")");
    assert_eq!(NAME.wait(), "a");
    let mut copy = NAME.clone();
    assert_eq!(copy, NAME);
    copy.get_mut().unwrap().push('c');
    assert_ne!(copy, NAME);
    assert_eq!(copy.take(), Some("ac".into()));
    assert_eq!((copy.get(), copy.clone().into_inner()), (None, None));
    assert_eq!((copy.take(), copy.get_mut()), (None, None));
    // Empty, it can be set again.
    assert_eq!(copy.get_or_init(|| "d".into()), "d");
    assert_eq!(OnceLock::from(5).into_inner(), Some(5));
}

#[test]
fn every_value_is_dropped_once() {
    let _t = common::test();
    let tally = Tally::default();
    let mut lock = OnceLock::new();
    assert!(lock.set(tally.token()).is_ok());
    drop(lock.set(tally.token()).unwrap_err());
    assert_eq!(tally.dropped(), 1);
    drop(lock.take());
    lock.get_or_init(|| tally.token());
    drop(lock);
    drop(OnceLock::from(tally.token()).into_inner());
    drop(OnceLock::<common::Token>::new());
    tally.assert_all_dropped();
    // An initializer that unwinds with one.
    let lock = OnceLock::new();
    let payload = catch_unwind(AssertUnwindSafe(|| {
        lock.get_or_init(|| {
            let _token = tally.token();
            fail("in the initializer")
        });
    }));
    drop(payload.unwrap_err());
    assert!(lock.get().is_none());
    tally.assert_all_dropped();
    drop::<OnceLock<()>>(lock);
}

#[test]
fn set_waits_for_the_initializer() {
    let _t = common::test();
    runtime(1).run(|| {
        let (once, go) = (Arc::new(OnceLock::new()), Chan::<()>::new(0));
        let (theirs, gone) = (once.clone(), go.clone());
        let first = rt::spawn(move || {
            *theirs.get_or_init(|| {
                gone.recv();
                1
            })
        });
        rt::yield_now();
        let theirs = once.clone();
        let second = rt::spawn(move || theirs.set(2));
        rt::yield_now();
        assert!(!second.is_finished());
        go.close();
        assert_eq!(first.join().unwrap(), 1);
        assert_eq!(second.join().unwrap(), Err(2));
    });
}

#[test]
fn an_abort_ends_the_wait_and_leaves_no_trace() {
    let _t = common::test();
    on_some(|_| {
        let (tally, once) = (Tally::default(), Arc::new(OnceLock::<u32>::new()));
        let (about, go) = (Chan::new(0), Chan::<()>::new(0));
        let first = {
            let (once, about, go) = (once.clone(), about.clone(), go.clone());
            rt::spawn(move || {
                *once.get_or_init(|| {
                    about.send(());
                    go.recv();
                    1
                })
            })
        };
        about.recv();
        let waiters: Vec<_> = (0..6)
            .map(|i| {
                let (once, token) = (once.clone(), tally.token());
                rt::spawn(move || {
                    let _token = token;
                    if i < 3 { *once.wait() } else { *once.get_or_init(|| 2) }
                })
            })
            .collect();
        rt::time::sleep(Duration::from_micros(200));
        for (i, waiter) in waiters.into_iter().enumerate() {
            if i % 2 == 0 {
                waiter.abort();
                assert!(waiter.join().unwrap_err().is_cancelled());
            }
        }
        go.close();
        assert_eq!(first.join().unwrap(), 1);
        common::eventually_yielding("the others return", || tally.dropped() == 6);
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let _t = common::test();
    let (tally, once) = (Tally::default(), Arc::new(OnceLock::<u32>::new()));
    let runtime = runtime(2);
    let waiting = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let (once, token, waiting) = (once.clone(), tally.token(), waiting.clone());
        runtime.handle().spawn(move || {
            let _token = token;
            waiting.fetch_add(1, Ordering::SeqCst);
            once.get_or_init(|| {
                Chan::<()>::nil().recv();
                1
            });
        });
    }
    eventually("all wait", || waiting.load(Ordering::SeqCst) == 4);
    drop(runtime);
    tally.assert_all_dropped();
    assert_eq!(*once.get_or_init(|| 2), 2);
}

/// Initializers that fail, yield, or are aborted, and others that wait for them.
/// `RT_STRESS_SEED` replays one.
#[test]
fn stress() {
    let t = common::test();
    let rounds = if cfg!(debug_assertions) { 40 } else { 400 };
    let first = std::env::var("RT_STRESS_SEED").ok().and_then(|seed| seed.parse().ok());
    for round in 0..rounds {
        let seed = first.unwrap_or_else(|| u64::from(std::process::id()) << 20 | round);
        common::note(seed);
        t.dog.pet();
        round_of_stress(seed);
    }
}

fn round_of_stress(seed: u64) {
    let mut rng = Rng::new(seed);
    let runtime = runtime(1 + rng.below(4) as usize);
    let tally = Tally::default();
    let shared = Arc::new((OnceLock::new(), AtomicUsize::new(0)));
    let actor = |mut rng: Rng| {
        let (shared, tally) = (shared.clone(), tally.clone());
        move || {
            let tried = catch_unwind(AssertUnwindSafe(|| {
                shared.0.get_or_init(|| {
                    assert_eq!(shared.1.fetch_add(1, Ordering::SeqCst), 0, "two at it");
                    let token = tally.token();
                    let end = common::OnDrop(|| _ = shared.1.fetch_sub(1, Ordering::SeqCst));
                    match rng.below(4) {
                        0 => rt::yield_now(),
                        1 => rt::time::sleep(Duration::from_micros(rng.below(50))),
                        2 => fail("on purpose"),
                        _ => {}
                    }
                    drop(end);
                    token
                });
            }));
            match tried {
                Ok(()) => assert!(shared.0.get().is_some()),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
    };
    let goroutines: Vec<_> =
        (0..8).map(|_| runtime.handle().spawn(actor(Rng::new(rng.next())))).collect();
    let outside = thread::spawn(actor(Rng::new(rng.next())));
    for goroutine in goroutines {
        if rng.one_in(3) {
            goroutine.abort();
        }
        let _ = goroutine.join();
    }
    let _ = outside.join();
    drop(runtime);
    assert_eq!(shared.1.load(Ordering::SeqCst), 0, "seed {seed}");
    shared.0.get_or_init(|| tally.token());
    drop(shared);
    tally.assert_all_dropped();
}

/// When a thread's own slot is gone, it borrows one: its own for as long as the call takes, and nobody else's.
#[test]
fn in_the_last_destructors_of_a_thread() {
    type Call = Box<dyn FnOnce()>;
    struct Last(RefCell<Option<Call>>);
    impl Drop for Last {
        fn drop(&mut self) {
            if let Some(f) = self.0.take() {
                f();
            }
        }
    }
    thread_local! {
        static LAST: Last = const { Last(RefCell::new(None)) };
    }
    /// Calls `f` in a destructor that comes after rt's own: it was there before.
    fn at_the_end(f: impl FnOnce() + Send + 'static) {
        let thread = thread::spawn(move || {
            LAST.with(|last| *last.0.borrow_mut() = Some(Box::new(f)));
            Once::new().call_once(|| ());
        });
        thread.join().unwrap();
    }
    apart("in_the_last_destructors_of_a_thread", |_| {
        let (once, place) = (Arc::new(Once::new()), Arc::new(Mutex::new(None)));
        let (called, stranger) = (once.clone(), place.clone());
        at_the_end(move || {
            called.clone().call_once(|| {
                let other = thread::spawn(move || called.call_once(|| unreachable!("it runs")));
                // If it took the caller's slot for its own, it would not wait, and panic by then.
                let patience = std::time::Instant::now() + Duration::from_millis(300);
                while !other.is_finished() && std::time::Instant::now() < patience {
                    thread::sleep(Duration::from_millis(1));
                }
                *stranger.lock().unwrap() = Some(other);
            });
        });
        assert!(once.is_completed());
        place.lock().unwrap().take().expect("it was called").join().unwrap();
        // And it is known inside of its own call.
        let (once, said) = (Once::new(), Arc::new(Mutex::new(String::new())));
        let says = said.clone();
        at_the_end(move || {
            let text = panic_text(|| once.call_once(|| once.call_once(|| ())));
            *says.lock().unwrap() = text;
        });
        assert_eq!(*said.lock().unwrap(), INSIDE);
    });
}
