//! Deadlines that are far away, in buckets that get finer as they come near.
//!
//! Time is cut into ticks. All that lies here is later than the tick `done`. An entry lies on the level of the
//! highest digit, to the base 64, in which its tick differs from `done`, in the bucket of its own digit there. So the lowest
//! bucket of the lowest level that has any holds what comes first of all, and to put an entry in is to append it to a
//! list. When what comes first is asked for, that bucket is taken: as it is, if it is of the lowest level or small, and else its
//! entries go to lower levels. Each moves eight times at most until `done` is moved back, mostly once or twice, and always along lists: no cache
//! misses, where a heap of a million has several for each. (Varghese and Lauck's hierarchical wheels; the levels by highest
//! digit are Ahuja, Mehlhorn, Orlin and Tarjan's radix heap.)
//!
//! Invariants:
//! 1. Each entry's tick is later than `done`, and it lies where `place` says.
//! 2. A bucket's bit in `full` is set if, and only if, it is not empty; `len` counts all entries.
//!
//! `done` moves on to a tick of the bucket that is taken, and no earlier tick is here then. Digits above the bucket's level are the
//! same in the old and the new one, so entries on higher levels stay where they belong; and so do the others of the
//! bucket's own level, whose digit there differs from both. When `done` is moved back, let the highest digit that changes be
//! on level *n*. Entries on higher levels stay; so do those on *n*, whose digit is greater than the old one; and those on
//! lower levels have the old digit on *n*: they all belong into that one bucket, which was empty.
//!
//! To take a large bucket apart takes some nanoseconds for each entry, all at once.

use super::entry::{Entry, shrink};

/// A tick is 2^17 ns, 131 µs: with a million deadlines in a second, a bucket has 131.
const TICK: u32 = 17;
/// Bits of a digit.
const DIGIT: u32 = 6;
/// Enough for all ticks: 64 - 17 bits.
const LEVELS: usize = 8;
/// A bucket of so few is not worth taking apart.
const SMALL: usize = 64;

#[derive(Debug)]
struct Level {
    full: u64,
    buckets: [Vec<Entry>; 1 << DIGIT],
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Far {
    /// Of length [`LEVELS`], or empty: nothing was ever put in.
    levels: Vec<Level>,
    done: u64,
    len: usize,
    /// Where the last entry was put.
    last: (u8, u8),
}

#[inline]
fn tick(at: u64) -> u64 {
    at >> TICK
}

impl Far {
    /// The last tick of all: nothing is far.
    const END: u64 = u64::MAX >> TICK;

    pub(super) const fn new() -> Self {
        Self { levels: Vec::new(), done: Self::END, len: 0, last: (0, 0) }
    }

    /// Whether a deadline belongs here.
    #[inline]
    pub(super) fn is_far(&self, at: u64) -> bool {
        tick(at) > self.done
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether `done` would change if it went back to the tick of `at`, which is not far.
    #[inline]
    pub(super) fn can_move_back(&self, at: u64) -> bool {
        tick(at) < self.done
    }

    /// How many entries would have to move if `done` went back to the tick of `at`, which is not far.
    pub(super) fn moved_by(&self, at: u64) -> usize {
        let Some(level) = self.changed(at) else { return 0 };
        self.levels.iter().take(level).flat_map(|level| &level.buckets).map(Vec::len).sum()
    }

    /// The level of the highest digit in which the tick of `at` differs from `done`.
    fn changed(&self, at: u64) -> Option<usize> {
        let difference = tick(at) ^ self.done;
        (difference != 0).then(|| (difference.ilog2() / DIGIT) as usize)
    }

    /// From now on what is later than the tick of `at`, which is not far, is far.
    pub(super) fn move_back(&mut self, at: u64) {
        if self.levels.is_empty() {
            let level = || Level { full: 0, buckets: std::array::from_fn(|_| Vec::new()) };
            self.levels.resize_with(LEVELS, level);
        }
        if let Some(number) = self.changed(at) {
            let (lower, level) = self.levels.split_at_mut(number);
            let digit = (self.done >> (number as u32 * DIGIT)) % (1 << DIGIT);
            let bucket = &mut level[0].buckets[digit as usize];
            for level in lower.iter_mut().filter(|level| level.full != 0) {
                level.full = 0;
                level
                    .buckets
                    .iter_mut()
                    .for_each(|lower| bucket.append(&mut std::mem::take(lower)));
            }
            if !bucket.is_empty() {
                level[0].full |= 1 << digit;
            }
        }
        self.done = tick(at);
    }

    /// Nothing is here, and nothing is far from now on.
    pub(super) fn end(&mut self) {
        self.done = Self::END;
    }

    /// Level and bucket of a tick, which is later than `done`.
    #[inline]
    fn place(&self, tick: u64) -> (u8, u8) {
        let level = (tick ^ self.done).ilog2() / DIGIT;
        (level as u8, (tick >> (level * DIGIT)) as u8 % (1 << DIGIT))
    }

    /// Puts in one that is far.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        self.last = self.place(tick(entry.at));
        let level = &mut self.levels[usize::from(self.last.0)];
        level.buckets[usize::from(self.last.1)].push(entry);
        level.full |= 1 << self.last.1;
        self.len += 1;
    }

