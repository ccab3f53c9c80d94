//! Waiting by the handle: in time or too late, twice, by two at once, and in a race with an abort.

use crate::block_on;
use crate::common::{self, Tally, builder, eventually, fail, panic_text, runtime};
use rt::chan::Chan;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn join_timeout_in_time_and_late() {
    let _t = common::test();
    let runtime = runtime(2);
    // From a goroutine and from a thread.
    let both = |f: &(dyn Fn() + Sync)| {
        f();
        runtime.run(f);
    };
    let spawn = runtime.handle();
    both(&|| {
        let quick = spawn.spawn(|| 1);
        assert_eq!(quick.join_timeout(Duration::from_secs(50)).unwrap(), 1);
        let go = Chan::<()>::new(0);
        let go2 = go.clone();
        let slow = spawn.spawn(move || {
            go2.recv();
            2
        });
        let start = Instant::now();
        for timeout in [Duration::ZERO, Duration::from_millis(3)] {
            let error = slow.join_timeout(timeout).unwrap_err();
            assert!(error.is_timeout() && !error.is_panic() && !error.is_cancelled());
        }
        assert!(start.elapsed() >= Duration::from_millis(3));
        go.send(());
        assert_eq!(slow.join_timeout(Duration::MAX).unwrap(), 2);
        let slow = spawn.spawn(|| rt::time::sleep(Duration::from_millis(1)));
        let _ = slow.join_timeout(Duration::ZERO);
        slow.join().unwrap();
    });
}

#[test]
fn a_join_after_the_result_was_taken_panics() {
    let _t = common::test();
    let taken = "join: the result of this goroutine was already taken";
    let runtime = runtime(1);
    let handle = runtime.handle().spawn(|| 1);
    assert_eq!(handle.join_timeout(Duration::from_secs(50)).unwrap(), 1);
    assert_eq!(panic_text(|| handle.join_timeout(Duration::ZERO)), taken);
    assert_eq!(panic_text(|| handle.join()), taken);
    let handle = runtime.handle().spawn(|| fail("p"));
    let error: rt::JoinError = handle.join_timeout(Duration::from_secs(50)).unwrap_err();
    assert!(error.is_panic());
    assert_eq!(panic_text(|| handle.join()), taken);
    let mut handle = runtime.handle().spawn(|| 1);
    assert_eq!(block_on(&mut handle).unwrap(), 1);
    assert_eq!(panic_text(|| handle.join()), taken);
}

#[test]
fn two_threads_may_not_wait_by_one_handle() {
    let _t = common::test();
    let runtime = runtime(1);
    let go = Chan::<()>::new(0);
    let go2 = go.clone();
    let handle = Arc::new(runtime.handle().spawn(move || go2.recv()));
    let (handle2, inside) = (handle.clone(), Arc::new(AtomicBool::new(false)));
    let inside2 = inside.clone();
    let waits = thread::spawn(move || {
        inside2.store(true, Ordering::SeqCst);
        handle2.join_timeout(Duration::from_secs(50)).map(drop)
    });
    eventually("it waits", || inside.load(Ordering::SeqCst));
    thread::sleep(Duration::from_millis(20));
    // Others may look and abort meanwhile, but not wait.
    assert!(!handle.is_finished());
    let text = panic_text(|| handle.join_timeout(Duration::ZERO));
    assert!(text.contains("another thread waits"), "{text}");
    go.send(());
    waits.join().unwrap().unwrap();
}

#[test]
fn joins_timeouts_and_aborts_race() {
    let _t = common::test();
    let runtime = builder(2).build().unwrap();
    let tally = Tally::default();
    for i in 0..500_u64 {
        let token = tally.token();
        let handle = Arc::new(runtime.handle().spawn(move || {
            if i % 3 == 0 {
                rt::time::sleep(Duration::from_micros(i % 50));
            } else {
                rt::yield_now();
            }
            token
        }));
        let handle2 = handle.clone();
        let aborts = (i % 2 == 0).then(|| thread::spawn(move || handle2.abort()));
        let joined = loop {
            match handle.join_timeout(Duration::from_micros(i % 7 * 10)) {
                Err(error) if error.is_timeout() => {}
                joined => break joined,
            }
        };
        match joined {
            Ok(token) => drop(token),
            Err(error) => assert!(error.is_cancelled() && i % 2 == 0),
        }
        if let Some(aborts) = aborts {
            aborts.join().unwrap();
        }
    }
    tally.assert_all_dropped();
}

#[test]
fn handles_are_send_sync_and_unwind_safe() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unwind<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    // The value crosses threads; it need not be shared.
    send::<rt::JoinHandle<std::cell::Cell<u32>>>();
    sync::<rt::JoinHandle<std::cell::Cell<u32>>>();
    send::<rt::JoinError>();
    sync::<rt::JoinError>();
    send::<rt::Runtime>();
    sync::<rt::Runtime>();
    send::<rt::Handle>();
    sync::<rt::Handle>();
    sync::<rt::chan::Chan<std::cell::Cell<u32>>>();
    unwind::<rt::JoinHandle<std::cell::Cell<u32>>>();
    unwind::<rt::Runtime>();
    unwind::<rt::Handle>();
    unwind::<rt::chan::Chan<std::cell::Cell<u32>>>();
    unwind::<rt::sync::WaitGroup>();
    let moved = runtime(1);
    let handle = moved.handle().spawn(|| 3);
    assert_eq!(thread::spawn(move || handle.join().unwrap()).join().unwrap(), 3);
    assert!(catch_unwind(AssertUnwindSafe(|| moved.run(|| ()))).is_ok());
}
