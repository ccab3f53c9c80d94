//! Entries: the place of one key, found once.
//!
//! Invariants, beside those of the [table](super::table):
//! 1. While there is an entry it alone can change the table. So an occupied one's cell stays full
//!    and in the chain of its head, and a vacant one's stays empty and in the chain for its hash.

use super::bucket::Ptr;
use super::cell::Cell;
use super::find::Found;
use super::table::Table;
use std::{fmt, mem};

/// The place of a key in a [`Map`](super::Map), from [`Map::entry`](super::Map::entry). As std's.
///
/// # Examples
/// ```
/// use rt::collections::Map;
/// use rt::collections::map::Entry;
///
/// let mut map = Map::from([("a", 1)]);
/// match map.entry("a") {
///     Entry::Occupied(entry) => assert_eq!(entry.remove(), 1),
///     Entry::Vacant(_) => unreachable!(),
/// }
/// assert!(map.is_empty());
/// ```
pub enum Entry<'a, K, V> {
    /// The key is there.
    Occupied(OccupiedEntry<'a, K, V>),
    /// It is not.
    Vacant(VacantEntry<'a, K, V>),
}

/// The place of a key that is there.
///
/// # Examples
/// ```
/// use rt::collections::{Map, map::Entry};
///
/// let mut map = Map::from([("a", 1)]);
/// if let Entry::Occupied(mut entry) = map.entry("a") {
///     assert_eq!(entry.insert(2), 1);
///     assert_eq!(entry.remove_entry(), ("a", 2));
/// }
/// ```
pub struct OccupiedEntry<'a, K, V> {
    table: &'a mut Table<K, V>,
    head: Ptr<K, V>,
    cell: Cell<K, V>,
}

/// The place of a key that is not there.
///
/// # Examples
/// ```
/// use rt::collections::{Map, map::Entry};
///
/// let mut map = Map::new();
/// if let Entry::Vacant(entry) = map.entry("a") {
///     *entry.insert(1) += 1;
/// }
/// assert_eq!(map["a"], 2);
/// ```
pub struct VacantEntry<'a, K, V> {
    table: &'a mut Table<K, V>,
    key: K,
    hash: u64,
    cell: Cell<K, V>,
}

impl<'a, K, V> Entry<'a, K, V> {
    #[inline]
    pub(super) fn occupied(table: &'a mut Table<K, V>, found: Found<K, V>) -> Self {
        Self::Occupied(OccupiedEntry { table, head: found.head, cell: found.cell })
    }

    #[inline]
    pub(super) fn vacant(table: &'a mut Table<K, V>, key: K, hash: u64, cell: Cell<K, V>) -> Self {
        Self::Vacant(VacantEntry { table, key, hash, cell })
    }

