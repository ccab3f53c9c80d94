//! A `WaitGroup` counts what is still to come. A clone is the same group, as a pointer is in Go: a copy that counts by
//! itself, over which many a Go program waits for ever, cannot be made.
//!
//! The three run at the same time, so it prints this in some order:
//!
//! ```text,any-order
//! == wait_group: waiting for three goroutines
//! started Goroutine 0
//! started Goroutine 1
//! started Goroutine 2
//! Goroutine 0 ended
//! Goroutine 1 ended
//! Goroutine 2 ended
//! All go routines finished executing
//! ```

use std::time::Duration;

use rt::go;
use rt::sync::WaitGroup;

fn process(i: u32, wg: WaitGroup) {
    println!("started Goroutine {i}");
    rt::time::sleep(Duration::from_millis(200));
    println!("Goroutine {i} ended");
    wg.done();
}

pub(crate) fn run() {
    let no = 3;
    let wg = WaitGroup::new();
    for i in 0..no {
        wg.add(1);
        go!(process(i, wg.clone()));
    }
    wg.wait();
    println!("All go routines finished executing");
}
