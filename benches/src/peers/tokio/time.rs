//! The rows of sleeping and of waking in time.

use std::future::Future;
use std::time::Instant;

use ::tokio::task::{spawn_blocking, yield_now};
use ::tokio::time::sleep_until;

use super::failed;
use crate::load::{block, burn_until};
use crate::row::{BLOCKERS, HOGS, sum_below};
use crate::sample::{Failed, Sample, check};
use crate::sleepers::{Asleep, late, wake_time};
use crate::ticks::{MS, Ticks, US};

/// Wakes in time, and does nothing.
pub(super) async fn ticker(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    while let Some(tick) = ticks.next() {
        sleep_until(tick.into()).await;
        let due = ticks.due()?;
        ticks.served(due);
    }
    ticks.sample(US)
}

/// Spawns and joins a task per tick.
async fn spawning(ticks: &mut Ticks) -> Result<(), Failed> {
    let (mut sum, mut turns) = (0, 0);
    while let Some(tick) = ticks.next() {
        sleep_until(tick.into()).await;
        let due = ticks.due()?;
        let turn = turns;
        sum += tokio::spawn(async move { turn }).await.map_err(failed)?;
        turns += 1;
        ticks.served(due);
    }
    check("sum of turns", sum, sum_below(turns))
}

pub(super) async fn ticker_spawn(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    spawning(&mut ticks).await?;
    ticks.sample(US)
}

/// Beside tasks that do something until the last tick is due.
async fn ticker_beside<F>(
    n: usize,
    tasks: usize,
    load: impl Fn(Instant) -> F,
) -> Result<Sample, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let mut ticks = Ticks::start(n);
    let end = ticks.end();
    let mut handles = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        handles.push(tokio::spawn(load(end)));
    }
    spawning(&mut ticks).await?;
    for handle in handles {
        handle.await.map_err(failed)??;
    }
    ticks.sample(MS)
}

/// Blocks in the task itself. It yields after each call, for without that nothing else would ever run.
pub(super) async fn ticker_blocked(n: usize) -> Result<Sample, Failed> {
    let naive = |end| async move {
        while Instant::now() < end {
            block();
            yield_now().await;
        }
        Ok(())
    };
    ticker_beside(n, BLOCKERS, naive).await
}

/// Blocks where tokio wants it.
pub(super) async fn ticker_blocked_wrapped(n: usize) -> Result<Sample, Failed> {
    let wrapped = |end| async move {
        while Instant::now() < end {
            spawn_blocking(block).await.map_err(failed)?;
        }
        Ok(())
    };
    ticker_beside(n, BLOCKERS, wrapped).await
}

pub(super) async fn ticker_hogs(n: usize) -> Result<Sample, Failed> {
    let hog = |end| async move {
        burn_until(end);
        Ok(())
    };
    ticker_beside(n, HOGS, hog).await
}

/// Sleepers: two waves.
pub(super) async fn sleepers(n: usize) -> Result<Sample, Failed> {
    Ok([wave(n).await?, wave(n).await?].concat())
}

async fn wave(n: usize) -> Result<Sample, Failed> {
    let mut asleep = Asleep::start(n)?;
    let mut handles = Vec::with_capacity(n);
    for task in 0..n {
        handles.push(tokio::spawn(async move {
            let wake = wake_time(task);
            sleep_until(wake.into()).await;
            late(wake)
        }));
    }
    for handle in handles {
        asleep.joined(handle.await.map_err(failed)?);
    }
    asleep.done(n)
}
