//! Frames of goroutines that end: by exit, by abort, by the end of their runtime.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, eventually, fail, panic_text, runtime};
use rt::chan::Chan;
use rt::panic::{Unwind, catch, frame, frame_named};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Deferred code that is there while the goroutine exits.
fn sees_an_exit<R>(u: &mut Unwind<'_, R>) {
    assert!(u.exiting() && !u.panicking());
    assert!(u.recover().is_none());
}

fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
}

#[test]
fn exit_runs_deferred_code_and_is_not_recovered() {
    let _t = common::test();
    on_one_and_two(|| {
        let tally = Tally::default();
        let tokens = [tally.token(), tally.token(), tally.token()];
        let gone = rt::spawn(move || {
            let [a, b, c] = tokens;
            frame(|f| -> () {
                f.defer(move |u| {
                    sees_an_exit(u);
                    drop(a);
                });
                frame(|f| -> () {
                    f.defer(move |u| {
                        sees_an_exit(u);
                        drop(b);
                    });
                    f.defer(move |u| {
                        sees_an_exit(u);
                        rt::yield_now();
                        drop(c);
                    });
                    rt::task::exit()
                });
                unreachable!("it has exited");
            })
        });
        let error = gone.join().unwrap_err();
        assert!(error.is_cancelled(), "{error:?}");
        tally.assert_all_dropped();
    });
}

