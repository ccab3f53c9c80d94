//! `block_on` runs a future, and parks the goroutine, not its thread, while it is not ready. It may be woken from wherever:
//! here by another goroutine, and by a plain thread. And every `JoinHandle` is a future, too.
//!
//! ```text
//! == futures: block_on, and a future by hand
//! opened by a goroutine
//! opened by a thread
//! both at once: 1 + 2 = 3
//! ```

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use rt::go;

/// A door that is ready when somebody has opened it, and says who.
#[derive(Clone, Default)]
struct Door(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    opened_by: Option<&'static str>,
    waker: Option<Waker>,
}

impl Door {
    fn open(&self, who: &'static str) {
        let mut state = self.0.lock().unwrap();
        state.opened_by = Some(who);
        state.waker.take().inspect(Waker::wake_by_ref);
    }
}

impl Future for Door {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'static str> {
        let mut state = self.0.lock().unwrap();
        state.waker = Some(cx.waker().clone());
        state.opened_by.map_or(Poll::Pending, Poll::Ready)
    }
}

pub(crate) fn run() {
    let (door, other) = (Door::default(), Door::default());
    go!(door => door.open("a goroutine")); // a clone of it
    println!("opened by {}", rt::block_on(door));
    let theirs = other.clone();
    let opener = thread::spawn(move || theirs.open("a thread"));
    println!("opened by {}", rt::block_on(other));
    opener.join().unwrap();
    let (one, two) = (go!({ 1 }), go!({ 2 }));
    let sum = rt::block_on(async { one.await.unwrap() + two.await.unwrap() });
    println!("both at once: 1 + 2 = {sum}");
}
