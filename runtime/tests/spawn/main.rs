//! Spawning and joining: values, panics, what is dropped when, and the handle as a future.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod after;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod drops;
mod future;
mod join;
mod values;

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Parks the thread until woken.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
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
