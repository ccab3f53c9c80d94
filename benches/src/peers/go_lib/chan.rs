//! The rows of channels and of the wait group.

use std::sync::Arc;
use std::time::Instant;

use ::go_lib::chan::{Receiver, chan};
use ::go_lib::sync::WaitGroup;
use ::go_lib::{go, select};

use crate::row::{PRODUCERS, sum_below};
use crate::sample::{Failed, Sample, check, ns_since};

/// There and back over two channels.
pub(super) fn ping_pong(n: usize, slots: usize) -> Result<Sample, Failed> {
    let (ping, served) = chan::<u64>(slots);
    let (pong, returned) = chan::<u64>(slots);
    let (result, results) = chan::<u64>(1);
    let start = Instant::now();
    go!(move || {
        for _ in 0..n {
            pong.send(served.recv().unwrap_or(0));
        }
    });
    go!(move || {
        let mut sum = 0;
        for ball in 0..n as u64 {
            ping.send(ball);
            sum += returned.recv().unwrap_or(0);
        }
        result.send(sum);
    });
    let sum = results.recv().unwrap_or(0);
    let sample = ns_since(start, n);
    check("sum of echoes", sum, sum_below(n as u64))?;
    Ok(sample)
}

/// Senders and receivers share one channel and `n` items.
pub(super) fn pass(
    n: usize,
    slots: usize,
    senders: usize,
    receivers: usize,
) -> Result<Sample, Failed> {
    let each = (n / senders) as u64;
    let (to, from) = chan::<u64>(slots);
    let (result, results) = chan::<u64>(receivers);
    let sent = Arc::new(WaitGroup::new());
    let start = Instant::now();
    for _ in 0..receivers {
        let (from, result) = (from.clone(), result.clone());
        go!(move || {
            let mut sum = 0;
            while let Some(item) = from.recv() {
                sum += item;
            }
            result.send(sum);
        });
    }
    for _ in 0..senders {
        sent.add(1);
        let (to, sent) = (to.clone(), Arc::clone(&sent));
        go!(move || {
            for item in 0..each {
                to.send(item);
            }
            sent.done();
        });
    }
    sent.wait();
    to.close();
    let sum = (0..receivers).filter_map(|_| results.recv()).sum();
    let sample = ns_since(start, n);
    check("sum of items", sum, senders as u64 * sum_below(each))?;
    Ok(sample)
}

/// Four senders with a channel each, one receiver that selects.
pub(super) fn select_four(n: usize, slots: usize) -> Result<Sample, Failed> {
    let each = (n / PRODUCERS) as u64;
    let (result, results) = chan::<u64>(1);
    let start = Instant::now();
    let (senders, from): (Vec<_>, Vec<_>) = (0..PRODUCERS).map(|_| chan::<u64>(slots)).unzip();
    go!(move || result.send(select_sum(&from, n)));
    for to in &senders {
        let to = to.clone();
        go!(move || (0..each).for_each(|item| to.send(item)));
    }
    let sum = results.recv().unwrap_or(0);
    let sample = ns_since(start, n);
    // A sender that is dropped closes its channel, and a closed channel is always ready.
    drop(senders);
    check("sum of items", sum, PRODUCERS as u64 * sum_below(each))?;
    Ok(sample)
}

fn select_sum(from: &[Receiver<u64>], n: usize) -> u64 {
    let [a, b, c, d] = from else { return 0 };
    let mut sum = 0;
    for _ in 0..n {
        select! {
            recv(a) -> item => { sum += item.unwrap_or(0) }
            recv(b) -> item => { sum += item.unwrap_or(0) }
            recv(c) -> item => { sum += item.unwrap_or(0) }
            recv(d) -> item => { sum += item.unwrap_or(0) }
        }
    }
    sum
}

/// Adds and takes away, and waits in the end: a wrong count would wait for ever.
pub(super) fn wait_group(n: usize) -> Result<Sample, Failed> {
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..n {
        group.add(1);
        group.done();
    }
    group.wait();
    Ok(ns_since(start, n))
}
