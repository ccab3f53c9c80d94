//! Iterators that take out of the map what they yield.
//!
//! Invariants, beside those of the [walk](super::walk):
//! 1. Each cell that is yielded has been emptied before: the table is in order after every step, and
//!    forgetting an iterator leaves what it did not yield in the map.

use super::Map;
use super::iter::Iter;
use super::table::Table;
use super::walk::Walk;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What [`Map::into_iter`](IntoIterator::into_iter) returns.
pub struct IntoIter<K, V> {
    table: Table<K, V>,
    walk: Walk<K, V>,
}

/// What [`Map::into_keys`] returns.
pub struct IntoKeys<K, V>(IntoIter<K, V>);

/// What [`Map::into_values`] returns.
pub struct IntoValues<K, V>(IntoIter<K, V>);

/// What [`Map::drain`] returns. Dropping it empties the map.
pub struct Drain<'a, K, V> {
    table: &'a mut Table<K, V>,
    walk: Walk<K, V>,
}

/// What [`Map::extract_if`] returns. Dropping it leaves what it has not come to in the map.
#[must_use = "it takes out what it is asked for, and nothing without being asked"]
pub struct ExtractIf<'a, K, V, F> {
    table: &'a mut Table<K, V>,
    walk: Walk<K, V>,
    wanted: F,
}

impl<K, V, S> Map<K, V, S> {
    /// Its keys, by value.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a".to_string(), 1)]);
    /// assert_eq!(map.into_keys().collect::<Vec<_>>(), ["a"]);
    /// ```
    #[inline]
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys(self.into_iter())
    }

    /// Its values, by value.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", "one".to_string())]);
    /// assert_eq!(map.into_values().collect::<Vec<_>>(), ["one"]);
    /// ```
    #[inline]
    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues(self.into_iter())
    }

    /// Takes everything out, and keeps the memory.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// assert_eq!(map.drain().map(|(_, n)| n).sum::<i32>(), 3);
    /// assert!(map.is_empty());
    /// ```
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, K, V> {
        Drain { walk: self.table.walk(), table: &mut self.table }
    }

    /// Keeps what the function says yes to, and drops the rest.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<_, _> = (0..8).map(|n| (n, n * 10)).collect();
    /// map.retain(|key, _| key % 2 == 0);
    /// assert_eq!(map.len(), 4);
    /// ```
    pub fn retain<F: FnMut(&K, &mut V) -> bool>(&mut self, mut keep: F) {
        self.extract_if(|key, value| !keep(key, value)).for_each(drop);
    }

    /// Takes out what the function says yes to, one by one, as it is asked for. It may change the
    /// values that it leaves.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<_, _> = (0..8).map(|n| (n, n * 10)).collect();
    /// let mut odd: Vec<_> = map.extract_if(|key, _| key % 2 == 1).collect();
    /// odd.sort();
    /// assert_eq!(odd, [(1, 10), (3, 30), (5, 50), (7, 70)]);
    /// assert_eq!(map.len(), 4);
    /// ```
    pub fn extract_if<F: FnMut(&K, &mut V) -> bool>(
        &mut self,
        wanted: F,
    ) -> ExtractIf<'_, K, V, F> {
        ExtractIf { walk: self.table.walk(), table: &mut self.table, wanted }
    }
}

impl<K, V, S> IntoIterator for Map<K, V, S> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    #[inline]
    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter { walk: self.table.walk(), table: self.table }
    }
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        let found = self.walk.next(&self.table)?;
        // SAFETY: a walk finds full cells, with their heads.
        Some(unsafe { self.table.take(found.head, found.cell) })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.walk.left(), Some(self.walk.left()))
    }
}

impl<K, V> Iterator for Drain<'_, K, V> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        let found = self.walk.next(self.table)?;
        // SAFETY: a walk finds full cells, with their heads.
        Some(unsafe { self.table.take(found.head, found.cell) })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.walk.left(), Some(self.walk.left()))
    }
}

impl<K, V> Drop for Drain<'_, K, V> {
    fn drop(&mut self) {
        self.table.clear();
    }
}

impl<K, V, F: FnMut(&K, &mut V) -> bool> Iterator for ExtractIf<'_, K, V, F> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        while let Some(found) = self.walk.next(self.table) {
            // SAFETY: the cell is full.
            let key = unsafe { &*found.cell.key() };
            // SAFETY: as above; and nobody else has it.
            let value = unsafe { &mut *found.cell.value() };
            if (self.wanted)(key, value) {
                // SAFETY: a walk finds full cells, with their heads.
                return Some(unsafe { self.table.take(found.head, found.cell) });
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.walk.left()))
    }
}

impl<K, V> Iterator for IntoKeys<K, V> {
    type Item = K;

    #[inline]
    fn next(&mut self) -> Option<K> {
        let (key, value) = self.0.next()?;
        drop(value); // If this panics, the key is dropped, too.
        Some(key)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> Iterator for IntoValues<K, V> {
    type Item = V;

    #[inline]
    fn next(&mut self) -> Option<V> {
        let (key, value) = self.0.next()?;
        drop(key); // If this panics, the value is dropped, too.
        Some(value)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Of an empty map.
impl<K, V> Default for IntoIter<K, V> {
    fn default() -> Self {
        let table = Table::new();
        Self { walk: table.walk(), table }
    }
}

/// Of an empty map.
impl<K, V> Default for IntoKeys<K, V> {
    fn default() -> Self {
        Self(IntoIter::default())
    }
}

/// Of an empty map.
impl<K, V> Default for IntoValues<K, V> {
    fn default() -> Self {
        Self(IntoIter::default())
    }
}

/// As std's: whatever unwinds, the map is in order.
impl<K: RefUnwindSafe, V: RefUnwindSafe> UnwindSafe for Drain<'_, K, V> {}

impl<K, V> ExactSizeIterator for IntoIter<K, V> {}
impl<K, V> ExactSizeIterator for IntoKeys<K, V> {}
impl<K, V> ExactSizeIterator for IntoValues<K, V> {}
impl<K, V> ExactSizeIterator for Drain<'_, K, V> {}
impl<K, V> FusedIterator for IntoIter<K, V> {}
impl<K, V> FusedIterator for IntoKeys<K, V> {}
impl<K, V> FusedIterator for IntoValues<K, V> {}
impl<K, V> FusedIterator for Drain<'_, K, V> {}
impl<K, V, F: FnMut(&K, &mut V) -> bool> FusedIterator for ExtractIf<'_, K, V, F> {}

impl<K, V> IntoIter<K, V> {
    fn rest(&self) -> Iter<'_, K, V> {
        Iter::of(&self.table, self.walk.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IntoIter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rest()).finish()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for IntoKeys<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.rest().map(|(key, _)| key)).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for IntoValues<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.rest().map(|(_, value)| value)).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Drain<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Iter::of(self.table, self.walk.clone())).finish()
    }
}

impl<K, V, F> fmt::Debug for ExtractIf<'_, K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
