//! The rows of tails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::rt::chan::Chan;
use ::rt::{spawn, yield_now};

use super::failed;
use crate::row::{SLOTS, sum_below};
use crate::sample::{Failed, Sample, check};
use crate::tails::{self, LOADS, NS, Pieces, US};

/// There and back over two channels of one slot, each time by the clock.
pub(super) fn ping_pong(n: usize) -> Result<Sample, Failed> {
    let (ping, pong) = (Chan::new(1), Chan::new(1));
    let echo = spawn({
        let (ping, pong) = (ping.clone(), pong.clone());
        move || ping.iter().take(n).for_each(|ball| pong.send(ball))
    });
    let player = spawn(move || {
        let (mut sum, mut took) = (0, Vec::with_capacity(n));
        let mut start = Instant::now();
        for ball in 0..n as u64 {
            ping.send(ball);
            sum += pong.recv().unwrap_or(0);
            let end = Instant::now();
            took.push(end - start);
            start = end;
        }
        (sum, took)
    });
    let (sum, took) = player.join().map_err(failed)?;
    echo.join().map_err(failed)?;
    check("sum of echoes", sum, sum_below(n as u64))?;
    tails::sample(&took, n, NS)
}

/// Beside goroutines that compute and yield.
pub(super) fn under_load(
    n: usize,
    probe: fn(usize) -> Result<Vec<Duration>, Failed>,
) -> Result<Sample, Failed> {
    let done = Arc::new(AtomicBool::new(false));
    let load = |task| {
        let done = Arc::clone(&done);
        spawn(move || {
            let mut pieces = Pieces::of(task);
            while !done.load(Ordering::Relaxed) {
                pieces.burn();
                yield_now();
            }
        })
    };
    let loads: Vec<_> = (0..LOADS).map(load).collect();
    let late = probe(n);
    done.store(true, Ordering::Relaxed);
    for load in loads {
        load.join().map_err(failed)?;
    }
    tails::sample(&late?, n, US)
}

/// From a send until the one that waits for it runs.
pub(super) fn wake(n: usize) -> Result<Vec<Duration>, Failed> {
    let sent = Chan::<Instant>::new(SLOTS);
    let woken = spawn({
        let sent = sent.clone();
        move || sent.iter().map(|sent| sent.elapsed()).collect()
    });
    let mut pieces = Pieces::of(LOADS);
    for _ in 0..n {
        sent.send(Instant::now());
        pieces.burn();
        yield_now();
    }
    sent.close();
    woken.join().map_err(failed)
}

/// From a send until the one that waits for it runs, while the sender computes.
pub(super) fn pipe(n: usize) -> Result<Sample, Failed> {
    let items = Chan::new(SLOTS);
    let consumer = spawn({
        let items = items.clone();
        move || items.iter().map(tails::consume).collect::<Vec<_>>()
    });
    let producer = spawn(move || {
        (0..n).for_each(|_| items.send(tails::produce()));
        items.close();
    });
    producer.join().map_err(failed)?;
    tails::sample(&consumer.join().map_err(failed)?, n, US)
}

/// From a spawn until the goroutine runs.
pub(super) fn first_run(n: usize) -> Result<Vec<Duration>, Failed> {
    let mut pieces = Pieces::of(LOADS);
    let mut handles = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        handles.push(spawn(move || start.elapsed()));
        pieces.burn();
        yield_now();
    }
    handles.into_iter().map(|handle| handle.join().map_err(failed)).collect()
}
