//! Runtimes: building, entering, several at once, leaving; and threads that goroutines stay on.
#![allow(clippy::mem_forget, reason = "guards are leaked to see what the runtime makes of it")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{
    Tally, builder, child, eventually, eventually_yielding, fail, is_child, panic_text, runtime,
};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

const NO_RUNTIME: &str = "there is no rt runtime here";

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

#[test]
fn enter_nests_in_threads() {
    let _t = common::test();
    let (one, two) = (runtime(1), runtime(2));
    assert!(rt::Handle::try_current().is_none());
    let (first, second) = (one.handle(), two.handle());
    {
        let _in_one = first.enter();
        assert_eq!(rt::procs(), 1);
        {
            let _in_two = second.enter();
            assert_eq!(rt::procs(), 2);
            assert_eq!(rt::spawn(rt::procs).join().unwrap(), 2);
        }
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
    }
    assert!(rt::Handle::try_current().is_none());
}

#[test]
fn enter_nests_in_goroutines_and_stays_with_them() {
    let _t = common::test();
    let (one, two) = (runtime(1), runtime(2));
    let handle = two.handle();
    one.run(|| {
        assert_eq!(rt::procs(), 1);
        let entered = handle.enter();
        assert_eq!(rt::procs(), 2);
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 2);
        let scoped = rt::scope(|s| s.spawn(rt::procs).join().unwrap());
        assert_eq!(scoped, 2);
        rt::time::sleep(Duration::from_millis(1));
        assert_eq!(rt::procs(), 2);
        let back = rt::Handle::current();
        drop(entered);
        assert_eq!(rt::procs(), 1);
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
        assert_eq!(back.run(rt::procs), 2);
        // One that ends without leaving does not leave it to the next.
        let handle = handle.clone();
        rt::spawn(move || std::mem::forget(handle.enter())).join().unwrap();
        for _ in 0..4 {
            assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
        }
    });
}

#[test]
fn without_a_runtime_the_panic_says_what_to_do() {
    let _t = common::test();
    let says = |text: String| {
        assert!(text.starts_with(NO_RUNTIME), "{text}");
        assert!(text.contains("Handle::enter"), "{text}");
    };
    let tally = Tally::default();
    let token = tally.token();
    says(panic_text(|| rt::spawn(move || drop(token))));
    tally.assert_all_dropped();
    let token = tally.token();
    says(panic_text(|| rt::task::Builder::new().name("x").spawn(move || drop(token))));
    tally.assert_all_dropped();
    says(panic_text(|| rt::scope(|_| ())));
    says(panic_text(rt::procs));
    says(panic_text(rt::num_goroutines));
    says(panic_text(rt::Handle::current));
    let group = WaitGroup::new();
    says(panic_text(|| group.go(|| ())));
    group.wait();
}

#[test]
fn a_scope_whose_runtime_was_left_panics_and_ends() {
    let _t = common::test();
    let runtime = runtime(1);
    let handle = runtime.handle();
    let entered = handle.enter();
    let text = panic_text(|| {
        rt::scope(|s| {
            drop(entered);
            s.spawn(|| ());
        });
    });
    assert!(text.starts_with(NO_RUNTIME), "{text}");
}

#[test]
fn drop_unwinds_what_is_parked_once() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let (tally, parked) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
        let held = WaitGroup::new();
        held.add(1);
        for i in 0..400 {
            let (token, parked, held) = (tally.token(), parked.clone(), held.clone());
            let captured = tally.token();
            runtime.handle().spawn(move || {
                let _token = token;
                parked.fetch_add(1, Ordering::SeqCst);
                match i % 5 {
                    0 => drop(Chan::<()>::nil().recv()),
                    1 => Chan::new(0).send(captured),
                    2 => rt::time::sleep(Duration::from_secs(3600)),
                    3 => held.wait(),
                    _ => {
                        let token = captured;
                        drop(
                            rt::spawn(move || {
                                let _token = token;
                                Chan::<()>::nil().recv();
                            })
                            .join(),
                        );
                    }
                }
                unreachable!("nobody wakes it");
            });
        }
        eventually("all run", || parked.load(Ordering::SeqCst) == 400);
        drop(runtime);
        tally.assert_all_dropped();
    }
}

