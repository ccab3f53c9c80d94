//! What runs when a goroutine has ended, its waker and the drop of its result: neither leaves a trace for the next.

use crate::common::{self, Tally, Token, eventually, runtime};
use rt::chan::Chan;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

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
