//! std: its mutex, its sleep and its sockets, on threads.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use super::threads::{confine, failed};
use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::load::{block_until, burn_until};
use crate::row::{BLOCKERS, HOGS, LOCKERS, Row};
use crate::sample::{Failed, Sample, check, ns_since};

mod net;
mod time;

/// Threads where the others have tasks.
pub(super) const PEER: Peer = Peer {
    name: "std",
    package: None,
    rows: &[
        Row::Mutex8,
        Row::MutexUncontended,
        Row::Ticker,
        Row::TickerSpawn,
        Row::TickerBlocked,
        Row::TickerHogs,
        Row::HttpRaw,
        Row::HttpRaw512,
        Row::HttpTail,
    ],
    limits: &[],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    confine(job.procs)?;
    let n = job.size;
    match job.row {
        Row::Mutex8 => Ok(Box::new(move || mutex(n, LOCKERS))),
        Row::MutexUncontended => Ok(Box::new(move || mutex(n, 1))),
        Row::Ticker => Ok(Box::new(move || time::ticker(n))),
        Row::TickerSpawn => Ok(Box::new(move || time::ticker_spawn(n))),
        Row::TickerBlocked => Ok(Box::new(move || time::ticker_beside(n, BLOCKERS, block_until))),
        Row::TickerHogs => Ok(Box::new(move || time::ticker_beside(n, HOGS, burn_until))),
        row if row.is_http() => Ok(Box::new(net::serve)),
        _ => Err(unknown(job)),
    }
}

/// Threads that add up to `n` under one lock.
fn mutex(n: usize, tasks: usize) -> Result<Sample, Failed> {
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let task = |_| {
        let count = Arc::clone(&count);
        thread::spawn(move || {
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
