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

    /// The generator that `seed` names: the same numbers each time, and for two seeds others from the first on.
    pub(crate) fn seeded(seed: u64) -> Self {
        let rng = Self(Cell::new(0));
        rng.seed(seed);
        rng
    }

    /// Goes on as [`seeded`](Self::seeded) begins.
    pub(crate) fn seed(&self, seed: u64) {
        // The mixing of splitmix64 (Steele, Lea, Flood): a bijection that tears neighbours apart.
        let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        self.0.set(if x == 0 { 1 } else { x });
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
