//! Signals on channels. Each test plays in a process of its own: signals come to the whole process.
#![cfg(unix)]
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{apart, child, is_child, panic_text, run, runtime, turns};
use rt::chan::TryRecvError;
use rt::signal::{self, Signal};
use rt::testing::Explorer;
use rt::time::{Ticker, sleep};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// To the calling thread: when it returns, the handler has run.
fn raise(signal: Signal) {
    // SAFETY: a number that the system knows.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

/// Nothing more comes. One signal that does come says that what came before has been sent.
fn is_silent(rx: &rt::chan::Receiver<Signal>) -> bool {
    let fence = signal::notify(&[Signal::URGENT]);
    raise(Signal::URGENT);
    fence.recv().unwrap();
    rx.try_recv() == Err(TryRecvError::Empty)
}

#[test]
fn it_comes_to_goroutines_and_threads() {
    apart("it_comes_to_goroutines_and_threads", |_| {
        let scenario = || {
            let rx = signal::notify(&[Signal::USER1, Signal::TERMINATE]);
            for signal in [Signal::USER1, Signal::TERMINATE, Signal::USER1] {
                raise(signal);
                assert_eq!(rx.recv(), Ok(signal));
            }
            assert!(is_silent(&rx));
        };
        scenario();
        runtime(1).run(scenario);
        runtime(2).run(scenario);
    });
}

#[test]
fn it_wakes_who_waits() {
    apart("it_wakes_who_waits", |_| {
        let runtime = runtime(2);
        let rx = signal::notify(&[Signal::HANGUP]);
        let on_thread = rx.clone();
        let thread = std::thread::spawn(move || on_thread.recv_timeout(MINUTE));
        let goroutine = runtime.handle().spawn(move || rx.recv_timeout(MINUTE));
        std::thread::sleep(Duration::from_millis(2));
        // To the process, on whatever thread; each goes to one of the two.
        for _ in 0..2 {
            // SAFETY: a number that the system knows, to ourselves.
            assert_eq!(unsafe { libc::kill(std::process::id().cast_signed(), libc::SIGHUP) }, 0);
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(thread.join().unwrap(), Ok(Signal::HANGUP));
        assert_eq!(goroutine.join().unwrap(), Ok(Signal::HANGUP));
    });
}

/// A goroutine has raised it: no time passes before it comes.
#[test]
fn before_virtual_time_moves() {
    apart("before_virtual_time_moves", |_| {
        let rounds = turns(200, 1000);
        let scenario = move || {
            let rx = signal::notify(&[Signal::USER1]);
            let start = rt::time::now();
            for _ in 0..rounds {
                raise(Signal::USER1);
                assert_eq!(rx.recv_timeout(60 * MINUTE), Ok(Signal::USER1));
                assert_eq!(rt::time::now(), start);
            }
            // One that nobody is told of does not stop the clock for ever.
            (0..rounds).for_each(|_| raise(Signal::USER1));
            sleep(MINUTE);
        };
        for procs in [1, 2] {
            let builder = rt::Runtime::builder().procs(procs).virtual_time(true);
            builder.build().unwrap().run(scenario);
        }
        Explorer::new().schedules(3).check(scenario).unwrap();
    });
}

/// While there is a receiver, who waits in a lab may wait for a signal from outside.
#[test]
fn who_waits_for_one_is_no_deadlock() {
    apart("who_waits_for_one_is_no_deadlock", |_| {
        let scenario = |delay| {
            let rx = signal::notify(&[Signal::USER1]);
            let sender = std::thread::spawn(move || {
                std::thread::sleep(delay);
                raise(Signal::USER1);
            });
            assert_eq!(rx.recv(), Ok(Signal::USER1));
            sender.join().unwrap();
        };
        let checked = Explorer::new().schedules(3).check(move || scenario(MINUTE / 3000));
        checked.unwrap();
        // Without a seed others get a second.
        let runtime = rt::Runtime::builder().virtual_time(true).build().unwrap();
        runtime.run(|| scenario(Duration::from_millis(1200)));
        let gone = Explorer::new().schedules(1).check(|| {
            drop(signal::notify(&[Signal::USER1]));
            rt::chan::never::<()>().recv()
        });
        assert!(gone.unwrap_err().is_deadlock());
    });
}

/// What is asked under the registry's lock is no place where a seed lets others go on: they would wait for the lock, and the
/// one thread there is with them.
#[test]
fn a_seed_stops_nobody_under_the_lock() {
    apart("a_seed_stops_nobody_under_the_lock", |_| {
        let _other = signal::notify(&[Signal::USER2]);
        let scenario = || {
            rt::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| drop(signal::notify(&[Signal::USER1])));
                }
            });
        };
        for seed in 0..100 {
            let schedule = Explorer::new().replay(seed, scenario).unwrap();
            assert!(schedule.not_deterministic().is_empty(), "{schedule:#}");
        }
    });
}

