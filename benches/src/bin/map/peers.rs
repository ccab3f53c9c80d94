//! The maps, behind one trait.

use rt::collections::map::SeededState;
use std::hash::RandomState;

/// A map from numbers to numbers.
pub(crate) trait Peer: Sized {
    const NAME: &'static str;
    /// What its hashers are made by. Maps with the same one have the same buckets.
    type State: Default + Clone;
    fn with(state: Self::State) -> Self;
    fn new() -> Self {
        Self::with(Self::State::default())
    }
    fn insert(&mut self, key: u64, value: u64);
    fn get(&self, key: u64) -> Option<u64>;
    /// The sum of all keys and values.
    fn sum(&self) -> u64;
}

macro_rules! peer {
    ($type:ident, $name:literal, $map:ty, $state:ty) => {
        pub(crate) struct $type($map);

        impl Peer for $type {
            const NAME: &'static str = $name;

            type State = $state;

            fn with(state: $state) -> Self {
                Self(<$map>::with_hasher(state))
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
peer!(Rt, "Map", rt::collections::Map<u64, u64, SeededState>, SeededState);
peer!(Hashbrown, "hashbrown", hashbrown::HashMap<u64, u64, SeededState>, SeededState);
peer!(Griddle, "griddle", griddle::HashMap<u64, u64, SeededState>, SeededState);
// As users have it.
peer!(Std, "std HashMap", std::collections::HashMap<u64, u64, RandomState>, RandomState);
