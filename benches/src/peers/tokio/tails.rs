//! The rows of tails.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::tokio::sync::mpsc::channel;
use ::tokio::task::yield_now;

use super::failed;
use crate::row::{SLOTS, sum_below};
use crate::sample::{Failed, Sample, check};
use crate::tails::{self, LOADS, NS, Pieces, US};

/// There and back over two channels of one slot, each time by the clock.
pub(super) async fn ping_pong(n: usize) -> Result<Sample, Failed> {
    let (ping, mut served) = channel(1);
    let (pong, mut returned) = channel(1);
    let echo = tokio::spawn(async move {
        for _ in 0..n {
            let ball: u64 = served.recv().await.expect("a player");
            pong.send(ball).await.expect("a player");
        }
    });
    let player = tokio::spawn(async move {
        let (mut sum, mut took) = (0, Vec::with_capacity(n));
        let mut start = Instant::now();
        for ball in 0..n as u64 {
            ping.send(ball).await.expect("an echo");
            sum += returned.recv().await.expect("an echo");
            let end = Instant::now();
            took.push(end - start);
            start = end;
        }
        (sum, took)
    });
    let (sum, took) = player.await.map_err(failed)?;
    echo.await.map_err(failed)?;
    check("sum of echoes", sum, sum_below(n as u64))?;
    tails::sample(&took, n, NS)
}

/// Beside tasks that compute and yield.
pub(super) async fn under_load<F>(n: usize, probe: fn(usize) -> F) -> Result<Sample, Failed>
where
    F: Future<Output = Result<Vec<Duration>, Failed>>,
{
    let done = Arc::new(AtomicBool::new(false));
    let load = |task| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut pieces = Pieces::of(task);
            while !done.load(Ordering::Relaxed) {
                pieces.burn();
                yield_now().await;
            }
        })
    };
    let loads: Vec<_> = (0..LOADS).map(load).collect();
    let late = probe(n).await;
    done.store(true, Ordering::Relaxed);
    for load in loads {
        load.await.map_err(failed)?;
    }
    tails::sample(&late?, n, US)
}

/// From a send until the one that waits for it runs.
pub(super) async fn wake(n: usize) -> Result<Vec<Duration>, Failed> {
    let (to, mut sent) = channel::<Instant>(SLOTS);
    let woken = tokio::spawn(async move {
        let mut late = Vec::new();
        while let Some(sent) = sent.recv().await {
            late.push(sent.elapsed());
        }
        late
    });
    let mut pieces = Pieces::of(LOADS);
    for _ in 0..n {
        to.send(Instant::now()).await.expect("a receiver");
        pieces.burn();
        yield_now().await;
    }
    drop(to);
    woken.await.map_err(failed)
}

/// From a send until the one that waits for it runs, while the sender computes.
pub(super) async fn pipe(n: usize) -> Result<Sample, Failed> {
    let (to, mut items) = channel(SLOTS);
    let consumer = tokio::spawn(async move {
        let mut late = Vec::new();
        while let Some(item) = items.recv().await {
            late.push(tails::consume(item));
        }
        late
    });
    let producer = tokio::spawn(async move {
        for _ in 0..n {
            to.send(tails::produce()).await.expect("a consumer");
        }
    });
    producer.await.map_err(failed)?;
    tails::sample(&consumer.await.map_err(failed)?, n, US)
}

/// From a spawn until the task runs.
pub(super) async fn first_run(n: usize) -> Result<Vec<Duration>, Failed> {
    let mut pieces = Pieces::of(LOADS);
    let mut handles = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        handles.push(tokio::spawn(async move { start.elapsed() }));
        pieces.burn();
        yield_now().await;
    }
    let mut late = Vec::with_capacity(n);
    for handle in handles {
        late.push(handle.await.map_err(failed)?);
    }
    Ok(late)
}
