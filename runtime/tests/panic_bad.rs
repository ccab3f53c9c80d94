//! Frames and guards under bad treatment: destructors and payloads that panic, things that are forgotten.
#![allow(clippy::mem_forget, reason = "what comes of forgetting is a question here")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{OnDrop, Tally, child, everywhere, fail, is_child, runtime};
use rt::panic::{Panic, catch, frame, frame_named};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Its destructor panics.
#[derive(Debug)]
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            fail(self.0);
        }
    }
}

impl Default for Bomb {
    fn default() -> Self {
        Self("default")
    }
}

#[track_caller]
fn text<T>(result: Result<T, Panic>) -> String {
    match result {
        Ok(_) => panic!("it did not panic"),
        Err(panic) => panic.to_string(),
    }
}

#[test]
fn all_deferred_code_panics() {
    let _t = common::test();
    everywhere(|| {
        let ran = Cell::new(0);
        let caught = catch(|| {
            frame(|f| -> () {
                for i in 0..50 {
                    let ran = &ran;
                    f.defer(move |_| {
                        ran.set(ran.get() + 1);
                        fail(i)
                    });
                }
            })
        });
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 0);
        assert_eq!(ran.get(), 50);
    });
}

#[test]
fn what_deferred_code_owns_panics_in_its_drop() {
    let _t = common::test();
    everywhere(|| {
        let ran = Cell::new(false);
        let caught = catch(|| {
            frame(|f| {
                f.defer(|_| ran.set(true));
                let bomb = Bomb("owned");
                f.defer(move |_| {
                    let _bomb = &bomb;
                });
            })
        });
        assert_eq!(text(caught), "owned");
        assert!(ran.get());
    });
}

#[test]
fn a_result_panics_in_its_drop() {
    let _t = common::test();
    everywhere(|| {
        // The initial one, when the body returns another: that is the body's panic.
        let result = frame_named(Bomb("initial"), |f| {
            f.defer(|u| assert_eq!(u.recover().unwrap().message(), "initial"));
            Bomb("")
        });
        assert_eq!(result.0, "");
        // When the frame does not return it.
        let caught = catch(|| {
            frame_named(Bomb("left"), |f| -> Bomb {
                f.defer(|u| assert!(u.panicking()));
                fail("first")
            })
        });
        let panic = caught.map(std::mem::forget).unwrap_err();
        assert_eq!(panic.message(), "left");
        assert_eq!(panic.previous().unwrap().message(), "first");
    });
}

#[test]
fn a_payload_panics_in_its_drop() {
    let _t = common::test();
    // Superseded by an exit, nobody has it: the runtime drops it, and the goroutine's end is what it was.
    runtime(1).run(|| {
        let gone = rt::spawn(|| {
            frame(|f| -> () {
                f.defer(|_| rt::task::exit());
                fail(Bomb("payload"))
            })
        });
        assert!(gone.join().unwrap_err().is_cancelled());
    });
    everywhere(|| {
        // Recovered, it is the deferred code's own.
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|u| drop(u.recover()));
                fail(Bomb("payload"))
            })
        });
        assert_eq!(text(caught), "payload");
        // Superseded, it goes with who has the other.
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|_| fail("second"));
                fail(Bomb("payload"))
            })
        });
        assert_eq!(text(catch(|| drop(caught))), "payload");
    });
}

/// Several at a time: dropped one by one, also while another panic unwinds, and at the end of a goroutine.
#[test]
fn many_payloads_panic_in_their_drop() {
    fn bombs() {
        frame(|f| -> () {
            f.defer(|_| fail(Bomb("third")));
            f.defer(|_| fail(Bomb("second")));
            fail(Bomb("first"))
        })
    }
    let _t = common::test();
    everywhere(|| {
        let caught = catch(bombs).unwrap_err();
        assert_eq!(text(catch(|| drop(caught))), "third", "the newest one's");
        let caught = catch(bombs).unwrap_err();
        let unwound = catch(|| {
            let _caught = caught;
            fail("unwinds")
        });
        assert_eq!(text::<()>(unwound), "unwinds");
    });
    runtime(1).run(|| {
        let ends = rt::spawn(|| {
            for _ in 0..2 {
                let caught = std::panic::catch_unwind(bombs);
                std::mem::forget(caught);
            }
        });
        ends.join().unwrap();
    });
}

