//! tokio: tasks are futures, joined by their handles.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ::tokio::runtime::Builder;
use ::tokio::sync::Notify;
use ::tokio::task::{JoinError, JoinHandle, yield_now};

use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::row::{
    ARITY, CUT_OFF, Group, LOCKERS, PRODUCERS, Row, batches, fib, fib_expected, sum_below,
};
use crate::sample::{Failed, Sample, check, ms_since, ns_since};
use crate::wave::{Spawning, Wave};

mod chan;
mod net;
mod sync;
mod tails;
mod time;

/// The multi-thread runtime, also with one worker.
pub(super) const PEER: Peer = Peer {
    name: "tokio",
    package: Some("tokio"),
    rows: &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ManyParked,
        Row::PingPongBuffered,
        Row::Spsc,
        Row::UnboundedSpsc,
        Row::Mpsc,
        Row::Select4,
        Row::Mutex8,
        Row::MutexUncontended,
        Row::Ticker,
        Row::TickerSpawn,
        Row::TickerBlocked,
        Row::TickerBlockedWrapped,
        Row::TickerHogs,
        Row::Sleepers,
        Row::HttpRaw,
        Row::HttpRaw512,
        Row::IdleConns,
        Row::PingPongTail,
        Row::WakeTail,
        Row::SpawnTail,
        Row::PipeTail,
        Row::HttpTail,
    ],
    limits: &[(Row::Mutex8, 1_000_000)],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let n = job.size;
    match job.row {
        Row::SpawnJoin => body(job, move || spawn_join(n)),
        Row::SpawnBatch => body(job, move || spawn_batch(n)),
        Row::Yield => body(job, move || yields(n)),
        Row::Skynet => body(job, move || skynet(n as u64)),
        Row::ForkJoin => body(job, move || fork_join(n as u64)),
        Row::ManyParked => body(job, move || many_parked(n)),
        Row::PingPongBuffered => body(job, move || chan::ping_pong(n)),
        Row::Spsc => body(job, move || chan::pass(n, 1)),
        Row::UnboundedSpsc => body(job, move || chan::pass_unbounded(n)),
        Row::Mpsc => body(job, move || chan::pass(n, PRODUCERS)),
        Row::Select4 => body(job, move || chan::select_four(n)),
        Row::Mutex8 => body(job, move || sync::mutex(n, LOCKERS)),
        Row::MutexUncontended => body(job, move || sync::mutex(n, 1)),
        Row::Ticker => body(job, move || time::ticker(n)),
        Row::TickerSpawn => body(job, move || time::ticker_spawn(n)),
        Row::TickerBlocked => body(job, move || time::ticker_blocked(n)),
        Row::TickerBlockedWrapped => body(job, move || time::ticker_blocked_wrapped(n)),
        Row::TickerHogs => body(job, move || time::ticker_hogs(n)),
        Row::Sleepers => body(job, move || time::sleepers(n)),
        Row::PingPongTail => body(job, move || tails::ping_pong(n)),
        Row::WakeTail => body(job, move || tails::under_load(n, tails::wake)),
        Row::SpawnTail => body(job, move || tails::under_load(n, tails::first_run)),
        Row::PipeTail => body(job, move || tails::pipe(n)),
        row if row.is_net() => body(job, net::serve),
        _ => Err(unknown(job)),
    }
}

/// A body that runs the future as a task on a worker.
pub(super) fn body<F, T>(job: &Job, make: F) -> Result<Body, Failed>
where
    F: Fn() -> T + 'static,
    T: Future<Output = Result<Sample, Failed>> + Send + 'static,
{
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(job.procs).enable_time();
    // As `#[tokio::main]` starts it, where the driver of timers and connections matters.
    if job.row.group() == Group::Time || job.row.is_net() {
        builder.enable_io();
    }
    let runtime = builder.build().map_err(|error| Failed(error.to_string()))?;
    Ok(Box::new(move || runtime.block_on(runtime.spawn(make())).map_err(failed)?))
}

pub(super) fn failed(error: JoinError) -> Failed {
    Failed(error.to_string())
}

async fn spawn_join(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..n as u64 {
        sum += tokio::spawn(async move { i }).await.map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of results", sum, sum_below(n as u64))?;
    Ok(sample)
}

async fn spawn_batch(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    for _ in 0..batches(n) {
        let mut handles = Vec::with_capacity(n);
        for _ in 0..n {
            handles.push(tokio::spawn(async {}));
        }
        for handle in handles {
            handle.await.map_err(failed)?;
        }
    }
    Ok(ns_since(start, n * batches(n)))
}

async fn yielder(n: usize) -> usize {
    for _ in 0..n {
        yield_now().await;
    }
    n
}

async fn yields(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    let (a, b) = (tokio::spawn(yielder(n)), tokio::spawn(yielder(n)));
    let switches = a.await.map_err(failed)? + b.await.map_err(failed)?;
    let sample = ns_since(start, switches);
    check("switches", switches, 2 * n)?;
    Ok(sample)
}

/// A node of the tree; the named handle type is what lets it recurse without a box.
fn node(first: u64, leaves: u64) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / ARITY;
        let mut children = Vec::with_capacity(ARITY as usize);
        for child in 0..ARITY {
            children.push(node(first + child * part, part));
        }
        let mut sum = 0;
        for child in children {
            sum += child.await.expect("a node panicked");
        }
        sum
    })
}

async fn skynet(leaves: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let sum = node(0, leaves).await.map_err(failed)?;
    let sample = ms_since(start);
    check("sum of leaves", sum, sum_below(leaves))?;
    Ok(sample)
}

async fn fork(n: u64) -> u64 {
    if n < CUT_OFF {
        return fib(n);
    }
    let half = spawn_fork(n - 1);
    let other = boxed_fork(n - 2).await;
    half.await.expect("a half panicked") + other
}

fn spawn_fork(n: u64) -> JoinHandle<u64> {
    tokio::spawn(fork(n))
}

/// The half that the task computes itself: a recursive future needs a box.
fn boxed_fork(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(fork(n))
}

async fn fork_join(n: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let result = fork(n).await;
    let sample = ms_since(start);
    check("fib", result, fib_expected(n))?;
    Ok(sample)
}

/// Counts those that are about to park, and tells the spawner of the last.
#[derive(Debug, Default)]
struct Gate {
    arrived: AtomicUsize,
    all_arrived: Notify,
    open: Notify,
}

async fn wave(n: usize) -> Result<Wave, Failed> {
    let mut handles = Vec::with_capacity(n);
    let spawning = Spawning::start(n);
    let gate = Arc::new(Gate::default());
    for _ in 0..n {
        let gate = Arc::clone(&gate);
        handles.push(tokio::spawn(async move {
            let open = gate.open.notified();
            if gate.arrived.fetch_add(1, Ordering::AcqRel) + 1 == n {
                gate.all_arrived.notify_one();
            }
            open.await;
        }));
    }
    gate.all_arrived.notified().await;
    let waking = spawning.parked();
    gate.open.notify_waiters();
    let mut joined = 0;
    for handle in handles {
        handle.await.map_err(failed)?;
        joined += 1;
    }
    waking.done(joined)
}

async fn many_parked(n: usize) -> Result<Sample, Failed> {
    let first = wave(n).await?;
    let second = wave(n).await?;
    Ok(Wave::sample(first, second))
}
