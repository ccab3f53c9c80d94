//! The channel rows: `mpsc`, which has one receiver and at least one slot.

use std::time::Instant;

use ::tokio::select;
use ::tokio::sync::mpsc::{Receiver, channel, unbounded_channel};
use ::tokio::task::JoinHandle;

use super::failed;
use crate::row::{PRODUCERS, SLOTS, sum_below};
use crate::sample::{Failed, Sample, check, ns_since};

/// There and back over two channels of one slot.
pub(super) async fn ping_pong(n: usize) -> Result<Sample, Failed> {
    let (ping, mut served) = channel(1);
    let (pong, mut returned) = channel(1);
    let start = Instant::now();
    let echo = tokio::spawn(async move {
        for _ in 0..n {
            let ball: u64 = served.recv().await.expect("a player");
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

/// Senders and one receiver share a channel and `n` items.
pub(super) async fn pass(n: usize, senders: usize) -> Result<Sample, Failed> {
    let each = (n / senders) as u64;
    let (to, mut from) = channel(SLOTS);
    let start = Instant::now();
    let receiver = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = from.recv().await {
            sum += item;
        }
        sum
    });
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
    finish(start, n, handles, receiver, senders as u64 * sum_below(each)).await
}

/// One sender that never waits, one receiver.
pub(super) async fn pass_unbounded(n: usize) -> Result<Sample, Failed> {
    let (to, mut from) = unbounded_channel();
    let start = Instant::now();
    let receiver = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = from.recv().await {
            sum += item;
        }
        sum
    });
    let sender = tokio::spawn(async move {
        for item in 0..n as u64 {
            to.send(item).expect("a receiver");
        }
    });
    finish(start, n, vec![sender], receiver, sum_below(n as u64)).await
}

/// Four senders with a channel each, one receiver that selects.
pub(super) async fn select_four(n: usize) -> Result<Sample, Failed> {
    let each = (n / PRODUCERS) as u64;
    let mut handles = Vec::with_capacity(PRODUCERS);
    let start = Instant::now();
    let mut source = || -> Receiver<u64> {
        let (to, from) = channel(SLOTS);
        handles.push(async move {
            for item in 0..each {
                to.send(item).await.expect("a receiver");
            }
        });
        from
    };
    let (mut a, mut b, mut c, mut d) = (source(), source(), source(), source());
    let receiver = tokio::spawn(async move {
        let mut sum = 0;
        for _ in 0..n {
            sum += select! {
                Some(item) = a.recv() => item,
                Some(item) = b.recv() => item,
                Some(item) = c.recv() => item,
                Some(item) = d.recv() => item,
                else => break,
            };
        }
        sum
    });
    let handles = handles.into_iter().map(tokio::spawn).collect();
    finish(start, n, handles, receiver, PRODUCERS as u64 * sum_below(each)).await
}

/// Waits for all, takes the time, and checks the receiver's sum.
async fn finish(
    start: Instant,
    n: usize,
    senders: Vec<JoinHandle<()>>,
    receiver: JoinHandle<u64>,
    want: u64,
) -> Result<Sample, Failed> {
    for sender in senders {
        sender.await.map_err(failed)?;
    }
    let sum = receiver.await.map_err(failed)?;
    let sample = ns_since(start, n);
    check("sum of items", sum, want)?;
    Ok(sample)
}
