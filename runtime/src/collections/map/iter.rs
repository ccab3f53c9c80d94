//! Iterators that borrow the map.
//!
//! Invariants, beside those of the [walk](super::walk):
//! 1. While they borrow the map nobody empties or fills a cell. A walk finds each full cell once: so
//!    the mutable references that come out of one are to different values.

use super::Map;
use super::table::Table;
use super::walk::Walk;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

/// What [`Map::iter`] returns.
pub struct Iter<'a, K, V> {
    table: &'a Table<K, V>,
    walk: Walk<K, V>,
}

/// What [`Map::iter_mut`] returns.
pub struct IterMut<'a, K, V> {
    /// Borrowed for changes, of values alone.
    table: &'a Table<K, V>,
    walk: Walk<K, V>,
    changes: PhantomData<&'a mut V>,
}

// SAFETY: it is as a mutable borrow of the table, which goes where the keys and values may.
unsafe impl<K: Send, V: Send> Send for IterMut<'_, K, V> {}

/// What [`Map::keys`] returns.
pub struct Keys<'a, K, V>(Iter<'a, K, V>);

/// What [`Map::values`] returns.
pub struct Values<'a, K, V>(Iter<'a, K, V>);

/// What [`Map::values_mut`] returns.
pub struct ValuesMut<'a, K, V>(IterMut<'a, K, V>);

impl<K, V, S> Map<K, V, S> {
    /// Its keys and values, from a random place on. Go's `for k, v := range m`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// let mut all: Vec<_> = map.iter().collect();
    /// all.sort();
    /// assert_eq!(all, [(&"a", &1), (&"b", &2)]);
    /// ```
    #[inline]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { table: &self.table, walk: self.table.walk() }
    }

    /// Its keys, and its values to be changed.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// for (_, n) in map.iter_mut() {
    ///     *n *= 10;
    /// }
    /// assert_eq!((map["a"], map["b"]), (10, 20));
    /// ```
    #[inline]
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut { table: &self.table, walk: self.table.walk(), changes: PhantomData }
    }

    /// Its keys.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// assert_eq!(map.keys().map(|key| key.len()).sum::<usize>(), 2);
    /// ```
    #[inline]
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.iter())
    }

    /// Its values.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// assert_eq!(map.values().sum::<i32>(), 3);
    /// ```
    #[inline]
    pub fn values(&self) -> Values<'_, K, V> {
        Values(self.iter())
    }

    /// Its values, to be changed.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// map.values_mut().for_each(|n| *n += 1);
    /// assert_eq!(map.values().sum::<i32>(), 5);
    /// ```
    #[inline]
    pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
        ValuesMut(self.iter_mut())
    }
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn of(table: &'a Table<K, V>, walk: Walk<K, V>) -> Self {
        Self { table, walk }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        let (key, value) = self.walk.next_entry(self.table)?;
        // SAFETY: the cell is full as long as the map is borrowed.
        let key = unsafe { &*key };
        // SAFETY: as above.
        Some((key, unsafe { &*value }))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.walk.left(), Some(self.walk.left()))
    }

    #[inline]
    fn fold<A, F: FnMut(A, Self::Item) -> A>(self, init: A, mut f: F) -> A {
        self.walk.fold(self.table, init, |folded, (key, value)| {
            // SAFETY: the cell is full as long as the map is borrowed.
            let key = unsafe { &*key };
            // SAFETY: as above.
            f(folded, (key, unsafe { &*value }))
        })
    }
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a mut V)> {
        let (key, value) = self.walk.next_entry(self.table)?;
        // SAFETY: the cell is full as long as the map is borrowed.
        let key = unsafe { &*key };
        // SAFETY: as above; and no other reference to it comes from here (invariant 1).
        Some((key, unsafe { &mut *value }))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.walk.left(), Some(self.walk.left()))
    }

    #[inline]
    fn fold<A, F: FnMut(A, Self::Item) -> A>(self, init: A, mut f: F) -> A {
        self.walk.fold(self.table, init, |folded, (key, value)| {
            // SAFETY: the cell is full as long as the map is borrowed.
            let key = unsafe { &*key };
            // SAFETY: as above; and no other reference to it comes from here (invariant 1).
            f(folded, (key, unsafe { &mut *value }))
        })
    }
}

/// The parts of an iterator that its inner one does.
macro_rules! through {
    ($name:ident, $item:ty, $part:expr) => {
        impl<'a, K, V> Iterator for $name<'a, K, V> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<$item> {
                self.0.next().map($part)
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }

            #[inline]
            fn fold<A, F: FnMut(A, $item) -> A>(self, init: A, mut f: F) -> A {
                self.0.fold(init, |folded, entry| f(folded, $part(entry)))
            }
        }
    };
}

through!(Keys, &'a K, |(key, _)| key);
through!(Values, &'a V, |(_, value)| value);
through!(ValuesMut, &'a mut V, |(_, value)| value);

macro_rules! exact {
    ($($name:ident)*) => {$(
        impl<K, V> ExactSizeIterator for $name<'_, K, V> {}
        impl<K, V> FusedIterator for $name<'_, K, V> {}
    )*};
}

exact!(Iter IterMut Keys Values ValuesMut);

impl<'a, K, V> Iter<'a, K, V> {
    const NOTHING: &'a Table<K, V> = &Table::new();
}

/// Of an empty map.
impl<K, V> Default for Iter<'_, K, V> {
    fn default() -> Self {
        Self::of(Self::NOTHING, Self::NOTHING.walk())
    }
}

/// Of an empty map.
impl<K, V> Default for IterMut<'_, K, V> {
    fn default() -> Self {
        let Iter { table, walk } = Iter::default();
        Self { table, walk, changes: PhantomData }
    }
}

macro_rules! empty {
    ($($name:ident)*) => {$(
        /// Of an empty map.
        impl<K, V> Default for $name<'_, K, V> {
            fn default() -> Self {
                Self(Default::default())
            }
        }
    )*};
}

empty!(Keys Values ValuesMut);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { table: self.table, walk: self.walk.clone() }
    }
}

impl<K, V> Clone for Keys<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Clone for Values<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IterMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Iter::of(self.table, self.walk.clone())).finish()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Keys<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for Values<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for ValuesMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = Iter::of(self.0.table, self.0.walk.clone());
        f.debug_list().entries(rest.map(|(_, value)| value)).finish()
    }
}

impl<'a, K, V, S> IntoIterator for &'a Map<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    #[inline]
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V, S> IntoIterator for &'a mut Map<K, V, S> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    #[inline]
    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}
