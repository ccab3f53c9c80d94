//! Spawning and joining: values, panics, what is dropped when, and the handle as a future.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{
    Tally, Token, builder, eventually, eventually_yielding, fail, panic_text, runtime, text_of,
};
use rt::chan::Chan;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

#[test]
fn values_of_all_sizes_come_back() {
    let _t = common::test();
    #[repr(align(256))]
    #[derive(Debug, PartialEq)]
    struct Aligned([u8; 3]);
    #[derive(Debug, PartialEq)]
    struct Nothing;
    for procs in [1, 2] {
        runtime(procs).run(|| {
            rt::spawn(|| ()).join().unwrap();
            assert_eq!(rt::spawn(|| Nothing).join().unwrap(), Nothing);
            assert_eq!(rt::spawn(|| 1_u8).join().unwrap(), 1);
            assert_eq!(rt::spawn(|| "text".to_owned()).join().unwrap(), "text");
            let value = rt::spawn(|| Aligned([1, 2, 3])).join().unwrap();
            assert_eq!(value, Aligned([1, 2, 3]));
            assert_eq!((&raw const value).addr() % 256, 0);
            let big = [7_u64; 512];
            let sum = rt::spawn(move || big.iter().sum::<u64>());
            assert_eq!(sum.join().unwrap(), 7 * 512);
            let aligned = Aligned([4, 5, 6]);
            let inside = rt::spawn(move || ((&raw const aligned).addr() % 256, aligned.0));
            assert_eq!(inside.join().unwrap(), (0, [4, 5, 6]));
            let huge = rt::spawn(|| [3_u8; 16 << 10]).join().unwrap();
            assert!(huge.iter().all(|&b| b == 3));
        });
    }
}

#[test]
fn panics_come_with_their_payload() {
    let _t = common::test();
    #[derive(Debug, PartialEq)]
    struct Custom(u32);
    let error = |result: Result<(), rt::JoinError>| {
        let error = result.unwrap_err();
        assert!(
            error.is_panic()
                && !error.is_cancelled()
                && !error.is_timeout()
                && !error.is_resource()
        );
        error
    };
    runtime(2).run(|| {
        let text = error(rt::spawn(|| fail("literal")).join());
        assert_eq!(text.to_string(), "the goroutine panicked: literal");
        assert_eq!(format!("{text:?}"), "JoinError::Panic(\"literal\")");
        assert_eq!(text.into_panic().downcast_ref::<&str>(), Some(&"literal"));
        let string = error(rt::spawn(|| fail(format!("no {}", 7))).join());
        assert_eq!(string.to_string(), "the goroutine panicked: no 7");
        assert_eq!(string.into_panic().downcast_ref::<String>().unwrap(), "no 7");
        let custom = error(rt::spawn(|| fail(Custom(9))).join());
        assert_eq!(custom.to_string(), "the goroutine panicked");
        assert_eq!(*custom.into_panic().downcast::<Custom>().unwrap(), Custom(9));
        // After one carrier has seen them all, it runs on.
        assert_eq!(rt::spawn(|| 1).join().unwrap(), 1);
    });
}

#[test]
fn into_panic_of_another_error_panics() {
    let _t = common::test();
    let text = runtime(1).run(|| {
        let error = rt::spawn(|| rt::task::exit()).join().unwrap_err();
        panic_text(|| error.into_panic())
    });
    assert_eq!(text, "JoinError::into_panic: the goroutine was cancelled");
}

/// Closures and results are dropped once, on every path.
#[test]
fn drops_are_exact() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let tally = Tally::default();
        runtime.run(|| {
            // Joined: the closure has gone before the value comes.
            let (captured, result) = (tally.token(), tally.token());
            let handle = rt::spawn(move || {
                let _captured = &captured;
                result
            });
            let result = handle.join().unwrap();
            assert_eq!(tally.dropped(), 1);
            drop(result);
            tally.assert_all_dropped();
            // Detached before the end, and after.
            for wait in [false, true] {
                let (captured, result) = (tally.token(), tally.token());
                let handle = rt::spawn(move || {
                    let _captured = captured;
                    result
                });
                if wait {
                    eventually_yielding("it ends", || handle.is_finished());
                    assert_eq!(tally.made() - tally.dropped(), 1);
                }
                drop(handle);
                eventually_yielding("all dropped", || tally.dropped() == tally.made());
            }
            // Ended by a panic.
            let captured = tally.token();
            let payload = tally.token();
            let handle = rt::spawn(move || {
                let _captured = captured;
                fail(payload)
            });
            let error = handle.join().unwrap_err();
            assert_eq!(tally.made() - tally.dropped(), 1);
            drop(error);
            tally.assert_all_dropped();
            // A panic that nobody joins.
            let payload = tally.token();
            drop(rt::spawn(move || fail(payload)).task());
            eventually_yielding("all dropped", || tally.dropped() == tally.made());
        });
        // Values that nobody has fetched when the runtime ends: the handles have them.
        let token = tally.token();
        let handle = runtime.handle().spawn(move || token);
        eventually("it ends", || handle.is_finished());
        drop(runtime);
        assert_eq!(tally.made() - tally.dropped(), 1);
        drop(handle.join().unwrap());
        tally.assert_all_dropped();
    }
}

