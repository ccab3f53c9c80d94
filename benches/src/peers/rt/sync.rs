//! The rows of locks and counters.

use std::time::Instant;

use ::rt::sync::WaitGroup;

use crate::sample::{Failed, Sample, ns_since};

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
