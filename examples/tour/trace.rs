//! A trace holds all that the scheduler does, for <https://ui.perfetto.dev>: which goroutine ran where and for how long, who
//! woke whom, which processor was taken from which thread. `trace::record` is a flight recorder: it keeps the last seconds,
//! and writes them when something has gone wrong.
//!
//! ```text
//! == trace: what the scheduler did, for Perfetto
//! the file is JSON: true
//! 'worker' ran in it: true
//! and waited for a message: true
//! nothing was lost: true
//! what led to the failure is in the recorder's file: true
//! ```

use std::time::Duration;
use std::{fs, io};

use rt::chan::Chan;
use rt::{Runtime, task, trace};

fn named(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    task::Builder::new().name(name).spawn(f)?.join().map_err(io::Error::other)
}

fn traced() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("tour-{}.json", std::process::id()));

    trace::start(&path)?;
    let messages = Chan::new(0);
    let sender = messages.clone();
    rt::spawn(move || {
        // So that the worker has to wait for it.
        while !rt::metrics().goroutines.waiting.iter().any(|(why, _)| *why == "chan receive") {
            rt::yield_now();
        }
        sender.send("hello");
    });
    named("worker", move || assert_eq!(messages.recv(), Some("hello")))?;
    let summary = trace::stop()?;

    let text = fs::read_to_string(&path)?;
    println!("the file is JSON: {}", text.starts_with('{') && text.ends_with("]}\n"));
    println!("'worker' ran in it: {}", text.contains("'worker'"));
    println!("and waited for a message: {}", text.contains("waits: chan receive"));
    println!("nothing was lost: {}", summary.lost == 0);

    trace::record(Duration::from_secs(10))?;
    named("suspect", || ())?;
    trace::write(&path)?;
    trace::stop()?;
    let found = fs::read_to_string(&path)?.contains("'suspect'");
    println!("what led to the failure is in the recorder's file: {found}");
    fs::remove_file(path)
}

pub(crate) fn run() {
    Runtime::builder().build().unwrap().run(traced).unwrap();
}
