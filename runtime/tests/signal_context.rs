//! Contexts that end at a signal. Each test plays in a process of its own: signals come to the whole process.
#![cfg(unix)]

mod common;

use common::{apart, child, is_child, run, runtime};
use rt::context::{Context, ContextError};
use rt::signal::{self, Signal, SignalError};
use rt::testing::Explorer;
use rt::time::{sleep, sleep_ctx};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// To the calling thread: when it returns, the handler has run.
fn raise(signal: Signal) {
    // SAFETY: a number that the system knows.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

/// What was raised before has been told.
fn settle() {
    let fence = signal::notify(&[Signal::URGENT]);
    raise(Signal::URGENT);
    fence.recv().unwrap();
}

/// The signal that is the cause.
fn which(ctx: &Context) -> Option<Signal> {
    Some(ctx.cause()?.downcast_ref::<SignalError>()?.signal())
}

#[test]
fn it_ends_at_the_first_of_its_signals() {
    apart("it_ends_at_the_first_of_its_signals", |_| {
        let scenario = || {
            let signals = [Signal::USER1, Signal::USER2];
            let (ctx, stop) =
                signal::notify_context(&Context::background().with_value(7), &signals);
            let (child, _) = ctx.with_cancel();
            let other = signal::notify(&[Signal::USER2]);
            settle();
            assert_eq!((ctx.err(), ctx.value::<i32>().as_deref()), (None, Some(&7)));
            raise(Signal::USER2);
            assert_eq!(sleep_ctx(MINUTE, &child), Err(ContextError::Canceled));
            // It is still caught, and comes to others, too.
            raise(Signal::USER1);
            raise(Signal::USER2);
            settle();
            for ctx in [&ctx, &child] {
                assert_eq!(
                    (ctx.err(), which(ctx)),
                    (Some(ContextError::Canceled), Some(Signal::USER2))
                );
            }
            assert_eq!(ctx.cause().unwrap().to_string(), "SIGUSR2 received");
            assert_eq!(other.try_iter().count(), 2);
            stop();
            assert_eq!(which(&ctx), Some(Signal::USER2));
        };
        scenario();
        for procs in [1, 2] {
            runtime(procs).run(scenario);
        }
    });
}

/// Who waits in virtual time waits no time for what was raised.
#[test]
fn before_virtual_time_moves() {
    apart("before_virtual_time_moves", |_| {
        let scenario = || {
            let start = rt::time::now();
            for _ in 0..20 {
                let (ctx, _stop) = signal::notify_context(&Context::background(), &[Signal::USER1]);
                let waits = {
                    let ctx = ctx.clone();
                    rt::spawn(move || sleep_ctx(60 * MINUTE, &ctx))
                };
                raise(Signal::USER1);
                assert_eq!(waits.join().unwrap(), Err(ContextError::Canceled));
                assert_eq!((which(&ctx), rt::time::now()), (Some(Signal::USER1), start));
            }
        };
        for procs in [1, 2] {
            let builder = rt::Runtime::builder().procs(procs).virtual_time(true);
            builder.build().unwrap().run(scenario);
        }
        Explorer::new().schedules(10).check(scenario).unwrap();
    });
}

/// Plays `name` in a child, which is to be ended by SIGTERM, though what the scenario returns is still there.
fn ends_by_its_default<T>(name: &str, scenario: impl FnOnce() -> T) {
    if is_child(name) {
        // Who started the tests may have it ignored, as shells do for what runs in the background.
        // SAFETY: the default does not run any code of ours.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_DFL) };
        let _kept = scenario();
        raise(Signal::TERMINATE);
        unreachable!("the signal did not end the process");
    }
    let _t = common::test();
    let ended = run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGTERM), "{ended:#?}");
}

/// It is caught now, and ends `ctx`.
fn catches(ctx: &Context) {
    raise(Signal::TERMINATE);
    assert!(ctx.done().recv().is_err());
    assert_eq!(which(ctx), Some(Signal::TERMINATE));
}