#[test]
fn catch_lets_an_exit_pass() {
    let _t = common::test();
    on_one_and_two(|| {
        let gone = rt::spawn(|| {
            let _ = catch(|| -> () { rt::task::exit() });
            unreachable!("it has exited");
        });
        assert!(gone.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn catch_lets_an_abort_and_the_end_of_the_runtime_pass() {
    let _t = common::test();
    for abort in [true, false] {
        let (runtime, tally, begun) = (runtime(1), Tally::default(), Chan::new(1));
        let (token, begins) = (tally.token(), begun.clone());
        let handle = runtime.handle().spawn(move || {
            let _token = token;
            let _ = catch(|| {
                begins.send(());
                Chan::<()>::nil().recv()
            });
            unreachable!("it has ended");
        });
        begun.recv();
        if abort {
            handle.abort();
            assert!(handle.join().unwrap_err().is_cancelled());
        } else {
            drop(runtime);
            assert!(handle.join().unwrap_err().is_cancelled());
        }
        tally.assert_all_dropped();
    }
}

#[test]
fn a_panic_while_it_exits_is_recovered_and_the_exit_goes_on() {
    let _t = common::test();
    on_one_and_two(|| {
        let seen = Arc::new(AtomicU32::new(0));
        let sees = seen.clone();
        let gone = rt::spawn(move || {
            frame(|f| -> () {
                let (last, sees2) = (sees.clone(), sees);
                f.defer(move |u| {
                    sees_an_exit(u);
                    last.fetch_add(1, Ordering::Relaxed);
                });
                // The panic has left a frame; it is recovered here.
                f.defer(move |u| {
                    assert!(u.exiting() && u.panicking());
                    assert_eq!(u.recover().unwrap().message(), "on the way out");
                    assert!(u.exiting() && !u.panicking() && u.recover().is_none());
                    sees2.fetch_add(10, Ordering::Relaxed);
                });
                frame(|f| -> () {
                    f.defer(|u| assert!(u.panicking()));
                    f.defer(|_| fail("on the way out"));
                    rt::task::exit()
                });
                unreachable!("it has exited");
            })
        });
        assert!(gone.join().unwrap_err().is_cancelled());
        assert_eq!(seen.load(Ordering::Relaxed), 11);
    });
}

#[test]
fn catch_of_a_panic_while_it_exits_goes_on_exiting() {
    let _t = common::test();
    on_one_and_two(|| {
        let gone = rt::spawn(|| {
            let _ = catch(|| {
                frame(|f| -> () {
                    f.defer(|_| fail("on the way out"));
                    rt::task::exit()
                })
            });
            unreachable!("it has exited");
        });
        assert!(gone.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn an_unrecovered_panic_while_it_exits_ends_it_by_panic() {
    let _t = common::test();
    on_one_and_two(|| {
        let gone = rt::spawn(|| {
            frame(|f| -> () {
                f.defer(|_| fail(7));
                rt::task::exit()
            })
        });
        assert_eq!(*gone.join().unwrap_err().into_panic().downcast::<i32>().unwrap(), 7);
    });
}

#[test]
fn exit_in_deferred_code_ends_the_panic() {
    let _t = common::test();
    on_one_and_two(|| {
        let tally = Tally::default();
        let (payload, ran) = (tally.token(), tally.token());
        let gone = rt::spawn(move || {
            frame(|f| -> () {
                f.defer(move |u| {
                    sees_an_exit(u);
                    drop(ran);
                });
                f.defer(|_| rt::task::exit());
                fail(payload)
            })
        });
        assert!(gone.join().unwrap_err().is_cancelled());
        tally.assert_all_dropped();
    });
}

#[test]
fn exit_in_deferred_code_of_a_frame_that_returned() {
    let _t = common::test();
    on_one_and_two(|| {
        let gone = rt::spawn(|| {
            frame_named(1, |f| {
                f.defer(sees_an_exit);
                f.defer(|_| rt::task::exit());
                2
            })
        });
        assert!(gone.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn exit_on_a_plain_thread_is_a_panic_like_any_other() {
    let _t = common::test();
    let text = panic_text(|| frame(|_| -> () { rt::task::exit() }));
    assert_eq!(text, "rt::task::exit was called outside of a goroutine");
}

/// Aborted in its wait, it runs what it has deferred, which may wait undisturbed.
#[test]
fn abort_runs_deferred_code_whole() {
    let _t = common::test();
    on_one_and_two(|| {
        let (about, go, done) = (Chan::new(1), Chan::<()>::new(0), Chan::new(1));
        let (about2, go2, done2) = (about.clone(), go.clone(), done.clone());
        let handle = rt::spawn(move || {
            frame(|f| -> () {
                f.defer(move |u| {
                    sees_an_exit(u);
                    about2.send(());
                    go2.recv();
                    rt::yield_now();
                    done2.send(());
                });
                Chan::<()>::nil().recv();
            })
        });
        // It waits, or will see at its first wait that it is aborted.
        rt::yield_now();
        handle.abort();
        if about.recv_timeout(std::time::Duration::from_millis(50)).is_err() {
            // It had not begun, and only its closure was dropped.
            assert!(handle.is_finished());
            return;
        }
        handle.abort();
        go.send(());
        assert!(handle.join().unwrap_err().is_cancelled());
        assert_eq!(done.try_recv(), Ok(()));
    });
}

/// An abort reaches deferred code that waits, as it does any code; what else was deferred runs whole.
#[test]
fn abort_while_deferred_code_waits() {
    let _t = common::test();
    for recovers in [false, true] {
        on_one_and_two(|| {
            let about = Chan::new(1);
            let (about2, seen) = (about.clone(), Arc::new(AtomicU32::new(0)));
            let sees = seen.clone();
            let handle = rt::spawn(move || {
                frame(|f| -> () {
                    f.defer(move |u| {
                        sees_an_exit(u);
                        rt::yield_now();
                        sees.fetch_add(1, Ordering::Relaxed);
                    });
                    f.defer(move |u| {
                        assert_eq!(u.recover().is_some(), recovers);
                        about2.send(());
                        Chan::<()>::nil().recv();
                    });
                    if recovers {
                        fail("recovered before the abort");
                    }
                })
            });
            about.recv();
            handle.abort();
            assert!(handle.join().unwrap_err().is_cancelled());
            assert_eq!(seen.load(Ordering::Relaxed), 1);
        });
    }
}

/// While deferred code runs because of a panic that nobody has recovered, nothing is delivered.
#[test]
fn abort_waits_for_deferred_code_of_a_panic() {
    let _t = common::test();
    on_one_and_two(|| {
        let (about, go) = (Chan::new(1), Chan::new(0));
        let (about2, go2) = (about.clone(), go.clone());
        let handle = rt::spawn(move || {
            frame(|f| -> () {
                f.defer(move |u| {
                    assert!(u.panicking());
                    about2.send(());
                    assert_eq!(go2.recv(), Some(7));
                });
                fail(7)
            })
        });
        about.recv();
        handle.abort();
        go.send(7);
        assert_eq!(*handle.join().unwrap_err().into_panic().downcast::<i32>().unwrap(), 7);
    });
}

#[test]
fn the_end_of_a_runtime_runs_deferred_code() {
    let _t = common::test();
    for procs in [1, 2] {
        let tally = Tally::default();
        let runtime = runtime(procs);
        let waits = Arc::new(AtomicU32::new(0));
        for _ in 0..100 {
            let (token, waits) = (tally.token(), waits.clone());
            runtime.handle().spawn(move || {
                frame(|f| -> () {
                    f.defer(move |u| {
                        sees_an_exit(u);
                        rt::yield_now();
                        drop(token);
                    });
                    waits.fetch_add(1, Ordering::SeqCst);
                    Chan::<()>::nil().recv();
                })
            });
        }
        eventually("all wait", || waits.load(Ordering::SeqCst) == 100);
        drop(runtime);
        tally.assert_all_dropped();
    }
}

/// Aborts that come at any time: what was deferred runs once.
#[test]
fn abort_races_with_frames() {
    let _t = common::test();
    let runtime = runtime(2);
    let tally = Tally::default();
    for round in 0..500_u32 {
        let tokens = [tally.token(), tally.token()];
        let handle = runtime.handle().spawn(move || {
            let [a, b] = tokens;
            frame(|f| -> u32 {
                f.defer(move |u| {
                    rt::yield_now();
                    let _ = u.recover();
                    drop(a);
                    rt::yield_now();
                });
                f.defer(move |_| {
                    rt::yield_now();
                    drop(b);
                });
                rt::yield_now();
                if round.is_multiple_of(2) { fail(round) } else { round }
            })
        });
        for _ in 0..round % 50 {
            std::hint::spin_loop();
        }
        handle.abort();
        match handle.join() {
            Ok(n) => assert!(n == 0 || n == round),
            Err(error) => assert!(error.is_cancelled() || error.is_panic()),
        }
    }
    tally.assert_all_dropped();
}
