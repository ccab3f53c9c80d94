//! Who is where, and why it does not go on: `rt::dump()` sees every goroutine, with what it waits for and its stack, and names
//! those that wait for each other. At SIGQUIT (Ctrl-\) a program prints its own.
//!
//! ```text
//! == inside: every goroutine, seen from outside
//! 'reader' waits for chan receive, in tour::inside::read
//! 'sleeper' waits for sleep, for 3600 seconds at most
//! 'left' and 'right' join each other
//! all goroutines have been looked at, and none has noticed: 42
//! ```

use rt::chan::Chan;
use rt::debug::{Dump, State};
use rt::{JoinHandle, go};
use std::time::Duration;

#[inline(never)]
fn read(ch: &Chan<u32>) -> u32 {
    let value = ch.recv().unwrap();
    // Something left to do, so that this frame is there while it waits.
    std::hint::black_box(value)
}

/// Waits until all of them wait.
fn dump(waiting: usize) -> Dump {
    loop {
        let dump = rt::dump();
        let waits = dump.goroutines().iter().filter(|g| g.state() == State::Waiting);
        if waits.count() == waiting {
            return dump;
        }
        rt::yield_now();
    }
}

fn spawn<T: Send + 'static>(name: &str, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    rt::task::Builder::new().name(name).spawn(f).unwrap()
}

pub(crate) fn run() {
    let ch = Chan::new(0);
    let reader = spawn("reader", {
        let ch = ch.clone();
        move || read(&ch)
    });
    let sleeper = spawn("sleeper", || rt::time::sleep(Duration::from_secs(3600)));
    // Each is handed the other's handle.
    let (to_left, to_right) = (Chan::<JoinHandle<()>>::new(1), Chan::<JoinHandle<()>>::new(1));
    let inbox = to_left.clone();
    let left = spawn("left", move || inbox.recv().unwrap().join().unwrap());
    let inbox = to_right.clone();
    let right = spawn("right", move || inbox.recv().unwrap().join().unwrap());
    go!(to_left.send(right)).join().unwrap();
    go!(to_right.send(left)).join().unwrap();

    let dump = dump(4);
    let named = |name| dump.goroutines().iter().find(|g| g.name() == Some(name)).unwrap();
    let (g, is_ours) = (named("reader"), |function: &str| function.ends_with("read"));
    let frame = g.backtrace().iter().find(|frame| is_ours(frame.function()));
    assert!(frame.is_some(), "{g}");
    println!("'reader' waits for {}, in tour::inside::read", g.waits_for().unwrap().kind());
    let g = named("sleeper");
    let left = g.time_left().unwrap().as_secs_f64().ceil();
    println!("'sleeper' waits for {}, for {left} seconds at most", g.waits_for().unwrap().kind());
    let ring = dump.cycles()[0].goroutines();
    assert_eq!(ring, [named("left").id(), named("right").id()]);
    println!("'left' and 'right' join each other");

    ch.send(42);
    let value = reader.join().unwrap();
    println!("all goroutines have been looked at, and none has noticed: {value}");
    sleeper.abort();
}
