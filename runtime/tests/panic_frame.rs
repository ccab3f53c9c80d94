//! Go's rules for defer, panic and recover.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, everywhere, fail, runtime};
use rt::panic::{self, Panic, catch, frame, frame_named};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;

/// What happened, in order.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    #[track_caller]
    fn assert(&self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut *self.0.lock().unwrap()), expected);
    }
}

/// The payload that `f` unwinds with.
#[track_caller]
fn payload<T>(f: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

fn messages(panic: &Panic) -> Vec<String> {
    std::iter::successors(Some(panic), |panic| panic.previous()).map(Panic::to_string).collect()
}

#[test]
fn deferred_code_runs_last_in_first_out_after_the_result_is_set() {
    let _t = common::test();
    everywhere(|| {
        let log = Log::default();
        let result = frame_named(0, |f| {
            for i in 0..40 {
                f.defer({
                    let log = &log;
                    move |u| log.say(format!("{i}: {}", u.result))
                });
            }
            log.say("body");
            7
        });
        assert_eq!(result, 7);
        let mut expected = vec!["body".to_owned()];
        expected.extend((0..40).rev().map(|i| format!("{i}: 7")));
        assert_eq!(*log.0.lock().unwrap(), expected);
    });
}

#[test]
fn deferred_code_changes_the_result() {
    let _t = common::test();
    everywhere(|| {
        let two = frame_named(0, |f| {
            f.defer(|u| *u.result += 1);
            1
        });
        assert_eq!(two, 2);
        // The last deferred comes first.
        let result = frame(|f| {
            f.defer(|u| *u.result *= 10);
            f.defer(|u| *u.result += 1);
            4
        });
        assert_eq!(result, 50);
    });
}

#[test]
fn a_recovered_frame_returns_its_result_as_it_is() {
    let _t = common::test();
    everywhere(|| {
        let recovers = |u: &mut panic::Unwind<'_, i32>| drop(u.recover());
        let zero: i32 = frame(|f| {
            f.defer(recovers);
            fail(1)
        });
        assert_eq!(zero, 0);
        let initial = frame_named(5, |f| {
            f.defer(recovers);
            fail(1)
        });
        assert_eq!(initial, 5);
        let set = frame_named(5, |f| {
            f.defer(recovers);
            *f.result() += 1;
            fail(1)
        });
        assert_eq!(set, 6);
        let changed = frame_named(5, |f| {
            f.defer(|u| *u.result += 10);
            f.defer(|u| {
                if u.recover().is_some() {
                    *u.result = -1;
                }
            });
            fail(1)
        });
        assert_eq!(changed, 9, "what else was deferred runs after the recovery");
    });
}

#[test]
fn recover_gives_the_panic_once() {
    let _t = common::test();
    everywhere(|| {
        frame(|f| {
            f.defer(|u| {
                assert!(!u.panicking());
                assert!(u.recover().is_none(), "long recovered");
            });
            f.defer(|u| {
                assert!(u.panicking() && !u.exiting());
                let panic = u.recover().unwrap();
                assert!(!u.panicking());
                assert!(u.recover().is_none(), "recovered just now");
                assert_eq!(*panic.downcast::<i32>().unwrap(), 7);
            });
            f.defer(|u| assert!(u.panicking(), "looking does not recover"));
            fail(7)
        })
    });
}

#[test]
fn recover_without_a_panic_is_none() {
    let _t = common::test();
    everywhere(|| {
        frame(|f| {
            f.defer(|u| {
                assert!(!u.panicking() && !u.exiting());
                assert!(u.recover().is_none());
            });
        });
    });
}

#[test]
fn recover_is_of_the_frame_s_own_panic_alone() {
    let _t = common::test();
    everywhere(|| {
        // A frame within deferred code is a call of its own: it has no panic to recover.
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|_| {
                    frame(|f| {
                        f.defer(|u| assert!(u.recover().is_none()));
                    });
                });
                fail(3)
            });
        });
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 3);
    });
}

