//! Nothing stalls: goroutines that block in the system or burn without a call of the runtime lose
//! their processor, and nobody else waits for them.

mod common;

use common::runtime;
use rt::{Runtime, chan};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Burns without a call of the runtime until `end` is set.
fn burn(end: &AtomicBool) {
    while !end.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_goroutine_in_a_blocking_read_delays_nobody() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(move || {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            let readers: Vec<_> = (0..2 * procs)
                .map(|_| {
                    let mut theirs = theirs.try_clone().unwrap();
                    rt::spawn(move || theirs.read_exact(&mut [0]).unwrap())
                })
                .collect();
            // It takes turns with the readers, on whatever processor they hold.
            let (tx, rx) = chan::bounded(0);
            let sender = rt::spawn(move || (0..1000).for_each(|i| tx.send(i).unwrap()));
            assert_eq!(rx.iter().sum::<u64>(), 499_500);
            rt::time::sleep(Duration::from_millis(5));
            sender.join().unwrap();
            assert!(readers.iter().all(|reader| !reader.is_finished()));
            ours.write_all(&vec![1; 2 * procs]).unwrap();
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }
}

#[test]
fn goroutines_that_burn_delay_nobody_for_good() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(move || {
            let end = Arc::new(AtomicBool::new(false));
            let hogs: Vec<_> = (0..3)
                .map(|_| {
                    let end = Arc::clone(&end);
                    rt::spawn(move || burn(&end))
                })
                .collect();
            for _ in 0..50 {
                rt::time::sleep(Duration::from_millis(1));
                rt::spawn(rt::yield_now).join().unwrap();
            }
            end.store(true, Ordering::Relaxed);
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
    }
}

/// Four goroutines pass a counter round in user code: each needs the others to get on.
#[test]
fn goroutines_that_wait_for_each_other_by_spinning_get_on() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let turn = Arc::new(AtomicUsize::new(0));
            let all: Vec<_> = (0..4)
                .map(|me| {
                    let turn = Arc::clone(&turn);
                    rt::spawn(move || {
                        for round in 0..3 {
                            while turn.load(Ordering::Acquire) != 4 * round + me {
                                std::hint::spin_loop();
                            }
                            turn.fetch_add(1, Ordering::AcqRel);
                        }
                    })
                })
                .collect();
            all.into_iter().for_each(|g| g.join().unwrap());
        });
    }
}

/// Who lost its processor goes on, with everything that a goroutine may do.
#[test]
fn who_lost_its_processor_uses_the_runtime_as_before() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(move || {
            let (tx, rx) = chan::unbounded();
            let all: Vec<_> = (0..8 * procs as u64)
                .map(|i| {
                    let tx = tx.clone();
                    rt::spawn(move || {
                        std::thread::sleep(Duration::from_millis(3));
                        tx.send(i).unwrap();
                        let child = rt::spawn(move || i + 1);
                        std::thread::sleep(Duration::from_millis(i % 3));
                        rt::yield_now();
                        child.join().unwrap()
                    })
                })
                .collect();
            drop(tx);
            let sum: u64 = all.into_iter().map(|g| g.join().unwrap()).sum();
            assert_eq!(sum, rx.iter().map(|i| i + 1).sum());
        });
    }
}

#[test]
fn the_system_calls_of_many_run_at_the_same_time() {
    let _t = common::test();
    let start = Instant::now();
    runtime(1).run(|| {
        let all: Vec<_> =
            (0..50).map(|_| rt::spawn(|| std::thread::sleep(Duration::from_millis(200)))).collect();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?} for 50 x 200 ms", start.elapsed());
}

#[test]
fn blocking_gives_the_processor_away_and_gets_one_back() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (ours, theirs) = std::sync::mpsc::channel::<u32>();
            let other = rt::spawn(move || ours.send(7).unwrap());
            assert_eq!(rt::blocking(|| theirs.recv().unwrap()), 7);
            other.join().unwrap();
            // It borrows, nests, and may use the runtime.
            let mut n = 0;
            rt::blocking(|| {
                n += 1;
                rt::blocking(|| n += 1);
                rt::yield_now();
                let (tx, rx) = chan::bounded(0);
                rt::spawn(move || tx.send(1).unwrap());
                n += rx.recv().unwrap();
            });
            assert_eq!(n, 3);
            let caught = std::panic::catch_unwind(|| {
                rt::blocking(|| std::panic::resume_unwind(Box::new(5)))
            });
            assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 5);
            rt::spawn(|| ()).join().unwrap();
        });
    }
    assert_eq!(rt::blocking(|| 1), 1);
}

/// The threads that run goroutines, of all runtimes.
fn machines() -> usize {
    let is_machine = |comm: &str| {
        comm.strip_prefix("rt-").is_some_and(|id| id.starts_with(|c: char| c.is_ascii_digit()))
    };
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| is_machine(comm))
        .count()
}

/// As many goroutines as asked for block until all of them, and the caller, have seen that they do.
fn block_together(count: usize) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let all: Vec<_> = (0..count)
        .map(|_| {
            let mut theirs = theirs.try_clone().unwrap();
            rt::spawn(move || theirs.read_exact(&mut [0]).unwrap())
        })
        .collect();
    while machines() < count {
        rt::time::sleep(Duration::from_millis(1));
    }
    ours.write_all(&vec![1; count]).unwrap();
    all.into_iter().for_each(|g| g.join().unwrap());
}

#[test]
fn threads_that_are_not_needed_any_more_end() {
    let _t = common::alone();
    common::eventually("the other tests' threads have ended", || machines() == 0);
    let runtime = runtime(2);
    runtime.run(|| block_together(40));
    // One for each processor stays.
    common::eventually("the threads have ended", || machines() <= 2);
    // What is left still works, and so do threads that come again.
    runtime.run(|| block_together(40));
}

