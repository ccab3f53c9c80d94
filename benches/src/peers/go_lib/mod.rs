//! go-lib: goroutines after Go's own scheduler; no join handles, so channels and wait groups.
//!
//! It takes its number of workers from `GOMAXPROCS`, which `compare` sets.

use std::sync::Arc;
use std::time::Instant;

use ::go_lib::chan::{Sender, chan};
use ::go_lib::sync::WaitGroup;
use ::go_lib::{go, gomaxprocs, gosched, set_panic_handler};

use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::row::{
    ARITY, CONSUMERS, CROWD_ITEMS, CUT_OFF, PRODUCERS, Row, SLOTS, batches, fib, fib_expected,
    sum_below,
};
use crate::sample::{Failed, Sample, check, ms_since, ns_since};
use crate::wave::{Spawning, Wave};

mod chan;

/// A mapping or two per stack: it aborts before 100,000.
pub(super) const PEER: Peer = Peer {
    name: "go-lib",
    package: Some("go-lib"),
    rows: &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ManyParked,
        Row::PingPong,
        Row::PingPongBuffered,
        Row::SpscUnbuffered,
        Row::Spsc,
        Row::Mpsc,
        Row::Mpmc,
        Row::Select4,
        Row::Select4Unbuffered,
        Row::Contention,
        Row::WaitGroup,
    ],
    limits: &[(Row::ManyParked, 20_000)],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let n = job.size;
    let run: fn(usize) -> Result<Sample, Failed> = match job.row {
        Row::SpawnJoin => spawn_join,
        Row::SpawnBatch => spawn_batch,
        Row::Yield => yields,
        Row::Skynet => skynet,
        Row::ForkJoin => fork_join,
        Row::ManyParked => many_parked,
        Row::PingPong => |n| chan::ping_pong(n, 0),
        Row::PingPongBuffered => |n| chan::ping_pong(n, 1),
        Row::SpscUnbuffered => |n| chan::pass(n, 0, 1, 1),
        Row::Spsc => |n| chan::pass(n, SLOTS, 1, 1),
        Row::Mpsc => |n| chan::pass(n, SLOTS, PRODUCERS, 1),
        Row::Mpmc => |n| chan::pass(n, SLOTS, PRODUCERS, CONSUMERS),
        Row::Select4 => |n| chan::select_four(n, SLOTS),
        Row::Select4Unbuffered => |n| chan::select_four(n, 0),
        Row::Contention => |n| chan::pass(CROWD_ITEMS, SLOTS, n, n),
        Row::WaitGroup => chan::wait_group,
        _ => return Err(unknown(job)),
    };
    let procs = job.procs;
    Ok(Box::new(move || first_goroutine(run, n, procs)))
}

/// Runs the function as a goroutine; the scheduler starts with the first call.
#[go_lib::main]
fn first_goroutine(
    run: fn(usize) -> Result<Sample, Failed>,
    n: usize,
    procs: usize,
) -> Result<Sample, Failed> {
    check("GOMAXPROCS", gomaxprocs(), procs)?;
    // A goroutine that cannot start is only reported: whoever waits for it would wait for ever.
    set_panic_handler(|payload| {
        let said = payload.downcast_ref::<String>().map_or("a goroutine panicked", String::as_str);
        eprintln!("{said}");
        std::process::exit(1);
    });
    run(n)
}

fn spawn_join(n: usize) -> Result<Sample, Failed> {
    let (tx, rx) = chan(1);
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..n as u64 {
        let tx = tx.clone();
        go!(move || tx.send(i));
        sum += rx.recv().unwrap_or(0);
    }
    let sample = ns_since(start, n);
    check("sum of results", sum, sum_below(n as u64))?;
    Ok(sample)
}

fn spawn_batch(n: usize) -> Result<Sample, Failed> {
    let group = Arc::new(WaitGroup::new());
    let start = Instant::now();
    for _ in 0..batches(n) {
        for _ in 0..n {
            group.add(1);
            let group = Arc::clone(&group);
            go!(move || group.done());
        }
        group.wait();
    }
    Ok(ns_since(start, n * batches(n)))
}

fn yields(n: usize) -> Result<Sample, Failed> {
    let (tx, rx) = chan(2);
    let start = Instant::now();
    for _ in 0..2 {
        let tx = tx.clone();
        go!(move || {
            for _ in 0..n {
                gosched();
            }
            tx.send(n);
        });
    }
    let switches = rx.recv().unwrap_or(0) + rx.recv().unwrap_or(0);
    let sample = ns_since(start, switches.max(1));
    check("switches", switches, 2 * n)?;
    Ok(sample)
}

fn node(parent: &Sender<u64>, first: u64, leaves: u64) {
    if leaves == 1 {
        parent.send(first);
        return;
    }
    let part = leaves / ARITY;
    let (tx, rx) = chan(0);
    for child in 0..ARITY {
        let tx = tx.clone();
        go!(move || node(&tx, first + child * part, part));
    }
    parent.send((0..ARITY).filter_map(|_| rx.recv()).sum());
}

fn skynet(n: usize) -> Result<Sample, Failed> {
    let leaves = n as u64;
    let start = Instant::now();
    let (tx, rx) = chan(0);
    go!(move || node(&tx, 0, leaves));
    let sum = rx.recv().unwrap_or(0);
    let sample = ms_since(start);
    check("sum of leaves", sum, sum_below(leaves))?;
    Ok(sample)
}

fn fork(n: u64) -> u64 {
    if n < CUT_OFF {
        return fib(n);
    }
    let (tx, rx) = chan(1);
    go!(move || tx.send(fork(n - 1)));
    let other = fork(n - 2);
    rx.recv().expect("a half panicked") + other
}

fn fork_join(n: usize) -> Result<Sample, Failed> {
    let start = Instant::now();
    let result = fork(n as u64);
    let sample = ms_since(start);
    check("fib", result, fib_expected(n as u64))?;
    Ok(sample)
}

fn wave(n: usize) -> Result<Wave, Failed> {
    let spawning = Spawning::start(n);
    let arrived = Arc::new(WaitGroup::new());
    let all = Arc::new(WaitGroup::new());
    let (gate, parked) = chan::<()>(0);
    for _ in 0..n {
        arrived.add(1);
        all.add(1);
        let (arrived, all, parked) = (Arc::clone(&arrived), Arc::clone(&all), parked.clone());
        go!(move || {
            arrived.done();
            drop(arrived);
            let _ = parked.recv();
            drop(parked);
            all.done();
        });
    }
    arrived.wait();
    let waking = spawning.parked();
    gate.close();
    all.wait();
    waking.done(n)
}

fn many_parked(n: usize) -> Result<Sample, Failed> {
    let first = wave(n)?;
    let second = wave(n)?;
    Ok(Wave::sample(first, second))
}
