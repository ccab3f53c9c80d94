//! What a map has in common with others of its kind.

use super::{Map, SeededState};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Index;
use std::panic::UnwindSafe;

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Map<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Clone, V: Clone, S: Clone> Clone for Map<K, V, S> {
    fn clone(&self) -> Self {
        let hasher = self.hasher.clone();
        let table = self.table.duplicate().unwrap_or_else(|failure| failure.raise());
        Self { table, hasher }
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher> PartialEq for Map<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(key, value): (&K, &V)| other.get(key).is_some_and(|there| *value == *there);
        self.len() == other.len() && self.iter().all(same)
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher> Eq for Map<K, V, S> {}

impl<K: Eq + Hash + Borrow<Q>, Q: Eq + Hash + ?Sized, V, S: BuildHasher> Index<&Q>
    for Map<K, V, S>
{
    type Output = V;

    /// # Panics
    /// When the key is not there. (Go has the zero value then: `get(..).copied().unwrap_or_default()`.)
    #[inline]
    #[track_caller]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Extend<(K, V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let entries = entries.into_iter();
        let (least, _) = entries.size_hint();
        // Keys may be there already: half of them, is std's guess.
        self.reserve(if self.is_empty() { least } else { least.div_ceil(2) });
        entries.for_each(|(key, value)| {
            self.insert(key, value);
        });
    }
}

impl<'a, K: Eq + Hash + Copy, V: Copy, S: BuildHasher> Extend<(&'a K, &'a V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> FromIterator<(K, V)> for Map<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Eq + Hash, V, const N: usize> From<[(K, V); N]> for Map<K, V, SeededState> {
    fn from(entries: [(K, V); N]) -> Self {
        Self::from_iter(entries)
    }
}

/// As std's: after a panic the map is in order, with or without what was to be done.
impl<K: UnwindSafe, V: UnwindSafe, S: UnwindSafe> UnwindSafe for Map<K, V, S> {}