#[test]
fn drop_drops_what_has_not_started() {
    let _t = common::test();
    let runtime = runtime(1);
    let (tally, goes_on) = (Tally::default(), Arc::new(AtomicBool::new(false)));
    let (go, started) = (goes_on.clone(), Chan::new(1));
    let started2 = started.clone();
    let burns = runtime.handle().spawn(move || {
        started2.send(());
        while !go.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
    });
    started.recv();
    let ran = Arc::new(AtomicUsize::new(0));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (token, ran) = (tally.token(), ran.clone());
            runtime.handle().spawn(move || {
                let _token = token;
                ran.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let opener = {
        let handle = runtime.handle();
        thread::spawn(move || {
            // The first that is refused shows that the stop has begun.
            while handle.spawn(|| ()).join_timeout(Duration::ZERO).is_err_and(|e| e.is_timeout()) {
                thread::sleep(Duration::from_millis(1));
            }
            goes_on.store(true, Ordering::SeqCst);
        })
    };
    drop(runtime);
    opener.join().unwrap();
    tally.assert_all_dropped();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    for handle in waiting {
        assert!(handle.join().unwrap_err().is_cancelled());
    }
    burns.join().unwrap();
}

#[test]
fn spawn_after_the_stop_is_cancelled() {
    let _t = common::test();
    let runtime = runtime(2);
    let handle = runtime.handle();
    drop(runtime);
    let tally = Tally::default();
    let token = tally.token();
    let refused = handle.spawn(move || drop(token));
    tally.assert_all_dropped();
    assert!(refused.is_finished());
    assert!(refused.join().unwrap_err().is_cancelled());
    let text = panic_text(|| handle.run(|| ()));
    assert_eq!(text, "Runtime::run: the goroutine was cancelled");
}

#[test]
fn spawn_in_a_destructor_during_the_stop_is_cancelled() {
    let _t = common::test();
    struct Spawns(Tally, Arc<AtomicUsize>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let token = self.0.token();
            let refused = rt::spawn(move || drop(token));
            if refused.join().is_err_and(|error| error.is_cancelled()) {
                self.1.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    let runtime = runtime(2);
    let (tally, refused) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
    let parked = WaitGroup::new();
    for _ in 0..20 {
        parked.add(1);
        let (spawns, parked) = (Spawns(tally.clone(), refused.clone()), parked.clone());
        runtime.handle().spawn(move || {
            let _spawns = spawns;
            parked.done();
            Chan::<()>::nil().recv();
        });
    }
    parked.wait();
    drop(runtime);
    assert_eq!(refused.load(Ordering::SeqCst), 20);
    tally.assert_all_dropped();
}

#[test]
fn drop_inside_its_own_goroutine_only_starts_the_stop() {
    common::apart("drop_inside_its_own_goroutine_only_starts_the_stop", |dog| {
        let before = common::threads();
        for procs in [1, 2] {
            let runtime = runtime(procs);
            let handle = runtime.handle();
            let tally = Tally::default();
            let token = tally.token();
            let parked = handle.spawn(move || {
                let _token = token;
                Chan::<()>::nil().recv();
            });
            let last = handle.spawn(move || {
                drop(runtime);
                // We still run; the next park ends us.
                assert!(rt::spawn(|| ()).join().unwrap_err().is_cancelled());
                1
            });
            assert!(parked.join().unwrap_err().is_cancelled());
            assert_eq!(last.join().unwrap(), 1);
            tally.assert_all_dropped();
        }
        eventually("the threads leave", || common::threads() == before);
        dog.pet();
    });
}

#[test]
fn drop_inside_a_goroutine_of_another_runtime_waits() {
    let _t = common::test();
    let (a, b) = (runtime(1), runtime(1));
    let tally = Tally::default();
    let (token, parked) = (tally.token(), Chan::new(1));
    let parked2 = parked.clone();
    b.handle().spawn(move || {
        let _token = token;
        parked2.send(());
        Chan::<()>::nil().recv();
    });
    parked.recv();
    a.run(move || {
        drop(b);
        tally.assert_all_dropped();
    });
}

#[test]
fn drop_while_a_thread_waits_in_a_scope() {
    let _t = common::test();
    let runtime = runtime(2);
    let handle = runtime.handle();
    let (tally, inside) = (Tally::default(), Chan::new(8));
    let (tally2, inside2) = (tally.clone(), inside.clone());
    let waits = thread::spawn(move || {
        let _entered = handle.enter();
        let local = tally2.token();
        rt::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    let _borrowed = &local;
                    inside2.send(());
                    Chan::<()>::nil().recv();
                });
            }
        });
    });
    for _ in 0..4 {
        inside.recv();
    }
    drop(runtime);
    waits.join().unwrap();
    tally.assert_all_dropped();
}