#[test]
fn frames_in_destructors() {
    let _t = common::test();
    everywhere(|| {
        let seen = Cell::new(0);
        let caught = catch(|| {
            let _guard = OnDrop(|| {
                let one = frame_named(0, |f| {
                    f.defer(|u| *u.result += i32::from(u.recover().is_some()));
                    f.defer(|_| fail("inner"));
                    rt::yield_now();
                    0
                });
                assert_eq!(text(catch(|| fail("caught"))), "caught");
                seen.set(one);
            });
            fail("outer")
        });
        let panic: Panic = caught.unwrap_err();
        assert_eq!(panic.message(), "outer");
        assert!(panic.previous().is_none());
        assert_eq!(seen.get(), 1);
    });
}

#[test]
fn guards_run_while_unwinding_and_their_panics_end_there() {
    let _t = common::test();
    everywhere(|| {
        let ran = Cell::new(0);
        let caught = catch(|| {
            rt::defer! { ran.set(ran.get() + 1) }
            rt::defer! { fail("in a guard") }
            rt::defer! {
                rt::yield_now();
                ran.set(ran.get() + 10);
            }
            fail("first")
        });
        assert_eq!(text(caught), "first");
        assert_eq!(ran.get(), 11);
        // Not unwinding, it is a panic like any other.
        let caught = catch(|| {
            rt::defer! { ran.set(ran.get() + 100) }
            rt::defer! { fail("in a guard") }
        });
        assert_eq!(text(caught), "in a guard");
        assert_eq!(ran.get(), 111);
    });
}

#[test]
fn guards_run_when_a_goroutine_exits() {
    let _t = common::test();
    static RAN: AtomicU32 = AtomicU32::new(0);
    runtime(2).run(|| {
        let gone = rt::spawn(|| {
            rt::defer! { RAN.fetch_add(1, Ordering::Relaxed) }
            rt::defer! { fail("in a guard") }
            rt::defer! { rt::task::exit() }
            rt::task::exit()
        });
        assert!(gone.join().unwrap_err().is_cancelled());
        assert_eq!(RAN.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn what_is_forgotten_is_leaked() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        frame(|f| -> () {
            let token = tally.token();
            f.defer(|u| std::mem::forget(u.recover()));
            f.defer(move |_| drop(token));
            fail("forgotten")
        });
        tally.assert_all_dropped();
        let caught = catch(|| frame(|_| -> () { fail(7) }));
        std::mem::forget(caught);
        assert_eq!(frame(|_| 5), 5);
    });
}

/// A plain `catch_unwind` claims nothing: what is known of its panics is not kept for ever, on a thread or a worker that
/// goes on.
#[test]
fn what_is_swallowed_is_not_kept() {
    let _t = common::test();
    fn panics(token: common::Token) {
        frame(|f| -> () {
            f.defer(|_| fail("second"));
            fail(token)
        })
    }
    fn swallow(tally: &Tally) {
        let token = tally.token();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics(token)));
        assert!(caught.is_err());
    }
    fn assert_few_are_kept(tally: &Tally) {
        let kept = tally.made() - tally.dropped();
        assert!(kept <= 20, "{kept} payloads are kept");
    }
    everywhere(|| {
        let tally = Tally::default();
        (0..200).for_each(|_| swallow(&tally));
        assert_few_are_kept(&tally);
        let tally = Tally::default();
        frame(|_| {
            (0..200).for_each(|_| swallow(&tally));
            assert_few_are_kept(&tally);
        });
        tally.assert_all_dropped();
        let tally = Tally::default();
        let pool = rt::pool::Pool::builder().capacity(1).no_purge().build().unwrap();
        for _ in 0..200 {
            let token = tally.token();
            let task = pool.spawn(move || panics(token)).unwrap();
            assert!(task.join().unwrap_err().is_panic());
        }
        assert_few_are_kept(&tally);
    });
}

#[test]
fn pinned_frames_stay_where_they_are() {
    let _t = common::test();
    runtime(2).run(|| {
        let _pin = rt::task::pin_thread();
        let before = std::thread::current().id();
        frame(|f| -> () {
            f.defer(move |u| {
                rt::yield_now();
                assert!(u.recover().is_some());
                rt::time::sleep(std::time::Duration::from_micros(100));
                assert_eq!(std::thread::current().id(), before);
            });
            rt::yield_now();
            fail(1)
        });
        // A pin that the unwinding drops.
        frame(|f| -> () {
            f.defer(|u| {
                rt::yield_now();
                assert!(u.recover().is_some());
            });
            let _pin = rt::task::pin_thread();
            fail(1)
        });
        assert_eq!(std::thread::current().id(), before);
    });
}

