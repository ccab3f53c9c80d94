//! Bugs that reading the protocols brought to light, and that the models cannot show.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(procs: usize) -> rt::Runtime {
    rt::Runtime::builder().procs(procs).build().unwrap()
}

/// Soon enough not to be a wait for the whole of a long sleep.
const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(600);

rt::goroutine_local! {
    static MARK: Cell<u32> = Cell::new(0);
}

#[derive(Default)]
struct Busy {
    woken: AtomicBool,
    in_goroutine: AtomicBool,
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        MARK.with(|mark| mark.set(1));
        rt::time::sleep(Duration::from_millis(2));
        self.in_goroutine.store(rt::task::try_current().is_some(), Ordering::SeqCst);
        self.woken.store(true, Ordering::SeqCst);
    }
}

/// The waker runs when the goroutine may be gone, on its carrier; the next one there is not touched.
#[test]
fn a_waker_leaves_no_trace() {
    runtime(1).run(|| {
        let busy = Arc::new(Busy::default());
        let waker = Waker::from(Arc::clone(&busy));
        let mut handle = rt::spawn(|| rt::time::sleep(Duration::from_millis(2)));
        let first = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        assert!(first.is_pending());
        while !busy.woken.load(Ordering::SeqCst) {
            rt::time::sleep(Duration::from_millis(1));
        }
        assert!(
            !busy.in_goroutine.load(Ordering::SeqCst),
            "the waker found a goroutine that ended"
        );
        for _ in 0..4 {
            let next = rt::spawn(|| {
                assert_eq!(MARK.with(Cell::get), 0, "another goroutine's local");
                rt::time::sleep(LONG);
            });
            rt::time::sleep(Duration::from_millis(2));
            let before = Instant::now();
            next.abort();
            assert!(next.join().unwrap_err().is_cancelled());
            assert!(before.elapsed() < SOON);
        }
    });
}

struct Idle;
impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_polled_handle_that_is_joined_drops_the_waker() {
    runtime(1).run(|| {
        let idle = Arc::new(Idle);
        let mut handle = rt::spawn(|| rt::time::sleep(Duration::from_millis(5)));
        let poll = Pin::new(&mut handle).poll(&mut Context::from_waker(&Arc::clone(&idle).into()));
        assert!(matches!(poll, Poll::Pending));
        handle.join().unwrap();
        assert_eq!(Arc::strong_count(&idle), 1);
    });
}

#[test]
fn a_scope_that_lost_its_runtime_ends() {
    let runtime = runtime(1);
    let handle = runtime.handle();
    let kept = Arc::new(());
    let mut entered = Some(handle.enter());
    let result = catch_unwind(AssertUnwindSafe(|| {
        rt::scope(|s| {
            drop(entered.take());
            let kept = Arc::clone(&kept);
            s.spawn(move || drop(kept));
        });
    }));
    assert!(result.is_err());
    assert_eq!(Arc::strong_count(&kept), 1, "the closure was leaked");
}

/// An abort that comes while the goroutine waits for another runtime.
#[test]
fn run_passes_on_an_abort() {
    let inner = Arc::new(runtime(1));
    let outer = runtime(1);
    let before = Instant::now();
    outer.run(|| {
        let inner = Arc::clone(&inner);
        let waits = rt::spawn(move || inner.run(|| rt::time::sleep(LONG)));
        rt::time::sleep(Duration::from_millis(20));
        waits.abort();
        assert!(waits.join().is_err());
    });
    assert!(before.elapsed() < SOON);
}

/// Also for goroutines that begin on the stack that another one left.
#[test]
fn without_migration_nobody_migrates() {
    let runtime = rt::Runtime::builder().procs(2).migrate(false).build().unwrap();
    runtime.run(|| {
        let handles: Vec<_> = (0..2000_u32)
            .map(|i| {
                rt::spawn(move || {
                    let home = thread::current().id();
                    for _ in 0..i % 4 {
                        rt::time::sleep(Duration::from_micros(200));
                        assert_eq!(thread::current().id(), home);
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

/// A goroutine that comes back to its thread gets a turn beside two that yield there.
#[test]
fn without_migration_nobody_starves() {
    let runtime = rt::Runtime::builder().procs(2).migrate(false).build().unwrap();
    runtime.run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let yielders: Vec<_> = (0..8)
            .map(|_| {
                let stop = Arc::clone(&stop);
                rt::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        rt::yield_now();
                    }
                })
            })
            .collect();
        let sleepers: Vec<_> =
            (0..8).map(|_| rt::spawn(|| rt::time::sleep(Duration::from_millis(5)))).collect();
        for sleeper in sleepers {
            assert!(sleeper.join_timeout(SOON).is_ok(), "starved");
        }
        stop.store(true, Ordering::Relaxed);
        yielders.into_iter().for_each(|h| h.join().unwrap());
    });
}
