//! Virtual time: what jumps, what is exact, and what stops the clock.

mod common;

use rt::chan::{self, Chan};
use rt::net::UnixStream;
use rt::sync::{Condvar, Mutex, Semaphore, WaitGroup};
use rt::testing::TimeHold;
use rt::time::{self, Ticker, Timer, after_func};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// That much virtual time passes in `f`, and less than a minute of the other.
#[track_caller]
fn takes(much: Duration, f: impl FnOnce()) {
    let (start, real) = (time::now(), Instant::now());
    f();
    assert_eq!(time::now() - start, much);
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[rt::test(virtual_time)]
fn hours_of_sleep_take_no_time() {
    takes(1000 * HOUR, || time::sleep(1000 * HOUR));
    takes(Duration::ZERO, || time::sleep(Duration::ZERO));
    takes(HOUR, || {
        rt::scope(|s| {
            for n in 1..=60 {
                s.spawn(move || time::sleep(n * HOUR / 60));
            }
        });
    });
}

/// As after Go's `synctest.Wait`: the others have done all that they can do by then.
#[rt::test(virtual_time)]
fn who_sleeps_for_a_moment_finds_the_others_waiting() {
    const MOMENT: Duration = Duration::from_nanos(1);
    let (steps, go_on) = (Arc::new(AtomicU32::new(0)), Chan::new(0));
    for _ in 0..3 {
        let steps = Arc::clone(&steps);
        rt::go!(go_on => {
            for () in &go_on {
                for _ in 0..100 {
                    rt::yield_now();
                    rt::spawn(rt::yield_now).join().unwrap();
                }
                rt::blocking(|| std::thread::sleep(Duration::from_millis(1)));
                steps.fetch_add(1, Ordering::Relaxed);
            }
            time::sleep(HOUR);
            steps.fetch_add(10, Ordering::Relaxed);
        });
    }
    for n in 1..=10 {
        go_on.send(());
        takes(MOMENT, || time::sleep(MOMENT));
        assert_eq!(steps.load(Ordering::Relaxed), n);
    }
    go_on.close();
    time::sleep(HOUR);
    // Their hours began before it did; all deadlines of an instant are due together.
    time::sleep(MOMENT);
    assert_eq!(steps.load(Ordering::Relaxed), 40);
}

/// It is there when its writer waits, though another thread may be about to tell of it.
#[rt::test(virtual_time, procs = 2)]
fn what_a_goroutine_has_written_comes_before_a_deadline() {
    const ROUNDS: u32 = 20_000;
    takes(Duration::ZERO, || {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.set_read_timeout(Some(HOUR)).unwrap();
        let echo = rt::spawn(move || {
            let mut buf = [0; 4];
            for _ in 0..ROUNDS {
                other.read_exact(&mut buf).unwrap();
                other.write_all(&buf).unwrap();
            }
        });
        let mut buf = [0; 4];
        for n in 0..ROUNDS {
            one.write_all(&n.to_le_bytes()).unwrap();
            one.read_exact(&mut buf).unwrap();
            assert_eq!(u32::from_le_bytes(buf), n);
        }
        echo.join().unwrap();
    });
}

#[rt::test(virtual_time, procs = 4)]
fn deadlines_come_in_their_order_and_at_their_instant() {
    let start = time::now();
    let log = Arc::new(Mutex::new(vec![]));
    let group = WaitGroup::new();
    // 7 and 1009 have no common divisor: all delays from 0 to 1008 milliseconds, mixed.
    for n in 0..1009_u32 {
        let log = Arc::clone(&log);
        let delay = Duration::from_millis(u64::from(n * 7 % 1009)) + Duration::from_nanos(n.into());
        group.go(move || {
            time::sleep_until(start + delay);
            assert_eq!(time::now(), start + delay);
            log.lock().push(delay);
        });
    }
    group.wait();
    let log = log.lock();
    assert_eq!(log.len(), 1009);
    assert!(log.is_sorted());
}

#[rt::test(virtual_time)]
fn everything_with_a_deadline_follows() {
    let s = Duration::from_secs;
    let never = chan::never::<()>();
    takes(s(1), || assert!(never.recv_timeout(s(1)).is_err()));
    takes(s(2), || assert!(Chan::<u8>::nil().recv_timeout(s(2)).is_err()));
    takes(s(3), || assert!(chan::after(s(3)).recv().is_ok()));
    takes(s(30), || {
        let tick = chan::tick(s(10));
        (0..3).for_each(|_| assert!(tick.recv().is_ok()));
    });
    takes(s(5), || {
        let ticker = Ticker::new(s(5));
        let at = ticker.chan().recv().unwrap();
        assert_eq!(at, time::now());
    });
    takes(s(7), || {
        let timer = Timer::new(HOUR);
        assert!(timer.reset(s(7)));
        timer.chan().recv().unwrap();
    });
    takes(s(8), || {
        let (tx, rx) = chan::bounded(1);
        after_func(s(8), move || tx.send(time::now()).unwrap());
        assert_eq!(rx.recv().unwrap(), time::now());
    });
    takes(s(9), || assert!(time::timeout(s(9), || time::sleep(HOUR)).is_err()));
    takes(s(4), || time::timeout(s(9), || time::sleep(Duration::from_secs(4))).unwrap());
    takes(s(1), || {
        rt::select! {
            recv(never) -> _ => unreachable!(),
            default(s(1)) => {}
        }
    });
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    takes(s(2), || assert!(mutex.lock_timeout(s(2)).is_none()));
    takes(s(3), || assert!(Condvar::new().wait_timeout(guard, s(3)).1));
    let semaphore = Semaphore::new(1);
    let _permit = semaphore.acquire(1);
    takes(s(4), || assert!(semaphore.acquire_timeout(1, s(4)).is_none()));
    let group = WaitGroup::new();
    group.add(1);
    takes(s(5), || assert!(!group.wait_timeout(s(5))));
    let sleeper = rt::spawn(|| time::sleep(HOUR));
    takes(s(6), || assert!(sleeper.join_timeout(s(6)).unwrap_err().is_timeout()));
    takes(HOUR - s(6), || sleeper.join().unwrap());
}

#[rt::test(virtual_time)]
fn who_is_pinned_has_the_same_time() {
    let sleepers: Vec<_> = (1..=3)
        .map(|n| {
            rt::spawn(move || {
                let _pin = rt::task::pin_thread();
                let start = time::now();
                time::sleep(n * HOUR);
                time::now() - start
            })
        })
        .collect();
    for (n, sleeper) in (1..).zip(sleepers) {
        assert_eq!(sleeper.join().unwrap(), n * HOUR);
    }
    let _pin = rt::task::pin_thread();
    takes(HOUR, || time::sleep(HOUR));
}

#[rt::test(virtual_time)]
fn a_clock_stands_still_while_somebody_runs() {
    let start = time::now();
    let late = rt::spawn(|| {
        time::sleep(HOUR);
        time::now()
    });
    let burns = Instant::now();
    while burns.elapsed() < Duration::from_millis(50) {
        rt::yield_now();
    }
    assert_eq!(time::now(), start);
    assert_eq!(late.join().unwrap(), start + HOUR);
}

/// What `f` panics with.
fn panic_of(f: impl FnOnce()) -> Box<dyn std::any::Any + Send> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err()
}