#[test]
fn a_panic_leaves_a_frame_with_its_payload() {
    let _t = common::test();
    everywhere(|| {
        let log = Log::default();
        let left = payload(|| {
            frame(|f| {
                f.defer(|u: &mut panic::Unwind<'_, ()>| log.say(format!("{}", u.panicking())));
                fail(vec![1, 2])
            })
        });
        assert_eq!(*left.downcast::<Vec<i32>>().unwrap(), [1, 2]);
        log.assert(&["true"]);
    });
}

#[test]
fn a_panic_that_leaves_a_frame_comes_out_of_join() {
    let _t = common::test();
    runtime(2).run(|| {
        let error = rt::spawn(|| {
            frame(|f| -> () {
                f.defer(|_| rt::yield_now());
                frame(|f| -> () {
                    f.defer(|_| rt::yield_now());
                    fail(7_u64)
                })
            })
        });
        let error = error.join().unwrap_err();
        assert!(error.is_panic());
        assert_eq!(*error.into_panic().downcast::<u64>().unwrap(), 7);
    });
}

#[test]
fn a_panic_in_deferred_code_supersedes_and_the_rest_runs() {
    let _t = common::test();
    everywhere(|| {
        let log = Log::default();
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|_| log.say("first deferred"));
                f.defer(|_| fail("third"));
                f.defer(|_| log.say("third deferred"));
                f.defer(|_| fail("second"));
                fail("first")
            })
        });
        log.assert(&["third deferred", "first deferred"]);
        let caught = caught.unwrap_err();
        assert_eq!(messages(&caught), ["third", "second", "first"]);
        let before = r#"[Panic { message: "second" }, Panic { message: "first" }]"#;
        let shown = format!(r#"Panic {{ message: "third", previous: {before} }}"#);
        assert_eq!(format!("{caught:?}"), shown);
    });
}

#[test]
fn recovering_gives_the_newest_with_what_it_superseded() {
    let _t = common::test();
    everywhere(|| {
        let seen = frame(|f| -> Vec<String> {
            f.defer(|u| assert!(u.recover().is_none()));
            f.defer(|u| *u.result = messages(&u.recover().unwrap()));
            f.defer(|_| fail("second"));
            fail("first")
        });
        assert_eq!(seen, ["second", "first"]);
    });
}

#[test]
fn recovering_in_a_nested_frame_lets_the_first_go_on() {
    let _t = common::test();
    everywhere(|| {
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|u| assert!(u.panicking()));
                f.defer(|_| {
                    let one = frame(|f| {
                        f.defer(|u| *u.result = i32::from(u.recover().is_some()));
                        fail("second")
                    });
                    assert_eq!(one, 1);
                });
                fail("first")
            })
        });
        assert_eq!(messages(&caught.unwrap_err()), ["first"]);
    });
}

#[test]
fn a_chain_that_leaves_a_frame_within_deferred_code_goes_on_top() {
    let _t = common::test();
    everywhere(|| {
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|_| {
                    frame(|f| -> () {
                        f.defer(|_| fail("third"));
                        fail("second")
                    })
                });
                fail("first")
            })
        });
        let caught = caught.unwrap_err();
        assert_eq!(messages(&caught), ["third", "second", "first"]);
        let before = r#"[Panic { message: "second" }, Panic { message: "first" }]"#;
        let shown = format!(r#"Panic {{ message: "third", previous: {before} }}"#);
        assert_eq!(format!("{caught:?}"), shown);
    });
}

#[test]
fn a_recovered_panic_is_in_the_chain_of_the_next() {
    let _t = common::test();
    everywhere(|| {
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|u| {
                    let first = u.recover().unwrap();
                    assert!(!first.is_recovered());
                    drop(first);
                    fail("second")
                });
                fail(String::from("first"))
            })
        });
        let second = caught.unwrap_err();
        assert_eq!(messages(&second), ["second", "first"]);
        let first = second.previous().unwrap();
        assert!(first.is_recovered() && !second.is_recovered());
        assert!(!first.is::<String>() && first.downcast_ref::<String>().is_none());
    });
}

#[test]
fn a_recovered_panic_is_no_more_when_its_deferred_code_is_over() {
    let _t = common::test();
    everywhere(|| {
        let caught = catch(|| {
            frame(|f| -> () {
                f.defer(|_| fail("second"));
                f.defer(|u| drop(u.recover()));
                fail("first")
            })
        });
        assert_eq!(messages(&caught.unwrap_err()), ["second"]);
    });
}

