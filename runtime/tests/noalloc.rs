//! In steady state a spawn is one allocation, a yield, a wake-up and a frame none, and none of them a system call.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own atomics count from outside")]

mod common;

use common::{child, is_child, runtime};
use rt::chan::{self, Chan, Select};
use rt::panic;
use rt::sync::WaitGroup;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's own promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's own promises.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's own promises.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// The allocations that `f` makes, after a warm-up of its own kind.
fn allocations(mut f: impl FnMut()) -> u64 {
    (0..2).for_each(|_| f());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    f();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// The fewest of several times: the harness and its threads allocate now and then.
fn fewest(mut f: impl FnMut()) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..10 {
        least = least.min(allocations(&mut f));
        if least == 0 {
            break;
        }
    }
    least
}

const ROUNDS: u64 = 10_000;
const LONG: std::time::Duration = std::time::Duration::from_secs(30);

#[test]
fn spawns_live_on_what_ended_goroutines_have_left() {
    let _t = common::alone();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let joined = allocations(|| {
                for i in 0..ROUNDS {
                    assert_eq!(rt::spawn(move || i).join().unwrap(), i);
                }
            });
            assert!(joined < 20, "{joined} of {ROUNDS}, procs {procs}");
            let large = allocations(|| {
                for _ in 0..ROUNDS {
                    let bytes = std::hint::black_box([1_u8; 1000]);
                    assert_eq!(rt::spawn(move || bytes[0]).join().unwrap(), 1);
                }
            });
            assert!((ROUNDS..ROUNDS + 20).contains(&large), "{large} of {ROUNDS}, procs {procs}");
            let batch = allocations(|| {
                let wg = WaitGroup::new();
                for _ in 0..ROUNDS / 100 {
                    for _ in 0..100 {
                        let wg = wg.clone();
                        wg.add(1);
                        rt::spawn(move || wg.done());
                    }
                    wg.wait();
                }
            });
            // The deque grows and shrinks with the batch.
            assert!(batch < ROUNDS / 10, "{batch} of {ROUNDS}, procs {procs}");
        });
    }
}

/// Each withdraws its offer from below the other's, with something in the queue all the time.
#[test]
fn joins_that_cross_leave_nothing_behind() {
    let _t = common::alone();
    runtime(1).run(|| {
        let joins = || (0..ROUNDS).for_each(|i| assert_eq!(rt::join(rt::yield_now, || i), ((), i)));
        let crossed = allocations(|| {
            rt::scope(|s| {
                s.spawn(joins);
                s.spawn(joins);
            });
        });
        assert!(crossed < 100, "{crossed} of {ROUNDS}");
    });
}

#[test]
fn a_select_that_is_used_again_allocates_nothing() {
    let _t = common::alone();
    runtime(1).run(|| {
        let (to, from) = (Chan::new(0), Chan::new(0));
        let others: Vec<_> = (0..80).map(|_| Chan::<u64>::new(0)).collect();
        let echo = rt::spawn({
            let (to, from) = (to.clone(), from.clone());
            move || to.iter().for_each(|n: u64| from.send(n))
        });
        let mut select = Select::new();
        for other in &others {
            select.recv(other);
        }
        let send = select.send(&to);
        let mut answers = Select::new();
        let answer = answers.recv(&from);
        let parked = fewest(|| {
            for i in 0..1000 {
                let chosen = select.select();
                assert_eq!(chosen.index(), send);
                chosen.send(&to, i);
                assert_eq!(answers.ready(), answer);
                assert_eq!(answers.select().recv(&from), Some(i));
            }
        });
        assert_eq!(parked, 0);
        to.close();
        echo.join().unwrap();
    });
}

