//! `timeout`: a value in time, or an end.
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::{OnDrop, Rng, Tally, eventually, eventually_yielding, fail, panic_text, runtime};
use common::{seeded, text_of, turns};
use rt::chan;
use rt::time::{Elapsed, sleep, timeout};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn in_time_there_is_a_value() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let me = rt::task::current().id();
            assert_ne!(timeout(MINUTE, || rt::task::current().id()), Ok(me));
            assert_eq!(timeout(Duration::MAX, || "no limit"), Ok("no limit"));
            let value = timeout(MINUTE, || {
                sleep(ms(2));
                String::from("slept")
            });
            assert_eq!(value.as_deref(), Ok("slept"));
        });
    }
}

#[test]
fn too_late_it_is_unwound_from_where_it_waits() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let tally = Tally::default();
            let token = tally.token();
            let start = Instant::now();
            let late = timeout(ms(5), move || {
                let _token = token;
                sleep(MINUTE);
            });
            assert_eq!(late.unwrap_err().to_string(), "the time is up");
            assert!(start.elapsed() >= ms(5) && start.elapsed() < MINUTE / 2);
            eventually_yielding("it is unwound", || tally.dropped() == 1);
            eventually_yielding("it ends", || rt::num_goroutines() == 1);
        });
    }
}

/// For `?` where errors are those of files and sockets.
#[test]
fn too_late_is_an_error_of_io() {
    fn read(file: &'static str, limit: Duration) -> std::io::Result<String> {
        timeout(limit, move || {
            sleep(ms(u64::from(file.is_empty()) * 60_000));
            std::fs::read_to_string(file)
        })?
    }
    let _t = common::test();
    runtime(1).run(|| {
        assert!(read("Cargo.toml", MINUTE).is_ok());
        let late = read("", ms(1)).unwrap_err();
        assert_eq!(
            (late.kind(), late.to_string().as_str()),
            (ErrorKind::TimedOut, "the time is up")
        );
        assert!(late.get_ref().unwrap().is::<Elapsed>());
    });
}

#[test]
fn a_timeout_of_zero() {
    let _t = common::test();
    runtime(1).run(|| {
        let tally = Tally::default();
        let token = tally.token();
        assert!(timeout(Duration::ZERO, move || (sleep(MINUTE), token)).is_err());
        eventually_yielding("the closure is dropped", || tally.dropped() == 1);
    });
}

#[test]
fn one_that_computes_is_reached_when_it_waits() {
    let _t = common::test();
    runtime(2).run(|| {
        let (go, waited) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (gone, theirs) = (Arc::clone(&go), Arc::clone(&waited));
        let late = timeout(ms(2), move || {
            while !gone.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            sleep(MINUTE);
            theirs.store(true, Ordering::SeqCst);
        });
        assert!(late.is_err());
        go.store(true, Ordering::SeqCst);
        eventually_yielding("it ends", || rt::num_goroutines() == 1);
        assert!(!waited.load(Ordering::SeqCst), "it was not aborted");
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    let _t = common::test();
    runtime(2).run(|| {
        let payload = catch_unwind(|| timeout(MINUTE, || fail("oh no"))).unwrap_err();
        assert_eq!(text_of(&*payload), "oh no");
        // One that comes too late is nobody's.
        let late = timeout(ms(1), || {
            let _fails = OnDrop(|| assert!(std::thread::panicking()));
            sleep(MINUTE);
        });
        assert!(late.is_err());
    });
}

#[test]
fn an_exit_goes_on_in_the_caller() {
    let _t = common::test();
    let runtime = runtime(2);
    let caller = runtime.handle().spawn(|| timeout(MINUTE, || rt::task::exit()).is_ok());
    assert!(caller.join().unwrap_err().is_cancelled());
    let handle = runtime.handle();
    let _guard = handle.enter();
    let text = panic_text(|| timeout(MINUTE, || rt::task::exit()).is_ok());
    assert!(text.contains("ended without a value"), "{text}");
}

/// The caller's own goes on: it has to be told, not ended without a word.
#[test]
fn a_runtime_that_was_entered_and_has_shut_down() {
    let _t = common::test();
    let other = runtime(1);
    let handle = other.handle();
    let (tx, begun) = chan::bounded(0);
    let text = runtime(1).run(|| {
        let _guard = handle.enter();
        let stopping = std::thread::spawn(move || {
            begun.recv().unwrap();
            drop(other);
        });
        let cut_short = panic_text(|| {
            timeout(MINUTE, move || {
                tx.send(()).unwrap();
                sleep(MINUTE);
            })
        });
        rt::blocking(|| stopping.join().unwrap());
        [cut_short, panic_text(|| timeout(MINUTE, || ()))]
    });
    for text in text {
        assert!(text.contains("ended without a value"), "{text}");
    }
}

#[test]
fn a_caller_that_is_aborted_aborts_it() {
    let _t = common::test();
    runtime(2).run(|| {
        for limit in [MINUTE, Duration::MAX] {
            let tally = Tally::default();
            let token = tally.token();
            let (tx, begun) = chan::bounded(1);
            let caller = rt::spawn(move || {
                timeout(limit, move || {
                    let _token = token;
                    tx.send(()).unwrap();
                    sleep(MINUTE);
                })
            });
            begun.recv().unwrap();
            caller.abort();
            assert!(caller.join().unwrap_err().is_cancelled());
            eventually_yielding("the child is unwound", || tally.dropped() == 1);
        }
    });
}

#[test]
fn from_plain_threads() {
    let _t = common::test();
    let text = panic_text(|| timeout(MINUTE, || ()));
    assert!(text.contains("#[rt::main]"), "{text}");
    let runtime = runtime(2);
    let handle = runtime.handle();
    let _guard = handle.enter();
    assert_eq!(timeout(MINUTE, || 1), Ok(1));
    assert!(timeout(ms(2), || sleep(MINUTE)).is_err());
    let payload = catch_unwind(AssertUnwindSafe(|| timeout(MINUTE, || fail("no")))).unwrap_err();
    assert_eq!(text_of(&*payload), "no");
    eventually("all end", || rt::num_goroutines() == 0);
}

/// Near the deadline: the value or the error, never neither, and every value is dropped once.
#[test]
fn value_against_deadline() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(20, 60), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                let tally = Tally::default();
                for _ in 0..20 {
                    let token = tally.token();
                    let work = Duration::from_micros(rng.below(150));
                    let limit = Duration::from_micros(rng.below(300));
                    let start = Instant::now();
                    match timeout(limit, move || (sleep(work), token)) {
                        Ok(_) => assert!(start.elapsed() >= work),
                        Err(_) => assert!(start.elapsed() >= limit),
                    }
                }
                eventually_yielding("all end", || rt::num_goroutines() == 1);
                tally.assert_all_dropped();
            });
        });
    }
}