/// Another one, though it has the same text, or the payload lies where the first one's lay.
#[test]
fn a_recovered_panic_is_not_taken_for_the_next_of_its_kind() {
    let _t = common::test();
    everywhere(|| {
        for kind in 0..3 {
            let raise = move || -> () {
                match kind {
                    0 => fail("the same text"),
                    1 => fail(7_u32),
                    _ => fail(String::from("a text of its own")),
                }
            };
            let caught = catch(|| {
                frame(|f| -> () {
                    f.defer(move |u| {
                        drop(u.recover());
                        raise()
                    });
                    raise()
                })
            });
            let panic = caught.unwrap_err();
            assert_eq!(messages(&panic).len(), 2, "{kind}: {panic:?}");
            assert!(panic.previous().unwrap().is_recovered() && !panic.is_recovered());
        }
    });
}

#[test]
fn a_resumed_panic_is_the_same_panic() {
    let _t = common::test();
    everywhere(|| {
        for by_hand in [false, true] {
            let caught = catch(|| {
                frame(|f| -> () {
                    f.defer(move |u| {
                        let panic = u.recover().unwrap();
                        assert_eq!(messages(&panic), ["second", "first"]);
                        if by_hand {
                            std::panic::resume_unwind(panic.into_payload());
                        }
                        panic.resume()
                    });
                    f.defer(|_| fail("second"));
                    fail("first")
                })
            });
            assert_eq!(messages(&caught.unwrap_err()), ["second", "first"], "by hand: {by_hand}");
        }
    });
}

/// What a plain `catch_unwind` has swallowed is not in the chain of the next panic with the same text.
#[test]
fn what_was_swallowed_is_in_no_chain() {
    let _t = common::test();
    everywhere(|| {
        let fails = || {
            frame(|f| -> () {
                f.defer(|_| fail("second"));
                fail("first")
            })
        };
        let twice = || {
            let _swallowed = payload(fails);
            let panic = catch(fails).unwrap_err();
            assert_eq!(messages(&panic), ["second", "first"]);
        };
        twice();
        frame(|_| twice());
    });
}

#[test]
fn nested_frames_recover_where_they_are_asked_to() {
    let _t = common::test();
    everywhere(|| {
        let log = Log::default();
        let outer = frame_named("outer", |f| {
            f.defer(|_| log.say("outer"));
            let inner = frame_named("inner", |f| {
                f.defer(|u| {
                    log.say(u.recover().unwrap().message());
                });
                frame_named("innermost", |f| {
                    f.defer(|_| log.say("innermost"));
                    fail("up two")
                })
            });
            log.say(inner);
            inner
        });
        assert_eq!(outer, "inner");
        log.assert(&["innermost", "up two", "inner", "outer"]);
    });
}

#[test]
fn catch_returns_the_value_or_the_panic() {
    let _t = common::test();
    everywhere(|| {
        assert_eq!(catch(|| 7).unwrap(), 7);
        let panic = catch(|| -> () { fail(String::from("text")) }).unwrap_err();
        assert_eq!(panic.message(), "text");
        assert_eq!(panic.to_string(), "text");
        assert_eq!(format!("{panic:?}"), "Panic { message: \"text\" }");
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "text");
        let panic = panic.downcast::<i32>().unwrap_err();
        assert_eq!(*panic.into_payload().downcast::<String>().unwrap(), "text");
        let odd = catch(|| -> () { fail(7) }).unwrap_err();
        assert_eq!(odd.message(), "(a payload that is no text)");
        assert!(odd.is::<i32>());
        // As an error of whatever kind.
        let boxed: Box<dyn std::error::Error + Send + Sync> = odd.into();
        assert!(boxed.downcast::<Panic>().unwrap().is::<i32>());
    });
}

