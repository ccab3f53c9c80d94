//! smol: tasks on its global executor, which takes its number of threads from `SMOL_THREADS`.
//!
//! Here for what its reactor's timers do.

use std::env;
use std::future::Future;
use std::time::Instant;

use ::smol::{Timer, block_on, future::yield_now, spawn, unblock};

use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::load::block;
use crate::row::{BLOCKERS, Row, sum_below};
use crate::sample::{Failed, Sample, check};
use crate::sleepers::{Asleep, late, wake_time};
use crate::ticks::{MS, Ticks, US};

/// Futures, as tokio's.
pub(super) const PEER: Peer = Peer {
    name: "smol",
    package: Some("smol"),
    rows: &[
        Row::Ticker,
        Row::TickerSpawn,
        Row::TickerBlocked,
        Row::TickerBlockedWrapped,
        Row::Sleepers,
    ],
    limits: &[],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let threads = env::var("SMOL_THREADS").unwrap_or_default();
    check("SMOL_THREADS", threads, job.procs.to_string())?;
    let n = job.size;
    match job.row {
        Row::Ticker => Ok(body(move || ticker(n))),
        Row::TickerSpawn => Ok(body(move || ticker_spawn(n))),
        Row::TickerBlocked => Ok(body(move || ticker_blocked(n))),
        Row::TickerBlockedWrapped => Ok(body(move || ticker_blocked_wrapped(n))),
        Row::Sleepers => Ok(body(move || sleepers(n))),
        _ => Err(unknown(job)),
    }
}

/// A body that runs the future as a task.
fn body<F, T>(make: F) -> Body
where
    F: Fn() -> T + 'static,
    T: Future<Output = Result<Sample, Failed>> + Send + 'static,
{
    Box::new(move || block_on(spawn(make())))
}

/// Wakes in time, and does nothing.
async fn ticker(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    while let Some(tick) = ticks.next() {
        Timer::at(tick).await;
        let due = ticks.due()?;
        ticks.served(due);
    }
    ticks.sample(US)
}

/// Spawns and joins a task per tick.
async fn spawning(ticks: &mut Ticks) -> Result<(), Failed> {
    let (mut sum, mut turns) = (0, 0);
    while let Some(tick) = ticks.next() {
        Timer::at(tick).await;
        let due = ticks.due()?;
        let turn = turns;
        sum += spawn(async move { turn }).await;
        turns += 1;
        ticks.served(due);
    }
    check("sum of turns", sum, sum_below(turns))
}

async fn ticker_spawn(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    spawning(&mut ticks).await?;
    ticks.sample(US)
}

/// Beside tasks that sit in blocking calls until the last tick is due.
async fn beside<F>(n: usize, load: impl Fn(Instant) -> F) -> Result<Sample, Failed>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut ticks = Ticks::start(n);
    let end = ticks.end();
    let tasks: Vec<_> = (0..BLOCKERS).map(|_| spawn(load(end))).collect();
    spawning(&mut ticks).await?;
    for task in tasks {
        task.await;
    }
    ticks.sample(MS)
}

/// Blocks in the task itself. It yields after each call, for without that nothing else would ever run.
async fn ticker_blocked(n: usize) -> Result<Sample, Failed> {
    let naive = |end| async move {
        while Instant::now() < end {
            block();
            yield_now().await;
        }
    };
    beside(n, naive).await
}

/// Blocks where smol wants it.
async fn ticker_blocked_wrapped(n: usize) -> Result<Sample, Failed> {
    let wrapped = |end| async move {
        while Instant::now() < end {
            unblock(block).await;
        }
    };
    beside(n, wrapped).await
}

/// Sleepers: two waves.
async fn sleepers(n: usize) -> Result<Sample, Failed> {
    Ok([wave(n).await?, wave(n).await?].concat())
}

async fn wave(n: usize) -> Result<Sample, Failed> {
    let mut asleep = Asleep::start(n)?;
    let mut handles = Vec::with_capacity(n);
    for task in 0..n {
        handles.push(spawn(async move {
            let wake = wake_time(task);
            Timer::at(wake).await;
            late(wake)
        }));
    }
    for handle in handles {
        asleep.joined(handle.await);
    }
    asleep.done(n)
}
