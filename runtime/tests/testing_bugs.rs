//! Planted bugs: each is found within 1,000 schedules, and comes again from its seed; the same code without it passes.
//!
//! `cargo test -p rt --release --test testing_bugs -- --ignored` tries the code without them under 10,000 schedules each.

use rt::chan::{self, Chan};
use rt::sync::{Condvar, Mutex, RwLock, WaitGroup};
use rt::testing::{Explorer, Failure};
use std::sync::Arc;
use std::time::Duration;

/// Finds the bug, and finds it again: the same failure by the same schedule, to the last byte.
#[track_caller]
fn finds(bug: impl Fn() + Sync) -> Failure {
    let Err(found) = Explorer::new().schedules(1_000).check(&bug) else {
        panic!("not found in 1,000 schedules");
    };
    let again = Explorer::new().replay(found.seed(), &bug).unwrap_err();
    assert_eq!(again.schedule(), found.schedule());
    assert_eq!(again.message(), found.message());
    assert_eq!(format!("{:#}", again.schedule()), format!("{:#}", found.schedule()));
    assert!(found.schedule().not_deterministic().is_empty(), "{found}");
    println!("{found}\n");
    found
}

/// Code without a bug, by name; run under few schedules here, and under many in `the_fixed_ones_pass_ten_thousand`.
const FIXED: [(&str, fn()); 7] = [
    ("wake-up", || wake_up(true)),
    ("lock order", || lock_order(true)),
    ("check then act", || check_then_act(true)),
    ("abba", || abba(true)),
    ("lost update", || lost_update(true)),
    ("wait group", || wait_group(true)),
    ("timeout", || timeout(true)),
];

fn passes(schedules: u64) {
    for (name, fixed) in FIXED {
        if let Err(failure) = Explorer::new().schedules(schedules).check(fixed) {
            panic!("{name}: {failure}");
        }
    }
}

#[test]
fn the_fixed_ones_pass() {
    passes(300);
}

#[test]
#[ignore = "takes a while"]
fn the_fixed_ones_pass_ten_thousand() {
    passes(10_000);
}

/// A lost wake-up: whether to wait is looked at in one section, and waited in another.
fn wake_up(fixed: bool) {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    rt::scope(|s| {
        s.spawn(|| {
            if fixed {
                drop(changed.wait_while(ready.lock(), |ready| !*ready));
            } else if !*ready.lock() {
                drop(changed.wait(ready.lock()));
            }
        });
        s.spawn(|| {
            *ready.lock() = true;
            changed.notify_one();
        });
    });
}

#[test]
fn a_lost_wake_up() {
    let failure = finds(|| wake_up(false));
    assert!(failure.is_deadlock());
    assert!(failure.message().contains("condvar"), "{failure}");
}

/// A lock order: three philosophers take the left fork first.
fn lock_order(fixed: bool) {
    let forks = [Mutex::new(()), Mutex::new(()), Mutex::new(())];
    rt::scope(|s| {
        for n in 0..3 {
            let forks = &forks;
            s.spawn(move || {
                let (mut first, mut second) = (n, (n + 1) % 3);
                if fixed && first > second {
                    (first, second) = (second, first);
                }
                let _left = forks[first].lock();
                let _right = forks[second].lock();
            });
        }
    });
}

#[test]
fn a_lock_order() {
    let failure = finds(|| lock_order(false));
    assert!(failure.is_deadlock());
    assert_eq!(failure.message().matches(": mutex").count(), 3, "{failure}");
}

/// Check, then act: whether there is room is asked before the send.
fn check_then_act(fixed: bool) {
    let jobs = Chan::new(1);
    rt::scope(|s| {
        for n in 0..2 {
            let jobs = jobs.clone();
            s.spawn(move || {
                if fixed {
                    let _ = jobs.try_send(n);
                } else if jobs.len() < jobs.cap() {
                    jobs.send(n);
                }
            });
        }
    });
}

#[test]
fn a_check_then_act_on_the_length_of_a_channel() {
    let failure = finds(|| check_then_act(false));
    assert!(failure.is_deadlock());
    assert!(failure.message().contains("chan send"), "{failure}");
}

/// Two mutexes in two orders, of two kinds, among others who only take one.
fn abba(fixed: bool) {
    let (a, b) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::new(2)));
    let group = WaitGroup::new();
    for n in 0..4 {
        let (a, b) = (Arc::clone(&a), Arc::clone(&b));
        group.go(move || match n {
            0 => {
                let a = a.lock();
                *b.write() += *a;
            }
            1 if !fixed => {
                let b = b.read();
                *a.lock() += *b;
            }
            1 => {
                let b = *b.read();
                *a.lock() += b;
            }
            _ => *a.lock() += 1,
        });
    }
    group.wait();
}

#[test]
fn an_abba_of_two_locks() {
    let failure = finds(|| abba(false));
    assert!(failure.is_deadlock());
    assert!(failure.message().contains("rwlock") && failure.message().contains(": mutex"));
}

/// A lost update: read and written in two sections.
fn lost_update(fixed: bool) {
    let count = Mutex::new(0);
    rt::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                if fixed {
                    *count.lock() += 1;
                } else {
                    let seen = *count.lock();
                    *count.lock() = seen + 1;
                }
            });
        }
    });
    assert_eq!(*count.lock(), 2, "an update was lost");
}

#[test]
fn a_lost_update() {
    let failure = finds(|| lost_update(false));
    assert!(failure.is_panic());
    assert!(failure.message().contains("an update was lost"), "{failure}");
}

/// `add` inside the goroutine that it is for, where `wait` may come first.
fn wait_group(fixed: bool) {
    let (group, done) = (WaitGroup::new(), Arc::new(Mutex::new(0)));
    for _ in 0..2 {
        let (group, done) = (group.clone(), Arc::clone(&done));
        if fixed {
            group.add(1);
        }
        rt::spawn(move || {
            if !fixed {
                group.add(1);
            }
            *done.lock() += 1;
            group.done();
        });
    }
    group.wait();
    assert_eq!(*done.lock(), 2, "wait came back too early");
}

#[test]
fn an_add_that_comes_too_late() {
    assert!(finds(|| wait_group(false)).message().contains("too early"));
}

/// Who gives up waiting for a result leaves the goroutine behind that sends it.
fn timeout(fixed: bool) {
    let (tx, rx) = chan::bounded(usize::from(fixed));
    let worker = rt::spawn(move || {
        rt::time::sleep(Duration::from_secs(10));
        let _ = tx.send(1);
    });
    rt::select! {
        recv(rx) -> v => assert_eq!(v, Ok(1)),
        recv(chan::after(Duration::from_secs(10))) -> _ => {}
    }
    worker.join().unwrap();
}

#[test]
fn a_result_that_nobody_waits_for() {
    let failure = finds(|| timeout(false));
    assert!(failure.is_deadlock());
    assert!(failure.message().contains("10s after the start"), "{failure}");
}
