//! Where the events of one P go, or those of no P.
//!
//! A ring stays as long as its track: who writes never has to ask whether it is still there. So a track has room for one
//! ring of each size, made when somebody first wants that many events.

use super::event::Entry;
use super::ring::{Copied, Ring};
use crate::prim::global::{AtomicU64, AtomicUsize, Ordering};
use std::sync::OnceLock;

/// The least and the most events of a ring, as powers of two.
const LEAST: u32 = 10;
const MOST: u32 = 24;
const SIZES: usize = (MOST - LEAST + 1) as usize;

/// What [`Options::capacity`](super::Options::capacity) takes.
pub(super) const MOST_EVENTS: usize = 1 << MOST;

#[derive(Debug)]
pub(super) struct Track {
    rings: [OnceLock<Ring>; SIZES],
    /// Which of them is written to, from 1; 0 for none.
    current: AtomicUsize,
    /// Where the session begins in it.
    base: AtomicU64,
}

impl Track {
    pub(super) fn new() -> Self {
        Self {
            rings: [const { OnceLock::new() }; SIZES],
            current: AtomicUsize::new(0),
            base: AtomicU64::new(0),
        }
    }

    /// A session begins that wants the last `capacity` events.
    pub(super) fn begin(&self, capacity: usize) {
        // One place in a ring is the writer's.
        let bits = (capacity + 1).next_power_of_two().ilog2().clamp(LEAST, MOST);
        let size = (bits - LEAST) as usize;
        let ring = self.rings[size].get_or_init(|| Ring::new(1 << bits));
        self.base.store(ring.head(), Ordering::Relaxed);
        // Release pairs with `ring`.
        self.current.store(size + 1, Ordering::Release);
    }

    fn ring(&self) -> Option<&Ring> {
        let size = self.current.load(Ordering::Acquire).checked_sub(1)?;
        self.rings[size].get()
    }

    /// By one thread at a time.
    pub(super) fn push(&self, entry: Entry) {
        if let Some(ring) = self.ring() {
            ring.push(entry);
        }
    }

    /// What is there of the session.
    pub(super) fn copy(&self) -> Copied {
        self.ring().map(|ring| ring.copy(self.base.load(Ordering::Relaxed))).unwrap_or_default()
    }
}