fn terminates(parent: &Context) -> (Context, rt::context::CancelFunc) {
    signal::notify_context(parent, &[Signal::TERMINATE])
}

#[test]
fn stop_ends_it_and_gives_the_signals_back() {
    ends_by_its_default("stop_ends_it_and_gives_the_signals_back", || {
        let (ctx, stop) = terminates(&Context::background());
        let clone = stop.clone();
        drop(stop);
        clone();
        clone();
        assert_eq!(ctx.err(), Some(ContextError::Canceled));
        assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
        (ctx, clone)
    });
}

#[test]
fn stop_gives_the_signals_back_afterwards() {
    ends_by_its_default("stop_gives_the_signals_back_afterwards", || {
        let (ctx, stop) = terminates(&Context::background());
        catches(&ctx);
        (0..100).for_each(|_| raise(Signal::TERMINATE));
        settle();
        stop();
        (ctx, stop)
    });
}

/// Whatever could notice the signal keeps it: a child of the context, or what can stop it.
#[test]
fn nobody_is_left_who_could_notice() {
    ends_by_its_default("nobody_is_left_who_could_notice", || {
        let (ctx, _) = terminates(&Context::background());
        let (child, _) = ctx.with_cancel();
        drop(ctx);
        catches(&child);
        drop(child);
        let (ctx, stop) = terminates(&Context::background());
        let done = ctx.done().clone();
        drop(ctx);
        raise(Signal::TERMINATE);
        assert!(done.recv().is_err());
        drop(stop);
    });
}

/// The end of what it comes from is its own, and gives no signals back.
#[test]
fn its_parent_ends_it_too() {
    ends_by_its_default("its_parent_ends_it_too", || {
        let (parent, cancel) = Context::background().with_cancel_cause();
        let (ctx, stop) = terminates(&parent);
        cancel("enough");
        let (late, stop_late) = terminates(&parent);
        raise(Signal::TERMINATE);
        settle();
        for ctx in [&ctx, &late] {
            assert_eq!(ctx.cause().unwrap().to_string(), "enough");
        }
        stop();
        raise(Signal::TERMINATE);
        settle();
        stop_late();
        (ctx, late)
    });
}

/// What one context has seen of a signal is nothing to the next.
#[test]
fn one_after_another() {
    apart("one_after_another", |_| {
        runtime(2).run(|| {
            let _keeper = signal::notify(&[Signal::USER1]);
            for _ in 0..200 {
                let all: Vec<_> = (0..4)
                    .map(|_| signal::notify_context(&Context::background(), &[Signal::USER1]))
                    .collect();
                let waits: Vec<_> = all
                    .iter()
                    .map(|(ctx, _)| ctx.clone())
                    .map(|ctx| rt::spawn(move || (sleep_ctx(MINUTE, &ctx).is_err(), which(&ctx))))
                    .collect();
                raise(Signal::USER1);
                for wait in waits {
                    assert_eq!(wait.join().unwrap(), (true, Some(Signal::USER1)));
                }
                all.iter().for_each(|(_, stop)| stop());
            }
        });
    });
}

/// Ended by a signal, it is nothing any more that somebody could be woken by.
#[test]
fn a_deadlock_after_its_end_is_found() {
    apart("a_deadlock_after_its_end_is_found", |_| {
        let stuck = |ends: bool| {
            Explorer::new().schedules(1).check(move || {
                let (ctx, stop) = signal::notify_context(&Context::background(), &[Signal::USER1]);
                if ends {
                    raise(Signal::USER1);
                    sleep(MINUTE);
                    assert!(ctx.err().is_some());
                    rt::chan::never::<()>().recv().unwrap_err();
                }
                stop();
                rt::chan::never::<()>().recv().unwrap_err();
            })
        };
        for ends in [true, false] {
            assert!(stuck(ends).unwrap_err().is_deadlock());
        }
    });
}