/// Panics when it is dropped, unless that would abort the process.
struct Bomb {
    _token: Token,
}

fn bomb(tally: &Tally) -> Bomb {
    Bomb { _token: tally.token() }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            fail("bomb")
        }
    }
}

#[test]
fn a_panicking_drop_harms_nobody() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let tally = Tally::default();
        let all_gone = || eventually_yielding("all dropped", || tally.dropped() == tally.made());
        runtime.run(|| {
            // A result that the runtime drops.
            let explodes = bomb(&tally);
            drop(rt::spawn(move || explodes));
            all_gone();
            // A result that the handle drops: the panic is the dropper's.
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || explodes);
            eventually_yielding("it ends", || handle.is_finished());
            assert_eq!(panic_text(|| drop(handle)), "bomb");
            all_gone();
            // A closure that was never run.
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || drop(explodes));
            handle.abort();
            match handle.join() {
                Err(error) if error.is_cancelled() => {}
                Err(error) => assert_eq!(text_of(&*error.into_panic()), "bomb"),
                Ok(()) => unreachable!("its drop panics"),
            }
            all_gone();
            // A payload whose drop panics, with a payload whose drop panics.
            struct Payload {
                inner: Option<Box<Payload>>,
                _bomb: Bomb,
            }
            impl Drop for Payload {
                fn drop(&mut self) {
                    if let Some(inner) = self.inner.take() {
                        std::panic::resume_unwind(inner);
                    }
                }
            }
            let inner = Payload { inner: None, _bomb: bomb(&tally) };
            let payload = Payload { inner: Some(Box::new(inner)), _bomb: bomb(&tally) };
            drop(rt::spawn(move || fail(payload)));
            all_gone();
            // A local.
            rt::goroutine_local! {
                static LOCAL: std::cell::RefCell<Option<Bomb>> = std::cell::RefCell::new(None);
            }
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || {
                LOCAL.with(|local| *local.borrow_mut() = Some(explodes));
                6
            });
            assert_eq!(handle.join().unwrap(), 6);
            all_gone();
            assert!(!thread::panicking());
            assert_eq!(rt::spawn(|| 1).join().unwrap(), 1);
        });
    }
}

#[test]
fn spawns_nest() {
    let _t = common::test();
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let children = [rt::spawn(move || tree(depth - 1)), rt::spawn(move || tree(depth - 1))];
        children.into_iter().map(|child| child.join().unwrap()).sum()
    }
    for procs in [1, 2, 3] {
        assert_eq!(runtime(procs).run(|| tree(10)), 1024);
    }
}

#[test]
fn ten_thousand_in_a_daisy_chain() {
    let _t = common::test();
    for procs in [1, 2] {
        let got = runtime(procs).run(|| {
            let first = Chan::new(0);
            let mut left = first.clone();
            for _ in 0..10_000 {
                let (right, to) = (Chan::<u64>::new(0), left.clone());
                let from = right.clone();
                rt::spawn(move || to.send(from.recv().unwrap() + 1));
                left = right;
            }
            rt::spawn(move || left.send(0));
            first.recv()
        });
        assert_eq!(got, Some(10_000));
    }
}