#[test]
fn frames_in_scopes_and_scopes_in_deferred_code() {
    let _t = common::test();
    runtime(2).run(|| {
        let sum = AtomicU32::new(0);
        let add = |n| {
            sum.fetch_add(n, Ordering::Relaxed);
        };
        frame(|f| -> () {
            f.defer(|u| {
                assert!(u.panicking());
                rt::scope(|s| {
                    for n in 1..=4 {
                        s.spawn(move || add(n));
                    }
                });
                assert!(u.recover().is_some());
            });
            rt::scope(|s| {
                s.spawn(|| frame(|f| f.defer(|_| add(10))));
                s.spawn(|| catch(|| -> () { fail(1) }).unwrap_err()).join().unwrap();
                fail("out of the scope")
            })
        });
        assert_eq!(sum.load(Ordering::Relaxed), 20);
    });
}

/// Rust's rule: a destructor that panics while a panic unwinds ends the process. What was held back is said first.
#[test]
fn a_destructor_that_panics_while_unwinding() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    let name = "a_destructor_that_panics_while_unwinding";
    if is_child(name) {
        runtime(1).run(|| {
            frame(|f| -> () {
                f.defer(|u| drop(u.recover()));
                let _panics = Panics;
                panic!("in the body");
            });
            eprintln!("beyond");
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(6), "{ended:#?}");
    ended.assert_says(&["panicked at runtime/tests/panic_bad.rs:"]);
    for text in [": in the body\n", ": in the destructor\n", "panic in a destructor during cleanup"]
    {
        assert_eq!(ended.stderr.matches(text).count(), 1, "{text}: {ended:#?}");
    }
    assert!(!ended.stderr.contains("beyond"), "{ended:#?}");
}

/// Whoever drops it goes on in the end.
#[test]
fn a_payload_that_panics_with_another_of_its_kind_when_it_is_dropped() {
    struct Endless;
    impl Drop for Endless {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(Endless));
        }
    }
    let name = "a_payload_that_panics_with_another_of_its_kind_when_it_is_dropped";
    if is_child(name) {
        let endless = || std::panic::resume_unwind(Box::new(Endless));
        runtime(1).run(|| {
            let pool = rt::pool::Pool::new(1).unwrap();
            pool.submit(endless).unwrap();
            assert_eq!(pool.spawn(|| 1).unwrap().join().unwrap(), 1);
            drop(rt::spawn(endless));
            assert_eq!(rt::spawn(|| 2).join().unwrap(), 2);
            let superseded = rt::spawn(move || {
                frame(|f| -> () {
                    f.defer(|_| rt::task::exit());
                    endless()
                })
            });
            assert!(superseded.join().unwrap_err().is_cancelled());
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    let said = ended.stderr.matches("the payload of a panic stays in memory").count();
    assert_eq!(said, 1, "{ended:#?}");
    assert!(!ended.stderr.contains("tests/panic_bad.rs"), "{ended:#?}");
}

/// Nor can a panic cross into C.
#[test]
fn a_panic_that_meets_a_foreign_frame() {
    extern "C" fn foreign() {
        panic!("below C");
    }
    let name = "a_panic_that_meets_a_foreign_frame";
    if is_child(name) {
        let _ = catch(|| foreign());
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(6), "{ended:#?}");
    ended.assert_says(&["below C", "cannot unwind"]);
}

/// A result that nobody reads is dropped by the last who has it: its panic is that one's.
#[test]
fn unread_results_whose_destructors_panic() {
    let _t = common::test();
    everywhere(|| {
        // The goroutine ends first: who drops the handle.
        let ended = rt::spawn(|| Bomb("ended"));
        common::eventually_yielding("it ends", || ended.is_finished());
        assert_eq!(text(catch(|| drop(ended))), "ended");
        let caught = catch(|| {
            rt::scope(|s| {
                let ended = s.spawn(|| Bomb("ended in a scope"));
                common::eventually_yielding("it ends", || ended.is_finished());
                drop(ended);
            });
        });
        assert_eq!(text(caught), "ended in a scope");

        // The handle is dropped first: the runtime, and it goes no further.
        let (tx, rx) = rt::chan::bounded::<()>(0);
        let before = rt::num_goroutines();
        let gate = rx.clone();
        drop(rt::spawn(move || (gate.recv().is_err(), Bomb("left"))));
        rt::scope(|s| {
            s.spawn(|| (rx.recv().is_err(), Bomb("left in a scope")));
            tx.close();
        });
        common::eventually_yielding("it ends", || rt::num_goroutines() <= before);
    });
}
