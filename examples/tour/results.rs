//! What a `Pool`'s tasks return comes out of `join`, or of a group in the order of its members. Tasks of a scope borrow.
//!
//! ```text
//! == results: out of a pool
//! joined: Ok(42)
//! a panic is an error: the goroutine panicked: no such page
//! aborted before it had ended: true
//! the worker survives all of it: Ok(1)
//! a scope's tasks borrow: 23 letters
//! a group's results, in order: [10, 20, 30, 40]
//! its first error: drei is no number, and what had not begun was dropped: true
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rt::chan;
use rt::pool::{Pool, Queue};

pub(crate) fn run() {
    let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).build().unwrap();
    println!("joined: {:?}", pool.spawn(|| 6 * 7).unwrap().join());
    let failed = pool.spawn(|| std::panic::resume_unwind(Box::new("no such page"))).unwrap();
    let failed: Result<(), _> = failed.join();
    println!("a panic is an error: {}", failed.unwrap_err());
    let endless = pool.spawn(|| chan::never::<()>().recv()).unwrap();
    endless.abort();
    println!("aborted before it had ended: {}", endless.join().unwrap_err().is_cancelled());
    println!("the worker survives all of it: {:?}", pool.spawn(|| 1).unwrap().join());

    let words = ["they", "borrow", "and", "go", "before", "us"];
    let letters = pool.scope(|s| {
        let lengths: Vec<_> = words.iter().map(|word| s.spawn(|| word.len())).collect();
        lengths.into_iter().map(|length| length.join().unwrap()).sum::<usize>()
    });
    println!("a scope's tasks borrow: {letters} letters");

    let group = pool.group::<u32, String>();
    for n in 1..=4 {
        group.submit(move || Ok(n * 10)).unwrap();
    }
    println!("a group's results, in order: {:?}", group.wait().unwrap());

    let (group, begun) = (pool.group(), Arc::new(AtomicU32::new(0)));
    for text in ["1", "drei", "4", "5"] {
        let begun = Arc::clone(&begun);
        let parse = move || {
            begun.fetch_add(1, Ordering::Relaxed);
            text.parse::<u32>().map_err(|_| format!("{text} is no number"))
        };
        group.submit(parse).unwrap();
    }
    let error = group.wait().unwrap_err();
    let dropped = begun.load(Ordering::Relaxed) == 2;
    println!("its first error: {error}, and what had not begun was dropped: {dropped}");
}
