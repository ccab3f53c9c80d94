//! A context tells those who work for you when to stop: ten workers that say hello until then. Each looks at
//! `done` beside its work; nothing interrupts it. Cancelled twice is cancelled once.
//!
//! ```text
//! == contexts: ten workers, until they are told
//! all ten have said hello
//! ended: 10 times "context canceled"
//! a wait is ended, too: context deadline exceeded
//! ```

use std::time::Duration;

use rt::chan::{self, Sender};
use rt::context::{Context, ContextError};
use rt::sync::WaitGroup;
use rt::{go, select};

fn worker(ctx: &Context, hello: &Sender<usize>, id: usize) -> ContextError {
    loop {
        select! {
            recv(ctx.done()) -> _ => return ctx.err().expect("it is done"),
            default => {}
        }
        hello.send(id).expect("somebody listens");
        rt::yield_now();
    }
}

pub(crate) fn run() {
    let (ctx, cancel) = Context::background().with_timeout(Duration::from_secs(10));
    let wg = WaitGroup::new();
    let (hello, heard) = chan::unbounded();
    let (ended, ends) = chan::bounded(10);
    for id in 0..10 {
        wg.add(1);
        go!(ctx, wg, hello, ended => {
            ended.send(worker(&ctx, &hello, id)).expect("there is room");
            wg.done();
        });
    }
    let mut quiet: Vec<usize> = (0..10).collect();
    while !quiet.is_empty() {
        let id = heard.recv().expect("they talk");
        quiet.retain(|other| *other != id);
    }
    println!("all ten have said hello");
    cancel();
    cancel();
    wg.wait();
    let ends: Vec<_> = ends.try_iter().collect();
    assert!(ends.iter().all(|end| *end == ends[0]));
    println!("ended: {} times \"{}\"", ends.len(), ends[0]);

    // Whatever waits can be bounded.
    let (short, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
    let nobody_sends = chan::never::<()>();
    println!("a wait is ended, too: {}", nobody_sends.recv_ctx(&short).unwrap_err());
}
