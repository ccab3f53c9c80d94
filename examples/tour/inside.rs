//! Who is where, and why it does not go on: `rt::dump()` sees every goroutine, with what it waits for and its stack.
//! At SIGQUIT (Ctrl-\) a program prints its own.
//!
//! ```text
//! == inside: every goroutine, seen from outside
//! 'reader' waits for chan receive, in tour::inside::read
//! 'sleeper' waits for sleep, for 1 h at most
//! all goroutines have been looked at, and none has noticed: 42
//! ```

use rt::JoinHandle;
use rt::chan::Chan;
use rt::debug::{Dump, State};
use std::time::Duration;

#[inline(never)]
fn read(ch: &Chan<u32>) -> u32 {
    let value = ch.recv().unwrap();
    std::hint::black_box(value)
}

/// Waits until those of these names wait. Of who began to during a dump, the next one knows the deadline.
fn dump(names: [&str; 2]) -> Dump {
    loop {
        let dump = rt::dump();
        let waits = dump.goroutines().iter().filter(|g| g.state() == State::Waiting);
        if waits.filter(|g| g.name().is_some_and(|n| names.contains(&n))).count() == names.len() {
            return rt::dump();
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

    let dump = dump(["reader", "sleeper"]);
    let named = |name| dump.goroutines().iter().find(|g| g.name() == Some(name)).unwrap();
    let g = named("reader");
    assert!(g.backtrace().iter().any(|frame| frame.function().ends_with("read")), "{g}");
    println!("'reader' waits for {}, in tour::inside::read", g.waits_for().unwrap().kind());
    let g = named("sleeper");
    let hours = (g.time_left().unwrap().as_secs_f64() / 3600.0).ceil();
    println!("'sleeper' waits for {}, for {hours} h at most", g.waits_for().unwrap().kind());

    ch.send(42);
    let value = reader.join().unwrap();
    println!("all goroutines have been looked at, and none has noticed: {value}");
    sleeper.abort();
}
