//! Sizes of stacks: powers of two, so that a slot's class and colour follow from few bits and a
//! freed stack fits the next goroutine of its class.
//!
//! Invariants
//! 1. A [`Class`]'s slot is at least twice as long as its guard: so there are 4096 usable bytes under any colour.

use std::io;
use std::ops::RangeInclusive;

use super::guard::guard_size;
use crate::sys;

/// 32 KiB: a panic with a backtrace needs about 24 KiB.
const LEAST: usize = 1 << LEAST_SHIFT;
const LEAST_SHIFT: u32 = 15;
/// 1 GiB.
const MOST: usize = 1 << MOST_SHIFT;
const MOST_SHIFT: u32 = 30;
/// What a slot has at least. Without optimization, what the runtime does on a goroutine's stack takes up to 28 KiB of it: a run
/// queue that grows carries its garbage, 2 KiB at a time, through a dozen frames. Optimized, it takes 7.
const ROOM: usize = if cfg!(debug_assertions) { 64 << 10 } else { LEAST };

/// The size of a stack, guard included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class(u8);

impl Class {
    /// How many classes there are; [`Class::index`] is below it.
    pub(crate) const COUNT: usize = (MOST_SHIFT - LEAST_SHIFT + 1) as usize;

    /// The least and the most bytes that are asked for.
    pub(crate) const RANGE: RangeInclusive<usize> = LEAST..=MOST;

    /// The smallest class that holds `bytes`, guard and all.
    ///
    /// # Errors
    /// `InvalidInput` for less than 32 KiB or more than 1 GiB.
    pub(crate) fn for_size(bytes: usize) -> io::Result<Class> {
        if bytes < LEAST {
            return Err(invalid(format!(
                "stack size of {bytes} bytes is too small: at least {LEAST} \
                 (a panic with a backtrace needs about 24 KiB)"
            )));
        }
        if bytes > MOST {
            return Err(invalid(format!(
                "stack size of {bytes} bytes is too large: at most {MOST} (1 GiB)"
            )));
        }
        // Where guards are larger than a page of 4 KiB, the smallest classes round up (invariant 1).
        let slot = bytes.max(ROOM).max(2 * guard_size()).next_power_of_two();
        Ok(Class::from_index((slot.trailing_zeros() - LEAST_SHIFT) as usize))
    }

    /// The size of a slot: stack, guard and colour.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        LEAST << self.0
    }

    /// From one slot of a slab to the next: a page more than a slot. Powers of two apart, the pages that are in use of many stacks,
    /// and the entries of the page tables that lead there, would compete for few sets of the TLB and of the caches.
    #[inline]
    pub(super) fn pitch(self) -> usize {
        self.bytes() + sys::page_size()
    }

    /// The logarithm of [`bytes`](Self::bytes).
    #[inline]
    pub(super) fn shift(self) -> u32 {
        LEAST_SHIFT + u32::from(self.0)
    }

    /// A small dense number, for tables by class.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    #[inline]
    pub(crate) fn from_index(index: usize) -> Class {
        debug_assert!(index < Class::COUNT);
        Class(index as u8)
    }

    pub(crate) fn all() -> impl Iterator<Item = Class> {
        (0..Class::COUNT).map(Class::from_index)
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_up_to_powers_of_two() {
        let bytes = |size| Class::for_size(size).unwrap().bytes();
        assert_eq!(bytes(256 << 10), 256 << 10);
        assert_eq!(bytes((256 << 10) + 1), 512 << 10);
        assert_eq!(bytes(300_000), 512 << 10);
        assert_eq!(bytes(8 << 20), 8 << 20);
        assert_eq!(bytes(1 << 30), 1 << 30);
        assert_eq!(bytes(32 << 10), ROOM.max(2 * guard_size()));
    }

    #[test]
    fn indices_are_dense() {
        let all: Vec<usize> = Class::all().map(Class::index).collect();
        assert_eq!(all, (0..Class::COUNT).collect::<Vec<_>>());
        let largest = Class::for_size(MOST).unwrap();
        assert_eq!(largest.index() + 1, Class::COUNT);
    }

    #[test]
    fn errors_name_the_bounds() {
        let small = Class::for_size(32_767).unwrap_err();
        assert_eq!(small.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            small.to_string(),
            "stack size of 32767 bytes is too small: at least 32768 \
             (a panic with a backtrace needs about 24 KiB)"
        );
        let large = Class::for_size((1 << 30) + 1).unwrap_err();
        assert_eq!(
            large.to_string(),
            "stack size of 1073741825 bytes is too large: at most 1073741824 (1 GiB)"
        );
        assert!(Class::for_size(0).is_err());
        assert!(Class::for_size(usize::MAX).is_err());
    }
}
