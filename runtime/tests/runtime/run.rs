//! `Runtime::run`, from wherever it is called; and several runtimes at once.

use crate::common::{self, Tally, eventually_yielding, fail, panic_text, runtime};
use rt::chan::Chan;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn run_returns_the_value_and_borrows() {
    let _t = common::test();
    let runtime = runtime(2);
    let mut text = String::from("from outside");
    let len = runtime.run(|| {
        text.push('!');
        text.len()
    });
    assert_eq!((len, text.as_str()), (13, "from outside!"));
    assert_eq!(runtime.handle().run(|| &*text), "from outside!");
}

#[test]
fn run_raises_the_panic_again() {
    let _t = common::test();
    let runtime = runtime(1);
    let payload = std::panic::catch_unwind(|| {
        let () = runtime.run(|| fail(77_u64));
    });
    assert_eq!(*payload.unwrap_err().downcast::<u64>().unwrap(), 77);
    // It goes on.
    assert_eq!(runtime.run(|| 1), 1);
}

#[test]
fn run_of_a_goroutine_that_exits_panics() {
    let _t = common::test();
    let runtime = runtime(1);
    let text = panic_text(|| runtime.run(|| rt::task::exit()));
    assert_eq!(text, "Runtime::run: the goroutine was cancelled");
}

#[test]
fn run_nests_in_its_own_goroutines() {
    let _t = common::test();
    let runtime = runtime(1);
    assert_eq!(runtime.run(|| runtime.run(|| runtime.run(|| 3) + 1) + 1), 5);
}

#[test]
fn run_from_a_goroutine_of_another_runtime_parks_it() {
    let _t = common::test();
    let (a, b) = (runtime(1), runtime(1));
    let other_ran = AtomicBool::new(false);
    let both = a.run(|| {
        rt::scope(|s| {
            let asks = s.spawn(|| {
                b.run(|| {
                    // While we wait here, the only processor of `a` runs the other goroutine.
                    eventually_yielding("the other goroutine of a", || {
                        other_ran.load(Ordering::SeqCst)
                    });
                    7
                })
            });
            let other = s.spawn(|| other_ran.store(true, Ordering::SeqCst));
            other.join().unwrap();
            asks.join().unwrap()
        })
    });
    assert_eq!(both, 7);
}

#[test]
fn an_abort_reaches_what_the_goroutine_runs_in_another_runtime() {
    let _t = common::test();
    let (a, b) = (runtime(1), Arc::new(runtime(1)));
    let tally = Tally::default();
    let (here, there, started) = (tally.token(), tally.token(), Chan::new(1));
    let (b2, started2) = (Arc::clone(&b), started.clone());
    let asks = a.handle().spawn(move || {
        let _here = here;
        b2.run(move || {
            let _there = there;
            started2.send(());
            Chan::<()>::nil().recv();
        });
    });
    started.recv();
    thread::sleep(Duration::from_millis(5));
    asks.abort();
    assert!(asks.join().unwrap_err().is_cancelled());
    tally.assert_all_dropped();
    assert_eq!(b.run(|| 1), 1);
}

#[test]
fn several_runtimes_at_once() {
    let _t = common::test();
    let runtimes: Vec<_> = (1..=4).map(runtime).collect();
    let sums = thread::scope(|s| {
        let sums: Vec<_> = runtimes
            .iter()
            .map(|runtime| {
                s.spawn(|| {
                    runtime.run(|| {
                        let handles: Vec<_> = (0..500_u64)
                            .map(|i| {
                                rt::spawn(move || {
                                    rt::yield_now();
                                    i
                                })
                            })
                            .collect();
                        (rt::procs(), handles.into_iter().map(|h| h.join().unwrap()).sum::<u64>())
                    })
                })
            })
            .collect();
        sums.into_iter().map(|sum| sum.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(sums, [(1, 124_750), (2, 124_750), (3, 124_750), (4, 124_750)]);
}

#[test]
fn a_channel_joins_two_runtimes_and_a_thread() {
    let _t = common::test();
    let (a, b) = (runtime(1), runtime(2));
    let (ab, bt) = (Chan::new(0), Chan::new(0));
    let sender = ab.clone();
    let first = a.handle().spawn(move || {
        for i in 0..2000_u64 {
            sender.send(i);
        }
        sender.close();
    });
    let (from, to) = (ab.clone(), bt.clone());
    let second = b.handle().spawn(move || {
        for i in &from {
            to.send(i * 2);
        }
        to.close();
    });
    let got: Vec<u64> = bt.iter().collect();
    assert_eq!(got, (0..2000).map(|i| i * 2).collect::<Vec<_>>());
    first.join().unwrap();
    second.join().unwrap();
}
