//! flume, on threads.

use ::flume::{Receiver, Selector, Sender, bounded, unbounded};

use super::Peer;
use super::threads::{self, Channels};
use crate::row::{PRODUCERS, Row};

/// The channels, and threads where the others have tasks.
pub(super) const PEER: Peer = Peer {
    name: "flume",
    package: Some("flume"),
    rows: threads::ROWS,
    // Where threads take turns, they do so through the kernel.
    limits: &[
        (Row::PingPong, 5_000),
        (Row::PingPongBuffered, 10_000),
        (Row::SpscUnbuffered, 10_000),
        (Row::Spsc, 500_000),
        (Row::Mpsc, 500_000),
        (Row::Mpmc, 500_000),
        (Row::Select4, 100_000),
        (Row::Select4Unbuffered, 20_000),
    ],
    start: threads::start::<Flume>,
};

struct Flume;

impl Channels for Flume {
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;

    fn bounded(slots: usize) -> (Sender<u64>, Receiver<u64>) {
        bounded(slots)
    }

    fn unbounded() -> (Sender<u64>, Receiver<u64>) {
        unbounded()
    }

    fn send(to: &Sender<u64>, item: u64) {
        to.send(item).expect("a receiver");
    }

    fn recv(from: &Receiver<u64>) -> Option<u64> {
        from.recv().ok()
    }

    /// A selector waits once: it is built anew for every item.
    fn select_sum([a, b, c, d]: &[Receiver<u64>; PRODUCERS], n: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..n {
            let selector = Selector::new().recv(a, |item| item).recv(b, |item| item);
            let selector = selector.recv(c, |item| item).recv(d, |item| item);
            sum += selector.wait().expect("a sender");
        }
        sum
    }
}
