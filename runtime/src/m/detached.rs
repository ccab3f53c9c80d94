//! That a goroutine runs on without a P: since when, and why. For those who look from outside.

use crate::prim::global::{AtomicU64, Ordering};
use crate::trace::{self, Reason};

/// The time, with the reason in its lowest bits; 0 for never.
#[derive(Debug)]
pub(crate) struct Detached(AtomicU64);

const REASON: u64 = 3;

impl Detached {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// From now on; what is returned undoes it.
    pub(crate) fn begin(&self, why: Reason) -> u64 {
        let word = trace::clock().max(REASON + 1) & !REASON | why as u64;
        self.0.store(word, Ordering::Relaxed);
        word
    }

    /// It did not come to that: unless another reason has come since.
    pub(crate) fn undo(&self, begun: u64) {
        let _ = self.0.compare_exchange(begun, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// It has a P.
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Since when, by `trace::clock`, and why.
    #[cfg(feature = "debug-server")]
    pub(crate) fn get(&self) -> Option<(u64, Reason)> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            word => Some((word & !REASON, Reason::ALL[(word & REASON) as usize])),
        }
    }
}
