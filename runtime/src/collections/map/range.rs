//! `Range`: a cursor over a map that may change meanwhile.
//!
//! All hashes are put in the order of their bits *read backwards*, on a ring of 2^64 places. What is in one bucket is then
//! an interval of the ring, whatever the number of buckets: a bucket that is split becomes the two halves
//! of its interval. So a single number says what has been done, and it means the same before, during and
//! after a growth, or when the map has shrunk:
//!
//! ```text
//! 2 buckets  |             0             |             1             |
//! 4 buckets  |      0      |      2      |      1      |      3      |
//! the ring   0 . . . . ^start = = = = = = = = = ^done . . . . . . . 2^64, which is 0
//! ```
//!
//! The cursor takes one live chain at a time: it clones the keys of that interval that are not done, and
//! hands them out one by one, each only if it is still there. A key that comes into an interval that
//! is done is not seen; one that comes into another is. So no key comes twice, none that was removed, and
//! each that stayed from beginning to end comes once.
//!
//! Invariants:
//! 1. A key whose place is less than `done` behind `start` was handed out, or is in `keys`, or was
//!    put in too late, or was removed. Nothing else has been handed out.
//! 2. That holds for the seed with which the cursor began. With another one, every key that was there has
//!    been removed since: the cursor is at its end.

use super::{Map, hash, random::random};
use std::hash::{BuildHasher, Hash};

/// Goes through a map that may change meanwhile: Go's `for k := range m`. Made by [`Map::range`].
///
/// It does not borrow the map, so it is handed the map each time. Each key that is there from beginning to
/// end comes once. One that is removed before it came does not come; one that is put in may come or not; and
/// none comes twice, even if it was taken out and put in again. With another map than its own
/// it yields keys of that one, or none.
///
/// Keys are looked up before they come. So one that does not equal itself (a type of your own around a NaN, say, against what `Eq` promises)
/// never comes, though [`iter`](Map::iter) has it; in Go it does.
///
/// # Examples
/// ```
/// use rt::collections::Map;
///
/// let mut map: Map<u32, u32> = (0..100).map(|n| (n, n)).collect();
/// let mut range = map.range();
/// while let Some(key) = range.next(&mut map) {
///     if key % 2 == 0 {
///         map.remove(&key);
///         map.remove(&(key + 2)); // does not come any more, if it did not yet
///     } else if key < 100 {
///         map.insert(key + 1000, 0); // may come
///     }
/// }
/// assert!((0..100).all(|n| map.contains_key(&n) == (n % 2 == 1)));
/// ```
#[derive(Clone, Debug)]
pub struct Range<K> {
    seed: u64,
    start: u64,
    /// How much of the ring, from `start` on; 2^64 in the end.
    done: u128,
    /// With which of a chain's keys it begins, so that small maps have no first one either.
    turn: usize,
    /// Keys of the chain that was looked at last.
    keys: Vec<K>,
}

const ALL: u128 = 1 << 64;
/// A multiple of the numbers of keys that most chains have.
const TURNS: usize = 840;

impl<K, V, S> Map<K, V, S> {
    /// A cursor that allows the map to be changed while it goes through it.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Map;
    ///
    /// let mut map = Map::from([("a", 1), ("b", 2), ("c", 3)]);
    /// let (mut seen, mut range) = (0, map.range());
    /// while let Some(key) = range.next(&mut map) {
    ///     map.remove(key);
    ///     seen += 1;
    /// }
    /// assert_eq!((seen, map.len()), (3, 0));
    /// ```
    #[must_use]
    pub fn range(&self) -> Range<K> {
        // A place where some chain begins, so that it is looked at once.
        let bits = self.table.log().unwrap_or(0);
        let dice = random();
        let start = dice & !u64::MAX.checked_shr(bits).unwrap_or(0);
        let turn = dice as usize % TURNS;
        Range { seed: self.table.seed(), start, done: 0, turn, keys: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone> Range<K> {
    /// The next key; `None` when all have come. Changes nothing in the map.
    ///
    /// # Examples
    /// See [`Map::range`].
    pub fn next<V, S: BuildHasher>(&mut self, map: &mut Map<K, V, S>) -> Option<K> {
        loop {
            if self.seed != map.table.seed() {
                self.done = ALL;
                self.keys.clear();
                return None;
            }
            // All at once where they were one by one: what is dropped here may unwind.
            while let Some(key) = self.keys.pop() {
                if map.contains_key(&key) {
                    return Some(key);
                }
            }
            if self.done == ALL {
                return None;
            }
            self.look(map);
        }
    }

    /// The next key, and its value to be changed. Go's `for k, v := range m`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Map;
    ///
    /// let mut map = Map::from([("a", 1), ("b", 2)]);
    /// let mut range = map.range();
    /// while let Some((key, n)) = range.next_entry(&mut map) {
    ///     *n += 1;
    ///     if *n == 3 {
    ///         map.remove(key);
    ///     }
    /// }
    /// assert_eq!((map.get("a"), map.get("b")), (Some(&2), None));
    /// ```
    pub fn next_entry<'m, V, S: BuildHasher>(
        &mut self,
        map: &'m mut Map<K, V, S>,
    ) -> Option<(K, &'m mut V)> {
        let key = self.next(map)?;
        let value = map.get_mut(&key)?;
        Some((key, value))
    }

    /// Takes the keys of the chain that comes next.
    fn look<V, S: BuildHasher>(&mut self, map: &Map<K, V, S>) {
        let at = self.start.wrapping_add(self.done as u64);
        let Some((head, bits)) = map.table.chain_for(at.reverse_bits()) else {
            self.done = ALL;
            return;
        };
        // From `at` to the end of the chain's interval, but not past where all began.
        let inside = u64::MAX.checked_shr(bits).unwrap_or(0);
        let done = (self.done + u128::from(inside - (at & inside)) + 1).min(ALL);
        // If the interval is as the cursor left it, all of the chain is new.
        let whole = at & inside == 0 && done - self.done == u128::from(inside) + 1;
        let mut keys = std::mem::take(&mut self.keys);
        let mut bucket = Some(head);
        while let Some(some) = bucket {
            for index in some.marks().full() {
                // SAFETY: the cell is full; a clone cannot change the map, which is borrowed.
                let key = unsafe { &*some.key(index) };
                let place = || hash(map.hasher(), self.seed, key).reverse_bits();
                if whole || (self.done..done).contains(&place().wrapping_sub(self.start).into()) {
                    keys.push(key.clone());
                }
            }
            bucket = some.next();
        }
        let turn = self.turn % keys.len().max(1);
        keys.rotate_left(turn);
        (self.keys, self.done) = (keys, done);
    }
}
