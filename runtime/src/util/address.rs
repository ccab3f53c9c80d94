//! Sets of addresses. Nobody chooses what is in them, so their hash needs no secret; and no thread-local, in which std
//! keeps its secrets, is looked at where goroutines switch.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type Addresses = HashSet<usize, BuildHasherDefault<Spread>>;

/// Of one address: a multiplication spreads its bits upwards, the swap downwards. Fibonacci hashing, by Knuth.
#[derive(Default)]
pub(crate) struct Spread(u64);

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (self.0 ^ address as u64).wrapping_mul(GOLDEN);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0.swap_bytes()
    }
}

#[cfg(all(test, not(loom), not(shuttle)))]
mod tests {
    use super::*;

    /// Seven high bits and the low ones are what a table looks at.
    #[test]
    fn neighbours_are_far_apart() {
        let hash = |address: usize| {
            let mut hasher = Spread::default();
            hasher.write_usize(address);
            hasher.finish()
        };
        for step in [16, 64, 256, 4096, 1 << 16, 1 << 21] {
            let hashes: Vec<_> = (0..1024).map(|n| hash(0x7f00_0000_0000 + n * step)).collect();
            let high: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
            let low: HashSet<_> = hashes.iter().map(|hash| hash & 1023).collect();
            assert!(high.len() > 100, "{step}: {}", high.len());
            assert!(low.len() > 500, "{step}: {}", low.len());
        }
    }
}
