//! The maps, behind one trait.

use rt::collections::map::SeededState;
use std::hash::RandomState;

/// A map from numbers to numbers.
pub(crate) trait Peer: Sized {
    const NAME: &'static str;
    fn new() -> Self;
    fn insert(&mut self, key: u64, value: u64);
    fn get(&self, key: u64) -> Option<u64>;
    /// The sum of all keys and values.
    fn sum(&self) -> u64;
}

macro_rules! peer {
    ($type:ident, $name:literal, $map:ty, $hasher:expr) => {
        pub(crate) struct $type($map);

        impl Peer for $type {
            const NAME: &'static str = $name;

            fn new() -> Self {
                Self(<$map>::with_hasher($hasher))
            }

            #[inline]
            fn insert(&mut self, key: u64, value: u64) {
                self.0.insert(key, value);
            }

            #[inline]
            fn get(&self, key: u64) -> Option<u64> {
                self.0.get(&key).copied()
            }

            fn sum(&self) -> u64 {
                let mut sum = 0_u64;
                for (key, value) in self.0.iter() {
                    sum = sum.wrapping_add(*key ^ *value);
                }
                sum
            }
        }
    };
}

// The same hasher for all: the one that `Map` comes with.
peer!(Rt, "Map", rt::collections::Map<u64, u64, SeededState>, SeededState::new());
peer!(Hashbrown, "hashbrown", hashbrown::HashMap<u64, u64, SeededState>, SeededState::new());
peer!(Griddle, "griddle", griddle::HashMap<u64, u64, SeededState>, SeededState::new());
// As users have it.
peer!(Std, "std HashMap", std::collections::HashMap<u64, u64, RandomState>, RandomState::new());
