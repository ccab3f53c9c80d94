//! One key at a time: looking up, putting in, taking out.
//!
//! Invariants: those of the [table](super::table).

use super::cell::{Cell, Spot};
use super::entry::Entry;
use super::find::{Found, Look, Space};
use super::{Map, hash};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::mem;

/// Gives the value of a key that is there for another.
#[inline]
fn replace<K, V>(cell: Cell<K, V>, key: K, value: V) -> V {
    // Before anything is changed: its destructor may panic.
    drop(key);
    // SAFETY: the cell is full, and nobody else has it.
    mem::replace(unsafe { &mut *cell.value() }, value)
}

impl<K: Eq + Hash, V, S: BuildHasher> Map<K, V, S> {
    #[inline]
    fn hash_of<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        hash(&self.hasher, self.table.seed(), key)
    }

    /// Moves a part of the old array, if there is one: what each write begins with. What the write itself
    /// will look at is on its way meanwhile.
    #[inline]
    fn work(&mut self, hashed: u64) {
        if self.table.is_growing() {
            self.table.fetch(hashed);
            let seed = self.table.seed();
            self.table.work(|key| hash(&self.hasher, seed, key));
        }
    }

    #[inline]
    fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Spot<K, V>>
    where
        K: Borrow<Q>,
    {
        self.table.find(self.hash_of(key), key)
    }

    /// The cell of a key, to be compared with others or emptied.
    #[inline]
    fn cell_of<Q: Eq + ?Sized>(&self, hashed: u64, key: &Q) -> Option<Found<K, V>>
    where
        K: Borrow<Q>,
    {
        self.table.find_or_space(hashed, |other| key == other.borrow()).ok()
    }

    /// The value of a key. Go's `m[k]`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a".to_string(), 1)]);
    /// assert_eq!(map.get("a"), Some(&1));
    /// assert_eq!(map.get("b"), None);
    /// ```
    #[inline]
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let spot = self.find(key)?;
        // SAFETY: it is where a key was found.
        let value = unsafe { spot.value() };
        // SAFETY: the cell is full; it stays so while the map is borrowed.
        Some(unsafe { &*value })
    }

    /// The value of a key, to be changed.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1)]);
    /// *map.get_mut("a").unwrap() += 1;
    /// assert_eq!(map["a"], 2);
    /// ```
    #[inline]
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let spot = self.find(key)?;
        // SAFETY: it is where a key was found.
        let value = unsafe { spot.value() };
        // SAFETY: the cell is full; it stays so, and nobody else has it, while the map is borrowed.
        Some(unsafe { &mut *value })
    }

    /// A key as the map has it, and its value.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", 1)]);
    /// assert_eq!(map.get_key_value("a"), Some((&"a", &1)));
    /// ```
    #[inline]
    pub fn get_key_value<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let spot = self.find(key)?;
        // SAFETY: it is where a key was found.
        let (key, value) = unsafe { spot.entry() };
        // SAFETY: the cell is full; it stays so while the map is borrowed.
        let key = unsafe { &*key };
        // SAFETY: as above.
        Some((key, unsafe { &*value }))
    }

    /// The values of several keys at once, to be changed.
    ///
    /// # Panics
    /// When two keys name the same value.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1), ("b", 2)]);
    /// if let [Some(a), Some(b), None] = map.get_disjoint_mut(["a", "b", "c"]) {
    ///     std::mem::swap(a, b);
    /// }
    /// assert_eq!((map["a"], map["b"]), (2, 1));
    /// ```
    #[track_caller]
    pub fn get_disjoint_mut<Q: Eq + Hash + ?Sized, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<&mut V>; N]
    where
        K: Borrow<Q>,
    {
        let cells = keys.map(|key| self.cell_of(self.hash_of(key), key).map(|found| found.cell));
        for (n, one) in cells.iter().enumerate() {
            assert!(one.is_none() || !cells[..n].contains(one), "duplicate keys found");
        }
        // SAFETY: the cells are full, no two of them are the same, and nobody else has them.
        cells.map(|cell| cell.map(|cell| unsafe { &mut *cell.value() }))
    }

    /// Whether a key is there.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([("a", 1)]);
    /// assert!(map.contains_key("a") && !map.contains_key("b"));
    /// ```
    #[inline]
    pub fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Gives a key a value, and returns the one that it had. The key that is there stays. Go's
    /// `m[k] = v`.
    ///
    /// # Panics
    /// When it would have to grow beyond what can be addressed. If the allocator has no more memory, the process is aborted, as
    /// by std's map.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.insert("a", 1), None);
    /// assert_eq!(map.insert("a", 2), Some(1));
    /// ```
    #[inline]
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hashed = self.hash_of(&key);
        match self.table.look(hashed, &key) {
            Look::Found(cell) => Some(replace(cell, key, value)),
            Look::Space(cell) => {
                // SAFETY: an empty cell in the chain for the hash.
                unsafe { self.table.fill(cell, hashed, key, value) };
                None
            }
            Look::Unclear => self.insert_slow(hashed, key, value),
        }
    }

    /// The same, where one look at one bucket is not enough.
    #[inline(never)]
    fn insert_slow(&mut self, hashed: u64, key: K, value: V) -> Option<V> {
        self.work(hashed);
        match self.table.find_or_space(hashed, |other| key == *other) {
            Ok(found) => Some(replace(found.cell, key, value)),
            Err(space) => {
                let cell = self.cell_for_new(hashed, space);
                // SAFETY: an empty cell in the chain for the hash.
                unsafe { self.table.fill(cell, hashed, key, value) };
                None
            }
        }
    }

    #[inline]
    fn cell_for_new(&mut self, hashed: u64, space: Space<K, V>) -> Cell<K, V> {
        let (seed, hasher) = (self.table.seed(), &self.hasher);
        self.table.cell_for_new(hashed, space, |key| hash(hasher, seed, key))
    }

    /// Takes a key out, and returns its value. Go's `delete(m, k)`.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a", 1)]);
    /// assert_eq!(map.remove("a"), Some(1));
    /// assert_eq!(map.remove("a"), None);
    /// ```
    #[inline]
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.remove_entry(key)?;
        drop(key); // If this panics, the value is dropped, too.
        Some(value)
    }

    /// Takes a key out, and returns it and its value.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([("a".to_string(), 1)]);
    /// assert_eq!(map.remove_entry("a"), Some(("a".to_string(), 1)));
    /// ```
    #[inline]
    pub fn remove_entry<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        if self.is_empty() {
            return None;
        }
        let hashed = self.hash_of(key);
        self.work(hashed);
        let Found { head, cell } = self.cell_of(hashed, key)?;
        // SAFETY: the cell is full, in the chain that begins with this head.
        Some(unsafe { self.table.take(head, cell) })
    }

    /// The place of a key, whether it is there or not.
    ///
    /// # Panics
    /// When it would have to grow beyond what can be addressed. If the allocator has no more memory, the process is aborted, as
    /// by std's map.
    ///
    /// # Examples
    /// ```
    /// let mut counts = rt::collections::Map::new();
    /// for word in ["to", "be", "or", "not", "to", "be"] {
    ///     *counts.entry(word).or_insert(0) += 1;
    /// }
    /// assert_eq!((counts["to"], counts["not"]), (2, 1));
    /// ```
    #[inline]
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let hashed = self.hash_of(&key);
        match self.table.look(hashed, &key) {
            Look::Found(cell) => {
                Entry::occupied(&mut self.table, Found { head: cell.bucket, cell })
            }
            // Room is made before there is an entry: to insert into it needs no hasher then.
            Look::Space(cell) => Entry::vacant(&mut self.table, key, hashed, cell),
            Look::Unclear => self.entry_slow(hashed, key),
        }
    }

    /// The same, where one look at one bucket is not enough.
    #[inline(never)]
    fn entry_slow(&mut self, hashed: u64, key: K) -> Entry<'_, K, V> {
        self.work(hashed);
        match self.table.find_or_space(hashed, |other| key == *other) {
            Ok(found) => Entry::occupied(&mut self.table, found),
            Err(space) => {
                let cell = self.cell_for_new(hashed, space);
                Entry::vacant(&mut self.table, key, hashed, cell)
            }
        }
    }
}