/// Waits for a message that a thread sends after a while of real time, in `wait`: virtual time stands still meanwhile.
fn blocked(wait: impl FnOnce(mpsc::Receiver<()>)) {
    let start = time::now();
    let woken = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&woken);
    let sleeper = rt::spawn(move || {
        time::sleep(HOUR);
        seen.load(Ordering::SeqCst)
    });
    rt::yield_now();
    let (tx, rx) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        tx.send(()).unwrap();
    });
    wait(rx);
    assert_eq!(time::now(), start, "time passed while a goroutine was blocked");
    woken.store(1, Ordering::SeqCst);
    assert_eq!(sleeper.join().unwrap(), 1, "the sleeper was woken too early");
    thread.join().unwrap();
}

#[rt::test(virtual_time, procs = 2)]
fn a_system_call_stops_the_clock() {
    blocked(|rx| rx.recv().unwrap());
}

#[rt::test(virtual_time, procs = 2)]
fn blocking_stops_the_clock() {
    blocked(|rx| rt::blocking(|| rx.recv().unwrap()));
}

#[rt::test(virtual_time)]
fn a_thread_that_holds_the_time_stops_the_clock() {
    let start = time::now();
    let (tx, rx) = chan::bounded(1);
    let hold = TimeHold::new();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        tx.send(()).unwrap();
        drop(hold);
    });
    assert!(rx.recv_timeout(HOUR).is_ok());
    assert_eq!(time::now(), start);
    takes(HOUR, || time::sleep(HOUR));
}

#[rt::test(virtual_time)]
fn the_end_of_a_hold_is_noticed() {
    let hold = TimeHold::new();
    let second = TimeHold::new();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop((hold, second));
    });
    takes(HOUR, || time::sleep(HOUR));
}

