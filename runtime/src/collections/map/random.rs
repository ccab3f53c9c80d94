//! Chance: where iteration begins, and what seeds are made of.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// A number that nobody relies on: splitmix64, begun with a random number of std's.
#[inline(never)]
pub(super) fn random() -> u64 {
    let draw = |state: &Cell<u64>| {
        let before = match state.get() {
            0 => secret(),
            state => state,
        };
        state.set(before.wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mixed = (before ^ (before >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    STATE.try_with(draw).unwrap_or_else(|_| secret())
}

/// A number that nobody can foresee: what SipHash makes of keys that the system drew.
pub(super) fn secret() -> u64 {
    RandomState::new().hash_one(())
}
