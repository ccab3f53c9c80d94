//! The one source of the scheduler's choices: small, fast, seedable, not for secrets.

use crate::prim::global::{AtomicU64, Ordering};
use std::cell::Cell;

/// xorshift64* (Marsaglia's shifts, Vigna's multiplier).
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    /// A generator of its own stream.
    pub(crate) fn new() -> Self {
        static STREAM: AtomicU64 = AtomicU64::new(0x9E37_79B9_7F4A_7C15);
        // Weyl sequence: any two streams start far apart, and none starts at zero.
        let seed = STREAM.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        Self(Cell::new(seed | 1))
    }

    /// A number below `n`, which is not zero.
    pub(crate) fn below(&self, n: usize) -> usize {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        let high = x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        // Lemire's multiply-shift: `high` is below 2^32, so the product fits.
        ((high * n as u64) >> 32) as usize
    }
}

thread_local! {
    static RNG: Rng = Rng::new();
}

/// A number below `n`, which is not zero, from the dice of a plain thread.
#[inline(never)]
pub(crate) fn below(n: usize) -> usize {
    RNG.try_with(|rng| rng.below(n)).unwrap_or(0)
}