/// Without a thread nobody is notified, and nothing is left of the attempts.
#[test]
fn without_a_thread() {
    // Without a watchdog either, which might just be about to get its memory.
    if is_child("without_a_thread") {
        let limit = |most| {
            let limit = libc::rlimit { rlim_cur: most, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: it is there.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        };
        std::panic::set_hook(Box::new(|_| ()));
        let attempt = || panic_text(|| signal::notify(&[Signal::USER1]));
        // Not enough for a thread's stack.
        limit(common::address_space() + (1 << 20));
        let first = attempt();
        let files = common::files_and_mappings().0;
        let others: Vec<_> = (0..10).map(|_| attempt()).collect();
        let more = common::files_and_mappings().0 - files;
        limit(libc::RLIM_INFINITY);
        let _ = std::panic::take_hook();
        assert!(first.contains("signal::notify"), "{first}");
        assert!(others.iter().all(|other| *other == first), "{first} {others:?}");
        assert_eq!(more, 0);
        let rx = signal::notify(&[Signal::USER1]);
        raise(Signal::USER1);
        assert_eq!(rx.recv(), Ok(Signal::USER1));
    } else {
        let _t = common::test();
        run(child("without_a_thread")).assert_success();
    }
}

/// Who never wanted any has none to lose.
#[test]
fn no_signals_are_none() {
    apart("no_signals_are_none", |_| {
        let (none, some) = (signal::notify(&[]), signal::notify(&[Signal::USER1]));
        signal::reset(&[Signal::USER2]);
        signal::ignore(&[Signal::USER2]);
        signal::reset(&[Signal::USER1, Signal::USER2]);
        assert_eq!(none.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(some.try_recv(), Err(TryRecvError::Disconnected));
        none.close();
        assert_eq!(none.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn in_a_select() {
    apart("in_a_select", |_| {
        runtime(2).run(|| {
            let (stop, ticker) =
                (signal::notify(&[Signal::INTERRUPT]), Ticker::new(Duration::from_millis(1)));
            let mut ticks = 0;
            let got = loop {
                rt::select! {
                    recv(stop) -> signal => break signal,
                    recv(ticker.chan()) -> _ => {
                        ticks += 1;
                        if ticks == 3 {
                            raise(Signal::INTERRUPT);
                        }
                    },
                }
            };
            assert_eq!(got, Ok(Signal::INTERRUPT));
        });
    });
}

#[test]
fn each_receiver_gets_what_it_wants() {
    apart("each_receiver_gets_what_it_wants", |_| {
        let (one, two) =
            (signal::notify(&[Signal::USER1]), signal::notify(&[Signal::USER1, Signal::USER2]));
        let none = signal::notify(&[]);
        raise(Signal::USER1);
        assert_eq!((one.recv(), two.recv()), (Ok(Signal::USER1), Ok(Signal::USER1)));
        raise(Signal::USER2);
        assert_eq!(two.recv(), Ok(Signal::USER2));
        assert!(is_silent(&one) && is_silent(&none));
        // One that goes takes nothing from the other.
        drop(two);
        raise(Signal::USER1);
        assert_eq!(one.recv(), Ok(Signal::USER1));
    });
}

/// The sender never waits: what is too much is lost, and the rest arrives.
#[test]
fn a_burst() {
    apart("a_burst", |_| {
        runtime(2).run(|| {
            let (rx, other) = (signal::notify(&[Signal::USER1]), signal::notify(&[Signal::USER2]));
            (0..1000).for_each(|_| raise(Signal::USER1));
            raise(Signal::USER2);
            assert_eq!(other.recv(), Ok(Signal::USER2), "the thread is stuck");
            assert!(is_silent(&other));
            let got = rx.try_iter().inspect(|signal| assert_eq!(*signal, Signal::USER1)).count();
            assert!((1..=16).contains(&got), "{got}");
            raise(Signal::USER1);
            assert_eq!(rx.recv(), Ok(Signal::USER1));
        });
    });
}

/// Three that come one after another and are not yet received are three.
#[test]
fn they_are_counted() {
    apart("they_are_counted", |_| {
        let rx = signal::notify(&[Signal::USER1]);
        (0..3).for_each(|_| raise(Signal::USER1));
        (0..3).for_each(|_| assert_eq!(rx.recv(), Ok(Signal::USER1)));
        assert!(is_silent(&rx));
    });
}

/// Plays `name` in a child, which is to be ended by `signal`.
fn ends_by(name: &str, signal: i32, scenario: impl FnOnce()) {
    if is_child(name) {
        // Who started the tests may have it ignored, as shells do for what runs in the background.
        // SAFETY: the default does not run any code of ours.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        scenario();
        unreachable!("the signal did not end the process");
    }
    let _t = common::test();
    let ended = run(child(name));
    assert_eq!(ended.signal, Some(signal), "{ended:#?}");
}

#[test]
fn the_default_is_back_when_the_last_one_goes() {
    ends_by("the_default_is_back_when_the_last_one_goes", libc::SIGTERM, || {
        let rx = signal::notify(&[Signal::TERMINATE]);
        let (clone, other) = (rx.clone(), signal::notify(&[Signal::TERMINATE]));
        raise(Signal::TERMINATE);
        assert_eq!((rx.recv(), other.recv()), (Ok(Signal::TERMINATE), Ok(Signal::TERMINATE)));
        drop((rx, other));
        raise(Signal::TERMINATE);
        assert_eq!(clone.recv(), Ok(Signal::TERMINATE));
        // What came before does not end it.
        (0..100).for_each(|_| raise(Signal::TERMINATE));
        drop(clone);
        sleep(Duration::from_millis(20));
        let again = signal::notify(&[Signal::TERMINATE]);
        assert!(is_silent(&again), "a signal of before");
        assert!(again.close());
        raise(Signal::TERMINATE);
    });
}

#[test]
fn reset_brings_the_default_back() {
    ends_by("reset_brings_the_default_back", libc::SIGUSR2, || {
        let (one, two) =
            (signal::notify(&[Signal::USER2]), signal::notify(&[Signal::USER1, Signal::USER2]));
        raise(Signal::USER2);
        assert_eq!(one.recv(), Ok(Signal::USER2));
        signal::reset(&[Signal::USER2]);
        assert!(one.recv().is_err(), "there is nothing left for it");
        raise(Signal::USER1);
        assert_eq!(two.recv(), Ok(Signal::USER2));
        assert_eq!(two.recv(), Ok(Signal::USER1));
        raise(Signal::USER2);
    });
}

#[test]
fn ignored_it_does_nothing() {
    ends_by("ignored_it_does_nothing", libc::SIGHUP, || {
        let rx = signal::notify(&[Signal::HANGUP, Signal::USER1]);
        signal::ignore(&[Signal::HANGUP]);
        (0..10).for_each(|_| raise(Signal::HANGUP));
        assert!(is_silent(&rx));
        // Whoever wants it now gets it, and then the default is back, as before `ignore`.
        let again = signal::notify(&[Signal::HANGUP]);
        raise(Signal::HANGUP);
        assert_eq!(again.recv(), Ok(Signal::HANGUP));
        assert!(is_silent(&rx));
        drop(again);
        raise(Signal::HANGUP);
    });
}

#[test]
fn what_was_there_before_is_back() {
    apart("what_was_there_before_is_back", |_| {
        static SEEN: AtomicBool = AtomicBool::new(false);
        extern "C" fn theirs(_: libc::c_int) {
            SEEN.store(true, Ordering::SeqCst);
        }
        let handler: extern "C" fn(libc::c_int) = theirs;
        // SAFETY: the handler only stores to an atomic.
        unsafe { libc::signal(libc::SIGUSR1, handler as usize) };
        let rx = signal::notify(&[Signal::USER1]);
        raise(Signal::USER1);
        assert_eq!(rx.recv(), Ok(Signal::USER1));
        assert!(!SEEN.load(Ordering::SeqCst));
        drop(rx);
        raise(Signal::USER1);
        assert!(SEEN.load(Ordering::SeqCst));
        // Rust ignores this one from the start.
        drop(signal::notify(&[Signal::PIPE]));
        raise(Signal::PIPE);
    });
}

#[test]
fn some_cannot_be_had() {
    apart("some_cannot_be_had", |_| {
        let raw = |n| Signal::from_raw(n).unwrap();
        for n in [libc::SIGKILL, libc::SIGSTOP] {
            let text = panic_text(|| signal::notify(&[Signal::USER1, raw(n)]));
            assert!(
                text.contains(&raw(n).to_string()) && text.contains("the system forbids"),
                "{text}"
            );
        }
        for n in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            let text = panic_text(|| signal::ignore(&[raw(n)]));
            assert!(text.contains(&raw(n).to_string()) && text.contains("gone wrong"), "{text}");
        }
        // The C library keeps it for itself; nothing of the rest is left behind.
        let text = panic_text(|| signal::notify(&[Signal::PIPE, raw(32)]));
        assert!(text.contains("does not let signal 32"), "{text}");
        assert_eq!(
            (Signal::from_raw(0), Signal::from_raw(-1), Signal::from_raw(65)),
            (None, None, None)
        );
    });
}

/// One that cannot be had leaves the others as they were, whatever their order.
#[test]
fn all_or_none() {
    apart("all_or_none", |_| {
        let refused = Signal::from_raw(32).unwrap();
        let rx = signal::notify(&[Signal::USER1, Signal::USER2]);
        for signals in [[refused, Signal::USER1], [Signal::USER1, refused]] {
            panic_text(|| signal::ignore(&signals));
            raise(Signal::USER1);
            assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok(Signal::USER1), "{signals:?}");
        }
        // The default would end the process.
        signal::ignore(&[Signal::HANGUP]);
        for signals in [[refused, Signal::HANGUP], [Signal::HANGUP, refused]] {
            panic_text(|| signal::notify(&signals));
            raise(Signal::HANGUP);
        }
    });
}

#[test]
fn names() {
    let _t = common::test();
    let named = [
        (Signal::INTERRUPT, "SIGINT"),
        (Signal::TERMINATE, "SIGTERM"),
        (Signal::HANGUP, "SIGHUP"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::USER1, "SIGUSR1"),
        (Signal::USER2, "SIGUSR2"),
        (Signal::CHILD, "SIGCHLD"),
        (Signal::WINDOW_CHANGE, "SIGWINCH"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
    ];
    for (signal, name) in named {
        assert_eq!((signal.to_string(), format!("{signal:?}")), (name.to_owned(), name.to_owned()));
    }
    assert_eq!(Signal::from_raw(9).unwrap().to_string(), "SIGKILL");
    assert_eq!(Signal::from_raw(40).unwrap().to_string(), "signal 40");
    assert_eq!(format!("{:>8}", Signal::INTERRUPT), "  SIGINT");
}

/// The handler runs beside a goroutine whose stack has no room for it, on the thread's signal stack.
#[test]
fn not_on_the_stack_of_a_goroutine() {
    apart("not_on_the_stack_of_a_goroutine", |_| {
        /// Close to the end of the stack of 32 KiB: less is left than the kernel alone would push.
        #[inline(never)]
        fn deep(top: usize) {
            let here = std::hint::black_box([0_u8; 256]);
            if top - here.as_ptr().addr() < 24 * 1024 {
                deep(top);
            } else {
                raise(Signal::USER1);
            }
            std::hint::black_box(&here);
        }
        runtime(1).run(|| {
            let rx = signal::notify(&[Signal::USER1]);
            let small = rt::task::Builder::new().stack_size(32 * 1024).spawn(|| {
                let top = 0_u8;
                deep(std::hint::black_box(&raw const top).addr());
            });
            small.unwrap().join().unwrap();
            assert_eq!(rx.recv(), Ok(Signal::USER1));
        });
    });
}

/// Receivers come and go while signals do.
#[test]
fn receivers_come_and_go() {
    apart("receivers_come_and_go", |_| {
        runtime(2).run(|| {
            // So that it never ends the process.
            let keeper = signal::notify(&[Signal::USER1]);
            let done = Arc::new(AtomicBool::new(false));
            let raiser = std::thread::spawn({
                let done = Arc::clone(&done);
                move || {
                    while !done.load(Ordering::SeqCst) {
                        raise(Signal::USER1);
                        std::thread::yield_now();
                    }
                }
            });
            let goroutines: Vec<_> = (0..8)
                .map(|_| {
                    rt::spawn(|| {
                        for _ in 0..turns(50, 200) {
                            let rx = signal::notify(&[Signal::USER1, Signal::USER2]);
                            assert_eq!(rx.recv(), Ok(Signal::USER1));
                        }
                    })
                })
                .collect();
            goroutines.into_iter().for_each(|g| g.join().unwrap());
            done.store(true, Ordering::SeqCst);
            raiser.join().unwrap();
            assert!(keeper.len() <= 16);
        });
    });
}