#[test]
fn yields_and_wake_ups_allocate_nothing() {
    let _t = common::alone();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let yields = fewest(|| (0..ROUNDS).for_each(|_| rt::yield_now()));
            assert!(yields < 10, "{yields}, procs {procs}");
            let (there, back) = (Chan::new(0), Chan::new(0));
            let (rx, tx) = (there.clone(), back.clone());
            let partner = rt::spawn(move || {
                for value in &rx {
                    tx.send(value);
                }
            });
            let wakes = fewest(|| {
                for i in 0..ROUNDS {
                    there.send(i);
                    assert_eq!(back.recv(), Some(i));
                }
            });
            // Two processors pass things over the global queue now and then, in blocks.
            assert!(wakes < if procs == 1 { 10 } else { ROUNDS / 10 }, "{wakes}, procs {procs}");
            there.close();
            partner.join().unwrap();
        });
    }
}

/// The monitor sets out to follow somebody for the histograms, finds that nobody becomes runnable, and gives up: each twenty
/// milliseconds or so.
#[test]
fn looks_at_who_computes_allocate_nothing() {
    let _t = common::alone();
    let computes = || {
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(200) {
            std::hint::spin_loop();
        }
    };
    assert_eq!(runtime(1).run(|| fewest(computes)), 0);
}

/// However often `f` is called, on one processor and on a plain thread.
fn allocates_nothing(what: &str, f: impl Fn() + Send + Sync) {
    let many = || (0..2000).for_each(|_| f());
    assert_eq!(runtime(1).run(|| fewest(many)), 0, "{what}");
    assert_eq!(fewest(many), 0, "{what}, on a plain thread");
}

#[test]
fn channels_that_are_ready_allocate_nothing() {
    let _t = common::alone();
    for cap in [1, 7] {
        let (tx, rx) = chan::bounded(cap);
        allocates_nothing("bounded", || {
            (0..cap).for_each(|i| tx.send(i).unwrap());
            assert!(tx.try_send(0).is_err());
            assert_eq!(rx.try_iter().count(), cap);
        });
        let go = Chan::new(cap);
        allocates_nothing("Chan", || {
            (0..cap).for_each(|i| go.send(i));
            assert!((0..cap).eq((0..cap).filter_map(|_| go.recv())));
        });
    }
    // Around the ends of its blocks, empty in between and with values left.
    for left in [0, 100, 1000] {
        let (tx, rx) = chan::unbounded();
        (0..left).for_each(|i| tx.send(i).unwrap());
        allocates_nothing("unbounded", || {
            (0..3).for_each(|i| tx.send(i).unwrap());
            (0..3).for_each(|i| assert!(rx.recv().is_ok(), "{i}"));
        });
        assert_eq!(rx.len(), left);
    }
    let ((tx, rx), go, nobody) = (chan::bounded(1), Chan::new(1), chan::never::<u8>());
    allocates_nothing("select", || {
        for _ in 0..2 {
            rt::select! {
                send(tx, 1) -> sent => sent.unwrap(),
                recv(rx) -> got => assert_eq!(got, Ok(1)),
                recv(nobody) -> _ => unreachable!(),
            }
        }
        let mut slot = Some(2);
        rt::select! {
            send_from(go, &mut slot) => {}
            default => unreachable!("there is room"),
        }
        rt::select! {
            recv(go) -> got => assert_eq!(got, Some(2)),
            recv(nobody) -> _ => unreachable!(),
            default(LONG) => unreachable!("there is a value"),
        }
        rt::select! {
            recv(rx) -> _ => unreachable!(),
            recv(go) -> _ => unreachable!(),
            default => {}
        }
    });
    let always = chan::tick(std::time::Duration::ZERO);
    allocates_nothing("tick", || assert!(always.try_recv().is_ok()));
}