#[test]
fn drop_while_a_goroutine_waits_in_a_scope() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let (tally, inside) = (Tally::default(), Chan::new(8));
        let (tally2, inside2) = (tally.clone(), inside.clone());
        let after = Arc::new(AtomicBool::new(false));
        let after2 = after.clone();
        let parent = runtime.handle().spawn(move || {
            let local = tally2.token();
            rt::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        let _borrowed = &local;
                        let _own = tally2.token();
                        inside2.send(());
                        Chan::<()>::nil().recv();
                    });
                }
            });
            after2.store(true, Ordering::SeqCst);
        });
        for _ in 0..4 {
            inside.recv();
        }
        drop(runtime);
        assert!(parent.join().unwrap_err().is_cancelled());
        assert!(!after.load(Ordering::SeqCst), "went on as if its children had done their work");
        tally.assert_all_dropped();
    }
}

#[test]
fn shutdown_names_a_goroutine_that_burns() {
    let _t = common::test();
    let runtime = runtime(1);
    let stop = Arc::new(AtomicBool::new(false));
    let (stop2, started) = (stop.clone(), Chan::new(1));
    let started2 = started.clone();
    let burns = runtime.handle().spawn(move || {
        started2.send(());
        while !stop2.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
    });
    started.recv();
    let id = burns.task().id().get();
    let start = Instant::now();
    let left = runtime.shutdown_timeout(Duration::from_millis(50)).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(left.goroutines(), [id]);
    let text = left.to_string();
    assert!(text.contains(&format!("goroutine {id},")), "{text}");
    stop.store(true, Ordering::SeqCst);
    burns.join().unwrap();
}

#[test]
fn shutdown_in_time_is_ok() {
    let _t = common::test();
    let runtime = runtime(2);
    let parked = runtime.handle().spawn(|| rt::time::sleep(Duration::from_secs(100)));
    runtime.shutdown_timeout(Duration::from_secs(30)).unwrap();
    assert!(parked.join().unwrap_err().is_cancelled());
}

/// The threads that the process has when a drop has returned are those it had before.
#[test]
fn threads_are_joined() {
    common::apart("threads_are_joined", |_| {
        let before = common::threads();
        let runtime = runtime(4);
        runtime.run(|| {
            let handles: Vec<_> = (0..100)
                .map(|_| {
                    rt::spawn(|| {
                        let _pin = rt::task::pin_thread();
                        rt::time::sleep(Duration::from_millis(2));
                    })
                })
                .collect();
            handles.into_iter().for_each(|h| h.join().unwrap());
        });
        assert!(common::threads() > before);
        drop(runtime);
        eventually("the kernel has reaped them", || common::threads() == before);
    });
}

