//! kanal: channels for futures. Its tasks are tokio's, for it has none of its own.

use std::time::Instant;

use ::kanal::{AsyncReceiver, AsyncSender, bounded_async, unbounded_async};

use super::tokio::{body, failed};
use super::{Body, Peer, unknown};
use crate::child::Job;
use crate::row::{CONSUMERS, CROWD_ITEMS, PRODUCERS, Row, SLOTS, sum_below};
use crate::sample::{Failed, Sample, check, ns_since};

/// Channels only, and no way to select over them.
pub(super) const PEER: Peer = Peer {
    name: "kanal",
    package: Some("kanal"),
    rows: &[
        Row::PingPong,
        Row::PingPongBuffered,
        Row::SpscUnbuffered,
        Row::Spsc,
        Row::UnboundedSpsc,
        Row::Mpsc,
        Row::Mpmc,
        Row::Contention,
    ],
    limits: &[],
    start,
};

fn start(job: &Job) -> Result<Body, Failed> {
    let n = job.size;
    match job.row {
        Row::PingPong => body(job, move || ping_pong(n, 0)),
        Row::PingPongBuffered => body(job, move || ping_pong(n, 1)),
        Row::SpscUnbuffered => body(job, move || pass(n, bounded_async(0), 1, 1)),
        Row::Spsc => body(job, move || pass(n, bounded_async(SLOTS), 1, 1)),
        Row::UnboundedSpsc => body(job, move || pass(n, unbounded_async(), 1, 1)),
        Row::Mpsc => body(job, move || pass(n, bounded_async(SLOTS), PRODUCERS, 1)),
        Row::Mpmc => body(job, move || pass(n, bounded_async(SLOTS), PRODUCERS, CONSUMERS)),
        Row::Contention => body(job, move || pass(CROWD_ITEMS, bounded_async(SLOTS), n, n)),
        _ => Err(unknown(job)),
    }
}

/// There and back over two channels.
async fn ping_pong(n: usize, slots: usize) -> Result<Sample, Failed> {
    let (ping, served) = bounded_async::<u64>(slots);
    let (pong, returned) = bounded_async::<u64>(slots);
    let start = Instant::now();
    let echo = tokio::spawn(async move {
        for _ in 0..n {
            let ball = served.recv().await.expect("a player");
            pong.send(ball).await.expect("a player");
        }
    });
    let player = tokio::spawn(async move {
        let mut sum = 0;
        for ball in 0..n as u64 {
            ping.send(ball).await.expect("an echo");
            sum += returned.recv().await.expect("an echo");
        }
        sum
    });
    let sum = player.await.map_err(failed)?;
    let sample = ns_since(start, n);
    echo.await.map_err(failed)?;
    check("sum of echoes", sum, sum_below(n as u64))?;
    Ok(sample)
}

/// Senders and receivers share one channel and `n` items.
async fn pass(
    n: usize,
    (to, from): (AsyncSender<u64>, AsyncReceiver<u64>),
    senders: usize,
    receivers: usize,
) -> Result<Sample, Failed> {
    let each = (n / senders) as u64;
    let start = Instant::now();
    let receiver = |_| {
        let from = from.clone();
        tokio::spawn(async move {
            let mut sum = 0;
            while let Ok(item) = from.recv().await {
                sum += item;
            }
            sum
        })
    };
    let receivers: Vec<_> = (0..receivers).map(receiver).collect();
    let sender = |_| {
        let to = to.clone();
        tokio::spawn(async move {
            for item in 0..each {
                to.send(item).await.expect("a receiver");
            }
        })
    };
    let handles: Vec<_> = (0..senders).map(sender).collect();
    drop(to);
    for handle in handles {
        handle.await.map_err(failed)?;
    }
    let mut sum = 0;
    for receiver in receivers {
        sum += receiver.await.map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of items", sum, senders as u64 * sum_below(each))?;
    Ok(sample)
}