/// Meeting a partner, and waiting for one.
#[test]
fn channels_that_wait_allocate_nothing() {
    let _t = common::alone();
    const FEWER: u64 = 1000;
    let echo = |cap| {
        let (to, asked) = chan::bounded::<u64>(cap);
        let (answers, from) = chan::bounded::<u64>(cap);
        (to, from, move || asked.iter().for_each(|n| answers.send(n).unwrap()))
    };
    for cap in [0, 1] {
        runtime(1).run(|| {
            let (to, from, partner) = echo(cap);
            let partner = rt::spawn(partner);
            let waits = fewest(|| {
                for i in 0..FEWER {
                    to.send(i).unwrap();
                    assert_eq!(from.recv(), Ok(i));
                }
            });
            let selects = fewest(|| {
                for i in 0..FEWER {
                    let mut got = None;
                    rt::select! { send(to, i) -> sent => sent.unwrap(), recv(from) -> _ => {} }
                    rt::select! { recv(from) -> v => got = v.ok(), default(LONG) => {} }
                    assert_eq!(got, Some(i));
                }
            });
            let timed = fewest(|| {
                for i in 0..FEWER {
                    to.send_timeout(i, LONG).unwrap();
                    assert_eq!(from.recv_timeout(LONG), Ok(i));
                }
            });
            assert_eq!((waits, selects, timed), (0, 0, 0), "capacity {cap}");
            drop(to);
            partner.join().unwrap();
        });
        // A plain thread at one end.
        let runtime = runtime(1);
        let (to, from, partner) = echo(cap);
        let partner = runtime.handle().spawn(partner);
        let thread = fewest(|| {
            for i in 0..FEWER / 4 {
                to.send(i).unwrap();
                assert_eq!(from.recv(), Ok(i));
            }
        });
        // Who is woken from outside comes over the global queue, which is made of blocks.
        assert!(thread < FEWER / 4 / 20, "{thread} by a thread, capacity {cap}");
        drop(to);
        partner.join().unwrap();
    }
}

#[test]
fn deferred_code_of_what_returns_allocates_nothing() {
    let _t = common::alone();
    allocates_nothing("defer!", || {
        let done = Cell::new(0);
        {
            rt::defer! { done.set(done.get() + 1) }
            rt::defer_call!(done.set(1));
            assert_eq!(done.get(), 0);
        }
        assert_eq!(done.get(), 2);
    });
    allocates_nothing("a frame", || {
        let (done, words) = (&Cell::new(0), [1, 2]);
        let result = panic::frame_named(0, |f| {
            f.defer(move |u| {
                *u.result += words[0] + words[1];
                done.set(1);
            });
            1
        });
        assert_eq!((result, done.get()), (4, 1));
    });
    allocates_nothing("three in a frame", || {
        let result = panic::frame(|f| {
            (1..=3).for_each(|i| f.defer(move |u| *u.result = *u.result * 10 + i));
            0
        });
        assert_eq!(result, 321);
    });
    allocates_nothing("catch", || assert_eq!(panic::catch(|| 1).unwrap(), 1));
}

