//! The channel rows, with Go's face: `Chan`.

use std::time::Instant;

use ::rt::chan::{Chan, unbounded};
use ::rt::{JoinHandle, select, spawn};

use super::failed;
use crate::row::{PRODUCERS, sum_below};
use crate::sample::{Failed, Sample, check, ns_since};

/// There and back over two channels.
pub(super) fn ping_pong(n: usize, slots: usize) -> Result<Sample, Failed> {
    let (ping, pong) = (Chan::new(slots), Chan::new(slots));
    let start = Instant::now();
    let echo = spawn({
        let (ping, pong) = (ping.clone(), pong.clone());
        move || ping.iter().take(n).for_each(|ball| pong.send(ball))
    });
    let player = spawn(move || {
        let mut sum = 0;
        for ball in 0..n as u64 {
            ping.send(ball);
            sum += pong.recv().unwrap_or(0);
        }
        sum
    });
    let sum = player.join().map_err(failed)?;
    let sample = ns_since(start, n);
    echo.join().map_err(failed)?;
    check("sum of echoes", sum, sum_below(n as u64))?;
    Ok(sample)
}

/// Sends the numbers below `each`.
fn sender(to: &Chan<u64>, each: u64) -> JoinHandle<()> {
    let to = to.clone();
    spawn(move || (0..each).for_each(|item| to.send(item)))
}

/// Senders and receivers share one channel and `n` items.
pub(super) fn pass(
    n: usize,
    slots: usize,
    senders: usize,
    receivers: usize,
) -> Result<Sample, Failed> {
    let each = (n / senders) as u64;
    let items = Chan::new(slots);
    let start = Instant::now();
    let receiver = |_| {
        let items = items.clone();
        spawn(move || items.iter().sum::<u64>())
    };
    let receivers: Vec<_> = (0..receivers).map(receiver).collect();
    let handles: Vec<_> = (0..senders).map(|_| sender(&items, each)).collect();
    for handle in handles {
        handle.join().map_err(failed)?;
    }
    items.close();
    let mut sum = 0;
    for receiver in receivers {
        sum += receiver.join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of items", sum, senders as u64 * sum_below(each))?;
    Ok(sample)
}

/// One sender that never waits, one receiver. Go's face always has a bound, so this is the other.
pub(super) fn pass_unbounded(n: usize) -> Result<Sample, Failed> {
    let (to, from) = unbounded::<u64>();
    let start = Instant::now();
    let receiver = spawn(move || from.iter().sum::<u64>());
    let sender = spawn(move || {
        for item in 0..n as u64 {
            to.send(item).expect("a receiver");
        }
    });
    sender.join().map_err(failed)?;
    let sum = receiver.join().map_err(failed)?;
    let sample = ns_since(start, n);
    check("sum of items", sum, sum_below(n as u64))?;
    Ok(sample)
}

/// Four senders with a channel each, one receiver that selects.
pub(super) fn select_four(n: usize, slots: usize) -> Result<Sample, Failed> {
    let each = (n / PRODUCERS) as u64;
    let start = Instant::now();
    let channels: [Chan<u64>; PRODUCERS] = std::array::from_fn(|_| Chan::new(slots));
    let [a, b, c, d] = channels.clone();
    let receiver = spawn(move || {
        let mut sum = 0;
        for _ in 0..n {
            sum += select! {
                recv(a) -> item => item,
                recv(b) -> item => item,
                recv(c) -> item => item,
                recv(d) -> item => item,
            }
            .unwrap_or(0);
        }
        sum
    });
    let handles = channels.each_ref().map(|to| sender(to, each));
    for handle in handles {
        handle.join().map_err(failed)?;
    }
    let sum = receiver.join().map_err(failed)?;
    let sample = ns_since(start, n);
    check("sum of items", sum, PRODUCERS as u64 * sum_below(each))?;
    Ok(sample)
}