/// Deferred code runs when the unwinding has been caught: it waits as any code does, and moves.
#[test]
fn deferred_code_blocks_and_migrates() {
    let _t = common::test();
    runtime(4).run(|| {
        let all: Vec<_> = (0..200)
            .map(|i| {
                rt::spawn(move || {
                    frame(|f| -> u32 {
                        f.defer(move |u| {
                            assert!(!std::thread::panicking());
                            assert_eq!(u.recover().map(|p| *p.downcast::<u32>().unwrap()), Some(i));
                            for _ in 0..20 {
                                rt::yield_now();
                                assert!(!std::thread::panicking());
                            }
                            let ch = rt::chan::Chan::new(0);
                            rt::go!(ch => ch.send(i));
                            *u.result = ch.recv().unwrap();
                        });
                        rt::yield_now();
                        fail(i)
                    })
                })
            })
            .collect();
        for (i, handle) in (0..).zip(all) {
            assert_eq!(handle.join().unwrap(), i);
        }
    });
}

/// The counts of threads stay right: nobody's lock is poisoned, whoever panicked where.
#[test]
fn no_thread_is_left_panicking() {
    let _t = common::test();
    let runtime = runtime(4);
    runtime.run(|| {
        let all: Vec<_> = (0..300)
            .map(|i| {
                rt::spawn(move || {
                    for _ in 0..10 {
                        frame(|f| -> () {
                            f.defer(|u| {
                                rt::yield_now();
                                assert!(u.recover().is_some());
                                rt::yield_now();
                            });
                            rt::yield_now();
                            if i % 2 == 0 {
                                fail(1)
                            } else {
                                let () = panic::catch(|| fail(2)).unwrap();
                            }
                        });
                        rt::yield_now();
                        assert!(!std::thread::panicking());
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|h| {
            if let Err(error) = h.join() {
                std::panic::resume_unwind(error.into_panic());
            }
        });
        let lock = Mutex::new(());
        for _ in 0..100 {
            rt::yield_now();
            drop(lock.lock().unwrap());
        }
    });
}

#[test]
fn frames_hold_any_closures() {
    let _t = common::test();
    #[repr(align(64))]
    struct Aligned(u8);
    everywhere(|| {
        let tally = Tally::default();
        let sum = Cell::new(0);
        frame(|f| {
            let sum = &sum;
            let (big, small, aligned, name) =
                ([1_u64; 40], 2_u8, Aligned(3), (tally.token(), String::from("four")));
            f.defer(move |_| sum.set(sum.get() + big.iter().sum::<u64>()));
            f.defer(move |_| sum.set(sum.get() * 2 + u64::from(small)));
            f.defer(move |_| {
                let at = &raw const aligned;
                assert_eq!(at.addr() % 64, 0);
                sum.set(sum.get() * 3 + u64::from(aligned.0));
            });
            f.defer(move |_| sum.set(sum.get() + name.1.len() as u64));
            f.defer(|_| ());
        });
        // ((4 * 3 + 3) * 2 + 2) + 40
        assert_eq!(sum.get(), 72);
        tally.assert_all_dropped();
    });
}

#[test]
fn ten_thousand_are_deferred() {
    let _t = common::test();
    everywhere(|| {
        let order = RefCell::new(Vec::new());
        frame(|f| {
            for i in 0..10_000 {
                let order = &order;
                f.defer(move |_| order.borrow_mut().push(i));
            }
        });
        assert!(order.into_inner().into_iter().eq((0..10_000).rev()));
    });
}

/// The chain of ten thousand is shown and dropped without that many frames on the stack.
#[test]
fn ten_thousand_panic() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        let caught = catch(|| {
            frame(|f| -> () {
                for _ in 0..10_000 {
                    let token = tally.token();
                    f.defer(move |_| fail(token));
                }
            })
        });
        let panic = caught.unwrap_err();
        assert_eq!(messages(&panic).len(), 10_000);
        // On a stack that is not main's.
        let shows = rt::spawn(move || [format!("{panic:?}"), format!("{panic:#?}")]);
        for shown in shows.join().unwrap() {
            assert_eq!(shown.matches("Panic {").count(), 10_000);
        }
        tally.assert_all_dropped();
    });
}

#[test]
fn two_frames_may_be_swapped() {
    let _t = common::test();
    everywhere(|| {
        let log = Log::default();
        frame(|outer| {
            outer.defer(|_| log.say("of the outer"));
            frame(|inner| {
                inner.defer(|_| log.say("of the inner"));
                std::mem::swap(outer, inner);
            });
            log.say("between");
        });
        log.assert(&["of the outer", "between", "of the inner"]);
    });
}
