//! crossbeam-channel, on threads.

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use super::Peer;
use super::threads::{self, Channels};
use crate::row::{PRODUCERS, Row};

/// The channels, and threads where the others have tasks.
pub(super) const PEER: Peer = Peer {
    name: "crossbeam",
    package: Some("crossbeam-channel"),
    rows: threads::ROWS,
    // Where threads take turns, they do so through the kernel.
    limits: &[
        (Row::PingPong, 5_000),
        (Row::PingPongBuffered, 5_000),
        (Row::SpscUnbuffered, 10_000),
        (Row::Select4Unbuffered, 20_000),
    ],
    start: threads::start::<Crossbeam>,
};

struct Crossbeam;

impl Channels for Crossbeam {
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

    fn select_sum([a, b, c, d]: &[Receiver<u64>; PRODUCERS], n: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..n {
            sum += select! {
                recv(a) -> item => item,
                recv(b) -> item => item,
                recv(c) -> item => item,
                recv(d) -> item => item,
            }
            .expect("a sender");
        }
        sum
    }
}