#[test]
fn two_hundred_cycles_leave_nothing() {
    common::apart("two_hundred_cycles_leave_nothing", |dog| {
        let cycle = |i: usize| {
            let runtime = runtime(1 + i % 3);
            let waits: Vec<_> =
                (0..10).map(|_| runtime.handle().spawn(|| Chan::<()>::nil().recv())).collect();
            runtime.run(|| rt::spawn(|| ()).join().unwrap());
            if i.is_multiple_of(2) {
                drop(runtime)
            } else {
                runtime.shutdown_timeout(Duration::from_secs(30)).unwrap()
            }
            for handle in waits {
                assert!(handle.join().unwrap_err().is_cancelled());
            }
        };
        (0..20).for_each(cycle);
        let threads = common::threads();
        let (files, maps) = common::files_and_mappings();
        (0..200).for_each(cycle);
        eventually("the kernel has reaped the threads", || common::threads() <= threads);
        let (files_after, maps_after) = common::files_and_mappings();
        assert_eq!(files_after, files);
        // The allocator has mappings of its own: some more are no leak, one a cycle is.
        assert!(maps_after < maps + 40, "{maps} mappings grew to {maps_after}");
        dog.pet();
    });
}

#[test]
fn bad_settings_are_told() {
    let _t = common::test();
    let error = |builder: rt::Builder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    };
    let new = rt::Runtime::builder;
    assert_eq!(error(new().procs(0)), "procs is 0: it must be from 1 to 4096");
    assert_eq!(error(new().procs(1 << 20)), "procs is 1048576: it must be from 1 to 4096");
    assert_eq!(error(new().max_threads(0)), "max_threads is 0: it must be at least 1");
    let small = error(new().stack_size(32_767));
    assert!(small.contains("32767 bytes is too small: at least 32768"), "{small}");
    let large = error(new().stack_size((1 << 30) + 1));
    assert!(large.contains("1073741825 bytes is too large: at most 1073741824"), "{large}");
    new().procs(1).stack_size(32 << 10).build().unwrap().run(|| ());
}

#[test]
fn a_bad_stack_size_of_a_goroutine_is_told() {
    let _t = common::test();
    let runtime = runtime(1);
    runtime.run(|| {
        for bytes in [0, 1, 32_767, (1 << 30) + 1, usize::MAX] {
            let error = rt::task::Builder::new().stack_size(bytes).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&bytes.to_string()), "{error}");
        }
        for bytes in [32 << 10, (32 << 10) + 1, 8 << 20, 1 << 30] {
            let handle = rt::task::Builder::new().stack_size(bytes).spawn(move || bytes).unwrap();
            assert_eq!(handle.join().unwrap(), bytes);
        }
    });
}

#[test]
fn bad_environment_is_told() {
    let name = "bad_environment_is_told";
    if is_child(name) {
        match rt::Runtime::builder().build() {
            Ok(runtime) => eprintln!("built with {} procs", runtime.run(rt::procs)),
            Err(error) => eprintln!("{:?}: {error}", error.kind()),
        }
        return;
    }
    let _t = common::test();
    let with = |variable: &str, value: &str| {
        let mut child = child(name);
        child.env(variable, value);
        let ended = common::run(child);
        ended.assert_success();
        ended
    };
    for (variable, value, also) in [
        ("RT_PROCS", "0", "from 1 to 4096"),
        ("RT_PROCS", "many", "from 1 to 4096"),
        ("RT_PROCS", "-1", "from 1 to 4096"),
        ("RT_PROCS", "5000", "from 1 to 4096"),
        ("RT_STACK_SIZE", "big", "whole number"),
        ("RT_STACK_SIZE", "1000", "at least 32768"),
        ("RT_STACK_SIZE", "99999999999", "at most 1073741824"),
        ("RT_DEBUG", "everything", "schedtrace=MILLISECONDS"),
        ("RT_DEBUG", "schedtrace=0", "schedtrace"),
        ("RT_BARRIER", "none", "membarrier"),
        ("RT_STACK_GUARD", "none", "\"madvise\", \"mprotect\""),
    ] {
        with(variable, value).assert_says(&["InvalidInput", variable, also]);
    }
    with("RT_PROCS", "3").assert_says(&["built with 3 procs"]);
    with("RT_PROCS", "").assert_says(&["built with "]);
    with("RT_STACK_GUARD", "mprotect").assert_says(&["built with "]);
}