/// A crowd that never exists at once costs no memory.
#[test]
fn a_crowd_leaves_no_memory_behind() {
    let _t = common::alone();
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    runtime(2).run(|| {
        let round = |count: usize| {
            let done = Arc::new(AtomicUsize::new(0));
            for i in 0..count {
                let done = done.clone();
                drop(rt::spawn(move || done.fetch_add(1, Ordering::Relaxed)));
                if i % 64 == 63 {
                    rt::yield_now();
                }
            }
            eventually_yielding("all ran", || done.load(Ordering::Relaxed) == count);
        };
        round(20_000);
        let before = resident();
        round(count);
        let grown = resident().saturating_sub(before);
        assert!(grown < 64 << 20, "{count} spawns left {grown} bytes");
    });
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn plain_threads_spawn() {
    let _t = common::test();
    let runtime = runtime(2);
    let threads: Vec<_> = (0..4_u64)
        .map(|t| {
            let handle = runtime.handle();
            thread::spawn(move || {
                let handles: Vec<_> =
                    (0..500).map(|i| handle.spawn(move || t * 1000 + i)).collect();
                handles.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
            })
        })
        .collect();
    let sum: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(sum, (0..4).map(|t| (0..500).map(|i| t * 1000 + i).sum::<u64>()).sum());
}

#[test]
fn names_and_ids() {
    let _t = common::test();
    runtime(2).run(|| {
        let handle = rt::task::Builder::new().name("worker").spawn(rt::task::current).unwrap();
        let task = handle.task();
        assert_eq!(task.name(), Some("worker"));
        assert_eq!(handle.join().unwrap(), task);
        let mut ids: Vec<u64> = (0..1000)
            .map(|_| rt::spawn(|| rt::task::current().id().get()).join().unwrap())
            .collect();
        assert!(!ids.contains(&task.id().get()));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1000);
    });
    assert!(rt::task::try_current().is_none());
    assert!(panic_text(rt::task::current).contains("outside of a goroutine"));
}

#[test]
fn goroutines_are_counted() {
    let _t = common::test();
    runtime(2).run(|| {
        assert_eq!(rt::num_goroutines(), 1);
        let hold = Chan::<()>::new(0);
        let held: Vec<_> = (0..10)
            .map(|_| {
                let hold = hold.clone();
                rt::spawn(move || hold.recv())
            })
            .collect();
        assert_eq!(rt::num_goroutines(), 11);
        hold.close();
        for handle in held {
            assert_eq!(handle.join().unwrap(), None);
        }
        eventually_yielding("they end", || rt::num_goroutines() == 1);
    });
}

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

/// Parks the thread until woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unparks(Thread);
    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Counts its wake-ups, and its clones by its `Arc`.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(handle: &mut rt::JoinHandle<T>, waker: &Arc<Counts>) -> Poll<Result<T, rt::JoinError>> {
    let waker = Waker::from(waker.clone());
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

#[test]
fn the_handle_is_a_future() {
    let _t = common::test();
    let runtime = runtime(2);
    for _ in 0..200 {
        let handle = runtime.handle().spawn(|| {
            rt::yield_now();
            4
        });
        assert_eq!(block_on(handle).unwrap(), 4);
    }
    let panics = runtime.handle().spawn(|| fail("no"));
    let error: rt::JoinError = block_on(panics).unwrap_err();
    assert_eq!(text_of(&*error.into_panic()), "no");
    let parked = runtime.handle().spawn(|| Chan::<()>::nil().recv());
    parked.abort();
    assert!(block_on(parked).unwrap_err().is_cancelled());
}

#[test]
fn the_last_waker_is_woken_once_and_none_leaks() {
    let _t = common::test();
    let runtime = runtime(1);
    let go = Chan::<()>::new(0);
    let spawn = || {
        let go = go.clone();
        runtime.handle().spawn(move || go.recv())
    };
    let (old, new) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
    let woken = |counts: &Counts| counts.0.load(Ordering::SeqCst);
    // Replaced.
    let mut handle = spawn();
    assert!(poll(&mut handle, &old).is_pending());
    assert!(poll(&mut handle, &old).is_pending());
    assert!(poll(&mut handle, &new).is_pending());
    assert_eq!(Arc::strong_count(&old), 1);
    go.send(());
    eventually("it wakes", || woken(&new) == 1);
    assert!(poll(&mut handle, &new).is_ready());
    assert_eq!((woken(&old), woken(&new)), (0, 1));
    assert_eq!(Arc::strong_count(&new), 1);
    // Dropped while pending.
    let mut handle = spawn();
    assert!(poll(&mut handle, &old).is_pending());
    drop(handle);
    assert_eq!(Arc::strong_count(&old), 1);
    go.send(());
    // Polled once, then joined; then joined in time; the waker is not the joiner's.
    let mut handle = spawn();
    assert!(poll(&mut handle, &old).is_pending());
    assert!(handle.join_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    assert_eq!(Arc::strong_count(&old), 1);
    assert!(poll(&mut handle, &old).is_pending());
    let go2 = go.clone();
    let opens = thread::spawn(move || go2.send(()));
    handle.join().unwrap();
    opens.join().unwrap();
    assert_eq!(Arc::strong_count(&old), 1);
}

/// A waker is a stranger: what it does when it wakes is its own affair.
#[test]
fn a_waker_that_panics_harms_nobody() {
    let _t = common::test();
    struct Panics(AtomicBool);
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
            fail("waker")
        }
    }
    let runtime = runtime(1);
    let go = Chan::<()>::new(0);
    let go2 = go.clone();
    let mut handle = runtime.handle().spawn(move || {
        go2.recv();
        3
    });
    let panics = Arc::new(Panics(AtomicBool::new(false)));
    let waker = Waker::from(panics.clone());
    assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    go.send(());
    eventually("it wakes", || panics.0.load(Ordering::SeqCst));
    assert_eq!(handle.join().unwrap(), 3);
    assert_eq!(runtime.run(|| 1), 1);
}