    /// The value that is there, else `default`.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// *map.entry("a").or_insert(1) += 1;
    /// assert_eq!(map["a"], 2);
    /// ```
    #[inline]
    pub fn or_insert(self, default: V) -> &'a mut V {
        match self {
            Self::Occupied(entry) => entry.into_mut(),
            Self::Vacant(entry) => entry.insert(default),
        }
    }

    /// The value that is there, else what the function returns.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").or_insert_with(|| 7), &7);
    /// ```
    #[inline]
    pub fn or_insert_with<F: FnOnce() -> V>(self, default: F) -> &'a mut V {
        match self {
            Self::Occupied(entry) => entry.into_mut(),
            Self::Vacant(entry) => entry.insert(default()),
        }
    }

    /// The value that is there, else what the function makes of the key.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("four").or_insert_with_key(|key| key.len()), &4);
    /// ```
    #[inline]
    pub fn or_insert_with_key<F: FnOnce(&K) -> V>(self, default: F) -> &'a mut V {
        match self {
            Self::Occupied(entry) => entry.into_mut(),
            Self::Vacant(entry) => {
                let value = default(entry.key());
                entry.insert(value)
            }
        }
    }

    /// The key: that of the map, or the one that was asked for.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<&str, u8> = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").key(), &"a");
    /// ```
    #[inline]
    pub fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => entry.key(),
        }
    }

    /// Changes the value, if there is one.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1)]);
    /// map.entry("a").and_modify(|n| *n += 1).or_insert(0);
    /// map.entry("b").and_modify(|n| *n += 1).or_insert(0);
    /// assert_eq!((map["a"], map["b"]), (2, 0));
    /// ```
    #[inline]
    #[must_use]
    pub fn and_modify<F: FnOnce(&mut V)>(mut self, change: F) -> Self {
        if let Self::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Gives the key this value, and returns its place.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).get(), &1);
    /// ```
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V> {
        match self {
            Self::Occupied(mut entry) => {
                entry.insert(value);
                entry
            }
            Self::Vacant(entry) => entry.insert_entry(value),
        }
    }

    /// The value that is there, else the default.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<&str, Vec<u8>> = rt::collections::Map::new();
    /// map.entry("a").or_default().push(1);
    /// assert_eq!(map["a"], [1]);
    /// ```
    #[inline]
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<'a, K, V> OccupiedEntry<'a, K, V> {
    /// The key as the map has it.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).key(), &"a");
    /// ```
    #[must_use]
    #[inline]
    pub fn key(&self) -> &K {
        // SAFETY: the cell is full (invariant 1).
        unsafe { &*self.cell.key() }
    }

    /// The value.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).get(), &1);
    /// ```
    #[must_use]
    #[inline]
    pub fn get(&self) -> &V {
        // SAFETY: the cell is full (invariant 1).
        unsafe { &*self.cell.value() }
    }

    /// The value, to be changed.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// *map.entry("a").insert_entry(1).get_mut() += 1;
    /// assert_eq!(map["a"], 2);
    /// ```
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self) -> &mut V {
        // SAFETY: the cell is full, and nobody else has it (invariant 1).
        unsafe { &mut *self.cell.value() }
    }

    /// The value, to be changed for as long as the map is borrowed.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// let value: &mut u8 = map.entry("a").insert_entry(1).into_mut();
    /// *value += 1;
    /// assert_eq!(map["a"], 2);
    /// ```
    #[must_use]
    #[inline]
    pub fn into_mut(self) -> &'a mut V {
        // SAFETY: the cell is full; the borrow of the table lasts as long as the result.
        unsafe { &mut *self.cell.value() }
    }

    /// Puts another value in, and returns the one that was there.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).insert(2), 1);
    /// assert_eq!(map["a"], 2);
    /// ```
    #[inline]
    pub fn insert(&mut self, value: V) -> V {
        mem::replace(self.get_mut(), value)
    }

    /// Takes the key out, and returns its value.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).remove(), 1);
    /// assert!(map.is_empty());
    /// ```
    #[inline]
    pub fn remove(self) -> V {
        let (key, value) = self.remove_entry();
        drop(key); // If this panics, the value is dropped, too.
        value
    }

    /// Takes the key out, and returns it and its value.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.entry("a").insert_entry(1).remove_entry(), ("a", 1));
    /// assert!(map.is_empty());
    /// ```
    #[inline]
    pub fn remove_entry(self) -> (K, V) {
        // SAFETY: the cell is full, in the chain of this head (invariant 1).
        unsafe { self.table.take(self.head, self.cell) }
    }
}

impl<'a, K, V> VacantEntry<'a, K, V> {
    /// The key that was asked for.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Map, map::Entry};
    ///
    /// let mut map: Map<&str, u8> = Map::new();
    /// let Entry::Vacant(entry) = map.entry("a") else { unreachable!() };
    /// assert_eq!(entry.key(), &"a");
    /// ```
    #[must_use]
    #[inline]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The key that was asked for, back.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Map, map::Entry};
    ///
    /// let mut map: Map<String, u8> = Map::new();
    /// if let Entry::Vacant(entry) = map.entry("a".into()) {
    ///     assert_eq!(entry.into_key(), "a");
    /// }
    /// assert!(map.is_empty());
    /// ```
    #[must_use]
    #[inline]
    pub fn into_key(self) -> K {
        self.key
    }

    /// Puts the key in, with this value.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Map, map::Entry};
    ///
    /// let mut map = Map::new();
    /// let Entry::Vacant(entry) = map.entry("a") else { unreachable!() };
    /// *entry.insert(1) += 1;
    /// assert_eq!(map["a"], 2);
    /// ```
    #[inline]
    pub fn insert(self, value: V) -> &'a mut V {
        // SAFETY: the cell is empty, in the chain for the hash (invariant 1).
        unsafe { self.table.fill(self.cell, self.hash, self.key, value) };
        // SAFETY: it is full now; the borrow of the table lasts as long as the result.
        unsafe { &mut *self.cell.value() }
    }

    /// Puts the key in, with this value, and returns its place.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Map, map::Entry};
    ///
    /// let mut map = Map::new();
    /// let Entry::Vacant(entry) = map.entry("a") else { unreachable!() };
    /// assert_eq!(entry.insert_entry(1).key(), &"a");
    /// assert_eq!(map["a"], 1);
    /// ```
    ///
    /// # Panics
    /// Never.
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V> {
        let Some(head) = self.table.head(self.hash) else { unreachable!("there is a cell") };
        // SAFETY: the cell is empty, in the chain for the hash (invariant 1).
        unsafe { self.table.fill(self.cell, self.hash, self.key, value) };
        OccupiedEntry { table: self.table, head, cell: self.cell }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Entry");
        match self {
            Self::Occupied(entry) => tuple.field(entry),
            Self::Vacant(entry) => tuple.field(entry),
        };
        tuple.finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("OccupiedEntry");
        fields.field("key", self.key()).field("value", self.get()).finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