/// Where goroutines are at home on the thread they began on, none is ever seen on another.
#[test]
fn without_migration_a_goroutine_keeps_its_thread() {
    let _t = common::test();
    let runtime = builder(3).migrate(false).build().unwrap();
    let moved = runtime.run(|| {
        let moved = AtomicUsize::new(0);
        let chans: Vec<Chan<u32>> = (0..8).map(|_| Chan::new(0)).collect();
        rt::scope(|s| {
            for i in 0..8 {
                let (from, to, moved) = (&chans[i], &chans[(i + 1) % 8], &moved);
                s.spawn(move || {
                    let home = thread::current().id();
                    let look = || {
                        if thread::current().id() != home {
                            moved.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    if i == 0 {
                        to.send(0);
                    }
                    for round in 0..300 {
                        let value = from.recv().unwrap();
                        look();
                        if !(i == 0 && round == 299) {
                            to.send(value + 1);
                        }
                        look();
                        rt::yield_now();
                        look();
                        if round % 50 == 0 {
                            rt::time::sleep(Duration::from_micros(100));
                            look();
                        }
                        // Started ones that end follow each other on one stack.
                        let short: Vec<_> = (0..3)
                            .map(|_| {
                                s.spawn(|| {
                                    let home = thread::current().id();
                                    rt::yield_now();
                                    thread::current().id() == home
                                })
                            })
                            .collect();
                        for stays in short {
                            if !stays.join().unwrap() {
                                moved.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        look();
                    }
                });
            }
        });
        moved.into_inner()
    });
    assert_eq!(moved, 0);
}

/// A goroutine that is at home on a busy thread gets its turn there.
#[test]
fn without_migration_a_busy_thread_lets_its_others_in() {
    let _t = common::test();
    let runtime = builder(2).migrate(false).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let handle = runtime.handle();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let stop = stop.clone();
            handle.spawn(move || {
                // Never parks; wakes all over the place are for others.
                while !stop.load(Ordering::SeqCst) {
                    rt::yield_now();
                }
            })
        })
        .collect();
    let sleepers: Vec<_> = (0..20)
        .map(|_| {
            handle.spawn(|| {
                for _ in 0..10 {
                    rt::time::sleep(Duration::from_micros(200));
                }
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper.join().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    busy.into_iter().for_each(|b| b.join().unwrap());
}

/// A thread that ends with a pinned goroutine does not take those along that are at home on it.
#[test]
fn without_migration_a_thread_that_ends_pinned_leaves_nobody_behind() {
    let _t = common::test();
    let runtime = builder(1).migrate(false).build().unwrap();
    let handle = runtime.handle();
    let ch = Chan::new(0);
    let waits: Vec<_> = (0..5)
        .map(|_| {
            let ch = ch.clone();
            handle.spawn(move || ch.recv())
        })
        .collect();
    handle.spawn(|| std::mem::forget(rt::task::pin_thread())).join().unwrap();
    for i in 0..5 {
        ch.send_timeout(i, Duration::from_secs(20)).unwrap();
    }
    let mut got: Vec<_> = waits.into_iter().map(|w| w.join().unwrap().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4]);
}

#[test]
fn a_pinned_goroutine_keeps_its_thread_and_pins_nest() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let others_stop = AtomicBool::new(false);
        runtime.run(|| {
            rt::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        while !others_stop.load(Ordering::SeqCst) {
                            rt::yield_now();
                        }
                    });
                }
                let pinned = s.spawn(|| {
                    let outer = rt::task::pin_thread();
                    let home = thread::current().id();
                    let inner = rt::task::pin_thread();
                    for i in 0..50 {
                        rt::yield_now();
                        assert_eq!(thread::current().id(), home);
                        rt::time::sleep(Duration::from_micros(20));
                        assert_eq!(thread::current().id(), home);
                        rt::spawn(rt::yield_now).join().unwrap();
                        assert_eq!(thread::current().id(), home);
                        if i == 25 {
                            // One of two: still pinned.
                            std::thread::yield_now();
                        }
                    }
                    drop(inner);
                    for _ in 0..50 {
                        rt::time::sleep(Duration::from_micros(20));
                        assert_eq!(thread::current().id(), home);
                    }
                    drop(outer);
                });
                pinned.join().unwrap();
                others_stop.store(true, Ordering::SeqCst);
            });
        });
    }
}

