//! The end of a runtime, by drop or by shutdown: what becomes of its goroutines, and that nothing of it is left.

use crate::common::{self, Tally, eventually, panic_text, runtime};
use rt::chan::Chan;
use rt::pool::Pool;
use rt::sync::WaitGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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
                        // The other one may be unwound first: this is a goroutine that hears of it.
                        return;
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
    common::apart("stop::drop_inside_its_own_goroutine_only_starts_the_stop", |dog| {
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

/// Its clock stands still while one of its goroutines runs, or has a thread wait: it must not wait for itself.
#[test]
fn a_lab_that_is_dropped_inside_its_own_goroutine_only_starts_to_stop() {
    let _t = common::test();
    let builders = || [rt::Runtime::builder().procs(2), rt::Runtime::builder().procs(1)];
    for builder in builders() {
        let lab = builder.virtual_time(true).build().unwrap();
        let last = lab.handle().spawn(move || {
            drop(lab);
            assert!(rt::spawn(|| ()).join().unwrap_err().is_cancelled());
            1
        });
        assert_eq!(last.join_timeout(Duration::from_secs(5)).unwrap(), 1);
    }
    for builder in builders() {
        let lab = builder.virtual_time(true).build().unwrap();
        let last = lab.handle().spawn(move || {
            let left = lab.shutdown_timeout(Duration::MAX).unwrap_err();
            (left.goroutines().to_vec(), rt::task::current().id().get())
        });
        let (left, own) = last.join_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(left, [own]);
    }
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

/// Their goroutines are ended, as all others, and do not panic because the pool is closed.
#[test]
fn drop_while_goroutines_begin_scopes_of_a_pool() {
    common::apart("stop::drop_while_goroutines_begin_scopes_of_a_pool", |dog| {
        for round in 0..50 {
            let runtime = runtime(1 + round % 3);
            let pool = Pool::builder().capacity(2).runtime(&runtime.handle()).build().unwrap();
            let begun = Arc::new(AtomicUsize::new(0));
            let all: Vec<_> = (0..4)
                .map(|_| {
                    let (pool, begun) = (pool.clone(), begun.clone());
                    runtime.handle().spawn(move || {
                        loop {
                            pool.scope(|s| drop(s.spawn(|| begun.fetch_add(1, Ordering::SeqCst))));
                        }
                    })
                })
                .collect();
            eventually("they go round", || begun.load(Ordering::SeqCst) > 100);
            drop(runtime);
            for one in all {
                let error = one.join().map(|(): ()| ()).unwrap_err();
                assert!(error.is_cancelled(), "{error:?}");
            }
            dog.pet();
        }
    });
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

/// It would wait for itself.
#[test]
fn shutdown_in_a_goroutine_of_its_own_does_not_wait() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let handle = runtime.handle();
        let other = handle.spawn(|| rt::time::sleep(Duration::from_secs(100)));
        let caller = handle.spawn(move || runtime.shutdown_timeout(Duration::MAX));
        let id = caller.task().id().get();
        let left = caller.join().unwrap().unwrap_err();
        assert_eq!(left.goroutines(), [id]);
        assert!(other.join().unwrap_err().is_cancelled());
    }
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
    common::apart("stop::threads_are_joined", |_| {
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
    common::apart("stop::two_hundred_cycles_leave_nothing", |dog| {
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

/// The processor time that the process has used.
fn used() -> Duration {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it is written to alone.
    let rc = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    assert_eq!(rc, 0);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// One sits in a system call, another waits for it in a scope, and cannot be unwound there.
#[test]
fn to_wait_for_a_stop_costs_next_to_nothing() {
    common::apart("stop::to_wait_for_a_stop_costs_next_to_nothing", |_| {
        let runtime = runtime(1);
        let (sits, end) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let parent = runtime.handle().spawn(move || {
            rt::scope(|s| {
                s.spawn(move || {
                    tell.send(()).unwrap();
                    end.recv().unwrap_err();
                });
            });
        });
        told.recv().unwrap();
        let before = used();
        assert_eq!(
            runtime.shutdown_timeout(Duration::from_secs(1)).unwrap_err().goroutines().len(),
            2
        );
        let cost = used() - before;
        assert!(cost < Duration::from_millis(300), "{cost:?} in a second");
        drop(sits);
        assert!(parent.join().unwrap_err().is_cancelled());
    });
}

/// What a thread-local does at its end takes its own time.
#[test]
fn a_stop_keeps_its_time_whatever_thread_locals_do() {
    struct Waits(std::sync::mpsc::Receiver<()>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.recv().unwrap_err();
        }
    }
    thread_local! {
        static WAITS: std::cell::RefCell<Option<Waits>> = const { std::cell::RefCell::new(None) };
    }
    let _t = common::test();
    let runtime = runtime(2);
    let (end, wait) = std::sync::mpsc::channel();
    runtime.run(move || WAITS.set(Some(Waits(wait))));
    let handle = runtime.handle();
    // Otherwise this waits for the sender, which is dropped after it.
    runtime.shutdown_timeout(Duration::from_millis(100)).unwrap();
    assert!(handle.spawn(|| ()).join().unwrap_err().is_cancelled());
    drop(end);
}
