//! The order in which one processor runs its goroutines.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::runtime;
use rt::chan::Chan;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn put(&self, what: usize) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A goroutine that notes `what`.
    fn spawn(&self, what: usize) -> rt::JoinHandle<()> {
        let log = self.clone();
        rt::spawn(move || log.put(what))
    }
}

#[test]
fn the_last_spawned_runs_next_the_others_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let (log, wg) = (Log::default(), rt::sync::WaitGroup::new());
        for i in 0..5 {
            let log = log.clone();
            wg.go(move || log.put(i));
        }
        assert_eq!(log.take(), []);
        // A join would see to it that its own goroutine runs first.
        wg.wait();
        assert_eq!(log.take(), [4, 0, 1, 2, 3]);
    });
}

#[test]
fn the_spawner_keeps_running() {
    let _t = common::test();
    runtime(1).run(|| {
        let log = Log::default();
        let handle = log.spawn(1);
        log.put(0);
        handle.join().unwrap();
        assert_eq!(log.take(), [0, 1]);
    });
}

#[test]
fn a_spawned_goroutine_runs_when_its_spawner_parks() {
    let _t = common::test();
    runtime(1).run(|| {
        let log = Log::default();
        // Something that was there before.
        let before = log.spawn(7);
        let before_too = log.spawn(8);
        let ch = Chan::new(0);
        let (tx, log2) = (ch.clone(), log.clone());
        rt::spawn(move || {
            log2.put(1);
            tx.send(());
        });
        ch.recv();
        assert_eq!(log.take()[0], 1);
        before.join().unwrap();
        before_too.join().unwrap();
    });
}

#[test]
fn a_yield_goes_behind_all_that_is_runnable() {
    let _t = common::test();
    runtime(1).run(|| {
        let log = Log::default();
        let all: Vec<_> = (0..20).map(|i| log.spawn(i)).collect();
        rt::yield_now();
        let mut seen = log.take();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        all.into_iter().for_each(|h| assert!(h.is_finished()));
    });
}

#[test]
fn yielders_take_turns() {
    let _t = common::test();
    runtime(1).run(|| {
        let log = Log::default();
        let all: Vec<_> = (0..3)
            .map(|i| {
                let log = log.clone();
                rt::spawn(move || {
                    for _ in 0..10 {
                        log.put(i);
                        rt::yield_now();
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
        let seen = log.take();
        for turn in seen.chunks(3) {
            let mut turn = turn.to_vec();
            turn.sort_unstable();
            assert_eq!(turn, [0, 1, 2], "{seen:?}");
        }
    });
}

/// Goroutines that keep the processor's own queue full let in what comes from outside.
fn is_let_in(keep_busy: impl FnOnce(Arc<AtomicBool>) + Send + 'static) {
    let runtime = runtime(1);
    let (stop, ready) = (Arc::new(AtomicBool::new(false)), Chan::new(1));
    let (stop2, ready2) = (stop.clone(), ready.clone());
    let busy = runtime.handle().spawn(move || {
        ready2.send(());
        keep_busy(stop2);
    });
    ready.recv();
    // From a plain thread, hence through the global queue.
    for i in 0..20 {
        let got = runtime.handle().spawn(move || i);
        assert_eq!(got.join_timeout(Duration::from_secs(30)).unwrap(), i);
    }
    // And a timer.
    let start = Instant::now();
    let sleeper = runtime.handle().spawn(|| rt::time::sleep(Duration::from_millis(20)));
    sleeper.join_timeout(Duration::from_secs(30)).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(20));
    stop.store(true, Ordering::SeqCst);
    busy.join().unwrap();
}

#[test]
fn a_yielding_pair_lets_others_in() {
    let _t = common::test();
    is_let_in(|stop| {
        rt::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        rt::yield_now();
                    }
                });
            }
        });
    });
}

#[test]
fn a_lone_yielder_lets_others_in() {
    let _t = common::test();
    is_let_in(|stop| {
        while !stop.load(Ordering::SeqCst) {
            rt::yield_now();
        }
    });
}

/// A pair on an unbuffered channel, each waking the other.
fn ping_pong(stop: &AtomicBool) {
    let (there, back) = (Chan::new(0), Chan::new(0));
    rt::scope(|s| {
        s.spawn(|| {
            while let Some(value) = there.recv() {
                back.send(value);
            }
            back.close();
        });
        while !stop.load(Ordering::SeqCst) {
            there.send(1);
            back.recv();
        }
        there.close();
    });
}

#[test]
fn a_ping_pong_pair_lets_others_in() {
    let _t = common::test();
    is_let_in(|stop| ping_pong(&stop));
}

