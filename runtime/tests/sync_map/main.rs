//! `sync::Map`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod races;

use rt::sync::Map;
use std::hash::{BuildHasher, Hasher};

/// A hasher that makes all keys meet, or passes numbers on as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bad {
    pub(crate) mask: u64,
    hash: u64,
}

impl Hasher for Bad {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.hash = self.hash << 8 | u64::from(*byte));
    }
    fn write_u32(&mut self, n: u32) {
        self.hash = u64::from(n);
    }
    fn finish(&self) -> u64 {
        self.hash & self.mask
    }
}

impl BuildHasher for Bad {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self { hash: 0, ..*self }
    }
}

pub(crate) const HASHERS: [Bad; 4] = [
    Bad { mask: 0, hash: 0 },
    Bad { mask: 3, hash: 0 },
    Bad { mask: !0 << 3, hash: 0 },
    Bad { mask: !0, hash: 0 },
];

pub(crate) fn pairs<S: BuildHasher>(map: &Map<u32, u64, S>) -> Vec<(u32, u64)> {
    let mut pairs = Vec::new();
    map.range(|key, value| {
        pairs.push((*key, *value));
        true
    });
    pairs.sort_unstable();
    pairs
}
