//! A panic in deferred code supersedes the one before it, and what else was deferred still runs. Who recovers gets the newest, and
//! with it the chain and the place of each.
//!
//! ```text
//! == panics: a chain of panics
//! the rest still runs
//! reply: nothing to say
//!   at examples/tour/panics.rs:31:21
//!   after: close: no connection
//!   after: read: no bytes
//! second, after first, which was recovered: true
//! a value: 7
//! ```

use rt::panic::{self, Panic};

/// Every link, the newest first.
fn chain(panic: &Panic) -> impl Iterator<Item = &Panic> {
    std::iter::successors(panic.previous(), |panic| panic.previous())
}

pub(crate) fn run() {
    panic::frame(|f| -> () {
        f.defer(|u| {
            let newest = u.recover().unwrap();
            println!("{newest}");
            println!("  at {}", newest.location().unwrap());
            chain(&newest).for_each(|older| println!("  after: {older}"));
        });
        f.defer(|_| println!("the rest still runs"));
        f.defer(|_| panic!("reply: nothing to say"));
        f.defer(|_| panic!("close: no connection"));
        panic!("read: no bytes")
    });

    let caught = panic::catch(|| {
        panic::frame(|f| -> () {
            f.defer(|u| {
                drop(u.recover());
                panic!("second")
            });
            panic!("first")
        })
    });
    let recovered = caught.unwrap_err().previous().unwrap().is_recovered();
    println!("second, after first, which was recovered: {recovered}");

    let caught = panic::catch(|| std::panic::panic_any(7)).unwrap_err();
    println!("a value: {}", caught.downcast::<i32>().unwrap());
}
