//! rt: what this workspace is about.

use std::time::Instant;

use ::rt::chan::Chan;
use ::rt::sync::WaitGroup;
use ::rt::{JoinError, JoinHandle, Runtime, spawn, yield_now};

use super::{Body, Peer, unknown};
use crate::child::{Job, Park};
use crate::load::{block_until, burn_until};
use crate::row::{
    ARITY, BLOCKERS, CONSUMERS, CROWD_ITEMS, CUT_OFF, HOGS, LOCKERS, PRODUCERS, Row, SLOTS,
    TICKS_PER_SECOND, batches, fib, fib_expected, sum_below,
};
use crate::sample::{Failed, Sample, check, ms_since, ns_since};
use crate::wave::{Spawning, Wave};

mod chan;
#[cfg(feature = "net")]
mod net;
mod sync;
mod tails;
mod time;

const KIB: usize = 1024;

/// As it comes, but for the stack size of the memory rows.
pub(super) const PEER: Peer = Peer {
    name: "rt",
    package: Some("rt"),
    rows: &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::SpawnBatchWg,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ForkJoinPair,
        Row::ManyParked,
        Row::ManyParked64k,
        Row::PingPong,
        Row::PingPongBuffered,
        Row::SpscUnbuffered,
        Row::Spsc,
        Row::UnboundedSpsc,
        Row::Mpsc,
        Row::Mpmc,
        Row::Select4,
        Row::Select4Unbuffered,
        Row::Contention,
        Row::Mutex8,
        Row::MutexUncontended,
        Row::WaitGroup,
        Row::Ticker,
        Row::TickerSpawn,
        Row::TickerBlocked,
        Row::TickerHogs,
        Row::Sleepers,
        Row::Stall,
        #[cfg(feature = "net")]
        Row::HttpRaw,
        #[cfg(feature = "net")]
        Row::HttpRaw512,
        #[cfg(feature = "net")]
        Row::IdleConns,
        Row::PingPongTail,
        Row::WakeTail,
        Row::SpawnTail,
        Row::PipeTail,
        #[cfg(feature = "net")]
        Row::HttpTail,
    ],
    limits: &[],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let (n, park) = (job.size, job.park);
    match job.row {
        Row::SpawnJoin => body(job, move || spawn_join(n)),
        Row::SpawnBatch => body(job, move || spawn_batch(n)),
        Row::SpawnBatchWg => body(job, move || spawn_batch_wg(n)),
        Row::Yield => body(job, move || yields(n)),
        Row::Skynet => body(job, move || skynet(n as u64)),
        Row::ForkJoin => body(job, move || fork_join(n as u64, fork)),
        Row::ForkJoinPair => body(job, move || fork_join(n as u64, pair)),
        Row::ManyParked | Row::ManyParked64k => body(job, move || many_parked(n, park)),
        Row::PingPong => body(job, move || chan::ping_pong(n, 0)),
        Row::PingPongBuffered => body(job, move || chan::ping_pong(n, 1)),
        Row::SpscUnbuffered => body(job, move || chan::pass(n, 0, 1, 1)),
        Row::Spsc => body(job, move || chan::pass(n, SLOTS, 1, 1)),
        Row::UnboundedSpsc => body(job, move || chan::pass_unbounded(n)),
        Row::Mpsc => body(job, move || chan::pass(n, SLOTS, PRODUCERS, 1)),
        Row::Mpmc => body(job, move || chan::pass(n, SLOTS, PRODUCERS, CONSUMERS)),
        Row::Select4 => body(job, move || chan::select_four(n, SLOTS)),
        Row::Select4Unbuffered => body(job, move || chan::select_four(n, 0)),
        Row::Contention => body(job, move || chan::pass(CROWD_ITEMS, SLOTS, n, n)),
        Row::Mutex8 => body(job, move || sync::mutex(n, LOCKERS)),
        Row::MutexUncontended => body(job, move || sync::mutex(n, 1)),
        Row::WaitGroup => body(job, move || sync::wait_group(n)),
        Row::Ticker => body(job, move || time::ticker(n)),
        Row::TickerSpawn => body(job, move || time::ticker_spawn(n)),
        Row::TickerBlocked => body(job, move || time::ticker_beside(n, BLOCKERS, block_until)),
        Row::TickerHogs => body(job, move || time::ticker_beside(n, HOGS, burn_until)),
        Row::Sleepers => body(job, move || time::sleepers(n)),
        Row::Stall => body(job, move || time::stall(n * TICKS_PER_SECOND)),
        #[cfg(feature = "net")]
        row if row.is_net() => body(job, net::serve),
        Row::PingPongTail => body(job, move || tails::ping_pong(n)),
        Row::WakeTail => body(job, move || tails::under_load(n, tails::wake)),
        Row::SpawnTail => body(job, move || tails::under_load(n, tails::first_run)),
        Row::PipeTail => body(job, move || tails::pipe(n)),
        _ => Err(unknown(job)),
    }
}

