//! The runtime counts what it does, all the time: who runs, who waits for what, how often a processor was handed to
//! another thread and why. `rt::metrics` has the numbers, and the same as text for Prometheus.
//!
//! ```text
//! == metrics: the runtime in numbers
//! waiting: [("chan receive", 3), ("sleep", 1)]
//! running: 1
//! spawned on the one processor: 4
//! it was given away before a call that blocks: 1 time
//! lines for Prometheus:
//!   rt_goroutines{state="waiting"} 4
//!   rt_proc_handoffs_total{proc="0",reason="asked"} 1
//! ```

use std::time::Duration;

use rt::chan::Chan;
use rt::{Runtime, go};

fn look() {
    let hold = Chan::<()>::new(0);
    for _ in 0..3 {
        go!(hold => hold.recv());
    }
    let sleeper = go!({ rt::time::sleep(Duration::from_secs(3600)) });
    rt::blocking(|| std::thread::sleep(Duration::from_millis(1)));
    while rt::metrics().goroutines.waiting.iter().map(|(_, n)| n).sum::<u64>() < 4 {
        rt::yield_now();
    }

    let metrics = rt::metrics();
    println!("waiting: {:?}", metrics.goroutines.waiting);
    println!("running: {}", metrics.goroutines.running);
    println!("spawned on the one processor: {}", metrics.procs[0].spawned);
    let asked = metrics.procs[0].hand_offs.asked;
    println!("it was given away before a call that blocks: {asked} time");
    println!("lines for Prometheus:");
    let text = metrics.to_prometheus();
    let shown = |line: &&str| line.contains("\"waiting\"") || line.contains("0\",reason=\"asked\"");
    text.lines().filter(shown).for_each(|line| println!("  {line}"));

    hold.close();
    sleeper.abort();
}

pub(crate) fn run() {
    // One of its own: there is nothing else in its numbers.
    Runtime::builder().procs(1).build().unwrap().run(look);
}
