//! may: stackful coroutines, joined by their handles.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ::may::coroutine::{JoinHandle, yield_now};
use ::may::sync::{Semphore, SyncFlag};
use ::may::{config, go};

use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::row::{ARITY, CUT_OFF, LOCKERS, Row, batches, fib, fib_expected, sum_below};
use crate::sample::{Failed, Sample, check, ms_since, ns_since};
use crate::wave::{Spawning, Wave};

mod chan;
mod net;
mod sync;
mod time;

/// Two mappings per stack: about 32,000 stacks, then the kernel refuses.
pub(super) const PEER: Peer = Peer {
    name: "may",
    package: Some("may"),
    rows: &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ManyParked,
        Row::PingPongBuffered,
        Row::UnboundedSpsc,
        Row::Mutex8,
        Row::MutexUncontended,
        Row::WaitGroup,
        Row::Ticker,
        Row::TickerSpawn,
        Row::HttpRaw,
        Row::HttpRaw512,
        Row::IdleConns,
        Row::HttpTail,
    ],
    limits: &[(Row::ManyParked, 20_000), (Row::Mutex8, 2_000_000)],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    config().set_workers(job.procs);
    let n = job.size;
    match job.row {
        Row::SpawnJoin => Ok(body(move || spawn_join(n))),
        Row::SpawnBatch => Ok(body(move || spawn_batch(n))),
        Row::Yield => Ok(body(move || yields(n))),
        Row::Skynet => Ok(body(move || skynet(n as u64))),
        Row::ForkJoin => Ok(body(move || fork_join(n as u64))),
        Row::ManyParked => Ok(body(move || many_parked(n))),
        Row::PingPongBuffered => Ok(body(move || chan::ping_pong(n))),
        Row::UnboundedSpsc => Ok(body(move || chan::pass_unbounded(n))),
        Row::Mutex8 => Ok(body(move || sync::mutex(n, LOCKERS))),
        Row::MutexUncontended => Ok(body(move || sync::mutex(n, 1))),
        Row::WaitGroup => Ok(body(move || sync::wait_group(n))),
        Row::Ticker => Ok(body(move || time::ticker(n))),
        Row::TickerSpawn => Ok(body(move || time::ticker_spawn(n))),
        row if row.is_net() => Ok(body(net::serve)),
        _ => Err(unknown(job)),
    }
}

/// A body that runs the function in a coroutine.
fn body<F>(run: F) -> Body
where
    F: Fn() -> Result<Sample, Failed> + Clone + Send + 'static,
{
    Box::new(move || go!(run.clone()).join().map_err(failed)?)
}

fn failed(_: Box<dyn Any + Send>) -> Failed {
    Failed("a coroutine panicked".to_owned())
}

fn spawn_join(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..n as u64 {
        sum += go!(move || i).join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of results", sum, sum_below(n as u64))?;
    Ok(sample)
}

fn spawn_batch(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    for _ in 0..batches(n) {
        let handles: Vec<_> = (0..n).map(|_| go!(|| ())).collect();
        for handle in handles {
            handle.join().map_err(failed)?;
        }
    }
    Ok(ns_since(start, n * batches(n)))
}

fn yields(n: usize) -> Result<Sample, Failed> {
    let yielder = move || {
        for _ in 0..n {
            yield_now();
        }
        n
    };
    let start = Instant::now();
    let (a, b) = (go!(yielder), go!(yielder));
    let switches = a.join().map_err(failed)? + b.join().map_err(failed)?;
    let sample = ns_since(start, switches);
    check("switches", switches, 2 * n)?;
    Ok(sample)
}

fn node(first: u64, leaves: u64) -> JoinHandle<u64> {
    go!(move || {
        if leaves == 1 {
            return first;
        }
        let part = leaves / ARITY;
        let children: Vec<_> = (0..ARITY).map(|child| node(first + child * part, part)).collect();
        children.into_iter().map(|child| child.join().expect("a node panicked")).sum()
    })
}

fn skynet(leaves: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let sum = node(0, leaves).join().map_err(failed)?;
    let sample = ms_since(start);
    check("sum of leaves", sum, sum_below(leaves))?;
    Ok(sample)
}

fn fork(n: u64) -> u64 {
    if n < CUT_OFF {
        return fib(n);
    }
    let half = go!(move || fork(n - 1));
    let other = fork(n - 2);
    half.join().expect("a half panicked") + other
}

fn fork_join(n: u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let result = fork(n);
    let sample = ms_since(start);
    check("fib", result, fib_expected(n))?;
    Ok(sample)
}

/// Counts those that are about to park, and tells the spawner of the last.
#[derive(Debug)]
struct Gate {
    arrived: AtomicUsize,
    all_arrived: Semphore,
    open: SyncFlag,
}

fn wave(n: usize) -> Result<Wave, Failed> {
    let mut handles = Vec::with_capacity(n);
    let spawning = Spawning::start(n);
    let gate = Arc::new(Gate {
        arrived: AtomicUsize::new(0),
        all_arrived: Semphore::new(0),
        open: SyncFlag::new(),
    });
    for _ in 0..n {
        let gate = Arc::clone(&gate);
        handles.push(go!(move || {
            if gate.arrived.fetch_add(1, Ordering::AcqRel) + 1 == n {
                gate.all_arrived.post();
            }
            gate.open.wait();
        }));
    }
    gate.all_arrived.wait();
    let waking = spawning.parked();
    gate.open.fire();
    let mut joined = 0;
    for handle in handles {
        handle.join().map_err(failed)?;
        joined += 1;
    }
    waking.done(joined)
}

fn many_parked(n: usize) -> Result<Sample, Failed> {
    let first = wave(n)?;
    let second = wave(n)?;
    Ok(Wave::sample(first, second))
}