/// A body that runs the function as a goroutine.
fn body<F>(job: &Job, run: F) -> Result<Body, Failed>
where
    F: Fn() -> Result<Sample, Failed> + Clone + Send + 'static,
{
    let builder = Runtime::builder().procs(job.procs);
    let builder = match job.row {
        Row::ManyParked | Row::Sleepers => builder.stack_size(256 * KIB),
        Row::ManyParked64k => builder.stack_size(64 * KIB),
        _ => builder,
    };
    let runtime = builder.build().map_err(|error| Failed(error.to_string()))?;
    Ok(Box::new(move || runtime.run(run.clone())))
}

fn failed(error: JoinError) -> Failed {
    Failed(format!("{error:?}"))
}

fn spawn_join(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..n as u64 {
        sum += spawn(move || i).join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of results", sum, sum_below(n as u64))?;
    Ok(sample)
}

fn spawn_batch(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    for _ in 0..batches(n) {
        let handles: Vec<_> = (0..n).map(|_| spawn(|| ())).collect();
        for handle in handles {
            handle.join().map_err(failed)?;
        }
    }
    Ok(ns_since(start, n * batches(n)))
}

fn spawn_batch_wg(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    for _ in 0..batches(n) {
        let group = WaitGroup::new();
        for _ in 0..n {
            group.go(|| ());
        }
        group.wait();
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
    let (a, b) = (spawn(yielder), spawn(yielder));
    let switches = a.join().map_err(failed)? + b.join().map_err(failed)?;
    let sample = ns_since(start, switches);
    check("switches", switches, 2 * n)?;
    Ok(sample)
}

fn node(first: u64, leaves: u64) -> JoinHandle<u64> {
    spawn(move || {
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
    let half = spawn(move || fork(n - 1));
    let other = fork(n - 2);
    half.join().expect("a half panicked") + other
}

fn pair(n: u64) -> u64 {
    if n < CUT_OFF {
        return fib(n);
    }
    let (half, other) = rt::join(|| pair(n - 1), || pair(n - 2));
    half + other
}

fn fork_join(n: u64, tree: fn(u64) -> u64) -> Result<Sample, Failed> {
    let start = Instant::now();
    let result = tree(n);
    let sample = ms_since(start);
    check("fib", result, fib_expected(n))?;
    Ok(sample)
}

/// What the tasks of a wave park on: every clone is the same gate.
#[derive(Clone)]
enum Gate {
    WaitGroup(WaitGroup),
    Chan(Chan<()>),
}

impl Gate {
    fn shut(park: Park) -> Self {
        match park {
            Park::WaitGroup => {
                let gate = WaitGroup::new();
                gate.add(1);
                Gate::WaitGroup(gate)
            }
            Park::Chan => Gate::Chan(Chan::new(0)),
        }
    }

    fn pass(&self) {
        match self {
            Gate::WaitGroup(gate) => gate.wait(),
            Gate::Chan(gate) => assert!(gate.recv().is_none(), "nothing is ever sent"),
        }
    }

    fn open(&self) {
        match self {
            Gate::WaitGroup(gate) => gate.done(),
            Gate::Chan(gate) => gate.close(),
        }
    }
}

fn wave(n: usize, park: Park) -> Result<Wave, Failed> {
    let mut handles = Vec::with_capacity(n);
    let spawning = Spawning::start(n);
    let (arrived, gate) = (WaitGroup::new(), Gate::shut(park));
    for _ in 0..n {
        arrived.add(1);
        let (arrived, gate) = (arrived.clone(), gate.clone());
        handles.push(spawn(move || {
            arrived.done();
            gate.pass();
        }));
    }
    arrived.wait();
    let waking = spawning.parked();
    gate.open();
    let mut joined = 0;
    for handle in handles {
        handle.join().map_err(failed)?;
        joined += 1;
    }
    waking.done(joined)
}

fn many_parked(n: usize, park: Park) -> Result<Sample, Failed> {
    let first = wave(n, park)?;
    let second = wave(n, park)?;
    Ok(Wave::sample(first, second))
}
