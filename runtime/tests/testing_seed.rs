//! Seeds: the same schedule each time, whatever the goroutines do; and what is said when it is not.

mod common;

use rt::chan::{self, Chan};
use rt::sync::{ErrGroup, Map, Mutex, Once, RwLock, Semaphore, WaitGroup};
use rt::testing::{Explorer, Leaks};
use rt::time;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A bit of everything. What comes out depends on the schedule.
fn a_bit_of_everything() -> Vec<u32> {
    let log = Arc::new(Mutex::new(vec![]));
    let (tx, rx) = chan::bounded(2);
    let jobs = Chan::new(0);
    let slots = Arc::new(Semaphore::new(2));
    let map = Arc::new(Map::<u32, u32>::new());
    let (once, lock) = (Arc::new(Once::new()), Arc::new(RwLock::new(0)));
    let group = WaitGroup::new();
    for n in 0..6_u32 {
        let (log, tx, jobs, slots) = (log.clone(), tx.clone(), jobs.clone(), slots.clone());
        let (map, once, lock) = (map.clone(), once.clone(), lock.clone());
        group.go(move || {
            let _permit = slots.acquire(1);
            once.call_once(|| log.lock().push(100 + n));
            map.store(n % 3, n);
            if n % 2 == 0 {
                let _pin = rt::task::pin_thread();
                time::sleep(Duration::from_millis(u64::from(n / 2)));
                tx.send(n).unwrap();
            } else {
                rt::select! {
                    send(jobs, n) -> () => {}
                    default(Duration::from_millis(1)) => log.lock().push(200 + n),
                }
            }
            *lock.write() += map.load(&(n % 3)).unwrap();
            log.lock().push(n);
        });
    }
    drop(tx);
    let timer = time::after_func(Duration::from_millis(2), {
        let log = log.clone();
        move || log.lock().push(300)
    });
    let taker = {
        let log = log.clone();
        rt::spawn(move || {
            while let Ok(n) = jobs.recv_timeout(Duration::from_millis(5)) {
                log.lock().push(400 + n);
                rt::yield_now();
            }
        })
    };
    rx.iter().for_each(|n| log.lock().push(500 + n));
    group.wait();
    taker.join().unwrap();
    let errors = ErrGroup::<u32>::new();
    (0..3).for_each(|n| errors.go(move || if n == 1 { Err(n) } else { Ok(()) }));
    log.lock().push(600 + errors.wait().unwrap_err());
    timer.stop();
    let mut log = log.lock();
    log.push(1000 + *lock.read());
    std::mem::take(&mut log)
}

#[test]
fn a_seed_means_the_same_schedule() {
    let mut outcomes = HashSet::new();
    let mut schedules = HashSet::new();
    for seed in 0..60 {
        let run = || {
            let out = Mutex::new(vec![]);
            let schedule =
                Explorer::new().replay(seed, || *out.lock() = a_bit_of_everything()).unwrap();
            assert!(schedule.not_deterministic().is_empty(), "{schedule}");
            (out.into_inner(), schedule)
        };
        let (first, second) = (run(), run());
        assert_eq!(first.1, second.1, "seed {seed}");
        assert_eq!(format!("{:#}", first.1), format!("{:#}", second.1));
        assert_eq!(first.0, second.0, "seed {seed}");
        outcomes.insert(first.0);
        schedules.insert(first.1.to_string());
    }
    assert_eq!(schedules.len(), 60);
    assert!(outcomes.len() > 30, "only {} outcomes of 60 seeds", outcomes.len());
}