/// What `pthread_self` was is in a thread local that the thread drops when it ends.
struct Ends(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

thread_local! {
    static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_goroutine_that_ends_pinned_takes_its_thread_along() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let ended = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for _ in 0..5 {
            let ended = ended.clone();
            let handle = runtime.handle().spawn(move || {
                std::mem::forget(rt::task::pin_thread());
                rt::yield_now();
                let id = thread::current().id();
                ENDS.with(|e| *e.borrow_mut() = Some(Ends(ended)));
                id
            });
            threads.push(handle.join().unwrap());
        }
        eventually("the threads end", || ended.lock().unwrap().len() == 5);
        assert_eq!(
            *{
                let mut e = ended.lock().unwrap().clone();
                e.sort_by_key(|id| format!("{id:?}"));
                e
            },
            {
                threads.sort_by_key(|id| format!("{id:?}"));
                threads.clone()
            }
        );
        // Others take their place.
        for _ in 0..20 {
            let id = runtime.handle().spawn(|| {
                rt::yield_now();
                thread::current().id()
            });
            assert!(!threads.contains(&id.join().unwrap()));
        }
    }
}

struct ParksInDrop {
    how: usize,
    other: Chan<()>,
    back: Chan<()>,
    threads: Arc<Mutex<Vec<(ThreadId, ThreadId)>>>,
}

impl Drop for ParksInDrop {
    fn drop(&mut self) {
        assert!(thread::panicking());
        let before = thread::current().id();
        match self.how {
            0 => {
                self.other.send(());
                self.back.recv();
            }
            1 => rt::time::sleep(Duration::from_millis(3)),
            2 => (0..20).for_each(|_| rt::yield_now()),
            _ => rt::spawn(rt::yield_now).join().unwrap(),
        }
        assert!(thread::panicking());
        self.threads.lock().unwrap().push((before, thread::current().id()));
    }
}

/// A destructor that parks while its goroutine unwinds keeps the thread, and nobody else sees the panic.
#[test]
fn a_park_while_panicking_stays_on_its_thread() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let threads = Arc::new(Mutex::new(Vec::new()));
        let healthy = Arc::new(Mutex::new(0_u64));
        let stop = Arc::new(AtomicBool::new(false));
        let looks: Vec<_> = (0..4)
            .map(|_| {
                let (healthy, stop) = (healthy.clone(), stop.clone());
                runtime.handle().spawn(move || {
                    let mut wrong = 0;
                    while !stop.load(Ordering::SeqCst) {
                        wrong += usize::from(thread::panicking());
                        *healthy.lock().unwrap() += 1;
                        rt::yield_now();
                        // A guard that lives over a yield is a bad idea, but a legal one.
                    }
                    wrong
                })
            })
            .collect();
        for how in 0..40 {
            let (other, back) = (Chan::new(0), Chan::new(0));
            let parks = ParksInDrop {
                how: how % 4,
                other: other.clone(),
                back: back.clone(),
                threads: threads.clone(),
            };
            let panics = runtime.handle().spawn(move || {
                let _parks = parks;
                fail("on purpose")
            });
            if how % 4 == 0 {
                other.recv();
                back.send(());
            }
            let error: rt::JoinError = panics.join().unwrap_err();
            assert_eq!(common::text_of(&*error.into_panic()), "on purpose");
        }
        stop.store(true, Ordering::SeqCst);
        for look in looks {
            assert_eq!(look.join().unwrap(), 0, "saw another goroutine's panic");
        }
        assert!(!healthy.is_poisoned());
        let threads = threads.lock().unwrap();
        assert_eq!(threads.len(), 40);
        assert!(threads.iter().all(|(before, after)| before == after));
        assert!(!runtime.run(thread::panicking));
    }
}