#[test]
fn others_have_the_real_time() {
    let real = common::runtime(1);
    let test = rt::Runtime::builder().virtual_time(true).build().unwrap();
    let there = test.run(|| {
        time::sleep(1000 * HOUR);
        time::now()
    });
    assert!(there > Instant::now() + 999 * HOUR);
    assert!(time::now() < Instant::now() + HOUR);
    assert!(real.run(time::now) < Instant::now() + HOUR);
    // A run elsewhere takes real time, and its waiter's clock stands still.
    let (before, after) = test.run(|| {
        let before = time::now();
        real.run(|| time::sleep(Duration::from_millis(30)));
        (before, time::now())
    });
    assert_eq!(before, after);
}

#[test]
fn a_runtime_that_is_dropped_inside_takes_the_time_it_needs() {
    let test = rt::Runtime::builder().virtual_time(true).build().unwrap();
    test.run(|| {
        let inner = common::runtime(2);
        let dropped = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&dropped);
        inner.handle().spawn(move || {
            struct Slow(Arc<AtomicU32>);
            impl Drop for Slow {
                fn drop(&mut self) {
                    std::thread::sleep(Duration::from_millis(50));
                    self.0.store(1, Ordering::SeqCst);
                }
            }
            let _slow = Slow(seen);
            time::sleep(HOUR);
        });
        while inner.run(rt::num_goroutines) < 2 {}
        drop(inner);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

/// Deadlines are those of the virtual clock, whoever looks; how long somebody has waited is told by the real one.
#[test]
fn a_dump_goes_by_the_clock_of_its_runtime() {
    let test = rt::Runtime::builder().procs(1).virtual_time(true).build().unwrap();
    test.run(|| {
        time::sleep(1000 * HOUR);
        let sleeper = rt::spawn(|| time::sleep(HOUR));
        rt::yield_now();
        let (handle, id) = (rt::Handle::current(), sleeper.task().id().get());
        let outside = rt::blocking(|| std::thread::spawn(move || handle.dump()).join().unwrap());
        for dump in [rt::dump(), outside] {
            let sleeper = dump.goroutines().iter().find(|g| g.id() == id).unwrap();
            assert_eq!(sleeper.time_left(), Some(HOUR), "{dump}");
            assert!(sleeper.waiting_for().unwrap() < HOUR, "{dump}");
        }
    });
}

#[inline(never)]
fn takes_from(ch: &Chan<u32>) -> Option<u32> {
    std::hint::black_box(ch.recv())
}

#[test]
fn a_deadlock_is_reported_with_who_waits_for_what() {
    let test = rt::Runtime::builder().virtual_time(true).build().unwrap();
    let started = Instant::now();
    let panic = panic_of(|| {
        test.run(|| {
            time::sleep(HOUR);
            let ch = Chan::<u32>::new(0);
            let it = ch.clone();
            let new = rt::task::Builder::new().name("taker");
            let taker = new.spawn(move || takes_from(&it)).unwrap();
            // One that keeps its thread while it waits is seen as well.
            let new = rt::task::Builder::new().name("pinned");
            let pinned = new.spawn(move || {
                let _pin = rt::task::pin_thread();
                takes_from(&ch)
            });
            taker.join().unwrap();
            drop(pinned);
        });
    });
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(
        text.starts_with("all goroutines are asleep - deadlock! (3600s after the start)"),
        "{text}"
    );
    assert!(text.contains(": join; spawned at runtime/tests/testing_time.rs"), "{text}");
    assert!(
        text.contains("'taker': chan receive; spawned at runtime/tests/testing_time.rs"),
        "{text}"
    );
    let lines: Vec<_> = text.lines().collect();
    let at = |name| lines.iter().position(|line| line.contains(name)).unwrap();
    for name in ["'taker': chan receive", "'pinned': chan receive"] {
        assert!(lines[at(name) + 1].contains("recv"), "{text}");
        assert!(lines[at(name) + 2].contains("takes_from"), "{text}");
    }
}

#[test]
fn a_thread_that_wakes_somebody_within_a_second_prevents_the_report() {
    let test = rt::Runtime::builder().virtual_time(true).build().unwrap();
    let (tx, rx) = chan::bounded(1);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        tx.send(7).unwrap();
    });
    assert_eq!(test.run(|| rx.recv()), Ok(7));
}

#[test]
fn far_deadlines_are_none() {
    let test = rt::Runtime::builder().virtual_time(true).build().unwrap();
    let panic = panic_of(|| {
        test.run(|| {
            let _never = after_func(Duration::MAX, || unreachable!("the end of time"));
            time::sleep(Duration::MAX);
        });
    });
    assert!(panic.downcast_ref::<String>().unwrap().contains("deadlock"));
}
