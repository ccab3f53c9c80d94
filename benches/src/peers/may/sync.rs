//! The rows of locks and counters.

use std::sync::Arc;
use std::time::Instant;

use ::may::go;
use ::may::sync::{Mutex, WaitGroup};

use super::failed;
use crate::sample::{Failed, Sample, check, ns_since};

/// Coroutines that add up to `n` under one lock.
pub(super) fn mutex(n: usize, tasks: usize) -> Result<Sample, Failed> {
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let task = |_| {
        let count = Arc::clone(&count);
        go!(move || {
            for _ in 0..n / tasks {
                *count.lock().expect("no panic") += 1;
            }
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    for task in tasks {
        task.join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("count", *count.lock().expect("no panic"), n)?;
    Ok(sample)
}

/// Its group counts its clones: a clone adds one, dropping it takes one away.
pub(super) fn wait_group(n: usize) -> Result<Sample, Failed> {
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..n {
        drop(group.clone());
    }
    group.wait();
    Ok(ns_since(start, n))
}