#[test]
fn a_pair_that_joins_what_it_spawns_lets_others_in() {
    let _t = common::test();
    is_let_in(|stop| {
        while !stop.load(Ordering::SeqCst) {
            rt::spawn(|| ()).join().unwrap();
        }
    });
}

#[test]
fn a_chain_of_spawns_lets_others_in() {
    let _t = common::test();
    fn next(stop: Arc<AtomicBool>, ended: Chan<()>) {
        if stop.load(Ordering::SeqCst) {
            ended.send(());
        } else {
            rt::spawn(move || next(stop, ended));
        }
    }
    is_let_in(|stop| {
        let ended = Chan::new(0);
        next(stop, ended.clone());
        ended.recv();
    });
}

/// The same, with others in the processor's own queue.
#[test]
fn a_ping_pong_pair_does_not_starve_its_neighbours() {
    let _t = common::test();
    runtime(1).run(|| {
        let (stop, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
        rt::scope(|s| {
            s.spawn(|| ping_pong(&stop));
            let neighbour = s.spawn(|| {
                for _ in 0..200 {
                    turns.fetch_add(1, Ordering::SeqCst);
                    rt::yield_now();
                }
            });
            neighbour.join().unwrap();
            stop.store(true, Ordering::SeqCst);
        });
        assert_eq!(turns.into_inner(), 200);
    });
}

/// A goroutine that never waits but talks to channels honours the slice.
#[test]
fn operations_that_need_not_wait_are_checkpoints() {
    let _t = common::test();
    is_let_in(|stop| {
        let ch = Chan::new(4);
        while !stop.load(Ordering::SeqCst) {
            ch.send(1);
            ch.recv();
        }
    });
    is_let_in(|stop| {
        let ch = Chan::<u8>::new(0);
        while !stop.load(Ordering::SeqCst) {
            assert!(ch.try_recv().is_err());
        }
    });
    is_let_in(|stop| {
        let ch = Chan::new(0);
        while !stop.load(Ordering::SeqCst) {
            assert!(ch.try_send(1).is_err());
        }
    });
}

/// Two that compute for long are due again whenever the other one has done, and the monitor asks for them at every slice's end. They and
/// who lies in the queue take turns.
#[test]
fn late_deadlines_and_sockets_do_not_keep_the_queue_waiting() {
    use std::io::{Read, Write};
    let _t = common::test();
    let longest = runtime(1).run(|| {
        let (rounds, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let listener = rt::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stopped = Arc::clone(&stop);
        let client = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_micros(700));
                stream.write_all(b"x").unwrap();
                stream.read_exact(&mut [0]).unwrap();
            }
        });
        let (mut stream, _) = listener.accept().unwrap();
        let echo = rt::spawn(move || {
            let mut buf = [0];
            while stream.read(&mut buf).unwrap() != 0 {
                stream.write_all(&buf).unwrap();
            }
        });
        let burners = [(); 2].map(|()| {
            let (rounds, stop) = (Arc::clone(&rounds), Arc::clone(&stop));
            rt::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(2) {
                        std::hint::spin_loop();
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                    rt::time::sleep(Duration::from_micros(100));
                }
            })
        });
        let (mut before, mut longest) = (rounds.load(Ordering::Relaxed), 0);
        let start = Instant::now();
        for n in 0.. {
            if start.elapsed() >= Duration::from_secs(4) {
                break;
            }
            rt::time::sleep(Duration::from_micros(100 + n * 37 % 900));
            let now = rounds.load(Ordering::Relaxed);
            (before, longest) = (now, longest.max(now - before));
        }
        stop.store(true, Ordering::Relaxed);
        burners.into_iter().for_each(|burner| burner.join().unwrap());
        client.join().unwrap();
        echo.join().unwrap();
        longest
    });
    assert!(longest < 30, "{longest} turns of others came first");
}

/// Slices of some milliseconds, and always somebody in the processor's own queue: what comes from outside waits for a few of them.
#[test]
fn what_comes_from_outside_waits_for_few_slices() {
    let t = common::test();
    let runtime = runtime(1);
    let (stop, slices) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let (stop, slices) = (stop.clone(), slices.clone());
            runtime.handle().spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(4) {}
                    slices.fetch_add(1, Ordering::SeqCst);
                    rt::yield_now();
                }
            })
        })
        .collect();
    let mut waited = 0;
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(10));
        let before = slices.load(Ordering::SeqCst);
        let its = slices.clone();
        let other = runtime.handle().spawn(move || its.load(Ordering::SeqCst));
        waited += other.join().unwrap() - before;
        t.dog.pet();
    }
    stop.store(true, Ordering::SeqCst);
    busy.into_iter().for_each(|busy| busy.join().unwrap());
    assert!(waited < 150, "{waited} slices in ten rounds");
}
