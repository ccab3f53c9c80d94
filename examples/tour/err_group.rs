//! An `ErrGroup` starts goroutines that may fail, waits for all of them, and gives the first error; or panics, if one of
//! them did. With a limit, only so many run at the same time.
//!
//! ```text
//! == err_group: the first error
//! all went well: Ok(())
//! one did not: Err("drei is no number")
//! who waits again gets no second one: Ok(()), but has_failed is true
//! the others were not stopped: 5 more
//! a member's panic comes out of wait: out of memory, they said
//! with a context, the others look at it: Err("no room"), and context canceled
//! which says what for: one of us: no room
//! ```
//! (Go's `Wait` gives the error to all who wait, and again; here it need not be `Clone`, and one gets it.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rt::context::Context;
use rt::sync::ErrGroup;

pub(crate) fn run() {
    let group = ErrGroup::<String>::new();
    group.set_limit(2);
    let parsed = Arc::new(AtomicU32::new(0));
    let start = |text: &'static str| {
        let parsed = Arc::clone(&parsed);
        group.go(move || {
            text.parse::<u32>().map_err(|_| format!("{text} is no number"))?;
            parsed.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
    };
    ["1", "2", "3"].into_iter().for_each(start);
    println!("all went well: {:?}", group.wait());
    ["1", "2", "drei", "4", "5", "6"].into_iter().for_each(start);
    println!("one did not: {:?}", group.wait());
    let (again, failed) = (group.wait(), group.has_failed());
    println!("who waits again gets no second one: {again:?}, but has_failed is {failed}");
    println!("the others were not stopped: {} more", parsed.load(Ordering::Relaxed) - 3);

    group.go(|| panic!("out of memory, they said"));
    let panic = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    println!("a member's panic comes out of wait: {}", panic.downcast_ref::<&str>().unwrap());

    let (group, ctx) = ErrGroup::with_context_cause(&Context::background(), |error| {
        format!("one of us: {error}").into()
    });
    let waits = ctx.clone();
    group.go(move || {
        let _ = waits.done().recv();
        Ok(())
    });
    group.go(|| Err("no room"));
    let result = group.wait();
    println!("with a context, the others look at it: {result:?}, and {}", ctx.err().unwrap());
    println!("which says what for: {}", ctx.cause().unwrap());
}
