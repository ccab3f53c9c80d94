//! What a context carries: deadlines, of which the earliest counts; why it was cancelled; values, found by their type;
//! and what is to happen afterwards.
//!
//! ```text
//! == causes: deadlines, causes, values
//! the child asked for an hour and got no more than its parent
//! the child is done: context canceled, because the disk is full
//! too late to say more: the disk is full
//! no answer in time: context deadline exceeded, because the server is silent
//! request 7 of ann, and of bob further in
//! afterwards, in a goroutine of its own: Some(Canceled)
//! a clean-up goes on: None
//! ```

use std::time::Duration;

use rt::chan;
use rt::context::Context;

struct User(&'static str);
struct Request(u32);

pub(crate) fn run() {
    let minute = Duration::from_secs(60);
    let (parent, _cancel) = Context::background().with_timeout(minute);
    let (child, _cancel) = parent.with_timeout(60 * minute);
    assert_eq!(child.deadline(), parent.deadline());
    println!("the child asked for an hour and got no more than its parent");

    let (parent, cancel) = parent.with_cancel_cause();
    let (child, _cancel) = parent.with_cancel();
    cancel("the disk is full");
    let why = |ctx: &Context| (ctx.err().unwrap(), ctx.cause().unwrap());
    let (error, cause) = why(&child);
    println!("the child is done: {error}, because {cause}");
    cancel("something else");
    println!("too late to say more: {}", why(&parent).1);

    let millisecond = Duration::from_millis(1);
    let (ctx, _cancel) =
        Context::background().with_timeout_cause(millisecond, "the server is silent");
    let _ = ctx.done().recv();
    let (error, cause) = why(&ctx);
    println!("no answer in time: {error}, because {cause}");

    let ctx = Context::background().with_value(User("ann")).with_value(Request(7));
    let inner = ctx.with_value(User("bob"));
    let user = |ctx: &Context| ctx.value::<User>().unwrap().0;
    let request = inner.value::<Request>().unwrap().0;
    println!("request {request} of {}, and of {} further in", user(&ctx), user(&inner));

    let (ctx, cancel) = inner.with_cancel();
    let (tx, rx) = chan::bounded(1);
    let seen = ctx.clone();
    ctx.after_func(move || tx.send(seen.err()).unwrap());
    cancel();
    println!("afterwards, in a goroutine of its own: {:?}", rx.recv().unwrap());
    println!("a clean-up goes on: {:?}", ctx.without_cancel().err());
}
