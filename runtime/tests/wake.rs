//! Who is woken, and who is left to sleep.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own atomics watch from outside")]

mod common;

use common::runtime;
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn burn_until(stop: &AtomicBool, most: Duration) -> bool {
    let start = Instant::now();
    while !stop.load(Ordering::SeqCst) {
        if start.elapsed() > most {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}

/// A busy goroutine's only child is run by somebody else.
#[test]
fn the_child_of_a_busy_goroutine_is_run_elsewhere() {
    let _t = common::alone();
    for _ in 0..5 {
        runtime(2).run(|| {
            let ran = Arc::new(AtomicBool::new(false));
            let ran2 = ran.clone();
            let child = rt::spawn(move || ran2.store(true, Ordering::SeqCst));
            // It never parks; 100 ms is what it may take, the rest is for a loaded machine.
            assert!(burn_until(&ran, Duration::from_secs(20)), "nobody ran the child");
            child.join().unwrap();
        });
    }
}

/// One that computes now and then, and rests in between, wakes another when it begins: that one runs beside it, once it is known that
/// this takes long.
#[test]
fn whom_one_wakes_that_computes_now_and_then_runs_beside_it() {
    let t = common::alone();
    runtime(2).run(|| {
        let (turns, ran) = (Chan::new(0), Arc::new(AtomicUsize::new(0)));
        let (its, ran2) = (turns.clone(), ran.clone());
        let other =
            rt::spawn(move || its.iter().for_each(|turn| ran2.store(turn, Ordering::SeqCst)));
        // From here on the monitor takes its time.
        rt::time::sleep(Duration::from_millis(60));
        let mut in_time = 0;
        for turn in 1..500 {
            turns.send(turn);
            let start = Instant::now();
            while ran.load(Ordering::SeqCst) != turn && start.elapsed() < Duration::from_millis(8) {
            }
            in_time = if ran.load(Ordering::SeqCst) == turn { in_time + 1 } else { 0 };
            if in_time == 5 {
                break;
            }
            rt::time::sleep(Duration::from_millis(12));
            t.dog.pet();
        }
        assert_eq!(in_time, 5, "it never ran beside the other one");
        turns.close();
        other.join().unwrap();
    });
}

/// Nobody is woken again and again for children that their parent runs itself, a moment later.
#[test]
fn children_that_are_joined_at_once_wake_nobody() {
    let _t = common::alone();
    let runtime = runtime(2);
    let looks = || runtime.metrics().procs.iter().map(|p| p.steal_attempts).sum::<u64>();
    const MANY: u64 = 50_000;
    let tried = runtime.run(|| {
        let before = looks();
        (0..MANY).for_each(|i| assert_eq!(rt::spawn(move || i).join().unwrap(), i));
        looks() - before
    });
    // Some at first, and some when this thread has lost its processor to others for a while.
    assert!(tried < MANY / 20, "{tried} times somebody looked for work");
}

#[test]
fn a_crowd_of_children_of_a_busy_goroutine_is_run_elsewhere() {
    let _t = common::alone();
    runtime(2).run(|| {
        let ran: Arc<Vec<AtomicBool>> =
            Arc::new((0..100).map(|_| AtomicBool::new(false)).collect());
        for i in 0..100 {
            let ran = ran.clone();
            rt::spawn(move || ran[i].store(true, Ordering::SeqCst));
        }
        for (i, one) in ran.iter().enumerate() {
            assert!(burn_until(one, Duration::from_secs(20)), "nobody ran child {i}");
        }
    });
}

/// Work from plain threads wakes a runtime that sleeps, again and again.
#[test]
fn plain_threads_wake_an_idle_runtime() {
    let _t = common::alone();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let (there, back) = (Chan::new(0), Chan::new(0));
        let (rx, tx) = (there.clone(), back.clone());
        runtime.handle().spawn(move || {
            for value in &rx {
                tx.send(value);
            }
        });
        let wg = WaitGroup::new();
        for i in 0..300_u64 {
            // Now and then it falls asleep for good, monitor and all.
            if i % 100 == 0 {
                std::thread::sleep(Duration::from_millis(150));
            } else if i % 10 == 0 {
                std::thread::sleep(Duration::from_micros(i * 10));
            }
            match i % 3 {
                0 => {
                    there.send(i);
                    assert_eq!(back.recv(), Some(i));
                }
                1 => assert_eq!(runtime.handle().spawn(move || i).join().unwrap(), i),
                _ => {
                    wg.add(1);
                    let waits = wg.clone();
                    let waiter = runtime.handle().spawn(move || waits.wait());
                    std::thread::yield_now();
                    wg.done();
                    waiter.join().unwrap();
                }
            }
        }
        there.close();
    }
}

/// Processor time that this process has used.
fn used() -> Duration {
    // SAFETY: all zeroes is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a valid place for the answer.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// How often threads of this process have gone to sleep of their own accord.
fn sleeps() -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(status) = std::fs::read_to_string(task.unwrap().path().join("status")) else {
            continue;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.unwrap().trim().parse::<u64>().unwrap();
    }
    sum
}

/// Nothing to do costs nothing, whoever waits.
#[test]
fn an_idle_runtime_does_not_stir() {
    let t = common::alone();
    for procs in [1, 2, 4] {
        let runtime = runtime(procs);
        let hold = Chan::<()>::new(0);
        let parked = WaitGroup::new();
        parked.add(10_000);
        let waits: Vec<_> = (0..10_000)
            .map(|_| {
                let (hold, parked) = (hold.clone(), parked.clone());
                runtime.handle().spawn(move || {
                    parked.done();
                    hold.recv()
                })
            })
            .collect();
        // And one far timer.
        let sleeps_long = runtime.handle().spawn(|| rt::time::sleep(Duration::from_secs(1000)));
        parked.wait();
        // The monitor looks on for 100 ms; what is idle for 5 s is taken apart once.
        std::thread::sleep(Duration::from_millis(500));
        let (time, count) = (used(), sleeps());
        std::thread::sleep(Duration::from_secs(1));
        let (time, count) = (used() - time, sleeps() - count);
        assert!(time < Duration::from_millis(10), "{time:?} of processor time in an idle second");
        // Our own sleep is one of them, reading /proc may be others.
        assert!(count <= 10, "{count} wake-ups in an idle second");
        sleeps_long.abort();
        hold.close();
        waits.into_iter().for_each(|w| assert!(w.join().unwrap().is_none()));
        t.dog.pet();
    }
}
