//! The rows of locks.

use std::sync::Arc;
use std::time::Instant;

use ::tokio::sync::Mutex;

use super::failed;
use crate::sample::{Failed, Sample, check, ns_since};

/// Tasks that add up to `n` under one lock.
pub(super) async fn mutex(n: usize, tasks: usize) -> Result<Sample, Failed> {
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let task = |_| {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            for _ in 0..n / tasks {
                *count.lock().await += 1;
            }
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    for task in tasks {
        task.await.map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("count", *count.lock().await, n)?;
    Ok(sample)
}
