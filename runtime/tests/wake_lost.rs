//! Whoever was given a processor, a deadline or a socket gets to it, wherever it sleeps.

mod common;

use common::runtime;
use rt::net::{TcpListener, TcpStream, UnixStream};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// One goroutine never rests, and its thread polls all the time; the other thread sleeps in the poller, and is
/// given a processor there again and again. Who polls beside it must not hear its bell in its place.
#[test]
fn who_sleeps_in_the_poller_hears_its_bell() {
    let t = common::test();
    let runtime = runtime(2);
    let (mut ours, mut theirs) = runtime.run(pair);
    let reader = runtime.handle().spawn(move || theirs.read_exact(&mut [0]).unwrap());
    for _ in 0..200 {
        let end = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&end);
        let restless = runtime.handle().spawn(move || {
            while !its.load(Ordering::Relaxed) {
                rt::yield_now();
            }
        });
        for _ in 0..5 {
            std::thread::sleep(Duration::from_micros(300));
            runtime.handle().spawn(|| ()).join().unwrap();
        }
        end.store(true, Ordering::Relaxed);
        restless.join().unwrap();
        let start = Instant::now();
        runtime.handle().spawn(|| ()).join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?} for a spawn", start.elapsed());
        t.dog.pet();
    }
    runtime.run(move || {
        ours.write_all(&[1]).unwrap();
        reader.join().unwrap();
    });
}

/// A goroutine that is bound to its thread has given its processor away, and then waits for a while.
#[test]
fn a_deadline_of_who_is_pinned_and_has_no_processor_comes() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let _pin = rt::task::pin_thread();
            rt::blocking(|| {
                for _ in 0..20 {
                    let start = Instant::now();
                    rt::time::sleep(Duration::from_millis(5));
                    let took = start.elapsed();
                    assert!(took < Duration::from_secs(2), "{took:?} for 5 ms");
                }
            });
        });
    }
}

/// The same with a socket.
#[test]
fn a_socket_of_who_is_pinned_and_has_no_processor_is_watched() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let _pin = rt::task::pin_thread();
            rt::blocking(move || {
                let thread = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    ours.write_all(&[1]).unwrap();
                    ours
                });
                let start = Instant::now();
                theirs.read_exact(&mut [0]).unwrap();
                let took = start.elapsed();
                assert!(took < Duration::from_secs(2), "{took:?} for 20 ms");
                drop(thread.join());
            });
        });
    }
}

/// A goroutine in a blocking read wakes up, starts another and reads on, while its processor is being taken away
/// because there was nothing to run.
#[test]
fn what_comes_while_a_processor_is_taken_is_run() {
    let t = common::test();
    for procs in [1, 2] {
        let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let runtime = runtime(procs);
        let (tx, rx) = std::sync::mpsc::channel();
        let reader = runtime.handle().spawn(move || {
            let mut byte = [0];
            while theirs.read(&mut byte).unwrap() == 1 {
                let (tx, byte) = (tx.clone(), byte[0]);
                rt::spawn(move || tx.send(byte).unwrap());
            }
        });
        let mut dice = common::Rng::new(7);
        for i in 0..1000_u32 {
            let end = Instant::now() + Duration::from_micros(dice.below(600));
            while Instant::now() < end {
                std::hint::spin_loop();
            }
            ours.write_all(&[i as u8]).unwrap();
            let got = rx.recv_timeout(Duration::from_secs(2));
            assert_eq!(got, Ok(i as u8), "round {i}, {procs} procs");
            t.dog.pet();
        }
        drop(ours);
        reader.join().unwrap();
    }
}

/// Deadlines are due at every look: what comes from outside has its turn all the same.
#[test]
fn deadlines_do_not_starve_what_comes_from_outside() {
    let _t = common::test();
    let runtime = runtime(1);
    let end = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..516)
        .map(|i| {
            let end = Arc::clone(&end);
            runtime.handle().spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    match i {
                        0..4 => rt::yield_now(),
                        _ => rt::time::sleep(Duration::from_micros(2)),
                    }
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(20));
    let (tx, rx) = std::sync::mpsc::channel();
    runtime.handle().spawn(move || tx.send(()).unwrap());
    let got = rx.recv_timeout(Duration::from_secs(5));
    end.store(true, Ordering::Relaxed);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(got, Ok(()));
}

/// With no other thread to be had, who blocks the only one wakes by itself.
#[test]
fn a_deadline_of_who_is_pinned_to_the_only_thread_comes() {
    let _t = common::test();
    let runtime = common::builder(1).max_threads(1).build().unwrap();
    runtime.run(|| {
        let _pin = rt::task::pin_thread();
        rt::time::sleep(Duration::from_millis(5));
        let other = rt::spawn(|| 1);
        rt::time::sleep(Duration::from_millis(5));
        drop(_pin);
        assert_eq!(other.join().unwrap(), 1);
    });
}

/// Nobody waits for the stop, and the last goroutine ends on a thread that has lost its processor.
#[test]
fn the_last_goroutine_needs_no_processor_to_end_its_runtime() {
    let _t = common::alone();
    let before = common::runtime_threads();
    let runtime = runtime(1);
    let handle = runtime.handle();
    let _blocks = handle.spawn(|| std::thread::sleep(Duration::from_millis(300)));
    handle.spawn(move || drop(runtime)).join().unwrap();
    common::eventually("its threads have ended", || common::runtime_threads() <= before);
}

/// What the monitor looks at costs no file for each thread that blocks.
#[test]
fn goroutines_that_block_cost_no_files() {
    let _t = common::alone();
    let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = files();
    runtime(2).run(|| {
        let all: Vec<_> = (0..100)
            .map(|_| rt::spawn(|| std::thread::sleep(Duration::from_millis(800))))
            .collect();
        rt::time::sleep(Duration::from_millis(700));
        let more = files().saturating_sub(before);
        assert!(more < 20, "{more} files more");
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}