/// From now on any system call of this thread but `write` and the exits ends the process by SIGSYS.
fn forbid_system_calls() {
    const LOAD_NUMBER: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const KILL_PROCESS: u32 = 0x8000_0000;
    let op = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        op(LOAD_NUMBER, 0, 0, 0),
        op(EQUAL, 2, 0, libc::SYS_write as u32),
        op(EQUAL, 1, 0, libc::SYS_exit_group as u32),
        op(RETURN, 0, 0, KILL_PROCESS),
        op(RETURN, 0, 0, ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a plain request.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: a filter that is alive for the call, which copies it.
    let rc =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(rc, 0, "{}", std::io::Error::last_os_error());
}

fn work(there: &Chan<u64>, back: &Chan<u64>) {
    for i in 0..ROUNDS {
        assert_eq!(rt::spawn(move || i).join().unwrap(), i);
        rt::yield_now();
        there.send(i);
        assert_eq!(back.recv(), Some(i));
        if i % 100 == 0 {
            let wg = WaitGroup::new();
            for _ in 0..50 {
                let wg = wg.clone();
                wg.add(1);
                rt::spawn(move || {
                    rt::yield_now();
                    wg.done();
                });
            }
            wg.wait();
        }
    }
}

fn scenario(forbidden: impl FnOnce() + Send) -> ! {
    let runtime = runtime(1);
    runtime.run(|| {
        let (there, back) = (Chan::new(0), Chan::new(0));
        let (rx, tx) = (there.clone(), back.clone());
        rt::spawn(move || {
            for value in &rx {
                tx.send(value);
            }
        });
        (0..2).for_each(|_| work(&there, &back));
        forbid_system_calls();
        work(&there, &back);
        forbidden();
        let done = b"all done\n";
        // SAFETY: a buffer that is alive for the call.
        unsafe { libc::write(2, done.as_ptr().cast(), done.len()) };
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    });
    unreachable!("it exits");
}

/// With one processor nobody sleeps that spawn, join, yield, send or receive could have to wake.
#[test]
fn spawns_switches_and_wake_ups_make_no_system_call() {
    let name = "spawns_switches_and_wake_ups_make_no_system_call";
    if is_child(name) {
        scenario(|| ());
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    ended.assert_says(&["all done"]);
}

/// The proof above can fail.
#[test]
fn a_system_call_would_be_seen() {
    let name = "a_system_call_would_be_seen";
    if is_child(name) {
        scenario(|| {
            // SAFETY: a plain request.
            unsafe { libc::getppid() };
        });
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGSYS), "{ended:#?}");
}

#[test]
fn futures_and_timeouts_that_need_no_waiting_allocate_nothing() {
    let _t = common::alone();
    runtime(1).run(|| {
        let ready = fewest(|| {
            (0..ROUNDS).for_each(|i| assert_eq!(rt::block_on(std::future::ready(i)), i));
        });
        assert_eq!(ready, 0);
        let timer = rt::time::Timer::new(std::time::Duration::MAX);
        let moved = fewest(|| {
            for _ in 0..ROUNDS {
                timer.reset(std::time::Duration::ZERO);
                assert!(timer.chan().recv().is_ok() && !timer.stop());
            }
        });
        assert_eq!(moved, 0);
        // A wait with a deadline that does not come.
        let (to, from) = (Chan::new(0), Chan::new(0));
        let echo = rt::spawn({
            let (to, from) = (to.clone(), from.clone());
            move || to.iter().for_each(|n: u64| from.send(n))
        });
        let minute = std::time::Duration::from_secs(60);
        let timeouts = fewest(|| {
            for i in 0..1000 {
                to.send(i);
                assert_eq!(from.recv_timeout(minute), Ok(i));
            }
        });
        assert!(timeouts < 10, "{timeouts}");
        to.close();
        echo.join().unwrap();
    });
}

/// Nobody takes the second half: its node is used again.
#[test]
fn joins_in_place_allocate_nothing() {
    let _t = common::alone();
    runtime(1).run(|| {
        let joins = fewest(|| {
            for i in 0..ROUNDS {
                let (a, (b, c)) = rt::join(|| i, || rt::join(|| 1, || 2));
                assert_eq!((a, b, c), (i, 1, 2));
            }
        });
        assert_eq!(joins, 0);
    });
}

/// A closure of a few words lies in the worker that runs it.
#[test]
fn small_tasks_of_pools_allocate_nothing() {
    let _t = common::alone();
    runtime(1).run(|| {
        let pool = rt::pool::Pool::new(4).unwrap();
        let (sum, group) = (AtomicU64::new(0), WaitGroup::new());
        let shared: &'static (AtomicU64, WaitGroup) = Box::leak(Box::new((sum, group)));
        let submits = |words: [u64; 2]| {
            shared.1.add(1);
            let task = move || {
                shared.0.fetch_add(words[1], Ordering::Relaxed);
                shared.1.done();
            };
            assert_eq!(size_of_val(&task), 3 * size_of::<usize>());
            pool.submit(task).unwrap();
        };
        let submits = fewest(|| {
            (0..ROUNDS).for_each(|i| submits([i, 1]));
            shared.1.wait();
        });
        assert_eq!(submits, 0);
        assert_eq!(shared.0.load(Ordering::Relaxed) % ROUNDS, 0);
    });
}