#[test]
fn polls_race_with_the_end() {
    let _t = common::test();
    let runtime = runtime(2);
    let counts = Arc::new(Counts::default());
    for i in 0..2000_u32 {
        let mut handle = runtime.handle().spawn(move || i);
        let value = loop {
            match poll(&mut handle, &counts) {
                Poll::Ready(value) => break value.unwrap(),
                Poll::Pending if i % 3 == 0 => {
                    break handle.join_timeout(Duration::from_secs(50)).unwrap();
                }
                Poll::Pending => std::hint::spin_loop(),
            }
        };
        assert_eq!(value, i);
    }
    eventually("no waker is left", || Arc::strong_count(&counts) == 1);
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

/// By the time that a waker is called the goroutine is no more: the handle's owner may have freed it.
#[test]
fn a_waker_runs_in_no_goroutine() {
    let _t = common::test();
    struct Looks(Arc<std::sync::Mutex<Option<bool>>>);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            let nobody = rt::task::try_current().is_none();
            // It may wait, too.
            rt::time::sleep(Duration::from_millis(1));
            *self.0.lock().unwrap() = Some(nobody);
        }
    }
    let runtime = runtime(1);
    let go = Chan::<()>::new(0);
    let go2 = go.clone();
    let mut handle = runtime.handle().spawn(move || go2.recv());
    let seen = Arc::default();
    let waker = Waker::from(Arc::new(Looks(Arc::clone(&seen))));
    assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    go.send(());
    eventually("it ends", || handle.is_finished());
    drop(handle);
    eventually("it wakes", || seen.lock().unwrap().is_some());
    assert_eq!(*seen.lock().unwrap(), Some(true));
    next_is_untouched(&runtime);
}

rt::goroutine_local! {
    static MARK: std::cell::Cell<u32> = std::cell::Cell::new(0);
}

/// Goroutines that follow on the same stacks begin with nothing of those before, and can be aborted.
fn next_is_untouched(runtime: &rt::Runtime) {
    for _ in 0..10 {
        let about = Chan::new(1);
        let about2 = about.clone();
        let parks = runtime.handle().spawn(move || {
            assert_eq!(MARK.with(std::cell::Cell::get), 0, "a local of another goroutine");
            about2.send(());
            Chan::<()>::nil().recv();
        });
        about.recv();
        thread::sleep(Duration::from_micros(200));
        parks.abort();
        let ended = parks.join_timeout(Duration::from_secs(20)).unwrap_err();
        assert!(ended.is_cancelled(), "{ended:?}");
    }
}

/// What the runtime drops for a goroutine may use locals and wait, and leaves no trace on the stack.
#[test]
fn a_result_that_waits_in_its_drop_leaves_no_trace() {
    let _t = common::test();
    struct Waits(Token);
    impl Drop for Waits {
        fn drop(&mut self) {
            let _ = &self.0;
            MARK.with(|mark| mark.set(9));
            rt::time::sleep(Duration::from_micros(100));
            Chan::<()>::nil().recv_timeout(Duration::from_micros(100)).unwrap_err();
        }
    }
    let runtime = runtime(1);
    let tally = Tally::default();
    let waits = Waits(tally.token());
    drop(runtime.handle().spawn(move || waits));
    eventually("it is dropped", || tally.dropped() == 1);
    next_is_untouched(&runtime);
    // The same for what is dropped without having run.
    let waits = Waits(tally.token());
    runtime.run(|| {
        let handle = rt::spawn(move || drop(waits));
        handle.abort();
        let _ = handle.join();
    });
    tally.assert_all_dropped();
    next_is_untouched(&runtime);
}
