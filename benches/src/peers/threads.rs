//! What the peers on operating-system threads share: their tasks are threads.
//!
//! A library of channels has no workers to count, so `p` is the number of cores that its
//! threads may run on.

use std::any::Any;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::{Body, unknown};
use crate::child::Job;
use crate::row::{CONSUMERS, PRODUCERS, Row, SLOTS, sum_below};
use crate::sample::{Failed, Sample, check, ns_since};

/// The rows that a [`Channels`] answers.
pub(super) const ROWS: &[Row] = &[
    Row::PingPong,
    Row::PingPongBuffered,
    Row::SpscUnbuffered,
    Row::Spsc,
    Row::UnboundedSpsc,
    Row::Mpsc,
    Row::Mpmc,
    Row::Select4,
    Row::Select4Unbuffered,
];

/// Keeps this thread, and those that it will start, to `procs` cores; to all when there are fewer.
pub(super) fn confine(procs: usize) -> Result<(), Failed> {
    let failed = |error: nix::Error| Failed(error.to_string());
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this).map_err(failed)?;
    let mut few = CpuSet::new();
    for core in (0..CpuSet::count()).filter(|&core| all.is_set(core) == Ok(true)).take(procs) {
        few.set(core).map_err(failed)?;
    }
    sched_setaffinity(this, &few).map_err(failed)
}

pub(super) fn failed(_: Box<dyn Any + Send>) -> Failed {
    Failed("a thread panicked".to_owned())
}

/// A library of channels whose handles disconnect when the last of a side is dropped.
pub(super) trait Channels: 'static {
    type Sender: Clone + Send + 'static;
    type Receiver: Clone + Send + 'static;

    fn bounded(slots: usize) -> (Self::Sender, Self::Receiver);
    fn unbounded() -> (Self::Sender, Self::Receiver);
    /// Panics when nobody can receive.
    fn send(to: &Self::Sender, item: u64);
    fn recv(from: &Self::Receiver) -> Option<u64>;
    /// Selects over the four `n` times; the sum of what came.
    fn select_sum(from: &[Self::Receiver; PRODUCERS], n: usize) -> u64;
}

/// The row's body on this library.
pub(super) fn start<C: Channels>(job: &Job) -> Result<Body, Failed> {
    confine(job.procs)?;
    let n = job.size;
    Ok(match job.row {
        Row::PingPong => Box::new(move || ping_pong::<C>(n, 0)),
        Row::PingPongBuffered => Box::new(move || ping_pong::<C>(n, 1)),
        Row::SpscUnbuffered => Box::new(move || pass::<C>(n, C::bounded(0), 1, 1)),
        Row::Spsc => Box::new(move || pass::<C>(n, C::bounded(SLOTS), 1, 1)),
        Row::UnboundedSpsc => Box::new(move || pass::<C>(n, C::unbounded(), 1, 1)),
        Row::Mpsc => Box::new(move || pass::<C>(n, C::bounded(SLOTS), PRODUCERS, 1)),
        Row::Mpmc => Box::new(move || pass::<C>(n, C::bounded(SLOTS), PRODUCERS, CONSUMERS)),
        Row::Select4 => Box::new(move || select_four::<C>(n, SLOTS)),
        Row::Select4Unbuffered => Box::new(move || select_four::<C>(n, 0)),
        _ => return Err(unknown(job)),
    })
}

/// There and back over two channels.
fn ping_pong<C: Channels>(n: usize, slots: usize) -> Result<Sample, Failed> {
    let (ping, served) = C::bounded(slots);
    let (pong, returned) = C::bounded(slots);
    let start = Instant::now();
    let echo = thread::spawn(move || {
        for _ in 0..n {
            C::send(&pong, C::recv(&served).expect("a player"));
        }
    });
    let player = thread::spawn(move || {
        let mut sum = 0;
        for ball in 0..n as u64 {
            C::send(&ping, ball);
            sum += C::recv(&returned).expect("an echo");
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
fn sender<C: Channels>(to: &C::Sender, each: u64) -> JoinHandle<()> {
    let to = to.clone();
    thread::spawn(move || (0..each).for_each(|item| C::send(&to, item)))
}

/// Senders and receivers share one channel and `n` items.
fn pass<C: Channels>(
    n: usize,
    (to, from): (C::Sender, C::Receiver),
    senders: usize,
    receivers: usize,
) -> Result<Sample, Failed> {
    let each = (n / senders) as u64;
    let start = Instant::now();
    let receiver = |_| {
        let from = from.clone();
        thread::spawn(move || {
            let mut sum = 0;
            while let Some(item) = C::recv(&from) {
                sum += item;
            }
            sum
        })
    };
    let receivers: Vec<_> = (0..receivers).map(receiver).collect();
    let handles: Vec<_> = (0..senders).map(|_| sender::<C>(&to, each)).collect();
    drop(to);
    for handle in handles {
        handle.join().map_err(failed)?;
    }
    let mut sum = 0;
    for receiver in receivers {
        sum += receiver.join().map_err(failed)?;
    }
    let sample = ns_since(start, n);
    check("sum of items", sum, senders as u64 * sum_below(each))?;
    Ok(sample)
}

/// Four senders with a channel each, one receiver that selects.
fn select_four<C: Channels>(n: usize, slots: usize) -> Result<Sample, Failed> {
    let each = (n / PRODUCERS) as u64;
    let start = Instant::now();
    // The senders stay: a channel without one is always ready.
    let channels: [_; PRODUCERS] = std::array::from_fn(|_| C::bounded(slots));
    let from = channels.each_ref().map(|(_, from)| from.clone());
    let receiver = thread::spawn(move || C::select_sum(&from, n));
    let handles = channels.each_ref().map(|(to, _)| sender::<C>(to, each));
    for handle in handles {
        handle.join().map_err(failed)?;
    }
    let sum = receiver.join().map_err(failed)?;
    let sample = ns_since(start, n);
    check("sum of items", sum, PRODUCERS as u64 * sum_below(each))?;
    Ok(sample)
}