/// At the limit the processor stays, somebody says so, and all goes on when the call returns.
#[test]
fn without_a_thread_to_be_had_the_processor_stays() {
    const NAME: &str = "without_a_thread_to_be_had_the_processor_stays";
    if !common::is_child(NAME) {
        let _t = common::test();
        let out = common::run(common::child(NAME));
        out.assert_success();
        let text = out.stderr;
        assert_eq!(text.matches("max_threads of the Builder").count(), 1, "{text}");
        assert!(text.contains("rt: goroutine "), "{text}");
        return;
    }
    let runtime = Runtime::builder().procs(1).max_threads(1).build().unwrap();
    runtime.run(|| {
        let all: Vec<_> =
            (0..3).map(|_| rt::spawn(|| std::thread::sleep(Duration::from_millis(50)))).collect();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}

/// No thread could be had for what they wake: the next one that comes back without a processor runs it.
#[test]
fn at_the_limit_of_threads_who_blocks_and_wakes_gets_on() {
    const NAME: &str = "at_the_limit_of_threads_who_blocks_and_wakes_gets_on";
    if !common::is_child(NAME) {
        let _t = common::test();
        common::run(common::child(NAME)).assert_success();
        return;
    }
    for (procs, most) in [(1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (2, 5)] {
        let runtime = Runtime::builder().procs(procs).max_threads(most).build().unwrap();
        runtime.run(|| {
            rt::blocking(rt::yield_now);
            let values = chan::Chan::new(0);
            let all: Vec<_> = (0..8)
                .map(|i| {
                    let values = values.clone();
                    rt::spawn(move || {
                        for n in 0..50 {
                            rt::blocking(|| match i % 2 {
                                0 => values.send(n),
                                _ => assert!(values.recv().is_some()),
                            });
                        }
                    })
                })
                .collect();
            all.into_iter().for_each(|g| g.join().unwrap());
        });
    }
}

/// Who comes back from the system and waits for a processor brings the thread for it: it gets the next one that
/// is put down, though there is no other thread to be had.
#[test]
fn at_the_limit_of_threads_who_waits_for_a_processor_gets_it() {
    common::apart("at_the_limit_of_threads_who_waits_for_a_processor_gets_it", |_| {
        let runtime = Runtime::builder().procs(1).max_threads(2).build().unwrap();
        runtime.run(|| {
            let (ask, asked) = std::sync::mpsc::sync_channel::<u32>(0);
            let (answer, answered) = std::sync::mpsc::sync_channel::<u32>(0);
            let other = rt::spawn(move || {
                while let Ok(n) = rt::blocking(|| asked.recv()) {
                    // It has its processor again, which the one that asked has put down.
                    rt::blocking(|| answer.send(n)).unwrap();
                }
            });
            for n in 0..2000 {
                // Not `blocking`: the other one may come back while this one holds the processor.
                ask.send(n).unwrap();
                assert_eq!(rt::blocking(|| answered.recv()), Ok(n));
            }
            drop(ask);
            other.join().unwrap();
        });
    });
}

/// A thread that ends makes room for another one, even if it had lost its processor long before.
#[test]
fn at_the_limit_of_threads_one_that_ends_makes_room() {
    common::apart("at_the_limit_of_threads_one_that_ends_makes_room", |_| {
        let runtime = Runtime::builder().procs(1).max_threads(2).build().unwrap();
        let handle = runtime.handle().clone();
        let end = Arc::new(AtomicBool::new(false));
        let (said, waits) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        // It loses its processor, for another one waits for it, and ends pinned.
        let hog = handle.spawn({
            let (end, said) = (Arc::clone(&end), said.clone());
            move || {
                let _pin = std::mem::ManuallyDrop::new(rt::task::pin_thread());
                said.send(()).unwrap();
                burn(&end);
            }
        });
        waits.recv().unwrap();
        let blocked = handle.spawn(move || {
            rt::blocking(|| {
                said.send(()).unwrap();
                wait.recv().unwrap();
            });
        });
        waits.recv().unwrap();
        // Both threads are in use, and the processor is free.
        let last = handle.spawn(move || go.send(()).unwrap());
        end.store(true, Ordering::Relaxed);
        last.join().unwrap();
        hog.join().unwrap();
        blocked.join().unwrap();
    });
}

/// It wakes another, which runs where it did, and sleeps: no thread has promised to wake for its deadline, and the monitor may
/// be between two looks, 10 ms apart.
#[test]
fn who_sleeps_while_another_burns_in_its_place_wakes_in_time() {
    let _t = common::test();
    // On a busy machine all may be late: a quarter was later than 2 ms, each time, with nobody to see to them.
    let mut late = Vec::new();
    let in_time = (0..5).any(|_| {
        late = runtime(2).run(sleeps_beside_a_burner);
        late.sort_unstable();
        late[late.len() / 4] < Duration::from_micros(1500)
    });
    assert!(in_time, "{late:?}");
}

/// How late it woke, each time.
fn sleeps_beside_a_burner() -> Vec<Duration> {
    let (go, done) = (chan::Chan::<()>::new(1), chan::Chan::<()>::new(1));
    let burner = {
        let (go, done) = (go.clone(), done.clone());
        rt::go!(move || {
            while go.recv().is_some() {
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(25) {}
                done.send(());
            }
        })
    };
    let late = (0..40).map(|round| {
        rt::time::sleep(Duration::from_millis(20 + round % 7));
        go.send(());
        let at = Instant::now() + Duration::from_millis(1);
        rt::time::sleep_until(at);
        let late = at.elapsed();
        assert_eq!(done.recv(), Some(()));
        late
    });
    let late = late.collect();
    go.close();
    burner.join().unwrap();
    late
}
