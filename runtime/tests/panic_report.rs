//! What standard error says of panics in frames, with the hook and without; in processes of their own.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Ended, OnDrop, child, is_child, runtime};
use rt::chan::Chan;
use rt::panic::{Panic, catch, frame};
use rt::pool::Pool;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Plays `scenario` in a process of its own; `check` sees what it left. Line numbers are replaced by `N`.
#[track_caller]
fn says(name: &str, scenario: impl FnOnce(), expected: &[&str]) {
    if is_child(name) {
        scenario();
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    assert_eq!(lines(&ended), expected, "{ended:#?}");
}

/// The lines, without the numbers of goroutines, lines and columns.
fn lines(ended: &Ended) -> Vec<String> {
    ended.stderr.lines().map(without_numbers).collect()
}

fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            while chars.next_if(char::is_ascii_digit).is_some() {}
            out.push('N');
        } else {
            out.push(c);
        }
    }
    out
}

fn swallow(f: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

const AT: &str = "panicked at runtime/tests/panic_report.rs:N:N:";
const SPAWNED: &str = "    spawned at runtime/tests/panic_report.rs:N:N";

#[test]
fn what_is_recovered_is_not_said() {
    says(
        "what_is_recovered_is_not_said",
        || {
            let scenario = || {
                frame(|f| -> () {
                    f.defer(|u| assert!(u.recover().is_some()));
                    f.defer(|_| panic!("second"));
                    panic!("first")
                });
                assert!(catch(|| panic!("caught")).is_err());
            };
            runtime(1).run(scenario);
            scenario();
        },
        &[],
    );
}

#[test]
fn a_panic_that_leaves_the_last_frame_is_said_once_with_its_chain() {
    says(
        "a_panic_that_leaves_the_last_frame_is_said_once_with_its_chain",
        || {
            runtime(1).run(|| {
                let worker = rt::task::Builder::new().name("worker").spawn(|| {
                    frame(|f| -> () {
                        f.defer(|_| rt::yield_now());
                        frame(|f| -> () {
                            f.defer(|_| panic!("third"));
                            f.defer(|u| {
                                drop(u.recover());
                                panic!("second")
                            });
                            panic!("first")
                        })
                    })
                });
                assert!(worker.unwrap().join().unwrap_err().is_panic());
            });
        },
        &[
            &format!("goroutine N 'worker' {AT} third"),
            "    after the panic at runtime/tests/panic_report.rs:N:N: second",
            "    after the panic at runtime/tests/panic_report.rs:N:N: first [recovered]",
            SPAWNED,
        ],
    );
}

#[test]
fn without_the_hook_the_chain_is_said_at_the_end() {
    let name = "without_the_hook_the_chain_is_said_at_the_end";
    if is_child(name) {
        let runtime = rt::Runtime::builder().procs(1).build().unwrap();
        runtime.run(|| {
            let worker = rt::task::Builder::new().name("worker").spawn(|| {
                frame(|f| -> () {
                    f.defer(|_| panic!("second"));
                    panic!("first")
                })
            });
            let error = worker.unwrap().join().unwrap_err();
            assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"second"));
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    let lines = lines(&ended);
    let ours = lines.iter().position(|line| line.starts_with("goroutine")).unwrap();
    let spawned = SPAWNED.trim_start();
    assert_eq!(
        lines[ours..],
        [
            format!("goroutine N 'worker' panicked: second ({spawned})"),
            "    after the panic: first".to_owned()
        ]
    );
    assert_eq!(ended.stderr.matches("thread 'rt-0'").count(), 2, "std's own: {ended:#?}");
}

#[test]
fn on_a_plain_thread() {
    says(
        "on_a_plain_thread",
        || {
            let _runtime = runtime(1);
            let thread = std::thread::Builder::new().name("plain".to_owned()).spawn(|| {
                frame(|f| -> () {
                    f.defer(|_| panic!("second"));
                    panic!("first")
                })
            });
            assert!(thread.unwrap().join().is_err());
        },
        &[
            &format!("thread 'plain' {AT} second"),
            "    after the panic at runtime/tests/panic_report.rs:N:N: first",
        ],
    );
}

#[test]
fn a_plain_catch_is_as_ever() {
    says(
        "a_plain_catch_is_as_ever",
        || {
            runtime(1).run(|| {
                swallow(|| panic!("outside"));
                eprintln!("then");
                // Within a frame it is known when that ends.
                frame(|f| {
                    f.defer(|_| eprintln!("deferred"));
                    swallow(|| panic!("inside"));
                    rt::yield_now();
                });
                eprintln!("then");
                // Or when the next one comes.
                let caught = catch(|| {
                    swallow(|| panic!("one"));
                    eprintln!("between");
                    panic!("two")
                });
                assert_eq!(caught.unwrap_err().message(), "two");
            });
        },
        &[
            &format!("goroutine N {AT} outside"),
            SPAWNED,
            "then",
            "deferred",
            &format!("goroutine N {AT} inside"),
            SPAWNED,
            "then",
            "between",
            &format!("goroutine N {AT} one"),
            SPAWNED,
            &format!("goroutine N {AT} two"),
            SPAWNED,
        ],
    );
}

#[test]
fn a_panic_in_a_destructor_that_runs_while_unwinding() {
    says(
        "a_panic_in_a_destructor_that_runs_while_unwinding",
        || {
            runtime(1).run(|| {
                let caught = catch(|| -> () {
                    let _guard = OnDrop(|| swallow(|| panic!("inner")));
                    panic!("outer")
                });
                assert_eq!(caught.unwrap_err().message(), "outer");
                // In a frame of its own it is that frame's.
                let caught = catch(|| -> () {
                    let _guard = OnDrop(|| assert!(catch(|| panic!("unsaid")).is_err()));
                    panic!("unsaid")
                });
                assert_eq!(caught.unwrap_err().message(), "unsaid");
                // A guard keeps its own.
                let caught = catch(|| -> () {
                    rt::defer! { panic!("in a guard") }
                    panic!("unwinds")
                });
                assert_eq!(caught.unwrap_err().message(), "unwinds");
                let exits = rt::spawn(|| {
                    frame(|_| -> () {
                        rt::defer! { panic!("in a guard") }
                        rt::task::exit()
                    })
                });
                assert!(exits.join().unwrap_err().is_cancelled());
            });
        },
        &[
            &format!("goroutine N {AT} outer"),
            SPAWNED,
            &format!("goroutine N {AT} inner"),
            SPAWNED,
            &format!("goroutine N {AT} unwinds"),
            SPAWNED,
            &format!("goroutine N {AT} in a guard"),
            SPAWNED,
            &format!("goroutine N {AT} in a guard"),
            SPAWNED,
        ],
    );
}

#[test]
fn resumed_outside_it_is_said_then() {
    says(
        "resumed_outside_it_is_said_then",
        || {
            runtime(1).run(|| {
                let panic = catch(|| -> () { panic!("kept") }).unwrap_err();
                eprintln!("not yet");
                let error = rt::spawn(|| panic.resume()).join().unwrap_err();
                assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"kept"));
                // Past the hook, nothing is said, as always.
                let silent = rt::spawn(|| frame(|_| -> () { common::fail("silent") }));
                assert!(silent.join().is_err());
            });
        },
        &["not yet", &format!("goroutine N {AT} kept"), SPAWNED],
    );
}

