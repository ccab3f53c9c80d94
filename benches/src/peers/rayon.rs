//! rayon: a pool for computing, whose tasks cannot wait. Here only for the rows that compute.

use std::time::Instant;

use ::rayon::prelude::*;
use ::rayon::{ThreadPool, ThreadPoolBuilder, join, scope};

use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::row::{ARITY, CUT_OFF, Row, batches, fib, fib_expected, sum_below};
use crate::sample::{Failed, Sample, check, ms_since, ns_since};

/// No runtime for concurrency, but what the fork-join rows can cost at best.
pub(super) const PEER: Peer = Peer {
    name: "rayon",
    package: Some("rayon"),
    rows: &[Row::SpawnBatch, Row::Skynet, Row::ForkJoin, Row::ForkJoinPair],
    limits: &[],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let n = job.size;
    match job.row {
        Row::SpawnBatch => body(job, move || spawn_batch(n)),
        Row::Skynet => body(job, move || skynet(n as u64)),
        Row::ForkJoin | Row::ForkJoinPair => body(job, move || fork_join(n as u64)),
        _ => Err(unknown(job)),
    }
}

/// A body that runs the function on a worker of the pool.
fn body<F>(job: &Job, run: F) -> Result<Body, Failed>
where
    F: Fn() -> Result<Sample, Failed> + Send + Sync + 'static,
{
    let pool: ThreadPool = ThreadPoolBuilder::new()
        .num_threads(job.procs)
        .build()
        .map_err(|error| Failed(error.to_string()))?;
    Ok(Box::new(move || pool.install(&run)))
}

fn spawn_batch(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    for _ in 0..batches(n) {
        scope(|s| {
            for _ in 0..n {
                s.spawn(|_| ());
            }
        });
    }
    Ok(ns_since(start, n * batches(n)))
}

fn node(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let part = leaves / ARITY;
    (0..ARITY).into_par_iter().map(|child| node(first + child * part, part)).sum()
}

fn skynet(leaves: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let sum = node(0, leaves);
    let sample = ms_since(start);
    check("sum of leaves", sum, sum_below(leaves))?;
    Ok(sample)
}

fn fork(n: u64) -> u64 {
    if n < CUT_OFF {
        return fib(n);
    }
    let (half, other) = join(|| fork(n - 1), || fork(n - 2));
    half + other
}

fn fork_join(n: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let result = fork(n);
    let sample = ms_since(start);
    check("fib", result, fib_expected(n))?;
    Ok(sample)
}