#[test]
fn the_same_while_others_keep_the_machine_busy() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        for seed in 0..10 {
            let run = || Explorer::new().replay(seed, a_bit_of_everything).unwrap();
            assert_eq!(run(), run(), "seed {seed}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn every_order_is_tried() {
    let seen = std::sync::Mutex::new(HashSet::new());
    Explorer::new()
        .schedules(400)
        .check(|| {
            let log = Mutex::new(String::new());
            rt::scope(|s| {
                for name in ["a", "b", "c", "d"] {
                    let log = &log;
                    s.spawn(move || log.lock().push_str(name));
                }
            });
            seen.lock().unwrap().insert(log.into_inner());
        })
        .unwrap();
    assert_eq!(seen.lock().unwrap().len(), 24, "orders of four");
}

#[test]
fn every_arm_of_a_select_is_tried() {
    let seen = std::sync::Mutex::new(HashSet::new());
    Explorer::new()
        .schedules(100)
        .check(|| {
            let [a, b, c] = [0; 3].map(|_| Chan::new(1));
            [&a, &b, &c].into_iter().for_each(|ch| ch.send(()));
            let arm = rt::select! {
                recv(a) -> _ => 0,
                recv(b) -> _ => 1,
                recv(c) -> _ => 2,
            };
            seen.lock().unwrap().insert(arm);
        })
        .unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[rt::test(seed = 7)]
fn a_test_with_a_seed_has_one_processor_and_virtual_time() {
    assert_eq!(rt::procs(), 1);
    let (start, real) = (time::now(), Instant::now());
    time::sleep(Duration::from_secs(3600));
    assert_eq!(time::now() - start, Duration::from_secs(3600));
    assert!(real.elapsed() < Duration::from_secs(60));
}

static RUNS: AtomicU64 = AtomicU64::new(0);

#[rt::test(explore = 50)]
fn a_test_that_explores_runs_many_times() -> Result<(), String> {
    let n = RUNS.fetch_add(1, Ordering::Relaxed);
    if n < 50 || std::env::var_os("RT_TEST_SEED").is_some() { Ok(()) } else { Err("51".into()) }
}

#[rt::test(explore = 1_000, seed = 5)]
#[should_panic(expected = "an update was lost")]
fn a_test_that_explores_fails_with_the_panic_that_it_found() {
    let count = Arc::new(Mutex::new(0));
    let add = |count: Arc<Mutex<u32>>| {
        rt::spawn(move || {
            let seen = *count.lock();
            *count.lock() = seen + 1;
        })
    };
    let adds = [add(count.clone()), add(count.clone())];
    adds.into_iter().for_each(|add| add.join().unwrap());
    assert_eq!(*count.lock(), 2, "an update was lost");
}

#[rt::test(seed = 1)]
#[should_panic(expected = "all goroutines are asleep - deadlock!")]
fn a_deadlock_is_a_failure() {
    Chan::<u8>::nil().recv();
}

#[test]
fn a_run_without_end_is_a_failure() {
    let failure = Explorer::new().max_steps(10_000).replay(3, || {
        loop {
            rt::yield_now();
        }
    });
    let failure = failure.unwrap_err();
    assert!(failure.message().contains("does not end"), "{failure}");
    assert!(failure.message().contains("10000 steps"), "{failure}");
}

#[test]
fn who_spins_for_another_lets_it_run() {
    let spins = || {
        let lock = Mutex::new(0);
        rt::scope(|s| {
            s.spawn(|| {
                while *lock.lock() == 0 {
                    // No yield: the unlock is the point.
                }
            });
            s.spawn(|| *lock.lock() = 1);
        });
    };
    Explorer::new().schedules(300).check(spins).unwrap();
}

#[test]
fn goroutines_that_are_left() {
    let leaves = || {
        let never = Chan::<u8>::new(0);
        let new = rt::task::Builder::new().name("forgotten");
        drop(new.spawn(move || never.recv()).unwrap());
        rt::spawn(|| time::sleep(Duration::from_secs(60)));
        rt::spawn(|| ());
    };
    Explorer::new().schedules(20).check(leaves).unwrap();
    let failure = Explorer::new().leaks(Leaks::Deny).replay(1, leaves).unwrap_err();
    let message = failure.message();
    assert!(message.starts_with("2 goroutines are left\n"), "{message}");
    assert!(message.contains(" 'forgotten': chan receive; spawned at "), "{message}");
    assert!(message.contains(": sleep; spawned at runtime/tests/testing_seed.rs:"), "{message}");
    // What ends in time is none, though nobody waits for it.
    let ends = || drop(rt::spawn(rt::yield_now));
    Explorer::new().schedules(100).leaks(Leaks::Deny).check(ends).unwrap();
}

#[rt::test(leaks = "deny")]
#[should_panic(expected = "1 goroutine is left")]
fn a_test_that_leaves_a_goroutine_fails_if_it_asks_for_that() {
    rt::spawn(|| Chan::<u8>::nil().recv());
}

#[rt::test(leaks = "deny")]
fn a_test_whose_goroutines_end_passes() {
    (0..100).for_each(|_| drop(rt::spawn(rt::yield_now)));
}

#[rt::test(virtual_time, leaks = "allow")]
fn a_test_may_leave_goroutines() {
    rt::spawn(|| time::sleep(Duration::from_secs(3600)));
}

#[inline(never)]
fn takes_the_other_side(lock: &Mutex<u8>, gone: &Chan<u8>) {
    let _locked = lock.lock();
    gone.recv();
}

/// The lines of a report below the one that has `what`, up to the next goroutine's.
fn stack_of<'a>(report: &'a str, what: &str) -> Vec<&'a str> {
    let lines = report.lines().skip_while(|line| !line.contains(what)).skip(1);
    lines.take_while(|line| line.starts_with("      ")).map(str::trim).collect()
}