#[test]
fn with_the_hook_the_place_is_known() {
    #[track_caller]
    fn is_here(panic: &Panic, line: u32) {
        let at = panic.location().unwrap();
        assert!(at.file().ends_with("tests/panic_report.rs"), "{at}");
        assert_eq!(at.line(), line, "{at}");
        assert!(at.column() > 1 && at.to_string().ends_with(&format!(":{}", at.column())));
    }
    fn scenario() {
        let line = line!() + 1;
        let panic = catch(|| -> () { panic!("formatted {}", 1) }).unwrap_err();
        is_here(&panic, line);
        // A payload that is no text, over a switch in deferred code.
        let odd = line!() + 1;
        let panic = catch(|| -> () { std::panic::panic_any(7_u8) }).unwrap_err();
        is_here(&panic, odd);
        // Out of several frames, with a chain, and resumed.
        let first = line!() + 9;
        let panic = catch(|| {
            frame(|f| -> () {
                f.defer(|u| u.recover().unwrap().resume());
                frame(|f| -> () {
                    f.defer(|_| {
                        rt::yield_now();
                        panic!("second")
                    });
                    panic!("first")
                })
            })
        });
        let panic = panic.unwrap_err();
        is_here(&panic, first - 2);
        is_here(panic.previous().unwrap(), first);
        // By hand, through a plain catch.
        let plain = line!() + 1;
        let caught = catch(|| catch_unwind(|| panic!("by hand")).map_err(Panic::new));
        is_here(&caught.unwrap().unwrap_err(), plain);
    }
    let name = "with_the_hook_the_place_is_known";
    if is_child(name) {
        let runtime = runtime(2);
        let all: Vec<_> = (0..50).map(|_| runtime.handle().spawn(scenario)).collect();
        all.into_iter().for_each(|h| h.join().unwrap());
        scenario();
        return;
    }
    let _t = common::test();
    common::run(child(name)).assert_success();
}

