//! The channel rows that fit channels without a bound: may has no others.

use std::time::Instant;

use ::may::go;
use ::may::sync::spsc::channel;

use super::failed;
use crate::row::sum_below;
use crate::sample::{Failed, Sample, check, ns_since};

/// There and back over two channels.
pub(super) fn ping_pong(n: usize) -> Result<Sample, Failed> {
    let (ping, served) = channel::<u64>();
    let (pong, returned) = channel::<u64>();
    let start = Instant::now();
    let echo = go!(move || {
        for _ in 0..n {
            let ball = served.recv().expect("a player");
            pong.send(ball).expect("a player");
        }
    });
    let player = go!(move || {
        let mut sum = 0;
        for ball in 0..n as u64 {
            ping.send(ball).expect("an echo");
            sum += returned.recv().expect("an echo");
        }
        sum
    });
    let sum = player.join().map_err(failed)?;
    let sample = ns_since(start, n);
    echo.join().map_err(failed)?;
    check("sum of echoes", sum, sum_below(n as u64))?;
    Ok(sample)
}

/// One sender that never waits, one receiver.
pub(super) fn pass_unbounded(n: usize) -> Result<Sample, Failed> {
    let (to, from) = channel::<u64>();
    let start = Instant::now();
    let receiver = go!(move || from.iter().sum::<u64>());
    let sender = go!(move || {
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
