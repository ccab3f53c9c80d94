//! Forced migration: after every switch a goroutine must see the thread that it runs on.
//!
//! A compiler may keep the address of a thread-local over a call, and so over a switch to another
//! thread. Run this with fat LTO, where most is inlined: `cargo test -p rt --profile fat --test
//! migration`. What the thread really is, the kernel says, which nothing caches.

#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own atomics count from outside")]

use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const GOROUTINES: usize = 64;
const ROUNDS: usize = 400;

thread_local! {
    /// Without a destructor and without a first time: one instruction to read.
    static PLAIN: Cell<u64> = const { Cell::new(0) };
    /// Made at the first use.
    static LAZY: u64 = kernel_id();
    /// With a destructor.
    static DROPS: RefCell<Vec<u64>> = RefCell::new(vec![kernel_id()]);
}

rt::goroutine_local! {
    static MINE: Cell<u64> = Cell::new(0);
}

fn kernel_id() -> u64 {
    // SAFETY: gettid has no arguments and cannot fail.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    u64::try_from(id).unwrap()
}

/// What the thread-locals say, each asked anew, in a function of its own.
#[inline(never)]
fn look(me: u64) {
    let here = kernel_id();
    if PLAIN.get() == 0 {
        PLAIN.set(here);
    }
    assert_eq!(PLAIN.get(), here, "a plain thread-local of another thread");
    assert_eq!(LAZY.with(|id| *id), here, "a lazy thread-local of another thread");
    assert_eq!(DROPS.with_borrow(|ids| ids[0]), here, "a thread-local of another thread");
    let named = std::thread::current();
    let name = std::fs::read_to_string(format!("/proc/self/task/{here}/comm")).unwrap();
    assert_eq!(named.name(), Some(name.trim()), "std's own handle to another thread");
    assert_eq!(rt::task::current().id().get(), me, "another goroutine's id");
    assert_eq!(MINE.with(Cell::get), me, "another goroutine's local");
}

struct Counts {
    moves: AtomicU64,
    looks: AtomicU64,
}

/// One goroutine: switches in every way there is, and looks after each.
fn wander(counts: &Counts, echo: &Chan<Chan<()>>) {
    let me = rt::task::current().id().get();
    MINE.with(|id| id.set(me));
    let answer = Chan::new(0);
    let mut before = kernel_id();
    for round in 0..ROUNDS {
        match round % 5 {
            0 => rt::yield_now(),
            1 => {
                // Parked until a plain thread answers: readied from outside.
                echo.send(answer.clone());
                answer.recv();
            }
            2 => assert_eq!(rt::spawn(move || me + 1).join().unwrap(), me + 1),
            3 => rt::time::sleep(Duration::from_micros(50)),
            _ => {
                let wg = WaitGroup::new();
                wg.go(rt::yield_now);
                wg.wait();
            }
        }
        look(me);
        let here = kernel_id();
        counts.moves.fetch_add(u64::from(here != before), Ordering::Relaxed);
        counts.looks.fetch_add(1, Ordering::Relaxed);
        before = here;
        if round % 7 == 0 {
            // Work enough for a thief to come.
            black_box((0..2_000_u64).fold(0, |sum, i| black_box(sum + i)));
        }
    }
}

/// Answers from a thread that is no M, until the channel is closed.
fn echo_thread(echo: Chan<Chan<()>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for answer in echo {
            answer.send(());
        }
    })
}

#[test]
fn thread_locals_are_those_of_the_thread() {
    let counts = Arc::new(Counts { moves: AtomicU64::new(0), looks: AtomicU64::new(0) });
    let echo = Chan::new(GOROUTINES);
    let thread = echo_thread(echo.clone());
    let runtime = rt::Runtime::builder().procs(4).build().unwrap();
    runtime.run(|| {
        rt::scope(|s| {
            for _ in 0..GOROUTINES {
                s.spawn(|| wander(&counts, &echo));
            }
        });
    });
    drop(runtime);
    echo.close();
    thread.join().unwrap();
    let (moves, looks) =
        (counts.moves.load(Ordering::Relaxed), counts.looks.load(Ordering::Relaxed));
    assert_eq!(looks, (GOROUTINES * ROUNDS) as u64);
    // On whatever machine: without migration this test would show nothing.
    assert!(moves > looks / 50, "{moves} changes of thread in {looks} switches: too few to tell");
    println!("{moves} changes of thread in {looks} switches");
}

#[test]
fn without_migration_nothing_moves() {
    let counts = Arc::new(Counts { moves: AtomicU64::new(0), looks: AtomicU64::new(0) });
    let echo = Chan::new(GOROUTINES);
    let thread = echo_thread(echo.clone());
    let runtime = rt::Runtime::builder().procs(4).migrate(false).build().unwrap();
    runtime.run(|| {
        rt::scope(|s| {
            for _ in 0..GOROUTINES {
                s.spawn(|| wander(&counts, &echo));
            }
        });
    });
    drop(runtime);
    echo.close();
    thread.join().unwrap();
    assert_eq!(counts.looks.load(Ordering::Relaxed), (GOROUTINES * ROUNDS) as u64);
    assert_eq!(counts.moves.load(Ordering::Relaxed), 0, "a goroutine changed its thread");
}

/// What `docs/SOUNDNESS.md` warns of: thread-locals in a loop that switches. The optimizer may take
/// their addresses once, before the loop.
#[inline(never)]
fn careless() {
    for _ in 0..ROUNDS {
        assert_eq!(LAZY.with(|id| *id), kernel_id());
        assert_eq!(DROPS.with_borrow(|ids| ids[0]), kernel_id());
        rt::yield_now();
        assert_eq!(LAZY.with(|id| *id), kernel_id());
        assert_eq!(DROPS.with_borrow(|ids| ids[0]), kernel_id());
        black_box((0..300_u64).fold(0, |sum, i| black_box(sum + i)));
    }
}

#[test]
fn careless_code_is_right_without_migration() {
    let runtime = rt::Runtime::builder().procs(4).migrate(false).build().unwrap();
    runtime.run(|| {
        let all: Vec<_> = (0..GOROUTINES).map(|_| rt::spawn(careless)).collect();
        all.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn careless_code_is_right_while_pinned() {
    let runtime = rt::Runtime::builder().procs(4).build().unwrap();
    runtime.run(|| {
        let pinned = || {
            let _pin = rt::task::pin_thread();
            careless();
        };
        let all: Vec<_> = (0..4).map(|_| rt::spawn(pinned)).collect();
        all.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn a_pinned_goroutine_stays_and_others_wander_on() {
    let counts = Arc::new(Counts { moves: AtomicU64::new(0), looks: AtomicU64::new(0) });
    let echo = Chan::new(GOROUTINES);
    let thread = echo_thread(echo.clone());
    let runtime = rt::Runtime::builder().procs(4).build().unwrap();
    runtime.run(|| {
        rt::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| wander(&counts, &echo));
            }
            s.spawn(|| {
                let _pin = rt::task::pin_thread();
                let here = kernel_id();
                for round in 0..100 {
                    if round % 2 == 0 {
                        rt::yield_now();
                    } else {
                        rt::time::sleep(Duration::from_micros(20));
                    }
                    assert_eq!(kernel_id(), here, "a pinned goroutine changed its thread");
                }
            });
        });
    });
    drop(runtime);
    echo.close();
    thread.join().unwrap();
}
