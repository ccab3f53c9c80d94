//! The handle as a future, and the wakers that it is polled with.

use crate::block_on;
use crate::common::{self, eventually, fail, runtime, text_of};
use rt::chan::Chan;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

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