#[test]
fn without_the_hook_no_place_is_known() {
    let name = "without_the_hook_no_place_is_known";
    if is_child(name) {
        let panic = catch(|| -> () { panic!("text") }).unwrap_err();
        assert!(panic.location().is_none() && panic.backtrace().is_none());
        return;
    }
    let _t = common::test();
    common::run(child(name)).assert_success();
}

#[test]
fn a_backtrace_is_there_when_asked_for() {
    let name = "a_backtrace_is_there_when_asked_for";
    if is_child(name) {
        runtime(1).run(|| {
            let panic = catch(|| -> () { panic!("text") }).unwrap_err();
            let trace = panic.backtrace().map(ToString::to_string);
            let wanted = std::env::var("RUST_BACKTRACE").unwrap() == "1";
            assert_eq!(trace.is_some(), wanted);
            assert!(trace.is_none_or(|trace| trace.contains("a_backtrace_is_there")));
        });
        return;
    }
    let _t = common::test();
    for wanted in ["0", "1"] {
        let mut child = child(name);
        child.env("RUST_BACKTRACE", wanted);
        common::run(child).assert_success();
    }
}

#[test]
fn the_policy_counts_what_is_not_recovered() {
    let name = "the_policy_counts_what_is_not_recovered";
    if is_child(name) {
        let policy = rt::PanicPolicy::Abort;
        let runtime = common::builder(1).panic_policy(policy).build().unwrap();
        runtime.run(|| {
            frame(|f| -> () {
                f.defer(|u| drop(u.recover()));
                panic!("recovered")
            });
            eprintln!("so far");
            let _ = rt::spawn(|| {
                frame(|f| -> () {
                    f.defer(|_| panic!("second"));
                    panic!("first")
                })
            })
            .join();
            eprintln!("beyond");
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert_eq!(
        lines(&ended),
        [
            "so far".to_owned(),
            format!("goroutine N {AT} second"),
            "    after the panic at runtime/tests/panic_report.rs:N:N: first".to_owned(),
            SPAWNED.to_owned()
        ]
    );
}

/// A panic is the handler's to say, and the handler's own is said with it; neither ends the worker.
#[test]
fn a_pool_says_what_goroutines_say() {
    says(
        "a_pool_says_what_goroutines_say",
        || {
            runtime(1).run(|| {
                let handled = Pool::builder().capacity(1).panic_handler(|panic| {
                    eprintln!("it hears of {panic}");
                    panic!("in the handler")
                });
                let handled = handled.build().unwrap();
                handled.submit(|| panic!("handled")).unwrap();
                assert_eq!(handled.spawn(|| 1).unwrap().join().unwrap(), 1);
                eprintln!("then");
                let plain = Pool::new(1).unwrap();
                plain.submit(|| panic!("nobody's")).unwrap();
                assert_eq!(plain.spawn(|| 2).unwrap().join().unwrap(), 2);
            });
        },
        &[
            "it hears of handled",
            &format!("goroutine N {AT} in the handler"),
            "    after the panic at runtime/tests/panic_report.rs:N:N: handled [recovered]",
            SPAWNED,
            "then",
            &format!("goroutine N {AT} nobody's"),
            SPAWNED,
        ],
    );
}

/// Whom a handler's pool tells of a panic, with its place: the handler if nobody can join, and else who joins, after it was
/// said.
#[test]
fn a_pools_handler_is_told_of_what_nobody_can_join() {
    says(
        "a_pools_handler_is_told_of_what_nobody_can_join",
        || {
            runtime(1).run(|| {
                let handler = |panic: Panic| match panic.location() {
                    Some(at) => eprintln!("{panic} at {}", at.file()),
                    None => eprintln!("{panic} somewhere"),
                };
                let pool = Pool::builder().capacity(1).panic_handler(handler).build().unwrap();
                let rest = || drop(pool.spawn(|| ()).unwrap().join());
                pool.submit(|| panic!("submitted")).unwrap();
                rest();
                let gate = Chan::<()>::new(0);
                let waits = gate.clone();
                drop(
                    pool.spawn(move || waits.recv().unwrap_or_else(|| panic!("dropped"))).unwrap(),
                );
                gate.close();
                rest();
                let inner = pool.clone();
                let inline = move || drop(catch(|| inner.submit(|| panic!("inline"))));
                pool.submit(inline).unwrap();
                rest();
                assert!(pool.spawn(|| -> () { panic!("joined") }).unwrap().join().is_err());
                eprintln!("told");
                let group = pool.group::<(), ()>();
                group.submit(|| panic!("a member")).unwrap();
                assert!(catch(|| group.wait()).is_err());
                eprintln!("told");
                let lost = catch(|| {
                    pool.scope(|s| drop(s.spawn(|| -> () { panic!("in a scope") })));
                });
                eprintln!("{}", lost.unwrap_err());
                let workers = Pool::builder().capacity(1).panic_handler(handler);
                let workers = workers.build_workers(|text| panic!("{text}")).unwrap();
                workers.invoke("a worker").unwrap();
                workers.release_timeout(std::time::Duration::from_secs(60)).unwrap();
                pool.submit(|| std::panic::resume_unwind(Box::new("resumed"))).unwrap();
                rest();
                pool.submit(|| rt::task::exit()).unwrap();
                rest();
            });
        },
        &[
            "submitted at runtime/tests/panic_report.rs",
            "dropped at runtime/tests/panic_report.rs",
            "inline at runtime/tests/panic_report.rs",
            &format!("goroutine N {AT} joined"),
            SPAWNED,
            "told",
            &format!("goroutine N {AT} a member"),
            SPAWNED,
            "told",
            &format!("goroutine N {AT} in a scope"),
            SPAWNED,
            "a scoped thread panicked",
            "a worker at runtime/tests/panic_report.rs",
            "resumed somewhere",
        ],
    );
}

/// A task that is run by who submits it is not a part of the frame in which that is.
#[test]
fn a_task_that_is_run_within_a_frame() {
    says(
        "a_task_that_is_run_within_a_frame",
        || {
            runtime(1).run(|| {
                let pool = Pool::new(1).unwrap();
                let inner = pool.clone();
                let outer = pool.spawn(move || {
                    frame(|f| -> () {
                        f.defer(|u| assert!(!u.panicking()));
                        inner.submit(|| panic!("submitted")).unwrap();
                        drop(inner.spawn(|| -> () { panic!("joined") }).unwrap().join());
                        eprintln!("then");
                    });
                    eprintln!("at the end");
                });
                outer.unwrap().join().unwrap();
            });
        },
        &[
            &format!("goroutine N {AT} submitted"),
            SPAWNED,
            &format!("goroutine N {AT} joined"),
            SPAWNED,
            "then",
            "at the end",
        ],
    );
}

#[test]
fn the_policy_holds_for_tasks_that_nobody_joins() {
    let name = "the_policy_holds_for_tasks_that_nobody_joins";
    if is_child(name) {
        let policy = rt::PanicPolicy::Abort;
        let runtime = common::builder(1).panic_policy(policy).build().unwrap();
        runtime.run(|| {
            let handled = Pool::builder().capacity(1).panic_handler(|_| eprintln!("handled"));
            let handled = handled.build().unwrap();
            handled.submit(|| panic!("first")).unwrap();
            let joined = handled.spawn(|| panic!("second")).unwrap();
            assert!(joined.join().unwrap_err().is_panic());
            eprintln!("so far");
            let plain = Pool::new(1).unwrap();
            plain.submit(|| panic!("third")).unwrap();
            drop(plain.spawn(|| ()).unwrap().join());
            eprintln!("beyond");
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert_eq!(
        lines(&ended),
        [
            "handled".to_owned(),
            format!("goroutine N {AT} second"),
            SPAWNED.to_owned(),
            "so far".to_owned(),
            format!("goroutine N {AT} third"),
            SPAWNED.to_owned(),
        ]
    );
}

/// Reports of many goroutines, of several lines each, do not mix.
#[test]
fn reports_do_not_mix() {
    let name = "reports_do_not_mix";
    if is_child(name) {
        runtime(2).run(|| {
            let all: Vec<_> = (0..200)
                .map(|i| {
                    rt::spawn(move || {
                        frame(|f| -> () {
                            f.defer(move |_| panic!("second of {i}"));
                            panic!("first of {i}")
                        })
                    })
                })
                .collect();
            all.into_iter().for_each(|h| assert!(h.join().is_err()));
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 600);
    let mut seen = [false; 200];
    for report in lines.chunks(3) {
        let number = |line: &str, what: &str| -> usize {
            let (_, number) = line.split_once(what).unwrap_or_else(|| panic!("{report:?}"));
            number.parse().unwrap()
        };
        let i = number(report[0], ": second of ");
        assert_eq!(number(report[1], ": first of "), i, "{report:?}");
        assert!(report[2].starts_with("    spawned at "), "{report:?}");
        assert!(!std::mem::replace(&mut seen[i], true), "{report:?}");
    }
}