#[test]
fn reports_show_where_those_wait_that_are_left() {
    let deadlock = || {
        let (lock, gone) = (Mutex::new(0), Chan::new(0));
        rt::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| takes_the_other_side(&lock, &gone));
            }
        });
    };
    let message = Explorer::new().replay(1, deadlock).unwrap_err().message();
    for what in [": chan receive;", ": mutex;"] {
        let stack = stack_of(&message, what);
        assert!(stack.iter().any(|line| line.contains("takes_the_other_side")), "{what} {message}");
        // The call that waits first, and nothing of how it does so.
        assert!(stack[0].contains("recv") || stack[0].contains("lock"), "{message}");
        assert!(!message.contains("sched::body"), "{message}");
    }
    // The other that waits for the lock stands where the first does.
    assert_eq!(message.matches("(the stack of goroutine ").count(), 1, "{message}");

    let leaves = || {
        let (lock, gone) = (Mutex::new(0), Chan::new(0));
        drop(rt::spawn(move || takes_the_other_side(&lock, &gone)));
    };
    let failure = Explorer::new().leaks(Leaks::Deny).replay(1, leaves).unwrap_err();
    let message = failure.message();
    let stack = stack_of(&message, ": chan receive;");
    assert!(stack.iter().any(|line| line.contains("takes_the_other_side")), "{message}");
}

/// What is said about a run that is not the same each time.
fn said(f: impl Fn() + Sync) -> String {
    Explorer::new().replay(1, f).unwrap().to_string()
}

#[test]
fn a_thread_that_wakes_somebody_is_reported() {
    let text = said(|| {
        let (tx, rx) = chan::bounded(0);
        let hold = rt::testing::TimeHold::new();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            tx.send(1).unwrap();
            drop(hold);
        });
        assert_eq!(rx.recv(), Ok(1));
    });
    assert!(
        text.contains("this schedule is not deterministic: goroutine 1 was woken by a thread"),
        "{text}"
    );
}

#[test]
fn a_thread_that_spawns_is_reported() {
    let text = said(|| {
        let here = rt::Handle::current();
        std::thread::spawn(move || drop(here.spawn(|| ()))).join().unwrap();
    });
    assert!(text.contains("a goroutine was spawned from outside"), "{text}");
}

#[test]
fn a_goroutine_that_blocks_for_others_is_reported_and_they_go_on() {
    let text = said(|| {
        let (tx, rx) = std::sync::mpsc::channel();
        let waits = rt::spawn(move || rx.recv().unwrap());
        (0..50).for_each(|_| rt::yield_now());
        tx.send(7).unwrap();
        assert_eq!(waits.join().unwrap(), 7);
    });
    assert!(text.contains("blocked its thread, and others went on"), "{text}");
}

#[test]
fn a_short_call_that_blocks_is_part_of_the_schedule() {
    let sleeps = || {
        rt::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    std::thread::sleep(Duration::from_millis(1));
                    rt::blocking(|| std::thread::sleep(Duration::from_millis(1)));
                });
            }
        });
    };
    for seed in 0..5 {
        let run = || Explorer::new().replay(seed, sleeps).unwrap();
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        assert!(first.not_deterministic().is_empty(), "{first}");
    }
}

#[test]
fn sockets_work_and_are_reported() {
    use std::io::{Read, Write};
    let text = said(|| {
        let listener = rt::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = rt::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        });
        let mut client = rt::net::TcpStream::connect(addr).unwrap();
        client.write_all(b"hello").unwrap();
        drop(client);
        assert_eq!(server.join().unwrap(), "hello");
    });
    assert!(text.contains("a socket has become ready"), "{text}");
}

#[test]
fn a_panic_that_is_dealt_with_is_no_failure() {
    Explorer::new()
        .schedules(20)
        .check(|| assert!(rt::spawn(|| panic!("no")).join().unwrap_err().is_panic()))
        .unwrap();
}

#[test]
fn an_exploration_may_be_made_from_a_goroutine() {
    let runtime = common::runtime(2);
    runtime.run(|| {
        let explored = Explorer::new().schedules(20).first_seed(100).check(a_bit_of_everything);
        let explored = explored.unwrap();
        assert_eq!((explored.schedules, explored.last.seed()), (20, 119));
    });
}