    /// Takes out the entry at `index` of the slab, if it is still the last of the bucket that was put into last. `true`: it did.
    #[inline]
    pub(super) fn pop_last(&mut self, index: u32) -> bool {
        let Some(level) = self.levels.get_mut(usize::from(self.last.0)) else { return false };
        let bucket = &mut level.buckets[usize::from(self.last.1)];
        if bucket.pop_if(|last| last.index == index).is_none() {
            return false;
        }
        if bucket.is_empty() {
            level.full &= !(1 << self.last.1);
        }
        shrink(bucket);
        self.len -= 1;
        true
    }

    /// Puts in the far ones of some that are sorted, the first one last. In one go if they are of one tick, and its bucket is empty.
    pub(super) fn push_sorted(&mut self, entries: &mut Vec<Entry>) {
        let far = entries.partition_point(|entry| self.is_far(entry.at));
        if let [last, .., first] = entries[..]
            && far == entries.len()
            && tick(first.at) == tick(last.at)
        {
            let (level, digit) = self.place(tick(first.at));
            let level = &mut self.levels[usize::from(level)];
            let bucket = &mut level.buckets[usize::from(digit)];
            if bucket.is_empty() {
                level.full |= 1 << digit;
                self.len += far;
                *bucket = std::mem::take(entries);
                return;
            }
        }
        entries.drain(..far).for_each(|entry| self.push(entry));
        shrink(entries);
    }

    /// Takes the first ones to `near`, which is empty, in no order: all that are due until some moment,
    /// and at least one if there is any.
    pub(super) fn take_first(&mut self, near: &mut Vec<Entry>) {
        while let Some(number) = self.levels.iter().position(|level| level.full != 0) {
            let level = &mut self.levels[number];
            let digit = level.full.trailing_zeros();
            level.full &= level.full - 1;
            let bucket = std::mem::take(&mut level.buckets[digit as usize]);
            self.len -= bucket.len();
            // The first tick of the bucket, and how many there are in it.
            let low = number as u32 * DIGIT;
            let high = low + DIGIT;
            let first = (self.done >> high << high) | u64::from(digit) << low;
            let ticks = 1_u64 << low;
            if number == 0 || bucket.len() <= SMALL {
                self.done = first | (ticks - 1);
                *near = bucket;
                return;
            }
            self.done = first;
            for entry in bucket {
                if tick(entry.at) == first {
                    near.push(entry);
                } else {
                    self.push(entry);
                }
            }
            if !near.is_empty() {
                return;
            }
        }
    }

    /// Removes all that are not to be kept. Linear.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        self.len = 0;
        for level in &mut self.levels {
            for (digit, bucket) in level.buckets.iter_mut().enumerate() {
                bucket.retain(|entry| keep(*entry));
                if bucket.is_empty() {
                    level.full &= !(1 << digit);
                }
                shrink(bucket);
                self.len += bucket.len();
            }
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.levels.iter().flat_map(|level| level.buckets.iter().flatten())
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn room(&self) -> usize {
        self.levels.iter().flat_map(|level| &level.buckets).map(Vec::capacity).sum()
    }

    /// Invariants 1 and 2.
    #[cfg(all(test, not(loom)))]
    pub(super) fn check(&self) {
        for (number, level) in self.levels.iter().enumerate() {
            for (digit, bucket) in level.buckets.iter().enumerate() {
                assert_eq!(level.full >> digit & 1 == 1, !bucket.is_empty());
                let here = (number as u8, digit as u8);
                let belongs =
                    |entry: &Entry| self.is_far(entry.at) && self.place(tick(entry.at)) == here;
                assert!(bucket.iter().all(belongs));
            }
        }
        assert_eq!(self.entries().count(), self.len);
    }
}
