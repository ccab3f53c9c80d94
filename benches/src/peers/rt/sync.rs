//! The rows of locks and counters.

use std::sync::Arc;
use std::time::Instant;

use ::rt::spawn;
use ::rt::sync::{Mutex, WaitGroup};

use super::failed;
use crate::sample::{Failed, Sample, check, ns_since};

/// Goroutines that add up to `n` under one lock.
pub(super) fn mutex(n: usize, tasks: usize) -> Result<Sample, Failed> {
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let task = |_| {
        let count = Arc::clone(&count);
        spawn(move || {
            for _ in 0..n / tasks {
                *count.lock() += 1;
            }
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    for task in tasks {
        task.join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("count", *count.lock(), n)?;
    Ok(sample)
}

/// Adds and takes away, and waits in the end: a wrong count would wait for ever.
pub(super) fn wait_group(n: usize) -> Result<Sample, Failed> {
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..n {
        group.add(1);
        group.done();
    }
    group.wait();
    Ok(ns_since(start, n))
}
